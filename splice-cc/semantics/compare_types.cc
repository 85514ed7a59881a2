// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/compare_types.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
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

class TypeComparison {
 public:
  TypeComparison(const UnitFacts& pre, const UnitFacts& post, const ChangedCode& code)
      : pre_(pre), post_(post), code_(code) {}

  std::vector<Finding> run() {
    compare_records();
    compare_enumerators();
    compare_signatures();
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
    const ChangedRecords changed = changed_records();
    for (const auto& [name, users] : changed.users)
      if (!changed.grown.contains(name) && !users.empty() && !is_of_replaced_frames(name))
        report_record(name, users);
  }

  struct ChangedRecords {
    std::map<std::string, std::set<std::string>> users;  // of each that changed
    std::set<std::string> grown;                         // only because of one inside
  };

  ChangedRecords changed_records() const {
    ChangedRecords changed;
    for (const auto& [name, before] : pre_.records)
      if (const auto after = post_.records.find(name);
          after != post_.records.end() && !same_layout(before, after->second))
        changed.users[name] = users_of(name);
    // Who uses a record uses those in it. As deep as records are nested.
    for (bool again = true; again;) {
      again = false;
      for (const auto& [name, users] : changed.users) {
        for (const std::string& inner : post_.records.at(name).embedded) {
          const auto found = changed.users.find(inner);
          if (found == changed.users.end() || inner == name) continue;
          if (same_members(pre_.records.at(name), post_.records.at(name)))
            changed.grown.insert(name);
          const std::size_t count = found->second.size();
          found->second.insert(users.begin(), users.end());
          again = again || found->second.size() != count;
        }
      }
    }
    return changed;
  }

  void report_record(const std::string& name, const std::set<std::string>& users) {
    const RecordFacts& before = pre_.records.at(name);
    const RecordFacts& after = post_.records.at(name);
    Finding finding;
    finding.code = "layout-changed";
    finding.name = name;
    finding.place = after.place;
    finding.message = fmt::format(
        "the patch changes the layout of {}, but objects that already exist keep the old one",
        name);
    finding.was = members_text(before, after);
    finding.is = members_text(after, before);
    finding.users.assign(users.begin(), users.end());
    finding.remedy = "keep the type as it is; what is new can be shadow data: see splice.h(3)";
    if (only_fills_holes(before, after) && is_born_zero(name, before)) {
      finding.refuse = false;
      finding.message = fmt::format(
          "the patch adds to {} where it had padding: in existing objects the new member reads as "
          "0",
          name);
    }
    findings_.push_back(std::move(finding));
  }

  // "struct foo in f": nobody else knows the type, and no thread is inside f when it is replaced.
  bool is_of_replaced_frames(const std::string& name) const {
    const std::size_t in = name.rfind(" in ");
    return in != std::string::npos && name.find(" of ") == std::string::npos &&
           pre_.records.at(name).allocators.empty() &&
           is_replaced(code_, pre_, name.substr(in + 4));
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
      if (!users.empty()) report_enumerators(type, names, users);
    }
  }

  void report_enumerators(const std::string& type, const std::vector<std::string>& names,
                          const std::set<std::string>& users) {
    // New ones before the count of all: the count says how many there are, and is itself none.
    const bool only_counts = post_.enumerators.at(names.front()).behind + 1 == names.size() &&
                             std::all_of(names.begin(), names.end(), is_count);
    Finding finding;
    finding.code = "enum-changed";
    finding.name = type;
    finding.refuse = !only_counts;
    finding.place = post_.enumerators.at(names.front()).place;
    finding.message =
        only_counts
            ? fmt::format("the patch adds to {}, whose count the old code has already used", type)
            : fmt::format("the patch changes values of {} that the kernel has already stored",
                          type);
    for (std::size_t i = 0; i < names.size() && i < kShown; ++i) {
      const std::string comma = i == 0 ? "" : ", ";
      finding.was += fmt::format("{}{} = {}", comma, names[i], pre_.enumerators.at(names[i]).value);
      finding.is += fmt::format("{}{} = {}", comma, names[i], post_.enumerators.at(names[i]).value);
    }
    finding.users.assign(users.begin(), users.end());
    finding.remedy = "add new enumerators behind all others, and leave the old values alone";
    findings_.push_back(std::move(finding));
  }

  void compare_signatures() {
    for (const auto& [name, before] : pre_.functions) {
      const auto found = post_.functions.find(name);
      if (found == post_.functions.end()) continue;
      const FunctionFacts& after = found->second;
      if (!same_for_old_callers(before.type, after.type) &&
          (before.address_taken || after.address_taken || before.exported || after.exported))
        report_signature(name, before, after);
    }
  }

  void report_signature(const std::string& name, const FunctionFacts& before,
                        const FunctionFacts& after) {
    const bool pointer = before.address_taken || after.address_taken;
    Finding finding;
    finding.code = "signature-changed";
    finding.name = name;
    finding.place = after.place;
    finding.message = fmt::format(
        "the patch changes the type of {}, which is {}: existing callers still use the old "
        "signature",
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

std::vector<Finding> compare_types(const UnitFacts& pre, const UnitFacts& post,
                                   const ChangedCode& code) {
  return TypeComparison(pre, post, code).run();
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
