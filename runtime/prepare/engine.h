// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who switches: the core module, with the machine stopped ("stop"), or the kernel's own livepatch, thread by
// thread ("livepatch"). What a person asks for may leave that open ("auto"); runtime/choose_engine.h then chooses.
//
//     engine_word(EngineChoice::livepatch)     "livepatch"
//     engine_choice("livepatch")               EngineChoice::livepatch
//     engine_choice("kexec")                   std::nullopt
//
// The words are those of the command line, of documents and of the store.
#pragma once

#include <optional>
#include <string_view>

#include "matcher/base/result.h"

namespace splicer {

class Command;

enum class Engine { stop, livepatch };
enum class EngineChoice { stop, livepatch, automatic };

std::string_view engine_word(Engine engine);
std::string_view engine_word(EngineChoice choice);
std::optional<EngineChoice> engine_choice(std::string_view word);

void add_engine_option(Command& command);
// Errors: "usage", also for --engine livepatch with the option skip-unloaded: it leaves no module out.
Result<EngineChoice> engine_option(const Command& command);

}  // namespace splicer
