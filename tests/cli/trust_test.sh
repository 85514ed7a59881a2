#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Which packages are taken, by who signed them: keys that openssl makes, signatures by splice-create --sign and by
# the lines of splice-package(5), and all that somebody may hand over in their place.
#
#   tests/cli/trust_test.sh [REL]        SPLICE_BUILD names the build folder (./build)
#
# The update is for another kernel than the one that runs, so wrong-kernel is what a package gets to that is let in;
# nothing is applied. /etc is a copy here, which this script and its children alone see.
set -uo pipefail
export LC_ALL=C
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
if [ "${inside-}" != 1 ]; then
  user=(--user --map-root-user)
  [ "$(id -u)" != 0 ] || user=()
  inside=1 exec unshare "${user[@]}" --mount "$0" "$@"
fi
use_kernel "${1:-6.1.0-50-cloud-amd64}"
build=$(realpath "$build")
make_work trust
cp -a /etc "$work/etc" 2>/dev/null
rm -rf "$work/etc/splice"
mkdir -p "$work/etc/splice/trusted.d"
mount --bind "$work/etc" /etc || die "no mount namespace"
cd "$work" || exit
PATH=$build/splice-cc:$build/runtime:$PATH

count=0 failed=0
broken() { echo "FAILED: $*"; sed 's/^/  | /' said; failed=1; }
# expect STATUS CODE COMMAND ARGUMENT...: it ends so, with a hint; what is good gets as far as wrong-kernel.
expect() {
  local wanted=$1 code=$2 status=0
  shift 2
  count=$((count + 1))
  "$1" --json "${@:2}" >document 2>said || status=$?
  [ $status = "$wanted" ] || broken "$*: status $status, expected $wanted"
  grep -qxF "    \"code\": \"$code\"," document || broken "$*: the code is not $code"
  grep -q '^    "hint": "..*"' document || broken "$*: no hint"
}
taken() { expect 8 wrong-kernel splice-apply -n "${@:-x.tar}"; }
refused() { expect 7 "$1" splice-apply -n "${@:2}"; }
policy() { printf '%s\n' "$@" >/etc/splice/splice.conf; }

# --- keys, and a package that is signed when it is made --------------------------------------------

openssl genpkey -algorithm ed25519 -out ed25519.pem
openssl genpkey -algorithm ed25519 -out other.pem
for curve in 256 384 521; do
  openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-$curve -out p$curve.pem
done
openssl genpkey -quiet -algorithm rsa -pkeyopt rsa_keygen_bits:3072 -out rsa.pem 2>/dev/null ||
  openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:3072 -out rsa.pem 2>said
openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:1024 -out weak.pem 2>said
for key in ed25519 other p256 p384 p521 rsa weak; do openssl pkey -in $key.pem -pubout -out $key.pub.pem; done

patch=$repository/testdata/live/changed-function.patch
create() { splice-create --kernel "$kernel" --root "$root" "$@"; }
create -o plain.tar "$patch" >said 2>&1 || broken "splice-create"
[ ! -e plain.tar.sig ] || broken "a signature that nobody asked for"
create -o x.tar --sign ed25519.pem "$patch" >said 2>&1 || broken "splice-create --sign"
grep -q 'wrote x.tar.sig, its signature' said || broken "splice-create --sign does not say so"
cmp x.tar plain.tar || broken "the package is another when it is signed"
create -o late.tar --sign ed25519.pem --sign-expires 2020-02-29 "$patch" >said 2>&1 || broken "--sign-expires"
create -o two.tar --sign ed25519.pem "$repository/testdata/live/several-files.patch" >said 2>&1 ||
  broken "a second update"
