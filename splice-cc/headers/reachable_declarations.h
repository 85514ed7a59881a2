// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reachable declarations: what of a preprocessed file can leave a trace in its object.
//
// A header changes, and a thousand files include it; few of them use what changed. To tell them
// apart without compiling them, the preprocessed text is cut into its declarations. Those that make
// code or data by themselves are the roots: functions and variables of the file, assembly, and what
// an attribute keeps (__used). What they mention by name is reached, and what that mentions. The
// rest (unused inline functions, types, prototypes: nearly all of the text) leaves no trace.
//
//     static inline bool dev_xmit_complete(int rc)    // include/linux/netdevice.h: reached only
//     { return rc < NET_XMIT_MASK; }                  // if a root leads to it
//     struct veth_stats { u64 rx_drops; };            // so is this
//     static int veth_open(struct net_device *dev)    // drivers/net/veth.c, the file itself:
//     { ... }                                         // a root; reaches struct net_device
//
// Invariant: two texts with the same reachable declarations in the same order compile to the same
// code. Where the text cannot be understood, a declaration counts as a root, or as mentioned by
// each of its identifiers; that can only make texts differ that need not.
// Cost: the text is lexed once; drivers/net/veth.c, 4.5 MB when preprocessed, takes 0.26 s.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace splicer {

// A declaration of the top level.
struct TextDeclaration {
  std::string text;                   // its tokens, joined by blanks
  std::vector<std::string> names;     // what it may be referred to by
  std::vector<std::string> mentions;  // identifiers in it
  bool root = false;
};

// `text` is what the preprocessor wrote; `main_file` is the name that its line markers give the
// source itself, all of whose functions and variables are roots.
std::vector<TextDeclaration> read_declarations(std::string_view text, std::string_view main_file);

// The texts of those that can be reached, in their order.
std::vector<std::string> reachable(const std::vector<TextDeclaration>& declarations);

}  // namespace splicer
