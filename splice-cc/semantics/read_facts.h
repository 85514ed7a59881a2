// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reads the facts of splice-cc/semantics/facts.h out of a syntax tree.
//
// A record without a name goes by its typedef or its variable, an enumeration without one by its
// first enumerator. An inline function of a header is no function of the file, but what it uses is
// used by those that call it.
#pragma once

#include "splice-cc/semantics/facts.h"

namespace clang {
class ASTContext;
}

namespace splicer {

UnitFacts read_facts(clang::ASTContext& context);

}  // namespace splicer
