// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/values.h"

#include <elf.h>
#include <fmt/core.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "kmod/splice_abi.h"

namespace splicer {

namespace {

Failure malformed(const PackageTarget& target, const PackageValue& value, const char* what) {
  return fail(ExitCode::bad_package, "link-value",
              fmt::format("the record of the value of {} {}", value.name, what))
      .at_file(target.new_member)
      .in_function(value.name)
      .hint("make the package again with splice-create");
}

const Relocation* relocation_at(const Section& section, std::uint64_t offset) {
  for (const Relocation& relocation : section.relocations)
    if (relocation.offset == SectionOffset(offset) && relocation.type == R_X86_64_64)
      return &relocation;
  return nullptr;
}

// What the record says: where the value is, and the bytes that are to stand there.
struct Record {
  splice_value_record fields{};
  RunAddress live;
  const Section* section = nullptr;  // of the bytes before
  std::uint64_t before = 0;          // in it
};

class ValueComparer {
 public:
  ValueComparer(const PackageTarget& target, const ElfObject& module, const Addresses& addresses,
                const Image& image)
      : target_(target), module_(module), addresses_(addresses), image_(image) {}

  // True if it is as expected; false if it is a default that somebody has set.
  Result<bool> as_expected(const PackageValue& value) const {
    auto record = read_record(value);
    if (!record) return propagate(record);
    std::vector<std::uint8_t> expected(
        record->section->bytes.begin() + static_cast<std::ptrdiff_t>(record->before),
        record->section->bytes.begin() +
            static_cast<std::ptrdiff_t>(record->before + record->fields.size));
    std::vector<std::uint8_t> found(expected.size());
    if (auto read = image_.read(record->live, found); !read) return propagate(read);
    fill_in(*record, found, expected);
    if (found == expected) return true;
    if ((record->fields.flags & SPLICE_VALUE_DEFAULT) != 0) return false;
    return fail(ExitCode::mismatch, "value-changed",
                fmt::format("what stands in {} is not what the update expects there", value.name))
        .at_file(value.unit)
        .in_function(value.name)
        .at_address(record->live)
        .bytes(std::move(expected), std::move(found))
        .hint("make the update on what is applied there (--on), or undo that first");
  }

 private:
  Result<Record> read_record(const PackageValue& value) const {
    Record record;
    const Section* section = module_.find_section(value.section);
    if (section == nullptr || value.offset > section->bytes.size() ||
        section->bytes.size() - value.offset < sizeof record.fields)
      return malformed(target_, value, "is not in the new module");
    std::memcpy(&record.fields, section->bytes.data() + value.offset, sizeof record.fields);
    if (record.fields.size == 0 || record.fields.size > SPLICE_MAX_VALUE)
      return malformed(target_, value, "has a size that no value may have");
    const Relocation* live =
        relocation_at(*section, value.offset + offsetof(splice_value_record, address));
    const Relocation* before =
        relocation_at(*section, value.offset + offsetof(splice_value_record, before));
    if (live == nullptr || before == nullptr) return malformed(target_, value, "has no addresses");
    const auto address = addresses_.find(module_.symbol(live->symbol).name);
    if (address == addresses_.end()) return malformed(target_, value, "is of no known variable");
    record.live = address->second + static_cast<std::uint64_t>(live->addend);
    const Symbol& place = module_.symbol(before->symbol);
    if (!place.defined()) return malformed(target_, value, "has no bytes to compare");
    record.section = &module_.section(place.section);
    record.before = place.value.value() + static_cast<std::uint64_t>(before->addend);
    if (record.before > record.section->bytes.size() ||
        record.section->bytes.size() - record.before < record.fields.size)
      return malformed(target_, value, "has no bytes to compare");
    return record;
  }

  // The addresses among the bytes; those that are not known here are taken as they are found.
  void fill_in(const Record& record, std::span<const std::uint8_t> found,
               std::span<std::uint8_t> expected) const {
    for (const Relocation& relocation :
         module_.relocations_in(record.section->index, SectionOffset(record.before),
                                SectionOffset(record.before + record.fields.size))) {
      const std::uint64_t at = relocation.offset.value() - record.before;
      std::uint64_t word = 0;
      if (at + sizeof word > expected.size()) continue;
      const auto address = addresses_.find(module_.symbol(relocation.symbol).name);
      if (address == addresses_.end()) {
        std::memcpy(&word, found.data() + at, sizeof word);
      } else {
        word = address->second.value() + static_cast<std::uint64_t>(relocation.addend);
      }
      std::memcpy(expected.data() + at, &word, sizeof word);
    }
  }

  const PackageTarget& target_;
  const ElfObject& module_;
  const Addresses& addresses_;
  const Image& image_;
};

}  // namespace

Result<std::vector<std::string>> compare_values(const PackageTarget& target,
                                                const ElfObject& module, const Addresses& addresses,
                                                const Image& image) {
  const ValueComparer comparer(target, module, addresses, image);
  std::vector<std::string> set;
  for (const PackageValue& value : target.values) {
    auto good = comparer.as_expected(value);
    if (!good) return propagate(good);
    if (!*good) set.push_back(value.name);
  }
  return set;
}

}  // namespace splicer
