"""Names and tags that are markup, script and direction overrides are text, wherever a person looks.

EC2 takes no control characters below U+0020 (its answers are XML), so that those
are tested without a cloud in ``tests/unit``.
"""

import re
from urllib.parse import urlsplit

import pytest

from tests.journeys.test_deployment import a_machine
from tests.ui.browser import SETTLE_MS, open_report
from tests.ui.forms import FirstForm, SecondForm

pytestmark = pytest.mark.slow

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


class Looked:
    """A hostile machine, looked at in both UIs: its form, its run, its report, its log."""

    def __init__(self, served, page):
        self.foreign: set[str] = set()
        self.dialogs: list[str] = []
        page.on("request", lambda request: self._note(served, request.url))
        page.on("dialog", lambda dialog: self.dialogs.append(dialog.message))
        page.add_init_script("window.owned = () => { window.wasOwned = true }")
        self.markup: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self.run = served.submit(a_machine(served, "172.31.0.24", **TAGS).vm)
        served.form(served.wait(self.run, "Suspended"))
        for place, form in (("first form", FirstForm), ("second form", SecondForm)):
            opened = form.of_run(page, served.address, self.run)
            if form is FirstForm:
                opened.whole()
            self._look(place, page, opened.root)
        schema, _ = served.form(served.run(self.run))
        said = {
            name: field["enum"][0]
            for name, field in schema["properties"].items()
            if "enum" in field and name != "decision" and "default" not in field
        }
        tag = next(name for name in schema["properties"] if name.startswith("tags"))
        served.resume(
            self.run, decision="approve", decided_by=NAME, reason=NAME, **said | {tag: "calm"}
        )
        self.done = served.wait(self.run, "Completed", timeout_s=500)
        artifacts = {"artifacts": {"flow_run_id": {"any_": [self.run]}}}
        listed = served.api("POST", "/artifacts/filter", artifacts)
        report = next(a for a in listed if a["key"].startswith("report-"))
        for place, root in (("first report", ""), ("second report", "/v2")):
            open_report(page, f"{served.address}{root}", report["id"])
            self._look(place, page, page.locator("#app, #root, body").first)
        for place, root in (("first run", ""), ("second run", "/v2")):
            page.goto(f"{served.address}{root}/runs/flow-run/{self.run}")
            page.wait_for_timeout(3 * SETTLE_MS)
            self._look(place, page, page.locator("body"))
        logs = {"logs": {"flow_run_id": {"any_": [self.run]}}}
        self.logs = [line["message"] for line in served.api("POST", "/logs/filter", logs)]
        self.written = (served.home / "worker.log").read_text(errors="replace")

    def _note(self, served, url):
        host = urlsplit(url).netloc
        if host and host not in served.address:
            self.foreign.add(host)

    def _look(self, place, page, root):
        self.texts[place] = root.inner_text()
        self.markup[place] = root.locator(MADE).count()
        if page.evaluate("window.wasOwned === true"):
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
