"""Tuning: what counts as better, that it is measured on questions that were not learned from, and what is stored."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer import fitting
from indexer.adapter import Adapter
from indexer.calibration import LEAST_CONFIDENCE, Outcomes, judged_confidences
from indexer.confidence import Goal
from indexer.documents import Document
from indexer.errors import SnapshotDamaged, TooFewQuestions
from indexer.fitting import Parameters, Sources, fit, tune
from indexer.leave_out import Labelled
from indexer.lexical import FieldWeights
from indexer.ranking import Query
from indexer.snapshot import Snapshot
from indexer.text import same_wording
from indexer.tuning import Difference, Gain, Tuning, measure_gain
from indexer.vector_cache import VectorCache
from indexer.views import phrasings
from tests.support.noisy import DIMENSION, NoisyEncoder

WORSE, SAME, MAYBE, BETTER = (
    Difference(0.5, 0.5 + gain, 0.5 * gain - by, 1.5 * gain + by)
    for gain, by in ((-0.1, 0.0), (0.0, 0.0), (0.1, 0.1), (0.1, 0.0))
)


@pytest.fixture
def noisy() -> NoisyEncoder:
    return NoisyEncoder()


@pytest.fixture
def base(noisy: NoisyEncoder) -> list[Document]:
    """Twenty entries of five phrasings."""
    return base_of(noisy, 20, 5)


def base_of(noisy: NoisyEncoder, entries: int, texts: int) -> list[Document]:
    """Entries e000, e001, ... and so many phrasings of each."""
    asked = {entry: [noisy.text(entry, number) for number in range(texts)] for entry in range(entries)}
    return [Document(f"e{e:03d}", "faq", "en", 1, own[0], "", tuple(own[1:])) for e, own in asked.items()]


def tuned(base: Sequence[Document], noisy: NoisyEncoder, *labelled: Labelled, **more: Any) -> Parameters:
    """What tuning to a base gives."""
    return tune(Sources(base, noisy.encode, noisy.encode, FieldWeights(), labelled), Goal(), **more)


def tuning_of(parameters: Parameters) -> Tuning:
    """The tuning that must be there."""
    assert parameters.tuning
    return parameters.tuning


@pytest.mark.parametrize(
    ("hits", "coverage", "is_real"),
    [
        (BETTER, BETTER, True),
        (BETTER, SAME, True),
        (SAME, BETTER, True),
        (BETTER, WORSE, False),
        (WORSE, BETTER, False),
        (MAYBE, MAYBE, False),
        (SAME, SAME, False),
    ],
)
def test_one_must_be_better_beyond_chance_and_none_worse(hits: Difference, coverage: Difference, is_real: bool) -> None:
    """An interval that reaches zero proves nothing, a fall of either is none that the other makes up for."""
    assert Gain(100, hits, coverage).is_real == is_real


def outcomes(right: np.ndarray, seed: int = 0) -> Outcomes:
    """What 400 questions about 40 entries got, a fifth of them unanswerable; right ones are rather sure."""
    rng = np.random.default_rng(seed)
    answerable = np.arange(400) % 5 > 0
    right = right & answerable
    return Outcomes(
        subject=np.where(right, 1.0, 0.7) + 0.2 * rng.normal(size=400),
        lead=np.where(right, 3.0, 0.0) + rng.normal(size=400),
        right=right,
        answerable=answerable,
        labelled=np.zeros(400, dtype=np.bool_),
        importance=rng.choice([0.3, 1.0, 3.0], size=400),
        group=np.arange(400) % 40,
        locales=("en",) * 400,
    )


def test_what_is_equal_gains_nothing() -> None:
    """Neither does the interval have a width."""
    same = outcomes(np.random.default_rng(1).random(400) < 0.7)
    gain = measure_gain(same, same, Goal())
    for found in (gain.hit_at_1, gain.coverage):
        assert (found.gain, found.low, found.high) == (0, 0, 0)
    assert not gain.is_real


def test_a_clear_gain_is_real_and_a_small_one_is_not() -> None:
    """A tenth more right; one question more right."""
    right = np.random.default_rng(1).random(400) < 0.7
    many, one = right.copy(), right.copy()
    wrong = np.flatnonzero(~right)
    many[wrong[:60]] = True
    one[wrong[2]] = True
    assert measure_gain(outcomes(right), outcomes(many), Goal()).is_real
    assert not measure_gain(outcomes(right), outcomes(one), Goal()).is_real
    assert not measure_gain(outcomes(many), outcomes(right), Goal()).is_real


def test_both_measures_by_hand() -> None:
    """Hits by importance, at most 1; coverage at five thresholds, each found by trying every confidence."""
    before = outcomes(np.random.default_rng(1).random(400) < 0.6)
    after = outcomes(np.random.default_rng(1).random(400) < 0.8, seed=1)
    goal = Goal(precision=0.9, unanswerable_share=0.2)
    gain = measure_gain(before, after, goal)
    capped = replace(after, importance=np.minimum(after.importance, 1))
    counted = capped.importance * after.answerable
    assert gain.hit_at_1.after == pytest.approx((counted * after.right).sum() / counted.sum())
    confidences, counts = judged_confidences(capped, goal), capped.shares(0.2)
    covered = []
    for precision in (0.96, 0.92, 0.88, 0.84, 0.8):
        reached = [0.0]
        for threshold in confidences[confidences >= LEAST_CONFIDENCE]:
            answered = confidences >= threshold
            if (counts * after.right)[answered].sum() >= precision * (counts[answered].sum() + counts.mean()):
                reached.append(counts[answered].sum() / counts.sum())
        covered.append(max(reached))
    assert gain.coverage.after == pytest.approx(np.mean(covered))


def test_a_base_whose_encoder_is_noisy_gains(base: list[Document], noisy: NoisyEncoder) -> None:
    """What held-out questions gained is what questions gain that nobody has seen."""
    parameters = tuned(base, noisy)
    tuning = tuning_of(parameters)
    assert tuning.gain.is_real
    assert (tuning.phrasings, tuning.confirmed, tuning.gain.questions) == (100, 0, 90)
    shares = {}
    for name, adapter in (("plain", None), ("tuned", tuning.adapter)):
        asked = [
            Labelled(noisy.text(entry, 100 + number), f"e{entry:03d}") for entry in range(20) for number in range(20)
        ]
        sources = Sources(base, noisy.encode, noisy.encode, FieldWeights(), asked)
        collection = fitting.Collection.build(base, noisy.encode, FieldWeights(), adapter)
        found = [
            collection.rank(Query(q.text, noisy.encode([q.text])[0]), parameters.weights, parameters.confidence, 1)
            for q in sources.judged
        ]
        shares[name] = np.mean([c[0].entry == q.entry for c, q in zip(found, asked, strict=True)])
    assert shares["tuned"] > shares["plain"] + 0.03
    # As near as one phrasing fewer and other questions allow.
    assert tuning.gain.hit_at_1.after == pytest.approx(shares["tuned"], abs=0.12)


def test_nothing_is_asked_that_was_learned_from(
    base: list[Document], noisy: NoisyEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither phrasings nor judged questions, however they are written and however often they were confirmed."""
    new = [noisy.text(entry, 50) for entry in range(20)]
    judged = [Labelled(text, f"e{entry:03d}") for entry, text in enumerate(new)]
    judged += [Labelled(new[3].upper(), "e003"), Labelled(f"¡{phrasings(base[0])[1]}!", "e000")]
    texts = [*noisy.subjects, *(question.text for question in judged)]
    known_as = {noisy.encode([text])[0].tobytes(): same_wording(text) for text in texts}
    learned: list[set[str]] = []
    asked: list[tuple[int, str]] = []

    def learn(vectors: np.ndarray, owners: np.ndarray) -> Adapter:
        learned.append({known_as[row.tobytes()] for row in vectors})
        return Adapter(np.eye(DIMENSION))

    def query_vectors_of(texts: list[str]) -> np.ndarray:
        asked.extend((len(learned), same_wording(text)) for text in texts)
        return noisy.encode(texts)

    monkeypatch.setattr(fitting, "learn_adapter", learn)
    examples = Sources(base, noisy.encode, query_vectors_of, FieldWeights(), judged).examples(tuned=True)
    assert len(learned) == 10
    own = {same_wording(text) for document in base for text in phrasings(document)}
    of_copies = [(number, text) for number, text in asked if text in own and number]
    assert len(of_copies) > 200
    assert not [text for number, text in of_copies if text in learned[number - 1] and number < 10]
    # A judged question is asked with an adapter that does not know it; nor does the one of the copy without its entry.
    for text in map(same_wording, new):
        lacking = {number for number, known in enumerate(learned) if text not in known}
        assert fitting._part(Labelled(text, None), 10) in lacking
        assert len(lacking) <= 2
    # All but the one that is a phrasing, word for word.
    assert examples.labelled.sum() == len(judged) - 1


