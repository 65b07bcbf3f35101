set -eu
LC_ALL=C
export LC_ALL
umask 022

# COLDFERRY_ROOT: where the guest's files are; the running system by default.
ROOT=$(CDPATH='' cd -P -- "${COLDFERRY_ROOT:-/}" && pwd)
[ "$ROOT" != / ] || ROOT=
if [ -z "$ROOT" ] && [ "$(id -u)" != 0 ]; then
  echo 'This has to be run as root.' >&2
  exit 2
fi
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
LEFT=0

# A file's name may hold what a terminal obeys.
say() { printf '%s\n' "$*" | tr -d '\000-\010\013-\037\177'; }
changed() { say "changed: $*"; }
already() { say "already: $*"; }
left() {
  say "left: $*"
  LEFT=$((LEFT + 1))
}

# Where a folder of the guest really is; fails where it is not there, or leads out of ROOT.
folder() {
  real=$(CDPATH='' cd -P -- "$ROOT${1:-/}" 2>/dev/null && pwd) || return 1
  if [ -n "$ROOT" ]; then
    case "$real/" in "$ROOT"/*) ;; *) return 1 ;; esac
  fi
  printf '%s\n' "${real%/}"
}

# Where a file of the guest is; fails where it is a link, or where its folder leads out of ROOT.
place() {
  within=$(folder "${1%/*}") || return 1
  [ ! -L "$within/${1##*/}" ] || return 1
  printf '%s\n' "$within/${1##*/}"
}

# A folder of our own below /var/lib, made step by step so that no link on the way is followed.
own_folder() {
  made=$(folder /var/lib) || return 1
  rest="coldferry$1/"
  while [ -n "$rest" ]; do
    made=$made/${rest%%/*}
    rest=${rest#*/}
    [ ! -L "$made" ] || return 1
    [ -d "$made" ] || mkdir "$made" || return 1
  done
  printf '%s\n' "$made"
}

# Keep the guest's file $1 as it was before the first change, below /var/lib/coldferry/before.
keep() {
  kept=$(own_folder "/before${1%/*}") || return 1
  kept=$kept/${1##*/}
  [ ! -L "$kept" ] || return 1
  [ -e "$kept" ] || { cp -p -- "$(place "$1")" "$kept.part" && mv -- "$kept.part" "$kept"; }
}

# Write $WORK/new to the guest's file $1. Fails where that changes nothing or cannot be.
replace() {
  if ! at=$(place "$1"); then
    left "$1 is a link, or its folder is elsewhere: change it by hand"
    return 1
  fi
  if [ -f "$at" ]; then
    if [ "$(cksum <"$WORK/new")" = "$(cksum <"$at")" ]; then
      already "$1"
      return 1
    fi
    if ! keep "$1"; then
      left "$1 cannot be kept below /var/lib/coldferry (is there no /var/lib?): change it by hand"
      return 1
    fi
  fi
  cat "$WORK/new" >"$at"
  changed "$1"
}

# edit FILE PROGRAM: through awk, whose exit code says whether it found its place. What the program
# needs comes by the environment, where nothing in it means anything.
edit() {
  if ! at=$(place "$1") || [ ! -f "$at" ]; then
    left "$1 is not there, or is a link: look at it by hand"
    return 1
  fi
  if ! awk "$2" "$at" >"$WORK/new"; then
    left "$1 does not say what it said: look at it by hand, or plan anew"
    return 1
  fi
  replace "$1"
}

