// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/clang_unit.h"

#include <clang/AST/ASTConsumer.h>
#include <clang/AST/ASTContext.h>
#include <clang/Basic/FileManager.h>
#include <clang/Frontend/FrontendAction.h>
#include <clang/Tooling/Tooling.h>
#include <fmt/core.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/StringSaver.h>
#include <llvm/Support/VirtualFileSystem.h>

#include <memory>
#include <string_view>

#include "splice-cc/semantics/lock_annotations.h"
#include "splice-cc/semantics/readable_files.h"

namespace splicer {

namespace {

// The words of a shell line up to the end of its first command.
std::vector<std::string> first_command(const std::string& line) {
  llvm::BumpPtrAllocator memory;
  llvm::StringSaver saver(memory);
  llvm::SmallVector<const char*, 256> words;
  llvm::cl::TokenizeGNUCommandLine(line, saver, words);
  std::vector<std::string> first;
  for (const char* word : words) {
    if (std::string_view(word) == ";") break;
    first.emplace_back(word);
  }
  return first;
}

// Keeps the first error that it is handed.
class FirstError : public clang::DiagnosticConsumer {
 public:
  void HandleDiagnostic(clang::DiagnosticsEngine::Level level,
                        const clang::Diagnostic& info) override {
    DiagnosticConsumer::HandleDiagnostic(level, info);
    if (level < clang::DiagnosticsEngine::Error || error_) return;
    llvm::SmallString<256> text;
    info.FormatDiagnostic(text);
    std::string where;
    if (info.hasSourceManager() && info.getLocation().isValid()) {
      const clang::PresumedLoc at = info.getSourceManager().getPresumedLoc(info.getLocation());
      if (at.isValid()) where = fmt::format("{}:{}: ", at.getFilename(), at.getLine());
    }
    error_ = where + text.str().str();
  }
  std::optional<std::string> take() { return std::move(error_); }

 private:
  std::optional<std::string> error_;
};

using Use = std::function<void(clang::ASTContext&)>;

class TreeConsumer : public clang::ASTConsumer {
 public:
  explicit TreeConsumer(const Use& use) : use_(use) {}
  void HandleTranslationUnit(clang::ASTContext& context) override {
    if (!context.getDiagnostics().hasErrorOccurred()) use_(context);
  }

 private:
  const Use& use_;
};

class TreeAction : public clang::ASTFrontendAction {
 public:
  explicit TreeAction(const Use& use) : use_(use) {}
  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance& /*compiler*/,
                                                        llvm::StringRef /*file*/) override {
    return std::make_unique<TreeConsumer>(use_);
  }

 private:
  const Use& use_;
};

}  // namespace

std::vector<std::string> clang_options(const std::string& command) {
  static constexpr std::string_view kWithValue[] = {"-I",       "-D",      "-U",      "-include",
                                                    "-isystem", "-iquote", "-imacros"};
  static constexpr std::string_view kWhole[] = {
      "-nostdinc",        "-m64",          "-fshort-wchar",  "-fms-extensions",
      "-funsigned-char",  "-fsigned-char", "-ffreestanding", "-fshort-enums",
      "-fno-short-enums", "-fno-builtin",  "-fpack-struct"};
  std::vector<std::string> options;
  const std::vector<std::string> words = first_command(command);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    for (const std::string_view option : kWithValue) {
      if (!word.starts_with(option)) continue;
      options.push_back(word);
      if (word == option && i + 1 < words.size()) options.push_back(words[++i]);
      break;
    }
    for (const std::string_view option : kWhole)
      if (word == option) options.push_back(word);
    if (word.starts_with("-std=") || word.starts_with("-fno-builtin-")) options.push_back(word);
  }
  return options;
}

std::optional<std::string> with_syntax_tree(const ClangUnit& unit, const Use& use) {
  // A file system with a working folder of its own: the process's is shared by all threads.
  std::vector<std::filesystem::path> readable = unit.readable;
  readable.push_back(unit.folder);
  const llvm::IntrusiveRefCntPtr<llvm::vfs::OverlayFileSystem> files(
      new llvm::vfs::OverlayFileSystem(readable_files(readable)));
  const llvm::IntrusiveRefCntPtr<llvm::vfs::InMemoryFileSystem> ours(
      new llvm::vfs::InMemoryFileSystem);
  ours->addFile(kAnnotationsHeader, 0, llvm::MemoryBuffer::getMemBuffer(kAnnotationsText));
  files->pushOverlay(ours);
  if (const std::error_code code = files->setCurrentWorkingDirectory(unit.folder.string()))
    return fmt::format("{}: {}", unit.folder.string(), code.message());
  const llvm::IntrusiveRefCntPtr<clang::FileManager> manager(
      new clang::FileManager(clang::FileSystemOptions(), files));
  std::vector<std::string> command = {
      "clang", "--target=x86_64-linux-gnu", "-fsyntax-only",
      "-w",    "-fno-color-diagnostics",    "-fno-caret-diagnostics"};
  command.insert(command.end(), unit.options.begin(), unit.options.end());
  command.insert(command.end(), {"-include", kAnnotationsHeader});
  command.push_back(unit.source);
  FirstError diagnostics;
  clang::tooling::ToolInvocation invocation(command, std::make_unique<TreeAction>(use),
                                            manager.get());
  invocation.setDiagnosticConsumer(&diagnostics);
  const bool ran = invocation.run();
  auto error = diagnostics.take();
  if (!ran && !error) error = "Clang failed without a diagnostic";
  return error;
}

}  // namespace splicer
