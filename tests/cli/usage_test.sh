#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What every command does with a command line that is wrong, and with a file that is none of its
# business: the right status, one error: line and a hint: on standard error, nothing on standard
# output; with --json one document there, the same error in it.
#
#   tests/cli/usage_test.sh        SPLICE_BUILD names the build folder (./build)
#
# Nothing here needs root or touches a kernel.
set -uo pipefail
export LC_ALL=C
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
build=$(realpath "$build")
make_work usage-test
cd "$work" || exit
PATH=$build/splice-cc:$build/runtime:$build/matcher:$PATH

count=0 failures=0
failed() { echo "FAILED: $*"; sed 's/^/  out| /' out; sed 's/^/  err| /' err; failures=$((failures + 1)); }

# The document is printed one member a line, so a line can be checked by itself: an optional name,
# then a bracket or a whole value. Brackets must be as many as they are closed.
string='"([^"\\]|\\["\\/bfnrt]|\\u[0-9a-f]{4})*"'
value="($string|-?[0-9]+|true|false|null|\\{\\}|\\[\\])"
is_document() {  # FILE
  [ "$(head -n 1 "$1")" = '{' ] && [ "$(tail -n 1 "$1")" = '}' ] || return 1
  if grep -qvE "^ *(($string: )?($value,?|[{[])|[]}],?)\$" "$1"; then return 1; fi
  [ "$(grep -cE '[{[]$' "$1")" = "$(grep -cE '^ *[]}],?$' "$1")" ]
}

# The error of this status and code, as text and as a document.
expect() {  # STATUS CODE COMMAND ARGUMENT...
  local status=$1 code=$2 found
  shift 2
  count=$((count + 1))
  "$@" >out 2>err </dev/null
  found=$?
  [ $found = "$status" ] || failed "$*: status $found, expected $status"
  [ ! -s out ] || failed "$*: words on standard output"
  [ "$(grep -c '^error: ' err)" = 1 ] || failed "$*: not one error: line"
  [ "$(grep -c '^hint: .' err)" = 1 ] || failed "$*: not one hint: line"

  "$1" --json "${@:2}" >out 2>err </dev/null
  found=$?
  [ $found = "$status" ] || failed "$1 --json ${*:2}: status $found, expected $status"
  is_document out || failed "$1 --json ${*:2}: not a document"
  grep -qxF '  "schema": 1' out || failed "$1 --json ${*:2}: no schema"
  grep -qxF "  \"command\": \"$1\"," out || failed "$1 --json ${*:2}: no command"
  grep -qxF "    \"code\": \"$code\"," out || failed "$1 --json ${*:2}: code is not $code"
  grep -qxF "    \"exit\": $status," out || failed "$1 --json ${*:2}: exit is not $status"
  grep -qE '^    "hint": "..+"' out || failed "$1 --json ${*:2}: no hint"
}

for command in splice-create splice-apply splice-install splice-remove splice-status splice-undo splice-view splice-match splice-cc; do
  expect 2 usage $command --no-such-option
  expect 2 usage $command -Z
  expect 2 usage $command --color
  expect 2 usage $command --color=purple
  expect 2 usage $command --quiet=yes
done

expect 2 no-patch splice-create
expect 2 no-patch splice-create --keep-tmp -j 2
expect 2 usage splice-create --kernel
expect 2 usage splice-create --jobs many fix.patch
expect 2 usage splice-create --output= fix.patch
for name in 0123 '' -x 'a b' a/b splice-1.tar "$(printf '\033[2J')"; do
  expect 2 usage splice-create "--name=$name" fix.patch
done
for fixes in CVE-2026-123 CVE-2026-1234,x 'CVE-2026-1234 ' none,cve "$(printf 'CVE-2026-1234\n\033[2J')"; do
  expect 2 usage splice-create --fixes "$fixes" fix.patch
done
for option in --from=6.1.176-1 --only-cve=list --fetch --budget=5 --table=fixes.html; do
  expect 2 usage splice-create $option fix.patch
done
for option in fix.patch --on=first.tar --accept=a:b --leave-out --must=main --budget=0 --budget=99999; do
  expect 2 usage splice-create --to=6.1.187-1 $option
done
expect 2 no-package splice-apply
expect 2 no-package splice-apply -n
expect 2 usage splice-apply one.tar two.tar
expect 2 usage splice-apply --dry-run=1 one.tar
expect 2 no-package splice-install
expect 2 no-package splice-install --store /tmp
expect 2 usage splice-install --boot one.tar
expect 2 usage splice-install --store
expect 2 usage splice-install --boot --keep one.tar
expect 2 usage splice-install --only 0123456789abcdef one.tar
expect 2 usage splice-create --deb-version 1 fix.patch
expect 2 usage splice-create --deb . --format livepatch -o fix.ko fix.patch
for version in '' 1:1 x 1/2 '1 ' "$(printf '1\nEssential: yes')"; do
  expect 2 usage splice-create --deb . "--deb-version=$version" fix.patch
