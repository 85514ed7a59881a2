// SPDX-License-Identifier: GPL-2.0-or-later
//
// Layouts against type information that libbpf itself wrote, and against what nobody would write.
#include "matcher/image/btf_layout.h"

#include <bpf/btf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>

namespace splicer {
namespace {

using ::testing::HasSubstr;

using Bytes = std::vector<std::uint8_t>;

// Type information in the making. Types are numbered from 1 in the order in which they are added.
class Types {
 public:
  Types() : types_(btf__new_empty()) {}
  static Types split_from(const Types& base) {
    Types types;
    types.types_.reset(btf__new_empty_split(base.types_.get()));
    return types;
  }

  int integer(const char* name = "int", std::size_t size = 4) {
    return btf__add_int(types_.get(), name, size, BTF_INT_SIGNED);
  }
  int unsigned_integer(const char* name, std::size_t size) {
    return btf__add_int(types_.get(), name, size, 0);
  }
  int array(int element, int index, std::uint32_t count) {
    return btf__add_array(types_.get(), index, element, count);
  }
  int pointer(int to) { return btf__add_ptr(types_.get(), to); }
  int structure(const char* name, std::uint32_t size) {
    return btf__add_struct(types_.get(), name, size);
  }
  int united(const char* name, std::uint32_t size) {
    return btf__add_union(types_.get(), name, size);
  }
  // To the structure that was added last; `width` is a bit-field's.
  void member(const char* name, int type, std::uint32_t offset, std::uint32_t width = 0) {
    EXPECT_EQ(btf__add_field(types_.get(), name, type, offset, width), 0) << name;
  }
  int alias(const char* name, int type) { return btf__add_typedef(types_.get(), name, type); }
  int constant(int type) { return btf__add_const(types_.get(), type); }
  int enumeration(const char* name) { return btf__add_enum(types_.get(), name, 4); }
  // To the enumeration that was added last.
  void enumerator(const char* name, std::int64_t value) {
    EXPECT_EQ(btf__add_enum_value(types_.get(), name, value), 0) << name;
  }
  int prototype(int returns) { return btf__add_func_proto(types_.get(), returns); }
  // To the prototype that was added last; type 0 stands for more arguments.
  void parameter(const char* name, int type) {
    EXPECT_EQ(btf__add_func_param(types_.get(), name, type), 0) << name;
  }
  int function(const char* name, int prototype) {
    return btf__add_func(types_.get(), name, BTF_FUNC_STATIC, prototype);
  }
  int variable(const char* name, int type) {
    return btf__add_var(types_.get(), name, BTF_VAR_GLOBAL_ALLOCATED, type);
  }
  int forward(const char* name) { return btf__add_fwd(types_.get(), name, BTF_FWD_STRUCT); }

  Bytes bytes() const {
    std::uint32_t size = 0;
    const auto* data = static_cast<const std::uint8_t*>(btf__raw_data(types_.get(), &size));
    return {data, data + size};
  }

