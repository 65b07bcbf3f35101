"""Deployed waves on the sandbox's clouds, by their forms: moved, handed over, and taken back.

One wave is asked once, its children run on a worker; another is cancelled together with its own.
"""

import json
import re

import pytest

from tests.journeys.test_deployment import a_machine
from tests.journeys.wave_serving import ANSWERS, ServedWave

pytestmark = [pytest.mark.slow(takes_s=250), pytest.mark.timeout(1200)]

GROUP = "nsg-existing"
GAP = re.compile(r"gap_[0-9a-z_]+")


class Weekend:
    """Two machines; one child is killed, one machine gets a tag that nobody approved."""

    def __init__(self, served, folder):
        self.served = served
        self.vms = {
            name: a_machine(served, f"172.31.0.{44 + at}", Name=f"wave-{name}").vm
            for at, name in enumerate(("db", "web"))
        }
        rows = {name: {"vm": vm} for name, vm in self.vms.items()}
        rows["web"]["after"] = ["db"]  # so db is begun once web is halted
        self.path = self.handing_over(folder / "hand over.yaml")
        self.early = served.sandbox.here("wave", "cutover", self.path, "--yes")
        self.wave = ServedWave(served, "weekend", rows, machines_at_once=2)
        self.asked = served.wait(self.wave.id, "Suspended", timeout_s=500)
        self.schema, self.text = served.form(self.asked)
        self.accepted = self.wave.answer(self.schema)
        web = self.wave.wait_for(lambda: self.wave.children("web"))[0]
        tags = [{"Key": "team", "Value": "a"}, {"Key": "Team", "Value": "b"}]
        served.sandbox.ec2.create_tags(Resources=[self.vms["db"]], Tags=tags)
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
        said = {name: "team-of-db"}
        return self.served.resume(self.wave.id, decision="approve", **said)

    def handing_over(self, path, **more):
        """The same wave's file with what its cutover needs; only ``db`` says its group."""
        ends = {"source": self.served.sandbox.source, "target": self.served.sandbox.target}
        rows = [{"name": name, "vm": vm, **ends, "group": "g"} for name, vm in self.vms.items()]
        rows[0] |= {"security_groups": [GROUP], **more}
        rows[1]["after"] = ["db"]
        path.write_text(json.dumps({"name": "weekend", "rows": rows}))  # YAML reads JSON
        return path

    def attempts(self, row):
        tagged = [one for one in self.children if f"coldferry-row:{row}" in one["tags"]]
        return [one["state"]["name"] for one in tagged]


@pytest.fixture(scope="module")
def weekend(served, tmp_path_factory):
    return Weekend(served, tmp_path_factory.mktemp("weekend"))


def test_each_distinct_gap_of_the_wave_is_asked_once(weekend):
    gaps = [name for name in weekend.schema["properties"] if GAP.fullmatch(name)]

    assert len(gaps) == len(ANSWERS)
    assert weekend.accepted["status"] == "ACCEPT"
    subnet = next(f for f in weekend.schema["properties"].values() if "2 machines" in f["title"])
    assert "Asked by `db`, `web`." in subnet["description"]
    assert weekend.served.suspensions(weekend.wave.id) == 2


def test_a_new_gap_is_asked_for_by_itself_when_the_others_are_done(weekend):
    gaps = {name for name in weekend.second_schema["properties"] if GAP.fullmatch(name)}

    assert len(gaps) == 1
    assert not gaps & weekend.schema["properties"].keys()
    assert "`db` " in weekend.page_while_asking
    assert "waiting" in weekend.page_while_asking
    assert weekend.second_accepted["status"] == "ACCEPT"


def test_a_child_that_crashed_is_begun_again_as_the_next_attempt(weekend):
    assert weekend.attempts("web") == ["Crashed", "Completed"]


def test_all_machines_of_the_wave_arrive(weekend):
    assert weekend.machines == sorted(f"wave-{name}" for name in weekend.vms)
    assert weekend.attempts("db") == ["Failed", "Completed"]
    assert "2 of 2 machines arrived" in weekend.page


