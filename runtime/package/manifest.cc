// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/package/manifest.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "kmod/splice_abi.h"
#include "matcher/base/safe_path.h"
#include "matcher/elf/kernel_sections.h"
#include "runtime/package/cve.h"
#include "runtime/package/json_reader.h"
#include "runtime/package/update_name.h"

namespace splicer {

namespace {

using nlohmann::json;

constexpr int kSchema = 1;
constexpr std::size_t kMaxName = kMaxJsonName;
constexpr std::size_t kMaxModuleName = 55;  // MODULE_NAME_LEN is 64 - sizeof(long)
constexpr std::uint64_t kMaxOffset = 256u << 20;
constexpr std::uint64_t kMaxLayout = 1u << 31;  // bytes or bits of a structure
constexpr std::uint64_t kMaxSymbolIndex = 0xffffffffu;

std::string read_module(JsonReader& in, const json& row, const std::string& where,
                        const char* key) {
  return in.text(row, where, key, is_module_name, "a kernel module's name");
}

PackageFunction read_function(JsonReader& in, const json& row, const std::string& where) {
  PackageFunction f;
  f.name = in.name(row, where, "name");
  f.unit = in.path(row, where, "unit");
  f.kind = in.name(row, where, "kind");
  f.why = in.prose(row, where, "why");
  f.section = in.name_or_empty(row, where, "section");
  f.offset = in.number(row, where, "offset", kMaxOffset);
  f.size = in.number(row, where, "size", SPLICE_MAX_CODE);
  f.old_size = in.number(row, where, "old_size", SPLICE_MAX_CODE);
  f.pre_symbol = static_cast<std::uint32_t>(in.number(row, where, "pre_symbol", kMaxSymbolIndex));
  if (f.kind == "replaced") {
    if (f.pre_symbol == 0) in.wrong(where + ".pre_symbol", "is 0 for a replaced function");
    if (f.size == 0) in.wrong(where + ".size", "is 0 for a replaced function");
  } else if (f.kind == "checked") {
    if (f.pre_symbol == 0) in.wrong(where + ".pre_symbol", "is 0 for a function that is there");
  } else if (f.kind != "new") {
    in.wrong(where + ".kind", "is not 'replaced', 'new' or 'checked'");
  }
  if (f.section.empty() != (f.kind == "checked"))
    in.wrong(where + ".section", "does not say where the new code is");
  return f;
}

bool names_pre_symbol(const PackageSymbol& s) { return s.source == "pre" || s.source == "string"; }

PackageSymbol read_symbol(JsonReader& in, const json& row, const std::string& where) {
  PackageSymbol s;
  s.name = in.name(row, where, "name");
  s.source = in.name(row, where, "source");
  s.kernel_name = in.name_or_empty(row, where, "kernel_name");
  if (names_pre_symbol(s)) {
    s.unit = in.path(row, where, "unit");
    s.pre_symbol = static_cast<std::uint32_t>(in.number(row, where, "pre_symbol", kMaxSymbolIndex));
    if (s.pre_symbol == 0) in.wrong(where + ".pre_symbol", "is 0");
    if (s.source == "string") {
      s.offset = in.number(row, where, "offset", kMaxOffset);
      s.text = in.prose(row, where, "text");
    }
  } else if (s.source == "update") {
    s.target = read_module(in, row, where, "target");
  } else if (s.source == "constant") {
    if (constant_width(s.name) == 0) in.wrong(where + ".name", "is not a runtime constant");
  } else if (s.source != "kernel") {
    in.wrong(where + ".source", "is not 'pre', 'kernel', 'update', 'constant' or 'string'");
  }
  if (s.source != "pre" && s.kernel_name.empty()) in.wrong(where + ".kernel_name", "is empty");
  return s;
}

PackageHook read_hook(JsonReader& in, const json& row, const std::string& where) {
  PackageHook h;
  h.kind = in.text(
      row, where, "kind",
      [](const std::string& s) { return std::ranges::find(kHookKinds, s) != kHookKinds.end(); },
      "a kind of hook that is known here");
  h.name = in.name(row, where, "name");
  h.unit = in.path(row, where, "unit");
  h.section = in.name(row, where, "section");
  h.offset = in.number(row, where, "offset", kMaxOffset);
  return h;
}

PackageValue read_value(JsonReader& in, const json& row, const std::string& where) {
  PackageValue v;
  v.name = in.name(row, where, "name");
  v.unit = in.path(row, where, "unit");
  v.what = in.prose(row, where, "what");
  v.section = in.name(row, where, "section");
  v.offset = in.number(row, where, "offset", kMaxOffset);
  return v;
}

// "NAME@OFFSET" or "NAME@OFFSET:WIDTH", in bits; and "=TYPE" where that is known.
std::string member_text(const TypeMember& member) {
  std::string text = fmt::format("{}@{}", member.name, member.offset);
  if (member.width != 0) text += fmt::format(":{}", member.width);
  return member.type.empty() ? text : text + "=" + member.type;
}

std::optional<TypeMember> parse_member(std::string_view text) {
  std::string type;
  if (const std::size_t equals = text.find('='); equals != std::string_view::npos) {
    type = text.substr(equals + 1);
    text = text.substr(0, equals);
    if (type.empty() || type.size() > kMaxName || !is_plain_text(type, true)) return std::nullopt;
  }
  const std::size_t at = text.find('@');
  if (at == 0 || at == std::string_view::npos || at > kMaxName || !is_plain_text(text, false))
    return std::nullopt;
  TypeMember member{std::string(text.substr(0, at)), 0, 0, std::move(type)};
  const char* const end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data() + at + 1, end, member.offset);
  if (error != std::errc() || member.offset > kMaxLayout) return std::nullopt;
  if (rest == end) return member;
  if (*rest != ':') return std::nullopt;
  const auto [last, bad] = std::from_chars(rest + 1, end, member.width);
  if (bad != std::errc() || last != end || member.width == 0 || member.width > 64)
    return std::nullopt;
  return member;
}

TypeLayout read_type(JsonReader& in, const json& row, const std::string& where) {
  TypeLayout type;
  type.name = in.words(row, where, "name");
  type.size = in.number(row, where, "size", kMaxLayout);
  in.rows(row, where, "members", [&](const json& entry, const std::string& at) {
    const auto is_member = [](const std::string& s) { return parse_member(s).has_value(); };
    if (const auto member =
            parse_member(in.checked(entry, at, is_member, "NAME@OFFSET[:WIDTH][=TYPE]")))
      type.members.push_back(*member);
  });
  return type;
}

// "NAME=VALUE"
std::optional<UsedEnumerator> parse_enumerator(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos || equals > kMaxName ||
      !is_plain_text(text, false))
    return std::nullopt;
  UsedEnumerator one{std::string(text.substr(0, equals)), 0};
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + equals + 1, end, one.value);
  return error == std::errc() && rest == end ? std::optional(one) : std::nullopt;
}

