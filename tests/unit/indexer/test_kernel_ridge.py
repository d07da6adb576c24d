"""The learned score against scikit-learn's kernel ridge regression, exact and by landmarks."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import kernel_ridge

from indexer import _kernel_ridge
from indexer._kernel_ridge import MOST_EXACT, KernelRidge
from indexer.encoders import unit_rows


def oracle(
    vectors: np.ndarray, entry_of: np.ndarray, weights: np.ndarray, entries: int, asked: np.ndarray
) -> np.ndarray:
    """(questions, entries) by scikit-learn in double precision: the kernel is exp(2 (cos - 1)), the penalty 0.2."""
    rows, questions = vectors.astype(np.float64), asked.astype(np.float64)
    targets = np.eye(entries)[entry_of]
    model = kernel_ridge.KernelRidge(alpha=0.2, kernel="precomputed")
    model.fit(np.exp(2 * (rows @ rows.T - 1)), targets, sample_weight=weights)
    predicted: np.ndarray = model.predict(np.exp(2 * (questions @ rows.T - 1)))
    return predicted


def scores(model: KernelRidge, asked: np.ndarray, entries: int) -> np.ndarray:
    return np.array([model.scores(question, np.arange(entries)) for question in asked])


def clusters(seed: int, rows: int, entries: int, dimension: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Unit rows around a direction for each entry, and whose they are."""
    rng = np.random.default_rng(seed)
    entry_of = rng.integers(entries, size=rows)
    middles = unit_rows(rng.normal(size=(entries, dimension)))
    return unit_rows(middles[entry_of] + 0.15 * rng.normal(size=(rows, dimension))), entry_of


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 6), st.integers(1, 12))
def test_scores_are_those_of_scikit_learn(seed: int, rows: int, entries: int, dimension: int) -> None:
    """For any rows, entries without rows among them, and importances from 0.1 to 10; of any entries in any order."""
    rng = np.random.default_rng(seed)
    vectors, asked = unit_rows(rng.normal(size=(rows, dimension))), unit_rows(rng.normal(size=(5, dimension)))
    entry_of, weights = rng.integers(entries, size=rows), 10 ** rng.uniform(-1, 1, size=rows)
    model = KernelRidge.fit(vectors, entry_of, weights, entries)
    expected = oracle(vectors, entry_of, weights, entries, asked)
    np.testing.assert_allclose(scores(model, asked, entries), expected, atol=1e-4)
    some = rng.permutation(entries)[: max(1, entries // 2)]
    np.testing.assert_allclose(model.scores(asked[0], some), expected[0, some], atol=1e-4)


def test_all_rows_as_landmarks_give_the_exact_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways solve the same problem, importances included, in one block or in many; one landmark comes twice."""
    vectors, entry_of = clusters(1, 150, 8)
    asked, _ = clusters(2, 20, 8)
    weights = np.random.default_rng(3).uniform(0.5, 2, size=150)
    monkeypatch.setattr(_kernel_ridge, "MOST_EXACT", 149)
    monkeypatch.setattr(_kernel_ridge, "LANDMARKS", 151)
    for block in (8192, 149, 64, 1):
        monkeypatch.setattr(_kernel_ridge, "_BLOCK", block)
        model = KernelRidge.fit(vectors, entry_of, weights, 8)
        np.testing.assert_allclose(scores(model, asked, 8), oracle(vectors, entry_of, weights, 8, asked), atol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_fewer_landmarks_come_near(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """A fifth of the rows rank the same entry first in 19 of 20 cases, and are off by little in between."""
    vectors, entry_of = clusters(seed, 500, 20)
    asked = unit_rows(vectors[::5] + 0.1 * np.random.default_rng(seed).normal(size=(100, 24)))
    monkeypatch.setattr(_kernel_ridge, "MOST_EXACT", 499)
    monkeypatch.setattr(_kernel_ridge, "LANDMARKS", 100)
    near = scores(KernelRidge.fit(vectors, entry_of, np.ones(500), 20), asked, 20)
    exact = oracle(vectors, entry_of, np.ones(500), 20, asked)
    assert (near.argmax(axis=1) == exact.argmax(axis=1)).mean() >= 0.95
    assert np.sqrt(((near - exact) ** 2).mean()) < 0.05


@pytest.mark.parametrize("rows", [MOST_EXACT, MOST_EXACT + 1, 9000])
@pytest.mark.parametrize("distinct", [1, 10])
def test_thousands_of_rows_that_say_the_same_have_a_solution(rows: int, distinct: int) -> None:
    """Exact and by landmarks: that of a few rows which count as often, with their entries' shares as targets."""
    directions = unit_rows(np.random.default_rng(distinct).normal(size=(distinct, 16)))
    which, entry_of = np.arange(rows) % distinct, np.arange(rows) % 3
    found = scores(KernelRidge.fit(directions[which], entry_of, np.ones(rows), 3), directions, 3)
    counts = np.zeros((distinct, 3))
    np.add.at(counts, (which, entry_of), 1)
    kernel = np.exp(2 * (directions.astype(np.float64) @ directions.T - 1))
    own = counts.sum(axis=1, keepdims=True)
    expected = kernel @ np.linalg.solve(kernel + np.diag(0.2 / own[:, 0]), counts / own)
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("dimension", [2, 384])
@pytest.mark.parametrize("spread", [0.0, 1e-4, 1e-2])
def test_any_large_base_has_a_solution(dimension: int, spread: float) -> None:
    """Zero vectors, near duplicates, two dimensions: finite scores, without a warning of the solver."""
    rng = np.random.default_rng(4)
    vectors = unit_rows(spread * rng.normal(size=(3000, dimension)) + (spread > 0))
    model = KernelRidge.fit(vectors, np.arange(3000) % 7, np.ones(3000), 7)
    found = scores(model, vectors[:50], 7)
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 1.5


def test_one_row_is_certain_of_itself() -> None:
    """Up to the penalty: 1 / (1 + 0.2); and of its opposite less."""
    row = unit_rows(np.array([[3.0, 4.0]]))
    model = KernelRidge.fit(row, np.zeros(1, dtype=np.int64), np.ones(1), 1)
    assert model.scores(row[0], np.zeros(1, dtype=np.int64)) == pytest.approx([1 / 1.2])
    assert model.scores(-row[0], np.zeros(1, dtype=np.int64)) == pytest.approx([np.exp(-4) / 1.2])


def test_a_row_in_two_entries_is_shared() -> None:
    """Neither is preferred, and each has half of what one alone would have."""
    row = unit_rows(np.array([[1.0, 2.0, 3.0]]))
    twice = KernelRidge.fit(np.concatenate([row, row]), np.array([0, 1]), np.ones(2), 2).scores(row[0], np.arange(2))
    alone = KernelRidge.fit(row, np.zeros(1, dtype=np.int64), np.array([2.0]), 1).scores(row[0], np.arange(1))
    assert twice == pytest.approx([alone[0] / 2] * 2, rel=1e-5)


def test_zero_vectors_are_rows_like_others() -> None:
    """A text without letters has the same, small, likeness to everything; as a question too."""
    vectors = unit_rows(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    entry_of, weights = np.array([0, 1, 2]), np.ones(3)
    model = KernelRidge.fit(vectors, entry_of, weights, 3)
    kernel = np.full((3, 3), np.exp(-2.0))
    kernel[1, 1] = kernel[2, 2] = 1
    expected = kernel @ np.linalg.solve(kernel + 0.2 * np.eye(3), np.eye(3))
    np.testing.assert_allclose(scores(model, vectors, 3), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(0, 8), (0, 0)])
def test_an_empty_base_scores_nothing(tmp_path: Path, shape: tuple[int, int]) -> None:
    """No rows and no entries, before and after saving."""
    model = KernelRidge.fit(np.zeros(shape, dtype=np.float32), np.zeros(0, dtype=np.int64), np.zeros(0), 0)
    model.save(tmp_path / "ridge")
    for same in (model, KernelRidge.load(tmp_path / "ridge")):
        assert same.scores(np.zeros(shape[1], dtype=np.float32), np.zeros(0, dtype=np.int64)).shape == (0,)


def test_an_entry_is_surest_of_its_own_rows_if_they_count_more() -> None:
    """The importance of a row is how closely it is fitted."""
    vectors, entry_of = clusters(5, 30, 5)
    own = [
        KernelRidge.fit(vectors, entry_of, np.where(np.arange(30) == 3, importance, 1.0), 5).scores(
            vectors[3], entry_of[3:4]
        )[0]
        for importance in (0.1, 1.0, 10.0, 1e6)
    ]
    assert own == sorted(own)
    assert own[-1] == pytest.approx(1, abs=1e-4)


def test_loading_gives_what_was_saved(tmp_path: Path) -> None:
    """To the last bit; an incomplete pair of files is an OSError, nonsense a ValueError."""
    vectors, entry_of = clusters(6, 40, 6)
    model = KernelRidge.fit(vectors, entry_of, np.ones(40), 6)
    model.save(tmp_path / "faq.ridge")
    loaded = KernelRidge.load(tmp_path / "faq.ridge")
    np.testing.assert_array_equal(scores(loaded, vectors, 6), scores(model, vectors, 6))
    (tmp_path / "faq.ridge.landmarks.npy").write_bytes(b"[]\n")
    with pytest.raises(ValueError, match=r"."):
        KernelRidge.load(tmp_path / "faq.ridge")
    (tmp_path / "faq.ridge.coefficients.npy").unlink()
    with pytest.raises((OSError, ValueError)):
        KernelRidge.load(tmp_path / "faq.ridge")
