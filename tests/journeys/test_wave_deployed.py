"""Deployed waves on the sandbox's clouds: asked once, children on a worker, cancelled together."""

import re

import pytest

from tests.journeys.test_deployment import a_machine
from tests.journeys.wave_serving import ANSWERS, ServedWave

pytestmark = pytest.mark.slow

GAP = re.compile(r"gap_[0-9a-z_]+")


class Weekend:
    """Five machines; one child is killed, one machine gets a tag that nobody approved."""

    def __init__(self, served):
        self.served = served
        names = ("db", "app", "web", "lone", "gappy")
        self.vms = {
            name: a_machine(served, f"172.31.0.{44 + at}", Name=f"wave-{name}").vm
            for at, name in enumerate(names)
        }
        rows = {name: {"vm": vm} for name, vm in self.vms.items()}
        rows["app"]["after"] = ["db"]
        rows["web"]["after"] = ["app"]
        rows["lone"]["after"] = ["gappy"]  # so gappy is begun once lone is halted
        self.wave = ServedWave(served, "weekend", rows, machines_at_once=2)
        self.asked = served.wait(self.wave.id, "Suspended", timeout_s=500)
        self.schema, self.text = served.form(self.asked)
        self.accepted = self.wave.answer(self.schema)
        web = self.wave.wait_for(lambda: self.wave.children("web"))[0]
        tags = [{"Key": "team", "Value": "a"}, {"Key": "Team", "Value": "b"}]
        served.sandbox.ec2.create_tags(Resources=[self.vms["gappy"]], Tags=tags)
        self.wave.wait_for(lambda: served.run(web["id"])["state"]["name"] == "Running")
        self.wave.kill(web["id"])
        again = served.wait(
            self.wave.id, "Suspended", after=self.asked["state"]["id"], timeout_s=500
        )
        self.second_schema, _ = served.form(again)
        self.page_while_asking = self.wave.page()
        self.second_accepted = self._say_the_tag()
        self.done = served.wait(self.wave.id, "Completed", timeout_s=500)
        self.children = self.wave.children()
        self.page = self.wave.page()
        listed = served.arrivals.compute.virtual_machines.list(served.arrivals.group)
        self.machines = sorted(m.name for m in listed if m.name.startswith("wave-"))

    def _say_the_tag(self):
        (name,) = [n for n in self.second_schema["properties"] if n.startswith("gap_")]
        said = {name: "team-of-gappy"}
        return self.served.resume(self.wave.id, decision="approve", **said)

    def attempts(self, row):
        tagged = [one for one in self.children if f"coldferry-row:{row}" in one["tags"]]
        return [one["state"]["name"] for one in tagged]


@pytest.fixture(scope="module")
def weekend(served):
    return Weekend(served)


def test_each_distinct_gap_of_the_wave_is_asked_once(weekend):
    gaps = [name for name in weekend.schema["properties"] if GAP.fullmatch(name)]

    assert len(gaps) == len(ANSWERS)
    assert weekend.accepted["status"] == "ACCEPT"
    subnet = next(f for f in weekend.schema["properties"].values() if "5 machines" in f["title"])
    assert "Asked by `db`, `app`, `web`, `lone`, `gappy`." in subnet["description"]
    assert weekend.served.suspensions(weekend.wave.id) == 2


def test_a_new_gap_is_asked_for_by_itself_when_the_others_are_done(weekend):
    gaps = {name for name in weekend.second_schema["properties"] if GAP.fullmatch(name)}

    assert len(gaps) == 1
    assert not gaps & weekend.schema["properties"].keys()
    assert "`gappy` " in weekend.page_while_asking
    assert "waiting" in weekend.page_while_asking
    assert weekend.second_accepted["status"] == "ACCEPT"


def test_a_child_that_crashed_is_begun_again_as_the_next_attempt(weekend):
    assert weekend.attempts("web") == ["Crashed", "Completed"]


def test_all_machines_of_the_wave_arrive(weekend):
    assert weekend.machines == sorted(f"wave-{name}" for name in weekend.vms)
    assert weekend.attempts("db") == ["Completed"]
    assert weekend.attempts("gappy") == ["Failed", "Completed"]
    assert "5 of 5 machines arrived" in weekend.page


class Interrupted:
    """A wave whose process is killed while its child copies; retried, and cancelled."""

    def __init__(self, served):
        vm = a_machine(served, "172.31.0.50", Name="wave-cancelled").vm
        # A byte a second: it copies for as long as nobody ends it.
        wave = ServedWave(
            served,
            "interrupted",
            {"slow": {"vm": vm, "answers": ANSWERS}},
            bytes_per_s=1,
            machines_at_once=1,
        )
        child = wave.wait_for(lambda: wave.children("slow"))[0]["id"]
        wave.wait_for(lambda: "copying" in _attempt(served, vm))
        wave.kill(wave.id)
        crashed = wave.crashed()
        self.child_after_crash = served.run(child)["state"]["name"]
        served.retry(wave.id)
        served.wait(wave.id, "Running", after=crashed["state"]["id"])
        wave.wait_for(lambda: "halted" in wave.page())
        self.children = len(wave.children())
        state = {"type": "CANCELLING", "name": "Cancelling"}
        served.api("POST", f"/flow_runs/{wave.id}/set_state", {"state": state})
        served.wait(wave.id, "Cancelled")
        self.child_in_the_end = served.wait(child, "Cancelled")["state"]["name"]
        served.sandbox.here("rollback", _attempt(served, vm).split()[0])


@pytest.fixture(scope="module")
def interrupted(served):
    return Interrupted(served)


def test_a_wave_whose_process_died_finds_its_child_at_work_when_it_is_retried(interrupted):
    assert interrupted.child_after_crash == "Running"
    assert interrupted.children == 1


def test_a_cancelled_wave_cancels_its_children(interrupted):
    assert interrupted.child_in_the_end == "Cancelled"


def _attempt(served, vm):
    found = served.sandbox.ec2.describe_instances(InstanceIds=[vm])
    tags = found["Reservations"][0]["Instances"][0].get("Tags", [])
    return next((tag["Value"] for tag in tags if tag["Key"] == "coldferry:attempt"), "")
