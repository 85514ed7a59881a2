// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/weak_definitions.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "matcher/base/file.h"
#include "matcher/base/parallel.h"
#include "splice-cc/source/tree_layout.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// "__weak ... NAME(", with nothing but a declaration between them.
bool defines_weak(std::string_view text, std::string_view name) {
  constexpr std::string_view kWeak = "__weak";
  for (std::size_t at = text.find(kWeak); at != std::string_view::npos;
       at = text.find(kWeak, at + 1)) {
    const std::size_t end = text.find('(', at);
    if (end == std::string_view::npos) return false;
    std::size_t last = end;
    while (last > at && !is_word(text[last - 1])) --last;
    std::size_t first = last;
    while (first > at && is_word(text[first - 1])) --first;
    if (text.substr(first, last - first) == name) return true;
  }
  return false;
}

}  // namespace

Result<std::map<std::string, std::string>> weak_definitions(const fs::path& source,
                                                            std::span<const std::string> names) {
  std::vector<std::string> files;
  std::error_code code;
  for (fs::recursive_directory_iterator all(source, code), end; !code && all != end;
       all.increment(code)) {
    const std::string path = all->path().lexically_relative(source).string();
    if (all->path().extension() == ".c" && is_kernel_source(path) && !is_other_architecture(path))
      files.push_back(path);
  }
  if (code)
    return fail(ExitCode::error, "file-unreadable", code.message()).at_file(source.string());
  std::map<std::string, std::string> found;
  std::optional<Error> error;
  std::mutex lock;
  for_each_in_threads(files.size(), std::max(1U, std::thread::hardware_concurrency()),
                      [&](std::size_t i) {
                        const auto text = read_text(source / files[i]);
                        const std::lock_guard held(lock);
                        if (!text) {
                          error = text.error();
                          return;
                        }
                        for (const std::string& name : names)
                          if (defines_weak(*text, name)) found.emplace(name, files[i]);
                      });
  if (error) return Failure(std::move(*error));
  return found;
}

}  // namespace splicer
