// SPDX-License-Identifier: GPL-2.0-or-later
//
// Values in place: a pointer in a table that is read-only, and a setting that others may have set.
#include "ioctl_test.h"

static void add_value(struct request* request, const char* record) {
  struct splice_value* value = &request->values[request->apply.nr_values++];
  memset(value, 0, sizeof(*value));
  value->record = find_variable(record).address;
  snprintf(value->name, sizeof(value->name), "%s", record);
}

static void with_value(struct request* request, const char* record) {
  begin(request, FIRST, "splice_update_values");
  add_value(request, record);
}

static void expect_live(const char* when, long table, long setting) {
  report(value_of("table") == table && value_of("setting") == setting, "%s: %ld %ld", when,
         value_of("table"), value_of("setting"));
}

static void wrong(const char* record) {
  struct request request;
  with_value(&request, record);
  expect(record, apply(&request), EINVAL);
  report(!strcmp(request.apply.hook, record), "named: %s, %s", request.apply.hook,
         request.apply.reason);
  expect_live("nothing was written", 1, 1000);
}

void test_value_arguments(void) {
  struct request request;
  int before = references("splice_target");
  wrong("v_empty");
  wrong("v_large");
  wrong("v_flagged");
  wrong("v_in_text");
  wrong("v_in_itself");
  wrong("v_in_user_space");
  wrong("v_before_outside");
  wrong("v_after_outside");
  with_value(&request, "v_table");
  request.values[0].record += 4;
  expect("a record that is not aligned", apply(&request), EINVAL);
  with_value(&request, "v_table");
  request.values[0].record = find_variable("target_table").address;
  expect("a record elsewhere", apply(&request), EINVAL);
  with_value(&request, "v_table");
  request.values[0].record = (uintptr_t)&request;
  expect("a record in user space", apply(&request), EINVAL);
  with_value(&request, "v_table");
  add_value(&request, "v_overlapping");
  expect("two on the same bytes", apply(&request), EINVAL);
  with_value(&request, "v_table");
  request.values[0].name[2] = '\n';
  expect("a name that is not plain", apply(&request), EINVAL);
  with_value(&request, "v_table");
  request.apply.nr_values = SPLICE_MAX_VALUES + 1;
  expect("too many", apply(&request), EINVAL);
  with_value(&request, "v_table");
  request.apply.values = 8;
  expect("not readable", apply(&request), EFAULT);
  with_value(&request, "v_stacked");
  expect("not what stands there", apply(&request), ESTALE);
  report(!strcmp(request.apply.hook, "v_stacked"), "named: %s, %s", request.apply.hook,
         request.apply.reason);
  // All or nothing, also with a function beside.
  with_value(&request, "v_stacked");
  add(&request, "target_value", "v_second", 5);
  expect("not what stands there, with a function", apply(&request), ESTALE);
  expect_number("the function", value_of("value"), 1);
  expect_live("after all of them", 1, 1000);
  expect_number("references", references("splice_target"), before);
  expect_number("references of the new code", references("splice_update_values"), 0);
}

static void both(struct request* request) {
  with_value(request, "v_table");
  add_value(request, "v_setting");
}

void test_values(void) {
  struct request request;
  char line[128];
  int before = references("splice_target");
  both(&request);
  expect("apply", apply(&request), 0);
  expect_number("left", request.apply.nr_left, 0);
  expect_live("applied", 7, 500);
  expect_number("references: one a value", references("splice_target"), before + 2);
  const char* text = read_file("/sys/kernel/splice/" FIRST "/values");
  snprintf(line, sizeof(line), "0x%llx 0x4 written v_setting\n",
           (unsigned long long)find_variable("target_setting").address);
  report(strstr(text, line) != NULL, "sysfs: values\n%s", text);
  expect("undo", undo(FIRST), 0);
  expect_number("left by undo", last_undo.nr_left, 0);
  expect_live("undone", 1, 1000);
  expect_number("references after undo", references("splice_target"), before);

  must_write(TARGET "setting", "77");
  both(&request);
  expect("apply where the setting is another", apply(&request), 0);
  expect_number("left", request.apply.nr_left, 1);
  expect_live("applied", 7, 77);
  text = read_file("/sys/kernel/splice/" FIRST "/values");
  report(strstr(text, " left v_setting\n") != NULL, "sysfs: values\n%s", text);
  expect("undo", undo(FIRST), 0);
  expect_number("left by undo", last_undo.nr_left, 0);
  expect_live("undone", 1, 77);

  must_write(TARGET "setting", "1000");
  both(&request);
  add(&request, "target_value", "v_third", 5);
  expect("apply with a function", apply(&request), 0);
  expect_number("the function", value_of("value"), 9);
  must_write(TARGET "setting", "88");
  expect("undo where it was set meanwhile", undo(FIRST), 0);
  expect_number("left by undo", last_undo.nr_left, 1);
  expect_live("undone", 1, 88);
  expect_number("the function", value_of("value"), 1);
  must_write(TARGET "setting", "1000");

  both(&request);
  expect("apply the first", apply(&request), 0);
  begin(&request, SECOND, "splice_update_values");
  add_value(&request, "v_stacked");
  expect("apply another on it", apply(&request), 0);
  expect_live("both applied", 9, 500);
  expect("undo the first", undo(FIRST), EDEADLK);
  report(!strcmp(last_undo.blocker, SECOND), "blocker: %s", last_undo.blocker);
  expect("undo the second", undo(SECOND), 0);
  expect_live("second undone", 7, 500);
  expect("undo the first", undo(FIRST), 0);
  expect_live("both undone", 1, 1000);
}

// Its memory stays, so its modules and the core cannot be unloaded any more: the last check of all.
void test_kept(void) {
  struct request request;
  both(&request);
  request.apply.flags = ~SPLICE_APPLY_KEEPS;
  expect("a flag that does not exist", apply(&request), EINVAL);
  both(&request);
  request.apply.flags = SPLICE_APPLY_KEEPS;
  add(&request, "target_value", "v_third", 5);
  expect("apply an update that keeps its memory", apply(&request), 0);
  expect_live("applied", 7, 500);
  expect("undo", undo(FIRST), 0);
  expect_live("undone", 1, 1000);
  expect_number("the function", value_of("value"), 1);
  report(!strcmp(read_file("/sys/kernel/splice/" FIRST "/state"), "kept\n"), "sysfs: state");
  expect_number("references of the new code", references("splice_update_values"), 1);
  both(&request);
  expect("apply it again", apply(&request), EBUSY);
  report(strstr(request.apply.reason, "until a reboot") != NULL, "reason: %s",
         request.apply.reason);
  expect("undo it again", undo(FIRST), ENOENT);
  // What is under it can be switched by others.
  begin(&request, SECOND, "splice_update_a");
  add(&request, "target_value", "a_value", 5);
  expect("apply another", apply(&request), 0);
  expect_number("the function", value_of("value"), 2);
  expect("undo it", undo(SECOND), 0);
}
