// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/state.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

// A made-up /sys/kernel/splice.
class StateTest : public ::testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) const {
    directory_.write(path, text);
  }
  void update(const std::string& id, int sequence, const std::string& functions) const {
    write(id + "/state", "applied\n");
    write(id + "/pause_ns", "21437\n");
    write(id + "/applied_at", "1795446000\n");
    write(id + "/sequence", std::to_string(sequence) + "\n");
    write(id + "/modules", "splice_" + id + "_0\nsplice_" + id + "_1\n");
    write(id + "/functions", functions);
  }
  std::string code() const {
    const auto state = State::read(root_);
    return state ? "" : state.error().code;
  }
  TemporaryFolder directory_;
  std::string root_ = directory_.path().string();
};

constexpr const char* kOld = "5d1f0c2e77aa9b31";
constexpr const char* kNew = "5d1fffff00000000";
constexpr const char* kFirst =
    "0xffffffff81000000 0xffffffff81000000 0x40 0xffffffffc0000000 0x50 0xffffffff81000005 0x0 0x0 "
    "f\n"
    "0xffffffff81000100 0xffffffff81000100 0x6 0xffffffffc0000050 0x8 0xffffffff81000100 "
    "0xffffffff81000106 0x1 g\n";
constexpr const char* kSecond =
    "0xffffffff81000000 0xffffffffc0000000 0x50 0xffffffffc0100000 0x60 0xffffffff81000005 0x0 0x0 "
    "f\n";

TEST_F(StateTest, NothingApplied) {
  EXPECT_TRUE(State::read(root_)->updates().empty());
  EXPECT_TRUE(State::read(root_ + "/none")->updates().empty());
}

TEST_F(StateTest, ModulesThatAreAwaited) {
  update(kOld, 1, kFirst);
  EXPECT_TRUE(State::read(root_)->updates()[0].awaits.empty());
  write(std::string(kOld) + "/awaits", "tun waiting\nveth patched\ndummy unpatched\n");
  const auto state = State::read(root_);
  ASSERT_TRUE(state) << state.error().message;
  const AppliedUpdate& one = state->updates()[0];
  using Names = std::vector<std::string>;
  EXPECT_EQ(one.modules_that_are(AwaitedState::waiting), Names{"tun"});
  EXPECT_EQ(one.modules_that_are(AwaitedState::unpatched), Names{"dummy"});
  EXPECT_TRUE(one.waits_for("tun") && !one.waits_for("veth") && !one.waits_for("dummy"));
  EXPECT_TRUE(one.lacks("tun") && !one.lacks("veth") && one.lacks("dummy") && !one.lacks("vsock"));
  for (const char* wrong :
       {"tun\n", "tun gone\n", "a/b waiting\n", " waiting\n", "tun waiting x\n"}) {
    write(std::string(kOld) + "/awaits", wrong);
    EXPECT_EQ(code(), "state-malformed") << wrong;
  }
}

TEST_F(StateTest, ReadsAnUpdate) {
  update(kOld, 1, kFirst);
  const auto state = State::read(root_);
  ASSERT_TRUE(state) << state.error().message;
  ASSERT_EQ(state->updates().size(), 1u);
  const AppliedUpdate& one = state->updates()[0];
  EXPECT_EQ(one.id, kOld);
  EXPECT_EQ(one.pause_ns, 21437u);
  EXPECT_EQ(one.applied_at, 1795446000u);
  EXPECT_EQ(one.modules.size(), 2u);
  ASSERT_EQ(one.functions.size(), 2u);
  EXPECT_EQ(one.functions[1].name, "g");
  EXPECT_EQ(one.functions[1].hop, RunAddress(0xffffffff81000106));
  EXPECT_TRUE(one.functions[1].at_ftrace_site);
  EXPECT_FALSE(one.functions[0].at_ftrace_site);
  EXPECT_EQ(one.functions[0].old_size, 0x40u);
}

