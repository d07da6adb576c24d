"""Keep golden questions: add one, import a file of them, remove one. Personal data is taken out first."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from indexer.text import content_hash, same_wording
from kb_service.errors import InvalidInput
from kb_service.services.consider_question import checked_query
from kb_service.services.labelled_questions import MAX_NOTE, NotedQuestion, read_questions
from kb_service.services.native_format import storable
from kb_service.services.redact import redact, without_placeholders
from kb_service.storage.database import Database, UnitOfWork
from kb_service.storage.records import GoldenDraft, GoldenQuestion, KeptAs, Kind

_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class KeptQuestions:
    """What an import did, in lines of the file, and the expected entries that the base does not have."""

    added: int
    changed: int
    unchanged: int
    unknown_entries: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """The numbers by name."""
        return {"added": self.added, "changed": self.changed, "unchanged": self.unchanged}


class KeepGoldenQuestions:
    """Writes golden questions. Adding one again changes nothing; with another expectation, it takes that."""

    def __init__(self, database: Database, max_chars: int, max_bytes: int, max_rows: int) -> None:
        self._database = database
        self._max_chars = max_chars
        self._max_bytes = max_bytes
        self._max_rows = max_rows

    def add(
        self, query: str, locale: str, expected: str | None, by: str, note: str | None = None
    ) -> tuple[GoldenQuestion, KeptAs]:
        """Keep one question; `expected` is a FAQ's key, published or not, or None: nothing may answer.

        InvalidInput for a query without words or too long, a FAQ that is not there, a note too long.
        """
        draft = self._draft(query, locale, expected, _checked((note or "").strip(), MAX_NOTE, "note") or None)
        with self._database.writing() as work:
            if _unknown(work, [expected]):
                raise InvalidInput(f"there is no faq {expected!r:.100}", "entry")
            (kept,) = work.golden.keep([draft], by)
            work.commit()
        return kept

    def import_file(self, path: Path, by: str) -> KeptQuestions:
        """Keep every question of a file, all of it or nothing; a FAQ that is not there yet may be expected.

        InvalidInput names the first line that cannot be used, or that contradicts an earlier one.
        """
        lines = read_questions(path, self._max_bytes, NotedQuestion)
        if len(lines) > self._max_rows:
            raise InvalidInput(f"{path} has {len(lines)} questions; KB_MAX_IMPORT_ROWS allows {self._max_rows}")
        drafts = self._drafts(lines)
        with self._database.writing() as work:
            done = Counter(what for _, what in work.golden.keep(drafts, by))
            unknown = _unknown(work, [draft.expected for draft in drafts])
            work.commit()
        repeated = len(lines) - len(drafts)
        return KeptQuestions(done["added"], done["changed"], done["unchanged"] + repeated, unknown)

    def remove(self, question_id: int) -> GoldenQuestion | None:
        """Forget a question and return it; None where there is none with this id, because it is gone, for instance."""
        with self._database.writing() as work:
            removed = work.golden.remove(question_id)
            work.commit()
        return removed

    def _drafts(self, lines: dict[int, NotedQuestion]) -> list[GoldenDraft]:
        """The questions, each once."""
        drafts: dict[tuple[str, str], GoldenDraft] = {}
        first: dict[tuple[str, str], int] = {}
        for number, line in lines.items():
            try:
                draft = self._draft(line.query, line.locale, line.entry, line.note or None)
            except InvalidInput as error:
                raise InvalidInput(f"line {number}: {error}") from error
            place = (draft.wording, draft.locale)
            if drafts.setdefault(place, draft).expected != draft.expected:
                raise InvalidInput(f"line {number}: line {first[place]} asks the same and expects another entry")
            first.setdefault(place, number)
        return list(drafts.values())

    def _draft(self, query: str, locale: str, expected: str | None, note: str | None) -> GoldenDraft:
        redacted = redact(checked_query(query, self._max_chars))
        if not same_wording(without_placeholders(redacted)):
            raise InvalidInput("the query has no words besides personal data", "query")
        expected = None if expected is None else _checked(expected, _LONGEST_KEY, "entry")
        return GoldenDraft(redacted, content_hash(same_wording(redacted)), locale, expected, note)


def _checked(text: str, longest: int, where: str) -> str:
    """The text; InvalidInput where it is too long or cannot be stored."""
    if len(text) > longest:
        raise InvalidInput(f"the {where} has {len(text)} characters; at most {longest} are accepted", where)
    try:
        return storable(text)
    except ValueError as error:
        raise InvalidInput(f"the {where} {error}", where) from error


def _unknown(work: UnitOfWork, keys: Iterable[str | None]) -> tuple[str, ...]:
    """Those of the keys that no FAQ has."""
    names: set[tuple[Kind, str]] = {("faq", key) for key in keys if key is not None}
    known = {key for _, key, _ in work.content.states(names)}
    return tuple(sorted(key for _, key in names if key not in known))
