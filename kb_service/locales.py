"""Locale names: checked and written in one form, such as `es-MX`."""

import re

from babel import Locale, UnknownLocaleError

_NAME = re.compile(r"[A-Za-z0-9_-]{2,35}")
PAGE_LOCALES = ("es-MX", "pt-BR", "en")
"""Locales the pages are translated into."""


def parse_locale(name: str) -> str:
    """Return the name in BCP 47 form (`es_mx` -> `es-MX`); ValueError where no such locale exists."""
    try:
        if not _NAME.fullmatch(name):  # Babel would also take an encoding and a modifier of any length
            raise ValueError(name)
        return str(Locale.parse(name.replace("_", "-"), sep="-")).replace("_", "-")
    except (UnknownLocaleError, ValueError, TypeError):
        raise ValueError(f"unknown locale {name[:40]!r}; expected a name such as es-MX, pt-BR or en") from None
