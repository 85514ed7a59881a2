#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The example in a header's opening essay is code that a unit test compiles and runs.
#
#   tests/cli/examples_test.sh
#
# A test marks its copy by two comments:
#
#   // [example matcher/base/file.h]
#   auto text = read_text(path);
#   // [end]
#
# The same code, but for white space and comments behind it, is the first indented block of the
# essay of matcher/base/file.h. Where that is a table of calls and what they return, the test has
# a line of EXPECT_EQ() for each of its lines:
#
#   // [values matcher/base/wording.h]
#   EXPECT_EQ(counted(1, "function"), "1 function");         counted(1, "function")   "1 function"
#   // [end]
set -uo pipefail
export LC_ALL=C
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
make_work examples-test
cd "$repository" || exit

# Code without comments and white space, so that a line may be broken anywhere.
plain() { sed 's,//.*,,' | tr -d ' \t\n'; echo; }

# The first block of lines that begin with "//" and five spaces.
first_block() {  # HEADER
  awk '/^#pragma once/ { exit }
       /^\/\/     / { sub(/^\/\/     /, ""); print; inside = 1; next }
       inside { exit }' "$1"
}
in_test() {  # TEST HEADER KIND
  awk -v mark="// [$3 $2]" '
    index($0, mark) { inside = 1; next }
    inside && /\/\/ \[end\]/ { exit }
    inside' "$1"
}

# "CALL   VALUE" as the test has it.
expected() { sed -E 's,^(.*[^ ])  +([^ ].*)$,EXPECT_EQ(\1\, \2);,'; }

failed=0
count=0
while IFS=: read -r test mark; do
  [[ $mark =~ \[([a-z]*)' '(.*)\] ]]
  kind=${BASH_REMATCH[1]}
  header=${BASH_REMATCH[2]}
  count=$((count + 1))
  if [ ! -e "$header" ]; then
    echo "FAILED: $test: no header $header"
    failed=1
    continue
  fi
  first_block "$header" >"$work/block"
  [ "$kind" = values ] && { expected <"$work/block" >"$work/calls"; mv "$work/calls" "$work/block"; }
  plain <"$work/block" >"$work/header"
  in_test "$test" "$header" "$kind" | plain >"$work/test"
  if [ ! -s "$work/test" ] || ! cmp -s "$work/header" "$work/test"; then
    echo "FAILED: the example of $header is not the one in $test:"
    diff -u --label "$header" --label "$test" "$work/block" <(in_test "$test" "$header" "$kind")
    failed=1
  fi
done < <(git grep --untracked -E -e '// \[(example|values) .*\]' -- 'tests/*_test.cc')

echo "$count examples compared"
[ "$count" -gt 0 ] && exit "$failed"
exit 1