def test_a_fit_to_a_tuned_base_keeps_the_adapter_and_promises_no_more_than_is_true(
    base: list[Document], noisy: NoisyEncoder
) -> None:
    """Copies with an adapter that knows the held-out phrasings would find nearly all of them."""
    tuning = tuning_of(tuned(base, noisy))
    again = fit(Sources(base, noisy.encode, noisy.encode, FieldWeights()), Goal(), fitted_to=9, tuning=tuning)
    assert (again.tuning, again.fitted_to) == (tuning, 9)
    examples = Sources(base, noisy.encode, noisy.encode, FieldWeights()).examples(tuned=True)
    knowing = Sources(
        base,
        lambda texts: tuning.adapter.apply(noisy.encode(texts)),
        lambda texts: tuning.adapter.apply(noisy.encode(texts)),
        FieldWeights(),
    ).examples(tuned=False)
    shares = [Outcomes.of(e, again.weights).right[e.answerable].mean() for e in (examples, knowing)]
    assert shares[1] > shares[0] + 0.1


def test_confirmed_questions_are_learned_from(base: list[Document], noisy: NoisyEncoder) -> None:
    """Once each, and neither refuted ones, nor those nothing answers, nor those of entries that are gone."""
    confirmed = [Labelled(noisy.text(entry, 60), f"e{entry:03d}") for entry in range(20)]
    others = [
        confirmed[0],
        Labelled(noisy.text(1, 61), None),
        Labelled(noisy.text(2, 62), "gone"),
        Labelled(noisy.text(3, 63), "e003", confirmed=False),
    ]
    tuning = tuning_of(tuned(base, noisy, *confirmed, *others))
    assert (tuning.phrasings, tuning.confirmed) == (100, 20)
    assert tuning.adapter != tuning_of(tuned(base, noisy)).adapter


