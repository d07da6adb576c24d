"""Locale names: checked and written in one form, such as `es-MX`."""

from babel import Locale, UnknownLocaleError

PAGE_LOCALES = ("es-MX", "pt-BR", "en")
"""Locales the pages are translated into."""


def parse_locale(name: str) -> str:
    """Return the name in BCP 47 form (`es_mx` -> `es-MX`); ValueError where no such locale exists."""
    try:
        return str(Locale.parse(name.replace("_", "-"), sep="-")).replace("_", "-")
    except (UnknownLocaleError, ValueError, TypeError):
        raise ValueError(f"unknown locale {name[:40]!r}; expected a name such as es-MX, pt-BR or en") from None
