# agent_off NAME: not started any more from the next start on; it keeps running until then.
agent_off() {
  if [ -z "$ROOT" ] && command -v systemctl >/dev/null; then
    if [ "$(systemctl is-enabled "$1.service" 2>/dev/null || :)" = enabled ]; then
      if systemctl disable "$1.service" >&2; then
        changed "$1.service (disabled)"
      else
        left "$1.service cannot be disabled: see above"
      fi
    else
      already "$1.service"
    fi
    return 0
  fi
  off=
  for link in "$ROOT"/etc/systemd/system/*.wants/"$1.service"; do
    [ -L "$link" ] || continue
    within=${link#"$ROOT"}
    real=$(folder "${within%/*}") || continue
    rm -f -- "$real/$1.service"
    off=yes
  done
  if [ -n "$off" ]; then changed "$1.service (disabled)"; else already "$1.service"; fi
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

