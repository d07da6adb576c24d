"""Holm and Benjamini-Hochberg against statsmodels; intervals that agree with the decisions."""

import gc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from experiments.contrast import Floats, StudentT
from experiments.multiplicity import Adjustment, benjamini_hochberg, holm
from tests.unit.experiments.oracles import assert_close, column, generator

METHODS = [pytest.param(holm, "holm", id="holm"), pytest.param(benjamini_hochberg, "fdr_bh", id="bh")]
P_VALUES = st.lists(st.floats(1e-300, 1), min_size=1, max_size=12).map(lambda ps: np.array(ps))
ALPHAS = st.floats(0.001, 0.5)


def random_families(seed: int, count: int = 250) -> list[tuple[Floats, float]]:
    """p-values, half of them small, and an alpha; ties among some."""
    rng = generator(seed)
    families = []
    for i in range(count):
        m = int(rng.integers(1, 15))
        p = np.where(rng.random(m) < 0.5, rng.random(m), rng.random(m) ** 6)
        families.append((p.round(2) + 1e-6 if i % 5 == 0 else p, float(rng.uniform(0.01, 0.3))))
    return families


@pytest.mark.parametrize(("method", "name"), METHODS)
class TestBoth:
    def test_agree_with_statsmodels(self, method: object, name: str) -> None:
        """Adjusted p-values and rejections, on 250 random families with ties."""
        families = random_families(1)
        gc.freeze()  # statsmodels' Holm collects garbage each time
        for p, alpha in families:
            rejected, adjusted, _, _ = multipletests(p, alpha, name)
            found: Adjustment = method(p, alpha)
            assert_close(found.p_values, adjusted, 1e-12)
            assert ((found.p_values <= alpha) == rejected).all()
        gc.unfreeze()

    def test_intervals_agree_with_the_decision_for_every_hypothesis(self, method: object, name: str) -> None:
        """At its own level each interval leaves out no effect exactly where its adjusted p-value is at most alpha."""
        reference = StudentT(column(np.inf))
        for p, alpha in random_families(2):
            found: Adjustment = method(p, alpha)
            assert ((p <= found.alphas) == (found.p_values <= alpha)).all()
            z = np.array([float(reference.critical(each)[0]) for each in p])
            leaves_out = z >= np.array([float(reference.critical(each)[0]) for each in found.alphas])
            assert (leaves_out == (found.p_values <= alpha)).all()

    def test_one_hypothesis_is_not_adjusted(self, method: object, name: str) -> None:
        """Its p-value and level stay."""
        found: Adjustment = method(column(0.03), 0.05)
        assert (found.p_values[0], found.alphas[0]) == (0.03, 0.05)

    def test_an_empty_family_is_empty(self, method: object, name: str) -> None:
        """No hypotheses, no results."""
        found: Adjustment = method(np.empty(0), 0.05)
        assert (found.p_values.shape, found.alphas.shape) == ((0,), (0,))


@given(P_VALUES, ALPHAS)
def test_adjusted_p_values_are_larger_ordered_and_at_most_one(p: Floats, alpha: float) -> None:
    """Never below the p-value, never above 1 or Bonferroni's, in the order of the p-values; Holm's never below BH's."""
    found = [holm(p, alpha), benjamini_hochberg(p, alpha)]
    order = np.argsort(p, kind="stable")
    for one in found:
        assert (one.p_values >= p * (1 - 1e-12)).all()
        assert (one.p_values <= np.minimum(1, len(p) * p) * (1 + 1e-12)).all() or one is found[0]
        assert (one.p_values <= 1).all()
        assert (np.diff(one.p_values[order]) >= 0).all()
        assert (one.alphas <= alpha * (1 + 1e-12)).all()
        assert (one.alphas >= alpha / len(p) * (1 - 1e-12)).all()
    assert (found[0].p_values >= found[1].p_values * (1 - 1e-12)).all()


@given(P_VALUES, ALPHAS, st.randoms(use_true_random=False))
def test_order_does_not_matter(p: Floats, alpha: float, random: object) -> None:
    """Shuffled hypotheses have the same adjusted p-values."""
    order = list(range(len(p)))
    random.shuffle(order)
    for method in (holm, benjamini_hochberg):
        assert_close(method(p[order], alpha).p_values, method(p, alpha).p_values[order], 1e-12)


def test_corrections_do_something() -> None:
    """Two hypotheses at p = .03 and .04 are no Holm discoveries, though each alone would be; both are BH's."""
    p = column(0.03, 0.04)
    assert_close(holm(p, 0.05).p_values, [0.06, 0.06], 1e-12)
    assert_close(holm(p, 0.05).alphas, [0.025, 0.05 / 2], 1e-12)
    assert_close(benjamini_hochberg(p, 0.05).p_values, [0.04, 0.04], 1e-12)
    assert_close(benjamini_hochberg(p, 0.05).alphas, [0.05, 0.05], 1e-12)


def test_adjusted_p_values_do_not_fall_below_their_own_by_a_digit() -> None:
    """The largest p-value of a Benjamini-Hochberg family is its own adjusted one, however m times it over m rounds."""
    rng = generator(12)
    for m in (3, 7, 10):
        for p_values in rng.random((200, m)):
            assert (benjamini_hochberg(p_values, 0.05).p_values >= p_values).all()
            assert (holm(p_values, 0.05).p_values >= p_values).all()


def test_a_p_value_at_its_level_is_rejected() -> None:
    """At most alpha, not below it."""
    assert_close(holm(np.array([0.05]), 0.05).alphas, [0.05])
    assert_close(holm(np.array([0.025, 0.5]), 0.05).alphas, [0.025, 0.05])
    assert_close(benjamini_hochberg(np.array([0.025, 0.05]), 0.05).alphas, [0.05, 0.05])
