"""The metrics, against definitions written out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.evaluation import Judged, evaluate

ENTRY = st.sampled_from("abcde")
ROWS = st.lists(
    st.builds(
        Judged,
        locale=st.sampled_from(["es-MX", "pt-BR"]),
        expected=st.one_of(st.none(), ENTRY),
        ranked=st.lists(ENTRY, unique=True, max_size=5).map(tuple),
        confidence=st.one_of(st.sampled_from([0.0, 0.1, 0.5, 0.7, 0.3 - 0.1, 1.0]), st.floats(0, 1)),
        outcome=st.sampled_from(["answer", "suggest", "handoff"]),
    ),
    max_size=30,
)


def share(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def right(row: Judged) -> bool:
    return row.expected is not None and row.ranked[:1] == (row.expected,)


def by_definition(rows: list[Judged]) -> dict[str, float | None]:
    """Every metric by brute force."""
    answerable = [row for row in rows if row.expected is not None]
    others = [row for row in rows if row.expected is None]
    ranked = [row for row in rows if row.ranked]
    coverages = [0.0]
    for threshold in {row.confidence for row in ranked}:
        answered = [row for row in ranked if row.confidence >= threshold]
        if 100 * sum(map(right, answered)) >= 95 * len(answered):
            coverages.append(len(answered) / len(rows))
    bins = [[row for row in ranked if min(int(row.confidence * 10), 9) == place] for place in range(10)]
    gaps = [abs(sum(row.confidence for row in own) - sum(map(right, own))) for own in bins]
    pairs = [(a.confidence > o.confidence) + (a.confidence == o.confidence) / 2 for a in answerable for o in others]
    return {
        "n": len(rows),
        "hit_at_1": share([row.expected in row.ranked[:1] for row in answerable]),
        "hit_at_3": share([row.expected in row.ranked[:3] for row in answerable]),
        "mrr": share(
            [1 / (row.ranked.index(row.expected) + 1) if row.expected in row.ranked else 0 for row in answerable]
        ),
        "oos_auroc": share(pairs),
        "coverage_at_95": max(coverages) if rows else None,
        "coverage": share([row.outcome == "answer" for row in rows]),
        "precision": share([right(row) for row in rows if row.outcome == "answer"]),
        "ece": sum(gaps) / len(ranked) if ranked else None,
    }


@given(ROWS)
def test_every_metric_equals_its_definition(rows: list[Judged]) -> None:
    """Overall and per locale, with ties, empty rankings and missing classes."""
    report = evaluate(rows).to_dict()
    locales = report.pop("locales")
    assert report == pytest.approx(by_definition(rows))
    assert set(locales) == {row.locale for row in rows}
    for locale, metrics in locales.items():
        assert metrics == pytest.approx(by_definition([row for row in rows if row.locale == locale]))
    json.dumps([report, locales], allow_nan=False)


def test_coverage_takes_ties_together() -> None:
    """19 right and 2 wrong at one confidence are 90 %: no threshold can part them, so nothing is covered."""
    rows = [Judged("es", "a", ("a",), 0.9, "answer")] * 19 + [Judged("es", None, ("a",), 0.9, "answer")] * 2
    assert evaluate(rows).overall.coverage_at_95 == 0
    assert evaluate(rows[:-1]).overall.coverage_at_95 == 1
