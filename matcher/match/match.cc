// SPDX-License-Identifier: GPL-2.0-or-later
//
// The order in which an object's sections are proved.
//
// A function whose name the kernel's symbol table has once has one candidate address, and is
// compared there. What it refers to is thereby learnt, which decides about functions whose names
// are ambiguous: a reference from proved code names their address. Where no reference does, the
// place decides, or a pointer of a variable whose name is unique (candidates.h). Code that merely
// looks right at one of several addresses is never enough: another object may hold the same static
// function.
//
//     prove_unambiguous      one candidate by name; then, until nothing more is proved:
//     prove_referenced       proved code refers to it
//     prove_neighbours       between or right beside proved code of this object
//     prove_pointed_at       a unique variable points to it
//
// At last the places are looked at together (refuse_misplaced): the linker keeps the order that the
// sections have in the object, so a name that the table has once, and which is another file's, is
// found though the code is the same.
//
// Sections of constants are compared when they are first referred to, and say where more symbols
// are.
#include "matcher/match/match.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <deque>

#include "matcher/elf/kernel_sections.h"
#include "matcher/match/candidates.h"
#include "matcher/match/code_compare.h"
#include "matcher/match/fields.h"
#include "matcher/match/mismatch.h"
#include "matcher/match/references.h"
#include "matcher/match/sites.h"
#include "matcher/match/table_compare.h"

namespace splicer {

namespace {

constexpr std::array<std::uint8_t, 4> kEndbr64 = {0xf3, 0x0f, 0x1e, 0xfa};

bool opens_with_endbr64(Bytes section, const Symbol& symbol) {
  return symbol.size >= kEndbr64.size() && symbol.value + kEndbr64.size() <= section.size() &&
         std::equal(kEndbr64.begin(), kEndbr64.end(),
                    section.begin() + static_cast<std::ptrdiff_t>(symbol.value.value()));
}

struct CodeSection {
  std::uint32_t index = 0;
  std::vector<const Symbol*> functions;
  std::string group;                   // linked_section() of its name
  std::size_t place = 0;               // among the object's sections of that group
  std::vector<RunAddress> candidates;  // possible bases
  bool inconsistent = false;           // its names are known, but not at its distances
  bool overridden = false;             // its names are weak, and another object's are not
  bool done = false;
  RunAddress base;  // when done and matched
  RunAddress code;
  bool matched = false;
  std::string update;
  std::string brought_by;  // the module of an update that the code is in
  Comparison comparison;
};

class ObjectMatcher {
 public:
  ObjectMatcher(const ElfObject& object, const Image& image, const MatchOptions& options,
                const SiteTables& sites)
      : object_(object),
        image_(image),
        options_(options),
        sites_(sites),
        plan_(object),
        references_(object, plan_, image, options),
        comparer_(object, sites, image),
        tables_(object, image),
        neighbourhood_(image.symbols()) {}

  MatchResult run() {
    collect_sections();
    prove_unambiguous();
    while (prove_referenced() || prove_neighbours() || prove_pointed_at()) {
    }
    refuse_misplaced();
    return results();
  }

 private:
  void collect_sections() {
    std::map<std::string, std::size_t> places;
    for (const Section& section : object_.sections()) {
      if (!section.is_code() || section.size == 0 || section.is_nobits() ||
          is_discarded(section.name, options_.target != "vmlinux"))
        continue;
      CodeSection code;
      code.index = section.index;
      code.functions = functions_in(section.index);
      code.group = linked_section(section.name);
      code.place = places[code.group]++;
      NamedBases named = bases_by_name(object_, plan_, image_, options_, section.index);
      code.candidates = std::move(named.bases);
      code.inconsistent = named.inconsistent;
      code.overridden = named.overridden;
      sections_.push_back(std::move(code));
    }
  }

