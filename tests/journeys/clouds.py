"""Clouds in memory behind saved blocks, and a wrapper that fails on demand and keeps a log."""

import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

from prefect import runtime

from coldferry.errors import ColdferryError
from providers.aws.access import AwsAccess
from providers.azure.access import AzureAccess
from providers.memory.cloud import MemoryCloud
from providers.registry import Access, lend
from tasks.clouds import Cloud

PORTS = (
    "machines", "describe", "power", "start", "stop", "reboot", "owned", "unmovable", "marks",
    "mark", "marked", "freeze", "open_frozen", "release", "catalogue", "translate", "preflight",
    "open_disk", "open_written", "in_use", "discard_disk", "allocate", "compare",
    "at_stake", "discard", "started_since", "ran_since", "arrived", "open_up", "keep",
    "kept", "frozen", "erase_kept", "temporary", "at_hand_over", "hand_over",
    "removal", "remove", "remaining", "usd_per_day", "tagged", "preflight_source", "rations",
)  # fmt: skip


class Watched:
    """A cloud whose calls are logged with the task that made them, and fail when told to.

    ``fail(method, error, task)`` makes the next call of ``method`` from that
    task raise; ``before(method, act)`` runs ``act`` once before the next call.
    ``asked`` is told of every call: the task, the run of it, and the method; it may raise.
    """

    def __init__(self, cloud: MemoryCloud) -> None:
        self.cloud = cloud
        self.calls: Counter[tuple[str, str]] = Counter()
        self._errors: dict[tuple[str, str], ColdferryError] = {}
        self.asked: Callable[[str, str, str], None] | None = None
        self._acts: dict[str, Callable[[], Any]] = {}

    def fail(self, method: str, error: ColdferryError, task: str) -> None:
        self._errors[task, method] = error

    def before(self, method: str, act: Callable[[], Any]) -> None:
        self._acts[method] = act

    @property
    def pending(self) -> bool:
        """A failure that was asked for has not happened."""
        return bool(self._errors)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.cloud, name)
        return self._watch(name, found) if name in PORTS else found

    def _watch(self, method: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **options: Any) -> Any:
            task = str(runtime.task_run.task_name or "")
            self.calls[task, method] += 1
            if act := self._acts.pop(method, None):
                act()
            if self.asked is not None:
                self.asked(task, str(runtime.task_run.id), method)
            if error := self._errors.pop((task, method), None):
                raise error
            return call(*args, **options)

        return watched


for _port in PORTS:  # a runtime protocol looks for the methods on the class
    setattr(Watched, _port, property(lambda self, name=_port: self.__getattr__(name)))


def lend_source(cloud: Any) -> Cloud:
    """A saved block behind which ``cloud`` answers as a source."""
    access = Access(provider="aws", aws=AwsAccess(endpoint_url=f"memory:{uuid.uuid4()}"))
    return _lend(access, cloud)


def lend_target(cloud: Any) -> Cloud:
    """A saved block behind which ``cloud`` answers as a target."""
    access = Access(provider="azure", azure=AzureAccess(endpoint=f"memory:{uuid.uuid4()}"))
    return _lend(access, cloud)


def _lend(access: Access, cloud: Any) -> Cloud:
    lend(access, cloud)
    name = f"t-{uuid.uuid4()}"
    block = Cloud(provider=access.provider, aws=access.aws, azure=access.azure)
    block.save(name)
    loaded: Any = Cloud.load(name)
    return loaded
