// SPDX-License-Identifier: GPL-2.0-or-later
//
// Functions that ftrace leads on, for want of a place for a jump (kmod/redirect.c).
#include "ioctl_test.h"

static struct request request;

static struct splice_function* gated(void) {
  begin(&request, FIRST, "splice_update_a");
  return add_at_ftrace(&request, "target_gated", "a_value");
}

// Who decides where a call of the function leads: flag I of its line, or no line.
static bool is_led_on(const char* name) {
  char line[64];
  snprintf(line, sizeof(line), "%s [splice_target] (", name);
  const char* found = strstr(read_file(TRACING "enabled_functions"), line);
  return found && strstr(found, " I") && strstr(found, " I") < strchr(found, '\n');
}

static void test_redirect_arguments(void) {
  begin(&request, FIRST, "splice_update_a");
  add(&request, "target_gated", "a_value", 5);
  expect("a jump where a static key is", apply(&request), EADDRINUSE);
  gated()->flags |= 2;
  expect("another flag", apply(&request), EINVAL);
  gated()->reserved = 1;
  expect("the reserved field", apply(&request), EINVAL);
  gated()->site += 5;
  expect("behind the ftrace site", apply(&request), EINVAL);
  gated()->hop = request.functions[0].old_entry + request.functions[0].old_size;
  expect("with a hop", apply(&request), EINVAL);
  begin(&request, FIRST, "splice_update_a");
  add_at_ftrace(&request, "target_plain", "a_plain");
  expect("a function without an ftrace site", apply(&request), EINVAL);
  gated()->site = 0;
  expect("watched, with the flag", apply(&request), EINVAL);
  gated();
  request.expected[0][12] ^= 1;
  expect("other bytes behind the site", apply(&request), ESTALE);
  expect_number("bad_offset", request.apply.bad_offset, 12);
  report(!is_led_on("target_gated"), "none of these has stayed with ftrace");
}

static void expect_gated(const char* what, long value) {
  char text[96];
  must_write(TARGET "key", "1");
  snprintf(text, sizeof(text), "%s, with the key on", what);
  expect_number(text, value_of("gated"), value == 1 ? 7 : value);
  must_write(TARGET "key", "0");
  expect_number(what, value_of("gated"), value);
}

static void test_with_tracers(void) {
  static const char* const tracers[] = {"function", "function_graph"};
  must_write(TRACING "set_ftrace_filter", "target_gated");
  for (int i = 0; i < 2; ++i) {
    must_write(TRACING "trace", "");
    must_write(TRACING "current_tracer", tracers[i]);
    expect_number("gated, traced", value_of("gated"), 2);
    report(strstr(read_file(TRACING "trace"), "target_gated") != NULL, "%s saw it", tracers[i]);
    expect("undo, traced", undo(FIRST), 0);
    expect_number("gated, undone and traced", value_of("gated"), 1);
    gated();
    expect("apply, traced", apply(&request), 0);
    expect_number("gated, applied while traced", value_of("gated"), 2);
    must_write(TRACING "current_tracer", "nop");
    expect_number("gated, no longer traced", value_of("gated"), 2);
  }
  must_write(TRACING "set_ftrace_filter", "");
  must_write(TRACING "kprobe_events", "p:p1 target_gated\n");
  must_write(TRACING "events/kprobes/enable", "1");
  expect_number("gated, probed", value_of("gated"), 2);
  must_write(TRACING "events/kprobes/enable", "0");
  must_write(TRACING "kprobe_events", "");
  expect_number("gated, no longer probed", value_of("gated"), 2);
}

// Its code is a_value() now: the same function again, in another update.
static void test_stacked(void) {
  struct symbol below = find_symbol("a_value");
  begin(&request, SECOND, "splice_update_b");
  struct splice_function* function = add_at_ftrace(&request, "target_gated", "b_value");
  function->old_code = below.address;
  function->old_size = below.size;
  read_expected(&request, 0);
  function->flags = 0;
  expect("a jump upon what ftrace leads on", apply(&request), EINVAL);
  function->flags = SPLICE_FUNCTION_AT_FTRACE;
  expect("a second upon the first", apply(&request), 0);
  expect_gated("gated by the second", 3);
  expect("undo of the first", undo(FIRST), EDEADLK);
  expect("undo of the second", undo(SECOND), 0);
  expect_gated("gated by the first again", 2);
}

static void test_busy_redirect(void) {
  struct splice_busy busy[4];
  pid_t child = enter("sleep", "target_wait");
  begin(&request, FIRST, "splice_update_a");
  add_at_ftrace(&request, "target_sleep_caller", "a_sleep");
  request.apply.busy = (uintptr_t)request.busy;
  request.apply.max_busy = 16;
  expect_busy("a thread in the old code", &request, child, 0);
  report(!is_led_on("target_sleep_caller"), "ftrace has let go of it");
  leave(child);
  expect("when it has left", apply(&request), 0);
  child = enter("sleep", "a_helper");
  expect("undo with a thread in the new code", undo_busy(FIRST, busy, 4), EBUSY);
  expect_number("pid", busy[0].pid, child);
  kill(child, SIGINT);
  leave(child);
  expect("undo when it has left", undo(FIRST), 0);
}

static void test_others_at_the_entry(void) {
  begin(&request, FIRST, "splice_update_a");
  add_at_ftrace(&request, "target_value", "a_value");
  live_patch_on();
  expect("a live patch is there first", apply(&request), EADDRNOTAVAIL);
  expect_number("bad_function", request.apply.bad_function, 0);
  report(request.apply.reason[0], "reason: %s", request.apply.reason);
  live_patch_off();
  expect("when it is gone", apply(&request), 0);
  report(system("insmod splice_klp.ko 2>/dev/null"), "a live patch afterwards is refused");
  expect_number("value", value_of("value"), 2);
  report(write_file("/proc/sys/kernel/ftrace_enabled", "0"), "ftrace cannot be switched off");
  expect_number("value", value_of("value"), 2);
  expect("undo", undo(FIRST), 0);
  must_write("/proc/sys/kernel/ftrace_enabled", "0");
  gated();
  expect("ftrace is off", apply(&request), EADDRNOTAVAIL);
  must_write("/proc/sys/kernel/ftrace_enabled", "1");
}

void test_redirect(void) {
  test_redirect_arguments();
  gated();
  expect("apply", apply(&request), 0);
  expect_gated("gated", 2);
  report(is_led_on("target_gated"), "ftrace shows it");
  report(strstr(read_file("/sys/kernel/splice/" FIRST "/functions"), " 0x0 0x1 target_gated\n") !=
             NULL,
         "sysfs: functions");
  test_with_tracers();
  test_stacked();
  expect("undo", undo(FIRST), 0);
  expect_gated("gated, undone", 1);
  report(!is_led_on("target_gated"), "ftrace has let go of it");
  test_busy_redirect();
  test_others_at_the_entry();
}
