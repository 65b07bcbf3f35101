"""The script at work on single files in a folder: what it changes, what it leaves, and why."""

import os
import shutil
import subprocess

import pytest

from coldferry.guest.evidence import Mount
from tests.debian import ensure
from tests.guest.preparing import run_script
from tests.unit.test_preparing_fixtures import MAC, made, mended, write

pytest_plugins = ["tests.unit.test_preparing_fixtures"]


def test_of_fstab_only_the_line_that_was_named_changes(root):
    text = (
        "# comment /data\n"
        "UUID=1-2 /  ext4\tdefaults 0 1\n"
        "/dev/xvdf /data ext4 defaults 0 2 # ours\n"
        "/dev/xvdg /data2 ext4 defaults 0 2\n"
    )
    file = write(root, "/etc/fstab", text)
    mount = Mount(source="/dev/xvdf", path="/data", kind="ext4")
    run_script(made(("fstab-no-nofail", "/data"), mounts=[mount]), root)

    assert file.read_text() == text.replace(
        "/dev/xvdf /data ext4 defaults 0 2", "/dev/xvdf /data ext4 defaults,nofail 0 2"
    )


def test_a_path_with_an_octal_escape_is_the_path_that_it_means(root):
    file = write(root, "/etc/fstab", "UUID=1-2 /my\\040data\\134x ext4 ro 0 2\n")
    mount = Mount(source="UUID=1-2", path="/my data\\x", kind="ext4")
    run_script(made(("fstab-no-nofail", mount.path), mounts=[mount]), root)

    assert file.read_text() == "UUID=1-2 /my\\040data\\134x ext4 ro,nofail 0 2\n"


def test_a_line_without_options_gets_some(root):
    file = write(root, "/etc/fstab", "UUID=1-2 /data ext4\n")
    mount = Mount(source="UUID=1-2", path="/data", kind="ext4")
    run_script(made(("fstab-no-nofail", "/data"), mounts=[mount]), root)

    assert file.read_text() == "UUID=1-2 /data ext4 defaults,nofail\n"


def test_a_line_that_is_gone_is_left_to_a_person(root):
    write(root, "/etc/fstab", "UUID=9-9 /other ext4 defaults 0 2\n")
    mount = Mount(source="UUID=1-2", path="/data", kind="ext4")
    said = run_script(made(("fstab-no-nofail", "/data"), mounts=[mount]), root)

    assert "left: /etc/fstab does not say what it said: look at it by hand, or plan anew" in said
    assert said[-1] == "1 left for a person."
    assert not any("Files as they were" in line for line in said)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        (
            "network:\n  ethernets:\n    eth0:\n      match:\n        macaddress: '{mac}'\n"
            "      set-name: eth0\n      dhcp4: true\n",
            'network:\n  ethernets:\n    eth0:\n      match:\n        name: "e*"\n'
            "      dhcp4: true\n",
        ),
        (
            "network:\n  ethernets:\n    eth0:\n      match: {{macaddress: {mac}}}\n",
            'network:\n  ethernets:\n    eth0:\n      match: {{name: "e*"}}\n',
        ),
        (
            "network:\n  ethernets:\n    eth0:\n      macaddress: 02:00:00:00:00:99\n"
            "      match:\n        macaddress: {mac}\n",
            "network:\n  ethernets:\n    eth0:\n      macaddress: 02:00:00:00:00:99\n"
            '      match:\n        name: "e*"\n',
        ),
    ],
)  # fmt: skip
def test_netplan_matches_a_name_in_place_of_a_mac_address(root, text, becomes):
    after, _ = mended(root, "network-pinned-to-mac", "/etc/netplan/50-x.yaml", text.format(mac=MAC))

    assert after == becomes.format()


@pytest.mark.parametrize(
    "text",
    [
        f"network:\n  ethernets:\n    a:\n      match: {{macaddress: '{MAC}'}}\n"
        f"    b:\n      match: {{macaddress: '{MAC}'}}\n",
        "network:\n  ethernets:\n    a:\n      match:\n        name: ens*\n"
        f"        macaddress: {MAC}\n",
    ],
)
def test_netplan_that_tells_interfaces_apart_is_left_as_it_is(root, text):
    after, said = mended(root, "network-pinned-to-mac", "/etc/netplan/50-x.yaml", text)

    assert after == text
    assert [line for line in said if line.startswith("left: /etc/netplan/50-x.yaml tells")]


