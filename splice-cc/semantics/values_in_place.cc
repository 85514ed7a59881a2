// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/values_in_place.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "matcher/elf/instruction.h"
#include "matcher/elf/instruction_starts.h"

namespace splicer {

namespace {

struct Row {
  std::string_view type;
  std::string_view optional;  // members that may come and go
  std::string_view source;
};

constexpr Row kTypes[] = {
#include "splice-cc/semantics/values_in_place.inc"
};

// Words in names of members that come in pairs: what one of them has begun the other ends.
constexpr std::string_view kHalves[] = {
    "open",       "close",  "release",  "init",    "uninit",   "exit",     "start",
    "stop",       "alloc",  "free",     "destroy", "evict",    "probe",    "remove",
    "create",     "bind",   "unbind",   "attach",  "detach",   "setup",    "enter",
    "leave",      "begin",  "end",      "lock",    "unlock",   "enable",   "disable",
    "mount",      "kill",   "owner",    "suspend", "resume",   "connect",  "disconnect",
    "shutdown",   "get",    "put",      "add",     "del",      "new",      "delete",
    "drop",       "dup",    "clone",    "prepare", "complete", "register", "unregister",
    "iput",       "prune",  "accept",   "map",     "unmap",    "mmap",     "freeze",
    "unfreeze",   "thaw",   "throttle", "install", "cleanup",  "activate", "deactivate",
    "unthrottle", "fasync", "flock",    "setlease"};

constexpr std::string_view kCopiers[] = {"memcpy",  "__memcpy",     "memmove",
                                         "kmemdup", "devm_kmemdup", "kmemdup_noprof"};

constexpr std::string_view kIntegers[] = {
    "int",           "unsigned int", "long", "unsigned long", "short", "unsigned short",
    "unsigned char", "signed char",  "char", "long long",     "_Bool", "unsigned long long",
    "bool"};

// Is one of the parts of a text, with `mark` between them, among these?
template <typename Words>
bool has_part(std::string_view text, char mark, const Words& words) {
  for (std::size_t end = 0; end != std::string_view::npos; text.remove_prefix(end + 1)) {
    end = text.find(mark);
    if (std::ranges::find(words, text.substr(0, end)) != std::end(words)) return true;
    if (end == std::string_view::npos) break;
  }
  return false;
}

// "ndo_open" is half of a pair: one of its words is.
bool is_half(std::string_view member) { return has_part(member, '_', kHalves); }

// Nothing if several functions have one of that name: the atom does not say whose it is.
const VariableFacts* find_variable(const UnitFacts& facts, const std::string& atom) {
  const std::string name = atom.substr(0, atom.find('.'));
  const VariableFacts* found = nullptr;
  for (const auto& [key, variable] : facts.variables) {
    if (key != name && !key.ends_with("." + name)) continue;
    if (found != nullptr) return nullptr;
    found = &variable;
  }
  return found;
}

// "struct nla_policy [15]" -> "struct nla_policy"
std::string element_of(const std::string& type) { return type.substr(0, type.find(" [")); }

class ValueJudge {
 public:
  ValueJudge(const UnitFacts& before, const UnitFacts& after, const UnitPair& pair)
      : before_(before), after_(after), pair_(pair) {}

  // All values of one variable: may they be written? Says which members they are.
  bool may_be_written(const std::vector<UnitValue*>& values) const {
    const UnitValue& first = *values.front();
    if (first.is_default) return is_setting(first);
    const VariableFacts* variable = find_variable(after_, first.name);
    const VariableFacts* was = find_variable(before_, first.name);
    if (variable == nullptr || was == nullptr || variable->type != was->type) return false;
    const std::string type = element_of(variable->type);
    if (is_bound(first, type)) return true;
    const auto row = std::ranges::find_if(kTypes, [&](const Row& one) { return one.type == type; });
    const auto record = after_.records.find(type);
    return row != std::end(kTypes) && record != after_.records.end() &&
           std::ranges::all_of(
               values,
               [&](UnitValue* value) { return may_change(*row, record->second, *value); }) &&
           is_its_files_own(first) && !was->copied && !variable->copied && !is_copied(first);
  }

