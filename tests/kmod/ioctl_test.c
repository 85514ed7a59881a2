// SPDX-License-Identifier: GPL-2.0-or-later
//
// Talks to /dev/splice as splice-apply does, and as nobody should. Runs in the virtual machine,
// after `run` has loaded splice.ko and the modules of target/, and prints a line a check.
//
// Addresses come from /proc/kallsyms, code from /proc/kcore, both read anew for every call. What
// the patched functions do is seen through the files of /sys/kernel/debug/splice_target.
//
// Invariant: the exit status is 0 only if every check held.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kmod/splice_abi.h"

#define TARGET "/sys/kernel/debug/splice_target/"
#define TRACING "/sys/kernel/tracing/"
#define FIRST "aaaaaaaaaaaaaaaa"
#define SECOND "bbbbbbbbbbbbbbbb"

static int failures, checks;
static int device = -1;

// ---- reporting
// -------------------------------------------------------------------------------------

static void report(bool passed, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("%s ", passed ? "ok    " : "FAILED");
  vprintf(format, arguments);
  printf("\n");
  fflush(stdout);
  va_end(arguments);
  ++checks;
  failures += !passed;
}

static void stop(const char* what) {
  printf("FAILED %s: %s\n", what, strerror(errno));
  exit(1);
}

static const char* error_name(int error) { return error ? strerrorname_np(error) : "0"; }

static void expect(const char* what, int got, int wanted) {
  if (got == wanted)
    report(true, "%s: %s", what, error_name(got));
  else
    report(false, "%s: %s, expected %s", what, error_name(got), error_name(wanted));
}

static void expect_number(const char* what, long got, long wanted) {
  if (got == wanted)
    report(true, "%s: %ld", what, got);
  else
    report(false, "%s: %ld, expected %ld", what, got, wanted);
}

// ---- files
// -----------------------------------------------------------------------------------------

static char* read_file(const char* path) {
  static char buffer[1 << 16];
  int file = open(path, O_RDONLY);
  if (file < 0) return NULL;
  size_t size = 0;
  ssize_t got;
  while (size < sizeof(buffer) - 1 &&
         (got = read(file, buffer + size, sizeof(buffer) - 1 - size)) > 0) {
    size += (size_t)got;
  }
  close(file);
  buffer[size] = 0;
  return buffer;
}

static int write_file(const char* path, const char* text) {
  int file = open(path, O_WRONLY | O_TRUNC);
  if (file < 0) return errno;
  int error = write(file, text, strlen(text)) < 0 ? errno : 0;
  close(file);
  return error;
}

static void must_write(const char* path, const char* text) {
  errno = write_file(path, text);
  if (errno) stop(path);
}

static long value_of(const char* name) {
  char path[256];
  snprintf(path, sizeof(path), TARGET "%s", name);
  char* text = read_file(path);
  return text ? atol(text) : -1;
}

// ---- the running kernel
// ----------------------------------------------------------------------------

struct symbol {
  uint64_t address;
  uint32_t size;  // up to the next symbol
};

static struct {
  uint64_t address;
  char type;
  char name[64];
} * symbols;
static size_t nr_symbols;

// The guest takes seconds for /proc/kallsyms, so it is read once.
static void read_symbols(void) {
  FILE* file = fopen("/proc/kallsyms", "r");
  char line[1024];
  size_t room = 1 << 18;
  symbols = calloc(room, sizeof(*symbols));
  if (!file || !symbols) stop("/proc/kallsyms");
  while (nr_symbols < room && fgets(line, sizeof(line), file)) {
    if (sscanf(line, "%lx %c %63s", &symbols[nr_symbols].address, &symbols[nr_symbols].type,
               symbols[nr_symbols].name) == 3) {
      ++nr_symbols;
    }
  }
  fclose(file);
}

static struct symbol find_symbol(const char* name) {
  struct symbol symbol = {0, 256};
  for (size_t i = 0; i < nr_symbols && !symbol.address; ++i) {
    if ((symbols[i].type | 32) == 't' && !strcmp(symbols[i].name, name)) {
      symbol.address = symbols[i].address;
    }
  }
  if (!symbol.address) {
    printf("FAILED no symbol %s\n", name);
    exit(1);
  }
  for (size_t i = 0; i < nr_symbols; ++i) {
    if (symbols[i].address > symbol.address && symbols[i].address - symbol.address < symbol.size) {
      symbol.size = (uint32_t)(symbols[i].address - symbol.address);
    }
  }
  return symbol;
}

