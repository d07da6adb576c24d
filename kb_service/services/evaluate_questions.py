"""Measure retrieval and decision on labelled questions."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError

from indexer.decision import decide
from indexer.evaluation import Judged, Report, evaluate
from indexer.ranking import Query
from kb_service.errors import InvalidInput
from kb_service.services.consider_question import MAX_SUGGESTIONS
from kb_service.services.import_content import read_text
from kb_service.services.live_index import LiveIndex
from kb_service.services.native_format import LocaleName, Text, describe


class LabelledQuestion(BaseModel):
    """One line of a file of labelled questions; `entry` is null where nothing in the base answers."""

    model_config = ConfigDict(extra="ignore")

    query: Text
    locale: LocaleName
    entry: Annotated[StrictStr | None, Field(...)]


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
        questions = list(self._questions(path))
        loaded = self._live.current()
        vectors = loaded.encoder.encode([question.query for question in questions], role="query")
        model = loaded.snapshot.confidence_model
        rows = []
        for question, vector in zip(questions, vectors, strict=True):
            ranked = loaded.snapshot.rank("faq", Query(question.query, vector, question.locale))
            decision = decide(ranked, model, MAX_SUGGESTIONS)
            entries = tuple(candidate.entry for candidate in ranked)
            rows.append(Judged(question.locale, question.entry, entries, decision.confidence, decision.outcome))
        labelled = {question.entry for question in questions if question.entry is not None}
        unknown = sorted(entry for entry in labelled if not loaded.snapshot.locales("faq", entry))
        return Evaluation(evaluate(rows), model.thresholds.answer, tuple(unknown))

    def _questions(self, path: Path) -> Iterator[LabelledQuestion]:
        found = False
        for number, line in enumerate(read_text(path, self._max_bytes).split("\n"), 1):
            if line.strip():
                found = True
                yield _question(line, number)
        if not found:
            raise InvalidInput(f"{path} holds no questions")


def _question(line: str, number: int) -> LabelledQuestion:
    try:
        return LabelledQuestion.model_validate(json.loads(line))
    except ValidationError as error:
        raise InvalidInput(f"line {number}: " + "; ".join(describe(part) for part in error.errors())) from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"line {number} is not JSON: {error}") from error
