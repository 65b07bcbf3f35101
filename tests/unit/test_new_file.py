"""What a command writes for a person never takes the place of something else."""

import os
import threading

import pytest

from coldferry.errors import BadInput
from console.new_file import write


def test_a_new_file_holds_the_text_and_an_empty_one_does_then(tmp_path):
    for path in (tmp_path / "new", tmp_path / "empty"):
        (tmp_path / "empty").touch()
        write(path, "größer\n")
        assert path.read_text() == "größer\n"


def test_the_same_text_may_be_written_again(tmp_path):
    write(tmp_path / "file", "text")
    write(tmp_path / "file", "text")

    assert (tmp_path / "file").read_text() == "text"


def test_a_file_that_says_something_else_is_kept(tmp_path):
    path = tmp_path / "file"
    path.write_text("a person's work")

    with pytest.raises(BadInput, match="is there already") as refused:
        write(path, "text", "Name another.")

    assert refused.value.do == "Name another."
    assert path.read_text() == "a person's work"


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_not_followed(tmp_path, there):
    named, link = tmp_path / "named", tmp_path / "link"
    if there:
        named.touch()
    link.symlink_to(named)

    with pytest.raises(BadInput):
        write(link, "text")

    assert not there or named.read_text() == ""
    assert named.exists() == there


def test_a_pipe_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    told = []
    reader = threading.Thread(target=lambda: told.append(pipe.read_text()))
    reader.start()
    write(pipe, "text")
    reader.join(10)

    assert told == ["text"]


@pytest.mark.parametrize("path", ["no/such/folder", "."])
def test_what_cannot_be_written_is_refused_in_a_sentence(tmp_path, path):
    with pytest.raises(BadInput, match="cannot be written") as refused:
        write(tmp_path / path, "text")

    assert refused.value.do
