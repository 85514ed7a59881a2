// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/build/kbuild.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "matcher/base/confinement.h"
#include "matcher/base/file.h"
#include "runtime/package/digest.h"
#include "splice-cc/build/saved_command.h"
#include "splice-cc/source/process.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDriver = "@SPLICE_CC@";  // stands for "splice-cc COMPILER" in the store

// Of the top Makefile's environment, what make gives its own children and what the machine adds
// stays out.
bool is_exported_by_kbuild(const std::string& variable) {
  static const std::set<std::string, std::less<>> own = {
      "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "_", "PWD", "OLDPWD", "SHLVL", "PATH"};
  const std::string_view name = std::string_view(variable).substr(0, variable.find('='));
  return !name.empty() && !own.contains(name);
}

std::vector<std::string> split_at_nul(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, '\0');) parts.push_back(part);
  return parts;
}

// A path as one word for the shell.
std::string quoted(const fs::path& path) {
  std::string text = path.string();
  replace_all(text, "'", "'\\''");
  return "'" + text + "'";
}

std::string with_extension(const std::string& name, const char* extension) {
  return fs::path(name).replace_extension(extension).string();
}

Result<std::vector<std::string>> read_dependencies(const Unit& unit, const fs::path& product) {
  auto text = read_text(beside(product, ".depends"));
  if (!text) return propagate(text);
  std::vector<std::string> files = dependency_paths(*text);
  files.insert(files.begin(), unit.source);
  return files;
}

Failure compile_failed(const Unit& unit, const std::string& output) {
  return fail(ExitCode::error, "compile-failed", "the file does not compile")
      .at_file(unit.source)
      .detail(first_lines(output, 60));
}

// Is it there, and as it was written? A machine that lost its power may have kept a part.
bool is_kept(const fs::path& object) {
  const auto text = read_text(object);
  const auto digest = read_text(beside(object, ".digest"));
  return text && digest && sha256_hex(*text) == *digest;
}

}  // namespace

Result<Kbuild> Kbuild::open(const Tree& tree, const Host& host, const fs::path& driver,
                            const fs::path& hooks) {
  const fs::path saved = tree.store / "environment";
  auto text = read_text(saved);
  if (!text) {
    auto lock = FileLock::take(tree.lock);
    if (!lock) return propagate(lock);
    // A file, since what make prints would mix with the output of the rule.
    const fs::path out = tree.folder / "environment.new";
    const auto run =
        run_program({"make", "-s", "--no-print-directory",
                     fmt::format("--eval=splice-environment: ; @env -0 >'{}'", out.string()),
                     fmt::format("KERNELRELEASE={}", host.kernel.release), "KBUILD_BUILTIN=1",
                     "KBUILD_MODULES=1", fmt::format("CC={}", host.compiler),
                     fmt::format("HOSTCC={}", host.compiler), "splice-environment"},
                    {.folder = tree.source});
    if (!run) return propagate(run);
    text = read_text(out);
    if (run->status != 0 || !text)
      return fail(ExitCode::error, "kbuild-environment", "make failed in the kernel's top Makefile")
          .at_file(tree.source.string())
          .detail(last_lines(run->output, 20))
          .hint("give --source and --config of the same kernel");
    if (auto written = write_file(saved, *text); !written) return propagate(written);
  }
  std::vector<std::string> environment = plain_environment();
  for (std::string& variable : split_at_nul(*text)) {
    if (is_exported_by_kbuild(variable) && !variable.starts_with("HOME=") &&
        !variable.starts_with("TMPDIR=") && !variable.starts_with("LC_ALL="))
      environment.push_back(std::move(variable));
  }
  for (const char* both : {"KBUILD_BUILTIN=1", "KBUILD_MODULES=1"}) environment.emplace_back(both);
  return Kbuild(tree, host, driver, hooks, std::move(environment));
}

