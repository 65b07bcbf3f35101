"""A migration by mouse and keyboard alone, in Prefect's first UI: from its run form to its report.

The pictures in the docs are taken on the way.
"""

import re

import pytest

from tests.ui.browser import leave, open_report
from tests.ui.forms import FirstForm
from tests.ui.pictures import save_picture

pytestmark = pytest.mark.slow

OPEN_FIELDS = 11
"""What the sandbox's machine leaves open; two of them say the same and are one question."""

NAME = "team-name"
TAG = "Name of tag 4 (team)"
TO_ACKNOWLEDGE = [
    "Secure Boot",
    "DNS search domains",
    "Security group web of interface 1 (10.0.1.20) and interface 2 (10.0.2.20)",
    "Type of disk 1 (/dev/xvda, 8 GiB)",
    "Type of disk 2 (/dev/sdf, 16 GiB)",
    "Shared file system 1 (efs fs-",
    "Start-up data",
]
NETWORKS = {
    "Network for interface 1 (10.0.1.20)": "vnet-main/apps",
    "Network for interface 2 (10.0.2.20)": "vnet-main/data",
}


class Moved:
    """The sandbox's machine, brought over by a person who types one wrong tag name on the way."""

    def __init__(self, served, page, images):
        self.run = self._start(served, page, images)
        leave(page)
        asked = served.wait(self.run, "Suspended")
        served.form(asked)
        form = FirstForm.of_run(page, served.address, self.run)
        self._look(form)
        self._answer(form, images)
        served.gone_on(asked)
        leave(page)
        again = served.wait(self.run, "Suspended", after=asked["state"]["id"])
        served.form(again)
        self._mend(FirstForm.of_run(page, served.address, self.run), images)
        served.gone_on(again)
        leave(page)
        self.done = served.wait(self.run, "Completed", timeout_s=500)
        wanted = {"artifacts": {"flow_run_id": {"any_": [self.run]}}}
        listed = served.api("POST", "/artifacts/filter", wanted)
        self.report = next(a for a in listed if a["key"].startswith("report-"))
        page.set_viewport_size({"width": 1280, "height": 900})
        open_report(page, served.address, self.report["id"])
        save_picture(page.screenshot(), page, images / "report.png")

    def _start(self, served, page, images):
        deployment = served.api("GET", "/deployments/name/migrate-vm/migrate-vm")["id"]
        page.set_viewport_size({"width": 1280, "height": 1100})
        form = FirstForm.of_deployment(page, served.address, deployment)
        form.choose("source", served.sandbox.source.partition("/")[2])
        form.write("vm", served.sandbox.state["machines"][0])
        form.choose("target", served.sandbox.target.partition("/")[2])
        save_picture(page.screenshot(), page, images / "run-form.png")
        return form.start()

    def _look(self, form):
        self.titles = form.titles()
        self.decision = form.text("Decision")
        self.network = form.text(next(iter(NETWORKS)))
        self.held = {title: form.held(title) for title in [*NETWORKS, TAG, *TO_ACKNOWLEDGE]}
        self.offered = form.offered(next(iter(NETWORKS)))

    def _answer(self, form, images):
        form.choose("Decision", "approve")
        form.write(TAG, "a/b")
        form.send()
        self.errors = form.errors()
        for title in TO_ACKNOWLEDGE:
            form.choose(title, "acknowledge")
        form.write(TAG, "Team")  # a legal name, but the third tag's
        form.picture(images / "approval-form.png")
        form.send()
        self.moves = form.moves

    def _mend(self, form, images):
        self.again = form.text("Decision")
        self.wrong = form.text(TAG)
        self.kept = {title: form.held(title) for title in [*NETWORKS, *TO_ACKNOWLEDGE]}
        form.choose("Decision", "approve")
        form.write(TAG, NAME)
        form.write("Your name", "Ada")
        form.write("Reason", "CHG-4711")
        form.picture(images / "asked-again.png")
        form.send()


@pytest.fixture(scope="module")
def moved(served, page, images):
    return Moved(served, page, images)


def test_the_decision_comes_first_and_is_the_only_one_that_must_be_made(moved):
    assert moved.titles[0] == "Decision"
    assert all("(Optional)" in title for title in moved.titles[1:])


def test_titles_are_the_team_s_words_and_the_path_stands_below(moved):
    begun = [title for title in [*NETWORKS, TAG, *TO_ACKNOWLEDGE]
             if any(shown.startswith(title) for shown in moved.titles)]  # fmt: skip

    assert len(begun) == len(moved.titles) - len(["Decision", "Your name", "Reason"])
    assert "nics[0].subnet_id" in moved.network


def test_what_a_choice_means_and_what_each_button_does_is_said(moved):
    assert "vnet-main/apps: 10.0.1.0/24, holds 10.0.1.20" in moved.network
    assert "web-01: m5.large becomes Standard_D2s_v5." in moved.decision
    assert "Submit" in moved.decision


def test_what_a_rule_proposes_is_chosen_already_and_no_acknowledgement_is(moved):
    assert moved.held == NETWORKS | {TAG: "team-2"} | dict.fromkeys(TO_ACKNOWLEDGE, "")
    assert moved.offered == ["vnet-main/apps", "vnet-main/data", "vnet-main/default"]


def test_every_error_that_the_form_can_tell_is_shown_at_its_field(moved):
    shown = {title.removesuffix(" (Optional)"): error for title, error in moved.errors.items()}

    assert "does not match" in shown.pop(TAG)
    assert len(shown) == len(TO_ACKNOWLEDGE)
    assert all("required" in error for error in shown.values())


def test_ten_open_fields_need_at_most_one_choice_or_typed_value_each(moved):
    wasted, deciding = 1, 1  # the value that was typed wrong on purpose; approve

    assert moved.moves - wasted - deciding <= OPEN_FIELDS


def test_what_the_target_does_not_take_is_asked_again_beside_what_was_good(moved):
    assert "NOT ACCEPTED: 'Team' is no legal tag name, or another tag has it" in moved.wrong
    assert f"NOT ACCEPTED: {TAG}: 'Team' is no legal tag name" in moved.again
    assert moved.kept == NETWORKS | dict.fromkeys(TO_ACKNOWLEDGE, "acknowledge")


def test_the_machine_arrives_as_it_was_answered(moved, served):
    listed = served.arrivals.compute.virtual_machines.list(served.arrivals.group)
    tags = next(vm.tags for vm in listed if vm.name == "web-01")

    assert tags[NAME] == "Payments Platform"


def test_the_report_says_who_approved_what_and_when(moved, page):
    shown = page.locator("body").inner_text()

    assert "Approved by Ada" in shown
    assert "CHG-4711" in shown
    assert re.search(r"Plan [0-9a-f]{64}", shown)


def test_both_forms_are_pictures_by_now(moved, images):
    taken = ("run-form", "approval-form", "asked-again", "report")

    assert all((images / f"{name}.png").stat().st_size > 20_000 for name in taken)
