"""Questions to show a customer who does not know yet what she may ask."""

from indexer.documents import Document
from indexer.text import language_of
from kb_service.errors import NotReady
from kb_service.services.live_index import LiveIndex

_KEPT = 20


class ExampleQuestions:
    """Picks from the published FAQs, so that every example has an answer."""

    def __init__(self, live: LiveIndex) -> None:
        self._live = live
        self._of_version: tuple[str, dict[str, list[str]]] = ("", {})

    def pick(self, locale: str, limit: int) -> list[str]:
        """Short questions in this language, of different products where there are several; none without an index."""
        try:
            snapshot = self._live.current().snapshot
        except NotReady:
            return []
        version, by_language = self._of_version
        if version != snapshot.version:
            by_language = {}
            self._of_version = (snapshot.version, by_language)
        language = language_of(locale)
        if language not in by_language:
            by_language[language] = _questions(snapshot.documents, language)
        return by_language[language][:limit]


def _questions(documents: tuple[Document, ...], language: str) -> list[str]:
    """Some questions in this language: the shortest of each product, then the other short ones."""
    wanted = [document for document in documents if document.kind == "faq" and language_of(document.locale) == language]
    wanted.sort(key=lambda document: (len(document.title), document.entry))
    by_product: dict[str | None, Document] = {}
    for document in wanted:
        by_product.setdefault(document.product, document)
    chosen = [*by_product.values(), *(document for document in wanted if document not in by_product.values())]
    return [document.title for document in chosen[:_KEPT]]
