// SPDX-License-Identifier: GPL-2.0-or-later
//
// Requests: a valid one, of which then some members become something else. See fuzz.h.
//
// Which mistakes would do harm if they were no mistakes? The core module cannot know what a function
// is for: that new code takes the arguments of the old, and that a hook does not sleep in the stop,
// is what splice-create promises. So a request that asks for such a thing in a valid way is made
// anew (is_harmless()):
//  - a function of the kernel that is led to one of ours;
//  - any function that is led to the entry of one that it may not be led to, be it in a circle;
//  - a hook that is the entry of another function of ours;
//  - a record of a value that is none of those of target/.
// Nor is SPLICE_APPLY_KEEPS asked for without another flag, as its modules then stay for good.
#include "fuzz.h"

enum place { ENTRY, BEHIND_FTRACE, HOP, AT_FTRACE };

struct code {
  const char* name;
  enum place place;      // of the jump
  unsigned size;         // of those with a hop
  const char* module;    // of new code
  struct symbol symbol;  // and what stands there, while nothing is applied
  uint8_t bytes[512];
  uint8_t padding[5];
};

static struct code old_codes[] = {
    {.name = "target_value", .place = BEHIND_FTRACE},
    {.name = "target_flagged", .place = BEHIND_FTRACE},
    {.name = "target_nap", .place = BEHIND_FTRACE},
    {.name = "target_gated", .place = AT_FTRACE},
    {.name = "target_short", .place = HOP, .size = 4},
    {.name = "target_nopped", .place = HOP, .size = 5},
    {.name = "target_many_nops", .place = HOP, .size = 4},
    {.name = "target_plain", .place = ENTRY},
    {.name = "cmdline_proc_show", .place = BEHIND_FTRACE},
};
static struct code* const target_plain = &old_codes[COUNT(old_codes) - 2];
static struct code* const cmdline = &old_codes[COUNT(old_codes) - 1];

static struct code new_codes[] = {
    {.name = "a_value", .place = BEHIND_FTRACE, .module = "splice_update_a"},
    {.name = "a_short", .module = "splice_update_a"},
    {.name = "a_nap", .place = BEHIND_FTRACE, .module = "splice_update_a"},
    {.name = "b_value", .place = BEHIND_FTRACE, .module = "splice_update_b"},
    {.name = "b_short", .module = "splice_update_b"},
    {.name = "h_value", .place = BEHIND_FTRACE, .module = "splice_update_hooks"},
    {.name = "h_short", .module = "splice_update_hooks"},
    {.name = "a_plain", .module = "splice_update_a"},
    {.name = "a_cmdline", .module = "splice_update_a"},
};
enum { kForAll = COUNT(new_codes) - 2 };  // of them the first ones take no argument
static struct code* const a_plain = &new_codes[kForAll];
static struct code* const a_cmdline = &new_codes[kForAll + 1];

static const char* const records[] = {"v_table",          "v_setting",       "v_stacked",
                                      "v_empty",          "v_large",         "v_flagged",
                                      "v_in_text",        "v_in_itself",     "v_in_user_space",
                                      "v_before_outside", "v_after_outside", "v_overlapping"};
static const char* const hook_names[] = {"pre_apply",  "check_apply", "apply",      "post_apply",
                                         "fail_apply", "pre_undo",    "check_undo", "undo",
                                         "post_undo",  "fail_undo"};
static const char* const modules[] = {"splice_update_a", "splice_update_b", "splice_update_hooks",
                                      "splice_update_values"};

static uint64_t record_at[COUNT(records)], hook_at[2 * COUNT(hook_names)];
static struct code watched[24];  // anything may be watched
static struct text_bounds module_text[COUNT(modules)], module_all[COUNT(modules)];
static uint64_t elsewhere[8];  // addresses that lie in something else

static void read_code(struct code* code) {
  code->symbol = find_symbol(code->name);
  if (code->symbol.size > sizeof(code->bytes)) code->symbol.size = sizeof(code->bytes);
  read_text(code->symbol.address, code->bytes, code->symbol.size);
  if (code->place != HOP) return;
  code->symbol.size = code->size;
  read_text(code->symbol.address + code->size, code->padding, sizeof(code->padding));
}

