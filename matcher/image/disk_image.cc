// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/image/disk_image.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "matcher/elf/elf_object.h"
#include "matcher/elf/module_name.h"
#include "matcher/image/vmlinux_image.h"

namespace splicer {

namespace {

// The module area of x86-64 (Documentation/x86/x86_64/mm.rst): within two gigabytes of the text.
constexpr RunAddress kModuleArea(0xffffffffc0000000);
constexpr RunAddress kModuleAreaEnd(0xffffffffe0000000);
constexpr RunAddress kUnknown(0xffffffffe0000000);  // symbols of modules that are not given
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kMaxAlign = 1U << 20;

struct Piece {
  RunAddress address;
  std::vector<std::uint8_t> bytes;
};

Failure malformed(const ElfObject& object, std::string what) {
  return fail(ExitCode::error, "module-malformed", std::move(what))
      .at_file(object.name())
      .hint("give the module as the kernel's package has it");
}

// One module, its sections at their addresses.
struct Module {
  ElfObject object;
  std::string name;
  std::vector<RunAddress> bases = {};  // by section; 0: not loaded
  RunAddress begin = {};               // its memory, whole pages
  RunAddress end = {};
};

class DiskImage final : public Image {
 public:
  explicit DiskImage(std::unique_ptr<Image> kernel) : kernel_(std::move(kernel)) {}

  const SymbolTable& symbols() const override { return symbols_; }
  bool live() const override { return false; }

  std::vector<std::uint8_t> types(const std::string& target) const override {
    const auto found = types_.find(target);
    return found == types_.end() ? kernel_->types(target) : found->second;
  }
  std::map<std::string, AddressRange> sections(const std::string& module) const override {
    const auto found = sections_.find(module);
    return found == sections_.end() ? std::map<std::string, AddressRange>() : found->second;
  }

  Bytes view(RunAddress address, std::size_t size) const override {
    if (address < kModuleArea) return kernel_->view(address, size);
    const auto after =
        std::partition_point(pieces_.begin(), pieces_.end(),
                             [&](const Piece& piece) { return piece.address <= address; });
    if (after == pieces_.begin()) return {};
    const Piece& piece = *std::prev(after);
    const std::uint64_t offset = address - piece.address;
    if (offset > piece.bytes.size() || size > piece.bytes.size() - offset) return {};
    return Bytes(piece.bytes).subspan(offset, size);
  }

  Result<void> read(RunAddress address, std::span<std::uint8_t> out) const override {
    if (address < kModuleArea) return kernel_->read(address, out);
    return read_from_view(address, out, "no module has bytes for that address",
                          "give all modules that the object's own module needs");
  }

  Result<void> add(std::vector<Module> modules) {
    std::vector<KernelSymbol> all = kernel_->symbols().all();
    for (const KernelSymbol& symbol : all)
      if (symbol.name.starts_with(kExport))
        exports_.emplace(symbol.name.substr(kExport.size()), RunAddress());
    for (const KernelSymbol& symbol : all)
      if (const auto known = exports_.find(symbol.name);
          known != exports_.end() && symbol.type < 'a')
        known->second = symbol.address;
    for (const Module& module : modules)
      if (const Section* types = module.object.find_section(".BTF"); types != nullptr)
        types_[module.name].assign(types->bytes.begin(), types->bytes.end());
    for (Module& module : modules)
      if (auto placed = place(module, all); !placed) return placed;
    for (const Module& module : modules)
      for (const Section& section : module.object.sections())
        if (const RunAddress base = module.bases[section.index]; base != RunAddress())
          sections_[module.name][section.name] = {base, base + section.size};
    for (const Module& module : modules)
      if (auto loaded = load(module); !loaded) return loaded;
    std::sort(pieces_.begin(), pieces_.end(),
              [](const Piece& a, const Piece& b) { return a.address < b.address; });
    symbols_ = SymbolTable(std::move(all));
    return {};
  }

 private:
  // EXPORT_SYMBOL() makes an entry of this name (linux/export.h).
  static constexpr std::string_view kExport = "__ksymtab_";

