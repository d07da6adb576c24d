"""Golden questions before and after: grades, which questions are named, and what counts as a fall."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.evaluation import Judged
from indexer.regression import GRADES, Shift, compare, grade

ANSWERED = Judged("es-MX", "a", ("a", "b"), 0.9, "answer")
OFFERED = Judged("es-MX", "a", ("a", "b"), 0.5, "suggest")
HANDED_OVER = Judged("es-MX", "a", ("a", "b"), 0.1, "handoff")
SECOND = Judged("es-MX", "a", ("b", "a"), 0.5, "suggest")
MISTAKEN = Judged("es-MX", "a", ("b", "a"), 0.9, "answer")
LEFT_ALONE = Judged("es-MX", None, ("b",), 0.1, "handoff")
INVENTED = Judged("es-MX", None, ("b",), 0.9, "answer")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (ANSWERED, "right"),
        (OFFERED, "unsure"),
        (HANDED_OVER, "unsure"),
        (SECOND, "missed"),
        (Judged("en", "a", (), 0.0, "handoff"), "missed"),
        (MISTAKEN, "wrong"),
        (LEFT_ALONE, "right"),
        (Judged("en", None, ("b",), 0.5, "suggest"), "right"),
        (Judged("en", None, (), 0.0, "handoff"), "right"),
        (INVENTED, "wrong"),
    ],
)
def test_a_grade_is_what_a_customer_gets(row: Judged, expected: str) -> None:
    """Sent rightly, first but not sent, not first, or sent wrongly; where nothing answers, nothing may be sent."""
    assert grade(row) == expected


@pytest.mark.parametrize(
    ("before", "after", "fell"),
    [
        (ANSWERED, MISTAKEN, {"accuracy", "precision"}),
        (ANSWERED, SECOND, {"accuracy", "coverage"}),
        (ANSWERED, OFFERED, {"coverage"}),
        (OFFERED, SECOND, {"accuracy"}),
        (SECOND, MISTAKEN, {"precision"}),
        (LEFT_ALONE, INVENTED, {"precision"}),
    ],
)
def test_a_question_that_gets_worse_is_named_and_makes_a_measure_fall(
    before: Judged, after: Judged, fell: set[str]
) -> None:
    """Alone, and the other way round it is better and nothing falls."""
    compared = compare([ANSWERED, before], [ANSWERED, after])
    assert compared.worse == (Shift(1, grade(before), grade(after)),)
    assert (set(compared.fell), compared.better) == (fell, ())
    back = compare([ANSWERED, after], [ANSWERED, before])
    assert back.better == (Shift(1, grade(after), grade(before)),)
    assert (back.fell, back.worse) == ((), ())


def test_what_others_make_up_for_is_named_and_no_fall() -> None:
    """One question slips below the threshold, another rises above it."""
    compared = compare([ANSWERED, OFFERED], [OFFERED, ANSWERED])
    assert ([shift.row for shift in compared.worse], [shift.row for shift in compared.better]) == ([0], [1])
    assert compared.fell == ()


def test_wrong_answers_that_are_no_longer_sent_are_no_loss_of_coverage() -> None:
    """Fewer questions are answered, and none of those that were answered rightly."""
    compared = compare([ANSWERED, MISTAKEN, INVENTED], [ANSWERED, SECOND, LEFT_ALONE])
    assert compared.before
    assert (compared.before.coverage, compared.after.coverage) == (1.0, 1 / 3)
    assert (compared.fell, compared.worse, len(compared.better)) == ((), (), 2)


def test_the_worst_outcome_comes_first() -> None:
    """Then the deepest fall; of what got better, the best."""
    compared = compare([ANSWERED, OFFERED, ANSWERED, OFFERED], [OFFERED, MISTAKEN, MISTAKEN, SECOND])
    assert [shift.row for shift in compared.worse] == [2, 1, 3, 0]
    assert [s.row for s in compare([MISTAKEN, MISTAKEN, OFFERED], [SECOND, ANSWERED, ANSWERED]).better] == [1, 2, 0]


def test_without_a_before_nothing_is_worse_or_better() -> None:
    """The measures of the only one are there."""
    compared = compare(None, [ANSWERED, SECOND])
    assert (compared.before, compared.worse, compared.better, compared.fell) == (None, (), (), ())
    assert compared.after.hit_at_1 == 0.5


def test_no_questions_compare_to_nothing() -> None:
    """Nothing divides by zero."""
    compared = compare([], [])
    assert (compared.after.n, compared.worse, compared.fell) == (0, (), ())


def test_different_numbers_of_questions_cannot_be_compared() -> None:
    """They would not be the same questions."""
    with pytest.raises(ValueError, match="zip"):
        compare([ANSWERED], [ANSWERED, ANSWERED])


ROWS = st.lists(
    st.sampled_from(
        [
            (before, after)
            for same in ([ANSWERED, OFFERED, SECOND, MISTAKEN], [LEFT_ALONE, INVENTED])
            for before in same
            for after in same
        ]
    ),
    max_size=12,
)


def _share(rows: Sequence[Judged], grades: set[str]) -> int:
    return sum(grade(row) in grades for row in rows if row.expected is not None)


@given(ROWS)
def test_only_what_is_named_can_make_a_measure_fall(pairs: list[tuple[Judged, Judged]]) -> None:
    """Against a count by hand: each question is in at most one list, and no measure falls where none got worse."""
    before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    compared = compare(before, after)
    ranks = [(GRADES.index(grade(was)), GRADES.index(grade(now))) for was, now in pairs]
    assert {shift.row for shift in compared.worse} == {row for row, (was, now) in enumerate(ranks) if now < was}
    assert {shift.row for shift in compared.better} == {row for row, (was, now) in enumerate(ranks) if now > was}
    assert compared.worse or not compared.fell
    first = {"unsure", "right"}
    assert ("accuracy" in compared.fell) == (_share(after, first) < _share(before, first))
    if "coverage" in compared.fell:
        assert _share(after, {"right"}) < _share(before, {"right"})
