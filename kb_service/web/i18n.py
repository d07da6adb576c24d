"""Languages of the pages: which one a visitor gets, and the names of locales in it."""

from pathlib import Path
from urllib.parse import urlencode

from babel import Locale, UnknownLocaleError
from flask import Flask, Response, g, has_request_context, request
from flask_babel import Babel, get_locale

import kb_service
from kb_service.locales import PAGE_LOCALES
from kb_service.web.context import parts

COOKIE = "kb_language"
_YEAR_SECONDS = 365 * 24 * 3600
_TRANSLATIONS = Path(kb_service.__file__).parent / "translations"


def install(app: Flask) -> None:
    """Choose the visitor's language for every page and remember an explicit choice."""
    Babel(app, default_translation_directories=str(_TRANSLATIONS), locale_selector=_babel_locale)
    app.jinja_env.globals.update(page_locale=page_locale, page_locales=PAGE_LOCALES, in_language=in_language)
    app.jinja_env.globals["locale_options"] = locale_options
    app.jinja_env.filters.update(locale_name=locale_name, language_name=language_name, language=language)
    app.after_request(_remember)


def page_locale() -> str:
    """The locale this page is shown in: `?lang=`, else the one chosen before, else the browser's, else the default."""
    if "page_locale" not in g:
        wanted = [request.args.get("lang", ""), request.cookies.get(COOKIE, ""), *request.accept_languages.values()]
        offered = (_offered(name) for name in [*wanted, parts().settings.default_locale])
        g.page_locale = next((locale for locale in offered if locale), PAGE_LOCALES[0])
    return str(g.page_locale)


def in_language(locale: str) -> str:
    """The address of this page in another language, relative to it: htmx may have changed the path since."""
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "lang"]
    return f"?{urlencode([*kept, ('lang', locale)])}"


def _babel_locale() -> str:
    if not has_request_context():
        return "en"  # the command line and the logs
    return page_locale().replace("-", "_")


def locale_name(name: str) -> str:
    """A locale's name in the page's language, such as `Español (México)`; the name itself where it is unknown."""
    shown = _parsed(name)
    return _capital(shown.get_display_name(get_locale())) if shown else name


def locale_options(locales: list[str], anything: str | None = None) -> list[tuple[str, str]]:
    """Choices of a select field: these locales by name, behind one for no choice if `anything` says what that means."""
    named = [(locale, locale_name(locale)) for locale in locales]
    return named if anything is None else [("", anything), *named]


def language_name(name: str) -> str:
    """The name of a locale's language in that language, such as `Português`."""
    shown = _parsed(name)
    return _capital(shown.get_language_name(shown)) if shown else name


def language(name: str) -> str:
    """The language part of a locale, such as `es`."""
    return name.partition("-")[0].lower()


def _offered(name: str) -> str | None:
    """The locale of the pages with this name, or in this language."""
    same_language = [locale for locale in PAGE_LOCALES if language(locale) == language(name)]
    return name if name in PAGE_LOCALES else next(iter(same_language), None)


def _parsed(name: str) -> Locale | None:
    try:
        return Locale.parse(name, sep="-")
    except (UnknownLocaleError, ValueError):
        return None


def _capital(name: str | None) -> str:
    return name[:1].upper() + name[1:] if name else ""


def _remember(response: Response) -> Response:
    chosen = _offered(request.args.get("lang", ""))
    if chosen:
        secure = parts().settings.secure_cookies
        response.set_cookie(COOKIE, chosen, _YEAR_SECONDS, httponly=True, samesite="Lax", secure=secure)
    return response
