"""How a step is tried: again when the provider was busy, once when it said no."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from coldferry.errors import Transient, Unreachable

P = ParamSpec("P")
R = TypeVar("R")

RETRY_DELAYS_S = [1.0, 2.0, 5.0, 15.0, 30.0]
"""Under a minute in all: the SDKs have retried the transport before."""

EARLY_RETRY_DELAYS_S = [1.0, 3.0]
"""Before anything was touched a person is waiting, and nothing is lost by an early end."""


_failed: dict[str, str] = {}


def worth_retrying_early(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    """What the provider called transient, but for a provider that does not answer at all."""
    error = _error(state)
    return isinstance(error, Transient) and not isinstance(error, Unreachable)


def worth_retrying(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    """Only what the provider itself called transient."""
    return isinstance(_error(state), Transient)


def failed_in(run: str) -> str:
    """The step that failed last in a run of this process, by the run's id; empty where none did.

    Prefect's API has it, too, but only once the events of the tasks were worked through.
    """
    return _failed.get(run, "")


def _note(task: Task[Any, Any], run: TaskRun, _state: State[Any]) -> None:
    _failed[str(run.flow_run_id)] = task.name


def _error(state: State[Any]) -> BaseException | None:
    found: Any = state.result(raise_on_failure=False)
    return found if isinstance(found, BaseException) else None


def step(name: str, *, early: bool = False) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A task that is never cached: it reads or changes a cloud, and is idempotent.

    ``early`` is for steps before the halt.
    """
    delays = EARLY_RETRY_DELAYS_S if early else RETRY_DELAYS_S

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        return task(
            name=name,
            retries=len(delays),
            retry_delay_seconds=delays,
            retry_condition_fn=worth_retrying_early if early else worth_retrying,
            cache_policy=NO_CACHE,
            persist_result=False,
            on_failure=[_note],
        )(function)

    return decorate
