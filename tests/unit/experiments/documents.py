"""Documents for `analyze`, built from as little as a test wants to say, and what is true of every report."""

import copy
import json
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from experiments.report import WHY, ComparisonResult, Report
from experiments.sentences import LANGUAGES
from experiments.verdict import REASONS

Document = dict[str, Any]
Ci = tuple[float, float]

ARMS = ("control", "b", "c", "d")
ACTIONS = {"ship", "keep_running", "stop", "do_not_trust"}
REMOVED = object()
"""In place of a value in `changed`: take the field away."""

EXAMPLE: Document = json.loads("""
{"alpha":0.05,"allocation":{"control":0.5,"b":0.5},"exposures":{"control":1000,"b":1010},
 "sequential":{"planned_n":5000},
 "metrics":[
  {"name":"deflection","type":"proportion","role":"primary","direction":"increase",
   "arms":{"control":{"n":1000,"successes":420},"b":{"n":1010,"successes":455}}},
  {"name":"handle_time","type":"mean","role":"secondary","direction":"decrease",
   "arms":{"control":{"n":800,"mean":412.0,"variance":90000.0},"b":{"n":790,"mean":398.0,"variance":88000.0}}},
  {"name":"contact_rate","type":"ratio","role":"guardrail","direction":"decrease","margin":0.02,
   "arms":{"control":{"n":1000,"numerator_mean":0.4,"denominator_mean":1.6,"numerator_variance":0.3,
                      "denominator_variance":0.9,"covariance":0.2},"b":{}}},
  {"name":"msat","type":"ordinal","role":"secondary","direction":"increase",
   "arms":{"control":{"counts":[5,10,20,40,25]},"b":{"counts":[8,14,24,34,20]}}}]}
""")
"""The example of design/statistics.md, word for word."""


def document(*metrics: Document, **parts: Any) -> Document:
    """A document of these metrics with equal weights for all arms they name; `parts` are its other fields."""
    arms = list(metrics[0]["arms"])
    return {"allocation": {arm: 1 / len(arms) for arm in arms}, "metrics": list(metrics)} | parts


def proportion(*arms: tuple[int, int] | None, **fields: Any) -> Document:
    """A proportion; arms are (n, successes), the control first, None without data."""
    return _metric("proportion", "deflection", arms, ("n", "successes"), fields)


def mean(*arms: tuple[int, float, float | None] | Document | None, **fields: Any) -> Document:
    """A mean; arms are (n, mean, variance) or written out."""
    return _metric("mean", "handle_time", arms, ("n", "mean", "variance"), fields)


def ratio(*arms: tuple[int, float, float, float, float, float] | Document | None, **fields: Any) -> Document:
    """A ratio; arms are (n, numerator mean, denominator mean, their variances, covariance) or written out."""
    names = ("n", "numerator_mean", "denominator_mean", "numerator_variance", "denominator_variance", "covariance")
    return _metric("ratio", "contact_rate", arms, names, fields)


def ordinal(*arms: list[int] | None, **fields: Any) -> Document:
    """Ordinal scores; arms are counts, worst score first."""
    given = [None if counts is None else {"counts": counts} for counts in arms]
    return _metric("ordinal", "msat", given, (), fields)


def _metric(kind: str, name: str, arms: Sequence[Any], names: tuple[str, ...], fields: Document) -> Document:
    written = {
        arm: {} if given is None else given if isinstance(given, dict) else dict(zip(names, given, strict=True))
        for arm, given in zip(ARMS, arms, strict=False)
    }
    given = {"name": name, "type": kind, "role": "primary", "direction": "increase", "arms": written}
    return given | ({"margin": 0.05} if fields.get("role") == "guardrail" else {}) | fields


def cuped(n: int, covariate_n: int | None = None, **fields: float) -> Document:
    """An arm of a mean with a covariate of correlation 0.6."""
    covariate = {"covariate_mean": 5.0, "covariate_variance": 4.0, "covariance": 2.4}
    known = {} if covariate_n is None else {"covariate_n": covariate_n}
    return {"n": n, "mean": 10.0, "variance": 4.0, **covariate, **known, **fields}


def changed(given: Document, path: str, value: Any) -> Document:
    """The document with `value` at a place such as `metrics[0].arms.b.n`; REMOVED takes it away. `given` stays."""
    steps = [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path)]
    return _changed(given, steps, value)


def _changed(given: Any, steps: Sequence[str | int], value: Any) -> Any:
    copied = copy.copy(given)
    if len(steps) > 1:
        copied[steps[0]] = _changed(given[steps[0]], steps[1:], value)
    elif value is REMOVED:
        del copied[steps[0]]
    else:
        copied[steps[0]] = value
    return copied


def comparison(report: Report, metric: int = 0, treatment: int = 0) -> ComparisonResult:
    """One comparison of a report."""
    return report.metrics[metric].comparisons[treatment]


def leaves_out(ci: Ci, value: float) -> bool:
    """Whether an interval lies to one side of a value."""
    return ci[0] > value or ci[1] < value


def whys(found: Any) -> Iterator[str]:
    """Every `why` of a report's dictionary."""
    if isinstance(found, Mapping):
        if found.get("why") is not None:
            yield found["why"]
        for value in found.values():
            yield from whys(value)
    elif isinstance(found, list | tuple):
        for value in found:
            yield from whys(value)


def assert_sound(report: Report) -> None:
    """What is true of every report: finite numbers, known codes, p-values in (0, 1], three whole sentences."""
    written = report.to_dict()
    json.dumps(written, allow_nan=False)
    assert set(whys(written)) <= set(WHY)
    _assert_worded(report)
    for metric in report.metrics:
        for one in metric.comparisons:
            assert (one.absolute.ci is None) == (one.absolute.why is not None)
            assert (one.relative.ci is None) == (one.relative.why is not None)
            assert (one.p_value is None) == (one.adjusted_p_value is None) == (one.adjusted_ci is None)
            assert (one.p_value is None) == (one.absolute.ci is None)
            if one.p_value is not None and one.adjusted_p_value is not None:
                assert 0 < one.p_value <= one.adjusted_p_value * (1 + 1e-12) <= 1 + 1e-12
            assert (one.guardrail is not None) == (metric.role == "guardrail")


def _assert_worded(report: Report) -> None:
    verdict = report.verdict
    assert verdict.action in ACTIONS
    assert verdict.reasons
    assert set(verdict.reasons) <= set(REASONS)
    assert (verdict.winner is not None) == (verdict.action == "ship")
    assert tuple(verdict.text) == LANGUAGES
    for text in verdict.text.values():
        assert text.endswith(".")
        assert "{" not in text
        assert "None" not in text
        assert "  " not in text


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """TimeoutError where the body takes longer: a test that hangs says so."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
