"""Every machine of a source, as one target would make it: a table for the Prefect UI."""

from collections.abc import Sequence

from prefect.artifacts import acreate_markdown_artifact

from coldferry.book import Book
from coldferry.estimating import Terms
from coldferry.fleet import Line, as_markdown, order
from coldferry.migration import slug
from coldferry.past import step_seconds
from coldferry.surveying import Survey
from providers.tables import prices, rates, worker
from tasks.clouds import Cloud
from tasks.limiting import limits
from tasks.steps import step


@step("plan all", early=True)
def plan_all(source: Cloud, target: Cloud, vms: Sequence[str], book: Book) -> list[Line]:
    """A line for each machine, red ones first; all of the source's where none is named."""
    goal = target.translator()
    terms = Terms(
        rates=rates(),
        prices=prices(),
        worker=worker(),
        bytes_per_s=limits().cloud(target.provider).bounds.bytes_per_s,
        past=step_seconds(target.provider),
    )
    origin = source.machines()
    survey = Survey(origin, goal, book, terms)
    return order(list(survey.look_at(list(vms) or origin.machines())))


async def publish_table(source: Cloud, target: Cloud, lines: Sequence[Line]) -> None:
    """Show the table as the run's artifact."""
    origin, goal = (str(cloud._block_document_name) for cloud in (source, target))  # noqa: SLF001
    await acreate_markdown_artifact(
        as_markdown(origin, goal, lines),
        key=f"plan-of-{slug(origin)}-to-{slug(goal)}",
        description=f"Every machine of {origin}, as {goal} would make it",
    )
