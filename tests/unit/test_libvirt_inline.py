"""libvirt on the command line: a host by its URI, and a file that describes a machine."""

import json
import os
import sys

import pytest
from typer.testing import CliRunner

from coldferry.errors import BadInput, ColdferryError, Refused
from coldferry.ports import PowerState, Source
from console import blocks
from console.commands import app
from console.planning import machine_and_target
from providers.libvirt.access import DomainFileAccess, LibvirtAccess
from providers.libvirt.connection import library
from providers.libvirt.domain_file import DomainFile
from providers.libvirt.xml_text import MAX_BYTES
from providers.registry import Access, connect, written
from tests.unit.domains import DISK, a_domain, disk

URI = "qemu+ssh://ops@hv1/session?keyfile=/k"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "web.xml"
    path.write_text(a_domain())
    return path


@pytest.fixture
def goal(tmp_path):
    """A target that needs no server."""
    folder = tmp_path / "packages"
    folder.mkdir()
    return f"ovf:{folder}"


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No Prefect API answers, and libvirt's library is not installed."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setitem(sys.modules, "libvirt", None)  # as Python has what cannot be imported
    library.cache_clear()


def run(*words):
    answer = CliRunner().invoke(app, [*map(str, words), "--json"], standalone_mode=False)
    return answer.return_value, json.loads(answer.stdout)


def test_a_host_is_its_uri():
    assert written(f"libvirt:{URI}") == Access(provider="libvirt", libvirt=LibvirtAccess(uri=URI))
    assert machine_and_target("libvirt:qemu:///system", "web-01", f"libvirt:{URI}") == (
        "web-01",
        f"libvirt:{URI}",
    )


@pytest.mark.parametrize(
    "uri", ["", "system", "xen:///system", "qemu+ssh://ops:hunter2@hv1/system",
            "qemu+ssh://hv1/system?keyfile=/k;command=/bin/sh", "qemu+ssh://[ops:hunter2/system"],
)  # fmt: skip
def test_a_uri_that_no_block_takes_is_refused_here_too(uri):
    code, document = run("describe", f"libvirt:{uri}", "web-01")

    assert code == 2
    assert "libvirt:qemu:///system" in document["error"]["do"]
    assert "hunter2" not in str(document)


def test_a_host_needs_the_library_and_says_so():
    code, document = run("describe", "libvirt:qemu:///session")

    assert code == 2
    assert "not installed" in document["error"]["what"]


def test_a_file_is_described_without_hypervisor_library_server_or_id(file):
    for words in ((), ("web-01",)):
        code, document = run("describe", f"libvirt-xml:{file}", *words)

        assert code == 0
        assert document["origin"] == {"provider": "libvirt", "scope": "file", "id": "web-01"}
        assert document["disks"][0]["size_bytes"] == 8 << 30


def test_a_raw_disk_of_this_machine_is_as_large_as_its_file(tmp_path, file):
    image = tmp_path / "web.raw"
    image.write_bytes(bytes(4096))
    file.write_text(a_domain(disk("vda", source=f"file='{image}'")))

    assert DomainFile(str(file)).describe("web-01").disks[0].size_bytes == 4096


def test_a_disk_of_unknown_size_is_refused_with_what_to_write_into_the_file(file):
    file.write_text(a_domain(metadata=""))
    code, document = run("describe", f"libvirt-xml:{file}")
    element = document["error"]["do"].partition("<metadata>: ")[2].rstrip(".")
    file.write_text(a_domain(metadata=element.replace("…", "4096")))

    assert (code, run("describe", f"libvirt-xml:{file}")[0]) == (2, 0)


def test_a_file_is_planned_for_and_the_plan_says_that_it_is_no_more(file, goal):
    code, document = run("plan", f"libvirt-xml:{file}", goal, "--no-book")

    assert code in (0, 3)
    assert document["machine"]["name"] == "web-01"
    assert [one["code"] for one in document["findings"]] == ["only-planned"]
    assert run("plan", f"libvirt-xml:{file}", "web-01", goal, "--no-book")[1] == document


def test_what_the_xml_says_against_moving_is_told_by_a_plan(file, goal):
    file.write_text(a_domain(DISK + "<hostdev mode='subsystem' type='pci' managed='yes'/>"))
    code, document = run("plan", f"libvirt-xml:{file}", goal, "--no-book")

    assert code == 4
    assert "a device of its host" in str(document["error"])


@pytest.mark.parametrize("verb", ["migrate", "rehearse"])
def test_a_file_is_not_moved(file, goal, verb):
    code, document = run(verb, f"libvirt-xml:{file}", "web-01", goal)

    assert code == 2
    assert "has no disks" in document["error"]["what"]


def test_nothing_is_brought_to_a_file(file, goal):
    code, document = run("plan", f"libvirt-xml:{file}", f"libvirt-xml:{file}", "--no-book")

    assert code == 4
    assert "takes none" in document["error"]["what"]
    with pytest.raises(BadInput, match="no disks"):
        blocks.lasting(f"libvirt-xml:{file}")


def test_nothing_is_done_to_a_machine_of_a_file(file, goal):
    cloud: Source = DomainFile(str(file))

    assert cloud.power("web-01") is PowerState.STOPPED
    assert (cloud.marks("web-01"), cloud.owned(), cloud.release("m-a1")) == (None, [], [])
    for verb in ("start", "stop", "reboot"):
        code, document = run(verb, f"libvirt-xml:{file}", "web-01")
        assert code == 4
        assert "no machine" in document["error"]["what"]
    with pytest.raises(Refused, match="no disk"):
        cloud.freeze("web-01", "m-a1", ())
    assert run("plan", f"libvirt-xml:{file}", goal, "--inspect", "--no-book")[0] == 4


def test_another_machine_s_name_is_refused_with_the_one_that_there_is(file):
    code, document = run("describe", f"libvirt-xml:{file}", "db-01")

    assert code == 2
    assert "web-01" in document["error"]["do"]


def test_no_block_and_no_form_names_a_file(file):
    access = written(f"libvirt-xml:{file}")

    assert access.libvirt == DomainFileAccess(file=str(file))
    assert "file" not in Access.model_json_schema()["$defs"]["LibvirtAccess"]["properties"]
    saved = {"provider": "libvirt", "libvirt": {"file": str(file)}}
    assert type(Access.model_validate(saved).libvirt) is LibvirtAccess
    assert connect(access) is not connect(Access(provider="libvirt"))


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "given", ["", "absent.xml", "pipe", "/dev/zero", "/dev/tty", "large", "text", "binary", "loop",
              "~nobody-there/x", "x" * 5000, "web.xml/x", "/proc/self/mem"],
)  # fmt: skip
def test_what_is_no_file_of_xml_is_refused_in_a_sentence(tmp_path, file, pipe, given, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "large").write_text(a_domain(more=" " * 2 * MAX_BYTES))
    (tmp_path / "text").write_text("virsh: command not found\n")
    (tmp_path / "binary").write_bytes(os.urandom(4096))
    (tmp_path / "loop").symlink_to("loop")
    code, document = run("describe", f"libvirt-xml:{given}")

    assert code == 2
    assert document["error"]["what"].endswith(".")
    assert document["error"]["what"].count(". ") == 0
    assert "virsh dumpxml" in document["error"]["do"]


@pytest.mark.parametrize("path", ["\0", "\udcff\udcfe", "\ud800"])
def test_a_path_that_cannot_be_is_refused(path):
    with pytest.raises(ColdferryError):
        connect(written(f"libvirt-xml:{path}")).machines()
