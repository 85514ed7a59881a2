// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/tree_layout.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

namespace splicer {

namespace {

// Directories at the top that are not simply source; all others are.
struct TopDirectory {
  std::string_view name;
  bool source;    // of the kernel
  bool includes;  // #include lines count
};

constexpr TopDirectory kTop[] = {
    {"Documentation", false, false},
    {"LICENSES", false, true},
    {"debian", false, true},
    {"samples", false, false},
    {"scripts", true, false},
    {"tools", false, false},
    {"usr", false, true},
};

const TopDirectory* find_top(std::string_view name) {
  const auto* const found = std::ranges::find(kTop, name, &TopDirectory::name);
  return found == std::end(kTop) ? nullptr : found;
}

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

constexpr std::array<std::string_view, 6> kSeparateImages = {
    "arch/x86/boot/",        "arch/x86/entry/vdso/",          "arch/x86/purgatory/",
    "arch/x86/realmode/rm/", "drivers/firmware/efi/libstub/", "lib/vdso/"};

}  // namespace

bool is_separate_image(const std::string& path) {
  if (path == "arch/x86/entry/vdso/vma.c" || path == "arch/x86/entry/vdso/extable.c") return false;
  return std::ranges::any_of(kSeparateImages,
                             [&](std::string_view folder) { return path.starts_with(folder); });
}

bool is_other_architecture(const std::string& path) {
  return path.starts_with("arch/") && path != "arch/Kconfig" && path != "arch/x86" &&
         !path.starts_with("arch/x86/");
}

bool is_kernel_source(const std::string& path) {
  if (const std::size_t slash = path.find('/'); slash != std::string::npos)
    if (const TopDirectory* top = find_top(std::string_view(path).substr(0, slash));
        top != nullptr && !top->source)
      return false;
  if (is_other_architecture(path)) return false;
  const std::string name = file_name(path);
  // A text, and what the decoder's tables are made from (arch/x86/lib/Makefile).
  if (name == "x86-opcode-map.txt") return true;
  return name != "MAINTAINERS" && name != "CREDITS" && !name.starts_with(".") &&
         !name.ends_with(".rst") && !name.ends_with(".txt") && !name.ends_with(".dts") &&
         !name.ends_with(".dtsi") && !name.ends_with(".yaml");
}

bool is_build_rule(const std::string& path) {
  const std::string name = file_name(path);
  return name.starts_with("Makefile") || name.starts_with("Kconfig") || name == "Kbuild" ||
         name.ends_with(".lds.S") || name.ends_with(".lds.h") || path.starts_with("scripts/");
}

bool is_configuration(const std::string& path) { return file_name(path).starts_with("Kconfig"); }

bool has_includes(const std::string& top) {
  const TopDirectory* directory = find_top(top);
  return directory == nullptr || directory->includes;
}

const std::vector<std::string>& directories_that_may_refer_elsewhere() {
  // In this order they are searched: the most likely first.
  static const std::vector<std::string> names = {"arch",  "drivers",  "fs",     "net",
                                                 "sound", "security", "kernel", "virt"};
  return names;
}

// The top directories of documents and of tests are left out but for their first level, which
// Kconfig and Makefiles name; of arch/um a script is kept: fs/hostfs/Makefile reads it, and kbuild
// may go there on any machine.
const std::vector<std::string>& tar_exclusions() {
  static const std::vector<std::string> options = {"--anchored",
                                                   "--wildcards",
                                                   "--no-wildcards-match-slash",
                                                   "--exclude=*/Documentation/*/*",
                                                   "--exclude=*/tools/testing",
                                                   "--exclude=*/arch/[a-tvw]*",
                                                   "--exclude=*/arch/um/[!s]*",
                                                   "--exclude=*/arch/xtensa"};
  return options;
}

}  // namespace splicer
