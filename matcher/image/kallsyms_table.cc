// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/image/kallsyms_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include "matcher/base/bytes.h"

namespace splicer {

namespace {

constexpr std::size_t kTokens = 256;
constexpr std::size_t kMinSymbols = 256;
constexpr std::size_t kMaxSymbols = 1u << 21;
constexpr std::size_t kNamesPerMarker = 256;
constexpr std::size_t kMaxNames = 64u << 20;  // bytes before the tokens that are searched
constexpr std::size_t kMaxToken = 64;
// Steps of the search, over all the places where the names might begin. A real kernel takes a few
// million; data made for it could take hours.
constexpr std::size_t kMaxSteps = 1u << 28;

std::size_t aligned(std::size_t offset) { return (offset + 7) / 8 * 8; }

struct Tokens {
  std::size_t begin = 0;  // of the token table
  std::size_t end = 0;    // of the token index
  std::array<std::string, kTokens> text;
};

// The token table around a run "0\0" "1\0" ... "9\0" that begins at `digits`.
//
// The token before '0' is found by going back over NULs, and so on down to token 1. Token 0 has no NUL
// of its own before it: the sequence numbers of the names end there (kallsyms_seqs_of_names in
// scripts/kallsyms.c), with any byte. So its length comes from the index behind the tokens.
std::optional<Tokens> tokens_at(Bytes data, std::size_t digits) {
  std::size_t second = digits;
  for (unsigned i = 1; i < '0'; i++) {
    if (second < 2) return std::nullopt;
    std::size_t start = second - 1;
    while (start > 0 && data[start - 1] != 0 && second - start < kMaxToken) start--;
    second = start;
  }
  Tokens tokens;
  std::array<std::size_t, kTokens> starts{};
  std::size_t at = second;
  for (std::size_t i = 1; i < kTokens; i++) {
    starts[i] = at;
    while (at < data.size() && data[at] != 0 && tokens.text[i].size() <= kMaxToken)
      tokens.text[i] += static_cast<char>(data[at++]);
    if (++at >= data.size() || tokens.text[i].size() > kMaxToken) return std::nullopt;
  }
  const std::size_t index = aligned(at);
  const auto first = load<std::uint16_t>(data, index + 2);  // bytes of token 0, with its NUL
  if (!first || *first == 0 || *first > kMaxToken + 1 || *first > second || data[second - 1] != 0)
    return std::nullopt;
  tokens.begin = starts[0] = second - *first;
  for (std::size_t i = 0; i < kTokens; i++)
    if (load<std::uint16_t>(data, index + 2 * i) != starts[i] - tokens.begin) return std::nullopt;
  tokens.text[0].assign(data.begin() + static_cast<std::ptrdiff_t>(tokens.begin),
                        data.begin() + static_cast<std::ptrdiff_t>(second - 1));
  if (tokens.text[0].find('\0') != std::string::npos) return std::nullopt;
  tokens.end = index + 2 * kTokens;
  return tokens;
}

std::optional<Tokens> find_tokens(Bytes data) {
  constexpr std::string_view kDigits("0\0001\0002\0003\0004\0005\0006\0007\0008\0009\0", 20);
  const std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
  for (std::size_t at = text.find(kDigits); at != std::string_view::npos;
       at = text.find(kDigits, at + 1))
    if (auto tokens = tokens_at(data, at)) return tokens;
  return std::nullopt;
}

struct Names {
  std::size_t count_at = 0;  // where the number of symbols stands
  std::vector<std::string> names;
};

// The names if the number of symbols stands at `at`, proved by the markers behind them.
std::optional<Names> names_at(Bytes data, std::size_t at, const Tokens& tokens,
                              std::size_t& steps) {
  const auto count = load<std::uint32_t>(data, at);
  if (!count || *count < kMinSymbols || *count > kMaxSymbols) return std::nullopt;
  const std::size_t begin = aligned(at + 4);
  std::vector<std::size_t> starts;
  std::size_t position = begin;
  for (std::uint32_t i = 0; i < *count; i++) {
    if (++steps > kMaxSteps || position + 2 >= tokens.begin) return std::nullopt;
    starts.push_back(position);
    // A length of one byte, or of two when the first has its top bit (kallsyms_expand_symbol).
    std::size_t length = data[position++];
    if ((length & 0x80) != 0) length = (length & 0x7f) | (std::size_t{data[position++]} << 7);
    if (length == 0) return std::nullopt;
    position += length;
  }
  const std::size_t markers = aligned(position);
  for (std::size_t i = 0; i < starts.size(); i += kNamesPerMarker)
    if (load<std::uint32_t>(data, markers + i / kNamesPerMarker * 4) != starts[i] - begin)
      return std::nullopt;
  Names names;
  names.count_at = at;
  for (std::size_t start : starts) {
    std::size_t length = data[start++];
    if ((length & 0x80) != 0) length = (length & 0x7f) | (std::size_t{data[start++]} << 7);
    std::string text;
    for (std::size_t i = 0; i < length; i++) text += tokens.text[data[start + i]];
    names.names.push_back(std::move(text));
  }
  return names;
}

std::optional<Names> find_names(Bytes data, const Tokens& tokens) {
  const std::size_t lowest = tokens.begin > kMaxNames ? tokens.begin - kMaxNames : 0;
  std::size_t steps = 0;
  for (std::size_t at = tokens.begin / 8 * 8; at > lowest + 8 && steps <= kMaxSteps;) {
    at -= 8;
    if (auto names = names_at(data, at, tokens, steps)) return names;
  }
  return std::nullopt;
}

// Addresses from s32 offsets: not negative, an absolute value; negative, counted from the base
// (kallsyms_sym_address() with CONFIG_KALLSYMS_ABSOLUTE_PERCPU). They are sorted in a true table.
std::optional<std::vector<std::uint64_t>> addresses_at(Bytes data, std::size_t offsets,
                                                       std::size_t base_at, std::size_t count) {
  const auto base = load<std::uint64_t>(data, base_at);
  if (!base || *base >> 63 == 0) return std::nullopt;
  std::vector<std::uint64_t> addresses;
  addresses.reserve(count);
  bool relative = false;
  for (std::size_t i = 0; i < count; i++) {
    const auto offset = load<std::int32_t>(data, offsets + 4 * i);
    if (!offset) return std::nullopt;
    const std::uint64_t address =
        *offset >= 0 ? static_cast<std::uint64_t>(*offset)
                     : *base + static_cast<std::uint64_t>(-1 - std::int64_t{*offset});
    if (!addresses.empty() && address < addresses.back()) return std::nullopt;
    relative = relative || *offset < 0;
    addresses.push_back(address);
  }
  return relative ? std::optional(std::move(addresses)) : std::nullopt;
}

}  // namespace

Result<std::vector<KernelSymbol>> decode_kallsyms(Bytes data, const std::string& name) {
  const auto not_found = [&](const char* what) {
    return fail(ExitCode::error, "kallsyms-not-found",
                fmt::format("the kernel's own symbol table is not in it: {}", what))
        .at_file(name)
        .hint("the kernel needs CONFIG_KALLSYMS and CONFIG_KALLSYMS_BASE_RELATIVE");
  };
  const auto tokens = find_tokens(data);
  if (!tokens) return not_found("no table of tokens");
  const auto names = find_names(data, *tokens);
  if (!names) return not_found("no table of names");

  // The offsets stand before the number of symbols, with the base between (Linux 6.1), or behind
  // the token index with the base at their end (later kernels).
  const std::size_t count = names->names.size();
  std::optional<std::vector<std::uint64_t>> addresses;
  const std::size_t length = aligned(4 * count);
  if (names->count_at >= 8 + length)
    addresses = addresses_at(data, names->count_at - 8 - length, names->count_at - 8, count);
  if (!addresses)
    addresses = addresses_at(data, aligned(tokens->end), aligned(tokens->end) + length, count);
  if (!addresses) return not_found("no table of addresses");

  std::vector<KernelSymbol> symbols;
  symbols.reserve(count);
  for (std::size_t i = 0; i < count; i++)
    if (const std::string& text = names->names[i]; text.size() > 1)
      symbols.push_back({RunAddress((*addresses)[i]), text[0], text.substr(1), "vmlinux"});
  return symbols;
}

}  // namespace splicer
