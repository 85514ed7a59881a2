// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reading JSON that may be anybody's: a whole document within limits, then field by field.
//
//     JsonReader in({ExitCode::bad_package, "package-manifest", "manifest.json", "get it again"}, file);
//     manifest.tool_version = in.words(document, "manifest", "tool_version");
//     if (in.failed()) return Failure(in.take_error());
//
// The first field that is wrong is kept as the error, and every later answer is an empty value: a
// caller reads all fields and asks once.
//
// Invariant: a string that is returned is what its method says: a name or words are printable ASCII,
// prose is UTF-8 text without control characters, a path leads nowhere out of its directory.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "matcher/base/result.h"
#include "matcher/base/safe_path.h"

namespace splicer {

inline constexpr std::size_t kMaxJsonName = 511;  // KSYM_NAME_LEN of new kernels, less its NUL
inline constexpr std::size_t kMaxJsonSentence = 65536;  // a "why" may list many functions
inline constexpr std::size_t kMaxJsonRows = 1u << 20;   // of any list

// The JSON object that the text is, or nothing. A document is printed recursively, so a deep one could
// exhaust the stack; and each value takes many times its two bytes of text. Linear in the text.
std::optional<nlohmann::json> parse_json_object(std::string_view text);

// Printable ASCII, with or without spaces.
bool is_plain_text(std::string_view text, bool spaces);
// The text with a space for each control character: C0, DEL, and C1, which a terminal may obey.
std::string without_controls(std::string_view text);

// What is said of a document that is wrong.
struct JsonComplaint {
  ExitCode exit = ExitCode::error;
  std::string code;
  std::string document;  // "manifest.json"
  std::string hint;
};

class JsonReader {
 public:
  JsonReader(JsonComplaint complaint, std::string file)
      : complaint_(std::move(complaint)), file_(std::move(file)) {}

  bool failed() const { return error_.has_value(); }
  Error take_error() { return std::move(*error_); }

  void wrong(const std::string& where, const std::string& what) {
    if (error_) return;
    error_ = fail(complaint_.exit, complaint_.code,
                  fmt::format("{}: {} {}", complaint_.document, where, what))
                 .at_file(file_)
                 .hint(complaint_.hint)
                 .take();
  }

  const nlohmann::json* field(const nlohmann::json& object, const std::string& where,
                              const char* key) {
    if (failed()) return nullptr;
    if (!object.is_object()) {
      wrong(where, "is not an object");
      return nullptr;
    }
    const auto it = object.find(key);
    if (it == object.end()) {
      wrong(where + "." + key, "is missing");
      return nullptr;
    }
    return &*it;
  }

  std::uint64_t number(const nlohmann::json& object, const std::string& where, const char* key,
                       std::uint64_t most) {
    const nlohmann::json* value = field(object, where, key);
    if (value == nullptr) return 0;
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() > most) {
      wrong(where + "." + key, fmt::format("is not a number from 0 to {}", most));
      return 0;
    }
    return value->get<std::uint64_t>();
  }

  // A string that `good` accepts.
  template <typename Predicate>
  std::string text(const nlohmann::json& object, const std::string& where, const char* key,
                   Predicate good, const char* what) {
    const nlohmann::json* value = field(object, where, key);
    if (value == nullptr) return {};
    return checked(*value, where + "." + key, good, what);
  }
  template <typename Predicate>
  std::string checked(const nlohmann::json& value, const std::string& where, Predicate good,
                      const char* what) {
    if (!value.is_string() || !good(value.get_ref<const std::string&>())) {
      wrong(where, fmt::format("is not {}", what));
      return {};
    }
    return value.get<std::string>();
  }

  std::string name(const nlohmann::json& object, const std::string& where, const char* key) {
    return text(
        object, where, key,
        [](const std::string& s) {
          return !s.empty() && s.size() <= kMaxJsonName && is_plain_text(s, false);
        },
        "a name");
  }
  std::string name_or_empty(const nlohmann::json& object, const std::string& where,
                            const char* key) {
    return text(
        object, where, key,
        [](const std::string& s) { return s.size() <= kMaxJsonName && is_plain_text(s, false); },
        "a name");
  }
  std::string path(const nlohmann::json& object, const std::string& where, const char* key) {
    return text(object, where, key, is_safe_path, "a relative path");
  }
  std::string words(const nlohmann::json& object, const std::string& where, const char* key) {
    return text(
        object, where, key,
        [](const std::string& s) { return s.size() <= kMaxJsonName && is_plain_text(s, true); },
        "a short text");
  }
  std::string prose(const nlohmann::json& object, const std::string& where, const char* key) {
    return text(object, where, key, is_prose, "a text without control characters");
  }
  static bool is_prose(const std::string& s) {
    return s.size() <= kMaxJsonSentence && without_controls(s) == s;
  }

  // Calls `each(element, where)` for every element of an array.
  template <typename Each>
  void rows(const nlohmann::json& object, const std::string& where, const char* key, Each each) {
    const nlohmann::json* value = field(object, where, key);
    if (value == nullptr) return;
    if (!value->is_array() || value->size() > kMaxJsonRows) {
      wrong(where + "." + key, fmt::format("is not a list of at most {}", kMaxJsonRows));
      return;
    }
    for (std::size_t i = 0; i < value->size() && !failed(); ++i)
      each((*value)[i], fmt::format("{}.{}[{}]", where, key, i));
  }

 private:
  JsonComplaint complaint_;
  std::string file_;
  std::optional<Error> error_;
};

}  // namespace splicer
