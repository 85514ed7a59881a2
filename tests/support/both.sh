# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# What scripts need on both sides, on the host (tests/support/lib.sh reads it) and in a guest, where the
# shell is busybox's: whoever boots a guest copies this file into its share.

# kernel_log_trouble [GREP-OPTION...] [FILE]: the lines of a kernel log, or of standard input, that say
# that something went wrong. Status 0 if there is such a line. The one definition of "the kernel's log
# has trouble":
#
#   WARNING            WARN_ON() and lockdep (lib/bug.c, kernel/panic.c)
#   BUG                BUG(), page faults, sleeping in atomic context (not "DEBUG")
#   Oops, Call Trace   arch/x86/kernel/dumpstack.c
#   INFO: task         a task hung (kernel/hung_task.c)
#   general protection, divide error, stack guard, unchecked MSR     arch/x86/kernel/traps.c, mm/extable.c
#   ftrace failed      kernel/trace/ftrace.c, ftrace_bug()
#   left interrupts    kmod/hooks.c: a hook returned with interrupts switched
kernel_log_trouble() {
  grep -E -e 'WARNING|(^|[^A-Z])BUG|Oops|Call Trace|INFO: task|general protection|divide error' \
    -e 'stack guard|unchecked MSR|ftrace failed|left interrupts' "$@"
}

# json_field NAME [FILE...]: the values of all members of this name, a line each, of documents that have
# one member a line, as every command of Splice prints them; strings without their quotes.
json_field() {
  json_name=$1
  shift
  sed -nE "s/^ *\"$json_name\": (\"(.*)\"|([^\",{[]+)),?\$/\\2\\3/p" "$@"
}
