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

Result<Attempt> create_largest(std::span<const Pass> passes, const CreateOptions& options,
                               const Console& console, Attempt whole) {
  constexpr unsigned kMostAttempts = 40;
  const Creation& first = *whole.creation;
  if (first.patches.patches().empty()) return whole;  // they could not be read
  auto selection = LeaveOut::of(
      first.patches, first.before ? first.before->folder() : first.tree.source, options.must);
  if (!selection) return propagate(selection);
  for (const std::string& file : first.patches.build_rules())
    selection->leave_out_file(file, "build-rules-changed");

  Console quiet = console;
  quiet.quiet = !console.verbose;
  const auto again = [&] {
    return attempt(passes, options, quiet, selection->patches(), selection->left_out());
  };
  Attempt last;
  unsigned attempts = 0;
  bool good = false;
  bool more = !selection->is_whole() || selection->leave_out(*whole.error, first.refused);
  while (!good && more && !selection->is_empty() && attempts++ < kMostAttempts) {
    console.stage("leaving out {}", counted(selection->left_out().size(), "hunk"));
    last = again();
    if (last.error) {
      more = selection->leave_out(*last.error, last.creation->refused);
    } else if (selection->has_half(last.creation->findings)) {
      more = selection->leave_out_halves(last.creation->findings);
    } else {
      good = true;
    }
  }
  if (!good) {
    console.stage("there is no part of it that can go live by itself");
    return whole;
  }
  for (const std::size_t part : selection->doubtful()) {
    if (attempts++ >= kMostAttempts) break;
    selection->take_back(part);
    Attempt larger = again();
    if (larger.error || selection->has_half(larger.creation->findings))
      selection->leave_again(part);
    else
      last = std::move(larger);
  }
  return last;
}

}  // namespace splicer
