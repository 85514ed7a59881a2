#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A release in one command: splice-create --to, with a newer source package of six files that is made here. What is
# in, what is left out, what is not built and what nobody knows stands in the table, in the document and in the
# update; and the same input makes the same update.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
use_kernel "${1:-6.1.0-50-cloud-amd64}"
make_work release
cd "$work" || exit
failed=0
broken() { echo "FAILED: $*"; sed "s|^|  \| |" said; failed=1; }

# The prepared source of the real cache, in a cache of our own.
"$build/splice-cc/splice-create" -q --kernel "$kernel" --root "$root" -o first.tar \
  "$repository/testdata/live/changed-function.patch" 2>said || broken "the first update"
prepared=$(find "${XDG_CACHE_HOME:-$HOME/.cache}/splice" -maxdepth 1 -type d -name "$kernel-*" | head -n 1)
export XDG_CACHE_HOME=$work/cache
mkdir -p "$XDG_CACHE_HOME/splice"
ln -s "$prepared" "$XDG_CACHE_HOME/splice/"
own=$(zcat "$root"/usr/share/doc/linux-source-*/changelog.Debian.gz | sed -n '1s/.*(\(.*\)).*/\1/p')
series=$(echo "$own" | grep -oE '^[0-9]+\.[0-9]+')
newer=$series.999-1

create() { "$build/splice-cc/splice-create" --kernel "$kernel" --root "$root" --to "$newer" "$@"; }
# refuse STATUS CODE ARGUMENT...
refuse() {
  local status=0 wanted=$1 code=$2
  shift 2
  create --json "$@" >document 2>said || status=$?
  [ $status = "$wanted" ] || broken "$code: exit status $status"
  grep -q "\"code\": \"$code\"" document || broken "no code $code"
}
refuse 1 release-source-missing
grep -q 'apt-get download' said || broken "does not name the command"

# The newer source: what it has not counts as gone, which nothing here asks about.
change() {  # FILE SED-SCRIPT
  mkdir -p "linux/$(dirname "$1")"
  sed "$2" "$prepared/source/$1" >"linux/$1"
  ! cmp -s "$prepared/source/$1" "linux/$1" || broken "nothing changes in $1"
}
change fs/proc/cmdline.c 's/seq_putc(m, .*/&\n\tseq_puts(m, "");/'
change lib/klist.c 's/^struct klist_waiter {/&\n\tint tries;/;s/waiter\.woken = 0;/&\n\twaiter.tries = 1;/'
change drivers/net/wan/hdlc.c 's/hdlc_open() carrier/hdlc_open(): carrier/'
change fs/proc/version.c 's/seq_printf(m, .*/say_nothing(m);\n\t&/'
change fs/proc/internal.h "\$a static inline void say_nothing(struct seq_file *m)\n{\n\tseq_puts(m, \"\");\n}"
package=$XDG_CACHE_HOME/splice/packages/linux-source-${series}_$newer
mkdir -p "$package/usr/src" "$package/usr/share/doc/linux-source-$series"
tar -cJf "$package/usr/src/linux-source-$series.tar.xz" linux
gzip -n >"$package/usr/share/doc/linux-source-$series/changelog.Debian.gz" <<END
linux ($newer) bookworm; urgency=high

  * New upstream stable update:
    - proc: fix a leak in cmdline_proc_show() (CVE-2026-1001)
    - klist: fix a count in klist_remove() (CVE-2026-1002)
    - net/wan: hdlc: fix hdlc_open() (CVE-2026-1003)
    - [arm64] mm: fix it (CVE-2026-1004)
    - something that nobody can place (CVE-2026-1005)
    - proc: check in
      version_proc_show() (CVE-2026-1006)

linux ($own) bookworm; urgency=high

  * Old (CVE-2026-1007)
END

refuse 1 release-version --from "$series.1-1"
echo CVE-2026-1007 >list
refuse 1 fix-not-in-release --only-cve list
echo 'fix it' >list
refuse 1 fix-list-malformed --only-cve list
echo CVE-2026-1003 >list
refuse 3 release-changes-nothing --only-cve list

create --from "$own" --json --table table.html -o update.tar >document 2>said || broken "the release"
cat document >>said
state() { grep -A 20 "\"cve\": \"$1\"" document | sed -n 's/^ *"state": "\(.*\)",*$/\1/p' | head -n 1; }
for expected in '1001 in' '1002 left out' '1003 not built here' '1004 not built here' '1005 unknown' '1006 in'; do
  [ "$(state "CVE-2026-${expected%% *}")" = "${expected#* }" ] ||
    broken "CVE-2026-${expected%% *} is '$(state "CVE-2026-${expected%% *}")', expected ${expected#* }"
done
"$build/runtime/splice-view" --json update.tar >view 2>>said || broken "splice-view"
[ "$(grep -oE '^ *"CVE-[-0-9]*"' view | tr -d ' "' | xargs)" = 'CVE-2026-1001 CVE-2026-1006' ] ||
  broken "the update says it fixes something else"
[ "$(json_field name view | head -n 1)" = "linux-$newer" ] || broken "the name"
grep -q 'lib/klist.c, line.*layout-changed' view || broken "the update does not say what is left out"
grep -q '<td>CVE-2026-1005</td><td>unknown</td>' table.html || broken "no table as HTML"
grep -q 'functions* of [0-9]* objects* match the shipped kernel' said || broken "not verified"

echo CVE-2026-1006 >list
create --only-cve list -o one.tar >said 2>&1 || broken "one CVE"
grep -q '^CVE-2026-1006 *in ' said || broken "no table as text"
create --only-cve list -o again.tar -j 1 >>said 2>&1 || broken "one CVE again"
cmp one.tar again.tar >>said 2>&1 || broken "not the same bytes twice"

exit $failed
