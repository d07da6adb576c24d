"""Consider a question: which entries may answer it, and what the decision would be. Nothing is stored."""

from dataclasses import dataclass

from indexer.decision import Decision, decide
from indexer.evaluation import Judged
from indexer.explanation import Explanation, explain
from indexer.fitting import Parameters
from indexer.language import detect_language
from indexer.ranking import Candidate, Query
from indexer.snapshot import Snapshot
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
    """A question (redacted), the locale it is taken to be in, the entries ranked best first, and the decision.

    `parameters` are those it was taken with. `explanation` is there where it was asked for and something was found.
    """

    query: str
    locale: str
    locale_given: bool
    ranked: tuple[Candidate, ...]
    decision: Decision
    index_version: str
    parameters: Parameters
    explanation: Explanation | None = None


class ConsiderQuestion:
    """The one way from a question to a decision, for the API, the pages and the command line."""

    def __init__(self, live: LiveIndex, default_locale: str, max_chars: int) -> None:
        self._live = live
        self._default_locale = default_locale
        self._max_chars = max_chars

    def consider(
        self,
        query: str,
        locale: str | None,
        channel: str | None = None,
        likely_locale: str | None = None,
        *,
        explained: bool = False,
    ) -> Considered:
        """Rank and decide by what the query says besides personal data.

        InvalidInput for an empty or too long query, NotReady without an index.
        """
        query = redact(checked_query(query, self._max_chars))
        chosen = locale or self.locale_of(query, likely_locale)
        loaded = self._live.current()
        snapshot, asked = loaded.snapshot, loaded.query(without_placeholders(query), chosen, channel)
        ranked, decision = decide_on(snapshot, asked)
        return Considered(
            query,
            chosen,
            locale is not None,
            ranked,
            decision,
            snapshot.version,
            snapshot.parameters,
            _explanation(snapshot, asked, ranked, decision) if explained else None,
        )

    def locale_of(self, query: str, likely_locale: str | None = None) -> str:
        """The locale of the language the query, redacted or not, is clearly in; else the likely or default one."""
        likely = likely_locale or self._default_locale
        language = detect_language(without_placeholders(query), tuple(LANGUAGES), likely)
        if language is None or language == language_of(likely):
            return likely
        return LANGUAGES[language]


def _explanation(
    snapshot: Snapshot, query: Query, ranked: tuple[Candidate, ...], decision: Decision
) -> Explanation | None:
    if not ranked:
        return None
    return explain(query, decision, ranked, snapshot.parameters, snapshot.wording("faq", query, ranked[0].entry))


def decide_on(snapshot: Snapshot, query: Query) -> tuple[tuple[Candidate, ...], Decision]:
    """The entries that may answer the query, best first, and the decision, as this snapshot has them."""
    ranked = snapshot.rank("faq", query)
    return ranked, decide(ranked, snapshot.confidence_model, MAX_SUGGESTIONS)


def judged(snapshot: Snapshot, query: Query, expected: str | None) -> Judged:
    """What this snapshot makes of a question whose right entry (None: no entry) is known."""
    ranked, decision = decide_on(snapshot, query)
    entries = tuple(candidate.entry for candidate in ranked)
    return Judged(query.locale or "", expected, entries, decision.confidence, decision.outcome)


def checked_query(query: str, max_chars: int) -> str:
    """The question without blanks around it; InvalidInput where it is empty, too long or cannot be stored."""
    try:
        query = storable(query.strip())
    except ValueError as error:
        raise InvalidInput(f"the query {error}", "query") from error
    if not query:
        raise InvalidInput("the query is empty", "query")
    if len(query) > max_chars:
        raise InvalidInput(f"the query has {len(query)} characters; at most {max_chars} are accepted", "query")
    return query
