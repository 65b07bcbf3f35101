"""A weekend of thirty machines: what goes wrong stops what hangs on it, and is mended after."""

from collections import Counter

import pytest

from tests.journeys.fleets import states
from tests.journeys.shapes import halts, torn
from tests.journeys.wave_here import WaveHere
from tests.unit.file_server import serving

pytestmark = [pytest.mark.slow(takes_s=240), pytest.mark.timeout(1200)]

# Those that are to be skipped stand last: what stops them has happened long before their turn.
SHAPES = {
    "torn": "uefi", "leaf": "bios",
    "edge": "bios", "web": "bios", "app": "bios", "db": "uefi",
    "leaving": "uefi", "remote": "shared", "hoard": "magnetic", "client": "bios",
    **{f"plain-{at}": ("bios", "uefi", "shared")[at % 3] for at in range(16)},
    "lone": "bios", "gappy": "bios",
    "veil": "bios", "twin": "bios",
}  # fmt: skip
CHAIN = ["edge", "web", "app", "db"]
AFTER = {
    "edge": "web", "web": "app", "app": "db", "leaf": "torn", "client": "hoard",
    "lone": "gappy",  # so gappy is begun once lone is halted
    "veil": "twin",
}  # fmt: skip
LEFT = {
    "torn": "failed", "twin": "skipped", "veil": "skipped",
    "hoard": "refused", "client": "skipped", "gappy": "waiting",
}  # fmt: skip
SHARED = {name for name, shape in SHAPES.items() if shape == "shared"}


class Thirty:
    """The wave with everything against it."""

    def __init__(self, sandbox, seeder, arrivals, folder, port):
        path = folder / "thirty.yaml"
        here = self.here = WaveHere(sandbox, seeder, path, SHAPES, 60, machines_at_once=4)
        here.order(AFTER)
        for name in ("torn", "twin"):
            here.rows[name]["group"] = "ledger"
        here.rows["leaving"]["placement"] = {"disk1": "drop"}
        here.rows["remote"] |= {
            "placement": {here.grounds.share: f"remote@127.0.0.1:{port}"},
            "options": {"max_latency_ms": 5000},
        }
        self.planned = here.wave("plan").document
        here.answer(self.planned["rows"])
        here.no_magnetic_disks(0)
        tagging = here.tagging("gappy", once_halted="lone")
        tagging.start()
        with sandbox.failing("azure", torn("thirty-torn")):
            self.first = here.wave("run").document
        tagging.join()
        self.halted, self.power = halts(seeder.ec2, here.vms), here.power()
        self.there = arrivals.everything()
        self.arrivals = arrivals

    def report(self, name):
        """The page that a person reads."""
        migration = self.here.migration(name)
        return self.here.sandbox.here("report", migration).document["markdown"]


@pytest.fixture(scope="module")
def thirty(sandbox, seeder, arrivals, tmp_path_factory):
    with serving() as server:
        made = Thirty(sandbox, seeder, arrivals, tmp_path_factory.mktemp("thirty"), server.port)
        yield made
        made.here.no_magnetic_disks(None)


def test_thirty_machines_end_as_the_manifest_says(thirty):
    assert len(SHAPES) == 30
    assert states(thirty.first) == {name: LEFT.get(name, "done") for name in SHAPES}


def test_each_distinct_question_of_thirty_machines_is_asked_once(thirty):
    gaps = thirty.planned["gaps"]
    nets = [set(gap["machines"]) for gap in gaps if gap["field"] == "nics[].subnet_id"]
    asked = Counter((gap["field"], name) for gap in gaps for name in gap["machines"])

    assert len({gap["gap"] for gap in gaps}) == len(gaps)
    assert sorted(nets, key=len) == [SHARED, SHAPES.keys() - SHARED]
    assert {n for (field, _), n in asked.items() if field.startswith("nics")} == {1}
    files = [set(g["machines"]) for g in gaps if g["field"].startswith("network_filesystems")]
    assert files == [SHARED - {"remote"}]


def test_four_deep_machines_are_halted_against_their_order_by_the_clouds_own_record(thirty):
    when = thirty.halted

    assert sorted(CHAIN, key=when.get) == CHAIN
    assert len({when[name] for name in CHAIN}) == 4
    assert when["leaf"] < when["torn"]


def test_what_was_refused_or_skipped_still_runs_and_is_nowhere_at_the_target(thirty):
    for name in LEFT.keys() - {"torn"}:
        assert thirty.power[name] == "running"
        assert name not in thirty.halted
        assert thirty.here.there(name, thirty.there) == []


def test_a_failure_mid_copy_leaves_its_disks_for_the_next_time_and_no_machine(thirty):
    there = thirty.here.there("torn", thirty.there)

    assert [one for one in there if "/virtualMachines/" in one] == []
    assert len([one for one in there if "/disks/" in one]) == 2
    assert thirty.power["torn"] == "stopped"


@pytest.mark.parametrize("name", ["edge", "db", "plain-2"])
def test_one_of_each_shape_arrived_byte_for_byte(thirty, name):
    disks = thirty.arrivals.of_migration(thirty.here.migration(name), "disks")
    sent = [dict(content) for content in thirty.here.seeded[name].content.values()]

    assert len(disks) == len(sent)
    assert all(thirty.arrivals.read(disk)[1] in sent for disk in disks)


def test_a_dropped_disk_is_not_at_the_target_and_the_report_says_so(thirty):
    disks = thirty.arrivals.of_migration(thirty.here.migration("leaving"), "disks")

    assert len(disks) == 1
    assert "1 disk left behind, not copied" in thirty.report("leaving")


def test_a_remote_file_system_of_one_row_is_in_its_report_with_the_guests_line(thirty):
    report = thirty.report("remote")

    assert "Its files are not copied" in report
    assert "127.0.0.1:/" in report


def test_the_same_thirty_again_do_only_what_had_failed(thirty, sandbox):
    here = thirty.here
    frozen, runs = here.frozen(), here.runs()
    here.no_magnetic_disks(None)
    here.answers["gappy"]["tags[2].key"] = "team-name"
    sandbox.control("azure", "DELETE", "puts")
    again = here.wave("run").document

    assert set(states(again).values()) == {"done"}
    assert here.put() == LEFT.keys()
    assert here.runs() - runs == Counter(LEFT.keys())
    assert here.frozen().keys() - frozen.keys() == LEFT.keys() - {"torn"}
    assert thirty.there <= thirty.arrivals.everything()
    assert sum(here.frozen().values()) == sum(map(here.disks, SHAPES)) - 1
