"""The plan of a wave and its report: sums, late rows, and no stranger's word as markup."""

import json

import pytest

from coldferry.errors import Finding
from coldferry.fleet import Light
from coldferry.foretelling import DOWNTIME, ONCE, READ, SENT, WHOLE, Outcome
from coldferry.report_file import as_html
from coldferry.waves.outlook import look_ahead
from coldferry.waves.plan_page import as_markdown, cells
from coldferry.waves.planned import RowPlan, WavePlan
from coldferry.waves.progress import RowState, Standing
from coldferry.waves.report_page import WaveReport
from coldferry.waves.wave import Window
from tests.unit.wave_estimates import an_estimate
from tests.unit.wave_strategies import HOUR, T0, a_row, a_wave

NASTY = "</td><script>alert(1)</script> [a](javascript:x) ![b](http://x.example/y) | `y` <b>z"
MIGRATION = "web-there-0a1b2c3d-a1"


def a_plan(wave, **rows):
    told = [
        RowPlan(row, **{"state": RowState.PLANNED, "estimate": an_estimate()} | rows[row.name])
        for row in wave.rows
    ]
    estimates = {one.row.name: one.estimate for one in told if one.estimate}
    return WavePlan(wave, tuple(told), look_ahead(wave, estimates, T0), T0)


def outcomes(sent=900, down=50.0, at_least=False):
    return [
        Outcome(READ, "B", 1000, 1000), Outcome(SENT, "B", 1000, sent),
        Outcome(DOWNTIME, "s", 40, down, at_least), Outcome(WHOLE, "s", 60, 70.0),
        Outcome(ONCE, "USD", 1.5, None), Outcome("calls, a: read", "", 2, 2),
    ]  # fmt: skip


def test_a_plan_has_of_each_machine_what_it_takes_and_of_the_wave_the_sums():
    wave = a_wave(*map(a_row, "abc"))
    warning = Finding("warn", "no-swap", "a", "It swaps.")
    document = a_plan(
        wave,
        a={"verdicts": {"exact": 3, "dropped": 1}, "findings": (warning,)},
        b={"missing": ("name",), "estimate": an_estimate(usd=None)},
        c={"state": RowState.REFUSED, "why": "No quota.", "estimate": None},
    ).as_json()
    by_name = {row["name"]: row for row in document["rows"]}

    assert json.loads(json.dumps(document)) == document
    assert [row["light"] for row in document["rows"]] == ["green", "amber", "red"]
    assert document["counts"] == {"red": 1, "amber": 1, "green": 1}
    assert by_name["a"]["verdicts"] == {"exact": 3, "dropped": 1}
    assert by_name["a"]["findings"][0]["what"] == "It swaps."
    assert by_name["a"]["expected"]["arrives_at"] == "2031-05-03T20:01:35+00:00"
    assert (by_name["c"]["estimate"], by_name["c"]["expected"]) == (None, None)
    assert document["totals"]["sent_bytes"] == 2000
    assert document["totals"]["usd"]["once"] == {"known": 1.0, "unknown": ["calls"]}
    assert document["totals"]["longest_downtime_s"] == 85
    assert document["totals"]["costs"] == [
        {"what": "calls", "period": "once", "times": 2, "usd": None}
    ]
    assert document["outlook"]["fits"] is True


def test_a_row_that_comes_too_late_is_told_in_its_line():
    wave = a_wave(*map(a_row, "ab"), machines_at_once=1, window=Window(abort_at=T0 + HOUR))
    slow = {"estimate": an_estimate(3000)}
    plan = a_plan(wave, a=slow, b=slow)

    assert "TOO LATE: arrives 41 min after abort_at" in as_markdown(plan)
    assert "IT DOES NOT FIT: 1 machine too late." in as_markdown(plan)


def test_a_row_that_is_done_is_green_and_takes_nothing():
    plan = a_plan(a_wave(a_row("a")), a={"state": RowState.DONE, "estimate": None})

    assert plan.rows[0].light is Light.GREEN
    assert cells(plan, plan.rows[0])[-1] == "done"


def test_a_report_sets_what_was_estimated_beside_what_it_was_and_adds_up():
    wave = a_wave(*map(a_row, "abc"))
    states = {"a": Standing(RowState.DONE), "b": Standing(RowState.DONE), "c": Standing()}
    told = {"a": outcomes(), "b": outcomes(sent=500, down=30.0, at_least=True)}
    report = WaveReport(wave, states, told, T0)
    sums = {one["what"]: one for one in report.as_json()["sums"]}

    assert (sums[SENT]["estimate"], sums[SENT]["actual"]) == (2000, 1400)
    assert (sums[DOWNTIME]["difference"], sums[DOWNTIME]["at_least"]) == (0, True)
    assert (sums[ONCE]["estimate"], sums[ONCE]["actual"]) == (3.0, None)
    assert "| **all 2** | downtime | >= 80 s | 80 s | 0 s |" in report.as_markdown()
    assert "| `a` | bytes sent, at most | 1000 B | 900 B | -100 B |" in report.as_markdown()


def test_a_figure_that_one_machine_lacks_makes_no_sum():
    wave = a_wave(*map(a_row, "ab"))
    states = dict.fromkeys("ab", Standing(RowState.DONE))
    report = WaveReport(wave, states, {"a": outcomes(), "b": outcomes(down=None)}, T0)

    assert {one.what: one.actual for one in report.sums}[DOWNTIME] is None


def test_a_report_of_a_wave_of_which_nothing_arrived_says_so():
    report = WaveReport(a_wave(a_row("a")), {}, {}, T0)

    assert "No machine has a report so far." in report.as_markdown()
    assert report.as_json()["sums"] == []


def _plan_page():
    row = a_row("a", owner=NASTY, vm=NASTY.replace(" ", "_"))
    found = Finding("warn", "x", NASTY, NASTY, NASTY)
    told = {"why": NASTY, "findings": (found,), "missing": (NASTY,), "verdicts": {"exact": 1}}
    return as_markdown(a_plan(a_wave(row), a=told))


def _report_page():
    row = a_row("a", owner=NASTY, vm=NASTY.replace(" ", "_"))
    states = {"a": Standing(RowState.FAILED, NASTY, migration=NASTY)}
    return WaveReport(a_wave(row), states, {"a": outcomes()}, T0).as_markdown()


@pytest.mark.parametrize(("page", "number"), [(_plan_page(), 11), (_report_page(), 6)])
def test_strangers_words_are_text_on_the_page_for_the_ticket(page, number):
    html = as_html("Wave </title><b>: the plan", page)
    table = html[: html.index("</table>")]

    for markup in ("<script", "<img", "<a ", "<b>"):
        assert markup not in html
    assert table.count("<td") == number
    assert "default-src 'none'" in html.replace("&#x27;", "'")
