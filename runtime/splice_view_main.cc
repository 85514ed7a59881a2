// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/command_line.h"

int main(int argc, char** argv) {
  splicer::Command command("splice-view", "[OPTION]...", "");
  return command.parse(argc, argv).value_or(2);
}
