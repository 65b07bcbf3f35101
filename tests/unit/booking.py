"""A target with fixed offers, a machine's twin, and what a book learns of one for the other."""

from coldferry.approval import approve
from coldferry.book import BookRule
from coldferry.learning import learn
from coldferry.plan import Plan
from coldferry.precedents import EMPTY, consult
from coldferry.translation import ACKNOWLEDGE, Verdict
from providers.azure.catalogue import Snapshot
from providers.azure.translate import translate
from tests.unit.machines import GIB
from tests.unit.test_azure_rules import a_catalogue

SUBNET = "nics[0].subnet_id"
IMAGE = Snapshot(id="/golden", name="golden", os="linux", generation="V1", size_bytes=8 * GIB)


class Goal:
    """A target with fixed offers."""

    provider, scope = "azure", "sub/group/westeurope"

    def __init__(self, **changes):
        self.offers = a_catalogue(snapshots=(IMAGE,), **changes)

    def catalogue(self):
        return self.offers

    def translate(self, machine, catalogue, answers):
        return translate(machine, catalogue, answers)


GOAL = Goal()


def a_rule(**changes):
    fields = {
        "pattern": "nics[].subnet_id", "value": "main/apps", "when": {}, "by": "Ada",
        "at": "2021-05-01T12:00:00+00:00",
    }  # fmt: skip
    return BookRule.model_validate(fields | changes)


def answers_to_all(machine, goal=GOAL):
    """First candidates and acknowledgements, until nothing is open."""
    answers = {}
    while found := [f for f in translate(machine, goal.offers, answers).fields if f.open]:
        for gap in found:
            missing = gap.verdict is Verdict.MISSING
            answers[gap.path] = gap.candidates[0].value if missing else ACKNOWLEDGE
    return answers


def approval(machine, answers, book=EMPTY, by="Ada", goal=GOAL):
    told = consult(goal, machine, answers, book)
    plan = Plan(migration="web-01-azure-00000000-a1", machine=machine, translation=told.translation)
    return approve(plan, told.answers, by, from_book=told.rules)


def learned(machine, answers, **more):
    return learn(approval(machine, answers, **more), GOAL, more.get("book", EMPTY))


def twin(machine):
    """Another machine of the same shape: all that is its own is another."""
    nics = tuple(
        nic.model_copy(
            update={"id": f"{nic.id}-b", "mac": "02:00:00:00:00:99", "private_address": "10.0.1.77"}
        )
        for nic in machine.nics
    )
    disks = tuple(disk.model_copy(update={"id": f"{disk.id}-b"}) for disk in machine.disks)
    origin = machine.origin.model_copy(update={"id": "i-2222222222222222"})
    update = {"origin": origin, "name": "web-02", "hostname": "web-02", "nics": nics}
    return machine.model_copy(update={**update, "disks": disks})
