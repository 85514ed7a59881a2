// SPDX-License-Identifier: GPL-2.0-or-later
//
// Other live patches: whose code runs when one of our functions is called?
//
//     const LivePatches others = LivePatches::read();
//     others.deciding("vmlinux", "cmdline_proc_show")        "live patch livepatch_sample"
//
// The kernel's livepatch works through the ftrace site at a function's entry: klp_ftrace_handler()
// (kernel/livepatch/patch.c) makes the call return into the patch's own function, so nothing behind
// the site is ever reached, a jump of ours included. The bytes of the old function are as they were,
// and match. So the question has to be asked apart from matching.
//
// The kernel answers in two places, and each is read where it is there:
//   /sys/kernel/livepatch/PATCH/OBJECT/FUNCTION,POSITION     (klp_init_object(), kernel/livepatch/core.c)
//   tracing/enabled_functions, flag I: some ftrace_ops with FTRACE_OPS_FL_IPMODIFY may lead the call
//   elsewhere (t_show(), kernel/trace/ftrace.c). Livepatch is one, our own core module, for functions
//   without a place for a jump, another; there may be more. One function has one such user at most.
//
// Invariant: a patch that is loaded counts, whether it is enabled, in transition, or on its way out;
// one that is disabled for good has no directory any more (klp_free_patch_start()).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace splicer {

class LivePatches {
 public:
  // `ours`: how many functions of each name our own updates redirect through ftrace. Takes time in
  // proportion to the functions that are patched or traced. `sys` and `tracing` are other
  // directories in tests. What cannot be read (no livepatch in this kernel, tracefs not mounted, not
  // root) is taken for empty: the core module asks once more.
  static LivePatches read(std::map<std::string, std::size_t> ours,
                          const std::string& sys = "/sys/kernel/livepatch",
                          const std::string& tracing = "/sys/kernel/tracing");

  // What decides at the entry of that function of `object` ("vmlinux" or a module): a live patch's
  // name, or words for an unknown user of ftrace. Functions of one name in one object are not told
  // apart: each counts as patched.
  std::optional<std::string> deciding(std::string_view object, std::string_view function) const;
  // The same in whatever object.
  std::optional<std::string> deciding(std::string_view function) const;
  bool empty() const { return by_function_.empty(); }

 private:
  std::map<std::pair<std::string, std::string>, std::string, std::less<>> by_function_;
};

}  // namespace splicer
