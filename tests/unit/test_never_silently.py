"""No encryption is lost, and no root that forgets is taken for one that lasts, without a person."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coldferry.errors import Finding, NotMovable
from coldferry.machine import Machine, Origin
from coldferry.rules import apply
from coldferry.translation import ACKNOWLEDGE, Consequence, Translation, Verdict
from providers.aws.translate import RULES as AWS
from providers.azure import describe as azure_describe
from providers.azure.cloud import AzureCloud
from providers.azure.kinds import VM
from providers.azure.translate import RULES as AZURE
from providers.libvirt.describe import Around
from providers.libvirt.describe import describe as of_domain
from providers.libvirt.translate import RULES as LIBVIRT
from providers.libvirt.unmovable import findings_of
from providers.libvirt.xml_text import parse
from providers.ovf.access import OvfAccess
from providers.ovf.catalogue import Catalogue as Folder
from providers.ovf.cloud import OvfCloud
from providers.ovf.translate import RULES as OVF
from tests.unit.aws_world import Sandbox, sandbox
from tests.unit.azure_sources import a_vm
from tests.unit.catalogue_strategies import whole_aws, whole_azure, whole_libvirt
from tests.unit.domains import NIC, a_domain, disk
from tests.unit.machines import a_disk, a_machine
from tests.unit.ovf_packages import (
    FIRST,
    ITEMS,
    content,
    descriptor,
    stream_optimized,
    system,
)  # fmt: skip
from tests.unit.test_azure_fixtures import access, clear

pytest_plugins = ["tests.unit.test_azure_fixtures"]

FORGETS = '<vmw:Config vmw:key="backing.diskMode" vmw:value="independent_nonpersistent"/>'
GOALS: dict[str, Callable[[Machine, dict[str, Any]], Translation]] = {
    "aws": lambda machine, said: apply(AWS, machine, whole_aws(encrypts=False), said),
    "azure": lambda machine, said: apply(AZURE, machine, whole_azure(), said),
    "libvirt": lambda machine, said: apply(LIBVIRT, machine, whole_libvirt(), said),
    "ovf": lambda machine, said: apply(OVF, machine, Folder(folder="/packages"), said),
}


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    with sandbox() as here:
        yield here


@pytest.fixture(scope="module")
def azure(server: Any) -> Iterator[tuple[AzureCloud, str]]:
    cloud = AzureCloud(access(server))
    yield cloud, a_vm(cloud)
    clear(cloud)


class FakeEphemeral:
    """Azure, but for the VM's OS disk, which it says to be an ephemeral one of an image."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.access = real.access

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def find(self, kind: Any, *words: str, **options: Any) -> Any:
        found = self._real.find(kind, *words, **options)
        if kind is VM:
            storage = found["properties"]["storageProfile"]
            storage["osDisk"]["diffDiskSettings"] = {"option": "Local"}
            storage["imageReference"] = {"id": "golden"}
        return found


def domain(*inside: str) -> tuple[Machine, list[Finding]]:
    disks = (disk(f"vd{letter}", said) for letter, said in zip("ab", inside, strict=False))
    document = parse(a_domain("".join(disks) + NIC))
    return of_domain(document, "here", Around()), findings_of(document)


def package(folder: Path, text: str) -> tuple[Machine, list[Finding]]:
    (folder / "web.ovf").write_text(text)
    (folder / "disk1.vmdk").write_bytes(stream_optimized(content()))
    cloud = OvfCloud(OvfAccess(folder=str(folder)))
    return cloud.describe("web.ovf"), cloud.unmovable("web.ovf")


