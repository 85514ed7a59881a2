// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/undo.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace splicer {
namespace {

// Compiled only: it would undo an update of this machine.
[[maybe_unused]] bool example(const Console& console) {
  // [example runtime/undo.h]
  auto undone = undo_update({.id = "42ac"}, console);  // undone->pause_ns
  // [end]
  return undone.has_value();
}

TEST(Undo, NeedsRootThenAnUpdate) {
  Console console;
  console.quiet = true;
  const auto undone = undo_update({.id = "0123456789abcdef"}, console);
  ASSERT_FALSE(undone);
  EXPECT_EQ(undone.error().code, geteuid() == 0 ? "unknown-update" : "not-root");
  EXPECT_EQ(undone.error().exit, ExitCode::error);
}

}  // namespace
}  // namespace splicer
