"""A rehearsal's own steps: disks frozen while the machine runs, and everything removed again."""

from prefect.artifacts import acreate_markdown_artifact

from coldferry.abilities import Trying
from coldferry.boot_check import trial_of
from coldferry.migration import rehearsal_of
from coldferry.plan import Plan
from coldferry.ports import Erased, FrozenDisk, Target
from coldferry.rehearsal import Rehearsal
from providers.manifests import open_folder
from tasks.clouds import Cloud
from tasks.moving import count_anew
from tasks.steps import step


@step("freeze as it runs")
def freeze_running(source: Cloud, vm: str, plan: Plan) -> list[FrozenDisk]:
    """The disks as they are now; what an earlier rehearsal froze is older, and is deleted."""
    count_anew(plan)
    cloud = source.source()
    cloud.release(plan.migration)
    return cloud.freeze(vm, plan.migration, plan.devices)


@step("remove the rehearsal")
def remove_rehearsal(source: Cloud, target: Cloud, rehearsal: str) -> list[Erased]:
    """Everything that bears its id, at both ends, and its manifests."""
    goal = target.target()
    gone = [*_cleared(goal, rehearsal), *source.source().release(rehearsal)]
    open_folder().forget(rehearsal)
    return gone


@step("look what the rehearsal left")
def left_of(source: Cloud, target: Cloud, rehearsal: str) -> list[dict[str, str]]:
    """What still bears its id, as a fresh read at both ends found it."""
    goal = target.target()
    every = [*source.source().owned(rehearsal)]
    every += [*goal.owned(rehearsal), *goal.owned(trial_of(rehearsal))]
    return [{"kind": one.kind, "id": one.id} for one in every]


def clear_rehearsal(cloud: Target, migration: str) -> list[Erased]:
    """Remove what a rehearsal of the migration left at the target that was killed."""
    return _cleared(cloud, rehearsal_of(migration))


def _cleared(cloud: Target, rehearsal: str) -> list[Erased]:
    tried = cloud.end_trial(rehearsal) if isinstance(cloud, Trying) else []
    return [*tried, *cloud.discard(rehearsal)]


async def publish_rehearsal(done: Rehearsal) -> None:
    """Keep it, and show it as the run's artifact."""
    done.save()
    await acreate_markdown_artifact(
        done.as_markdown(),
        key=f"report-{rehearsal_of(done.migration)}",
        description=f"{done.migration}: rehearsed",
    )
