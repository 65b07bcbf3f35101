"""A guest that comes up at every target: nothing in it names a device, a MAC or one cloud."""

from tests.guest.packages import installed, kernel_version, parts
from tests.guest.recipe import Compression, Firmware, Link, Recipe

STORAGE = ("virtio_blk", "virtio_scsi", "hv_storvsc", "xen-blkfront", "ata_piix", "sd_mod")
BUSES = ("virtio_pci", "hv_vmbus", "pci-hyperv")
NETWORK = ("virtio_net", "hv_netvsc", "ena", "xen-netfront", "mana")
OTHER = ("hv_utils", "vfat", "nls_ascii", "nls_cp437", "udf")

INIT = """\
#!/bin/busybox sh
# The guest's whole user space: say what came up, then power off.
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
exec >/dev/ttyS0 2>&1 </dev/null
export PATH=/usr/bin
say() { echo "@@GUEST@@ $*"; }
firmware=bios
[ -d /sys/firmware/efi ] && firmware=uefi
say "up host=$(busybox cat /etc/hostname) kernel=$(busybox uname -r) firmware=$firmware"
say "payload sha256=$(busybox sha256sum /srv/payload.bin | busybox cut -d' ' -f1)"
for disk in /sys/block/vd* /sys/block/sd* /sys/block/nvme* /sys/block/xvd*; do
  [ -r "$disk/size" ] || continue
  say "disk name=${disk##*/} sectors=$(busybox cat "$disk/size")"
done
content() {
  busybox grep -q "^$1 " /proc/mounts && return
  [ "$(busybox od -An -tx2 -j1080 -N2 "$1" 2>/dev/null)" = " ef53" ] || return
  blocks=$(busybox od -An -tu4 -j1028 -N4 "$1" | busybox tr -d ' ')
  id=$(busybox od -An -tx1 -j1128 -N16 "$1" | busybox tr -d ' ')
  sum=$(busybox dd if="$1" bs=4096 count="$blocks" 2>/dev/null | busybox sha256sum)
  say "content name=${1##*/} id=$id bytes=$((blocks * 4096)) sha256=${sum%% *}"
}
for block in /sys/class/block/*; do content "/dev/${block##*/}"; done
for card in /sys/class/net/*; do
  [ "${card##*/}" = lo ] || say "card name=${card##*/} mac=$(busybox cat "$card/address")"
done
if [ -f /srv/task.sh ]; then
  busybox mount -o remount,rw /
  PATH=/usr/sbin:/usr/bin /usr/bin/sh /srv/task.sh 2>&1 |
    while read -r line; do say "task $line"; done
  busybox mount -o remount,ro /
fi
say "done"
busybox hostname -F /etc/hostname
busybox grep -q ttyS0 /sys/class/tty/console/active &&
  busybox timeout 1 busybox getty -L 115200 ttyS0 vt100
busybox poweroff -f
"""
"""A file system's content is what its own length says, however large the disk that it is on is.
One that is mounted is left out: its superblock is not the disk's any more."""

CLOUD_CFG = """\
# The modules of a stock image, but for what nobody here reads.
users:
  - default
disable_root: true
cloud_init_modules: [migrator, seed_random, bootcmd, write-files, growpart, resizefs, set_hostname]
cloud_config_modules: [ssh-import-id, locale, set-passwords, apt-configure, runcmd]
cloud_final_modules: [scripts-user, ssh-authkey-fingerprints, keys-to-console, final-message]
system_info:
  distro: debian
"""

NETPLAN = """\
network:
  version: 2
  ethernets:
    all-en:
      match:
        name: en*
      dhcp4: true
    all-eth:
      match:
        name: eth*
      dhcp4: true
"""

UNIT = """\
[Unit]
Description=The application
After=network-online.target

[Service]
ExecStart=/usr/bin/busybox httpd -f -h /srv

[Install]
WantedBy=multi-user.target
"""


