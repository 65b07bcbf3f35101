"""A wave of five at the sandbox, without a worker: two fail, one meets a question; then all go."""

import json
import threading
import time

import pytest

from tests.journeys.fleets import states
from tests.journeys.shapes import ACKNOWLEDGE, OPTIONS, TWO_TEAMS, Grounds, halts, torn

SHAPES = {"web": "bios", "app": "bios", "mid": "uefi", "db": "bios", "hoard": "magnetic"}
AFTER = {"web": ["app"], "app": ["mid"], "mid": ["db"]}


class Five:
    """The wave with everything against it, and again once that was mended."""

    def __init__(self, sandbox, seeder, folder):
        self.sandbox, self.path = sandbox, folder / "five.yaml"
        self.seeded = Grounds(seeder, 10).plant(SHAPES, "five")
        self.vms = {name: one.vm for name, one in self.seeded.items()}
        self.answers = {name: {} for name in SHAPES}
        self.planned = self.wave("plan").document
        self.answer(self.planned["rows"])
        self.fault = torn("five-mid")
        self.no_magnetic_disks(0)
        tagging = threading.Thread(target=self.tag_once_web_stops)
        tagging.start()
        with sandbox.failing("azure", self.fault):
            self.first = self.wave("run")
        tagging.join()
        self.halted = halts(seeder.ec2, self.vms)
        self.power = {name: seeder.state(vm) for name, vm in self.vms.items()}

    def wave(self, verb):
        ends = {"source": self.sandbox.source, "target": self.sandbox.target, "options": OPTIONS}
        rows = [
            {"name": name, "vm": vm, "after": AFTER.get(name, []), "answers": self.answers[name]}
            for name, vm in self.vms.items()
        ]
        told = {"name": "five", "defaults": ends, "rows": rows, "machines_at_once": 3}
        self.path.write_text(json.dumps(told))  # YAML reads JSON
        return self.sandbox.here("wave", verb, self.path)

    def answer(self, rows):
        """What a person fills in: the network, and that all else is understood."""
        for row in rows:
            for path in row["missing"]:
                said = "vnet-main/default" if path.endswith("subnet_id") else ACKNOWLEDGE
                self.answers[row["name"]][path] = said

    def no_magnetic_disks(self, most):
        limits = {} if most is None else {"StandardDiskCount": most}
        self.sandbox.control("azure", "PUT", "settings", {"disk_limits": limits})

    def tag_once_web_stops(self):
        """The last one is begun only when app is halted, so it bears the tags by then."""
        until = time.monotonic() + 120
        while time.monotonic() < until and not halts(self.sandbox.ec2, {"web": self.vms["web"]}):
            time.sleep(0.1)
        self.sandbox.ec2.create_tags(Resources=[self.vms["db"]], Tags=TWO_TEAMS)

    def mended(self):
        """The quota is raised, the disk takes what it is sent, and the new question is answered."""
        self.no_magnetic_disks(None)
        self.answers["db"]["tags[2].key"] = "team-name"
        self.sandbox.control("aws", "DELETE", "counts")
        self.sandbox.control("azure", "DELETE", "puts")
        return self.wave("run").document


@pytest.fixture(scope="module")
def five(sandbox, seeder, tmp_path_factory):
    made = Five(sandbox, seeder, tmp_path_factory.mktemp("five"))
    yield made
    made.no_magnetic_disks(None)


def why(five, name):
    return next(row["why"] for row in five.first.document["rows"] if row["name"] == name)


def test_five_machines_are_asked_about_once(five):
    (net,) = [gap for gap in five.planned["gaps"] if gap["field"] == "nics[].subnet_id"]

    assert net["machines"] == list(SHAPES)
    assert len({gap["gap"] for gap in five.planned["gaps"]}) == len(five.planned["gaps"])


def test_a_failure_mid_copy_and_a_refusal_end_no_other_machine(five):
    assert five.first.exit_code == 5
    assert states(five.first.document) == {
        "web": "done", "app": "done", "mid": "failed", "db": "waiting", "hoard": "refused",
    }  # fmt: skip
    assert "five-mid" in why(five, "mid")
    assert "quota leaves 0" in why(five, "hoard")


def test_five_machines_are_halted_against_their_order_by_the_clouds_own_record(five):
    assert sorted(five.halted, key=five.halted.get) == ["web", "app", "mid"]
    assert (five.power["db"], five.power["hoard"]) == ("running", "running")


def test_the_same_five_again_are_finished_and_what_arrived_is_left_alone(five, arrivals):
    before = arrivals.everything()
    again = five.mended()
    halted = five.sandbox.control("aws", "GET", "counts")["ec2:StopInstances"]["calls"]
    put = five.sandbox.control("azure", "GET", "puts")

    assert set(states(again).values()) == {"done"}
    assert before <= arrivals.everything()
    assert not [one["id"] for one in put if "five-web" in one["id"] or "five-app" in one["id"]]
    assert halted >= 2
