"""Which locale answers."""

import pytest

from indexer.locales import choose_locale, fallback_chain


def test_the_chain_goes_from_exact_to_anything() -> None:
    """Exact, its group of regions, language, its other regions, English, anything; nothing twice."""
    assert fallback_chain("es_MX") == ("es-mx", "es-419", "es", "es-*", "en", "en-*", "*")
    assert fallback_chain("pt-BR") == ("pt-br", "pt", "pt-*", "en", "en-*", "*")
    assert fallback_chain("en") == ("en", "en-*", "*")


@pytest.mark.parametrize(
    ("available", "wanted", "chosen"),
    [
        (["en", "es-ES", "es-MX"], "es-MX", "es-MX"),
        (["en", "es-ES", "es"], "es-MX", "es"),
        (["en", "es-ES", "es-AR"], "es-MX", "es-AR"),
        (["es-ES", "es-MX"], "es-AR", "es-MX"),
        (["es-ES", "es-MX", "es-CO"], "es-AR", "es-CO"),
        (["es", "es-419", "es-MX"], "es-AR", "es-419"),
        (["es-ES", "es-MX"], "es-419", "es-MX"),
        (["es-ES", "es-MX"], "es", "es-ES"),
        (["es-GQ", "es-MX"], "es-ES", "es-GQ"),
        (["pt-BR", "pt-PT"], "pt-AO", "pt-PT"),
        (["en-US", "en-AU"], "en-GB", "en-AU"),
        (["pt-BR", "en-GB"], "es-MX", "en-GB"),
        (["pt-BR", "fr"], "es-MX", "fr"),
        (["ES_mx"], "es-MX", "ES_mx"),
        ([], "es-MX", None),
    ],
)
def test_the_first_available_on_the_chain_is_chosen(available: list[str], wanted: str, chosen: str | None) -> None:
    """Within one step of the chain its own group of regions, then alphabetically; None only when there is none."""
    assert choose_locale(available, wanted) == chosen
