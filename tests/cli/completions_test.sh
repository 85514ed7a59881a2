#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion in bash offers exactly the options of --help, and values where an option takes some.
#
#   tests/cli/completions_test.sh        SPLICE_BUILD names the build folder (./build)
set -uo pipefail
export LC_ALL=C
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
build=$(realpath "$build")
make_work completions-test
PATH=$build/splice-cc:$build/runtime:$build/matcher:$PATH
source "$repository/completions/splice.bash"
cd "$work" || exit
compopt() { :; }  # outside of readline there is nothing to tell

failed=0
# offers COMMAND WORD...: what is offered for the last word, sorted, in one line
offers() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  _splice "$1"
  printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' '
}
same() {  # WHAT EXPECTED FOUND
  [ "$2" = "$3" ] || { echo "FAILED: $1: expected '$2', found '$3'"; failed=1; }
}

for command in splice-apply splice-install splice-remove splice-status splice-undo splice-view splice-match splice-create; do
  # By another expression than the completion's: every word that begins with two hyphens in the first columns.
  expected=$($command --help | grep -E '^  -' | grep -oE '^  (-. \[ )?--[a-z-]+' | grep -oE -- '--.*' | sort | paste -sd ' ')
  same "$command -" "$expected" "$(offers $command --)"
  same "$command --color" 'always auto never' "$(offers $command --color '')"
  complete -p $command >/dev/null || { echo "FAILED: $command has no completion"; failed=1; }
done
same 'engines' 'auto livepatch stop' "$(offers splice-install --engine '')"
same 'an engine' livepatch "$(offers splice-apply --engine l)"
same 'formats' 'livepatch package' "$(offers splice-create --format '')"
touch one.tar two.tar && mkdir folder
same 'files' 'folder one.tar two.tar' "$(offers splice-apply '')"
same 'a file' one.tar "$(offers splice-create -o o)"
same 'a folder' folder "$(offers splice-install --store '')"
same 'after an option without a value' 'folder one.tar two.tar' "$(offers splice-apply -q '')"
same 'a number' '' "$(offers splice-apply --retries '')"
# What is installed, by its names and ids.
mkdir -p "store/$(uname -r)" && cp "$repository/testdata/fuzz/installed/state.json" "store/$(uname -r)"
splice-status() { command splice-status --store "$work/store" "$@"; }
same 'updates' '42acce30ee7d420c CVE-2026-1234' "$(offers splice-remove '')"

# zsh reads its file without complaint, where it is installed.
if command -v zsh >/dev/null; then
  zsh -n "$repository/completions/_splice" || { echo "FAILED: completions/_splice"; failed=1; }
fi
[ $failed = 0 ] && echo 'completions agree with --help'
exit $failed
