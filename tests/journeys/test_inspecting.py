"""The flow looks into the disks before it asks and after it halted, and goes on when it cannot."""

import pytest

from coldferry.errors import Denied, Drifted, Transient
from coldferry.ports import PowerState
from tests.guest import build
from tests.journeys.test_story import VM, Ferry

MIB = 1 << 20
SIZE_BYTES = 112 * MIB


def put(ferry, image) -> None:
    """The image becomes what is on the machine's first disk, which is a little larger."""
    world = ferry.source.cloud.world
    stored = world.machines[VM]
    with image.open("rb") as file:
        content = file.read().ljust(SIZE_BYTES, b"\0")
    disk = stored.machine.disks[0].model_copy(update={"size_bytes": len(content)})
    stored.machine = stored.machine.model_copy(update={"disks": (disk, *stored.machine.disks[1:])})
    kept = world.disks[disk.id]
    kept.size_bytes, kept.chunks = len(content), {}
    for at in range(0, len(content), MIB):
        piece = content[at : at + MIB]
        if piece.strip(b"\0"):
            kept.write(at, memoryview(piece))


def forget(ferry, **unknown) -> None:
    """What the source says of the machine from now on."""
    stored = ferry.source.cloud.world.machines[VM]
    stored.machine = stored.machine.model_copy(update=unknown)


@pytest.fixture
def ferry_of(prefect_api):
    """A machine whose guest has these faults."""

    def made(*plant):
        ferry = Ferry(disks=1, inspect=True)
        put(ferry, build(firmware="uefi", plant=plant))
        return ferry

    return made


@pytest.fixture
def ferry(ferry_of):
    return ferry_of()


def codes(report) -> list[str]:
    return [finding["code"] for finding in report["findings"]]


def field(report, path):
    return next(one for one in report["translation"] if one["path"] == path)


def test_a_healthy_guest_gives_no_finding_although_its_first_look_had_to_be_made_again(ferry):
    """And leaves no snapshot but the migration's."""
    ferry.source.fail("freeze", Transient("Busy."), "inspect")
    report = ferry.migrate()

    assert codes(report) == []
    assert not ferry.source.pending
    assert {owned.migration for owned in ferry.source.cloud.owned()} == {report["migration"]}
    assert {"inspect", "inspect again"} <= report["seconds"].keys()


def test_what_the_source_does_not_know_is_taken_from_the_disks_and_approved_once(ferry):
    forget(ferry, firmware="unknown", architecture="unknown", os_family="unknown")
    ferry.target.fail("preflight", Denied("Not now."), "preflight")
    with pytest.raises(Denied):
        ferry.migrate()
    report = ferry.migrate(answers=None)  # the same disks seen twice need no second approval

    assert report["state"] == "allocated"
    assert ferry.source.calls["inspect", "freeze"] == 2
    assert field(report, "firmware")["source"] == "uefi"
    assert field(report, "architecture")["source"] == "x86_64"
    assert field(report, "os_family")["source"] == "linux"


def test_a_contradiction_is_told_and_what_is_only_wrong_after_the_halt_is_found_after_it(ferry_of):
    ferry = ferry_of("unclean-filesystem")
    forget(ferry, firmware="bios")
    report = ferry.migrate()

    assert sorted(codes(report)) == ["firmware-mismatch", "unclean-filesystem"]
    assert field(report, "firmware")["source"] == "bios"  # the source's word is kept


def test_a_boot_loader_that_changed_before_the_halt_starts_the_source_again(ferry):
    image = build(firmware="bios", plant=("firmware-mismatch",))
    forget(ferry, firmware="unknown")
    ferry.target.before("preflight", lambda: put(ferry, image))
    with pytest.raises(Drifted, match="firmware"):
        ferry.migrate()

    assert ferry.source.cloud.power(VM) is PowerState.RUNNING
    assert ferry.nothing_at_target


@pytest.mark.parametrize("method", ["freeze", "open_frozen"])
def test_an_inspection_that_is_denied_is_a_warning_and_the_machine_arrives(ferry, method):
    ferry.source.fail(method, Denied("Not allowed to look."), "inspect")
    report = ferry.migrate()

    assert report["state"] == "allocated"
    assert codes(report) == ["not-inspected"]
    assert {owned.migration for owned in ferry.source.cloud.owned()} == {report["migration"]}


def test_a_second_look_that_is_denied_is_a_warning_too(ferry):
    ferry.source.fail("open_frozen", Denied("Not allowed to look."), "inspect again")

    assert codes(ferry.migrate()) == ["not-inspected"]


def test_who_does_not_want_it_is_not_looked_at(ferry_of):
    ferry = ferry_of("boot-device-name")
    ferry.inspect = False
    report = ferry.migrate()

    assert codes(report) == []
    assert "inspect" not in report["seconds"]


def test_a_rerun_after_the_halt_goes_by_what_was_seen_before_and_tells_it_once(ferry_of):
    ferry = ferry_of("boot-device-name")
    ferry.target.fail("allocate", Denied("Not allowed."), "allocate")
    with pytest.raises(Exception, match="Not allowed"):
        ferry.migrate()
    calls = ferry.source.calls["inspect", "freeze"]
    report = ferry.migrate()

    assert report["state"] == "allocated"
    assert codes(report) == ["boot-device-name"]
    assert ferry.source.calls["inspect", "freeze"] == calls
    assert ferry.source.calls["inspect again", "open_frozen"] == 2
