#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# splice-create's answers: to wrong patches, each with its own code and exit status and nothing
# changed in the cache; to runs at once, and to a run after one that was killed.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../support/lib.sh"
use_kernel "${1:-6.1.0-50-cloud-amd64}"
make_work cli
cd "$work" || exit
failed=0

output=update.tar
create() {
  "$build/splice-cc/splice-create" --kernel "$kernel" --root "$root" -o "$output" "$@"
}
broken() { echo "FAILED: $*"; sed 's/^/  | /' said; failed=1; }

# expect STATUS CODE PATTERN ARGUMENT...: the command refuses so, and leaves no update.
expect() {
  local status=0 wanted=$1 code=$2 pattern=$3
  shift 3
  rm -f update.tar
  create --json "$@" >document 2>said || status=$?
  cat document >>said
  [ $status = "$wanted" ] || broken "$code: exit status $status, expected $wanted"
  grep -q "\"code\": \"$code\"" document || broken "no code $code"
  grep -qE -- "$pattern" said || broken "$code: does not say '$pattern'"
  [ ! -e update.tar ] || broken "$code: an update was written"
}

# edit NAME FILE SED-SCRIPT: a patch that edits one file of the kernel's source.
source=
edit() {
  mkdir -p "a/$(dirname "$2")" "b/$(dirname "$2")"
  cp "$source/$2" "a/$2"
  sed "$3" "a/$2" >"b/$2"
  diff -up "a/$2" "b/$2" >"$1.patch"
}

