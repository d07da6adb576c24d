"""Top-two Thompson sampling against quadrature and draws; estimates after it against all that could have happened."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.integrate import quad

from experiments.aggregates import Counts, Moments
from experiments.bandit import LEAST_PROBABILITY, MOST_ARMS, Batch, estimate, probabilities
from experiments.errors import InvalidInput

Arms = dict[str, dict[str, Any]]
RUNS = 2000
MEANS = st.fixed_dictionaries({"n": st.integers(2, 10**6), "mean": st.floats(-5, 5), "variance": st.floats(0.01, 100)})
ANY_MEANS = st.fixed_dictionaries(
    {"n": st.integers(0, 2**53), "mean": st.floats(-1e60, 1e60), "variance": st.floats(0, 2e120)}
)
ANY_PROPORTIONS = st.integers(0, 2**53).flatmap(
    lambda n: st.fixed_dictionaries({"n": st.just(n), "successes": st.integers(0, n)})
)


def named(arms: Sequence[Mapping[str, Any]]) -> Arms:
    return {f"arm {place}": dict(arm) for place, arm in enumerate(arms)}


def refused_at(make: Callable[[], Any]) -> str:
    """The path of the error that `make` raises."""
    with pytest.raises(InvalidInput) as refused:
        make()
    return refused.value.path


def posteriors(arms: Arms) -> list[Any]:
    """scipy's frozen distributions of what the arms' means can be."""
    if "successes" in next(iter(arms.values())):
        return [stats.beta(1 + arm["successes"], 1 + arm["n"] - arm["successes"]) for arm in arms.values()]
    degrees = sum(arm["n"] - 1 for arm in arms.values())
    within = sum((arm["n"] - 1) * arm["variance"] for arm in arms.values()) / degrees
    return [
        stats.norm(arm["mean"], math.sqrt(((arm["n"] - 1) * arm["variance"] + within) / arm["n"] ** 2))
        for arm in arms.values()
    ]


def best_by_quad(arms: Arms) -> list[float]:
    """The probability that each arm is the best, by adaptive quadrature over its quantiles."""
    found = posteriors(arms)

    def others_less(quantile: float, own: int) -> float:
        at = found[own].ppf(quantile)
        return math.prod(float(other.cdf(at)) for place, other in enumerate(found) if place != own)

    return [quad(others_less, 0, 1, args=(own,), limit=200, epsabs=1e-9)[0] for own in range(len(found))]


def drawn_top_two(arms: Arms, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each arm is chosen by the rule as it is told: draw, and draw on until another one is best."""

    def best(size: int) -> NDArray[np.int64]:
        return np.argmax([one.rvs(size=size, random_state=rng) for one in posteriors(arms)], axis=0)

    first = best(draws)
    chosen = first.copy()
    wanted = np.flatnonzero(rng.random(draws) < 0.5)
    while len(wanted):
        chosen[wanted] = best(len(wanted))
        wanted = wanted[chosen[wanted] == first[wanted]]
    return np.bincount(chosen, minlength=len(arms)) / draws