 private:
  struct Free {
    void operator()(btf* types) const { btf__free(types); }
  };
  std::unique_ptr<btf, Free> types_;
};

// "agrees", "unknown", or what is said of it.
std::string verdict(const TypeLayout& wanted, const Bytes& kernel, const Bytes& module = {}) {
  const auto compared = compare_layouts(std::vector{wanted}, kernel, module, "tun");
  if (compared) return compared->agreeing == 1 ? "agrees" : "unknown";
  if (compared.error().code != "structure-layout") return compared.error().code;
  EXPECT_EQ(compared.error().exit, ExitCode::mismatch);
  EXPECT_EQ(compared.error().file, "tun");
  EXPECT_FALSE(compared.error().advice.empty());
  return compared.error().message;
}

// struct pair { int first; int second; }
const TypeLayout kPair{"struct pair", 8, {{"first", 0, 0}, {"second", 32, 0}}};

Types pair_types() {
  Types types;
  const int integer = types.integer();
  types.structure("pair", 8);
  types.member("first", integer, 0);
  types.member("second", integer, 32);
  return types;
}

TEST(TypeLayout, Agrees) {
  EXPECT_EQ(verdict(kPair, pair_types().bytes()), "agrees");
  TypeLayout turned = kPair;
  std::swap(turned.members[0], turned.members[1]);
  EXPECT_EQ(verdict(turned, pair_types().bytes()), "agrees");
}

TEST(TypeLayout, Counts) {
  Types types = pair_types();
  types.structure("empty", 0);
  const std::vector<TypeLayout> wanted = {
      kPair, {"struct empty", 0, {}}, {"struct other", 8, {}}, {"union pair", 8, {}}};
  const auto compared = compare_layouts(wanted, types.bytes(), {}, "vmlinux");
  ASSERT_TRUE(compared);
  EXPECT_EQ(compared->agreeing, 2u);
  EXPECT_THAT(compared->unknown, testing::ElementsAre("struct other", "union pair"));
  EXPECT_EQ(compare_layouts({}, types.bytes(), {}, "vmlinux")->agreeing, 0u);
  // Of a kernel without type information.
  EXPECT_EQ(compare_layouts(wanted, {}, {}, "vmlinux")->unknown.size(), 4u);
}

TEST(TypeLayout, SizeDiffers) {
  TypeLayout longer = kPair;
  longer.size = 12;
  EXPECT_EQ(verdict(longer, pair_types().bytes()),
            "struct pair is 12 bytes long in the source and 8 in the running kernel");
}

TEST(TypeLayout, MemberMoved) {
  TypeLayout moved = kPair;
  moved.members[1].offset = 4;
  EXPECT_EQ(verdict(moved, pair_types().bytes()),
            "the member 'second' of struct pair is at byte 0, bit 4 in the source and at byte 4 in "
            "the running kernel");
  std::swap(moved.members[0].name, moved.members[1].name);
  moved.members[1].offset = 32;
  EXPECT_THAT(verdict(moved, pair_types().bytes()), HasSubstr("the member 'second'"));
}

TEST(TypeLayout, MemberMissing) {
  TypeLayout more = kPair;
  more.members.push_back({"third", 64, 0});
  EXPECT_EQ(verdict(more, pair_types().bytes()),
            "the member 'third' of struct pair is not in the running kernel");
  TypeLayout less = kPair;
  less.members.pop_back();
  EXPECT_EQ(verdict(less, pair_types().bytes()),
            "struct pair has a member 'second' in the running kernel, and none in the source");
}

TEST(TypeLayout, MemberTwice) {
  TypeLayout twice = kPair;
  twice.members.push_back(twice.members[0]);
  EXPECT_NE(verdict(twice, pair_types().bytes()), "agrees");
}

TEST(TypeLayout, BitFields) {
  Types types;
  const int integer = types.integer();
  types.structure("flags", 4);
  types.member("one", integer, 0, 1);
  types.member("three", integer, 1, 3);
  types.member("whole", integer, 32);
  const TypeLayout flags{"struct flags", 4, {{"one", 0, 1}, {"three", 1, 3}, {"whole", 32, 0}}};
  EXPECT_EQ(verdict(flags, types.bytes()), "agrees");
  TypeLayout wide = flags;
  wide.members[1].width = 2;
  EXPECT_EQ(verdict(wide, types.bytes()),
            "the member 'three' of struct flags is at byte 0, bit 1, 2 bits wide in the source and "
            "at byte 0, bit 1, 3 bits wide in the running kernel");
}

// The same places, and something else there.
TEST(TypeLayout, TypesOfMembers) {
  Types types;
  const int integer = types.integer();
  const int number = types.alias("u32", types.unsigned_integer("unsigned int", 4));
  types.structure("mutex", 4);
  types.member("owner", integer, 0);
  const int mutex = 4;
  const int unnamed = types.structure("", 8);
  types.member("key", number, 0);
  types.member("value", integer, 32);
  const int slots = types.array(unnamed, integer, 4);
  const int pointer = types.pointer(types.constant(mutex));
  types.structure("foo", 64);
  types.member("count", number, 0);
  types.member("lock", mutex, 32);
  types.member("next", pointer, 64);
  types.member("slots", slots, 128);
  const TypeLayout foo{"struct foo",
                       64,
                       {{"count", 0, 0, "u32"},
                        {"lock", 32, 0, "struct mutex"},
                        {"next", 64, 0, "*struct mutex"},
                        {"slots", 128, 0, "[4]{key@0=u32;value@32=i32;}"}}};
  EXPECT_EQ(verdict(foo, types.bytes()), "agrees");
  for (const auto& [member, type] : {std::pair{0, "i32"},
                                     {0, "u16"},
                                     {1, "struct rt_mutex"},
                                     {2, "*"},
                                     {3, "[4]{value@0=u32;key@32=i32;}"},
                                     {3, "[2]{key@0=u32;value@32=i32;}"}}) {
    TypeLayout other = foo;
    other.members[static_cast<std::size_t>(member)].type = type;
    EXPECT_THAT(verdict(other, types.bytes()), HasSubstr("in the running kernel")) << type;
  }
  TypeLayout unsaid = foo;
  for (TypeMember& member : unsaid.members) member.type.clear();
  EXPECT_EQ(verdict(unsaid, types.bytes()), "agrees");
}

TEST(TypeLayout, ALongTypeIsItsDigest) {
  EXPECT_EQ(short_layout_type("[4]struct foo"), "[4]struct foo");
  const std::string digest = short_layout_type("{" + std::string(200, 'a') + "}");
  EXPECT_EQ(digest.size(), 17u);
  EXPECT_EQ(digest[0], '#');
  EXPECT_NE(digest, short_layout_type("{" + std::string(200, 'b') + "}"));
  EXPECT_EQ(short_layout_type(std::string(200, 'a') + "?"), "?");  // agrees with all
}

TEST(TypeLayout, UnnamedStructuresInIt) {
  Types types;
  const int integer = types.integer();
  const int unnamed = types.structure(nullptr, 8);
  types.member("a", integer, 0);
  types.member("b", integer, 32);
  const int constant = types.constant(unnamed);
  const int either = types.united(nullptr, 8);
  types.member("c", integer, 0);
  types.member(nullptr, unnamed, 0);
  const int named = types.structure("named", 4);
  types.member("hidden", integer, 0);
  types.structure("outer", 28);
  types.member(nullptr, constant, 0);
  types.member("pair", unnamed, 64);
  types.member("both", either, 128);
  types.member("named", named, 192);
  const TypeLayout outer{"struct outer",
                         28,
                         {{"a", 0, 0},
                          {"b", 32, 0},
                          {"pair.a", 64, 0},
                          {"pair.b", 96, 0},
                          {"both.c", 128, 0},
                          {"both.a", 128, 0},
                          {"both.b", 160, 0},
                          {"named", 192, 0}}};
  EXPECT_EQ(verdict(outer, types.bytes()), "agrees");
  TypeLayout moved = outer;
  moved.members[3].offset += 32;
  EXPECT_EQ(verdict(moved, types.bytes()),
            "the member 'pair.b' of struct outer is at byte 16 in the source and at byte 12 in the "
            "running kernel");
}

TEST(TypeLayout, UnionsAndTypedefs) {
  Types types;
  const int integer = types.integer();
  types.united("value", 4);
  types.member("word", integer, 0);
  const int unnamed = types.structure(nullptr, 4);
  types.member("counter", integer, 0);
  types.alias("atomic_t", types.constant(unnamed));
  types.alias("number_t", integer);
  const int named = types.structure("named", 4);
  types.alias("named_t", named);
  const Bytes kernel = types.bytes();
  EXPECT_EQ(verdict({"union value", 4, {{"word", 0, 0}}}, kernel), "agrees");
  EXPECT_EQ(verdict({"struct value", 4, {}}, kernel), "unknown");
  EXPECT_EQ(verdict({"atomic_t", 4, {{"counter", 0, 0}}}, kernel), "agrees");
  EXPECT_THAT(verdict({"atomic_t", 8, {{"counter", 0, 0}}}, kernel), HasSubstr("8 bytes long"));
  // No structures of their own.
  for (const char* name : {"number_t", "named_t", "int", "struct atomic_t", ""})
    EXPECT_EQ(verdict({name, 99, {}}, kernel), "unknown") << name;
}

TEST(TypeLayout, OneOfSeveralOfAName) {
  Types types = pair_types();
  types.structure("pair", 100);
  EXPECT_EQ(verdict(kPair, types.bytes()), "agrees");
  EXPECT_EQ(verdict({"struct pair", 100, {}}, types.bytes()), "agrees");
  EXPECT_EQ(verdict({"struct pair", 50, {}}, types.bytes()),
            "struct pair has a member 'first' in the running kernel, and none in the source");
}

TEST(TypeLayout, UnknownTypesProveNothing) {
  Types types = pair_types();
  types.forward("later");
  EXPECT_EQ(verdict({"struct later", 8, {}}, types.bytes()), "unknown");
  EXPECT_EQ(verdict({"struct none", 8, {}}, types.bytes()), "unknown");
  EXPECT_EQ(verdict(kPair, Types().bytes()), "unknown");
}

TEST(TypeLayout, KernelsThatKeepNoTypes) {
  EXPECT_EQ(verdict(kPair, {}), "unknown");
  EXPECT_EQ(verdict(kPair, {}, pair_types().bytes()), "unknown");
}

TEST(TypeLayout, OfAModule) {
  const Types kernel = pair_types();
  Types module = Types::split_from(kernel);
  const int own = module.structure("tun_struct", 12);
  module.member("pair", 2, 0);  // the kernel's
  module.member("flags", 1, 64);
  module.alias("tun_t", own);
  const TypeLayout tun{"struct tun_struct", 12, {{"pair", 0, 0}, {"flags", 64, 0}}};
  EXPECT_EQ(verdict(tun, kernel.bytes(), module.bytes()), "agrees");
  EXPECT_EQ(verdict(kPair, kernel.bytes(), module.bytes()), "agrees");
  EXPECT_EQ(verdict(tun, kernel.bytes()), "unknown");
  TypeLayout moved = tun;
  moved.members[1].offset = 96;
  EXPECT_THAT(verdict(moved, kernel.bytes(), module.bytes()), HasSubstr("'flags'"));
  // The module's own type of that name is as good.
  Types same = Types::split_from(kernel);
  same.structure("pair", 3);
  EXPECT_EQ(verdict(kPair, kernel.bytes(), same.bytes()), "agrees");
  EXPECT_EQ(verdict({"struct pair", 3, {}}, kernel.bytes(), same.bytes()), "agrees");
}

// Type information that something is wrong with: refused or understood, but never more than that.
void expect_bounded(const Bytes& kernel, const Bytes& module = {}) {
  const std::string said = verdict(kPair, kernel, module);
  EXPECT_TRUE(said == "agrees" || said == "unknown" || said == "btf-malformed" ||
              said.find("struct pair") != std::string::npos)
      << said;
}

TEST(TypeLayout, CutShort) {
  const Bytes whole = pair_types().bytes();
  const Types base = pair_types();
  Types split = Types::split_from(base);
  split.structure("own", 4);
  const Bytes module = split.bytes();
  for (std::size_t size = 1; size < whole.size(); ++size)
    EXPECT_EQ(verdict(kPair, {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}),
              "btf-malformed")
        << size;
  for (std::size_t size = 1; size < module.size(); ++size)
    EXPECT_EQ(
        verdict(kPair, whole, {module.begin(), module.begin() + static_cast<std::ptrdiff_t>(size)}),
        "btf-malformed")
        << size;
}

TEST(TypeLayout, OneByteIsWrong) {
  Types types = pair_types();
  const int unnamed = types.structure(nullptr, 4);
  types.member("a", 1, 0);
  types.alias("x_t", unnamed);
  const Bytes whole = types.bytes();
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const int value : {0, 1, 2, 4, 0x7f, 0x80, 0xff}) {
      Bytes wrong = whole;
      wrong[at] = static_cast<std::uint8_t>(value);
      expect_bounded(wrong);
      expect_bounded(whole, wrong);
    }
}

TEST(TypeLayout, AnyBytes) {
  std::mt19937 random(6);
  const Bytes whole = pair_types().bytes();
  for (int time = 0; time < 2000; ++time) {
    Bytes bytes(random() % 200 + 1);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    EXPECT_EQ(verdict(kPair, bytes), "btf-malformed");
    // Behind a header that is right.
    Bytes behind = whole;
    for (std::size_t at = sizeof(btf_header); at < behind.size(); ++at)
      if (random() % 8 == 0) behind[at] = static_cast<std::uint8_t>(random());
    expect_bounded(behind);
  }
}

// The types begin behind a header whose length is what it says.
TEST(TypeLayout, HeadersOfOtherLengths) {
  const Bytes whole = pair_types().bytes();
  for (const std::uint32_t length : {0u, 1u, 8u, 20u, 23u, 25u, 26u, 0x80000000u, 0xffffffffu}) {
    Bytes wrong = whole;
    for (unsigned i = 0; i < 4; ++i) wrong[4 + i] = static_cast<std::uint8_t>(length >> (8 * i));
    wrong.insert(wrong.end(), 16, 0);
    EXPECT_EQ(verdict(kPair, wrong), "btf-malformed") << length;
    EXPECT_EQ(verdict(kPair, whole, wrong), "btf-malformed") << length;
  }
  Bytes longer = whole;  // as a later version may have it
  longer[4] = sizeof(btf_header) + 8;
  longer.insert(longer.begin() + sizeof(btf_header), 8, 0);
  EXPECT_EQ(verdict(kPair, longer), "agrees");
}

TEST(TypeLayout, OfTheOtherByteOrder) {
  Bytes turned = pair_types().bytes();
  std::swap(turned[0], turned[1]);
  EXPECT_EQ(verdict(kPair, turned), "btf-malformed");
}

TEST(TypeLayout, StructuresThatContainThemselves) {
  Types types;
  types.structure("pair", 8);
  types.member(nullptr, 2, 0);
  types.structure(nullptr, 8);
  types.member(nullptr, 2, 0);
  types.member("loop", 2, 32);
  EXPECT_EQ(verdict(kPair, types.bytes()), "btf-malformed");
  Types modifiers;
  modifiers.alias("x_t", 2);
  modifiers.constant(2);
  EXPECT_EQ(verdict({"x_t", 8, {}}, modifiers.bytes()), "unknown");
}

// Two members of two members of two members, and nothing in the last.
TEST(TypeLayout, StructuresThatDouble) {
  for (const bool named : {false, true}) {
    Types types;
    types.structure("pair", 8);
    for (int depth = 1; depth < 31; ++depth) {
      types.member(named ? "left" : nullptr, depth + 1, 0);
      types.member(named ? "right" : nullptr, depth + 1, 32);
      types.structure(nullptr, 8);
    }
    EXPECT_EQ(verdict(kPair, types.bytes()), "btf-malformed") << named;
  }
}

// Many types of the name that is asked for, each with much in it.
TEST(TypeLayout, TooMuchOfAName) {
  Types types;
  const int integer = types.integer();
  const int big = types.structure(nullptr, 8);
  const std::string name(4096, 'm');
  for (int i = 0; i < 60000; ++i) types.member(name.c_str(), integer, 0);
  for (int i = 0; i < 2000; ++i) {
    types.structure("pair", 8);
    types.member("inner", big, 0);
  }
  EXPECT_EQ(verdict(kPair, types.bytes()), "btf-malformed");
}

// "agrees", "unknown", or what is said of it.
std::string verdict_on(const UsedTypes& wanted, const Bytes& kernel, const char* code) {
  const auto compared = compare_used_types(wanted, kernel, {}, "vmlinux");
  if (compared) return compared->agreeing == 1 ? "agrees" : "unknown";
  EXPECT_EQ(compared.error().code, code);
  EXPECT_EQ(compared.error().exit, ExitCode::mismatch);
  EXPECT_FALSE(compared.error().advice.empty());
  return compared.error().message;
}

std::string enumerator(const char* name, std::int64_t value, const Bytes& kernel) {
  const std::vector<UsedEnumerator> wanted = {{name, value}};
  return verdict_on({{}, wanted, {}}, kernel, "enumerator-value");
}

TEST(Enumerators, TheirNumbers) {
  Types types;
  types.enumeration("pid_type");
  types.enumerator("PIDTYPE_PID", 0);
  types.enumerator("PIDTYPE_TGID", 1);
  types.enumeration(nullptr);
  types.enumerator("LAST", -1);
  types.enumerator("HIGH", 0x80000000);
  EXPECT_EQ(enumerator("PIDTYPE_TGID", 1, types.bytes()), "agrees");
  EXPECT_EQ(enumerator("PIDTYPE_TGID", 2, types.bytes()),
            "PIDTYPE_TGID is 2 in the source and 1 in the running kernel");
  EXPECT_EQ(enumerator("LAST", -1, types.bytes()), "agrees");
  EXPECT_EQ(enumerator("HIGH", 0x80000000, types.bytes()), "agrees");
  EXPECT_EQ(enumerator("PIDTYPE_SID", 3, types.bytes()), "unknown");
  EXPECT_EQ(enumerator("PIDTYPE_TGID", 1, {}), "unknown");
}

// Two files may have one each of the name.
TEST(Enumerators, OneOfSeveral) {
  Types types;
  for (const std::int64_t value : {4, 7}) {
    types.enumeration("state");
    types.enumerator("READY", value);
  }
  EXPECT_EQ(enumerator("READY", 7, types.bytes()), "agrees");
  EXPECT_EQ(enumerator("READY", 5, types.bytes()),
            "READY is 5 in the source and 4 in the running kernel");
}

std::string declaration(const char* name, const char* type, const Bytes& kernel) {
  const std::vector<UsedDeclaration> wanted = {{name, type}};
  return verdict_on({{}, {}, wanted}, kernel, "declaration-differs");
}

TEST(Declarations, Prototypes) {
  Types types;
  const int integer = types.integer();
  const int size = types.alias("size_t", types.unsigned_integer("unsigned long", 8));
  const int text = types.pointer(integer);
  const int file = types.pointer(types.constant(types.structure("file", 0)));
  const int prototype = types.prototype(integer);
  types.parameter("file", file);
  types.parameter("size", size);
  types.function("vfs_fsync", prototype);
  const int open_ended = types.prototype(0);
  types.parameter("format", text);
  types.parameter(nullptr, 0);
  types.function("report", open_ended);
  types.function("nothing", types.prototype(0));
  const Bytes kernel = types.bytes();
  EXPECT_EQ(declaration("vfs_fsync", "(*struct file,u64)i32", kernel), "agrees");
  EXPECT_EQ(declaration("vfs_fsync", "(*struct file,u64,i32)i32", kernel),
            "vfs_fsync is (*struct file,u64,i32)i32 in the source and (*struct file,u64)i32 in the "
            "running kernel");
  for (const char* other : {"(*struct file,i64)i32", "(*struct inode,u64)i32",
                            "(*struct file,u64)void", "(u64,*struct file)i32"})
    EXPECT_THAT(declaration("vfs_fsync", other, kernel), HasSubstr("in the running kernel"));
  EXPECT_EQ(declaration("report", "(*,...)void", kernel), "agrees");
  EXPECT_THAT(declaration("report", "(*)void", kernel), HasSubstr("(*,...)void in the running"));
  EXPECT_EQ(declaration("nothing", "()void", kernel), "agrees");
  EXPECT_EQ(declaration("vfs_read", "()void", kernel), "unknown");
  EXPECT_EQ(declaration("vfs_fsync", "u64", kernel), "unknown");  // a variable is something else
}

TEST(Declarations, Variables) {
  Types types;
  types.variable("runqueues", types.structure("rq", 8));
  EXPECT_EQ(declaration("runqueues", "struct rq", types.bytes()), "agrees");
  EXPECT_EQ(declaration("runqueues", "u64", types.bytes()),
            "runqueues is u64 in the source and struct rq in the running kernel");
}

TEST(Declarations, LongOnesAreStillPrototypes) {
  const UsedDeclaration one{"f", short_prototype("(" + std::string(500, 'a') + ")void")};
  EXPECT_TRUE(one.is_function());
  EXPECT_LT(one.type.size(), 100u);
}

}  // namespace
}  // namespace splicer
