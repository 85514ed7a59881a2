// SPDX-License-Identifier: GPL-2.0-or-later
//
// The text, and what a compiler makes of it with headers that look as the kernel's do.
#include "splice-cc/module/livepatch_frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "splice-cc/source/process.h"
#include "tests/support/defined_symbol.h"
#include "tests/support/sample_module.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

constexpr const char* kModuleHeader = R"(
struct module { long state; char name[56]; int (*init)(void); void (*exit)(void); long arch; };
extern struct module __this_module;
#define THIS_MODULE (&__this_module)
struct modversion_info { unsigned long crc; char name[56]; };
void __module_get(struct module *module);
#define MODULE_ARCH_INIT 0
#define CONFIG_MODVERSIONS 1
#define CONFIG_MODULE_UNLOAD 1
#define NULL ((void *)0)
#define __init __attribute__((section(".init.text")))
#define __exit
#define __visible
#define __used __attribute__((used))
#define __section(s) __attribute__((section(s)))
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define MODULE_INFO(tag, text) \
	static const char JOIN(tag, __COUNTER__)[] __used __section(".modinfo") = #tag "=" text
)";

// include/linux/livepatch.h, as far as a patch's author writes it.
constexpr const char* kLivepatchHeader = R"(
struct klp_object;
struct klp_func { const char *old_name; void *new_func; unsigned long old_sympos; };
struct klp_callbacks {
	int (*pre_patch)(struct klp_object *);
	void (*post_patch)(struct klp_object *);
	void (*pre_unpatch)(struct klp_object *);
	void (*post_unpatch)(struct klp_object *);
};
struct klp_object { const char *name; struct klp_func *funcs; struct klp_callbacks callbacks; };
struct klp_patch { struct module *mod; struct klp_object *objs; };
int klp_enable_patch(struct klp_patch *patch);
)";

using Exports = std::map<std::string, ExportedSymbol, std::less<>>;

PackageFunction function(const char* name, const char* kind) {
  PackageFunction made;
  made.name = name;
  made.kind = kind;
  return made;
}

PackageHook hook(const char* kind) {
  PackageHook made;
  made.kind = kind;
  return made;
}

class LivepatchFrame : public ::testing::Test {
 protected:
  LivepatchFrame() {
    folder.write("linux/module.h", kModuleHeader);
    folder.write("linux/livepatch.h", kLivepatchHeader);
    folder.write("linux/vermagic.h", "#define VERMAGIC_STRING \"6.1.0 SMP \"\n");
    manifest.targets.resize(1);
    manifest.targets[0].name = "vmlinux";
    manifest.targets[0].functions = {
        function("copy_process", "replaced"), function("check_limit", "new"),
        function("copy_process.cold", "checked"), function("do_exit", "replaced")};
  }
  void add_tun() {
    manifest.targets.resize(2);
    manifest.targets[1].name = "tun";
    manifest.targets[1].functions = {function("tun_get", "replaced")};
  }
  std::string text() const { return livepatch_frame(manifest, imports, exports); }
  ElfObject compiled() const {
    folder.write("frame.c", text());
    const auto run =
        run_program({"gcc-12", "-I.", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
                     "-fno-pic", "-mcmodel=kernel", "-c", "frame.c", "-o", "frame.o"},
                    {.folder = folder.path()});
    EXPECT_TRUE(run && run->status == 0) << (run ? run->output : run.error().message) << text();
    auto object = ElfObject::load(folder / "frame.o");
    EXPECT_TRUE(object);
    if (!object) std::abort();
    return std::move(*object);
  }
  static std::set<std::string> undefined(const ElfObject& object) {
    std::set<std::string> names;
    for (const Symbol& symbol : object.symbols())
      if (symbol.undefined() && !symbol.name.empty()) names.insert(symbol.name);
    return names;
  }
  static std::string content(const ElfObject& object, const char* section) {
    const Section* found = object.find_section(section);
    return found == nullptr ? "" : std::string(found->bytes.begin(), found->bytes.end());
  }

  TemporaryFolder folder;
  Manifest manifest;
  std::set<std::string> imports;
  Exports exports;
};

// What a row of a table refers to, by the offset in the table.
std::vector<std::string> row_names(const ElfObject& object, const std::string& table) {
  const Symbol* symbol = defined_symbol(object, table);
  EXPECT_NE(symbol, nullptr) << table;
  if (symbol == nullptr) return {};
  std::vector<std::string> names;
  for (const Relocation& one :
       object.relocations_in(symbol->section, symbol->value, symbol->value + symbol->size)) {
    const Symbol& target = object.symbol(one.symbol);
    const std::string name =
        target.is_section() && target.name.starts_with(".rodata") ? "string" : target.name;
    names.push_back(std::to_string(one.offset - symbol->value) + " " + name);
    EXPECT_EQ(one.type, 1u) << "R_X86_64_64, as livepatch_module.h wants it";
  }
  return names;
}

