"""A machine that raises more questions than one form can hold."""

import pytest

pytestmark = pytest.mark.slow

PAIRS = 12
TWINS = {key: str(n) for n in range(PAIRS) for key in (f"Twin{n:02}", f"twin{n:02}")}


class Paged:
    """A run whose first page is answered wrong, then well, and whose second page approves."""

    def __init__(self, served):
        self.served = served
        self.seeded = served.seeder.small(tags={"Name": "tagged-01", **TWINS})
        self.id = served.submit(self.seeded.vm)
        first = served.wait(self.id, "Suspended")
        self.first, _ = served.form(first)
        self.approved_early = served.resume(self.id, decision="approve", **self.answers(self.first))
        twin = next(name for name in self.first["properties"] if name.startswith("tags"))
        wrong = self.answers(self.first) | {twin: "Twin00"}
        served.resume(self.id, decision="next", decided_by="Ada", **wrong)
        again = served.wait(self.id, "Suspended", after=first["state"]["id"])
        self.again, _ = served.form(again)
        self.twin = twin
        served.resume(self.id, decision="next", **{twin: "another"})
        second = served.wait(self.id, "Suspended", after=again["state"]["id"])
        self.second, self.text = served.form(second)
        served.resume(self.id, decision="approve", **self.answers(self.second))
        self.done = served.wait(self.id, "Completed")
        listed = served.arrivals.compute.virtual_machines.list(served.arrivals.group)
        self.tags = next(vm.tags for vm in listed if vm.name == "tagged-01")

    @staticmethod
    def answers(schema):
        """Only what has no default: what a rule proposes is left as it is."""
        return {
            name: field["enum"][0]
            for name, field in schema["properties"].items()
            if "enum" in field and name != "decision" and "default" not in field
        }


@pytest.fixture(scope="module")
def paged(served):
    return Paged(served)


def asked(schema):
    return [n for n in schema["properties"] if n not in ("decision", "decided_by", "reason")]


def test_a_page_holds_twelve_and_the_decision_is_on_the_last(paged):
    assert len(asked(paged.first)) == 12
    assert paged.first["properties"]["decision"]["enum"] == ["next", "reject"]
    assert paged.second["properties"]["decision"]["enum"] == ["approve", "reject"]
    assert "page 2 of 2" in paged.text


def test_an_early_page_cannot_be_approved(paged):
    assert paged.approved_early["status"] == "REJECT"


def test_a_wrong_answer_brings_its_own_page_again(paged):
    assert asked(paged.again) == asked(paged.first)
    assert "NOT ACCEPTED" in paged.again["properties"][paged.twin]["description"]
    assert "default" in paged.again["properties"]["disks_0_kind"]


def test_no_question_is_on_two_pages(paged):
    assert not set(asked(paged.first)) & set(asked(paged.second))


def test_what_all_pages_said_is_carried_out(paged):
    assert paged.tags["another"] == "0"
    assert len([key for key in paged.tags if key.lower().startswith("twin")]) == 2 * PAIRS - 1
    assert paged.second["properties"]["decided_by"]["default"] == "Ada"
