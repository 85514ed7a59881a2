// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/header_pieces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace splicer {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

using Names = std::set<std::string, std::less<>>;

std::vector<HeaderPiece> cut(std::string_view text) {
  auto pieces = cut_header(text);
  EXPECT_TRUE(pieces) << text;
  return pieces ? std::move(*pieces) : std::vector<HeaderPiece>();
}
// Of a text that is one piece.
HeaderPiece only(std::string_view text) {
  auto pieces = cut(text);
  EXPECT_EQ(pieces.size(), 1u) << text;
  return pieces.empty() ? HeaderPiece() : std::move(pieces[0]);
}
std::vector<Names> names(std::string_view text) {
  std::vector<Names> names;
  for (HeaderPiece& piece : cut(text)) names.push_back(std::move(piece.names));
  return names;
}
std::vector<std::string> texts(std::string_view text) {
  std::vector<std::string> texts;
  for (HeaderPiece& piece : cut(text)) texts.push_back(std::move(piece.text));
  return texts;
}

TEST(HeaderPieces, Functions) {
  EXPECT_THAT(names("static inline int f(int x) { if (x) { return g(x); } return 0; }\n"
                    "extern void h(void);\nint k(struct s *p)\n{\n\treturn p->a;\n}\n"),
              ElementsAre(Names{"f"}, Names{"h"}, Names{"k"}));
  const HeaderPiece f = only("static inline int f(int x)\n{\n\treturn g(x) + LIMIT;\n}\n");
  EXPECT_THAT(f.mentions, IsSupersetOf({"f", "x", "g", "LIMIT"}));
  EXPECT_FALSE(f.anonymous);
}

TEST(HeaderPieces, FunctionsWithAttributes) {
  EXPECT_THAT(names("static __attribute__((pure)) int f(void) { return 1; }\n"
                    "static inline bool __must_check g(void) { return 1; }\n"
                    "static inline void h(void) __acquires(x) { }\nint k;"),
              ElementsAre(Names{"f"}, Names{"g"}, Contains("h"), Contains("k")));
  // What may be an attribute or a macro that makes a name: any word in it may be meant.
  EXPECT_THAT(only("static inline __own(1, 2) int f(const char *t, ...) { return 0; }").names,
              IsSupersetOf({"__own", "f"}));
  // include/linux/refcount.h: the argument is no name of it.
  for (const char* text :
       {"extern __must_check bool f(struct r *r, lock_t *lock) __cond_acquires(lock);",
        "static inline __printf(1, 2) int f(const char *t, ...) { return 0; }",
        "void f(lock_t *lock) __acquires(lock) __releases(&lock->inner);"})
    EXPECT_EQ(only(text).names, Names{"f"}) << text;
  // Where an address points to is no name, either.
  EXPECT_EQ(only("extern void __iomem *base;").names, Names{"base"});
  EXPECT_EQ(only("extern struct s __rcu *list __read_mostly;").names, Names{"list"});
}

TEST(HeaderPieces, Types) {
  EXPECT_THAT(
      names("struct s { int a; struct t { int b; } c; };\nunion u;\n"
            "typedef struct { int a; } x_t;\ntypedef unsigned int y_t;\n"
            "typedef int (*z_t)(int);\n"),
      ElementsAre(Names{"s", "t"}, Names{"u"}, Contains("x_t"), Names{"y_t"}, Contains("z_t")));
  for (const HeaderPiece& piece : cut("struct s { int a; };\ntypedef struct { int a; } x_t;\n"))
    EXPECT_FALSE(piece.anonymous) << piece.text;
}

TEST(HeaderPieces, TypesWithAttributes) {
  for (const char* attribute : {"__attribute__((packed))", "__packed", "__aligned(8)"}) {
    const std::string text = attribute;
    const HeaderPiece behind = only("struct s { int a; } " + text + ";\n");
    EXPECT_EQ(behind.names, Names{"s"}) << text;
    EXPECT_FALSE(behind.anonymous) << text;
    EXPECT_THAT(only("struct " + text + " s { int a; };\n").names, Contains("s"));
    // The name that counts stands behind the brace, so that is no end.
    EXPECT_THAT(only("typedef struct " + text + " { int a; } x_t;\n").names, Contains("x_t"));
    EXPECT_THAT(only("typedef struct s { int a; } " + text + " x_t;\n").names,
                IsSupersetOf({"s", "x_t"}));
  }
}

