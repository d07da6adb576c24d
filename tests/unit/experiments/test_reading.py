"""Bad input: one clear error that names the place, whatever is wrong and wherever it is."""

import contextlib
import copy
import json
import math
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from experiments import InvalidInput, analyze
from tests.unit.experiments.documents import (
    EXAMPLE,
    REMOVED,
    Document,
    assert_sound,
    changed,
    cuped,
    document,
    limited,
    mean,
    ordinal,
    proportion,
    ratio,
)

RATIO_ARM: Document = {
    "n": 1000,
    "numerator_mean": 0.4,
    "denominator_mean": 1.6,
    "numerator_variance": 0.3,
    "denominator_variance": 0.9,
    "covariance": 0.2,
    "covariate_mean": 1.0,
    "covariate_variance": 1.0,
    "covariate_numerator": 0.1,
    "covariate_denominator": 0.1,
}

FULL: Document = document(
    proportion((1000, 420), (1010, 455), asked={"control": 1500, "b": 1500}),
    mean(
        cuped(800, 700, skewness=8.0, replicates=[10.0 + i / 1000 for i in range(200)]),
        cuped(790, 690, skewness=9.0, replicates=[10.1 + i / 1000 for i in range(200)]),
        role="secondary",
        direction="decrease",
        cap=600,
        segments={
            "locale": {
                "es": {"control": {"n": 300, "mean": 10, "variance": 4}, "b": {"n": 290, "mean": 9, "variance": 4}},
                "pt": {"control": {"n": 500, "mean": 10, "variance": 4}, "b": {"n": 500, "mean": 10, "variance": 4}},
            }
        },
    ),
    ratio(RATIO_ARM, RATIO_ARM | {"covariate_n": 900}, role="guardrail", direction="decrease"),
    ordinal([5, 10, 20, 40, 25], [8, 14, 24, 34, 20], role="secondary"),
    alpha=0.05,
    exposures={"control": 1500, "b": 1510},
    sequential={"planned_n": 5000, "previous_looks": [0.1, 0.2]},
    daily_units=120,
    several_arms=3,
    holdout={
        "without": {name: RATIO_ARM[name] for name in list(RATIO_ARM)[:6]},
        "with_replies": {name: RATIO_ARM[name] for name in list(RATIO_ARM)[:6]},
        "cost_per_contact": 4.5,
    },
)
"""A document with every field there is."""

NOT_OBJECTS = [None, 1, "x", True, [], [[]], math.nan]
NUMBERS = [
    "alpha",
    "allocation.b",
    "metrics[1].arms.b.mean",
    "metrics[1].arms.b.variance",
    "metrics[1].arms.b.covariate_mean",
    "metrics[1].arms.b.covariate_variance",
    "metrics[1].arms.b.covariance",
    "metrics[1].arms.b.skewness",
    "metrics[1].arms.b.replicates[7]",
    "metrics[1].cap",
    "metrics[1].segments.locale.es.b.mean",
    "metrics[2].margin",
    "metrics[2].arms.b.numerator_mean",
    "metrics[2].arms.b.denominator_mean",
    "metrics[2].arms.b.numerator_variance",
    "metrics[2].arms.b.denominator_variance",
    "metrics[2].arms.b.covariance",
    "metrics[2].arms.b.covariate_mean",
    "metrics[2].arms.b.covariate_variance",
    "metrics[2].arms.b.covariate_numerator",
    "metrics[2].arms.b.covariate_denominator",
    "sequential.previous_looks[1]",
    "daily_units",
    "holdout.without.numerator_mean",
    "holdout.cost_per_contact",
]
COUNTS = [
    "exposures.b",
    "metrics[0].arms.b.n",
    "metrics[0].arms.b.successes",
    "metrics[0].asked.b",
    "metrics[1].arms.b.n",
    "metrics[1].arms.b.covariate_n",
    "metrics[1].segments.locale.es.b.n",
    "metrics[2].arms.b.n",
    "metrics[2].arms.b.covariate_n",
    "metrics[3].arms.b.counts[2]",
    "sequential.planned_n",
    "several_arms",
    "holdout.with_replies.n",
]
OPTIONAL = {
    "alpha",
    "daily_units",
    "several_arms",
    "exposures.control",
    "exposures.b",
    "sequential",
    "sequential.previous_looks",
    "holdout",
    "holdout.cost_per_contact",
    "metrics[0].asked",
    "metrics[1].cap",
    "metrics[1].segments",
    *(f"metrics[1].arms.{arm}.{name}" for arm in ("control", "b") for name in ("skewness", "replicates")),
    *("metrics[1].arms.control.covariate_n", "metrics[1].arms.b.covariate_n", "metrics[2].arms.b.covariate_n"),
}


