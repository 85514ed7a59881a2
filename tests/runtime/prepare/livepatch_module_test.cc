// SPDX-License-Identifier: GPL-2.0-or-later
//
// Frame and new code of two targets become one file; what it refers to is what was matched.
#include "runtime/prepare/livepatch_module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/defined_symbol.h"
#include "tests/support/livepatch_file.h"
#include "tests/support/object_builder.h"
#include "tests/support/sample_livepatch.h"

namespace splicer {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class LivepatchModuleTest : public ::testing::Test, protected SampleLivepatch {
 protected:
  LivepatchFile made() {
    auto bytes = make();
    EXPECT_TRUE(bytes) << bytes.error().message << "\n" << bytes.error().detail;
    return read_livepatch(bytes ? std::move(*bytes) : *new_vmlinux.out.finish());
  }
  // The error's code.
  std::string code() {
    const auto bytes = make();
    if (bytes) return "made";
    EXPECT_FALSE(bytes.error().advice.empty());
    EXPECT_EQ(bytes.error().exit,
              bytes.error().code == "livepatch-form" ? ExitCode::unsafe : ExitCode::bad_package);
    return bytes.error().code;
  }
  // The reasons why the kernel's livepatch cannot carry it.
  std::string reasons() {
    EXPECT_EQ(code(), "livepatch-form");
    const auto bytes = make();
    return bytes ? "" : bytes.error().detail;
  }
};

Content content(const LivepatchFile& file, const char* section) {
  const Section* found = file.object.find_section(section);
  return found == nullptr ? Content() : Content(found->bytes.begin(), found->bytes.end());
}

TEST_F(LivepatchModuleTest, PlacesOfTheNewCode) {
  const LivepatchFile file = made();
  // The new code of vmlinux, 48 bytes; of tun, to 64; of the frame, to 16.
  Content text(48, 0x11);
  text[36] = 21;  // a constant of one byte
  text.resize(64, 0xcc);
  text.resize(88, 0x33);
  text.resize(96, 0xcc);
  text.resize(112, 0x55);
  EXPECT_EQ(content(file, ".text"), text);
  EXPECT_EQ(file.object.find_section(".text")->align, 64u);
  EXPECT_TRUE(file.object.find_section(".text")->is_code());
  EXPECT_EQ(file.object.find_section(".data")->size, 16u + 48);
  EXPECT_TRUE(file.object.find_section(".data")->is_writable());
  EXPECT_FALSE(file.object.find_section(".rodata")->is_writable());
  const Symbol* tun_get = defined_symbol(file.object, "tun_get");
  ASSERT_NE(tun_get, nullptr);
  EXPECT_EQ(tun_get->value, 64u + 4);
  EXPECT_TRUE(tun_get->is_local()) << "two targets may have a name each";
  EXPECT_TRUE(tun_get->is_function());
}

TEST_F(LivepatchModuleTest, ReferencesOfTheCode) {
  EXPECT_THAT(
      made().references(".text"),
      ElementsAre("25 4 _printk -4", "40 2 .data 4", "65 4 .text 28", "97 4 klp_enable_patch -4",
                  "105 4 .text 36",
                  // When tun is there:
                  "72 4 .klp.sym.tun.tun_flow,0 -4 tun", "84 4 .klp.sym.tap.tap_read,0 -4 tun",
                  // At once:
                  "1 4 .klp.sym.vmlinux.free_task,0 -4 vmlinux",
                  "8 2 .klp.sym.vmlinux.nr_threads,0 -4 vmlinux",
                  "17 2 .klp.sym.vmlinux.banner,0 80 vmlinux",
                  "77 4 .klp.sym.vmlinux.free_task,0 -4 vmlinux"));
}

TEST_F(LivepatchModuleTest, ReferencesOfTheData) {
  const LivepatchFile file = made();
  EXPECT_THAT(file.references(".data"),
              ElementsAre("0 1 runtime_ptr 0", "8 1 .text 32", "16 1 .text 16", "32 1 .text 68"));
  EXPECT_THAT(file.references(".rodata"), ElementsAre("0 1 .klp.sym.tun.tun_flow,0 8 tun"));
  const auto constant = std::ranges::find(file.object.symbols(), "runtime_ptr", &Symbol::name);
  ASSERT_NE(constant, file.object.symbols().end());
  EXPECT_EQ(constant->absolute, RunAddress(0xffff888100000000));
}

// The second of vmlinux's two copy_process; tun_get stands once.
TEST_F(LivepatchModuleTest, PositionsAreNumbers) {
  const Content data = content(made(), ".data");
  ASSERT_EQ(data.size(), 64u);
  const auto number_at = [&](std::size_t at) {
    std::uint64_t number = 0;
    std::memcpy(&number, data.data() + at, sizeof number);
    return number;
  };
  EXPECT_EQ(number_at(16 + 8), 2u);
  EXPECT_EQ(number_at(16 + 24), 0u);
  EXPECT_EQ(number_at(16 + 32), 0x4444444444444444u) << "the rest is the frame's";
}

TEST_F(LivepatchModuleTest, WhatAModuleHasOnceIsTheFrames) {
  const LivepatchFile file = made();
  EXPECT_EQ(content(file, ".modinfo"), bytes_of("livepatch=Y"));
  EXPECT_EQ(content(file, "__versions"), Content(64, 'f'));
  EXPECT_EQ(content(file, kThisModule).size(), kNameAt + 56 + 48);
  for (const char* none : {".note.gnu.build-id", ".discard.addressable", ".comment"})
    EXPECT_EQ(file.object.find_section(none), nullptr) << none;
}

TEST_F(LivepatchModuleTest, ZerosStayWithoutContent) {
  new_vmlinux.out.reserve(new_vmlinux.out.section(".bss", SHT_NOBITS, kData), 12, 4);
  new_frame.out.reserve(new_frame.out.section(".bss", SHT_NOBITS, kData), 8, 8);
  const LivepatchFile file = made();
  ASSERT_NE(file.object.find_section(".bss"), nullptr);
  EXPECT_TRUE(file.object.find_section(".bss")->is_nobits());
  EXPECT_EQ(file.object.find_section(".bss")->size, 24u);
}

TEST_F(LivepatchModuleTest, TheNameIsWrittenOver) {
  for (const std::string& name :
       {std::string("livepatch_5d1f0c2e77aa9b31"), std::string("fix"), std::string(55, 'm')}) {
    module_name = name;
    const Content module = content(made(), kThisModule);
    std::string expected = std::string(kNameAt, 'f') + name;
    expected.resize(kNameAt + 56 + 48, '\0');
    EXPECT_EQ(module, bytes_of(expected)) << name;
  }
}

TEST_F(LivepatchModuleTest, NamesThatNoModuleCanHave) {
  for (const std::string& name :
       {std::string(), std::string(56, 'm'), std::string("a.b"), std::string("a/b")}) {
    module_name = name;
    EXPECT_EQ(code(), "link-symbol") << name;
  }
}

// What vmlinux exports is the loader's to find, even if a module has something of that name.
TEST_F(LivepatchModuleTest, AnExportOfVmlinuxStaysUndefined) {
  more_symbols.push_back({core(0x7000), 'T', "tap_read", "vmlinux"});
  EXPECT_THAT(made().references(".text"), Contains("84 4 tap_read -4"));
}

// A static function of another module is not what an import means.
TEST_F(LivepatchModuleTest, AnImportIsOfWhatIsExported) {
  new_tun.refer(new_tun.put(".text", kCode, Content(8, 0x33)), 24, "helper", R_X86_64_PLT32, -4);
  more_symbols.push_back({module(0x103000), 't', "helper", "tap"});
  EXPECT_THAT(made().references(".text"), Contains("88 4 helper -4"));
}

TEST_F(LivepatchModuleTest, TheSameInEveryBoot) {
  vmlinux().symbols.resize(3);  // without constants
  new_vmlinux = Part();
  const auto text = new_vmlinux.put(".text", kCode, Content(48, 0x11), 16);
  new_vmlinux.out.define("check_limit", text, 32, 8, STB_GLOBAL, STT_FUNC);
  new_vmlinux.refer(text, 17, "fork.LC5", R_X86_64_PC32, -4);
  portable = true;
  const auto first = make();
  ASSERT_TRUE(first) << first.error().detail;
  EXPECT_EQ(*make(), *first);
  slide = 0x3400000;
  const auto second = make();
  ASSERT_TRUE(second) << second.error().detail;
  EXPECT_EQ(*second, *first);
}

// --- what the kernel's livepatch cannot carry ---

TEST_F(LivepatchModuleTest, AllReasonsAtOnce) {
  vmlinux().values = {{"max_threads", "kernel/fork.o", "+0x0", ".splice.values", 16}};
  vmlinux().hooks.push_back({"check_apply", "look", "kernel/fork.o", ".text", 40});
  runs[1].ftrace_site.reset();
  const auto bytes = make();
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, "livepatch-form");
  EXPECT_EQ(bytes.error().detail,
            "max_threads is written in place\n"
            "livepatch has no callback for the check_apply hook look\n"
            "tun_get has no ftrace site\n");
  EXPECT_THAT(bytes.error().message,
              HasSubstr("max_threads is written in place (and 2 reasons more)"));
  EXPECT_THAT(bytes.error().advice, HasSubstr("--engine stop"));
}

