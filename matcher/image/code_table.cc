// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/image/code_table.h"

#include <algorithm>
#include <array>
#include <optional>

#include "matcher/image/image.h"

namespace splicer {

namespace {

// More than any kernel has: 64,000 entries of __jump_table take 1 MiB.
constexpr std::uint64_t kMaxTable = 16U << 20;
// A module's last section has no end that a running kernel tells.
constexpr std::uint64_t kMaxModuleTable = 1U << 20;
constexpr std::uint64_t kPiece = 4096;

// The symbols around a table of vmlinux (include/asm-generic/vmlinux.lds.h,
// arch/x86/kernel/vmlinux.lds.S).
struct Bounds {
  std::string_view section;
  std::string_view begin;
  std::string_view end;
  bool freed = false;  // with the init sections, once the kernel is up
};
constexpr std::array<Bounds, 5> kBounds = {{
    {"__jump_table", "__start___jump_table", "__stop___jump_table"},
    {"__ex_table", "__start___ex_table", "__stop___ex_table"},
    {"__bug_table", "__start___bug_table", "__stop___bug_table"},
    {".static_call_sites", "__start_static_call_sites", "__stop_static_call_sites"},
    {".altinstructions", "__alt_instructions", "__alt_instructions_end", true},
}};

std::optional<AddressRange> range_in_vmlinux(const Image& image, std::string_view section) {
  const auto bounds = std::find_if(kBounds.begin(), kBounds.end(),
                                   [&](const Bounds& b) { return b.section == section; });
  if (bounds == kBounds.end() || (bounds->freed && image.live())) return std::nullopt;
  const auto begin = image.symbols().find("vmlinux", bounds->begin);
  const auto end = image.symbols().find("vmlinux", bounds->end);
  if (begin.size() != 1 || end.size() != 1 || end[0]->address < begin[0]->address ||
      end[0]->address - begin[0]->address > kMaxTable)
    return std::nullopt;
  return AddressRange{begin[0]->address, end[0]->address};
}

std::optional<AddressRange> range_in_module(const Image& image, const std::string& module,
                                            std::string_view section) {
  const auto sections = image.sections(module);
  const auto found = sections.find(std::string(section));
  if (found == sections.end()) return std::nullopt;
  AddressRange range = found->second;
  if (range.end - range.begin > kMaxModuleTable) range.end = range.begin + kMaxModuleTable;
  return range;
}

std::optional<std::int32_t> first_field(Bytes bytes, std::uint64_t at) {
  return load<std::int32_t>(bytes, at);
}

// What stands in the range; in a module to where nothing is mapped, or an entry leads to itself.
std::vector<std::uint8_t> read_table(const Image& image, AddressRange range,
                                     std::uint32_t entry_size) {
  std::vector<std::uint8_t> bytes;
  for (RunAddress at = range.begin; at < range.end;) {
    const std::uint64_t size =
        std::min<std::uint64_t>(kPiece - at.value() % kPiece, range.end - at);
    const std::size_t before = bytes.size();
    bytes.resize(before + size);
    if (!image.read(at, std::span(bytes).subspan(before))) {
      bytes.resize(before);
      break;
    }
    at += size;
    for (std::uint64_t entry = before / entry_size * entry_size; entry + entry_size <= bytes.size();
         entry += entry_size)
      if (first_field(bytes, entry) == 0) return bytes;
  }
  return bytes;
}

}  // namespace

CodeTable::CodeTable(RunAddress begin, std::uint32_t entry_size, std::vector<std::uint8_t> bytes)
    : begin_(begin), entry_size_(entry_size), bytes_(std::move(bytes)) {
  for (std::uint32_t index = 0; std::uint64_t{index + 1} * entry_size <= bytes_.size(); ++index) {
    const std::uint64_t at = std::uint64_t{index} * entry_size;
    const std::int32_t distance = *first_field(bytes_, at);
    if (distance == 0) break;
    entries_.push_back({begin + at + static_cast<std::uint64_t>(std::int64_t{distance}), index});
  }
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.code < b.code; });
}

std::span<const CodeTable::Entry> CodeTable::about(RunAddress begin, RunAddress end) const {
  const auto first = std::partition_point(entries_.begin(), entries_.end(),
                                          [&](const Entry& e) { return e.code < begin; });
  const auto last =
      std::partition_point(first, entries_.end(), [&](const Entry& e) { return e.code < end; });
  return {first, last};
}

std::shared_ptr<const CodeTable> code_table(const Image& image, const std::string& owner,
                                            std::string_view section, std::uint32_t entry_size) {
  return image.code_tables().get(owner, section, entry_size, [&]() {
    const auto range = owner == "vmlinux" ? range_in_vmlinux(image, section)
                                          : range_in_module(image, owner, section);
    std::shared_ptr<const CodeTable> table;
    if (range)
      table = std::make_shared<CodeTable>(range->begin, entry_size,
                                          read_table(image, *range, entry_size));
    return table;
  });
}

}  // namespace splicer
