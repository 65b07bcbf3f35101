"""Tables of prices and rates: read strictly, and never a zero for what is not known."""

from pathlib import Path

import pytest

from coldferry.dated import read_table
from coldferry.errors import BadInput, FaultyFile
from providers import tables

ROW = "  - {name: a.b, value: 2, per: 1000, place: here, source: a page, seen: 2026-11-29}\n"
HEAD = "date: 2026-11-29\nrows:\n"


@pytest.fixture
def table(tmp_path: Path):
    def written(text: str):
        path = tmp_path / "table.yaml"
        path.write_text(text)
        return read_table(path, "a table of prices")

    return written


def test_a_price_is_for_one_unit(table):
    assert table(HEAD + ROW).each("a.b", "here") == 0.002


def test_what_is_unknown_or_not_there_is_none_and_not_zero(table):
    found = table(HEAD + ROW.replace("value: 2", "value: unknown"))

    assert found.find("a.b", "here").each is None
    assert found.each("a.b", "here") is None
    assert found.each("c.d", "here") is None


def test_a_place_without_a_row_gets_the_first_place_s_and_it_says_so(table):
    found = table(HEAD + ROW + ROW.replace("place: here", "place: there").replace("2,", "3,"))

    assert found.find("a.b", "elsewhere").place == "here"
    assert found.each("a.b", "there") == 0.003


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("value: 2", "value: two"), "line 3, value: 'two' is no number"),
        (("value: 2", "value: -2"), "line 3, value: '-2' is no number"),
        (("value: 2", "value: nan"), "line 3, value: 'nan' is no number"),
        (("value: 2", "value: inf"), "line 3, value: 'inf' is no number"),
        (("value: 2, ", ""), "line 3: value is missing"),
        (("value: 2", "value:"), "line 3: value is missing"),
        (("per: 1000", "per: 0"), "line 3, per: it has to be above 0"),
        (("per: 1000", "per: unknown"), "line 3, per: 'unknown' is no number"),
        (("source: a page", "source: "), "line 3: source is missing"),
        (("seen: 2026-11-29", "seen: today"), "line 3, seen: it has to be a day"),
        (("place: here", "plaec: here"), "line 3: there is no field 'plaec'"),
        (("place: here", "name: c"), "line 3: name is there twice"),
        (("a page", "[a, b]"), "line 3, source: it has to be one word"),
        (("date: 2026-11-29", "date: soon"), "date: it has to be a day"),
        (("rows:", "row:"), "line 3: 'row' is neither date nor rows"),
    ],
)
def test_a_fault_is_named_with_its_line(table, changed, said):
    with pytest.raises(FaultyFile) as faulty:
        table((HEAD + ROW).replace(*changed, 1))

    assert any(fault.startswith(said) for fault in faulty.value.faults), faulty.value.faults


def test_all_faults_are_named_at_once(table):
    with pytest.raises(FaultyFile) as faulty:
        table(HEAD + ROW.replace("2,", "x,") + ROW + ROW + "  - hello\n")

    assert len(faulty.value.faults) >= 3


@pytest.mark.parametrize("text", ["", "rows", "- a\n", "date: &a 2026-11-29\nrows: *a\n", "\x00"])
def test_what_is_no_table_is_refused_in_a_sentence(table, text):
    with pytest.raises(BadInput):
        table(text)


@pytest.mark.parametrize("name", ["prices", "rates"])
def test_every_row_that_comes_with_the_release_says_where_it_is_from(name):
    found = read_table(Path(tables.__file__).with_name(f"{name}.yaml"), name)

    assert len(found.figures) > 10
    assert [row.name for row in found.figures.values() if len(row.source) < 5] == []


def test_a_team_s_own_table_takes_the_place_of_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("COLDFERRY_HOME", str(tmp_path))
    ours = tables.prices()
    (tmp_path / "prices.yaml").write_text(HEAD + ROW)
    of_the_home = tables.prices()
    (tmp_path / "other.yaml").write_text(HEAD + ROW.replace("2,", "4,"))
    monkeypatch.setenv("COLDFERRY_PRICES", str(tmp_path / "other.yaml"))

    assert ours.each("aws.get-block") == 0.000003
    assert of_the_home.each("aws.get-block") is None
    assert of_the_home.each("a.b") == 0.002
    assert tables.prices().each("a.b") == 0.004


def test_a_table_that_is_not_there_and_a_place_that_is_none_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("COLDFERRY_PRICES", str(tmp_path / "none.yaml"))
    monkeypatch.setenv("COLDFERRY_WORKER_AT", "the moon")

    with pytest.raises(BadInput, match=r"none\.yaml"):
        tables.prices()
    with pytest.raises(BadInput, match="the moon"):
        tables.worker()