def error(given: Any) -> InvalidInput:
    """The one error of a document."""
    with pytest.raises(InvalidInput) as caught:
        analyze(given)
    assert caught.value.reason
    assert "\n" not in str(caught.value)
    return caught.value


def test_the_example_of_the_design_is_read() -> None:
    """Word for word, with its arm without data."""
    assert_sound(analyze(EXAMPLE))


def test_a_document_with_every_field_is_read() -> None:
    """The cases below break one thing each, so that nothing else may be wrong."""
    assert_sound(analyze(FULL))


@pytest.mark.parametrize("value", NOT_OBJECTS)
@pytest.mark.parametrize(
    "path",
    [
        "allocation",
        "exposures",
        "sequential",
        "holdout",
        "holdout.without",
        "metrics[0]",
        "metrics[0].arms",
        "metrics[0].arms.b",
        "metrics[0].asked",
        "metrics[1].segments",
        "metrics[1].segments.locale",
        "metrics[1].segments.locale.es",
        "metrics[1].segments.locale.es.b",
    ],
)
def test_what_must_be_an_object_is_refused_where_it_is_none(path: str, value: Any) -> None:
    """Null counts as left out where the whole part may be."""
    may_be_null = {"exposures", "sequential", "holdout", "metrics[0].asked", "metrics[1].segments"}
    given = changed(FULL, path, value)
    if value is None and path in may_be_null:
        found = error(given) if path == "exposures" else None
        assert found is None or (found.path, found.reason[:16]) == ("exposures", "are needed with ")
        return
    assert error(given).path == path
    assert error(given).reason == "must be an object"


@pytest.mark.parametrize("given", NOT_OBJECTS)
def test_a_document_that_is_no_object_is_refused(given: Any) -> None:
    """The place is the document itself."""
    found = error(given)
    assert (found.path, found.reason) == ("", "must be an object")
    assert str(found) == "the document: must be an object"


@pytest.mark.parametrize("value", ["1", True, [1.0], {"x": 1}, math.nan, math.inf, -math.inf, 10**400])
@pytest.mark.parametrize("path", NUMBERS + COUNTS)
def test_what_must_be_a_number_is_refused_where_it_is_none(path: str, value: Any) -> None:
    """Every number of the document, by its place."""
    assert error(changed(FULL, path, value)).path == path


@pytest.mark.parametrize("value", [-1, 0.5, 2**53 + 1, 1e308])
@pytest.mark.parametrize("path", COUNTS)
def test_what_must_be_a_count_is_refused_where_it_is_none(path: str, value: float) -> None:
    """Negative numbers, fractions, and what doubles cannot count to."""
    assert error(changed(FULL, path, value)).path == path


@pytest.mark.parametrize("path", [path for path in NUMBERS if path not in {"metrics[1].cap", "metrics[2].margin"}])
def test_numbers_too_large_to_compute_with_are_refused(path: str) -> None:
    """1e308 has no square; every number that is computed with has a limit that says so."""
    assert error(changed(FULL, path, 1e308)).path == path


def places(found: Any, path: str = "") -> Iterator[str]:
    """The place of every value in a document."""
    steps: Any = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for step, value in steps:
        place = f"{path}[{step}]" if isinstance(step, int) else f"{path}.{step}" if path else step
        yield place
        yield from places(value, place)


