"""Whether a new machine starts: a copy of it is tried, and it stays as it was proven."""

from functools import partial

from coldferry.abilities import Trying
from coldferry.boot_check import WITHIN_S, Boot, cannot_show, finding_of, not_checked, try_boot
from coldferry.errors import ColdferryError, Ended, Finding
from coldferry.plan import Plan
from coldferry.progress import check_one
from coldferry.report import Stopwatch
from tasks.clouds import Cloud
from tasks.steps import step


@step("boot check")
def boot_check(target: Cloud, plan: Plan, within_s: float = WITHIN_S) -> Boot | None:
    """What became of a copy that was started; None at a target that shows no console."""
    cloud = target.target()
    if not isinstance(cloud, Trying):
        return None
    return try_boot(cloud, plan, within_s, partial(check_one, plan.migration))


def look_whether_it_boots(
    target: Cloud, plan: Plan, vm: str, timed: Stopwatch, *, asked: bool
) -> list[Finding]:
    """What is to be said of the machine's start; nothing where nobody ``asked``.

    It fails nothing: the machine has arrived.
    """
    if not asked:
        return []
    try:
        with timed("boot check"):
            boot = boot_check(target, plan)
    except Ended:
        raise
    except ColdferryError as error:
        return [not_checked(vm, error)]
    return [cannot_show(target.provider, vm) if boot is None else finding_of(boot, vm)]
