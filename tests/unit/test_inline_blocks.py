"""A cloud that is written on the command line, where nothing about it is secret."""

import json

import pytest
from typer.testing import CliRunner

from coldferry.errors import BadInput, UnknownBlock
from console import blocks
from console.commands import app
from console.planning import machine_and_target
from providers.registry import schemes, written
from tests.unit.ovf_packages import content, descriptor, stream_optimized, write


@pytest.fixture
def folder(tmp_path):
    image = stream_optimized(content())
    write(tmp_path, {"web.ovf": descriptor(), "disk1.vmdk": image, "notes.txt": "no package"})
    return tmp_path


@pytest.fixture
def unserved(monkeypatch):
    """Whoever asked a Prefect API would be told that none answers."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")


def run(*words):
    answer = CliRunner().invoke(app, [*map(str, words), "--json"], standalone_mode=False)
    return answer.return_value, json.loads(answer.stdout)


def test_what_has_no_scheme_is_no_cloud_that_is_written():
    assert written("coldferry-cloud/aws") is None
    assert written("ebs:eu-west-1/new") is None
    assert set(schemes()) >= {"ovf"}


def test_a_folder_and_a_package_in_it_are_one_place(folder):
    whole, one = written(f"ovf:{folder}"), written(f"ovf:{folder}/web.ovf")

    assert (whole.ovf.folder, whole.ovf.package) == (str(folder), "")
    assert (one.ovf.folder, one.ovf.package) == (str(folder), "web.ovf")


def test_a_relative_path_is_of_the_current_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)

    assert written("ovf:web.ovf").ovf.folder == str(folder)
    assert written("ovf:.").ovf.folder == str(folder)


@pytest.mark.parametrize("path", ["", "none.ova", "notes.txt", "\0", "x" * 5000, "~nobody-there/x"])
def test_a_path_of_no_package_is_refused(folder, path):
    with pytest.raises(BadInput):
        written(f"ovf:{folder / path if path else '/none'}")


def test_a_scheme_that_there_is_not_is_told_with_those_that_there_are():
    with pytest.raises(UnknownBlock, match="ovf:PATH"):
        blocks.load("ftp:here")


def test_describing_needs_neither_a_server_nor_a_block_nor_a_machine_s_id(folder, unserved):
    for words in ((f"ovf:{folder}",), (f"ovf:{folder}/web.ovf", "web.ovf")):
        code, document = run("describe", *words)

        assert code == 0
        assert document["origin"]["id"] == "web.ovf"


def test_which_machine_is_asked_where_there_are_several_or_none(folder, unserved):
    write(folder, {"db.ovf": descriptor()})
    code, document = run("describe", f"ovf:{folder}")

    assert code == 2
    assert "There are 2" in document["error"]["what"]
    assert "db.ovf, web.ovf" in document["error"]["do"]
    (folder / "none").mkdir()
    assert "none" in run("describe", f"ovf:{folder}/none")[1]["error"]["what"]


def test_a_machine_may_be_left_out_of_an_inline_source_only(folder):
    source, goal = f"ovf:{folder}", "coldferry-cloud/azure"

    assert machine_and_target(source, goal, None) == ("web.ovf", goal)
    assert machine_and_target(source, "a.ovf", goal) == ("a.ovf", goal)
    for saved in (source, "coldferry-cloud/aws"):
        with pytest.raises(BadInput, match="which target"):
            machine_and_target(saved, "i-1", None)
    with pytest.raises(BadInput, match="which target"):
        machine_and_target("coldferry-cloud/aws", goal, None)
