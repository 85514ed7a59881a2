// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/compare_memory.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "splice-cc/semantics/alloc_families.h"

namespace splicer {

namespace {

using Calls = std::map<std::string, MemoryCall>;  // by family

// Something of one version that the other has not got.
bool has_more(const Calls& one, const Calls& other) {
  for (const auto& [family, call] : one)
    if (!other.contains(family)) return true;
  return false;
}

std::string calls_text(const MemoryFacts& facts) {
  std::string text;
  for (const auto& [family, call] : facts.allocated)
    text += fmt::format("{}allocated by {}() in {}", text.empty() ? "" : ", ", call.callee,
                        call.function);
  for (const auto& [family, call] : facts.released)
    text += fmt::format("{}released by {}() in {}", text.empty() ? "" : ", ", call.callee,
                        call.function);
  return text;
}

Finding finding_of(const std::string& slot, const MemoryFacts& before, const MemoryFacts& after,
                   const MemoryCall& call) {
  Finding finding;
  finding.name = slot;
  finding.place = call.place;
  finding.was = calls_text(before);
  finding.is = calls_text(after);
  finding.users = {call.function};
  return finding;
}

// A new release that gets what the old code has allocated, and must not.
void compare_releases(const std::string& slot, const MemoryFacts& before, const MemoryFacts& after,
                      std::vector<Finding>& findings) {
  if (!has_more(before.released, after.released) && !has_more(before.allocated, after.allocated))
    return;
  // Who allocates may be in another file: then by how it was released.
  const Calls& live = before.allocated.empty() ? before.released : before.allocated;
  for (const auto& [family, call] : after.released) {
    if (before.released.contains(family)) continue;
    for (const auto& [was, made] : live) {
      if (accepts(family, was)) continue;
      Finding finding = finding_of(slot, before, after, call);
      finding.code = "release-changed";
      // kfree_rcu() and kvfree_rcu() become one function (linux/rcupdate.h): it tells nothing of the allocator.
      finding.refuse = !before.allocated.empty() || made.callee != "kvfree_call_rcu";
      finding.message = fmt::format(
          "{} now gives the memory of {} to {}(), but what the running kernel has there is from {}",
          call.function, slot, call.callee,
          before.allocated.empty() ? fmt::format("what {}() releases", made.callee)
                                   : fmt::format("{}()", made.callee));
      finding.remedy =
          "keep the allocator and the function that releases; or release by one that takes memory "
          "of both kinds, as kvfree() does";
      findings.push_back(std::move(finding));
      return;
    }
  }
}

// Nobody allocated or released it, and now both happens: the member of an object from before the update may
// point to what is another's, or to a constant.
void compare_owners(const std::string& slot, const MemoryFacts& after,
                    std::vector<Finding>& findings) {
  if (after.allocated.empty() || after.released.empty()) return;
  const MemoryCall& release = after.released.begin()->second;
  Finding finding = finding_of(slot, {}, after, release);
  finding.code = "release-changed";
  finding.message = fmt::format(
      "{} now releases the memory of {} by {}(), which the patch also newly allocates: what the "
      "running kernel has there was not allocated so",
      release.function, slot, release.callee);
  finding.remedy = "release it only in objects that the new code made: mark these with shadow data";
  findings.push_back(std::move(finding));
}

// A new allocator whose memory the old release must not get: it does after an undo, and so it does
// if who releases it is not replaced.
void compare_allocators(const std::string& slot, const MemoryFacts& before,
                        const MemoryFacts& after, std::vector<Finding>& findings) {
  if (!has_more(before.allocated, after.allocated)) return;
  for (const auto& [family, call] : after.allocated) {
    if (before.allocated.contains(family)) continue;
    const bool known = !before.released.empty() || !after.released.empty();
    const Calls& released = known ? before.released : before.allocated;
    for (const auto& [was, release] : released) {
      if (accepts(was, family)) continue;
      Finding finding = finding_of(slot, before, after, call);
      finding.code = "allocator-changed";
      finding.refuse = !known;
      finding.message =
          known ? fmt::format(
                      "{} now allocates the memory of {} by {}(), and {}() of the old code "
                      "must not get it: do not undo the update while there is any",
                      call.function, slot, call.callee, release.callee)
                : fmt::format(
                      "{} now allocates the memory of {} by {}() instead of {}(), and no "
                      "file of the patch releases it",
                      call.function, slot, call.callee, release.callee);
      finding.remedy = "keep the allocator that the rest of the kernel expects";
      findings.push_back(std::move(finding));
      return;
    }
  }
}

}  // namespace

void merge_memory(std::map<std::string, MemoryFacts>& into,
                  const std::map<std::string, MemoryFacts>& from) {
  for (const auto& [slot, facts] : from) {
    MemoryFacts& all = into[slot];
    all.allocated.insert(facts.allocated.begin(), facts.allocated.end());
    all.released.insert(facts.released.begin(), facts.released.end());
  }
}

std::vector<Finding> compare_memory(const std::map<std::string, MemoryFacts>& pre,
                                    const std::map<std::string, MemoryFacts>& post) {
  std::vector<Finding> findings;
  for (const auto& [slot, before] : pre) {
    const auto after = post.find(slot);
    if (after == post.end()) continue;
    const std::size_t found = findings.size();
    compare_releases(slot, before, after->second, findings);
    if (findings.size() == found) compare_allocators(slot, before, after->second, findings);
  }
  for (const auto& [slot, after] : post)
    if (!pre.contains(slot) && slot.find('.') != slot.npos) compare_owners(slot, after, findings);
  // The objects of a type, if the member that they hang on is reported for the same call.
  const auto is_member = [](const Finding& finding) {
    return finding.name.find('.') != finding.name.npos;
  };
  const std::vector<Finding> all = findings;
  std::erase_if(findings, [&](const Finding& finding) {
    return !is_member(finding) && std::ranges::any_of(all, [&](const Finding& other) {
      return is_member(other) && other.code == finding.code && other.users == finding.users &&
             other.was == finding.was;
    });
  });
  return findings;
}

}  // namespace splicer
