"""Every EC2 instance type against a list of real Azure sizes, and the reverse.

``size_tables`` holds the lists and a plain search that knows nothing of the chooser.
"""

import json
import re
from pathlib import Path

import pytest

from tests.unit.size_tables import (
    AZURE,
    EC2,
    LADEN,
    PLAIN,
    Fit,
    fits_at_azure,
    fits_at_ec2,
    published,
)

ROOT = Path(__file__).parents[2]
SHAPES = (PLAIN, LADEN)
Fits = dict[str, list[Fit]]


@pytest.fixture(scope="module")
def at_azure() -> Fits:
    return {shape.name: fits_at_azure(shape) for shape in SHAPES}


@pytest.fixture(scope="module")
def at_ec2() -> Fits:
    return {shape.name: fits_at_ec2(shape) for shape in SHAPES}


@pytest.fixture(scope="module")
def every(at_azure: Fits, at_ec2: Fits) -> list[Fit]:
    return [fit for by_shape in (at_azure, at_ec2) for fits in by_shape.values() for fit in fits]


def names(fits: list[Fit]) -> list[tuple[str, str, str | None]]:
    return [(fit.machine.instance_type, str(fit.machine.firmware), fit.chosen) for fit in fits]


def test_all_types_and_at_least_three_hundred_sizes_are_there(at_azure: Fits, at_ec2: Fits) -> None:
    rows = AZURE["sizes"]

    assert len({row["name"] for row in rows}) == len(rows) >= 300
    assert len(EC2) >= 800
    for fits in at_azure.values():
        assert {fit.machine.instance_type for fit in fits} == set(EC2)
    for fits in at_ec2.values():
        assert {fit.machine.instance_type for fit in fits} == {row["name"] for row in rows}


def test_every_size_names_the_page_that_it_was_read_from() -> None:
    pages = AZURE["pages"]

    assert {row["page"] for row in AZURE["sizes"]} == set(pages)
    assert all(re.fullmatch(r"[0-9a-f]{40}", page["commit"]) for page in pages.values())
    assert all(page["title"] for page in pages.values())
    assert AZURE["address"].startswith("https://learn.microsoft.com/")


def test_no_choice_is_less_than_the_machine_or_unlike_it(at_azure: Fits, at_ec2: Fits) -> None:
    azure = {row["name"]: row for row in AZURE["sizes"]}
    wrong = []
    for fit in (fit for fits in at_azure.values() for fit in fits if fit.chosen):
        row, machine = azure[fit.chosen or ""], fit.machine
        boots = {"V1": "bios", "V2": "uefi"}
        if not (
            row["memory_gib"] * 2**30 >= machine.memory_bytes
            and row["vcpus"] >= machine.vcpus
            and row["architecture"] == machine.architecture
            and machine.firmware in [boots[word] for word in row["generations"]]
        ):
            wrong.append(fit)
    for fit in (fit for fits in at_ec2.values() for fit in fits if fit.chosen):
        row, machine = EC2[fit.chosen or ""], fit.machine
        boots = {"legacy-bios": "bios", "uefi": "uefi"}
        if not (
            row["MemoryInfo"]["SizeInMiB"] * 2**20 >= machine.memory_bytes
            and row["VCpuInfo"]["DefaultVCpus"] >= machine.vcpus
            and machine.architecture in row["ProcessorInfo"]["SupportedArchitectures"]
            and machine.firmware in [boots[word] for word in row["SupportedBootModes"]]
        ):
            wrong.append(fit)

    assert names(wrong) == []


def test_a_plain_search_agrees_for_which_machines_there_is_a_fit(every: list[Fit]) -> None:
    unlike = [fit for fit in every if not fit.asked and (fit.chosen is None) == bool(fit.enough)]

    assert names(unlike) == []


def test_a_plain_search_agrees_which_fit_is_smallest(every: list[Fit]) -> None:
    larger = [
        fit
        for fit in every
        if fit.chosen is not None and fit.enough.get(fit.chosen) != min(fit.enough.values())
    ]

    assert names(larger) == []


def test_a_machine_with_accelerators_or_of_no_known_architecture_is_always_asked_about(
    every: list[Fit],
) -> None:
    asked = [fit for fit in every if fit.asked]
    told = ("GpuInfo", "FpgaInfo", "NeuronInfo", "MediaAcceleratorInfo", "InferenceAcceleratorInfo")
    accelerated = {name for name, row in EC2.items() if any(word in row for word in told)}
    accelerated |= {row["name"] for row in AZURE["sizes"] if row["gpus"] != "0"}

    assert [fit for fit in asked if fit.chosen] == []
    assert accelerated <= {fit.machine.instance_type for fit in asked}


def test_the_published_table_is_what_comes_out(at_azure: Fits, at_ec2: Fits) -> None:
    table = published(at_azure, at_ec2)
    print(table)  # noqa: T201 - the figures are there to be read

    assert table in (ROOT / "docs" / "sizes.md").read_text(), f"docs/sizes.md is stale:\n{table}"


def test_the_double_s_sizes_are_as_their_pages_say() -> None:
    read = {row["name"]: row for row in AZURE["sizes"]}
    double = json.loads((ROOT / "sandbox" / "azure" / "sizes.json").read_text())["sizes"]
    architectures = {"x64": "x86_64", "Arm64": "arm64"}
    both = [row for row in double if row["name"] in read]
    unlike = []
    for row in both:
        page = read[row["name"]]
        ours = {
            "vcpus": row["vcpus"],
            "memory_gib": row["memory_gb"],
            "architecture": architectures[row["architecture"]],
            "generations": row["generations"].split(","),
            "max_data_disks": row["max_data_disks"],
            "max_nics": row["max_nics"],
            "premium_storage": row["premium_io"],
            "controllers": row["controllers"].split(","),
            "temp_disk_gib": row["temp_disk_mb"] / 1024,
        }
        theirs = {key: ours[key] if page[key] is None else page[key] for key in ours}
        if ours != theirs:
            unlike.append((row["name"], ours, theirs))

    assert len(both) >= 40
    assert unlike == []
