"""The text of a script: what it holds for which finding, and that a guest's words stay words."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldferry.errors import Finding
from coldferry.guest.evidence import CODES, Evidence, Inspection, Mount, Volume
from coldferry.guest.preparing import linux, prepare, windows
from coldferry.guest.preparing.quoting import NotShowable, for_powershell, for_shell
from coldferry.plain import plain
from providers.aws.guest import GUEST as OF_AWS
from providers.azure.guest import GUEST as OF_AZURE
from tests.debian import ensure
from tests.unit.machines import a_disk, a_machine, a_nic

SHOWN = st.text(max_size=60).filter(lambda word: plain(word, 4096) == word)
EVIL = "$(touch pwned)`touch pwned`;touch pwned;'\"&|\\"


def found(code, subject="/etc/fstab", severity="warn"):
    return Finding(severity, code, subject, f"{subject} is off.", "Mend it.")


def prepared(*findings, mounts=(), volumes=(), machine=None, system="linux", **options):
    evidence = Evidence(os_family=system, mounts=tuple(mounts), volumes=tuple(volumes))
    seen = Inspection(evidence=evidence, findings=tuple(findings))
    return prepare(machine or a_machine(), seen, OF_AZURE, OF_AWS, **options)


def calls(made):
    """The lines between the functions and the end."""
    lines = made.script.splitlines()
    return [line for line in lines if line.split(" ")[0] in FUNCTIONS]


FUNCTIONS = {
    "fstab_uuid", "fstab_options", "fstab_off", "crypttab_uuids", "unpin", "datasource",
    "kernel_arguments", "root_by_uuid", "early_drivers", "agent_off", "agent_on",
    "Set-BootDriver", "Set-PageFileOnSystemDrive", "Disable-Hibernation", "Disable-Agent",
}  # fmt: skip


@given(words=st.lists(SHOWN, min_size=1, max_size=40))
def test_a_shell_gives_every_quoted_word_back_as_it_was(words):
    line = " ".join(for_shell(word) for word in words)

    told = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {line}"], capture_output=True, check=True
    ).stdout
    assert told.decode().split("\n")[:-1] == words


@given(word=SHOWN)
def test_no_quote_ends_a_string_of_powershell(word):
    inside = for_powershell(word)[1:-1]
    for quote in "'\u2018\u2019\u201a\u201b":
        inside = inside.replace(quote * 2, "")

    assert not set(inside) & set("'\u2018\u2019\u201a\u201b")


@pytest.mark.parametrize("word", ["a\nb", "a\tb", "a\x1b[2Jb", "a\u202eb", "a\u200bb", "x" * 5000])
@pytest.mark.parametrize("quoted", [for_shell, for_powershell])
def test_a_word_that_nobody_could_read_is_no_word_of_a_script(word, quoted):
    with pytest.raises(NotShowable):
        quoted(word)


def test_a_name_with_hidden_characters_is_left_to_a_person():
    made = prepared(found("network-pinned-to-mac", "/etc/netplan/a\u202eb.yaml"))

    assert calls(made) == []
    assert "characters that nobody sees" in made.by_hand[0].why_not
    assert "\u202e" not in made.script


@given(name=st.text(min_size=1, max_size=40))
def test_a_comment_is_never_more_than_a_comment(name):
    made = prepared(
        Finding("warn", "network-static-address", name, f"{name}\n{EVIL}", f"{EVIL}\n{name}"),
        machine=a_machine(name=name),
    )
    heading = made.script.split("set -eu")[0]

    assert all(line.startswith("#") or not line for line in heading.splitlines())


def test_nothing_found_makes_a_script_that_does_nothing():
    made = prepared()

    assert calls(made) == [] and made.remedies == ()


def test_the_same_findings_make_the_same_script():
    findings = (found("datasource-pinned", "/etc/cloud/cloud.cfg"), found("no-serial-console"))

    assert prepared(*findings).script == prepared(*findings).script


def test_only_the_functions_that_are_called_are_in_the_script():
    made = prepared(found("datasource-pinned", "/etc/cloud/cloud.cfg"))

    assert "datasource()" in made.script
    assert "unpin()" not in made.script and "early_drivers()" not in made.script


def test_the_target_s_drivers_console_and_datasource_are_asked_for():
    made = prepared(
        found("no-storage-driver", "/boot/initrd.img-6.1"),
        found("no-serial-console", "/boot/grub/grub.cfg"),
        found("datasource-pinned", "/etc/cloud/cloud.cfg"),
    )

    assert calls(made) == [
        "kernel_arguments 'console=tty0 console=ttyS0,115200'",
        "datasource 'Azure' '/etc/cloud/cloud.cfg'",
        "early_drivers 'hv_vmbus' 'hv_storvsc'",
    ]


def test_two_findings_of_one_kernel_driver_are_one_step():
    made = prepared(found("no-storage-driver", "/boot/a"), found("no-storage-driver", "/boot/b"))

    assert len(calls(made)) == 1 and len(made.mended) == 2


def test_a_hostile_mount_is_one_word():
    mount = Mount(source="LABEL=" + EVIL, path="/srv/" + EVIL, kind="ext4")
    made = prepared(found("fstab-no-nofail", mount.path), mounts=[mount])

    assert calls(made) == [
        f"fstab_options {for_shell(mount.path)} {for_shell(mount.source)} 'nofail'"
    ]


def test_a_device_s_uuid_is_known_where_the_source_calls_the_disk_by_that_name():
    machine = a_machine(disks=(a_disk(), a_disk(id="vol-2", device="/dev/xvdf", root=False)))
    mounts = [
        Mount(source="/dev/xvdf", path="/data", kind="xfs"),
        Mount(source="/dev/xvdf2", path="/logs", kind="xfs"),
        Mount(source="/dev/nvme1n1", path="/cache", kind="xfs"),
    ]
    volumes = [
        Volume(name="disk1", kind="xfs", uuid="aaaa-1"),
        Volume(name="disk1p2", kind="xfs", uuid="aaaa-2"),
    ]
    made = prepared(
        *(found("fstab-device-name", mount.path) for mount in mounts),
        mounts=mounts, volumes=volumes, machine=machine,
    )  # fmt: skip

    assert calls(made) == [
        "fstab_uuid '/data' '/dev/xvdf' 'aaaa-1'",
        "fstab_uuid '/logs' '/dev/xvdf2' 'aaaa-2'",
        "fstab_uuid '/cache' '/dev/nvme1n1' ''",
    ]
    sure = {one.finding.subject: not one.only_if for one in made.mended}
    assert sure == {"/data": True, "/logs": True, "/cache": False}
    assert made.script.count("#     Only if the running guest has that device") == 1


def test_of_two_file_systems_on_the_root_disk_none_is_taken_for_the_root():
    mounts = [Mount(source="/dev/xvda1", path="/", kind="ext4")]
    volumes = [Volume(name=f"disk0p{n}", kind="ext4", uuid=f"aaaa-{n}") for n in (1, 2)]
    two = prepared(found("fstab-device-name", "/"), mounts=mounts, volumes=volumes)
    one = prepared(found("fstab-device-name", "/"), mounts=mounts, volumes=volumes[:1])

    assert calls(two) == ["fstab_uuid '/' '/dev/xvda1' ''"]
    assert calls(one) == ["fstab_uuid '/' '/dev/xvda1' 'aaaa-1'"]


def test_swap_that_goes_is_not_renamed_first():
    mounts = [
        Mount(source="/dev/xvda2", path="none", kind="swap"),
        Mount(source="/dev/xvdz", path="none", kind="swap"),
    ]
    made = prepared(
        found("fstab-device-name", "none"), found("swap-on-root-disk", "/dev/xvda2"), mounts=mounts
    )

    assert calls(made) == [
        "fstab_off 'none' '/dev/xvda2'",
        "fstab_uuid 'none' '/dev/xvdz' ''",
    ]


@pytest.mark.parametrize("nics", [1, 2])
def test_several_interfaces_that_are_matched_by_mac_are_left_to_a_person(nics):
    machine = a_machine(nics=tuple(a_nic(id=f"eni-{n}", device_index=n) for n in range(nics)))
    made = prepared(
        found("network-pinned-to-mac", "/etc/netplan/50-cloud-init.yaml"),
        found("network-pinned-to-mac", "/etc/udev/rules.d/70-persistent-net.rules"),
        machine=machine,
    )

    assert calls(made)[-1] == "unpin '/etc/udev/rules.d/70-persistent-net.rules'"
    assert len(calls(made)) == (2 if nics == 1 else 1)


def test_an_agent_is_installed_only_when_that_was_asked_for():
    finding = found("no-target-agent", "walinuxagent")

    assert prepared(finding).mended == ()
    assert "--install-agents" in prepared(finding).by_hand[0].why_not
    assert calls(prepared(finding, install_agents=True)) == [
        "agent_on 'walinuxagent' 'waagent' 'cloud-init'"
    ]


@pytest.mark.parametrize(
    "code",
    [
        "no-network-driver", "network-static-address", "encrypted-volume", "firmware-mismatch",
        "no-bootloader", "unclean-filesystem", "unreadable-filesystem", "no-partition-table",
    ],
)  # fmt: skip
def test_what_only_a_person_can_do_is_said_and_not_tried(code):
    made = prepared(found(code, "disk0"))

    assert calls(made) == []
    assert "What is left to a person" in made.script and "Mend it." in made.script


def test_windows_is_prepared_in_powershell():
    made = prepared(
        found("windows-boot-driver-late", "storvsc"),
        found("windows-page-file", "D:\\pagefile.sys"),
        found("windows-hibernated", "disk0p2"),
        found("source-agent", "AmazonSSMAgent'; Remove-Item C:\\ -Recurse; '", "inform"),
        found("windows-boot-driver-missing", "vmbus"),
        found("bitlocker", "disk0p2"),
        system="windows",
    )

    assert made.system == "windows" and "#!/bin/sh" not in made.script
    assert "#Requires -RunAsAdministrator" in made.script
    assert calls(made) == [
        "Set-BootDriver 'vmbus'",
        "Set-BootDriver 'storvsc'",
        "Set-PageFileOnSystemDrive",
        "Disable-Hibernation",
        "Disable-Agent 'AmazonSSMAgent''; Remove-Item C:\\ -Recurse; '''",
    ]
    assert {remedy.finding.code for remedy in made.by_hand} == {
        "windows-boot-driver-missing", "bitlocker",
    }  # fmt: skip
    assert made.script.count("{") == made.script.count("}")


def test_what_windows_starts_at_boot_is_start_type_zero_without_an_override():
    script = prepared(found("windows-boot-driver-late", "storvsc"), system="windows").script

    assert "-Name Start -Value 0 -Type DWord" in script
    assert "Remove-Item -LiteralPath $override -Recurse" in script


def test_the_documents_say_of_every_finding_whether_a_script_mends_it():
    page = (Path(__file__).parents[2] / "docs/guests.md").read_text()

    def codes(heading):
        section = page.partition(f"## {heading}")[2].partition("## ")[0]
        first_cells = re.findall(r"^\|([^|]*)\|", section, re.MULTILINE)
        return set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", " ".join(first_cells)))

    mended, by_hand = codes("What prepare mends"), codes("What only a person can do")

    assert mended == set(linux.REMEDIES) | set(windows.REMEDIES)
    assert mended | by_hand == CODES - {"not-inspected"}


def test_shellcheck_finds_no_fault_in_a_script_with_everything(tmp_path):
    if not ensure("shellcheck", "shellcheck"):
        pytest.skip("shellcheck is not installed, and cannot be")
    mount = Mount(source="/dev/xvdf", path="/data", kind="xfs")
    script = tmp_path / "prepare.sh"
    script.write_text(
        prepared(
            *(found(code, mount.path) for code in ("fstab-device-name", "fstab-no-nofail")),
            found("network-pinned-to-mac", "/etc/netplan/x.yaml"), found("no-serial-console"),
            found("datasource-pinned", "/etc/cloud/cloud.cfg"), found("boot-device-name"),
            found("no-storage-driver"), found("source-agent"), found("no-target-agent"),
            mounts=[mount], install_agents=True,
        ).script
    )  # fmt: skip

    # SC2016: awk's programs stand between single quotes, and mean it.
    done = subprocess.run(
        ["shellcheck", "--shell=sh", "--exclude=SC2016", str(script)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
