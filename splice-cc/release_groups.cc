// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release_groups.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <mutex>

#include "matcher/base/parallel.h"
#include "matcher/base/wording.h"
#include "splice-cc/release/siblings.h"

namespace splicer {

namespace {

constexpr unsigned kMostRounds = 10;
constexpr unsigned kMostAttempts = 14;
constexpr unsigned kMostPutBack = 4;
constexpr unsigned kRoundOfFolder =
    5;  // what is renamed all over a folder is had by taking all of it
constexpr std::size_t kMostWork = 120;  // of a group, by work_of(): six attempts at twenty files

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

class OneGroup {
 public:
  OneGroup(std::span<const Pass> passes, const CreateOptions& options, const Console& console,
           const ReleaseHunks& release, const std::string& file,
           const std::function<bool()>& is_over)
      : passes_(passes),
        options_(options),
        console_(console),
        release_(release),
        is_over_(is_over) {
    group_.file = file;
  }

  Group run() {
    const std::set<std::size_t> own = hunks_of_file();
    Attempt whole = with_siblings(own);
    group_.needed = !whole.error || whole.error->exit != ExitCode::no_change;
    if (!whole.error || !group_.needed) {
      group_.kept = group_.considered;
      return std::move(group_);
    }
    take_largest(whole);
    // What its siblings drag in may be what cannot be had: then the file by itself.
    if (group_.kept.empty() && group_.considered != own && !is_over()) {
      group_.considered = own;
      group_.reasons.clear();
      work_ = 0;
      whole = attempt(passes_, options_, console_, release_.with(own));
      if (whole.error)
        take_largest(whole);
      else
        group_.kept = own;
    }
    if (is_over())
      for (auto& [hunk, why] : group_.reasons) why.insert(0, "budget: cut off; ");
    return std::move(group_);
  }

 private:
  bool is_over() const { return is_over_ && is_over_(); }

  std::set<std::size_t> hunks_of_file() const {
    std::set<std::size_t> own;
    for (std::size_t i = 0; i < release_.hunks.size(); ++i)
      if (release_.hunks[i].path == group_.file) own.insert(i);
    return own;
  }

  void take_largest(const Attempt& whole) {
    SearchLimits limits{kMostAttempts, kMostPutBack, kMostWork, is_over_};
    limits.work -= std::min(limits.work, work_);
    auto largest = create_largest(passes_, options_, console_, whole, limits);
    if (largest && *largest) note_largest(**largest, *whole.error);
    for (const std::size_t hunk : group_.considered)
      if (!group_.kept.contains(hunk)) group_.reasons.try_emplace(hunk, reason(*whole.error));
  }

  // Until it compiles and links, or nothing more is found that it needs.
  Attempt with_siblings(const std::set<std::size_t>& own) {
    group_.considered = own;
    for (unsigned round = 1;; ++round) {
      Attempt run = attempt(passes_, options_, console_, release_.with(group_.considered));
      work_ += work_of(run);
      if (!run.error || round == kMostRounds || work_ > kMostWork || is_over() ||
          !add_siblings(*run.error, round))
        return run;
    }
  }

  bool add_siblings(const Error& error, unsigned round) {
    const bool unlinked = error.code == "symbol-unknown";
    if (!unlinked && error.code != "compile-failed") return false;
    const auto complaints = complaints_of(unlinked ? "symbol " + error.function : error.detail);
    const std::size_t before = group_.considered.size();
    add_whole(siblings(release_.hunks, group_.considered, group_.file, complaints));
    if (round == kRoundOfFolder) {
      std::set<std::size_t> beside;
      for (std::size_t i = 0; i < release_.hunks.size(); ++i)
        if (folder_of(release_.hunks[i].path) == folder_of(group_.file)) beside.insert(i);
      add_whole(beside);
    }
    return group_.considered.size() > before;
  }

  // No construct is changed in half.
  void add_whole(const std::set<std::size_t>& hunks) {
    for (const std::size_t hunk : hunks) {
      const HunkPart& part = release_.parts.parts[release_.parts.part_of[hunk]];
      group_.considered.insert(part.hunks.begin(), part.hunks.end());
    }
  }

  // The selection numbers the hunks of the group from 0, in the same order.
  void note_largest(const Largest& largest, const Error& first) {
    const std::vector<std::size_t> numbers(group_.considered.begin(), group_.considered.end());
    if (largest.found)
      for (const std::size_t hunk : largest.selection.kept()) group_.kept.insert(numbers[hunk]);
    for (const auto& [hunk, why] : largest.selection.reasons())
      group_.reasons.emplace(numbers[hunk], why);
    if (largest.found) return;
    const Error& last = largest.attempt.error ? *largest.attempt.error : first;
    for (const std::size_t hunk : largest.selection.kept())
      group_.reasons.emplace(numbers[hunk], reason(last));
  }

  // Of a compiler's messages the first error: it is the cause of many.
  static std::string reason(const Error& error) {
    constexpr std::string_view kError = " error: ";
    const std::size_t found = error.detail.find(kError);
    if (error.code != "compile-failed" || found == std::string::npos)
      return fmt::format("{}: {}", error.code, error.message);
    const std::size_t begin = found + kError.size();
    return fmt::format("{}: {}", error.code,
                       error.detail.substr(begin, error.detail.find('\n', begin) - begin));
  }

  std::span<const Pass> passes_;
  const CreateOptions& options_;
  const Console& console_;
  const ReleaseHunks& release_;
  const std::function<bool()>& is_over_;
  Group group_;
  std::size_t work_ = 0;
};

}  // namespace

ReleaseHunks ReleaseHunks::of(PatchSet patches, const std::filesystem::path& source) {
  ReleaseHunks release;
  release.hunks = hunks_of(patches);
  release.parts = parts_of(release.hunks, source);
  release.patches = std::move(patches);
  release.source = source;
  return release;
}

std::vector<Group> make_groups(std::span<const Pass> passes, const CreateOptions& options,
                               const Console& console, const ReleaseHunks& release,
                               const std::vector<std::string>& files, const GroupLimits& limits) {
  constexpr std::size_t kShowEvery = 20;
  std::vector<Group> groups(files.size());
  Console quiet = console;
  quiet.quiet = true;
  quiet.verbose = false;
  std::mutex lock;
  std::size_t done = 0;
  std::size_t whole = 0;
  for_each_in_threads(files.size(), limits.jobs, [&](std::size_t i) {
    const auto begun = std::chrono::steady_clock::now();
    groups[i].file = files[i];
    if (!limits.is_over || !limits.is_over())
      groups[i] = OneGroup(passes, options, quiet, release, files[i], limits.is_over).run();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begun;
    const std::scoped_lock guard(lock);
    const Group& group = groups[i];
    const bool all = !group.considered.empty() && group.kept == group.considered;
    whole += all ? 1 : 0;
    ++done;
    if (done % kShowEvery == 0 || done == files.size())
      console.stage("{} of {} files tried, {} whole", done, files.size(), whole);
    if (group.considered.empty()) {
      console.detail("{}: not tried", group.file);
      return;
    }
    console.detail("{}: {} of {}, {:.1f} s", group.file, group.kept.size(),
                   counted(group.considered.size(), "hunk"), taken.count());
    std::set<std::string> reasons;
    for (const auto& [hunk, why] : group.reasons)
      if (reasons.insert(why).second)
        console.detail("  {}, line {}: {}", release.hunks[hunk].path,
                       release.hunks[hunk].first_line(), why);
  });
  return groups;
}

}  // namespace splicer
