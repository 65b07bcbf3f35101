"""Fixtures for tests of descriptors: what a folder makes of one, and how it is refused."""

import pytest

from coldferry.errors import BadInput, ColdferryError, NotMovable
from providers.ovf.access import OvfAccess
from providers.ovf.cloud import OvfCloud
from tests.unit.ovf_packages import content, stream_optimized, write

__all__ = ["described", "folder", "found", "refusal"]


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, {"disk1.vmdk": stream_optimized(content())})
    return tmp_path


@pytest.fixture
def described(folder):
    def describe(text, vm="web.ovf"):
        write(folder, {"web.ovf": text})
        return OvfCloud(OvfAccess(folder=str(folder))).describe(vm)

    return describe


@pytest.fixture
def found(folder):
    """Codes and sentences of what stands against a machine."""

    def look(text, severity="refuse", vm="web.ovf"):
        write(folder, {"web.ovf": text})
        findings = OvfCloud(OvfAccess(folder=str(folder))).unmovable(vm)
        return {one.code: one.what for one in findings if one.severity == severity}

    return look


def refusal(describe, text, vm="web.ovf"):
    with pytest.raises(ColdferryError) as refused:
        describe(text, vm)
    assert isinstance(refused.value, BadInput | NotMovable)
    assert refused.value.what.count(". ") == 0, "one sentence"
    return refused.value.what
