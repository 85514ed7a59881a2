// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/mail.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

namespace splicer {

namespace {

Failure malformed(const std::string& name, const char* what) {
  return fail(ExitCode::error, "patch-malformed", what)
      .at_file(name)
      .hint("save the mail again, or get the patch itself (git format-patch, b4)");
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

// "quoted-printable", "base64", or nothing.
std::string encoding_of(std::string_view headers) {
  constexpr std::string_view kField = "\ncontent-transfer-encoding:";
  const std::string all = "\n" + lower(headers);
  const std::size_t at = all.find(kField);
  if (at == std::string::npos) return "";
  std::size_t begin = at + kField.size();
  while (begin < all.size() && all[begin] == ' ') ++begin;
  const std::size_t end = all.find_first_of(" ;\n", begin);
  return all.substr(begin, end - begin);
}

// Every line of a text ends with CR LF, as mail has it on the wire.
bool has_carriage_returns(std::string_view text) {
  std::size_t lines = 0;
  for (std::size_t at = text.find('\n'); at != std::string_view::npos;
       at = text.find('\n', at + 1)) {
    if (at == 0 || text[at - 1] != '\r') return false;
    ++lines;
  }
  return lines != 0;
}

std::string without_carriage_returns(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] != '\r' || i + 1 >= text.size() || text[i + 1] != '\n') out += text[i];
  return out;
}

std::optional<unsigned> digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return std::nullopt;
}

// RFC 2045, section 6.7.
std::optional<std::string> from_quoted_printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out += text[i];
      continue;
    }
    const std::size_t line_end = text.find_first_not_of(" \t\r", i + 1);
    if (line_end == std::string_view::npos) break;
    if (text[line_end] == '\n') {
      i = line_end;
      continue;
    }
    const auto high = i + 1 < text.size() ? digit(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? digit(text[i + 2]) : std::nullopt;
    if (!high || !low) return std::nullopt;
    out += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return out;
}

std::optional<unsigned> sextet(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return std::nullopt;
}

// RFC 2045, section 6.8. What a mailing list has added in plain text ends it.
std::optional<std::string> from_base64(std::string_view text) {
  std::string out;
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    if (c == '=') break;
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    const auto value = sextet(c);
    if (!value) return std::nullopt;
    held = held << 6 | *value;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(held >> bits & 0xff);
  }
  return out;
}

}  // namespace

Result<std::string> text_of_mail(const std::string& text, const std::string& name) {
  std::string plain = has_carriage_returns(text) ? without_carriage_returns(text) : text;
  const std::size_t gap = plain.find("\n\n");
  const std::size_t diff = plain.find("\n--- ");
  if (gap == std::string::npos || diff < gap) return plain;  // no headers
  const std::string encoding = encoding_of(std::string_view(plain).substr(0, gap));
  if (encoding != "base64" && encoding != "quoted-printable") return plain;
  const std::string_view body = std::string_view(plain).substr(gap + 2);
  const auto decoded = encoding == "base64" ? from_base64(body) : from_quoted_printable(body);
  if (!decoded)
    return malformed(name, encoding == "base64" ? "the mail is not the base64 that it says it is"
                                                : "the mail is not the quoted-printable text that "
                                                  "it says it is");
  return plain.substr(0, gap + 2) +
         (has_carriage_returns(*decoded) ? without_carriage_returns(*decoded) : *decoded);
}

}  // namespace splicer