FIELDS = [path for path in places(FULL) if not path.endswith("]")]
ARM_OR_PART = [path for path in FIELDS if path.rsplit(".", 1)[-1] in {"control", "b", "locale", "es", "pt"}]
REQUIRED = [path for path in FIELDS if path not in OPTIONAL and path not in ARM_OR_PART and not path.endswith("counts")]


@pytest.mark.parametrize("path", [path for path in REQUIRED if path != "exposures"])
def test_a_missing_field_is_named(path: str) -> None:
    """Whatever is not optional must be there; of a covariate all or nothing."""
    found = error(changed(FULL, path, REMOVED))
    assert (found.path, found.reason) == (path, "is missing")


@pytest.mark.parametrize("path", sorted(OPTIONAL))
def test_an_optional_field_may_be_left_out(path: str) -> None:
    """The rest of the document stays as it is."""
    assert_sound(analyze(changed(FULL, path, REMOVED)))


@pytest.mark.parametrize(
    "path",
    [
        "unknown",
        "sequential.unknown",
        "holdout.unknown",
        "holdout.without.unknown",
        "metrics[0].unknown",
        *(f"metrics[{i}].arms.b.unknown" for i in range(4)),
        "metrics[1].segments.locale.es.b.unknown",
    ],
)
def test_an_unknown_field_is_named(path: str) -> None:
    """A misspelled field never does nothing."""
    found = error(changed(FULL, path, 1))
    assert found.path == path
    assert found.reason.startswith("is not known here; known are ")


@pytest.mark.parametrize(
    "path",
    ["exposures.z", "metrics[0].arms.z", "metrics[0].asked.z", "metrics[1].segments.locale.es.z"],
)
def test_an_unknown_arm_is_named(path: str) -> None:
    """Arms are those of the allocation."""
    found = error(changed(FULL, path, {}))
    assert (found.path, found.reason) == (path, "is not an arm of the allocation (control, b)")


def arms(count: int) -> Document:
    """A document with so many arms."""
    names = [f"arm{i}" for i in range(count)]
    metric = proportion() | {"arms": {name: {"n": 1000, "successes": 400 + i} for i, name in enumerate(names)}}
    return {"allocation": dict.fromkeys(names, 1 / max(count, 1)), "metrics": [metric]}


@pytest.mark.parametrize("count", [0, 1, 101])
def test_fewer_than_two_or_more_than_a_hundred_arms_are_refused(count: int) -> None:
    """There is nothing to compare, or nothing left to tell."""
    assert error(arms(count)).path == "allocation"


@pytest.mark.parametrize("count", [2, 20, 100])
def test_up_to_a_hundred_arms_are_compared(count: int) -> None:
    """Each treatment with the control."""
    report = analyze(arms(count))
    assert_sound(report)
    assert len(report.metrics[0].comparisons) == count - 1