class TestProbabilities:
    @pytest.mark.parametrize(
        "arms",
        [
            [{"n": 100, "successes": 42}, {"n": 90, "successes": 41}, {"n": 300, "successes": 120}],
            [{"n": 0, "successes": 0}, {"n": 5, "successes": 5}, {"n": 2000, "successes": 1900}],
            [{"n": 50, "mean": 1.0, "variance": 4.0}, {"n": 60, "mean": 1.2, "variance": 9.0}],
            [{"n": n, "mean": m, "variance": 4.0} for n, m in ((2, 1.0), (9, 0.3), (400, 1.1), (80, 1.5))],
        ],
    )
    def test_the_chance_of_being_best_is_what_quadrature_and_draws_say(self, arms: list[dict[str, Any]]) -> None:
        """scipy's adaptive quadrature to 1e-6; a million draws to 5 standard errors."""
        best = list(probabilities(named(arms)).best.values())
        assert best == pytest.approx(best_by_quad(named(arms)), abs=1e-6)
        rng = np.random.default_rng(1)
        draws = np.argmax([one.rvs(size=1_000_000, random_state=rng) for one in posteriors(named(arms))], axis=0)
        assert np.bincount(draws, minlength=len(arms)) / 1e6 == pytest.approx(best, abs=5 * 0.0005)

    @pytest.mark.parametrize("behind", [0.0, 1.0, 5.0, 20.0, 37.0])
    @pytest.mark.parametrize("spread", [1.0, 100.0, 1e4])
    def test_of_two_normal_arms_it_is_the_closed_form(self, behind: float, spread: float) -> None:
        """To 1e-7 of its size even where it is 1e-300, and however different the two posteriors' widths are."""
        n = 10**12  # so that the unit that the arms share does not show
        arms = named([{"n": n, "mean": 0.0, "variance": n}, {"n": n, "mean": -behind, "variance": n / spread**2}])
        expected = stats.norm.sf(behind / math.hypot(1, 1 / spread))
        assert probabilities(arms).best["arm 1"] == pytest.approx(expected, rel=1e-7)

    def test_probabilities_are_those_of_the_rule_as_it_is_told(self) -> None:
        """Drawn and drawn on, 100,000 times, to 5 standard errors; four arms of which one leads."""
        arms = named([{"n": 100, "mean": m, "variance": 1.0} for m in (0.0, 0.1, 0.15, 0.3)])
        found = np.array(list(probabilities(arms, share=1e-9).probabilities.values()))
        drawn = drawn_top_two(arms, 100_000, np.random.default_rng(2))
        assert drawn == pytest.approx(found, abs=5 * 0.0016)

    def test_two_arms_are_halved(self) -> None:
        """The best of the draw half the time, and the only other one else."""
        found = probabilities({"a": {"n": 100, "successes": 90}, "b": {"n": 100, "successes": 1}})
        assert found.probabilities == pytest.approx({"a": 0.5, "b": 0.5})
        assert found.best == pytest.approx({"a": 1, "b": 0}, abs=1e-12)

    def test_second_place_goes_to_the_nearest_where_the_leader_is_certain(self) -> None:
        """Also where chances are below what doubles hold: 10 and 60 standard errors behind, or 10,000 by successes."""
        for mean in (10.0, 60.0):
            arms = named([{"n": 100, "mean": m, "variance": 100.0} for m in (0.0, mean, -1.0, -5.0)])
            found = probabilities(arms, share=0.1).probabilities
            assert list(found.values()) == pytest.approx([0.475, 0.475, 0.025, 0.025], abs=5e-3)
        huge = named([{"n": 10**9, "successes": s * 10**8} for s in (9, 5, 1)])
        assert list(probabilities(huge, share=0.3).probabilities.values()) == pytest.approx([0.45, 0.45, 0.1])

    def test_equal_arms_that_are_far_behind_share_second_place(self) -> None:
        """0/0 is not what they get."""
        arms = named([{"n": 50, "mean": m, "variance": 1.0} for m in (1e50, 0.0, 0.0)])
        assert list(probabilities(arms).probabilities.values()) == pytest.approx([1.4 / 3, 0.8 / 3, 0.8 / 3])

    @settings(max_examples=60)
    @given(st.one_of(st.lists(ANY_MEANS, min_size=2, max_size=5), st.lists(ANY_PROPORTIONS, min_size=2, max_size=5)))
    def test_every_arm_keeps_its_fixed_share(self, arms: list[dict[str, Any]]) -> None:
        """Whatever the outcomes, probabilities are finite, sum to 1, and are at least share / arms."""
        found = probabilities(named(arms), share=0.2)
        for chances, least in ((found.probabilities, 0.2 / len(arms)), (found.best, 0)):
            assert math.fsum(chances.values()) == pytest.approx(1, abs=1e-12)
            assert min(chances.values()) >= least * (1 - 1e-12)

    @settings(max_examples=30)
    @given(st.lists(MEANS, min_size=3, max_size=4), st.floats(0.1, 1000), st.floats(-100, 100))
    def test_units_of_measurement_do_not_matter(self, arms: list[dict[str, Any]], scale: float, shift: float) -> None:
        """Nor does the order of the arms; and to decrease is to increase the negative."""
        plain = list(probabilities(named(arms)).probabilities.values())
        moved = [arm | {"mean": scale * arm["mean"] + shift, "variance": scale**2 * arm["variance"]} for arm in arms]
        negative = [arm | {"mean": -arm["mean"]} for arm in arms]
        assert list(probabilities(named(moved)).probabilities.values()) == pytest.approx(plain, abs=1e-6)
        assert list(probabilities(named(arms[::-1])).probabilities.values())[::-1] == pytest.approx(plain, abs=1e-9)
        fewer = probabilities(named(negative), direction="decrease")
        assert list(fewer.probabilities.values()) == pytest.approx(plain, abs=1e-12)

    def test_fewer_successes_are_better_where_the_metric_should_decrease(self) -> None:
        """The same as more failures."""
        arms = named([{"n": 100, "successes": s} for s in (40, 45, 60)])
        failures = named([{"n": 100, "successes": 100 - s} for s in (40, 45, 60)])
        assert probabilities(arms, direction="decrease") == probabilities(failures)

    def test_nothing_is_preferred_before_there_is_something_to_judge_by(self) -> None:
        """Fewer than two units in an arm, or no variation at all."""
        for first in ({"n": 1, "mean": 9.0, "variance": None}, {"n": 5, "mean": 9.0, "variance": 0.0}):
            found = probabilities({"a": first, "b": {"n": 5, "mean": 0.0, "variance": 0.0}})
            assert found.probabilities == found.best == {"a": 0.5, "b": 0.5}

    def test_an_arm_whose_units_agree_is_not_taken_for_certain(self) -> None:
        """Two equal outcomes do not beat a better mean."""
        found = probabilities(
            {"a": {"n": 2, "mean": 0.0, "variance": 0.0}, "b": {"n": 2, "mean": 0.5, "variance": 1.0}}
        )
        assert 0.1 < found.best["a"] < 0.5

    def test_as_many_arms_as_allowed_are_computed(self) -> None:
        """Equal ones get equal chances."""
        arms = named([{"n": 100, "successes": 50}] * MOST_ARMS)
        assert list(probabilities(arms).best.values()) == pytest.approx([1 / MOST_ARMS] * MOST_ARMS)

    @pytest.mark.parametrize(
        ("arms", "options", "path"),
        [
            ({"a": {"n": 1, "successes": 0}}, {}, "arms"),
            (named([{"n": 1, "successes": 0}] * 21), {}, "arms"),
            ({"a": {"n": 1, "successes": 0}, "b": {"n": 2, "mean": 0, "variance": 1}}, {}, "arms"),
            ({"a": {"n": 1, "successes": 0}, "b": {"n": 1, "successes": 2}}, {}, "arms.b.successes"),
            ({"a": {"n": 1, "successes": 0}, "b": {"successes": 2}}, {}, "arms.b.n"),
            ({"a": {"n": 2, "mean": 0, "variance": -1}, "b": {}}, {}, "arms.a.variance"),
            ({"a": {"n": 2, "mean": math.nan, "variance": 1}, "b": {}}, {}, "arms.a.mean"),
            ({"a": {"n": 2, "mean": 0, "variance": 1}, "b": {}}, {}, "arms.b.n"),
            (named([{"n": 1, "successes": 0}] * 2), {"share": 0}, "share"),
            (named([{"n": 1, "successes": 0}] * 2), {"share": 1.1}, "share"),
            (named([{"n": 1, "successes": 0}] * 2), {"direction": "up"}, "direction"),
        ],
    )
    def test_arms_that_cannot_be_are_refused(self, arms: Arms, options: dict[str, Any], path: str) -> None:
        """With their place."""
        assert refused_at(lambda: probabilities(arms, **options)) == path