# A first update, which also leaves the source where patches can be made from it.
create "$repository/testdata/live/changed-function.patch" >said 2>&1 || broken "the first update"
cp update.tar first.tar
# The name and the CVEs: of a mail, an advisory before the diff, and of the command line; never of the diff.
named() {  # NAME FIXES ARGUMENT...
  local name=$1 fixes=$2
  shift 2
  rm -f update.tar
  create "$@" >said 2>&1 && "$build/runtime/splice-view" --json update.tar >document || { broken "create $*"; return; }
  [ "$(json_field name document | head -n 1)" = "$name" ] || broken "$*: not called $name"
  [ "$(grep -oE '^ *"CVE-[-0-9]*"' document | tr -d ' "' | xargs)" = "$fixes" ] || broken "$*: does not fix '$fixes'"
}
{
  printf 'Subject: [PATCH] proc: a word more\n (CVE-2026-1234)\n\nDSA-1-1: cve-2026-9999\n\n'
  sed 's,^+.*seq_puts.*,& /* CVE-2020-1111 */,' "$repository/testdata/live/changed-function.patch"
} >mail.patch
named changed-function '' "$repository/testdata/live/changed-function.patch"
fix=$(json_field fix_id document)
named CVE-2026-5678 CVE-2026-5678 --fixes CVE-2026-5678 "$repository/testdata/live/changed-function.patch"
[ "$(json_field fix_id document)" = "$fix" ] || broken "the fix_id depends on more than the patches"
# What cannot go live is left out with what needs it, and said for ever; a CVE is then not claimed by itself.
layout=$repository/testdata/decoys/layout-member-added.patch
expect 4 layout-changed 'struct klist_waiter' mail.patch "$layout"
expect 4 layout-changed 'no part of it' --leave-out --must klist_release mail.patch "$layout"
expect 2 must-matches-nothing 'nothing of that name' --leave-out --must no_such_name mail.patch "$layout"
expect 4 layout-changed 'no part of it' --leave-out "$layout"
named proc-a-word-more-cve-2026-1234 '' --leave-out mail.patch "$layout"
grep -q 'left out: lib/klist.c, line.*layout-changed:struct klist_waiter' said || broken "nothing is left out"
grep -q '"lib/klist.c, line.*no member named' document || broken "the package does not say what is left out"
named proc-a-word-more-cve-2026-1234 'CVE-2026-1234 CVE-2026-9999' --leave-out --must cmdline_proc_show mail.patch "$layout"
named proc-a-word-more-cve-2026-1234 'CVE-2026-1234 CVE-2026-9999' mail.patch
named mine CVE-2026-7777 --name mine --fixes none,CVE-2026-7777 mail.patch
source=$(ls -d "${XDG_CACHE_HOME:-$HOME/.cache}/splice/$kernel"-*/source | head -n 1)
find "$source" -type f -printf '%p %s %T@\n' | sort >before

edit nothing fs/proc/cmdline.c 's/^#include <linux\/fs.h>/\/* no change *\/\n&/'
expect 3 patch-changes-nothing 'same with and without' nothing.patch
edit arm arch/x86/Kconfig.debug 's/^config/config /'
expect 4 build-rules-changed 'Kconfig' arm.patch
edit comment drivers/net/wan/hdlc.c 's/^static int hdlc_open/static int hdlc_open/;s/return 0;/return 1;/'
expect 3 file-not-built 'hdlc.c' comment.patch
edit syntax fs/proc/cmdline.c 's/seq_putc(m, .*$/seq_putc(m, undeclared_thing);/'
line=$(grep -n undeclared_thing b/fs/proc/cmdline.c | cut -d : -f 1)
expect 1 compile-failed "cmdline.c:$line:.*undeclared_thing" syntax.patch
edit value fs/inode.c 's/^static unsigned int i_hash_mask __read_mostly;/static unsigned int i_hash_mask __read_mostly = 1;/'
expect 4 initial-value-changed 'i_hash_mask' value.patch
edit size fs/inode.c 's/^static DEFINE_PER_CPU(unsigned int, last_ino);/static DEFINE_PER_CPU(unsigned int, last_ino[2]);/;s/get_cpu_var(last_ino)/get_cpu_var(last_ino)[0]/'
expect 4 data-size-changed 'last_ino' size.patch
edit table fs/proc/fd.c 's/\.llseek\t\t= seq_lseek,/.llseek\t\t= no_llseek,/'
expect 4 function-table-changed 'fd' table.patch
edit start fs/proc/cmdline.c 's/"cmdline", 0,/"cmdline", 0400,/'
expect 4 needs-reboot 'start-up' start.patch
sed 's/saved_command_line/another_line/' "$repository/testdata/live/changed-function.patch" >stale.patch
expect 1 patch-does-not-apply 'FAILED' stale.patch
sed 's/fs\/proc/..\/..\/..\/etc/' "$repository/testdata/live/changed-function.patch" >outside.patch
expect 1 patch-path 'etc' outside.patch
head -n 6 "$repository/testdata/live/changed-function.patch" >cut.patch
expect 1 patch-malformed 'inside a hunk' cut.patch
echo 'Dear team, please fix.' >mail.patch
expect 1 patch-malformed 'no unified diff' mail.patch
expect 1 patch-unreadable 'cannot be read' none.patch
kernel=6.1.0-1-none expect 1 kernel-parts-missing 'linux-headers-6.1.0-1-none' stale.patch
sed 's/^CONFIG_CC_VERSION_TEXT=.*/CONFIG_CC_VERSION_TEXT="gcc-12 (Debian 12.1.0-1) 12.1.0"/' \
  "$root/usr/src/linux-headers-$kernel/.config" >config
expect 1 compiler-differs 'gcc-12=12.1.0-1' --config config stale.patch

find "$source" -type f ! -name '*.o' ! -name '*.cmd' -printf '%p %s %T@\n' | sort >after
comm -13 before after >said
[ ! -s said ] || broken "files of the kept source changed"

# --verify: against the shipped files, a built-in function and one of a module.
for patch in changed-function module-function; do
  create --verify --json "$repository/testdata/live/$patch.patch" >document 2>said || broken "--verify $patch"
  grep -q '"verified"' document || broken "--verify $patch: does not say so"
  grep -qE 'verified: [1-9][0-9]* functions? of 1 object match the shipped kernel' said ||
    broken "--verify $patch: the sentence"
done
expect 2 usage 'shipped' --verify --on stale.patch stale.patch

# Fuzz is refused, and accepted by name.
sed 's/^ \tseq_puts(m, saved_command_line);/ \tseq_puts(m, saved_command_lines);/;s/^ {/ { /' \
  "$repository/testdata/live/changed-function.patch" >fuzz.patch
sed -i 's/^ static int cmdline_proc_show.*/ static int cmdline_proc_show_(struct seq_file *m, void *v)/;s/saved_command_lines/saved_command_line/;s/^ { / {/' fuzz.patch
expect 4 patch-misplaced 'fuzz' fuzz.patch
finding=$(grep -o 'patch-misplaced:fs/proc/cmdline.c#[0-9a-f]*' said | head -n 1)
create --accept "$finding" fuzz.patch >said 2>&1 || broken "fuzz, accepted"
# What is accepted so changes nothing by itself.
sed "s/^+.*seq_puts.*/+\tseq_putc(m,  '\\\\n');/" fuzz.patch >nothing.patch
expect 4 patch-misplaced 'fuzz' nothing.patch
finding=$(grep -o 'patch-misplaced:fs/proc/cmdline.c#[0-9a-f]*' said | head -n 1)
expect 3 patch-changes-nothing 'the same' --accept "$finding" nothing.patch

# The same input gives the same bytes, in two runs at once as well.
output=one.tar create "$repository/testdata/live/changed-function.patch" >said 2>&1 &
output=two.tar create "$repository/testdata/live/changed-function.patch" >said.two 2>&1
wait $!
cmp -s one.tar first.tar && cmp -s two.tar first.tar || broken "two runs differ"

# What a killed run leaves is accepted: it stops in the middle of compiling another file.
for pause in 0.1 0.4 0.9; do
  rm -rf "$(dirname "$source")/store/pre/fs/proc/loadavg.o"
  create "$repository/testdata/live/several-files.patch" >said 2>&1 &
  sleep $pause
  kill -9 $! 2>/dev/null
  wait $! 2>/dev/null
done
create "$repository/testdata/live/several-files.patch" >said 2>&1 || broken "after a killed run"
[ $failed = 0 ] && echo "splice-create: all as expected"
exit $failed
