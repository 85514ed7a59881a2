// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/lock_annotations.h"

#include <clang/AST/Attr.h>
#include <clang/AST/Decl.h>
#include <fmt/core.h>

#include <algorithm>
#include <cctype>

namespace splicer {

// __cond_acquires() is left alone: what the condition is, no annotation says.
const char* const kAnnotationsText = R"(
#undef __acquires
#undef __releases
#undef __must_hold
#define __acquires(x) __attribute__((annotate("splice:acquires " #x)))
#define __releases(x) __attribute__((annotate("splice:releases " #x)))
#define __must_hold(x) __attribute__((annotate("splice:must_hold " #x)))
)";

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// "&sk->sk_lock.slock" is "$0.sk_lock.slock" where sk is the first parameter.
std::string object_of(llvm::StringRef text, const clang::FunctionDecl& function) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).startswith("->")) {
      plain += '.';
      ++i;
    } else if (std::string_view(" &*()").find(text[i]) == std::string_view::npos) {
      plain += text[i];
    }
  }
  const auto end = std::find_if_not(plain.begin(), plain.end(), is_word);
  const std::string first(plain.begin(), end);
  for (const clang::ParmVarDecl* parameter : function.parameters())
    if (!first.empty() && parameter->getName() == first)
      return fmt::format("${}", parameter->getFunctionScopeIndex()) + std::string(end, plain.end());
  return plain;
}

void insert(std::vector<std::string>& objects, std::string object) {
  if (std::find(objects.begin(), objects.end(), object) == objects.end())
    objects.push_back(std::move(object));
}

}  // namespace

LockAnnotations annotations_of(const clang::FunctionDecl& function) {
  LockAnnotations found;
  for (const clang::FunctionDecl* declaration : function.redecls()) {
    for (const auto* attribute : declaration->specific_attrs<clang::AnnotateAttr>()) {
      // Each declaration inherits those of the ones before it, whose parameters have other names.
      if (attribute->isInherited()) continue;
      llvm::StringRef text = attribute->getAnnotation();
      if (text.consume_front("splice:acquires ")) {
        insert(found.acquired, object_of(text, *declaration));
      } else if (text.consume_front("splice:releases ")) {
        insert(found.released, object_of(text, *declaration));
      } else if (text.consume_front("splice:must_hold ")) {
        found.balanced = true;
      }
    }
  }
  return found;
}

}  // namespace splicer