static void read_text(uint64_t address, void* buffer, size_t size) {
  int file = open("/proc/kcore", O_RDONLY);
  Elf64_Ehdr header;
  if (file < 0 || pread(file, &header, sizeof(header), 0) != sizeof(header)) stop("/proc/kcore");
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    off_t place = (off_t)(header.e_phoff + i * sizeof(segment));
    if (pread(file, &segment, sizeof(segment), place) != sizeof(segment)) stop("/proc/kcore");
    if (segment.p_type != PT_LOAD || address < segment.p_vaddr ||
        address + size > segment.p_vaddr + segment.p_memsz) {
      continue;
    }
    place = (off_t)(segment.p_offset + (address - segment.p_vaddr));
    if (pread(file, buffer, size, place) != (ssize_t)size) stop("/proc/kcore");
    close(file);
    return;
  }
  stop("an address that /proc/kcore does not have");
}

// ---- requests
// --------------------------------------------------------------------------------------

struct request {
  struct splice_apply apply;
  struct splice_function functions[16];
  char modules[4][SPLICE_NAME_LEN];
  uint8_t expected[16][1024];
  uint8_t expected_hop[16][5];
  struct splice_busy busy[16];
};

static void read_expected(struct request* request, unsigned i) {
  struct splice_function* function = &request->functions[i];
  read_text(function->old_code, request->expected[i], function->old_size);
  function->expected = (uintptr_t)request->expected[i];
}

static void begin(struct request* request, const char* id, const char* module) {
  memset(request, 0, sizeof(*request));
  request->apply.abi_version = SPLICE_ABI_VERSION;
  request->apply.functions = (uintptr_t)request->functions;
  request->apply.modules = (uintptr_t)request->modules;
  request->apply.nr_modules = 1;
  request->apply.busy = (uintptr_t)request->busy;
  request->apply.max_busy = 16;
  strcpy(request->apply.id, id);
  strcpy(request->modules[0], module);
}

// SITE is an offset: 5 behind an ftrace site, else 0.
static struct splice_function* add(struct request* request, const char* old_name,
                                   const char* new_name, unsigned site) {
  struct splice_function* function = &request->functions[request->apply.nr_functions];
  struct symbol old_symbol = find_symbol(old_name), new_symbol = find_symbol(new_name);
  function->old_entry = function->old_code = old_symbol.address;
  function->old_size = old_symbol.size;
  function->new_code = new_symbol.address;
  function->new_size = new_symbol.size;
  function->site = old_symbol.address + site;
  snprintf(function->name, sizeof(function->name), "%s", old_name);
  read_expected(request, request->apply.nr_functions++);
  return function;
}

// Code that is watched only.
static struct splice_function* watch(struct request* request, const char* name) {
  struct splice_function* function = &request->functions[request->apply.nr_functions];
  struct symbol symbol = find_symbol(name);
  function->old_entry = function->old_code = symbol.address;
  function->old_size = symbol.size;
  snprintf(function->name, sizeof(function->name), "%s", name);
  read_expected(request, request->apply.nr_functions++);
  return function;
}

static void one(struct request* request, const char* old_name, const char* new_name,
                unsigned site) {
  begin(request, FIRST, "splice_update_a");
  add(request, old_name, new_name, site);
}

static int apply(struct request* request) {
  return ioctl(device, SPLICE_IOC_APPLY, &request->apply) ? errno : 0;
}

static struct splice_undo last_undo;

static int undo_busy(const char* id, struct splice_busy* busy, unsigned max_busy) {
  memset(&last_undo, 0, sizeof(last_undo));
  last_undo.abi_version = SPLICE_ABI_VERSION;
  last_undo.busy = (uintptr_t)busy;
  last_undo.max_busy = max_busy;
  strcpy(last_undo.id, id);
  return ioctl(device, SPLICE_IOC_UNDO, &last_undo) ? errno : 0;
}

