# agent_off NAME: not started any more from the next start on; it keeps running until then.
agent_off() {
  for unit in "$1.service" "snap.$1.$1.service"; do
    if [ -n "$ROOT" ] || ! command -v systemctl >/dev/null; then
      unwant "$unit"
    elif [ "$(systemctl is-enabled "$unit" 2>/dev/null || :)" != enabled ]; then
      already "$unit"
    elif systemctl disable "$unit" >&2; then
      changed "$unit (disabled)"
    else
      left "$unit cannot be disabled: see above"
    fi
  done
}

# What systemctl disable does, where there is no running systemd: no target wants the unit any more.
unwant() {
  off=
  for link in "$ROOT"/etc/systemd/system/*.wants/"$1"; do
    [ -L "$link" ] || continue
    within=${link#"$ROOT"}
    real=$(folder "${within%/*}") || continue
    rm -f -- "$real/$1"
    off=yes
  done
  if [ -n "$off" ]; then changed "$1 (disabled)"; else already "$1"; fi
}

# agent_on NAME…: install the first one that the guest's own package sources have.
agent_on() {
  if [ -n "$ROOT" ]; then
    left "install $1 in the guest"
    return 0
  fi
  for name; do
    if command -v "$name" >/dev/null || systemctl cat "$name.service" >/dev/null 2>&1; then
      already "$name"
      return 0
    fi
  done
  for name; do
    if { command -v apt-get && DEBIAN_FRONTEND=noninteractive apt-get install -y "$name"; } >&2 ||
      { command -v dnf && dnf install -y "$name"; } >&2 ||
      { command -v yum && yum install -y "$name"; } >&2 ||
      { command -v zypper && zypper --non-interactive install "$name"; } >&2; then
      changed "$name (installed)"
      return 0
    fi
  done
  left "none of $* is in the package sources: install one by hand"
}

