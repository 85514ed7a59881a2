// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where functions and variables are in the running kernel, and what the code is.
#include <elf.h>

#include "ioctl_test.h"

static struct {
  uint64_t address;
  char type;
  char name[64];
} * symbols;
static size_t nr_symbols;

// The guest takes seconds for /proc/kallsyms, so it is read once.
void read_symbols(void) {
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
