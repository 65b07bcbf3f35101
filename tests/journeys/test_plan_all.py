"""The first hour: every machine of an account as one table, and nothing is touched by asking."""

import pytest

from tests.journeys.seeding import blocks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def small(seeder):
    """An ordinary machine, of whose disk somebody made a backup."""
    one = seeder.small(tags={"Name": "all-amber"})
    (volume,) = one.content
    made = seeder.ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    seeder.ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[made])
    return one


@pytest.fixture(scope="module")
def spot(seeder):
    """One that cannot be moved as it is."""
    image = seeder.image([blocks(0)], BootMode="uefi")
    market = {"MarketType": "spot"}
    return seeder.launch(
        image, "m5.large", [blocks(0)], {"Name": "all-red"}, InstanceMarketOptions=market
    )


@pytest.fixture(scope="module")
def lines(sandbox, small, spot):
    """The table's lines by machine, made while neither cloud changes."""
    before = _things(sandbox)
    answer = sandbox.here("plan", sandbox.source, sandbox.target, "--all")
    assert (answer.exit_code, _things(sandbox)) == (0, before)
    found = {one["vm"]: one for one in answer.document["machines"]}
    assert sum(answer.document["counts"].values()) == len(found)
    lights = [one["light"] for one in answer.document["machines"]]
    assert lights == sorted(lights, key=["red", "amber", "green"].index)
    return found


def _things(sandbox):
    """What was called that changes anything, at either cloud."""
    names = {*sandbox.control("aws", "GET", "counts"), *sandbox.control("azure", "GET", "counts")}
    reading = ("Describe", "Get", "List", ".get", ".list")
    return sorted(name for name in names if not any(word in name for word in reading))


def test_what_cannot_be_moved_is_red_and_says_why(lines, spot):
    found = lines[spot.vm]

    assert (found["light"], found["estimate"]) == ("red", None)
    assert "Spot" in found["reason"]


def test_what_asks_is_amber_with_its_first_question(lines, small):
    found = lines[small.vm]

    assert found["light"] == "amber"
    assert "nics[0].subnet_id" in found["questions"]
    assert found["reason"].startswith(found["questions"][0])


def test_a_backup_tells_how_much_is_in_use_without_a_new_snapshot(lines, small, sandbox):
    found = lines[small.vm]["estimate"]

    assert (found["exact"], found["ceiling"]) == (False, False)
    assert found["read_bytes"] == 3 * 512 * 1024
    assert "as snapshots from" in found["basis"]
    alone = sandbox.here("plan", sandbox.source, small.vm, sandbox.target).document["estimate"]
    assert alone["read_bytes"] == found["read_bytes"]


def test_without_one_the_disk_counts_whole(sandbox, seeder):
    vm = seeder.small().vm
    found = sandbox.here("plan", sandbox.source, vm, sandbox.target).document["estimate"]

    assert (found["exact"], found["ceiling"], found["read_bytes"]) == (False, True, 1 << 30)


def test_money_that_is_not_known_is_named(lines, small):
    costs = lines[small.vm]["estimate"]["costs"]
    month = lines[small.vm]["estimate"]["usd"]["a month"]

    assert [cost["what"] for cost in costs if cost["usd"] is None and cost["period"] == "a month"
            ] == month["unknown"]  # fmt: skip
    assert month["known"] > 0
    assert any("list price of eastus" in cost["basis"] for cost in costs)


def test_the_table_is_for_people_too(sandbox, lines):
    text = sandbox.text("plan", sandbox.source, sandbox.target, "--all")

    assert "all-red" in text
    assert "machines:" in text


@pytest.mark.parametrize(
    "words", [("VM", "--all"), ("--all", "--inspect"), ("--all", "--answers", "x.yaml")]
)
def test_all_goes_with_nothing_that_is_one_machine_s(sandbox, words):
    answer = sandbox.here("plan", sandbox.source, sandbox.target, *words)

    assert (answer.exit_code, answer.error["code"]) == (2, "bad-input")


def test_a_plan_without_a_target_asks_for_it(sandbox, small):
    answer = sandbox.here("plan", sandbox.source, small.vm)

    assert (answer.exit_code, answer.error["code"]) == (2, "bad-input")


def test_a_faulty_table_of_prices_is_refused_with_its_line(sandbox, small, monkeypatch):
    path = sandbox.home / "prices.yaml"
    path.write_text("date: 2026-11-29\nrows:\n  - {name: a, value: much}\n")
    try:
        answer = sandbox.here("plan", sandbox.source, small.vm, sandbox.target)
    finally:
        path.unlink()

    assert answer.exit_code == 2
    assert "line 3, value: 'much' is no number" in answer.error["what"]


def _calls(sandbox, cloud):
    return sum(one["calls"] for one in sandbox.control(cloud, "GET", "counts").values())


def test_a_hundred_machines_are_one_table(sandbox, seeder):
    image = seeder.image([blocks(0)], BootMode="uefi")
    made = seeder.ec2.run_instances(
        ImageId=image, InstanceType="m5.large", MinCount=100, MaxCount=100
    )["Instances"]
    vms = [str(one["InstanceId"]) for one in made]
    seeder.ec2.get_waiter("instance_running").wait(InstanceIds=vms)
    sandbox.control("aws", "DELETE", "counts")
    sandbox.control("azure", "DELETE", "counts")
    try:
        answer = sandbox.here("plan", sandbox.source, sandbox.target, "--all")
    finally:
        asked = {cloud: _calls(sandbox, cloud) for cloud in ("aws", "azure")}
        seeder.ec2.terminate_instances(InstanceIds=vms)
    found = {one["vm"]: one for one in answer.document["machines"]}

    # One inventory a machine, and the target's catalogue once for all of them.
    assert asked["aws"] <= 25 * len(found)
    assert asked["azure"] <= 20

    assert {found[vm]["light"] for vm in vms} == {"amber"}
    assert all(found[vm]["estimate"]["read_bytes"] == 1 << 30 for vm in vms)
