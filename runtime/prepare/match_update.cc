// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/match_update.h"

#include <fmt/core.h>

#include <algorithm>

#include "matcher/elf/elf_object.h"
#include "matcher/image/btf_layout.h"
#include "runtime/prepare/values.h"

namespace splicer {

namespace {

Result<UnitMatch> match_unit(const Package& package, const PackageTarget& target,
                             const PackageUnit& unit, const Image& image, const State& state) {
  auto object = ElfObject::parse(package.members.at(unit.pre), unit.name);
  if (!object) {
    object.error().exit = ExitCode::bad_package;
    return propagate(object);
  }
  MatchOptions options;
  options.target = target.name;
  options.redirects = state.redirects();
  options.update_modules = state.modules();
  auto match = match_object(*object, image, options);
  if (!match) return propagate(match);
  return UnitMatch{std::move(*match), std::move(*object)};
}

// The verdict on one function that is to be replaced.
Result<MatchedFunction> proved(const PackageFunction& function, const MatchResult& unit) {
  const auto run =
      std::find_if(unit.functions.begin(), unit.functions.end(),
                   [&](const FunctionMatch& match) { return match.symbol == function.pre_symbol; });
  if (run == unit.functions.end() || run->name != function.name) {
    return fail(ExitCode::bad_package, "package-manifest",
                fmt::format("symbol {} of the pre object is not function {}", function.pre_symbol,
                            function.name))
        .at_file(function.unit)
        .in_function(function.name)
        .hint("make the package again with splice-create");
  }
  if (run->state != MatchState::matched) {
    Error error = run->error;
    error.exit = ExitCode::mismatch;
    if (error.file.empty()) error.file = function.unit;
    if (error.function.empty()) error.function = function.name;
    if (error.advice.empty())
      error.advice = "make the update again from the source of exactly the kernel that runs";
    return Failure(std::move(error));
  }
  MatchedFunction matched;
  matched.function = &function;
  matched.run = *run;
  return matched;
}

Result<std::vector<std::string>> values_of(const Package& package, const PackageTarget& target,
                                           const Addresses& addresses, const Image& image) {
  if (target.values.empty()) return std::vector<std::string>();
  auto module = ElfObject::parse(package.members.at(target.new_member), target.new_member);
  if (!module) {
    module.error().exit = ExitCode::bad_package;
    return propagate(module);
  }
  return compare_values(target, *module, addresses, image);
}

}  // namespace

Result<MatchedUpdate> match_update(const Package& package, const std::set<std::string>& left_out,
                                   const Image& image, const State& state) {
  const std::vector<PackageTarget>& targets = package.manifest.targets;
  UnitMatches units;
  for (const PackageTarget& target : targets) {
    if (left_out.contains(target.name)) continue;
    for (const PackageUnit& unit : target.units) {
      auto result = match_unit(package, target, unit, image, state);
      if (!result) return propagate(result);
      units.emplace(unit.name, std::move(*result));
    }
  }

  MatchedUpdate matched;
  matched.addresses.resize(targets.size());
  matched.constants.resize(targets.size());
  const std::vector<std::uint8_t> kernel_types = image.types("vmlinux");
  std::set<RunAddress> entries;
  std::vector<RunAddress> referred;
  for (std::size_t i = 0; i < targets.size(); i++) {
    if (left_out.contains(targets[i].name)) continue;
    for (const PackageFunction& function : targets[i].functions) {
      if (function.kind == "new") continue;
      auto one = proved(function, units.at(function.unit).match);
      if (!one) return propagate(one);
      const bool checked = function.kind == "checked";
      if (checked && one->run.run_bytes.empty()) continue;  // nobody can be in it
      const RunAddress entry = checked ? one->run.code : one->run.address;
      if (!entries.insert(entry).second) {
        return fail(ExitCode::bad_package, "package-manifest",
                    "the update lists the function at this address twice")
            .in_function(function.name)
            .at_address(entry)
            .hint("make the package again with splice-create");
      }
      one->target = i;
      referred.push_back(entry);
      if (checked) {
        matched.checked.push_back(std::move(*one));
        continue;
      }
      auto site = choose_trampoline_site(one->run, state.newest(entry).function, image);
      if (!site) return propagate(site);
      one->trampoline = *site;
      matched.functions.push_back(std::move(*one));
    }
    auto addresses = resolve_symbols(targets[i], units, image);
    if (!addresses) return propagate(addresses);
    for (const auto& [symbol, address] : *addresses) referred.push_back(address);
    matched.addresses[i] = std::move(*addresses);
    auto constants = resolve_constants(targets[i], image);
    if (!constants) return propagate(constants);
    matched.constants[i] = std::move(*constants);
    auto set = values_of(package, targets[i], matched.addresses[i], image);
    if (!set) return propagate(set);
    matched.set_values.insert(matched.set_values.end(), set->begin(), set->end());
    const std::string& name = targets[i].name;
    const auto types = compare_used_types(
        {targets[i].types, targets[i].enumerators, targets[i].declarations}, kernel_types,
        name == "vmlinux" ? std::vector<std::uint8_t>() : image.types(name), name);
    if (!types) return propagate(types);
    matched.types += types->agreeing;
    matched.unknown_types.insert(matched.unknown_types.end(), types->unknown.begin(),
                                 types->unknown.end());
  }
  matched.owners = owners(referred, image.symbols());
  for (const PackageTarget& target : targets) matched.owners.erase(target.name);
  return matched;
}

}  // namespace splicer