@pytest.mark.parametrize(
    ("path", "text", "becomes"),
    [
        (
            "/etc/udev/rules.d/70-persistent-net.rules",
            f'# of old\nSUBSYSTEM=="net", ATTR{{address}}=="{MAC}", NAME="eth0"\nKERNEL=="x"\n',
            f'# of old\n# coldferry: SUBSYSTEM=="net", ATTR{{address}}=="{MAC}", NAME="eth0"\n'
            'KERNEL=="x"\n',
        ),
        (
            "/etc/systemd/network/10-a.network",
            f"[Match]\nMACAddress={MAC}\n[Network]\nDHCP=yes\n",
            "[Match]\nName=e*\n[Network]\nDHCP=yes\n",
        ),
        (
            "/etc/systemd/network/10-a.network",
            f"[Match]\nPermanentMACAddress={MAC}\nName=ens5\n[Link]\nMACAddress={MAC}\n",
            f"[Match]\nName=ens5\n[Link]\nMACAddress={MAC}\n",
        ),
        ("/etc/systemd/network/10-a.link", f"[Match]\nMACAddress={MAC}\n", None),
        (
            "/etc/NetworkManager/system-connections/a.nmconnection",
            f"[ethernet]\nmac-address={MAC}\ncloned-mac-address=random\n",
            "[ethernet]\ncloned-mac-address=random\n",
        ),
        (
            "/etc/sysconfig/network-scripts/ifcfg-eth0",
            f"DEVICE=eth0\nHWADDR={MAC}\nBOOTPROTO=dhcp\n",
            "DEVICE=eth0\nBOOTPROTO=dhcp\n",
        ),
        (
            "/etc/network/interfaces",
            f"iface eth0 inet dhcp\n  hwaddress ether {MAC}\n  mtu 9001\n",
            "iface eth0 inet dhcp\n  mtu 9001\n",
        ),
    ],
)
def test_a_mac_address_goes_and_the_rest_stays(root, path, text, becomes):
    after, _ = mended(root, "network-pinned-to-mac", path, text)

    assert after == becomes
    assert (root / "var/lib/coldferry/before" / path.lstrip("/")).read_text() == text


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("datasource_list: [ Ec2, None ]\n", "[ Ec2, Azure, None ]"),
        (
            "datasource_list:\n  - NoCloud # a seed\n  - Ec2\nother: 1\n",
            "[ NoCloud, Ec2, Azure, None ]",
        ),
        ("datasource_list: ['Ec2']\n", "[ Ec2, Azure, None ]"),
        ("datasource_list: [ None ]\n", "[ Azure, None ]"),
        ("datasource_list: [ $(touch pwned), Ec2 ]\n", "[ touch, pwned, Ec2, Azure, None ]"),
    ],
)  # fmt: skip
def test_the_target_s_datasource_comes_after_those_that_are_there(root, text, listed):
    mended(root, "datasource-pinned", "/etc/cloud/cloud.cfg.d/90.cfg", text)
    said = (root / "etc/cloud/cloud.cfg.d/zz-coldferry.cfg").read_text()

    assert said.splitlines()[-1] == f"datasource_list: {listed}"
    assert (root / "etc/cloud/cloud.cfg.d/90.cfg").read_text() == text


