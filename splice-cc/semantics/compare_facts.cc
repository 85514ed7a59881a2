// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/compare_facts.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <string_view>

#include "matcher/base/file.h"

namespace splicer {

namespace {

constexpr std::size_t kShown = 8;  // members, lines

bool has_word(std::string_view name, std::initializer_list<std::string_view> words) {
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

bool is_padding(std::string_view name) {
  return name.empty() || has_word(name, {"pad", "reserved", "rsvd", "unused", "hole", "fill"});
}

// The number of the others: FOO_MAX, __FOO_NR, NUM_FOO.
bool is_count(std::string_view name) {
  return name.starts_with("__") ||
         has_word(name, {"max", "_nr", "nr_", "num", "count", "_cnt", "last", "_end", "total"});
}

std::string member_text(const MemberFacts& member) {
  std::string text = fmt::format("{} {}", member.type, member.name.empty() ? "-" : member.name);
  if (member.width != 0) text += fmt::format(":{}", member.width);
  text += fmt::format(" at {}", member.offset / 8);
  if (member.offset % 8 != 0) text += fmt::format(".{}", member.offset % 8);
  return text;
}

// Members of one that the other has not got just so.
std::string members_text(const RecordFacts& record, const RecordFacts& other) {
  std::string text = fmt::format("{} bytes", record.size);
  std::size_t shown = 0;
  for (const MemberFacts& member : record.members) {
    if (std::find(other.members.begin(), other.members.end(), member) != other.members.end())
      continue;
    if (++shown > kShown) {
      text += "; ...";
      break;
    }
    text += (shown == 1 ? ": " : "; ") + member_text(member);
  }
  return text;
}

bool has_member(const RecordFacts& record, const std::string& name) {
  return std::any_of(record.members.begin(), record.members.end(),
                     [&](const MemberFacts& member) { return member.name == name; });
}

// Another name for the same bytes is no change, unless they were padding: nobody has written it.
bool same_member(const RecordFacts& pre, const MemberFacts& a, const RecordFacts& post,
                 const MemberFacts& b) {
  if (a.type != b.type || a.width != b.width) return false;
  if (a.name == b.name) return true;
  return !has_member(post, a.name) && !has_member(pre, b.name) &&
         (!is_padding(a.name) || is_padding(b.name));
}

bool same_members(const RecordFacts& pre, const RecordFacts& post) {
  return std::equal(
      pre.members.begin(), pre.members.end(), post.members.begin(), post.members.end(),
      [&](const MemberFacts& a, const MemberFacts& b) { return same_member(pre, a, post, b); });
}

bool same_layout(const RecordFacts& pre, const RecordFacts& post) {
  return pre.size == post.size && pre.alignment == post.alignment && same_members(pre, post) &&
         std::equal(
             pre.members.begin(), pre.members.end(), post.members.begin(),
             [](const MemberFacts& a, const MemberFacts& b) { return a.offset == b.offset; });
}

// All else is where it was, and new numbers and pointers lie where nothing was.
bool only_fills_holes(const RecordFacts& pre, const RecordFacts& post) {
  const auto has = [](const RecordFacts& record, const MemberFacts& member) {
    return std::find(record.members.begin(), record.members.end(), member) != record.members.end();
  };
  return pre.size == post.size && pre.alignment == post.alignment &&
         std::all_of(pre.members.begin(), pre.members.end(),
                     [&](const MemberFacts& member) { return has(post, member); }) &&
         std::all_of(post.members.begin(), post.members.end(),
                     [&](const MemberFacts& member) { return member.scalar || has(pre, member); });
}

// kzalloc, devm_kcalloc, kmem_cache_zalloc: include/linux/slab.h, device.h
bool gives_zeros(const std::string& allocator) { return has_word(allocator, {"zalloc", "calloc"}); }

bool gives_memory(const std::string& function) {
  return has_word(function, {"alloc", "dup", "get_free", "get_zeroed"});
}

// Who calls a function that returned nothing does not look at what it returns now.
bool same_for_old_callers(const std::string& before, const std::string& after) {
  constexpr std::string_view kNothing = "void";
  return before == after ||
         (before.starts_with("void (") &&
          std::string_view(after).ends_with(std::string_view(before).substr(kNothing.size())));
}

class Comparison {
 public:
  Comparison(const UnitFacts& pre, const UnitFacts& post, const ChangedCode& code)
      : pre_(pre), post_(post), code_(code) {}

  std::vector<Finding> run() {
    compare_records();
    compare_enumerators();
    compare_functions();
    return std::move(findings_);
  }

 private:
  std::set<std::string> users_of(const std::string& name) const {
    std::set<std::string> users;
    for (const UnitFacts* facts : {&post_, &pre_})
      if (const auto found = facts->users.find(name); found != facts->users.end())
        users.insert(found->second.begin(), found->second.end());
    return users;
  }

  void compare_records() {
    std::map<std::string, std::set<std::string>> changed;  // and who uses it
    for (const auto& [name, before] : pre_.records)
      if (const auto after = post_.records.find(name);
          after != post_.records.end() && !same_layout(before, after->second))
        changed[name] = users_of(name);
    // Who uses a record uses those in it. As deep as records lie in each other.
    std::set<std::string> grown;
    for (bool again = true; again;) {
      again = false;
      for (const auto& [name, users] : changed) {
        for (const std::string& inner : post_.records.at(name).embedded) {
          const auto found = changed.find(inner);
          if (found == changed.end() || inner == name) continue;
          if (same_members(pre_.records.at(name), post_.records.at(name))) grown.insert(name);
          const std::size_t count = found->second.size();
          found->second.insert(users.begin(), users.end());
          again = again || found->second.size() != count;
        }
      }
    }
    for (const auto& [name, users] : changed) {
      if (grown.contains(name) || users.empty() || is_of_replaced_frames(name)) continue;
      const RecordFacts& before = pre_.records.at(name);
      const RecordFacts& after = post_.records.at(name);
      Finding finding;
      finding.code = "layout-changed";
      finding.name = name;
      finding.place = after.place;
      finding.message = fmt::format(
          "the patch changes {}, and what the kernel has of it is laid out as before", name);
      finding.was = members_text(before, after);
      finding.is = members_text(after, before);
      finding.users.assign(users.begin(), users.end());
      finding.remedy = "keep the type as it is; what is new can be shadow data: see splice.h(3)";
      if (only_fills_holes(before, after) && is_born_zero(name, before)) {
        finding.refuse = false;
        finding.message = fmt::format(
            "the patch adds to {} where it had padding: in what the kernel has of it, that reads 0",
            name);
      }
      findings_.push_back(std::move(finding));
    }
  }

  // "struct foo in f": nobody else knows the type, and no thread is inside f when it is replaced.
  bool is_of_replaced_frames(const std::string& name) const {
    const std::size_t in = name.rfind(" in ");
    return in != std::string::npos && name.find(" of ") == std::string::npos &&
           pre_.records.at(name).allocators.empty() && is_replaced(name.substr(in + 4), 0);
  }

  // Only this file makes any, by itself, and from zeroed memory.
  bool is_born_zero(const std::string& name, const RecordFacts& record) const {
    if (!record.own) return false;
    bool made = false;
    for (const std::string& function : record.allocators) {
      if (!gives_memory(function)) continue;
      if (!gives_zeros(function)) return false;
      made = true;
    }
    return made && std::none_of(pre_.records.begin(), pre_.records.end(), [&](const auto& other) {
             return other.second.embedded.contains(name);
           });
  }

  void compare_enumerators() {
    std::map<std::string, std::vector<std::string>> changed;  // of each type, by value
    for (const auto& [name, before] : pre_.enumerators)
      if (const auto after = post_.enumerators.find(name);
          after != post_.enumerators.end() && after->second.value != before.value)
        changed[after->second.type].push_back(name);
    for (auto& [type, names] : changed) {
      std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
        return post_.enumerators.at(a).behind > post_.enumerators.at(b).behind;
      });
      std::set<std::string> users;
      for (const std::string& name : names) users.merge(users_of(name));
      if (users.empty()) continue;
      // New ones before the count of all: the count says how many there are, and is no kind itself.
      const bool only_counts = post_.enumerators.at(names.front()).behind + 1 == names.size() &&
                               std::all_of(names.begin(), names.end(), is_count);
      Finding finding;
      finding.code = "enum-changed";
      finding.name = type;
      finding.refuse = !only_counts;
      finding.place = post_.enumerators.at(names.front()).place;
      finding.message =
          only_counts
              ? fmt::format("the patch adds to {}, whose count the old code has used", type)
              : fmt::format("the patch changes values of {} that the kernel has stored", type);
      for (std::size_t i = 0; i < names.size() && i < kShown; ++i) {
        const std::string comma = i == 0 ? "" : ", ";
        finding.was +=
            fmt::format("{}{} = {}", comma, names[i], pre_.enumerators.at(names[i]).value);
        finding.is +=
            fmt::format("{}{} = {}", comma, names[i], post_.enumerators.at(names[i]).value);
      }
      finding.users.assign(users.begin(), users.end());
      finding.remedy = "add new enumerators behind all others, and leave the old values alone";
      findings_.push_back(std::move(finding));
    }
  }

