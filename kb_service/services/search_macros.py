"""Find the macro an agent wants: by what she has typed so far, and by meaning."""

from dataclasses import dataclass

from indexer.documents import Document
from indexer.locales import choose_locale
from indexer.ranking import Candidate
from indexer.text import fold
from kb_service.errors import NotFound, NotReady
from kb_service.services.live_index import LiveIndex, Loaded

_MEANING_FROM = 3  # characters typed before meaning is asked too
_LEAST_SHARED = 0.03  # confidence; an agent looks through a list, so it may be far below what a customer is shown
_LEAST_UNSHARED = 0.35  # where no word is shared, as for `asdfgh`, which comes near something as well (up to 0.29)


@dataclass(frozen=True, slots=True)
class FoundMacro:
    """A macro in the locale that suits the customer; `body` still holds its placeholders.

    `by_meaning` is true where nothing in it begins as typed.
    """

    key: str
    locale: str
    revision: int
    title: str
    shortcut: str | None
    body: str
    tags: tuple[str, ...]
    by_meaning: bool = False


class SearchMacros:
    """Searches the live index's macros."""

    def __init__(self, live: LiveIndex) -> None:
        self._live = live

    def search(self, text: str, locale: str, limit: int) -> list[FoundMacro]:
        """The best `limit` macros: shortcuts and words that begin as typed come first, then, but for a text that begins
        like a shortcut, macros by meaning.

        Without text, macros by title; none where nothing comes close.
        """
        loaded = self._live.current()
        found = {document.entry: False for document in _typed(loaded, text, locale)}
        is_shortcut = text.strip().startswith("/")
        if len(text.strip()) >= _MEANING_FROM and not is_shortcut and len(found) < limit:
            ranked = loaded.snapshot.rank("macro", loaded.query(text, locale), limit)
            for candidate in filter(_is_close, ranked):
                found.setdefault(candidate.entry, True)
        shown = list(found.items())[:limit]
        return [_found(_in_locale(loaded, key, locale), by_meaning) for key, by_meaning in shown]

    def macro(self, key: str, locale: str) -> FoundMacro:
        """One published macro in this locale or the nearest one it has; NotFound where there is none."""
        loaded = self._live.current()
        if not loaded.snapshot.locales("macro", key):
            raise NotFound(f"there is no published macro {key[:200]!r}")
        return _found(_in_locale(loaded, key, locale))

    def locales(self) -> list[str]:
        """Every locale that a published macro is in; none without an index."""
        try:
            documents = self._live.current().snapshot.documents
        except NotReady:
            return []
        return sorted({document.locale for document in documents if document.kind == "macro"})


def _is_close(candidate: Candidate) -> bool:
    """Whether an agent may mean it: nonsense comes near something too, but shares no word with it."""
    return candidate.confidence >= (_LEAST_SHARED if candidate.signals.words > 0 else _LEAST_UNSHARED)


def _typed(loaded: Loaded, text: str, locale: str) -> list[Document]:
    """Macros whose shortcut begins with the text, then those that hold words beginning with each word typed."""
    wanted = fold(text).split()
    macros = sorted(
        (document for document in loaded.snapshot.documents if document.kind == "macro"),
        key=lambda document: (document.locale != locale, document.title),
    )
    if not wanted:
        return [macro for macro in macros if macro.locale == locale] or macros
    by_shortcut = [
        macro for macro in macros if fold(macro.shortcut or "").lstrip("/").startswith(wanted[0].lstrip("/"))
    ]
    by_word = [macro for macro in macros if _holds(macro, wanted)]
    return by_shortcut + by_word


def _holds(macro: Document, wanted: list[str]) -> bool:
    words = fold(" ".join([macro.title.replace("::", " "), *macro.tags, *(k.term for k in macro.keywords)])).split()
    return all(any(word.startswith(prefix) for word in words) for prefix in wanted)


def _in_locale(loaded: Loaded, key: str, locale: str) -> Document:
    chosen = choose_locale(loaded.snapshot.locales("macro", key), locale)
    document = chosen and loaded.snapshot.document("macro", key, chosen)
    if not document:
        raise NotFound(f"there is no published macro {key[:200]!r}")
    return document


def _found(document: Document, by_meaning: bool = False) -> FoundMacro:
    return FoundMacro(
        document.entry,
        document.locale,
        document.revision,
        document.title,
        document.shortcut,
        document.body,
        document.tags,
        by_meaning,
    )
