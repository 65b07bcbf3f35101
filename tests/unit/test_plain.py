"""Names and tags come from strangers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldferry.plain import code, fields_need, inert, plain, shown


@given(st.text())
def test_a_code_span_is_never_left(text):
    shown = code(text)
    fence = shown[: len(shown) - len(shown.lstrip("`"))]
    inside = shown[len(fence) : -len(fence)]

    assert shown.endswith(fence)
    assert fence not in inside
    assert "\n" not in shown
    assert "|" not in shown


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
    assert shown(value) == words


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
