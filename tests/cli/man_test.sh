#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each command and its man page say the same.
#
#   tests/cli/man_test.sh        SPLICE_BUILD names the build folder (./build)
#
# Options: what --help lists stands in OPTIONS, with the same argument, and the other way round.
# SYNOPSIS is the usage line. EXIT STATUS lists what matcher/base/result.h defines, in the same words on
# every page. ERROR CODES: every code in the sources stands on a page, and no page has another. The examples
# of splice.h(3) are the patches that are tested.
set -uo pipefail
export LC_ALL=C
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
make_work man-test
cd "$repository" || exit

failures=0
failed() { echo "FAILED: $*"; failures=$((failures + 1)); }
same() {  # WHAT EXPECTED-FILE FOUND-FILE
  diff -u --label expected --label found "$2" "$3" || failed "$1"
}

# The lines of one section of a page's source.
section() {  # PAGE NAME
  sed -n "/^\.Sh $2\$/,/^\.Sh /p" "$1" | sed '1d;/^\.Sh /d'
}
# One section as a reader sees it, in one line.
shown() {  # PAGE NAME
  mandoc -T ascii "$1" | sed 's/.\x08//g' | sed -n "/^$2\$/,/^[A-Z]/p" | sed '1d;/^[A-Z]/d' |
    tr -s ' \n' ' ' | sed 's/^ //;s/ $//'
}

# "  -o [ --output ] FILE   text" and "  --retries N (=5)  text" become "-o --output FILE".
options_in_help() {
  sed -nE 's/^  (-[A-Za-z]) \[ (--[a-z-]+) \]/\1 \2/;s/^  (--[a-z-]+)/\1/;
           s/^((-[A-Za-z] )?--[a-z-]+( [A-Z]+)?)( .*)?$/\1/p' "$1" | sort
}
options_in_page() {
  section "$1" OPTIONS | sed -nE 's/^\.It Fl /-/;s/ , Fl / -/;s/ Ar / /;/^-/p' | sort
}

# Help and version: on standard output, with status 0, nothing on standard error.
speaks() {  # OUT COMMAND ARGUMENT
  "$2" "$3" >"$1" 2>"$work/err" || failed "$2 $3: status $?"
  [ -s "$1" ] || failed "$2 $3: nothing on standard output"
  [ ! -s "$work/err" ] || failed "$2 $3: words on standard error"
}

check_command() {  # PROGRAM PAGE
  local program=$build/$1 page=man/$2 name
  name=$(basename "$1")
  echo "$name"
  [ -x "$program" ] || { failed "no program $program"; return; }
  [ -r "$page" ] || { failed "no page $page"; return; }

  speaks "$work/help" "$program" --help
  speaks "$work/h" "$program" -h
  same "$name: -h and --help" "$work/help" "$work/h"
  speaks "$work/version" "$program" --version
  speaks "$work/v" "$program" -V
  same "$name: -V and --version" "$work/version" "$work/v"
  # The release; in a checkout the commit too, as git describe names it.
  grep -qxE "$name [0-9]+\.[0-9]+\.[0-9]+(-[0-9]+)?(-g[0-9a-f]+)?(-dirty)?" "$work/version" || failed "$name: form of --version"

  options_in_help "$work/help" >"$work/in-help"
  options_in_page "$page" >"$work/in-page"
  [ "$(wc -l <"$work/in-help")" -ge 6 ] || failed "$name: --help lists too few options"
  same "$name: options in --help (expected) and in $page (found)" "$work/in-help" "$work/in-page"

  sed -n '1s/^Usage: //p' "$work/help" >"$work/usage"
  { shown "$page" SYNOPSIS; echo; } >"$work/synopsis"
  same "$name: usage line and SYNOPSIS" "$work/usage" "$work/synopsis"

  grep -qF "see $name(${2##*.})" "$work/help" || failed "$name: --help does not name its page"
  grep -qx "\.Nm $name" "$page" || failed "$page: another name"
  local wanted
  for wanted in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' EXAMPLES 'ERROR CODES' 'SEE ALSO'; do
    [ -n "$(section "$page" "$wanted")" ] || failed "$page: no section $wanted"
  done

  section "$page" 'EXIT STATUS' | sed -n '/^\.Bl/,/^\.El/p' >"$work/exit"
  sed -n 's/^\.It //p' "$work/exit" >"$work/statuses"
  same "$page: EXIT STATUS and matcher/base/result.h" "$work/in-source" "$work/statuses"
  [ -e "$work/first-exit" ] || cp "$work/exit" "$work/first-exit"
  same "$page: EXIT STATUS in the same words as elsewhere" "$work/first-exit" "$work/exit"
}

codes_in_sources() {
  # shellcheck disable=SC2016
  perl -0777 -ne '
    while (/(?:ExitCode::\w+,[^";]*?|\b(?:refuse|malformed)\(\s*|code\s=\s)
            "([a-z]+(?:-[a-z]+)*)"(?:\s*:\s*"([a-z-]+)")?/gx) {
      print "$1\n";
      print "$2\n" if defined $2;
    }' {matcher,runtime,splice-cc}/{,*/}*.cc | sort -u
}
codes_in_pages() {
  local page
  for page in man/*.[1-8]; do section "$page" 'ERROR CODES'; done |
    sed -n 's/^\.It Sy //p' | tr -s ' ,' '\n' | grep -v '\.\.\.$' | sort -u
}

command -v mandoc >/dev/null || { echo "error: mandoc is missing: tests/setup lint" >&2; exit 1; }
# One line of it all: a formatter may break a line behind the equals sign.
sed -n '/^enum class ExitCode/,/^}/p' matcher/base/result.h | tr -s ' \n' ' ' |
  grep -oE '\b[a-z_]+ = [0-9]+,' | grep -oE '[0-9]+' >"$work/in-source"

check_command splice-cc/splice-create splice-create.8
check_command runtime/splice-apply splice-apply.8
check_command runtime/splice-install splice-install.8
check_command runtime/splice-remove splice-remove.8
check_command runtime/splice-status splice-status.8
check_command runtime/splice-undo splice-undo.8
check_command runtime/splice-view splice-view.8
check_command matcher/splice-match splice-match.8
check_command splice-cc/splice-cc splice-cc.1

echo "error codes"
codes_in_sources >"$work/codes"
codes_in_pages >"$work/page-codes"
[ "$(wc -l <"$work/codes")" -gt 50 ] || failed "too few error codes found in the sources"
same "error codes in the sources (expected) and in man/ (found)" "$work/codes" "$work/page-codes"

echo "splice.h"
page=$(sed 's/\\e/\\/g; s/^\\&//' man/splice.h.3)
for name in note worker data shadow; do
  patch=$(sed 's/\t/        /g' "testdata/hooks/$name.patch")
  [[ $page == *"$patch"* ]] || failed "man/splice.h.3: its example is not testdata/hooks/$name.patch"
done

echo "lint"
mandoc -T lint -W warning man/*.[1-8] || failed "mandoc finds fault"

echo "$failures failed"
[ $failures = 0 ]
