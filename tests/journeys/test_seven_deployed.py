"""A deployed wave with everything against it: asked twice, mended, and finished unasked."""

from collections import Counter

import pytest

from tests.journeys.shapes import ACKNOWLEDGE, OPTIONS, TWO_TEAMS, Grounds, asked, torn
from tests.journeys.wave_serving import SIGNED, ServedWave
from tests.unit.file_server import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

# What is to be skipped stands last: what stops it has happened long before its turn.
SHAPES = {
    "torn": "uefi", "remote": "shared", "hoard": "magnetic",
    "lone": "bios", "gappy": "bios", "veil": "bios", "twin": "bios",
}  # fmt: skip
AFTER = {"lone": "gappy", "veil": "twin"}  # gappy is begun once lone is halted
GROUPS = {"torn": "ledger", "twin": "ledger"}
LEFT = {"torn": "failed", "hoard": "refused", "veil": "skipped", "twin": "skipped"}
DEFAULT, APPS = "vnet-main/default", "vnet-main/apps"


class Seven:
    """The first run of the wave."""

    def __init__(self, served, port):
        self.served, self.questions = served, []
        grounds = Grounds(served.seeder, 60)
        self.seeded = grounds.plant(SHAPES, "seven")
        self.rows = {name: {"vm": one.vm} for name, one in self.seeded.items()}
        for name, other in AFTER.items():
            self.rows[name]["after"] = [other]
        for name, group in GROUPS.items():
            self.rows[name]["group"] = group
        self.rows["remote"]["placement"] = {grounds.share: f"remote@127.0.0.1:{port}"}
        self.rows["remote"]["options"] = {**OPTIONS, "max_latency_ms": 5000}
        self.no_magnetic_disks(0)
        with served.sandbox.failing("azure", torn("seven-torn")):
            self.wave = self.begin()
            self.asked = served.wait(self.wave.id, "Suspended", timeout_s=300)
            self.answer(self.asked)
            # What was answered is planned anew: only what is tagged after that is met on the way.
            self.wave.wait_for(self.wave.children, timeout_s=300)
            vm = self.rows["gappy"]["vm"]
            served.sandbox.ec2.create_tags(Resources=[vm], Tags=TWO_TEAMS)
            again = served.wait(
                self.wave.id, "Suspended", after=self.asked["state"]["id"], timeout_s=500
            )
            self.page_while_asking = self.wave.page()
            self.answer(again)
            self.ended = served.wait(
                self.wave.id, "Failed", after=again["state"]["id"], timeout_s=300
            )
        self.states = states_on(self.wave.page())
        self.children = self.wave.children()

    def begin(self):
        return ServedWave(self.served, "seven", self.rows, machines_at_once=2)

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
        key = {"artifacts": {"key": {"like_": f"report-seven-{name}-azure-%"}}}
        return str(self.served.api("POST", "/artifacts/filter", key)[0]["data"])


def states_on(page):
    """By row, as a wave's page has them."""
    cells = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    return {one[0].split("`")[1]: one[1].strip("* ") for one in cells}


@pytest.fixture(scope="module")
def seven(served):
    with serving() as server:
        made = Seven(served, server.port)
        yield made
        made.no_magnetic_disks(None)


@pytest.fixture(scope="module")
def again(seven):
    """The same wave once its causes are mended."""
    seven.no_magnetic_disks(None)
    wave = seven.begin()
    seven.served.wait(wave.id, "Completed", timeout_s=400)
    return wave


def test_a_deployed_wave_ends_as_its_manifest_says(seven):
    assert seven.states == {name: LEFT.get(name, "done") for name in SHAPES}


def test_no_question_of_a_deployed_wave_is_asked_twice(seven):
    nets = [set(rows) for _, rows, paths in seven.questions if paths[0].endswith("subnet_id")]
    pairs = Counter(
        (row, path)
        for _, rows, paths in seven.questions
        for row in rows
        for path in paths
        if path.startswith("nics")
    )

    assert len({gap for gap, *_ in seven.questions}) == len(seven.questions)
    assert sorted(nets, key=len) == [{"remote"}, SHAPES.keys() - {"remote"}]
    assert set(pairs.values()) == {1}
    assert seven.served.suspensions(seven.wave.id) == 2


def test_a_question_that_one_machine_met_on_its_way_is_asked_when_the_others_are_done(seven):
    _, rows, paths = seven.questions[-1]

    assert (rows, paths[0][:4]) == (("gappy",), "tags")
    assert states_on(seven.page_while_asking)["gappy"] == "waiting"


def test_a_remote_file_system_of_one_row_is_in_its_report_with_the_guests_line(seven):
    report = seven.report("remote")

    assert "Its files are not copied" in report
    assert "127.0.0.1:/" in report


def test_the_same_wave_again_begins_only_what_had_failed_and_asks_nothing(seven, again):
    known = {one["id"] for one in seven.children}
    begun = Counter(
        tag.removeprefix("coldferry-row:")
        for one in again.children()
        for tag in one["tags"]
        if one["id"] not in known and tag.startswith("coldferry-row:")
    )

    assert begun == Counter(LEFT.keys())
    assert states_on(again.page()) == dict.fromkeys(SHAPES, "done")
    assert seven.served.suspensions(again.id) == 0
