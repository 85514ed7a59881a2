// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the title of a commit names, by the kernel's habits (Documentation/process/submitting-patches.rst, "the
// canonical patch format": subsystem, colon, summary phrase).
//
//     can: bcm: fix stale rx/tx ops after device removal       subsystem: can, bcm
//     btrfs: fix root leak in merge_reloc_roots()              function: merge_reloc_roots
//     sctp: fix capacity check in sctp_auth_ep_add_chunkid     word: sctp_auth_ep_add_chunkid
//     hwmon: (corsair-psu) Stop device IO                      subsystem: hwmon, corsair_psu
//
// A word may be a function or anything else; what it is, the source knows.
//
// Invariant: functions and words are C identifiers that stand in the title; subsystem words have letters, digits
// and _ only, lower case. Cost: linear in the title.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace splicer {

struct TitleNames {
  std::vector<std::string> functions;  // written with ()
  std::vector<std::string> words;      // identifiers with _, in what follows the subsystem
  std::vector<std::string> subsystem;  // of what stands before the colons
};

TitleNames names_in_title(std::string_view title);

// Is the file one that the words of a subsystem may mean: is each a folder of its path, its name, or the
// beginning of its name ("tcp": net/ipv4/tcp_input.c)? With _ for -, and in lower case.
bool is_in_subsystem(const std::string& path, const std::vector<std::string>& words);

}  // namespace splicer
