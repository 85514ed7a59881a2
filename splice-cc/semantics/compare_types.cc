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

// Bits of a plain number by the text of its type; 0 for any other type. An atomic_t is an int that is used
// under another lock prefix (linux/types.h); who uses it is compiled anew.
unsigned number_width(std::string_view type) {
  if (type == "atomic_t" || type == "refcount_t" || type == "struct refcount_struct") return 32;
  if (type == "atomic_long_t" || type == "atomic64_t") return 64;
  if (type.starts_with("unsigned ")) type.remove_prefix(9);
  if (type.starts_with("signed ")) type.remove_prefix(7);
  if (type == "char") return 8;
  if (type == "short") return 16;
  if (type == "int") return 32;
  return type == "long" || type == "long long" ? 64 : 0;
}

// Another sign, long for u64, void * for T *, atomic_t for int: the same bytes, which code reads as before.
bool reads_alike(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const unsigned width = number_width(a);
  if (width != 0) return width == number_width(b);
  return (a == "void *" && b.ends_with('*')) || (b == "void *" && a.ends_with('*'));
}

// All members where they were, under their names, and each reads alike.
bool only_other_signs(const RecordFacts& pre, const RecordFacts& post) {
  return pre.size == post.size && pre.alignment == post.alignment &&
         std::equal(pre.members.begin(), pre.members.end(), post.members.begin(),
                    post.members.end(), [](const MemberFacts& a, const MemberFacts& b) {
                      return a.name == b.name && a.offset == b.offset && a.width == b.width &&
                             reads_alike(a.type, b.type);
                    });
}

// Who calls a function that returned nothing does not look at what it returns now.
bool same_for_old_callers(const std::string& before, const std::string& after) {
  constexpr std::string_view kNothing = "void";
  return before == after ||
         (before.starts_with("void (") &&
          std::string_view(after).ends_with(std::string_view(before).substr(kNothing.size())));
}

// By such a member other code finds the record that it is in.
bool is_link(const std::string& record) {
  static constexpr std::string_view kLinks[] = {
      "struct list_head",   "struct hlist_node",      "struct hlist_nulls_node",
      "struct llist_node",  "struct rb_node",         "struct wait_queue_entry",
      "struct work_struct", "struct timer_list",      "struct hrtimer",
      "struct completion",  "struct callback_head",   "struct plist_node",
      "struct rhash_head",  "struct hlist_bl_node",   "struct klist_node",
      "struct kref",        "struct wait_queue_head", "struct delayed_work",
      "struct swait_queue", "struct rt_mutex_waiter", "struct rcuwait"};
  return std::ranges::find(kLinks, record) != std::end(kLinks);
}

class TypeComparison {
 public:
  TypeComparison(const UnitFacts& pre, const UnitFacts& post, const ChangedCode& code)
      : pre_(pre), post_(post), code_(code) {}

