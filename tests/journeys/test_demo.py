"""The demonstration, as a stranger gives it."""

import os
import subprocess

import pytest

from tests.journeys.sandbox import COLDFERRY

pytestmark = pytest.mark.slow


def test_the_demonstration_moves_a_machine_and_prints_its_proof(tmp_path):
    said = subprocess.run(
        [str(COLDFERRY), "demo"],
        env=os.environ | {"COLDFERRY_HOME": str(tmp_path)},
        cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=500, check=False,
    )  # fmt: skip

    assert said.returncode == 0, said.stderr
    assert "equal" in said.stdout + said.stderr
