"""A wave by mouse and keyboard alone, in Prefect's first UI, and by what docs/operations.md says.

The pictures in the docs are taken on the way.
"""

import csv
import io
import os
import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from tests.journeys.serving import LOOK_EACH_S
from tests.journeys.test_deployment import a_machine
from tests.ui.browser import SETTLE_MS, shown_artifact
from tests.ui.forms import FirstForm
from tests.ui.pictures import save_picture

pytestmark = [pytest.mark.slow(takes_s=200), pytest.mark.timeout(1500)]

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"
GROUP = "nsg-existing"
ARRIVED = "3 of 3 machines arrived"
WAIT_S = 500
BIN = Path(sys.executable).parent
SIGNED = ("Decision", "Your name", "Reason")


def the_walk():
    """What the docs say of a wave from its first file to its last command."""
    return DOCS.read_text().partition("## A wave, from a spreadsheet")[2].partition("\n## ")[0]


def commands():
    """The command lines in it, by their first words."""
    lines = re.findall(r"^    (\S(?:.*\|\n.*|.*))$", the_walk(), re.MULTILINE)
    return {re.findall(r"^\w+ [\w-]+(?: check| plan)?", line)[0]: line for line in lines}


class Weekend:
    """Three machines, brought over by a person who sees the UI alone; ``commands`` come between."""

    def __init__(self, served, page, images, folder):
        self.served, self.page, self.images, self.folder = served, page, images, folder
        self.ends = {
            name: getattr(served.sandbox, name).rpartition("/")[2] for name in ("source", "target")
        }
        self.vms = {
            name: a_machine(served, f"172.31.0.{80 + at}", Name=name).vm
            for at, name in enumerate(("shop-db", "shop-web", "reports"))
        }
        self.file = self._file()
        self.checked = self._command(*self._words("coldferry wave check"))
        self.planned = self._command(*self._words("coldferry wave plan"))
        self.scheduled = self._schedule()
        self.run = self._start()
        served.form(served.wait(self.run, "Suspended", timeout_s=500))
        self._answer(FirstForm.of_run(page, served.address, self.run))
        self.pages = self._watch()
        self.listed = self._command(*self._words("coldferry list"))
        self.migration = {one["vm"]: one["migration"] for one in self.listed.document["migrations"]}
        self.report = self._report()
        self.cutover = self._cut_over()
        self._cut_over_by_command()

    def _file(self):
        """The docs' file with these machines."""
        (shown,) = re.findall(r"```csv\n(.*?)```", the_walk(), re.DOTALL)
        rows = list(csv.DictReader(io.StringIO(shown)))
        for row in rows:
            row.update(self.ends, vm=self.vms[row["name"]])
        end = datetime.now(UTC).replace(minute=0) + timedelta(hours=7)
        rows[0]["abort_at"] = end.isoformat(timespec="minutes")
        path = self.folder / "weekend.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        self.manifest = _as_yaml(rows)
        return path

    def _words(self, name, **more):
        """A command of the docs, for this wave."""
        known = {"weekend.csv": str(self.file), **more}
        return [known.get(word, word) for word in commands()[name].split()[1:]]

    def _command(self, *words):
        """Its coroutines want an event loop, and the browser holds this thread's."""
        with ThreadPoolExecutor(1) as beside:
            return beside.submit(self.served.sandbox.here, *words).result()

    def _schedule(self):
        """Start it later, as the docs show; the run, which is taken back."""
        line = commands()["python3 -c"].replace("2031-05-03 18:00", "in 3 days")
        url = {"PREFECT_API_URL": f"{self.served.address}/api"}
        made = subprocess.run(
            ["bash", "-c", f"export PATH={BIN}:$PATH; {line}"],
            cwd=self.folder, env={**os.environ, **url}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        (run,) = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", made.stdout)[:1]
        seen = self.served.run(run)
        self.served.api("DELETE", f"/flow_runs/{run}")
        return seen

    def _start(self):
        form = self._form_of("migrate-wave", shows="manifest")
        form.write("manifest", self.manifest)
        self._picture("wave-form", height=1100)
        run = form.start()
        self._leave()
        return run

    def _leave(self):
        """A page of Prefect's that stays open goes on asking the server, and drawing."""
        self.page.goto("about:blank")

    def _form_of(self, deployment, shows):
        found = self.served.api("GET", f"/deployments/name/{deployment}/{deployment}")["id"]
        return FirstForm.of_deployment(self.page, self.served.address, found, shows)

    def _answer(self, form):
        self.asked = [title for title in form.titles() if not title.startswith(SIGNED)]
        self.decision = form.text("Decision")
        form.choose("Decision", "approve")
        for title in self.asked:
            offered = form.offered(title)
            form.choose(title, "acknowledge" if "acknowledge" in offered else "vnet-main/default")
        form.write("Your name", "Ada")
        form.write("Reason", "CHG-4712")
        form.picture(self.images / "wave-questions.png")
        form.send()

    def _watch(self):
        """The wave's page at each look, until all have arrived.

        A browser's look costs as much as a machine's move: the first and the last are its own.
        """
        seen, until = [], time.monotonic() + WAIT_S
        while self.served.run(self.run)["state"]["name"] == "Suspended":  # the form is on its way
            assert time.monotonic() < until, "the answer did not come"
            time.sleep(LOOK_EACH_S)
        self._leave()
        while not seen or ARRIVED not in seen[-1]:
            assert time.monotonic() < until, seen
            time.sleep(LOOK_EACH_S)
            if not (said := self._said()):
                continue
            if seen:
                seen.append(said)
            else:
                seen.append(self._shown("wave-"))
                self._leave()
        seen.append(self._shown("wave-"))
        self._picture("wave-page", height=600)
        return seen

    def _said(self):
        """What its page says now."""
        asked = {"artifacts": {"key": {"any_": ["wave-shop-weekend"]}}, "sort": "CREATED_DESC"}
        found = self.served.api("POST", "/artifacts/filter", asked)
        return found[0]["data"] if found else ""

    def _shown(self, key):
        return shown_artifact(self.page, self.served.address, self.run, key, but="-of-wave-")

    def _report(self):
        """The report of one of its machines, from the run that moved it."""
        tags = {"tags": {"all_": ["coldferry-wave:shop-weekend", "coldferry-row:shop-db"]}}
        (child,) = self.served.api("POST", "/flow_runs/filter", {"flow_runs": tags})
        return shown_artifact(self.page, self.served.address, child["id"], "report-")

    def _cut_over(self):
        form = self._form_of("cutover", shows="keep_days")
        form.choose("source", self.ends["source"])
        form.write("vm", self.vms["shop-db"])
        form.choose("target", self.ends["target"])
        form.write("migration", self.migration[self.vms["shop-db"]])
        run = form.start()
        self.served.form(self.served.wait(run, "Suspended"))
        form = FirstForm.of_run(self.page, self.served.address, run)
        self.go = form.text("Decision")
        form.choose("Decision", "go")
        form.choose("Security group", GROUP)
        form.write("Your name", "Ada")
        form.write("Reason", "CHG-4712")
        form.picture(self.images / "cutover-form.png")
        form.send()
        self.served.wait(run, "Completed")
        shown = shown_artifact(self.page, self.served.address, run, "cutover-")
        self._picture("cutover-report", height=700)
        return shown

    def _cut_over_by_command(self):
        """The next machine, its page for the ticket, and the end of its way back."""
        migration = self.migration[self.vms["shop-web"]]
        self.page_for_the_ticket = self.folder / "shop-web.html"
        known = {"MIGRATION": migration, "web": GROUP, "shop-web.html": self.page_for_the_ticket}
        with socket.create_server(("127.0.0.1", 0)) as there:
            known["tcp:443"] = f"tcp:127.0.0.1:{there.getsockname()[1]}"
            words = self._words("coldferry cutover", **known)
            self.by_command = [self._command(*words, "--yes")]
        self.by_command.append(self._command(*self._words("coldferry report", **known)))
        final = self._words("coldferry finalise", **known)
        self.by_command.append(self._command(*final, "--yes"))
        self.by_command.append(self._command(*final, "--keep-days", "0", "--yes"))

    def _picture(self, name, height):
        self.page.set_viewport_size({"width": 1280, "height": height})
        self.page.wait_for_timeout(SETTLE_MS)
        save_picture(self.page.screenshot(), self.page, self.images / f"{name}.png")


def _as_yaml(rows):
    """The same wave as a person writes it in YAML."""
    head = rows[0]
    wave = {
        "name": head["wave"],
        "window": {"abort_at": head["abort_at"]},
        "machines_at_once": int(head["machines_at_once"]),
        "defaults": {"source": head["source"], "target": head["target"]},
        "rows": [
            {key: row[key] for key in ("name", "vm", "owner", "group") if row[key]}
            | ({"after": row["after"].split()} if row["after"] else {})
            for row in rows
        ],
    }
    return yaml.safe_dump(wave, sort_keys=False, allow_unicode=True)


@pytest.fixture(scope="module")
def unlearnt(served):
    """Nothing was answered before; emptied while no browser runs, as both want the event loop."""
    with served.sandbox.booked():
        yield


@pytest.fixture(scope="module")
def weekend(unlearnt, served, page, images, tmp_path_factory):
    return Weekend(served, page, images, tmp_path_factory.mktemp("weekend"))


def test_the_docs_file_is_a_wave_that_only_has_questions(weekend):
    assert weekend.checked.exit_code == 0
    assert weekend.checked.document["starts"] == ["shop-db", "shop-web", "reports"]
    assert weekend.planned.exit_code == 3
    assert {row["light"] for row in weekend.planned.document["rows"]} == {"amber"}


def test_the_command_in_the_docs_starts_the_wave_later(weekend):
    assert weekend.scheduled["state"]["type"] == "SCHEDULED"
    assert weekend.scheduled["parameters"]["manifest"] == weekend.file.read_text()


def test_a_pasted_file_keeps_its_lines(weekend):
    assert weekend.served.run(weekend.run)["parameters"]["manifest"] == weekend.manifest


def test_the_form_asks_each_distinct_question_of_the_machines_once(weekend):
    assert len(weekend.asked) == 5
    assert all("3 machines" in title for title in weekend.asked)
    assert all(name in weekend.decision for name in weekend.vms)
    assert weekend.served.suspensions(weekend.run) == 1


def test_its_page_shows_every_machine_until_all_have_arrived(weekend):
    assert all(name in shown for shown in weekend.pages for name in weekend.vms)
    assert "done" in weekend.pages[-1]
    assert ARRIVED in weekend.pages[-1]


def test_the_report_of_a_machine_is_opened_from_its_run(weekend):
    assert "Ada" in weekend.report
    assert "CHG-4712" in weekend.report


def test_a_machine_is_cut_over_from_its_form(weekend):
    assert weekend.migration[weekend.vms["shop-db"]] in weekend.go
    assert "cut-over" in weekend.cutover
    assert GROUP in weekend.cutover
    assert "Ada" in weekend.cutover


def test_the_other_commands_of_the_docs_do_what_they_say(weekend):
    own = weekend.vms.values()  # others of the same clouds may have come back
    listed = [one for one in weekend.listed.document["migrations"] if one["vm"] in own]
    assert [one["state"] for one in listed] == ["allocated"] * len(own)
    cut, report, early, final = weekend.by_command
    assert [cut.exit_code, report.exit_code, early.exit_code, final.exit_code] == [0, 0, 4, 0]
    assert "shop-web" in weekend.page_for_the_ticket.read_text()


def test_every_command_of_the_walk_is_tried_here():
    assert set(commands()) == {
        "coldferry wave check", "coldferry wave plan", "python3 -c", "coldferry list",
        "coldferry cutover", "coldferry report", "coldferry finalise",
    }  # fmt: skip


def test_its_pictures_are_taken_by_now(weekend, images):
    taken = ("wave-form", "wave-questions", "wave-page", "cutover-form", "cutover-report")

    assert all(f"images/{name}.png" in the_walk() for name in taken)
    assert all((images / f"{name}.png").stat().st_size > 20_000 for name in taken)
