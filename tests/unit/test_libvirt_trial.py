"""A copy of a real guest's machine at a libvirt daemon, started and listened to."""

import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from coldferry.boot_check import Outcome, trial_of, try_boot
from coldferry.errors import Refused
from coldferry.ports import PowerState
from providers.libvirt.cloud import LibvirtCloud
from tests.conformance.cases import MIGRATION, TargetCase, begin, written
from tests.conformance.laws_trying import TrialLaws, brought
from tests.conformance.libvirt_rig import Libvirt, running
from tests.conformance.test_libvirt_target import ANSWERS
from tests.guest import build, build_data
from tests.guest.inspecting import machine_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def host() -> Iterator[Libvirt]:
    with running() as found:
        yield found


@pytest.fixture
def case(host: Libvirt) -> Iterator[TargetCase]:
    cloud = LibvirtCloud(host.access)
    yield TargetCase(cloud, ANSWERS, host.read, host.clear)
    host.cut_power()
    cloud.end_trial(MIGRATION)
    cloud.discard(MIGRATION)
    left = [one.name for one in host.images.iterdir()]
    host.clear()
    assert left == []


class TestTrials(TrialLaws):
    """Of disks that hold no system."""


@pytest.mark.parametrize(
    ("plant", "firmware", "outcome"),
    [
        ((), "bios", Outcome.BOOTED),
        (("boot-sector-zeroed",), "bios", Outcome.NO_BOOT_LOADER),
    ],
)
def test_what_became_of_the_copy_is_told_and_the_disks_are_as_they_were(
    case, host, plant, firmware, outcome
):
    images = build(plant=plant), build_data()
    plan, vm = brought(case, machine_of(*images, firmware=firmware, vcpus=1), *images)
    before = contents(host)
    boot = try_boot(case.cloud, plan, 600)

    assert boot.outcome is outcome, boot
    assert contents(host) == before
    assert case.cloud.power(vm) is PowerState.STOPPED
    assert case.cloud.at_stake(MIGRATION, arrived=True) == []
    assert [one.name() for one in host.connection.listAllDomains()] == [vm]


def test_the_copy_has_no_link_and_no_screen_and_writes_to_images_of_its_own(case, host):
    plan, _ = begin(case)
    vm = case.cloud.allocate(plan, written(case, plan))
    by_hand = host.connection.lookupByName(vm)
    text = by_hand.XMLDesc(2).replace("<link state='down'/>", "<link state='up'/>")
    more = (
        "<graphics type='vnc' port='-1'/><rng model='virtio'><backend model='random'/></rng>"
        "<rng model='virtio'><backend model='egd' type='tcp'><source mode='connect' "
        "host='192.0.2.1' service='7'/></backend></rng></devices>"
    )
    arguments = (
        "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
        "<qemu:arg value='-snapshot'/></qemu:commandline></domain>"
    )
    host.connection.defineXML(text.replace("</devices>", more).replace("</domain>", arguments))
    assert "-snapshot" in by_hand.XMLDesc(2)
    name = case.cloud.start_trial(plan)
    assert "-snapshot" not in host.connection.lookupByName(name).XMLDesc(2)
    trial = ET.fromstring(host.connection.lookupByName(name).XMLDesc(0))
    own, theirs = definition(host, vm), trial

    assert [one.get("state") for one in theirs.iterfind("devices/interface/link")] == ["down"]
    assert [theirs.findall(f"devices/{tag}") for tag in ("graphics", "channel")] == [[], []]
    rngs = [one.get("model") for one in theirs.iterfind("devices/rng/backend")]
    assert rngs == ["random"]
    macs = [[one.get("address") for one in each.iterfind("devices/interface/mac")]
            for each in (own, theirs)]  # fmt: skip
    assert macs[0] == macs[1]
    below = [one.get("file") for one in theirs.iterfind("devices/disk/backingStore/source")]
    assert below == [one.get("file") for one in own.iterfind("devices/disk/source")]
    assert theirs.findtext("uuid") != own.findtext("uuid")
    assert {one.migration for one in case.cloud.owned()} == {MIGRATION, trial_of(MIGRATION)}


def test_a_machine_with_a_disk_that_is_no_volume_is_not_tried(case, host):
    plan, _ = begin(case)
    vm = case.cloud.allocate(plan, written(case, plan))
    far = (
        "<disk type='network' device='disk'><driver name='qemu' type='raw'/>"
        "<source protocol='nbd' name=''><host name='192.0.2.1'/></source>"
        "<target dev='sdz' bus='sata'/></disk></devices>"
    )
    host.connection.defineXML(
        host.connection.lookupByName(vm).XMLDesc(2).replace("</devices>", far)
    )

    with pytest.raises(Refused, match="sdz"):
        case.cloud.start_trial(plan)
    case.cloud.end_trial(MIGRATION)
    assert case.cloud.owned(trial_of(MIGRATION)) == []


def contents(host: Libvirt) -> dict[str, str]:
    """Each file of the pool and its digest."""
    found = {}
    for one in sorted(host.images.iterdir()):
        with one.open("rb") as file:
            found[one.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def definition(host: Libvirt, name: str) -> ET.Element:
    return ET.fromstring(host.connection.lookupByName(name).XMLDesc(2))
