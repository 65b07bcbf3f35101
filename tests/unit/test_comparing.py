"""Which target comes first, and what of those that cannot be asked."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldferry.comparing import Standing, as_json, as_markdown, goals, rank, standing
from coldferry.errors import Unreachable
from coldferry.machine import Origin
from coldferry.precedents import consult
from providers.memory.cloud import MemoryCloud
from providers.memory.world import World
from tests.conformance.worlds import a_machine, a_target

PATHS = st.lists(st.sampled_from(["name", "profile", "tpm"]), max_size=2)
STANDINGS = st.builds(
    Standing,
    target=st.sampled_from(["a", "b", "c"]),
    error=st.sampled_from(["", "", "", "It does not answer."]),
    gaps=PATHS,
    acknowledgements=PATHS,
    impossible=PATHS,
    blocking=PATHS,
    usd_per_hour=st.sampled_from([None, 0.0, 0.1, 2.5]),
)


@given(st.lists(STANDINGS, max_size=8))
def test_no_target_stands_before_one_that_is_better_by_any_earlier_measure(standings):
    ranked = rank(standings)

    assert sorted(map(repr, ranked)) == sorted(map(repr, standings))
    for better, worse in pairwise(ranked):
        measures = [
            (bool(one.error), bool(one.blocking) and len(one.blocking), len(one.gaps),
             len(one.acknowledgements), len(one.impossible))
            for one in (better, worse)
        ]  # fmt: skip
        assert measures[0] <= measures[1]
        if measures[0] == measures[1] and worse.usd_per_hour is not None:
            assert better.usd_per_hour is not None
            assert better.usd_per_hour <= worse.usd_per_hour


def asked(cloud, name="there"):
    return standing(name, lambda: consult(cloud, a_machine(), {}))


def test_a_standing_says_what_is_missing_and_what_it_costs():
    world = World("there", sizes={"s2": (2, 4 << 30)}, prices={"s2": 0.25})

    told = asked(MemoryCloud(world))

    assert (told.gaps, told.size, told.usd_per_hour) == (["nics[0].subnet_id"], "s2", 0.25)
    assert told.verdict == "needs a person"


def test_a_cost_that_no_catalogue_has_is_said_to_be_not_known():
    told = asked(a_target())

    assert told.usd_per_hour is None
    assert "not known" in as_markdown(a_machine(), [told])


def test_one_that_does_not_answer_is_listed_last_with_its_error():
    def silent():
        raise Unreachable("The endpoint <b>x</b> does not answer.")

    ranked = rank([standing("silent", silent), asked(a_target())])

    assert [one.target for one in ranked] == ["there", "silent"]
    assert ranked[1].verdict == "cannot be asked"
    assert "\\<b>" in as_markdown(a_machine(), ranked)


def test_the_place_where_the_machine_is_and_what_cannot_translate_are_no_targets():
    class SourceOnly:
        provider, scope = "other", "x"

    here, there = MemoryCloud(World("here")), a_target()
    named = {"here": here, "there": there, "source": SourceOnly()}

    found = goals(named, Origin(provider="memory", scope="here", id="web-01"))

    assert found == {"there": there}


def test_a_cloud_that_cannot_say_who_it_is_is_asked_all_the_same():
    class Silent(MemoryCloud):
        @property
        def scope(self):
            raise Unreachable("No answer.")

        @scope.setter
        def scope(self, name):
            pass

    cloud = Silent(World("there"))

    assert goals({"it": cloud}, Origin(provider="memory", scope="here", id="x")) == {"it": cloud}


@pytest.mark.parametrize("shape", [as_json, as_markdown])
def test_a_ranking_has_every_target(shape):
    ranked = [Standing("coldferry-cloud/one"), Standing("coldferry-cloud/two", error="No.")]

    told = str(shape(a_machine(), ranked))

    assert "coldferry-cloud/one" in told and "coldferry-cloud/two" in told
