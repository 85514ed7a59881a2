// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/image/btf_layout.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
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

std::string name_of(const btf* types, std::uint32_t offset) {
  const char* name = btf__str_by_offset(types, offset);
  return name == nullptr ? std::string() : std::string(name, strnlen(name, kMaxName));
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
      members.push_back({prefix + name, offset, btf_member_bitfield_size(type, i)});
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

const TypeMember* find(const std::vector<TypeMember>& members, const std::string& name) {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const TypeMember& member) { return member.name == name; });
  return found == members.end() ? nullptr : &*found;
}

// In what the kernel's structure differs from the source's, if it does.
std::optional<std::string> difference(const TypeLayout& wanted, const TypeLayout& there) {
  std::vector<TypeMember> ours = wanted.members;
  std::vector<TypeMember> theirs = there.members;
  std::sort(ours.begin(), ours.end());
  std::sort(theirs.begin(), theirs.end());
  if (ours == theirs && wanted.size == there.size) return std::nullopt;
  for (const TypeMember& member : wanted.members) {
    if (std::binary_search(theirs.begin(), theirs.end(), member)) continue;
    const TypeMember* other = find(there.members, member.name);
    if (other == nullptr)
      return fmt::format("the member '{}' of {} is not in the running kernel", member.name,
                         wanted.name);
    return fmt::format(
        "the member '{}' of {} is at {} in the source and at {} in the running kernel", member.name,
        wanted.name, place(member), place(*other));
  }
  for (const TypeMember& member : there.members)
    if (!std::binary_search(ours.begin(), ours.end(), member))
      return fmt::format("{} has a member '{}' in the running kernel, and none in the source",
                         wanted.name, member.name);
  return fmt::format("{} is {} bytes long in the source and {} in the running kernel", wanted.name,
                     wanted.size, there.size);
}

}  // namespace

Result<std::size_t> compare_layouts(std::span<const TypeLayout> wanted,
                                    std::span<const std::uint8_t> kernel,
                                    std::span<const std::uint8_t> module,
                                    const std::string& target) {
  if (kernel.empty() || wanted.empty()) return 0;
  auto base = parse(kernel, nullptr, "vmlinux");
  if (!base) return propagate(base);
  Types split;
  if (!module.empty()) {
    auto parsed = parse(module, base->get(), target);
    if (!parsed) return propagate(parsed);
    split = std::move(*parsed);
  }
  const btf* types = split ? split.get() : base->get();

  std::unordered_map<std::string, std::vector<const btf_type*>> known;
  for (const TypeLayout& one : wanted) known[one.name];
  for (std::uint32_t id = 1; id < btf__type_cnt(types); ++id) {
    const Named type = named(types, btf__type_by_id(types, id));
    if (type.structure == nullptr) continue;
    if (const auto found = known.find(type.name); found != known.end())
      found->second.push_back(type.structure);
  }
  std::size_t agreeing = 0;
  std::size_t work = kMaxWork;
  for (const TypeLayout& one : wanted) {
    std::optional<std::string> first;
    bool agrees = false;
    for (const btf_type* type : known[one.name]) {
      TypeLayout there{one.name, type->size, {}};
      if (!add_members(types, type, 0, "", 0, work, there.members)) return malformed(target);
      const auto different = difference(one, there);
      agrees = agrees || !different;
      if (!first) first = different;
    }
    if (agrees) ++agreeing;
    if (agrees || !first) continue;
    return fail(ExitCode::mismatch, "structure-layout", *first)
        .at_file(target)
        .hint(
            "the source, its configuration or the compiler is not the running kernel's: make the "
            "update with the kernel's own");
  }
  return agreeing;
}

}  // namespace splicer
