// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release/siblings.h"

#include <gmock/gmock.h>

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Hunk hunk(const std::string& path, const std::string& added, const std::string& removed = "",
          const std::string& context = "") {
  Hunk one;
  one.path = path;
  one.text = "@@ -1,2 +1,3 @@ " + context + "\n+" + added + "\n-" + removed + "\n";
  one.added = {added};
  one.removed = {removed};
  return one;
}

std::set<std::size_t> answer(const std::vector<Hunk>& hunks, const std::string& messages,
                             const std::set<std::size_t>& chosen = {0}) {
  return siblings(hunks, chosen, "net/ipv6/route.c", complaints_of(messages));
}

TEST(Siblings, ReadsTheCompilersComplaints) {
  const auto complaints = complaints_of(
      "fs/exec.c: In function 'f':\n"
      "fs/exec.c:9:15: error: implicit declaration of function 'exe_file'; did you mean 'g'?\n"
      "  9 |         a->tries = exe_file(b);\n"
      "./fs/exec.c:9:15: error: 'struct task' has no member named 'tries'\n"
      "fs/exec.c:3:10: fatal error: linux/new.h: No such file or directory\n"
      "symbol late_helper\n");
  ASSERT_THAT(complaints, SizeIs(5));
  EXPECT_EQ(complaints[0].name, "exe_file");
  EXPECT_EQ(complaints[0].file, "fs/exec.c");
  EXPECT_EQ(complaints[1].kind, Complaint::Kind::shown);
  EXPECT_EQ(complaints[2].kind, Complaint::Kind::member);
  EXPECT_EQ(complaints[2].name, "tries");
  EXPECT_EQ(complaints[2].structure, "task");
  EXPECT_EQ(complaints[3].kind, Complaint::Kind::header);
  EXPECT_EQ(complaints[4].name, "late_helper");
}

TEST(Siblings, AreWhereTheNameIsDeclaredOrDefined) {
  const std::vector<Hunk> hunks = {
      hunk("net/ipv6/route.c", "\tnew_one(1);"),
      hunk("include/net/ip6.h", "int new_one(int n);"),
      hunk("net/core/dev.c", "int new_one(int n)"),
      hunk("net/core/dev.c", "\treturn new_one(2);"),
      hunk("net/core/dev.c", "EXPORT_SYMBOL_GPL(new_one);"),
      hunk("include/net/ip6.h", "int new_one_more(int n);"),
      hunk("drivers/net/tun.h", "int new_one(int n);"),
  };
  EXPECT_THAT(
      answer(hunks, "net/ipv6/route.c:9:1: error: implicit declaration of function 'new_one'"),
      ElementsAre(1, 2, 4));
  EXPECT_THAT(answer(hunks, "symbol new_one"), ElementsAre(1, 2, 4));
}

TEST(Siblings, OfAMemberAreInItsStructure) {
  const std::vector<Hunk> hunks = {
      hunk("net/ipv6/route.c", "\tt->tries++;"),
      hunk("include/net/a.h", "\tint tries;", "", "struct other {"),
      hunk("include/net/a.h", "\tint tries;", "", "struct task {"),
  };
  EXPECT_THAT(
      answer(hunks, "net/ipv6/route.c:9:1: error: 'struct task' has no member named 'tries'"),
      ElementsAre(2));
}

TEST(Siblings, AreOfAnotherFileThatComplains) {
  const std::vector<Hunk> hunks = {
      hunk("net/ipv6/route.c", "int f(int a, int b)"),
      hunk("net/ipv6/ip6_output.c", "\tf(1, 2);", "\tf(1);"),
      hunk("net/ipv6/ip6_output.c", "\tg(1, 2);"),
  };
  EXPECT_THAT(answer(hunks, "net/ipv6/ip6_output.c:9:1: error: too few arguments to function 'f'"),
              ElementsAre(1));
}

TEST(Siblings, AreNewHeadersAndTracepoints) {
  const std::vector<Hunk> hunks = {
      hunk("net/ipv6/route.c", "#include <linux/new.h>"),
      hunk("include/linux/new.h", "int n;"),
      hunk("include/trace/events/fib.h", "TRACE_EVENT(fib_lookup,"),
  };
  EXPECT_THAT(answer(hunks, "a.c:1:1: fatal error: linux/new.h: No such file or directory"),
              ElementsAre(1));
  EXPECT_THAT(answer(hunks, "a.c:1:1: error: too few arguments to function 'trace_fib_lookup'"),
              ElementsAre(2));
}

TEST(Siblings, InTheEndAreTheRestOfHeaders) {
  const std::vector<Hunk> hunks = {
      hunk("net/ipv6/route.c", "\tx;"),
      hunk("include/net/a.h", "int a;"),
      hunk("include/net/a.h", "int b;"),
      hunk("include/net/other.h", "int c;"),
  };
  EXPECT_THAT(answer(hunks, "a.c:1:1: error: 'mystery' undeclared", {0, 1}), ElementsAre(2));
  EXPECT_THAT(answer(hunks, "nothing that anybody knows", {0, 1}), IsEmpty());
}

}  // namespace
}  // namespace splicer
