"""Stories between clouds in memory in which each task fails once, at its first call."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeVar

from coldferry.errors import ColdferryError
from coldferry.ports import Owned, PowerState
from tests.journeys.test_story import VM, Ferry

R = TypeVar("R")


class Once:
    """The first call that each of ``tasks`` makes of a provider raises ``error``.

    ``one_a_run``: a run meets one failure, so that none hides behind what the flow does about
    another. What is ``forgiven`` does not count: the run goes on after it.
    """

    def __init__(
        self,
        error: ColdferryError,
        tasks: Collection[str],
        *,
        one_a_run: bool = False,
        forgiven: Collection[str] = (),
    ) -> None:
        self.error, self.left, self.forgiven = error, {*tasks}, forgiven
        self.failed: dict[str, str] = {}
        """The method that failed, by task."""
        self.ended: set[str] = set()
        """Tasks whose failure was the end of a run."""
        self.called_after: Counter[str] = Counter()
        """Calls of the method that failed, by the very run of the task that met the failure."""
        self._one_a_run, self._met = one_a_run, ""
        self._runs: set[tuple[str, str]] = set()

    def at(self, ferry: Ferry) -> Ferry:
        """Tasks fail at both of its clouds from now on."""
        ferry.source.asked = ferry.target.asked = self._asked
        return ferry

    def until_done(self, act: Callable[[], R]) -> R:
        """Run it again and again; each run but the last is ended by another failure."""
        while True:
            self._met = ""
            try:
                done = act()
            except ColdferryError:
                if not self._met:
                    raise
                self.ended.add(self._met)
            else:
                assert not self._met, f"a run went on after {self._met} had failed"
                return done

    def _asked(self, task: str, run: str, method: str) -> None:
        if (run, method) in self._runs:
            self.called_after[task] += 1
        if task not in self.left or (self._one_a_run and self._met):
            return
        self.left.discard(task)
        self.failed[task] = method
        self._runs.add((run, method))
        if task not in self.forgiven:
            self._met = task
        raise self.error


@dataclass(frozen=True)
class End:
    """How it was at both clouds once a story was told, and which tasks had failed by then."""

    failed: frozenset[str]
    power: PowerState | None
    nothing_at_target: bool
    owned: list[Owned]

    @classmethod
    def of(cls, ferry: Ferry, *stories: Once) -> "End":
        source, target = ferry.source.cloud, ferry.target.cloud
        there: Any = source.world.machines
        return cls(
            failed=frozenset[str]().union(*(one.failed for one in stories)),
            power=source.power(VM) if VM in there else None,
            nothing_at_target=ferry.nothing_at_target,
            owned=[*source.owned(), *target.owned()],
        )
