"""Leads, the learned weights, and what a curator's keyword does to the combined score."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.optimize import minimize

from indexer._collection import Collection
from indexer.combination import COMBINED, Weights, absent_candidates, leads, learn_weights
from indexer.confidence import ConfidenceModel
from indexer.documents import Document, Keyword
from indexer.ranking import Candidate, Query
from tests.unit.indexer.conftest import GramEncoder

# Mean and width of the prior, by the order of the signals.
DEFAULT = np.array([1.0, 8.0, 6.0, 2.5, 3.5])
SPREAD = np.array([2.0, 4.0, 4.0, 1.5, 1.5])
# Below this difference the naive sum of the others does not underflow.
SCORE = st.one_of(st.floats(-300, 300), st.just(-math.inf))


def naive_lead(scores: list[float], place: int) -> float:
    """In so many words; 0 for an absent candidate and for the only one."""
    others = [score for number, score in enumerate(scores) if number != place and score > -math.inf]
    if scores[place] == -math.inf or not others:
        return 0.0
    most = max(others)
    return scores[place] - most - math.log(math.fsum(math.exp(other - most) for other in others))


@given(st.lists(SCORE, max_size=8))
def test_a_lead_is_the_log_odds_against_all_others(scores: list[float]) -> None:
    """Against a naive computation, absent candidates and equal ones included; it is the log-odds of the softmax."""
    found = leads(np.array(scores))
    np.testing.assert_allclose(found, [naive_lead(scores, place) for place in range(len(scores))], atol=1e-9)
    present = np.isfinite(scores)
    if present.sum() > 1:
        assert (1 / (1 + np.exp(-found[present]))).sum() == pytest.approx(1)


@given(arrays.arrays(np.float64, st.tuples(st.integers(0, 4), st.integers(1, 5)), elements=SCORE))
def test_leads_of_many_questions_are_those_of_each(scores: np.ndarray) -> None:
    """Row by row; absent candidates change nothing for the others; any shape keeps its shape."""
    found = leads(scores)
    assert found.shape == scores.shape
    for row, one in zip(scores, found, strict=True):
        np.testing.assert_allclose(one, leads(row))
        present = np.isfinite(row)
        np.testing.assert_allclose(one[present], leads(row[present]), atol=1e-9)


def test_who_is_alone_has_no_lead() -> None:
    """0, whatever the score, as for those who are absent."""
    assert list(leads(np.array([123.0]))) == [0]
    assert list(leads(np.array([-math.inf, -5.0, -math.inf]))) == [0, 0, 0]
    assert list(leads(np.array([-math.inf]))) == [0]
    assert leads(np.zeros(0)).shape == (0,)


def test_huge_scores_have_finite_leads() -> None:
    """Nothing overflows; beyond some 700 nats, which is certainty, a lead grows no more."""
    np.testing.assert_allclose(leads(np.array([1e6, 1e6])), [0, 0])
    np.testing.assert_allclose(leads(np.array([1e6 + 3, 1e6])), [3, -3])
    first, last = leads(np.array([1e300, -1e300]))
    assert 700 < first < 710
    assert last == -2e300
    np.testing.assert_allclose(leads(np.array([0.0, -800.0, -800.0]))[1:], [-800, -800])


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=6), st.floats(0.001, 30))
def test_a_higher_score_raises_its_lead_and_lowers_all_others(scores: list[float], more: float) -> None:
    """Which is why one's keyword may cost another's confidence, though never its score."""
    before, after = leads(np.array(scores)), leads(np.array([scores[0] + more, *scores[1:]]))
    assert after[0] > before[0]
    assert (after[1:] <= before[1:] + 1e-12).all()


def choices(seed: int, weights: np.ndarray, questions: int, candidates: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Signals of random size, and choices among them by a softmax of the weighted sums: (signals, right)."""
    rng = np.random.default_rng(seed)
    signals = rng.normal(scale=0.4, size=(questions, candidates, 5))
    noise = rng.gumbel(size=(questions, candidates))
    return signals, (signals @ weights + noise).argmax(axis=1)


def surprise(weights: np.ndarray, signals: np.ndarray, right: np.ndarray, importance: np.ndarray) -> float:
    """Minus the log posterior of the weights, question by question."""
    total = float((((weights - DEFAULT) / SPREAD) ** 2).sum() / 2)
    for candidates, chosen, counts in zip(signals, right, importance, strict=True):
        scores = [float(candidate @ weights) for candidate in candidates if not np.isnan(candidate).any()]
        total += counts * (math.log(math.fsum(map(math.exp, scores))) - float(candidates[chosen] @ weights))
    return total


