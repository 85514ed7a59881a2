// SPDX-License-Identifier: GPL-2.0-or-later
//
// What makes an object a module, learnt from headers.
#include "splice-cc/module/module_frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/package/package.h"
#include "tests/support/fake_kernel.h"

namespace splicer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

class GlueTest : public ::testing::Test {
 protected:
  Result<ModuleGlue> make() const { return ModuleGlue::make(kernel.kbuild()); }
  ModuleGlue glue() const {
    auto made = make();
    EXPECT_TRUE(made) << made.error().message << made.error().detail;
    if (!made) std::abort();
    return std::move(*made);
  }
  FakeKernel kernel;
};

TEST_F(GlueTest, ExportedSymbols) {
  const auto exports = glue().exports();
  ASSERT_EQ(exports.size(), 3u);
  EXPECT_EQ(exports.at("printk").crc, 0xabcdu);
  EXPECT_EQ(exports.at("printk").name_space, "");
  EXPECT_EQ(exports.at("tun_get").name_space, "TUN_SPACE");
}

TEST_F(GlueTest, ThisModuleHasThePlaceholderAndTheNumber) {
  const std::string first = text_of(glue().this_module(0));
  EXPECT_EQ(first.size(), 64u) << "the size of struct module";
  const std::string name = "splice_" + std::string(kIdPlaceholder) + "_";
  EXPECT_THAT(first, HasSubstr(name + "0"));
  EXPECT_THAT(text_of(glue().this_module(12)), HasSubstr(name + "12"));
  EXPECT_EQ(first.find(kIdPlaceholder), first.rfind(kIdPlaceholder));
}

TEST_F(GlueTest, ModuleInformation) {
  const std::string info = glue().modinfo(3, {"printk", "tun_get"});
  for (const std::string& line :
       {std::string("license=GPL"), std::string("vermagic=6.1.0-99-test SMP "),
        std::string("import_ns=TUN_SPACE"), "name=splice_" + std::string(kIdPlaceholder) + "_3"})
    EXPECT_THAT(info, HasSubstr(line + '\0'));
  EXPECT_THAT(glue().modinfo(3, {"printk"}), Not(HasSubstr("import_ns")));
}

TEST_F(GlueTest, Versions) {
  const auto versions = glue().versions({"printk", "not_exported"});
  ASSERT_EQ(versions.size(), 2 * 64u) << "module_layout is always there";
  EXPECT_EQ(versions[0], 0x78);
  EXPECT_EQ(versions[3], 0x12);
  EXPECT_STREQ(reinterpret_cast<const char*>(versions.data()) + 8, "module_layout");
  EXPECT_EQ(versions[64], 0xcd);
  EXPECT_STREQ(reinterpret_cast<const char*>(versions.data()) + 64 + 8, "printk");
}

TEST_F(GlueTest, AKernelWithoutVersions) {
  kernel.add("include/linux/compiler.h", "#undef CONFIG_MODVERSIONS\n");
  EXPECT_TRUE(glue().versions({"printk"}).empty());
}

TEST_F(GlueTest, HeadersThatMakeNoModule) {
  kernel.add("include/linux/module.h", "error\n");
  EXPECT_EQ(make().error().code, "compile-failed");
}

TEST_F(GlueTest, AStructureThatIsNotUnderstood) {
  std::string header = kModuleHeader;
  header.replace(header.find("__section(s) "), 13, "__section(s) __attribute__((used)) //");
  kernel.add("include/linux/module.h", header);
  EXPECT_EQ(make().error().code, "glue-malformed") << "nothing stands in its section";
}

TEST_F(GlueTest, WithoutSymvers) {
  std::filesystem::remove(kernel.folder / "headers/Module.symvers");
  EXPECT_EQ(make().error().code, "file-unreadable");
}

}  // namespace
}  // namespace splicer
