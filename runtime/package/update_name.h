// SPDX-License-Identifier: GPL-2.0-or-later
//
// What people call an update, beside its id.
//
//     default_name({"tun: check the caller"}, {"CVE-2026-1234"})   "CVE-2026-1234"
//     default_name({"tun: check the caller"}, {})                  "tun-check-the-caller"
//     default_name({"mm: one", "mm: two", "mm: three"}, {})        "mm-one-and-2-more"
//     default_name({"face"}, {})                                   "fix-face"
//
// A name is typed in a shell and is part of messages, so it has letters, digits and ". _ + -", begins
// with a letter or digit, and is no file of an update.
//
// Invariant: no name can be taken for an id or the beginning of one: it has a character that no id
// has. What default_name() returns is a name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace splicer {

inline constexpr std::size_t kMaxUpdateName = 64;

bool is_update_name(std::string_view text);
// Of what the patches are called and fix. Linear in their number.
std::string default_name(const std::vector<std::string>& titles,
                         const std::vector<std::string>& fixes);

}  // namespace splicer