@pytest.mark.parametrize(("entries", "texts"), [(0, 0), (1, 8), (9, 9), (30, 1), (12, 2)])
def test_too_few_questions_are_refused(noisy: NoisyEncoder, entries: int, texts: int) -> None:
    """An empty base, one entry, few entries, one phrasing each, two: the message says what is missing."""
    with pytest.raises(TooFewQuestions, match=r"too little to compare with: .* where 60 about 10 are needed"):
        tuned(base_of(noisy, entries, texts), noisy)


def test_identical_phrasings_in_two_entries_are_no_obstacle(base: list[Document], noisy: NoisyEncoder) -> None:
    """All finite, with the one compared."""
    twins = [*base, replace(base[0], entry="twin"), replace(base[1], locale="es-MX", entry="twin")]
    tuning = tuning_of(tuned(sorted(twins, key=lambda d: (d.entry, d.locale)), noisy))
    assert np.isfinite(tuning.adapter.apply(noisy.encode(["abc"]))).all()


def test_progress_counts_both_runs(base: list[Document], noisy: NoisyEncoder) -> None:
    """Ten copies without an adapter, ten with one."""
    seen: list[tuple[int, int]] = []
    tuned(base, noisy, on_progress=lambda *done: seen.append(done))
    assert seen == [(done, 20) for done in range(1, 21)]


@pytest.fixture
def publish(base: list[Document], noisy: NoisyEncoder, tmp_path: Path) -> Callable[[Parameters], Snapshot]:
    """Builds a snapshot with a macro beside the faqs, saves and loads it."""
    cache = VectorCache(tmp_path / "cache", noisy.id, noisy.revision, noisy.dimension)
    macro = Document("refund", "macro", "en", 1, noisy.text(3, 70), "")

    def save_and_load(parameters: Parameters) -> Snapshot:
        built = Snapshot.build([*base, macro], noisy, cache, source="test", highest_change=1, parameters=parameters)
        folder = tmp_path / (parameters.tuning.adapter.revision if parameters.tuning else "plain")
        built.save(folder)
        loaded = Snapshot.load(folder)
        assert loaded.content_hash == built.content_hash
        assert loaded.parameters == built.parameters == parameters
        return loaded

    return save_and_load


def test_a_snapshot_brings_its_adapter(
    base: list[Document], noisy: NoisyEncoder, publish: Callable[[Parameters], Snapshot], tmp_path: Path
) -> None:
    """Given the encoder's own vectors, it ranks faqs by adapted ones, macros as before; another adapter is refused."""
    parameters = tuned(base, noisy)
    plain, adapted = publish(replace(parameters, tuning=None)), publish(parameters)
    adapter = tuning_of(parameters).adapter
    assert plain.content_hash != adapted.content_hash
    query = Query("?", noisy.encode([noisy.text(3, 80)])[0])
    asked = replace(query, text=noisy.text(3, 80))
    best = adapted.rank("faq", asked)[0]
    vectors = adapter.apply(np.vstack([asked.vector, noisy.encode([best.phrasing])]))
    assert best.signals.nearest == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-5)
    assert best.signals.nearest != pytest.approx(plain.rank("faq", asked)[0].signals.nearest, abs=1e-3)
    assert adapted.rank("macro", asked) == plain.rank("macro", asked)
    assert not (tmp_path / "plain" / "adapter.npy").exists()
    stored = tmp_path / adapter.revision / "adapter.npy"
    Adapter(np.eye(DIMENSION)).save(stored)
    with pytest.raises(SnapshotDamaged, match=r"adapter\.npy"):
        Snapshot.load(stored.parent)
    with pytest.raises(SnapshotDamaged, match="the adapter is not"):
        Snapshot.load(stored.parent, verify=False)
