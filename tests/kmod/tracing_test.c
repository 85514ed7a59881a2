// SPDX-License-Identifier: GPL-2.0-or-later
//
// Tracers and probes on what is switched.
#include "ioctl_test.h"

// The thread's return address into target_sleep_caller is hidden by the tracer.
static void test_hidden(const char* tracer) {
  struct request request;
  pid_t child = enter("sleep", "target_wait");
  one(&request, "target_sleep_caller", "a_sleep", 5);
  char what[64];
  snprintf(what, sizeof(what), "return address hidden by %s", tracer);
  expect_busy(what, &request, child, -1);
  leave(child);
  child = enter("odd", "target_wait");
  one(&request, "target_callback", "a_sleep", 5);
  snprintf(what, sizeof(what), "the same, not to be unwound");
  expect_busy(what, &request, child, 1);
  leave(child);
  // Running: the unwinder would warn about return probes there.
  child = enter("spin", NULL);
  one(&request, "target_spin", "a_value", 5);
  snprintf(what, sizeof(what), "running, traced by %s", tracer);
  expect_busy(what, &request, child, -1);
  leave(child);
}

void test_tracers(void) {
  struct request request;
  must_write(TRACING "set_ftrace_filter", "target_wait target_sleep target_spin target_callback");
  must_write(TRACING "current_tracer", "function_graph");
  test_hidden("function_graph");
  must_write(TRACING "current_tracer", "nop");
  must_write(TRACING "kprobe_events",
             "r:r1 target_wait\nr:r2 target_sleep\nr:r3 target_spin\nr:r4 target_callback\n");
  must_write(TRACING "events/kprobes/enable", "1");
  test_hidden("return probes");
  must_write(TRACING "events/kprobes/enable", "0");
  must_write(TRACING "kprobe_events", "");

  // The function tracer on a patched function: on and off, and it sees the calls.
  must_write(TRACING "set_ftrace_filter", "target_value");
  one(&request, "target_value", "a_value", 5);
  expect("apply", apply(&request), 0);
  for (int i = 0; i < 3; ++i) {
    must_write(TRACING "trace", "");
    must_write(TRACING "current_tracer", "function");
    expect_number("value while traced", value_of("value"), 2);
    must_write(TRACING "current_tracer", "nop");
    must_write(TRACING "current_tracer", "function_graph");
    expect_number("value while graphed", value_of("value"), 2);
    must_write(TRACING "current_tracer", "nop");
    expect_number("value after", value_of("value"), 2);
  }
  must_write(TRACING "current_tracer", "function");
  value_of("value");
  report(strstr(read_file(TRACING "trace"), "target_value") != NULL, "the tracer saw the call");
  expect("undo while traced", undo(FIRST), 0);
  expect_number("value, undone while traced", value_of("value"), 1);
  one(&request, "target_value", "a_value", 5);
  expect("apply while traced", apply(&request), 0);
  expect_number("value, applied while traced", value_of("value"), 2);
  must_write(TRACING "current_tracer", "nop");
  expect_number("value, no longer traced", value_of("value"), 2);
  // The tracer came and went: the expected bytes are others, and say so.
  expect("undo", undo(FIRST), 0);
  one(&request, "target_value", "a_value", 5);
  must_write(TRACING "current_tracer", "function");
  expect("apply with bytes from before the tracer", apply(&request), ESTALE);
  expect_number("bad_offset", request.apply.bad_offset, landing(request.functions[0].old_entry));
  must_write(TRACING "current_tracer", "nop");
  must_write(TRACING "set_ftrace_filter", "");
}

void test_probes(void) {
  struct request request;
  char at_site[64];
  one(&request, "target_value", "a_value", 5);
  snprintf(at_site, sizeof(at_site), "p:p1 target_value+%u\n",
           5 + landing(request.functions[0].old_entry));
  must_write(TRACING "kprobe_events", at_site);
  expect("a disabled probe at the site", apply(&request), EADDRINUSE);
  must_write(TRACING "events/kprobes/enable", "1");
  expect("an enabled probe at the site", apply(&request), EADDRINUSE);
  must_write(TRACING "events/kprobes/enable", "0");
  must_write(TRACING "kprobe_events", "p:p1 target_value\n");
  must_write(TRACING "events/kprobes/enable", "1");
  one(&request, "target_value", "a_value", 5);
  expect("a probe on the ftrace site", apply(&request), 0);
  expect_number("value while probed", value_of("value"), 2);
  must_write(TRACING "events/kprobes/enable", "0");
  must_write(TRACING "kprobe_events", "");
  expect_number("value without the probe", value_of("value"), 2);
  must_write(TRACING "kprobe_events", at_site);
  must_write(TRACING "events/kprobes/enable", "1");
  expect_number("value with a probe on our jump", value_of("value"), 2);
  expect("undo with a probe on our jump", undo(FIRST), EADDRINUSE);
  must_write(TRACING "events/kprobes/enable", "0");
  must_write(TRACING "kprobe_events", "");
  expect("undo without it", undo(FIRST), 0);
  expect_number("value", value_of("value"), 1);
  one(&request, "target_keyed", "a_short", 0);
  expect("a static key in the site", apply(&request), EADDRINUSE);
  expect_number("bad_function", request.apply.bad_function, 0);
}
