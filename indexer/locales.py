"""Which locale to answer in when an entry lacks the customer's own."""

from collections.abc import Collection

from indexer.text import language_of


def fallback_chain(locale: str) -> tuple[str, ...]:
    """Patterns of locales to try for a customer of `locale`, best first; `xx-*` is any region of xx, `*` anything.

    Exact, the bare language, any other region of the language, English, anything:
    `fallback_chain("es-MX") == ("es-mx", "es", "es-*", "en", "en-*", "*")`. Lower case, with hyphens.
    """
    language = language_of(locale)
    chain = (_normal(locale), language, f"{language}-*", "en", "en-*", "*")
    return tuple(dict.fromkeys(chain))


def choose_locale(available: Collection[str], wanted: str) -> str | None:
    """The one of `available` that `fallback_chain(wanted)` reaches first (then the alphabetically first), or None."""
    for pattern in fallback_chain(wanted):
        matching = [locale for locale in sorted(available) if _matches(_normal(locale), pattern)]
        if matching:
            return matching[0]
    return None


def _normal(locale: str) -> str:
    return locale.strip().lower().replace("_", "-")


def _matches(locale: str, pattern: str) -> bool:
    return locale.startswith(pattern[:-1]) if pattern.endswith("*") else locale == pattern
