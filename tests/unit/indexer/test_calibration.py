"""Confidence and thresholds, judged by fresh draws from a logistic model that is known."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from indexer.calibration import LEAST_ANSWERABLE, LEAST_ANSWERED, LEAST_UNANSWERABLE, Outcomes, calibrate
from indexer.combination import Weights
from indexer.confidence import ConfidenceModel, Goal, Thresholds
from indexer.leave_out import Examples
from indexer.ranking import Signals

FRESH = 100_000


def draw(
    seed: int,
    questions: int,
    bias: float = -6.0,
    subject: float = 6.0,
    lead: float = 0.5,
    share: float = 0.1,
    offsets: dict[str | None, float] | None = None,
) -> Outcomes:
    """Questions whose first entry is right with the probability that a ConfidenceModel of these numbers says; of the
    wrong ones so many are unanswerable that they are `share` of all. Three questions each make a group."""
    rng = np.random.default_rng(seed)
    subjects, leads = rng.normal(1.0, 0.25, questions), rng.normal(1.0, 4.0, questions)
    levels = offsets or {None: 0.0}
    locales = [list(levels)[number] for number in rng.integers(len(levels), size=questions)]
    logits = bias + subject * np.minimum(subjects, 1.0) + lead * leads + [levels[locale] for locale in locales]
    right = rng.random(questions) < expit(logits)
    answerable = right | (rng.random(questions) >= share / max((~right).mean(), share))
    return outcomes_of(subjects, leads, right, answerable, group=np.arange(questions) // 3, locales=locales)


def outcomes_of(
    subject: np.ndarray, lead: np.ndarray, right: np.ndarray, answerable: np.ndarray, **others: Any
) -> Outcomes:
    """Outcomes of equal importance, unlabelled, each of its own group and without locale, unless said otherwise."""
    number = len(right)
    usual: dict[str, Any] = {
        "labelled": np.zeros(number, dtype=np.bool_),
        "importance": np.ones(number),
        "group": np.arange(number),
        "locales": (None,) * number,
    }
    return Outcomes(subject, lead, right, answerable, **{**usual, **others})


def confidences(model: ConfidenceModel, outcomes: Outcomes) -> np.ndarray:
    signals = zip(outcomes.subject.tolist(), outcomes.lead.tolist(), outcomes.locales, strict=True)
    return np.array([model.confidence(Signals(0, s, 0, 0, 0, lead, 0), locale) for s, lead, locale in signals])


def log_loss(model: ConfidenceModel, outcomes: Outcomes) -> float:
    confidence = np.clip(confidences(model, outcomes), 1e-12, 1 - 1e-12)
    return float(-np.log(np.where(outcomes.right, confidence, 1 - confidence)).mean())


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Over ten bins of equal width."""
    place = np.minimum((confidence * 10).astype(int), 9)
    sums = np.bincount(place, confidence - right, minlength=10)
    return float(np.abs(sums).sum() / len(right))


@pytest.mark.parametrize("truth", [{}, {"bias": -4.7, "subject": 4.0, "lead": 1.2}, {"bias": -12.0, "subject": 10.0}])
def test_the_confidence_is_the_probability_of_being_right(truth: dict[str, Any]) -> None:
    """On fresh questions, and close to that of the model which made them."""
    model = calibrate(draw(1, 4000, **truth), Goal())
    fresh = draw(2, FRESH, **truth)
    confidence = confidences(model, fresh)
    assert expected_calibration_error(confidence, fresh.right) < 0.02
    true = replace(model, **{"bias": -6.0, "subject": 6.0, "lead": 0.5} | truth)
    assert np.abs(confidence - confidences(true, fresh)).mean() < 0.02


