"""What the script makes of a guest's boot: consoles, kernels and their initramfs."""

import subprocess

import pytest

from tests.guest.preparing import run_script
from tests.unit.test_preparing_fixtures import made, mended, write

pytest_plugins = ["tests.unit.test_preparing_fixtures"]


@pytest.mark.parametrize(
    ("path", "text", "becomes"),
    [
        (
            "/boot/grub/grub.cfg",
            "menuentry 'a' {\n  linux /vmlinuz root=UUID=1 ro quiet\n  initrd /i\n}\n",
            "  linux /vmlinuz root=UUID=1 ro quiet console=tty0 console=ttyS0,115200",
        ),
        (
            "/boot/efi/EFI/redhat/grub.cfg",
            "  linuxefi /vmlinuz root=UUID=1 console=ttyS0\n",
            "  linuxefi /vmlinuz root=UUID=1 console=ttyS0 console=tty0",
        ),
        (
            "/boot/loader/entries/a.conf",
            "title A\noptions root=UUID=1 ro\n",
            "options root=UUID=1 ro console=tty0 console=ttyS0,115200",
        ),
        (
            "/boot/extlinux/extlinux.conf",
            "label a\n  append root=UUID=1\n",
            "  append root=UUID=1 console=tty0 console=ttyS0,115200",
        ),
    ],
)
def test_every_boot_loader_s_kernels_write_to_the_serial_console(root, path, text, becomes):
    after, _ = mended(root, "no-serial-console", path, text)

    assert becomes in after.splitlines()


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ('GRUB_CMDLINE_LINUX=""\n', 'GRUB_CMDLINE_LINUX=" console=tty0 console=ttyS0,115200"\n'),
        (
            'GRUB_CMDLINE_LINUX="quiet"\nA=1\n',
            'GRUB_CMDLINE_LINUX="quiet console=tty0 console=ttyS0,115200"\nA=1\n',
        ),
        ("A=1\n", 'A=1\nGRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"\n'),
    ],
)
def test_kernels_that_are_installed_later_write_there_too(root, text, becomes):
    after, _ = mended(root, "no-serial-console", "/etc/default/grub", text)

    assert after == becomes


def test_settings_of_a_cloud_image_are_added_to_and_not_overruled(root):
    write(root, "/etc/default/grub.d/10_cloud.cfg", 'GRUB_CMDLINE_LINUX="quiet"\n')
    mended(root, "no-serial-console", "/etc/default/grub", 'GRUB_CMDLINE_LINUX=""\n')
    sourced = (
        f'. "{root}/etc/default/grub"; for f in "{root}"/etc/default/grub.d/*; do . "$f"; done'
    )

    told = subprocess.run(
        ["sh", "-c", f'{sourced}; echo "$GRUB_CMDLINE_LINUX"'], capture_output=True, check=True
    ).stdout
    assert told == b"quiet console=tty0 console=ttyS0,115200\n"


def test_an_encrypted_volume_s_device_is_told_by_the_running_guest_only(root):
    text = "vault /dev/xvdf none luks\nother UUID=1-2 none luks\n"
    after, said = mended(root, "fstab-device-name", "/etc/crypttab", text)

    assert after == text
    assert "left: /etc/crypttab: the UUID of /dev/xvdf is not known here" in said


def test_a_kernel_without_the_driver_is_left_to_a_person(root):
    write(root, "/etc/initramfs-tools/modules", "# none\n")
    write(root, "/boot/vmlinuz-6.1", "")
    write(root, "/boot/initrd.img-6.1", "old")
    write(root, "/usr/lib/modules/6.1/modules.builtin", "kernel/drivers/hv/hv_vmbus.ko\n")
    write(root, "/usr/lib/modules/6.1/modules.dep", "kernel/x/virtio-blk.ko.xz:\n")
    said = run_script(made(("no-storage-driver", "/boot/initrd.img-6.1")), root)

    assert "left: kernel 6.1 has no hv_storvsc at all: install another kernel" in said
    assert (root / "boot/initrd.img-6.1").read_text() == "old"


def test_a_program_of_the_person_s_own_may_make_the_initramfs(root, tmp_path, monkeypatch):
    write(root, "/etc/dracut.conf.d/a.conf", "")
    write(root, "/boot/vmlinuz-5.14", "")
    write(root, "/boot/initramfs-5.14.img", "old")
    modules = "kernel/hv/hv-vmbus.ko.xz:\nkernel/scsi/hv_storvsc.ko: kernel/hv/hv-vmbus.ko.xz\n"
    write(root, "/usr/lib/modules/5.14/modules.dep", modules)
    maker = write(tmp_path, "maker", '#!/bin/sh\nprintf "%s\\n" "$@" >"$1$3"\n')
    maker.chmod(0o755)
    prepared = made(("no-storage-driver", "/boot/initramfs-5.14.img"))
    first = run_script(prepared, root, COLDFERRY_MKINITRAMFS=str(maker))
    told = (root / "boot/initramfs-5.14.img").read_text().splitlines()
    second = run_script(prepared, root, COLDFERRY_MKINITRAMFS=str(maker))

    assert told == [str(root), "5.14", "/boot/initramfs-5.14.img", "hv_vmbus", "hv_storvsc"]
    assert "changed: /boot/initramfs-5.14.img" in first
    assert "already: /boot/initramfs-5.14.img" in second
    settings = (root / "etc/dracut.conf.d/90-coldferry.conf").read_text()
    assert settings == 'add_drivers+=" hv_vmbus hv_storvsc "\n'
    assert (root / "var/lib/coldferry/before/boot/initramfs-5.14.img").read_text() == "old"