done
expect 2 no-id splice-remove
expect 2 no-id splice-undo
expect 2 usage splice-undo --all 01234567
for command in splice-apply splice-install splice-remove splice-undo; do
  for number in -1 many 1.5 99999999 99999999999999999999; do
    expect 2 usage $command --retries $number 01234567
    expect 2 usage $command --retry-interval $number 01234567
  done
  for duration in 30 '' s -1s 1.5s 2d 25h 99999999999999999999s; do
    expect 2 usage $command "--wait=$duration" 01234567
  done
  expect 2 usage $command --wait 30s --retries 5 01234567
done
for command in splice-apply splice-install; do
  expect 2 usage $command --engine kexec one.tar
  expect 2 usage $command --engine= one.tar
  expect 2 usage $command --engine livepatch --skip-unloaded one.tar
done
expect 2 usage splice-install --boot --engine stop
expect 2 usage splice-view 01234567 89abcdef
expect 2 usage splice-status something
expect 2 usage splice-status --nagios --prometheus
expect 2 usage splice-status --preflight --nagios
expect 2 usage splice-status --openvex --csaf
expect 2 usage splice-status --preflight --csaf
expect 2 no-object splice-match
expect 2 no-object splice-match --target tun
expect 2 usage splice-match --image
expect 2 no-compiler splice-cc

head -c 65536 /dev/zero | tr '\0' 'x' >noise.tar
: >empty.tar
for command in splice-apply splice-view; do
  expect 1 file-unreadable $command -q ./no-such-file.tar
  expect 1 file-unreadable $command -q /dev/null
  expect 7 package-truncated $command -q noise.tar
  expect 7 package-truncated $command -q empty.tar
done
# From a pipe: what was checked there is what is read.
count=$((count + 1))
head -c 100 noise.tar | splice-view -q - >out 2>err
[ $? = 7 ] || failed "splice-view -: status $?, expected 7"
expect 1 vmlinux-malformed splice-match -q --image no-such-file fork.o
expect 1 kernel-file-malformed splice-match -q --image noise.tar fork.o
expect 1 kernel-parts-missing splice-create -q --kernel 0.0.0-none fix.patch
if [ "$(id -u)" = 0 ]; then
  expect 1 unknown-update splice-undo -q 012
  expect 1 unknown-update splice-undo -q 0123456789abcdef ./no-id
  count=$((count + 1))
  splice-undo 0123456789abcdef 01234567 >out 2>err || failed "splice-undo of what is not applied: status $?"
  [ "$(grep -c 'is not applied' out)" = 2 ] || failed "splice-undo of what is not applied: does not say so"
else
  expect 1 not-root splice-undo -q 0123456789abcdef
fi

# Installed is only what is right; what is not there needs no removing, and nothing is put back.
if [ "$(id -u)" = 0 ]; then
  mkdir store
  expect 7 package-truncated splice-install -q --store "$work/store" noise.tar
  expect 1 file-unreadable splice-install -q --store "$work/store" ./no-such-file.tar
  [ -z "$(find store -name '*.tar' -o -name '*.json')" ] || failed "splice-install: a refused package was kept"
  expect 1 store-unwritable splice-install -q --store "$work/no/store" noise.tar
  ln -s store link
  expect 1 store-untrusted splice-install -q --store "$work/link" noise.tar
  expect 1 unknown-update splice-remove -q --store "$work/store" 012
  expect 7 package-truncated splice-install -q --keep --store "$work/store" noise.tar
  expect 1 store-untrusted splice-remove -q --store "$work/store" --kernel ../x 0123456789abcdef
  count=$((count + 2))
  splice-remove --store "$work/store" CVE-2026-1 0123456789abcdef >out 2>err || failed "splice-remove of nothing: status $?"
  [ "$(grep -c 'neither installed nor applied' out)" = 2 ] || failed "splice-remove of nothing: does not say so"
  splice-install --boot --store "$work/none" >out 2>err || failed "splice-install --boot of nothing: status $?"
  grep -q '^nothing is put back: nothing is installed for kernel' out || failed "splice-install --boot: does not say so"
  [ ! -e none ] || failed "splice-install --boot: makes a store"
else
  expect 1 not-root splice-install -q noise.tar
  expect 1 not-root splice-remove -q 0123456789abcdef
fi