class TestEncryption:
    """Rows: where from, and what its description says of its disks; each goes to every target."""

    @pytest.mark.parametrize("goal", GOALS)
    @pytest.mark.parametrize("told", [True, "unknown"])
    @pytest.mark.parametrize("origin", ["aws", "azure", "libvirt", "ovf"])
    def test_what_is_or_may_be_encrypted_stays_so_or_is_acknowledged(
        self, origin: str, told: Any, goal: str
    ) -> None:
        machine = a_machine(
            origin=Origin(provider=origin, scope="there", id="web-01"),
            disks=(a_disk(encrypted=told), a_disk(id="vol-2", root=False, encrypted=told)),
        )
        made = GOALS[goal](machine, {})
        for path in ("disks[0].encrypted", "disks[1].encrypted"):
            field = made[path]
            if field.target is True:
                continue
            assert (field.target, field.consequence, field.open) == (
                False, Consequence.ACKNOWLEDGE, True,
            )  # fmt: skip
            assert path in made.missing
            assert not GOALS[goal](machine, {path: ACKNOWLEDGE})[path].open

    def test_an_ebs_volume_says_whether_it_is(self, aws: Sandbox) -> None:
        vm = aws.launch(
            BlockDeviceMappings=[
                {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "Encrypted": True}}
            ]
        )

        assert [one.encrypted for one in aws.cloud().describe(vm).disks] == [False, True]

    def test_a_managed_disk_always_is(self, azure: tuple[AzureCloud, str]) -> None:
        cloud, vm = azure
        assert [one.encrypted for one in cloud.describe(vm).disks] == [True, True]

    @pytest.mark.parametrize("inside", ["<encryption format='luks'/>", ""])
    def test_a_volume_of_libvirt_is_or_may_be(self, inside: str) -> None:
        """One of LUKS is refused on top: its key stays in libvirt."""
        machine, found = domain(inside)
        (only,) = machine.disks

        assert only.encrypted == (True if inside else "unknown")
        assert [one.code for one in found] == (["disk-encrypted"] if inside else [])

    def test_a_package_with_encrypted_files_is_refused_by_name(self, tmp_path: Path) -> None:
        sealed = '<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"/>'
        with pytest.raises(NotMovable, match="encrypted files, which are not read"):
            package(tmp_path, descriptor(more=f"<EncryptionSection>{sealed}</EncryptionSection>"))


class TestRootThatForgets:
    """One case a provider: it is no disk of the description, and clouds ask for its image."""

    @staticmethod
    def asked(machine: Machine, image: str) -> None:
        assert not any(one.root for one in machine.disks)
        assert machine.root_image is not None
        assert machine.root_image.image == image
        fitting = machine.model_copy(update={"architecture": "x86_64", "firmware": "bios"})
        for goal, translate in GOALS.items():
            field = translate(fitting, {})["root_image.image"]
            asks = {"aws": Verdict.MISSING, "azure": Verdict.MISSING}
            assert field.verdict is asks.get(goal, Verdict.IMPOSSIBLE), goal
            assert field.verdict is Verdict.MISSING or field.consequence is Consequence.BLOCK

    def test_an_instance_store_of_aws(self, aws: Sandbox) -> None:
        ami = aws.image(
            {}, "store", ImageLocation="bucket/image.manifest.xml", BlockDeviceMappings=[]
        )
        vm = aws.launch(ImageId=ami)
        self.asked(aws.cloud().describe(vm), ami)

    def test_an_ephemeral_os_disk_of_azure(self, azure: tuple[AzureCloud, str]) -> None:
        cloud, vm = azure
        self.asked(azure_describe.describe(FakeEphemeral(cloud._arm), cloud.scope, vm), "golden")

    def test_a_transient_disk_of_libvirt(self) -> None:
        machine, found = domain("<transient/>", "")
        self.asked(machine, "/images/vda.raw")
        assert found == []

    def test_a_disk_of_a_package_in_a_mode_that_forgets(self, tmp_path: Path) -> None:
        items = ITEMS.replace(FIRST, FIRST.replace("</Item>", FORGETS + "</Item>"))
        machine, found = package(tmp_path, descriptor(systems=system(items)))

        self.asked(machine, "disk1.vmdk")
        assert ("root-not-persistent", "warn") in {(one.code, one.severity) for one in found}
