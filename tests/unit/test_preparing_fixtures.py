"""A guest's files in a folder, and the script that mends what was found of them."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from coldferry.errors import Finding
from coldferry.guest.evidence import Evidence, Inspection, Mount
from coldferry.guest.preparing import Preparation, prepare
from providers.aws.guest import GUEST as OF_AWS
from providers.azure.guest import GUEST as OF_AZURE
from tests.guest.preparing import fingerprint, run_script
from tests.unit.machines import a_machine

MAC = "02:5e:10:00:00:01"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A guest without files, where the script can keep what was first."""
    guest = tmp_path / "root"
    (guest / "var/lib").mkdir(parents=True)
    return guest


def write(root: Path, path: str, text: str) -> Path:
    """A file of the guest, with its folders."""
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def made(*codes_and_subjects: tuple[str, str], mounts: Iterable[Mount] = ()) -> Preparation:
    """What is prepared for a Linux machine from EC2 that goes to Azure, of which this was found."""
    findings = tuple(Finding("warn", code, at, "", "") for code, at in codes_and_subjects)
    seen = Inspection(evidence=Evidence(os_family="linux", mounts=tuple(mounts)), findings=findings)
    return prepare(a_machine(), seen, OF_AZURE, OF_AWS)


def mended(root: Path, code: str, path: str, text: str) -> tuple[str | None, list[str]]:
    """The file's text after the script ran, which then changes nothing more; and what it said."""
    file = write(root, path, text)
    prepared = made((code, path))
    said = run_script(prepared, root)
    before = fingerprint(root)
    again = run_script(prepared, root)

    assert fingerprint(root) == before
    assert not [line for line in again if line.startswith("changed:")]
    return file.read_text() if file.exists() else None, said
