# One line of /etc/fstab, named by its source and its path: what is written there may be escaped.
FSTAB='
function meant(word,  said, at, digits) {
  said = ""
  while ((at = match(word, /\\[0-7][0-7][0-7]/)) > 0) {
    digits = substr(word, at + 1, 3)
    said = said substr(word, 1, at - 1) \
      sprintf("%c", substr(digits, 1, 1) * 64 + substr(digits, 2, 1) * 8 + substr(digits, 3, 1))
    word = substr(word, at + 4)
  }
  return said word
}
function with(options, more,  words, count, i, all) {
  all = options == "" ? "defaults" : options
  count = split(more, words, ",")
  for (i = 1; i <= count; i++) if (index("," all ",", "," words[i] ",") == 0) all = all "," words[i]
  return all
}
BEGIN { from = ENVIRON["CF_FROM"]; path = ENVIRON["CF_AT"]; to = ENVIRON["CF_TO"] }
# What an earlier run switched off is found, too.
ENVIRON["CF_DO"] == "off" && $1 == "#coldferry:" && meant($2) == from { found = 1 }
/^[ \t]*#/ || NF < 3 { print; next }
ENVIRON["CF_DO"] == "source" && meant($2) == path && $1 == to { found = 1; print; next }
meant($2) != path { print; next }
meant($1) != from && !(ENVIRON["CF_DO"] == "options" && $1 ~ /^UUID=/) { print; next }
{
  found = 1
  if (ENVIRON["CF_DO"] == "source") { $1 = to; print }
  else if (ENVIRON["CF_DO"] == "off") print "#coldferry: " $0
  else if (with($4, to) == $4) print
  else { $4 = with($4, to); print }
}
END { exit found ? 0 : 3 }
'

# fstab_line WHAT PATH SOURCE TO
fstab_line() {
  export CF_DO="$1" CF_AT="$2" CF_FROM="$3" CF_TO="$4"
  edit /etc/fstab "$FSTAB" || :
}

# fstab_options PATH SOURCE OPTIONS
fstab_options() { fstab_line options "$1" "$2" "$3"; }

# fstab_off PATH SOURCE: from the next start on; nothing is unmounted or switched off now.
fstab_off() { fstab_line off "$1" "$2" ''; }

# The UUID of a device as this system sees it; nothing where the guest does not run.
seen_uuid() {
  [ -z "$ROOT" ] && [ -b "$1" ] || return 0
  blkid -c /dev/null -s UUID -o value "$1" 2>/dev/null || :
}

# fstab_uuid PATH SOURCE UUID: the UUID that its disk was seen with, empty when nobody looked.
fstab_uuid() {
  uuid=$(seen_uuid "$2")
  if [ "$1" = / ] && [ -z "$ROOT" ]; then
    uuid=$(findmnt -n -o UUID / 2>/dev/null || :)
  fi
  if [ -n "$uuid" ] && [ -n "$3" ] && [ "$uuid" != "$3" ]; then
    left "/etc/fstab: $2 has the UUID $uuid here and had $3 when it was planned: plan anew"
    return 0
  fi
  uuid=${uuid:-$3}
  case "$uuid" in
    '' | *[!0-9A-Za-z-]*) left "/etc/fstab: the UUID of $2 is not known: write it for $1 by hand" ;;
    *) fstab_line source "$1" "$2" "UUID=$uuid" ;;
  esac
}

# Encrypted volumes that are opened by a kernel's name; only a running guest can tell their UUIDs.
crypttab_uuids() {
  awk '$1 !~ /^#/ && $2 ~ /^\/dev\/(sd|xvd|vd|hd|nvme)[a-z0-9]+$/ { print $2 }' \
    "$ROOT/etc/crypttab" >"$WORK/opened" 2>/dev/null || :
  while read -r device; do
    uuid=$(seen_uuid "$device")
    case "$uuid" in
      '' | *[!0-9A-Za-z-]*) left "/etc/crypttab: the UUID of $device is not known here" ;;
      *)
        export CF_FROM="$device" CF_TO="UUID=$uuid"
        edit /etc/crypttab '
          $1 !~ /^#/ && $2 == ENVIRON["CF_FROM"] { $2 = ENVIRON["CF_TO"] }
          { print }' || : ;;
    esac
  done <"$WORK/opened"
}