TEST_F(LivepatchFrame, OneTarget) {
  const ElfObject object = compiled();
  EXPECT_THAT(row_names(object, "functions_0"),
              ElementsAre("0 string", "8 splice_new_0", "16 splice_position_0", "24 string",
                          "32 splice_new_1", "40 splice_position_1"))
      << "what is new or only checked has no row";
  EXPECT_EQ(defined_symbol(object, "functions_0")->size, 3 * 24u) << "the last row ends it";
  EXPECT_THAT(text(), HasSubstr(".old_name = \"copy_process\", .new_func = splice_new_0"));
  EXPECT_THAT(text(), HasSubstr(".old_name = \"do_exit\", .new_func = splice_new_1"));
  EXPECT_THAT(text(), HasSubstr("{ .name = NULL, .funcs = functions_0"));
  EXPECT_EQ(undefined(object),
            (std::set<std::string>{"klp_enable_patch", "splice_new_0", "splice_new_1",
                                   "splice_position_0", "splice_position_1"}));
}

// The numbers go on from one target to the next, as those of the manifest do.
TEST_F(LivepatchFrame, TwoTargets) {
  add_tun();
  const ElfObject object = compiled();
  EXPECT_THAT(row_names(object, "functions_1"),
              ElementsAre("0 string", "8 splice_new_2", "16 splice_position_2"));
  EXPECT_THAT(text(), HasSubstr("{ .name = \"tun\", .funcs = functions_1"));
  // name, funcs and four callbacks each, and an end.
  EXPECT_EQ(defined_symbol(object, "objects")->size, 3 * 48u);
}

TEST_F(LivepatchFrame, ATargetWithoutAReplacedFunction) {
  add_tun();
  manifest.targets[1].functions = {function("tun_new", "new")};
  manifest.targets[1].hooks = {hook("post_apply")};
  const ElfObject object = compiled();
  EXPECT_EQ(defined_symbol(object, "functions_1")->size, 24u);
  EXPECT_THAT(undefined(object), ::testing::Contains("splice_hook_0"));
}

TEST_F(LivepatchFrame, HooksOfEachKind) {
  add_tun();
  manifest.targets[0].hooks = {hook("post_apply"), hook("pre_apply"), hook("pre_apply")};
  manifest.targets[1].hooks = {hook("post_undo"), hook("post_apply")};
  const std::string frame = text();
  EXPECT_THAT(frame, HasSubstr("{ .pre_patch = pre_patch_0, .post_patch = post_patch_0, }"));
  EXPECT_THAT(frame, HasSubstr("{ .post_patch = post_patch_1, .post_unpatch = post_unpatch_1, }"));
  // Which hook of the manifest is in which callback, and in which order.
  EXPECT_THAT(frame, HasSubstr("refused = 0;\n\n\tif (!refused)\n\t\trefused = splice_hook_1();\n"
                               "\tif (!refused)\n\t\trefused = splice_hook_2();\n"
                               "\treturn refused;"));
  EXPECT_THAT(frame,
              HasSubstr("post_patch_0(struct klp_object *object)\n{\n\tsplice_hook_0();\n}"));
  EXPECT_THAT(frame,
              HasSubstr("post_unpatch_1(struct klp_object *object)\n{\n\tsplice_hook_3();\n}"));
  EXPECT_THAT(frame,
              HasSubstr("post_patch_1(struct klp_object *object)\n{\n\tsplice_hook_4();\n}"));
  const ElfObject object = compiled();
  EXPECT_THAT(undefined(object), IsSupersetOf({"splice_hook_0", "splice_hook_1", "splice_hook_2",
                                               "splice_hook_3", "splice_hook_4"}));
}

TEST_F(LivepatchFrame, WithoutHooksThereAreNoCallbacks) {
  EXPECT_THAT(text(), HasSubstr(".callbacks = { }"));
  EXPECT_THAT(text(), Not(HasSubstr("splice_hook")));
}

TEST_F(LivepatchFrame, MemoryThatMustStayIsHeld) {
  EXPECT_THAT(undefined(compiled()), Not(::testing::Contains("__module_get")));
  manifest.keeps = {"copy_process stores the address of check_limit"};
  EXPECT_THAT(undefined(compiled()), ::testing::Contains("__module_get"));
  EXPECT_THAT(text(), HasSubstr("if (!failed)\n\t\t__module_get(THIS_MODULE);"));
}

