// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/module/module_frame.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <sstream>

#include "matcher/base/file.h"
#include "matcher/elf/elf_object.h"
#include "runtime/package/digest.h"
#include "runtime/package/package.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

// The same sections that modpost's .mod.c files make (scripts/mod/modpost.c, add_header). The one
// entry of __versions is an example: its place and size show the layout.
constexpr const char* kSource = R"(#define INCLUDE_VERMAGIC
#include <linux/module.h>
#include <linux/vermagic.h>
#include <linux/compiler.h>

MODULE_INFO(vermagic, VERMAGIC_STRING);

__visible struct module __this_module
__section(".gnu.linkonce.this_module") = {
	.name = "splice_0000000000000000_",
	.arch = MODULE_ARCH_INIT,
};

#ifdef CONFIG_MODVERSIONS
static const struct modversion_info example[]
__used __section("__versions") = {
	{ 0x89abcdef, "splice_example" },
};
#endif
)";

constexpr std::string_view kExampleName = "splice_example";

Failure malformed(const std::string& what) {
  return fail(ExitCode::error, "glue-malformed", what)
      .hint(
          "the kernel's headers make modules in a way that Splice does not know; please report it");
}

template <typename Needle>
std::optional<std::uint64_t> find_bytes(Bytes bytes, const Needle& needle) {
  const auto found = std::search(bytes.begin(), bytes.end(), std::begin(needle), std::end(needle));
  if (found == bytes.end()) return std::nullopt;
  return static_cast<std::uint64_t>(found - bytes.begin());
}

Exports parse_symvers(const std::string& text) {
  Exports exports;
  for (const std::string& line : split_lines(text)) {
    std::vector<std::string> fields;
    std::istringstream in(line);
    for (std::string field; std::getline(in, field, '\t');) fields.push_back(field);
    if (fields.size() < 4 || !fields[0].starts_with("0x")) continue;
    ExportedSymbol symbol;
    const std::string_view digits = std::string_view(fields[0]).substr(2);
    std::from_chars(digits.data(), digits.data() + digits.size(), symbol.crc, 16);
    if (fields.size() > 4) symbol.name_space = fields[4];
    exports.emplace(fields[1], std::move(symbol));
  }
  return exports;
}

}  // namespace

std::set<std::string> name_spaces(const std::set<std::string>& imports, const Exports& exports) {
  std::set<std::string> spaces;
  for (const std::string& import : imports)
    if (const auto symbol = exports.find(import);
        symbol != exports.end() && !symbol->second.name_space.empty())
      spaces.insert(symbol->second.name_space);
  return spaces;
}

Result<ModuleGlue> ModuleGlue::make(const Kbuild& kbuild) {
  const fs::path saved =
      kbuild.tree().store / fmt::format("glue-{}.o", sha256_hex(kSource).substr(0, 16));
  if (!fs::exists(saved)) {
    auto built = kbuild.build_module_object(kSource, saved);
    if (!built) return propagate(built);
  }
  auto object = ElfObject::load(saved);
  if (!object) return propagate(object);
  auto symvers = read_text(kbuild.host().headers / "Module.symvers");
  if (!symvers) return propagate(symvers);

  ModuleGlue glue;
  glue.exports_ = parse_symvers(*symvers);
  const Section* module = object->find_section(".gnu.linkonce.this_module");
  if (module == nullptr || !module->relocations.empty())
    return malformed("struct module is not where it should be, or has pointers");
  glue.this_module_.assign(module->bytes.begin(), module->bytes.end());
  glue.align_ = module->align;
  const auto name = find_bytes(module->bytes, kIdPlaceholder);
  if (!name) return malformed("the module's name is not in struct module");
  glue.name_at_ = *name + kIdPlaceholder.size() + 1;
  constexpr std::uint64_t kMostDigits = 20;
  if (glue.name_at_ + kMostDigits > module->size) return malformed("struct module has no room");

  const Section* info = object->find_section(".modinfo");
  constexpr std::string_view kMagic = "vermagic=";
  const auto magic = info == nullptr ? std::nullopt : find_bytes(info->bytes, kMagic);
  if (!magic) return malformed("there is no version magic");
  for (std::uint64_t i = *magic + kMagic.size(); i < info->bytes.size() && info->bytes[i] != 0; ++i)
    glue.vermagic_.push_back(static_cast<char>(info->bytes[i]));

  if (const Section* versions = object->find_section("__versions")) {
    const std::array<std::uint8_t, 4> crc = {0xef, 0xcd, 0xab, 0x89};
    const auto crc_at = find_bytes(versions->bytes, crc);
    const auto name_at = find_bytes(versions->bytes, kExampleName);
    if (!crc_at || !name_at) return malformed("an entry of __versions has no version or no name");
    glue.version_size_ = versions->size;
    glue.version_crc_at_ = *crc_at;
    glue.version_name_at_ = *name_at;
  }
  return glue;
}

std::vector<std::uint8_t> ModuleGlue::this_module(std::size_t number) const {
  std::vector<std::uint8_t> bytes = this_module_;
  const std::string digits = std::to_string(number);
  std::copy(digits.begin(), digits.end(), bytes.begin() + static_cast<std::ptrdiff_t>(name_at_));
  return bytes;
}

std::string ModuleGlue::modinfo(std::size_t number, const std::set<std::string>& imports) const {
  std::string text;
  const auto add = [&text](const std::string& line) { text.append(line).push_back('\0'); };
  add("license=GPL");
  add("description=hot update made by splice-create");
  add(fmt::format("name=splice_{}_{}", kIdPlaceholder, number));
  add("depends=");
  add("retpoline=Y");  // the new code is compiled as the kernel is
  for (const std::string& space : name_spaces(imports, exports_)) add("import_ns=" + space);
  add("vermagic=" + vermagic_);
  return text;
}

std::vector<std::uint8_t> ModuleGlue::versions(const std::set<std::string>& imports) const {
  std::vector<std::uint8_t> bytes;
  if (version_size_ == 0) return bytes;
  std::set<std::string> names = imports;
  names.insert("module_layout");  // the loader checks struct module by it (check_modstruct_version)
  for (const std::string& name : names) {
    const auto symbol = exports_.find(name);
    if (symbol == exports_.end() || version_name_at_ + name.size() >= version_size_) continue;
    std::vector<std::uint8_t> entry(version_size_, 0);
    for (unsigned i = 0; i < 4; ++i)
      entry[version_crc_at_ + i] = static_cast<std::uint8_t>(symbol->second.crc >> (8 * i));
    std::copy(name.begin(), name.end(),
              entry.begin() + static_cast<std::ptrdiff_t>(version_name_at_));
    bytes.insert(bytes.end(), entry.begin(), entry.end());
  }
  return bytes;
}

}  // namespace splicer
