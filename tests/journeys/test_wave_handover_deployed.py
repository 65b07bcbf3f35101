"""A wave that arrived is handed over by its deployments' forms and by command, and taken back."""

import json

import pytest

from tests.journeys.test_deployment import a_machine
from tests.journeys.wave_serving import ANSWERS

pytestmark = pytest.mark.slow

GROUP = "nsg-existing"


def submit(served, name, **parameters):
    """As the deployment's form does; the run's id."""
    found = served.api("GET", f"/deployments/name/{name}/{name}")["id"]
    body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
    return str(served.api("POST", f"/deployments/{found}/create_flow_run", body)["id"])


class Handover:
    """Two machines, of which the second starts after the first; one says its group."""

    def __init__(self, served, folder):
        self.served = served
        vms = {
            name: a_machine(served, f"172.31.0.{90 + at}", Name=f"hand-{name}").vm
            for at, name in enumerate(("db", "web"))
        }
        ends = {"source": served.sandbox.source, "target": served.sandbox.target}
        options = {"inspect": False, "use_book": False}
        rows = [
            {"name": name, "vm": vm, **ends, "answers": ANSWERS, "options": options, "group": "g"}
            for name, vm in vms.items()
        ]
        rows[0]["security_groups"] = [GROUP]
        rows[1]["after"] = ["db"]
        self.path = folder / "hand over.yaml"
        self.path.write_text(json.dumps({"name": "handover", "rows": rows}))
        here = served.sandbox.here
        self.early = here("wave", "cutover", self.path, "--yes")
        self.ran = here("wave", "run", self.path)
        self.no_group = here("wave", "cutover", self.path)
        self._cut_over()
        self.over_again = here("wave", "cutover", self.path, "--yes")
        rows[0] |= {"checks": ["tcp:127.0.0.1:1"], "checks_within_s": 0}
        self.failing = folder / "failing.yaml"
        self.failing.write_text(json.dumps({"name": "handover", "rows": rows}))
        self.failed = here("wave", "cutover", self.failing, "--group", "g", "--yes")
        self.no_answer = here("wave", "rollback", self.path)
        asked = {"artifacts": {"key": {"any_": ["failure-wave-handover"]}}}
        self.alarm = served.api("POST", "/artifacts/filter", asked)[0]["data"]
        self.stopped = here("wave", "rollback", self.path, "--target-writes", "stop")
        self._take_back()
        self.again = here("wave", "rollback", self.path, "--group", "g")
        self.powers = {name: served.seeder.state(vm) for name, vm in vms.items()}

    def _cut_over(self):
        served, manifest = self.served, self.path.read_text()
        run = submit(served, "cutover-wave", manifest=manifest, groups=["g"])
        self.schema, self.text = served.form(served.wait(run, "Suspended"))
        (self.field,) = (name for name in self.schema["properties"] if name.startswith("group_"))
        signed = {"decided_by": "Ada", "reason": "CHG-4713"}
        served.resume(run, decision="go", **signed, **{self.field: GROUP})
        self.named = served.wait(run, "Completed")["name"]
        asked = {"artifacts": {"key": {"any_": ["wave-handover-cutover"]}}}
        self.page = served.api("POST", "/artifacts/filter", asked)[0]["data"]
        self.status = served.sandbox.here("status").document

    def _take_back(self):
        served = self.served
        run = submit(served, "rollback-wave", manifest=self.path.read_text())
        self.back_schema, self.back_text = served.form(served.wait(run, "Suspended"))
        served.resume(run, decision="discard")
        served.wait(run, "Completed")


@pytest.fixture(scope="module")
def handover(served, tmp_path_factory):
    return Handover(served, tmp_path_factory.mktemp("handover"))


def test_before_it_arrived_a_wave_is_refused_with_each_machine(handover):
    assert handover.early.exit_code == 4
    assert [one["code"] for one in handover.early.error["findings"]] == ["not-arrived"] * 2


def test_a_command_takes_the_groups_from_the_rows(handover):
    assert handover.ran.exit_code == 0
    assert handover.no_group.exit_code == 4
    assert [one["subject"] for one in handover.no_group.error["findings"]] == ["web"]


def test_one_form_asks_go_or_no_go_and_the_groups_that_no_row_says(handover):
    assert handover.schema["properties"]["decision"]["enum"] == ["go", "no-go"]
    assert handover.schema["properties"][handover.field]["enum"] == [GROUP, "none"]
    assert "in this order: db, web" in handover.text
    assert handover.named == "wave handover: cutover"


def test_both_are_cut_over_and_the_page_says_who_decided(handover):
    assert handover.page.count("| cut over |") == 2
    assert "Ada" in handover.page
    assert "CHG-4713" in handover.page
    listed = handover.status["migrations"]
    assert [one["state"] for one in listed if one["migration"].startswith("hand-")] == [
        "cut-over", "cut-over",
    ]  # fmt: skip


def test_a_command_does_what_is_left_and_names_the_file_in_what_to_do(handover):
    assert handover.over_again.exit_code == 0
    assert {row["state"] for row in handover.over_again.document["rows"]} == {"cut-over"}
    assert handover.failed.exit_code == 5
    assert [row["state"] for row in handover.failed.document["rows"]] == [
        "checks-failed", "not-checked",
    ]  # fmt: skip
    assert f"coldferry wave rollback {handover.failing}" in handover.failed.document["do"]


def test_a_handover_that_failed_tells_it_first(handover):
    assert handover.alarm.startswith("# Failed: wave `handover`")
    assert "- **Step**: `handing over`" in handover.alarm
    assert "1. `coldferry status --wave handover`" in handover.alarm


def test_the_way_back_of_both_is_asked_once_and_taken(handover):
    assert handover.no_answer.exit_code == 4
    assert "--target-writes discard" in handover.no_answer.error["do"]
    assert handover.stopped.exit_code == 6
    assert handover.back_schema["properties"]["decision"]["enum"] == ["discard", "stop"]
    assert handover.again.exit_code == 0
    assert {row["state"] for row in handover.again.document["rows"]} == {"rolled-back"}
    assert handover.powers == {"db": "running", "web": "running"}
