// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/image/btf_layout.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <unordered_map>

#include "matcher/base/file.h"

namespace splicer {

namespace {

constexpr unsigned kMaxDepth = 32;         // of structures in structures, of modifiers in a row
constexpr std::size_t kMaxWork = 1 << 26;  // members looked at, and bytes of their names
constexpr std::size_t kMaxName = 4096;     // more of a name is not read

struct Free {
  void operator()(btf* types) const { btf__free(types); }
};
using Types = std::unique_ptr<btf, Free>;

// The shared library lacks btf__new_split(), which its header has; it takes a file for the same.
btf* split_from(std::span<const std::uint8_t> bytes, btf* base) {
  const UniqueFd file = memory_file();
  if (!file || write(file.get(), bytes.data(), bytes.size()) != std::ssize(bytes)) return nullptr;
  return btf__parse_raw_split(fmt::format("/proc/self/fd/{}", file.get()).c_str(), base);
}

// libbpf believes the length of the header, and may then find the types where no type can stand; it
// would also turn the bytes of another machine's.
bool has_good_header(std::span<const std::uint8_t> bytes) {
  btf_header header{};
  if (bytes.size() < sizeof header) return false;
  std::memcpy(&header, bytes.data(), sizeof header);
  return header.magic == BTF_MAGIC && header.hdr_len >= sizeof header &&
         header.hdr_len <= bytes.size() && header.hdr_len % alignof(btf_type) == 0;
}

Failure malformed(const std::string& target) {
  return fail(ExitCode::error, "btf-malformed",
              fmt::format("the kernel's BTF of {} is malformed", target))
      .hint("load the module again, or boot the kernel as its package has it");
}

Result<Types> parse(std::span<const std::uint8_t> bytes, btf* base, const std::string& target) {
  if (!has_good_header(bytes)) return malformed(target);
  libbpf_set_print(nullptr);  // it writes its complaints to standard error
  btf* types = base != nullptr ? split_from(bytes, base)
                               : btf__new(bytes.data(), static_cast<std::uint32_t>(bytes.size()));
  if (types != nullptr && libbpf_get_error(types) == 0) return Types(types);
  return malformed(target);
}

// Behind const, volatile, restrict and tags, but not behind a typedef.
const btf_type* unqualified(const btf* types, std::uint32_t id) {
  for (unsigned depth = 0; depth < kMaxDepth; ++depth) {
    const btf_type* type = btf__type_by_id(types, id);
    if (type == nullptr || !(btf_is_const(type) || btf_is_volatile(type) || btf_is_restrict(type) ||
                             btf_is_type_tag(type)))
      return type;
    id = type->type;
  }
  return nullptr;
}

// Behind typedefs too.
const btf_type* bare(const btf* types, std::uint32_t id) {
  const btf_type* type = unqualified(types, id);
  for (unsigned depth = 0; depth < kMaxDepth && type != nullptr && btf_is_typedef(type); ++depth)
    type = unqualified(types, type->type);
  return type;
}

std::string name_of(const btf* types, std::uint32_t offset) {
  const char* name = btf__str_by_offset(types, offset);
  return name == nullptr ? std::string() : std::string(name, strnlen(name, kMaxName));
}

constexpr std::uint32_t kEnum64 = 19;  // BTF_KIND_ENUM64, later than this libbpf's header

std::string layout_type(const btf* types, std::uint32_t id, unsigned depth, std::size_t& work);

// Members of a structure without a tag: "{counter@0=i32;}".
std::string inline_layout(const btf* types, const btf_type* type, unsigned depth,
                          std::size_t& work) {
  std::string text = "{";
  const btf_member* member = btf_members(type);
  for (std::uint32_t i = 0; i < btf_vlen(type); ++i, ++member) {
    if (work < sizeof(TypeMember)) return "?";
    work -= sizeof(TypeMember);
    text += fmt::format("{}@{}", name_of(types, member->name_off), btf_member_bit_offset(type, i));
    if (const auto width = btf_member_bitfield_size(type, i)) text += fmt::format(":{}", width);
    text += "=" + layout_type(types, member->type, depth + 1, work) + ";";
  }
  return text + "}";
}

std::string tag_of(const btf* types, const btf_type* type) {
  const bool united = btf_is_union(type) || (btf_is_fwd(type) && btf_kflag(type));
  return (united ? "union " : "struct ") + name_of(types, type->name_off);
}

// TypeMember::type of that type. pahole makes one array of an array of arrays.
std::string layout_type(const btf* types, std::uint32_t id, unsigned depth, std::size_t& work) {
  const btf_type* type = bare(types, id);
  if (type == nullptr || depth == kMaxDepth) return "?";
  if (btf_is_array(type)) {
    std::uint64_t count = 1;
    for (unsigned level = 0; level < kMaxDepth && type != nullptr && btf_is_array(type); ++level) {
      count *= btf_array(type)->nelems;
      id = btf_array(type)->type;
      type = bare(types, id);
    }
    return short_layout_type(fmt::format("[{}]{}", count, layout_type(types, id, depth + 1, work)));
  }
  if (btf_is_ptr(type)) {
    const btf_type* to = bare(types, type->type);
    const bool tagged =
        to != nullptr && to->name_off != 0 && (btf_is_composite(to) || btf_is_fwd(to));
    return "*" + (tagged ? tag_of(types, to) : std::string());
  }
  if (btf_is_composite(type))
    return type->name_off != 0 ? tag_of(types, type)
                               : short_layout_type(inline_layout(types, type, depth, work));
  const std::uint64_t bits = std::uint64_t{8} * type->size;
  if (btf_is_enum(type) || btf_kind(type) == kEnum64)
    return type->name_off != 0 ? "enum " + name_of(types, type->name_off)
                               : fmt::format("e{}", bits);
  if (btf_kind(type) == BTF_KIND_FLOAT) return fmt::format("f{}", bits);
  if (!btf_is_int(type)) return "?";
  const std::uint8_t encoding = btf_int_encoding(type);
  if ((encoding & BTF_INT_BOOL) != 0) return "b8";
  return fmt::format("{}{}", bits == 8 || (encoding & BTF_INT_SIGNED) != 0 ? 'i' : 'u', bits);
}

// All members, those of unnamed structures among them; false if there is no end to it, or `work`,
// what may still be done, is used up.
bool add_members(const btf* types, const btf_type* type, std::uint64_t base,
                 const std::string& prefix, unsigned depth, std::size_t& work,
                 std::vector<TypeMember>& members) {
  if (depth == kMaxDepth) return false;
  const btf_member* member = btf_members(type);
  for (std::uint32_t i = 0; i < btf_vlen(type); ++i, ++member) {
    const std::string name = name_of(types, member->name_off);
    const std::size_t cost = sizeof(TypeMember) + prefix.size() + name.size();
    if (work < cost) return false;
    work -= cost;
    const std::uint64_t offset = base + btf_member_bit_offset(type, i);
    const btf_type* inner = unqualified(types, member->type);
    if (inner != nullptr && btf_is_composite(inner) && inner->name_off == 0) {
      const std::string inside = name.empty() ? prefix : prefix + name + ".";
      if (!add_members(types, inner, offset, inside, depth + 1, work, members)) return false;
    } else if (!name.empty()) {
      members.push_back({prefix + name, offset, btf_member_bitfield_size(type, i),
                         layout_type(types, member->type, 0, work)});
    }
  }
  return true;
}

// The structure that a type of that kind and name stands for, and the name it is wanted by.
struct Named {
  std::string name;
  const btf_type* structure = nullptr;
};

Named named(const btf* types, const btf_type* type) {
  if (btf_is_struct(type)) return {"struct " + name_of(types, type->name_off), type};
  if (btf_is_union(type)) return {"union " + name_of(types, type->name_off), type};
  if (!btf_is_typedef(type)) return {};
  const btf_type* inner = unqualified(types, type->type);
  if (inner == nullptr || !btf_is_composite(inner) || inner->name_off != 0) return {};
  return {name_of(types, type->name_off), inner};
}

std::string place(const TypeMember& member) {
  std::string text = fmt::format("byte {}", member.offset / 8);
  if (member.offset % 8 != 0) text += fmt::format(", bit {}", member.offset % 8);
  if (member.width != 0) text += fmt::format(", {} bits wide", member.width);
  return text;
}

// Where it is, whatever it is.
TypeMember placed(TypeMember member) {
  member.type.clear();
  return member;
}

bool same_type(const std::string& a, const std::string& b) {
  const auto unknown = [](const std::string& text) {
    return text.empty() || text.find('?') != std::string::npos;
  };
  return a == b || unknown(a) || unknown(b);
}

const TypeMember* find(const std::vector<TypeMember>& members, const std::string& name) {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const TypeMember& member) { return member.name == name; });
  return found == members.end() ? nullptr : &*found;
}