def batch(chances: Sequence[float], outcomes: Sequence[Sequence[float]]) -> Batch:
    """Of arms named a, b, ..."""
    names = "abcdef"[: len(chances)]
    return Batch(
        dict(zip(names, chances, strict=True)),
        {name: Moments.of(values) for name, values in zip(names, outcomes, strict=True)},
    )


def scored(batches: Sequence[tuple[Sequence[float], Sequence[Sequence[float]]]]) -> NDArray[np.float64]:
    """Every unit's score, one by one, after a first batch that only tells the running means of arms a and b."""
    seen = [list(outcomes) for outcomes in batches[0][1][:2]]
    scores: list[float] = []
    for chances, outcomes in batches[1:]:
        means = [float(np.mean(values)) for values in seen]
        for arm, values in enumerate(outcomes):
            sign = (-1, 1, 0)[arm]
            own = [sign * (value - means[arm]) / chances[arm] if sign else 0 for value in values]
            scores += [means[1] - means[0] + score for score in own]
        seen = [before + list(values) for before, values in zip(seen, outcomes[:2], strict=True)]
    return np.array(scores)


class TestEstimate:
    @pytest.mark.parametrize("shift", [0.0, 1e8])
    def test_it_is_the_mean_of_the_units_scores(self, shift: float) -> None:
        """Computed unit by unit from the definition; at 1e8 nothing of the standard error is lost."""
        rng = np.random.default_rng(3)
        chances = [(0.3, 0.3, 0.4), (0.2, 0.5, 0.3), (0.6, 0.1, 0.3)]
        logged = [(p, [shift + rng.normal(arm, 1, size) for arm, size in enumerate((7, 9, 4))]) for p in chances]
        found = estimate([batch(*one) for one in logged], "a", "b")
        first = logged[0][1]
        a, b = first[0], first[1]
        # In the first batch every arm's own mean stands in, with the variance that it has.
        own = 20**2 * (np.var(a, ddof=1) / len(a) + np.var(b, ddof=1) / len(b))
        start = b.mean() - a.mean()
        later = scored(logged)
        mean = (20 * start + later.sum()) / 60
        squares = own + 20 * (start - mean) ** 2 + ((later - mean) ** 2).sum()
        assert found.n == 60
        assert found.estimate == pytest.approx(mean, rel=1e-6)
        assert found.standard_error == pytest.approx(math.sqrt(squares) / 60, rel=1e-6)
        reach = stats.norm.isf(0.025) * found.standard_error
        assert found.ci == pytest.approx((found.estimate - reach, found.estimate + reach))
        assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(found.estimate) / found.standard_error))

    def test_over_all_that_chance_could_do_it_is_right_on_average(self) -> None:
        """Six units whose outcomes under either arm are given, all 64 assignments, probabilities that follow the first
        batch: the expectation is the true difference to 1e-12, and that of the plain difference of means is not."""
        outcomes = np.array([[1.0, 2.5], [4.0, 3.0], [2.2, 7.0], [0.5, 1.1], [9.0, 4.4], [3.3, 8.0]])
        expected = {"ours": 0.0, "plain": 0.0, "chance": 0.0}
        for arms in product((0, 1), repeat=6):
            first, second = ([outcomes[u, arms[u]] for u in range(6) if arms[u] == arm and u < 3] for arm in (0, 1))
            if not first or not second:
                continue
            chance = 0.8 if np.mean(second) > np.mean(first) else 0.2
            later = [[outcomes[u, arms[u]] for u in range(3, 6) if arms[u] == arm] for arm in (0, 1)]
            weight = 0.5**3 * chance ** len(later[1]) * (1 - chance) ** len(later[0])
            logged = [batch((0.5, 0.5), (first, second)), batch((1 - chance, chance), later)]
            expected["chance"] += weight
            expected["ours"] += weight * estimate(logged, "a", "b").estimate
            expected["plain"] += weight * float(np.mean([*second, *later[1]]) - np.mean([*first, *later[0]]))
        truth = float((outcomes[:, 1] - outcomes[:, 0]).mean())
        assert expected["ours"] / expected["chance"] == pytest.approx(truth, abs=1e-12)
        assert abs(expected["plain"] / expected["chance"] - truth) > 0.05

    def test_batches_before_both_arms_were_seen_do_not_count(self) -> None:
        """Their outcomes still tell the running mean; an arm that a later batch lacks costs nothing."""
        start = batch((0.5, 0.5), ([1.0, 3.0], []))
        both = batch((0.5, 0.5), ([2.5], [4.0, 6.0]))
        found = estimate([start, both, batch((0.5, 0.5), ([], [])), batch((0.5, 0.5), ([2.0], []))], "a", "b")
        # The running mean of a is 2 and b's stand-in 5; a's one unit is 0.5 above at twice its weight.
        later = 5.0 - (2.0 + 0.5 / 3)
        assert found.n == 4
        assert found.estimate == pytest.approx((3 * 3.0 - 1.0 + later - 2 * (2.0 - (2.0 + 0.5 / 3))) / 4)

    def test_swapping_the_arms_flips_the_sign(self) -> None:
        """And nothing else; alpha widens the interval."""
        logged = [batch((0.5, 0.5), ([1.0, 3.0], [4.0, 7.0])), batch((0.3, 0.7), ([2.0], [6.0, 5.0]))]
        one, other = estimate(logged, "a", "b"), estimate(logged, "b", "a", alpha=0.01)
        assert (one.estimate, one.standard_error, one.p_value) == (-other.estimate, other.standard_error, other.p_value)
        assert other.ci[0] < -one.ci[1] < -one.ci[0] < other.ci[1]

    def test_proportions_are_logged_as_counts(self) -> None:
        """In one batch of fixed probabilities the estimate is the plain difference."""
        arms = {"a": Counts((60, 40)).moments((0, 1)), "b": Counts((40, 60)).moments((0, 1))}
        found = estimate([Batch({"a": 0.5, "b": 0.5}, arms)], "a", "b")
        assert found.estimate == pytest.approx(0.2)
        assert found.standard_error == pytest.approx(math.sqrt(2 * 0.24 / 99))

    def test_certainty_does_not_underflow(self) -> None:
        """A difference of a million standard errors has the smallest p-value that is a normal double."""
        far = [batch((0.5, 0.5), ([0.0, 1e-6], [1.0, 1 + 1e-6]))]
        assert estimate(far, "a", "b").p_value == np.finfo(float).tiny

    @pytest.mark.parametrize(
        ("make", "path"),
        [
            (lambda: batch((0.5, 0.6), ([], [])), "probabilities"),
            (lambda: batch((1.5, -0.5), ([], [])), "probabilities.a"),
            (lambda: batch((math.nan, 1.0), ([], [])), "probabilities.a"),
            (lambda: batch((0.0, 1.0), ([1.0], [])), "arms.a.n"),
            (lambda: Batch({"a": 1.0}, {}), "arms"),
            (lambda: estimate([FINE, batch((1.0, 0.0), ([1.0], []))], "a", "b"), "batches[1].probabilities.b"),
            (lambda: estimate([batch((1.0, 1e-10), ([1.0], []))], "a", "b"), "batches[0].probabilities.b"),
            (lambda: estimate([FINE, batch((1.0,), ([1.0],))], "a", "b"), "batches[1].probabilities.b"),
            (lambda: estimate([FINE], "a", "a"), "treatment"),
            (lambda: estimate([FINE], "a", "b", alpha=0), "alpha"),
            (lambda: estimate([FINE], "a", "b", alpha=math.nan), "alpha"),
            (lambda: estimate([], "a", "b"), "batches"),
            (lambda: estimate([batch((0.5, 0.5), ([1.0], []))], "a", "b"), "batches"),
            (lambda: estimate([batch((0.5, 0.5), ([0.1, 0.1], [0.1]))] * 3, "a", "b"), "batches"),
        ],
    )
    def test_logs_that_cannot_be_judged_are_refused(self, make: Callable[[], Any], path: str) -> None:
        """With the place: probabilities that are none, compared arms that could not be chosen, nothing to compare."""
        assert refused_at(make) == path

    @settings(max_examples=50)
    @given(st.lists(st.lists(st.floats(-1e60, 1e60), min_size=2, max_size=4), min_size=4, max_size=4))
    def test_no_value_within_limits_leads_beyond_doubles(self, outcomes: list[list[float]]) -> None:
        """With the least probability that is allowed, everything is finite, or refused because nothing varies."""
        least = LEAST_PROBABILITY
        try:
            found = estimate([batch((0.5, 0.5), outcomes[:2]), batch((1 - least, least), outcomes[2:])], "a", "b")
        except InvalidInput as refused:
            assert refused.path == "batches"  # noqa: PT017
        else:
            assert all(map(math.isfinite, (found.estimate, found.standard_error, *found.ci)))
            assert 0 < found.p_value <= 1


