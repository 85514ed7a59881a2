// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/package/manifest.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kmod/splice_abi.h"
#include "tests/support/sample_package.h"

namespace splicer {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json sample() {
  Manifest manifest = sample_package().manifest;
  manifest.id = manifest.fix_id = "0123456789abcdef";
  PackageSymbol text{"kernel/fork.o:9:names:8", "string", "kernel/fork.o", 9, "names", ""};
  text.offset = 8;
  text.text = "int";
  manifest.targets[0].symbols.push_back(std::move(text));
  return manifest_json(manifest);
}

// The code for a manifest in which `value` stands at `pointer`.
std::string code_with(const char* pointer, const json& value, const char* message = "") {
  json document = sample();
  document[json::json_pointer(pointer)] = value;
  const auto manifest = parse_manifest(document, "x.tar");
  if (manifest) return "";
  EXPECT_EQ(manifest.error().exit, ExitCode::bad_package);
  EXPECT_THAT(manifest.error().message, HasSubstr(message));
  return manifest.error().code;
}

TEST(Manifest, RoundTrip) {
  const json document = sample();
  const auto manifest = parse_manifest(document, "x.tar");
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest_json(*manifest), document);
  EXPECT_EQ(manifest->targets[1].symbols[0].target, "vmlinux");
  EXPECT_EQ(manifest->targets[0].symbols[0].pre_symbol, 9u);
}

TEST(Manifest, UnknownSchema) {
  EXPECT_EQ(code_with("/schema", 2), "package-schema");
  EXPECT_EQ(code_with("/schema", "1"), "package-schema");
  EXPECT_EQ(code_with("/schema", -1), "package-schema");
}

TEST(Manifest, EveryFieldMayBeMissing) {
  const json whole = sample().flatten();
  for (const auto& [pointer, value] : whole.items()) {
    json document = sample();
    const json::json_pointer at(pointer);
    json& parent = document[at.parent_pointer()];
    if (!parent.is_object()) continue;
    parent.erase(at.back());
    EXPECT_FALSE(parse_manifest(document, "x.tar")) << pointer;
  }
}

TEST(Manifest, EveryFieldMayBeOfAnotherType) {
  const json whole = sample().flatten();
  for (const auto& [pointer, value] : whole.items())
    for (const json& wrong : {json(nullptr), json(true), json(-1), json(1.5), json::array({1}),
                              json::object(), json("\x1b[2J")}) {
      json document = sample();
      document[json::json_pointer(pointer)] = wrong;
      EXPECT_FALSE(parse_manifest(document, "x.tar")) << pointer << " " << wrong;
    }
}

TEST(Manifest, NotAnObject) {
  for (const json& wrong : {json(nullptr), json::array(), json("text"), json(1)})
    EXPECT_EQ(parse_manifest(wrong, "x.tar").error().code, "package-manifest");
}

TEST(Manifest, NumbersOutOfRange) {
  EXPECT_EQ(code_with("/targets/0/functions/0/size", 1u << 21, "size"), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/functions/0/size", 0), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/functions/0/pre_symbol", 0), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/functions/0/pre_symbol", 1ull << 32), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/functions/0/offset", 1ull << 40), "package-manifest");
}

TEST(Manifest, NamesThatCannotBe) {
  EXPECT_EQ(code_with("/id", "0123456789ABCDEF"), "package-manifest");
  EXPECT_EQ(code_with("/id", "../../etc/passwd"), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/units/0/name", "../fork.o"), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/units/0/pre", "/pre/fork.o"), "package-manifest");
  EXPECT_EQ(code_with("/targets/1/name", "tun/../x"), "package-manifest");
  EXPECT_EQ(code_with("/targets/1/name", std::string(56, 'a')), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/functions/0/section", ""), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/functions/0/kind", "checked"), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/functions/0/name", "a b"), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/functions/0/name", std::string(512, 'a')), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/functions/0/kind", "gone", "kind"), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/symbols/0/source", "guess", "source"), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/symbols/0/source", "constant", "name"), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/symbols/1/kernel_name", ""), "package-manifest");
}

TEST(Manifest, NamesAndFixesThatCannotBe) {
  for (const char* name : {"", "0123", "a b", "../x", "x\033[2J", "splice-1.tar"})
    EXPECT_EQ(code_with("/name", name, "name"), "package-manifest") << name;
  EXPECT_EQ(code_with("/fix_id", "x", "fix_id"), "package-manifest");
  EXPECT_EQ(code_with("/fixes/0", "CVE-2026-123", "fixes"), "package-manifest");
  EXPECT_EQ(code_with("/fixes/0", "CVE-2026-1234\n", "fixes"), "package-manifest");
  EXPECT_EQ(code_with("/fixes/1", "CVE-2026-1234", "not in order"), "package-manifest");
  EXPECT_EQ(code_with("/fixes", json::array(), ""), "");
  json many = json::array();
  for (int i = 0; i <= 16384; ++i) many.push_back(fmt::format("CVE-2026-{}", 10000 + i));
  EXPECT_EQ(code_with("/fixes", many, "more than"), "package-manifest");
}

