// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is applied to the running kernel, as the core module reports it under /sys/kernel/splice
// (kmod/splice_abi.h has the format).
//
//     auto state = State::read();
//     for (const AppliedUpdate& update : state->updates()) ...        // oldest first
//     state->newest(old_entry)                                        // whose code runs there now
//
// Invariant: the updates are in order of application, their ids and module names are well-formed,
// and the functions of an update are in the order of its APPLY: the numbers in a
// report of busy threads refer to it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/address.h"
#include "matcher/base/result.h"
#include "matcher/match/match.h"

namespace splicer {

// A replaced function; or a checked one (NAME.cold), which was not replaced: no jump, no new code.
struct AppliedFunction {
  RunAddress old_entry;
  RunAddress old_code;
  std::uint64_t old_size = 0;
  RunAddress new_code;
  std::uint64_t new_size = 0;
  RunAddress site;
  RunAddress hop;
  bool at_ftrace_site = false;  // no jump: ftrace leads the calls on
  std::string name;

  bool checked() const { return site == RunAddress(); }
};

// Bytes of a variable that an update has written, or has left as somebody had set them.
struct AppliedValue {
  RunAddress address;
  std::uint64_t size = 0;
  bool written = false;
  std::string name;
};

// A module that gets its part of an update when it is loaded, and takes it along when it goes.
struct AwaitedState {
  enum Word { waiting, patched, unpatched };
  std::string module;
  Word state = waiting;  // not loaded; loaded, with its part or without
};

// "waiting", "patched", "unpatched".
const char* awaited_word(AwaitedState::Word word);

// Not in force any more, but its memory is still there.
struct UndoneUpdate {
  std::string id;
  bool kept = false;  // for good; otherwise until the last thread has left its code
  std::vector<std::string> modules;
};

struct AppliedUpdate {
  std::string id;
  std::string state;  // "applied", "undoing"
  std::uint64_t applied_at = 0;
  std::uint64_t pause_ns = 0;
  std::uint64_t sequence = 0;
  std::vector<std::string> modules;
  std::vector<AppliedFunction> functions;  // checked ones too
  std::vector<AppliedValue> values;
  std::vector<AwaitedState> awaits;
  bool functions_hidden = false;  // only root may read them, and the values

  // How many functions it replaces.
  std::size_t replaced() const;
  // The modules that are so, in order.
  std::vector<std::string> modules_that_are(AwaitedState::Word word) const;
  bool waits_for(std::string_view module) const;
  // Does it await the module, which has no part of it, loaded or not?
  bool lacks(std::string_view module) const;
};

// Can the text be the beginning of an update's id that is long enough to name one? 4 to 31 hexadecimal
// digits.
bool may_begin_id(std::string_view text);

class State {
 public:
  // No such directory: nothing is applied. Errors: "state-unreadable", "state-malformed".
  static Result<State> read(const std::string& root = "/sys/kernel/splice");

  const std::vector<AppliedUpdate>& updates() const { return updates_; }
  const std::vector<UndoneUpdate>& undone() const { return undone_; }
  const UndoneUpdate* find_undone(std::string_view id) const;
  // The update of that id, or nullptr.
  const AppliedUpdate* find(std::string_view id) const;
  // The only update whose id begins so (may_begin_id()). Errors: "unknown-update",
  // "update-ambiguous".
  Result<const AppliedUpdate*> find_prefix(std::string_view prefix) const;

  struct Newest {
    const AppliedUpdate* update = nullptr;
    const AppliedFunction* function = nullptr;
  };
  // The newest replacement of the function at `old_entry`; null pointers when there is none.
  Newest newest(RunAddress old_entry) const;
  // The modules of all updates, undone ones too.
  std::set<std::string, std::less<>> modules() const;
  // How many functions of each name are led on by ftrace.
  std::map<std::string, std::size_t> redirected() const;
  // For the matcher: where replaced functions run now.
  std::map<RunAddress, Redirect> redirects() const;

 private:
  std::vector<AppliedUpdate> updates_;
  std::vector<UndoneUpdate> undone_;
};

}  // namespace splicer
