// SPDX-License-Identifier: GPL-2.0-or-later
//
// A patch as it comes: a diff, or a mail that carries one, in whatever way mail programs write text.
//
//     Content-Transfer-Encoding: base64             the body, decoded
//     Content-Transfer-Encoding: quoted-printable   "=3D" is "=", "=" at the end goes on
//     CR LF at each line                            LF
//
// Invariant: what is no such mail is given back as it is.
// Cost: linear in the text.
#pragma once

#include <string>

#include "matcher/base/result.h"

namespace splicer {

// The headers, and the body as the diff's author wrote it. Errors: "patch-malformed", where a mail is
// not encoded as it says.
Result<std::string> text_of_mail(const std::string& text, const std::string& name);

}  // namespace splicer