// "NAME=TYPE"
std::optional<UsedDeclaration> parse_declaration(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos || equals > kMaxName ||
      equals + 1 == text.size() || text.size() - equals > kMaxName || !is_plain_text(text, true))
    return std::nullopt;
  return UsedDeclaration{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

PackageTarget read_target(JsonReader& in, const json& row, const std::string& where) {
  PackageTarget t;
  t.name = read_module(in, row, where, "name");
  t.new_member = in.path(row, where, "new");
  in.rows(row, where, "units", [&](const json& entry, const std::string& at) {
    PackageUnit unit;
    unit.name = in.path(entry, at, "name");
    unit.source = in.path(entry, at, "source");
    unit.pre = in.path(entry, at, "pre");
    t.units.push_back(std::move(unit));
  });
  in.rows(row, where, "functions", [&](const json& entry, const std::string& at) {
    t.functions.push_back(read_function(in, entry, at));
  });
  in.rows(row, where, "symbols", [&](const json& entry, const std::string& at) {
    t.symbols.push_back(read_symbol(in, entry, at));
  });
  in.rows(row, where, "hooks", [&](const json& entry, const std::string& at) {
    t.hooks.push_back(read_hook(in, entry, at));
  });
  in.rows(row, where, "values", [&](const json& entry, const std::string& at) {
    t.values.push_back(read_value(in, entry, at));
  });
  in.rows(row, where, "types", [&](const json& entry, const std::string& at) {
    t.types.push_back(read_type(in, entry, at));
  });
  in.rows(row, where, "enumerators", [&](const json& entry, const std::string& at) {
    const auto good = [](const std::string& s) { return parse_enumerator(s).has_value(); };
    if (const auto one = parse_enumerator(in.checked(entry, at, good, "NAME=VALUE")))
      t.enumerators.push_back(*one);
  });
  in.rows(row, where, "declarations", [&](const json& entry, const std::string& at) {
    const auto good = [](const std::string& s) { return parse_declaration(s).has_value(); };
    if (const auto one = parse_declaration(in.checked(entry, at, good, "NAME=TYPE")))
      t.declarations.push_back(*one);
  });
  return t;
}

PackageBase read_base(JsonReader& in, const json& row, const std::string& where) {
  PackageBase base;
  base.title = in.prose(row, where, "title");
  base.sha256 = in.text(
      row, where, "sha256",
      [](const std::string& s) {
        return s.size() == 64 && s.find_first_not_of("0123456789abcdef") == std::string::npos;
      },
      "a SHA-256");
  return base;
}

std::vector<std::string> read_fixes(JsonReader& in, const json& row, const std::string& where) {
  std::vector<std::string> fixes;
  in.rows(row, where, "fixes", [&](const json& entry, const std::string& at) {
    fixes.push_back(in.checked(entry, at, is_cve_id, "a CVE id"));
  });
  std::vector<std::string> sorted = fixes;
  sort_cve_ids(sorted);
  if (fixes.size() > kMaxFixes) in.wrong(where + ".fixes", "lists more than an update can fix");
  if (fixes != sorted) in.wrong(where + ".fixes", "is not in order");
  return fixes;
}

// What no field can say alone: that references lead somewhere and names are unique.
void check_references(JsonReader& in, const Manifest& manifest) {
  std::set<std::string> units;
  for (const PackageTarget& target : manifest.targets)
    for (const PackageUnit& unit : target.units)
      if (!units.insert(unit.name).second) in.wrong("unit " + unit.name, "appears twice");

  std::set<std::string> earlier;
  std::size_t replaced = 0;
  std::size_t checked = 0;
  std::size_t hooks = 0;
  std::size_t values = 0;
  for (const PackageTarget& target : manifest.targets) {
    const std::string where = "target " + target.name;
    if (earlier.contains(target.name)) in.wrong(where, "appears twice");
    if (target.name == "vmlinux" && !earlier.empty()) in.wrong(where, "is not the first");
    std::set<std::string> own;
    for (const PackageUnit& unit : target.units) own.insert(unit.name);
    for (const PackageFunction& function : target.functions) {
      if (function.kind == "replaced") ++replaced;
      if (function.kind == "checked") ++checked;
      if (!own.contains(function.unit))
        in.wrong(where, fmt::format("has function {} of a unit that it lacks", function.name));
    }
    hooks += target.hooks.size();
    for (const PackageHook& hook : target.hooks)
      if (!own.contains(hook.unit))
        in.wrong(where, fmt::format("has hook {} of a unit that it lacks", hook.name));
    values += target.values.size();
    for (const PackageValue& value : target.values)
      if (!own.contains(value.unit))
        in.wrong(where, fmt::format("has value {} of a unit that it lacks", value.name));
    std::set<std::string> names;
    for (const PackageSymbol& symbol : target.symbols) {
      const std::string what = fmt::format("{}: symbol {}", where, symbol.name);
      if (!names.insert(symbol.name).second) in.wrong(what, "appears twice");
      if (names_pre_symbol(symbol) && !units.contains(symbol.unit))
        in.wrong(what, "is of a unit that is not in the package");
      if (symbol.source == "update" && !earlier.contains(symbol.target))
        in.wrong(what, "is of a target that does not come before its own");
    }
    earlier.insert(target.name);
  }
  if (replaced + hooks + values == 0)
    in.wrong("targets", "replace no function, and have no hook and no value");
  if (replaced == 0 && checked != 0) in.wrong("targets", "check functions and replace none");
  if (hooks > SPLICE_MAX_HOOKS)
    in.wrong("targets", fmt::format("list {} hooks, at most {} can be", hooks, SPLICE_MAX_HOOKS));
  if (values > SPLICE_MAX_VALUES)
    in.wrong("targets",
             fmt::format("list {} values, at most {} can be", values, SPLICE_MAX_VALUES));
  if (replaced + checked > SPLICE_MAX_FUNCTIONS)
    in.wrong("targets", fmt::format("list {} functions that are in the kernel, at most {} can be",
                                    replaced + checked, SPLICE_MAX_FUNCTIONS));
}

json function_json(const PackageFunction& f) {
  return {{"name", f.name},
          {"unit", f.unit},
          {"kind", f.kind},
          {"why", without_controls(f.why)},
          {"section", f.section},
          {"offset", f.offset},
          {"size", f.size},
          {"old_size", f.old_size},
          {"pre_symbol", f.pre_symbol}};
}

json symbol_json(const PackageSymbol& s) {
  json out{{"name", s.name}, {"source", s.source}, {"kernel_name", s.kernel_name}};
  if (names_pre_symbol(s)) {
    out["unit"] = s.unit;
    out["pre_symbol"] = s.pre_symbol;
  }
  if (s.source == "string") {
    out["offset"] = s.offset;
    out["text"] = s.text;
  }
  if (s.source == "update") out["target"] = s.target;
  return out;
}

json hook_json(const PackageHook& h) {
  return {{"kind", h.kind},
          {"name", h.name},
          {"unit", h.unit},
          {"section", h.section},
          {"offset", h.offset}};
}

json value_json(const PackageValue& v) {
  return {{"name", v.name},
          {"unit", v.unit},
          {"what", without_controls(v.what)},
          {"section", v.section},
          {"offset", v.offset}};
}

json type_json(const TypeLayout& type) {
  json members = json::array();
  for (const TypeMember& member : type.members) members.push_back(member_text(member));
  return {{"name", type.name}, {"size", type.size}, {"members", std::move(members)}};
}

json target_json(const PackageTarget& t) {
  json units = json::array();
  for (const PackageUnit& unit : t.units)
    units.push_back({{"name", unit.name}, {"source", unit.source}, {"pre", unit.pre}});
  json functions = json::array();
  for (const PackageFunction& function : t.functions) functions.push_back(function_json(function));
  json symbols = json::array();
  for (const PackageSymbol& symbol : t.symbols) symbols.push_back(symbol_json(symbol));
  json hooks = json::array();
  for (const PackageHook& hook : t.hooks) hooks.push_back(hook_json(hook));
  json values = json::array();
  for (const PackageValue& value : t.values) values.push_back(value_json(value));
  json types = json::array();
  for (const TypeLayout& type : t.types) types.push_back(type_json(type));
  json enumerators = json::array();
  for (const UsedEnumerator& one : t.enumerators)
    enumerators.push_back(fmt::format("{}={}", one.name, one.value));
  json declarations = json::array();
  for (const UsedDeclaration& one : t.declarations)
    declarations.push_back(fmt::format("{}={}", one.name, one.type));
  return {{"name", t.name},
          {"new", t.new_member},
          {"units", std::move(units)},
          {"functions", std::move(functions)},
          {"symbols", std::move(symbols)},
          {"hooks", std::move(hooks)},
          {"values", std::move(values)},
          {"types", std::move(types)},
          {"enumerators", std::move(enumerators)},
          {"declarations", std::move(declarations)}};
}

}  // namespace