@pytest.mark.parametrize("seed", range(4))
def test_the_weights_are_the_most_likely_ones(seed: int) -> None:
    """Against another optimiser on a loss without gradient, with absent candidates and unequal importance."""
    rng = np.random.default_rng(seed)
    signals, right = choices(seed, rng.uniform(0, 6, size=5), 40)
    signals[rng.random((40, 6)) < 0.3] = np.nan
    signals[np.arange(40), right] = 0.3 * rng.random((40, 5))
    importance = rng.uniform(0.1, 3, size=40)
    learned = learn_weights(signals, right, importance).array()
    problem = (signals, right, importance)
    options = {"maxiter": 4000, "maxfev": 8000, "xatol": 1e-5, "fatol": 1e-9}
    bounds = [(0, None)] * 5
    reference = minimize(surprise, np.ones(5), problem, method="Nelder-Mead", bounds=bounds, options=options)
    assert surprise(learned, *problem) <= reference.fun + 1e-5
    np.testing.assert_allclose(learned, reference.x, atol=0.02)


def test_known_weights_are_recovered() -> None:
    """From the choices of thousands of questions, the starting weights being far away."""
    true = np.array([4.0, 1.0, 0.5, 6.0, 2.0])
    signals, right = choices(1, true, 6000)
    np.testing.assert_allclose(learn_weights(signals, right, np.ones(6000)).array(), true, atol=0.4)


def test_few_questions_change_little() -> None:
    """And none at all nothing."""
    true = np.array([4.0, 1.0, 0.5, 6.0, 2.0])
    distances = [
        np.linalg.norm((learn_weights(*choices(2, true, number), np.ones(number)).array() - DEFAULT) / SPREAD)
        for number in (0, 3, 30, 3000)
    ]
    assert distances[0] == 0
    assert distances == sorted(distances)
    assert learn_weights(np.zeros((0, 24, 5)), np.zeros(0, dtype=np.int64), np.zeros(0)) == Weights()


def test_a_signal_that_misleads_gets_no_weight_rather_than_a_negative_one() -> None:
    """Raising a keyword must never lower its entry, whatever the questions say."""
    true = np.array([2.0, 2.0, 2.0, -4.0, -8.0])
    learned = learn_weights(*choices(3, true, 2000), np.ones(2000))
    assert (learned.words, learned.spelling) == (0, 0)
    assert min(learned.nearest, learned.subject, learned.learned) > 0.5


@given(
    arrays.arrays(np.float64, (5, 4, 5), elements=st.one_of(st.floats(-1e3, 1e3), st.sampled_from([0.0, 1.0]))),
    st.lists(st.integers(0, 3), min_size=5, max_size=5),
    st.lists(st.floats(1e-3, 100), min_size=5, max_size=5),
)
def test_any_signals_give_valid_weights(signals: np.ndarray, right: list[int], importance: list[float]) -> None:
    """Equal candidates, a single one, huge signals: finite, never negative, no less likely than the default."""
    signals[0, [place for place in range(4) if place != right[0]]] = np.nan
    problem = (signals, np.array(right), np.array(importance))
    weights = learn_weights(*problem).array()
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()
    if np.nanmax(np.abs(signals)) < 10:
        assert surprise(weights, *problem) <= surprise(DEFAULT, *problem) + 1e-6


def test_importance_is_how_often_a_question_counts() -> None:
    """Three times the importance is the same as asking three times; absent candidates and their order count nothing."""
    signals, right = choices(4, DEFAULT / 2, 30)
    importance = np.where(np.arange(30) < 10, 3.0, 1.0)
    learned = learn_weights(signals, right, importance).array()
    repeated = np.repeat(np.arange(30), importance.astype(int))
    np.testing.assert_allclose(
        learn_weights(signals[repeated], right[repeated], np.ones(50)).array(), learned, atol=1e-2
    )
    padded = np.concatenate([np.full((30, 3, 5), np.nan), signals[:, ::-1]], axis=1)
    np.testing.assert_allclose(learn_weights(padded, 8 - right, importance).array(), learned, atol=1e-2)


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
@pytest.mark.parametrize("name", COMBINED)
def test_a_weight_is_a_finite_number_of_at_least_0(name: str, weight: float) -> None:
    """ValueError otherwise."""
    with pytest.raises(ValueError, match="weights"):
        replace(Weights(), **{name: weight})