@pytest.mark.parametrize(("precision", "share"), [(0.85, 0.1), (0.9, 0.1), (0.95, 0.1), (0.95, 0.25)])
def test_the_thresholds_keep_the_promise(precision: float, share: float) -> None:
    """On fresh questions: precision as wanted and coverage as promised, within the sampling error of each of ten draws
    and, closer, on average. Of suggestions at least half have the right entry first."""
    goal = Goal(precision, 0.5, share)
    kept, lost, offered = [], [], []
    for seed in range(10):
        model = calibrate(draw(seed, 2000, bias=-5.5, share=share), goal)
        fresh = draw(1000 + seed, FRESH // 4, bias=-5.5, share=share)
        confidence = confidences(model, fresh)
        answered = confidence >= model.thresholds.answer
        assert model.promise is not None
        kept.append(fresh.right[answered].mean())
        lost.append(answered.mean() - model.promise.coverage)
        assert precision <= model.promise.precision < precision + 0.02
        offered.append(fresh.right[(confidence >= model.thresholds.suggest) & ~answered].mean())
    error = math.sqrt(precision * (1 - precision) / (2000 * 0.2))
    assert min(kept) > precision - 3 * error
    assert np.mean(kept) > precision - error
    assert np.mean(kept) < precision + 2 * error
    assert np.abs(lost).max() < 0.06
    assert abs(np.mean(lost)) < 0.02
    assert np.mean(offered) > 0.48


def test_the_promise_is_counted_on_questions_of_entries_the_fit_has_not_seen() -> None:
    """A language whose answers are wrong counts against it where all its questions are of entries that are judged
    together, unseen; if others of that language were seen, they warn of it."""
    known = draw(3, 1500, bias=-5.0)
    odd = known.group % 5 == 0
    locales = tuple(np.where(odd, "pt-BR", "es-MX").tolist())
    together = replace(known, right=known.right & ~odd, answerable=known.answerable | odd, locales=locales)
    mixed = replace(together, group=np.random.default_rng(3).permutation(1500))
    unseen, seen = (calibrate(outcomes, Goal(0.9)).promise for outcomes in (together, mixed))
    assert seen is not None
    assert unseen is None or unseen.coverage < seen.coverage - 0.1


def test_a_stricter_goal_has_a_higher_threshold_and_answers_less() -> None:
    """The same for suggestions, among what is not answered."""
    known = draw(4, 3000, bias=-5.0)
    models = [calibrate(known, Goal(precision)) for precision in (0.86, 0.88, 0.9, 0.92, 0.95, 0.97)]
    answer = [model.thresholds.answer for model in models]
    coverage = [model.promise.coverage for model in models if model.promise]
    assert answer == sorted(set(answer))
    assert coverage == sorted(set(coverage), reverse=True)
    assert len(coverage) == len(models)
    wanted = [calibrate(known, Goal(0.95, share)).thresholds for share in (0.3, 0.6, 0.7, 0.8, 0.95)]
    suggest = [thresholds.suggest for thresholds in wanted]
    assert suggest == sorted(suggest)
    assert len(set(suggest)) > 3
    assert {thresholds.answer for thresholds in wanted} == {answer[-2]}


@pytest.mark.parametrize("seed", range(3))
def test_the_more_is_unanswerable_the_less_sure_and_the_fewer_answers(seed: int) -> None:
    """For the same signals; the evidence stays the same, only what it stands for changes."""
    known = draw(seed, 2000, bias=-5.0, share=0.2)
    models = [calibrate(known, Goal(0.9, 0.5, share)) for share in (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.9)]
    typical = [model.confidence(Signals(0, 1.2, 0, 0, 0, 2.0, 0)) for model in models]
    coverage = [model.promise.coverage for model in models if model.promise]
    assert typical == sorted(set(typical), reverse=True)
    assert len(coverage) >= 5
    assert coverage == sorted(coverage, reverse=True)


def few(answerable: int, unanswerable: int, right: float = 1.0, labelled: int = 0) -> Outcomes:
    """Clear cases: of the answerable ones the share `right` is right and has high signals; `labelled` are of each."""
    kinds = np.repeat([True, False], [answerable, unanswerable])
    place = np.concatenate([np.arange(answerable), np.arange(unanswerable)])
    is_right = kinds & (place < right * answerable)
    spread = np.linspace(-0.1, 0.1, len(kinds))
    subject, lead = np.where(is_right, 1.3, 0.4) + spread, np.where(is_right, 6.0, -3.0) + spread
    return outcomes_of(subject, lead, is_right, kinds, labelled=place < labelled)


CAUTIOUS = Thresholds(0.95, 0.25)


@pytest.mark.parametrize(("answerable", "unanswerable"), [(0, 0), (59, 500), (500, 19), (0, 500), (500, 0), (1, 1)])
@pytest.mark.parametrize("labelled", [0, 500])
def test_too_little_evidence_of_either_kind_promises_nothing(answerable: int, unanswerable: int, labelled: int) -> None:
    """However clear the cases and whoever vouches for them: no reply is less sure than the precision wanted."""
    model = calibrate(few(answerable, unanswerable, labelled=labelled), Goal())
    assert (model.promise, model.thresholds) == (None, CAUTIOUS)
    assert all(map(math.isfinite, (model.bias, model.subject, model.lead)))


def test_enough_evidence_of_both_kinds_promises() -> None:
    """60 answerable and 20 unanswerable questions, if the cases are clear; the evidence is counted."""
    model = calibrate(few(60, 20, labelled=5), Goal())
    assert model.promise is not None
    assert (model.evidence.answerable, model.evidence.unanswerable, model.evidence.labelled) == (55, 15, 10)


def test_fewer_than_thirty_answers_are_no_promise() -> None:
    """A hundred answerable questions of which few are right."""
    assert calibrate(few(100, 50, right=0.25), Goal()).promise is None
    assert calibrate(few(100, 50, right=0.5), Goal()).promise is not None


def test_without_questions_the_starting_values_stand() -> None:
    """For whatever goal; with cautious thresholds."""
    goal = Goal(0.9, 0.3, 0.2)
    assert calibrate(few(0, 0), goal) == replace(ConfidenceModel(), goal=goal, thresholds=Thresholds(0.9, 0.15))


def test_only_unanswerable_questions_leave_the_slopes_and_say_what_is_typical() -> None:
    """What is usual for a question nobody can answer is as sure as what is usual elsewhere."""
    start, model = ConfidenceModel(), calibrate(few(0, 300), Goal())
    assert (model.subject, model.lead) == (start.subject, start.lead)
    usual = Signals(0, 0.4, 0, 0, 0, 0, 0)
    assert model.confidence(usual) == pytest.approx(start.confidence(replace(usual, subject=0.8)))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_where_all_is_right_everything_is_answered(share: float) -> None:
    """And nothing else offered: what would be wrong is expected to be as rare as said."""
    model = calibrate(few(300, 30), Goal(unanswerable_share=share))
    assert model.promise is not None
    assert model.promise.precision >= 0.95
    assert model.promise.coverage >= 1 - share - 1e-9
    assert model.confidence(Signals(0, 1.3, 0, 0, 0, 6.0, 0)) >= model.thresholds.answer


def test_where_all_is_wrong_nothing_is_answered() -> None:
    """Nothing is promised, and no confidence reaches the threshold, high signals or not."""
    outcomes = replace(few(300, 100), right=np.zeros(400, dtype=np.bool_))
    model = calibrate(outcomes, Goal())
    assert (model.promise, model.thresholds) == (None, CAUTIOUS)
    assert confidences(model, outcomes).max() < 0.1


def test_a_persons_word_counts_as_much_as_it_is_given() -> None:
    """Wrong answers of three times the importance lower confidence, as if each had been asked three times."""
    mixed = draw(5, 300)
    judged = mixed.answerable & ~mixed.right
    labelled = replace(mixed, labelled=judged, importance=np.where(judged, 3.0, 1.0))
    model, doubting = calibrate(mixed, Goal()), calibrate(labelled, Goal())
    assert confidences(doubting, mixed).mean() < confidences(model, mixed).mean() - 0.05
    assert doubting.evidence.labelled == judged.sum()
    places = np.repeat(np.arange(300), np.where(judged, 3, 1))
    arrays = {name: np.asarray(getattr(mixed, name))[places] for name in ("subject", "lead", "right", "answerable")}
    thrice = calibrate(outcomes_of(**arrays, group=mixed.group[places], locales=(None,) * len(places)), Goal())
    np.testing.assert_allclose(confidences(doubting, mixed), confidences(thrice, mixed), atol=0.01)


def test_a_few_weighty_judgements_are_still_few() -> None:
    """A hundred questions' worth in 30 judgements promises nothing."""
    cases = few(30, 50, labelled=30)
    assert calibrate(replace(cases, importance=np.where(cases.answerable, 10.0, 1.0)), Goal()).promise is None


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.99), st.integers(1, 60))
def test_shares_are_as_expected_whatever_was_asked(seed: int, share: float, questions: int) -> None:
    """Unanswerable questions count `share` together; all count 1 on average of their importance."""
    rng = np.random.default_rng(seed)
    answerable = rng.random(questions) < rng.random()
    outcomes = outcomes_of(
        np.zeros(questions),
        np.zeros(questions),
        answerable & (rng.random(questions) < 0.5),
        answerable,
        labelled=rng.random(questions) < 0.3,
        importance=rng.uniform(0.1, 1, questions),
    )
    counts = outcomes.shares(share)
    both = answerable.any() and not answerable.all()
    assert counts.sum() == pytest.approx(outcomes.importance.sum() if both or answerable.any() or share else 0)
    if both:
        assert counts[~answerable].sum() / counts.sum() == pytest.approx(share)


