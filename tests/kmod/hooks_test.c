// SPDX-License-Identifier: GPL-2.0-or-later
//
// Hooks: which addresses are taken, in which order and context each kind is called, and that a
// refusal at any of them leaves everything as it was.
#include "ioctl_test.h"

static const char* const kinds[] = {"pre_apply", "check_apply", "apply", "post_apply", "fail_apply",
                                    "pre_undo",  "check_undo",  "undo",  "post_undo",  "fail_undo"};

struct splice_hook* add_hook(struct request* request, const char* name, unsigned kind,
                             unsigned group) {
  struct splice_hook* hook = &request->hooks[request->apply.nr_hooks++];
  memset(hook, 0, sizeof(*hook));
  hook->function = find_symbol(name).address;
  hook->kind = kind;
  hook->group = group;
  snprintf(hook->name, sizeof(hook->name), "%s", name);
  return hook;
}

// All hooks of both groups, the kinds in any order: within a kind, group 1 is linked first.
static void add_hooks(struct request* request) {
  char name[64];
  for (unsigned group = 1; group <= 2; ++group) {
    for (unsigned kind = SPLICE_NR_HOOK_KINDS; kind-- > 0;) {
      snprintf(name, sizeof(name), "h_%s_%u", kinds[kind], group);
      add_hook(request, name, kind, group);
    }
  }
}

static void with_hooks(struct request* request) {
  begin(request, FIRST, "splice_update_hooks");
  add(request, "target_value", "h_value", 5);
  add_hooks(request);
}

static void refuse(const char* name, const char* answer) {
  must_write(HOOKS "refuse", name);
  must_write(HOOKS "answer", answer);
  must_write(HOOKS "record", "\n");
}

// The record, and begins a new one.
static void expect_record(const char* what, const char* wanted) {
  char record[1024];
  const char* text = read_file(HOOKS "record");
  snprintf(record, sizeof(record), "%s", text + strspn(text, "\n"));
  record[strcspn(record, "\n")] = 0;
  report(!strcmp(record, wanted), "%s: %s", what, record);
  must_write(HOOKS "record", "\n");
}

static void expect_refusal(const char* hook, int error, const char* got, int got_error) {
  report(!strcmp(hook, got) && error == got_error, "refused by %s: %d", got, got_error);
}

#define WRONG_HOOK(what, error, change)            \
  do {                                             \
    with_hooks(&request);                          \
    struct splice_hook* hook = &request.hooks[3];  \
    (void)hook;                                    \
    change;                                        \
    expect("hook: " what, apply(&request), error); \
    expect_number("value", value_of("value"), 1);  \
    expect_record("no hook was called", "");       \
  } while (0)

void test_hook_arguments(void) {
  struct request request;
  refuse("none", "0");
  WRONG_HOOK("address 0", EINVAL, hook->function = 0);
  WRONG_HOOK("in user space", EINVAL, hook->function = (uintptr_t)&request);
  WRONG_HOOK("in the kernel", EINVAL, hook->function = find_symbol("cmdline_proc_show").address);
  WRONG_HOOK("in another module", EINVAL, hook->function = find_symbol("b_value").address);
  WRONG_HOOK("in splice itself", EINVAL,
             hook->function = find_symbol("splice_update_apply").address);
  WRONG_HOOK("in the middle of a function", EINVAL, hook->function += 5);
  WRONG_HOOK("in data", EINVAL, hook->function += 64 << 20);
  WRONG_HOOK("of an unknown kind", EINVAL, hook->kind = SPLICE_NR_HOOK_KINDS);
  WRONG_HOOK("without a name", EINVAL, hook->name[0] = 0);
  WRONG_HOOK("name without end", EINVAL, memset(hook->name, 'x', SPLICE_NAME_LEN));
  WRONG_HOOK("name of two lines", EINVAL, strcpy(hook->name, "a\nb"));
  WRONG_HOOK("too many", EINVAL, request.apply.nr_hooks = SPLICE_MAX_HOOKS + 1);
  WRONG_HOOK("beyond memory", EFAULT, request.apply.hooks = 8);
  with_hooks(&request);
  request.hooks[3].function = find_symbol("b_value").address;
  expect("hook in another module", apply(&request), EINVAL);
  report(!strcmp(request.apply.hook, request.hooks[3].name), "named: %s", request.apply.hook);
  begin(&request, FIRST, "splice_update_hooks");
  add_hooks(&request);
  watch(&request, "target_sleep");
  expect("hooks, and nothing but watched functions", apply(&request), EINVAL);
}

