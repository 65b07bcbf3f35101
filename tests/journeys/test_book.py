"""What a person approved once is not asked again, between clouds in memory."""

import asyncio
import uuid

import pytest
from prefect.client.orchestration import get_client

from coldferry.book import BookRule
from coldferry.errors import TranslationsMissing, Unreachable
from coldferry.ports import PowerState
from flows.compare import compare
from flows.migrate_vm import migrate_vm
from tasks.book import RuleRecord, forget, keep, open_book
from tasks.clouds import Cloud
from tests.conformance.worlds import ANSWERS, a_target, add_machine
from tests.journeys.clouds import lend_target
from tests.journeys.test_story import VM, Ferry

SUBNET = "nics[0].subnet_id"
TWIN = "web-02"


class Wave(Ferry):
    """Two machines of one shape."""

    def __init__(self):
        super().__init__(disks=1)
        add_machine(self.source.cloud, TWIN, disks=1)

    def move(self, vm, answers=None, **options):
        origin, goal = self.blocks
        return asyncio.run(migrate_vm(origin, vm, goal, answers=answers, **options))

    @property
    def rules(self):
        """What the book holds for this source."""
        scope = f"memory:{self.source.cloud.world.name}"
        return [rule for rule in asyncio.run(open_book()).rules if rule.source == scope]


class Story(Wave):
    """Six machines of one shape, one after another; what came of each, and what the book held."""

    def __init__(self):
        super().__init__()
        for name in ("unbooked", "answered", "late", "last"):
            add_machine(self.source.cloud, name, disks=1)
        self.move("unbooked", ANSWERS, use_book=False)
        self.rules_without = self.rules
        self.first = self.move(VM, ANSWERS)
        self.rules_of_first = self.rules
        self.not_read = self.asked(TWIN, use_book=False)
        self.second = self.move(TWIN)
        self.again = {
            "without": self.move(TWIN, {}),
            "with the book's own": self.move(TWIN, ANSWERS),
        }
        self.move("answered", ANSWERS)
        self.rules_later = self.rules
        self._without_that_value()
        self._without_rules()

    def _without_that_value(self):
        world = self.target.cloud.world
        there, world.subnets = world.subnets, ("net/two",)
        self.gone = self.asked("late")
        self.power_when_gone = self.source.cloud.power("late")
        self.move("late", {SUBNET: "net/two"})
        self.rules_in_the_end = self.rules
        world.subnets = there

    def _without_rules(self):
        rules = self.rules
        asyncio.run(forget(rules))
        asyncio.run(forget(rules))  # twice is once
        self.forgotten = self.asked("last")
        self.rerun = self.move(TWIN)

    def asked(self, vm, **options):
        """What is asked where nothing but the book could have answered."""
        with pytest.raises(TranslationsMissing) as ended:
            self.move(vm, **options)
        return ended.value


@pytest.fixture(scope="module")
def story(prefect_api):
    return Story()


def field(report, path=SUBNET):
    return next(one for one in report["translation"] if one["path"] == path)


def a_rule(scope=None, **changes):
    fields = {
        "pattern": "nics[].subnet_id", "value": "net/one", "by": "Ada",
        "source": f"memory:{scope or uuid.uuid4()}", "at": "2031-05-01T12:00:00+00:00",
    }  # fmt: skip
    return BookRule.model_validate(fields | changes)


def test_a_second_machine_of_the_same_shape_asks_nothing(story):
    first, second = story.first, story.second

    assert second["state"] == "allocated"
    assert (field(first)["decided_by"], field(second)["decided_by"]) == ("person", "book")
    assert field(second)["target"] == field(first)["target"]
    assert second["approved"]["by"] == "the translation book"


def test_the_report_names_the_rule_and_who_approved_it_first(story):
    (rule,) = story.rules_of_first
    assert field(story.second)["precedent"] == {
        "rule": rule.id,
        "said": "net/one",
        "by": story.first["approved"]["by"],
        "at": rule.at,
        "migration": story.first["migration"],
    }


def test_an_answer_of_the_book_teaches_it_nothing_new(story):
    assert story.rules_later == story.rules_of_first


def test_without_the_book_it_is_neither_read_nor_written(story):
    assert story.rules_without == []
    assert story.not_read.missing == [SUBNET]


def test_a_value_that_is_gone_at_the_target_is_asked_again_and_fails_nothing(story):
    assert "no subnet 'net/one' here" in str(story.gone)
    assert story.gone.missing == [SUBNET]
    assert story.power_when_gone is PowerState.RUNNING

    newest, older = story.rules_in_the_end
    assert (newest.value, older.value) == ("net/two", "net/one")


