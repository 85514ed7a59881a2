// SPDX-License-Identifier: GPL-2.0-or-later
//
// Matches every function of many objects against one image, and accounts for each.
//
//     sweep-match --image live --details /share/details LIST
//
// A function is matched, or refused with a reason that is proved here as far as the image allows,
// or unexplained. Refused are: code that is gone after start-up; a weak function where the kernel's
// own symbol of that name is a strong one; a name that the kernel's table does not have; a name
// that it has several times where no proved code decides; a probe in the body; a function that an
// update of ours replaced, whose newest code is another. All other
// differences are unexplained: either the matcher is wrong or the kernel is.
//
// Invariant: F = M + R + U, and every function of every compared object is counted once.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <set>

#include "matcher/base/command_line.h"
#include "matcher/elf/elf_object.h"
#include "matcher/match/match.h"
#include "runtime/prepare/state.h"
#include "tests/proof/object_list.h"

namespace {

using namespace splicer;
namespace po = boost::program_options;

struct Account {
  std::size_t objects = 0;
  std::size_t built_in = 0;
  std::size_t matched = 0;
  std::size_t refused = 0;
  std::size_t unexplained = 0;
  std::size_t bytes = 0;      // of matched code
  std::size_t constants = 0;  // that differ
  std::size_t addresses = 0;  // learnt from code
  std::size_t settled = 0;    // of these, of names that the kernel has more than once
  std::size_t traced = 0;
  std::size_t not_loaded = 0;
  std::map<std::string, std::size_t> reasons;

  std::size_t functions() const { return matched + refused + unexplained; }
};

bool is_weak_in_kernel(const SymbolTable& table, const std::string& target,
                       const std::string& name) {
  const auto known = table.find(target, name);
  return std::any_of(known.begin(), known.end(), [](const KernelSymbol* symbol) {
    return symbol->type == 'W' || symbol->type == 'w';
  });
}

// Has the image any function of the object under its name? Objects of an archive (lib/lib.a) that
// nothing needs are not linked at all.
bool has_any(const SymbolTable& table, const std::string& target, const MatchResult& result) {
  return std::any_of(result.functions.begin(), result.functions.end(),
                     [&](const FunctionMatch& f) { return !table.find(target, f.name).empty(); });
}

class Sweep {
 public:
  Sweep(const Image& image, MatchOptions updates, const std::string& details)
      : image_(image), updates_(std::move(updates)), details_(details) {}

  Result<void> object(const ListedObject& listed) {
    if (!image_.symbols().has_target(listed.target)) {
      account_.not_loaded++;
      note(listed, "-", "not-loaded", listed.target);
      return {};
    }
    auto object = ElfObject::load(listed.path);
    if (!object) return propagate(object);
    MatchOptions options = updates_;
    options.target = listed.target;
    auto result = match_object(*object, image_, options);
    if (!result) return propagate(result);
    account_.objects++;
    if (listed.target == "vmlinux") account_.built_in++;
    const bool linked = has_any(image_.symbols(), listed.target, *result);
    for (const FunctionMatch& function : result->functions) {
      if (function.state == MatchState::matched) {
        account_.matched++;
        account_.bytes += function.run_bytes.size();
        if (!function.traced_by.empty()) account_.traced++;
        if (object->symbol(function.symbol).is_weak())
          matched_weak_.emplace(listed.target, function.name);
        note(listed, function.name, "matched", fmt::format("{}", function.code));
      } else {
        refuse(listed, function, linked);
      }
    }
    for (const auto& [index, error] : result->altered_constants) {
      account_.constants++;
      note(listed, object->symbol(index).name, "constant", error.message);
    }
    for (const auto& [index, address] : result->addresses) {
      const Symbol& symbol = object->symbol(index);
      if (symbol.is_section()) continue;
      account_.addresses++;
      if (image_.symbols().find_anywhere(symbol.name).size() > 1) account_.settled++;
    }
    return {};
  }

  // A weak function that differs, and the kernel's is weak as well: of two weak definitions the
  // linker takes the first, so it may be another object's, and then that object's has matched.
  const Account& finish() {
    for (const auto& [listed, function] : weak_) {
      const bool of_another = matched_weak_.contains({listed.target, function.name});
      count(listed, function, of_another ? "weak-overridden" : "weak-differs", of_another);
    }
    weak_.clear();
    return account_;
  }

