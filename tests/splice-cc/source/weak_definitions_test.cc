// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/weak_definitions.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(WeakDefinitions, AreFoundByName) {
  const TemporaryFolder tree;
  tree.write("kernel/resource.c",
             "int __weak page_is_ram(unsigned long pfn)\n{\n\treturn 1;\n}\n"
             "void __weak\narch_thing(void) { used(1); }\n");
  tree.write("arch/arm/mm/a.c", "int __weak other(void) { return 1; }\n");
  const std::vector<std::string> names = {"page_is_ram", "arch_thing", "other", "used", "is_ram"};
  const auto found = weak_definitions(tree.path(), names);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, ElementsAre(Pair("arch_thing", "kernel/resource.c"),
                                  Pair("page_is_ram", "kernel/resource.c")));
}

}  // namespace
}  // namespace splicer