FINE = batch((0.5, 0.5), ([1.0, 2.0], [3.0, 4.0]))


def simulated(truth: Sequence[float], rng: np.random.Generator) -> tuple[list[Batch], dict[str, Moments]]:
    """Three days of 150 units with outcomes of standard deviation 1, and what each arm saw in all."""
    names = "abcdef"[: len(truth)]
    pooled = dict.fromkeys(names, Moments.zero(1))
    batches = []
    for _ in range(3):
        chances = probabilities({name: arm.as_mean() for name, arm in pooled.items()}, share=0.1).probabilities
        sizes = rng.multinomial(150, list(chances.values())).tolist()
        # Mean and squares of `size` normal outcomes, as they are distributed.
        arms = {
            name: Moments(n, (rng.normal(mean, n**-0.5),), (rng.chisquare(n - 1),)) if n > 1 else Moments.zero(1)
            for name, mean, n in zip(names, truth, sizes, strict=True)
        }
        batches.append(Batch(chances, arms))
        pooled = {name: arm + arms[name] for name, arm in pooled.items()}
    return batches, pooled


@pytest.mark.parametrize(("truth", "plain_fails"), [((0.0, 0.0, 0.0), False), ((0.0, 0.0, 0.3), True)])
def test_estimates_are_honest_where_plain_differences_are_not(truth: Sequence[float], plain_fails: bool) -> None:
    """2,000 experiments of control and the last of three arms under top-two Thompson sampling: the mean estimate is
    within 3 standard errors of the truth, and 95 % intervals cover it as often as they should less 3 standard errors.
    The plain difference of means exaggerates the better arm, and fails the same check. In an A/A test it must not, by
    symmetry."""
    rng = np.random.default_rng(4)
    difference = truth[-1] - truth[0]
    ours, plain, covered = np.zeros(RUNS), np.zeros(RUNS), 0
    for run in range(RUNS):
        batches, pooled = simulated(truth, rng)
        found = estimate(batches, "a", "c")
        ours[run], plain[run] = found.estimate, pooled["c"].means[0] - pooled["a"].means[0]
        covered += found.ci[0] <= difference <= found.ci[1]

    def honest(estimates: NDArray[np.float64]) -> bool:
        return bool(abs(estimates.mean() - difference) <= 3 * estimates.std(ddof=1) / math.sqrt(RUNS))

    assert honest(ours)
    assert honest(plain) is not plain_fails
    assert covered / RUNS >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / RUNS)