  // As ElfObject::functions_in(), but without a look at all symbols for each section.
  std::vector<const Symbol*> functions_in(std::uint32_t section) const {
    std::vector<const Symbol*> functions;
    for (const std::uint32_t index : plan_.names(section))
      if (object_.symbol(index).is_function()) functions.push_back(&object_.symbol(index));
    std::ranges::stable_sort(functions, {}, &Symbol::value);
    return functions;
  }

  // Where the code of a section at `base` stands now: elsewhere if an update replaced it.
  RunAddress code_at(const CodeSection& code, RunAddress base, std::string* update) const {
    if (code.functions.empty()) return base;
    const Symbol& first = *code.functions[0];
    if (first.value != first.padding) return base;
    const auto redirect = options_.redirects.find(base + first.value);
    if (redirect == options_.redirects.end()) return base;
    if (update != nullptr) *update = redirect->second.update;
    return redirect->second.code - first.value;
  }

  // The module of an update whose code is at `address`; empty for the kernel's own.
  std::string update_module_at(RunAddress address, bool redirected) const {
    if (!redirected && options_.update_modules.empty()) return {};
    const KernelSymbol* symbol = image_.symbols().nearest(address);
    const bool brought = symbol != nullptr && (redirected || options_.is_update(symbol->module));
    return brought ? symbol->module : std::string();
  }

  // Compares at one base and keeps what was learnt if it matches.
  bool prove_at(CodeSection& code, RunAddress base) {
    std::string update;
    const RunAddress address = code_at(code, base, &update);
    const std::string brought_by = update_module_at(address, !update.empty());
    Trial trial(references_, brought_by);
    code.base = base;
    code.code = address;
    code.update = update;
    code.brought_by = brought_by;
    if (auto conflict = trial.bind_section(code.index, base)) {
      code.comparison = Comparison{Difference{{}, 0, *conflict}, {}, {}, {}};
      return false;
    }
    code.comparison = comparer_.compare(code.index, address, trial);
    if (!code.comparison.difference) {
      const bool of_update = !brought_by.empty();
      code.comparison.difference = tables_.compare(
          {code.index, address, of_update ? brought_by : options_.target, of_update},
          code.comparison, trial);
    }
    code.matched = !code.comparison.difference;
    if (!code.matched) return false;
    code.done = true;
    neighbourhood_.add(address,
                       {code.group, code.place, code.comparison.run.size(), !code.update.empty()});
    for (const std::uint32_t section : trial.commit()) to_check_.push_back(section);
    check_constants();
    return true;
  }

  // Constants: named read-only data that matched code refers to.
  void check_constants() {
    while (!to_check_.empty()) {
      const std::uint32_t index = to_check_.front();
      to_check_.pop_front();
      const Section& section = object_.section(index);
      if (!is_read_only_data(section.name) || section.is_writable() || section.is_nobits() ||
          section.bytes.empty())
        continue;
      const RunAddress base = *references_.section_base(index);
      std::vector<std::uint8_t> run(section.bytes.size());
      Trial trial(references_);
      std::string problem;
      if (auto read = image_.read(base, run); !read) {
        problem = read.error().message;
      } else {
        problem = compare_constant(section, base, run, trial);
      }
      if (problem.empty()) {
        for (const std::uint32_t learnt : trial.commit()) to_check_.push_back(learnt);
        continue;
      }
      altered_.emplace(
          index,
          fail(ExitCode::mismatch, "constant-differs",
               fmt::format("the running kernel has another constant: {}", problem))
              .at_file(object_.name())
              .in_function(section.name)
              .at_address(base)
              .hint(
                  "make the update again for exactly this kernel, with the compiler that built it")
              .take());
    }
  }

  std::string compare_constant(const Section& section, RunAddress base, Bytes run,
                               Trial& trial) const {
    const auto differs = compare_stretch(
        object_, section.index, SectionOffset(0), SectionOffset(section.bytes.size()), run,
        [&](const Relocation& relocation, Bytes field, std::uint64_t at) {
          return trial.prove(relocation, field, base + at, section.index, SectionOffset(at));
        });
    if (!differs) return {};
    return differs->kind == StretchDifference::Kind::field
               ? differs->reason
               : fmt::format("it differs at +{:#x}", differs->at);
  }

