// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/create_release.h"

#include <fmt/core.h>

#include <algorithm>
#include <regex>

#include "matcher/base/wording.h"
#include "splice-cc/create.h"
#include "splice-cc/release/difference.h"
#include "splice-cc/release/source_package.h"
#include "splice-cc/release_groups.h"
#include "splice-cc/source/tree_layout.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

constexpr const char* kNotAsked = "not asked for";

// "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-07-02)", which scripts/mkcompile_h made of the package's version.
std::string version_of_kernel(const Host& host) {
  static const std::regex debian(" Debian ([^ ]+) \\(");
  std::smatch match;
  return std::regex_search(host.kernel.version, match, debian) ? match[1].str() : "";
}

Result<std::string> older_version(const Host& host, const std::string& from) {
  const std::string own = version_of_kernel(host);
  if (own.empty() && from.empty())
    return fail(ExitCode::error, "release-version",
                fmt::format("the headers of {} do not say which version of the source package it "
                            "was built from",
                            host.kernel.release))
        .hint("say it with --from");
  if (!from.empty() && !own.empty() && from != own)
    return fail(
               ExitCode::error, "release-version",
               fmt::format("{} was built from {}, and not from {}", host.kernel.release, own, from))
        .hint(fmt::format("--from {}, or the kernel of {} with --kernel", own, from));
  return from.empty() ? own : from;
}

class ReleaseRun {
 public:
  ReleaseRun(std::span<const Pass> passes, const CreateOptions& options,
             const ReleaseOptions& release, const Console& console)
      : passes_(passes),
        options_(options),
        release_(release),
        console_(console),
        kernel_(options, console),
        begun_(std::chrono::steady_clock::now()) {
    options_.leave_out = true;
    options_.verify = true;
    options_.fixes_from_patches = false;
  }

  Result<ReleaseUpdate> run() {
    if (auto found = find_kernel(kernel_); !found) return propagate(found);
    if (auto made = prepare_source(kernel_); !made) return propagate(made);
    if (auto read = read_versions(); !read) return propagate(read);
    if (auto compared = compare(); !compared) return propagate(compared);
    const std::vector<std::string> files = files_to_try();
    if (files.empty())
      return fail(ExitCode::no_change, "release-changes-nothing",
                  "no file that this kernel is built from holds what is wanted")
          .hint("this kernel does not need the update");
    update_.files = files.size();
    console_.stage("{} to try, of {} that differ and are built", counted(files.size(), "file"),
                   all_.parts.constructs.size());
    make_parts(files);
    console_.detail("{:.1f} s until all files were tried", seconds());
    return make_whole();
  }

 private:
  Result<void> read_versions() {
    auto from = older_version(kernel_.host, release_.from);
    if (!from) return propagate(from);
    update_.from = *from;
    update_.to = release_.to;
    auto newer = find_source_package(
        release_.to, {kernel_.tree.folder.parent_path(), kernel_.host.root, release_.fetch},
        console_);
    if (!newer) return propagate(newer);
    auto changelog = changelog_between(newer->changelog, update_.from, update_.to);
    if (!changelog) return propagate(changelog);
    newer_ = std::move(newer->tarball);
    std::vector<WantedFix> wanted;
    if (!release_.only_cve.empty()) {
      auto text = read_text(release_.only_cve);
      if (!text) return propagate(text);
      auto list = parse_fix_list(*text, release_.only_cve);
      if (!list) return propagate(list);
      wanted = std::move(*list);
    }
    auto lines = fix_lines(*changelog, release_.only_cve.empty() ? nullptr : &wanted);
    if (!lines) return propagate(lines);
    lines_ = std::move(*lines);
    return {};
  }

