"""A copy of a file loads what it needs: a process that does little must cost little."""

import json
import subprocess
import sys

MAIN = """
import json, sys
sys.argv = ["coldferry", "copy", *sys.argv[1:]]
from console.main import main
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
HEAVY = {"prefect", "boto3", "botocore", "azure", "pydantic", "typer", "rich", "httpx"}


def test_a_file_s_copy_loads_no_sdk_no_prefect_and_no_description_of_machines(tmp_path):
    (tmp_path / "disk.raw").write_bytes(b"x" * 5000)
    ran = subprocess.run(
        [sys.executable, "-c", MAIN, str(tmp_path / "disk.raw"), str(tmp_path / "copy.raw")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr
    assert not HEAVY & set(json.loads(ran.stderr))


def test_a_snapshot_s_copy_loads_botocore_and_nothing_else_that_is_heavy():
    words = "import json, sys, providers.aws.endpoints; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)

    assert HEAVY & set(json.loads(ran.stdout)) == {"botocore"}