def test_a_language_with_enough_questions_has_its_own_level() -> None:
    """Which comes near the true one and predicts fresh questions better; a rare language keeps the common one."""
    levels: dict[str | None, float] = {"es-MX": 1.5, "pt-BR": -1.5}
    known, fresh = draw(6, 1500, offsets=levels), draw(7, 20_000, offsets=levels)
    model = calibrate(known, Goal())
    blind = calibrate(replace(known, locales=(None,) * 1500), Goal())
    assert model.locales["es-MX"] - model.locales["pt-BR"] == pytest.approx(3, abs=0.6)
    assert blind.locales == {}
    assert log_loss(model, fresh) < log_loss(blind, fresh) - 0.02
    rare = ("en",) * 99 + ("es-MX",) * 1401
    assert list(calibrate(replace(known, locales=rare), Goal()).locales) == ["es-MX"]
    assert calibrate(replace(known, locales=("en",) * 1500), Goal()).locales == {}


def test_reliability_says_how_often_each_confidence_was_right() -> None:
    """Bins in order, within their tenth, of all questions together, and true."""
    known = draw(8, 4000)
    promise = calibrate(known, Goal(0.9)).promise
    assert promise is not None
    tenths = [int(bin_.confidence * 10) for bin_ in promise.reliability]
    assert tenths == sorted(set(tenths))
    assert sum(bin_.questions for bin_ in promise.reliability) == 4000
    for bin_ in promise.reliability:
        assert bin_.right == pytest.approx(bin_.confidence, abs=3 * 0.5 / math.sqrt(bin_.questions))