// splice-create makes no frame for what livepatch cannot carry, and so all is still to be said.
TEST_F(LivepatchModuleTest, AllReasonsWithoutAFrame) {
  package.manifest.frame.clear();
  EXPECT_THAT(reasons(), HasSubstr("CONFIG_LIVEPATCH"));
  vmlinux().values = {{"max_threads", "kernel/fork.o", "+0x0", ".splice.values", 16}};
  tun().hooks.push_back({"undo", "give_back", "drivers/net/tun.o", ".text", 4});
  EXPECT_EQ(reasons(),
            "max_threads is written in place\n"
            "livepatch has no callback for the undo hook give_back\n");
}

TEST_F(LivepatchModuleTest, HooksWithACallback) {
  for (const char* kind : {"pre_apply", "post_apply", "post_undo"}) {
    vmlinux().hooks[0].kind = kind;
    EXPECT_THAT(livepatch_obstacles(package.manifest), IsEmpty()) << kind;
    EXPECT_EQ(code(), "made") << kind;
  }
}

TEST_F(LivepatchModuleTest, WhatOnlyThisBootDecides) {
  sealed = true;
  EXPECT_EQ(code(), "made");
  portable = true;
  const std::string said = reasons();
  EXPECT_THAT(said, HasSubstr("the new code for tun branches on a static key"));
  EXPECT_THAT(said, Not(HasSubstr("the new code for vmlinux branches")));
  EXPECT_THAT(said, HasSubstr("the new code needs d_hash_shift"));
  EXPECT_THAT(said, HasSubstr("the new code needs dentry_hashtable"));
}

