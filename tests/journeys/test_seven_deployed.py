"""A weekend of thirty machines, as deployed: what goes wrong stops what hangs on it, no other."""

from collections import Counter

import pytest

from tests.journeys.shapes import ACKNOWLEDGE, TWO_TEAMS, Grounds, asked, halts, torn
from tests.journeys.wave_serving import SIGNED, ServedWave
from tests.unit.file_server import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

# Those that are to be skipped stand last: what stops them has happened long before their turn.
SHAPES = {
    "torn": "uefi", "leaf": "bios",
    "edge": "bios", "web": "bios", "app": "bios", "db": "uefi",
    "leaving": "uefi", "remote": "shared", "hoard": "magnetic", "client": "bios",
    **{f"plain-{at}": ("bios", "uefi", "shared")[at % 3] for at in range(16)},
    "lone": "bios", "gappy": "bios",
    "veil": "bios", "twin": "bios",
}  # fmt: skip
AFTER = {
    "leaf": "torn", "edge": "web", "web": "app", "app": "db", "client": "hoard",
    "lone": "gappy",  # so gappy is begun once lone is halted
    "veil": "twin",
}  # fmt: skip
GROUPS = {"torn": "ledger", "twin": "ledger"}
FIRST = {
    "torn": "failed", "twin": "skipped", "veil": "skipped",
    "hoard": "refused", "client": "skipped",
}  # fmt: skip
LEFT = set(FIRST)
DEFAULT, APPS = "vnet-main/default", "vnet-main/apps"


class Thirty:
    """The wave with everything against it: asked twice, and ended with what could not go."""

    def __init__(self, served, port):
        self.served, self.port = served, port
        grounds = Grounds(served.seeder, 60)
        self.seeded = grounds.plant(SHAPES, "big")
        self.vms = {name: one.vm for name, one in self.seeded.items()}
        self.rows = {name: {"vm": vm} for name, vm in self.vms.items()}
        for name, other in AFTER.items():
            self.rows[name]["after"] = [other]
        for name, group in GROUPS.items():
            self.rows[name]["group"] = group
        self.rows["leaving"]["placement"] = {"disk1": "drop"}
        self.rows["remote"]["placement"] = {grounds.share: f"remote@127.0.0.1:{port}"}
        self.rows["remote"]["options"] = {"inspect": False, "use_book": False,
                                          "max_latency_ms": 5000}  # fmt: skip
        self.questions = []
        self.no_magnetic_disks(0)
        with served.sandbox.failing("azure", torn("big-torn")):
            self.wave = self.begin()
            self.asked = served.wait(self.wave.id, "Suspended", timeout_s=300)
            self.answer(self.asked)
            # What was answered is planned anew: only what is tagged after that is met on the way.
            self.wave.wait_for(self.wave.children, timeout_s=300)
            vm = self.vms["gappy"]
            served.sandbox.ec2.create_tags(Resources=[vm], Tags=TWO_TEAMS)
            again = served.wait(
                self.wave.id, "Suspended", after=self.asked["state"]["id"], timeout_s=600
            )
            self.page_while_asking = self.wave.page()
            self.answer(again)
            self.ended = served.wait(self.wave.id, "Failed", timeout_s=300)
        self.states = states_on(self.wave.page())
        self.children = self.wave.children()
        self.halted = halts(served.sandbox.ec2, self.vms)
        self.power = {name: served.seeder.state(vm) for name, vm in self.vms.items()}
        self.there = served.arrivals.everything()

    def begin(self):
        return ServedWave(self.served, "thirty", self.rows, machines_at_once=4)

    def answer(self, run):
        """The network that a row's own addresses are in, and that all else is understood."""
        schema, _ = self.served.form(run)
        said = {}
        for gap, (rows, paths) in asked(schema).items():
            self.questions.append((gap, rows, paths))
            beside = {"shared"} == {SHAPES[row] for row in rows}
            if paths[0].endswith("subnet_id"):
                said[gap] = APPS if beside else DEFAULT
            else:
                said[gap] = "team-name" if paths[0].startswith("tags") else ACKNOWLEDGE
        told = self.served.resume(run["id"], decision="approve", **said, **SIGNED)
        assert told["status"] == "ACCEPT", told

    def no_magnetic_disks(self, most):
        limits = {} if most is None else {"StandardDiskCount": most}
        self.served.sandbox.control("azure", "PUT", "settings", {"disk_limits": limits})

    def report(self, name):
        """The newest report of a row's migration."""
        key = {"artifacts": {"key": {"like_": f"report-big-{name}-azure-%"}}}
        return str(self.served.api("POST", "/artifacts/filter", key)[0]["data"])

    def migration(self, name):
        return self.served.seeder.our_tags(self.vms[name])["coldferry:attempt"].split()[0]


def states_on(page):
    """By row, as a wave's page has them."""
    cells = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    return {one[0].split("`")[1]: one[1].strip("* ") for one in cells}