std::string_view livepatch_callback(const PackageHook& hook) {
  if (hook.kind == "pre_apply") return "pre_patch";
  if (hook.kind == "post_apply") return "post_patch";
  if (hook.kind == "pre_undo" && hook.name.starts_with("splice_pre_unpatch_")) return "pre_unpatch";
  if (hook.kind == "post_undo") return "post_unpatch";
  return {};
}

bool is_update_id(std::string_view text) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() >= 8 && text.size() < SPLICE_ID_LEN && std::ranges::all_of(text, is_hex);
}

bool is_module_name(std::string_view text) {
  const auto is_word = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && text.size() <= kMaxModuleName && std::ranges::all_of(text, is_word);
}

std::string update_module_name(std::string_view id, std::size_t index) {
  return fmt::format("splice_{}_{}", id, index);
}

json kernel_json(const KernelIdentity& kernel) {
  return {{"release", kernel.release},
          {"version", kernel.version},
          {"machine", kernel.machine},
          {"compiler", kernel.compiler}};
}

json manifest_json(const Manifest& manifest) {
  json patches = json::array();
  for (const PackagePatch& patch : manifest.patches)
    patches.push_back({{"member", patch.member}, {"title", without_controls(patch.title)}});
  json base = json::array();
  for (const PackageBase& one : manifest.base)
    base.push_back({{"title", without_controls(one.title)}, {"sha256", one.sha256}});
  json targets = json::array();
  for (const PackageTarget& target : manifest.targets) targets.push_back(target_json(target));
  json accepted = json::array();
  for (const PackageAccepted& one : manifest.accepted)
    accepted.push_back(
        {{"finding", without_controls(one.finding)}, {"message", without_controls(one.message)}});
  json warnings = json::array();
  for (const std::string& warning : manifest.warnings)
    warnings.push_back(without_controls(warning));
  json left_out = json::array();
  for (const std::string& part : manifest.parts_left_out)
    left_out.push_back(without_controls(part));
  json keeps = json::array();
  for (const std::string& place : manifest.keeps) keeps.push_back(without_controls(place));
  return {{"schema", static_cast<unsigned>(manifest.schema)},
          {"id", manifest.id},
          {"name", manifest.name},
          {"fixes", manifest.fixes},
          {"fix_id", manifest.fix_id},
          {"tool_version", manifest.tool_version},
          {"kernel", kernel_json(manifest.kernel)},
          {"patches", std::move(patches)},
          {"base", std::move(base)},
          {"targets", std::move(targets)},
          {"core", manifest.core},
          {"frame", manifest.frame},
          {"livepatch", manifest.livepatch},
          {"accepted", std::move(accepted)},
          {"parts_left_out", std::move(left_out)},
          {"warnings", std::move(warnings)},
          {"keeps", std::move(keeps)}};
}