// Reads, once, all that requests are made of.
void fuzz_prepare(struct random* random) {
  char name[64];
  for (unsigned i = 0; i < COUNT(old_codes); ++i) read_code(&old_codes[i]);
  for (unsigned i = 0; i < COUNT(new_codes); ++i) read_code(&new_codes[i]);
  for (unsigned i = 0; i < COUNT(records); ++i) record_at[i] = find_variable(records[i]).address;
  for (unsigned i = 0; i < COUNT(hook_at); ++i) {
    snprintf(name, sizeof(name), "h_%s_%u", hook_names[i / 2], i % 2 + 1);
    hook_at[i] = find_symbol(name).address;
  }
  for (unsigned i = 0; i < COUNT(watched); ++i) {
    watched[i].name = any_function(draw(random), &watched[i].symbol);
    read_text(watched[i].symbol.address, watched[i].bytes, watched[i].symbol.size);
  }
  for (unsigned i = 0; i < COUNT(modules); ++i) {
    module_text[i] = text_of(modules[i]);
    module_all[i] = all_of(modules[i]);
  }
  uint64_t others[] = {find_symbol("splice_update_apply").address,
                       find_symbol("asm_sysvec_apic_timer_interrupt").address,
                       find_symbol("__x86_indirect_thunk_array").address,
                       find_symbol("target_tiny").address,
                       find_variable("target_table").address,
                       find_variable("linux_banner").address,
                       find_variable("jiffies").address,
                       0xffff888000000000};
  memcpy(elsewhere, others, sizeof(elsewhere));
}

const char* fuzz_id(unsigned number) {
  static const char* const ids[FUZZ_IDS] = {FIRST, SECOND, "cccccccc", "0123456789abcdef",
                                            "ddddddddddddddddddddddddddddddd"};
  return ids[number];
}

// ---- what is valid ----

static void fill_function(struct request* request, unsigned i, const struct code* old,
                          const struct code* runs) {
  struct splice_function* function = &request->functions[i];
  memset(function, 0, sizeof(*function));
  function->old_entry = old->symbol.address;
  function->old_code = runs->symbol.address;
  function->old_size = runs->symbol.size;
  memcpy(request->expected[i], runs->bytes, runs->symbol.size);
  function->expected = (uintptr_t)request->expected[i];
  snprintf(function->name, sizeof(function->name), "%s", old->name);
}

static void add_module(struct request* request, const char* name) {
  for (unsigned i = 0; i < request->apply.nr_modules; ++i)
    if (!strcmp(request->modules[i], name)) return;
  strcpy(request->modules[request->apply.nr_modules++], name);
}

static unsigned landing_in(const struct code* code) {
  return !memcmp(code->bytes, "\xf3\x0f\x1e\xfa", 4) || !memcmp(code->bytes, "\x66\x0f\x1f\x00", 4)
             ? 4
             : 0;
}

static struct code* some_new(struct random* random, const struct code* old) {
  if (old == cmdline) return a_cmdline;
  if (old == target_plain && one_in(random, 2)) return a_plain;
  return &new_codes[below(random, kForAll)];
}

// The code of an earlier update is guessed: it may be what runs.
static void add_replaced(struct random* random, struct request* request) {
  struct code* old = &old_codes[below(random, COUNT(old_codes))];
  if (one_in(random, 12)) old = &new_codes[below(random, kForAll)];  // code of another update
  const struct code* new_code = some_new(random, old);
  const struct code* runs = old;
  if (one_in(random, 3)) runs = some_new(random, old);
  unsigned i = request->apply.nr_functions++;
  struct splice_function* function = &request->functions[i];
  fill_function(request, i, old, runs);
  function->new_code = new_code->symbol.address;
  function->new_size = new_code->symbol.size;
  function->site = old->symbol.address + landing_in(old);
  add_module(request, new_code->module);
  if (old->place == BEHIND_FTRACE) {
    if (one_in(random, 4))
      function->flags = SPLICE_FUNCTION_AT_FTRACE;
    else
      function->site += 5;
  } else if (old->place == AT_FTRACE) {
    function->flags = SPLICE_FUNCTION_AT_FTRACE;
  } else if (old->place == HOP) {
    function->hop = old->symbol.address + old->size;
    memcpy(request->expected_hop[i], old->padding, sizeof(old->padding));
    function->expected_hop = (uintptr_t)request->expected_hop[i];
  }
}

