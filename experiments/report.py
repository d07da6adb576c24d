"""What `analyze` returns. Every number is finite; what could not be computed is None beside a `why` (see `WHY`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Action = Literal["ship", "keep_running", "stop", "do_not_trust"]
Ci = tuple[float, float]


def plain(value: Any) -> Any:
    """The value in JSON types: results become dictionaries, tuples lists.

    (`dataclasses.asdict` copies every number, which takes half as long as the analysis.)
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    return {name: plain(getattr(value, name)) for name in value.__slots__}


_PLAIN = (float, str, bool, int, type(None))

WHY = {
    "no_data": "an arm has no units yet",
    "too_few_units": "an arm has a single unit, so there is no variance to go by",
    "no_variance": "nothing varies in either arm",
    "too_early": "too few units or cases for a result that may be looked at any time",
    "control_is_zero": "the control's value is 0, so nothing is relative to it",
    "unbounded": "the control's value may be 0, so no finite interval of the relative difference exists",
    "ordinal": "scores have an order but no ratio",
    "response_rates_differ": "the arms changed who answered, so their scores say little about the change",
    "before_planned_end": "a result of a sample of fixed size holds only once the planned sample is in",
    "denominator_is_zero": "an arm's denominators add up to 0",
    "too_large": "numbers are too large, or too near 0, to compute with",
    "no_exposures": "no unit has been exposed",
    "not_given": "exposures were not given",
    "one_segment": "fewer than two segments are large enough",
}
"""Every code a `why` may have, and what it means."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate and its interval (low, high), in the unit that the field's description names."""

    estimate: float | None
    ci: Ci | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Sequential:
    """A result that holds at this look: interval in the metric's unit, p-value in (0, 1]."""

    ci: Ci | None
    p_value: float | None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class ExpectedLoss:
    """Expected loss in the metric's unit if the treatment is shipped, or the control kept."""

    ship: float | None
    keep: float | None


@dataclass(frozen=True, slots=True)
class GuardrailResult:
    """One-sided test of "no worse than `margin`" at level alpha, `margin` in the metric's unit.

    `passes` is None where it cannot be computed. `ci` has level 1 - 2 alpha: the guardrail passes exactly where its
    worse end is within the margin. `breached`: harm is proven and the best guess is more than the margin.
    """

    passes: bool | None
    margin: float
    ci: Ci | None
    p_value: float | None
    breached: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """Response rates in [0, 1] and the p-value of their being equal; `bounds` of P(treatment scores higher) where
    not."""

    control_rate: float | None
    treatment_rate: float | None
    p_value: float | None
    honest: bool
    bounds: Ci | None


@dataclass(frozen=True, slots=True)
class CovariateResult:
    """CUPED: `theta` in metric units per covariate unit, `reduction` of the variance as a share, units without
    covariate."""

    theta: float | None
    reduction: float | None
    missing: dict[str, int]


@dataclass(frozen=True, slots=True)
class NormalityCheck:
    """Whether the mean of skewed values is normal enough: at least 355·skewness² units an arm (Kohavi et al. 2014).

    `needed_n` and `adequate` are None where only bootstrap replicates are known. Unless adequate, `ci` is a second
    interval, of a sample of fixed size: from the replicates, or with the skewness taken out (Hall 1992). `agrees`
    unless a difference is declared that it does not show.
    """

    needed_n: int | None
    adequate: bool | None
    ci: Ci | None
    agrees: bool | None


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """One segment: raw effect, effect shrunk towards the others, and whether it is worth telling."""

    segment: str
    absolute: Estimate
    shrunk: Estimate
    called_out: bool


@dataclass(frozen=True, slots=True)
class Dimension:
    """The segments of one dimension: `overall` effect in the metric's unit, and whether segments differ at all.

    `heterogeneity_p_value` is adjusted over all dimensions and comparisons (Holm); None, with a `why`, before the
    planned end of a monitored test, so that nobody peeks at it.
    """

    dimension: str
    heterogeneity_p_value: float | None
    overall: float | None
    why: str | None
    segments: tuple[SegmentResult, ...]


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """A treatment against the control.

    `absolute` is treatment minus control in the metric's unit (for ordinal scores P(treatment scores higher) +
    P(equal)/2, without an effect .5); `relative` is that over the size of the control's value. `p_value` is two-sided,
    `adjusted_p_value` and `adjusted_ci` count all metrics of the role and all arms. All of these, and `guardrail`, rest
    on `method` and never disagree. `fixed_horizon` is there once the planned sample is in, for tests that may be looked
    at before; the verdict does not rest on it. `mean_difference` is the secondary view of ordinal scores.
    """

    treatment: str
    absolute: Estimate
    relative: Estimate
    p_value: float | None
    adjusted_p_value: float | None
    adjusted_ci: Ci | None
    method: str
    sequential: Sequential | None
    fixed_horizon: Sequential | None
    probability_better: float | None
    expected_loss: ExpectedLoss
    guardrail: GuardrailResult | None
    survey: Survey | None
    covariate: CovariateResult | None
    normality: NormalityCheck | None
    mean_difference: Estimate | None
    dimensions: tuple[Dimension, ...]


@dataclass(frozen=True, slots=True)
class MetricResult:
    """A metric's comparisons, one for each treatment."""

    name: str
    type: str
    role: str
    direction: str
    cap: float | None
    comparisons: tuple[ComparisonResult, ...]


@dataclass(frozen=True, slots=True)
class SampleRatioResult:
    """`mismatch`: the split of exposures is not chance. `p_value` is for one look, `sequential_p_value` for any
    number."""

    p_value: float | None
    sequential_p_value: float | None
    mismatch: bool
    why: str | None = None


@dataclass(frozen=True, slots=True)
class HoldoutResult:
    """Contacts per 1,000 messages without and with automatic replies; what replying avoids and saves per 1,000."""

    without_per_1000: float | None
    with_replies_per_1000: float | None
    avoided_per_1000: Estimate
    saved_per_1000: Estimate | None
    p_value: float | None


@dataclass(frozen=True, slots=True)
class RestsOn:
    """The comparison behind a verdict; `interval` is `adjusted` or `guardrail`, `ci` in the metric's unit."""

    metric: str
    treatment: str
    interval: str
    ci: Ci | None
    p_value: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do. `winner` is the arm to ship; `days_left` at `daily_units` a day; `reasons` are codes of `verdict`.

    `text` says it in English, Spanish and Portuguese.
    """

    action: Action
    winner: str | None
    days_left: int | None
    reasons: tuple[str, ...]
    rests_on: RestsOn | None
    text: dict[str, str]


@dataclass(frozen=True, slots=True)
class Report:
    """The whole analysis. `several_arms`: units seen in more than one arm, left out of everything."""

    alpha: float
    control: str
    srm: SampleRatioResult
    several_arms: int
    metrics: tuple[MetricResult, ...]
    holdout: HoldoutResult | None
    verdict: Verdict

    def to_dict(self) -> dict[str, Any]:
        """The report in JSON types."""
        return dict(plain(self))
