// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/preflight.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "matcher/image/live_image.h"
#include "runtime/apply.h"
#include "runtime/live/device.h"
#include "runtime/live/interruption.h"
#include "runtime/live/module_policy.h"
#include "runtime/prepare/live_patches.h"

namespace splicer {

namespace {

constexpr const char* kMachine = "x86_64";
constexpr const char* kKernelTypes = "/sys/kernel/btf/vmlinux";

PreflightAnswer lacks(std::string question, const char* option) {
  return {std::move(question),
          fail(ExitCode::unsafe, "kernel-lacks", fmt::format("this kernel lacks {}", option))
              .hint(fmt::format("boot a kernel with {}: those of Debian have it", option))
              .take(),
          {}};
}

std::vector<PreflightAnswer> ask_policy() {
  std::vector<PreflightAnswer> answers;
  const std::string question = "modules may be loaded";
  for (Error& fault : module_policy_faults(ModuleKind::linked_here))
    answers.push_back({question, std::move(fault), {}});
  if (answers.empty()) answers.push_back({question, {}, {}});
  return answers;
}

// One that another release left, or that does not answer, is in the way of each update.
PreflightAnswer ask_core_module() {
  PreflightAnswer answer{"the core module", {}, "it is not loaded, and comes with an update"};
  if (!Device::exists()) return answer;
  HeldSignals signals;
  const auto device = Device::open({0, {}}, signals);
  answer.note = "it is loaded";
  if (device) return answer;
  answer.note.clear();
  if (device.error().code == "device-busy")
    answer.note = device.error().message;
  else
    answer.fault = device.error();
  return answer;
}

PreflightAnswer ask_live_patches() {
  PreflightAnswer answer{"no other live patch is in the way", {}, {}};
  const auto state = State::read();
  const LivePatches others =
      LivePatches::read(state ? state->redirected() : std::map<std::string, std::size_t>());
  if (!others.empty())
    answer.note = "there are some: an update of a function that one of them has taken is refused";
  return answer;
}

PreflightAnswer ask_types() {
  PreflightAnswer answer{"the kernel tells its types", {}, {}};
  if (access(kKernelTypes, R_OK) != 0)
    answer.note =
        "it does not (CONFIG_DEBUG_INFO_BTF): what new code takes for granted is not compared";
  return answer;
}

}  // namespace

PreflightAnswer ask_processor(const KernelIdentity& kernel) {
  PreflightAnswer answer{"the processor is one that updates are made for", {}, {}};
  if (kernel.machine != kMachine)
    answer.fault = fail(ExitCode::wrong_machine, "wrong-processor",
                        fmt::format("this machine is {}, and updates are made for {} only",
                                    kernel.machine, kMachine))
                       .hint("reboot into a fixed kernel")
                       .take();
  return answer;
}

std::vector<PreflightAnswer> ask_symbols(const SymbolTable& symbols) {
  std::vector<PreflightAnswer> answers;
  const std::string probes = "the kernel has kprobes";
  if (symbols.find("vmlinux", "register_kprobe").empty())
    answers.push_back(lacks(probes, "CONFIG_KPROBES"));
  else
    answers.push_back({probes, {}, {}});
  const std::string names = "the kernel lists all of its symbols";
  if (symbols.lists_variables())
    answers.push_back({names, {}, {}});
  else
    answers.push_back(lacks(names, "CONFIG_KALLSYMS_ALL"));
  PreflightAnswer shadow{"the kernel has shadow data", {}, {}};
  if (symbols.find("vmlinux", "klp_shadow_get").empty())
    shadow.note = "it has not (CONFIG_LIVEPATCH): updates that need it are refused";
  answers.push_back(std::move(shadow));
  return answers;
}

std::vector<PreflightAnswer> preflight() {
  std::vector<PreflightAnswer> answers{ask_processor(running_kernel())};
  PreflightAnswer root{"the command may read the kernel", {}, {}};
  if (auto may = check_root(); !may) root.fault = std::move(may.error());
  const bool readable = !root.fault;
  answers.push_back(std::move(root));
  std::ranges::move(ask_policy(), std::back_inserter(answers));
  if (readable) {
    PreflightAnswer memory{"the kernel's memory and symbols can be read", {}, {}};
    auto image = open_live_image();
    if (!image) memory.fault = std::move(image.error());
    answers.push_back(std::move(memory));
    if (image) std::ranges::move(ask_symbols((*image)->symbols()), std::back_inserter(answers));
    answers.push_back(ask_core_module());
  }
  answers.push_back(ask_live_patches());
  answers.push_back(ask_types());
  return answers;
}

bool patchable(const std::vector<PreflightAnswer>& answers) {
  return std::ranges::none_of(answers,
                              [](const PreflightAnswer& one) { return one.fault.has_value(); });
}

std::string preflight_text(const std::vector<PreflightAnswer>& answers) {
  std::string text;
  for (const PreflightAnswer& one : answers) {
    text += fmt::format("{}: {}", one.question, one.fault ? "NO" : "yes");
    if (one.fault) text += fmt::format(": {} ({})", one.fault->message, one.fault->code);
    if (!one.note.empty()) text += fmt::format("; {}", one.note);
    text += "\n";
    if (one.fault && !one.fault->advice.empty()) text += fmt::format("    {}\n", one.fault->advice);
  }
  return text + (patchable(answers) ? "this machine can be patched while it runs\n"
                                    : "this machine can NOT be patched while it runs\n");
}

nlohmann::json preflight_json(const std::vector<PreflightAnswer>& answers) {
  nlohmann::json rows = nlohmann::json::array();
  for (const PreflightAnswer& one : answers) {
    nlohmann::json row{{"question", one.question}, {"yes", !one.fault}, {"note", one.note}};
    if (one.fault) row["fault"] = error_json(*one.fault);
    rows.push_back(std::move(row));
  }
  return {{"patchable", patchable(answers)}, {"answers", std::move(rows)}};
}

}  // namespace splicer