TWO = document(proportion((1000, 420), (1010, 455)))
THREE = document(
    proportion((1000, 420), (1010, 455), None), allocation={"control": 0.5, "b": 0.5, "c": 0}, exposures={"control": 1}
)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (changed(TWO, "allocation.b", 0.6), "allocation"),
        (changed(TWO, "allocation.b", 0.49), "allocation"),
        (changed(TWO, "allocation.b", -0.5), "allocation.b"),
        (changed(TWO, "allocation.b", 1.5), "allocation.b"),
        (changed(TWO, "allocation", {"control": 0, "b": 1}), "allocation.control"),
        (changed(TWO, "allocation", {"control": 1, "b": 0}), "allocation"),
        (changed(TWO, "allocation", {"control": 0.5, " ": 0.5}), "allocation"),
        (changed(TWO, "allocation", {"control": 0.5, "": 0.5}), "allocation"),
        (changed(THREE, "exposures.c", 1), "exposures.c"),
        (changed(THREE, "metrics[0].arms.c", {"n": 10, "successes": 1}), "metrics[0].arms.c"),
        (changed(TWO, "exposures", {"control": 2**53, "b": 1}), "exposures"),
        (changed(TWO, "metrics", []), "metrics"),
        (changed(TWO, "metrics", {}), "metrics"),
        (changed(TWO, "metrics", "metrics"), "metrics"),
        (changed(TWO, "metrics[0].type", "median"), "metrics[0].type"),
        (changed(TWO, "metrics[0].type", ["mean"]), "metrics[0].type"),
        (changed(TWO, "metrics[0].role", "main"), "metrics[0].role"),
        (changed(TWO, "metrics[0].role", None), "metrics[0].role"),
        (changed(TWO, "metrics[0].direction", "up"), "metrics[0].direction"),
        (changed(TWO, "metrics[0].name", " "), "metrics[0].name"),
        (changed(TWO, "metrics[0].name", 7), "metrics[0].name"),
        (changed(TWO, "metrics[0].arms.b.successes", 1011), "metrics[0].arms.b.successes"),
        (changed(TWO, "metrics[0].margin", 0.1), "metrics[0].margin"),
        (changed(TWO, "metrics[0].role", "guardrail"), "metrics[0].margin"),
        (changed(FULL, "metrics[2].margin", -0.01), "metrics[2].margin"),
        (changed(FULL, "metrics[2].margin", None), "metrics[2].margin"),
        (changed(FULL, "metrics[2].margin", 1.1e100), "metrics[2].margin"),
        (document(proportion((9, 1), (9, 1), role="guardrail", margin=1.01)), "metrics[0].margin"),
        (document(ordinal([1, 2], [1, 2], role="guardrail", margin=0.51)), "metrics[0].margin"),
        (changed(FULL, "metrics[0].asked", {"control": 999, "b": 1500}), "metrics[0].asked.control"),
        (changed(FULL, "metrics[0].asked", {"control": 1500}), "metrics[0].asked.b"),
        (changed(FULL, "metrics[3].asked", {"control": 99, "b": 100}), "metrics[3].asked.control"),
        (changed(FULL, "metrics[3].name", "deflection"), "metrics[3].name"),
        (changed(FULL, "metrics[1].cap", 9.9), "metrics[1].arms.control.mean"),
        (changed(FULL, "metrics[1].arms.b.covariance", 4.9), "metrics[1].arms.b.covariance"),
        (changed(FULL, "metrics[1].arms.b.covariance", -4.9), "metrics[1].arms.b.covariance"),
        (changed(FULL, "metrics[1].arms.b.covariate_n", 791), "metrics[1].arms.b.covariate_n"),
        (changed(FULL, "metrics[1].arms.b.variance", -1), "metrics[1].arms.b.variance"),
        (changed(FULL, "metrics[1].arms.b.variance", None), "metrics[1].arms.b.variance"),
        (changed(FULL, "metrics[1].arms.b.covariate_variance", -1), "metrics[1].arms.b.covariate_variance"),
        (changed(FULL, "metrics[1].arms.b.skewness", 1e7), "metrics[1].arms.b.skewness"),
        (changed(FULL, "metrics[1].arms.b.replicates", [1.0] * 199), "metrics[1].arms.b.replicates"),
        (changed(FULL, "metrics[1].arms.b.replicates", [1.0] * 100_001), "metrics[1].arms.b.replicates"),
        (changed(FULL, "metrics[1].arms.b.replicates", 1.0), "metrics[1].arms.b.replicates"),
        (changed(FULL, "metrics[1].arms.b.replicates[199]", -1.1e100), "metrics[1].arms.b.replicates[199]"),
        (changed(FULL, "metrics[2].arms.b.covariance", 0.6), "metrics[2].arms.b.covariance"),
        (changed(FULL, "metrics[2].arms.b.numerator_variance", -1), "metrics[2].arms.b.numerator_variance"),
        (changed(FULL, "metrics[2].arms.b.covariate_numerator", 9), "metrics[2].arms.b.covariate_numerator"),
        (changed(FULL, "metrics[2].arms.b.covariate_denominator", 9), "metrics[2].arms.b.covariate_denominator"),
        (changed(FULL, "metrics[3].arms.b.counts", [1]), "metrics[3].arms.b.counts"),
        (changed(FULL, "metrics[3].arms.b.counts", []), "metrics[3].arms.b.counts"),
        (changed(FULL, "metrics[3].arms.b.counts", [1] * 101), "metrics[3].arms.b.counts"),
        (changed(FULL, "metrics[3].arms.b.counts", {"1": 5}), "metrics[3].arms.b.counts"),
        (changed(FULL, "metrics[3].arms.b.counts", [1, 2, 3]), "metrics[3].arms.b.counts"),
        (changed(FULL, "exposures", REMOVED), "exposures"),
        (changed(changed(FULL, "several_arms", 0), "exposures", REMOVED), "exposures"),
        (changed(changed(FULL, "sequential", None), "exposures", REMOVED), "exposures"),
        (changed(FULL, "alpha", 0), "alpha"),
        (changed(FULL, "alpha", -0.05), "alpha"),
        (changed(FULL, "alpha", 9e-7), "alpha"),
        (changed(FULL, "alpha", 0.21), "alpha"),
        (changed(FULL, "sequential.planned_n", 1), "sequential.planned_n"),
        (changed(FULL, "sequential.previous_looks", 0.4), "sequential.previous_looks"),
        (changed(FULL, "sequential.previous_looks", [0.4, 0.2]), "sequential.previous_looks"),
        (changed(FULL, "sequential.previous_looks", [0.2, 0.2]), "sequential.previous_looks"),
        (changed(FULL, "sequential.previous_looks", [0.2, 0.602]), "sequential.previous_looks"),
        (changed(FULL, "sequential.previous_looks", [0.2, 0.9]), "sequential.previous_looks"),
        (changed(FULL, "sequential.previous_looks", [0, 0.2]), "sequential.previous_looks[0]"),
        (changed(FULL, "sequential.previous_looks", [i / 100 for i in range(1, 52)]), "sequential.previous_looks"),
        (changed(FULL, "sequential.previous_looks", [0.2, 1.2]), "sequential.previous_looks[1]"),
        (changed(FULL, "daily_units", 0), "daily_units"),
        (changed(FULL, "daily_units", -3), "daily_units"),
        (changed(FULL, "daily_units", 9e-4), "daily_units"),
        (changed(FULL, "several_arms", -1), "several_arms"),
        (changed(FULL, "holdout.cost_per_contact", -1), "holdout.cost_per_contact"),
        (changed(FULL, "holdout.cost_per_contact", 1.1e12), "holdout.cost_per_contact"),
        (changed(FULL, "holdout.without.covariance", 1), "holdout.without.covariance"),
    ],
)
def test_what_cannot_be_true_is_named(given: Document, path: str) -> None:
    """One error each, at the very place."""
    assert error(given).path == path