  void prove_unambiguous() {
    for (CodeSection& code : sections_)
      if (!code.done && code.candidates.size() == 1) {
        prove_at(code, code.candidates[0]);
        code.done = true;
      }
  }

  // Sections whose base proved code has told.
  bool prove_referenced() {
    bool progress = false;
    for (CodeSection& code : sections_) {
      if (code.done) continue;
      const auto base = references_.section_base(code.index);
      if (!base) continue;
      progress = prove_at(code, *base) || progress;
      code.done = true;
    }
    return progress;
  }

  // An ambiguous name right beside proved code of this object.
  bool prove_neighbours() {
    for (CodeSection& code : sections_) {
      if (code.done) continue;
      std::vector<RunAddress> own;
      for (const RunAddress base : code.candidates)
        if (neighbourhood_.is_own(base, code.group, code.place, object_.section(code.index).size))
          own.push_back(base);
      if (own.size() != 1) continue;
      const bool matched = prove_at(code, own[0]);
      code.done = true;
      if (matched) return true;
    }
    return false;
  }

  // An ambiguous name that a variable with a unique name points to, where the object says that it
  // points to this function.
  bool prove_pointed_at() {
    if (std::ranges::all_of(sections_, &CodeSection::done)) return false;
    const auto open_section = [&](std::uint32_t section) {
      const auto code = std::ranges::find(sections_, section, &CodeSection::index);
      return code == sections_.end() || code->done ? nullptr : &*code;
    };
    return visit_pointed_at(
        object_, image_, options_.target,
        [&](std::uint32_t section) { return open_section(section) != nullptr; },
        [&](std::uint32_t section, RunAddress base) {
          CodeSection& code = *open_section(section);
          if (std::ranges::find(code.candidates, base) == code.candidates.end()) return false;
          const bool matched = prove_at(code, base);
          code.done = true;
          return matched;
        });
  }

  // Two sections that do not follow each other in the kernel as they do in the object: one of them
  // is another file's, and nothing tells which.
  void refuse_misplaced() {
    std::map<std::string, CodeSection*> last;  // by group
    std::vector<std::pair<CodeSection*, CodeSection*>> misplaced;
    for (CodeSection& code : sections_) {
      if (!code.matched || !code.brought_by.empty()) continue;
      CodeSection*& before = last[code.group];
      // What has been replaced runs elsewhere, and may have another length there.
      const std::uint64_t size = before == nullptr || !before->update.empty()
                                     ? 1
                                     : std::max<std::uint64_t>(before->comparison.run.size(), 1);
      if (before != nullptr && code.base < before->base + size)
        misplaced.emplace_back(before, &code);
      before = &code;
    }
    for (const auto& [before, after] : misplaced)
      for (CodeSection* code : {before, after}) {
        code->matched = false;
        code->comparison.difference = Difference{
            {},
            0,
            fmt::format(
                "{} is at {} and {} at {}, in another order than in the object: one of them "
                "is another file's",
                object_.section(before->index).name, before->base,
                object_.section(after->index).name, after->base)};
      }
  }

  // Is the weak name another object's in the kernel? The code may be there all the same, under
  // another name of its own (memcpy beside __memcpy).
  bool is_overridden(const Symbol& symbol, RunAddress address) const {
    if (!symbol.is_weak()) return false;
    const auto known = image_.symbols().find(options_.target, symbol.name);
    return !known.empty() && std::ranges::none_of(known, [&](const KernelSymbol* one) {
      return one->address == address;
    });
  }

