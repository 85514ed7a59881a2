// SPDX-License-Identifier: GPL-2.0-or-later
//
// Can this machine be patched live at all? Asked before there is an update: each thing that an update
// would need of the machine, with a yes, or a no that has the code and the hint of the error that
// splice-apply would end with.
//
//     const auto answers = preflight();
//     const bool yes = patchable(answers);
//
// Nothing is loaded and nothing written. What only the package can tell, such as whether its own
// functions are busy, is not asked.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "matcher/image/image.h"
#include "runtime/package/manifest.h"

namespace splicer {

struct PreflightAnswer {
  std::string question;        // "the kernel's memory and symbols can be read"
  std::optional<Error> fault;  // no
  std::string note;            // yes, but: a sentence; or empty
};

// Of this machine, as root. Takes as long as reading the kernel's symbols: a tenth of a second.
std::vector<PreflightAnswer> preflight();

// Apart for the sake of tests: the questions about a kernel that is read already, and the machine.
PreflightAnswer ask_processor(const KernelIdentity& kernel);
std::vector<PreflightAnswer> ask_symbols(const SymbolTable& symbols);

bool patchable(const std::vector<PreflightAnswer>& answers);
std::string preflight_text(const std::vector<PreflightAnswer>& answers);
nlohmann::json preflight_json(const std::vector<PreflightAnswer>& answers);

}  // namespace splicer
