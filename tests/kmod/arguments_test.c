// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who may ask, and what is refused: every field out of range, bytes that are not the expected ones.
#include "ioctl_test.h"

void test_permission(void) {
  open_device();
  expect("a second open", open(SPLICE_DEVICE, O_RDWR) < 0 ? errno : 0, EBUSY);
  struct splice_info info;
  expect("INFO", ioctl(device, SPLICE_IOC_INFO, &info) ? errno : 0, 0);
  expect_number("ABI version", info.abi_version, SPLICE_ABI_VERSION);
  expect("an unknown call", ioctl(device, _IO('S', 99)) ? errno : 0, ENOTTY);
  pid_t child = fork();
  if (!child) {
    struct request request;
    one(&request, "target_value", "a_value", 5);
    if (setuid(65534)) _exit(1);
    expect("INFO on root's descriptor, by nobody",
           ioctl(device, SPLICE_IOC_INFO, &info) ? errno : 0, EPERM);
    expect("APPLY on root's descriptor, by nobody", apply(&request), EPERM);
    close(device);
    expect("open by nobody", open(SPLICE_DEVICE, O_RDWR) < 0 ? errno : 0, EACCES);
    _exit(failures != 0);
  }
  int status;
  waitpid(child, &status, 0);
  expect_number("the child's status", status, 0);
  close(device);
  chmod(SPLICE_DEVICE, 0666);
  child = fork();
  if (!child) {
    if (setuid(65534)) _exit(1);
    _exit(open(SPLICE_DEVICE, O_RDWR) < 0 ? errno : 0);
  }
  waitpid(child, &status, 0);
  expect("open by nobody, were the mode 0666", WEXITSTATUS(status), EPERM);
  chmod(SPLICE_DEVICE, 0600);
  open_device();
}

void test_pin(void) {
  expect("pin of no such module", pin("no_such_module"), ENOENT);
  expect("pin of a name without end", pin(memset(malloc(200), 'x', 200)), EINVAL);
  int before = references("splice_target");
  expect("pin", pin("splice_target"), 0);
  expect("pin once more", pin("splice_target"), 0);
  expect_number("references", references("splice_target"), before + 1);
  close(device);
  expect_number("references after close", references("splice_target"), before);
  open_device();
}

// Changes one thing in a request that would be good, and expects an errno.
#define WRONG(what, error, change)                                                          \
  do {                                                                                      \
    struct request request;                                                                 \
    one(&request, "target_value", "a_value", 5);                                            \
    struct splice_function* function = &request.functions[0];                               \
    (void)function;                                                                         \
    change;                                                                                 \
    expect(what, apply(&request), error);                                                   \
    report(error != EINVAL || request.apply.reason[0], "reason: %s", request.apply.reason); \
    if (value_of("value") != 1) report(false, "%s: code changed", what);                    \
  } while (0)

static const uint8_t megabyte[SPLICE_MAX_CODE];

static void wrong_requests(void) {
  WRONG("abi_version", EPROTO, request.apply.abi_version = 99);
  WRONG("flags", EINVAL, request.apply.flags = ~SPLICE_APPLY_KEEPS);
  WRONG("no functions", EINVAL, request.apply.nr_functions = 0);
  WRONG("too many functions", EINVAL, request.apply.nr_functions = SPLICE_MAX_FUNCTIONS + 1);
  WRONG("functions beyond memory", EFAULT, request.apply.functions = 8);
  WRONG("functions in the kernel", EFAULT, request.apply.functions = function->old_entry);
  WRONG("no modules", EINVAL, request.apply.nr_modules = 0);
  WRONG("too many modules", EINVAL, request.apply.nr_modules = ~0U);
  WRONG("modules beyond memory", EFAULT, request.apply.modules = 8);
  WRONG("no such module", ENOENT, strcpy(request.modules[0], "no_such_module"));
  WRONG("module name without end", EINVAL, memset(request.modules[0], 'x', SPLICE_NAME_LEN));
  WRONG("a module twice", EINVAL,
        (request.apply.nr_modules = 2, strcpy(request.modules[1], "splice_update_a")));
  WRONG("splice as the update's module", EINVAL, strcpy(request.modules[0], "splice"));
  WRONG("empty id", EINVAL, request.apply.id[0] = 0);
  WRONG("short id", EINVAL, strcpy(request.apply.id, "abcdef0"));
  WRONG("id with a slash", EINVAL, strcpy(request.apply.id, "../../aaaaaaaa"));
  WRONG("id in capitals", EINVAL, strcpy(request.apply.id, "AAAAAAAAAAAAAAAA"));
  WRONG("id without end", EINVAL, memset(request.apply.id, 'a', SPLICE_ID_LEN));
}