  std::vector<Finding> run() {
    compare_records();
    compare_successors();
    compare_variables();
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

  // A record that is gone, and one that replaced code uses in its place: what matters is the layout,
  // and not the name.
  void compare_successors() {
    for (const auto& [name, before] : pre_.records) {
      if (post_.records.contains(name) || !is_of_the_patch(before) || is_of_replaced_frames(name))
        continue;
      const std::set<std::string> users = replaced_users(name);
      std::string successor;
      bool carried_on = users.empty();
      for (const auto& [other, after] : post_.records) {
        if (pre_.records.contains(other) || !is_of_the_patch(after)) continue;
        const auto theirs = post_.users.find(other);
        if (theirs == post_.users.end() ||
            std::ranges::none_of(theirs->second,
                                 [&](const std::string& user) { return users.contains(user); }))
          continue;
        carried_on = carried_on || same_layout(before, after);
        if (successor.empty()) successor = other;
      }
      if (!carried_on && !successor.empty()) report_successor(name, successor, users);
    }
  }

  bool is_of_the_patch(const RecordFacts& record) const {
    return record.own || code_.patched.contains(record.place.file);
  }

  std::set<std::string> replaced_users(const std::string& record) const {
    std::set<std::string> users;
    if (const auto found = pre_.users.find(record); found != pre_.users.end())
      for (const std::string& user : found->second)
        if (is_replaced(code_, pre_, user)) users.insert(user);
    return users;
  }

  void report_successor(const std::string& name, const std::string& successor,
                        const std::set<std::string>& users) {
    const RecordFacts& before = pre_.records.at(name);
    const RecordFacts& after = post_.records.at(successor);
    Finding finding;
    finding.code = "layout-changed";
    finding.name = name;
    finding.place = after.place;
    finding.message = fmt::format(
        "the patch puts {} in the place of {}, which has another layout, but objects that already "
        "exist keep the old one",
        successor, name);
    finding.was = members_text(before, after);
    finding.is = members_text(after, before);
    finding.users.assign(users.begin(), users.end());
    finding.remedy = "keep the type as it is; what is new can be shadow data: see splice.h(3)";
    findings_.push_back(std::move(finding));
  }

  // Variables that live in the kernel, by type: the differ sees only their size and bytes.
  void compare_variables() {
    for (const auto& [name, before] : pre_.variables) {
      const auto after = post_.variables.find(name);
      if (after == post_.variables.end() || before.type == after->second.type || before.constant ||
          after->second.constant)
        continue;
      Finding finding;
      finding.code = "variable-type-changed";
      finding.name = name;
      finding.place = after->second.place;
      finding.refuse = !reads_alike(before.type, after->second.type);
      finding.message = fmt::format(
          "the patch changes {} {}, which lives in the kernel and keeps what it holds",
          finding.refuse ? "the type of" : "the sign or width of what is read from", name);
      finding.was = before.type;
      finding.is = after->second.type;
      finding.remedy = "keep the variable as it is and put what is new into a new one";
      findings_.push_back(std::move(finding));
    }
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
    if (only_other_signs(before, after) && constants_of(pre_, name) == constants_of(post_, name)) {
      finding.refuse = false;
      finding.message = fmt::format(
          "the patch changes how members of {} are read: what existing objects hold in them means "
          "the same only if both types have it",
          name);
    } else if (only_fills_holes(before, after) && is_born_zero(name, before)) {
      finding.refuse = false;
      finding.message = fmt::format(
          "the patch adds to {} where it had padding: in existing objects the new member reads as "
          "0",
          name);
    }
    findings_.push_back(std::move(finding));
  }

  // What code stores in members of a record, and tests them for. If that is another with the sign, the
  // sign was changed for a meaning.
  static std::set<ConstantUse> constants_of(const UnitFacts& facts, const std::string& record) {
    std::set<ConstantUse> constants;
    for (const auto& [function, of_function] : facts.functions)
      for (const ConstantUse& use : of_function.uses.constants)
        if (use.memory.starts_with(record + ".")) constants.insert(use);
    return constants;
  }

  // No object outlives the functions that have one as a local variable, and no thread is inside of
  // those when they are replaced. One that hangs in a list or a queue may be found by others.
  bool is_of_replaced_frames(const std::string& name) const {
    const RecordFacts& record = pre_.records.at(name);
    const std::size_t in = name.rfind(" in ");
    const bool of_one_function = in != std::string::npos && name.find(" of ") == std::string::npos;
    if (!record.allocators.empty() || record.is_static || (!record.own && !of_one_function) ||
        (!of_one_function && std::ranges::any_of(record.embedded, is_link)))
      return false;
    if (of_one_function && !is_replaced(code_, pre_, name.substr(in + 4))) return false;
    if (!of_one_function && record.frames.empty()) return false;
    return std::ranges::all_of(
               record.frames,
               [&](const std::string& function) { return is_replaced(code_, pre_, function); }) &&
           std::ranges::none_of(pre_.records, [&](const auto& other) {
             return other.first != name && other.second.embedded.contains(name) &&
                    !is_of_replaced_frames(other.first);
           });
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
          (before.address_taken || after.address_taken || before.exported || after.exported ||
           code_.of_bpf.contains(name)))
        report_signature(name, before, after);
    }
  }

  void report_signature(const std::string& name, const FunctionFacts& before,
                        const FunctionFacts& after) {
    const bool pointer = before.address_taken || after.address_taken;
    const char* callers = pointer                       ? "called through a pointer"
                          : code_.of_bpf.contains(name) ? "called by BPF programs"
                                                        : "exported to modules";
    Finding finding;
    finding.code = "signature-changed";
    finding.name = name;
    finding.place = after.place;
    finding.message = fmt::format(
        "the patch changes the type of {}, which is {}: existing callers still use the old "
        "signature",
        name, callers);
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

void describe_variable_change(const UnitFacts& pre, const UnitFacts& post, Finding& finding) {
  const std::string name = finding.name.substr(0, finding.name.find('.'));
  for (const auto& [key, after] : post.variables) {
    if (key != name && !key.ends_with("." + name)) continue;
    const auto before = pre.variables.find(key);
    if (before == pre.variables.end() || before->second.text == after.text) continue;
    finding.place = after.place;
    finding.was = lines_text(before->second.text, after.text);
    finding.is = lines_text(after.text, before->second.text);
    return;
  }
}

}  // namespace splicer