TEST(Manifest, ReferencesThatLeadNowhere) {
  EXPECT_EQ(code_with("/targets/0/functions/0/unit", "kernel/exit.o"), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/values/0/unit", "kernel/exit.o"), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/symbols/0/unit", "kernel/exit.o"), "package-manifest");
  const std::string last =
      fmt::format("/targets/0/symbols/{}/", sample()["targets"][0]["symbols"].size() - 1);
  EXPECT_EQ(code_with((last + "unit").c_str(), "kernel/exit.o", "not in the package"),
            "package-manifest");
  EXPECT_EQ(code_with("/targets/1/symbols/0/target", "tun"), "package-manifest");
  EXPECT_EQ(code_with("/targets/1/name", "vmlinux", "twice"), "package-manifest");
  EXPECT_EQ(code_with("/targets/1/units/0/name", "kernel/fork.o", "twice"), "package-manifest");
  EXPECT_EQ(code_with("/targets", json::array(), "replace no function"), "package-manifest");
}

TEST(Manifest, AValueAlone) {
  json document = sample();
  document["targets"].erase(1);
  json& target = document["targets"][0];
  target["functions"] = target["hooks"] = json::array();
  EXPECT_TRUE(parse_manifest(document, "x.tar")) << "hooks and functions are gone";
  target["values"] = json::array();
  EXPECT_EQ(parse_manifest(document, "x.tar").error().code, "package-manifest");
}

TEST(Manifest, TooManyValues) {
  json document = sample();
  json& values = document["targets"][0]["values"];
  while (values.size() <= SPLICE_MAX_VALUES) values.push_back(values[0]);
  EXPECT_EQ(parse_manifest(document, "x.tar").error().code, "package-manifest");
}

TEST(Manifest, Base) {
  EXPECT_EQ(code_with("/base", json::array()), "");
  EXPECT_EQ(code_with("/base/0/sha256", std::string(64, '0')), "");
  EXPECT_EQ(code_with("/base/0/sha256", std::string(63, '0')), "package-manifest");
  EXPECT_EQ(code_with("/base/0/sha256", std::string(64, 'g')), "package-manifest");
  EXPECT_EQ(code_with("/base/0/title", "a\nb"), "package-manifest");
  EXPECT_EQ(parse_manifest(sample(), "x.tar")->base[0].title, "fork: the first fix");
}

TEST(Manifest, Hooks) {
  EXPECT_EQ(code_with("/targets/0/hooks/0/kind", "pre_reboot", "kind"), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/hooks/0/section", "", "section"), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/hooks/0/unit", "kernel/exit.o", "hook"), "package-manifest");
  json many = json::array();
  for (unsigned i = 0; i <= SPLICE_MAX_HOOKS; i++)
    many.push_back(sample()["targets"][0]["hooks"][0]);
  EXPECT_EQ(code_with("/targets/0/hooks", many, "hooks"), "package-manifest");

  json alone = sample();  // hooks, and nothing that is replaced
  alone["targets"].erase(1);
  alone["targets"][0]["functions"].erase(2);
  alone["targets"][0]["functions"].erase(0);
  alone["targets"][0]["values"] = json::array();
  EXPECT_TRUE(parse_manifest(alone, "x.tar"));
  alone["targets"][0]["hooks"] = json::array();
  EXPECT_FALSE(parse_manifest(alone, "x.tar"));
}

TEST(Manifest, Types) {
  const auto manifest = parse_manifest(sample(), "x.tar");
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(sample()["targets"][0]["types"],
            json::parse(R"([{"name": "struct task_struct", "size": 64,
                             "members": ["usage@0=i32", "flags.used@35:1", "flags.all@36:64"]}])"));
  const std::vector<TypeLayout>& types = manifest->targets[0].types;
  ASSERT_EQ(types.size(), 1u);
  EXPECT_EQ(types[0].name, "struct task_struct");
  EXPECT_EQ(types[0].size, 64u);
  EXPECT_EQ(types[0].members, sample_package().manifest.targets[0].types[0].members);
  EXPECT_EQ(manifest->targets[1].types.size(), 0u);

  EXPECT_EQ(code_with("/targets/0/types", json::array()), "");
  EXPECT_EQ(code_with("/targets/0/types/0/members", json::array()), "");
  EXPECT_EQ(code_with("/targets/0/types/0/size", 0u), "");
  EXPECT_EQ(code_with("/targets/0/types/0/size", 1ull << 32), "package-manifest");
  EXPECT_EQ(code_with("/targets/0/types/0/name", "struct a\n"), "package-manifest");
}

