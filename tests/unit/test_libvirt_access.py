"""What a block for a libvirt host takes, and what happens where its library is missing."""

import sys

import pytest
from pydantic import ValidationError

from coldferry.errors import BadInput
from coldferry.ports import is_source, is_target
from providers.libvirt.access import LibvirtAccess
from providers.libvirt.cloud import LibvirtCloud
from providers.libvirt.connection import library
from providers.registry import Access, connect


@pytest.mark.parametrize(
    "uri",
    ["qemu:///system", "qemu:///session", "qemu+ssh://ops@hv1.example/system",
     "qemu+unix:///session?socket=/run/a/libvirt-sock", "qemu+tls://hv1/system?pkipath=/etc/pki",
     "qemu+libssh2://hv1:2222/system?keyfile=/k&known_hosts=/h"],
)  # fmt: skip
def test_a_host_is_named_by_its_uri(uri):
    assert LibvirtAccess(uri=uri).uri == uri


@pytest.mark.parametrize(
    "uri",
    ["", "xen:///system", "test:///default", "qemu:///", "qemu:///embed?root=/tmp",
     "qemu+ext:///system?command=/bin/sh", "qemu+ssh://hv1/system?command=/bin/sh",
     "qemu+ssh://hv1/system?netcat=/tmp/x", "qemu+tls://hv1/system?no_verify=1",
     "qemu+ssh://hv1/system?keyfile=/k;command=/bin/sh", "qemu+ssh://hv1/system?command",
     "qemu+ssh://ops:hunter2@hv1/system", "qemu+ssh://ops:hunter2\u2100@hv1/system", "qemu://[x"],
)  # fmt: skip
def test_a_uri_that_starts_programs_or_holds_a_password_is_refused(uri):
    with pytest.raises(ValidationError) as caught:
        LibvirtAccess(uri=uri)
    assert "hunter2" not in str(caught.value)


def test_connecting_asks_nobody_and_needs_no_library():
    cloud = connect(Access(provider="libvirt", libvirt=LibvirtAccess(uri="qemu:///session")))

    assert isinstance(cloud, LibvirtCloud)
    assert is_source(cloud) and is_target(cloud)


def test_without_the_library_it_is_said_how_to_come_by_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "libvirt", None)  # as Python has what cannot be imported

    with pytest.raises(BadInput) as caught:
        library.__wrapped__()
    assert "not installed" in caught.value.what
    assert "python3-libvirt" in caught.value.do