Result<Manifest> parse_manifest(const json& document, const std::string& file) {
  const std::string top = "manifest";
  JsonReader in({ExitCode::bad_package, "package-manifest", "manifest.json",
                 "make the package again with splice-create"},
                file);
  if (document.is_object() && document.contains("schema") && document["schema"] != kSchema) {
    return fail(ExitCode::bad_package, "package-schema",
                fmt::format(
                    "the manifest has another schema than {}, the only one that is known here",
                    kSchema))
        .at_file(file)
        .hint("use the splice-apply of the release whose splice-create made the package");
  }
  Manifest m;
  m.schema = static_cast<int>(in.number(document, top, "schema", kSchema));
  m.id = in.text(document, top, "id", is_update_id, "an update's id");
  m.name = in.text(document, top, "name", is_update_name, "an update's name");
  m.fixes = read_fixes(in, document, top);
  m.fix_id = in.text(document, top, "fix_id", is_update_id, "a digest of the patches");
  m.tool_version = in.words(document, top, "tool_version");
  if (const json* kernel = in.field(document, top, "kernel"); kernel != nullptr) {
    m.kernel.release = in.name(*kernel, "kernel", "release");
    m.kernel.version = in.words(*kernel, "kernel", "version");
    m.kernel.machine = in.name(*kernel, "kernel", "machine");
    m.kernel.compiler = in.words(*kernel, "kernel", "compiler");
  }
  in.rows(document, top, "patches", [&](const json& row, const std::string& at) {
    PackagePatch patch;
    patch.member = in.path(row, at, "member");
    patch.title = in.prose(row, at, "title");
    m.patches.push_back(std::move(patch));
  });
  in.rows(document, top, "base", [&](const json& row, const std::string& at) {
    m.base.push_back(read_base(in, row, at));
  });
  in.rows(document, top, "targets", [&](const json& row, const std::string& at) {
    m.targets.push_back(read_target(in, row, at));
  });
  const auto member = [&](const char* key) {
    return in.text(
        document, top, key, [](const std::string& s) { return s.empty() || is_safe_path(s); },
        "a relative path");
  };
  m.core = member("core");
  m.frame = member("frame");
  m.livepatch = member("livepatch");
  if (m.frame.empty() && !m.livepatch.empty())
    in.wrong("manifest.livepatch", "is there without a frame");
  in.rows(document, top, "accepted", [&](const json& row, const std::string& at) {
    PackageAccepted one;
    one.finding = in.words(row, at, "finding");
    one.message = in.prose(row, at, "message");
    m.accepted.push_back(std::move(one));
  });
  const auto sentences = [&](const char* key, std::vector<std::string>& into) {
    in.rows(document, top, key, [&](const json& row, const std::string& at) {
      into.push_back(
          in.checked(row, at, JsonReader::is_prose, "a text without control characters"));
    });
  };
  sentences("parts_left_out", m.parts_left_out);
  sentences("warnings", m.warnings);
  sentences("keeps", m.keeps);
  if (!in.failed()) check_references(in, m);
  if (in.failed()) return Failure(in.take_error());
  return m;
}

}  // namespace splicer