static void expect_refused(const char* hook, const char* record) {
  struct request request;
  char what[96], name[64];
  snprintf(name, sizeof(name), "h_%s", hook);
  snprintf(what, sizeof(what), "%s refuses", hook);
  refuse(hook, "-16");
  with_hooks(&request);
  expect(what, apply(&request), ECANCELED);
  expect_refusal(name, -EBUSY, request.apply.hook, request.apply.hook_error);
  expect_record(what, record);
  expect_number("value", value_of("value"), 1);
  report(!read_file("/sys/kernel/splice/" FIRST "/state"), "no folder of a refused update");
}

static void expect_not_undone(const char* hook, const char* record) {
  char what[96], name[64];
  snprintf(name, sizeof(name), "h_%s", hook);
  snprintf(what, sizeof(what), "%s refuses", hook);
  refuse(hook, "7");
  expect(what, undo(FIRST), ECANCELED);
  expect_refusal(name, 7, last_undo.hook, last_undo.hook_error);
  expect_record(what, record);
  expect_number("value", value_of("value"), 4);
  report(!strcmp(read_file("/sys/kernel/splice/" FIRST "/state"), "applied\n"), "still applied");
}

static void test_hooks_alone(void) {
  struct request request;
  begin(&request, FIRST, "splice_update_hooks");
  add_hooks(&request);
  expect("apply hooks alone", apply(&request), 0);
  expect_record("hooks alone",
                "pre_apply_1+ pre_apply_2+ check_apply_1- check_apply_2- apply_1- apply_2- "
                "post_apply_1+ post_apply_2+ ");
  report(!strcmp(read_file("/sys/kernel/splice/" FIRST "/functions"), ""), "no functions");
  expect("undo hooks alone", undo(FIRST), 0);
  expect_record("hooks alone",
                "pre_undo_2+ pre_undo_1+ check_undo_2- check_undo_1- undo_2- undo_1- "
                "post_undo_2+ post_undo_1+ ");
}

static void test_rude_hook(void) {
  struct request request;
  begin(&request, FIRST, "splice_update_hooks");
  add_hook(&request, "h_rude", SPLICE_HOOK_POST_APPLY, 1);
  add_hook(&request, "h_post_apply_1", SPLICE_HOOK_POST_APPLY, 1);
  expect("a hook that leaves its context", apply(&request), 0);
  expect_record("the next one", "rude- post_apply_1+ ");
  expect("undo", undo(FIRST), 0);
}

void test_hooks(void) {
  struct request request;
  int references_before = references("splice_update_hooks");
  refuse("none", "0");
  with_hooks(&request);
  expect("apply with hooks", apply(&request), 0);
  expect_number("value", value_of("value"), 4);
  expect_record("apply",
                "pre_apply_1+ pre_apply_2+ check_apply_1- check_apply_2- apply_1- apply_2- "
                "post_apply_1+ post_apply_2+ ");
  expect_not_undone("pre_undo_2", "pre_undo_2+ ");
  expect_not_undone("pre_undo_1", "pre_undo_2+ pre_undo_1+ fail_undo_2+ ");
  expect_not_undone("check_undo_1",
                    "pre_undo_2+ pre_undo_1+ check_undo_2- check_undo_1- fail_undo_1+ "
                    "fail_undo_2+ ");
  refuse("none", "0");
  expect("undo with hooks", undo(FIRST), 0);
  expect_record("undo",
                "pre_undo_2+ pre_undo_1+ check_undo_2- check_undo_1- undo_2- undo_1- "
                "post_undo_2+ post_undo_1+ ");
  expect_number("value", value_of("value"), 1);

  expect_refused("pre_apply_1", "pre_apply_1+ ");
  expect_refused("pre_apply_2", "pre_apply_1+ pre_apply_2+ fail_apply_1+ ");
  expect_refused("check_apply_2",
                 "pre_apply_1+ pre_apply_2+ check_apply_1- check_apply_2- fail_apply_2+ "
                 "fail_apply_1+ ");

  // A thread is in the way: the hooks that prepared are told.
  refuse("none", "0");
  pid_t child = enter("sleep", "target_sleep");
  begin(&request, FIRST, "splice_update_hooks");
  add(&request, "target_sleep_caller", "h_value", 5);
  add_hooks(&request);
  expect("busy, with hooks", apply(&request), EBUSY);
  expect_record("busy", "pre_apply_1+ pre_apply_2+ fail_apply_2+ fail_apply_1+ ");
  leave(child);

  test_hooks_alone();
  test_rude_hook();
  expect_number("references", references("splice_update_hooks"), references_before);
}
