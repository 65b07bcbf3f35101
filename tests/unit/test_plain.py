"""Names and tags come from strangers: as Markdown they read as what they are, and do nothing.

Rendered with the extensions that Prefect's UIs have: tables, strikethrough, bare links.
"""

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from coldferry.plain import code, counted, duration, fields_need, inert, plain, prose, size, visible
from coldferry.plain import shown as in_words

MARKDOWN = MarkdownIt("commonmark", {"linkify": True}).enable(["table", "strikethrough", "linkify"])
MARKDOWN.linkify.set({"fuzzy_link": False})  # a bare name such as x.yt is no link in either UI

FRAGMENTS = [
    "**", "__", "*", "_", "`", "``", "~~", "~", "[", "]", "](", "[x](", ")", "![", "<", ">", "</",
    "<b>", "<img src=x onerror=alert(1)>", "<script>", "<!--", "-->", "javascript:alert(1)", "&",
    "&amp;", "&#35;", "&#x3c;", "#", "## ", "> ", "- ", "+ ", "1. ", "2) ", "---", "===", "***",
    "|", "|---|", ":-:", "\\", "\\\\", "\n", "\n\n", "\r", "\t", "    ", " ", "www.x.example",
    "http://x.example", "HTTPS://", "ftp://x", "a@b.example", "mailto:", "@ops", "[x]: http://x",
    "[0]", "[0](http://x)", "[^1]", "!", "\u202e", "\u2066", "\u200b", "\x1b[31m", "\x00", "\x07",
    "a", "word", "1", "é", "אב", "中", "$x$", "$$", "{{ x }}", "{% x %}", ":smile:", "://", "//",
]  # fmt: skip
STRANGE = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="`*_[]()<>#|~&@:/\\.!-+='\" \n1aW", max_size=30),
    st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join),
)
MANY = settings(max_examples=500, deadline=None)


def shown(markdown):
    """The kinds of the blocks, the kinds of what is in the lines, and the text that is read."""
    tokens = MARKDOWN.parse(markdown)
    inside = [child for token in tokens for child in token.children or []]
    text = "".join(child.content for child in inside)
    return [token.type for token in tokens], {child.type for child in inside}, text


def read_as_one(text):
    return " ".join(visible(text).split())


@MANY
@given(STRANGE)
@example("[0]: http://x.example")
@example("a\\")
@example("1)")
@example("-- -")
def test_prose_is_a_paragraph_of_nothing_but_its_own_text(text):
    blocks, kinds, seen = shown(prose(text))

    assert blocks in ([], ["paragraph_open", "inline", "paragraph_close"])
    assert kinds <= {"text"}
    assert letters(seen) == letters(read_as_one(text))
    assert seen == read_as_one(text) or re.search(r"@|//|www\.", text, re.IGNORECASE)


@MANY
@given(STRANGE, STRANGE)
def test_prose_in_a_list_behind_a_code_span_leaves_neither(text, name):
    blocks, kinds, seen = shown(f"- {code(name)}: {prose(text)}")

    assert [block for block in blocks if "open" in block] == [
        "bullet_list_open", "list_item_open", "paragraph_open",
    ]  # fmt: skip
    assert kinds <= {"text", "code_inline"}
    assert letters(seen) == letters(f"{piped(name)}: {visible(text)}")


@MANY
@given(STRANGE, STRANGE)
def test_a_table_keeps_its_cells_whatever_stands_in_them(text, name):
    rows = f"| a | b | c |\n|---|---|---|\n| {prose(text)} | {code(name)} | end |"
    blocks, kinds, seen = shown(rows)

    assert blocks.count("td_open") == 3 and blocks.count("tr_open") == 2
    assert kinds <= {"text", "code_inline"}
    assert letters(seen) == letters(f"abc{visible(text)}{piped(name)}end")


@MANY
@given(STRANGE)
def test_a_heading_holds_a_code_span_and_nothing_else(text):
    blocks, kinds, seen = shown(f"## {code(text)}: 9 fields to answer")

    assert blocks == ["heading_open", "inline", "heading_close"]
    assert kinds <= {"text", "code_inline"}
    assert letters(seen) == letters(f"{piped(text)}: 9 fields to answer")


@MANY
@given(STRANGE)
def test_plain_text_is_one_line_that_no_terminal_obeys(text):
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", plain(text))
    assert len(plain(text).splitlines()) <= 1


def letters(text):
    """A text without its spaces: a code span may gain and lose some at its ends."""
    return "".join(text.split())


def piped(text):
    """What a code span shows of a text: a pipe would end a table's cell."""
    return plain(text).replace("|", "¦")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("http://x.example", "http:/ /x.example"),
        ("//x.example", "/ /x.example"),
        ("WWW.x.example", "WWW .x.example"),
        ("ada@x.example", "ada @x.example"),
    ],
)
def test_an_address_in_prose_is_broken_where_a_page_would_make_a_link(text, read):
    assert prose(text) == read


def test_what_needs_no_escape_gets_none():
    for text in ("nics[0].subnet_id", "gp3 -> Premium", "R&D", "a_b", "50 %", "C:\\data"):
        assert prose(text) == text


def test_direction_overrides_and_control_characters_are_gone():
    assert plain("a\u202eb\x1b[31mc\n") == "a b [31mc "


def test_long_text_is_cut():
    assert len(plain("x" * 1000)) == 256


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "none"), ((), "none"), ([], "none"), ("", "empty"), (True, "yes"), (False, "no"),
        (("corp.example",), "corp.example"), (["a", "b"], "a, b"), (0, "0"), ("None", "None"),
    ],
)  # fmt: skip
def test_a_value_is_shown_in_a_person_s_words(value: Any, words: str) -> None:
    assert in_words(value) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("see https://evil.example/x", "see https: //evil.example/x"),
        ("FTP://evil.example", "FTP: //evil.example"),
        ("WWW.evil.example", "WWW .evil.example"),
        ("http:\u200b//evil.example", "http: //evil.example"),
        ("web-01.example", "web-01.example"),
    ],
)
def test_an_address_in_a_name_is_readable_and_no_link(name: str, words: str) -> None:
    assert inert(name) == words


@given(st.text())
def test_nothing_inert_begins_a_link(text: str) -> None:
    assert "://" not in inert(text)
    assert "www." not in inert(f"www.{text}")


def test_one_field_needs_and_two_need() -> None:
    assert (fields_need(1), fields_need(2)) == ("1 field needs", "2 fields need")


@pytest.mark.parametrize(
    ("size_bytes", "said"),
    [
        (0, "0 B"), (512, "512 B"), (1 << 10, "1 KiB"), (11_665_408, "11.1 MiB"),
        (8 << 30, "8 GiB"), (32 << 40, "32 TiB"),
    ],
)  # fmt: skip
def test_a_size_is_said_in_the_largest_unit_that_it_fills(size_bytes, said):
    assert size(size_bytes) == said


def test_one_thing_is_not_many():
    assert [counted(number, "rule") for number in (0, 1, 2)] == ["0 rules", "1 rule", "2 rules"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.4, "59 s"), (90, "2 min"), (3599, "1 h 0 min"), (12_000, "3 h 20 min")],
)
def test_a_duration_is_as_exact_as_a_guess_may_be(seconds, said):
    assert duration(seconds) == said
