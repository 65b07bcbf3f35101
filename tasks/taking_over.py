"""One new machine takes over, as its own cutover and a wave's have it done."""

from collections.abc import Mapping, Sequence

from coldferry.cutover import groups_of
from coldferry.errors import ColdferryError, after_halt
from coldferry.home import alone
from coldferry.switched import Switched
from tasks.clouds import Cloud
from tasks.recording import publish_switched
from tasks.switching import check_all, look_ahead, open_up, start_new, tag_as_moved


def take_over(
    source: Cloud,
    vm: str,
    target: Cloud,
    migration: str,
    groups: Sequence[str],
    decided: Mapping[str, str],
    checks: Sequence[str],
    checks_within_s: float,
    keep_days: int,
) -> Switched:
    """Hand production to one new machine, once a person ``decided``, and keep its report.

    Without ``groups`` its interfaces stay behind what they are behind. Checks that fail are in
    what is answered. Raises Conflict while another run is at this migration, Refused where it
    may not be cut over any more, and what a cloud raises as the failure that it is by then.
    """
    with alone(migration):
        ready = look_ahead(source, vm, target, migration)
        wanted = groups_of(ready.arrived, groups) if groups else ()
        try:
            if wanted:
                open_up(target, migration, wanted)
            marks = tag_as_moved(source, vm, migration, keep_days)
            arrived = start_new(target, migration)
            results = check_all(target, migration, checks, checks_within_s)
        except ColdferryError as error:
            raise after_halt(error, migration) from None
    switched = Switched(ready, marks, arrived, decided, tuple(results))
    publish_switched(switched)
    return switched
