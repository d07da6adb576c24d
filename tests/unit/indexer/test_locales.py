"""Which locale answers."""

import pytest

from indexer.locales import choose_locale, fallback_chain


def test_the_chain_goes_from_exact_to_anything() -> None:
    """Exact, language, its other regions, English, anything; nothing twice."""
    assert fallback_chain("es_MX") == ("es-mx", "es", "es-*", "en", "en-*", "*")
    assert fallback_chain("en") == ("en", "en-*", "*")


@pytest.mark.parametrize(
    ("available", "wanted", "chosen"),
    [
        (["en", "es-ES", "es-MX"], "es-MX", "es-MX"),
        (["en", "es-ES", "es"], "es-MX", "es"),
        (["en", "es-ES", "es-AR"], "es-MX", "es-AR"),
        (["pt-BR", "en-GB"], "es-MX", "en-GB"),
        (["pt-BR", "fr"], "es-MX", "fr"),
        (["ES_mx"], "es-MX", "ES_mx"),
        ([], "es-MX", None),
    ],
)
def test_the_first_available_on_the_chain_is_chosen(available: list[str], wanted: str, chosen: str | None) -> None:
    """Alphabetically within one step of the chain; None only when nothing is available."""
    assert choose_locale(available, wanted) == chosen
