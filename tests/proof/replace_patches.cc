// SPDX-License-Identifier: GPL-2.0-or-later
//
// Writes, for each of many source files, a patch that changes every function of the file and what none
// of them does.
//
//     replace-patches --kernel 6.1.0-56-cloud-amd64 --root DIR --driver splice-cc
//                     --files 200 --first LIST FOLDER
//
//     -{                                        a declaration, as the kernel is written in C90's order;
//     +{ int splice_head ... = ({ nop });       on the brace's line, so that __LINE__ stays
//
// Where functions begin is in Clang's syntax tree, by the options of the file's own compile. Aside are
// functions whose code is not the kernel's any more (start-up code; a weak function that another object
// overrides), that the compiler copies elsewhere (inline), that must stay as they are (noinstr, naked), or
// that are written by a macro.
//
// Standard output has one line a file: "SOURCE TARGET FUNCTIONS", or "aside SOURCE REASON". The patch is
// FOLDER/NAME.patch, NAME being the source with - for each /.
//
// Invariant: every file that was chosen is on exactly one line.
#include <clang/AST/RecursiveASTVisitor.h>
#include <clang/Basic/SourceManager.h>
#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "matcher/base/file.h"
#include "matcher/image/disk_image.h"
#include "splice-cc/build/unit_list.h"
#include "tests/proof/stock_kernel.h"

namespace {

using namespace splicer;
namespace po = boost::program_options;
namespace fs = std::filesystem;

constexpr const char* kHead =
    R"( int splice_head __attribute__((unused)) = ({ asm volatile("nop"); 0; });)";

// Sections of code that is gone after start-up, or that must not call or be called as other code is.
bool is_special_section(llvm::StringRef name) {
  return name.startswith(".init") || name.startswith(".exit") || name.startswith(".head") ||
         name.contains("noinstr") || name.startswith(".entry");
}

// Is `inline` written at the function itself, and not by SYSCALL_DEFINE(), BPF_CALL() or the like?
bool says_inline(const clang::FunctionDecl& function, const clang::SourceManager& sources) {
  if (!function.isInlineSpecified() && !function.hasAttr<clang::AlwaysInlineAttr>()) return false;
  const unsigned begin = sources.getFileOffset(sources.getExpansionLoc(function.getBeginLoc()));
  const unsigned end = sources.getFileOffset(function.getBody()->getBeginLoc());
  return sources.getBufferData(sources.getMainFileID()).slice(begin, end).contains("inline");
}

// Collects the offsets in the main file behind the opening braces.
class Heads : public clang::RecursiveASTVisitor<Heads> {
 public:
  Heads(const clang::SourceManager& sources, const std::set<std::string>& overridden)
      : sources_(sources), overridden_(overridden) {}

  bool VisitFunctionDecl(clang::FunctionDecl* function) {  // NOLINT: Clang's name
    const unsigned begin =
        sources_.getFileOffset(sources_.getExpansionLoc(function->getBeginLoc()));
    if (const auto* section = function->getAttr<clang::SectionAttr>();
        section != nullptr && is_special_section(section->getName())) {
      if (in_main_file(sources_.getExpansionLoc(function->getBeginLoc()))) special_.insert(begin);
      return true;
    }
    if (!function->doesThisDeclarationHaveABody()) return true;
    const clang::SourceLocation brace = function->getBody()->getBeginLoc();
    if (brace.isMacroID() || !in_main_file(brace)) return true;
    if (says_inline(*function, sources_) || function->hasAttr<clang::NakedAttr>()) return true;
    if (function->hasAttr<clang::WeakAttr>() && overridden_.contains(function->getName().str()))
      return true;
    heads_.emplace(sources_.getFileOffset(brace) + 1, begin);
    return true;
  }
  // DEFINE_IDTENTRY(exc_divide_error) { ... } is the body of a function that the macro inlines into
  // one of .noinstr.text.
  std::set<unsigned> offsets() const {
    std::set<unsigned> offsets;
    for (const auto& [offset, begin] : heads_)
      if (!special_.contains(begin)) offsets.insert(offset);
    return offsets;
  }

 private:
  bool in_main_file(clang::SourceLocation place) const {
    return sources_.getFileID(place) == sources_.getMainFileID();
  }

  const clang::SourceManager& sources_;
  const std::set<std::string>& overridden_;
  std::map<unsigned, unsigned> heads_;  // where each function begins
  std::set<unsigned> special_;          // where functions of special sections begin
};

// Names that the kernel has, but not as weak ones: what is weak elsewhere was overridden.
std::set<std::string> strong_functions(const SymbolTable& table) {
  std::set<std::string> names;
  for (const KernelSymbol& symbol : table.all())
    if (symbol.module == "vmlinux" && symbol.type == 'T') names.insert(symbol.name);
  return names;
}

struct Chosen {
  std::string source;
  std::optional<Unit> unit;
};

class Patches {
 public:
  Patches(const StockKernel& kernel, std::set<std::string> overridden, fs::path folder)
      : kernel_(kernel), overridden_(std::move(overridden)), folder_(std::move(folder)) {}

