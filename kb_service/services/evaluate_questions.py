"""Measure retrieval and decision on labelled questions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexer.evaluation import Report, evaluate
from indexer.ranking import Query
from kb_service.services.consider_question import judged
from kb_service.services.labelled_questions import LabelledQuestion, read_questions
from kb_service.services.live_index import LiveIndex
from kb_service.services.redact import redact, without_placeholders


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The measurements, the least confidence that is answered, and labelled entries that the base does not have."""

    report: Report
    threshold: float
    unknown_entries: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """Every number by its name, overall and per locale."""
        facts = self.report.to_dict()
        for row in (facts, *facts["locales"].values()):
            row["threshold"] = self.threshold
        return facts


class EvaluateQuestions:
    """Runs labelled questions through the live index."""

    def __init__(self, live: LiveIndex, max_bytes: int) -> None:
        self._live = live
        self._max_bytes = max_bytes

    def run(self, path: Path) -> Evaluation:
        """Measure over every question of the file; InvalidInput names the first line that is not one."""
        questions = list(read_questions(path, self._max_bytes, LabelledQuestion).values())
        loaded = self._live.current()
        texts = [without_placeholders(redact(question.query)) for question in questions]
        vectors = loaded.encoder.encode(texts, role="query")
        rows = [
            judged(loaded.snapshot, Query(text, vector, question.locale), question.entry)
            for question, text, vector in zip(questions, texts, vectors, strict=True)
        ]
        labelled = {question.entry for question in questions if question.entry is not None}
        unknown = sorted(entry for entry in labelled if not loaded.snapshot.locales("faq", entry))
        threshold = loaded.snapshot.confidence_model.thresholds.answer
        return Evaluation(evaluate(rows), threshold, tuple(unknown))
