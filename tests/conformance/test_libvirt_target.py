"""libvirt as a target obeys every law, against a real daemon; its machines run under TCG."""

import os
import threading
import time
from collections.abc import Iterator

import pytest

from coldferry.ports import PowerState
from coldferry.translation import ACKNOWLEDGE
from providers.libvirt.cloud import LibvirtCloud
from providers.libvirt.connection import Host
from providers.libvirt.probing import boots
from tests import untouched
from tests.conformance.cases import MIGRATION, TargetCase, begin, written
from tests.conformance.laws import TargetLaws
from tests.conformance.libvirt_rig import MIB, Libvirt, running

pytestmark = pytest.mark.slow

ANSWERS = {"nics[0].subnet_id": "user", "nics[0].private_address": ACKNOWLEDGE}


@pytest.fixture(scope="module")
def host() -> Iterator[Libvirt]:
    with running() as found:
        yield found


@pytest.fixture
def _person(host: Libvirt) -> Iterator[None]:
    """Somebody who pulls the plug after a second and a half: the laws' disks hold no system."""
    ended = threading.Event()

    def pull() -> None:
        while not ended.wait(0.2):
            for one in host.connection.listAllDomains(16):  # that run, and are not starting
                ended.wait(1.5)
                if one.isActive():
                    one.destroy()

    thread = threading.Thread(target=pull)
    thread.start()
    yield
    ended.set()
    thread.join()


@pytest.mark.usefixtures("_person")
class TestLibvirt(TargetLaws):
    @pytest.fixture
    def case(self, host: Libvirt) -> Iterator[TargetCase]:
        cloud = LibvirtCloud(host.access)
        yield TargetCase(cloud, ANSWERS, host.read, host.clear)
        for owned in cloud.owned():
            cloud.discard(owned.migration)
            cloud.erase_kept(owned.migration)
        left = list(host.images.iterdir())
        host.clear()
        assert left == []

    def test_a_new_machine_is_defined_with_its_links_down_and_never_started(
        self, case: TargetCase, host: Libvirt
    ) -> None:
        plan, _ = begin(case)
        vm = case.cloud.allocate(plan, written(case, plan))

        handle = host.connection.lookupByName(vm)
        text = handle.XMLDesc(2)
        assert text.count("<link state='down'/>") == len(plan.machine.nics) == 1
        assert plan.machine.nics[0].mac in text
        assert (host.images / f"coldferry.{MIGRATION}.console.{vm}.log").stat().st_size == 0
        assert case.cloud.describe(vm).firmware == plan.machine.firmware

    def test_what_was_handed_over_has_no_name_of_ours(
        self, case: TargetCase, host: Libvirt
    ) -> None:
        plan, _ = begin(case)
        vm = case.cloud.allocate(plan, written(case, plan))
        case.cloud.open_up(MIGRATION, ["link-up"])
        case.cloud.hand_over(MIGRATION)

        text = host.connection.lookupByName(vm).XMLDesc(2)
        assert "urn:coldferry" not in text and "coldferry." not in text
        assert [one.name for one in host.images.glob("*coldferry*")] == []
        try:
            case.cloud.start(vm)
            assert case.cloud.power(vm) is PowerState.RUNNING
        finally:
            case.clear()

    def test_a_clone_of_a_new_machine_is_not_ours(self, case: TargetCase, host: Libvirt) -> None:
        plan, _ = begin(case)
        vm = case.cloud.allocate(plan, written(case, plan))
        text = host.connection.lookupByName(vm).XMLDesc(2)
        own = text.partition("<uuid>")[2].partition("</uuid>")[0]
        text = text.replace(f"<uuid>{own}</uuid>", "").replace(f"<name>{vm}<", "<name>clone<")
        host.connection.defineXML(text.replace("02:00:00:00:00:01", "02:00:00:00:00:99"))

        assert "clone" not in [one.id for one in case.cloud.owned()]
        found = case.cloud.at_stake(MIGRATION, arrived=True)
        assert {(one.severity, one.code) for one in found} == {("refuse", "held")}
        host.forget("clone")

    def test_a_disk_that_another_machine_holds_is_not_removed(
        self, case: TargetCase, host: Libvirt
    ) -> None:
        plan, _ = begin(case)
        disk, _ = written(case, plan)
        host.machine("thief", {disk.ref: "raw"})

        found = case.cloud.at_stake(MIGRATION, arrived=False)
        assert {(one.severity, one.code) for one in found} == {("refuse", "held")}
        case.cloud.discard_disk(plan, disk.device)
        assert case.disk_bytes(disk.ref, 0, 1) == b"x"
        host.forget("thief")


def test_an_accelerator_is_told_by_running_a_machine(host: Libvirt) -> None:
    here = Host(host.access)
    before = time.monotonic()

    assert boots(here, "main", "qemu", "maximum")
    assert not boots(here, "main", "xen", "maximum")  # which this daemon has not
    assert time.monotonic() - before < 60
    assert list(host.images.iterdir()) == []


def test_a_killed_probe_s_leftovers_are_ended_and_another_s_that_runs_is_left(
    host: Libvirt,
) -> None:
    killed, other = (f"coldferry.probe.disk.qemu-{number}" for number in (1, 2))
    for name in (killed, other):
        path = host.volume(name, {}, size=MIB)
        untouched.unwatch(path)
        text = host.connection.lookupByName(host.machine("draft", {name: "raw"})).XMLDesc(2)
        host.forget("draft")
        own = text.partition("<uuid>")[2].partition("</uuid>")[0]
        text = text.replace(f"<uuid>{own}</uuid>", "").replace(">draft<", f">{name}<")
        host.connection.createXML(text)
    earlier = time.time() - 3600
    os.utime(host.images / killed, (earlier, earlier))

    assert boots(Host(host.access), "main", "qemu", "maximum")
    assert [one.name() for one in host.connection.listAllDomains()] == [other]
    assert [one.name for one in host.images.iterdir()] == [other]
    host.clear()