def test_segments_with_scores_of_another_length_are_refused() -> None:
    """Two segments cannot have different scales."""
    segments = {
        "locale": {
            "es": {"control": {"counts": [50, 10]}, "b": {"counts": [40, 20]}},
            "pt": {"control": {"counts": [50, 10, 9]}, "b": {"counts": [40, 20, 9]}},
        }
    }
    given = document(ordinal([50, 10, 9], [40, 20, 9], segments=segments))
    found = error(given)
    assert found.path == "metrics[0].segments.locale.pt.control.counts"
    assert found.reason == "must be 2 counts as in metrics[0].segments.locale.es.control, not 3"


@pytest.mark.parametrize("segments", [{}, {"locale": {"es": {}}}, {"locale": {"es": {"b": {}}}}])
def test_segments_without_data_are_no_error(segments: Document) -> None:
    """A segment that nobody falls into yet."""
    assert_sound(analyze(document(proportion((100, 40), (100, 45), segments=segments))))


def test_a_dimension_without_segments_is_refused() -> None:
    """By its name."""
    segments = {"channel": {"web": {}}, "locale": {}}
    found = error(document(proportion((100, 40), (100, 45), segments=segments)))
    assert (found.path, found.reason) == ("metrics[0].segments.locale", "must name at least one segment")