@pytest.fixture(scope="module")
def thirty(served):
    with serving() as server:
        made = Thirty(served, server.port)
        yield made
        made.no_magnetic_disks(None)


@pytest.fixture(scope="module")
def again(thirty):
    """The same wave once its causes are mended."""
    thirty.no_magnetic_disks(None)
    for cloud, what in (("aws", "counts"), ("azure", "puts")):
        thirty.served.sandbox.control(cloud, "DELETE", what)
    wave = thirty.begin()
    thirty.served.wait(wave.id, "Completed", timeout_s=300)
    return wave


def test_thirty_machines_end_as_the_manifest_says(thirty):
    assert len(SHAPES) == 30
    assert thirty.states == {name: FIRST.get(name, "done") for name in SHAPES}


def test_each_distinct_question_of_thirty_machines_is_asked_once(thirty):
    pairs = Counter((row, path) for _, rows, paths in thirty.questions
                    for row in rows for path in paths if path.startswith("nics"))  # fmt: skip
    nets = [set(rows) for _, rows, paths in thirty.questions if paths[0].endswith("subnet_id")]
    shared = {name for name, shape in SHAPES.items() if shape == "shared"}

    assert len({gap for gap, *_ in thirty.questions}) == len(thirty.questions)
    assert sorted(map(len, nets)) == sorted([len(shared), 30 - len(shared)])
    assert shared in nets
    assert set(pairs.values()) == {1}
    assert thirty.served.suspensions(thirty.wave.id) == 2


def test_a_question_that_one_machine_met_on_its_way_is_asked_when_the_others_are_done(thirty):
    assert [(rows, paths[0][:4]) for _, rows, paths in thirty.questions][-1] == (("gappy",), "tags")
    assert states_on(thirty.page_while_asking)["gappy"] == "waiting"


def test_four_deep_machines_are_halted_against_their_order_by_the_clouds_own_record(thirty):
    chain = ["edge", "web", "app", "db"]
    when = thirty.halted

    assert sorted(chain, key=when.get) == chain
    assert len({when[name] for name in chain}) == 4
    assert when["leaf"] < when["torn"]
    assert when["lone"] < when["gappy"]


def test_what_was_refused_or_skipped_still_runs_and_is_nowhere_at_the_target(thirty):
    for name in ("hoard", "client", "veil", "twin"):
        assert thirty.power[name] == "running"
        assert name not in thirty.halted
        assert not [one for one in thirty.there if f"/big-{name}" in one]
    assert thirty.power["torn"] == "stopped"


def test_a_failure_mid_copy_leaves_no_machine_and_says_which_disk(thirty):
    machines = [one for one in thirty.there if "/virtualMachines/big-torn" in one]
    disks = [one for one in thirty.there if "/disks/big-torn" in one]

    assert (machines, len(disks)) == ([], 2)
    assert "big-torn" in thirty.wave.page()


@pytest.mark.parametrize("name", ["edge", "db", "plain-2"])
def test_one_of_each_shape_arrived_byte_for_byte(thirty, name):
    arrived, seeded = thirty.served.arrivals, thirty.seeded[name]
    disks = arrived.of_migration(thirty.migration(name), "disks")
    held = sorted((arrived.read(disk)[1] for disk in disks), key=lambda one: one[0])

    assert held == sorted(map(dict, seeded.content.values()), key=lambda one: one[0])


def test_a_dropped_disk_is_not_at_the_target_and_the_report_says_so(thirty):
    arrived = thirty.served.arrivals

    assert len(arrived.of_migration(thirty.migration("leaving"), "disks")) == 1
    assert "1 disk left behind, not copied" in thirty.report("leaving")


def test_a_remote_file_system_of_one_row_is_in_its_report_with_the_guests_line(thirty):
    report = thirty.report("remote")

    assert "Its files are not copied" in report
    assert "127.0.0.1:/" in report


def test_the_same_thirty_again_begin_only_what_had_failed(thirty, again):
    fresh = {one["id"] for one in again.children()} - {one["id"] for one in thirty.children}
    begun = Counter(tag.removeprefix("coldferry-row:") for one in again.children()
                    for tag in one["tags"]
                    if one["id"] in fresh and tag.startswith("coldferry-row:"))  # fmt: skip

    assert begun == dict.fromkeys(LEFT, 1)
    assert states_on(again.page()) == dict.fromkeys(SHAPES, "done")


def test_the_same_thirty_again_ask_nothing_and_leave_alone_what_arrived(thirty, again):
    put = thirty.served.sandbox.control("azure", "GET", "puts")
    counts = thirty.served.sandbox.control("aws", "GET", "counts")
    touched = {name for name in SHAPES if any(f"/big-{name}-" in f"{one['id']}-" for one in put)}

    assert thirty.served.suspensions(again.id) == 0
    assert thirty.there <= thirty.served.arrivals.everything()
    assert touched == LEFT
    assert counts["ec2:CreateSnapshots"]["calls"] == len(LEFT - {"torn"})