def test_questions_that_are_equally_sure_are_answered_together() -> None:
    """Whichever came first: no threshold between them promises what only some of them keep."""
    right = np.arange(400) < 240
    same = outcomes_of(np.ones(400), np.ones(400), right, np.arange(400) < 300)
    assert calibrate(same, Goal(0.9, 0.5, 0.25)).promise is None
    found = calibrate(same, Goal(0.55, 0.5, 0.25)).promise
    assert found is not None
    assert [found.precision, found.coverage] == pytest.approx([0.6, 1])


@st.composite
def any_outcomes(draw: st.DrawFn) -> Outcomes:
    """Up to 200 questions with many ties, huge signals, one kind only, nearly all right or wrong, in few groups."""
    number, seed = draw(st.integers(0, 200)), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    levels, scale = draw(st.integers(1, 50)), draw(st.sampled_from([0.0, 1.0, 30.0, 1000.0]))
    subject, lead = scale * rng.normal(size=(2, levels))[:, rng.integers(levels, size=number)]
    shares = st.sampled_from([0.0, 0.02, 0.5, 0.98, 1.0])
    answerable = rng.random(number) < draw(shares)
    return outcomes_of(
        subject,
        lead,
        answerable & (rng.random(number) < draw(shares)),
        answerable,
        labelled=rng.random(number) < draw(shares),
        importance=rng.choice([0.1, 0.5, 1.0, 3.0], size=number),
        group=rng.integers(draw(st.sampled_from([1, 5, 1000])), size=number),
        locales=tuple(rng.choice(np.array(["es-MX", "en", None]), size=number).tolist()),
    )


