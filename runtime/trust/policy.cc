// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/trust/policy.h"

#include <fmt/core.h>

#include <algorithm>

namespace splicer {

namespace {

constexpr std::string_view kRequire = "require-signature";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// What is wrong with the line, half a sentence; empty if nothing is.
std::string read_line(std::string_view line, Policy& policy) {
  const bool odd = std::ranges::any_of(line, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
  if (odd) return "has a control character: lines end with a line feed alone";
  line = trimmed(line);
  if (line.empty() || line.front() == '#') return {};
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return "is not NAME = VALUE";
  if (trimmed(line.substr(0, equals)) != kRequire)
    return fmt::format("sets something else than {}", kRequire);
  if (policy.is_set) return fmt::format("sets {} again", kRequire);
  const std::string_view value = trimmed(line.substr(equals + 1));
  if (value != "yes" && value != "no")
    return fmt::format("sets {} to something else than yes or no", kRequire);
  policy = {true, value == "yes"};
  return {};
}

}  // namespace

Result<Policy> parse_policy(std::string_view text, const std::string& file) {
  const auto malformed = [&](const std::string& message, const std::string& place) {
    return fail(ExitCode::error, "config-malformed", message)
        .at_file(place)
        .hint(fmt::format("correct it: '{} = yes' or '{} = no' is all that it may set", kRequire,
                          kRequire));
  };
  if (text.size() > kMaxPolicyFile)
    return malformed("the configuration is longer than one can be", file);
  Policy policy;
  for (unsigned number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (const std::string wrong = read_line(line, policy); !wrong.empty())
      return malformed(fmt::format("the line {}", wrong), fmt::format("{}:{}", file, number));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  if (!policy.is_set)
    return malformed(fmt::format("the configuration does not say {}", kRequire), file);
  return policy;
}

}  // namespace splicer
