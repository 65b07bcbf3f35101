# early_drivers NAME…: into the initramfs of every kernel, now and when it is made anew.
early_drivers() {
  if [ -d "$ROOT/etc/initramfs-tools" ]; then
    maker=initramfs-tools
    for driver; do
      export CF_ADD="$driver"
      edit /etc/initramfs-tools/modules '
        $1 == ENVIRON["CF_ADD"] { found = 1 }
        { print }
        END { if (!found) print ENVIRON["CF_ADD"] }' || :
    done
  elif [ -d "$ROOT/etc/dracut.conf.d" ] || [ -d "$ROOT/usr/lib/dracut" ]; then
    maker=dracut
    if at=$(place /etc/dracut.conf.d) && [ ! -d "$at" ]; then mkdir "$at"; fi
    printf 'add_drivers+=" %s "\n' "$*" >"$WORK/new"
    replace /etc/dracut.conf.d/90-coldferry.conf || :
  else
    left "the program that makes the initramfs is not known here: add $* by hand"
    return 0
  fi
  for kernel in "$ROOT"/boot/vmlinuz-*; do
    release=${kernel##*/vmlinuz-}
    [ -d "$ROOT/lib/modules/$release" ] || [ -d "$ROOT/usr/lib/modules/$release" ] || continue
    initramfs_anew "$release" "$@"
  done
}

initramfs_anew() {
  release=$1
  shift
  modules=$ROOT/usr/lib/modules/$release
  [ -d "$modules" ] || modules=$ROOT/lib/modules/$release
  for driver; do
    if ! cat "$modules/modules.builtin" "$modules/modules.dep" 2>/dev/null | tr - _ |
      grep -q "/$driver\\.ko"; then
      left "kernel $release has no $driver at all: install another kernel"
      return 0
    fi
  done
  image=
  for name in "initrd.img-$release" "initramfs-$release.img" "initrd-$release"; do
    if at=$(place "/boot/$name") && [ -f "$at" ]; then
      image=/boot/$name
      break
    fi
  done
  if [ -z "$image" ]; then
    left "kernel $release has no initramfs of its own in /boot: look at it by hand"
    return 0
  fi
  # What we made is known by its checksum: it is made once, and again when somebody else made it.
  if ! mark=$(own_folder ''); then
    left "$image cannot be kept below /var/lib/coldferry: make it anew by hand"
    return 0
  fi
  mark=$mark/initramfs-$release
  if [ "$(cat "$mark" 2>/dev/null)" = "$(cksum <"$at") $*" ]; then
    already "$image"
    return 0
  fi
  if ! keep "$image"; then
    left "$image cannot be kept below /var/lib/coldferry: is there room?"
    return 0
  fi
  before=$(cksum <"$at")
  if ! make_initramfs "$release" "$image" "$@" >"$WORK/log" 2>&1; then
    sed 's/^/  /' "$WORK/log" >&2
    left "$image was not made anew: $(how_to_make "$release" "$image")"
    return 0
  fi
  printf '%s %s\n' "$(cksum <"$at")" "$*" >"$mark"
  if [ "$(cksum <"$at")" = "$before" ]; then already "$image"; else changed "$image"; fi
}

# For another root than this system's: COLDFERRY_MKINITRAMFS is called with that root, the release,
# the image's path and the drivers; COLDFERRY_CHROOT=yes runs the guest's own program in a chroot.
make_initramfs() {
  if [ -z "$ROOT" ]; then
    own_program "$@"
  elif [ -n "${COLDFERRY_MKINITRAMFS:-}" ]; then
    "$COLDFERRY_MKINITRAMFS" "$ROOT" "$@"
  elif [ "${COLDFERRY_CHROOT:-}" = yes ]; then
    # Without devices the guest's program makes a plain file of what it means to throw away.
    void=
    if [ ! -e "$ROOT/dev/null" ]; then void=$ROOT/dev/null; fi
    done=0
    own_program "$@" || done=1
    if [ -n "$void" ]; then rm -f -- "$void"; fi
    return "$done"
  else
    return 1
  fi
}

own_program() {
  case "$maker" in
    dracut) in_guest dracut --force --kver "$1" "$2" ;;
    *) in_guest update-initramfs -u -k "$1" ;;
  esac
}

in_guest() {
  if [ -z "$ROOT" ]; then "$@"; else PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$ROOT" "$@"; fi
}

how_to_make() {
  case "$maker" in
    dracut) echo "run dracut --force --kver $1 $2 in the guest" ;;
    *) echo "run update-initramfs -u -k $1 in the guest" ;;
  esac
}