  // The line about one file. Errors: those of building and reading it.
  Result<std::string> write(const Chosen& chosen) const {
    const auto aside = [&](const std::string& reason) {
      return fmt::format("aside {} {}\n", chosen.source, reason.substr(0, reason.find('\n')));
    };
    if (!chosen.unit) return aside("this configuration does not build it");
    if (chosen.unit->shared) return aside("it is in several modules");
    // Of what was not built together with others, the reason is told here.
    if (auto built = kernel_.kbuild().build_pre({*chosen.unit}, 1); !built)
      return aside(built.error().message);
    std::set<unsigned> heads;
    const auto error = kernel_.with_tree_of(*chosen.unit, [&](clang::ASTContext& context) {
      Heads found(context.getSourceManager(), overridden_);
      found.TraverseDecl(context.getTranslationUnitDecl());
      heads = found.offsets();
    });
    if (!error) return propagate(error);
    if (*error) return aside("Clang cannot read it: " + **error);
    if (heads.empty()) return aside("it has no such function");
    if (auto written = write_patch(chosen.source, heads); !written) return propagate(written);
    return fmt::format("{} {} {}\n", chosen.source, chosen.unit->target, heads.size());
  }

 private:
  Result<void> write_patch(const std::string& source, const std::set<unsigned>& heads) const {
    auto text = read_text(kernel_.source() / source);
    if (!text) return propagate(text);
    for (auto head = heads.rbegin(); head != heads.rend(); ++head) text->insert(*head, kHead);
    return kernel_.write_patch(source, *text, folder_ / (flat_name(source) + ".patch"));
  }

  const StockKernel& kernel_;
  const std::set<std::string> overridden_;
  const fs::path folder_;
};

// The first `count` of the list; then as many as are missing at equal distances among all others, of
// which three in four are built in.
Result<std::vector<Chosen>> choose(UnitList& list, const std::vector<std::string>& first,
                                   std::size_t count, unsigned jobs) {
  std::vector<Chosen> chosen;
  std::set<std::string> seen;
  for (const std::string& source : first) {
    if (chosen.size() == count || !seen.insert(source).second) continue;
    auto unit = list.find(source);
    if (!unit) return propagate(unit);
    chosen.push_back({source, std::move(*unit)});
  }
  if (chosen.size() == count) return chosen;
  auto all = list.all(jobs);
  if (!all) return propagate(all);
  std::vector<Unit> built_in;
  std::vector<Unit> modules;
  for (const Unit& unit : *all)
    if (unit.source.ends_with(".c") && seen.insert(unit.source).second)
      (unit.target == "vmlinux" ? built_in : modules).push_back(unit);
  const auto spread = [&](const std::vector<Unit>& units, std::size_t wanted) {
    wanted = std::min(wanted, units.size());
    for (std::size_t i = 0; i < wanted; ++i) {
      const Unit& unit = units[i * units.size() / wanted];
      chosen.push_back({unit.source, unit});
    }
  };
  const std::size_t missing = std::min(count - chosen.size(), all->size());
  spread(modules, std::max(missing / 4, missing - std::min(missing, built_in.size())));
  spread(built_in, std::max(missing - missing / 4, missing - std::min(missing, modules.size())));
  return chosen;
}

Result<void> run(const Command& command, const Console& console) {
  const auto text = [&](const char* name) { return command.values()[name].as<std::string>(); };
  const unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  const auto kernel = StockKernel::open(command, console, jobs);
  if (!kernel) return propagate(kernel);
  const auto image = open_disk_image(text("root") + "/boot/vmlinuz-" + text("kernel"), {});
  if (!image) return propagate(image);

  auto first = read_source_list(text("first"));
  if (!first) return propagate(first);
  const std::string files = text("files");
  std::size_t count = std::numeric_limits<std::size_t>::max();
  if (fs::exists(files)) {
    first = read_source_list(files);
    if (!first) return propagate(first);
    count = std::set(first->begin(), first->end()).size();
  } else if (files != "all") {
    count = std::strtoul(files.c_str(), nullptr, 10);
  }
  UnitList list((*kernel)->kbuild());
  const auto chosen = choose(list, *first, count, jobs);
  if (!chosen) return propagate(chosen);

  // Many at a time; why one does not build is told with its line.
  std::vector<Unit> units;
  for (const Chosen& one : *chosen)
    if (one.unit && !one.unit->shared) units.push_back(*one.unit);
  (void)(*kernel)->build(units, jobs, console);

  const Patches patches(**kernel, strong_functions((*image)->symbols()),
                        command.values()["folder"].as<std::vector<std::string>>().front());
  return print_each(chosen->size(), jobs,
                    [&](std::size_t i) { return patches.write((*chosen)[i]); });
}

}  // namespace

int main(int argc, char** argv) {
  Command command("replace-patches", "[OPTION]... FOLDER", "Patches that change every function.");
  StockKernel::declare(command);
  command.options().add_options()("files", po::value<std::string>()->required(),
                                  "how many, or all, or a list of files")(
      "first", po::value<std::string>()->required(), "a list of the files that come first");
  command.positional("folder", 1);
  return command.run([&] {
    if (const auto status = command.parse(argc, argv)) return *status;
    if (auto done = run(command, command.console()); !done)
      return command.console().finish(done.error());
    return 0;
  });
}
