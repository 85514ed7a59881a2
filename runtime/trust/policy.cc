// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/trust/policy.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace splicer {

namespace {

constexpr std::string_view kRequire = "require-signature";
constexpr std::string_view kUnpatched = "unpatched-modules";

// A setting that is one of two words.
struct Setting {
  std::string_view name;
  std::string_view yes, no;
  bool Policy::*value;
  bool is_set = false;
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// What is wrong with the line, half a sentence; empty if nothing is.
std::string read_line(std::string_view line, std::span<Setting> settings, Policy& policy) {
  const bool odd = std::ranges::any_of(line, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
  if (odd) return "has a control character: lines end with a line feed alone";
  line = trimmed(line);
  if (line.empty() || line.front() == '#') return {};
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return "is not NAME = VALUE";
  const auto setting = std::ranges::find(settings, trimmed(line.substr(0, equals)), &Setting::name);
  if (setting == settings.end())
    return fmt::format("sets something else than {} or {}", kRequire, kUnpatched);
  if (setting->is_set) return fmt::format("sets {} again", setting->name);
  const std::string_view value = trimmed(line.substr(equals + 1));
  if (value != setting->yes && value != setting->no)
    return fmt::format("sets {} to something else than {} or {}", setting->name, setting->yes,
                       setting->no);
  setting->is_set = true;
  policy.*setting->value = value == setting->yes;
  return {};
}

}  // namespace

Result<Policy> parse_policy(std::string_view text, const std::string& file) {
  const auto malformed = [&](const std::string& message, const std::string& place) {
    return fail(ExitCode::error, "config-malformed", message)
        .at_file(place)
        .hint(fmt::format("correct it: '{} = yes' or '{} = no', and '{} = refuse' or '{} = load', "
                          "are all that it may set",
                          kRequire, kRequire, kUnpatched, kUnpatched));
  };
  if (text.size() > kMaxPolicyFile)
    return malformed("the configuration is longer than one can be", file);
  Policy policy;
  std::array settings{Setting{kRequire, "yes", "no", &Policy::require_signature},
                      Setting{kUnpatched, "refuse", "load", &Policy::refuse_unpatched}};
  for (unsigned number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (const std::string wrong = read_line(line, settings, policy); !wrong.empty())
      return malformed(fmt::format("the line {}", wrong), fmt::format("{}:{}", file, number));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  policy.is_set = settings[0].is_set;
  if (!policy.is_set)
    return malformed(fmt::format("the configuration does not say {}", kRequire), file);
  return policy;
}

}  // namespace splicer