std::vector<std::string> Kbuild::make_command(const std::string& folder) const {
  return {"make", "-rR", "--no-print-directory", "-f", "scripts/Makefile.build", "obj=" + folder,
          "need-builtin=1", "need-modorder=1",
          // Where objtool waits for the linked kernel or module (delay-objtool in
          // scripts/Makefile.lib), its tables would be missing: each object gets them by itself.
          "objtool-enabled=$(is-standard-object)", "CC=" + compiler_};
}

fs::path Kbuild::pre_object(const Unit& unit) const { return tree_.store / "pre" / unit.name; }

Result<void> Kbuild::keep(const std::string& made, const std::string& goal,
                          const fs::path& place) const {
  const fs::path built = tree_.source / made;
  auto command_file = read_text(beside(built, ".cmd"));
  if (!command_file) return propagate(command_file);
  auto text = read_text(built);
  if (!text) return propagate(text);
  // cmd_gensymtypes_c (scripts/Makefile.build) preprocesses units with exports once more, with the
  // options of the compile, and so leaves a dependency file that nobody takes away.
  std::error_code code;
  fs::remove(beside(built, ".d"), code);
  std::string command = saved_command(*command_file, goal);
  replace_all(command, compiler_, kDriver);
  if (auto written = write_file(beside(place, ".command"), command); !written) return written;
  if (auto written = write_file(beside(place, ".depends"), saved_dependencies(*command_file, goal));
      !written)
    return written;
  if (auto written = write_file(beside(place, ".digest"), sha256_hex(*text)); !written)
    return written;
  return write_file(place, *text);  // last: its presence says that all is there
}

Result<void> Kbuild::build_pre(const std::vector<Unit>& units, unsigned jobs) const {
  std::vector<Unit> missing;
  for (const Unit& unit : units)
    if (!is_kept(pre_object(unit))) missing.push_back(unit);
  if (missing.empty()) return {};
  auto lock = FileLock::take(tree_.lock);
  if (!lock) return propagate(lock);
  if (auto made = make_goals(missing, ".o", jobs); !made) return made;
  for (const Unit& unit : missing)
    if (auto kept = keep(unit.name, unit.goal, pre_object(unit)); !kept) return kept;
  return {};
}

Result<std::vector<Unit>> Kbuild::preprocess_pre(const std::vector<Unit>& units,
                                                 const fs::path& folder, unsigned jobs) const {
  auto lock = FileLock::take(tree_.lock);
  if (!lock) return propagate(lock);
  std::error_code code;
  for (const Unit& unit : units) fs::remove(tree_.source / preprocessed(unit), code);
  static_cast<void>(make_goals(units, ".i", jobs));  // what is there says what could be done
  std::vector<Unit> done;
  for (const Unit& unit : units) {
    const std::string made = preprocessed(unit);
    if (!fs::exists(tree_.source / made)) continue;
    if (auto kept = keep(made, with_extension(unit.goal, ".i"), folder / made); !kept)
      return propagate(kept);
    fs::remove(tree_.source / made, code);
    done.push_back(unit);
  }
  return done;
}

Result<void> Kbuild::make_goals(const std::vector<Unit>& units, const char* extension,
                                unsigned jobs) const {
  // From the top folder, kbuild would get to arch/x86/lib twice, by itself and through arch/x86,
  // and build its objects in both at once; so each folder below the top is entered by itself.
  std::map<std::string, std::vector<const Unit*>> by_entry;
  for (const Unit& unit : units) by_entry[unit.entry].push_back(&unit);
  Result<void> result;
  for (const auto& [entry, group] : by_entry) {
    // The goals of one call can be many; a command line cannot.
    constexpr std::size_t kGoals = 200;
    for (std::size_t first = 0; first < group.size(); first += kGoals) {
      const std::size_t count = std::min(group.size() - first, kGoals);
      const auto goals = std::span(group).subspan(first, count);
      auto made = make_group(entry, goals, extension, jobs);
      if (result) result = std::move(made);
    }
  }
  return result;
}

