// SPDX-License-Identifier: GPL-2.0-or-later
//
// Header pieces: a header as it is written, cut into pieces that can be told apart by name:
// declarations and macros.
//
//     #define NETDEV_ALIGN 32                        {names: NETDEV_ALIGN}
//     #ifdef CONFIG_NET_POLL_CONTROLLER
//     static inline bool netpoll_tx_running(struct net_device *dev)
//     { return irqs_disabled(); }                    {names: netpoll_tx_running, with the #ifdef}
//     #endif
//
// Nothing is preprocessed, so a piece may be any text at all. What cannot be understood is marked:
// a macro that is called outside functions may declare anything, and it, a piece that makes code by
// itself, or a directive that changes all that follows, has no name (`anonymous`).
//
// Invariant: equal pieces under equal conditions mean the same, unless a name that they mention
// means something else. A text whose braces depend on conditions is not cut at all.
// Cost: linear; each piece is lexed once more by itself (reachable_declarations.h).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace splicer {

enum class PieceKind {
  value,      // functions and variables, or what is not understood
  type,       // a type with or without its members, a typedef
  macro,      // a #define or an #undef
  include,    // an #include
  directive,  // another one: a #pragma
};

struct HeaderPiece {
  std::string text;                          // with the conditions that it is under
  std::set<std::string, std::less<>> names;  // what may be meant by it
  std::set<std::string, std::less<>> mentions;
  bool anonymous = false;
  PieceKind kind = PieceKind::value;
  bool makes_code = false;  // code or data by itself, used or not
  std::string include;      // "<linux/fs.h", "\"own.h"; empty where a macro says which file
};

// Nothing if it cannot be cut.
std::optional<std::vector<HeaderPiece>> cut_header(std::string_view text);

}  // namespace splicer