TEST(HeaderPieces, Enumerators) {
  EXPECT_THAT(names("enum { A, B = 2, C };\nenum e { D = A + 1, };\n"),
              ElementsAre(Names{"A", "B", "C"}, Names{"e", "D"}));
  EXPECT_THAT(only("struct s { enum { A, B } kind; };").names, IsSupersetOf({"s", "A", "B"}));
}

// Their names may stand in the macro alone.
TEST(HeaderPieces, EnumeratorsThatAMacroMakes) {
  for (const char* text : {"enum e { EACH(NAME) };", "enum { A, EACH(NAME) B };",
                           "struct s { enum { A = 1, NAME(b), } kind; };"})
    EXPECT_TRUE(only(text).anonymous) << text;
  for (const char* text :
       {"enum e { A = BIT(1, 2), B, };", "enum e { A };",
        "static inline enum e f(int a) { return g(a); }", "typedef enum { A = (1), B = 2 } e_t;"})
    EXPECT_FALSE(only(text).anonymous) << text;
}

TEST(HeaderPieces, Variables) {
  EXPECT_THAT(names("extern int a;\nextern struct s b, *c;\nextern char d[];\n"),
              ElementsAre(Names{"a"}, Names{"b", "c"}, Names{"d"}));
  for (const HeaderPiece& piece : cut("extern int a;\nstatic const int b = 1;\nextern char d[];\n"))
    EXPECT_FALSE(piece.anonymous) << piece.text;
}

TEST(HeaderPieces, VariablesWithAttributesBehindTheName) {
  for (const char* text :
       {"extern int limit __read_mostly;", "extern unsigned long limit __own_attribute;",
        "extern struct s limit __own_attribute __read_mostly;", "extern s_t limit __own;",
        "extern int limit __aligned(8);", "extern int limit __section(\".data\");",
        "static const int limit __own = 1;", "extern int other __own, limit __own;",
        "typedef u64 limit __aligned(8);", "extern int limit __attribute__((aligned(8)));"})
    EXPECT_THAT(only(text).names, Contains("limit")) << text;
  EXPECT_THAT(only("extern struct s limit __own;").names, Not(Contains("s")));
}

TEST(HeaderPieces, Macros) {
  const std::vector<HeaderPiece> pieces =
      cut("#define LIMIT (BASE + 1)\n"
          "#define CALL(x) do { \\\n\tfirst(x); \\\n\tsecond(x); \\\n} while (0)\n"
          "# define EMPTY\n#undef LIMIT\n");
  ASSERT_EQ(pieces.size(), 4u);
  EXPECT_EQ(pieces[0].names, Names{"LIMIT"});
  EXPECT_EQ(pieces[0].mentions, (Names{"BASE", "1"}));
  EXPECT_EQ(pieces[1].names, Names{"CALL"});
  EXPECT_THAT(pieces[1].mentions, IsSupersetOf({"first", "second", "x"}));
  EXPECT_EQ(pieces[2].names, Names{"EMPTY"});
  EXPECT_THAT(pieces[2].mentions, IsEmpty());
  EXPECT_EQ(pieces[3].names, Names{"LIMIT"});
  for (const HeaderPiece& piece : pieces) EXPECT_FALSE(piece.anonymous) << piece.text;
  EXPECT_TRUE(only("#define inline __inline\n").anonymous);
}

// A part may be a word of the language: param_ops_##type with int.
TEST(HeaderPieces, KeywordsAreMentioned) {
  EXPECT_THAT(only("#define OWN(x) module_param(x, int, 0)\n").mentions, Contains("int"));
  EXPECT_THAT(only("static inline int f(void) { return GET(long); }").mentions, Contains("long"));
}