static int undo(const char* id) { return undo_busy(id, NULL, 0); }

static void open_device(void) {
  device = open(SPLICE_DEVICE, O_RDWR | O_CLOEXEC);
  if (device < 0) stop(SPLICE_DEVICE);
}

// ---- threads that are in the way
// -------------------------------------------------------------------

// Reads a file of the target's, which blocks; comes back when the child is inside `function`.
static pid_t enter(const char* name, const char* function) {
  must_write(TARGET "release", "0");
  pid_t child = fork();
  if (!child) {
    value_of(name);
    _exit(0);
  }
  char stack_path[64], state_path[64];
  snprintf(stack_path, sizeof(stack_path), "/proc/%d/stack", child);
  snprintf(state_path, sizeof(state_path), "/proc/%d/stat", child);
  // A thread that runs is not asked for its stack: the kernel warns if a return probe is on it. For
  // such a thread, some time has to do.
  for (int i = 0; i < 500; ++i) {
    usleep(10000);
    if (!function && i > 20) return child;
    if (function && strstr(read_file(state_path), ") S ") &&
        strstr(read_file(stack_path), function)) {
      return child;
    }
  }
  printf("FAILED no thread in %s\n", function ? function : name);
  exit(1);
}

static void leave(pid_t child) {
  int status;
  must_write(TARGET "release", "1");
  if (waitpid(child, &status, 0) != child) stop("waitpid");
}

static void expect_busy_in(unsigned index, const char* what, struct request* request, pid_t child,
                           int conservative) {
  expect(what, apply(request), EBUSY);
  const struct splice_function* function = &request->functions[index];
  const struct splice_busy* busy = request->busy;
  bool right = request->apply.nr_busy == 1 && busy->pid == child && busy->function == index &&
               busy->depth > 0 && !strcmp(busy->comm, "ioctl_test") &&
               (conservative < 0 || busy->conservative == (unsigned)conservative);
  bool inside = false;
  for (unsigned i = 0; i < busy->depth; ++i) {
    inside |= busy->stack[i] > function->old_code &&
              busy->stack[i] <= function->old_code + function->old_size;
  }
  report(right && inside, "%s: %u threads, pid %d (%d), comm %s, function %u, depth %u%s", what,
         request->apply.nr_busy, busy->pid, child, busy->comm, busy->function, busy->depth,
         busy->conservative ? ", conservative" : "");
}

static void expect_busy(const char* what, struct request* request, pid_t child, int conservative) {
  expect_busy_in(0, what, request, child, conservative);
}

// ---- the checks
// ------------------------------------------------------------------------------------

