"""Analyses a test: every metric against the control, families of decisions, the split, and one verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments import srm
from experiments._comparing import Compared, compare
from experiments._presenting import finite, interval_of, is_extreme, present
from experiments.holdout import causal_effect
from experiments.metrics import KINDS, rows
from experiments.multiplicity import Adjustment, benjamini_hochberg, holm
from experiments.ratios import RatioArm
from experiments.reading import Holdout, Test, read_test
from experiments.reading_metric import Role
from experiments.report import Estimate, HoldoutResult, MetricResult, Report, SampleRatioResult
from experiments.verdict import decide


def analyze(document: Any) -> Report:
    """The report on the test that a parsed JSON document describes; InvalidInput names what is wrong with it."""
    return report(read_test(document))


def report(test: Test) -> Report:
    """The report on a test. Numbers too large to compute with become None with a `why`; nothing is ever NaN."""
    with np.errstate(all="ignore"):
        compared = [compare(metric, test) for metric in test.metrics]
        adjustments = _adjust(compared, test.alpha)
        heterogeneity = _heterogeneity(compared) if test.is_complete else {}
        metrics = tuple(
            _metric_result(one, adjustment, heterogeneity, test)
            for one, adjustment in zip(compared, adjustments, strict=True)
        )
        split = _sample_ratio(test)
        held = _holdout(test)
    return Report(
        alpha=test.alpha,
        control=test.control,
        srm=split,
        several_arms=test.several_arms,
        metrics=metrics,
        holdout=held,
        verdict=decide(test, metrics, split),
    )


def _adjust(compared: Sequence[Compared], alpha: float) -> list[Adjustment]:
    """One adjustment a metric: Holm over the primaries and their arms, Benjamini-Hochberg over the secondaries.

    Guardrails are not adjusted: all of them must pass, which no correction makes safer (Schultzberg et al. 2024).
    """
    families: Mapping[Role, Any] = {"primary": holm, "secondary": benjamini_hochberg}
    adjusted = {role: _family(compared, role, method, alpha) for role, method in families.items()}
    return [
        adjusted[one.metric.role].pop(0)
        if one.metric.role in adjusted
        else Adjustment(one.p_values, np.full(one.p_values.shape, alpha))
        for one in compared
    ]


def _family(compared: Sequence[Compared], role: Role, method: Any, alpha: float) -> list[Adjustment]:
    """The adjustments of the metrics of one role, in order. What has no p-value counts as one that shows nothing."""
    members = [one.p_values for one in compared if one.metric.role == role]
    if not members:
        return []
    p_values = np.concatenate(members)
    whole = method(np.where(np.isfinite(p_values), p_values, 1.0), alpha)
    adjusted = np.where(np.isfinite(p_values), whole.p_values, np.nan)
    ends = np.cumsum([len(member) for member in members])[:-1]
    return [Adjustment(p, a) for p, a in zip(np.split(adjusted, ends), np.split(whole.alphas, ends), strict=True)]


@dataclass(frozen=True, slots=True)
class _Place:
    metric: str
    treatment: int
    dimension: str


def _heterogeneity(compared: Sequence[Compared]) -> dict[_Place, float]:
    """The p-value of each heterogeneity test, adjusted over all of the report (Holm)."""
    tests = {
        _Place(one.metric.name, i, dimension): segments.heterogeneity.p_value
        for one in compared
        for dimension, by_treatment in one.segments.items()
        for i, segments in enumerate(by_treatment)
        if segments.heterogeneity is not None and not one.distrusted[i]
    }
    adjusted = holm(np.array(list(tests.values()), dtype=np.float64), 1.0).p_values
    return dict(zip(tests, adjusted.tolist(), strict=True))


def _metric_result(
    one: Compared, adjustment: Adjustment, heterogeneity: Mapping[_Place, float], test: Test
) -> MetricResult:
    metric = one.metric
    comparisons = present(
        one, adjustment, test, lambda i, dimension: heterogeneity.get(_Place(metric.name, i, dimension))
    )
    return MetricResult(metric.name, metric.type, metric.role, metric.direction, metric.cap, comparisons)


def _sample_ratio(test: Test) -> SampleRatioResult:
    """The split of exposures. A monitored test goes by the p-value that holds at every look."""
    if test.exposures is None:
        return SampleRatioResult(None, None, False, "not_given")
    counts = np.array(list(test.exposures.values()), dtype=np.float64)
    split = srm.check(counts, np.array(list(test.weights.values())))
    if split is None:
        return SampleRatioResult(None, None, False, "no_exposures")
    mismatch = (
        split.p_value < srm.MISMATCH_P if test.monitoring is None else split.sequential_p_value < srm.SEQUENTIAL_P
    )
    return SampleRatioResult(split.p_value, split.sequential_p_value, mismatch)


def _holdout(test: Test) -> HoldoutResult | None:
    """The causal effect of automatic replies, where customers were held out."""
    if test.holdout is None:
        return None
    without, with_replies = rows(KINDS["ratio"], [test.holdout.without, test.holdout.with_replies])[:, :6]
    effect = causal_effect(RatioArm(*without[:, None]), RatioArm(*with_replies[:, None]), test.alpha)
    ci = interval_of((effect.avoided_low, effect.avoided_high), 0)
    why = None if ci else _why_no_effect(test.holdout)
    avoided = Estimate(finite(effect.avoided[0]), ci, why)
    return HoldoutResult(
        without_per_1000=finite(effect.without[0]),
        with_replies_per_1000=finite(effect.with_replies[0]),
        avoided_per_1000=avoided,
        saved_per_1000=None
        if test.holdout.cost_per_contact is None
        else _times(avoided, test.holdout.cost_per_contact),
        p_value=finite(effect.p_value[0]),
    )


def _why_no_effect(holdout: Holdout) -> str:
    """Why the effect of replies has no interval."""
    if holdout.without is None or holdout.with_replies is None:
        return "no_data"
    if min(holdout.without[0], holdout.with_replies[0]) < 2:
        return "too_few_units"
    if 0 in (holdout.without[2], holdout.with_replies[2]):
        return "denominator_is_zero"
    return "too_large" if is_extreme(np.array(holdout.without), np.array(holdout.with_replies)) else "no_variance"


def _times(estimate: Estimate, cost: float) -> Estimate:
    """An estimate in money."""
    value = None if estimate.estimate is None else cost * estimate.estimate
    ci = None if estimate.ci is None else (cost * estimate.ci[0], cost * estimate.ci[1])
    return Estimate(value, ci, estimate.why)
