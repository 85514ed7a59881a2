// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/attempts.h"

#include <chrono>

#include "matcher/base/wording.h"
#include "splice-cc/leave_out.h"

namespace splicer {

Result<void> run_pass(const Pass& pass, Creation& creation) {
  const auto begun = std::chrono::steady_clock::now();
  auto done = pass.run(creation);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begun;
  creation.console.detail("{}: {:.2f} s", pass.name, taken.count());
  return done;
}

Attempt attempt(std::span<const Pass> passes, const CreateOptions& options, const Console& console,
                PatchSet patches, std::vector<std::string> left_out) {
  Attempt run{std::make_unique<Creation>(options, console), {}};
  run.creation->patches = std::move(patches);
  run.creation->package.manifest.parts_left_out = std::move(left_out);
  for (const Pass& pass : passes)
    if (auto done = run_pass(pass, *run.creation); !done) {
      run.error = std::move(done.error());
      break;
    }
  return run;
}

// Compiling and reading a unit takes as long as preprocessing a dozen.
std::size_t work_of(const Attempt& run) {
  constexpr std::size_t kReadersInAUnit = 12;
  const Creation& creation = *run.creation;
  return 1 + creation.units.size() + creation.possible_readers.size() / kReadersInAUnit;
}

namespace {

// Leaves out what the last attempt failed for. False if nothing of that may go.
bool leave_out_more(LeaveOut& selection, const Attempt& last) {
  return last.error ? selection.leave_out(*last.error, last.creation->refused)
                    : selection.leave_out_halves(last.creation->findings);
}

}  // namespace

Largest largest_part(std::span<const Pass> passes, const CreateOptions& options,
                     const Console& console, LeaveOut selection, const SearchLimits& limits) {
  Largest largest{{}, std::move(selection), 0, false};
  LeaveOut& part = largest.selection;
  Console quiet = console;
  quiet.quiet = !console.verbose;
  unsigned attempts = 0;
  const auto may_try = [&] {
    return attempts++ < limits.attempts && largest.work <= limits.work &&
           !(limits.is_over && limits.is_over());
  };
  const auto is_good = [&part](const Attempt& run) {
    return !run.error && !part.has_half(run.creation->findings);
  };
  const auto again = [&] {
    Attempt run = attempt(passes, options, quiet, part.patches(), part.left_out());
    largest.work += work_of(run);
    return run;
  };
  for (bool more = true; !largest.found && more && !part.is_empty() && may_try();) {
    if (!part.is_whole()) console.stage("leaving out {}", counted(part.left_out().size(), "hunk"));
    largest.attempt = again();
    largest.found = is_good(largest.attempt);
    more = largest.found || leave_out_more(part, largest.attempt);
  }
  if (!largest.found) return largest;
  const std::vector<std::size_t> doubtful = part.doubtful();
  for (std::size_t i = 0; i < doubtful.size() && i < limits.put_back && may_try(); ++i) {
    part.take_back(doubtful[i]);
    Attempt larger = again();
    if (is_good(larger))
      largest.attempt = std::move(larger);
    else
      part.leave_again(doubtful[i]);
  }
  return largest;
}

Result<std::optional<Largest>> create_largest(std::span<const Pass> passes,
                                              const CreateOptions& options, const Console& console,
                                              const Attempt& whole, const SearchLimits& limits) {
  const Creation& first = *whole.creation;
  if (first.patches.patches().empty()) return std::optional<Largest>();  // they could not be read
  auto selection = LeaveOut::of(
      first.patches, first.before ? first.before->folder() : first.tree.source, options.must);
  if (!selection) return propagate(selection);
  for (const std::string& file : first.patches.build_rules())
    selection->leave_out_file(file, "build-rules-changed");
  if (selection->is_whole() && !selection->leave_out(*whole.error, first.refused))
    return std::optional<Largest>();
  return std::optional(largest_part(passes, options, console, std::move(*selection), limits));
}

}  // namespace splicer