def test_weights_come_in_the_order_of_the_signals() -> None:
    """As an array; the prior of these tests is that of the module."""
    assert COMBINED == ("nearest", "subject", "learned", "words", "spelling")
    np.testing.assert_array_equal(Weights().array(), DEFAULT)
    np.testing.assert_array_equal(Weights(1, 2, 3, 4, 5).array(), [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(absent_candidates(np.array([[[1.0] * 5, [math.nan] * 5]])), [[False, True]])


ENCODER = GramEncoder()
WORDS = ("card", "stolen", "fee", "abroad", "the", "pin", "transfer", "late")
TYPOS = {"card": "crad", "stolen": "stoen", "abroad": "abrroad", "transfer": "trasnfre", "late": "lste"}
TEXT = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
WEIGHT = st.floats(0.001, 1000)
KEYWORDS = st.lists(st.builds(Keyword, TEXT.filter(bool), st.one_of(st.just(0.0), WEIGHT)), max_size=2).map(tuple)


@st.composite
def bases(draw: st.DrawFn) -> list[Document]:
    """One to six documents of one to five entries, in English and Spanish."""
    places = draw(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(("en", "es"))), min_size=1, max_size=6))
    return [
        Document(f"e{entry}", "faq", locale, 1, draw(TEXT) or "card", draw(TEXT), (draw(TEXT),), draw(KEYWORDS))
        for entry, locale in sorted(set(places))
    ]


def ranked(base: list[Document], question: str, weights: Weights) -> dict[str, tuple[int, Candidate]]:
    """By entry, the place and the candidate."""
    query = Query(question, ENCODER.encode([question])[0])
    found = Collection.build(base, ENCODER.encode).rank(query, weights, ConfidenceModel(), 10)
    return {candidate.entry: (place, candidate) for place, candidate in enumerate(found)}


@given(
    bases(), st.data(), st.builds(Weights, *[st.floats(0, 20)] * 5), st.sampled_from(WORDS), TEXT, st.booleans(), WEIGHT
)
def test_raising_a_keyword_never_lowers_its_entry_nor_moves_another(
    base: list[Document], data: st.DataObject, weights: Weights, term: str, rest: str, misspelt: bool, weight: float
) -> None:
    """Place, score and lead of its entry do not fall for a question with the term, misspelt or not, nor does its
    confidence where it is first; all other entries keep their scores and their order, and no lead of theirs rises."""
    row = data.draw(st.integers(0, len(base) - 1))
    question = f"{rest} {TYPOS.get(term, term) if misspelt else term}"

    def with_weight(weight: float) -> dict[str, tuple[int, Candidate]]:
        changed = replace(base[row], keywords=(*base[row].keywords, Keyword(term, weight)))
        return ranked([*base[:row], changed, *base[row + 1 :]], question, weights)

    own = base[row].entry
    before, after = with_weight(weight), with_weight(weight * data.draw(st.floats(1, 1000)))
    (old_place, old), (place, new) = before.pop(own), after.pop(own)
    assert place <= old_place
    assert new.score >= old.score - 1e-9
    assert new.signals.lead >= old.signals.lead - 1e-9
    assert place > 0 or new.confidence >= old.confidence - 1e-9
    assert list(before) == list(after)
    for entry, (_, other) in before.items():
        assert after[entry][1].score == pytest.approx(other.score, abs=1e-9)
        assert after[entry][1].signals.lead <= other.signals.lead + 1e-9


@given(bases(), st.sampled_from(WORDS), TEXT)
def test_a_keyword_that_is_not_in_the_question_does_nothing(base: list[Document], term: str, question: str) -> None:
    """Whatever its weight, to any candidate."""
    assume(term not in question.split() and question)
    one, other = (
        ranked([replace(base[0], keywords=(Keyword(term, weight),)), *base[1:]], question, Weights())
        for weight in (0.5, 500.0)
    )
    assert list(one) == list(other)
    for entry, (_, candidate) in one.items():
        assert candidate.score == pytest.approx(other[entry][1].score, abs=1e-9)
