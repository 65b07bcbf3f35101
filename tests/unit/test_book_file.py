"""The book as a file: what is written is read back, and all that is wrong is named at once."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldferry.book import Book, BookRule
from coldferry.errors import BadInput, FaultyFile
from coldferry.precedents import EMPTY
from console.book_file import read, write
from tests.unit.booking import a_rule

WORD = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\u0085"))
RULES = st.builds(
    a_rule,
    value=st.one_of(WORD.filter(bool), st.lists(WORD, min_size=1, max_size=3)),
    when=st.fixed_dictionaries({}, optional={"nics[].subnet_id": WORD, "dns.servers": WORD}),
    by=st.sampled_from(["Ada", "no", "null", "1.5", "2031-05-01", "- x", "*y", "ops: night"]),
    migration=st.sampled_from(["", "web-01-there-00000000-a1"]),
)


@given(st.lists(RULES, max_size=6))
def test_what_is_written_is_read_back(tmp_path_factory, rules):
    path = tmp_path_factory.mktemp("book") / "book.yaml"
    book = Book(rules)
    write(path, book.rules)

    assert Book(read(path, EMPTY)).rules == book.rules


def read_text(tmp_path: Path, text: str, known: Book = EMPTY) -> list[BookRule]:
    path = tmp_path / "book.yaml"
    path.write_text(text)
    return read(path, known)


def test_an_empty_file_is_an_empty_book(tmp_path):
    assert read_text(tmp_path, "# nothing yet\n") == []


def test_a_rule_without_approver_and_time_is_the_file_s_and_new(tmp_path):
    text = "- pattern: nics[].subnet_id\n  value: main/new\n"
    (rule,) = read_text(tmp_path, text)

    assert rule.by == "the file book.yaml"
    assert Book([rule, a_rule(at="2020-05-01T12:00:00+00:00")]).rules[0] == rule


def test_every_fault_is_named_at_once_with_its_line(tmp_path):
    text = """\
- pattern: nics[].colour
  value: red
- pattern: nics[].subnet_id
  value: main/apps
- pattern: nics[].subnet_id
- just a word
- pattern: nics[].subnet_id
  value: a
  value: b
- pattern: nics[].subnet_id
  value:
    nested: deep
- pattern: nics[].subnet_id
  value: main/apps
  when:
    disks[].kind: gp3
  at: yesterday
"""
    with pytest.raises(FaultyFile) as refused:
        read_text(tmp_path, text)

    lines = [fault.partition(":")[0] for fault in refused.value.faults]
    assert lines == ["line 1", "line 5", "line 6", "line 7", "line 10", "line 13"]


def test_a_rule_that_contradicts_one_of_the_same_time_is_a_fault(tmp_path):
    known = Book([a_rule()])
    text = (
        "- {pattern: 'nics[].subnet_id', value: main/other, by: Bob, "
        "at: '2021-05-01T12:00:00+00:00'}"
    )
    with pytest.raises(FaultyFile, match="same time"):
        read_text(tmp_path, text, known)

    assert len(read_text(tmp_path, text.replace("12:00:00+", "12:00:01+"), known)) == 1


def test_a_rule_of_the_future_is_a_fault(tmp_path):
    text = "- {pattern: name, value: x, when: {origin.id: i-1}, at: '9999-12-31T00:00:00+00:00'}"
    with pytest.raises(FaultyFile, match="in the future"):
        read_text(tmp_path, text)


@pytest.mark.parametrize(
    ("pattern", "when"),
    [
        ("name", ""),
        ("nics[].private_address", "'nics[].subnet_id': subnet-1"),
        ("tpm", ""),
        ("zone", "zone: unknown"),
    ],
)
def test_an_answer_that_is_one_machine_s_own_names_that_machine(tmp_path, pattern, when):
    text = f"- {{pattern: '{pattern}', value: x, when: {{{when}}}}}"
    with pytest.raises(FaultyFile, match="one machine's own"):
        read_text(tmp_path, text)

    named = text.replace("when: {", "when: {origin.id: i-1, ").replace(", }", "}")
    assert len(read_text(tmp_path, named)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "- &a {pattern: name, value: x}\n- *a\n",
        "pattern: name\n",
        "just words",
        "- [",
        "[" * 5000,
        "- !!python/object:os.system {}\n",
    ],
    ids=["anchors", "one rule", "words", "torn", "deep", "object"],
)
def test_what_is_no_book_is_refused_in_a_sentence(tmp_path, text):
    with pytest.raises(BadInput):
        read_text(tmp_path, text)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with pytest.raises(BadInput, match="larger"):
        read_text(tmp_path, "#" * (9 << 20))


@pytest.mark.parametrize("pattern", ["instance_type", "accelerators", "memory_bytes"])
def test_a_rule_on_a_size_says_which_source_s_size_it_is_for(tmp_path, pattern):
    text = f"- {{pattern: {pattern}, value: acknowledge}}"
    with pytest.raises(FaultyFile, match="the rule must say which, by 'instance_type'"):
        read_text(tmp_path, text)

    named = text.replace("}", ", when: {instance_type: m5.large}}")
    assert len(read_text(tmp_path, named)) == 1