// The first member that is something else in the kernel, of structures whose members are in the same
// places.
std::optional<std::string> type_difference(const TypeLayout& wanted, const TypeLayout& there) {
  const auto by_place = [](const TypeLayout& layout) {
    std::vector<TypeMember> members = layout.members;
    std::stable_sort(members.begin(), members.end(), [](const TypeMember& a, const TypeMember& b) {
      return placed(a) < placed(b);
    });
    return members;
  };
  const std::vector<TypeMember> ours = by_place(wanted);
  const std::vector<TypeMember> theirs = by_place(there);
  for (std::size_t i = 0; i < ours.size(); ++i)
    if (!same_type(ours[i].type, theirs[i].type))
      return fmt::format("the member '{}' of {} is {} in the source and {} in the running kernel",
                         ours[i].name, wanted.name, ours[i].type, theirs[i].type);
  return std::nullopt;
}

// In what the kernel's structure differs from the source's, if it does.
std::optional<std::string> difference(const TypeLayout& wanted, const TypeLayout& there) {
  std::vector<TypeMember> ours;
  std::vector<TypeMember> theirs;
  std::transform(wanted.members.begin(), wanted.members.end(), std::back_inserter(ours), placed);
  std::transform(there.members.begin(), there.members.end(), std::back_inserter(theirs), placed);
  std::sort(ours.begin(), ours.end());
  std::sort(theirs.begin(), theirs.end());
  if (ours == theirs && wanted.size == there.size) return type_difference(wanted, there);
  for (const TypeMember& member : wanted.members) {
    if (std::binary_search(theirs.begin(), theirs.end(), placed(member))) continue;
    const TypeMember* other = find(there.members, member.name);
    if (other == nullptr)
      return fmt::format("the member '{}' of {} is not in the running kernel", member.name,
                         wanted.name);
    return fmt::format(
        "the member '{}' of {} is at {} in the source and at {} in the running kernel", member.name,
        wanted.name, place(member), place(*other));
  }
  for (const TypeMember& member : there.members)
    if (!std::binary_search(ours.begin(), ours.end(), placed(member)))
      return fmt::format("{} has a member '{}' in the running kernel, and none in the source",
                         wanted.name, member.name);
  return fmt::format("{} is {} bytes long in the source and {} in the running kernel", wanted.name,
                     wanted.size, there.size);
}