@given(
    any_outcomes(),
    st.builds(Goal, st.sampled_from([0.5, 0.95]), st.sampled_from([0.01, 0.5]), st.sampled_from([0.0, 0.1, 0.9])),
)
def test_any_outcomes_give_a_valid_model(outcomes: Outcomes, goal: Goal) -> None:
    """Finite numbers, slopes that are not negative, valid thresholds; a promise only on enough evidence and only if it
    keeps the goal; without one, the cautious thresholds."""
    model = calibrate(outcomes, goal)
    numbers = (model.bias, model.subject, model.lead, *model.locales.values())
    assert all(map(math.isfinite, numbers))
    assert min(model.subject, model.lead) >= 0
    assert ConfidenceModel.from_dict(json.loads(json.dumps(model.to_dict(), allow_nan=False))) == model
    found = confidences(model, outcomes)
    assert ((found >= 0) & (found <= 1)).all()
    if model.promise is None:
        assert model.thresholds == Thresholds(goal.precision, goal.suggest_precision / 2)
        return
    assert goal.precision <= model.promise.precision <= 1 + 1e-9
    assert 0 < model.promise.coverage <= 1 + 1e-9
    assert outcomes.importance[outcomes.answerable].sum() >= LEAST_ANSWERABLE
    assert (~outcomes.answerable).sum() >= LEAST_UNANSWERABLE
    assert sum(bin_.questions for bin_ in model.promise.reliability) >= LEAST_ANSWERED


def test_outcomes_are_what_the_weights_find_first() -> None:
    """With the first candidate's subject and its lead over the others; the right one was not first, or is absent."""
    signals = np.full((3, 24, 5), np.nan)
    signals[0, :2] = [[0, 0.5, 0, 0, 0], [0, 0.9, 0, 0, 0]]
    signals[1, :3] = [[1, 0.1, 0, 0, 0], [0, 0.2, 0, 0, 0], [0, 0.3, 0, 0, 0]]
    signals[2, :1] = [[0, 0.7, 0, 0, 0]]
    flags, ones = np.array([True, True, False]), np.ones(3)
    examples = Examples(signals, np.array([1, 2, -1]), flags, flags, ones, np.arange(3), (None,) * 3)
    found = Outcomes.of(examples, Weights(nearest=2, subject=1, learned=0, words=0, spelling=0))
    assert found.subject.tolist() == [0.9, 0.1, 0.7]
    np.testing.assert_allclose(found.lead, [0.4, 2.1 - np.log(np.exp(0.2) + np.exp(0.3)), 0])
    assert found.right.tolist() == [True, False, False]
    assert Outcomes.of(Examples.of([]), Weights()).evidence == ConfidenceModel().evidence