  MatchResult results() {
    MatchResult result;
    std::map<std::uint32_t, std::size_t> differing;  // a function of each section that differs
    for (const CodeSection& code : sections_)
      for (const Symbol* function : code.functions) {
        if (code.comparison.difference && !code.matched)
          differing.emplace(code.index, result.functions.size());
        result.functions.push_back(describe(code, *function));
      }
    advise(result);
    for (const Section& section : object_.sections())
      if (section.is_code() && is_discarded(section.name, options_.target != "vmlinux"))
        for (const Symbol* function : object_.functions_in(section.index))
          result.functions.push_back(gone(*function));
    for (const Symbol& symbol : object_.symbols()) {
      if (symbol.index == 0) continue;
      const auto altered = altered_.find(symbol.section);
      if (symbol.defined() && altered != altered_.end()) {
        result.altered_constants.emplace(symbol.index, altered->second);
      } else if (const auto other = differing.find(symbol.section);
                 symbol.defined() && !symbol.is_weak() && other != differing.end()) {
        result.altered_functions.emplace(symbol.index, result.functions[other->second].error);
      } else if (const auto value = references_.symbol_value(symbol.index)) {
        result.addresses.emplace(symbol.index, *value);
      }
    }
    return result;
  }

  // What the object's functions say together about the mistake that was made.
  void advise(MatchResult& result) const {
    const auto differs = [](const FunctionMatch& f) { return f.error.code == "run-pre-mismatch"; };
    const auto bad = static_cast<std::size_t>(
        std::ranges::count_if(result.functions, [&](const FunctionMatch& function) {
          return differs(function) || function.error.code == "function-absent";
        }));
    if (std::ranges::none_of(result.functions, differs)) return;
    const std::string hint =
        mismatch_hint(object_, image_, result.functions.size(), bad, only_numbers_);
    for (FunctionMatch& function : result.functions)
      if (differs(function))
        function.error.advice =
            function.update.empty()
                ? hint
                : fmt::format(
                      "update {} has replaced this function: make this one with --on for it",
                      function.update);
  }

  FunctionMatch gone(const Symbol& symbol) const {
    FunctionMatch match;
    match.name = symbol.name;
    match.symbol = symbol.index;
    match.state = MatchState::absent;
    match.error =
        fail(ExitCode::mismatch, "init-function",
             "it is init code, which the kernel frees after use: it is no longer in memory")
            .at_file(object_.name())
            .in_function(symbol.name)
            .take();
    return match;
  }

  FunctionMatch describe(const CodeSection& code, const Symbol& symbol) {
    FunctionMatch match;
    match.name = symbol.name;
    match.symbol = symbol.index;
    const bool overridden = code.matched && is_overridden(symbol, code.base + symbol.value);
    if (code.matched && !overridden) {
      match.state = MatchState::matched;
      fill_matched(code, symbol, match);
      return match;
    }
    const auto base =
        fail(ExitCode::mismatch, "", "").at_file(object_.name()).in_function(symbol.name).take();
    if (code.inconsistent && !code.comparison.difference && !symbol.is_weak()) {
      match.state = MatchState::mismatched;
      match.error = base;
      match.error.code = "run-pre-mismatch";
      match.error.message = fmt::format(
          "the running kernel has the symbols of {} at different offsets from each other: it was "
          "built from other source, by another compiler or with other options",
          object_.section(code.index).name);
      return match;
    }
    if (overridden || (code.candidates.empty() && !code.comparison.difference)) {
      match.state = MatchState::absent;
      match.error = base;
      if (code.overridden || overridden) {
        match.error.code = "weak-overridden";
        match.error.message = "it is weak here, and the kernel runs another object's function";
        return match;
      }
      match.error.code = "function-absent";
      match.error.message =
          fmt::format("the running kernel has no function of that name in {}", options_.target);
      return match;
    }
    if (!code.done) {
      match.state = MatchState::ambiguous;
      match.error = base;
      match.error.code = "function-ambiguous";
      match.error.message = fmt::format(
          "the running kernel has {} functions of that name, and no proved code refers to "
          "one of them",
          code.candidates.size());
      return match;
    }
    match.address = code.base + symbol.value;
    match.code = code.code + symbol.value;
    match.update = code.update;
    // A weak function that another object overrides: the name's code is not this object's.
    match.state = symbol.is_weak() ? MatchState::absent : MatchState::mismatched;
    const Mismatch mismatch =
        describe_mismatch(object_, image_, symbol, code.comparison, code.code);
    match.error = mismatch.error;
    if (mismatch.only_numbers && !symbol.is_weak()) only_numbers_++;
    if (symbol.is_weak()) {
      match.error.code = "weak-overridden";
      match.error.message = "it is weak here, and the kernel runs another object's function";
    }
    return match;
  }