TEST(HeaderPieces, MacrosInsideOfDeclarations) {
  EXPECT_THAT(names("struct s {\n\tint flags;\n#define FLAG 1\n\tint b;\n};\n"),
              ElementsAre(Names{"FLAG"}, Names{"s"}));
}

TEST(HeaderPieces, Kinds) {
  for (const char* text :
       {"struct s { int a; };", "struct s;", "enum { A, B };", "union u { int a; } __packed;",
        "typedef struct { int a; } s_t;", "typedef int (*f_t)(int);"})
    EXPECT_EQ(only(text).kind, PieceKind::type) << text;
  for (const char* text : {"struct s *f(void);", "struct s { int a; } v;", "extern struct s v;",
                           "struct s f(struct t { int a; } x);",
                           "static inline struct s f(void) { struct s x = {}; return x; }",
                           "struct s v = { 1 };", "MAKE(foo);", "extern int a;"})
    EXPECT_EQ(only(text).kind, PieceKind::value) << text;
  EXPECT_EQ(only("#undef X\n").kind, PieceKind::macro);
  EXPECT_EQ(only("#pragma once\n").kind, PieceKind::directive);
  const HeaderPiece include = only("#ifdef X\n# include <linux/fs.h> // x\n#endif\n");
  EXPECT_EQ(include.kind, PieceKind::include);
  EXPECT_EQ(include.include, "<linux/fs.h");
  EXPECT_TRUE(include.anonymous);
  EXPECT_EQ(only("#include NAME\n").kind, PieceKind::include);
  EXPECT_EQ(only("#include NAME\n").include, "");
}

TEST(HeaderPieces, WhatMakesCode) {
  for (const char* text : {"int v = 1;", "int f(void) { return 1; }", "asm(\"nop\");"})
    EXPECT_TRUE(only(text).makes_code) << text;
  for (const char* text : {"extern int v;", "static inline int f(void) { return 1; }",
                           "MAKE(foo)\n", "struct s { int a; };", "#define X 1\n"})
    EXPECT_FALSE(only(text).makes_code) << text;
}

// They may declare anything, and make code.
TEST(HeaderPieces, CallsOfMacros) {
  for (const char* text : {"DECLARE_THING(struct s, foo);\n", "static DECLARE_THING(foo, 1);",
                           "MAKE(foo)\n", "static inline\nMAKE(foo)\n{ return x; }",
                           // Without a semicolon it cannot be told from what follows.
                           "MAKE(foo)\nstatic inline int f(void) { return 1; }\n",
                           "MAKE(foo)\ntypedef struct { int a; } x_t;\n"})
    EXPECT_TRUE(only(text).anonymous) << text;
  EXPECT_THAT(only("DECLARE_THING(struct s, foo);\n").mentions,
              IsSupersetOf({"DECLARE_THING", "s", "foo"}));
  for (const char* text : {"static_assert(sizeof(struct s) == 8);", "typeof(int) a(void);",
                           "extern __attribute__((pure)) int f(int);"})
    EXPECT_FALSE(only(text).anonymous) << text;
  EXPECT_THAT(only("static_assert(sizeof(struct s) == 8);").names, IsEmpty());
}

TEST(HeaderPieces, WhatHasNoName) {
  for (const char* text :
       {"#include <linux/fs.h>\n", "#include NAME\n", "#pragma pack(1)\n", "int a = 1;", "int a;",
        "int f(void) { return 1; }", "asm(\"nop\");", "#line 12\n"})
    EXPECT_TRUE(only(text).anonymous) << text;
  EXPECT_THAT(cut("#error no\n#warning careful\n#\n"), IsEmpty());
  EXPECT_THAT(only("#include NAME\n").mentions, Contains("NAME"));
  EXPECT_THAT(only("#include <linux/fs.h>\n").mentions, IsEmpty());
}