Result<void> Kbuild::make_group(const std::string& entry, std::span<const Unit* const> units,
                                const char* extension, unsigned jobs) const {
  std::vector<std::string> command = make_command(entry);
  command.push_back(fmt::format("-j{}", jobs));
  command.emplace_back("-k");  // one that fails must not hide what the others are
  for (const Unit* unit : units) {
    command.push_back(with_extension(unit->goal, extension));
    // What an earlier, killed run left is not to be trusted.
    std::error_code code;
    fs::remove(beside(tree_.source / with_extension(unit->name, extension), ".cmd"), code);
  }
  const ProgramOptions options{.folder = tree_.source, .environment = environment_};
  auto run = run_program(command, options);
  if (!run) return propagate(run);
  // Some folders need host programs that the headers package has not; then make them all, once.
  if (const fs::path marker = tree_.store / "prepared"; run->status != 0 && !fs::exists(marker)) {
    if (auto made = make_prepare(tree_.source, host_, jobs); !made) return made;
    if (auto written = write_file(marker, "make prepare\n"); !written) return written;
    run = run_program(command, options);
    if (!run) return propagate(run);
  }
  if (run->status != 0)
    return compile_failed(*units[0], run->output)
        .hint(
            "this is the unpatched source: give the headers, the source and the compiler that the "
            "kernel was built with");
  return {};
}

Result<std::vector<std::string>> Kbuild::dependencies(const Unit& unit) const {
  return read_dependencies(unit, pre_object(unit));
}

Result<std::vector<std::string>> Kbuild::preprocessed_dependencies(const Unit& unit,
                                                                   const fs::path& folder) {
  return read_dependencies(unit, folder / preprocessed(unit));
}

std::string Kbuild::preprocessed(const Unit& unit) { return with_extension(unit.name, ".i"); }

std::string Kbuild::compiler_with_hooks() const {
  return hooks_.empty() ? compiler_ : fmt::format("{} -idirafter {}", compiler_, quoted(hooks_));
}

Result<std::string> Kbuild::command(const Unit& unit) const {
  auto command = read_text(beside(pre_object(unit), ".command"));
  if (!command) return propagate(command);
  replace_all(*command, kDriver, compiler_with_hooks());
  return std::move(*command);
}

Result<void> Kbuild::compile(const Unit& unit, const fs::path& folder, bool find_hooks) const {
  auto command = read_text(beside(pre_object(unit), ".command"));
  if (!command) return propagate(command);
  replace_all(*command, kDriver, find_hooks ? compiler_with_hooks() : compiler_);
  return repeat(unit, std::move(*command), folder, unit.name);
}

Result<void> Kbuild::preprocess(const Unit& unit, const fs::path& folder,
                                const fs::path& overlay) const {
  const std::string product = preprocessed(unit);
  auto command = read_text(beside(folder / product, ".command"));
  if (!command) return propagate(command);
  replace_all(*command, kDriver, compiler_);
  return repeat(unit, std::move(*command), overlay, product);
}

Result<void> Kbuild::repeat(const Unit& unit, std::string command, const fs::path& overlay,
                            const std::string& product) const {
  std::error_code code;
  fs::remove(overlay / product, code);
  // kbuild's command is a line for the shell: the compiler, then objtool. What the compiler writes
  // in between goes where nothing else is.
  const fs::path temporary = overlay.parent_path() / "compiler";
  fs::create_directories(temporary, code);
  std::vector<std::string> environment = environment_;
  std::erase_if(environment, [](const std::string& one) { return one.starts_with("TMPDIR="); });
  environment.push_back("TMPDIR=" + temporary.string());
  Confinement confinement{readable(), {overlay, temporary}};
  confinement.read.push_back(driver_);
  const auto run = run_program(
      confined_command(driver_, confinement, {"/bin/sh", "-e", "-c", std::move(command)}),
      {.folder = overlay, .environment = std::move(environment)});
  if (!run) return propagate(run);
  if (run->status != 0 || !fs::exists(overlay / product))
    return compile_failed(unit, run->output)
        .hint("the messages are the compiler's own; the patch was applied to the kernel's source");
  return {};
}

