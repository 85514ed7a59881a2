// SPDX-License-Identifier: GPL-2.0-or-later
//
// One run of the passes of splice-create, and several: with less and less of the patches, until the rest can
// go live.
//
//     Attempt run = attempt(passes, options, console);
//     if (run.error && options.leave_out) run = create_largest(passes, options, console, std::move(run));
//
// Invariant: a run that failed has written nothing, and what it found stands in its Creation.
// Cost: a run takes what its passes take; what was compiled as it is (pre) is kept between them.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "splice-cc/creation.h"

namespace splicer {

struct Pass {
  const char* name;
  Result<void> (*run)(Creation& creation);
};

// How the passes ended.
struct Attempt {
  std::unique_ptr<Creation> creation;
  std::optional<Error> error;
};

// With -v, says how long it took.
Result<void> run_pass(const Pass& pass, Creation& creation);

// `patches`: instead of those that the options name. Several threads may do so at once. `console` must outlive it.
Attempt attempt(std::span<const Pass> passes, const CreateOptions& options, const Console& console,
                PatchSet patches = {}, std::vector<std::string> left_out = {});

// The largest part of the patches that can go live: leave_out.h. `whole` failed; if no part is found, it is
// returned. Errors: those of LeaveOut::of().
Result<Attempt> create_largest(std::span<const Pass> passes, const CreateOptions& options,
                               const Console& console, Attempt whole);

}  // namespace splicer
