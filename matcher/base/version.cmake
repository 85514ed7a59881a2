# SPDX-License-Identifier: GPL-2.0-or-later
#
# Writes version.cc, and only if the version has changed, so that a commit compiles one file again.
# Run by every build: cmake -DSOURCE=... -DRELEASE=0.1.0 -DOUTPUT=version.cc -P version.cmake
execute_process(
  COMMAND git -C ${SOURCE} describe --tags --match v${RELEASE} --always --dirty --abbrev=7
  OUTPUT_VARIABLE described ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
if(described MATCHES "^v(.*)$")
  set(version ${CMAKE_MATCH_1})
elseif(described)
  set(version ${RELEASE}-g${described})
else()
  set(version ${RELEASE})
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT [[// Made by matcher/base/version.cmake.
#include "matcher/base/version.h"

namespace splicer {

const char* version() { return "@version@"; }

}  // namespace splicer
]] @ONLY)
