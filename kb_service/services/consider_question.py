"""Consider a question: which entries may answer it, and what the decision would be. Nothing is stored."""

from dataclasses import dataclass

from indexer.decision import Decision, decide
from indexer.language import detect_language
from indexer.ranking import Candidate
from indexer.text import language_of
from kb_service.errors import InvalidInput
from kb_service.services.live_index import LiveIndex
from kb_service.services.native_format import storable
from kb_service.services.redact import redact, without_placeholders

MAX_SUGGESTIONS = 3
LANGUAGES = {"es": "es-MX", "pt": "pt-BR", "en": "en"}
"""The locale assumed for a recognised language when the channel names none."""


@dataclass(frozen=True, slots=True)
class Considered:
    """A question (redacted), the locale it is taken to be in, the entries ranked best first, and the decision."""

    query: str
    locale: str
    locale_given: bool
    ranked: tuple[Candidate, ...]
    decision: Decision
    index_version: str
    confidence_basis: str


class ConsiderQuestion:
    """The one way from a question to a decision, for the API, the pages and the command line."""

    def __init__(self, live: LiveIndex, default_locale: str, max_chars: int) -> None:
        self._live = live
        self._default_locale = default_locale
        self._max_chars = max_chars

    def consider(
        self, query: str, locale: str | None, channel: str | None = None, likely_locale: str | None = None
    ) -> Considered:
        """Rank and decide by what the query says besides personal data.

        InvalidInput for an empty or too long query, NotReady without an index.
        """
        query = redact(self._checked(query))
        chosen = locale or self.locale_of(query, likely_locale)
        loaded = self._live.current()
        model = loaded.snapshot.confidence_model
        ranked = loaded.snapshot.rank("faq", loaded.query(without_placeholders(query), chosen, channel))
        return Considered(
            query,
            chosen,
            locale is not None,
            ranked,
            decide(ranked, model, MAX_SUGGESTIONS),
            loaded.snapshot.version,
            model.describe(),
        )

    def locale_of(self, query: str, likely_locale: str | None = None) -> str:
        """The locale of the language the query, redacted or not, is clearly in; else the likely or default one."""
        likely = likely_locale or self._default_locale
        language = detect_language(without_placeholders(query), tuple(LANGUAGES), likely)
        if language is None or language == language_of(likely):
            return likely
        return LANGUAGES[language]

    def _checked(self, query: str) -> str:
        try:
            query = storable(query.strip())
        except ValueError as error:
            raise InvalidInput(f"the query {error}", "query") from error
        if not query:
            raise InvalidInput("the query is empty", "query")
        if len(query) > self._max_chars:
            raise InvalidInput(
                f"the query has {len(query)} characters; at most {self._max_chars} are accepted", "query"
            )
        return query
