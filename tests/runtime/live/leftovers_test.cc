// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/leftovers.h"

#include <gtest/gtest.h>

#include "tests/support/object_builder.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

// The newest first, so that none is unloaded before one that may use it.
TEST(Leftovers, AreModulesOfNoAppliedUpdate) {
  const TemporaryFolder folder;
  folder.write("modules",
               "splice_1111111111111111_1 16384 0 - Live 0x0000000000000000 (OE)\n"
               "splice_1111111111111111_0 16384 1 - Live 0x0000000000000000 (OE)\n"
               "splice_2222222222222222_0 16384 1 - Live 0x0000000000000000 (OE)\n"
               "splice 45056 2 - Live 0x0000000000000000 (OE)\n"
               "splice_target 16384 0 - Live 0x0000000000000000 (OE)\n"
               "splice_3333333333333333_x 16384 0 - Live 0x0000000000000000 (OE)\n"
               "tun 61440 0 - Live 0x0000000000000000\n");
  for (const auto& [name, text] : {std::pair{"state", "applied\n"},
                                   {"pause_ns", "1\n"},
                                   {"applied_at", "1\n"},
                                   {"sequence", "1\n"},
                                   {"modules", "splice_2222222222222222_0\n"},
                                   {"functions", ""}})
    folder.write("sys/2222222222222222/" + std::string(name), text);
  const auto state = State::read(folder / "sys");
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(leftover_modules(*state, folder.path()),
            (std::vector<std::string>{"splice_1111111111111111_1", "splice_1111111111111111_0"}));
  EXPECT_EQ(leftover_modules(State(), folder.path()).size(), 3u);
  EXPECT_TRUE(leftover_modules(State(), folder / "none").empty());
}

TEST(Leftovers, TheBuildOfALoadedModule) {
  const TemporaryFolder folder;
  ObjectBuilder builder;
  builder.section(".note.gnu.build-id", SHF_ALLOC, hex("01 02 03"), SHT_NOTE);
  const auto is_loaded = [&] { return is_loaded_build(builder.bytes(), "splice", folder.path()); };
  EXPECT_TRUE(is_loaded());  // it does not tell
  folder.write("module/splice/notes/.note.gnu.build-id", "\x01\x02\x03");
  EXPECT_TRUE(is_loaded());
  folder.write("module/splice/notes/.note.gnu.build-id", "\x01\x02\x04");
  EXPECT_FALSE(is_loaded());
}

}  // namespace
}  // namespace splicer
