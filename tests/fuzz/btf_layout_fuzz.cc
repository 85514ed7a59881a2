// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as a kernel's type information, and as a module's that is split from it: refused, or an
// answer for each structure, enumerator and declaration that is asked for.
//
// The first two bytes say how much belongs to the kernel; the rest is the module's.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "matcher/image/btf_layout.h"

namespace {

const std::vector<splicer::TypeLayout>& wanted() {
  static const std::vector<splicer::TypeLayout> layouts = {
      {"struct pair", 8, {{"first", 0, 0}, {"second", 32, 3}, {"inner.a", 32, 0}}},
      {"union pair", 8, {}},
      {"pair_t", 4, {{"first", 0, 0}}}};
  return layouts;
}

const std::vector<splicer::UsedEnumerator>& enumerators() {
  static const std::vector<splicer::UsedEnumerator> used = {{"FIRST", 0}, {"LAST", -1}};
  return used;
}

const std::vector<splicer::UsedDeclaration>& declarations() {
  static const std::vector<splicer::UsedDeclaration> used = {{"f", "(*struct pair,...)i32"},
                                                             {"v", "struct pair"}};
  return used;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::span<const std::uint8_t> rest(data + 2, size - 2);
  const std::size_t own = std::min<std::size_t>(data[0] + 256u * data[1], rest.size());
  const splicer::UsedTypes used{wanted(), enumerators(), declarations()};
  const auto compared =
      splicer::compare_used_types(used, rest.first(own), rest.subspan(own), "tun");
  const std::size_t all = wanted().size() + enumerators().size() + declarations().size();
  if (compared && compared->agreeing + compared->unknown.size() != all) std::abort();
  return 0;
}