def test_a_rule_that_was_forgotten_is_asked_again(story):
    assert story.forgotten.missing == [SUBNET]


def test_a_rerun_of_a_plan_that_the_book_answered_needs_the_book_no_more(story):
    assert story.rerun["target_vm"] == story.second["target_vm"]


@pytest.mark.parametrize("answers", ["without", "with the book's own"])
def test_a_machine_under_way_by_the_book_takes_the_same_answers_again(story, answers):
    assert story.again[answers]["migration"] == story.second["migration"]


@pytest.mark.slow
def test_writers_at_the_same_time_lose_no_rule(prefect_api):
    rules = [a_rule() for _ in range(12)]

    async def write():
        async with get_client() as client:  # as on a server where nobody has kept one yet
            found = await client.read_block_type_by_slug("coldferry-book-rule")
            await client.delete_block_type(found.id)
        await asyncio.gather(*(keep([rule]) for rule in [*rules, *rules]))
        return await open_book()

    asyncio.run(keep(rules[:1]))
    kept = {rule.id for rule in asyncio.run(write()).rules}

    assert {rule.id for rule in rules} <= kept


def test_a_document_that_is_no_rule_is_left_out(prefect_api):
    rule = a_rule()
    asyncio.run(keep([rule]))
    RuleRecord(rule={"pattern": "of/another/release"}).save(f"rule-{uuid.uuid4()}")

    assert rule.id in {one.id for one in asyncio.run(open_book()).rules}


@pytest.mark.slow
def test_a_book_is_read_whole_however_long_it_is(prefect_api):
    rules = [a_rule() for _ in range(210)]  # one of Prefect's pages has 200

    asyncio.run(keep(rules))

    kept = {rule.id for rule in asyncio.run(open_book()).rules}
    assert {rule.id for rule in rules} <= kept


@pytest.fixture
def only(prefect_api):
    """No saved clouds but those that a test lends."""

    async def remove():
        async with get_client() as client:
            for one in await client.read_block_documents_by_type("coldferry-cloud"):
                await client.delete_block_document(one.id)

    Cloud.register_type_and_schema()
    asyncio.run(remove())


def test_every_saved_target_is_ranked_and_shown(only):
    wave = Wave()
    dear = lend_target(a_target())
    dear.target().world.prices = {"s2": 9.5}
    wave.target.cloud.world.prices = {"s2": 0.25}
    silent = lend_target(a_target())
    silent.target().catalogue = _unreachable
    broken = asyncio.run(_save_nonsense())

    told = asyncio.run(compare(wave.blocks[0], VM))

    names = [wave.blocks[1], dear]
    assert [one["target"] for one in told["targets"][:2]] == [
        f"coldferry-cloud/{block._block_document_name}" for block in names
    ]
    assert [one["usd_per_hour"] for one in told["targets"]] == [0.25, 9.5, None, None]
    assert [one["gaps"] for one in told["targets"]] == [[SUBNET], [SUBNET], [], []]
    errors = {one["target"]: one["error"] for one in told["targets"][2:]}
    assert "does not answer" in errors[f"coldferry-cloud/{silent._block_document_name}"]
    assert "cannot be used" in errors[f"coldferry-cloud/{broken}"]
    artifact = asyncio.run(_artifact(f"compare-{VM}"))
    assert "needs a person" in artifact and "cannot be asked" in artifact


def test_what_the_book_answers_counts_as_answered(only):
    wave = Wave()
    asyncio.run(keep([a_rule(wave.source.cloud.world.name)]))

    (there,) = asyncio.run(compare(wave.blocks[0], TWIN))["targets"]
    (bare,) = asyncio.run(compare(wave.blocks[0], TWIN, use_book=False))["targets"]

    assert (there["verdict"], there["from_book"]) == ("ready", [SUBNET])
    assert (bare["verdict"], bare["gaps"]) == ("needs a person", [SUBNET])


def _unreachable():
    raise Unreachable("The cloud does not answer.")


async def _save_nonsense():
    """A block with settings that are none, as the API takes it from anybody; its name."""
    from prefect.client.schemas.actions import BlockDocumentCreate

    async with get_client() as client:
        kind = await client.read_block_type_by_slug("coldferry-cloud")
        schema = await client.get_most_recent_block_schema_for_block_type(kind.id)
        made = await client.create_block_document(
            BlockDocumentCreate(
                name=f"t-{uuid.uuid4()}",
                data={"provider": "moon"},
                block_type_id=kind.id,
                block_schema_id=schema.id,
            )
        )
    return made.name


async def _artifact(key):
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    async with get_client() as client:
        found = await client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        )
    return found[-1].data
