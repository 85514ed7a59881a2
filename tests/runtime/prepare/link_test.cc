// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/link.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "matcher/elf/elf_object.h"
#include "tests/support/sample_module.h"
#include "tests/support/sample_package.h"

namespace splicer {
namespace {

const Addresses kAddresses{{"free_task", RunAddress(0xffffffff81001000)},
                           {"nr_threads", RunAddress(0xffffffff82002000)}};

Manifest sample_manifest() {
  Manifest manifest = sample_package().manifest;
  manifest.id = "5d1f0c2e77aa9b31";
  return manifest;
}

std::string code_of(const SampleModule& module, const Addresses& addresses = kAddresses,
                    const Manifest& manifest = sample_manifest(),
                    const RuntimeConstants& constants = {}) {
  const auto linked = link_module(module.bytes(), manifest, 0, addresses, constants);
  if (linked) return "";
  EXPECT_EQ(linked.error().exit, ExitCode::bad_package);
  return linked.error().code;
}

TEST(Link, WritesAddressesAndName) {
  const auto file = SampleModule().bytes();
  const auto linked = link_module(file, sample_manifest(), 0, kAddresses, {});
  ASSERT_TRUE(linked) << linked.error().message;
  EXPECT_EQ(linked->size(), file.size());
  const auto object = ElfObject::parse(*linked, "linked.ko");
  ASSERT_TRUE(object) << object.error().message;
  std::size_t absolute = 0;
  for (const Symbol& symbol : object->symbols()) {
    const auto given = kAddresses.find(symbol.name);
    EXPECT_EQ(symbol.absolute.has_value(), given != kAddresses.end()) << symbol.name;
    if (!symbol.absolute) continue;
    absolute++;
    EXPECT_EQ(symbol.absolute, given->second);
  }
  EXPECT_EQ(absolute, 2u);
  for (const char* name : {".gnu.linkonce.this_module", ".modinfo"}) {
    const Bytes bytes = object->find_section(name)->bytes;
    const std::string text(bytes.begin(), bytes.end());
    EXPECT_NE(text.find(std::string("splice_5d1f0c2e77aa9b31_0\0", 26)), std::string::npos);
    EXPECT_EQ(text.find(kIdPlaceholder), std::string::npos);
  }
}

TEST(Link, AHookOutsideTheCode) {
  Manifest manifest = sample_manifest();
  manifest.targets[0].hooks[0].offset = 1u << 20;
  EXPECT_EQ(code_of(SampleModule(), kAddresses, manifest), "link-function");
  manifest.targets[0].hooks[0] = sample_manifest().targets[0].hooks[0];
  manifest.targets[0].hooks[0].section = ".modinfo";
  EXPECT_EQ(code_of(SampleModule(), kAddresses, manifest), "link-function");
}

TEST(Link, ChangesNothingElse) {
  const auto file = SampleModule().bytes();
  const auto linked = link_module(file, sample_manifest(), 0, kAddresses, {});
  ASSERT_TRUE(linked);
  std::size_t differing = 0;
  for (std::size_t i = 0; i < file.size(); i++) differing += file[i] != (*linked)[i] ? 1 : 0;
  // Two names of 16 digits, two symbols with an index and a value of 8 bytes.
  EXPECT_LE(differing, 2 * 16 + 2 * (2 + 8u));
}

// The kernel's loader takes a constant of eight bytes, but knows no relocation of one.
TEST(Link, ConstantOfOneByte) {
  SampleModule module;
  module.symbols.push_back({"runtime_shift_d_hash_shift", 0});
  module.relocations = {{6, ELF64_R_INFO(6, R_X86_64_8), 0}, {8, ELF64_R_INFO(5, R_X86_64_32), 0}};
  const RuntimeConstants constants{{"runtime_shift_d_hash_shift", 21}};
  const auto linked = link_module(module.bytes(), sample_manifest(), 0, kAddresses, constants);
  ASSERT_TRUE(linked) << linked.error().message;
  const auto object = ElfObject::parse(*linked, "linked.ko");
  ASSERT_TRUE(object);
  const Section& text = *object->find_section(".text");
  EXPECT_EQ(text.bytes[6], 21);
  EXPECT_EQ(text.bytes[5], 0xcc);
  EXPECT_EQ(text.bytes[7], 0xcc);
  EXPECT_EQ(text.relocations[0].type, static_cast<std::uint32_t>(R_X86_64_NONE));
  EXPECT_EQ(text.relocations[1].type, static_cast<std::uint32_t>(R_X86_64_32));

  module.relocations[0].r_info = ELF64_R_INFO(3, R_X86_64_8);  // an address, not a constant
  EXPECT_EQ(code_of(module, kAddresses, sample_manifest(), constants), "link-constant");
  module.relocations[0].r_info = ELF64_R_INFO(5, R_X86_64_8);  // nobody gives it a value
  EXPECT_EQ(code_of(module, kAddresses, sample_manifest(), constants), "link-constant");
}

TEST(Link, ConstantOfEightBytesIsAValue) {
  SampleModule module;
  module.symbols.push_back({"runtime_ptr_dentry_hashtable", 0});
  const RuntimeConstants constants{{"runtime_ptr_dentry_hashtable", 0xffff888100000000}};
  const auto linked = link_module(module.bytes(), sample_manifest(), 0, kAddresses, constants);
  ASSERT_TRUE(linked) << linked.error().message;
  const auto object = ElfObject::parse(*linked, "linked.ko");
  ASSERT_TRUE(object);
  const auto symbol =
      std::ranges::find(object->symbols(), "runtime_ptr_dentry_hashtable", &Symbol::name);
  ASSERT_NE(symbol, object->symbols().end());
  EXPECT_EQ(symbol->absolute, RunAddress(0xffff888100000000));
  EXPECT_EQ(code_of(SampleModule(), kAddresses, sample_manifest(), constants), "link-symbol");
}

TEST(Link, ExportedSymbolsStayUndefined) {
  const auto linked = link_module(SampleModule().bytes(), sample_manifest(), 0, kAddresses, {});
  ASSERT_TRUE(linked);
  const auto object = ElfObject::parse(*linked, "linked.ko");
  ASSERT_TRUE(object);
  for (const Symbol& symbol : object->symbols())
    EXPECT_TRUE(symbol.name != "_printk" || symbol.undefined());
}

TEST(Link, ListedSymbolMustBeUndefined) {
  Addresses addresses = kAddresses;
  addresses["not_there"] = RunAddress(1);
  EXPECT_EQ(code_of(SampleModule(), addresses), "link-symbol");
  addresses = kAddresses;
  addresses["copy_process"] = RunAddress(1);  // the module defines it
  EXPECT_EQ(code_of(SampleModule(), addresses), "link-symbol");
}

TEST(Link, PlaceholderMustBeThereOnce) {
  SampleModule module;
  module.this_module = std::string(80, 'x');
  EXPECT_EQ(code_of(module), "link-name");
  module = {};
  module.modinfo = "name=splice_0000000000000000_1";
  EXPECT_EQ(code_of(module), "link-name");
  module = {};
  module.modinfo += module.modinfo;
  EXPECT_EQ(code_of(module), "link-name");
  module = {};
  module.modinfo.clear();
  EXPECT_EQ(code_of(module), "link-name");
}

TEST(Link, IdOfAnotherLength) {
  Manifest manifest = sample_manifest();
  manifest.id = "5d1f0c2e";
  EXPECT_EQ(code_of(SampleModule(), kAddresses, manifest), "link-name");
}

TEST(Link, FunctionsLieInCode) {
  Manifest manifest = sample_manifest();
  manifest.targets[0].functions[0].offset = 20;
  EXPECT_EQ(code_of(SampleModule(), kAddresses, manifest), "link-function");
  manifest.targets[0].functions[0].offset = ~std::uint64_t{0};
  EXPECT_EQ(code_of(SampleModule(), kAddresses, manifest), "link-function");
  manifest.targets[0].functions[0].offset = 0;
  manifest.targets[0].functions[0].section = ".modinfo";
  EXPECT_EQ(code_of(SampleModule(), kAddresses, manifest), "link-function");
  manifest.targets[0].functions[0].section = ".none";
  EXPECT_EQ(code_of(SampleModule(), kAddresses, manifest), "link-function");
}

TEST(Link, HostileFile) {
  auto file = SampleModule().bytes();
  for (std::size_t size = 0; size < file.size(); size += 37) {
    const auto linked =
        link_module({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)},
                    sample_manifest(), 0, kAddresses, {});
    ASSERT_FALSE(linked) << size;
    EXPECT_EQ(linked.error().exit, ExitCode::bad_package);
  }
}

}  // namespace
}  // namespace splicer
