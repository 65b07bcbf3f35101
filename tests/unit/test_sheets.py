"""A sheet of gaps: no cell is run by a spreadsheet, and what comes back is read right."""

import csv
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coldferry.cells import harmless, original
from coldferry.errors import BadInput, FaultyFile
from coldferry.gaps import Asked, Filled, distinct
from coldferry.precedents import consult
from console.sheets import COLUMNS, read, write
from tests.unit.booking import GOAL
from tests.unit.machines import a_disk, a_machine, a_nic

FORMULA = re.compile(r"\s*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001
NASTY = "=cmd|' /C calc'!A0;\"=1+1\",@SUM(1)\t+2\r\n-3;=4"


def asked(vm, **changes):
    machine = a_machine(**changes)
    return Asked(vm, machine, consult(GOAL, machine, {}))


def gaps(*every):
    return distinct(every or [asked("i-1")], GOAL)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


@given(st.text())
@example("'=1")
@example("''\t")
@example(" =1")
def test_a_harmless_cell_is_no_formula_and_reads_as_it_was(cell):
    assert not FORMULA.match(harmless(cell))
    assert original(harmless(cell)) == cell


def test_strangers_words_begin_no_cell_whatever_the_list_separator_is():
    machine = asked(
        "i-1",
        name=NASTY,
        nics=(a_nic(subnet_id=NASTY),),
        disks=(a_disk(kind=NASTY),),
    )
    text = write(gaps(machine))

    for separator in ",;\t":
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            assert not [cell for cell in row if FORMULA.match(cell)]


def test_a_sheet_has_one_row_a_gap_with_all_that_a_person_needs():
    (row,) = rows_of(write(gaps(asked("i-1"), asked("i-2", name="web-02"))))

    assert tuple(row) == COLUMNS
    assert row["owner"] == "network"
    assert row["question"].startswith("Choose: Which network the machine joins")
    assert row["now"] == "subnet-1"
    assert row["choices"].startswith("main/apps (10.0.1.0/24, holds 10.0.1.20)")
    assert (row["machines"], row["names"], row["ids"]) == ("2", "web-01, web-02", "i-1 i-2")
    assert row["value"] == ""
    assert not row["gap"].isdigit()


def test_an_acknowledgement_says_the_word_to_write():
    disk = a_disk(key_id="key-1")
    row = next(r for r in rows_of(write(gaps(asked("i-1", disks=(disk,))))) if "key" in r["field"])

    assert (row["owner"], row["choices"]) == ("security", "acknowledge")


def filled(tmp_path, text):
    path = tmp_path / "sheet.csv"
    path.write_bytes(text.encode())
    return read(path)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_sheet_is_read_as_any_program_saves_it(tmp_path, separator, mark):
    words = ["value", "gap", "names", "ids"]
    lines = [words, ["main/apps", "gap-1", "a", "i-1 i-2"], ["", "gap-2", "", "i-3"]]
    text = mark + "\n".join(separator.join(f'"{word}"' for word in line) for line in lines)

    assert filled(tmp_path, text) == ([Filled(2, "gap-1", "main/apps")], {"i-1": 2, "i-2": 2})


def test_a_value_that_looks_like_a_formula_is_read_as_it_was_meant(tmp_path):
    text = "value,gap,ids\n'-5,gap-1,i-1\n-6,gap-2,i-1\n"

    assert [row.value for row in filled(tmp_path, text)[0]] == ["-5", "-6"]


def test_rows_that_name_nothing_are_all_faults(tmp_path):
    with pytest.raises(FaultyFile) as refused:
        filled(tmp_path, "value,gap,ids\nx,,i-1\ny,gap-1,\n,,\nz,gap-2,i-2\n")

    assert [fault.partition(":")[0] for fault in refused.value.faults] == ["line 2", "line 3"]


def test_a_line_is_where_its_row_begins(tmp_path):
    lines = ("value,gap,ids,names", ',gap-0,i-0,"two', 'lines"', 'x,gap-1,i-1,"three', "", 'lines"')
    text = "\n".join((*lines, "y,gap-2,i-2,a"))
    rows, named = filled(tmp_path, text)

    assert [row.line for row in rows] == [4, 7]
    assert named == {"i-1": 4, "i-2": 7}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no column"),
        ("a,b\n1,2\n", "no column"),
        ('value,gap,ids\n"x,gap-1,i-1\n', "line"),
        ("value,gap,ids\n" + "x" * (17 << 20), "larger"),
    ],
    ids=["empty", "another file", "torn", "too large"],
)
def test_what_is_no_sheet_is_refused_in_a_sentence(tmp_path, text, why):
    with pytest.raises(BadInput, match=why):
        filled(tmp_path, text)


def test_a_sheet_in_another_encoding_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "sheet.csv"
    path.write_bytes("value,gap,ids\nGröße,gap-1,i-1".encode("latin-1"))

    with pytest.raises(BadInput, match="UTF-8"):
        read(path)