 private:
  const AtomTable& table(bool pre) const { return pre ? *pair_.pre : *pair_.post; }

  const Reference* pointer_in(bool pre, const UnitValue& value) const {
    for (const Reference& reference :
         table(pre).at(pre ? value.pre_atom : value.post_atom).references)
      if (reference.offset >= value.begin && reference.offset < value.begin + value.size)
        return &reference;
    return nullptr;
  }

  // The members in a word of a record, or of an array of records.
  bool may_change(const Row& row, const RecordFacts& record, UnitValue& value) const {
    if (record.size == 0) return false;
    const bool was = pointer_in(true, value) != nullptr;
    const bool is = pointer_in(false, value) != nullptr;
    const std::uint64_t begin = value.begin % record.size * 8;
    std::vector<std::string> names;
    for (const MemberFacts& member : record.members) {
      if (!member.scalar || member.offset < begin || member.offset >= begin + value.size * 8)
        continue;
      names.push_back(member.name);
      if (is_half(member.name)) return false;
      if (was != is && row.optional != "*" &&
          !has_part(row.optional, ' ', std::array{std::string_view(member.name)}))
        return false;
    }
    if (names.empty() || exchanges_state(value, names.front())) return false;
    if (value.begin % record.size + value.size > record.size) return false;
    value.what = names.front() + value.what.substr(value.what.find(':'));
    return true;
  }

  // A pointer from one variable to another, one of which only one version has: what somebody has set
  // would be forgotten (drivers/char/random.c: sysctl_bootid behind .data of random_table). Nothing is
  // in a limit that no code writes.
  bool exchanges_state(const UnitValue& value, std::string_view member) const {
    const Reference* was = pointer_in(true, value);
    const Reference* is = pointer_in(false, value);
    if (was == nullptr || is == nullptr) return false;
    const bool goes = is_variable(true, *was) && !pair_.twins->post_of(was->atom);
    const bool comes = is_variable(false, *is) && !pair_.twins->pre_of(is->atom);
    if (!goes && !comes) return false;
    const bool is_limit = member == "extra1" || member == "extra2";
    return !is_limit || (goes && !is_only_read(true, was->atom)) ||
           (comes && !is_only_read(false, is->atom));
  }

  bool is_variable(bool pre, const Reference& reference) const {
    return !reference.undefined && table(pre).at(reference.atom).kind == AtomKind::writable;
  }

  // A static number that a table of settings points to as its limit (extra1, extra2).
  bool is_bound(const UnitValue& value, const std::string& type) const {
    const Atom& atom = pair_.post->at(value.post_atom);
    return atom.kind == AtomKind::read_only && is_integer(type) && is_its_files_own(value) &&
           atom.size <= sizeof(std::uint64_t) && is_pointed_to_by(value, false, false);
  }

  static bool is_integer(const std::string& type) {
    return std::ranges::find(kIntegers, type) != std::end(kIntegers);
  }

  bool is_its_files_own(const UnitValue& value) const {
    const Symbol* symbol = pair_.pre->symbol_at_start(pair_.pre->at(value.pre_atom));
    return symbol != nullptr && symbol->is_local();
  }

  // A number that code reads and never writes, and that a sysctl or a parameter sets.
  bool is_setting(const UnitValue& value) const {
    const VariableFacts* variable = find_variable(after_, value.name);
    return variable != nullptr && is_integer(variable->type) && is_its_files_own(value) &&
           is_only_read(true, value.pre_atom) && is_only_read(false, value.post_atom) &&
           is_pointed_to_by(value, true, true) && is_only_stored(value.pre_atom);
  }

