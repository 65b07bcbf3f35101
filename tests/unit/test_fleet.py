"""One line a machine: red, amber or green, and the first reason."""

from coldferry.errors import Finding
from coldferry.fleet import Light, as_document, line, lost, order, summary
from coldferry.translation import Consequence, FieldTranslation, Translation, Verdict
from tests.unit.machines import a_machine


def field(path: str, verdict: Verdict, **changes) -> FieldTranslation:
    return FieldTranslation(
        path=path, verdict=verdict, source="x", rule="a rule", reason=f"Why {path}.", **changes
    )


def translation(*fields: FieldTranslation) -> Translation:
    return Translation(fields=fields)


EXACT = field("vcpus", Verdict.EXACT)
GAP = field("name", Verdict.MISSING)
BLOCKED = field("root", Verdict.IMPOSSIBLE, consequence=Consequence.BLOCK)
SPOT = Finding("refuse", "spot", "i-1", "It is a Spot Instance.")
WARNED = Finding("warn", "dedicated", "i-1", "It has hardware of its own.")


def test_what_asks_nothing_is_green():
    found = line(a_machine(), [WARNED], translation(EXACT), None)

    assert (found.light, found.reason, found.warnings) == (Light.GREEN, "", 1)


def test_a_gap_makes_it_amber_with_what_is_asked():
    found = line(a_machine(), [], translation(EXACT, GAP), None)

    assert (found.light, found.questions) == (Light.AMBER, ("name",))
    assert found.reason == "name: Why name."


def test_what_stands_against_it_makes_it_red_and_comes_before_questions():
    refused = line(a_machine(), [SPOT], None, None)
    blocked = line(a_machine(), [], translation(GAP, BLOCKED), None)

    assert (refused.light, refused.reason) == (Light.RED, "It is a Spot Instance.")
    assert (blocked.light, blocked.reason) == (Light.RED, "root: Why root.")


def test_a_machine_that_could_not_be_looked_at_is_red():
    assert lost("i-2", "EC2 says no.").light is Light.RED


def test_red_comes_first_and_the_sum_is_said():
    lines = [
        line(a_machine(), [], translation(EXACT), None),
        line(a_machine(name="a"), [], translation(GAP), None),
        lost("i-9", "No."),
    ]

    assert [one.light for one in order(lines)] == [Light.RED, Light.AMBER, Light.GREEN]
    assert summary(lines) == "3 machines: 1 green, 1 amber, 1 red."
    assert as_document(lines)["counts"] == {"red": 1, "amber": 1, "green": 1}
