// SPDX-License-Identifier: GPL-2.0-or-later
//
// One run of the passes of splice-create, and several: with less and less of the patches, until the rest can
// go live.
//
//     Attempt run = attempt(passes, options, console);
//     if (run.error && options.leave_out) auto part = create_largest(passes, options, console, run);
//
// Invariant: a run that failed has written nothing, and what it found stands in its Creation.
// Cost: a run takes what its passes take; what was compiled as it is (pre) is kept between them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "splice-cc/creation.h"
#include "splice-cc/leave_out.h"

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

// `patches`: instead of those that the options name. Several threads may do so at once.
Attempt attempt(std::span<const Pass> passes, const CreateOptions& options, const Console& console,
                PatchSet patches = {}, std::vector<std::string> left_out = {});

// How much an attempt had to do, counted and not timed, so that a search that ends by it ends in the same way
// anywhere: 1, and what it looked at beyond one file.
std::size_t work_of(const Attempt& run);

// How long the search for the largest part may go on.
struct SearchLimits {
  unsigned attempts = 40;
  unsigned put_back = 40;       // of these, to put parts in again
  std::size_t work = SIZE_MAX;  // no attempt is begun when they took more; see work_of()
  std::function<bool()> is_over = nullptr;  // no attempt is begun then
};

// The largest part of `selection` that can go live (leave_out.h), and what is left of it.
struct Largest {
  Attempt attempt;  // the last one; without a creation if there was none
  LeaveOut selection;
  std::size_t work = 0;  // of all attempts
  bool found = false;    // else this is what the search ended with
};
Largest largest_part(std::span<const Pass> passes, const CreateOptions& options,
                     const Console& console, LeaveOut selection, const SearchLimits& limits);

// That of the patches of `whole`, which failed. Nothing if no part is to be found. Errors: those of LeaveOut::of().
Result<std::optional<Largest>> create_largest(std::span<const Pass> passes,
                                              const CreateOptions& options, const Console& console,
                                              const Attempt& whole,
                                              const SearchLimits& limits = {});

}  // namespace splicer