constexpr const char* kHint =
    "the source, its configuration or the compiler is not the running kernel's: make the update "
    "with the kernel's own";

// A function's prototype: "(u64,*struct file)i32".
std::string prototype_text(const btf* types, const btf_type* prototype, std::size_t& work) {
  const auto text_of = [&](std::uint32_t id) {
    const btf_type* type = id == 0 ? nullptr : bare(types, id);
    return id == 0 || (type != nullptr && btf_kind(type) == BTF_KIND_UNKN)
               ? std::string("void")
               : layout_type(types, id, 0, work);
  };
  std::string text = "(";
  const btf_param* parameter = btf_params(prototype);
  for (std::uint32_t i = 0; i < btf_vlen(prototype); ++i, ++parameter) {
    if (work < sizeof(TypeMember)) return "?";
    work -= sizeof(TypeMember);
    text += (i == 0 ? "" : ",") + (parameter->type == 0 ? "..." : text_of(parameter->type));
  }
  return short_prototype(text + ")" + text_of(prototype->type));
}

// Everything of the kernel's record that has one of the names that are asked for.
class NamedTypes {
 public:
  NamedTypes(const btf* types, const UsedTypes& wanted, std::string target)
      : types_(types), target_(std::move(target)) {
    for (const TypeLayout& one : wanted.layouts) structures_[one.name];
    for (const UsedEnumerator& one : wanted.enumerators) enumerators_[one.name];
    for (const UsedDeclaration& one : wanted.declarations) declarations_[one.name];
    for (std::uint32_t id = 1; id < btf__type_cnt(types); ++id)
      if (const btf_type* type = btf__type_by_id(types, id); type != nullptr) note(type);
  }

