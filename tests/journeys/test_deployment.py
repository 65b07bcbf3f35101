"""The deployed migration, driven through Prefect's REST API alone, as its UI does.

A run that the book answers goes on by itself; one that waits for a person keeps to its form.
A worker carries out what is approved at once, retried and sent again; the rest is done here.
"""

import asyncio
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from coldferry.book import BookRule
from coldferry.translation import ACKNOWLEDGE
from flows.migrate_vm import migrate_vm
from tests.journeys.by_hand import ByHand

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs" / "approving.md"
SUBNET, KIND, ADDRESS = "nics_0_subnet_id", "disks_0_kind", "nics_0_private_address"
APPS = "vnet-main/apps"
TO_ACKNOWLEDGE = {KIND, "secure_boot", "nics_0_security_groups_0_id", "nics_0_public_address"}
ACKNOWLEDGED = dict.fromkeys(TO_ACKNOWLEDGE, "acknowledge")
USER_DATA = "user_data_sha256"
RIGHT = {SUBNET: "vnet-main/default", **ACKNOWLEDGED}
ALLOCATION_DENIED = {
    "operation": "compute:virtualMachines.put",
    "status": 403,
    "code": "AuthorizationFailed",
}


def a_machine(served, address, user_data="", **tags):
    """One small disk, and an address that the target's subnet has too."""
    held = [{"Name": "cidr-block", "Values": ["172.31.0.0/20"]}]
    subnet = served.sandbox.ec2.describe_subnets(Filters=held)["Subnets"][0]["SubnetId"]
    more = {"UserData": user_data} if user_data else {}
    return served.seeder.small(tags=tags, SubnetId=subnet, PrivateIpAddress=address, **more)


def report_of(served, run):
    """The report that a run made."""
    artifact = {"artifacts": {"flow_run_id": {"any_": [run]}}}
    listed = served.api("POST", "/artifacts/filter", artifact)
    return next(one for one in listed if one["key"].startswith("report-"))["data"]


