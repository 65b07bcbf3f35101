"""How much of a wave happens at once: machines by its own number, and bytes by its share."""

import asyncio
import threading

import pytest

from tasks.limiting import change, limits, said
from tests.journeys.fleets import Fleet, states

FOUR = ("one", "two", "three", "four")
RATE = 64 << 20


class Moving:
    """Four machines, two at once: each freeze waits for a second one to be there."""

    def __init__(self, **head):
        self.fleet = Fleet(*FOUR)
        self.under_way, self.most, self.rates = set(), [], {}
        self._lock, self._pair = threading.Lock(), threading.Barrier(2)
        self._freeze, self._open = self.fleet.source.freeze, self.fleet.target.open_disk
        self._allocate = self.fleet.target.allocate
        self.fleet.source.freeze = self.freeze
        self.fleet.target.open_disk = self.open_disk
        self.fleet.target.allocate = self.allocate
        rows = {name: {} for name in FOUR}
        self.document = self.fleet.run(self.fleet.manifest(rows, machines_at_once=2, **head))

    def freeze(self, vm, *rest):
        with self._lock:
            self.under_way.add(vm)
            self.most.append(len(self.under_way))
        self._pair.wait(timeout=60)
        return self._freeze(vm, *rest)

    def open_disk(self, plan, frozen):
        bounds = limits().migration(plan.migration).bounds
        self.rates[plan.machine.name] = bounds.bytes_per_s
        return self._open(plan, frozen)

    def allocate(self, plan, disks):
        made = self._allocate(plan, disks)
        with self._lock:
            self.under_way.discard(plan.machine.origin.id)
        return made


@pytest.fixture(scope="module")
def moving(prefect_api):
    return Moving(bytes_per_s=RATE)


def test_as_many_machines_are_under_way_as_the_wave_allows_and_no_more(moving):
    assert set(states(moving.document).values()) == {"done"}
    assert max(moving.most) == 2


def test_the_bandwidth_of_a_wave_is_shared_by_those_that_are_under_way(moving):
    assert moving.rates == dict.fromkeys(FOUR, RATE // 2)


def test_shares_end_with_the_machines_that_had_them(moving):
    assert asyncio.run(said()).get("migrations", {}) == {}


def test_limits_that_are_written_at_the_same_time_are_all_kept(prefect_api):
    names = [f"{name}-azure-7f3a9c21-a1" for name in FOUR]

    async def set_all(rate):
        await asyncio.gather(*(change("migrations", name, {"bytes_per_s": rate}) for name in names))
        return (await said()).get("migrations", {})

    assert asyncio.run(set_all(1000)).keys() == set(names)
    assert asyncio.run(set_all(0)) == {}
