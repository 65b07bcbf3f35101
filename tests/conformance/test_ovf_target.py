"""A folder of packages as a target obeys every law."""

from pathlib import Path

import pytest

from providers.ovf.writing.target import OvfTarget
from tests.conformance.cases import TargetCase
from tests.conformance.laws import TargetLaws

ANSWERS = {"instance_type": "paravirtual", "nics[0].subnet_id": "apps"}


def _bytes(ref: str, offset: int, length: int) -> bytes:
    with Path(ref).open("rb") as file:
        file.seek(offset)
        return file.read(length)


class TestOvfTarget(TargetLaws):
    @pytest.fixture
    def case(self, tmp_path: Path) -> TargetCase:
        return TargetCase(OvfTarget(tmp_path), ANSWERS, _bytes)