// Once each, however many updates stand upon one another.
TEST_F(StateTest, FunctionsThatFtraceLeadsOn) {
  update(kOld, 1,
         "0x10 0x10 0x40 0x1000 0x50 0x10 0x0 0x1 reset\n"
         "0x90 0x90 0x40 0x1060 0x50 0x90 0x0 0x1 reset\n"
         "0xe0 0xe0 0x40 0x10c0 0x50 0xe5 0x0 0x0 other\n");
  update(kNew, 2, "0x10 0x1000 0x50 0x2000 0x60 0x10 0x0 0x1 reset\n");
  const auto redirected = State::read(root_)->redirected();
  EXPECT_EQ(redirected, (std::map<std::string, std::size_t>{{"reset", 2}}));
}

TEST_F(StateTest, NewestBySequenceNotByName) {
  update(kNew, 1, kFirst);
  update(kOld, 2, kSecond);
  const auto state = State::read(root_);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->updates()[0].id, kNew);
  const auto newest = state->newest(RunAddress(0xffffffff81000000));
  EXPECT_EQ(newest.update->id, kOld);
  EXPECT_EQ(newest.function->new_code, RunAddress(0xffffffffc0100000));
  EXPECT_EQ(state->newest(RunAddress(0x1)).function, nullptr);
  const auto redirects = state->redirects();
  ASSERT_EQ(redirects.size(), 2u);
  EXPECT_EQ(redirects.at(RunAddress(0xffffffff81000000)).code, RunAddress(0xffffffffc0100000));
  EXPECT_EQ(redirects.at(RunAddress(0xffffffff81000000)).update, kOld);
  EXPECT_EQ(redirects.at(RunAddress(0xffffffff81000100)).update, kNew);
}

TEST_F(StateTest, WatchedCodeIsNotReplaced) {
  const std::string checked =
      "0xffffffff81000000 0xffffffff81000000 0x20 0x0 0x0 0x0 0x0 0x0 f.cold\n"
      "0xffffffff81000200 0xffffffff81000200 0x20 0x0 0x0 0x0 0x0 0x0 g.cold\n";
  update(kOld, 1, kFirst);
  update(kNew, 2, checked + "0x10 0x10 0x40 0x1000 0x50 0x15 0x0 0x0 h\n");
  const auto state = State::read(root_);
  ASSERT_TRUE(state) << state.error().message;
  const AppliedUpdate& update = state->updates()[1];
  ASSERT_EQ(update.functions.size(), 3u);  // the kernel's reports count them
  EXPECT_TRUE(update.functions[0].checked());
  EXPECT_EQ(update.functions[1].name, "g.cold");
  EXPECT_EQ(update.replaced(), 1u);
  EXPECT_EQ(state->newest(RunAddress(0xffffffff81000000)).update->id, kOld);
  EXPECT_EQ(state->newest(RunAddress(0xffffffff81000200)).function, nullptr);
  const auto redirects = state->redirects();
  EXPECT_EQ(redirects.size(), 3u);
  EXPECT_EQ(redirects.at(RunAddress(0xffffffff81000000)).update, kOld);
  EXPECT_FALSE(redirects.contains(RunAddress(0xffffffff81000200)));
}

TEST_F(StateTest, Values) {
  update(kOld, 1, kFirst);
  write(std::string(kOld) + "/values",
        "0xffffffff82000000 0x8 written ops\n0xffffffff82000100 0x4 left limit\n");
  const auto state = State::read(root_);
  ASSERT_TRUE(state) << state.error().message;
  const std::vector<AppliedValue>& values = state->updates()[0].values;
  ASSERT_EQ(values.size(), 2u);
  EXPECT_EQ(values[0].address, RunAddress(0xffffffff82000000));
  EXPECT_EQ(values[0].size, 8u);
  EXPECT_TRUE(values[0].written);
  EXPECT_FALSE(values[1].written);
  EXPECT_EQ(values[1].name, "limit");
  for (const char* wrong : {"0x1 0x8 perhaps ops\n", "0x1 0x8 written \n", "0x1 0x8 written\n",
                            "1 0x8 written ops\n", "0x1 0x8 written a b\n", "x\n"}) {
    write(std::string(kOld) + "/values", wrong);
    EXPECT_EQ(code(), "state-malformed") << wrong;
  }
}

