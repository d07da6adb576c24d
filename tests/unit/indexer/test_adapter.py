"""An adapter: what it learns, what it leaves alone, and that it stays what it is."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from indexer import adapter as module
from indexer.adapter import PENALTY, SHARPNESS, Adapter, learn_adapter
from indexer.encoders import unit_rows

DIMENSION = 16


def noisy(entries: int, each: int, seed: int = 0, nuisance: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors: the first half says which entry they belong to, the second half, the louder, says nothing."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(entries, DIMENSION // 2))
    owners = np.repeat(np.arange(entries), each)
    subject = centres[owners] + 0.5 * rng.normal(size=(len(owners), DIMENSION // 2))
    return unit_rows(np.hstack([subject, nuisance * rng.normal(size=subject.shape)])), owners


def nearest_is_right(adapter: Adapter, seed: int) -> float:
    """The share of new texts whose nearest known text is of their entry."""
    known, owners = noisy(12, 6)
    asked, expected = noisy(12, 20, seed)
    similar = adapter.apply(asked) @ adapter.apply(known).T
    return float((owners[similar.argmax(axis=1)] == expected).mean())


def matrix(adapter: Adapter) -> np.ndarray:
    """What is applied to a vector, before scaling."""
    return adapter._matrix


def test_it_learns_what_texts_of_an_entry_share() -> None:
    """New texts find their entry more often than without."""
    learned, plain = learn_adapter(*noisy(12, 6)), Adapter(np.eye(DIMENSION))
    for seed in (1, 2, 3):
        assert nearest_is_right(learned, seed) > nearest_is_right(plain, seed) + 0.1


@pytest.mark.parametrize("owners", [[], [0], [0, 0, 0], [0, 1, 2]], ids=["none", "one", "one entry", "one text each"])
def test_nothing_is_learned_from_texts_that_say_nothing(owners: list[int]) -> None:
    """No entry to tell from another, or no two texts of one: the vectors stay as they are."""
    vectors = noisy(3, 1)[0][[0, 1, 2][: len(owners)]]
    learned = learn_adapter(vectors, np.array(owners, dtype=np.int64))
    assert np.allclose(matrix(learned), np.eye(DIMENSION), atol=1e-6)


def test_it_starts_near_the_identity() -> None:
    """Two texts move the vectors by far less than many do."""
    few = learn_adapter(noisy(2, 2)[0], np.array([0, 0, 1, 1]))
    moved = np.linalg.norm(matrix(few) - np.eye(DIMENSION))
    assert 0 < moved < 0.2
    assert moved < np.linalg.norm(matrix(learn_adapter(*noisy(12, 6))) - np.eye(DIMENSION)) / 5


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 8), st.integers(1, 4), st.integers(0, 1000))
def test_vectors_stay_unit_or_zero(entries: int, each: int, seed: int) -> None:
    """Whatever it learned from, and whatever it is given."""
    learned = learn_adapter(*noisy(entries, each, seed))
    given_vectors = np.vstack([noisy(4, 3, seed + 1)[0], np.zeros((1, DIMENSION), dtype=np.float32)])
    lengths = np.linalg.norm(learned.apply(given_vectors), axis=1)
    assert lengths[:-1] == pytest.approx(1, abs=1e-5)
    assert lengths[-1] == 0


def test_equal_texts_in_two_entries_and_zero_vectors_do_no_harm() -> None:
    """What nobody could tell apart is not told apart, and everything is finite."""
    vectors, owners = noisy(4, 3)
    vectors[3:6] = vectors[:3]
    vectors[7] = 0
    assert np.isfinite(matrix(learn_adapter(vectors, owners))).all()


def test_the_same_texts_give_the_same_adapter(tmp_path: Path) -> None:
    """Equal after another run and after storing; another one differs, as do the revisions."""
    learned, again = learn_adapter(*noisy(5, 4)), learn_adapter(*noisy(5, 4))
    assert learned == again
    learned.save(tmp_path / "adapter.npy")
    stored = Adapter.load(tmp_path / "adapter.npy")
    assert (stored, stored.revision, hash(stored)) == (learned, learned.revision, hash(learned))
    other = learn_adapter(*noisy(5, 4, seed=1))
    assert other != learned
    assert other.revision != learned.revision


def test_the_gradient_is_that_of_the_loss() -> None:
    """Compared with finite differences, on entries of different sizes, one of them a single text."""
    vectors, owners = noisy(3, 3)
    vectors, owners = vectors[:7, :6].astype(np.float64), owners[:7]
    loss = module._Loss(vectors, owners)
    at = 0.1 * np.random.default_rng(3).normal(size=36)
    steps = approx_fprime(at, lambda residual: loss(residual)[0], 1e-4)
    assert loss(at)[1] == pytest.approx(steps, rel=0.02, abs=0.3)


def test_the_loss_is_what_it_says() -> None:
    """A softmax over mean cosines to the entries' texts, each text without itself, and the prior."""
    vectors, owners = noisy(3, 3)
    residual = 0.05 * np.random.default_rng(4).normal(size=(DIMENSION, DIMENSION))
    unit = unit_rows(vectors + vectors @ residual).astype(np.float64)
    expected = PENALTY * (residual**2).sum()
    for place, owner in enumerate(owners):
        others = np.arange(len(owners)) != place
        means = np.array([(unit[others & (owners == entry)] @ unit[place]).mean() for entry in range(3)])
        expected -= SHARPNESS * means[owner] - np.log(np.exp(SHARPNESS * means).sum())
    assert module._Loss(vectors, owners)(residual.ravel())[0] == pytest.approx(expected, rel=1e-4)


def test_of_many_texts_whole_entries_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a part of an entry, never one with a single text, hardly more than the limit, always the same."""
    monkeypatch.setattr(module, "_MOST_ROWS", 50)
    sizes = np.arange(30) % 7
    entry_of = np.repeat(np.arange(30) * 3, sizes)
    vectors = np.repeat(entry_of[:, None], DIMENSION, axis=1).astype(np.float32)
    taken, owners = module._sample(vectors, entry_of)
    assert 50 <= len(taken) < 60
    assert sorted(set(owners)) == list(range(owners.max() + 1))
    for entry, number in zip(*np.unique(taken[:, 0], return_counts=True), strict=True):
        assert number == (entry_of == entry).sum() > 1
    assert np.array_equal(module._sample(vectors, entry_of)[0], taken)