  // What differs, and which of it this kernel is built from.
  Result<void> compare() {
    if (!kernel_.host.patch.empty())
      return fail(ExitCode::unsafe, "release-feature-set",
                  "the kernel is built with the patches of a feature set, which change what a "
                  "release "
                  "is a patch to")
          .hint("give the commits as patches");
    auto difference = release_difference(
        kernel_.tree, kernel_.host.source, newer_, kernel_.scratch->path() / "release",
        fmt::format("linux {} to {}", update_.from, update_.to), console_);
    if (!difference) return propagate(difference);
    kernel_.list = std::make_unique<UnitList>(*kernel_.kbuild);
    auto sources = kernel_.list->sources(options_.jobs);
    if (!sources) return propagate(sources);
    sources_ = std::move(*sources);
    auto includes = IncludeGraph::of(kernel_.tree);
    if (!includes) return propagate(includes);
    const std::set<std::string> read = includes->read_by(sources_);
    // A new header may be what a changed file includes now.
    const auto is_built = [&](const PatchFile& file) {
      return sources_.contains(file.path) || read.contains(file.path) ||
             (file.added && file.path.ends_with(".h"));
    };
    for (const std::string& file : difference->gone)
      if (sources_.contains(file) || read.contains(file))
        unfollowed_.emplace(file, "gone: the newer version does not have the file");
    for (const std::string& file : difference->other)
      unfollowed_.emplace(file, "build-rules-changed: it is no code that a running kernel has");
    Patch ours = difference->patch;
    Patch others = difference->patch;
    std::erase_if(ours.files, [&](const PatchFile& file) { return !is_built(file); });
    std::erase_if(others.files, is_built);
    console_.detail("{:.1f} s until the difference was known", seconds());
    all_ = ReleaseHunks::of(PatchSet({std::move(ours)}), kernel_.tree.source);
    not_built_ = ReleaseHunks::of(PatchSet({std::move(others)}), kernel_.tree.source);
    return {};
  }

  ReleaseParts parts(const std::map<std::size_t, std::string>& reasons) const {
    ReleaseParts table;
    for (const ReleaseHunks* hunks : {&all_, &not_built_})
      for (const HunkPart& part : hunks->parts.parts) {
        const std::size_t first = *part.hunks.begin();
        ReleasePart& one = table.parts.emplace_back(
            ReleasePart{hunks->hunks[first].path, part.heads, part.text, "", true});
        one.needed = !not_needed_.contains(one.file);
        if (hunks == &not_built_) continue;
        table.built.insert(one.file);
        for (const std::size_t hunk : part.hunks)
          if (const auto why = reasons.find(hunk); why != reasons.end() && one.left_out.empty())
            one.left_out = why->second;
      }
    for (const auto& [file, why] : unfollowed_) {
      table.parts.push_back({file, "", "", why, true});
      table.built.insert(file);
    }
    return table;
  }

  // Those that hold CVEs, and then the others, if all is wanted; sources before headers, which most of them
  // bring along.
  std::vector<std::string> files_to_try() const {
    const ReleaseParts table = parts({});
    std::vector<std::string> files;
    std::set<std::string> taken;
    const auto take = [&](const std::set<std::string>& more) {
      for (const bool header : {false, true})
        for (const std::string& file : more)
          if (file.ends_with(".h") == header && all_.parts.constructs.contains(file) &&
              !is_separate_image(file) && taken.insert(file).second)
            files.push_back(file);
    };
    std::set<std::string> with_fixes;
    for (const FixLine& line : lines_) with_fixes.merge(files_of(line, table));
    take(with_fixes);
    if (release_.only_cve.empty()) take(table.built);
    return files;
  }

  void make_parts(const std::vector<std::string>& files) {
    CreateOptions one = options_;
    one.jobs = 1;
    one.module_key.clear();
    one.module_certificate.clear();
    one.package_key.clear();
    one.keep_scratch = false;
    const auto is_over = [this] {
      return release_.budget && std::chrono::steady_clock::now() - begun_ > *release_.budget;
    };
    groups_ = make_groups(passes_, one, console_, all_, files, {options_.jobs, is_over});
    for (const Group& group : groups_) {
      if (!group.needed) {
        not_needed_.insert(group.file);
        continue;
      }
      considered_.insert(group.considered.begin(), group.considered.end());
      kept_.insert(group.kept.begin(), group.kept.end());
      reasons_.insert(group.reasons.begin(), group.reasons.end());
      if (group.considered.empty()) update_.not_tried.insert(group.file);
    }
    for (const std::size_t hunk : kept_) reasons_.erase(hunk);
    update_.hunks = considered_.size();
  }