 private:
  void refuse(const ListedObject& listed, const FunctionMatch& function, bool linked) {
    std::string reason = function.error.code;
    bool named = function.state == MatchState::absent || function.state == MatchState::ambiguous ||
                 reason == "probe-in-function" || reason == "tracer-in-function";
    if (!function.update.empty()) {
      reason = "replaced-by-update";
      named = true;
    }
    if (reason == "function-absent" && !linked) reason = "object-not-linked";
    if (reason == "weak-overridden" &&
        is_weak_in_kernel(image_.symbols(), listed.target, function.name)) {
      weak_.push_back({listed, function});
      return;
    }
    count(listed, function, reason, named);
  }

  void count(const ListedObject& listed, const FunctionMatch& function, const std::string& reason,
             bool named) {
    account_.reasons[reason]++;
    (named ? account_.refused : account_.unexplained)++;
    note(listed, function.name, (named ? "refused " : "UNEXPLAINED ") + reason,
         function.error.message);
  }

  void note(const ListedObject& listed, const std::string& name, const std::string& verdict,
            const std::string& text) {
    details_ << fmt::format("{} {} {} {}: {}\n", listed.target, listed.unit, name, verdict, text);
  }

  const Image& image_;
  const MatchOptions updates_;  // what is applied
  std::ofstream details_;
  Account account_;
  std::vector<std::pair<ListedObject, FunctionMatch>> weak_;
  std::set<std::pair<std::string, std::string>> matched_weak_;  // target, name
};

void print(const Account& account, double seconds) {
  fmt::print("{:>8}  matched\n", account.matched);
  for (const auto& [reason, count] : account.reasons) fmt::print("{:>8}  {}\n", count, reason);
  fmt::print(
      "{} built-in objects, {} of modules; {} objects of modules that are not loaded\n"
      "{} bytes of code matched in {:.1f} s; {} functions traced meanwhile\n"
      "{} addresses learnt, {} of them of names that the kernel has more than once; "
      "{} constants differ\n",
      account.built_in, account.objects - account.built_in, account.not_loaded, account.bytes,
      seconds, account.traced, account.addresses, account.settled, account.constants);
  std::size_t gone = 0;
  for (const char* reason : {"init-function", "weak-overridden", "object-not-linked"})
    if (const auto found = account.reasons.find(reason); found != account.reasons.end())
      gone += found->second;
  const std::size_t here = account.functions() - gone;
  fmt::print(
      "{} functions apart, whose code is not in this kernel's memory; of the others {:.2f} % "
      "match\n",
      gone,
      100.0 * static_cast<double>(account.matched) /
          static_cast<double>(std::max<std::size_t>(here, 1)));
  fmt::print("swept {} functions in {} objects: {} matched, {} refused by name, {} unexplained\n",
             here, account.objects, account.matched, account.refused - gone, account.unexplained);
}

}  // namespace

int main(int argc, char** argv) {
  Command command("sweep-match", "[OPTION]... LIST", "Match every function of many objects.");
  command.options().add_options()("image", po::value<std::string>()->default_value("live"),
                                  "live, or a vmlinuz")(
      "modules", po::value<std::string>()->default_value(""), "lib/modules/REL, with a vmlinuz")(
      "details", po::value<std::string>()->default_value("/dev/null"), "a line a function here");
  command.positional("list", 1);
  if (const auto status = command.parse(argc, argv)) return *status;
  const Console& console = command.console();
  const auto kernel = open_listed(command);
  if (!kernel) return console.finish(kernel.error());
  MatchOptions updates;
  if (command.values()["image"].as<std::string>() == "live") {
    const auto state = State::read();
    if (!state) return console.finish(state.error());
    updates.redirects = state->redirects();
    updates.update_modules = state->modules();
  }
  const auto began = std::chrono::steady_clock::now();
  Sweep sweep(*kernel->image, std::move(updates), command.values()["details"].as<std::string>());
  for (const ListedObject& object : kernel->objects)
    if (auto done = sweep.object(object); !done) return console.finish(done.error());
  const Account& account = sweep.finish();
  print(account, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  return account.unexplained + account.constants == 0 && account.matched > 0 ? 0 : 5;
}
