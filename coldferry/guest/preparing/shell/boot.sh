# What each kernel is started with, in every boot loader's file that is there.
BOOT_LINES='
function wanted(line) {
  return line ~ /^[ \t]*linux(16|efi)?[ \t]/ || line ~ /^[ \t]*(options|append|APPEND)[ \t]/
}
!wanted($0) { print; next }
{
  line = $0
  if (ENVIRON["CF_UUID"] != "") {
    gsub(/ root=\/dev\/(sd|xvd|vd|hd|nvme)[a-z0-9]+/, " root=UUID=" ENVIRON["CF_UUID"], line)
    gsub(/ resume=\/dev\/(sd|xvd|vd|hd|nvme)[a-z0-9]+/, "", line)
  }
  count = split(ENVIRON["CF_ADD"], words, " ")
  for (i = 1; i <= count; i++) {
    name = words[i]; sub(/,.*/, "", name)
    said = " " line " "
    gsub(/,[^ ]*/, "", said)
    if (index(said, " " name " ") == 0) line = line " " words[i]
  }
  print line
}'

boot_lines() {
  for at in "$ROOT"/boot/grub/grub.cfg "$ROOT"/boot/grub2/grub.cfg "$ROOT"/boot/efi/EFI/*/grub.cfg \
    "$ROOT"/boot/loader/entries/*.conf "$ROOT"/boot/extlinux/extlinux.conf; do
    file=${at#"$ROOT"}
    if at=$(place "$file") && [ -f "$at" ]; then edit "$file" "$BOOT_LINES" || :; fi
  done
}

GRUB_WORDS='
/^[ \t]*GRUB_CMDLINE_LINUX=/ {
  found = 1
  count = split(ENVIRON["CF_ADD"], words, " ")
  for (i = 1; i <= count; i++) {
    name = words[i]; sub(/,.*/, "", name)
    if (index($0, name) == 0 && !sub(/"[ \t]*$/, " " words[i] "\""))
      $0 = "GRUB_CMDLINE_LINUX=\"" substr($0, index($0, "=") + 1) " " words[i] "\""
  }
}
{ print }
END { if (!found) print "GRUB_CMDLINE_LINUX=\"" ENVIRON["CF_ADD"] "\"" }'

# The boot loader's files from its settings, by the guest's own program, where the guest runs.
boot_anew() {
  [ -z "$ROOT" ] || return 0
  if command -v update-grub >/dev/null; then
    update-grub >&2 || left 'update-grub failed: see above'
  elif command -v grub2-mkconfig >/dev/null && [ -f /boot/grub2/grub.cfg ]; then
    grub2-mkconfig -o /boot/grub2/grub.cfg >&2 || left 'grub2-mkconfig failed: see above'
  fi
}

# kernel_arguments WORDS: add them for this kernel and for those that are installed later.
kernel_arguments() {
  export CF_ADD="$1" CF_UUID=''
  if [ -d "$ROOT/etc/default/grub.d" ]; then
    printf 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX %s"\n' "$1" >"$WORK/new"
    if replace /etc/default/grub.d/zz-coldferry.cfg; then boot_anew; fi
  elif [ -f "$ROOT/etc/default/grub" ]; then
    if edit /etc/default/grub "$GRUB_WORDS"; then boot_anew; fi
  fi
  boot_lines
}

# root_by_uuid UUID: that of the root file system when it was planned, empty when nobody looked.
root_by_uuid() {
  uuid=
  [ -n "$ROOT" ] || uuid=$(findmnt -n -o UUID / 2>/dev/null || :)
  if [ -n "$uuid" ] && [ -n "$1" ] && [ "$uuid" != "$1" ]; then
    left "the root file system has the UUID $uuid here and had $1 when it was planned: plan anew"
    return 0
  fi
  uuid=${uuid:-$1}
  case "$uuid" in
    '' | *[!0-9A-Za-z-]*)
      left 'the UUID of the root file system is not known: name it in the boot loader by hand'
      return 0 ;;
  esac
  if grep -q '^GRUB_DISABLE_LINUX_UUID=.*true' "$ROOT/etc/default/grub" 2>/dev/null; then
    if edit /etc/default/grub '
      /^GRUB_DISABLE_LINUX_UUID=/ { print "# coldferry: " $0; next }
      { print }'; then boot_anew; fi
  fi
  export CF_ADD='' CF_UUID="$uuid"
  boot_lines
}

