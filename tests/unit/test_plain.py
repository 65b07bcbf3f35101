"""Names and tags come from strangers."""

from hypothesis import given
from hypothesis import strategies as st

from coldferry.plain import code, plain


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