// The loader has read these when the module that they refer to comes.
TEST_F(LivepatchModuleTest, ATableOfTheLoadersThatRefersToAModule) {
  new_tun.refer(new_tun.put("__jump_table", kData, Content(16, 0), 8), 8, "tun_flow", R_X86_64_PC64,
                0);
  new_tun.refer(new_tun.put(".altinstr_replacement", kCode, Content(8, 0)), 1, "tap_read",
                R_X86_64_PLT32, -4);
  const std::string said = reasons();
  EXPECT_THAT(said, HasSubstr("__jump_table of the new code refers to tun_flow of module tun"));
  EXPECT_THAT(said,
              HasSubstr(".altinstr_replacement of the new code refers to tap_read of module tap"));
}

// Memory that the loader has freed when the module that they refer to comes.
TEST_F(LivepatchModuleTest, WhatIsOnlyThereWhileItLoads) {
  for (const auto& [name, flags] :
       {std::pair(".data..percpu", kData), {".init.text", kCode}, {".init.data", kData}}) {
    new_tun = Part();
    make_tun();
    new_tun.refer(new_tun.put(name, flags, Content(8, 0), 8), 0, "free_task", R_X86_64_64, 0);
    EXPECT_EQ(code(), "made") << name << " may refer to vmlinux";
    new_tun.refer(new_tun.out.section(name, SHT_PROGBITS, flags), 0, "tun_flow", R_X86_64_64, 0);
    EXPECT_THAT(reasons(), HasSubstr(fmt::format("{} of the new code refers to tun_flow", name)));
  }
}

TEST_F(LivepatchModuleTest, ATableOfTheLoadersThatRefersToVmlinux) {
  new_tun.refer(new_tun.put("__jump_table", kData, Content(16, 0), 8), 8, "free_task",
                R_X86_64_PC64, 0);
  EXPECT_THAT(made().references("__jump_table"),
              ElementsAre("8 24 .klp.sym.vmlinux.free_task,0 0 vmlinux"));
}

