// SPDX-License-Identifier: GPL-2.0-or-later
//
// Writes patches that give state of a source file another name, one thing at a time: what live objects hold is
// then read by nobody, or read as something else.
//
//     rename-patches --kernel 6.1.0-56-cloud-amd64 --root DIR --driver splice-cc --files LIST FOLDER
//
//     variable   static, writable, of the file or of one function: another name, wherever the file has it
//     tag        struct or union of the file: another name, and a member more in front
//     macro      a number of the file's own (#define ACTIVE 0x01): another name and another value
//
// The second and third change more than the name, since a name alone is in no object. Which identifiers are
// meant is in Clang's syntax tree, and which words they are in the file is seen without the preprocessor, so
// that code which this configuration leaves out is renamed, too. A member of the same name (`.name`,
// `->name`) stays.
//
// Standard output has one line for each: "SOURCE KIND NAME"; its patch is FOLDER/SOURCE.KIND.NAME.patch with -
// for each /. A source that cannot be read so is on one line: "aside SOURCE REASON".
//
// Invariant: every source of the list is on a line.
#include <clang/AST/RecursiveASTVisitor.h>
#include <clang/Basic/SourceManager.h>
#include <clang/Lex/Lexer.h>
#include <fmt/core.h>

#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "matcher/base/file.h"
#include "splice-cc/build/unit_list.h"
#include "tests/proof/stock_kernel.h"

namespace {

using namespace splicer;
namespace po = boost::program_options;

enum class Kind { variable, tag, macro };
constexpr const char* kKindNames[] = {"variable", "tag", "macro"};

using Things = std::set<std::pair<Kind, std::string>>;

// Is every object of the type read only, whatever it is an array of?
bool is_constant(clang::ASTContext& context, clang::QualType type) {
  return context.getBaseElementType(type).isConstQualified();
}

// Collects what the main file itself writes; a name that a macro pastes together is in no file.
class State : public clang::RecursiveASTVisitor<State> {
 public:
  State(clang::ASTContext& context, Things& things)
      : context_(context), sources_(context.getSourceManager()), things_(things) {}

  bool VisitVarDecl(clang::VarDecl* variable) {  // NOLINT: Clang's name
    const bool is_static =
        variable->isStaticLocal() ||
        (variable->isFileVarDecl() && variable->getStorageClass() == clang::SC_Static);
    const auto* section = variable->getAttr<clang::SectionAttr>();
    if (is_static && !is_constant(context_, variable->getType()) &&
        (section == nullptr || !section->getName().startswith(".init")))
      add(Kind::variable, *variable);
    return true;
  }
  bool VisitRecordDecl(clang::RecordDecl* record) {  // NOLINT: Clang's name
    if (record->isThisDeclarationADefinition()) add(Kind::tag, *record);
    return true;
  }

 private:
  void add(Kind kind, const clang::NamedDecl& declaration) {
    const clang::SourceLocation place = sources_.getSpellingLoc(declaration.getLocation());
    if (declaration.getName().empty() || sources_.getFileID(place) != sources_.getMainFileID())
      return;
    if (clang::Lexer::getSpelling(place, buffer_, sources_, context_.getLangOpts()) ==
        declaration.getName())
      things_.emplace(kind, declaration.getName().str());
  }

