// SPDX-License-Identifier: GPL-2.0-or-later
//
// Errors are values. Every function of Splice that can fail returns Result<T>: either the T or an
// Error that says what went wrong, where, what was expected, what was found, and what to do next.
//
//     Result<Manifest> m = read_manifest(bytes);
//     if (!m) return propagate(m);          // pass it upwards unchanged
//     return fail(ExitCode::bad_package, "manifest-schema", "manifest has schema 9, expected 1")
//         .at_file("update.tar").hint("use the splice-apply of the release that made it");
//
// Invariant: an Error always has a stable `code` (kebab-case, documented, never reworded: scripts
// key on it through --json), a message that stands alone as a sentence, and a hint wherever a
// person can do something about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "matcher/base/address.h"

// Not "splice": <fcntl.h> declares splice(2) in the global namespace.
namespace splicer {

// Exit status of every command (splice-apply(8), EXIT STATUS).
enum class ExitCode : int {
  done = 0,           // done, or already done
  error = 1,          // any error without a number of its own
  usage = 2,          // the command line is wrong
  no_change = 3,      // the patch changes nothing in this kernel
  unsafe = 4,         // the patch cannot be applied live as it is
  mismatch = 5,       // run-pre mismatch: the running kernel is not what the update was made for
  busy = 6,           // the kernel is busy; try again
  bad_package = 7,    // the package is bad: damaged, altered, or of another release
  wrong_machine = 8,  // not for this machine: another kernel, another build of it, or processor
  partly = 9,         // in force only in part
};

struct Error {
  ExitCode exit = ExitCode::error;
  std::string code;
  std::string message;
  std::string file;                    // file, object or package member it is about
  std::string function;                // function or symbol it is about
  std::optional<RunAddress> address;   // in the kernel that was looked at
  std::vector<std::uint8_t> expected;  // bytes
  std::vector<std::uint8_t> found;     // bytes
  std::string detail;                  // several lines: compiler output, disassembly, stacks
  std::string advice;                  // the hint line
};

// Either a T or an Error. An error that nobody looks at is a compile-time warning, and so an error.
template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result() = default;
};

// Builds an Error field by field and converts to any failed Result<T>.
class Failure {
 public:
  Failure(ExitCode exit, std::string code, std::string message) {
    error_.exit = exit;
    error_.code = std::move(code);
    error_.message = std::move(message);
  }
  explicit Failure(Error error) : error_(std::move(error)) {}

  Failure&& at_file(std::string file) && {
    error_.file = std::move(file);
    return std::move(*this);
  }
  Failure&& in_function(std::string function) && {
    error_.function = std::move(function);
    return std::move(*this);
  }
  Failure&& at_address(RunAddress address) && {
    error_.address = address;
    return std::move(*this);
  }
  Failure&& bytes(std::vector<std::uint8_t> expected, std::vector<std::uint8_t> found) && {
    error_.expected = std::move(expected);
    error_.found = std::move(found);
    return std::move(*this);
  }
  Failure&& detail(std::string text) && {
    error_.detail = std::move(text);
    return std::move(*this);
  }
  Failure&& hint(std::string text) && {
    error_.advice = std::move(text);
    return std::move(*this);
  }

  template <typename T>
  operator Result<T>() && {  // NOLINT(google-explicit-constructor)
    return tl::unexpected<Error>(std::move(error_));
  }
  Error take() && { return std::move(error_); }

 private:
  Error error_;
};

inline Failure fail(ExitCode exit, std::string code, std::string message) {
  return Failure(exit, std::move(code), std::move(message));
}

// The failure inside `result`, to be returned by a function of another result type. Moves the error
// out of a result that may be changed, and copies it out of one that may not.
template <typename T>
Failure propagate(Result<T>& result) {
  return Failure(std::move(result.error()));
}
template <typename T>
Failure propagate(const Result<T>& result) {
  return Failure(result.error());
}
template <typename T>
Failure propagate(Result<T>&& result) {
  return Failure(std::move(result.error()));
}

}  // namespace splicer
