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
  int (*fasync)(int, struct file *, int);
  long (*unlocked_ioctl)(struct file *, unsigned int);
  long (*compat_ioctl)(struct file *, unsigned int);
  unsigned long flags;
};
struct nla_policy { unsigned char type, validation; unsigned short len; const void *more; };
struct net_device_ops { void (*ndo_tx_timeout)(void *); int (*ndo_change_carrier)(void *); };
struct other_ops { int (*fsync)(struct file *, int); };
struct ctl_table { const char *procname; void *data; int maxlen; unsigned short mode;
  int (*proc_handler)(void); void *extra1, *extra2; };
extern int noop_fsync(struct file *, int), other_fsync(struct file *, int);
extern int noop_fasync(int, struct file *, int), other_fasync(int, struct file *, int);
extern void timeout(void *), other_timeout(void *);
extern int carrier(void *);
extern int noop_open(struct inode *, struct file *);
extern long noop_read(struct file *), other_read(struct file *);
extern long noop_ioctl(struct file *, unsigned int);
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
  EXPECT_EQ(operations("", ".compat_ioctl = noop_ioctl, .fsync = noop_fsync"), 2);
}

// As sysctl_bootid of drivers/char/random.c under another name: what was set would be forgotten.
TEST(ValuesInPlace, ATableThatLeadsToAnotherVariable) {
  const auto table = [](const std::string& name, const std::string& member) {
    return "static int " + name +
           " = 3; static struct ctl_table sysctls[] = {{.procname = \"n\", ." + member + " = &" +
           name + "}};";
  };
  const std::string rest = " void f(void) { give(sysctls); }";
  EXPECT_EQ(written(table("seed", "data"), table("seed_new", "data"), rest), -1);
  // A limit that nobody sets, and one that code does.
  EXPECT_EQ(written(table("most", "extra2"), table("most_new", "extra2"), rest), 1);
  const auto set = [&](const std::string& name) {
    return table(name, "extra2") + " void set(int n) { " + name + " = n; }";
  };
  EXPECT_EQ(written(set("most"), set("most_new"), rest), -1);
  // Both are there before and after.
  const std::string both =
      "static int a = 3, b = 4; void g(int n) { a = b = n; } "
      "static struct ctl_table sysctls[] = {{.procname = \"n\", .data = ";
  EXPECT_EQ(written(both + "&a}};", both + "&b}};", rest + " int *h(void) { return &a + b; }"), 1);
}

TEST(ValuesInPlace, AFunctionOfTheFileBehindItsPadding) {
  // As CONFIG_CALL_PADDING has it, with the symbol of CONFIG_PREFIX_SYMBOLS.
  const std::string padded =
      "__asm__(\".section .text.padded, \\\"ax\\\"; .type __pfx_padded, @function; __pfx_padded: "
      ".fill 16, 1, 0x90; .size __pfx_padded, 16; .globl padded; .type padded, @function; padded: "
      "xor %eax, %eax; ret; .size padded, . - padded; .previous\"); "
      "extern int padded(struct file *, int);";
  const auto table = [&](const std::string& operation) {
    return padded + "static const struct file_operations ops = {.fsync = " + operation + "};";
  };
  EXPECT_EQ(written(table("padded"), table("other_fsync"), " void f(void) { give(&ops); }"), 1);
}

TEST(ValuesInPlace, HalvesOfPairs) {
  EXPECT_EQ(operations("", ".open = noop_open"), -1);
  EXPECT_EQ(operations("", ".release = noop_open, .fsync = noop_fsync"), -1);
  EXPECT_EQ(operations(".release = noop_open", ""), -1);
  EXPECT_EQ(operations("", ".owner = &module_of_mine"), -1);
  EXPECT_EQ(operations(".fasync = noop_fasync", ""), -1) << "files stay on its list";
  EXPECT_EQ(operations(".fasync = noop_fasync", ".fasync = other_fasync"), -1);
}

TEST(ValuesInPlace, WhatIsRememberedNeitherComesNorGoes) {
  EXPECT_EQ(operations("", ".read = noop_read"), -1) << "files are open without FMODE_CAN_READ";
  EXPECT_EQ(operations(".read = noop_read", ""), -1);
  EXPECT_EQ(operations(".read = noop_read", ".read = other_read"), 1);
}

