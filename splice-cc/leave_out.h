// SPDX-License-Identifier: GPL-2.0-or-later
//
// The largest part of a patch that can go live: what stands in the way is left out, with what does not
// compile without it, until the rest has no finding.
//
//     struct task { ...  u32 tries; };          layout-changed: left out
//     static int retry(t)  { t->tries++; ... }  does not compile without the member: left out
//     static int limit(n)  { if (n > max) ... } stays
//
// A function is never changed in half: hunks that touch one construct of a file (top_level.h) go together.
// What would take away here a line that is put there, or the reverse, does not stay without the other: a check
// that moves must not be lost. Nor does half of a pair, or a new call of what another part changes. What
// --must names stays; if it cannot, nothing is made. Which part is to blame is read from the finding or from
// the compiler's message: the construct at that place, or those that the names in it belong to.
//
// Invariant: each step leaves out at least one part, or is the last. The order is that of the patches, so that
// equal inputs have equal results.
// Cost: a step costs one more run of the passes, up to where the last one failed.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "splice-cc/findings/findings.h"
#include "splice-cc/headers/top_level.h"
#include "splice-cc/source/hunks.h"

namespace splicer {

class LeaveOut {
 public:
  // What the patches are: one change, or all of a release, of which most have nothing to do with each other. There
  // a line that goes in one folder and comes in another is not taken for a move.
  enum class Scope { one_fix, release };

  // `source`: the tree that the patches are for. Errors: "must-matches-nothing".
  static Result<LeaveOut> of(const PatchSet& patches, const std::filesystem::path& source,
                             const std::vector<std::string>& must, Scope scope = Scope::one_fix);

  // Files that no running kernel can follow, from the start.
  void leave_out_file(const std::string& path, const std::string& why);
  // Hunks, by their numbers in hunks_of(), with their parts and what must not stay without them.
  void leave_out_hunks(const std::set<std::size_t>& hunks, const std::string& why);
  // What the error, or the findings if it has some, complain of, and what must not stay without it. False if
  // nothing of that may go.
  bool leave_out(const Error& error, const std::vector<Finding>& findings);
  // What is left has no finding that refuses. Is one of its warnings about half of a pair whose other half is
  // out?
  bool has_half(const std::vector<Finding>& warnings) const;
  // Leaves out these halves, too. False if they may not go.
  bool leave_out_halves(const std::vector<Finding>& warnings);

  // What is left; none if that is nothing.
  PatchSet patches() const { return with_hunks(patches_, hunks_, kept_); }
  bool is_empty() const { return kept_.empty(); }
  bool is_whole() const { return kept_.size() == hunks_.size(); }
  const std::set<std::size_t>& kept() const { return kept_; }  // hunks
  std::map<std::size_t, std::string> reasons() const;          // of each hunk that is left out
  // One sentence for each part: its file and lines, what it is in, and why.
  std::vector<std::string> left_out() const;

  // Parts that only a message of the compiler has sent out, the last one first: another may have been the
  // cause. take_back() puts one in again, leave_again() undoes that.
  std::vector<std::size_t> doubtful() const;
  void take_back(std::size_t part);
  void leave_again(std::size_t part);

 private:
  struct Part {
    std::set<std::size_t> hunks;
    std::string heads;  // of the constructs that they touch, and what they add at the top level
    bool must = false;
    bool out = false;
    bool doubtful = false;
    std::string why;
    std::map<std::size_t, std::string> goes_with;  // parts without which it may not stay, and why
  };

  LeaveOut(const PatchSet& patches, const std::filesystem::path& source, Scope scope);
  void join_hunks(const std::filesystem::path& source);
  std::set<std::size_t> at_place(const SourcePlace& place) const;
  std::set<std::size_t> of_names(std::string_view text) const;
  std::set<std::size_t> in_file(const std::string& path) const;
  std::set<std::size_t> blamed(const Finding& finding) const;
  bool drop(const std::set<std::size_t>& parts, const std::string& why, bool doubtful);
  bool drop_blamed(const Error& error, const std::vector<Finding>& findings);
  bool drop_by_compiler(const Error& error);
  void find_moves();
  void find_calls();
  const std::string& file_of(std::size_t part) const;
  bool may_belong(std::size_t part, std::size_t other) const;
  bool is_callable(std::size_t caller, std::size_t callee, std::string_view name) const;
  void add_dependence(std::size_t part, std::size_t other, const std::string& why);
  void drop_what_depends();
  bool opposite_is_out(const Finding& half) const;

  PatchSet patches_;
  std::vector<Hunk> hunks_;
  Scope scope_;
  std::map<std::string, std::vector<Construct>> constructs_;  // of each patched file, as it is
  std::vector<Part> parts_;                                   // in the order of their first hunks
  std::vector<std::size_t> part_of_;                          // each hunk
  std::set<std::size_t> kept_;                                // hunks
  bool blocked_ = false;  // what --must names would have to go with another part
};

}  // namespace splicer
