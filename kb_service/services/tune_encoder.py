"""Tune the encoder to the base: learn an adapter on its vectors, compare, adopt it if that is better, undo it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from indexer.confidence import Goal
from indexer.encoders import Encoder
from indexer.errors import TooFewQuestions
from indexer.tuning import Tuning
from kb_service.services.check_golden_questions import GoldenComparison
from kb_service.services.judged_questions import judged_questions
from kb_service.services.sync_index import SyncIndex
from kb_service.storage.database import Database

Outcome = Literal["adopted", "better", "not_better", "too_few_questions", "undone", "not_tuned"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class TuningReport:
    """What became of an attempt to tune, or to undo it.

    `outcome`: `adopted`, the index now current is tuned; `better`, it would be and was only to be tried; `not_better`;
    `too_few_questions` to compare with, where `reason` says what is missing; `undone`; `not_tuned`, so that there was
    nothing to undo. `version` is the index now current, `earlier` the tuning that was in force before, if any, and
    `tuning` what was learned.
    """

    outcome: Outcome
    version: str
    earlier: Tuning | None
    tuning: Tuning | None = None
    reason: str | None = None
    golden: GoldenComparison | None = None

    def facts(self) -> dict[str, Any]:
        """All of it in JSON types."""
        tuning = self.tuning.to_dict() if self.tuning else {"gain": None}
        return {
            "outcome": self.outcome,
            "index_version": self.version,
            "was_tuned": self.earlier is not None,
            "reason": self.reason,
            "golden": self.golden.facts() if self.golden else None,
        } | tuning


class TuneEncoder:
    """Learns and compares beside the index in use, which answers and takes changes in meanwhile.

    Nothing changes before the switch, which is one step as for any publication.
    """

    def __init__(self, database: Database, sync: SyncIndex, load_encoder: Callable[[], Encoder], goal: Goal) -> None:
        self._database, self._sync = database, sync
        self._load_encoder, self._goal = load_encoder, goal

    def tune(self, *, dry_run: bool = False, on_progress: Progress | None = None) -> TuningReport:
        """Learn an adapter from what is published and confirmed, and adopt it if that is better, unless `dry_run`."""
        current = self._sync.up_to_date()
        with self._database.reading() as work:
            judged = judged_questions(work)
        earlier, cache = current.parameters.tuning, self._sync.cache()
        try:
            found = current.tuned_parameters(self._load_encoder(), cache, self._goal, judged, on_progress)
        except TooFewQuestions as error:
            return TuningReport("too_few_questions", current.version, earlier, reason=str(error))
        if found.tuning is None or not found.tuning.gain.is_real:
            return TuningReport("not_better", current.version, earlier, found.tuning)
        if dry_run:
            return TuningReport("better", current.version, earlier, found.tuning)
        done = self._sync.adopt(found)
        return TuningReport("adopted", done.version, earlier, found.tuning, golden=done.golden)

    def undo(self, on_progress: Progress | None = None) -> TuningReport:
        """Go back to the encoder alone, with parameters fitted to that."""
        current = self._sync.up_to_date()
        earlier = current.parameters.tuning
        if earlier is None:
            return TuningReport("not_tuned", current.version, None)
        with self._database.reading() as work:
            judged = judged_questions(work)
        plain = self._sync.with_parameters(current, replace(current.parameters, tuning=None))
        fitted = plain.fitted(self._load_encoder(), self._sync.cache(), self._goal, judged, on_progress)
        done = self._sync.adopt(fitted.parameters)
        return TuningReport("undone", done.version, earlier, golden=done.golden)