static void wrong_code(void) {
  WRONG("old_size 0", EINVAL, function->old_size = 0);
  WRONG("old_size too large", EINVAL, function->old_size = SPLICE_MAX_CODE + 1);
  WRONG("old_size beyond the module", EINVAL,
        (function->old_size = SPLICE_MAX_CODE, function->expected = (uintptr_t)megabyte));
  WRONG("new_size 0", EINVAL, function->new_size = 0);
  WRONG("new_size beyond the module", EINVAL, function->new_size = SPLICE_MAX_CODE);
  WRONG("no name", EINVAL, function->name[0] = 0);
  WRONG("name without end", EINVAL, memset(function->name, 'x', SPLICE_NAME_LEN));
  WRONG("name of two lines", EINVAL, strcpy(function->name, "a\nb"));
  WRONG("name that a terminal obeys", EINVAL, strcpy(function->name, "a\x1b[2Jb"));
  WRONG("expected beyond memory", EFAULT, function->expected = 8);
  WRONG("old code in user space", EINVAL,
        function->old_entry = function->old_code = (uintptr_t)&request);
  WRONG("old code wraps around", EINVAL, function->old_entry = function->old_code = ~0ULL - 3);
  WRONG("old code in data", EINVAL,
        function->old_entry = function->old_code = function->old_entry + (64 << 20));
  WRONG("old code in splice itself", EINVAL,
        (function->old_entry = function->old_code = find_symbol("splice_update_apply").address,
         function->site = function->old_entry + 5));
  WRONG("new code in user space", EINVAL, function->new_code = (uintptr_t)&request);
  WRONG("new code in another module", EINVAL, function->new_code = find_symbol("b_value").address);
  WRONG("new code in the kernel", EINVAL,
        function->new_code = find_symbol("cmdline_proc_show").address);
  WRONG("old code in the update's module", EINVAL,
        (function->old_entry = function->old_code = find_symbol("a_plain").address,
         function->site = function->old_entry));
}

static void wrong_places(void) {
  WRONG("site before the function", EINVAL, function->site = function->old_entry - 1);
  WRONG("site in the function's middle", EINVAL, function->site += 1);
  WRONG("site behind the function", EINVAL, function->site += function->old_size);
  WRONG("jump reaches beyond the function", EINVAL, function->old_size = 9);
  WRONG("site on the ftrace site", EADDRINUSE,
        function->site = function->old_entry + landing(function->old_entry));
  WRONG("code of an update that is not there", ESTALE,
        function->old_code = find_symbol("b_value").address);
  WRONG("hop inside the function", EINVAL,
        (function->hop = function->old_entry + 10, function->expected_hop = (uintptr_t)megabyte));
  WRONG("hop far away", EINVAL,
        (function->hop = function->old_entry + 4096, function->expected_hop = (uintptr_t)megabyte));
  WRONG("new code in the middle of a function", EINVAL, ++function->new_code);
  WRONG("old code is an interrupt's entry", EINVAL, {
    function->old_entry = find_symbol("asm_sysvec_apic_timer_interrupt").address;
    function->site = function->old_code = function->old_entry;
    function->old_size = 16;
    read_expected(&request, 0);
  });
  WRONG("old code is a thunk", EINVAL, {
    function->old_entry = find_symbol("__x86_indirect_thunk_array").address;
    function->site = function->old_code = function->old_entry;
    function->old_size = 16;
    read_expected(&request, 0);
  });
  WRONG("another symbol under the jump", EINVAL, {
    function->old_entry = find_symbol("target_tiny").address;
    function->site = function->old_code = function->old_entry;
    function->old_size = 16;
    read_expected(&request, 0);
  });
}