TEST(HeaderPieces, ConditionsTellEqualTextsApart) {
  const std::string f = "static inline int f(void) { return 1; }\n";
  const auto plain = texts(f);
  const auto under = texts("#ifdef X\n" + f + "#endif\n");
  const auto other = texts("#ifndef X\n" + f + "#endif\n");
  const auto otherwise = texts("#ifdef X\n#else\n" + f + "#endif\n");
  const auto both = texts("#ifdef X\n#ifdef Y\n" + f + "#endif\n#endif\n");
  EXPECT_EQ(std::set({plain, under, other, otherwise, both}).size(), 5u);
  EXPECT_EQ(texts("#ifdef X\n#endif\n" + f), plain);
  EXPECT_EQ(texts("#ifdef X /* c */\n" + f + "#endif // X\n"), under);
  EXPECT_NE(texts("#if A\n#define B\n#endif\n"), texts("#define B\n"));
  EXPECT_NE(texts("#if A\n#include <b.h>\n#endif\n"), texts("#include <b.h>\n"));
}

// What stands under a condition means something else when the condition does.
TEST(HeaderPieces, ConditionsAreMentioned) {
  for (const char* text : {"static inline int f(void) { return 1; }\n", "#define A 1\n",
                           "#include <b.h>\n", "struct s { int a; };\n"}) {
    EXPECT_THAT(only("#ifdef X\n" + std::string(text) + "#endif\n").mentions, Contains("X"));
    EXPECT_THAT(only("#if Y\n#elif defined(X)\n" + std::string(text) + "#endif\n").mentions,
                IsSupersetOf({"X", "Y"}));
  }
  EXPECT_THAT(only("struct s {\n#ifdef X\n\tint a;\n#endif\n};\n").mentions, Contains("X"));
}

TEST(HeaderPieces, ConditionsInsideOfAPiece) {
  const HeaderPiece plain = only("struct s {\nint a;\nint b;\n};\n");
  const HeaderPiece first = only("struct s {\n#ifdef X\nint a;\n#endif\nint b;\n};\n");
  const HeaderPiece second = only("struct s {\nint a;\n#ifdef X\nint b;\n#endif\n};\n");
  const HeaderPiece not_b = only("struct s {\nint a;\n#ifndef X\nint b;\n#endif\n};\n");
  EXPECT_EQ(std::set({plain.text, first.text, second.text, not_b.text}).size(), 4u);
  for (const HeaderPiece* piece : {&plain, &first, &second, &not_b})
    EXPECT_EQ(piece->names, Names{"s"}) << piece->text;
  EXPECT_THAT(names("enum {\nA,\n#ifdef X\nB,\n#else\nC,\n#endif\n};\n"),
              ElementsAre(Names{"A", "B", "C"}));
  EXPECT_NE(texts("void f(void)\n{\n#define A 1\na(A);\n#undef A\nb();\n}\n"),
            texts("void f(void)\n{\n#define A 1\na(A);\nb();\n#undef A\n}\n"));
}

TEST(HeaderPieces, BracesThatDependOnConditions) {
  for (const char* text :
       {"#ifdef X\nint f(void) {\n#else\nint g(void) {\n#endif\nreturn 1; }\n",
        "int f(void) {\n#ifdef X\nif (a) {\n#endif\nb();\n#ifdef X\n}\n#endif\n}\n",
        "#ifdef __cplusplus\nextern \"C\" {\n#endif\nint f(void);\n", "#ifdef X\n}\n#endif\n"})
    EXPECT_FALSE(cut_header(text)) << text;
  EXPECT_TRUE(cut_header("int f(void) {\n#ifdef X\nif (a) {\nb();\n}\n#endif\n}\n"));
}

TEST(HeaderPieces, WhatIsNotBalanced) {
  for (const char* text :
       {"{", "}", "int f(void) {", "int f(void) { } }", "int f(void;", "#ifdef X\n", "#endif\n",
        "#else\n", "#ifdef X\n#endif\n#endif\n", "int a[3;\n", "#elif X\n"})
    EXPECT_FALSE(cut_header(text)) << text;
}

