"""An estimate is the sum of its parts, and what nobody knows is in none of them."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldferry.contents import Traffic
from coldferry.dated import Figure, Table
from coldferry.estimating import (
    PERIODS,
    Bound,
    Charge,
    Share,
    Terms,
    as_json,
    contents_or_whole,
    duration,
    estimate,
)
from coldferry.foretelling import as_markdown, as_table, beside, facts
from coldferry.past import step_seconds
from coldferry.traffic import End, measured, whole
from tests.unit.fake_disks import MIB, WIDE

ENDS = (End(WIDE), End(WIDE))


def table(**values: float | None) -> Table:
    rows = [Figure(name.replace("_", "."), v, "a page", "2026-11-29") for name, v in values.items()]
    return Table("", "2026-11-29", {(row.name, row.place): row for row in rows})


def terms(**changes) -> Terms:
    """With 10 s for the halt, and no other step known."""
    given_ = {"rates": table(step_halt=10.0), "prices": table(block=0.5, month=None)}
    return Terms(**given_ | changes)


def disk(name: str = "disk0", mib: int = 4, **changes):
    return measured(name, 64 * MIB, [(0, mib * MIB)], *ENDS).model_copy(update=changes)


def charge(item: str, quantity: float = 1, **changes) -> Charge:
    return Charge(what=f"the {item}", item=item, place="here", quantity=quantity, **changes)


parts = st.lists(st.integers(0, 100).map(lambda mib: disk(mib=mib % 60)), max_size=5)
charges = st.lists(
    st.builds(
        charge,
        st.sampled_from(["block", "month", "nothing"]),
        st.floats(0, 1e6),
        period=st.sampled_from(PERIODS),
    ),
    max_size=8,
)


@given(parts, charges)
def test_the_sum_of_the_parts_is_the_whole(contents, paid):
    found = estimate(contents, [Share(charges=tuple(paid))], terms())

    assert found.read_bytes == sum(one.traffic.read_bytes for one in contents)
    assert found.sent_bytes == sum(one.traffic.sent_bytes for one in contents)
    known = sum(cost.usd for cost in found.costs if cost.usd is not None)
    assert sum(found.usd(period).known for period in PERIODS) == pytest.approx(known)
    unknown = [cost.what for cost in found.costs if cost.usd is None]
    assert sorted(w for p in PERIODS for w in found.usd(p).unknown) == sorted(unknown)


@given(parts, st.integers(1, 60))
def test_more_data_never_takes_less_of_anything(contents, mib):
    rates = table(**{"worker_bytes-per-s": 1e6, "worker_copied-bytes-per-s": 5e5})
    before = estimate(contents, [], terms(rates=rates))
    after = estimate([*contents, disk("more", mib)], [], terms(rates=rates))

    assert before.read_bytes < after.read_bytes
    assert before.sent_bytes < after.sent_bytes
    assert before.whole_s.known <= after.whole_s.known
    assert before.downtime_s.known <= after.downtime_s.known


def test_a_price_that_is_not_known_is_not_nothing():
    found = estimate(
        [disk()], [Share(charges=(charge("block", 3), charge("month"), charge("none")))], terms()
    )

    assert found.usd("once").known == 1.5
    assert found.usd("once").unknown == ("the month", "the none")
    assert dict(facts(found))["paid once"].startswith("at least $1.50; not known: the month")
    assert as_json(found)["costs"][1]["usd"] is None


def test_a_price_of_another_region_says_of_which():
    row = Figure("block", 0.5, "a page", "2026-11-29", place="there")
    prices = Table("", "2026-11-29", {("block", "there"): row})
    found = estimate([], [Share(charges=(charge("block"),))], terms(prices=prices))

    assert found.costs[0].basis == "a page, 2026-11-29; list price of there"


def test_what_is_not_needed_costs_nothing_and_is_not_named():
    assert estimate([], [Share(charges=(charge("none", 0),))], terms()).costs == ()


def test_a_step_that_nobody_measured_makes_an_at_least():
    found = estimate([disk()], [], terms())

    assert found.downtime_s.known == 10.0
    assert "freeze" in found.downtime_s.unknown
    assert dict(facts(found))["downtime"].startswith("at least 10 s; not known: describe again")


def test_what_was_measured_here_before_counts_first():
    found = estimate([disk()], [], terms(past={"halt": (33.0, 4)}))
    (halt,) = [step for step in found.steps if step.name == "halt"]

    assert (halt.seconds, halt.basis) == (33.0, "the median of 4 earlier migrations from here")


def test_without_an_inspection_no_time_is_spent_on_one():
    steps = {step.name for step in estimate([], [], terms(inspect=False)).steps}

    assert not steps & {"inspect", "inspect again"}


def test_a_disk_of_another_size_than_was_measured_counts_whole():
    grown = whole("disk0", 128 * MIB, *ENDS)

    assert contents_or_whole([disk()], [grown]) == (grown,)
    assert contents_or_whole([disk()], [whole("disk0", 64 * MIB, *ENDS)]) == (disk(),)


@pytest.mark.parametrize(
    ("contents", "exact", "ceiling", "said"),
    [
        ([disk()], True, True, "as the source lists it"),
        ([whole("disk0", MIB, *ENDS)], False, True, "an upper bound"),
        ([disk(), whole("disk1", MIB, *ENDS)], False, True, "else the disk's size"),
        ([disk(as_of="2026-11-01T00:00:00")], False, False, "snapshots from 2026-11-01"),
    ],
)
def test_the_basis_says_whether_it_is_exact(contents, exact, ceiling, said):
    found = estimate(contents, [], terms())

    assert (found.exact, found.ceiling) == (exact, ceiling)
    assert said in found.basis


def bound(name: str, amount: float, per_s: float, device: str = "", step: str = "copy") -> Bound:
    return Bound(step=step, name=name, amount=amount, per_s=per_s, device=device)


def test_the_tightest_bound_is_the_bottleneck():
    of = [bound("quota", 1000, 100), bound("disk limit", 900, 60, "disk1")]

    assert duration("copy", of) == (15.0, "disk limit of disk1")
    assert duration("copy", [*of, bound("quota", 1000, 100)]) == (20.0, "quota")
    assert duration("read back", of) == (0.0, "")


bounds = st.lists(
    st.builds(
        bound, st.sampled_from("ab"), st.floats(0, 1e9), st.sampled_from([1.0, 60.0]),
        st.sampled_from(["", "disk0"]),
    ),
    max_size=6,
)  # fmt: skip


@given(bounds, bounds)
def test_another_bound_never_makes_a_step_quicker(some, more):
    assert duration("copy", some)[0] <= duration("copy", some + more)[0]


def test_a_limit_on_bytes_is_a_bottleneck_by_its_name():
    found = estimate([disk(mib=60)], [], terms(bytes_per_s=1.0))

    assert found.bottleneck == "bandwidth limit of this migration"


def test_an_estimate_stands_beside_what_it_was():
    found = estimate([disk()], [Share(calls={"a: read": 5})], terms())
    told = beside(
        found, read_bytes=4 * MIB, sent_bytes=3 * MIB, calls={"a: read": 6, "b: list": 1},
        seconds={"halt": 12.5},
    )  # fmt: skip
    said = {one.what: (one.estimate, one.actual, one.difference) for one in told}

    assert said["bytes read"] == (4 * MIB, 4 * MIB, 0)
    assert said["bytes sent, at most"] == (4 * MIB, 3 * MIB, -MIB)
    assert said["calls, a: read"] == (5, 6, 1)
    assert said["calls, b: list"] == (None, 1, None)
    assert said["halt"] == (10.0, 12.5, 2.5)
    assert said["freeze"] == (None, None, None)
    assert any("-1 MiB" in line for line in as_table(told))


def test_a_page_of_an_estimate_makes_no_link_of_a_price_s_page():
    prices = table(block=0.5)
    row = Figure("block", 0.5, "https://prices.example/x|y", "2026-11-29")
    prices = Table("", "2026-11-29", {("block", ""): row})
    text = "\n".join(as_markdown(estimate([disk()], [Share(charges=(charge("block"),))],
                                          terms(prices=prices))))  # fmt: skip

    assert "https://prices" not in text
    assert r"x\|y" in text


def test_the_past_is_read_from_reports_that_can_be_read(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("COLDFERRY_HOME", str(tmp_path))
    folder = tmp_path / "reports"
    folder.mkdir()
    for number, seconds in enumerate(({"halt": 10}, {"halt": 30, "copy": 1}, {"halt": 20})):
        name = f"web-azure-0000000{number}-a1.json"
        (folder / name).write_text(json.dumps({"seconds": seconds}))
    (folder / "web-azure-00000009-a1.json").write_text("{")
    (folder / "web-azure-00000008-a1.json").write_text('{"seconds": [1]}')
    (folder / "web-other-00000007-a1.json").write_text('{"seconds": {"halt": 999}}')

    assert step_seconds("azure") == {"halt": (20.0, 3), "copy": (1.0, 1)}
    assert step_seconds("nowhere") == {}


def test_traffic_adds_up():
    one = Traffic(read_bytes=1, reads=2, sent_bytes=3, writes=4, back_bytes=5, back_reads=6)

    assert one + one == one.times(2)
