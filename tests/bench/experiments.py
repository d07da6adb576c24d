"""`make bench`: reports and merged aggregates of experiments, beside what the usual libraries take for the same."""

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

from experiments import analyze
from experiments.aggregates import Moments, merge_groups

METRICS, SEGMENTS, ROUNDS = 20, 50, 9
ARMS = ("control", "b", "c", "d")
SCORES = (0.05, 0.1, 0.2, 0.4, 0.25)
AGGREGATES = 1_000_000

Draw = Callable[[np.random.Generator, int], dict[str, Any]]


def _proportion(rng: np.random.Generator, n: int) -> dict[str, Any]:
    return {"n": n, "successes": int(rng.binomial(n, 0.4))}


def _mean(rng: np.random.Generator, n: int) -> dict[str, Any]:
    mean, covariate = rng.normal((400, 0), (300 / n**0.5, 1 / n**0.5)).tolist()
    more = {"covariate_mean": covariate, "covariate_variance": 1.0, "covariance": 150.0}
    return {"n": n, "mean": mean, "variance": 90000.0} | more


def _ratio(rng: np.random.Generator, n: int) -> dict[str, Any]:
    means = {"numerator_mean": float(rng.normal(0.4, 0.5 / n**0.5)), "denominator_mean": 1.6}
    return {"n": n, "numerator_variance": 0.3, "denominator_variance": 0.9, "covariance": 0.2} | means


def _ordinal(rng: np.random.Generator, n: int) -> dict[str, Any]:
    return {"counts": rng.multinomial(n, SCORES).tolist()}


KINDS: tuple[tuple[str, Draw], ...] = (
    ("proportion", _proportion),
    ("mean", _mean),
    ("ratio", _ratio),
    ("ordinal", _ordinal),
)


def document(rng: np.random.Generator, *, segments: int = SEGMENTS) -> dict[str, Any]:
    """A test of twenty metrics, four arms and fifty segments."""
    return {
        "allocation": dict.fromkeys(ARMS, 0.25),
        "exposures": dict.fromkeys(ARMS, 50_000),
        "metrics": [_metric(rng, i, segments) for i in range(METRICS)],
    }


def _metric(rng: np.random.Generator, i: int, segments: int) -> dict[str, Any]:
    kind, draw = KINDS[i % len(KINDS)]
    role = "primary" if i < 2 else "guardrail" if i < 6 else "secondary"
    by_intent = {f"intent {s}": {arm: draw(rng, 1000) for arm in ARMS} for s in range(segments)}
    metric = {
        "name": f"metric {i}",
        "type": kind,
        "role": role,
        "direction": "increase",
        "arms": {arm: draw(rng, 50_000) for arm in ARMS},
        "segments": {"intent": by_intent},
    }
    return metric | ({"margin": 0.02} if role == "guardrail" else {})


def main() -> None:
    """Print what reports and merging take."""
    rng = np.random.default_rng(0)
    table = Table("what", "ms, median of nine", "least", title="experiments")
    watched = document(rng)
    ways: dict[str, Callable[[], object]] = {
        f"report: {METRICS} metrics x {len(ARMS)} arms x {SEGMENTS} segments": lambda: analyze(watched),
        "the same, monitored": lambda: analyze(watched | {"sequential": {"planned_n": 400_000}}),
        "the same, at the second of the planned looks": lambda: analyze(
            watched | {"sequential": {"planned_n": 400_000, "previous_looks": [0.25]}}
        ),
        "15 proportions, our whole report": lambda: analyze(_proportions(watched)),
        "15 proportions, statsmodels' tests, intervals and Holm": lambda: _by_statsmodels(_proportions(watched)),
    }
    for name, way in (ways | _merging(rng)).items():
        times = [_time(way) for _ in range(ROUNDS)]
        table.add_row(name, f"{1e3 * statistics.median(times):.1f}", f"{1e3 * min(times):.1f}")
    Console().print(table)


def _time(way: Callable[[], object]) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started


def _proportions(whole: dict[str, Any]) -> dict[str, Any]:
    """The five proportions of a document, without segments."""
    metrics = [{**m, "segments": None} for m in whole["metrics"] if m["type"] == "proportion"]
    return whole | {"metrics": metrics}


def _by_statsmodels(whole: dict[str, Any]) -> object:
    """Score tests, intervals of difference and ratio, and Holm's adjustment, one comparison after the other."""
    p_values = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for metric in whole["metrics"]:
            x0, n0 = metric["arms"]["control"]["successes"], metric["arms"]["control"]["n"]
            for arm in ARMS[1:]:
                counts = (metric["arms"][arm]["successes"], metric["arms"][arm]["n"], x0, n0)
                p_values.append(test_proportions_2indep(*counts, method="score").pvalue)
                for compare in ("diff", "ratio"):
                    confint_proportions_2indep(*counts, method="score", compare=compare)
    return multipletests(p_values, method="holm")


def _merging(rng: np.random.Generator) -> dict[str, Callable[[], object]]:
    """A million daily aggregates of two variables, and a tenth of a percent of them one by one."""
    groups = rng.integers(0, 5000, AGGREGATES)
    n = rng.integers(1, 500, AGGREGATES)
    means = rng.normal(1e8, 1, (AGGREGATES, 2))
    products = np.outer(n - 1, (4.0, 1.0, 9.0)) * rng.gamma(2, 0.5, (AGGREGATES, 1))
    few = [Moments(int(n[i]), tuple(means[i]), tuple(products[i])) for i in range(AGGREGATES // 1000)]
    return {
        "merge 1,000,000 daily aggregates into 5,000": lambda: merge_groups(groups, n, means, products),
        "merge 1,000 one by one": lambda: sum(few[1:], start=few[0]),
    }


if __name__ == "__main__":
    main()