  Result<void> place(Module& module, std::vector<KernelSymbol>& all) {
    const ElfObject& object = module.object;
    module.bases.resize(object.sections().size());
    module.begin = next_;
    for (const Section& section : object.sections()) {
      if (!section.is_alloc()) continue;
      const std::uint64_t align = std::max<std::uint64_t>(section.align, 16);
      if (align > kMaxAlign || (align & (align - 1)) != 0 ||
          section.size > kModuleAreaEnd - next_ - 2 * kMaxAlign)
        return malformed(object, "a section does not fit into the module area");
      next_ = RunAddress((next_.value() + align - 1) / align * align);
      module.bases[section.index] = next_;
      next_ += section.size;
    }
    // Between and behind the sections there are zeros, as in memory that the loader got.
    next_ = RunAddress((next_.value() / kPage + 2) * kPage);
    module.end = next_;
    std::unordered_set<std::string_view> exported;
    for (const Symbol& symbol : object.symbols())
      if (symbol.defined() && symbol.name.starts_with(kExport))
        exported.insert(std::string_view(symbol.name).substr(kExport.size()));
    for (const Symbol& symbol : object.symbols()) {
      if (!symbol.defined() || symbol.is_section() || symbol.name.empty()) continue;
      const RunAddress base = module.bases[symbol.section];
      if (base == RunAddress()) continue;
      const Section& section = object.section(symbol.section);
      const char type = symbol_letter(symbol.bind, section.flags, section.is_nobits());
      all.push_back({base + symbol.value, type, symbol.name, module.name});
      if (exported.contains(symbol.name)) exports_[symbol.name] = base + symbol.value;
    }
    return {};
  }

  Result<void> load(const Module& module) {
    Piece piece{module.begin, std::vector<std::uint8_t>(module.end - module.begin)};
    for (const Section& section : module.object.sections()) {
      const RunAddress base = module.bases[section.index];
      if (base == RunAddress()) continue;
      std::copy(section.bytes.begin(), section.bytes.end(),
                piece.bytes.begin() + static_cast<std::ptrdiff_t>(base - module.begin));
      for (const Relocation& relocation : section.relocations)
        if (auto done = relocate(module, relocation, base + relocation.offset, piece); !done)
          return done;
    }
    pieces_.push_back(std::move(piece));
    return {};
  }

  RunAddress value_of(const Module& module, const Symbol& symbol) {
    if (symbol.absolute || symbol.index == 0) return symbol.absolute.value_or(RunAddress());
    if (symbol.defined()) return module.bases[symbol.section] + symbol.value;
    if (const auto known = exports_.find(symbol.name);
        known != exports_.end() && known->second != RunAddress())
      return known->second;
    if (symbol.is_weak()) return {};
    constexpr std::uint64_t kApart = 64;
    return unknown_.emplace(symbol.name, kUnknown + kApart * unknown_.size()).first->second;
  }

  Result<void> relocate(const Module& module, const Relocation& relocation, RunAddress address,
                        Piece& piece) {
    const unsigned width = relocation_width(relocation.type).value_or(0);
    if (width == 0) return {};
    const Symbol& symbol = module.object.symbol(relocation.symbol);
    std::uint64_t value =
        (value_of(module, symbol) + static_cast<std::uint64_t>(relocation.addend)).value();
    if (relocation_is_pc_relative(relocation.type)) value -= address.value();
    const bool fits = width == 8 || (relocation.type == R_X86_64_32
                                         ? value <= UINT32_MAX
                                         : static_cast<std::uint64_t>(static_cast<std::int64_t>(
                                               static_cast<std::int32_t>(value))) == value);
    if (!fits || (width != 4 && width != 8))
      return malformed(module.object,
                       fmt::format("its relocation against '{}' does not fit", symbol.name));
    std::memcpy(piece.bytes.data() + (address - piece.address), &value, width);
    return {};
  }

  std::unique_ptr<Image> kernel_;
  SymbolTable symbols_;
  RunAddress next_ = kModuleArea;
  std::unordered_map<std::string, std::vector<std::uint8_t>> types_;               // by module
  std::unordered_map<std::string, std::map<std::string, AddressRange>> sections_;  // by module
  std::unordered_map<std::string, RunAddress> exports_;
  std::unordered_map<std::string, RunAddress> unknown_;
  std::vector<Piece> pieces_;  // sorted by address
};

}  // namespace

Result<std::unique_ptr<Image>> open_disk_image(const std::string& kernel,
                                               const std::vector<std::filesystem::path>& modules) {
  auto built_in = open_vmlinux_image(kernel);
  if (!built_in) return propagate(built_in);
  std::vector<Module> loaded;
  for (const std::filesystem::path& path : modules) {
    auto object = ElfObject::load(path);
    if (!object) return propagate(object);
    loaded.push_back({std::move(*object), module_name_of(path)});
  }
  auto image = std::make_unique<DiskImage>(std::move(*built_in));
  if (auto added = image->add(std::move(loaded)); !added) return propagate(added);
  return std::unique_ptr<Image>(std::move(image));
}

}  // namespace splicer