// Its functions are the old ones again, but its modules are still there.
TEST_F(StateTest, UndoneUpdates) {
  update(kOld, 1, kFirst);
  update(kNew, 2, kSecond);
  write(std::string(kOld) + "/state", "kept\n");
  write(std::string(kNew) + "/state", "undone\n");
  const auto state = State::read(root_);
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_TRUE(state->updates().empty());
  EXPECT_TRUE(state->redirects().empty());
  ASSERT_EQ(state->undone().size(), 2u);
  EXPECT_TRUE(state->find_undone(kOld)->kept);
  EXPECT_FALSE(state->find_undone(kNew)->kept);
  EXPECT_EQ(state->find_undone("5d1f"), nullptr);
  EXPECT_TRUE(state->modules().contains(std::string("splice_") + kOld + "_1"));
}

TEST_F(StateTest, FindByPrefix) {
  update(kOld, 1, kFirst);
  update(kNew, 2, kSecond);
  const auto state = State::read(root_);
  ASSERT_TRUE(state);
  EXPECT_EQ((*state->find_prefix("5d1f0"))->id, kOld);
  EXPECT_EQ((*state->find_prefix(kNew))->id, kNew);
  EXPECT_EQ(state->find_prefix("5d1f").error().code, "update-ambiguous");
  EXPECT_EQ(state->find_prefix("5d1").error().code, "unknown-update");
  EXPECT_EQ(state->find_prefix("").error().code, "unknown-update");
  EXPECT_EQ(state->find_prefix("abcdef").error().code, "unknown-update");
  EXPECT_EQ(state->find("5d1f0"), nullptr);
}

TEST_F(StateTest, OtherEntriesAreNotUpdates) {
  write("version", "1\n");
  write("not-an-id/state", "x");
  EXPECT_TRUE(State::read(root_)->updates().empty());
}

TEST_F(StateTest, UpdateThatVanishesWhileItIsRead) {
  update(kOld, 1, kFirst);
  std::filesystem::remove(root_ + "/" + kOld + "/sequence");
  const auto state = State::read(root_);
  ASSERT_TRUE(state);
  EXPECT_TRUE(state->updates().empty());
}

TEST_F(StateTest, BeingAppliedIsNotApplied) {
  update(kOld, 0, kFirst);
  write(std::string(kOld) + "/state", "applying\n");
  const auto state = State::read(root_);
  ASSERT_TRUE(state);
  EXPECT_TRUE(state->updates().empty());
}

TEST_F(StateTest, MalformedIsRefused) {
  const std::string id = kOld;
  for (const auto& [file, text] : std::vector<std::pair<std::string, std::string>>{
           {"state", "confused\n"},
           {"pause_ns", "-1\n"},
           {"pause_ns", "99999999999999999999999\n"},
           {"pause_ns", ""},
           {"sequence", "1x\n"},
           {"applied_at", " 1\n"},
           {"modules", "../../x\n"},
           {"functions", "0x1 0x2 0x3\n"},
           {"functions", "1 2 3 4 5 6 7 0 f\n"},
           {"functions", "0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x0 \n"},
           {"functions", "0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x0 a\x1b[2J\n"},
           {"functions", "0x1 0x2 0x3 0x4 0x5 0x6 0x11112222333344445 0x0 f\n"},
           {"functions", "0x 0x2 0x3 0x4 0x5 0x6 0x7 0x0 f\n"}}) {
    update(id, 1, kFirst);
    directory_.write(id + "/" + file, text);
    EXPECT_EQ(code(), "state-malformed") << file << ": " << text;
  }
}

}  // namespace
}  // namespace splicer
