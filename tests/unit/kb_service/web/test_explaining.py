"""Numbers are rounded to the side on which what is said of them stays true, and look as they do in her language."""

import math
from collections.abc import Iterator

import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st

from kb_service.web import explaining


@pytest.fixture(scope="module", params=["en", "pt_BR"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    """A request in this language."""
    app = Flask(__name__)
    Babel(app, locale_selector=lambda: request.param)
    with app.test_request_context():
        yield str(request.param)


def _read(text: str) -> float:
    return float(text.replace("\xa0", "").replace(",", ".").rstrip("%"))


@given(st.floats(0, 1))
def test_percentages_are_rounded_up_or_down(language: str, share: float) -> None:
    """By less than a point, up never below, down never above, beyond the last bits."""
    up, down = _read(explaining.percent_up(share)) / 100, _read(explaining.percent_down(share)) / 100
    assert share - 1e-8 <= up < share + 0.0101
    assert share - 0.0101 < down <= share + 1e-8


@pytest.mark.parametrize(
    ("share", "up", "down"),
    [(0.5, "50%", "50%"), (0.501, "51%", "50%"), (0.9951, "99.6%", "99%"), (0.004, "1%", "0.4%"), (1, "100%", "100%")],
)
def test_nothing_becomes_certain_or_impossible_by_rounding(share: float, up: str, down: str) -> None:
    """It gets more decimals instead."""
    app = Flask(__name__)
    Babel(app, locale_selector=lambda: "en")
    with app.test_request_context():
        assert (explaining.percent_up(share), explaining.percent_down(share)) == (up, down)


@given(st.floats(0, 99_999))
def test_numbers_are_rounded_up(language: str, value: float) -> None:
    """To a decimal below ten, to whole ones above."""
    shown = explaining.number_up(value).replace(",", "_" if language == "en" else ".")
    read = float(shown.replace(".", "") if language != "en" and value >= 1000 else shown)
    assert value - 1e-6 <= read < value + (0.11 if value < 10 else 1.01)


def test_what_two_languages_write(language: str) -> None:
    """Decimal commas in Portuguese, points in English."""
    comma = language == "pt_BR"
    assert explaining.decimal(12.34) == ("12,3" if comma else "12.3")
    assert explaining.hundredth_up(1.001) == ("1,01" if comma else "1.01")
    assert explaining.signed(-0.5) == ("-0,5" if comma else "-0.5")
    assert explaining.signed(0.126, 2) == ("+0,13" if comma else "+0.13")


def test_a_lead_is_a_share_of_the_chances() -> None:
    """Even for none, and never out of bounds."""
    assert explaining.chance(0) == 0.5
    assert explaining.chance(math.log(3)) == pytest.approx(0.75)
    assert (explaining.chance(math.inf), explaining.chance(-math.inf)) == (1, 0)


def test_so_many_nats_are_so_many_times(language: str) -> None:
    """Rounded up, and finite."""
    assert explaining.times(math.log(4)) in ("4", "4.0", "4,0")
    assert _read(explaining.times(math.log(4.01))) == 4.1
    assert "inf" not in explaining.times(1e9)
