// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/affected_readers.h"

#include <algorithm>
#include <span>

#include "matcher/base/file.h"
#include "matcher/base/parallel.h"
#include "splice-cc/headers/reachable_declarations.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

// What of the preprocessed unit reaches its code; nothing if it is not there.
std::optional<std::vector<std::string>> reached(const Unit& unit, const fs::path& folder) {
  const auto text = read_text(folder / Kbuild::preprocessed(unit));
  if (!text) return std::nullopt;
  // The line markers call the source as the command does.
  const std::string source = fs::path(unit.goal).replace_extension(".c").string();
  return reachable(read_declarations(*text, source));
}

bool is_c(const Unit& unit) { return unit.source.ends_with(".c"); }

void remove_text(const Unit& unit, const fs::path& folder) {
  std::error_code code;
  fs::remove(folder / Kbuild::preprocessed(unit), code);
}

// So many at a time: each unit is some megabytes on the disk until it is compared.
constexpr std::size_t kGroup = 64;

// Sorts candidates into those whose code may change and the rest, one group at a time.
class Sorting {
 public:
  explicit Sorting(const HeaderVersions& versions)
      : versions_(versions), plain_(versions.scratch / "plain") {}

  Result<void> add(std::span<const Unit> group) {
    std::vector<Unit> sources;
    for (const Unit& unit : group) (is_c(unit) ? sources : affected_.units).push_back(unit);
    auto done = versions_.kbuild.preprocess_pre(sources, plain_, versions_.jobs);
    if (!done) return propagate(done);
    std::set<std::string> names;
    for (const Unit& unit : *done) names.insert(unit.name);
    std::vector<Unit> readers;
    for (const Unit& unit : sources) {
      if (!names.contains(unit.name)) {
        affected_.units.push_back(unit);
        continue;
      }
      auto reads = reads_header(unit);
      if (!reads) return propagate(reads);
      if (*reads) readers.push_back(unit);
    }
    compare(readers);
    affected_.readers.insert(affected_.readers.end(), readers.begin(), readers.end());
    for (const Unit& unit : sources)
      for (const fs::path& place : {plain_, old_place(), versions_.after.folder()})
        remove_text(unit, place);
    return {};
  }

  Affected take() { return std::move(affected_); }

 private:
  const fs::path& old_place() const {
    return versions_.before != nullptr ? versions_.before->folder() : plain_;
  }

  Result<bool> reads_header(const Unit& unit) {
    auto files = Kbuild::preprocessed_dependencies(unit, plain_);
    if (!files) return propagate(files);
    bool reads = false;
    for (const std::string& file : *files) {
      if (!versions_.headers.contains(file)) continue;
      reads = true;
      affected_.read.insert(file);
    }
    return reads;
  }

  // Those whose text that reaches code differs are affected, or all if one does not preprocess.
  void compare(const std::vector<Unit>& readers) {
    PatchedTree* before = versions_.before;
    PatchedTree& after = versions_.after;
    const unsigned jobs = versions_.jobs;
    const bool all = (before == nullptr || before->preprocess(readers, plain_, jobs)) &&
                     after.preprocess(readers, plain_, jobs);
    std::vector<char> same(readers.size(), 0);
    for_each_in_threads(all ? readers.size() : 0, jobs, [&](std::size_t i) {
      const auto old_text = reached(readers[i], old_place());
      same[i] = old_text && old_text == reached(readers[i], after.folder()) ? 1 : 0;
    });
    for (std::size_t i = 0; i < readers.size(); ++i)
      if (same[i] == 0) affected_.units.push_back(readers[i]);
  }

  const HeaderVersions& versions_;
  fs::path plain_;
  Affected affected_;
};

}  // namespace

std::optional<std::string> HeaderVersions::old_text(const std::string& file) const {
  if (before != nullptr) return before->text(file);
  auto text = read_text(kbuild.tree().source / file);
  return text ? std::optional(std::move(*text)) : std::nullopt;
}

Result<Affected> affected_units(const HeaderVersions& versions,
                                const std::vector<Unit>& candidates) {
  Sorting sorting(versions);
  for (std::size_t first = 0; first < candidates.size(); first += kGroup) {
    const auto group = std::span(candidates).subspan(first);
    if (auto added = sorting.add(group.first(std::min(kGroup, group.size()))); !added)
      return propagate(added);
  }
  return sorting.take();
}

}  // namespace splicer
