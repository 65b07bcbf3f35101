"""Against real accounts, when somebody names them; never by default.

Set COLDFERRY_LIVE_SOURCE, COLDFERRY_LIVE_VM and COLDFERRY_LIVE_TARGET to saved
blocks and a machine's id. Only a plan is made: it creates nothing.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NAMES = ("COLDFERRY_LIVE_SOURCE", "COLDFERRY_LIVE_VM", "COLDFERRY_LIVE_TARGET")

pytestmark = pytest.mark.skipif(
    not all(os.environ.get(name) for name in NAMES), reason=f"set {', '.join(NAMES)}"
)


def test_a_plan_of_a_real_machine_names_a_verdict_for_every_field():
    words = [os.environ[name] for name in NAMES]
    made = subprocess.run(
        [Path(sys.executable).with_name("coldferry"), "plan", *words, "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert made.returncode in (0, 3, 4), made.stderr
    assert json.loads(made.stdout)
