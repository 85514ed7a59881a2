// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which Splice this is: the release, and in a checkout the commit.
//
//     version()      "0.1.0", "0.1.0-185-g548c124", "0.1.0-185-g548c124-dirty"
#pragma once

namespace splicer {

// As `git describe` names the commit that was built; the bare release where there is no checkout.
const char* version();

}  // namespace splicer