def test_units_in_several_arms_need_exposures_to_be_judged() -> None:
    """Without exposures nobody knows whether one unit is many."""
    metric = proportion((1000, 400), (1000, 500))
    found = error(document(metric, several_arms=1))
    assert (found.path, found.reason) == ("exposures", "are needed with several_arms: they say how many that is")
    assert_sound(analyze(document(metric, several_arms=0)))


def test_a_cap_is_for_means_only() -> None:
    """Nothing else is winsorised, and a field never does nothing."""
    assert error(document(proportion((1000, 400), (1000, 500), cap=3))).path == "metrics[0].cap"


def test_a_covariate_must_be_known_of_every_arm_with_data_or_of_none() -> None:
    """The arm that differs from the first is named; so are segments, among themselves."""
    one, other = cuped(100), {"n": 100, "mean": 11.0, "variance": 4.0}
    reason = "must have a covariate, or none, as metrics[0].arms.control does"
    for arms in ((one, cuped(100), other), (other, other, one)):
        found = error(document(mean(*arms)))
        assert (found.path, found.reason) == ("metrics[0].arms.c", reason)
    found = error(document(mean(None, one, other)))
    assert (found.path, found.reason) == ("metrics[0].arms.c", reason.replace("control", "b"))
    assert_sound(analyze(document(mean(one, one, None))))
    segments = {"locale": {"es": {"control": one, "b": one}, "pt": {"control": one, "b": other}}}
    found = error(document(mean(other, other, segments=segments)))
    assert found.path == "metrics[0].segments.locale.pt.b"
    assert found.reason == "must have a covariate, or none, as metrics[0].segments.locale.es.control does"
    segments = {"locale": {"es": {"control": one, "b": one}}, "channel": {"web": {"control": other, "b": other}}}
    assert_sound(analyze(document(mean(other, other, segments=segments))))


def test_a_covariate_that_all_units_have_needs_no_number_of_units() -> None:
    """Left out or null, it is that of all."""
    given = analyze(document(mean(cuped(100, 100), cuped(90, 90))))
    assert analyze(document(mean(cuped(100), cuped(90)))) == given
    assert analyze(document(mean(cuped(100) | {"covariate_n": None}, cuped(90)))) == given


LIMITS: list[tuple[str, float]] = [
    ("alpha", 1e-6),
    ("alpha", 0.2),
    ("daily_units", 1e-3),
    ("metrics[2].margin", 1e100),
    ("holdout.cost_per_contact", 1e12),
    ("metrics[1].arms.b.replicates[7]", 1e100),
    ("metrics[1].arms.b.replicates[7]", -1e100),
    ("metrics[1].arms.b.skewness", -1e6),
]


@pytest.mark.parametrize(("path", "value"), LIMITS)
def test_the_limits_themselves_are_allowed(path: str, value: float) -> None:
    """What lies just beyond them is refused above."""
    assert_sound(analyze(changed(FULL, path, value)))


def test_the_widest_margins_are_allowed() -> None:
    """Nearly all of a proportion, nearly half of P(treatment scores higher); with all of it nothing could fail."""
    metrics = proportion((90, 10), (90, 10), role="guardrail"), ordinal([9, 9], [9, 9], role="guardrail")
    for metric, margin, too_wide in zip(metrics, (0.99, 0.49), (1, 0.5), strict=True):
        assert_sound(analyze(document(metric | {"margin": margin})))
        with pytest.raises(InvalidInput, match=r"metrics\[0\]\.margin: must be at most"):
            analyze(document(metric | {"margin": too_wide}))


def test_fifty_looks_may_have_been_taken() -> None:
    """Each of them counts."""
    sequential = {"planned_n": 5000, "previous_looks": [i / 100 for i in range(1, 51)]}
    assert_sound(analyze(document(TWO["metrics"][0], exposures={"control": 1500, "b": 1510}, sequential=sequential)))


