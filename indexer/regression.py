"""Golden questions before and after: what each one gets, and which get worse or better."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from indexer.evaluation import Judged, Metrics, evaluate

Grade = Literal["wrong", "missed", "unsure", "right"]
"""What a labelled question gets, worst first.

`wrong`: a wrong entry is sent as the answer (any entry, where nothing answers the question). `missed`: nothing is sent,
and another entry or none comes first. `unsure`: the right entry comes first and is not sent. `right`: the right entry
is sent, or nothing is where nothing answers the question.
"""
GRADES: tuple[Grade, ...] = get_args(Grade)

Measure = Literal["accuracy", "coverage", "precision"]
"""What may fall: `hit_at_1`, `coverage` by fewer right answers (fewer wrong ones are no loss), `precision`."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A question whose grade differs; `row` is its place among the rows compared."""

    row: int
    before: Grade
    after: Grade

    @property
    def by(self) -> int:
        """How many grades it rose; negative where it fell."""
        return GRADES.index(self.after) - GRADES.index(self.before)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same questions before and after. `before` is None where there was nothing to compare with.

    `worse` and `better` name every question whose grade fell or rose, the worst outcome first and the best first.
    `fell` are the measures that are worse in sum: questions near a threshold cross it in both directions whenever
    anything changes, and only a fall that others do not make up for is a regression.
    """

    before: Metrics | None
    after: Metrics
    worse: tuple[Shift, ...]
    better: tuple[Shift, ...]
    fell: tuple[Measure, ...]


def grade(row: Judged) -> Grade:
    """What the question gets, as one of four grades."""
    is_answered = row.outcome == "answer"
    if row.expected is None:
        return "wrong" if is_answered else "right"
    if row.ranked[:1] == (row.expected,):
        return "right" if is_answered else "unsure"
    return "wrong" if is_answered else "missed"


def compare(before: Sequence[Judged] | None, after: Sequence[Judged]) -> Comparison:
    """The comparison of the same questions, in the same order; ValueError where their numbers differ."""
    if before is None:
        return Comparison(None, evaluate(after).overall, (), (), ())
    grades = zip(map(grade, before), map(grade, after), strict=True)
    shifts = [Shift(row, was, now) for row, (was, now) in enumerate(grades) if was != now]
    worse = sorted((shift for shift in shifts if shift.by < 0), key=lambda shift: (GRADES.index(shift.after), shift.by))
    better = sorted((shift for shift in shifts if shift.by > 0), key=lambda shift: -GRADES.index(shift.after))
    was, now = evaluate(before).overall, evaluate(after).overall
    return Comparison(was, now, tuple(worse), tuple(better), _fell(before, after, was, now))


def _fell(before: Sequence[Judged], after: Sequence[Judged], was: Metrics, now: Metrics) -> tuple[Measure, ...]:
    """The measures that fell. Where nothing is answered, no answer is wrong: precision counts as 1."""
    answers_lost = _right_answers(after) < _right_answers(before)
    fell: dict[Measure, bool] = {
        "accuracy": (now.hit_at_1 or 0) < (was.hit_at_1 or 0),
        "coverage": (now.coverage or 0) < (was.coverage or 0) and answers_lost,
        "precision": _or_1(now.precision) < _or_1(was.precision),
    }
    return tuple(measure for measure, has_fallen in fell.items() if has_fallen)


def _right_answers(rows: Sequence[Judged]) -> int:
    return sum(row.outcome == "answer" and grade(row) == "right" for row in rows)


def _or_1(share: float | None) -> float:
    return 1.0 if share is None else share