static void wrong_lists(void) {
  WRONG("the same function twice", EINVAL, (void)add(&request, "target_value", "a_value", 5));
  WRONG("one function inside another", EINVAL, {
    struct splice_function* inner = add(&request, "target_plain", "a_plain", 0);
    function->old_entry = function->old_code = inner->old_entry - 16;
    function->site = function->old_entry;
    function->old_size = 64;
    read_expected(&request, 0);
  });
  WRONG("bad_function of a wrong second", EINVAL,
        { add(&request, "target_plain", "a_plain", 0)->new_size = 0; });
  struct request request;
  one(&request, "target_value", "a_value", 5);
  add(&request, "target_plain", "a_plain", 0)->site += 3;
  expect("a wrong second function", apply(&request), EINVAL);
  expect_number("bad_function", request.apply.bad_function, 1);
  expect("undo of an unknown id", undo("0123456789abcdef"), ENOENT);
  expect("undo of a bad id", undo("x"), EINVAL);
}

void test_arguments(void) {
  wrong_requests();
  wrong_code();
  wrong_places();
  wrong_lists();
}

void test_stale(void) {
  struct request request;
  one(&request, "target_value", "a_value", 5);
  add(&request, "target_plain", "a_plain", 0);
  request.expected[1][2] ^= 1;
  expect("another byte than expected", apply(&request), ESTALE);
  expect_number("bad_function", request.apply.bad_function, 1);
  expect_number("bad_offset", request.apply.bad_offset, 2);
  expect_number("value", value_of("value"), 1);
  expect_number("plain", value_of("plain"), 1);
  report(!read_file("/sys/kernel/splice/" FIRST "/state"), "no folder of a refused update");
}

#define WRONG_WATCH(what, error, change)                               \
  do {                                                                 \
    make_watched(&request);                                            \
    struct splice_function* watched = &request.functions[1];           \
    (void)watched;                                                     \
    change;                                                            \
    expect("watched: " what, apply(&request), error);                  \
    expect_number("bad_function", (int)request.apply.bad_function, 1); \
  } while (0)

void test_watched_arguments(void) {
  struct request request;
  WRONG_WATCH("with a hop", EINVAL, watched->hop = watched->old_entry);
  WRONG_WATCH("with new code", EINVAL, watched->new_code = find_symbol("a_plain").address);
  WRONG_WATCH("with the size of new code", EINVAL, watched->new_size = 1);
  WRONG_WATCH("of no size", EINVAL, watched->old_size = 0);
  WRONG_WATCH("old_entry elsewhere", EINVAL, watched->old_entry += 1);
  WRONG_WATCH("in user space", EINVAL,
              watched->old_entry = watched->old_code = (uintptr_t)&request);
  WRONG_WATCH("beyond the module", EINVAL,
              (watched->old_size = SPLICE_MAX_CODE, watched->expected = (uintptr_t)megabyte));
  WRONG_WATCH("in splice itself", EINVAL,
              watched->old_entry = watched->old_code = find_symbol("splice_update_apply").address);
  WRONG_WATCH("in the update's module", EINVAL,
              watched->old_entry = watched->old_code = find_symbol("a_plain").address);
  WRONG_WATCH("inside a replaced function", EINVAL, {
    watched->old_entry = watched->old_code = request.functions[0].old_entry + 4;
    watched->old_size = 2;
  });
  WRONG_WATCH("expected beyond memory", EFAULT, watched->expected = 8);
  WRONG_WATCH("another byte than expected", ESTALE, request.expected[1][3] ^= 1);
  expect_number("bad_offset", request.apply.bad_offset, 3);
  begin(&request, FIRST, "splice_update_a");
  watch(&request, "target_sleep");
  expect("nothing but watched", apply(&request), EINVAL);
  expect_number("bad_function", (int)request.apply.bad_function, -1);
  expect_number("value", value_of("value"), 1);
}

void test_hop_place(void) {
  struct request request;
  make_all(&request);
  request.expected_hop[2][1] ^= 1;
  expect("other padding than expected", apply(&request), ESTALE);
  make_all(&request);
  request.functions[2].expected_hop = 8;
  expect("expected_hop beyond memory", apply(&request), EFAULT);
  expect_number("bad_function", request.apply.bad_function, 2);
  // Code right behind is no padding, even if it is called so.
  make_all(&request);
  request.functions[2].old_size = 2;
  request.functions[2].hop = request.functions[2].old_entry + 2;
  read_text(request.functions[2].hop, request.expected_hop[2], 5);
  expect("hop over code", apply(&request), EINVAL);
  // Nor is the start of the next function.
  make_all(&request);
  request.functions[2].hop = request.functions[2].old_entry + 12;
  read_text(request.functions[2].hop, request.expected_hop[2], 5);
  expect("hop into the next function", apply(&request), EINVAL);
  expect_values("nothing changed", 1, 1, 1, false);
}