def test_a_script_that_comes_by_standard_input_is_not_read_by_what_it_starts(root, tmp_path):
    write(root, "/etc/dracut.conf.d/a.conf", "")
    write(root, "/boot/vmlinuz-5.14", "")
    image = write(root, "/boot/initramfs-5.14.img", "old")
    write(root, "/usr/lib/modules/5.14/modules.dep", "x/hv_vmbus.ko:\nx/hv_storvsc.ko:\n")
    maker = write(tmp_path, "maker", '#!/bin/sh\ncat >"$1$3"\n')
    maker.chmod(0o755)
    done = subprocess.run(
        ["sh", "-s"],
        input=made(("no-storage-driver", "/boot/initramfs-5.14.img")).script,
        env={**os.environ, "COLDFERRY_ROOT": str(root), "COLDFERRY_MKINITRAMFS": str(maker)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert image.read_text() == ""
    assert done.stdout.splitlines()[-1].startswith("Done.")


@pytest.mark.parametrize("way_out", ["file", "folder", "kept"])
def test_no_link_in_the_guest_leads_the_script_out_of_its_root(root, tmp_path, way_out):
    outside = write(tmp_path, "outside/10-a.link", "not the guest's\n")
    network = root / "etc/systemd/network"
    if way_out == "folder":
        network.parent.mkdir(parents=True)
        network.symlink_to(outside.parent)
    elif way_out == "file":
        network.mkdir(parents=True)
        (network / "10-a.link").symlink_to(outside)
    else:
        write(root, "/etc/systemd/network/10-a.link", "[Match]\n")
        (root / "var/lib/coldferry").symlink_to(outside.parent)
    said = run_script(made(("network-pinned-to-mac", "/etc/systemd/network/10-a.link")), root)

    assert [line for line in said if line.startswith("left: ")]
    assert outside.read_text() == "not the guest's\n"
    assert [one.name for one in outside.parent.iterdir()] == ["10-a.link"]


def test_what_was_first_is_kept_also_after_another_change(root):
    path = "/etc/sysconfig/network-scripts/ifcfg-eth0"
    file = write(root, path, f"HWADDR={MAC}\nA=1\n")
    prepared = made(("network-pinned-to-mac", path))
    run_script(prepared, root)
    file.write_text(f"HWADDR={MAC}\nA=2\n")
    run_script(prepared, root)

    assert file.read_text() == "A=2\n"
    assert (root / f"var/lib/coldferry/before{path}").read_text() == f"HWADDR={MAC}\nA=1\n"


def test_an_agent_that_nothing_starts_any_more_stays_installed(root):
    unit = write(root, "/usr/lib/systemd/system/amazon-ssm-agent.service", "[Unit]\n")
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "amazon-ssm-agent.service").symlink_to("/usr/lib/systemd/system/x.service")
    (wants / "ssh.service").symlink_to("/usr/lib/systemd/system/ssh.service")
    said = run_script(made(("source-agent", "amazon-ssm-agent")), root)

    assert "changed: amazon-ssm-agent.service (disabled)" in said
    assert [one.name for one in wants.iterdir()] == ["ssh.service"]
    assert unit.exists()


@pytest.mark.parametrize(
    ("shell", "package", "awk"),
    [
        (["dash"], "dash", "mawk"),
        (["bash", "--posix"], "bash", "gawk"),
        (["busybox", "sh"], "busybox-static", "busybox"),
    ],
)
def test_the_script_says_and_does_the_same_in_every_shell(root, tmp_path, shell, package, awk):
    if not ensure(shell[0], package) or not ensure(awk, awk.replace("busybox", package)):
        pytest.skip(f"{shell[0]} or {awk} is not installed, and cannot be")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "awk").symlink_to(shutil.which(awk))
    write(root, "/etc/fstab", "/dev/xvdf /my\\040data ext4 defaults 0 2\n/swap none swap sw 0 0\n")
    write(root, "/etc/netplan/a.yaml", f"      match: {{macaddress: '{MAC}'}}\n")
    write(root, "/etc/cloud/cloud.cfg", "datasource_list: [ Ec2 ]\n")
    write(root, "/boot/grub/grub.cfg", "  linux /vmlinuz root=/dev/xvda1 ro resume=/dev/xvda2\n")
    write(root, "/etc/initramfs-tools/modules", "")
    (root / "etc/cloud/cloud.cfg.d").mkdir()
    prepared = made(
        ("fstab-no-nofail", "/my data"), ("swap-on-root-disk", "/swap"),
        ("network-pinned-to-mac", "/etc/netplan/a.yaml"),
        ("datasource-pinned", "/etc/cloud/cloud.cfg"), ("no-serial-console", ""),
        ("boot-device-name", ""), ("no-storage-driver", ""),
        mounts=[
            Mount(source="UUID=12-34", path="/", kind="ext4"),
            Mount(source="/dev/xvdf", path="/my data", kind="ext4"),
            Mount(source="/swap", path="none", kind="swap"),
        ],
    )  # fmt: skip
    path = f"{programs}:{os.environ['PATH']}"
    said = run_script(prepared, root, shell=shell, PATH=path)
    texts = {
        name: (root / name).read_text()
        for name in ("etc/fstab", "etc/netplan/a.yaml", "boot/grub/grub.cfg",
                     "etc/cloud/cloud.cfg.d/zz-coldferry.cfg", "etc/initramfs-tools/modules")
    }  # fmt: skip

    assert texts == {
        "etc/fstab": "/dev/xvdf /my\\040data ext4 defaults,nofail 0 2\n"
        "#coldferry: /swap none swap sw 0 0\n",
        "etc/netplan/a.yaml": '      match: {name: "e*"}\n',
        "boot/grub/grub.cfg": "  linux /vmlinuz root=UUID=12-34 ro"
        " console=tty0 console=ttyS0,115200\n",
        "etc/cloud/cloud.cfg.d/zz-coldferry.cfg": "# Where this machine is, and where it goes to."
        "\ndatasource_list: [ Ec2, Azure, None ]\n",
        "etc/initramfs-tools/modules": "hv_vmbus\nhv_storvsc\n",
    }
    assert said[-1].startswith("Done.")