TEST(Manifest, EnumeratorsAndDeclarations) {
  const auto manifest = parse_manifest(sample(), "x.tar");
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(sample()["targets"][0]["enumerators"], json::parse(R"(["PIDTYPE_TGID=1", "LAST=-1"])"));
  EXPECT_EQ(sample()["targets"][0]["declarations"],
            json::parse(R"(["free_task=(*struct task_struct)void"])"));
  const PackageTarget& target = manifest->targets[0];
  EXPECT_EQ(target.enumerators, sample_package().manifest.targets[0].enumerators);
  EXPECT_EQ(target.declarations, sample_package().manifest.targets[0].declarations);

  for (const char* good : {"A=0", "A=-9223372036854775808", "A=9223372036854775807"})
    EXPECT_EQ(code_with("/targets/0/enumerators/0", good), "") << good;
  for (const char* bad : {"", "A", "=1", "A=", "A=x", "A=1x", "A=9223372036854775808", "A B=1"})
    EXPECT_EQ(code_with("/targets/0/enumerators/0", bad), "package-manifest") << bad;
  for (const char* bad : {"", "f", "=()void", "f=", "f=(\n)void"})
    EXPECT_EQ(code_with("/targets/0/declarations/0", bad), "package-manifest") << bad;
  EXPECT_EQ(code_with("/targets/0/declarations/0", "f=" + std::string(600, 'i')),
            "package-manifest");
}

TEST(Manifest, MembersOfTypes) {
  const auto code_of = [](const std::string& member) {
    return code_with("/targets/0/types/0/members/0", member);
  };
  for (const char* member : {"usage@0", "usage@2147483648", "usage@8:1", "usage@8:64", "a.b.c@07",
                             "a@1:007", "a@1=u32", "a@1:2=struct foo"})
    EXPECT_EQ(code_of(member), "") << member;
  for (const char* member : {"",
                             "a@1=",
                             "a@1=u\n",
                             "usage",
                             "@0",
                             "@",
                             "usage@",
                             "usage@x",
                             "usage@-1",
                             "usage@+1",
                             "usage@0x10",
                             "usage@ 1",
                             "usage @1",
                             " usage@1",
                             "usage@1 ",
                             "usage@1x",
                             "usage@1@2",
                             "usage@2147483649",
                             "usage@18446744073709551616",
                             "usage@1:",
                             "usage@1:0",
                             "usage@1:65",
                             "usage@1:-1",
                             "usage@1:1:1",
                             "usage@1:1x",
                             "usage@1: 1",
                             "usage@1:1 ",
                             "usage@:1",
                             "us\x1b[2J@1",
                             "us\tage@1",
                             "usage:1"})
    EXPECT_EQ(code_of(member), "package-manifest") << member;
  EXPECT_EQ(code_of(std::string(511, 'a') + "@1"), "");
  EXPECT_EQ(code_of(std::string(512, 'a') + "@1"), "package-manifest");
  EXPECT_EQ(code_of(std::string("us\0age@1", 8)), "package-manifest");
}

TEST(Manifest, VmlinuxIsFirst) {
  json document = sample();
  std::swap(document["targets"][0], document["targets"][1]);
  EXPECT_FALSE(parse_manifest(document, "x.tar"));
}

TEST(Manifest, ControlCharactersBecomeSpacesWhenWritten) {
  Manifest manifest = sample_package().manifest;
  manifest.id = manifest.fix_id = "0123456789abcdef";
  manifest.patches[0].title = "clear\x1b[2J and \xc2\x9b, d\xc3\xa9j\xc3\xa0 vu";
  const auto again = parse_manifest(manifest_json(manifest), "x.tar");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->patches[0].title, "clear [2J and  , d\xc3\xa9j\xc3\xa0 vu");
}

TEST(Manifest, IdsAndModuleNames) {
  EXPECT_TRUE(is_update_id("0123456789abcdef"));
  EXPECT_FALSE(is_update_id("0123456"));
  EXPECT_FALSE(is_update_id(std::string(32, 'a')));
  EXPECT_TRUE(is_module_name("virtio_net"));
  EXPECT_FALSE(is_module_name(""));
  EXPECT_FALSE(is_module_name("virtio-net"));
  EXPECT_EQ(update_module_name("0123456789abcdef", 3), "splice_0123456789abcdef_3");
}

}  // namespace
}  // namespace splicer