  clang::ASTContext& context_;
  const clang::SourceManager& sources_;
  llvm::SmallString<64> buffer_;
  Things& things_;
};

// #define NAME 3, 0x40UL, (1 << 3) or BIT(3)
const std::regex& number_macro() {
  static const std::regex pattern(
      R"(^([ \t]*#[ \t]*define[ \t]+)([A-Za-z_]\w*)([ \t]+))"
      R"((\(?(?:0[xX][0-9a-fA-F]+|[0-9]+)[uUlL]*(?:[ \t]*<<[ \t]*[0-9]+)?\)?|BIT\([0-9]+\)))"
      R"(([ \t]*(?:/\*.*|//.*)?)$)");
  return pattern;
}

struct Word {
  std::size_t offset;
  std::string_view text;
  bool member;  // behind . or ->
  bool tag;     // behind struct or union
};

std::vector<Word> words_of(const std::string& text) {
  const clang::SourceLocation start = clang::SourceLocation::getFromRawEncoding(1);
  clang::Lexer lexer(start, clang::LangOptions(), text.data(), text.data(),
                     text.data() + text.size());
  std::vector<Word> words;
  clang::Token token;
  clang::tok::TokenKind before = clang::tok::eof;
  std::string_view word_before;
  while (!lexer.LexFromRawLexer(token)) {
    std::string_view word;
    if (token.is(clang::tok::raw_identifier)) {
      const std::size_t offset = token.getLocation().getRawEncoding() - start.getRawEncoding();
      word = std::string_view(text).substr(offset, token.getLength());
      words.push_back({offset, word, before == clang::tok::period || before == clang::tok::arrow,
                       word_before == "struct" || word_before == "union"});
    }
    before = token.getKind();
    word_before = word;
  }
  return words;
}

// The text with the thing under another name.
std::string renamed(const std::string& text, const std::vector<Word>& words, Kind kind,
                    const std::string& name) {
  std::string result;
  std::size_t copied = 0;
  for (const Word& word : words) {
    if (word.text != name || word.member || word.tag != (kind == Kind::tag)) continue;
    const std::size_t end = word.offset + word.text.size();
    result += text.substr(copied, end - copied) + "_renamed";
    copied = end;
    if (kind != Kind::tag) continue;
    const std::size_t brace = text.find_first_not_of(" \t\n", end);
    if (brace == std::string::npos || text[brace] != '{') continue;
    result += text.substr(end, brace + 1 - end) + " unsigned long splice_member;";
    copied = brace + 1;
  }
  return result + text.substr(copied);
}

// Gives the macro of that (new) name another value, on its line.
std::string with_other_value(const std::string& text, const std::string& name) {
  std::string result;
  for (const std::string& line : split_lines(text)) {
    std::smatch parts;
    if (std::regex_match(line, parts, number_macro()) && parts[2] == name) {
      result += fmt::format("{}{}{}({} + 8){}\n", parts[1].str(), parts[2].str(), parts[3].str(),
                            parts[4].str(), parts[5].str());
    } else {
      result += line + "\n";
    }
  }
  return result;
}

class Patches {
 public:
  Patches(const StockKernel& kernel, std::filesystem::path folder)
      : kernel_(kernel), folder_(std::move(folder)) {}

  // The lines about one source. Errors: those of reading it and of writing.
  Result<std::string> write(const std::string& source, const std::optional<Unit>& unit) const {
    const auto aside = [&](const std::string& reason) {
      return fmt::format("aside {} {}\n", source, reason.substr(0, reason.find('\n')));
    };
    if (!unit) return aside("this configuration does not build it");
    if (auto built = kernel_.kbuild().build_pre({*unit}, 1); !built)
      return aside(built.error().message);
    const auto text = read_text(kernel_.source() / source);
    if (!text) return propagate(text);
    Things things;
    const auto error = kernel_.with_tree_of(*unit, [&](clang::ASTContext& context) {
      State(context, things).TraverseDecl(context.getTranslationUnitDecl());
    });
    if (!error) return propagate(error);
    if (*error) return aside("Clang cannot read it: " + **error);
    for (const std::string& line : split_lines(*text)) {
      std::smatch parts;
      if (std::regex_match(line, parts, number_macro())) things.emplace(Kind::macro, parts[2]);
    }
    if (things.empty()) return aside("it has no state of its own");
    const std::vector<Word> words = words_of(*text);
    std::string lines;
    for (const auto& [kind, name] : things) {
      std::string changed = renamed(*text, words, kind, name);
      if (kind == Kind::macro) changed = with_other_value(changed, name + "_renamed");
      const char* kind_name = kKindNames[static_cast<int>(kind)];
      const std::string patch = fmt::format("{}.{}.{}.patch", flat_name(source), kind_name, name);
      if (auto written = kernel_.write_patch(source, changed, folder_ / patch); !written)
        return propagate(written);
      lines += fmt::format("{} {} {}\n", source, kind_name, name);
    }
    return lines;
  }

 private:
  const StockKernel& kernel_;
  const std::filesystem::path folder_;
};

Result<void> run(const Command& command, const Console& console) {
  const unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  const auto kernel = StockKernel::open(command, console, jobs);
  if (!kernel) return propagate(kernel);
  const auto sources = read_source_list(command.values()["files"].as<std::string>());
  if (!sources) return propagate(sources);
  UnitList list((*kernel)->kbuild());
  std::vector<std::optional<Unit>> units;
  units.reserve(sources->size());
  for (const std::string& source : *sources) {
    auto unit = list.find(source);
    if (!unit) return propagate(unit);
    units.push_back(std::move(*unit));
  }
  const Patches patches(**kernel,
                        command.values()["folder"].as<std::vector<std::string>>().front());
  return print_each(sources->size(), jobs,
                    [&](std::size_t i) { return patches.write((*sources)[i], units[i]); });
}

}  // namespace

int main(int argc, char** argv) {
  Command command("rename-patches", "[OPTION]... FOLDER",
                  "Patches that give state another name, one thing at a time.");
  StockKernel::declare(command);
  command.options().add_options()("files", po::value<std::string>()->required(),
                                  "a list of sources");
  command.positional("folder", 1);
  return command.run([&] {
    if (const auto status = command.parse(argc, argv)) return *status;
    if (auto done = run(command, command.console()); !done)
      return command.console().finish(done.error());
    return 0;
  });
}
