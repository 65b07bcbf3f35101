"""The house's own rules, held by walking the tree."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from providers.registry import PROVIDERS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("coldferry", "providers", "tasks", "flows", "sandbox", "console")


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_s_name_is_known_only_where_it_may_be(provider):
    rooms = ("coldferry", "tasks", "flows", "console")
    code = {path: re.sub(r'"""(?s:.*?)"""', "", path.read_text()) for path in sources(*rooms)}
    naming = [
        str(path)
        for path, text in code.items()
        if re.search(rf"\b{provider}\b", text, re.IGNORECASE)
    ]

    assert naming == []


def test_no_flow_s_file_bears_a_package_s_name():
    taken = set(sys.stdlib_module_names) | set(PACKAGES)

    assert not {path.stem for path in sources("flows")} & taken


def test_no_file_is_longer_than_four_hundred_lines():
    long = [
        path.name for path in sources(*PACKAGES, "tests") if len(path.read_text().split("\n")) > 401
    ]

    assert long == []


def test_no_file_bears_a_name_that_says_nothing():
    empty = {"utils", "util", "helpers", "manager", "base", "common", "misc"}

    assert not {path.stem for path in sources(*PACKAGES)} & empty


def test_nothing_committed_names_a_place_of_one_machine():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    texts = [
        ROOT / name for name in listed if (ROOT / name).suffix in {".py", ".md", ".yaml", ".toml"}
    ]
    naming = [
        p.name for p in texts if p.exists() and re.search(r"/(root|work|farm)/\w", p.read_text())
    ]

    assert naming == []
