// SPDX-License-Identifier: GPL-2.0-or-later
//
// APPLY and UNDO as splice-apply would ask for them.
#include "ioctl_test.h"

int device = -1;

void read_expected(struct request* request, unsigned i) {
  struct splice_function* function = &request->functions[i];
  read_text(function->old_code, request->expected[i], function->old_size);
  function->expected = (uintptr_t)request->expected[i];
}

void begin(struct request* request, const char* id, const char* module) {
  memset(request, 0, sizeof(*request));
  request->apply.abi_version = SPLICE_ABI_VERSION;
  request->apply.functions = (uintptr_t)request->functions;
  request->apply.modules = (uintptr_t)request->modules;
  request->apply.nr_modules = 1;
  request->apply.busy = (uintptr_t)request->busy;
  request->apply.max_busy = 16;
  request->apply.hooks = (uintptr_t)request->hooks;
  request->apply.values = (uintptr_t)request->values;
  strcpy(request->apply.id, id);
  strcpy(request->modules[0], module);
}

// What stands before the ftrace site: endbr64, or the nop that the kernel seals it with.
unsigned landing(uint64_t entry) {
  uint8_t bytes[4];
  read_text(entry, bytes, sizeof(bytes));
  return !memcmp(bytes, "\xf3\x0f\x1e\xfa", 4) || !memcmp(bytes, "\x66\x0f\x1f\x00", 4) ? 4 : 0;
}

// SITE counts from behind an endbr64: 5 behind an ftrace site, else 0.
struct splice_function* add(struct request* request, const char* old_name, const char* new_name,
                            unsigned site) {
  struct splice_function* function = &request->functions[request->apply.nr_functions];
  struct symbol old_symbol = find_symbol(old_name), new_symbol = find_symbol(new_name);
  function->old_entry = function->old_code = old_symbol.address;
  function->old_size = old_symbol.size;
  function->new_code = new_symbol.address;
  function->new_size = new_symbol.size;
  function->site = old_symbol.address + landing(old_symbol.address) + site;
  snprintf(function->name, sizeof(function->name), "%s", old_name);
  read_expected(request, request->apply.nr_functions++);
  return function;
}

// target_short(), whose jump needs the padding behind it.
struct splice_function* add_hop(struct request* request, const char* new_name) {
  return add_short(request, "target_short", 4, new_name);
}

// A function of `size` bytes, and its hop right behind it.
struct splice_function* add_short(struct request* request, const char* old_name, unsigned size,
                                  const char* new_name) {
  unsigned i = request->apply.nr_functions;
  struct splice_function* function = add(request, old_name, new_name, 0);
  function->old_size = size;
  function->hop = function->old_entry + size;
  read_text(function->hop, request->expected_hop[i], sizeof(request->expected_hop[i]));
  function->expected_hop = (uintptr_t)request->expected_hop[i];
  return function;
}

// A function that ftrace leads on: no jump.
struct splice_function* add_at_ftrace(struct request* request, const char* old_name,
                                      const char* new_name) {
  struct splice_function* function = add(request, old_name, new_name, 0);
  function->flags = SPLICE_FUNCTION_AT_FTRACE;
  return function;
}

// Code that is watched only.
struct splice_function* watch(struct request* request, const char* name) {
  struct splice_function* function = &request->functions[request->apply.nr_functions];
  struct symbol symbol = find_symbol(name);
  function->old_entry = function->old_code = symbol.address;
  function->old_size = symbol.size;
  snprintf(function->name, sizeof(function->name), "%s", name);
  read_expected(request, request->apply.nr_functions++);
  return function;
}

void one(struct request* request, const char* old_name, const char* new_name, unsigned site) {
  begin(request, FIRST, "splice_update_a");
  add(request, old_name, new_name, site);
}

int apply(struct request* request) {
  return ioctl(device, SPLICE_IOC_APPLY, &request->apply) ? errno : 0;
}

struct splice_undo last_undo;

int undo_busy(const char* id, struct splice_busy* busy, unsigned max_busy) {
  memset(&last_undo, 0, sizeof(last_undo));
  last_undo.abi_version = SPLICE_ABI_VERSION;
  last_undo.busy = (uintptr_t)busy;
  last_undo.max_busy = max_busy;
  strcpy(last_undo.id, id);
  return ioctl(device, SPLICE_IOC_UNDO, &last_undo) ? errno : 0;
}

int undo(const char* id) { return undo_busy(id, NULL, 0); }

void open_device(void) {
  device = open(SPLICE_DEVICE, O_RDWR | O_CLOEXEC);
  if (device < 0) stop(SPLICE_DEVICE);
}

int pin(const char* name) {
  struct splice_pin pin;
  memset(&pin, 0, sizeof(pin));
  memcpy(pin.module, name, strnlen(name, sizeof(pin.module)));
  return ioctl(device, SPLICE_IOC_PIN, &pin) ? errno : 0;
}

int references(const char* module) {
  char path[256];
  snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
  return atoi(read_file(path));
}

// All kinds at once: behind an ftrace site, at the first byte, with a hop, and in the kernel
// itself.
void make_all(struct request* request) {
  begin(request, FIRST, "splice_update_a");
  add(request, "target_value", "a_value", 5);
  add(request, "target_plain", "a_plain", 0);
  add_hop(request, "a_short");
  add(request, "cmdline_proc_show", "a_cmdline", 5);
}

void expect_values(const char* when, int value, int plain, int small, bool spliced) {
  long got[] = {value_of("value"), value_of("plain"), value_of("short")};
  bool cmdline = !strcmp(read_file("/proc/cmdline"), "spliced\n");
  report(got[0] == value && got[1] == plain && got[2] == small && cmdline == spliced,
         "%s: value %ld, plain %ld, short %ld, cmdline %s", when, got[0], got[1], got[2],
         cmdline ? "new" : "old");
}

// A function and its out-of-line part: the part is given no new code.
void make_watched(struct request* request) {
  one(request, "target_value", "a_value", 5);
  watch(request, "target_sleep");
}