  // Do the handlers of its tables do nothing but store it? What else one does when somebody sets it,
  // such as setup_per_zone_wmarks() (mm/page_alloc.c: watermark_scale_factor), nobody would do here.
  bool is_only_stored(std::uint32_t target) const {
    const auto record = before_.records.find("struct ctl_table");
    if (record == before_.records.end() || record->second.size == 0) return true;
    std::uint64_t handler = 0;
    for (const MemberFacts& member : record->second.members)
      if (member.name == "proc_handler") handler = member.offset / 8;
    for (const Atom& atom : pair_.pre->all()) {
      const VariableFacts* variable = find_variable(before_, atom.name);
      if (atom.kind == AtomKind::code || !refers_to(atom, target) || variable == nullptr ||
          element_of(variable->type) != "struct ctl_table")
        continue;
      for (const Reference& data : atom.references) {
        if (data.undefined || data.atom != target) continue;
        const std::uint64_t entry = data.offset - data.offset % record->second.size;
        for (const Reference& one : atom.references)
          if (one.offset == entry + handler && !is_plain_handler(one, target)) return false;
      }
    }
    return true;
  }

  // One of kernel/sysctl.c, or code of the file that calls only those and changes no other data.
  bool is_plain_handler(const Reference& handler, std::uint32_t target) const {
    std::set<std::uint32_t> seen;
    std::vector<Reference> todo{handler};
    while (!todo.empty()) {
      const Reference reference = todo.back();
      todo.pop_back();
      if (reference.undefined) {
        if (!is_of_sysctl(pair_.pre->object().symbol(reference.symbol).name)) return false;
        continue;
      }
      const Atom& atom = pair_.pre->at(reference.atom);
      if (atom.kind == AtomKind::writable && reference.atom != target) return false;
      if (atom.kind == AtomKind::code && seen.insert(reference.atom).second)
        todo.insert(todo.end(), atom.references.begin(), atom.references.end());
    }
    return true;
  }

  static bool is_of_sysctl(std::string_view name) {
    constexpr std::string_view kBeginnings[] = {"proc_do",    "do_proc_",      "__do_proc_",
                                                "__fentry__", "__x86_return_", "__x86_indirect_",
                                                "__stack_chk"};
    return std::ranges::any_of(
        kBeginnings, [&](std::string_view beginning) { return name.starts_with(beginning); });
  }

  // Do tables of settings point to it, and parameters if these may, and no other data?
  bool is_pointed_to_by(const UnitValue& value, bool parameters, bool pre) const {
    const AtomTable& atoms = table(pre);
    bool any = false;
    for (const Atom& atom : atoms.all()) {
      if (atom.kind == AtomKind::code || !refers_to(atom, pre ? value.pre_atom : value.post_atom))
        continue;
      const std::string& section = atoms.object().section(atom.section).name;
      const VariableFacts* variable = find_variable(after_, atom.name);
      const bool is_table = variable != nullptr && element_of(variable->type) == "struct ctl_table";
      if (!is_table && !(parameters && section == "__param" && can_be_set(atoms, atom)))
        return false;
      any = true;
    }
    return any;
  }

  // A parameter that can be set at any time, by the kernel's own functions. One that is set at
  // start-up only may be the length of an array by now (drivers/net/slip/slip.c: slip_maxdev).
  // struct kernel_param of include/linux/moduleparam.h begins with name, mod, ops, perm.
  static bool can_be_set(const AtomTable& atoms, const Atom& parameter) {
    constexpr std::uint64_t kOps = 16;
    constexpr std::uint64_t kPermissions = 24;
    constexpr std::uint8_t kWritable = 0200;  // by the owner, in the low byte
    const Bytes bytes = atoms.bytes(parameter);
    if (bytes.size() <= kPermissions || (bytes[kPermissions] & kWritable) == 0) return false;
    return std::ranges::any_of(parameter.references, [&](const Reference& reference) {
      return reference.offset == kOps && reference.undefined &&
             atoms.object().symbol(reference.symbol).name.starts_with("param_ops_");
    });
  }