for options in 'signing-key none.pem' 'signing-key ed25519.pub.pem' 'key-weak weak.pem'; do
  expect 1 ${options% *} splice-create --kernel "$kernel" --root "$root" -o no.tar --sign ${options#* } "$patch"
done
expect 2 usage splice-create --sign ed25519.pem --sign-expires tomorrow "$patch"
expect 2 usage splice-create --sign-expires 2027-06-30 "$patch"
expect 2 usage splice-create --sign ed25519.pem --format livepatch -o x.ko "$patch"
[ ! -e no.tar ] || broken "an update was written that could not be signed"

# --- policies --------------------------------------------------------------------------------------

policy '# a comment' '' 'require-signature = yes'
refused key-unknown x.tar
cp ed25519.pub.pem /etc/splice/trusted.d/release.pem
taken
refused not-signed plain.tar
policy 'require-signature = no'
taken plain.tar
grep -q 'warning: the package is not signed$' said || broken "no warning about an unsigned package"
rm /etc/splice/splice.conf
taken plain.tar
grep -q 'not signed; /etc/splice/splice.conf, which could require' said || broken "no warning about the policy"
for line in 'require-signature = yse' 'require-signatures = yes' 'yes' $'require-signature = yes\r' ''; do
  policy '# first' "$line"
  expect 1 config-malformed splice-apply -n x.tar
  [ -z "$line" ] || [ "$(json_field file document)" = /etc/splice/splice.conf:2 ] || broken "'$line': no line number"
done
cp "$repository/etc/splice.conf" /etc/splice/splice.conf
taken
refused not-signed plain.tar

# --- signatures by openssl alone, as the manual says -----------------------------------------------

sed -n '/^\.Ss The signature/,/^\.Ss Limits/p' "$repository/man/splice-package.5" |
  awk '/^\.Bd -literal/ { inside = 1; n++; next } /^\.Ed/ { inside = 0 } inside { print > "lines" n }'
[ "$(wc -l <lines1) $(wc -l <lines2)" = '8 1' ] || broken "splice-package(5) has other lines"
sed "s/^openssl pkeyutl.*/$(sed 's/[&/]/\\&/g' lines2)/" lines1 >lines3
for key in ed25519 p256 p384 p521 rsa; do
  cp $key.pub.pem "/etc/splice/trusted.d/$key.pem"
  rm -rf offline && mkdir offline
  cp plain.tar offline/update.tar
  cp $key.pem offline/release.pem
  cp $key.pub.pem offline/release.pub.pem
  if [ $key = ed25519 ]; then lines=lines1; else lines=lines3; fi
  (cd offline && bash -e "../$lines") >said 2>&1 || broken "$key: the lines of splice-package(5)"
  taken offline/update.tar
  create -o by.tar --sign $key.pem "$patch" >said 2>&1 || broken "--sign by $key"
  taken by.tar
done
cmp x.tar.sig by.tar.sig >/dev/null && broken "two keys make one signature"
rm /etc/splice/trusted.d/{p256,p384,p521,rsa,ed25519}.pem

# --- what else somebody may hand over --------------------------------------------------------------

spoil() {  # NAME COMMAND: NAME.tar and NAME.tar.sig are copies of the good ones, spoilt
  cp x.tar "$1.tar" && cp x.tar.sig "$1.tar.sig" && eval "$2"
}
spoil swapped 'cp two.tar.sig swapped.tar.sig';               refused signature-mismatch swapped.tar
spoil cut 'truncate -s -512 cut.tar';                         refused signature-mismatch cut.tar
spoil longer 'printf "\0" >>longer.tar';                      refused signature-mismatch longer.tar
spoil bit 'printf X | dd of=bit.tar bs=1 seek=1000 conv=notrunc status=none'; refused signature-mismatch bit.tar
spoil noise 'head -c 5000 /dev/urandom >noise.tar';           refused signature-mismatch noise.tar
spoil moved 'sed "s/^sha512.*/$(grep ^sha512 x.tar.sig)/" two.tar.sig >moved.tar.sig'; refused signature-bad moved.tar
spoil forged 'head -n 4 x.tar.sig >statement
  openssl pkeyutl -sign -rawin -inkey other.pem -in statement -out raw
  sed -i "s,^signature.*,signature $(base64 -w 0 raw)," forged.tar.sig'
refused signature-bad forged.tar
spoil prolonged 'sed "s/2020-02-29/2999-12-31/" late.tar.sig >prolonged.tar.sig'; refused signature-bad prolonged.tar
refused signature-expired late.tar
spoil empty ': >empty.tar.sig';                               refused signature-stripped empty.tar
spoil stripped 'sed -i "/^signature /d" stripped.tar.sig';    refused signature-stripped stripped.tar
spoil gone 'rm gone.tar.sig';                                 refused not-signed gone.tar
spoil crlf 'sed -i "s/\$/\r/" crlf.tar.sig';                  refused signature-malformed crlf.tar
spoil nul 'printf "\0" >>nul.tar.sig';                        refused signature-malformed nul.tar
spoil twice 'cat x.tar.sig >>twice.tar.sig';                  refused signature-malformed twice.tar
spoil huge 'truncate -s 1G huge.tar.sig';                     refused signature-malformed huge.tar
spoil large 'truncate -s 257M large.tar';                     refused package-member-size large.tar
spoil folder 'rm folder.tar.sig; mkdir folder.tar.sig';       expect 1 file-unreadable splice-apply -n folder.tar
spoil zero 'ln -sf /dev/zero zero.tar.sig';                   expect 1 file-unreadable splice-apply -n zero.tar
spoil pipe 'rm pipe.tar.sig; mkfifo pipe.tar.sig';            expect 1 file-unreadable splice-apply -n pipe.tar
spoil link 'ln -sf "$work/x.tar.sig" link.tar.sig';           taken link.tar
create -o unknown.tar --sign other.pem "$patch" >said 2>&1 || broken "--sign by another"
refused key-unknown unknown.tar
policy 'require-signature = no'
for name in swapped cut bit moved forged prolonged; do
  expect 7 "$(case $name in swapped | cut | bit) echo signature-mismatch ;; *) echo signature-bad ;; esac)" \
    splice-apply -n $name.tar
done
refused signature-expired late.tar
taken unknown.tar
policy 'require-signature = yes'

# From standard input, with the signature by name.
count=$((count + 2))
splice-apply --json -n --signature x.tar.sig - <x.tar >document 2>said
grep -q wrong-kernel document || broken "from standard input"
splice-apply --json -n - <x.tar >document 2>said
grep -q not-signed document || broken "from standard input, without a signature"
taken --signature x.tar.sig plain.tar
refused signature-mismatch --signature x.tar.sig two.tar
expect 1 file-unreadable splice-apply -n --signature none x.tar

# --- keys ------------------------------------------------------------------------------------------

mkdir /etc/splice/revoked.d
cp ed25519.pub.pem /etc/splice/revoked.d/release-2026.pem
refused key-revoked x.tar
policy 'require-signature = no'
refused key-revoked x.tar
policy 'require-signature = yes'
mv /etc/splice/revoked.d/release-2026.pem /etc/splice/revoked.d/release-2026.pub
expect 1 key-malformed splice-apply -n x.tar
rm -r /etc/splice/revoked.d
# The other form of a curve's point is the same key, and goes with it.
cp p256.pub.pem /etc/splice/trusted.d/curve.pem
create -o curve.tar --sign p256.pem "$patch" >said 2>&1 || broken "--sign by a curve"
taken curve.tar
mkdir /etc/splice/revoked.d
openssl ec -pubin -in p256.pub.pem -conv_form compressed -out /etc/splice/revoked.d/curve.pem 2>said
cmp -s p256.pub.pem /etc/splice/revoked.d/curve.pem && broken "openssl writes one form only"
refused key-revoked curve.tar
rm -r /etc/splice/revoked.d /etc/splice/trusted.d/curve.pem
# What is no key, and what others could have put there.
for text in '' rubbish "$(cat ed25519.pem)" "$(cat ed25519.pub.pem other.pub.pem)"; do
  printf '%s\n' "$text" >/etc/splice/trusted.d/more.pem
  expect 1 key-malformed splice-apply -n x.tar
done
cp weak.pub.pem /etc/splice/trusted.d/more.pem
expect 1 key-weak splice-apply -n x.tar
rm /etc/splice/trusted.d/more.pem
for what in . splice.conf trusted.d trusted.d/release.pem; do
  mode=$(stat -c %a "/etc/splice/$what")
  chmod o+w "/etc/splice/$what"
  expect 1 trust-unsafe splice-apply -n x.tar
  chmod "$mode" "/etc/splice/$what"
  [ "$what" != . ] || continue
  mv "/etc/splice/$what" real
  ln -s "$work/real" "/etc/splice/$what"
  expect 1 trust-unsafe splice-apply -n x.tar
  rm "/etc/splice/$what" && mv real "/etc/splice/$what"
done
if chown 1 /etc/splice/splice.conf 2>/dev/null; then
  expect 1 trust-unsafe splice-apply -n x.tar
  chown 0 /etc/splice/splice.conf
fi
taken

# --- what is shown ---------------------------------------------------------------------------------

shows() {  # PATTERN ARGUMENT...
  count=$((count + 1))
  splice-view "${@:2}" >said 2>&1 || broken "splice-view ${*:2}"
  grep -qE "$1" said || broken "splice-view ${*:2}: does not say $1"
}
shows '^signed by release \([0-9a-f]{16}\)$' x.tar
shows '^not signed$' plain.tar
shows '^signed by key [0-9a-f]{16}, which is not trusted here$' unknown.tar
shows '^signed by release \([0-9a-f]{16}\), EXPIRED on 2020-02-29$' late.tar
shows '"state": "trusted"' --json --signature x.tar.sig plain.tar
expect 7 signature-mismatch splice-view swapped.tar
expect 7 signature-bad splice-view forged.tar
expect 2 usage splice-view --signature x.tar.sig 01234567
expect 2 usage splice-install --signature x.tar.sig x.tar two.tar
expect 2 usage splice-install --boot --signature x.tar.sig

# --- what is kept ----------------------------------------------------------------------------------

expect 8 wrong-kernel splice-install --store "$work/store" x.tar
expect 7 not-signed splice-install --store "$work/store" plain.tar
[ -z "$(find store -name '*.tar*')" ] || broken "a package that was not installed was kept"
# As if it had been installed for the kernel that runs.
id=$(splice-view --json x.tar | json_field id | head -n 1)
key=$(sed -n 's/^key //p' x.tar.sig)
release=$(uname -r)
kept() {  # SIGNED-BY
  mkdir -p "store/$release"
  cp x.tar "store/$release/$id.tar"
  cp x.tar.sig "store/$release/$id.tar.sig"
  cat >"store/$release/state.json" <<END
{"schema": 1, "updates": [{"failure": "", "failure_code": "", "fixes": [], "id": "$id", "kernel_version": "",
 "left_out": "", "name": "x", "require_types": false, "signed_by": "$1", "skip_unloaded": false}]}
END
}
boots() {  # CODE
  count=$((count + 1))
  splice-install --boot --json --store "$work/store" >document 2>said
  grep -q "\"code\": \"$1\"" document || broken "at boot: not $1"
}
status_says() {
  count=$((count + 1))
  splice-status --store "$work/store" >said 2>&1
  grep -qE "$1" said || broken "splice-status: does not say $1"
}
kept "$key";                                              boots wrong-kernel
status_says '^    signed by release '
kept "$key"; rm "store/$release/$id.tar.sig";             boots signature-stripped
kept "";     rm "store/$release/$id.tar.sig";             boots not-signed
status_says '^    not signed$'
kept "$key"; cp two.tar "store/$release/$id.tar";         boots signature-mismatch
kept "$key"; cp two.tar.sig "store/$release/$id.tar.sig"; boots signature-mismatch
kept "$key"; cp late.tar.sig "store/$release/$id.tar.sig"; boots wrong-kernel
kept "$key"; mv /etc/splice/trusted.d/release.pem .;      boots key-unknown
mkdir /etc/splice/revoked.d && mv release.pem /etc/splice/revoked.d/
kept "$key";                                              boots key-revoked
status_says '^    signed by release .*, a key that is REVOKED$'
mv /etc/splice/revoked.d/release.pem /etc/splice/trusted.d/
policy 'require-signature'
kept "$key";                                              boots config-malformed
status_says '^nothing can be applied: /etc/splice/splice.conf:1: '
policy 'require-signature = yes'

# --- between the check and the use -----------------------------------------------------------------

# Another package comes in the place of the good one, again and again: it is never the one that is described.
count=$((count + 1))
cp x.tar race.tar && cp x.tar.sig race.tar.sig
while [ -e race.tar.sig ]; do
  cp two.tar next && mv next race.tar
  cp x.tar next && mv next race.tar
done 2>/dev/null &
seen='' attempts=100
for ((i = 0; i < attempts; i++)); do
  if splice-view --json race.tar >document 2>said; then
    seen+=" $(json_field id document | head -n 1)"
  else
    seen+=" $(json_field code document)"
  fi
done
rm race.tar.sig
wait
seen=$(tr ' ' '\n' <<<"$seen" | sed '/^$/d' | sort | uniq -c | tr -s ' \n' ' ')
echo "in $attempts races:$seen"
[ -z "$(sed "s/[0-9]* $id//; s/[0-9]* signature-mismatch//; s/ //g" <<<"$seen")" ] || broken "a race was lost"

echo "$count expectations"
[ $failed = 0 ] && echo "signatures: all as expected"
exit $failed
