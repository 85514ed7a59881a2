# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash  # busybox's shell has `local`, as dash has
#
# What the tests that run in a guest have in common (tests/live/guest, tests/live/hooks/guest): one line a
# test, "ok NAME", or "not ok NAME" and then why. What a command said is in the file "said", where the
# checks look. `failed` counts.
. ./both.sh

failed=0
passed() { echo "ok $1"; }
broken() {  # NAME WORDS...
  echo "not ok $*"
  sed 's/^/  | /' said
  failed=$((failed + 1))
  # What a failed test left must not fail the others: the newest first, so at most as often as there are.
  for _ in 1 2 3; do
    for update in /sys/kernel/splice/* /sys/kernel/livepatch/livepatch_*; do
      splice-undo -q "${update##*/}" >/dev/null 2>&1
    done
  done
}

# run STATUS COMMAND...: the command's output goes to the file "said".
run() {
  local expected=$1 status=0
  shift
  "$@" >said 2>&1 || status=$?
  [ $status = "$expected" ] || { echo "(status $status, expected $expected: $*)" >>said; return 1; }
}
says() { grep -qE -- "$1" said || { echo "(expected: $1)" >>said; return 1; }; }
shows() {  # PATTERN COMMAND...: the command ends well and says that
  local pattern=$1
  shift
  run 0 "$@" && says "$pattern"
}
id_of() { splice-view --json "$1" | json_field id | head -n 1; }
clean() {
  run 0 lsmod
  if grep -qE '^(splice|livepatch_[0-9a-f]{16}|alone_)' said || [ -d /sys/kernel/splice ]; then
    echo '(a module or an update is left)' >>said
    return 1
  fi
}
# background COMMAND...: comes back when it has said "attached" (in the file of that name), and $program is its
# process; or fails.
background() {
  rm -f attached
  "$@" >attached 2>&1 &
  program=$!
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    ! grep -qs '^attached' attached || return 0
    kill -0 "$program" 2>/dev/null || break
    sleep 1
  done
  return 1
}
off_background() { kill "$program"; wait "$program" 2>/dev/null; }
# How often the BPF program that it has attached ran.
bpf_runs() { sed -n 's/^run_cnt:[^0-9]*//p' /proc/"$program"/fdinfo/* 2>/dev/null; }