  Result<void> compare(const TypeLayout& wanted, ComparedLayouts& compared) {
    std::optional<std::string> first;
    for (const btf_type* type : structures_[wanted.name]) {
      TypeLayout there{wanted.name, type->size, {}};
      if (!add_members(types_, type, 0, "", 0, work_, there.members)) return malformed(target_);
      const auto different = difference(wanted, there);
      if (!different) return agrees(compared);
      if (!first) first = different;
    }
    if (!first) return is_unknown(compared, wanted.name);
    return fail(ExitCode::mismatch, "structure-layout", *first).at_file(target_).hint(kHint);
  }

  Result<void> compare(const UsedEnumerator& wanted, ComparedLayouts& compared) {
    const std::vector<std::int64_t>& values = enumerators_[wanted.name];
    if (values.empty()) return is_unknown(compared, wanted.name);
    if (std::find(values.begin(), values.end(), wanted.value) != values.end())
      return agrees(compared);
    return fail(ExitCode::mismatch, "enumerator-value",
                fmt::format("{} is {} in the source and {} in the running kernel", wanted.name,
                            wanted.value, values[0]))
        .at_file(target_)
        .hint(kHint);
  }

  Result<void> compare(const UsedDeclaration& wanted, ComparedLayouts& compared) {
    std::optional<std::string> first;
    for (const btf_type* type : declarations_[wanted.name]) {
      const bool function = btf_is_func(type);
      const btf_type* prototype = function ? btf__type_by_id(types_, type->type) : nullptr;
      if (function != wanted.is_function() ||
          (function && (prototype == nullptr || !btf_is_func_proto(prototype))))
        continue;
      const std::string there = function ? prototype_text(types_, prototype, work_)
                                         : layout_type(types_, type->type, 0, work_);
      if (same_type(wanted.type, there)) return agrees(compared);
      if (!first) first = there;
    }
    if (!first) return is_unknown(compared, wanted.name + (wanted.is_function() ? "()" : ""));
    return fail(ExitCode::mismatch, "declaration-differs",
                fmt::format("{} is {} in the source and {} in the running kernel", wanted.name,
                            wanted.type, *first))
        .at_file(target_)
        .hint(kHint);
  }

 private:
  static Result<void> agrees(ComparedLayouts& compared) {
    ++compared.agreeing;
    return {};
  }
  static Result<void> is_unknown(ComparedLayouts& compared, const std::string& name) {
    compared.unknown.push_back(name);
    return {};
  }