  void compare_functions() {
    for (const auto& [name, before] : pre_.functions) {
      const auto found = post_.functions.find(name);
      if (found == post_.functions.end()) continue;
      const FunctionFacts& after = found->second;
      if (!same_for_old_callers(before.type, after.type) &&
          (before.address_taken || after.address_taken || before.exported || after.exported))
        changed_signature(name, before, after);
      if (before.effects != after.effects && !is_contained(name, after) &&
          (is_replaced(name, 0) || !differs_by_callee(after)))
        compare_effects(name, before, after);
    }
  }

  void changed_signature(const std::string& name, const FunctionFacts& before,
                         const FunctionFacts& after) {
    const bool pointer = before.address_taken || after.address_taken;
    Finding finding;
    finding.code = "signature-changed";
    finding.name = name;
    finding.place = after.place;
    finding.message = fmt::format(
        "the patch changes the type of {}, which is {}: those that call it so still call the old "
        "one",
        name, pointer ? "called through a pointer" : "exported to modules");
    finding.was = before.type;
    finding.is = after.type;
    for (const UnitFacts* facts : {&pre_, &post_})
      for (const auto& [caller, function] : facts->functions)
        if (function.calls.contains(name) &&
            std::find(finding.users.begin(), finding.users.end(), caller) == finding.users.end())
          finding.users.push_back(caller);
    finding.remedy = "keep the function as it is, and let it call a new one of another name";
    findings_.push_back(std::move(finding));
  }