TEST_F(LivepatchModuleTest, CodeOfVmlinuxThatRefersToAModule) {
  elsewhere[{0, "nr_threads"}] = module(0x101000);
  EXPECT_THAT(reasons(), HasSubstr("the new code for vmlinux refers to tap_read of module tap"));
}

// What has no name is behind what has one of its own object, or it would be somewhere else when one of
// the two is loaded again.
TEST_F(LivepatchModuleTest, WhatHasNoNameIsOfItsTarget) {
  elsewhere[{1, "tun_flow"}] = module(0x2040);
  EXPECT_THAT(made().references(".text"), Contains("72 4 .klp.sym.tun.tun_ops,0 60 tun"));
  elsewhere[{1, "tun_flow"}] = module(0x102040);  // behind what is read-only in tap
  EXPECT_THAT(reasons(), HasSubstr("tun_flow"));
  elsewhere[{1, "tun_flow"}] = module(0x800);  // before tun's first name: behind the end of vmlinux
  EXPECT_THAT(reasons(), HasSubstr("tun_flow"));
}

TEST_F(LivepatchModuleTest, AFunctionThatTheKernelDoesNotList) {
  vmlinux().functions[0].name = "copy_process.isra.0";
  EXPECT_THAT(reasons(),
              HasSubstr("copy_process.isra.0 does not stand in the kernel's symbol table"));
}

TEST_F(LivepatchModuleTest, AFunctionThatIsAmbiguousInAModule) {
  more_symbols.push_back({module(0x1200), 't', "tun_get", "tun"});
  EXPECT_THAT(reasons(), HasSubstr("module tun has 2 symbols named tun_get"));
}

// --- packages that somebody has made to do harm ---

TEST_F(LivepatchModuleTest, AFrameThatCountsFurther) {
  for (const char* name : {"splice_new_2", "splice_new_99", "splice_hook_1", "splice_position_2",
                           "splice_position_18446744073709551615"}) {
    new_frame = Part();
    make_frame();
    new_frame.refer(tables, 40, name, R_X86_64_64, 0);
    EXPECT_EQ(code(), "link-symbol") << name;
  }
}

// Not numbers: names like any other, which the kernel will not find.
TEST_F(LivepatchModuleTest, NamesThatOnlyBeginSo) {
  for (const char* name : {"splice_new_", "splice_new_0x1", "splice_new_-1", "splice_position_",
                           "splice_new_99999999999999999999999"}) {
    new_frame = Part();
    make_frame();
    new_frame.refer(tables, 40, name, R_X86_64_64, 0);
    EXPECT_THAT(made().references(".data"), Contains(fmt::format("56 1 {} 0", name)));
  }
}

// A position is eight bytes; whatever is narrower has other fields behind it.
TEST_F(LivepatchModuleTest, APositionOfAnotherWidth) {
  for (const std::uint32_t type : {R_X86_64_32, R_X86_64_PC32, R_X86_64_8, R_X86_64_PC64}) {
    new_frame = Part();
    make_frame();
    new_frame.refer(tables, 40, "splice_position_0", type, 0);
    EXPECT_EQ(code(), "link-symbol") << type;
  }
}

TEST_F(LivepatchModuleTest, NewCodeThatIsNotThere) {
  vmlinux().functions[0].offset = 48;
  EXPECT_EQ(code(), "link-symbol") << "behind the section's end";
  vmlinux().functions[0].section = ".discard.addressable";
  vmlinux().functions[0].offset = 0;
  EXPECT_EQ(code(), "link-symbol") << "in a section that is left out";
  vmlinux().functions[0].section = ".nowhere";
  EXPECT_EQ(code(), "link-symbol");
}

TEST_F(LivepatchModuleTest, StructModuleWithoutAPlaceForTheName) {
  const Part whole = new_frame;
  for (const auto& [behind, flags] :
       {std::pair(std::string(80, 'x'), kData),
        {std::string(kMadeName), kData},
        {std::string(kMadeName) + std::string(8, '\0'), kData},
        {std::string(kMadeName) + std::string(80, '\0'), std::uint64_t{0}}}) {
    new_frame = Part();
    tables = new_frame.put(".data", kData, Content(48, 0x44), 8);
    put_this_module(behind, flags);
    module_name = std::string(40, 'm');
    EXPECT_EQ(code(), "link-symbol") << behind << " " << flags;
  }
  new_frame = Part();
  EXPECT_EQ(code(), "link-symbol") << "no struct module at all";
  new_frame = whole;
  EXPECT_EQ(code(), "made");
}

