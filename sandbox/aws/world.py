"""The state of the running server that the patches of moto reach for.

moto's backends are globals of the process, so there is one world at a time.
"""

import secrets
import threading
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.store import Store
from sandbox.consoles import Consoles


@dataclass(frozen=True)
class Delays:
    """How long things take; every length in seconds.

    ``timeout_minute_s`` is the length of one minute of StartSnapshot's Timeout,
    so that a test need not wait ten real ones.
    """

    stop_s: float = 1.0
    start_s: float = 0.5
    snapshot_s: float = 0.5
    complete_s: float = 0.3
    timeout_minute_s: float = 60.0
    block_token_s: float = 7 * 24 * 3600.0
    page_token_s: float = 3600.0


@dataclass
class Settings:
    """What a test may set.

    IAM actions that are denied (with ``*``), quotas by their code, and the instance types that
    the region offers, all where none is named.
    """

    denied: list[str] = field(default_factory=list)
    quotas: dict[str, float] = field(default_factory=dict)
    types: list[str] = field(default_factory=list)


@dataclass
class World:
    """Everything that is not in moto's own backends."""

    delays: Delays = field(default_factory=Delays)
    store: Store = field(default_factory=Store)
    # moto is not thread safe: its calls are made one after the other.
    moto_lock: threading.RLock = field(default_factory=threading.RLock)
    # (operation, region, client token) -> (fingerprint of the parameters, result)
    tokens: dict[tuple[str, str, str], tuple[str, Any]] = field(default_factory=dict)
    consoles: Consoles = field(default_factory=Consoles)
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    settings: Settings = field(default_factory=Settings)


_world: World | None = None


def current() -> World:
    """The world of the running server."""
    if _world is None:
        raise RuntimeError("no AWS sandbox server runs in this process")
    return _world


def enter(world: World) -> None:
    """Make ``world`` current; two servers at once in a process are refused."""
    global _world
    if _world is not None:
        raise RuntimeError("an AWS sandbox server already runs in this process: stop it first")
    _world = world


def leave() -> None:
    """Let the next server begin."""
    global _world
    _world = None
