# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154  # $work and $kernel are those of tests/support/lib.sh
#
# Applies many updates to one stock kernel, one after the other, and undoes each: $work/share/NAME.tar. A
# guest that dies, or whose kernel says that something is wrong, is booted again for those that remain.
#
# One line each in the file $work/applied, in which those that it has already are not tried again:
#
#   NAME applied undone status=0 pause=NS warnings=0 code=
#   NAME - - status=6 pause=- warnings=0 code=kernel-busy pid 120 (cat) is inside code that ...
#
# Invariant: afterwards every update has one line. What the kernel said of trouble is in $work/said/NAME.log.

manifest() { tar -xOf "$work/share/$1.tar" manifest.json; }
# Names of updates that were not applied yet.
remaining() {
  find "$work/share" -maxdepth 1 -name '*.tar' -printf '%f\n' | sed 's/\.tar$//' | sort -t - -k 2 -n |
    grep -vxF -f <(cut -d ' ' -f 1 "$work/applied")
}
apply_each() {
  local update name last
  touch "$work/applied"
  for update in "$work"/share/*.tar; do
    [ -e "$update" ] || continue
    name=$(basename "$update" .tar)
    manifest "$name" | json_field new | sed -n 's,^new/\(.*\)\.ko$,\1,p' | grep -vx vmlinux \
      >"$work/share/$name.modules"
  done
  while remaining >"$work/share/remaining" && [ -s "$work/share/remaining" ]; do
    cp "$repository/tests/support/apply-each" "$repository/tests/support/both.sh" "$work/share"
    "$repository/tests/vm/run" --kernel "$kernel" --share "$work/share" --memory 4096 --timeout 3000 \
      --log "$work/log" -- sh apply-each >"$work/said/guest" 2>&1
    grep -E '^[^ |]+ (applied|-) (undone|-) status=' "$work/said/guest" | tee -a "$work/applied"
    last=$(sed -n 's/ begins$//p' "$work/said/guest" | tail -n 1)
    [ -n "$last" ] || { cat "$work/said/guest"; break; }
    if grep -q '^| ' "$work/said/guest"; then sed -n 's/^| //p' "$work/said/guest" >"$work/said/$last.log"; fi
    # A boot that lasted too long says nothing of the update that it was at, unless that was its first.
    if grep -q 'still running after' "$work/said/guest" && [ "$(grep -c ' begins$' "$work/said/guest")" -gt 1 ]
    then
      continue
    fi
    grep -q "^$last " "$work/applied" || {
      echo "$last - - status=125 pause=- warnings=1 code=guest-died" | tee -a "$work/applied"
      cp "$work/log" "$work/said/$last.log"
    }
  done
}