static void add_hooks(struct random* random, struct request* request) {
  for (unsigned n = 1 + below(random, 6); n-- > 0;) {
    unsigned which = below(random, COUNT(hook_at));
    struct splice_hook* hook = &request->hooks[request->apply.nr_hooks++];
    hook->function = hook_at[which];
    hook->kind = one_in(random, 4) ? below(random, SPLICE_NR_HOOK_KINDS) : which / 2;
    hook->group = which % 2 + 1;
    strcpy(hook->name, hook_names[which / 2]);
  }
  add_module(request, "splice_update_hooks");
}

static void add_values(struct random* random, struct request* request) {
  for (unsigned n = 1 + below(random, 2); n-- > 0;) {
    unsigned which = below(random, one_in(random, 3) ? COUNT(records) : 3);
    struct splice_value* value = &request->values[request->apply.nr_values++];
    value->record = record_at[which];
    strcpy(value->name, records[which]);
  }
  add_module(request, "splice_update_values");
}

static void make_valid(struct random* random, struct request* request) {
  begin(request, fuzz_id(below(random, FUZZ_IDS)), "");
  request->apply.nr_modules = 0;
  for (unsigned n = 1 + below(random, 3); n-- > 0;) add_replaced(random, request);
  if (one_in(random, 4)) {
    for (unsigned n = 1 + below(random, 3); n-- > 0;) {
      const struct code* code = &watched[below(random, COUNT(watched))];
      fill_function(request, request->apply.nr_functions++, code, code);
    }
  }
  if (one_in(random, 8)) add_hooks(random, request);
  if (one_in(random, 6)) add_values(random, request);
}

// ---- what is spoilt ----

// Near the right one, of something else, or of nothing at all.
uint64_t fuzz_address(struct random* random, uint64_t right) {
  switch (below(random, 8)) {
    case 0:
      return right + below(random, 33) - 16;
    case 1:
      return right + 8 * (uint64_t)below(random, 64);
    case 2:
      return old_codes[below(random, COUNT(old_codes))].symbol.address;
    case 3:
      return new_codes[below(random, COUNT(new_codes))].symbol.address;
    case 4:
      return elsewhere[below(random, COUNT(elsewhere))];
    case 5:
      return draw(random);
    case 6:
      return below(random, 16) - 8;
    default:
      return right ^ (1ULL << below(random, 64));
  }
}

static uint32_t some_number(struct random* random, uint32_t right) {
  static const uint32_t limits[] = {
      0, 1, 5, 256, 1024, SPLICE_MAX_FUNCTIONS, SPLICE_MAX_CODE, 0x7fffffff, 0x80000000, ~0U};
  switch (below(random, 3)) {
    case 0:
      return right + below(random, 9) - 4;
    case 1:
      return limits[below(random, COUNT(limits))] + below(random, 3) - 1;
    default:
      return (uint32_t)draw(random);
  }
}

static void spoil_text(struct random* random, char* text, unsigned room) {
  static const char odd[] = " \t\n/.%\x7f\xff";
  switch (below(random, 4)) {
    case 0:
      memset(text, 'a' + (int)below(random, 6), room);
      break;  // without an end
    case 1:
      text[0] = 0;
      break;
    case 2:
      text[below(random, 8)] = odd[below(random, sizeof(odd))];
      break;
    default:
      text[below(random, room)] ^= (char)(1 << below(random, 8));
  }
}

// A user pointer: to nothing, to the kernel, or so that what it leads to is cut by the page's end.
static uint64_t some_pointer(struct random* random, const struct request* request, uint64_t right) {
  uint64_t end = ((uint64_t)(uintptr_t)request + sizeof(*request) + 4095) & ~4095ULL;
  switch (below(random, 4)) {
    case 0:
      return end - below(random, 256);
    case 1:
      return right + below(random, 17) - 8;
    case 2:
      return (uintptr_t)request + below(random, sizeof(*request));
    default:
      return fuzz_address(random, right);
  }
}

static void move(struct request* request, unsigned i, unsigned shift) {
  struct splice_function* function = &request->functions[i];
  function->old_entry += shift;
  function->old_code += shift;
  memmove(request->expected[i], request->expected[i] + shift, sizeof(request->expected[i]) - shift);
}