  void note(const btf_type* type) {
    if (btf_is_enum(type) || btf_kind(type) == kEnum64) return note_enumerators(type);
    if (btf_is_func(type) || btf_is_var(type)) {
      if (const auto found = declarations_.find(name_of(types_, type->name_off));
          found != declarations_.end())
        found->second.push_back(type);
      return;
    }
    const Named structure = named(types_, type);
    if (structure.structure == nullptr) return;
    if (const auto found = structures_.find(structure.name); found != structures_.end())
      found->second.push_back(structure.structure);
  }

  // struct btf_enum has 32 bits of the value, struct btf_enum64 two words of it.
  void note_enumerators(const btf_type* type) {
    if (enumerators_.empty()) return;
    const bool wide = btf_kind(type) == kEnum64;
    const auto* word = reinterpret_cast<const std::uint32_t*>(type + 1);
    for (std::uint32_t i = 0; i < btf_vlen(type); ++i, word += wide ? 3 : 2) {
      const auto found = enumerators_.find(name_of(types_, word[0]));
      if (found == enumerators_.end()) continue;
      const std::uint64_t value = wide ? word[1] | std::uint64_t{word[2]} << 32 : word[1];
      found->second.push_back(static_cast<std::int64_t>(value));
      // Which of 32 bits is the sign was not always said.
      if (!wide) found->second.push_back(static_cast<std::int32_t>(word[1]));
    }
  }

  const btf* types_;
  const std::string target_;
  std::size_t work_ = kMaxWork;  // what may still be done
  std::unordered_map<std::string, std::vector<const btf_type*>> structures_;
  std::unordered_map<std::string, std::vector<std::int64_t>> enumerators_;
  std::unordered_map<std::string, std::vector<const btf_type*>> declarations_;
};

}  // namespace

std::string short_layout_type(std::string text) {
  constexpr std::size_t kLongest = 160;
  if (text.size() <= kLongest) return text;
  if (text.find('?') != std::string::npos) return "?";
  std::uint64_t digest = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : text) digest = (digest ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
  return fmt::format("#{:016x}", digest);
}

std::string short_prototype(std::string text) {
  constexpr std::size_t kLongest = 400;
  return text.size() <= kLongest ? text : "(" + short_layout_type(std::move(text));
}

Result<ComparedLayouts> compare_used_types(const UsedTypes& wanted,
                                           std::span<const std::uint8_t> kernel,
                                           std::span<const std::uint8_t> module,
                                           const std::string& target) {
  ComparedLayouts compared;
  if (wanted.layouts.empty() && wanted.enumerators.empty() && wanted.declarations.empty())
    return compared;
  if (kernel.empty()) {
    for (const TypeLayout& one : wanted.layouts) compared.unknown.push_back(one.name);
    for (const UsedEnumerator& one : wanted.enumerators) compared.unknown.push_back(one.name);
    for (const UsedDeclaration& one : wanted.declarations) compared.unknown.push_back(one.name);
    return compared;
  }
  auto base = parse(kernel, nullptr, "vmlinux");
  if (!base) return propagate(base);
  Types split;
  if (!module.empty()) {
    auto parsed = parse(module, base->get(), target);
    if (!parsed) return propagate(parsed);
    split = std::move(*parsed);
  }
  NamedTypes known(split ? split.get() : base->get(), wanted, target);
  for (const TypeLayout& one : wanted.layouts)
    if (auto done = known.compare(one, compared); !done) return propagate(done);
  for (const UsedEnumerator& one : wanted.enumerators)
    if (auto done = known.compare(one, compared); !done) return propagate(done);
  for (const UsedDeclaration& one : wanted.declarations)
    if (auto done = known.compare(one, compared); !done) return propagate(done);
  return compared;
}

Result<ComparedLayouts> compare_layouts(std::span<const TypeLayout> wanted,
                                        std::span<const std::uint8_t> kernel,
                                        std::span<const std::uint8_t> module,
                                        const std::string& target) {
  UsedTypes used;
  used.layouts = wanted;
  return compare_used_types(used, kernel, module, target);
}

}  // namespace splicer
