# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034  # the variables are for those who read this file
#
# What the scripts of the repository have in common. Each begins with
#
#   source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
#   use_kernel current                   kernel, root: that of splice-create --kernel $kernel --root $root
#   make_work sweep                      work: a folder that is gone when the script ends
#
# Invariant: reading this file changes no option of the shell and no working directory, and says nothing.
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${SPLICE_BUILD:-$repository/build}                  # where the programs are
cache=${XDG_CACHE_HOME:-$HOME/.cache}/splice-test         # what tests/setup unpacked
source "$repository/tests/support/both.sh"

die_status=1
die() { echo "error: $*" >&2; exit "$die_status"; }

# use_kernel REL|current|LINE: has tests/setup unpack that kernel, with headers and source, if it is not.
use_kernel() {
  kernel=$("$repository/tests/setup" kernel "$1") || exit
  root=$cache/$kernel/root
}

# make_work NAME [FOLDER]: sets $work to a new folder, removed when the script ends; or to FOLDER, which
# is kept.
make_work() {
  work=${2:-}
  if [ -n "$work" ]; then
    mkdir -p "$work"
  else
    work=$(mktemp -d "${TMPDIR:-/tmp}/splice-$1.XXXXXX") || exit
    trap 'rm -rf "$work"' EXIT
  fi
}

# guest NAME ARGUMENT...: tests/vm/run on $kernel with $work/share as its share; the kernel's log is
# $work/NAME.log, whose end is shown if the guest died. The status is that of the guest's command.
guest() {
  local name=$1 status=0
  shift
  cp "$repository/tests/support/both.sh" "$work/share"
  "$repository/tests/vm/run" --kernel "$kernel" --share "$work/share" --log "$work/$name.log" "$@" ||
    status=$?
  [ $status -lt 125 ] || { echo "--- kernel log" && tail -n 60 "$work/$name.log"; }
  return $status
}

# Waits until fewer processes of the script's run in the background than there are processors.
wait_for_processor() { while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done; }

# --- figures ---------------------------------------------------------------------------------------

# record SECTION: makes its standard input the section of that name in tests/FIGURES.md, in place of what
# was there, with date, commit and machine.
record() {
  local section=$1 file=$repository/tests/FIGURES.md text
  text=$(cat)
  {
    awk -v heading="## $section" '/^## / { within = $0 == heading } !within' "$file" |
      sed -e :again -e '/^\n*$/{$d;N;b again' -e '}'  # without the empty lines at the end
    printf '\n## %s\n\n%s, commit %s, %s.\n\n```\n%s\n```\n' "$section" "$(date -u +%Y-%m-%d)" \
      "$(commit)" "$(machine)" "$text"
  } >"$file.new" && mv "$file.new" "$file"
}
# The commit that the tree is, but for the figures themselves.
commit() {
  local changed
  changed=$(git -C "$repository" status --porcelain --untracked-files=no -- . ':!tests/FIGURES.md')
  echo "$(git -C "$repository" rev-parse --short HEAD)${changed:+ and changes}"
}
# Processors, memory, and how guests run: all figures depend on that.
machine() {
  local accel=tcg
  read -r accel 2>/dev/null <"$cache/accel.$(cat /proc/sys/kernel/random/boot_id)"
  printf '%d × %s, %d GB, guests by %s' "$(nproc)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
    "$(awk '/^MemTotal/ { print int($2 / 2^20 + 0.5) }' /proc/meminfo)" "$accel"
}

# record_option "$@": for a script that makes figures, at its head. With --record as its first argument the
# script runs itself without it, and if it ends well, what it said on standard output becomes the section
# named after its own command line.
record_option() {
  [ "${1:-}" = --record ] || return 0
  shift
  local said status section
  section=$(realpath --relative-to "$repository" "$0")${*:+ $*}
  said=$(mktemp) || exit
  set +e
  "$0" "$@" | tee "$said"
  status=${PIPESTATUS[0]}
  [ "$status" != 0 ] || record "$section" <"$said"
  rm -f "$said"
  exit "$status"
}