def healthy(name: str, firmware: Firmware, compression: Compression = "zstd") -> Recipe:
    """The recipe without any fault."""
    guest = Recipe(name=name, firmware=firmware, kernel=kernel_version(), compression=compression)
    guest.root_argument = f"UUID={guest.uuid('root')}"
    guest.command_line = "ro console=tty0 console=ttyS0,115200 earlyprintk=ttyS0,115200"
    guest.early_drivers = {*BUSES, *STORAGE, *NETWORK}
    guest.drivers = {*BUSES, *STORAGE, *NETWORK, *OTHER}
    guest.fstab = [f"UUID={guest.uuid('root')} / ext4 rw,discard,errors=remount-ro 0 1"]
    if guest.uefi:
        serial = f"{guest.efi_serial[:4]}-{guest.efi_serial[4:]}"
        guest.fstab.append(f"UUID={serial} /boot/efi vfat defaults,umask=0077,nofail 0 0")
    guest.fstab.append(f"UUID={guest.uuid('data')} /srv/data ext4 defaults,nofail 0 2")
    guest.packages = [*installed(), ("cloud-init", "22.4.2-1+deb12u2"), ("netplan.io", "0.106-2")]
    guest.packages += [("initramfs-tools", "0.142+deb12u3"), ("systemd", "252.39-1~deb12u1")]
    guest.executable = {"/usr/sbin/init", "/usr/bin/busybox"}
    guest.files = {
        "/bin": Link("usr/bin"),
        "/lib": Link("usr/lib"),
        "/sbin": Link("usr/sbin"),
        "/usr/bin/busybox": parts() / "bin/busybox",
        "/usr/bin/sh": Link("busybox"),
        "/usr/sbin/init": INIT,
        "/etc/os-release": Link("../usr/lib/os-release"),
        "/usr/lib/os-release": parts() / "usr/lib/os-release",
        "/etc/debian_version": parts() / "etc/debian_version",
        "/etc/hostname": f"{name}\n",
        "/etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {name}\n",
        "/etc/machine-id": guest.uuid("machine").replace("-", "") + "\n",
        "/etc/initramfs-tools/initramfs.conf": "MODULES=most\nBUSYBOX=auto\nCOMPRESS=zstd\n",
        "/etc/initramfs-tools/modules": "# Modules that are loaded at boot, one a line.\n",
        "/etc/netplan/90-default.yaml": NETPLAN,
        "/etc/cloud/cloud.cfg": CLOUD_CFG,
        "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": "datasource_list: [ NoCloud, Ec2, Azure, None ]\n",
        "/etc/systemd/system/application.service": UNIT,
        "/etc/systemd/system/multi-user.target.wants/application.service": Link(
            "/etc/systemd/system/application.service"
        ),
        "/usr/lib/systemd/system/systemd-networkd.service": "[Unit]\nDescription=Network\n",
        "/vmlinuz": Link(f"boot/vmlinuz-{guest.kernel}"),
        "/initrd.img": Link(f"boot/initrd.img-{guest.kernel}"),
        f"/boot/vmlinuz-{guest.kernel}": parts() / f"boot/vmlinuz-{guest.kernel}",
        f"/boot/config-{guest.kernel}": parts() / f"boot/config-{guest.kernel}",
        "/srv/payload.bin": guest.noise("payload", 1 << 20),
    }
    set_grub_defaults(guest)
    return guest


def set_grub_defaults(guest: Recipe) -> None:
    """What update-grub would make the command line from."""
    arguments = guest.command_line.removeprefix("ro ")
    guest.files["/etc/default/grub"] = (
        'GRUB_DEFAULT=0\nGRUB_TIMEOUT=0\nGRUB_DISTRIBUTOR=Debian\nGRUB_CMDLINE_LINUX_DEFAULT=""\n'
        f'GRUB_CMDLINE_LINUX="{arguments}"\nGRUB_TERMINAL="console serial"\n'
        'GRUB_SERIAL_COMMAND="serial --speed=115200"\n'
    )
