"""A wave of five at the sandbox, without a worker: two fail, one meets a question; then all go."""

from collections import Counter

import pytest

from tests.journeys.fleets import states
from tests.journeys.shapes import halts, torn
from tests.journeys.wave_here import WaveHere

SHAPES = {"web": "bios", "app": "bios", "mid": "uefi", "db": "bios", "hoard": "magnetic"}
AFTER = {"web": "app", "app": "mid", "mid": "db"}
LEFT = {"mid", "db", "hoard"}


class Five:
    """The wave with everything against it."""

    def __init__(self, sandbox, seeder, folder):
        self.here = WaveHere(sandbox, seeder, folder / "five.yaml", SHAPES, 10, machines_at_once=3)
        self.here.order(AFTER)
        self.planned = self.here.wave("plan").document
        self.here.answer(self.planned["rows"])
        self.here.no_magnetic_disks(0)
        tagging = self.here.tagging("db", once_halted="web")
        tagging.start()
        with sandbox.failing("azure", torn("five-mid")):
            self.first = self.here.wave("run")
        tagging.join()
        self.halted = halts(seeder.ec2, self.here.vms)
        self.power = self.here.power()

    def why(self, name):
        return next(row["why"] for row in self.first.document["rows"] if row["name"] == name)


@pytest.fixture(scope="module")
def five(sandbox, seeder, tmp_path_factory):
    made = Five(sandbox, seeder, tmp_path_factory.mktemp("five"))
    yield made
    made.here.no_magnetic_disks(None)


def test_five_machines_are_asked_about_once(five):
    (net,) = [gap for gap in five.planned["gaps"] if gap["field"] == "nics[].subnet_id"]

    assert net["machines"] == list(SHAPES)
    assert len({gap["gap"] for gap in five.planned["gaps"]}) == len(five.planned["gaps"])


def test_a_failure_mid_copy_and_a_refusal_end_no_other_machine(five):
    assert five.first.exit_code == 5
    assert states(five.first.document) == {
        "web": "done", "app": "done", "mid": "failed", "db": "waiting", "hoard": "refused",
    }  # fmt: skip
    assert "five-mid" in five.why("mid")
    assert "quota leaves 0" in five.why("hoard")


def test_five_machines_are_halted_against_their_order_by_the_clouds_own_record(five):
    assert sorted(five.halted, key=five.halted.get) == ["web", "app", "mid"]
    assert (five.power["db"], five.power["hoard"]) == ("running", "running")


def test_the_same_five_again_are_finished_and_what_arrived_is_left_alone(five, sandbox, arrivals):
    here, before = five.here, arrivals.everything()
    frozen, runs = here.frozen(), here.runs()
    here.no_magnetic_disks(None)
    here.answers["db"]["tags[2].key"] = "team-name"
    sandbox.control("azure", "DELETE", "puts")
    again = here.wave("run").document

    assert set(states(again).values()) == {"done"}
    assert before <= arrivals.everything()
    assert here.put() == LEFT
    assert here.runs() - runs == Counter(LEFT)
    assert here.frozen() - frozen == Counter({"db": 1, "hoard": 2})
