// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release/fix_table.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class FixTable : public ::testing::Test {
 protected:
  void part(const std::string& file, const std::string& heads, const std::string& text = "",
            const std::string& left_out = "") {
    parts.parts.push_back({file, heads, text, left_out, true});
    parts.built.insert(file);
  }
  static FixLine line(const std::string& title, const std::string& file = "") {
    return {{"2-1", title, {}, {"CVE-2026-1001"}, false}, file};
  }
  FixRow row(const FixLine& one) const {
    const auto rows = fix_table({one}, parts);
    EXPECT_THAT(rows, SizeIs(1));
    return rows.empty() ? FixRow() : rows[0];
  }
  FixState state(const std::string& title, const std::string& file = "") const {
    return row(line(title, file)).state;
  }

  ReleaseParts parts;
};

TEST_F(FixTable, AFunctionThatTheTitleNamesIsInOrOut) {
  part("fs/btrfs/relocation.c", "static int merge_reloc_roots(struct x *x)\n");
  part("fs/btrfs/inode.c", "static int other(int n)\n", "", "layout-changed:struct x");
  const FixRow in = row(line("btrfs: fix root leak in merge_reloc_roots()"));
  EXPECT_EQ(in.state, FixState::in);
  EXPECT_EQ(in.by, "function");
  EXPECT_THAT(in.functions, ElementsAre("merge_reloc_roots"));
  const FixRow out = row(line("btrfs: fix other()"));
  EXPECT_EQ(out.state, FixState::left_out);
  EXPECT_THAT(out.why, HasSubstr("layout-changed"));
  EXPECT_THAT(out.remedy, HasSubstr("shadow data"));
}

// A caller that is left out may be where the fix is.
TEST_F(FixTable, IsUnknownWhereWhatIsLeftOutMentionsTheFunction) {
  part("net/a.c", "int check(int n)\n");
  part("net/b.c", "int caller(int n)\n", "\tif (check(n))\n", "compile-failed: x");
  EXPECT_EQ(state("net: use after free in check()"), FixState::unknown);
  parts.parts[0].heads = "static int check(int n)\n";  // then that of net/b.c is another one
  EXPECT_EQ(state("net: use after free in check()"), FixState::in);
  parts.parts[0].heads = "int check(int n)\n";
  EXPECT_EQ(state("net: use after free in check()", "net/a.c"), FixState::in);
  parts.built.erase("net/b.c");
  EXPECT_EQ(state("net: use after free in check()"), FixState::in);
}

TEST_F(FixTable, OfSeveralFunctionsOfOneNameThoseOfTheSubsystemCount) {
  part("net/can/isotp.c", "static int release(int n)\n");
  part("net/atm/proto.c", "static int release(int n)\n", "", "state-gone:x");
  EXPECT_EQ(state("can: isotp: fix a leak in release()"), FixState::in);
  EXPECT_EQ(state("fix a leak in release()"), FixState::left_out);
}

TEST_F(FixTable, WhatIsNotCompiledIsNotBuiltHere) {
  part("drivers/a/b.c", "int probe_it(int n)\n");
  parts.built.clear();
  EXPECT_EQ(state("a: b: check in probe_it()"), FixState::not_built);
  EXPECT_EQ(state("a: b: check"), FixState::not_built);
  EXPECT_EQ(state("a: b: check", "drivers/a/b.c"), FixState::not_built);
  parts.built.insert("drivers/a/b.c");
  parts.parts[0].needed = false;
  EXPECT_EQ(state("a: b: check in probe_it()"), FixState::not_built);
  FixLine arm = line("a: b: check in probe_it()");
  arm.line.architectures = {"arm64"};
  parts.parts[0].needed = true;
  EXPECT_EQ(row(arm).state, FixState::not_built);
}

