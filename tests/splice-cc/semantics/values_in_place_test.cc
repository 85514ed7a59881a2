// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which values may be written into a variable that lives: each rule, and what is just beside it.
#include "splice-cc/semantics/values_in_place.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"
#include "tests/support/snippet.h"

namespace splicer {
namespace {

const std::string kTypes = R"(
struct file; struct inode;
struct file_operations {
  void *owner;
  long (*read)(struct file *);
  int (*open)(struct inode *, struct file *);
  int (*release)(struct inode *, struct file *);
  int (*fsync)(struct file *, int);
  long (*unlocked_ioctl)(struct file *, unsigned int);
  unsigned long flags;
};
struct nla_policy { unsigned char type, validation; unsigned short len; const void *more; };
struct other_ops { int (*fsync)(struct file *, int); };
struct ctl_table { const char *procname; void *data; int maxlen; unsigned short mode;
  int (*proc_handler)(void); void *extra1, *extra2; };
extern int noop_fsync(struct file *, int), other_fsync(struct file *, int);
extern int noop_open(struct inode *, struct file *);
extern long noop_read(struct file *), other_read(struct file *), noop_ioctl(struct file *, unsigned int);
extern void give(const void *), work_on(int);
extern void *memcpy(void *, const void *, unsigned long);
extern int handler(void), other_handler(void);
extern char module_of_mine;
)";

// How many values are written, -1 if there is a finding left.
int written(const std::string& pre, const std::string& post, const std::string& rest = "") {
  const std::string before = kTypes + pre + rest;
  const std::string after = kTypes + post + rest;
  const SnippetPair pair(before, after);
  UnitDiff diff = diff_unit(*pair, {});
  EXPECT_FALSE(diff.findings.empty());
  permit_values(facts_of(before), facts_of(after), *pair, diff);
  return diff.findings.empty() ? static_cast<int>(diff.values.size()) : -1;
}

int operations(const std::string& was, const std::string& is, const std::string& rest = "") {
  const std::string head = "static const struct file_operations ops = {";
  return written(head + was + "};", head + is + "};", " void f(void) { give(&ops); } " + rest);
}

TEST(ValuesInPlace, AnOperationThatIsLookedUpAtEachCall) {
  EXPECT_EQ(operations("", ".fsync = noop_fsync"), 1);
  EXPECT_EQ(operations(".fsync = other_fsync", ".fsync = noop_fsync"), 1);
  EXPECT_EQ(operations(".fsync = noop_fsync", ""), 1);
  EXPECT_EQ(operations("", ".unlocked_ioctl = noop_ioctl, .fsync = noop_fsync"), 2);
}

TEST(ValuesInPlace, HalvesOfPairs) {
  EXPECT_EQ(operations("", ".open = noop_open"), -1);
  EXPECT_EQ(operations("", ".release = noop_open, .fsync = noop_fsync"), -1);
  EXPECT_EQ(operations(".release = noop_open", ""), -1);
  EXPECT_EQ(operations("", ".owner = &module_of_mine"), -1);
}

TEST(ValuesInPlace, WhatIsRememberedNeitherComesNorGoes) {
  EXPECT_EQ(operations("", ".read = noop_read"), -1) << "files are open without FMODE_CAN_READ";
  EXPECT_EQ(operations(".read = noop_read", ""), -1);
  EXPECT_EQ(operations(".read = noop_read", ".read = other_read"), 1);
}

TEST(ValuesInPlace, CopiesOfATable) {
  EXPECT_EQ(operations("", ".fsync = noop_fsync",
                       "struct file_operations copy; void g(void) { memcpy(&copy, &ops, 56); }"),
            -1);
  EXPECT_EQ(operations(".flags = 5", ".flags = 5, .fsync = noop_fsync",
                       "void g(struct file_operations *to) { *to = ops; }"),
            -1);
}

TEST(ValuesInPlace, TypesThatAreNotKnown) {
  const std::string head = "static const struct other_ops ops = {";
  EXPECT_EQ(written(head + "};", head + ".fsync = noop_fsync};", " void f(void) { give(&ops); }"),
            -1);
}

TEST(ValuesInPlace, ATableThatOtherFilesSee) {
  const std::string head = "const struct file_operations ops = {";
  EXPECT_EQ(written(head + "};", head + ".fsync = noop_fsync};", " void f(void) { give(&ops); }"),
            -1);
}

TEST(ValuesInPlace, NetlinkPolicies) {
  const std::string family = " const void *family[] = {policy};";
  const std::string head = "static const struct nla_policy policy[3] = {";
  EXPECT_EQ(written(head + "[1] = {.type = 2}};", head + "[1] = {.type = 2}, [2] = {.len = 16}};",
                    family),
            1);
  EXPECT_EQ(written("static const struct nla_policy policy[3] = {{.type = 2}};",
                    "static const struct nla_policy policy[4] = {{.type = 2}};", family),
            -1)
      << "longer than the kernel's";
}

TEST(ValuesInPlace, Settings) {
  const std::string table =
      " struct ctl_table sysctls[] = {{.procname = \"n\", .data = &limit}}; int f(void) { return "
      "limit; }";
  const auto limit = [&](const std::string& rest) {
    return written("static int limit = 5;", "static int limit = 6;", rest);
  };
  EXPECT_EQ(limit(table), 1);
  EXPECT_EQ(limit(table + " void g(void) { limit++; }"), -1) << "code counts in it";
  EXPECT_EQ(limit(table + " void g(int n) { limit = n; }"), -1);
  EXPECT_EQ(limit(table + " void g(void) { give(&limit); }"), -1) << "its address is handed out";
  EXPECT_EQ(limit(table + " void *also[] = {&limit};"), -1) << "something else points to it";
  EXPECT_EQ(limit(" int f(void) { return limit; } void g(void) { limit = 1; }"), -1);
  EXPECT_EQ(written("int limit = 5;", "int limit = 6;", table), -1) << "other files may write it";
}

TEST(ValuesInPlace, LimitsOfSettings) {
  const std::string table =
      " struct ctl_table sysctls[] = {{.procname = \"n\", .extra1 = (void *)&least}};";
  EXPECT_EQ(written("static const int least = 0;", "static const int least = 1;", table), 1);
  EXPECT_EQ(written("static const int least = 0;", "static const int least = 1;",
                    " const void *others[] = {&least};"),
            -1);
}

TEST(ValuesInPlace, TablesOfSettings) {
  const auto table = [](const std::string& was, const std::string& is, const std::string& rest) {
    const std::string head =
        "int n; static struct ctl_table table[] = {{.procname = \"n\", .data = &n, ";
    return written(head + was + "}};", head + is + "}};", " void f(void) { give(table); } " + rest);
  };
  EXPECT_EQ(table(".proc_handler = handler", ".proc_handler = other_handler", ""), 1);
  EXPECT_EQ(table(".proc_handler = handler", ".proc_handler = other_handler",
                  "struct ctl_table copy[1]; void g(void) { memcpy(copy, table, sizeof(copy)); }"),
            -1);
}

TEST(ValuesInPlace, WithoutMeaningNoDefault) {
  const std::string table =
      " struct ctl_table sysctls[] = {{.data = &limit}}; int f(void) { return limit; }";
  const SnippetPair pair(kTypes + "static int limit = 5;" + table,
                         kTypes + "static int limit = 6;" + table);
  UnitDiff diff = diff_unit(*pair, {});
  EXPECT_EQ(diff.values.size(), 1U);
  forbid_defaults(diff);
  EXPECT_TRUE(diff.values.empty());
}

}  // namespace
}  // namespace splicer
