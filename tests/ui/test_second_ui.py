"""A machine with hostile names: rejected in Prefect's first UI, approved in the second one.

Names and tags that are markup, script and direction overrides are text, wherever a person looks.
EC2 takes no control characters below U+0020 (its answers are XML), so that those
are tested without a cloud in ``tests/unit``.
"""

import re
from urllib.parse import urlsplit

import pytest

from flows.migrate_vm import migrate_vm
from tests.journeys.by_hand import ByHand
from tests.journeys.test_deployment import a_machine, report_of
from tests.ui.browser import SETTLE_MS, leave, open_report
from tests.ui.forms import FirstForm, SecondForm

pytestmark = [pytest.mark.slow(takes_s=150), pytest.mark.timeout(1200)]

NAME = (
    "<img src=x onerror=owned()> **b** [l](javascript:owned()) `c` | www.evil.example \u202egpj\x9b"
)
KEY = "<script>owned()</script>~~k~~\u2066 http://evil.example/ a@evil.example &amp; \\<b>"
TAGS = {"Name": NAME, KEY: "v", KEY.upper(): "# h $x^2$ ![i](http://evil.example/i.png)"}
MADE = (
    ", ".join(f"a[href*='{word}']" for word in ("evil", "javascript", "mailto"))
    + ", img[src*='evil'], img[src='x']"
)
"""What must not come of them."""

SEEN_NAME = "<img src=x onerror=owned()> **b** [l](javascript:owned()) `c` "
SEEN_KEY = "<script>owned()</script>~~k~~"
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

NETWORK = "Network for interface 1 (172.31.0.24)"
ADDRESS = "Private address of interface 1 (172.31.0.24)"
TO_ACKNOWLEDGE = [
    "Secure Boot",
    "Public address of interface 1",
    "Security group",
    "Type of disk 1",
]


class Looked:
    """Its run, its form, its report and its log, in both UIs."""

    def __init__(self, served, page):
        self.served, self.page = served, page
        self.by_hand = ByHand(served, migrate_vm)
        self.foreign: set[str] = set()
        self.dialogs: list[str] = []
        page.on("request", lambda request: self._note(request.url))
        page.on("dialog", lambda dialog: self.dialogs.append(dialog.message))
        page.add_init_script("window.owned = () => { window.wasOwned = true }")
        self.markup: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self.vm = a_machine(served, "172.31.0.24", **TAGS).vm
        self._reject()
        self._approve()
        self._look_at_the_end()

    def _reject(self):
        """A person looks at it, and leaves it where it is."""
        before = self.served.arrivals.everything()
        asked = self.served.wait(self.served.submit(self.vm), "Suspended")
        self.served.form(asked)
        form = self._opened(FirstForm, asked)
        form.whole()
        self._look("first form", form.root)
        form.choose("Decision", "reject")
        form.write("Your name", "Ada")
        form.write("Reason", "Not tonight.")
        self.rejected = self._sent_by_hand(form, asked)
        self.made = self.served.arrivals.everything() - before
        self.power = self.served.seeder.state(self.vm)

    def _approve(self):
        """And then puts it into another network, with one wrong address on the way."""
        asked = self.by_hand.order(vm=self.vm, use_book=False)
        self.run = asked["id"]
        form = self._opened(SecondForm, asked)
        self._look("second form", form.root)
        self._answer(form)
        self.waits = self.served.run(self.run)["state"]["id"] == asked["state"]["id"]
        form.choose("Decision", "approve")
        again = self._sent_by_hand(form, asked)
        form = self._opened(SecondForm, again)
        self._mistake(form)
        once_more = self._sent_by_hand(form, again)
        form = self._opened(SecondForm, once_more)
        self._mend(form)
        self._send(form, once_more)
        self.done = self.served.wait(self.run, "Completed", timeout_s=500)
        self.report = report_of(self.served, self.run)

    def _answer(self, form):
        self.titles = form.titles()
        self.decision = form.text("Decision")
        self.proposed = form.held(NETWORK)
        form.choose(NETWORK, "vnet-main/apps")
        for title in TO_ACKNOWLEDGE:
            form.choose(title, "acknowledge")
        form.write("Name of tag", "calm")
        form.send()
        self.undecided = form.toast()

    def _mistake(self, form):
        self.kept = [form.held(title) for title in (NETWORK, *TO_ACKNOWLEDGE)]
        self.raised = form.text(ADDRESS)
        form.choose("Decision", "approve")
        form.write(ADDRESS, "10.0.1.3")

    def _mend(self, form):
        self.error = form.text(ADDRESS)
        self.on_top = form.root.inner_text()
        form.choose("Decision", "approve")
        form.write(ADDRESS, "10.0.1.77")
        form.write("Your name", f"Grace {NAME}")
        form.write("Reason", NAME)

    def _look_at_the_end(self):
        address = self.served.address
        artifacts = {"artifacts": {"flow_run_id": {"any_": [self.run]}}}
        listed = self.served.api("POST", "/artifacts/filter", artifacts)
        report = next(a for a in listed if a["key"].startswith("report-"))
        for place, root in (("first report", ""), ("second report", "/v2")):
            open_report(self.page, f"{address}{root}", report["id"])
            self._look(place, self.page.locator("#app, #root, body").first)
        for place, root in (("first run", ""), ("second run", "/v2")):
            self.page.goto(f"{address}{root}/runs/flow-run/{self.run}")
            self.page.wait_for_timeout(3 * SETTLE_MS)
            self._look(place, self.page.locator("body"))
        logs = {"logs": {"flow_run_id": {"any_": [self.rejected["id"], self.run]}}}
        self.logs = [line["message"] for line in self.served.api("POST", "/logs/filter", logs)]
        self.written = (self.served.home / "worker.log").read_text(errors="replace")

    def _opened(self, form, asked):
        return form.of_run(self.page, self.served.address, asked["id"])

    def _send(self, form, asked):
        form.send()
        self.served.gone_on(asked)
        leave(self.page)
        return asked["id"]

    def _sent_by_hand(self, form, asked):
        return self.by_hand.carry_out(lambda: self._send(form, asked))

    def _note(self, url):
        host = urlsplit(url).netloc
        if host and host not in self.served.address:
            self.foreign.add(host)

    def _look(self, place, root):
        self.texts[place] = root.inner_text()
        self.markup[place] = root.locator(MADE).count()
        if self.page.evaluate("window.wasOwned === true"):
            self.markup[place] += 1