TEST(ValuesInPlace, WhatIsCalledWithoutALookNeitherComesNorGoes) {
  EXPECT_EQ(operations(".unlocked_ioctl = noop_ioctl", ""), -1) << "debugfs has looked at open";
  EXPECT_EQ(operations("", ".unlocked_ioctl = noop_ioctl"), -1) << "undo would take it away";
  const auto device = [](const std::string& was, const std::string& is) {
    const std::string head = "static const struct net_device_ops ops = {";
    return written(head + was + "};", head + is + "};", " void f(void) { give(&ops); }");
  };
  EXPECT_EQ(device(".ndo_tx_timeout = timeout", ""), -1) << "the watchdog has been started";
  EXPECT_EQ(device("", ".ndo_tx_timeout = timeout"), -1);
  EXPECT_EQ(device(".ndo_tx_timeout = timeout", ".ndo_tx_timeout = other_timeout"), 1);
  EXPECT_EQ(device("", ".ndo_change_carrier = carrier"), 1);
}

TEST(ValuesInPlace, CopiesOfATable) {
  EXPECT_EQ(operations("", ".fsync = noop_fsync",
                       "struct file_operations copy; void g(void) { memcpy(&copy, &ops, 72); }"),
            -1);
  EXPECT_EQ(operations(".flags = 5", ".flags = 5, .fsync = noop_fsync",
                       "void g(struct file_operations *to) { *to = ops; }"),
            -1);
}

TEST(ValuesInPlace, CopiesThatNoObjectShows) {
  // The compiler stores the pointers one by one.
  const auto copied = [](const std::string& how) {
    return operations(".read = noop_read", ".read = noop_read, .fsync = noop_fsync",
                      "struct file_operations copy; void g(void) { " + how + " }");
  };
  EXPECT_EQ(copied(""), 1);
  EXPECT_EQ(copied("copy = ops;"), -1);
  EXPECT_EQ(copied("memcpy(&copy, &ops, sizeof(copy));"), -1);
  const auto in_function = [](const std::string& was, const std::string& is) {
    const auto text = [](const std::string& operation) {
      return "void g(struct file_operations *to) { static const struct file_operations ops = {" +
             operation + "}; *to = ops; give(&ops); }";
    };
    return written(text(was), text(is));
  };
  EXPECT_EQ(in_function(".read = noop_read", ".read = noop_read, .fsync = noop_fsync"), -1);
}

TEST(ValuesInPlace, StaticVariablesOfOneName) {
  const auto text = [](const std::string& operation) {
    return "void f(void) { static const struct file_operations ops = {" + operation +
           "}; give(&ops); } void g(void) { static const struct other_ops ops = {.fsync = "
           "noop_fsync}; give(&ops); }";
  };
  EXPECT_EQ(written(text(".read = noop_read"), text(".read = other_read")), -1);
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

TEST(ValuesInPlace, HandlersOfSettings) {
  const auto handled_by = [](const std::string& handler, const std::string& code = "") {
    return written("static int limit = 5;", "static int limit = 6;",
                   "extern int proc_dointvec(void); static int total; " + code +
                       "struct ctl_table sysctls[] = {{.data = &total, .proc_handler = handler}, "
                       "{.data = &limit, .proc_handler = " +
                       handler + "}}; int f(void) { return limit + total; }");
  };
  EXPECT_EQ(handled_by("proc_dointvec"), 1);
  EXPECT_EQ(handled_by("own", "static int own(void) { return proc_dointvec() + 1; }"), 1);
  EXPECT_EQ(handled_by("own",
                       "static int own(void) { int e = proc_dointvec(); work_on(limit); "
                       "return e; }"),
            -1)
      << "what follows from it would not be done";
  EXPECT_EQ(handled_by("own",
                       "static int own(void) { int e = proc_dointvec(); total = limit; "
                       "return e; }"),
            -1);
  EXPECT_EQ(handled_by("other_handler"), -1);
}

TEST(ValuesInPlace, Parameters) {
  const auto parameter = [](const std::string& permissions, const std::string& ops) {
    return written("static int limit = 5;", "static int limit = 6;",
                   "struct kernel_param { const char *name; void *mod; const void *ops; "
                   "unsigned short perm; signed char level; unsigned char flags; void *arg; };"
                   "extern char param_ops_int; static char own_ops;"
                   "static const struct kernel_param p __attribute__((used, section(\"__param\")))"
                   "= {\"n\", 0, &" +
                       ops + ", " + permissions +
                       ", -1, 0, &limit}; int f(void) { return limit; }");
  };
  EXPECT_EQ(parameter("0644", "param_ops_int"), 1);
  EXPECT_EQ(parameter("0444", "param_ops_int"), -1) << "code may rely on it once it has started";
  EXPECT_EQ(parameter("0", "param_ops_int"), -1);
  EXPECT_EQ(parameter("0644", "own_ops"), -1) << "setting it may be more than storing it";
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
