"""Locale names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_service.locales import PAGE_LOCALES, parse_locale


@pytest.mark.parametrize(
    ("name", "locale"),
    [
        ("es-MX", "es-MX"),
        ("es_mx", "es-MX"),
        ("ES-mx", "es-MX"),
        ("en", "en"),
        ("pt-br", "pt-BR"),
        ("es-419", "es-419"),
        ("zh-hans-cn", "zh-Hans-CN"),
        ("en-US-POSIX", "en-US-POSIX"),
    ],
)
def test_a_locale_has_one_form(name: str, locale: str) -> None:
    """Whatever its case and separator."""
    assert parse_locale(name) == locale


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "e",
        "xx",
        "es-XX",
        "español",
        "es MX",
        " es-MX",
        "es-MX\n",
        "es-MX\0",
        "en--US",
        "es-",
        "-es",
        "en@euro",
        "en.UTF-8",
        "C",
        "../en",
        "\ud800",
        "e" * 1000,
        "en-" * 300,
        "日本語",
    ],
)
def test_what_is_no_locale_is_refused(name: str) -> None:
    """With an error that shows what one looks like, and not all of what was sent."""
    with pytest.raises(ValueError, match="expected a name such as es-MX") as caught:
        parse_locale(name)
    assert len(str(caught.value)) < 200


@given(st.text(max_size=12) | st.from_regex(r"[a-z]{2}([_-][A-Za-z]{2,4}){0,2}", fullmatch=True))
def test_any_text_is_a_locale_or_refused(name: str) -> None:
    """A locale's form is stable and fits its column."""
    try:
        locale = parse_locale(name)
    except ValueError:
        return
    assert parse_locale(locale) == locale
    assert len(locale) <= 35


def test_the_pages_locales_are_in_their_one_form() -> None:
    """They compare equal to what callers send."""
    assert tuple(map(parse_locale, PAGE_LOCALES)) == PAGE_LOCALES
