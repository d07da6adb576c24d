"""Read golden questions, each with what the index in use makes of it."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from indexer.confidence import Thresholds
from indexer.evaluation import Judged, Metrics, evaluate
from indexer.locales import choose_locale
from indexer.regression import Grade, grade
from indexer.snapshot import Snapshot
from kb_service.errors import NotReady
from kb_service.services.check_golden_questions import CheckGoldenQuestions
from kb_service.services.live_index import LiveIndex
from kb_service.storage.database import Database
from kb_service.storage.records import GoldenCheck, GoldenQuestion

MAX_OFFERED = 500
"""Most entries that are offered for choosing; beyond, their keys are typed."""


@dataclass(frozen=True, slots=True)
class GoldenRow:
    """A golden question and its result; None where no index is loaded."""

    question: GoldenQuestion
    result: Judged | None

    @property
    def grade(self) -> Grade | None:
        """The result as one of four grades."""
        return grade(self.result) if self.result else None

    @property
    def first(self) -> tuple[str, ...]:
        """The entry that comes first, if any does."""
        return self.result.ranked[:1] if self.result else ()


@dataclass(frozen=True, slots=True)
class GoldenPage:
    """One page of rows, newest first; `after` is the cursor of the next one, None on the last."""

    rows: tuple[GoldenRow, ...]
    after: int | None


@dataclass(frozen=True, slots=True)
class GoldenStanding:
    """All golden questions on the index in use: what they measure, how many have each grade, every row."""

    index_version: str
    thresholds: Thresholds
    measured: Metrics
    grades: dict[Grade, int]
    rows: tuple[GoldenRow, ...]


class ReadGoldenQuestions:
    """Reads for the pages, the API and the command line."""

    def __init__(self, database: Database, live: LiveIndex, golden: CheckGoldenQuestions) -> None:
        self._database = database
        self._live = live
        self._golden = golden
        self._known: tuple[str, dict[tuple[str, str], Judged]] = ("", {})

    def page(
        self, *, entry: str | None = None, grade: Grade | None = None, after: int | None = None, limit: int = 50
    ) -> GoldenPage:
        """One page, of one entry's questions or of all, of one grade or of all."""
        with self._database.reading() as work:
            found = work.golden.find(entry, after, None if grade else limit + 1)
        rows = [row for row in self._rows(found) if grade in (None, row.grade)]
        return GoldenPage(tuple(rows[:limit]), rows[limit - 1].question.id if len(rows) > limit else None)

    def standing(self) -> GoldenStanding | None:
        """How all of them stand now; None where there are none. NotReady without an index."""
        snapshot = self._live.current().snapshot
        rows = self._rows(self.all())
        results = [row.result for row in rows if row.result]
        if not results:
            return None
        grades = dict(Counter(map(grade, results)))
        thresholds = snapshot.confidence_model.thresholds
        return GoldenStanding(snapshot.version, thresholds, evaluate(results).overall, grades, tuple(rows))

    def all(self, entry: str | None = None) -> list[GoldenQuestion]:
        """Every question, or every one of this entry, newest first."""
        with self._database.reading() as work:
            return work.golden.find(entry)

    def judged(self, question: GoldenQuestion) -> GoldenRow:
        """This question with its result."""
        return self._rows([question])[0]

    def count(self, entry: str | None = None) -> int:
        """How many there are, of this entry or of all."""
        with self._database.reading() as work:
            return work.golden.count(entry)

    def last_check(self) -> GoldenCheck | None:
        """What the newest publication that was checked did to them."""
        with self._database.reading() as work:
            return work.golden.last_check()

    def titles(self, keys: Collection[str], locale: str) -> dict[str, str]:
        """The titles of those of these FAQs that are published, in this locale or by its fallback chain."""
        loaded = self._live.loaded
        titles = {key: _title(loaded.snapshot, key, locale) for key in keys} if loaded else {}
        return {key: title for key, title in titles.items() if title is not None}

    def choices(self, locale: str) -> dict[str, str]:
        """Every published FAQ by key with its title, in the order of the keys; none where they are too many."""
        loaded = self._live.loaded
        keys = {document.entry for document in loaded.snapshot.documents if document.kind == "faq"} if loaded else set()
        return self.titles(sorted(keys), locale) if len(keys) <= MAX_OFFERED else {}

    def _rows(self, questions: Sequence[GoldenQuestion]) -> list[GoldenRow]:
        """The questions with their results; a result is worked out once for each index version."""
        try:
            snapshot = self._live.current().snapshot
        except NotReady:
            return [GoldenRow(question, None) for question in questions]
        version, known = self._known
        known = dict(known) if version == snapshot.version else {}
        new = [question for question in questions if (question.query, question.locale) not in known]
        if new:
            known |= {
                (q.query, q.locale): result for q, result in zip(new, self._golden.judge(snapshot, new), strict=True)
            }
            self._known = (snapshot.version, known)
        return [GoldenRow(q, replace(known[q.query, q.locale], expected=q.expected)) for q in questions]


def _title(snapshot: Snapshot, key: str, locale: str) -> str | None:
    chosen = choose_locale(snapshot.locales("faq", key), locale)
    document = snapshot.document("faq", key, chosen) if chosen else None
    return document.title if document else None