  // No thread can be in it or between it and its callers: all of them are replaced at once.
  bool is_contained(const std::string& name, const FunctionFacts& after) const {
    if (!after.local || after.address_taken || after.exported) return false;
    const auto before = pre_.functions.find(name);
    if (before != pre_.functions.end() && (before->second.address_taken || !before->second.local))
      return false;
    bool called = false;
    for (const UnitFacts* facts : {&pre_, &post_})
      for (const auto& [caller, function] : facts->functions) {
        if (caller == name || !function.calls.contains(name)) continue;
        if (facts == &post_ && !pre_.functions.contains(caller)) {
          // A new caller is only called by what changed too.
          called = true;
          continue;
        }
        if (!is_replaced(caller, 0)) return false;
        called = true;
      }
    return called;
  }

  // A function that itself is as it was, and calls one that is told already.
  bool differs_by_callee(const FunctionFacts& after) const {
    return std::any_of(after.calls.begin(), after.calls.end(), [&](const std::string& callee) {
      const auto before = pre_.functions.find(callee);
      const auto now = post_.functions.find(callee);
      return before != pre_.functions.end() && now != post_.functions.end() &&
             before->second.effects != now->second.effects;
    });
  }

  bool is_replaced(const std::string& name, int depth) const {
    if (code_.replaced.contains(name)) return true;
    // Inlined wherever it is called: then its callers count.
    const auto function = pre_.functions.find(name);
    if (depth > 8 || code_.compiled.contains(name) || function == pre_.functions.end() ||
        !function->second.local)
      return false;
    bool called = false;
    for (const auto& [caller, facts] : pre_.functions) {
      if (caller == name || !facts.calls.contains(name)) continue;
      called = true;
      if (!is_replaced(caller, depth + 1)) return false;
    }
    return called;
  }

  static const std::set<int>& counts(const Effects& effects, const Held& held) {
    static const std::set<int> none = {0};
    const auto found = effects.find(held);
    return found == effects.end() ? none : found->second;
  }

  static bool has_loop(const std::set<int>& counts) {
    return counts.contains(kMostCounted) || counts.contains(-kMostCounted);
  }

  static std::set<int> signs(const std::set<int>& counts) {
    std::set<int> signs;
    for (const int count : counts) signs.insert(std::clamp(count, -1, 1));
    return signs;
  }

  static std::set<int> less(const std::set<int>& a, const std::set<int>& b) {
    std::set<int> rest;
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::inserter(rest, rest.end()));
    return rest;
  }

  // The same count on something that is called otherwise now.
  static bool only_renamed(const Effects& before, const Effects& after, const Held& held,
                           int change) {
    return std::any_of(before.begin(), before.end(), [&](const auto& entry) {
      return entry.first.family == held.family && entry.first.object != held.object &&
             entry.second.contains(change) && !counts(after, entry.first).contains(change);
    });
  }

