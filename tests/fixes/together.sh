# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154  # the variables and functions are those of tests/fixes/corpus
#
# tests/fixes/corpus --together: all rows that were created, and whose modules can be loaded, in one update.

# create_together: leaves $work/share/together.tar, and a verdict in $work/said.
create_together() {
  [ ! -e "$work/said/together.verdict" ] || return 0
  local verdict=failed ours=() patches=() name patch
  # An update of a module that cannot be loaded here cannot be applied here.
  grep -l '^created' "$work"/said/row-*.verdict | grep -vF -f <(
    sed -n 's,^\(row-[0-9]*\) .* not-loadable:.*,/\1.,p' "$work/applied") >"$work/said/together.made"
  xargs -r grep -L '\.patch,' <"$work/said/together.made" | sed 's/verdict$/chosen/' | xargs sort -u \
    >"$work/said/together.chosen"
  "$repository/tests/fixes/prerequisites" --assemble "$diffs" "$work/said/together.chosen" \
    >"$work/said/together.patch"
  # Those that went in by a patch of ours, too; several rows may have one.
  mapfile -t ours < <(xargs -r sed -n 's/^created.* by \(.*\.patch\),.*/\1/p' <"$work/said/together.made" |
    sort -u)
  for name in "${ours[@]}"; do
    for patch in "$repository"/testdata/{fixes,remedies}/"$name"; do
      [ ! -e "$patch" ] || patches+=("$patch")
    done
  done
  splice_create together "${patches[@]}" && verdict=created
  echo "$verdict $(sed -n 's/^error: //p' "$work/said/together.text" | head -n 1)" |
    tee "$work/said/together.verdict"
}
