"""Links, mounts and boot menus, as a guest's files have them."""

import pytest

from coldferry.guest.kernels import boot_entries
from tests.unit.guest_trees import files_of

KERNELS = {
    "/boot/vmlinuz-1": "k", "/boot/vmlinuz-2": "k", "/boot/initrd-1": "i", "/boot/initrd-2": "i",
}  # fmt: skip
MENU = """
set default="{default}"
menuentry 'First' --class x $menuentry_id_option 'first-id' {{
\tlinux\t/boot/vmlinuz-1 root=UUID=1 ro quiet
\tinitrd\t/boot/initrd-1
}}
submenu 'More' {{
  menuentry "Second" --id second-id {{
    linuxefi ($root)/boot/vmlinuz-2 root=UUID=2
    initrdefi /boot/microcode.img /boot/initrd-2
  }}
}}
menuentry 'Memory test' {{
  linux16 /boot/memtest86+.bin
}}
"""


def first(files) -> tuple[str, tuple[str, ...], str]:
    entry = boot_entries(files)[0]
    return entry.kernel, entry.initramfs, entry.arguments


def test_links_are_followed_within_the_guest():
    files = files_of({
        "/lib": "->usr/lib", "/usr/lib/os-release": "x", "/etc/os-release": "->../lib/os-release",
        "/a/b": "->/../../usr", "/deep": "->a/b/lib",
    })  # fmt: skip

    assert files.read("/etc/os-release") == b"x"
    assert files.read("/deep/os-release") == b"x"
    assert files.names("/a/b") == ["lib"]
    assert files.link("/etc/os-release") == "../lib/os-release"


@pytest.mark.parametrize("target", ["->x", "->/x", "->./x/../x", "->y"])
def test_links_that_go_round_lead_nowhere(target):
    files = files_of({"/x": target, "/y": "->x"})

    assert files.read("/x") is None
    assert files.names("/x") == []


def test_what_is_mounted_hides_what_is_below():
    files = files_of({"/boot/a": "below", "/b": "->boot/a"}, boot={"/a": "above", "/c": "->/d"})

    assert files.read("/boot/a") == b"above"
    assert files.read("/b") == b"above"
    assert files.read("/boot/c") is None


@pytest.mark.parametrize("default", ["0", "First", "first-id", "", "99", "${next_entry}"])
def test_grub_s_first_entry_is_the_default_unless_another_is_named(default):
    files = files_of(KERNELS | {"/boot/grub/grub.cfg": MENU.format(default=default)})

    assert first(files) == ("/boot/vmlinuz-1", ("/boot/initrd-1",), "root=UUID=1 ro quiet")


@pytest.mark.parametrize("default", ["1", "Second", "second-id", "More>Second"])
def test_an_entry_that_grub_names_comes_first(default):
    files = files_of(KERNELS | {"/boot/grub/grub.cfg": MENU.format(default=default)})

    assert first(files) == ("/boot/vmlinuz-2", ("/boot/initrd-2",), "root=UUID=2")
    assert len(boot_entries(files)) == 2


def test_the_entry_that_grub_saved_comes_first():
    files = files_of(KERNELS | {
        "/boot/grub2/grub.cfg": MENU.format(default="${saved_entry}"),
        "/boot/grub2/grubenv": "# GRUB Environment Block\nsaved_entry=second-id\n####",
    })  # fmt: skip

    assert first(files)[0] == "/boot/vmlinuz-2"


def test_a_boot_partition_s_menu_names_its_own_top():
    menu = MENU.format(default="0").replace(" /boot/", " /").replace("\t/boot/", "\t/")
    files = files_of({}, boot={
        "/grub2/grub.cfg": menu, "/vmlinuz-1": "k", "/initrd-1": "i",
    })  # fmt: skip

    assert first(files)[:2] == ("/boot/vmlinuz-1", ("/boot/initrd-1",))


def test_entries_of_the_boot_loader_specification_take_the_highest_version():
    entry = (
        "title X {0}\nlinux /vmlinuz-{0}\ninitrd /initrd-{0} $tuned\noptions $kernelopts x={0}\n"
    )
    files = files_of(KERNELS | {
        "/boot/loader/entries/m-1.conf": entry.format(1),
        "/boot/loader/entries/m-2.conf": entry.format(2),
        "/boot/grub2/grubenv": "kernelopts=root=LABEL=r console=ttyS0\n",
    })  # fmt: skip

    assert first(files) == (
        "/boot/vmlinuz-2",
        ("/boot/initrd-2",),
        "root=LABEL=r console=ttyS0 x=2",
    )
    assert boot_entries(files)[0].argument("console") == ["ttyS0"]


def test_syslinux_names_its_default():
    config = (
        "DEFAULT two\nLABEL one\n  KERNEL vmlinuz-1\n  APPEND initrd=initrd-1 a\n"
        "LABEL two\n  LINUX /boot/vmlinuz-2\n  INITRD /boot/initrd-2\n  APPEND b\n"
    )
    files = files_of(KERNELS | {"/boot/extlinux.conf": "", "/boot/extlinux/extlinux.conf": config})

    assert first(files) == ("/boot/vmlinuz-2", ("/boot/initrd-2",), "b")


def test_without_any_menu_the_newest_kernel_is_taken():
    files = files_of({
        "/boot/vmlinuz-6.9.0": "k", "/boot/vmlinuz-6.10.0": "k", "/boot/initrd.img-6.10.0": "i",
    })  # fmt: skip

    assert first(files) == ("/boot/vmlinuz-6.10.0", ("/boot/initrd.img-6.10.0",), "")