static void spoil_function(struct random* random, struct request* request) {
  unsigned i = below(random, request->apply.nr_functions), shift = below(random, 24);
  struct splice_function* function = &request->functions[i];
  const struct code* some = one_in(random, 2) ? &watched[below(random, COUNT(watched))]
                                              : &old_codes[below(random, COUNT(old_codes))];
  unsigned other = below(random, request->apply.nr_functions);
  switch (below(random, 16)) {
    case 0:
      function->old_entry = fuzz_address(random, function->old_entry);
      break;
    case 1:
      function->old_code = fuzz_address(random, function->old_code);
      break;
    case 2:
      function->new_code = fuzz_address(random, function->new_code);
      break;
    case 3:
      function->site = fuzz_address(random, function->site);
      break;
    case 4:
      function->hop = fuzz_address(random, function->old_entry + function->old_size);
      break;
    case 5:
      function->expected = some_pointer(random, request, function->expected);
      break;
    case 6:
      function->expected_hop = some_pointer(random, request, function->expected_hop);
      break;
    case 7:
      function->old_size = some_number(random, function->old_size);
      break;
    case 8:
      function->new_size = some_number(random, function->new_size);
      break;
    case 9:
      function->flags = one_in(random, 2) ? function->flags ^ 1 : (uint32_t)draw(random);
      break;
    case 10:
      function->reserved = (uint32_t)draw(random);
      break;
    case 11:
      spoil_text(random, function->name, sizeof(function->name));
      break;
    case 12:
      request->expected[i][below(random, 64)] ^= (uint8_t)(1 << below(random, 8));
      break;
    case 13:
      *function = request->functions[other];
      break;  // equal ones, or as it was
    case 14:  // watched code, which may share bytes with another
      fill_function(request, i, some, some);
      move(request, i, below(random, 8));
      break;
    default:  // the middle of a function: entry, site and bytes are right, but for one another
      if (function->site) function->site += shift;
      move(request, i, shift);
  }
}

static void spoil_lists(struct random* random, struct request* request) {
  struct splice_apply* apply = &request->apply;
  switch (below(random, 10)) {
    case 0:
      apply->functions = some_pointer(random, request, apply->functions);
      break;
    case 1:
      apply->modules = some_pointer(random, request, apply->modules);
      break;
    case 2:
      apply->hooks = some_pointer(random, request, apply->hooks);
      break;
    case 3:
      apply->values = some_pointer(random, request, apply->values);
      break;
    case 4:
      apply->busy = some_pointer(random, request, apply->busy);
      break;
    case 5:
      apply->nr_functions = some_number(random, apply->nr_functions);
      break;
    case 6:
      apply->nr_modules = some_number(random, apply->nr_modules);
      break;
    case 7:
      apply->nr_hooks = some_number(random, apply->nr_hooks);
      break;
    case 8:
      apply->nr_values = some_number(random, apply->nr_values);
      break;
    default:
      apply->max_busy = some_number(random, apply->max_busy);
  }
}

static void spoil_rest(struct random* random, struct request* request) {
  struct splice_apply* apply = &request->apply;
  struct splice_hook* hook = &request->hooks[below(random, 4)];
  struct splice_value* value = &request->values[below(random, 2)];
  switch (below(random, 9)) {
    case 0:
      apply->abi_version = some_number(random, apply->abi_version);
      break;
    case 1:
      apply->flags = (uint32_t)draw(random) | 2;
      break;
    case 2:
      spoil_text(random, apply->id, sizeof(apply->id));
      break;
    case 3:
      spoil_text(random, request->modules[below(random, 2)], SPLICE_NAME_LEN);
      break;
    case 4:
      strcpy(request->modules[below(random, 2)], one_in(random, 2) ? "splice" : "virtio");
      break;
    case 5:
      hook->function = fuzz_address(random, hook_at[below(random, COUNT(hook_at))]);
      break;
    case 6:
      hook->kind = some_number(random, hook->kind);
      break;
    case 7:
      spoil_text(random, one_in(random, 2) ? hook->name : value->name, SPLICE_NAME_LEN);
      break;
    default:
      value->record = fuzz_address(random, record_at[below(random, COUNT(record_at))]);
  }
}

// ---- what must not be asked for ----

static bool within(const struct text_bounds* bounds, uint64_t address) {
  for (unsigned i = 0; i < COUNT(modules); ++i)
    if (address >= bounds[i].start && address < bounds[i].end) return true;
  return false;
}

static const struct code* find_code(const struct code* codes, unsigned nr, uint64_t address) {
  for (unsigned i = 0; i < nr; ++i)
    if (codes[i].symbol.address == address) return &codes[i];
  return NULL;
}

