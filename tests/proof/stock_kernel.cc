// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/proof/stock_kernel.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "matcher/base/file.h"
#include "matcher/base/parallel.h"
#include "splice-cc/semantics/clang_unit.h"
#include "splice-cc/source/process.h"

namespace splicer {

namespace po = boost::program_options;
namespace fs = std::filesystem;

void StockKernel::declare(Command& command) {
  command.options().add_options()("kernel", po::value<std::string>()->required(), "release")(
      "root", po::value<std::string>()->required(), "where its packages are unpacked")(
      "driver", po::value<std::string>()->required(), "the splice-cc program");
}

Result<std::unique_ptr<StockKernel>> StockKernel::open(const Command& command,
                                                       const Console& console, unsigned jobs) {
  const auto text = [&](const char* name) { return command.values()[name].as<std::string>(); };
  std::unique_ptr<StockKernel> kernel(new StockKernel);
  auto host =
      find_host({.release = text("kernel"), .root = text("root"), .source = {}, .config = {}});
  if (!host) return propagate(host);
  kernel->host_ = std::move(*host);
  auto tree = prepare_tree(kernel->host_, console, jobs);
  if (!tree) return propagate(tree);
  kernel->tree_ = std::move(*tree);
  auto kbuild = Kbuild::open(kernel->tree_, kernel->host_, text("driver"), SPLICE_INCLUDE_SOURCE);
  if (!kbuild) return propagate(kbuild);
  kernel->kbuild_.emplace(std::move(*kbuild));
  return kernel;
}

// A group that fails is built again one by one, to name the unit whose fault it is.
std::vector<std::optional<Error>> StockKernel::build(const std::vector<Unit>& units, unsigned jobs,
                                                     const Console& console) const {
  std::map<std::string, std::vector<std::size_t>> by_entry;
  for (std::size_t i = 0; i < units.size(); ++i) by_entry[units[i].entry].push_back(i);
  std::vector<std::optional<Error>> errors(units.size());
  constexpr std::size_t kGroup = 16;
  std::size_t done = 0;
  for (const auto& [entry, members] : by_entry) {
    for (std::size_t first = 0; first < members.size(); first += kGroup) {
      std::vector<Unit> group;
      const std::size_t end = std::min(members.size(), first + kGroup);
      for (std::size_t i = first; i < end; ++i) group.push_back(units[members[i]]);
      if (!kbuild_->build_pre(group, jobs)) {
        for (std::size_t i = first; i < end; ++i)
          if (auto built = kbuild_->build_pre({units[members[i]]}, jobs); !built)
            errors[members[i]] = std::move(built.error());
      }
      done += group.size();
      console.stage("{} of {} objects", done, units.size());
    }
  }
  return errors;
}

Result<std::optional<std::string>> StockKernel::with_tree_of(
    const Unit& unit, const std::function<void(clang::ASTContext&)>& use) const {
  const auto command = kbuild_->command(unit);
  if (!command) return propagate(command);
  std::vector<std::string> options = clang_options(*command);
  options.insert(options.end(), {"-idirafter", kbuild_->hooks().string()});
  return with_syntax_tree({tree_.source, unit.source, options, kbuild_->readable()}, use);
}

Result<void> StockKernel::write_patch(const std::string& source, const std::string& text,
                                      const fs::path& patch) const {
  const fs::path changed = patch.string() + ".new";
  if (auto written = write_file(changed, text); !written) return written;
  const auto difference =
      run_program({"diff", "--text", "-u", "--label", "a/" + source, "--label", "b/" + source,
                   (tree_.source / source).string(), changed.string()});
  if (!difference) return propagate(difference);
  std::error_code code;
  fs::remove(changed, code);
  return write_file(patch, difference->output);
}

Result<std::vector<std::string>> read_source_list(const fs::path& path) {
  const auto text = read_text(path);
  if (!text) return propagate(text);
  std::vector<std::string> names;
  for (const std::string& line : split_lines(*text))
    if (!line.empty() && line[0] != '#') names.push_back(line);
  return names;
}

Result<void> print_each(std::size_t count, unsigned jobs,
                        const std::function<Result<std::string>(std::size_t)>& lines) {
  std::mutex lock;
  std::optional<Error> error;
  for_each_in_threads(count, jobs, [&](std::size_t i) {
    auto said = lines(i);
    const std::lock_guard held(lock);
    if (!said) {
      error = said.error();
      return;
    }
    fmt::print("{}", *said);
    std::fflush(stdout);
  });
  if (error) return Failure(std::move(*error));
  return {};
}

std::string flat_name(std::string source) {
  std::ranges::replace(source, '/', '-');
  return source;
}

}  // namespace splicer
