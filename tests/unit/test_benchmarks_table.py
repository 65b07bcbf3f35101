"""The arithmetic of pairs, and when a row is met."""

import pytest

from benchmarks.running import Run
from benchmarks.table import (
    Measure,
    Rule,
    Sample,
    as_json,
    less,
    markdown,
    medians,
    own,
    ratio,
    results,
)  # fmt: skip

MIB = 1 << 20


def sample(wall_s, cpu_s=1.0, **counts):
    return Sample(Run(wall_s, cpu_s, 100 * MIB, 0, "", ""), counts)


def row(measure, ours, others=(), why=""):
    (found,) = results("trial", [measure], ours, others, why)
    return found


def test_a_ratio_is_made_pair_by_pair_and_its_median_counts():
    measure = Measure("wall", ratio("wall_s"), 0.5)

    found = row(measure, [sample(1), sample(2), sample(9)], [sample(2), sample(10), sample(10)])

    assert found.values == (0.5, 0.2, 0.9)
    assert (found.median, found.missed, found.verdict) == (0.5, False, "met")
    assert found.figures == "0.50 (0.20 to 0.90)"


@pytest.mark.parametrize(
    ("rule", "goal", "missed"),
    [
        (Rule.AT_MOST, 2, False),
        (Rule.AT_MOST, 1.9, True),
        (Rule.AT_LEAST, 2, False),
        (Rule.AT_LEAST, 2.1, True),
        (Rule.EXACTLY, 2, True),
        (Rule.AT_MOST, None, False),
    ],
)
def test_a_goal_is_held_against_the_median_and_an_exact_one_against_all(rule, goal, missed):
    measure = Measure("wall", own("wall_s"), goal, "s", rule, paired=False)

    assert row(measure, [sample(1), sample(2), sample(3)]).missed is missed


def test_an_exact_goal_is_met_when_every_run_has_it():
    measure = Measure("blocks", own("beyond"), 0, rule=Rule.EXACTLY, paired=False)

    assert not row(measure, [sample(1, beyond=0.0)] * 3).missed


def test_a_row_without_its_peer_is_missed_and_says_why():
    measure = Measure("wall", ratio("wall_s"), None)

    found = row(measure, [sample(1)], [], "azcopy is not installed. Run with --install.")

    assert found.missed
    assert found.verdict == "MISSED: azcopy is not installed. Run with --install."
    assert row(measure, [sample(1), sample(1)], [sample(1)]).missed


def test_a_row_that_needs_no_peer_is_measured_without_it():
    measure = Measure("memory", own("peak_bytes", MIB), 160, "MiB", paired=False)

    found = row(measure, [sample(1)], [], "azcopy is not installed.")

    assert (found.values, found.missed) == ((100.0,), False)


def test_a_difference_is_in_units_of_what_was_copied():
    measure = Measure("cpu", less("cpu_s", 2.0), 0.6, "s")

    assert row(measure, [sample(1, 3.0)], [sample(1, 2.0)]).values == (0.5,)


def test_the_table_names_goal_spread_and_verdict():
    met = row(Measure("w1: wall", ratio("wall_s"), 0.5), [sample(1)], [sample(4)])
    shown = row(Measure("bytes", own("sent"), None, paired=False), [sample(1, sent=1234567.0)])
    none = row(Measure("w2: wall", ratio("wall_s"), 0.15), [sample(1)], [], "No azcopy.")

    assert markdown([met, shown, none]).splitlines()[2:] == [
        "| w1: wall | <= 0.50 | 0.25 (0.25 to 0.25) | met |",
        "| bytes |  | 1,234,567 (1,234,567 to 1,234,567) | reported |",
        "| w2: wall | <= 0.15 | none | MISSED: No azcopy. |",
    ]
    assert as_json(met)["values"] == [0.25]
    assert (as_json(none)["median"], as_json(none)["missed"]) == (None, True)


def test_medians_of_both_sides_stand_beside_the_rows():
    ours = [sample(1, 4), sample(2, 6), sample(9, 5)]

    assert medians(ours, []) == "2.00 s, 5.00 s, 100 MiB | none"
