#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Debian package of an update (splice-create --deb), as dpkg and lintian see it; and dpkg installs, upgrades and
# removes it in a folder. That it applies its update is shown in a guest: tests/live/debian.
#
#   tests/cli/deb_test.sh        SPLICE_BUILD names the build folder (./build)
set -uo pipefail
export LC_ALL=C
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
build=$(realpath "$build")
use_kernel current
make_work deb-test
cd "$work" || exit
PATH=$build/splice-cc:$build/runtime:$PATH
export DEBFULLNAME='Splice tests' DEBEMAIL=tests@lists.example.org SOURCE_DATE_EPOCH=1790000000
unset DPKG_ROOT

failed=0
failed() { echo "FAILED: $*"; failed=1; }
same() { [ "$2" = "$3" ] || { failed "$1"; diff <(echo "$2") <(echo "$3"); }; }  # WHAT EXPECTED FOUND

openssl genpkey -algorithm ed25519 -out key.pem 2>/dev/null
live=$repository/testdata/live
create() {  # FOLDER VERSION PATCH...
  mkdir -p "$1"
  splice-create -q --kernel "$kernel" --root "$root" --name One --fixes CVE-2026-1234 --sign key.pem \
    -o "$1/update.tar" --deb "$1" --deb-version "$2" "${@:3}" || failed "splice-create $*"
}
create first 1 "$live/changed-function.patch"
create again 1 "$live/changed-function.patch"
create newer 2 "$live"/{changed,inlined}-function.patch
name=splice-update-one-$kernel
deb=first/${name}_1_amd64.deb
[ -e "$deb" ] || { failed "no $deb: $(ls first)"; exit 1; }

cmp "$deb" "again/${name}_1_amd64.deb" || failed 'two packages of one input differ'
version=$(dpkg-deb -f newer/"${name}"_2_amd64.deb Version)
same 'the version' 2 "$version"
field() { dpkg-deb -f "$deb" "$1"; }
same 'the fields' "$name 1 amd64 splice linux-image-$kernel splice-update Splice tests <tests@lists.example.org>" \
  "$(field Package) $(field Version) $(field Architecture) $(field Depends) $(field Enhances) $(field Provides) $(field Maintainer)"
dpkg-deb -f "$deb" Description | grep -qx '  CVE-2026-1234' || failed 'the description lacks what it fixes'
dpkg-deb -x "$deb" tree && dpkg-deb -e "$deb" tree/DEBIAN
folder=usr/lib/splice/updates/$name
same 'the contents' "$(printf '%s\n' "$folder"/{id,update.tar,update.tar.sig} usr/share/doc/"$name"/{changelog.gz,copyright})" \
  "$(cd tree && find usr -type f | sort)"
cmp first/update.tar "tree/$folder/update.tar" || failed 'another update'
cmp first/update.tar.sig "tree/$folder/update.tar.sig" || failed 'another signature'
(cd tree && md5sum --quiet -c DEBIAN/md5sums) || failed 'md5sums'
same 'the newest file' "$(date -u -d @1790000000 +%F)" "$(date -u -r "tree/$folder/update.tar" +%F)"
if command -v lintian >/dev/null; then
  lintian --fail-on error,warning --allow-root "$deb" newer/*.deb || failed 'lintian finds fault'
fi

# dpkg, in a folder that is to become a machine: kept, and never applied to the kernel of this one.
if [ "$(id -u)" = 0 ]; then
  target=$work/target
  mkdir -p "$target"/{usr/lib/splice,var/lib/dpkg/{info,updates},var/lib/splice}
  : >"$target/var/lib/dpkg/status"
  cp "$repository/debian/update-package" "$target/usr/lib/splice"
  in_target() {
    dpkg --root="$target" --force-script-chrootless --force-depends --force-not-root --log="$work/dpkg.log" "$@" >said 2>&1 </dev/null
  }
  store=$target/var/lib/splice/$kernel
  id() { cut -d ' ' -f 1 "$target/$folder/id"; }
  listed() { json_field id "$store/state.json" | paste -sd ' '; }
  in_target -i "$deb" || { failed 'dpkg -i'; cat said; }
  first=$(id)
  same 'kept' "$first" "$(listed)"
  [ -e "$store/$first.tar" ] && [ -e "$store/$first.tar.sig" ] || failed 'it is not in the store'
  in_target -i newer/*.deb || { failed 'dpkg -i of a newer version'; cat said; }
  [ "$(id)" != "$first" ] || failed 'the newer version has the same id'
  same 'kept in its place' "$(id)" "$(listed)"
  [ ! -e "$store/$first.tar" ] || failed "the older one's update is still in the store"
  # One whose signature is another's is refused, and the older one's update is kept again.
  bad=$work/bad
  dpkg-deb -R "$deb" "$bad" && cp newer/update.tar.sig "$bad/$folder/update.tar.sig"
  sed -i 's/^Version: 1$/Version: 3/' "$bad/DEBIAN/control"
  dpkg-deb -b --root-owner-group "$bad" bad.deb >/dev/null
  newer=$(id)
  in_target -i bad.deb && failed 'dpkg -i of one with a bad signature ends well'
  grep -q 'that of the older version, .*, is again' said || { failed 'the older version is not put back'; cat said; }
  same 'the older one again' "$newer" "$(listed)"
  same 'half configured' iF "$(dpkg-query --admindir="$target/var/lib/dpkg" -W -f '${db:Status-Abbrev}' "$name" | tr -d ' ')"
  # What is left out after a crash stays so, however often dpkg configures.
  in_target -i newer/*.deb || { failed 'dpkg -i once more'; cat said; }
  sed -i 's/"left_out": ""/"left_out": "the machine went down"/' "$store/state.json"
  in_target --configure --force-configure-any "$name"
  in_target -i newer/*.deb && failed 'dpkg configures what is left out'
  grep -q 'LEFT OUT: the machine went down' said || { failed 'dpkg does not say that it is left out'; cat said; }
  grep -q '"left_out": "the machine went down"' "$store/state.json" || failed 'dpkg has lifted what is left out'
  in_target -r "$name" || { failed 'dpkg -r'; cat said; }
  same 'removed' '' "$(listed)"
  [ -z "$(find "$target/var/lib/splice" -name '*.tar*' -o -path '*/packages/*')" ] || failed 'something is left in the store'
fi
[ $failed = 0 ] && echo 'packages of updates are right'
exit $failed