def as_the_docs_do(served, call, **named):
    """What docs/approving.md shows for a program, given as it stands there."""
    (shown,) = [
        one for one in re.findall(r"```sh\n(.*?)```", DOCS.read_text(), re.DOTALL) if call in one
    ]
    said = subprocess.run(
        ["bash", "-c", shown],
        env=os.environ | {"PREFECT_API_URL": f"{served.address}/api", **named},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(said.stdout)


class Approved:
    """A run that is answered wrong, so that more is asked, wrong again, and then well."""

    def __init__(self, served):
        self.served = served
        self.seeded = a_machine(served, "172.31.0.20", Name="db-07")
        by_hand = ByHand(served, migrate_vm)
        self.asked = by_hand.order(vm=self.seeded.vm, use_book=False)
        self.id = self.asked["id"]
        self.schema, self.text = served.form(self.asked)
        self.wrong = served.resume(self.id, decision="approve", **RIGHT | {SUBNET: "nowhere"})
        self.undecided = served.resume(self.id, **RIGHT)
        self.incomplete = served.resume(self.id, decision="approve", **{SUBNET: RIGHT[SUBNET]})
        self.after_wrong = served.run(self.id)
        elsewhere = RIGHT | {SUBNET: APPS}
        again = by_hand.answer(self.asked, decision="approve", **elsewhere)
        self.second_schema, self.second_text = served.form(again)
        who = {"reason": "CHG-4711", "decided_by": "Ada"}
        once_more = by_hand.answer(again, decision="approve", **{ADDRESS: "10.0.1.3"}, **who)
        self.third_schema, self.third_text = served.form(once_more)
        self.done = by_hand.answer(once_more, decision="approve", **{ADDRESS: "automatic"})
        artifact = {"artifacts": {"flow_run_id": {"any_": [self.id]}}}
        self.artifacts = served.api("POST", "/artifacts/filter", artifact)


class Rejected:
    """A run that is rejected through its form."""

    def __init__(self, served):
        self.seeded = a_machine(served, "172.31.0.21", Name="web-02", team="shop")
        self.before = served.arrivals.everything()
        ec2, vm = served.sandbox.ec2, self.seeded.vm
        ec2.modify_instance_attribute(InstanceId=vm, DisableApiStop={"Value": True})
        by_hand = ByHand(served, migrate_vm)
        self.asked = by_hand.order(vm=vm, use_book=False)
        schema, _ = served.form(self.asked)
        self.told = schema["properties"]["decision"]["description"]
        ec2.modify_instance_attribute(InstanceId=vm, DisableApiStop={"Value": False})
        self.done = by_hand.answer(self.asked, decision="reject", reason="Not tonight.")
        self.at_target = served.arrivals.everything() - self.before
        found = served.sandbox.ec2.describe_instances(InstanceIds=[self.seeded.vm])
        self.source = found["Reservations"][0]["Instances"][0]
        self.tags = {tag["Key"]: tag["Value"] for tag in self.source["Tags"]}


class Retried:
    """The next attempt: approved once, refused by the target at the end, retried, sent again.

    The book learns what was approved.
    """

    def __init__(self, served, rejected):
        vm = rejected.seeded.vm
        self.id = served.submit(vm, use_book=True)
        asked = served.wait(self.id, "Suspended")
        self.schema, self.text = served.form(asked)
        with served.sandbox.failing("azure", ALLOCATION_DENIED):
            self.accepted = as_the_docs_do(served, "/resume", RUN=self.id)
            assert self.accepted["status"] == "ACCEPT", self.accepted
            self.failed = served.wait(self.id, "Failed")
        self.machines_after_failure = self._machines(served)
        self.taken = served.retry(self.id)
        self.done = served.wait(self.id, "Completed", after=self.failed["state"]["id"])
        self.machines = self._machines(served)
        self.asked_times = served.suspensions(self.id)
        self.second_id = self._submitted_as_the_docs_do(served, vm)
        self.second_done = served.wait(self.second_id, "Completed")
        self.asked_second = served.suspensions(self.second_id)
        self.machines_in_the_end = self._machines(served)
        logs = {"logs": {"flow_run_id": {"any_": [self.id]}}}
        self.logs = [line["message"] for line in served.api("POST", "/logs/filter", logs)]

    @staticmethod
    def _submitted_as_the_docs_do(served, vm):
        named = {
            "DEPLOYMENT": served.api("GET", "/deployments/name/migrate-vm/migrate-vm")["id"],
            "SOURCE": served.sandbox.source.partition("/")[2],
            "TARGET": served.sandbox.target.partition("/")[2],
            "VM": vm,
        }
        return as_the_docs_do(served, "/create_flow_run", **named)["id"]

    @staticmethod
    def _machines(served):
        listed = served.arrivals.compute.virtual_machines.list(served.arrivals.group)
        return [machine.id for machine in listed if machine.name == "web-02"]


class ByTheBook:
    """Two machines of that shape: one answered by the book, and one by both book and person."""

    def __init__(self, served):
        self.served = served
        by_hand = ByHand(served, migrate_vm)
        second = by_hand.order(vm=a_machine(served, "172.31.0.32").vm, use_book=True)
        assert second["state"]["name"] == "Completed"
        self.second = second["id"]
        vm = a_machine(served, "172.31.0.33", user_data="#!/bin/sh\n").vm
        asked = by_hand.order(vm=vm, use_book=True)
        self.third = asked["id"]
        self.schema, _ = served.form(asked)
        with served.sandbox.inside():
            asyncio.run(self._change_the_book())
        said = {"decided_by": "Bob", USER_DATA: ACKNOWLEDGE}
        self.done = by_hand.answer(asked, decision="approve", **said)

    @staticmethod
    async def _change_the_book():
        """What another run might learn meanwhile: the very answer that the form waits for."""
        from tasks.book import keep

        await keep(
            [
                BookRule(
                    pattern="user_data.sha256",
                    value=ACKNOWLEDGE,
                    by="somebody else",
                    at="2031-05-01T12:00:00+00:00",
                )
            ]
        )


@pytest.fixture(scope="module")
def approved(served):
    return Approved(served)


@pytest.fixture(scope="module")
def rejected(served):
    return Rejected(served)


@pytest.fixture(scope="module")
def booked(served):
    """The book is empty before, and afterwards."""
    with served.sandbox.booked():
        yield


@pytest.fixture(scope="module")
def retried(served, rejected, booked):
    return Retried(served, rejected)


@pytest.fixture(scope="module")
def by_the_book(served, retried):
    return ByTheBook(served)


def test_the_run_is_called_by_what_moves(approved):
    assert approved.asked["name"] == "db-07: aws to azure"
    assert approved.done["name"] == "db-07: aws to azure"


def test_the_form_holds_exactly_what_is_open_and_the_decision(approved):
    asked = list(approved.schema["properties"])

    assert asked[0] == "decision"
    assert asked[-2:] == ["decided_by", "reason"]
    assert set(asked[1:-2]) == RIGHT.keys()
    assert approved.schema["required"] == ["decision"]
    assert "default" not in approved.schema["properties"]["decision"]
    assert approved.schema["properties"]["decision"]["enum"] == ["approve", "reject"]


def test_the_form_names_field_value_and_choices(approved):
    subnet = approved.schema["properties"][SUBNET]

    assert subnet["title"] == "Network for interface 1 (172.31.0.20)"
    assert "Path: `nics[0].subnet_id`." in subnet["description"]
    assert subnet["enum"] == ["vnet-main/default", "vnet-main/apps", "vnet-main/data"]
    assert "`vnet-main/apps`: 10.0.1.0/24" in subnet["description"]
    kinds = approved.schema["properties"][KIND]["enum"]
    assert kinds == ["acknowledge", "Premium_LRS", "Standard_LRS"]
    assert "`db-07`: 5 fields to answer" in approved.text


def test_who_wonders_why_nothing_goes_on_finds_the_button_in_the_log(retried):
    assert any("press Resume" in line for line in retried.logs)


@pytest.mark.parametrize("refused", ["wrong", "undecided", "incomplete"])
def test_what_is_wrong_or_lacking_is_refused_at_once(approved, refused):
    assert getattr(approved, refused)["status"] == "REJECT"
    assert approved.after_wrong["state"]["id"] == approved.asked["state"]["id"]


def test_a_question_that_the_answers_raise_is_asked_beside_them(approved):
    fields = approved.second_schema["properties"]

    assert fields.keys() - {"decision", "decided_by", "reason"} == {*RIGHT, ADDRESS}
    assert {name: fields[name]["default"] for name in RIGHT} == RIGHT | {SUBNET: APPS}
    assert "172.31.0.20 is not in vnet-main/apps" in fields[ADDRESS]["description"]
    assert "default" not in fields[ADDRESS]


def test_an_answer_that_the_target_does_not_take_is_asked_again_with_its_error(approved):
    error = "10.0.1.3 is one of the addresses that vnet-main/apps keeps for itself."
    fields = approved.third_schema["properties"]

    assert fields[ADDRESS]["description"].startswith(f"NOT ACCEPTED: {error}")
    told = f"NOT ACCEPTED: Private address of interface 1 (172.31.0.20): {error}"
    assert told in fields["decision"]["description"]
    assert "1 not accepted" in approved.third_text
    assert fields["decided_by"]["default"] == "Ada"


def test_right_answers_bring_the_machine_proven_and_stopped(approved):
    assert approved.done["state"]["name"] == "Completed"
    machine = f"{approved.served.arrivals.group}/providers/Microsoft.Compute/virtualMachines/db-07"
    found = [i for i in approved.served.arrivals.everything() if i.endswith(machine)]
    assert len(found) == 1
    assert approved.served.arrivals.power(found[0]) == "deallocated"


def test_the_report_is_an_artifact_that_says_who_approved(approved):
    report = next(a for a in approved.artifacts if a["key"].startswith("report-db-07-azure-"))

    assert "Approved by `Ada`" in report["data"]
    assert "`CHG-4711`" in report["data"]
    assert re.search(r"at `20\d\d-\d\d-\d\dT[^`]+`", report["data"])
    assert re.search(r"Plan `[0-9a-f]{64}`", report["data"])


def test_the_form_tells_what_would_refuse_before_anybody_approves(rejected):
    assert "IN THE WAY" in rejected.told
    assert "is protected against being stopped" in rejected.told


def test_a_rejection_through_the_form_cancels_the_run(rejected):
    assert rejected.done["state"]["name"] == "Cancelled"
    assert "Not tonight." in rejected.done["state"]["message"]


def test_a_rejection_leaves_nothing_but_the_attempts_tag(rejected):
    assert rejected.at_target == set()
    assert rejected.source["State"]["Name"] == "running"
    attempt = rejected.tags.pop("coldferry:attempt")
    assert attempt.endswith(f"-a1 rejected {rejected.seeded.vm}")
    assert rejected.tags == {"Name": "web-02", "team": "shop"}


def test_after_a_rejection_the_next_attempt_is_asked_for(retried):
    assert "-a2`" in retried.text
    assert RIGHT.keys() <= retried.schema["properties"].keys()


def test_the_call_that_the_docs_show_is_accepted(retried):
    assert retried.accepted["status"] == "ACCEPT"


def test_a_retry_after_a_late_failure_does_not_ask_again(retried):
    assert retried.machines_after_failure == []
    assert retried.taken["status"] == "ACCEPT"
    assert retried.asked_times == 1
    assert len(retried.machines) == 1


def test_a_second_submission_does_not_ask_and_adopts_what_is_there(retried):
    assert retried.asked_second == 0
    assert retried.machines_in_the_end == retried.machines


def test_a_run_of_a_second_machine_of_the_same_shape_is_never_suspended(by_the_book):
    assert by_the_book.served.suspensions(by_the_book.second) == 0
    assert "Approved by `the translation book`" in report_of(by_the_book.served, by_the_book.second)


def test_the_report_names_the_rule_and_who_approved_it_first_in_the_form(by_the_book):
    lines = report_of(by_the_book.served, by_the_book.second).splitlines()
    subnet = next(line for line in lines if "`nics[0].subnet_id`" in line)

    assert "book: rule `" in subnet
    assert "`Ada` at `" in subnet


def test_a_form_asks_what_the_book_leaves_open_and_says_what_it_answers(by_the_book):
    signed = {"decision", "decided_by", "reason"}
    assert by_the_book.schema["properties"].keys() - signed == {USER_DATA}
    told = by_the_book.schema["properties"]["decision"]["description"]
    line = next(line for line in told.splitlines() if "Network for interface 1" in line)
    assert line.startswith("FROM THE BOOK: ")
    assert "`vnet-main/default`" in line
    assert "first approved by `Ada`" in line


def test_what_the_book_learns_while_a_form_waits_takes_no_answer_from_the_person(by_the_book):
    lines = report_of(by_the_book.served, by_the_book.third).splitlines()
    answered = next(line for line in lines if "`user_data.sha256`" in line)

    assert by_the_book.done["state"]["name"] == "Completed"
    assert by_the_book.served.suspensions(by_the_book.third) == 1
    assert "Approved by `Bob`" in report_of(by_the_book.served, by_the_book.third)
    assert "dropped by person" in answered