TEST_F(FixTable, ASubsystemIsInOnlyWithAllOfItsFolders) {
  part("net/can/bcm.c", "int one(int n)\n");
  part("net/can/raw.c", "int two(int n)\n");
  EXPECT_EQ(state("can: bcm: fix stale ops"), FixState::in);
  EXPECT_EQ(row(line("can: bcm: fix stale ops")).by, "subsystem");
  parts.parts[1].left_out = "layout-changed:struct x";
  EXPECT_EQ(state("can: bcm: fix stale ops"), FixState::unknown);
  EXPECT_EQ(state("can: bcm: fix stale ops", "net/can/bcm.c"), FixState::in);
  parts.parts[0].left_out = "layout-changed:struct x";
  EXPECT_EQ(state("can: bcm: fix stale ops"), FixState::left_out);
}

TEST_F(FixTable, AFileIsInOnlyAsAWhole) {
  part("net/can/bcm.c", "int one(int n)\n");
  part("net/can/bcm.c", "int two(int n)\n", "", "state-gone:x");
  EXPECT_EQ(state("can: bcm: fix stale ops", "net/can/bcm.c"), FixState::unknown);
  EXPECT_EQ(state("can: bcm: fix one()", "net/can/bcm.c"), FixState::in);
}

TEST_F(FixTable, NeverGuesses) {
  part("net/can/bcm.c", "int one(int n)\n");
  EXPECT_EQ(state("something that nobody can place"), FixState::unknown);
  EXPECT_EQ(state("can: bcm: fix", "net/can/gone.c"), FixState::unknown);
  FixLine reverted = line("can: bcm: fix one()");
  reverted.line.reverted = true;
  EXPECT_EQ(row(reverted).state, FixState::unknown);
}

TEST_F(FixTable, WhatRanAtStartUpIsNotIn) {
  part("net/can/bcm.c", "static int __init bcm_init(void)\n");
  parts.start_up["net/can/bcm.c"] = {"bcm_init"};
  EXPECT_EQ(state("can: bcm: fix bcm_init()"), FixState::left_out);
  EXPECT_EQ(row(line("can: bcm: fix bcm_init()")).remedy, "reboot into the newer kernel");
  EXPECT_EQ(state("can: bcm: fix start"), FixState::unknown);
}

TEST_F(FixTable, OfSeveralLinesTheWorstCounts) {
  part("net/a.c", "int one(int n)\n");
  part("net/b.c", "int two(int n)\n", "", "state-gone:x");
  const auto rows = fix_table({line("net: fix two()"), line("net: fix one()")}, parts);
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].state, FixState::left_out);
  EXPECT_THAT(rows[0].titles, SizeIs(2));
  parts.built.erase("net/b.c");
  EXPECT_EQ(fix_table({line("net: fix two()"), line("net: fix one()")}, parts)[0].state,
            FixState::in);
}

TEST_F(FixTable, AListSaysWhichFixesAndFiles) {
  const std::vector<ChangelogLine> changelog = {{"2-1", "a: one", {}, {"CVE-2026-1001"}, false},
                                                {"2-1", "b: two", {}, {"CVE-2026-1002"}, false}};
  const std::vector<WantedFix> wanted = {{{"CVE-2026-1002"}, {}, "b/c.c", ""}};
  const auto lines = fix_lines(changelog, &wanted);
  ASSERT_TRUE(lines);
  ASSERT_THAT(*lines, SizeIs(1));
  EXPECT_EQ((*lines)[0].line.title, "b: two");
  EXPECT_EQ((*lines)[0].file, "b/c.c");
  const std::vector<WantedFix> unknown = {{{"CVE-2026-9999"}, {}, "", ""}};
  const auto refused = fix_lines(changelog, &unknown);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "fix-not-in-release");
  EXPECT_THAT(*fix_lines(changelog, nullptr), SizeIs(2));
}

TEST_F(FixTable, IsTextJsonAndHtml) {
  part("net/a.c", "int one(int n)\n");
  const auto rows = fix_table({line("net: fix <one> & one()")}, parts);
  EXPECT_THAT(table_text(rows),
              HasSubstr("CVE-2026-1001    in             net: fix <one> & one()"));
  EXPECT_EQ(table_json(rows)[0]["state"], "in");
  EXPECT_THAT(table_html(rows, "a & b"), HasSubstr("net: fix &lt;one&gt; &amp; one()"));
  EXPECT_THAT(table_html(rows, "a & b"), HasSubstr("<h1>a &amp; b</h1>"));
}

}  // namespace
}  // namespace splicer