class Handover:
    """Both machines of that wave, of which the second starts after the first, over and back."""

    def __init__(self, served, weekend, folder):
        self.served, self.path = served, weekend.path
        here = served.sandbox.here
        self.no_group = here("wave", "cutover", self.path)
        self._cut_over()
        self.over_again = here("wave", "cutover", self.path, "--yes")
        self.failing = weekend.handing_over(
            folder / "failing.yaml", checks=["tcp:127.0.0.1:1"], checks_within_s=0
        )
        self.failed = here("wave", "cutover", self.failing, "--group", "g", "--yes")
        self.no_answer = here("wave", "rollback", self.path)
        asked = {"artifacts": {"key": {"any_": ["failure-wave-weekend"]}}}
        self.alarm = served.api("POST", "/artifacts/filter", asked)[0]["data"]
        self.stopped = here("wave", "rollback", self.path, "--target-writes", "stop")
        self._take_back()
        self.again = here("wave", "rollback", self.path, "--group", "g")
        self.powers = {name: served.seeder.state(vm) for name, vm in weekend.vms.items()}

    def _cut_over(self):
        served, manifest = self.served, self.path.read_text()
        run = submit(served, "cutover-wave", manifest=manifest, groups=["g"])
        self.schema, self.text = served.form(served.wait(run, "Suspended"))
        (self.field,) = (name for name in self.schema["properties"] if name.startswith("group_"))
        signed = {"decided_by": "Ada", "reason": "CHG-4713"}
        served.resume(run, decision="go", **signed, **{self.field: GROUP})
        self.named = served.wait(run, "Completed")["name"]
        asked = {"artifacts": {"key": {"any_": ["wave-weekend-cutover"]}}}
        self.page = served.api("POST", "/artifacts/filter", asked)[0]["data"]
        self.status = served.sandbox.here("status").document

    def _take_back(self):
        served = self.served
        run = submit(served, "rollback-wave", manifest=self.path.read_text())
        self.back_schema, self.back_text = served.form(served.wait(run, "Suspended"))
        served.resume(run, decision="discard")
        served.wait(run, "Completed")


def submit(served, name, **parameters):
    """As the deployment's form does; the run's id."""
    found = served.api("GET", f"/deployments/name/{name}/{name}")["id"]
    body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
    return str(served.api("POST", f"/deployments/{found}/create_flow_run", body)["id"])


@pytest.fixture(scope="module")
def handover(served, weekend, tmp_path_factory):
    return Handover(served, weekend, tmp_path_factory.mktemp("handover"))


def test_before_it_arrived_a_wave_is_refused_with_each_machine(weekend):
    assert weekend.early.exit_code == 4
    assert [one["code"] for one in weekend.early.error["findings"]] == ["not-arrived"] * 2


def test_a_command_takes_the_groups_from_the_rows(handover):
    assert handover.no_group.exit_code == 4
    assert [one["subject"] for one in handover.no_group.error["findings"]] == ["web"]


def test_one_form_asks_go_or_no_go_and_the_groups_that_no_row_says(handover):
    assert handover.schema["properties"]["decision"]["enum"] == ["go", "no-go"]
    assert handover.schema["properties"][handover.field]["enum"] == [GROUP, "none"]
    assert "in this order: db, web" in handover.text
    assert handover.named == "wave weekend: cutover"


def test_both_are_cut_over_and_the_page_says_who_decided(handover, weekend):
    assert handover.page.count("| cut over |") == 2
    assert "Ada" in handover.page
    assert "CHG-4713" in handover.page
    own = weekend.vms.values()
    listed = [one for one in handover.status["migrations"] if one["vm"] in own]
    assert [one["state"] for one in listed] == ["cut-over", "cut-over"]


def test_a_command_does_what_is_left_and_names_the_file_in_what_to_do(handover):
    assert handover.over_again.exit_code == 0
    assert {row["state"] for row in handover.over_again.document["rows"]} == {"cut-over"}
    assert handover.failed.exit_code == 5
    assert [row["state"] for row in handover.failed.document["rows"]] == [
        "checks-failed", "not-checked",
    ]  # fmt: skip
    assert f"coldferry wave rollback {handover.failing}" in handover.failed.document["do"]


def test_a_handover_that_failed_tells_it_first(handover):
    assert handover.alarm.startswith("# Failed: wave `weekend`")
    assert "- **Step**: `handing over`" in handover.alarm
    assert "1. `coldferry status --wave weekend`" in handover.alarm


def test_the_way_back_of_both_is_asked_once_and_taken(handover):
    assert handover.no_answer.exit_code == 4
    assert "--target-writes discard" in handover.no_answer.error["do"]
    assert handover.stopped.exit_code == 6
    assert handover.back_schema["properties"]["decision"]["enum"] == ["discard", "stop"]
    assert handover.again.exit_code == 0
    assert {row["state"] for row in handover.again.document["rows"]} == {"rolled-back"}
    assert handover.powers == {"db": "running", "web": "running"}


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