  static bool refers_to(const Atom& atom, std::uint32_t target) {
    return std::ranges::any_of(atom.references, [&](const Reference& reference) {
      return !reference.undefined && reference.atom == target;
    });
  }

  // What an atom of code does with a variable, at each place that names it.
  static std::set<AddressUse> uses_of(const AtomTable& atoms, const InstructionStarts& starts,
                                      const Atom& atom, std::uint32_t target) {
    std::set<AddressUse> uses;
    for (const Reference& reference : atom.references) {
      if (reference.undefined || reference.atom != target) continue;
      const std::uint64_t at = instruction_of(starts, atom, reference);
      uses.insert(
          address_use(atoms.bytes(atom).subspan(at), static_cast<unsigned>(reference.offset - at)));
    }
    return uses;
  }

  // Start-up code may write what it likes: that is how the kernel came up.
  bool is_only_read(bool pre, std::uint32_t target) const {
    const AtomTable& atoms = table(pre);
    const InstructionStarts starts(atoms.object());
    return std::ranges::all_of(atoms.all(), [&](const Atom& atom) {
      if (atom.kind != AtomKind::code || atoms.role(atom) == SectionRole::init) return true;
      const auto uses = uses_of(atoms, starts, atom, target);
      return !uses.contains(AddressUse::write) && !uses.contains(AddressUse::address);
    });
  }

  // Does code of the file read the table's members itself, or hand it to what copies?
  bool is_copied(const UnitValue& value) const {
    const AtomTable& atoms = *pair_.pre;
    const InstructionStarts starts(atoms.object());
    return std::ranges::any_of(atoms.all(), [&](const Atom& atom) {
      return atom.kind == AtomKind::code && refers_to(atom, value.pre_atom) &&
             (has_copier(atom) || copies_blocks(atom, starts) ||
              uses_of(atoms, starts, atom, value.pre_atom) != std::set{AddressUse::address});
    });
  }

  bool has_copier(const Atom& atom) const {
    return std::ranges::any_of(atom.references, [&](const Reference& reference) {
      return reference.undefined &&
             std::ranges::find(kCopiers, pair_.pre->object().symbol(reference.symbol).name) !=
                 std::end(kCopiers);
    });
  }

  bool copies_blocks(const Atom& atom, const InstructionStarts& starts) const {
    const Bytes code = pair_.pre->bytes(atom);
    for (std::uint64_t at = 0; at < code.size();) {
      if (copies_memory(code.subspan(at))) return true;
      at += starts.distance_to_next(atom.section, SectionOffset(atom.begin + at), 1);
    }
    return false;
  }

  const UnitFacts& before_;
  const UnitFacts& after_;
  const UnitPair& pair_;
};

bool is_about_values(const Finding& finding) {
  return finding.code == "function-table-changed" || finding.code == "readonly-data-changed" ||
         finding.code == "initial-value-changed";
}

}  // namespace

void permit_values(const UnitFacts& before, const UnitFacts& after, const UnitPair& pair,
                   UnitDiff& diff) {
  const ValueJudge judge(before, after, pair);
  std::set<std::string> refused;  // variables
  std::erase_if(diff.findings, [&](const Finding& finding) {
    if (!is_about_values(finding)) return false;
    std::vector<UnitValue*> values;
    for (UnitValue& value : diff.values)
      if (value.name == finding.name) values.push_back(&value);
    if (!values.empty() && judge.may_be_written(values)) return true;
    if (finding.code == "initial-value-changed") refused.insert(finding.name);
    return false;
  });
  std::erase_if(diff.values, [&](const UnitValue& value) { return refused.contains(value.name); });
}

void forbid_defaults(UnitDiff& diff) {
  std::erase_if(diff.values, [&](const UnitValue& value) {
    return std::ranges::any_of(diff.findings, [&](const Finding& finding) {
      return finding.code == "initial-value-changed" && finding.name == value.name;
    });
  });
}

}  // namespace splicer
