// SPDX-License-Identifier: GPL-2.0-or-later
//
// CVE ids: their form, and the ones that a text speaks of.
//
//     is_cve_id("CVE-2026-1234")                  true
//     is_cve_id("CVE-2026-123")                   false
//     cve_ids_in("[DSA 1-1] cve-2026-1234, ...")  Ids{"CVE-2026-1234"}
//
// The form is that of the CVE record format 5: a year, and 4 to 19 digits. A mail, an advisory (DSA)
// and a Debian changelog all write the id out, so one search finds them in each; of a line that is
// wrapped in the middle of an id it finds none.
//
// Invariant: what cve_ids_in() returns are ids by is_cve_id(), each once, by year and number.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace splicer {

// The most that one update may say it fixes: more than a year's worth for the kernel.
inline constexpr std::size_t kMaxFixes = 16384;

bool is_cve_id(std::string_view text);
// Linear in the text.
std::vector<std::string> cve_ids_in(std::string_view text);
// By year and number, each once.
void sort_cve_ids(std::vector<std::string>& ids);

}  // namespace splicer