std::vector<fs::path> Kbuild::readable() const {
  std::vector<fs::path> folders = {tree_.source, tree_.store, host_.headers.parent_path(),
                                   "/usr/lib/gcc"};
  if (!hooks_.empty()) folders.push_back(hooks_);
  return folders;
}

std::vector<std::string> Kbuild::dependencies_in(const fs::path& product) {
  const auto text = read_text(beside(product, ".d"));
  return text ? paths_in_dependency_file(*text) : std::vector<std::string>();
}

Result<void> Kbuild::build_module_object(const std::string& text, const fs::path& object) const {
  auto scratch = ScratchFolder::make();
  if (!scratch) return propagate(scratch);
  const fs::path& folder = scratch->path();
  if (auto written = write_file(folder / "splice_part.c", text); !written) return written;
  // No debug information and no path of this machine: the same text gives the same bytes.
  if (auto written =
          write_file(folder / "Kbuild", fmt::format("obj-m := splice_part.o\n"
                                                    "ccflags-y := -g0 -fmacro-prefix-map={}/=\n",
                                                    folder.string()));
      !written)
    return written;
  std::vector<std::string> command = make_command(folder.string());
  command.back() = "CC=" + host_.compiler;
  command.push_back((folder / "splice_part.o").string());
  const auto run = run_program(command, {.folder = tree_.source, .environment = environment_});
  if (!run) return propagate(run);
  auto built = read_text(folder / "splice_part.o");
  if (run->status != 0 || !built)
    return fail(ExitCode::error, "compile-failed",
                "a module does not compile with the kernel's headers")
        .at_file(host_.headers.string())
        .detail(last_lines(run->output, 30))
        .hint(fmt::format("install linux-headers-{} again", host_.kernel.release));
  return write_file(object, *built);
}

Result<void> Kbuild::build_module(const fs::path& sources, const std::string& name,
                                  const fs::path& module, unsigned jobs) const {
  auto scratch = ScratchFolder::make();
  if (!scratch) return propagate(scratch);
  std::error_code code;
  fs::copy(sources, scratch->path(),
           fs::copy_options::recursive | fs::copy_options::overwrite_existing, code);
  if (code)
    return fail(ExitCode::error, "file-unreadable", code.message()).at_file(sources.string());
  const auto run = run_program(
      {"make", "-s", "--no-print-directory", fmt::format("-j{}", jobs),
       fmt::format("M={}", scratch->path().string()), fmt::format("CC={}", host_.compiler),
       fmt::format("HOSTCC={}", host_.compiler),
       fmt::format("KERNELRELEASE={}", host_.kernel.release),
       // No debug information and no path of this machine: the same sources give the same bytes.
       fmt::format("KCFLAGS=-g0 -fmacro-prefix-map={}/=", scratch->path().string()), "modules"},
      {.folder = tree_.source});
  if (!run) return propagate(run);
  auto built = read_text(scratch->path() / (name + ".ko"));
  if (run->status != 0 || !built)
    return fail(ExitCode::error, "core-module", "the core module does not build for this kernel")
        .at_file(sources.string())
        .detail(last_lines(run->output, 30))
        .hint(fmt::format("install linux-headers-{} again", host_.kernel.release));
  return write_file(module, *built);
}

Result<std::string> Kbuild::ask(const std::string& folder, const std::string& script) const {
  std::vector<std::string> command = make_command(folder);
  command.push_back("--eval=splice-ask: ; " + script);
  command.emplace_back("splice-ask");
  const auto run = run_program(command, {.folder = tree_.source, .environment = environment_});
  if (!run) return propagate(run);
  if (run->status != 0)
    return fail(ExitCode::error, "kbuild-folder", "make failed in the directory's Makefile")
        .at_file(folder)
        .detail(last_lines(run->output, 10));
  return run->output;
}

}  // namespace splicer