  void fill_matched(const CodeSection& code, const Symbol& symbol, FunctionMatch& match) const {
    const Comparison& comparison = code.comparison;
    const std::uint64_t begin = comparison.run_offset(symbol.value);
    const std::uint64_t end = std::min<std::uint64_t>(
        comparison.run_offset(symbol.value + symbol.size), comparison.run.size());
    match.address = code.base + symbol.value;
    match.code = code.code + begin;
    match.update = code.update;
    const Bytes run = comparison.run.bytes();
    match.run_bytes.assign(run.begin() + static_cast<std::ptrdiff_t>(begin),
                           run.begin() + static_cast<std::ptrdiff_t>(end));
    if (opens_with_endbr64(object_.section(code.index).bytes, symbol))
      match.kept_entry = kEndbr64.size();
    for (const SiteGroup& group : sites_.in(code.index)) {
      for (const Site& site : group.sites) {
        if (!site.rewritten_while_running() || site.offset < symbol.value ||
            site.offset >= symbol.value + symbol.size)
          continue;
        const auto at = static_cast<std::uint32_t>(comparison.run_offset(site.offset) - begin);
        // One that locks stays so: alternatives_smp_unlock() runs at boot and when a module is
        // loaded, and only if there is one processor (arch/x86/kernel/alternative.c).
        if (site.kind == SiteKind::lock_prefix && run[begin + at] == 0xf0) continue;
        match.live_sites.emplace_back(at, at + site.length);
        if (site.kind == SiteKind::ftrace && at == match.kept_entry) {
          match.ftrace_site = at;
          match.kept_entry += site.length;
        }
      }
    }
    for (const auto& [offset, who] : comparison.hooks)
      if (offset >= symbol.value && offset < symbol.value + symbol.size) match.traced_by = who;
  }

  const ElfObject& object_;
  const Image& image_;
  const MatchOptions& options_;
  const SiteTables& sites_;
  ReferencePlan plan_;
  References references_;
  CodeComparer comparer_;
  TableComparer tables_;
  std::vector<CodeSection> sections_;
  Neighbourhood neighbourhood_;
  std::deque<std::uint32_t> to_check_;
  std::map<std::uint32_t, Error> altered_;  // by section
  std::size_t only_numbers_ = 0;            // functions that differ first in an operand's number
};

}  // namespace

const FunctionMatch* MatchResult::find(std::string_view name) const {
  const auto found = std::find_if(functions.begin(), functions.end(),
                                  [&](const FunctionMatch& f) { return f.name == name; });
  return found == functions.end() ? nullptr : &*found;
}

Result<MatchResult> match_object(const ElfObject& pre, const Image& image,
                                 const MatchOptions& options) {
  if (!image.symbols().has_target(options.target)) {
    return fail(ExitCode::error, "module-not-loaded",
                fmt::format("the module '{}' is not loaded", options.target))
        .at_file(pre.name())
        .hint(fmt::format("load it first: modprobe {}", options.target));
  }
  auto sites = SiteTables::collect(pre);
  if (!sites) return propagate(sites);
  return ObjectMatcher(pre, image, options, *sites).run();
}

}  // namespace splicer
