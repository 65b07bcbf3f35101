"""What a wave makes of the end of a child's run, and which kind of manifest it was given."""

import pytest

from coldferry.errors import (
    BadInput,
    Cancelled,
    ColdferryError,
    Denied,
    Drifted,
    NotAsApproved,
    PreflightFailed,
    Transient,
    TranslationsMissing,
    WillNotStop,
)
from coldferry.waves.selecting import kind_of
from tasks.waves.children import Ending, ending_of, ending_told


@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (NotAsApproved, Ending.WAITING),
        (TranslationsMissing, Ending.WAITING),
        (BadInput, Ending.REFUSED),
        (PreflightFailed, Ending.REFUSED),
        (Denied, Ending.REFUSED),
        (Transient, Ending.REFUSED),
        (WillNotStop, Ending.FAILED),
        (Drifted, Ending.FAILED),
        (Cancelled, Ending.CANCELLED),
        (ColdferryError, Ending.FAILED),
    ],
)
def test_the_class_of_an_error_says_how_a_row_ended(error, ending):
    told = f"Flow run encountered an exception: {error.__name__}: What: it was. Do this."

    assert ending_of(error) is ending
    assert ending_told(told) == (ending, "What: it was. Do this.")


@pytest.mark.parametrize("message", ["", "KeyError: 'x'", "Path: somewhere", "Finding: none"])
def test_what_is_none_of_our_errors_is_a_failure(message):
    assert ending_told(message) == (Ending.FAILED, message)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("name,vm,source\n", "csv"),
        ('"wave";"name";"vm"\n', "csv"),
        ("\nname: weekend\nrows: []\n", "yaml"),
        ("name: a, b and vm\n", "yaml"),
        ("", "yaml"),
    ],
)
def test_a_first_line_that_names_columns_is_csv(text, kind):
    assert kind_of(text) == kind