TEST_F(LivepatchModuleTest, AReferenceToWhatIsLeftOut) {
  ElfWriter& out = new_tun.out;
  const auto note = out.section(".modinfo", SHT_PROGBITS, SHF_ALLOC);
  const auto text = out.section(".text", SHT_PROGBITS, kCode);
  out.relocate(text, 4, out.section_symbol(note), R_X86_64_PC32, 0);
  EXPECT_EQ(code(), "link-symbol");
}

TEST_F(LivepatchModuleTest, ASymbolThatHasAnAddressAlready) {
  ElfWriter& out = new_tun.out;
  const auto text = out.section(".text", SHT_PROGBITS, kCode);
  out.relocate(text, 4, out.reserved("chosen", SHN_ABS, 0xffffffff81000000), R_X86_64_PC32, 0);
  EXPECT_EQ(code(), "link-symbol");
}

TEST_F(LivepatchModuleTest, ASymbolThatNobodyResolved) {
  match();
  tun().symbols.push_back({"odd", "pre", "drivers/net/tun.o", 6, "odd", ""});
  new_tun.refer(new_tun.out.section(".text", SHT_PROGBITS, kCode), 4, "odd", R_X86_64_PC32, 0);
  EXPECT_EQ(code(), "link-symbol");
  tun().symbols.back().source = "constant";
  EXPECT_EQ(code(), "link-symbol");
  tun().symbols.back() = {"odd", "update", "", 0, "odd", "vmlinux"};
  EXPECT_EQ(code(), "link-symbol");
}

// An alignment is a number of the file's: room is made for it.
TEST_F(LivepatchModuleTest, SectionsThatWouldFillTheMemory) {
  for (const std::uint64_t align :
       {std::uint64_t{3}, std::uint64_t{1} << 40, std::uint64_t{1} << 63, UINT64_MAX}) {
    write_members();
    change_section(package.members["livepatch/frame.o"], 1,
                   [&](Elf64_Shdr& section) { section.sh_addralign = align; });
    const auto bytes = make_of_members();
    ASSERT_FALSE(bytes) << align;
    EXPECT_EQ(bytes.error().code, "elf-malformed") << align;
  }
  const auto zeros = new_frame.out.section(".bss", SHT_NOBITS, kData);
  new_frame.out.reserve(zeros, 200U << 20, 1);
  EXPECT_EQ(code(), "made") << "they take no room in the file";
  new_tun.out.reserve(new_tun.out.section(".bss", SHT_NOBITS, kData), 100U << 20, 1);
  EXPECT_EQ(code(), "elf-malformed") << "both together";
}

TEST_F(LivepatchModuleTest, WhatIsNoObject) {
  for (const char* member : {"new/vmlinux.ko", "new/tun.ko", "livepatch/frame.o"}) {
    write_members();
    package.members[member] = bytes_of("no object");
    const auto bytes = make_of_members();
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().code, "elf-malformed");
    EXPECT_EQ(bytes.error().file, member);
  }
}

// --- the name of a package that was given none ---

TEST(LivepatchModuleName, OfTheContentThatIsInTheModule) {
  Package package = sample_package();
  package.manifest.frame = "livepatch/frame.o";
  package.members["livepatch/frame.o"] = bytes_of("frame");
  const std::string name = livepatch_module_name(package);
  EXPECT_TRUE(is_module_name(name));
  EXPECT_EQ(name.size(), std::string(kMadeName).size());
  EXPECT_TRUE(name.starts_with("livepatch_"));

  // It can stand in a file that is part of the package, and what is said of it may change.
  Package same = package;
  same.manifest.id = "5d1f0c2e77aa9b31";
  same.manifest.warnings.clear();
  same.manifest.livepatch = "livepatch/" + name + ".ko";
  same.members[same.manifest.livepatch] = bytes_of("signed");
  same.members["core/splice.ko"] = bytes_of("another core");
  EXPECT_EQ(livepatch_module_name(same), name);

  for (const char* member : {"livepatch/frame.o", "new/vmlinux.ko", "new/tun.ko"}) {
    Package other = package;
    other.members[member].push_back(1);
    EXPECT_NE(livepatch_module_name(other), name) << member;
  }
  std::swap(package.manifest.targets[0], package.manifest.targets[1]);
  EXPECT_NE(livepatch_module_name(package), name) << "the order is that of the file";
}

}  // namespace
}  // namespace splicer
