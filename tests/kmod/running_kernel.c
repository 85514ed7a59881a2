// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where functions and variables are in the running kernel, and what the code is.
#include <elf.h>

#include "ioctl_test.h"

static struct {
  uint64_t address;
  char type;
  char name[64];
  char module[24];  // empty: the kernel itself
} * symbols;
static size_t nr_symbols;
static uint64_t* sorted;  // their addresses

static int compare(const void* left, const void* right) {
  uint64_t a = *(const uint64_t*)left, b = *(const uint64_t*)right;
  return a < b ? -1 : a > b;
}

// The guest takes seconds for /proc/kallsyms, so it is read once.
void read_symbols(void) {
  FILE* file = fopen("/proc/kallsyms", "r");
  char line[1024];
  size_t room = 1 << 18;
  symbols = calloc(room, sizeof(*symbols));
  if (!file || !symbols) stop("/proc/kallsyms");
  while (nr_symbols < room && fgets(line, sizeof(line), file)) {
    if (sscanf(line, "%lx %c %63s [%23[^]]", &symbols[nr_symbols].address,
               &symbols[nr_symbols].type, symbols[nr_symbols].name,
               symbols[nr_symbols].module) >= 3) {
      ++nr_symbols;
    }
  }
  fclose(file);
}

static void sort_addresses(void) {
  if (sorted) return;
  sorted = calloc(nr_symbols, sizeof(*sorted));
  if (!sorted) stop("memory");
  for (size_t i = 0; i < nr_symbols; ++i) sorted[i] = symbols[i].address;
  qsort(sorted, nr_symbols, sizeof(*sorted), compare);
}

// Does a symbol begin there?
bool is_symbol(uint64_t address) {
  sort_addresses();
  return bsearch(&address, sorted, nr_symbols, sizeof(*sorted), compare) != NULL;
}

static bool is_code(size_t i) { return (symbols[i].type | 32) == 't'; }

// The n-th function, of some kernel's many, that is neither very long nor gone after start-up.
const char* any_function(uint64_t n, struct symbol* symbol) {
  uint64_t end = find_symbol("_etext").address;
  sort_addresses();
  for (size_t i = n % nr_symbols;; i = (i + 1) % nr_symbols) {
    if (!is_code(i) || symbols[i].module[0] || symbols[i].address >= end) continue;
    const uint64_t* at = bsearch(&symbols[i].address, sorted, nr_symbols, sizeof(*sorted), compare);
    while (*at == symbols[i].address) ++at;
    symbol->address = symbols[i].address;
    symbol->size = (uint32_t)(*at - symbol->address);
    if (symbol->size >= 16 && symbol->size <= 256) return symbols[i].name;
  }
}

static struct text_bounds bounds_of(const char* module, bool code) {
  struct text_bounds bounds = {~0ULL, 0};
  for (size_t i = 0; i < nr_symbols; ++i) {
    if (strcmp(symbols[i].module, module) || (code && !is_code(i))) continue;
    if (symbols[i].address < bounds.start) bounds.start = symbols[i].address;
    if (symbols[i].address >= bounds.end) bounds.end = symbols[i].address + 1;
  }
  return bounds;
}

// From a loaded module's first function to the first byte of its last.
struct text_bounds text_of(const char* module) { return bounds_of(module, true); }

// What has all of a loaded module in it: symbols, and some room at both ends.
struct text_bounds all_of(const char* module) {
  struct text_bounds bounds = bounds_of(module, false);
  bounds.start -= 1 << 16;
  bounds.end += 1 << 16;
  return bounds;
}

static struct symbol find(const char* name, bool code) {
  struct symbol symbol = {0, 256};
  for (size_t i = 0; i < nr_symbols && !symbol.address; ++i) {
    if (((symbols[i].type | 32) == 't') == code && !strcmp(symbols[i].name, name)) {
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

struct symbol find_symbol(const char* name) {
  return find(name, true);
}

struct symbol find_variable(const char* name) {
  return find(name, false);
}

void read_text(uint64_t address, void* buffer, size_t size) {
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
