// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/trust/signature_file.h"

#include <fmt/core.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>
#include <optional>

#include "matcher/base/wording.h"

namespace splicer {

namespace {

constexpr std::string_view kFormat = "splice-signature ";
constexpr std::string_view kFirstLine = "splice-signature 1";
constexpr std::size_t kSha256Digits = 64;
constexpr std::size_t kSha512Digits = 128;

Failure malformed(const std::string& message, const std::string& file) {
  return fail(ExitCode::bad_package, "signature-malformed",
              fmt::format("the signature cannot be read: {}", message))
      .at_file(file)
      .hint("get the package and its signature again from their maker");
}

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string to_base64(const std::vector<std::uint8_t>& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // it writes a NUL behind
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(std::max(size, 0)));
  return text;
}

// Nothing unless it is what to_base64() makes.
std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::vector<std::uint8_t> bytes(text.size() / 4 * 3);
  const int size =
      EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size));
  // It counts the padding as zeros.
  for (std::size_t i = 1; i <= 2 && text[text.size() - i] == '='; ++i) bytes.pop_back();
  if (to_base64(bytes) != text) return std::nullopt;
  return bytes;
}

// The lines of a signature file, one after the other.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  // What follows "NAME " on the next line; nothing if that is another.
  std::optional<std::string_view> value(std::string_view name) {
    ++number_;
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    if (end == std::string_view::npos || !line.starts_with(name) || line.size() <= name.size() ||
        line[name.size()] != ' ')
      return std::nullopt;
    rest_.remove_prefix(end + 1);
    return line.substr(name.size() + 1);
  }
  bool at_end() const { return rest_.empty(); }
  unsigned number() const { return number_; }

 private:
  std::string_view rest_;
  unsigned number_ = 0;
};

}  // namespace

std::string SignatureFile::statement() const {
  return fmt::format("{}\nkey {}\nexpires {}\nsha512 {}\n", kFirstLine, key, expires, sha512);
}

std::string SignatureFile::text() const {
  return fmt::format("{}signature {}\n", statement(), to_base64(signature));
}

bool is_key_id(std::string_view text) { return is_hex(text, kSha256Digits); }

bool is_date(std::string_view text) {
  const auto number = [&](std::size_t from, std::size_t digits) {
    int value = -1;
    const char* const end = text.data() + from + digits;
    const auto [stop, error] = std::from_chars(text.data() + from, end, value);
    return error == std::errc() && stop == end ? value : -1;
  };
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  const int year = number(0, 4), month = number(5, 2), day = number(8, 2);
  using namespace std::chrono;
  return year >= 2000 && month > 0 && day > 0 &&
         year_month_day(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                        std::chrono::day(static_cast<unsigned>(day)))
             .ok();
}

std::string today() {
  const std::string now = utc_time(static_cast<std::uint64_t>(std::time(nullptr)));
  return now.substr(0, now.find('T'));
}

Result<SignatureFile> parse_signature(std::string_view text, const std::string& file) {
  const auto stripped = [&](const char* what) {
    return fail(ExitCode::bad_package, "signature-stripped", what)
        .at_file(file)
        .hint("get the signature again from the package's maker");
  };
  if (text.empty()) return stripped("the signature file is empty");
  if (text.size() > kMaxSignatureFile)
    return malformed(fmt::format("a signature file has at most {} bytes", kMaxSignatureFile), file);
  Lines lines(text);
  const auto wrong = [&](const char* what) {
    return malformed(fmt::format("line {} {}", lines.number(), what), file);
  };
  const auto version = lines.value(kFormat.substr(0, kFormat.size() - 1));
  if (!version) return malformed("it is no signature file of Splice", file);
  if (*version != "1")
    return malformed("its format is of another release", file)
        .hint("use the commands of the release that it was made for");

  SignatureFile found;
  const auto key = lines.value("key");
  if (!key || !is_key_id(*key)) return wrong("does not name a key");
  found.key = *key;
  const auto expires = lines.value("expires");
  if (!expires || (*expires != kNever && !is_date(*expires)))
    return wrong("is not 'expires' and a date or never");
  found.expires = *expires;
  const auto sha512 = lines.value("sha512");
  if (!sha512 || !is_hex(*sha512, kSha512Digits)) return wrong("is not the package's SHA-512");
  found.sha512 = *sha512;
  if (lines.at_end())
    return stripped("the signature file says what is signed, and has no signature");
  const auto signature = lines.value("signature");
  auto bytes = signature ? from_base64(*signature) : std::nullopt;
  if (!bytes) return wrong("is not a signature in base64");
  found.signature = std::move(*bytes);
  if (!lines.at_end()) return malformed("something follows its end", file);
  return found;
}

}  // namespace splicer
