// SPDX-License-Identifier: GPL-2.0-or-later
//
// Modules that get their parts when they are loaded: what is asked for, and what an update of which a part may come
// and go looks like. (The loads themselves: tests/live/late.)
#include "ioctl_test.h"

#define AWAITS "/sys/kernel/splice/" FIRST "/awaits"

static struct splice_await usual(const char* module, const char* code) {
  struct splice_await asked;
  memset(&asked, 0, sizeof(asked));
  strcpy(asked.module, module);
  strcpy(asked.code, code);
  strcpy(asked.helper, "/bin/false");
  return asked;
}

static int await(struct splice_await asked) {
  return ioctl(device, SPLICE_IOC_AWAIT, &asked) ? errno : 0;
}

// Whatever the session awaits is forgotten.
static void reopen(void) {
  close(device);
  open_device();
}

static void wrong_awaits(void) {
  struct splice_await asked = usual("", "splice_update_a");
  expect("await no name", await(asked), EINVAL);
  asked = usual("splice_target", "two words");
  expect("await a code with a space", await(asked), EINVAL);
  asked = usual("splice_target", "splice_update_a");
  strcpy(asked.helper, "false");
  expect("await with a helper of no absolute path", await(asked), EINVAL);
  memset(asked.helper, '/', sizeof(asked.helper));
  expect("await with a helper without end", await(asked), EINVAL);
  asked = usual("splice_target", "splice_update_a");
  memset(asked.module, 'x', sizeof(asked.module));
  expect("await a module without end", await(asked), EINVAL);
  asked = usual("splice_target", "splice_update_a");
  asked.flags = 4;
  expect("await with an unknown flag", await(asked), EINVAL);
  asked.flags = 0;
  asked.reserved = 1;
  expect("await with reserved set", await(asked), EINVAL);
  expect("await beyond memory", ioctl(device, SPLICE_IOC_AWAIT, 8) ? errno : 0, EFAULT);
  char name[32];
  for (int i = 0; i < SPLICE_MAX_AWAITS; ++i) {
    snprintf(name, sizeof(name), "module_%d", i);
    if (await(usual(name, name))) stop("await");
  }
  expect("one more than may be awaited", await(usual("another", "another")), E2BIG);
  expect("the same once more", await(usual("module_7", "module_7")), 0);
  reopen();
}

// Patched, and the module may go all the same, unless it is to be held.
static void patched(unsigned flags) {
  struct request request;
  struct splice_await asked = usual("splice_target", "splice_update_a");
  int before = references("splice_target");
  asked.flags = flags;
  expect("await", await(asked), 0);
  expect("pin", pin("splice_target"), 0);
  one(&request, "target_value", "a_value", 5);
  expect("apply", apply(&request), 0);
  report(!strcmp(read_file(AWAITS), "splice_target patched\n"), "awaits: %s", read_file(AWAITS));
  expect_number("the new code runs", value_of("value"), 2);
  // The pin, and that of the function's owner.
  expect_number("references", references("splice_target") - before,
                flags & SPLICE_AWAIT_HOLD ? 2 : 0);
  request.apply.flags = SPLICE_APPLY_LATE;
  strcpy(request.apply.module, "splice_target");
  expect("a late part of what is patched", apply(&request), EEXIST);
  strcpy(request.apply.module, "");
  expect("a late part of no module", apply(&request), EINVAL);
  strcpy(request.apply.module, "no_such_module");
  expect("a late part of what is not awaited", apply(&request), ENOENT);
  strcpy(request.apply.id, SECOND);
  expect("a late part of no update", apply(&request), ENOENT);
  expect("undo", undo(FIRST), 0);
  expect_number("references, undone", references("splice_target"), before);
  expect_number("the old code runs", value_of("value"), 1);
}

// Nothing to switch yet.
static void all_parts_wait(void) {
  struct request request;
  begin(&request, FIRST, "");
  request.apply.nr_modules = 0;
  expect("nothing, and nothing awaited", apply(&request), EINVAL);
  expect("await", await(usual("no_such_module", "no_such_code")), 0);
  expect("apply", apply(&request), 0);
  report(!strcmp(read_file(AWAITS), "no_such_module waiting\n"), "awaits: %s", read_file(AWAITS));
  request.apply.flags = SPLICE_APPLY_LATE;
  strcpy(request.apply.module, "no_such_module");
  expect("a late part of what nobody loads", apply(&request), ENOENT);
  expect("undo", undo(FIRST), 0);
}

void test_await(void) {
  struct request request;
  wrong_awaits();
  patched(0);
  patched(SPLICE_AWAIT_HOLD | SPLICE_AWAIT_REFUSE);
  all_parts_wait();

  // A function of the kernel, by the code that is to go with the module.
  expect("await", await(usual("splice_target", "splice_update_a")), 0);
  make_all(&request);
  expect("code for two in one", apply(&request), EINVAL);
  report(strstr(request.apply.reason, "code for its module") != NULL, "reason: %s",
         request.apply.reason);
  reopen();
  expect("await what is loaded, and not patched", await(usual("splice_target", "another")), 0);
  one(&request, "target_value", "a_value", 5);
  expect("apply", apply(&request), ESTALE);
  report(request.apply.reason[0], "reason: %s", request.apply.reason);
  expect_number("the old code runs", value_of("value"), 1);
  reopen();
}
