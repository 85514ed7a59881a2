// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/proof/type_alterations.h"

#include <fmt/core.h>
#include <linux/btf.h>

#include <cstring>
#include <utility>

#include "matcher/base/bytes.h"

namespace splicer {

namespace {

constexpr std::uint64_t kType = sizeof(btf_type);
constexpr std::uint64_t kMember = sizeof(btf_member);
constexpr std::uint64_t kParameter = sizeof(btf_param);
constexpr std::uint32_t kEnum64 = 19;

// Bytes behind a btf_type that belong to it.
std::uint64_t more_of(std::uint32_t info) {
  const std::uint64_t count = BTF_INFO_VLEN(info);
  switch (BTF_INFO_KIND(info)) {
    case BTF_KIND_INT:
    case BTF_KIND_VAR:
    case BTF_KIND_DECL_TAG:
      return 4;
    case BTF_KIND_ARRAY:
      return sizeof(btf_array);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
    case BTF_KIND_DATASEC:
    case kEnum64:
      return 12 * count;
    case BTF_KIND_ENUM:
    case BTF_KIND_FUNC_PROTO:
      return 8 * count;
    default:
      return 0;
  }
}

bool is_structure(std::uint32_t info) {
  return BTF_INFO_KIND(info) == BTF_KIND_STRUCT || BTF_INFO_KIND(info) == BTF_KIND_UNION;
}

std::uint32_t below(RandomDraw& random, std::size_t limit) {
  return static_cast<std::uint32_t>(random.below(limit));
}

}  // namespace

TypeAlterations::TypeAlterations(std::vector<std::uint8_t> record, const UsedTypes& wanted)
    : record_(std::move(record)) {
  if (record_.size() < sizeof(btf_header)) return;
  index();
  const auto once = [](const std::map<std::string, Found>& known, const std::string& name) {
    const auto found = known.find(name);
    return found != known.end() && found->second.count == 1;
  };
  for (const TypeLayout& one : wanted.layouts)
    if (once(structures_, one.name)) layouts_.push_back(one);
  for (const UsedEnumerator& one : wanted.enumerators)
    if (once(values_, one.name)) enumerators_.push_back(one);
  for (const UsedDeclaration& one : wanted.declarations)
    if (one.is_function() && once(functions_, one.name)) declarations_.push_back(one);
}

std::uint32_t TypeAlterations::word(std::uint64_t at) const {
  return load<std::uint32_t>(record_, at).value_or(0);
}

void TypeAlterations::set_word(std::uint64_t at, std::uint32_t value) {
  std::memcpy(record_.data() + at, &value, sizeof value);
}

std::string TypeAlterations::name_at(std::uint32_t offset) const {
  return string_at(record_, strings_ + offset).value_or("");
}

void TypeAlterations::index() {
  btf_header header{};
  std::memcpy(&header, record_.data(), sizeof header);
  strings_ = header.hdr_len + std::uint64_t{header.str_off};
  const std::uint64_t begin = header.hdr_len + std::uint64_t{header.type_off};
  types_.push_back(0);
  for (std::uint64_t at = begin; at + kType <= begin + header.type_len;
       at += kType + more_of(word(at + 4)))
    types_.push_back(at);
  const auto note = [](std::map<std::string, Found>& into, std::string name, std::uint64_t at) {
    Found& found = into[std::move(name)];
    found.at = at;
    ++found.count;
  };
  for (std::uint32_t id = 1; id < types_.size(); ++id) {
    const std::uint64_t at = types_[id];
    const std::uint32_t info = word(at + 4);
    const std::uint32_t kind = BTF_INFO_KIND(info);
    if (kind == BTF_KIND_INT) integers_.push_back(id);
    if (kind == BTF_KIND_STRUCT) note(structures_, "struct " + name_at(word(at)), at);
    if (kind == BTF_KIND_UNION) note(structures_, "union " + name_at(word(at)), at);
    if (kind == BTF_KIND_FUNC && word(at + 8) < types_.size())
      note(functions_, name_at(word(at)), types_[word(at + 8)]);
    if (kind != BTF_KIND_ENUM) continue;
    for (std::uint32_t i = 0; i < BTF_INFO_VLEN(info); ++i)
      note(values_, name_at(word(at + kType + 8 * i)), at + kType + 8 * i + 4);
  }
}

// The record of a type behind typedefs, const and the like.
std::uint64_t TypeAlterations::behind_names(std::uint32_t id) const {
  for (unsigned depth = 0; depth < 32 && id != 0 && id < types_.size(); ++depth) {
    const std::uint64_t at = types_[id];
    switch (BTF_INFO_KIND(word(at + 4))) {
      case BTF_KIND_TYPEDEF:
      case BTF_KIND_CONST:
      case BTF_KIND_VOLATILE:
      case BTF_KIND_RESTRICT:
      case BTF_KIND_TYPE_TAG:
        id = word(at + 8);
        break;
      default:
        return at;
    }
  }
  return 0;
}

// An integer that is of another size or sign than that type; kinds of char are one.
std::optional<std::uint32_t> TypeAlterations::other_type(std::uint32_t id,
                                                         RandomDraw& random) const {
  const std::uint32_t chosen = integers_[below(random, integers_.size())];
  const std::uint64_t old = behind_names(id);
  const std::uint64_t now = types_[chosen];
  if (old == 0 || BTF_INFO_KIND(word(old + 4)) != BTF_KIND_INT) return chosen;
  const bool same_size = word(old + 8) == word(now + 8);
  const std::uint32_t kinds = BTF_INT_SIGNED | BTF_INT_BOOL;
  const bool same_kind = (BTF_INT_ENCODING(word(old + kType)) & kinds) ==
                         (BTF_INT_ENCODING(word(now + kType)) & kinds);
  if (same_size && (same_kind || word(old + 8) == 1)) return std::nullopt;
  return chosen;
}

AlteredType TypeAlterations::judged(const char* kind, std::string where, std::uint64_t at,
                                    std::uint32_t value, const UsedTypes& wanted) {
  const std::uint32_t before = word(at);
  set_word(at, value);
  const auto compared = compare_used_types(wanted, record_, {}, "vmlinux");
  set_word(at, before);
  return {kind, fmt::format("{}: {:#x} became {:#x}", where, before, value), !compared};
}

std::optional<AlteredType> TypeAlterations::alter_layout(const TypeLayout& layout,
                                                         RandomDraw& random) {
  const std::uint64_t at = structures_.at(layout.name).at;
  UsedTypes wanted;
  wanted.layouts = {&layout, 1};
  const std::uint32_t count = BTF_INFO_VLEN(word(at + 4));
  const std::uint32_t field = below(random, 4);
  if (field == 0 || count == 0)
    return judged("BTF size", layout.name, at + 8, word(at + 8) ^ (1U << below(random, 8)), wanted);
  const std::uint64_t member = at + kType + kMember * below(random, count);
  const std::string name = name_at(word(member));
  const std::uint64_t inner = behind_names(word(member + 4));
  // Unnamed bit-fields are padding.
  if (name.empty() && !(inner != 0 && is_structure(word(inner + 4)))) return std::nullopt;
  const std::string where = layout.name + "." + name;
  if (field == 1)
    return judged("BTF member offset", where, member + 8,
                  word(member + 8) ^ (1U << below(random, 12)), wanted);
  if (field == 2) {
    if (name.empty()) return std::nullopt;  // of a structure without a name
    return judged("BTF member name", where, member,
                  word(at + kType) + (word(member) == word(at + kType) ? 1 : 0), wanted);
  }
  const auto other = other_type(word(member + 4), random);
  // Of a type without a text nothing is known ("?").
  if (!other || inner == 0) return std::nullopt;
  return judged("BTF member type", where, member + 4, *other, wanted);
}

std::optional<AlteredType> TypeAlterations::alter_enumerator(const UsedEnumerator& one,
                                                             RandomDraw& random) {
  UsedTypes wanted;
  wanted.enumerators = {&one, 1};
  const std::uint64_t at = values_.at(one.name).at;
  return judged("BTF enumerator", one.name, at, word(at) ^ (1U << below(random, 32)), wanted);
}

std::optional<AlteredType> TypeAlterations::alter_declaration(const UsedDeclaration& one,
                                                              RandomDraw& random) {
  UsedTypes wanted;
  wanted.declarations = {&one, 1};
  const std::uint64_t at = functions_.at(one.name).at;
  const std::uint32_t count = BTF_INFO_VLEN(word(at + 4));
  const std::uint32_t which = below(random, count + 1);
  const std::uint64_t place = which == count ? at + 8 : at + kType + kParameter * which + 4;
  const auto other = other_type(word(place), random);
  if (!other) return std::nullopt;
  return judged("BTF prototype", one.name, place, *other, wanted);
}

std::optional<AlteredType> TypeAlterations::alter(RandomDraw& random) {
  switch (below(random, 3)) {
    case 0:
      if (layouts_.empty()) return std::nullopt;
      return alter_layout(layouts_[below(random, layouts_.size())], random);
    case 1:
      if (enumerators_.empty()) return std::nullopt;
      return alter_enumerator(enumerators_[below(random, enumerators_.size())], random);
    default:
      if (declarations_.empty()) return std::nullopt;
      return alter_declaration(declarations_[below(random, declarations_.size())], random);
  }
}

}  // namespace splicer
