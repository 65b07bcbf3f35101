"""The reference provider obeys every law."""

import pytest

from tests.conformance.cases import SourceCase, TargetCase
from tests.conformance.laws import SourceLaws, TargetLaws
from tests.conformance.laws_removing import RemovingLaws
from tests.conformance.worlds import ANSWERS, a_source, a_target


def _reader(cloud):
    def read(ref: str, offset: int, length: int) -> bytes:
        found = bytearray(length)
        cloud.world.disks[ref].read(offset, memoryview(found))
        return bytes(found)

    return read


class TestMemorySource(SourceLaws, RemovingLaws):
    @pytest.fixture
    def case(self) -> SourceCase:
        cloud = a_source()
        return SourceCase(cloud, "web-01", _reader(cloud))


class TestMemoryTarget(TargetLaws):
    @pytest.fixture
    def case(self) -> TargetCase:
        cloud = a_target()
        return TargetCase(cloud, ANSWERS, _reader(cloud))
