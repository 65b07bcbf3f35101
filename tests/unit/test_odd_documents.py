"""Descriptors, archives and domains as they are met: described rightly, or refused in a sentence.

All go through the command line, in one process of which time and memory are looked at.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.odd_archives import ARCHIVES
from tests.unit.odd_domains import DOMAINS
from tests.unit.odd_doors import MOST_S
from tests.unit.odd_packages import PACKAGES

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 512 << 20
CASES = [
    *(pytest.param("libvirt-xml", odd, id=f"domain: {odd}") for odd in DOMAINS),
    *(pytest.param("ovf", odd, id=f"package: {odd}") for odd in PACKAGES),
    *(pytest.param("ovf", odd, id=f"archive: {odd}") for odd in ARCHIVES),
]


def lay_out(folder, odd):
    folder.mkdir()
    for name, data in odd.files.items():
        if name not in odd.links:
            (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    for name, length in odd.lengths.items():
        os.truncate(folder / name, length)
    for name, goal in odd.links.items():
        (folder / name).symlink_to(goal)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """By scheme and name: the command that ended it, its code, what it printed, seconds, bytes."""
    rooms = tmp_path_factory.mktemp("odd")
    goal = rooms / "goal"
    goal.mkdir()
    asked, keys = [], []
    for number, case in enumerate(CASES):
        scheme, odd = case.values
        lay_out(rooms / str(number), odd)
        block = f"{scheme}:{rooms / str(number) / odd.named}"
        words = [["describe", block, *filter(None, [odd.vm])]]
        if odd.planned:
            words.append(["plan", block, *filter(None, [odd.vm]), f"ovf:{goal}", "--no-book"])
        asked.append(words)
        keys.append((scheme, odd.name))
    (rooms / "asked.json").write_text(json.dumps(asked))
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.odd_doors", rooms / "asked.json"],
        cwd=ROOT, check=False, capture_output=True, text=True, timeout=500,
        env=os.environ | {"PREFECT_API_URL": "http://127.0.0.1:9/api"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(zip(keys, map(json.loads, done.stdout.splitlines()), strict=True))


def at(document, path):
    for word in path.split("."):
        document = document[int(word)] if word.isdigit() else document[word]
    return document


@pytest.mark.parametrize(("scheme", "odd"), CASES)
def test_what_is_odd_is_described_as_it_is_or_refused_in_one_sentence(told, scheme, odd):
    verb, code, document, took_s, most_bytes = told[scheme, odd.name]

    assert took_s < MOST_S
    assert most_bytes < MOST_BYTES
    if odd.fields:
        assert code == 0, document
        assert {path: at(document, path) for path in odd.fields} == odd.fields
        return
    assert code in (2, 4), document
    assert (verb == "plan") is odd.planned
    whats = [document["error"]["what"]]
    whats += [finding["what"] for finding in document["error"].get("findings", [])]
    (what,) = [one for one in whats if any(words in one for words in odd.says.split("|"))][-1:]
    assert what.count(". ") == 0, "one sentence"
    assert what.isprintable()


def test_each_oddity_has_a_case_of_its_own():
    names = [case.id for case in CASES]

    assert len(set(names)) == len(names) >= 60
    assert all(bool(odd.fields) != bool(odd.says) for _, odd in (case.values for case in CASES))