  void compare_effects(const std::string& name, const FunctionFacts& before,
                       const FunctionFacts& after) {
    std::set<Held> all;
    for (const auto& [held, counted] : before.effects) all.insert(held);
    for (const auto& [held, counted] : after.effects) all.insert(held);
    for (const Held& held : all) {
      std::set<int> was = counts(before.effects, held);
      std::set<int> is = counts(after.effects, held);
      if (has_loop(was) || has_loop(is)) {
        was = signs(was);
        is = signs(is);
      }
      std::set<int> fresh = less(is, was);
      std::erase_if(fresh, [&](int change) {
        return change != 0 && only_renamed(before.effects, after.effects, held, change);
      });
      const bool up = !fresh.empty() && *fresh.rbegin() > 0;
      const bool down = !fresh.empty() && *fresh.begin() < 0;
      // Nothing of what it did before: a function that always took the lock never does.
      const bool dropped = !up && !down && fresh.contains(0) && less(was, is) == was &&
                           !only_renamed(after.effects, before.effects, held, *was.begin());
      if (!up && !down && !dropped) continue;
      changed_discipline(name, after, held, was, is, up, down);
    }
  }

  void changed_discipline(const std::string& name, const FunctionFacts& after, const Held& held,
                          const std::set<int>& was, const std::set<int>& is, bool up, bool down) {
    Finding finding;
    finding.code = "lock-discipline";
    if (held.reference) finding.code = "reference-discipline";
    finding.name = name;
    finding.place = after.place;
    // Both signs at once: paths that the analysis cannot tell apart.
    finding.refuse = !held.reference && held.sure && !(up && down);
    const std::string what =
        held.object.empty() ? held.family : fmt::format("{} {}", held.family, held.object);
    const char* verb = up && down ? "may take or release"
                       : up       ? (held.reference ? "now takes" : "now returns with")
                       : down     ? "now releases"
                                  : "no longer changes";
    finding.message = fmt::format("{} {} {}", name, verb, plain(what));
    if (!held.reference)
      finding.message += ", while callers in the running kernel count on what it did before";
    finding.was = held_text(was);
    finding.is = held_text(is);
    finding.remedy = held.reference
                         ? "let objects from before the update keep the old count: mark new ones, "
                           "as with shadow data: see splice.h(3)"
                         : "replace the function that takes the lock and the one that releases it "
                           "by a pair that also understands the old state, or take and release it "
                           "in one function";
    finding.sure = held.sure || !held.reference;
    if (held.reference && up != down) {
      finding.change = up ? 1 : -1;
      const std::size_t last = held.object.rfind('.');
      const bool embedded = held.family == "kref" || held.family == "refcount";
      finding.counted = held.family;
      if (embedded && last != std::string::npos) finding.counted += held.object.substr(last);
    }
    findings_.push_back(std::move(finding));
  }

  // "$0.lock" is for the machine; a reader knows the parameter by where it stands.
  static std::string plain(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '%') continue;
      if (text[i] == '$') {
        out += "argument ";
        if (i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] < '9') {
          out += static_cast<char>(text[++i] + 1);
          continue;
        }
      }
      out += text[i];
    }
    return out;
  }

  static std::string held_text(const std::set<int>& counts) {
    std::string text;
    for (const int count : counts) {
      if (!text.empty()) text += " or ";
      text += count == 0 ? "as many"
                         : fmt::format("{} {}", std::abs(count), count < 0 ? "fewer" : "more");
    }
    return text + " held at return as at the call";
  }

  const UnitFacts& pre_;
  const UnitFacts& post_;
  const ChangedCode& code_;
  std::vector<Finding> findings_;
};

// Lines of one text that the other has not got.
std::string lines_text(const std::string& text, const std::string& other) {
  const std::vector<std::string> theirs = split_lines(other);
  const std::vector<std::string> lines = split_lines(text);
  std::string out;
  std::size_t shown = 0;
  for (const std::string& line : lines) {
    const std::size_t first = line.find_first_not_of(" \t");
    if (first == std::string::npos) continue;
    if (lines.size() > 1 && std::find(theirs.begin(), theirs.end(), line) != theirs.end()) continue;
    if (++shown > kShown) return out + " ...";
    out += (shown == 1 ? "" : " ") + line.substr(first);
  }
  return out.empty() ? "-" : out;
}

}  // namespace

std::vector<Finding> compare_meaning(const UnitFacts& pre, const UnitFacts& post,
                                     const ChangedCode& code) {
  return Comparison(pre, post, code).run();
}

std::string variable_change(const UnitFacts& pre, const UnitFacts& post,
                            const std::string& symbol) {
  const std::string name = symbol.substr(0, symbol.find('.'));
  for (const auto& [key, after] : post.variables) {
    if (key != name && !key.ends_with("." + name)) continue;
    const auto before = pre.variables.find(key);
    if (before == pre.variables.end() || before->second.text == after.text) continue;
    return fmt::format("{}:{}: {}\n    was: {}\n    is:  {}", after.place.file, after.place.line,
                       key, lines_text(before->second.text, after.text),
                       lines_text(after.text, before->second.text));
  }
  return {};
}

}  // namespace splicer
