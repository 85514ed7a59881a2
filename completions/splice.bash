# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Completion for all commands of Splice. Options and whether they take a value come from --help; what an update can be
# called comes from splice-status.

# "-o [ --output ] FILE text" and "--wait DURATION text": a line each, "--output FILE", "-o FILE"; a blank and
# nothing behind an option without a value.
_splice_options() {  # COMMAND
  "$1" --help 2>/dev/null |
    sed -nE 's/^  (-[A-Za-z]) \[ (--[a-z-]+) \]( ([A-Z]+))?( .*)?$/\2 \4\n\1 \4/p;
             s/^  (--[a-z-]+)( ([A-Z]+))?( .*)?$/\1 \3/p'
}

# Names and ids of what is installed or applied, a line each.
_splice_updates() {
  splice-status --json 2>/dev/null | sed -nE '/^  "updates": \[/,/^  \]/s/^      "(id|name)": "([^"]+)",?$/\2/p'
}

_splice() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=$1 value
  COMPREPLY=()
  value=$(_splice_options "$command" | sed -n "s/^$before //p" | head -n 1)
  case $before:$value in
    --engine:?*) mapfile -t COMPREPLY < <(compgen -W 'stop livepatch auto' -- "$current"); return ;;
    --format:?*) mapfile -t COMPREPLY < <(compgen -W 'package livepatch' -- "$current"); return ;;
    --color:?*) mapfile -t COMPREPLY < <(compgen -W 'always auto never' -- "$current"); return ;;
    -*:DIR) mapfile -t COMPREPLY < <(compgen -d -- "$current"); compopt -o filenames; return ;;
    -*:FILE | -*:KEY | -*:PATH | -*:PATCH | -*:CERT)
      mapfile -t COMPREPLY < <(compgen -f -- "$current"); compopt -o filenames; return ;;
    --kernel:?*)
      mapfile -t COMPREPLY < <(cd /lib/modules 2>/dev/null && compgen -d -- "$current"); return ;;
    -*:?*) return ;;
  esac
  if [[ $current = -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_splice_options "$command" | cut -d ' ' -f 1)" -- "$current")
    return
  fi
  case ${command##*/} in
    splice-undo | splice-remove) mapfile -t COMPREPLY < <(compgen -W "$(_splice_updates)" -- "$current") ;;
    splice-view)
      mapfile -t COMPREPLY < <(compgen -W "$(_splice_updates)" -- "$current"; compgen -f -- "$current")
      compopt -o filenames
      ;;
    splice-status) ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$current"); compopt -o filenames ;;
  esac
}
complete -F _splice splice-apply splice-install splice-remove splice-status splice-undo splice-view splice-match \
  splice-create