static void test_permission(void) {
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

static int pin(const char* name) {
  struct splice_pin pin;
  memset(&pin, 0, sizeof(pin));
  memcpy(pin.module, name, strnlen(name, sizeof(pin.module)));
  return ioctl(device, SPLICE_IOC_PIN, &pin) ? errno : 0;
}

static int references(const char* module) {
  char path[256];
  snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
  return atoi(read_file(path));
}

static void test_pin(void) {
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
#define WRONG(what, error, change)                                       \
  do {                                                                   \
    struct request request;                                              \
    one(&request, "target_value", "a_value", 5);                         \
    struct splice_function* function = &request.functions[0];            \
    (void)function;                                                      \
    change;                                                              \
    expect(what, apply(&request), error);                                \
    if (value_of("value") != 1) report(false, "%s: code changed", what); \
  } while (0)

static const uint8_t megabyte[SPLICE_MAX_CODE];

static void test_arguments(void) {
  WRONG("abi_version", EPROTO, request.apply.abi_version = 99);
  WRONG("flags", EINVAL, request.apply.flags = 1);
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
  WRONG("old_size 0", EINVAL, function->old_size = 0);
  WRONG("old_size too large", EINVAL, function->old_size = SPLICE_MAX_CODE + 1);
  WRONG("old_size beyond the module", EINVAL,
        (function->old_size = SPLICE_MAX_CODE, function->expected = (uintptr_t)megabyte));
  WRONG("new_size 0", EINVAL, function->new_size = 0);
  WRONG("new_size beyond the module", EINVAL, function->new_size = SPLICE_MAX_CODE);
  WRONG("no name", EINVAL, function->name[0] = 0);
  WRONG("name without end", EINVAL, memset(function->name, 'x', SPLICE_NAME_LEN));
  WRONG("name of two lines", EINVAL, strcpy(function->name, "a\nb"));
  WRONG("expected beyond memory", EFAULT, function->expected = 8);
  WRONG("old code in user space", EINVAL,
        function->old_entry = function->old_code = (uintptr_t)&request);
  WRONG("old code wraps around", EINVAL, function->old_entry = function->old_code = ~0ULL - 3);
  WRONG("old code in data", EINVAL,
        function->old_entry = function->old_code = function->old_entry + (64 << 20));
  WRONG("old code in splice itself", EINVAL,
        (function->old_entry = function->old_code = find_symbol("update_apply").address,
         function->site = function->old_entry + 5));
  WRONG("new code in user space", EINVAL, function->new_code = (uintptr_t)&request);
  WRONG("new code in another module", EINVAL, function->new_code = find_symbol("b_value").address);
  WRONG("new code in the kernel", EINVAL,
        function->new_code = find_symbol("cmdline_proc_show").address);
  WRONG("old code in the update's module", EINVAL,
        (function->old_entry = function->old_code = find_symbol("a_plain").address,
         function->site = function->old_entry));
  WRONG("site before the function", EINVAL, function->site -= 6);
  WRONG("site in the function's middle", EINVAL, function->site += 1);
  WRONG("site behind the function", EINVAL, function->site += function->old_size);
  WRONG("jump reaches beyond the function", EINVAL, function->old_size = 9);
  WRONG("site on the ftrace site", EADDRINUSE, function->site = function->old_entry);
  WRONG("code of an update that is not there", ESTALE,
        function->old_code = find_symbol("b_value").address);
  WRONG("hop inside the function", EINVAL,
        (function->hop = function->old_entry + 10, function->expected_hop = (uintptr_t)megabyte));
  WRONG("hop far away", EINVAL,
        (function->hop = function->old_entry + 4096, function->expected_hop = (uintptr_t)megabyte));
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

static void test_stale(void) {
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

// All kinds at once: behind an ftrace site, at the first byte, with a hop, and in the kernel
// itself.
static void make_all(struct request* request) {
  begin(request, FIRST, "splice_update_a");
  add(request, "target_value", "a_value", 5);
  add(request, "target_plain", "a_plain", 0);
  struct splice_function* function = add(request, "target_short", "a_short", 0);
  function->old_size = 4;
  function->hop = function->old_entry + 4;
  read_text(function->hop, request->expected_hop[2], 5);
  function->expected_hop = (uintptr_t)request->expected_hop[2];
  add(request, "cmdline_proc_show", "a_cmdline", 5);
}

static void expect_values(const char* when, int value, int plain, int small, bool spliced) {
  long got[] = {value_of("value"), value_of("plain"), value_of("short")};
  bool cmdline = !strcmp(read_file("/proc/cmdline"), "spliced\n");
  report(got[0] == value && got[1] == plain && got[2] == small && cmdline == spliced,
         "%s: value %ld, plain %ld, short %ld, cmdline %s", when, got[0], got[1], got[2],
         cmdline ? "new" : "old");
}

static void test_apply_and_undo(void) {
  uint8_t before[64], after[64];
  struct symbol symbol = find_symbol("target_short");
  struct request request;
  read_text(symbol.address, before, 16);
  expect_values("before", 1, 1, 1, false);
  make_all(&request);
  int references_before = references("splice_target");
  expect("pin", pin("splice_target"), 0);
  expect("apply", apply(&request), 0);
  expect_values("applied", 2, 2, 2, true);
  report(request.apply.pause_ns > 0, "pause %llu ns", (unsigned long long)request.apply.pause_ns);
  expect_number("references: three functions and a pin", references("splice_target"),
                references_before + 4);
  expect_number("references of the new code", references("splice_update_a"), 1);
  make_all(&request);
  expect("apply once more", apply(&request), EEXIST);

  struct splice_info info;
  ioctl(device, SPLICE_IOC_INFO, &info);
  expect_number("updates", info.updates, 1);
  report(!strcmp(read_file("/sys/kernel/splice/" FIRST "/state"), "applied\n"), "sysfs: state");
  report(!strcmp(read_file("/sys/kernel/splice/" FIRST "/modules"), "splice_update_a\n"),
         "sysfs: modules");
  report(atol(read_file("/sys/kernel/splice/" FIRST "/pause_ns")) > 0, "sysfs: pause_ns");
  report(atol(read_file("/sys/kernel/splice/" FIRST "/applied_at")) > 0, "sysfs: applied_at");
  report(atol(read_file("/sys/kernel/splice/" FIRST "/sequence")) == 1, "sysfs: sequence");
  char* functions = read_file("/sys/kernel/splice/" FIRST "/functions");
  char line[512];
  snprintf(line, sizeof(line), "0x%llx 0x%llx 0x%x 0x%llx 0x%x 0x%llx 0x%llx target_short\n",
           request.functions[2].old_entry, request.functions[2].old_code,
           request.functions[2].old_size, request.functions[2].new_code,
           request.functions[2].new_size, request.functions[2].site, request.functions[2].hop);
  report(strstr(functions, line) != NULL, "sysfs: functions\n%s", functions);
  struct stat status;
  stat("/sys/kernel/splice/" FIRST "/functions", &status);
  expect_number("sysfs: mode of functions", status.st_mode & 0777, 0400);

  // Pins belong to the update now: closing leaves them.
  close(device);
  open_device();
  expect_number("references after close", references("splice_target"), references_before + 4);
  expect("undo", undo(FIRST), 0);
  expect_values("undone", 1, 1, 1, false);
  read_text(symbol.address, after, 16);
  report(!memcmp(before, after, 16), "the old bytes are back");
  expect_number("references after undo", references("splice_target"), references_before);
  expect_number("references of the new code after undo", references("splice_update_a"), 0);
  report(!read_file("/sys/kernel/splice/" FIRST "/state"), "no folder after undo");
  expect("undo once more", undo(FIRST), ENOENT);
}

static void make_stacked(struct request* request) {
  begin(request, SECOND, "splice_update_b");
  struct splice_function* function = add(request, "target_value", "b_value", 5);
  struct symbol symbol = find_symbol("a_value");
  function->old_code = symbol.address;
  function->old_size = symbol.size;
  read_expected(request, 0);
  function = add(request, "target_short", "b_short", 0);
  symbol = find_symbol("a_short");
  function->old_code = symbol.address;
  function->old_size = symbol.size;
  function->hop = function->old_entry + 4;
  function->expected_hop = (uintptr_t)request->expected_hop[1];
  read_expected(request, 1);
}

static void test_stack_of_two(void) {
  struct request request;
  make_all(&request);
  expect("apply the first", apply(&request), 0);
  make_stacked(&request);
  request.functions[0].old_code = request.functions[0].old_entry;
  expect("second, on the code before the first", apply(&request), ESTALE);
  expect_number("bad_offset", request.apply.bad_offset, 5);
  make_stacked(&request);
  request.functions[0].site = request.functions[0].old_entry;
  expect("second, at another site", apply(&request), EINVAL);
  make_stacked(&request);
  request.functions[1].hop = 0;
  expect("second, without the hop", apply(&request), EINVAL);
  begin(&request, SECOND, "splice_update_b");
  struct splice_function* function = add(&request, "target_short", "b_short", 0);
  function->old_entry = function->old_code = function->site = function->old_entry + 4;
  read_expected(&request, 0);
  expect("second, over the first one's hop", apply(&request), EADDRINUSE);
  make_stacked(&request);
  expect("apply the second", apply(&request), 0);
  expect_values("both applied", 3, 2, 3, true);
  expect("undo the first", undo(FIRST), EDEADLK);
  report(!strcmp(last_undo.blocker, SECOND), "blocker: %s", last_undo.blocker);
  expect("undo the second", undo(SECOND), 0);
  expect_values("second undone", 2, 2, 2, true);
  make_stacked(&request);
  expect("apply the second again", apply(&request), 0);
  expect_values("both applied", 3, 2, 3, true);
  expect("undo the second", undo(SECOND), 0);
  // An update that only holds the first one's module stands on it, too.
  begin(&request, SECOND, "splice_update_b");
  add(&request, "target_spin", "b_value", 5);
  expect("pin the first one's module", pin("splice_update_a"), 0);
  expect("apply another", apply(&request), 0);
  expect("undo the first, whose module is pinned", undo(FIRST), EDEADLK);
  report(!strcmp(last_undo.blocker, SECOND), "blocker: %s", last_undo.blocker);
  expect("undo the other", undo(SECOND), 0);
  expect("undo the first", undo(FIRST), 0);
  expect_values("both undone", 1, 1, 1, false);
}

static void test_busy(void) {
  struct request request;
  pid_t child = enter("sleep", "target_sleep");
  one(&request, "target_sleep_caller", "a_sleep", 5);
  expect_busy("a thread sleeps in it", &request, child, 0);
  request.apply.busy = 0;
  expect("the same without room for a report", apply(&request), EBUSY);
  // A function that the thread is not in may be replaced meanwhile.
  one(&request, "target_value", "a_value", 5);
  expect("another function", apply(&request), 0);
  expect("undo", undo(FIRST), 0);
  leave(child);

  child = enter("odd", "target_wait");
  one(&request, "target_callback", "a_sleep", 5);
  expect_busy("a thread that cannot be unwound sleeps in it", &request, child, 1);
  leave(child);

  child = enter("spin", NULL);
  one(&request, "target_spin", "a_value", 5);
  expect_busy("a thread runs in it", &request, child, -1);
  leave(child);

  one(&request, "target_sleep_caller", "a_sleep", 5);
  expect("when all have left", apply(&request), 0);
  child = enter("sleep", "a_helper");
  struct splice_busy busy[4];
  expect("undo with a thread in the new code", undo_busy(FIRST, busy, 4), EBUSY);
  report(last_undo.nr_busy == 1 && busy[0].pid == child && busy[0].function == 0,
         "the thread in the new code: %u, pid %d, function %u", last_undo.nr_busy, busy[0].pid,
         busy[0].function);
  report(!strcmp(read_file("/sys/kernel/splice/" FIRST "/state"), "applied\n"), "still applied");
  kill(child, SIGKILL);
  leave(child);
  expect("undo when it has left", undo(FIRST), 0);
}

// A function and its out-of-line part: the part is given no new code.
static void make_watched(struct request* request) {
  one(request, "target_value", "a_value", 5);
  watch(request, "target_sleep");
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

static void test_watched_arguments(void) {
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
              watched->old_entry = watched->old_code = find_symbol("update_apply").address);
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

static void test_watched(void) {
  struct request request;
  uint8_t before[64], after[64];
  int references_before = references("splice_target");
  read_text(find_symbol("target_sleep").address, before, sizeof(before));
  pid_t child = enter("sleep", "target_sleep");
  make_watched(&request);
  expect_busy_in(1, "a thread sleeps in watched code", &request, child, 0);
  expect_number("value", value_of("value"), 1);
  leave(child);
  expect("when it has left", apply(&request), 0);
  expect_number("value", value_of("value"), 2);
  read_text(find_symbol("target_sleep").address, after, sizeof(after));
  report(!memcmp(before, after, sizeof(before)), "nothing is written into watched code");
  char line[256];
  snprintf(line, sizeof(line), "0x%llx 0x%llx 0x%x 0x0 0x0 0x0 0x0 target_sleep\n",
           request.functions[1].old_entry, request.functions[1].old_code,
           request.functions[1].old_size);
  report(strstr(read_file("/sys/kernel/splice/" FIRST "/functions"), line) != NULL,
         "sysfs: watched code");
  child = enter("sleep", "target_sleep");
  expect("undo with a thread in watched code", undo(FIRST), 0);
  expect_number("value", value_of("value"), 1);
  leave(child);
  expect_number("references", references("splice_target"), references_before);

  // Code of an earlier update, watched by one that stands on it.
  begin(&request, FIRST, "splice_update_a");
  add(&request, "target_value", "a_value", 5);
  add(&request, "target_sleep_caller", "a_sleep", 5);
  expect("apply the first", apply(&request), 0);
  child = enter("sleep", "a_helper");
  begin(&request, SECOND, "splice_update_b");
  struct splice_function* function = add(&request, "target_value", "b_value", 5);
  struct symbol symbol = find_symbol("a_value");
  function->old_code = symbol.address;
  function->old_size = symbol.size;
  read_expected(&request, 0);
  watch(&request, "a_helper");
  expect_busy_in(1, "a thread sleeps in an update's watched code", &request, child, 0);
  kill(child, SIGKILL);
  leave(child);
  expect("apply the second", apply(&request), 0);
  expect_number("value", value_of("value"), 3);
  expect_number("references of the first", references("splice_update_a"), 2);
  expect("undo the first", undo(FIRST), EDEADLK);
  expect("undo the second", undo(SECOND), 0);
  expect("undo the first", undo(FIRST), 0);
  expect_number("value", value_of("value"), 1);
  expect_number("references of the first", references("splice_update_a"), 0);
}

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

static void test_tracers(void) {
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
  expect_number("bad_offset", request.apply.bad_offset, 0);
  must_write(TRACING "current_tracer", "nop");
  must_write(TRACING "set_ftrace_filter", "");
}

static void test_probes(void) {
  struct request request;
  one(&request, "target_value", "a_value", 5);
  must_write(TRACING "kprobe_events", "p:p1 target_value+5\n");
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
  must_write(TRACING "kprobe_events", "p:p1 target_value+5\n");
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

static void test_hop_place(void) {
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

// Threads come and go in old and new code while it is switched to and fro. Each call must give one
// of the two answers, and after a switch no thread that begins may give the other one.
static void test_traffic(void) {
  enum { kChildren = 6, kRounds = 20, kMaxBusy = 2000 };
  pid_t children[kChildren];
  struct request request;
  for (int i = 0; i < kChildren; ++i) {
    children[i] = fork();
    if (!children[i]) {
      const char* name = i % 3 == 0 ? "value" : i % 3 == 1 ? "plain" : "nap";
      for (;;) {
        long value = value_of(name);
        if (value != 1 && value != 2) _exit(1);
        // Threads that are new, too, and die at once.
        if (i == 0 && !fork()) _exit(value_of(name) < 0);
        if (i == 0) wait(NULL);
        if (i % 3 == 2) usleep(3000);
      }
    }
  }
  int applied = 0, undone = 0, busy = 0, wrong = 0;
  for (int i = 0; i < kRounds; ++i) {
    begin(&request, FIRST, "splice_update_a");
    add(&request, "target_value", "a_value", 5);
    add(&request, "target_plain", "a_plain", 0);
    add(&request, "target_nap", "a_nap", 5);
    int error = apply(&request);
    busy += error == EBUSY;
    wrong += error && error != EBUSY;
    if (error) continue;
    ++applied;
    wrong += value_of("value") != 2 || value_of("plain") != 2 || value_of("nap") != 2;
    while ((error = undo(FIRST)) == EBUSY && busy < kMaxBusy) ++busy;
    wrong += error != 0;
    undone += !error;
    wrong += value_of("value") != 1 || value_of("plain") != 1 || value_of("nap") != 1;
  }
  for (int i = 0; i < kChildren; ++i) {
    int status;
    wrong += waitpid(children[i], &status, WNOHANG) != 0;
    kill(children[i], SIGKILL);
    waitpid(children[i], &status, 0);
  }
  report(wrong == 0 && applied > 0 && applied == undone,
         "traffic: applied %d, undone %d times, busy %d times, %d wrong answers", applied, undone,
         busy, wrong);
}

int main(void) {
  read_symbols();
  test_permission();
  test_pin();
  test_arguments();
  test_stale();
  test_hop_place();
  test_apply_and_undo();
  test_stack_of_two();
  test_busy();
  test_watched_arguments();
  test_watched();
  test_tracers();
  test_probes();
  test_traffic();
  close(device);
  printf("%d checks, %d failed\n", checks, failures);
  return failures != 0;
}