# The status of nothing, in each of its forms; of a damaged store an error, and the monitoring plugins' own.
release=$(uname -r)
status_says() {  # STATUS PATTERN ARGUMENT...
  local wanted=$1 pattern=$2 status=0
  shift 2
  count=$((count + 1))
  splice-status --store "$work/states" "$@" >out 2>err || status=$?
  [ $status = "$wanted" ] || failed "splice-status $*: status $status, expected $wanted"
  grep -qE -- "$pattern" out || failed "splice-status $*: does not say $pattern"
}
status_says 0 '^nothing is installed for kernel '
status_says 0 '^  "all_in_force": true,' --json
status_says 0 '^splice_updates[{]state="in-force"[}] 0$' --prometheus
status_says 0 '^SPLICE OK - 0 of 0 updates in force \| in_force=0 ' --nagios
count=$((count + 1))
splice-status --store "$work/states" --openvex >out 2>err && failed "splice-status --openvex of nothing: status 0"
grep -q '^error: no update .* says which CVE' err || failed "splice-status --openvex of nothing: does not say so"
[ ! -s out ] || failed "splice-status --openvex of nothing: words on standard output"
mkdir -p "states/$release"
cp "$repository/testdata/fuzz/installed/state.json" "states/$release"
status_says 0 'not for this build: it is for the build #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2'
sed -i "s/\"kernel_version\": .*/\"kernel_version\": \"\",/" "states/$release/state.json"
status_says 9 '^CVE-2026-1234 [(]42acce30ee7d420c[)]: NOT IN FORCE: it is not applied'
status_says 9 '^CVE-2026-1234 is NOT fixed'
status_says 0 '^      "status": "affected",' --openvex
status_says 0 '"known_affected"' --csaf
# A store of a release that knew one engine; and what an update was made without.
status_says 9 '^ *"engine_at_boot": "stop",' --json
sed -i 's/^   "left_out"/   "engine": "auto", "livepatch": "", "parts_left_out": ["fs\/x.c, line 3: a lock"],\n&/' \
  "states/$release/state.json"
status_says 9 '^ *"engine": "auto",' --json
status_says 9 '^        fs/x.c, line 3: a lock$'
status_says 0 '^splice_parts_left_out[{]id="42acce30ee7d420c"[}] 1$' --prometheus
sed -i 's/"auto"/"kexec"/' "states/$release/state.json"
expect 1 store-malformed splice-status --store "$work/states"
sed -i 's/"kexec"/"livepatch"/' "states/$release/state.json"
status_says 2 '^SPLICE CRITICAL - 0 of 1 update in force, 0 of 1 CVE fixed; ' --nagios
echo '{' >"states/$release/state.json"
expect 1 store-malformed splice-status --store "$work/states"
status_says 3 '^SPLICE UNKNOWN - .*[(]store-malformed[)]$' --nagios

# The driver becomes the compiler: its words, its status; 127 as the shell has it.
count=$((count + 1))
splice-cc sh -c 'echo out; echo err >&2; exit 42' >out 2>err
[ "$? $(cat out) $(cat err)" = '42 out err' ] || failed "splice-cc sh: not what sh gives"
splice-cc ./no-such-compiler -c file.c >out 2>err
[ $? = 127 ] && grep -q '^error: .*no-such-compiler' err || failed "splice-cc: missing compiler"

# Output that is lost is an error, with one message.
for command in splice-create splice-apply splice-install splice-remove splice-status splice-undo splice-view splice-match; do
  count=$((count + 1))
  $command --help >/dev/full 2>err
  [ $? = 1 ] || failed "$command --help >/dev/full: status $?, expected 1"
  [ "$(grep -c '^error: standard output cannot be written' err)" = 1 ] || failed "$command: no error about its output"
done

# Colour only when it is asked for: standard error is a file here.
count=$((count + 1))
escape=$(printf '\033')
splice-apply --color=always noise.tar >out 2>err
grep -q "$escape" err || failed "--color=always: no colour"
NO_COLOR=1 splice-apply --color=always noise.tar >out 2>err
grep -q "$escape" err || failed "--color=always with NO_COLOR: the option counts more"
for option in --color=never --color=auto -q; do
  splice-apply $option noise.tar >out 2>err
  if grep -q "$escape" err; then failed "$option: colour in a file"; fi
done

# Stage lines go to standard error, and not with -q.
splice-apply noise.tar >out 2>err
grep -q '^splice-apply: ' err || failed "splice-apply: no stage line"
splice-apply -q noise.tar >out 2>err
if grep -q '^splice-apply: ' err; then failed "splice-apply -q: a stage line"; fi

echo "$count command lines, $failures failed"
[ $failures = 0 ]
