// SPDX-License-Identifier: GPL-2.0-or-later
//
// Alterations of a kernel's BTF, in what an update says that its new code uses.
//
//     TypeAlterations types(image.types("vmlinux"), manifest.targets[0]);
//     const auto altered = types.alter(random);     "BTF member offset", "struct cred.uid", not noticed?
//
// The records are found here by the format's own words (Documentation/bpf/btf.rst), apart from what
// compares them. Of names that the kernel's record has more than once none is altered: another one of
// the name may agree.
//
// Invariant: each alteration makes the kernel's record say something else than the update.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "matcher/image/btf_layout.h"
#include "tests/proof/random_draw.h"

namespace splicer {

struct AlteredType {
  std::string kind;
  std::string where;
  bool detected = false;
};

class TypeAlterations {
 public:
  // `record` is the BTF of vmlinux. What of `wanted` it does not have, or has twice, is left out.
  TypeAlterations(std::vector<std::uint8_t> record, const UsedTypes& wanted);

  bool empty() const { return layouts_.empty() && enumerators_.empty() && declarations_.empty(); }
  // Alters one field, compares, and takes it back; nothing if the drawn field cannot be altered.
  std::optional<AlteredType> alter(RandomDraw& random);

 private:
  struct Found {
    std::uint64_t at = 0;  // in the record
    std::size_t count = 0;
  };

  std::uint32_t word(std::uint64_t at) const;
  void set_word(std::uint64_t at, std::uint32_t value);
  void index();
  std::string name_at(std::uint32_t offset) const;
  std::uint64_t behind_names(std::uint32_t id) const;
  std::optional<std::uint32_t> other_type(std::uint32_t id, RandomDraw& random) const;
  std::optional<AlteredType> alter_layout(const TypeLayout& layout, RandomDraw& random);
  std::optional<AlteredType> alter_enumerator(const UsedEnumerator& one, RandomDraw& random);
  std::optional<AlteredType> alter_declaration(const UsedDeclaration& one, RandomDraw& random);
  AlteredType judged(const char* kind, std::string where, std::uint64_t at, std::uint32_t value,
                     const UsedTypes& wanted);

  std::vector<std::uint8_t> record_;
  std::uint64_t strings_ = 0;
  std::vector<std::uint64_t> types_;         // by id
  std::vector<std::uint32_t> integers_;      // ids
  std::map<std::string, Found> structures_;  // "struct foo"
  std::map<std::string, Found> values_;      // enumerators: where the value is
  std::map<std::string, Found> functions_;   // their prototypes
  std::vector<TypeLayout> layouts_;
  std::vector<UsedEnumerator> enumerators_;
  std::vector<UsedDeclaration> declarations_;
};

}  // namespace splicer
