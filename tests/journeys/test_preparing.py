"""``coldferry prepare``: from a running machine's disks to a script, and what it is worth."""

import subprocess

import pytest

from coldferry.guest.preparing import Preparation
from sandbox.aws import seed
from tests.guest import build
from tests.guest.files import put_back, take_out
from tests.guest.preparing import fingerprint, run_script
from tests.journeys.sandbox import COLDFERRY

PLANTED = ("network-pinned-to-mac", "datasource-pinned", "no-serial-console", "encrypted-volume")
MENDED = {"network-pinned-to-mac", "datasource-pinned", "no-serial-console"}


def machine_of(seeder, image):
    """A running machine whose root disk holds the image."""
    content, step = {}, seed.BLOCK_SIZE_BYTES
    data = image.read_bytes()
    for index in range(-(-len(data) // step)):
        block = data[index * step : (index + 1) * step].ljust(step, b"\0")
        if block.strip(b"\0"):
            content[index] = block
    ami = seeder.image([content], BootMode="uefi-preferred")
    return seeder.launch(ami, "m5.large", [content], tags={"Name": "web-01"}).vm


@pytest.fixture(scope="module")
def image():
    return build(plant=PLANTED)


@pytest.fixture(scope="module")
def vm(seeder, image):
    return machine_of(seeder, image)


def codes(findings):
    return {finding["code"] for finding in findings}


def test_a_guest_is_mended_by_the_script_and_found_mended(sandbox, seeder, image, vm, tmp_path):
    first = sandbox.cli("prepare", sandbox.source, vm, "--target", sandbox.target)

    assert first.exit_code == 0 and first.document["system"] == "linux"
    assert codes(first.document["mended"]) == MENDED
    assert codes(first.document["by_hand"]) == {"encrypted-volume"}

    root = take_out(image, tmp_path)
    prepared = Preparation("linux", first.document["script"], ())
    run_script(prepared, root)
    once = fingerprint(root)
    again = run_script(prepared, root)

    assert fingerprint(root) == once and again[-1] == "Done."

    mended = machine_of(seeder, put_back(image, root, tmp_path / "mended.raw"))
    second = sandbox.cli("prepare", sandbox.source, mended, "--target", sandbox.target)
    assert second.document["mended"] == []
    assert codes(second.document["by_hand"]) == {"encrypted-volume"}


def test_nothing_is_changed_anywhere(sandbox, seeder, arrivals, vm):
    def look():
        return arrivals.everything(), seeder.our_snapshots(), seed.see(seeder.ec2, vm).get("Tags")

    before = look()
    sandbox.here("prepare", sandbox.source, vm, "--target", sandbox.target)

    assert look() == before
    assert seeder.state(vm) == "running"


def test_a_plan_that_inspects_names_the_same_and_counts_what_is_allocated(sandbox, seeder, vm):
    words = ("plan", sandbox.source, vm, sandbox.target)
    before = seeder.our_snapshots()
    untold = sandbox.here(*words).document
    told = sandbox.here(*words, "--inspect").document

    assert codes(told["findings"]) - codes(untold["findings"]) == set(PLANTED)
    assert all(finding["do"] for finding in told["findings"])
    assert [device["allocated_bytes"] for device in untold["devices"]] == [None]
    assert 0 < told["devices"][0]["allocated_bytes"] < told["devices"][0]["size_bytes"]
    assert seeder.our_snapshots() == before


def test_stdout_is_the_script_and_nothing_else(sandbox, vm, tmp_path):
    words = [COLDFERRY, "prepare", sandbox.source, vm, "--target", sandbox.target]
    ran = subprocess.run(
        words, env=sandbox._environment(), cwd=tmp_path, capture_output=True, text=True, check=True
    )
    asked = sandbox.here(*words[1:])

    assert ran.stdout == asked.document["script"]
    assert "mended: network-pinned-to-mac: " in ran.stderr
    assert "by hand: encrypted-volume: " in ran.stderr


def test_the_script_is_written_for_a_person_to_read_first(sandbox, vm, tmp_path):
    script = tmp_path / "prepare.sh"
    words = ("prepare", sandbox.source, vm, "--target", sandbox.target, "--output")
    answer = sandbox.here(*words, script)
    refused = sandbox.here(*words, tmp_path / "nowhere" / "prepare.sh")

    assert script.read_text() == answer.document["script"]
    assert script.stat().st_mode & 0o111 == 0
    assert refused.exit_code == 2 and "cannot be written" in refused.error["what"]


def test_a_machine_that_is_not_there_is_said_so(sandbox):
    answer = sandbox.here(
        "prepare", sandbox.source, "i-00000000000000000", "--target", sandbox.target
    )

    assert answer.exit_code == 2 and answer.error["code"] == "unknown-machine"
