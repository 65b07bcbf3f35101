# unpin FILE: let its settings hold for an interface with another MAC address.
unpin() {
  case "$1" in
    /etc/netplan/*) unpin_netplan "$1" ;;
    /etc/udev/*) edit "$1" '
      /^[^#]*ATTR\{address\}==/ && /NAME=/ { print "# coldferry: " $0; next }
      { print }' || : ;;
    *.link) set_aside "$1" ;;
    *.network) unpin_networkd "$1" ;;
    /etc/NetworkManager/*) edit "$1" '!/^[ \t]*mac-address[ \t]*=/ { print }' || : ;;
    /etc/sysconfig/*) edit "$1" '!/^[ \t]*(HWADDR|MACADDR)[ \t]*=/ { print }' || : ;;
    /etc/network/*) edit "$1" '!/^[ \t]*(hwaddress|mac|macaddress)[ \t]/ { print }' || : ;;
    *) left "$1 names a MAC address: take it out by hand" ;;
  esac
}

# With one interface the name is enough: both eth0 and ens5 begin so.
unpin_netplan() {
  if ! at=$(place "$1") || [ ! -f "$at" ]; then
    left "$1 is not there, or is a link: look at it by hand"
    return 0
  fi
  if ! grep -q 'macaddress' "$at"; then
    already "$1"
    return 0
  fi
  if [ "$(grep -c '\(^\|[ {]\)match:' "$at")" != 1 ] || grep -q '[ {,]name:' "$at"; then
    left "$1 tells several interfaces apart by their MAC addresses: only a person knows which is which"
    return 0
  fi
  edit "$1" '
    {
      match($0, /^ */); indent = RLENGTH
      if (inside && $0 !~ /^ *(#|$)/ && indent <= begun) inside = 0
    }
    /^ *match: *(#.*)?$/ { inside = 1; begun = indent; print; next }
    inside || /match: *\{/ {
      sub(/"?macaddress"?: *["\047]?[0-9A-Fa-f:]+["\047]?/, "name: \"e*\"")
      print; next
    }
    /^ *set-name:/ { next }
    { print }' || return 0
  if [ -z "$ROOT" ] && command -v netplan >/dev/null && ! netplan generate >&2; then
    cat "$(own_folder "/before${1%/*}")/${1##*/}" >"$at"
    left "netplan does not take $1 without the MAC address: it is as it was"
  fi
}

unpin_networkd() {
  export CF_NAMED=''
  if at=$(place "$1") && grep -q '^[[:space:]]*Name[[:space:]]*=' "$at"; then CF_NAMED=yes; fi
  edit "$1" '
    /^\[/ { here = $0 }
    here ~ /^\[Match\]/ && /^[ \t]*(Permanent)?MACAddress[ \t]*=/ {
      if (ENVIRON["CF_NAMED"] == "" && !told) print "Name=e*"
      told = 1; next
    }
    { print }' || :
}

# Out of its folder, where it would be read, and kept.
set_aside() {
  if ! at=$(place "$1"); then
    left "$1 is a link, or its folder is elsewhere: take it away by hand"
  elif [ ! -e "$at" ]; then
    already "$1"
  elif keep "$1"; then
    rm -f -- "$at"
    changed "$1 (taken away)"
  else
    left "$1 cannot be kept below /var/lib/coldferry: take it away by hand"
  fi
}