  // One update of what each group could be made of.
  Result<ReleaseUpdate> make_whole() {
    const std::vector<std::size_t> numbers(considered_.begin(), considered_.end());
    auto selection =
        LeaveOut::of(all_.with(considered_), kernel_.tree.source, {}, LeaveOut::Scope::release);
    if (!selection) return propagate(selection);
    std::map<std::string, std::set<std::size_t>> out;
    for (std::size_t i = 0; i < numbers.size(); ++i)
      if (const auto why = reasons_.find(numbers[i]); why != reasons_.end())
        out[why->second].insert(i);
    for (const auto& [why, hunks] : out) selection->leave_out_hunks(hunks, why);
    if (selection->is_empty())
      return fail(ExitCode::unsafe, "release-left-out",
                  "no part of what is wanted can go live by itself")
          .detail(out.empty() ? "" : out.begin()->first)
          .hint("-v says why for each file");
    console_.stage("making one update of {}", counted(selection->kept().size(), "hunk"));
    if (options_.name.empty()) options_.name = update_name();
    const SearchLimits kLimits = {12, 0, SIZE_MAX, nullptr};
    Largest largest = largest_part(passes_, options_, console_, std::move(*selection), kLimits);
    if (!largest.found)
      return largest.attempt.error ? Failure(std::move(*largest.attempt.error))
                                   : fail(ExitCode::unsafe, "release-left-out",
                                          "what can be made file by file cannot be made as one")
                                         .hint("give fewer fixes with --only-cve");
    update_.kept = largest.selection.kept().size();
    for (const auto& [hunk, why] : largest.selection.reasons())
      reasons_.insert_or_assign(numbers[hunk], why);
    update_.update = std::move(largest.attempt);
    fill_table();
    return std::move(update_);
  }

  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  }

  // "~" is in versions of backports and in no name.
  std::string update_name() const {
    std::string name = "linux-" + update_.to;
    std::ranges::replace(name, '~', '+');
    return name;
  }

  void fill_table() {
    Creation& creation = *update_.update.creation;
    std::map<std::size_t, std::string> reasons = reasons_;
    for (std::size_t i = 0; i < all_.hunks.size(); ++i)
      if (!considered_.contains(i)) reasons.emplace(i, why_not_considered(all_.hunks[i].path));
    ReleaseParts table = parts(reasons);
    for (const std::string& file : creation.unread) table.built.erase(file);
    for (const ChangedUnit& unit : creation.units)
      for (const InitChange& change : unit.diff->init_changes)
        table.start_up[unit.unit.source].insert(change.name);
    for (const Finding& finding : creation.findings)
      if (finding.code == "not-in-force") table.start_up[finding.place.file].insert(finding.name);
    update_.table = fix_table(lines_, table);
    for (const FixRow& row : update_.table)
      if (row.state == FixState::in) creation.package.manifest.fixes.push_back(row.cve);
  }

  std::string why_not_considered(const std::string& path) const {
    if (is_separate_image(path)) return "separate-image: it is no part of the kernel that runs";
    if (update_.not_tried.contains(path)) return "not tried: the budget was used up";
    return release_.only_cve.empty() ? "not tried" : kNotAsked;
  }

  std::span<const Pass> passes_;
  CreateOptions options_;
  const ReleaseOptions& release_;
  const Console& console_;
  Creation kernel_;
  std::chrono::steady_clock::time_point begun_;

  fs::path newer_;                 // read_versions: the tarball
  std::vector<FixLine> lines_;     // read_versions
  std::set<std::string> sources_;  // compare: that this configuration builds
  ReleaseHunks all_;               // compare: of what it builds
  ReleaseHunks not_built_;         // compare: of the rest
  std::map<std::string, std::string>
      unfollowed_;                    // compare: changed files that have no hunks, and why
  std::vector<Group> groups_;         // make_parts
  std::set<std::size_t> considered_;  // make_parts: hunks of all groups
  std::set<std::size_t> kept_;        // make_parts
  std::set<std::string> not_needed_;  // make_parts: files whose change is none in compiled code
  std::map<std::size_t, std::string> reasons_;  // make_parts, make_whole: of what is left out
  ReleaseUpdate update_;
};

}  // namespace

Result<ReleaseUpdate> create_release(std::span<const Pass> passes, const CreateOptions& options,
                                     const ReleaseOptions& release, const Console& console) {
  return ReleaseRun(passes, options, release, console).run();
}

}  // namespace splicer
