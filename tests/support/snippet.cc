// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/snippet.h"

#include <fmt/core.h>

#include "splice-cc/source/process.h"

namespace splicer {

namespace {

std::filesystem::path compile_in(const TemporaryFolder& folder, const std::string& text,
                                 const std::string& name) {
  folder.write(name, text);
  std::vector<std::string> command = {"gcc-12", "-c", name, "-o", name + ".o"};
  if (name.ends_with(".c"))
    for (const char* flag : {"-O2", "-ffunction-sections", "-fdata-sections", "-mcmodel=kernel",
                             "-fno-pic", "-fno-asynchronous-unwind-tables", "-fcf-protection=none",
                             "-mno-red-zone", "-fno-stack-protector", "-fno-common", "-w"})
      command.emplace_back(flag);
  const auto run = run_program(command, {.folder = folder.path()});
  if (!run || run->status != 0) {
    fmt::print(stderr, "{}\n{}\n", text, run ? run->output : run.error().message);
    std::abort();
  }
  return folder / (name + ".o");
}

std::vector<std::string> names_of(const AtomTable& table, const std::set<std::uint32_t>& atoms) {
  std::vector<std::string> names;
  for (const std::uint32_t atom : atoms) names.push_back(table.at(atom).name);
  return names;
}

}  // namespace

ElfObject compile(const std::string& text, const std::string& name) {
  const TemporaryFolder folder;
  auto object = ElfObject::load(compile_in(folder, text, name));
  if (!object) {
    fmt::print(stderr, "{}\n", object.error().message);
    std::abort();
  }
  return std::move(*object);
}

std::uint32_t atom_named(const AtomTable& table, const std::string& name) {
  std::vector<std::uint32_t> found;
  for (std::uint32_t i = 0; i < table.all().size(); ++i)
    if (table.at(i).name == name) found.push_back(i);
  if (found.size() == 1) return found[0];
  fmt::print(stderr, "{} atoms are called {}\n", found.size(), name);
  std::abort();
}

std::vector<std::string> atom_names(const AtomTable& table) {
  std::vector<std::string> names;
  for (const Atom& atom : table.all()) names.push_back(atom.name);
  return names;
}

SnippetPair::SnippetPair(const std::string& pre, const std::string& post, const std::string& name,
                         const std::string& target) {
  // One name in two folders: the name stands in the object.
  const TemporaryFolder before;
  const TemporaryFolder after;
  BuiltUnit built;
  built.unit.name = std::filesystem::path(name).replace_extension(".o").string();
  built.unit.goal = built.unit.name;
  built.unit.source = name;
  built.unit.target = target;
  built.pre = compile_in(before, pre, name);
  built.post = compile_in(after, post, name);
  auto pair = UnitPair::open(built);
  if (!pair) {
    fmt::print(stderr, "{}: {}\n", pair.error().code, pair.error().message);
    std::abort();
  }
  pair_ = std::move(*pair);
}

std::vector<std::string> SnippetPair::replaced() const {
  std::vector<std::string> names;
  const auto found = diff();
  EXPECT_TRUE(found) << found.error().message;
  if (!found) return {"(refused: " + found.error().code + ")"};
  for (const ReplacedFunction& function : found->replaced) names.push_back(function.name);
  return names;
}

std::vector<std::string> SnippetPair::included() const {
  const auto found = diff();
  EXPECT_TRUE(found) << found.error().message;
  if (!found) return {"(refused: " + found.error().code + ")"};
  return names_of(*pair_->post, found->included);
}

std::string SnippetPair::why(const std::string& function) const {
  const auto found = diff();
  if (!found) return found.error().message;
  for (const ReplacedFunction& one : found->replaced)
    if (one.name == function) return one.why;
  return "(not replaced)";
}

std::string SnippetPair::refusal() const {
  const auto found = diff();
  if (found) return "";
  EXPECT_EQ(found.error().exit, ExitCode::unsafe);
  EXPECT_EQ(found.error().file, pair_->unit.source);
  EXPECT_FALSE(found.error().function.empty());
  EXPECT_FALSE(found.error().advice.empty());
  return found.error().code;
}

std::string SnippetPair::twin_of(const std::string& post_name) const {
  const auto twin = pair_->twins->pre_of(atom_named(*pair_->post, post_name));
  return twin ? pair_->pre->at(*twin).name : "(new)";
}

}  // namespace splicer
