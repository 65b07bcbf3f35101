"""An approval in Prefect's second UI: refused at once, asked again, and then accepted."""

import pytest

from tests.journeys.test_deployment import a_machine
from tests.ui.forms import SecondForm

pytestmark = pytest.mark.slow

NETWORK = "Network for interface 1 (172.31.0.22)"
ADDRESS = "Private address of interface 1 (172.31.0.22)"
TO_ACKNOWLEDGE = [
    "Secure Boot",
    "Public address of interface 1",
    "Security group",
    "Type of disk 1",
]


class Moved:
    """A machine that a person puts into another network, with one wrong address on the way."""

    def __init__(self, served, page, images):
        self.run = served.submit(a_machine(served, "172.31.0.22", Name="db-22").vm)
        asked = served.wait(self.run, "Suspended")
        served.form(asked)
        self._answer(SecondForm.of_run(page, served.address, self.run))
        self.waits = served.run(self.run)["state"]["id"] == asked["state"]["id"]
        self.form.choose("Decision", "approve")
        self.form.send()
        again = served.wait(self.run, "Suspended", after=asked["state"]["id"])
        served.form(again)
        self._mistake(SecondForm.of_run(page, served.address, self.run))
        once_more = served.wait(self.run, "Suspended", after=again["state"]["id"])
        served.form(once_more)
        self._mend(SecondForm.of_run(page, served.address, self.run), images)
        self.done = served.wait(self.run, "Completed", timeout_s=500)
        wanted = {"artifacts": {"flow_run_id": {"any_": [self.run]}}}
        listed = served.api("POST", "/artifacts/filter", wanted)
        self.report = next(a for a in listed if a["key"].startswith("report-"))["data"]

    def _answer(self, form):
        self.form = form
        self.titles = form.titles()
        self.decision = form.text("Decision")
        self.proposed = form.held(NETWORK)
        form.choose(NETWORK, "vnet-main/apps")
        for title in TO_ACKNOWLEDGE:
            form.choose(title, "acknowledge")
        form.send()
        self.undecided = form.toast()

    def _mistake(self, form):
        self.kept = [form.held(title) for title in (NETWORK, *TO_ACKNOWLEDGE)]
        self.raised = form.text(ADDRESS)
        form.choose("Decision", "approve")
        form.write(ADDRESS, "10.0.1.3")
        form.send()

    def _mend(self, form, images):
        self.error = form.text(ADDRESS)
        self.on_top = form.root.inner_text()
        form.page.screenshot(path=images / "second-ui.png")
        form.choose("Decision", "approve")
        form.write(ADDRESS, "10.0.1.77")
        form.write("Your name", "Grace")
        form.send()


@pytest.fixture(scope="module")
def moved(served, page, images):
    return Moved(served, page, images)


def test_the_form_is_the_same_and_names_this_ui_s_button(moved):
    assert moved.titles[0] == "Decision"
    assert {f"{NETWORK} (Optional)"} <= set(moved.titles)
    assert "in Prefect's second UI: Resume" in moved.decision
    assert moved.proposed == "vnet-main/default"


def test_a_form_without_a_decision_is_not_taken_and_says_so(moved):
    assert "'decision' is a required property" in moved.undecided
    assert moved.waits


def test_a_question_that_the_answers_raise_stands_beside_what_was_answered(moved):
    assert moved.kept == ["vnet-main/apps", *["acknowledge"] * len(TO_ACKNOWLEDGE)]
    assert "172.31.0.22 is not in vnet-main/apps (10.0.1.0/24)" in moved.raised


def test_a_wrong_answer_is_asked_again_with_its_error_at_the_field_and_on_top(moved):
    error = "NOT ACCEPTED: 10.0.1.3 is one of the addresses that vnet-main/apps keeps for itself."

    assert error in moved.error
    assert f"{ADDRESS}: 10.0.1.3 is one of" in moved.on_top


def test_the_machine_arrives_as_it_was_answered(moved, served):
    assert "`10.0.1.77`" in moved.report
    assert "Approved by `Grace`" in moved.report
