// SPDX-License-Identifier: GPL-2.0-or-later
//
// Text that a terminal may show. Names come from files that may be hostile, and a terminal obeys
// control characters: it clears the screen, sets its title, or shows a line from right to left.
//
//     terminal_text("a \033[2J b\n")      "a ?[2J b\n"
//     terminal_line("f\nerror: g")        "f?error: g"
//     json_text("\"\u009b2J\"")           "\"\\u009b2J\""
//
// Invariant: what is returned is UTF-8 without C0 and C1 control characters, DEL, and the controls
// of bidirectional text (Unicode 15, UAX 9, table 4), but for the newlines and tabs of
// terminal_text().
#pragma once

#include <string>
#include <string_view>

namespace splicer {

// For a text of several lines: newlines and tabs are kept, each other such character, and each byte
// that belongs to no character, becomes a question mark.
std::string terminal_text(std::string_view text);
// For a name or path inside a line: newlines and tabs become question marks too.
std::string terminal_line(std::string_view text);
// For a JSON document in UTF-8, of which nothing may be lost: such characters, which JSON permits in
// strings, become escapes.
std::string json_text(std::string_view document);

}  // namespace splicer
