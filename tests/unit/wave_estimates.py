"""Estimates of which only what a wave's schedule follows from matters."""

from typing import Any

from coldferry.estimating import Bound, Cost, Estimate, Step
from coldferry.waves.foreseeing import Load, Phase

QUOTA = "EBS request quota"


def an_estimate(
    copy_s: float = 60, *, halt_s: float | None = 5, sent: int = 1000, reads: float = 0,
    usd: float | None = 1.0, **more: Any,
) -> Estimate:  # fmt: skip
    """A machine whose disk takes so long, and that asks so much of an account's quota."""
    steps = (
        Step(name="describe", seconds=10), Step(name="halt", seconds=halt_s),
        Step(name="copy", seconds=copy_s, bottleneck="disk limit of disk0"),
        Step(name="allocate", seconds=20),
    )  # fmt: skip
    bounds = [
        Bound(step="copy", name="disk limit", amount=copy_s, per_s=1, device="disk0"),
        Bound(step="copy", name=QUOTA, amount=reads, per_s=1000),
    ]
    fields = {
        "exact": True, "ceiling": True, "basis": "", "read_bytes": sent, "sent_bytes": sent,
        "calls": {}, "steps": steps, "bounds": tuple(bounds), "needs": {}, "rates_date": "",
        "costs": (Cost(what="calls", usd=usd, period="once"),), "prices_date": "",
    }  # fmt: skip
    return Estimate(**fields | more)


def a_load(name: str, before_s: float, after_s: float, reads: float = 0) -> Load:
    shared = {(QUOTA, 1000.0): reads} if reads else {}
    after = (Phase(after_s, shared),)
    return Load(name, before=(Phase(before_s),), after=after, copy_at=0)
