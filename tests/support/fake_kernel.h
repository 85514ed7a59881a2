// SPDX-License-Identifier: GPL-2.0-or-later
//
// A source tree of a few files with a build system that answers as kbuild does: enough of
// scripts/Makefile.build to compile single objects, to save their commands and to list folders.
//
//     const FakeKernel kernel;
//     const Kbuild kbuild = kernel.kbuild();
#pragma once

#include <fmt/core.h>

#include <cstdlib>
#include <string>

#include "splice-cc/build/kbuild.h"
#include "splice-cc/source/process.h"
#include "tests/support/temporary_folder.h"

namespace splicer {

constexpr const char* kMakefile = R"(export KBUILD_CFLAGS := -O2
prepare:
	@mkdir -p include/generated && echo '#define PREPARED 1' >include/generated/made.h
)";

// Saves commands as scripts/Kbuild.include and scripts/basic/fixdep do.
constexpr const char* kMakefileBuild = R"(-include $(obj)/Makefile
splice-default:
prefix := $(if $(filter-out .,$(obj)),$(obj)/)
subdir-ym := $(addprefix $(prefix),$(patsubst %/,%,$(filter %/,$(obj-y) $(obj-m))))
real-obj-y := $(addprefix $(prefix),$(filter %.o,$(obj-y)))
obj-m := $(addprefix $(prefix),$(filter %.o,$(obj-m)))
suffix-search = $(foreach s,$(3),$($(1:$(2)=$(s))))
FORCE:
%.o: %.c FORCE
	$(file >$(@D)/.$(@F).cmd,cmd_$@ := $(CC) $(KBUILD_CFLAGS) -Iinclude -DHASH=\"$$(pound)\" -DDOLLAR=\"$$$$\" -Wp,-MMD,$(@D)/.$(@F).d -c -o $@ $<)
	$(CC) $(KBUILD_CFLAGS) -Iinclude -DHASH=\"#\" -DDOLLAR=\"$$\" -c -o $@ $<
	@printf 'deps_%s := \\\n    $$(wildcard include/config/X) \\\n  include/linux/../linux/a.h \\\n\n' $@ >>$(@D)/.$(@F).cmd
%.i: %.c FORCE
	$(file >$(@D)/.$(@F).cmd,cmd_$@ := $(CC) -E $(KBUILD_CFLAGS) -Iinclude -DHASH=1 -DDOLLAR=1 -Wp,-MMD,$(@D)/.$(@F).d -o $@ $<)
	$(CC) -E $(KBUILD_CFLAGS) -Iinclude -DHASH=1 -DDOLLAR=1 -o $@ $<
	@printf 'deps_%s := \\\n  include/linux/../linux/a.h \\\n\n' $@ >>$(@D)/.$(@F).cmd
)";

constexpr const char* kModuleHeader = R"(struct module { long state; char name[48]; long arch; };
struct modversion_info { unsigned long crc; char name[56]; };
#define MODULE_ARCH_INIT 0
#define CONFIG_MODVERSIONS 1
#define __visible
#define __used __attribute__((used))
#define __section(s) __attribute__((section(s)))
#define MODULE_INFO(tag, text) \
	static const char tag##_info[] __used __section(".modinfo") = #tag "=" text
)";

class FakeKernel {
 public:
  FakeKernel() {
    tree_.folder = folder / "tree";
    tree_.source = folder / "tree/source";
    tree_.store = folder / "tree/store";
    tree_.lock = folder / "lock";
    host_.headers = folder / "headers";
    host_.compiler = "gcc-12";
    host_.kernel.release = "6.1.0-99-test";
    add("Makefile", kMakefile);
    add("scripts/Makefile.build", kMakefileBuild);
    add("include/linux/a.h", "#define A 1\n");
    add("include/linux/module.h", kModuleHeader);
    add("include/linux/vermagic.h", "#define VERMAGIC_STRING \"6.1.0-99-test SMP \"\n");
    add("include/linux/compiler.h", "");
    folder.write("headers/Module.symvers",
                 "0x0000abcd\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n"
                 "0x12345678\tmodule_layout\tvmlinux\tEXPORT_SYMBOL\t\n"
                 "0xffffffff\ttun_get\tdrivers/net/tun\tEXPORT_SYMBOL_GPL\tTUN_SPACE\n"
                 "garbage\n\n0x1\tshort\n");
  }
  void add(const std::string& name, std::string_view text) const {
    folder.write("tree/source/" + name, text);
  }
  Result<Kbuild> open() const { return Kbuild::open(tree_, host_, SPLICE_CC); }
  Kbuild kbuild() const {
    auto made = open();
    if (!made) {
      fmt::print(stderr, "{}\n{}\n", made.error().message, made.error().detail);
      std::abort();
    }
    return std::move(*made);
  }
  const Tree& tree() const { return tree_; }
  const Host& host() const { return host_; }

  TemporaryFolder folder;

 private:
  Tree tree_;
  Host host_;
};

}  // namespace splicer
