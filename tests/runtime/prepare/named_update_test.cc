// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/named_update.h"

#include <gtest/gtest.h>

#include "tests/support/applied_state.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

// Three updates, of which two have one name, and one has none.
class NamedUpdate : public testing::Test {
 protected:
  NamedUpdate() {
    apply("42acce30ee7d420c", 1, "CVE-2026-1234");
    apply("1111111111111111", 2, "tun-check");
    apply("2222222222222222", 3, "tun-check");
    apply("3333333333333333", 4, "");
  }
  void apply(const std::string& id, unsigned sequence, const std::string& name) const {
    AppliedRecord record;
    record.id = id;
    record.name = name;
    record.titles = {"a title"};
    add_applied(folder_, record, sequence);
  }
  Result<std::string> id_of(const std::string& text) const {
    const State state = State::read(folder_ / "sys").value();
    const auto found = find_update(text, state, AppliedRecords::read(folder_ / "run"));
    if (!found) return propagate(found);
    return (*found)->id;
  }
  TemporaryFolder folder_;
};

TEST_F(NamedUpdate, Essay) {
  const State state = State::read(folder_ / "sys").value();
  const AppliedRecords records = AppliedRecords::read(folder_ / "run");
  // [example runtime/prepare/named_update.h]
  auto update = find_update("CVE-2026-1234", state, records);
  auto same = find_update("42ac", state, records);
  // [end]
  ASSERT_TRUE(update);
  EXPECT_EQ(*update, *same);
}

TEST_F(NamedUpdate, ANameOfTwoNamesNone) {
  const auto both = id_of("tun-check");
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().code, "update-ambiguous");
  EXPECT_EQ(both.error().detail, "1111111111111111  a title\n2222222222222222  a title\n");
}

TEST_F(NamedUpdate, WhatIsCalledNothing) {
  for (const char* text : {"", "tun", "CVE-2026-123", "\033[2J", "../x"})
    EXPECT_EQ(id_of(text).error().code, "unknown-update") << text;
  EXPECT_EQ(*id_of("3333"), "3333333333333333");
}

TEST_F(NamedUpdate, WhatCanMeanAnUpdate) {
  for (const char* text : {"0123", "42acce30ee7d420c", "x", "CVE-2026-1"})
    EXPECT_TRUE(may_mean_update(text)) << text;
  for (const char* text : {"", "012", "a b", "./x", "x.tar", "\n"})
    EXPECT_FALSE(may_mean_update(text)) << text;
}

}  // namespace
}  // namespace splicer
