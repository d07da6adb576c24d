"""The validation helpers: what they let through comes back, everything else names its place."""

import math
from typing import Any

import pytest

from experiments import ExperimentError, InvalidInput, checks

NOT_NUMBERS = ["1", "", "NaN", True, False, None, [], [1], {}, {"n": 1}, (1,), 1j]
NOT_FINITE = [math.nan, math.inf, -math.inf, 10**400, -(10**400)]


def refused(check: Any, *given: Any, **limits: Any) -> InvalidInput:
    """The error that a check raises."""
    with pytest.raises(InvalidInput) as caught:
        check(*given, **limits)
    return caught.value


@pytest.mark.parametrize("value", [0, 1, -1, 2.5, -0.0, 1e308, 5e-324, 2**53, 10**300])
def test_a_finite_number_comes_back_as_a_float(value: float) -> None:
    """Whole numbers and fractions of any size that a double holds."""
    found = checks.number(value, "x")
    assert found == float(value)
    assert isinstance(found, float)


@pytest.mark.parametrize("value", NOT_NUMBERS)
@pytest.mark.parametrize("check", [checks.number, checks.count])
def test_what_is_no_number_is_refused(check: Any, value: Any) -> None:
    """Strings, booleans, null, lists and objects are not numbers, also where Python would convert them."""
    error = refused(check, value, "a.b")
    assert error.path == "a.b"
    assert error.reason.startswith("must be a number, not ")


@pytest.mark.parametrize("value", NOT_FINITE)
@pytest.mark.parametrize("check", [checks.number, checks.count])
def test_what_is_not_finite_is_refused(check: Any, value: Any) -> None:
    """NaN, infinities and whole numbers beyond every double."""
    assert refused(check, value, "a.b").reason.startswith("must be a finite number, not ")


def test_a_number_of_more_digits_than_python_prints_is_refused() -> None:
    """The message does not try to print it whole."""
    assert refused(checks.number, 10**5000, "x").path == "x"


@pytest.mark.parametrize(
    ("value", "limits", "reason"),
    [
        (0.5, {"least": 1}, "must be at least 1, not 0.5"),
        (1.5, {"most": 1}, "must be at most 1, not 1.5"),
        (0, {"above": 0}, "must be greater than 0, not 0"),
        (-1, {"above": 0}, "must be greater than 0, not -1"),
    ],
)
def test_a_number_beyond_its_limits_is_refused(value: float, limits: dict[str, float], reason: str) -> None:
    """The message names the limit and the value."""
    assert refused(checks.number, value, "x", **limits).reason == reason


def test_limits_belong_to_what_is_allowed_unless_above() -> None:
    """`least` and `most` are allowed themselves, `above` is not."""
    assert checks.number(1, "x", least=1, most=1) == 1
    assert checks.number(1e-300, "x", above=0) == 1e-300


@pytest.mark.parametrize("value", [0, 12, 12.0, 2**53])
def test_a_whole_number_comes_back_as_an_int(value: float) -> None:
    """12.0 is whole: JSON has one kind of number."""
    found = checks.count(value, "n")
    assert found == value
    assert isinstance(found, int)


@pytest.mark.parametrize(
    ("value", "limits", "reason"),
    [
        (12.5, {}, "must be a whole number, not 12.5"),
        (-1, {}, "must be at least 0, not -1"),
        (1, {"least": 2}, "must be at least 2, not 1"),
        (4, {"most": 3}, "must be at most 3, not 4"),
        (2**53 + 1, {}, "must be at most 2^53, beyond which whole numbers are not exact, not 9007199254740993"),
        (1e300, {}, "must be at most 2^53, beyond which whole numbers are not exact, not 1e+300"),
    ],
)
def test_a_count_that_is_none_is_refused(value: float, limits: dict[str, int], reason: str) -> None:
    """Fractions, negative numbers, and what doubles cannot count to."""
    assert refused(checks.count, value, "n", **limits).reason == reason


@pytest.mark.parametrize("value", ["b", " b ", "ñ", "\U0001f600"])
def test_a_text_comes_back_as_it_is(value: str) -> None:
    """Nothing is stripped."""
    assert checks.text(value, "name") == value


@pytest.mark.parametrize("value", ["", " ", "\t\n", None, 1, True, [], {}, ["b"]])
def test_a_blank_text_is_refused(value: Any) -> None:
    """Blank strings and what is no string."""
    assert refused(checks.text, value, "name").reason.startswith("must be a text that is not empty, not ")


def test_a_long_value_is_cut_in_the_message() -> None:
    """An error is one line its reader can take in."""
    assert len(refused(checks.number, "x" * 1000, "x").reason) < 80


def test_an_error_reads_as_its_place_and_reason() -> None:
    """Without a place it is the document that is wrong; and it is an ExperimentError."""
    assert str(InvalidInput("a.b", "is missing")) == "a.b: is missing"
    assert str(InvalidInput("", "must be an object")) == "the document: must be an object"
    assert issubclass(InvalidInput, ExperimentError)
