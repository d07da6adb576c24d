"""Check golden questions: what an index makes of each, and what changes when one index takes the place of another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from indexer.encoders import Encoder
from indexer.errors import IndexerError
from indexer.evaluation import Judged, Metrics
from indexer.ranking import Query
from indexer.regression import Comparison, Measure, compare, grade
from indexer.snapshot import Snapshot
from indexer.vector_cache import VectorCache
from kb_service.errors import KbError
from kb_service.services.consider_question import judged
from kb_service.services.redact import without_placeholders
from kb_service.storage.database import Database
from kb_service.storage.records import GoldenCheck, GoldenQuestion
from kb_service.storage.types import utc_now

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class GoldenShift:
    """A golden question that gets a worse or better grade than before."""

    question: GoldenQuestion
    before: Judged
    after: Judged

    def facts(self) -> dict[str, Any]:
        """The question and both results, in JSON types."""
        return question_facts(self.question) | {"before": result_facts(self.before), "after": result_facts(self.after)}


@dataclass(frozen=True, slots=True)
class GoldenComparison:
    """All golden questions on two indexes. `before` is None, and nothing is worse or better, where there was one only.

    `worse` and `better` name questions; it is a regression when a measure is worse in sum, and `fell` names those.
    """

    questions: int
    before: Metrics | None
    after: Metrics
    worse: tuple[GoldenShift, ...]
    better: tuple[GoldenShift, ...]
    fell: tuple[Measure, ...]

    def facts(self) -> dict[str, Any]:
        """Everything in JSON types; shares are from 0 to 1, or None where there is nothing to divide by."""
        return {
            "questions": self.questions,
            "before": measures(self.before) if self.before else None,
            "after": measures(self.after),
            "fell": list(self.fell),
            "worse": [shift.facts() for shift in self.worse],
            "better": [shift.facts() for shift in self.better],
        }


class CheckGoldenQuestions:
    """Runs the golden questions through snapshots. Each is embedded once and its vector kept beside the entries'."""

    def __init__(self, database: Database, load_encoder: Callable[[], Encoder], cache_dir: Path) -> None:
        self._database = database
        self._load_encoder = load_encoder
        self._cache_dir = cache_dir / "golden-questions"

    def any(self) -> bool:
        """True where there is something to check."""
        with self._database.reading() as work:
            return bool(work.golden.find(limit=1))

    def compare(self, before: Snapshot | None, after: Snapshot) -> GoldenComparison | None:
        """All golden questions on both snapshots; None where there are none.

        A `before` with another encoder's vectors is left out: no question could be asked of both.
        """
        with self._database.reading() as work:
            questions = work.golden.find()
        if not questions:
            return None
        if before and _encoder_of(before) != _encoder_of(after):
            before = None
        earlier = self.judge(before, questions) if before else None
        later = self.judge(after, questions)
        return _named(questions, earlier, later, compare(earlier, later))

    def judge(self, snapshot: Snapshot, questions: Sequence[GoldenQuestion]) -> list[Judged]:
        """What the snapshot, which has this encoder's vectors, makes of each question."""
        texts = [without_placeholders(question.query) for question in questions]
        return [
            judged(snapshot, Query(text, vector, question.locale), question.expected)
            for question, text, vector in zip(questions, texts, self._vectors(texts), strict=True)
        ]

    def after_switch(
        self, before: Snapshot | None, after: Snapshot, version: str, load: Callable[[str], Snapshot]
    ) -> GoldenComparison | None:
        """Compare, keep the result under the version switched to, and log what got worse; None without questions.

        `load` gives an earlier version. The switch is made: what goes wrong here is logged and does not undo it.
        """
        try:
            earlier = self._before_publication(before, after, load) if self.any() else None
            comparison = self.compare(earlier, after)
            if comparison:
                self._record(comparison, version, earlier.version if earlier and comparison.before else None)
        except (KbError, IndexerError, OSError) as error:
            log.warning("golden questions could not be checked", version=version, problem=str(error))
            return None
        if comparison and comparison.fell:
            worse = [shift.question.id for shift in comparison.worse]  # not their text: customers' words are not logged
            log.warning("golden questions got worse", version=version, fell=comparison.fell, worse=worse)
        return comparison

    def _before_publication(
        self, before: Snapshot | None, after: Snapshot, load: Callable[[str], Snapshot]
    ) -> Snapshot | None:
        """The index before the last publication, as far as it is still there.

        Parameters fitted to what was published belong to what the publication did: its check is made again with them.
        """
        if before is None or before.manifest.highest_change != after.manifest.highest_change:
            return before
        with self._database.reading() as work:
            last = work.golden.last_check()
        if last is None or last.index_version != before.version or last.compared_with is None:
            return before
        try:
            return load(last.compared_with)
        except IndexerError:
            return before

    def _record(self, comparison: GoldenComparison, version: str, compared_with: str | None) -> None:
        number, worse = comparison.questions, len(comparison.worse)
        check = GoldenCheck(version, compared_with, number, worse, comparison.facts(), utc_now())
        with self._database.writing() as work:
            work.golden.add_check(check)
            work.commit()

    def _vectors(self, texts: list[str]) -> NDArray[np.float32]:
        encoder = self._load_encoder()
        encode = partial(encoder.encode, role="query")
        try:
            cache = VectorCache(self._cache_dir, encoder.id, encoder.revision, encoder.dimension)
            return cache.vectors(texts, encode)
        except OSError:  # a disk that is full or read-only makes this slower, and nothing else
            return encode(texts)


def question_facts(question: GoldenQuestion) -> dict[str, Any]:
    """A golden question in JSON types, named as in a file of labelled questions."""
    return {
        "id": question.id,
        "query": question.query,
        "locale": question.locale,
        "entry": question.expected,
        "note": question.note,
    }


def result_facts(result: Judged) -> dict[str, Any]:
    """What a question gets in JSON types: its grade, the decision, the entry that comes first, the confidence."""
    return {
        "grade": grade(result),
        "decision": result.outcome,
        "first": next(iter(result.ranked), None),
        "confidence": result.confidence,
    }


def measures(metrics: Metrics) -> dict[str, float | None]:
    """The three measures by name.

    `accuracy`: share of answerable questions whose entry comes first. `coverage`: share of all questions that are
    answered automatically. `precision`: share of those answers that are right.
    """
    return {"accuracy": metrics.hit_at_1, "coverage": metrics.coverage, "precision": metrics.precision}


def _encoder_of(snapshot: Snapshot) -> tuple[str, str]:
    return snapshot.manifest.encoder, snapshot.manifest.encoder_revision


def _named(
    questions: Sequence[GoldenQuestion], earlier: list[Judged] | None, later: list[Judged], compared: Comparison
) -> GoldenComparison:
    """The comparison with its questions in place of row numbers."""
    worse, better = (
        tuple(GoldenShift(questions[shift.row], (earlier or later)[shift.row], later[shift.row]) for shift in shifts)
        for shifts in (compared.worse, compared.better)
    )
    return GoldenComparison(len(questions), compared.before, compared.after, worse, better, compared.fell)