@pytest.fixture(scope="module")
def looked(served, page):
    return Looked(served, page)


PLACES = ["first form", "second form", "first report", "second report", "first run", "second run"]


@pytest.mark.parametrize("place", PLACES)
def test_no_script_runs_and_no_link_or_picture_is_made(looked, place):
    assert looked.markup[place] == 0
    assert looked.dialogs == []


@pytest.mark.parametrize("place", PLACES)
def test_the_name_reads_as_it_is(looked, place):
    assert SEEN_NAME.strip() in looked.texts[place]
    assert not UNSEEN.search(looked.texts[place])


@pytest.mark.parametrize("place", PLACES[:4])
def test_the_tag_reads_as_it_is(looked, place):
    assert SEEN_KEY in looked.texts[place]


def test_nothing_is_asked_of_a_foreign_host(looked):
    assert not {host for host in looked.foreign if "evil" in host}


def test_logs_hold_no_character_that_a_terminal_obeys(looked):
    assert not [line for line in looked.logs if UNSEEN.search(line)]
    assert "\u202e" not in looked.written
    assert "\x9b" not in looked.written


def test_a_rejection_needs_no_other_field_and_ends_the_run_with_name_and_reason(looked):
    assert looked.rejected["state"]["type"] == "CANCELLED"
    assert looked.rejected["state"]["message"] == "Rejected by Ada: Not tonight."


def test_after_a_rejection_nothing_was_made_and_the_machine_runs_on(looked):
    assert looked.made == set()
    assert looked.power == "running"


def test_the_form_is_the_same_and_names_this_ui_s_button(looked):
    assert looked.titles[0] == "Decision"
    assert {f"{NETWORK} (Optional)"} <= set(looked.titles)
    assert "in Prefect's second UI: Resume" in looked.decision
    assert looked.proposed == "vnet-main/default"


def test_a_form_without_a_decision_is_not_taken_and_says_so(looked):
    assert "'decision' is a required property" in looked.undecided
    assert looked.waits


def test_a_question_that_the_answers_raise_stands_beside_what_was_answered(looked):
    assert looked.kept == ["vnet-main/apps", *["acknowledge"] * len(TO_ACKNOWLEDGE)]
    assert "172.31.0.24 is not in vnet-main/apps (10.0.1.0/24)" in looked.raised


def test_a_wrong_answer_is_asked_again_with_its_error_at_the_field_and_on_top(looked):
    error = "NOT ACCEPTED: 10.0.1.3 is one of the addresses that vnet-main/apps keeps for itself."

    assert error in looked.error
    assert f"{ADDRESS}: 10.0.1.3 is one of" in looked.on_top


def test_the_machine_arrives_as_it_was_answered(looked):
    assert "`10.0.1.77`" in looked.report


@pytest.mark.parametrize("place", ["first report", "second report"])
def test_the_report_says_who_approved_as_it_was_typed(looked, place):
    assert f"Approved by Grace {SEEN_NAME.strip()}" in looked.texts[place]