TEST(HeaderPieces, CommentsAndStrings) {
  EXPECT_EQ(texts("int f(void); /* { */ // }\n"), texts("int f(void);   \n"));
  EXPECT_THAT(names("static inline int f(void) { return g(\"} // /* \\\"\", '}', '\\''); }\n"
                    "extern int b; // }\n"),
              ElementsAre(Names{"f"}, Names{"b"}));
  const HeaderPiece url = only("#define URL \"http://kernel.org\"\n");
  EXPECT_THAT(url.text, HasSubstr("http://kernel.org\""));
  EXPECT_NE(texts("#define URL \"http://a\"\n"), texts("#define URL \"http://b\"\n"));
  EXPECT_THAT(names("/* #define A\n#include <b.h>\n*/ #define C /* of\ntwo lines */ 1\nint d;"),
              ElementsAre(Names{"C"}, Contains("d")));
  EXPECT_THAT(names("#define A /* of\ntwo lines */ B\n"), ElementsAre(Names{"A"}));
  EXPECT_THAT(only("#define A /* of\ntwo lines */ B\n").mentions, Names{"B"});
}

TEST(HeaderPieces, TextsWithoutAnEnd) {
  EXPECT_THAT(cut(""), IsEmpty());
  EXPECT_THAT(cut("\n \t\n\r\n"), IsEmpty());
  EXPECT_THAT(cut("/* only a comment"), IsEmpty());
  EXPECT_THAT(cut("/*"), IsEmpty());
  EXPECT_THAT(cut("//"), IsEmpty());
  EXPECT_THAT(names("extern int a;"), ElementsAre(Names{"a"}));
  EXPECT_THAT(names("extern int a"), ElementsAre(Contains("a")));
  EXPECT_THAT(names("#define A"), ElementsAre(Names{"A"}));
  EXPECT_THAT(names("#define A \\"), ElementsAre(Names{"A"}));
  EXPECT_THAT(names("extern int a; /* cut"), ElementsAre(Names{"a"}));
}

// Every beginning of a text is either cut or refused, and its pieces say what they are.
TEST(HeaderPieces, EveryBeginning) {
  const std::string text =
      "#ifndef G\n#define G(x, ...) x##y \\\n z\n/* c */ struct s { int a[2]; // d\n#ifdef A\n"
      "char c; /* ' */\n#else\nint (*f)(int, \"s\\\"\");\n#endif\n} __packed;\nMAKE(a, 'b')\n"
      "static inline int f(void) { return '\\''; }\n#include <a.h>\n#endif\n";
  std::size_t whole = 0;
  for (std::size_t size = 0; size <= text.size(); ++size)
    if (const auto pieces = cut_header(text.substr(0, size))) {
      whole = pieces->size();
      for (const HeaderPiece& piece : *pieces)
        EXPECT_TRUE(piece.anonymous || !piece.names.empty()) << piece.text;
    }
  EXPECT_EQ(whole, 4u);
}

// include/linux/page-flags.h and others: a member that is called as an attribute is.
TEST(HeaderPieces, MembersWithTheNamesOfAttributes) {
  const HeaderPiece f = only("static inline int f(struct s *x) { return x->used + x->section; }\n");
  EXPECT_FALSE(f.anonymous);
  EXPECT_THAT(f.names, ElementsAre("f"));
  EXPECT_FALSE(only("static inline int f(int used) { return g(used, (alias)); }\n").anonymous);
  for (const char* kept :
       {"static int x __attribute__((used)) = 1;\n", "static int x __used = 1;\n",
        "static int x __section(\".d\") = 1;\n", "static int x ATTRIBUTES(used) = 1;\n",
        "static int f(void) __alias(g);\n",
        "static inline void f(void) { static int x __attribute__((__used__)); }\n"})
    EXPECT_TRUE(only(kept).anonymous) << kept;
}

TEST(HeaderPieces, StructureThatIsOnlyNamed) {
  const HeaderPiece n = only("struct n;\n");
  EXPECT_FALSE(n.anonymous);
  EXPECT_THAT(n.names, ElementsAre("n"));
}

}  // namespace
}  // namespace splicer