// From one update's code only to that of a module with a later name: there must be no circle.
static bool may_lead(uint64_t from, uint64_t to) {
  const struct code* to_code = find_code(new_codes, kForAll, to);
  const struct code* from_code = find_code(new_codes, kForAll, from);
  if (from == cmdline->symbol.address) return to == a_cmdline->symbol.address;
  if (to == a_plain->symbol.address) return from == target_plain->symbol.address;
  if (from_code) return to_code && strcmp(from_code->module, to_code->module) < 0;
  return to_code && find_code(old_codes, COUNT(old_codes), from);
}

// Would the core module refuse it in any case, as it is no function of ours?
static bool is_of_no_update(uint64_t address) {
  return !within(module_text, address) || !is_symbol(address);
}

static bool is_harmless(const struct request* request) {
  for (unsigned i = 0; i < COUNT(request->functions); ++i) {
    const struct splice_function* function = &request->functions[i];
    if (!may_lead(function->old_entry, function->new_code) &&
        !is_of_no_update(function->new_code) && is_symbol(function->old_entry)) {
      return false;
    }
  }
  for (unsigned i = 0; i < COUNT(request->hooks); ++i) {
    bool known = false;
    for (unsigned j = 0; j < COUNT(hook_at); ++j) known |= request->hooks[i].function == hook_at[j];
    if (!known && !is_of_no_update(request->hooks[i].function)) return false;
  }
  for (unsigned i = 0; i < COUNT(request->values); ++i) {
    uint64_t record = request->values[i].record;
    bool known = record % 8 != 0 || !within(module_all, record);
    for (unsigned j = 0; j < COUNT(record_at); ++j) known |= record == record_at[j];
    if (!known) return false;
  }
  return true;
}

// ---- requests ----

void fuzz_apply(struct random* random, struct request* request) {
  do {
    make_valid(random, request);
    unsigned spoilt = one_in(random, 4) ? 0 : one_in(random, 2) ? 1 : 1 + below(random, 4);
    while (spoilt-- > 0) {
      switch (below(random, 3)) {
        case 0:
          spoil_lists(random, request);
          break;
        case 1:
          spoil_rest(random, request);
          break;
        default:
          if (request->apply.nr_functions - 1 < 16) spoil_function(random, request);
      }
    }
  } while (!is_harmless(request));
}

void fuzz_undo(struct random* random, struct request* request, struct splice_undo* undo) {
  memset(undo, 0, sizeof(*undo));
  undo->abi_version = SPLICE_ABI_VERSION;
  strcpy(undo->id, fuzz_id(below(random, FUZZ_IDS)));
  undo->busy = (uintptr_t)request->busy;
  undo->max_busy = COUNT(request->busy);
  if (!one_in(random, 3)) return;
  switch (below(random, 5)) {
    case 0:
      undo->abi_version = some_number(random, undo->abi_version);
      break;
    case 1:
      undo->flags = (uint32_t)draw(random);
      break;
    case 2:
      spoil_text(random, undo->id, sizeof(undo->id));
      break;
    case 3:
      undo->busy = some_pointer(random, request, undo->busy);
      break;
    default:
      undo->max_busy = some_number(random, undo->max_busy);
  }
}

void fuzz_pin(struct random* random, struct splice_pin* pin) {
  memset(pin, 0, sizeof(*pin));
  strcpy(pin->module, one_in(random, 3) ? "splice_target" : modules[below(random, COUNT(modules))]);
  if (one_in(random, 2)) spoil_text(random, pin->module, sizeof(pin->module));
}

// A byte of the request that another thread may change while the core module reads it: whatever is
// read, the entries are those that were checked.
uint8_t* may_change(struct random* random, struct request* request) {
  struct splice_function* function = &request->functions[below(random, 3)];
  switch (below(random, 6)) {
    case 0:
      return (uint8_t*)&function->old_size + below(random, 4);
    case 1:
      return (uint8_t*)&function->new_size + below(random, 4);
    case 2:
      return (uint8_t*)&function->hop + below(random, 8);
    case 3:
      return (uint8_t*)&function->site + below(random, 8);
    case 4:
      return (uint8_t*)function->name + below(random, 16);
    default:
      return &request->expected[below(random, 3)][below(random, 32)];
  }
}
