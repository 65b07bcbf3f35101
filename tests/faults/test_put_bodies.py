"""Every PUT body of a whole migration is what Azure's published types allow."""

import pytest

from tests.conformance import bicep_types
from tests.faults.crossing import Crossing, dense


@pytest.fixture
def puts(crossing: Crossing) -> list[dict]:
    """Of a machine with two interfaces, two disks and tags."""
    crossing.azure.control("DELETE", "puts")
    interfaces = [{"DeviceIndex": i, "SubnetId": crossing.aws.subnet} for i in range(2)]
    crossing.migrate(crossing.seed(dense(2, 1), dense(2, 2), NetworkInterfaces=interfaces))
    found: list[dict] = crossing.azure.control("GET", "puts")
    return found


def test_the_double_takes_each_and_so_do_the_published_types(puts: list[dict]) -> None:
    """The double checks them against the installed SDK's own models."""
    assert [put["id"] for put in puts if not put["accepted"]] == []
    assert {put["type"].rpartition("/")[2] for put in puts} == {
        "disks", "networkInterfaces", "networkSecurityGroups", "virtualMachines",
    }  # fmt: skip

    unchecked = []
    for put in puts:
        found = bicep_types.problems(put["type"], put["api_version"], put["body"])
        if found is None:
            unchecked.append(f"{put['type']}@{put['api_version']}")
        assert not found, put["id"]
    if unchecked:
        pytest.skip(f"no published types here for {', '.join(sorted(set(unchecked)))}")