TEST_F(LivepatchFrame, TheModule) {
  const ElfObject object = compiled();
  const std::string module = content(object, ".gnu.linkonce.this_module");
  EXPECT_EQ(module.size(), 8 + 56 + 3 * 8u) << "struct module";
  EXPECT_EQ(module.substr(8, 27), std::string("livepatch_0000000000000000\0", 27));
  const std::string info = content(object, ".modinfo");
  for (const char* line :
       {"license=GPL", "livepatch=Y", "retpoline=Y", "depends=", "vermagic=6.1.0 SMP "})
    EXPECT_THAT(info, HasSubstr(line + std::string(1, '\0'))) << line;
}

TEST_F(LivepatchFrame, NameSpacesOfWhatIsImported) {
  exports["tun_get"] = {1, "TUN_SPACE"};
  exports["tap_get"] = {2, "TUN_SPACE"};
  exports["usb_get"] = {3, "USB_SPACE"};
  exports["printk"] = {4, ""};
  imports = {"tun_get", "tap_get", "printk", "not_exported"};
  const std::string info = content(compiled(), ".modinfo");
  const std::string line = std::string("import_ns=TUN_SPACE") + '\0';
  EXPECT_THAT(info, HasSubstr(line));
  EXPECT_EQ(info.find(line), info.rfind(line)) << "once";
  EXPECT_THAT(info, Not(HasSubstr("USB_SPACE")));
}

TEST_F(LivepatchFrame, Versions) {
  exports["printk"] = {0xabcd, ""};
  exports["klp_enable_patch"] = {0xfedcba98, ""};
  exports["unused"] = {5, ""};
  imports = {"printk", "not_exported"};
  const std::string versions = content(compiled(), "__versions");
  ASSERT_EQ(versions.size(), 2 * 64u);
  EXPECT_EQ(versions.substr(0, 8), std::string("\x98\xba\xdc\xfe\0\0\0\0", 8));
  EXPECT_STREQ(versions.data() + 8, "klp_enable_patch") << "what the frame itself calls";
  EXPECT_EQ(versions.substr(64, 8), std::string("\xcd\xab\0\0\0\0\0\0", 8));
  EXPECT_STREQ(versions.data() + 64 + 8, "printk");
}

TEST_F(LivepatchFrame, AKernelWithoutVersions) {
  folder.write("linux/vermagic.h",
               "#define VERMAGIC_STRING \"6.1.0\"\n#undef CONFIG_MODVERSIONS\n"
               "#undef CONFIG_MODULE_UNLOAD\n");
  const ElfObject object = compiled();
  EXPECT_EQ(object.find_section("__versions"), nullptr);
  EXPECT_NE(object.find_section(".gnu.linkonce.this_module"), nullptr);
}

// --- imports_of ---

Package two_targets() {
  Package package;
  package.manifest.targets.resize(2);
  package.manifest.targets[0].new_member = "new/vmlinux.ko";
  package.manifest.targets[0].symbols = {{"free_task", "kernel", "", 0, "free_task", ""},
                                         {"nr_threads", "pre", "", 9, "nr_threads", ""}};
  package.manifest.targets[1].new_member = "new/tun.ko";
  package.members["new/vmlinux.ko"] = SampleModule().bytes();
  SampleModule tun;
  tun.symbols = {{"tun_get", kTextSection, 0}, {"skb_put", 0}};
  package.members["new/tun.ko"] = tun.bytes();
  return package;
}

TEST(ImportsOf, WhatIsUndefinedAndNotListed) {
  const auto imports = imports_of(two_targets());
  ASSERT_TRUE(imports);
  EXPECT_EQ(*imports, (std::set<std::string>{"_printk", "skb_put"}));
}

// Each module has its own table: a static function of one may have the name of what vmlinux exports.
TEST(ImportsOf, ANameThatOnlyOneTargetLists) {
  Package package = two_targets();
  package.manifest.targets[1].symbols = {{"_printk", "pre", "", 4, "_printk", ""}};
  EXPECT_THAT(*imports_of(package), ::testing::Contains("_printk"));
}

TEST(ImportsOf, AModuleThatIsNone) {
  Package package = two_targets();
  package.members["new/tun.ko"] = {1, 2, 3};
  const auto imports = imports_of(package);
  ASSERT_FALSE(imports);
  EXPECT_EQ(imports.error().code, "elf-malformed");
  EXPECT_EQ(imports.error().file, "new/tun.ko");
}

}  // namespace
}  // namespace splicer
