// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/scope.h"

namespace splicer {

bool is_global(char letter) {
  return (letter >= 'A' && letter <= 'Z') || letter == 'w' || letter == 'v' || letter == 'u';
}

bool is_weak_symbol(const KernelSymbol& symbol) {
  return symbol.type == 'W' || symbol.type == 'w' || symbol.type == 'V' || symbol.type == 'v';
}

bool is_visible(const KernelSymbol& symbol, const std::string& target) {
  if (symbol.module == "vmlinux") return is_global(symbol.type);
  if (symbol.module == target) return true;
  return target != "vmlinux" && symbol.type >= 'A' && symbol.type <= 'Z';
}

bool in_scope(const Symbol& symbol, const KernelSymbol& kernel, const MatchOptions& options) {
  if (options.is_update(kernel.module)) return true;
  // A weak one may be another file's.
  if (symbol.defined() && !symbol.is_weak()) return kernel.module == options.target;
  return is_visible(kernel, options.target);
}

}  // namespace splicer