def test_a_refused_document_is_left_as_it_was() -> None:
    """`analyze` changes nothing it is given."""
    for tried in (copy.deepcopy(FULL), changed(FULL, "alpha", 7)):
        before = copy.deepcopy(tried)
        with contextlib.suppress(InvalidInput):
            analyze(tried)
        assert tried == before


@pytest.mark.parametrize("depth", [10, 900])
@pytest.mark.parametrize("path", ["alpha", "allocation", "exposures", "metrics[0].role", "metrics[3].arms.b.counts[0]"])
def test_deeply_nested_values_are_refused(path: str, depth: int) -> None:
    """As deep as the JSON reader lets through."""
    nested = json.loads("[" * depth + "]" * depth)
    assert error(changed_shallow(path, nested)).path == path


def changed_shallow(path: str, value: Any) -> Document:
    """`changed`, for a value too deep to be copied."""
    given = changed(FULL, path, "here")
    place = '"here"'
    written = json.dumps(given)
    before, after = written.split(place)
    return json.loads(before + json.dumps(value) + after)


@pytest.mark.parametrize("arms", [((2**53, 3), (2**53, 2)), ((5, 3), (2**53, 2**52)), ((2**53, 2**52), (2**53, 2**52))])
def test_the_largest_counts_are_computed_in_time(arms: tuple[tuple[int, int], tuple[int, int]]) -> None:
    """Up to 2^53 units, also where few cases call for the exact test."""
    with limited(3):
        assert_sound(analyze(document(proportion(*arms))))


WORDS = [None, True, False, "", "x", "control", "mean", "NaN", "1"]
SIZES = [0, 1, 2, 3, 7, 100, -1, 0.5, 1.0, 2.5, 1e-9, 2**31, 2**52, 2**53 + 2, 10**400, math.nan, math.inf, -math.inf]
EXTREMES = [1e-320, 1e-150, 1e100, -1e100, 1e101, 1e308, -1e308]
SCALARS = st.sampled_from([*WORDS, *SIZES, *EXTREMES])
KEYS = st.sampled_from(["control", "b", "c", "n", "mean", "variance", "counts", "name", "", "x"])
JSON = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=5),
    st.dictionaries(KEYS, SCALARS, max_size=4),
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2)),
)
BASES = [FULL, EXAMPLE, TWO]
PLACES = [
    (base, path)
    for base in BASES
    for path in places(base)
    if "replicates[" not in path or path.endswith("replicates[7]")
]


@settings(max_examples=800, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.sampled_from(PLACES), st.one_of(JSON, st.just(REMOVED)))
def test_a_random_value_at_a_random_place_is_refused_or_reported(place: tuple[Document, str], value: Any) -> None:
    """Never another exception, never a warning, never NaN."""
    base, path = place
    note(f"{path} = {value!r}")
    mutated = changed(base, path, value)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            report = analyze(mutated)
        except InvalidInput as refused:
            assert refused.reason  # noqa: PT017
            assert "\n" not in str(refused)  # noqa: PT017
            return
    assert_sound(report)


@pytest.mark.parametrize("name", ["two\nlines", "\x1b[2J", "half a pair \ud800", "x" * 201])
def test_names_that_would_spoil_a_line_are_refused(name: str) -> None:
    """Of metrics, arms, dimensions and segments; and an unknown field's name is told so that it can be printed."""
    metric = proportion((10, 4), (10, 5))
    segments = {"locale": {"es": metric["arms"]}}
    renamed = {"control": metric["arms"]["control"], name: metric["arms"]["b"]}
    for wrong in (
        document(metric | {"name": name}),
        document(metric | {"arms": renamed}) | {"allocation": {"control": 0.5, name: 0.5}},
        document(metric | {"segments": {name: segments["locale"]}}),
        document(metric | {"segments": {"locale": {name: metric["arms"]}}}),
        document(metric) | {name: 1},
        document(metric | {"arms": metric["arms"] | {name: {}}}),
    ):
        with pytest.raises(InvalidInput) as caught:
            analyze(wrong)
        assert str(caught.value).isprintable()
