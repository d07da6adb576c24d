"""Which locale to answer in when an entry lacks the customer's own."""

from collections.abc import Collection

from babel.core import get_global

from indexer.text import language_of


def fallback_chain(locale: str) -> tuple[str, ...]:
    """Patterns of locales to try for a customer of `locale`, best first; `xx-*` is any region of xx, `*` anything.

    Exact, the group of regions it belongs to (Unicode CLDR), the bare language, any other region of the language,
    English, anything: `fallback_chain("es-MX") == ("es-mx", "es-419", "es", "es-*", "en", "en-*", "*")`. Lower case,
    with hyphens.
    """
    language = language_of(locale)
    chain = (_normal(locale), _group(locale), language, f"{language}-*", "en", "en-*", "*")
    return tuple(dict.fromkeys(chain))


def choose_locale(available: Collection[str], wanted: str) -> str | None:
    """The one of `available` that `fallback_chain(wanted)` reaches first, or None.

    Of several, one of the same group of regions (for es-AR, es-MX before es-ES), then the alphabetically first.
    """
    for pattern in fallback_chain(wanted):
        matching = [locale for locale in available if _matches(_normal(locale), pattern)]
        if matching:
            return min(matching, key=lambda locale: (_group(locale) != _group(wanted), locale))
    return None


def _normal(locale: str) -> str:
    return locale.strip().lower().replace("_", "-")


def _group(locale: str) -> str:
    """What regions with the same usage share: `es-419` for all of Latin America, `pt-pt` for Portugal and Angola."""
    language, _, region = _normal(locale).partition("-")
    group: str = get_global("parent_exceptions").get(f"{language}_{region.upper()}", locale)
    return _normal(group)


def _matches(locale: str, pattern: str) -> bool:
    return locale.startswith(pattern[:-1]) if pattern.endswith("*") else locale == pattern
