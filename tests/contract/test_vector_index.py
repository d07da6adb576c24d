"""What every vector index must do, compared with an exact NumPy oracle: rows and similarities."""

from pathlib import Path

import numpy as np
import pytest

from indexer.faiss_index import FaissIndex


def oracle(vectors: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosine similarity in float64; equal ones by row."""

    def unit(rows: np.ndarray) -> np.ndarray:
        norms = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
        return rows / np.where(norms == 0, 1, norms)

    similarities = unit(queries) @ unit(vectors).T
    rows = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(similarities, rows, axis=1), rows


def through_disk(index: FaissIndex, folder: Path) -> FaissIndex:
    """The index after saving and loading."""
    index.save(folder / "index.faiss")
    return FaissIndex.load(folder / "index.faiss")


@pytest.fixture(params=["built", "loaded"])
def index_of(request: pytest.FixtureRequest, tmp_path: Path):
    """Builds an index, and in the second run also sends it through a file."""
    return lambda v: FaissIndex.build(v) if request.param == "built" else through_disk(FaissIndex.build(v), tmp_path)


@pytest.mark.parametrize("scale", [None, 0.01, 7.0], ids=["normalised", "short", "mixed"])
@pytest.mark.parametrize(
    ("n", "m", "k"), [(1, 1, 1), (1, 3, 5), (50, 4, 1), (300, 30, 10), (300, 2, 500), (1000, 1, 128)]
)
def test_rows_and_similarities_equal_the_oracles(index_of, scale: float | None, n: int, m: int, k: int) -> None:
    """Whatever the norms, similarities are cosines; k beyond n is clipped."""
    random = np.random.default_rng(n + m + k)
    vectors = random.normal(size=(n, 48)).astype(np.float32)
    vectors *= (
        np.float32(scale) * random.uniform(0.1, 10, (n, 1)).astype(np.float32)
        if scale
        else 1 / np.linalg.norm(vectors, axis=1, keepdims=True)
    )
    queries = random.normal(size=(m, 48)).astype(np.float32)
    similarities, rows = index_of(vectors).search(queries, k)
    expected_similarities, expected_rows = oracle(vectors, queries, k)
    assert similarities.dtype == np.float32
    assert rows.dtype == np.int64
    np.testing.assert_allclose(similarities, expected_similarities, atol=2e-6)
    np.testing.assert_array_equal(rows, expected_rows)


def test_duplicates_tie_and_come_by_row(index_of) -> None:
    """Every vector five times: all five are found with one similarity, in the order of their rows."""
    distinct = np.random.default_rng(1).normal(size=(20, 16)).astype(np.float32)
    vectors = np.tile(distinct, (5, 1))
    similarities, rows = index_of(vectors).search(distinct[:3], 10)
    expected, expected_rows = oracle(vectors, distinct[:3], 10)
    np.testing.assert_allclose(similarities, expected, atol=2e-6)
    np.testing.assert_array_equal(rows, expected_rows)


def test_duplicates_at_the_cut_have_the_right_similarity(index_of) -> None:
    """Of more equal vectors than k, any k may come, each at most once, in order of rows."""
    similarities, rows = index_of(np.ones((9, 4), dtype=np.float32)).search(np.ones((1, 4), dtype=np.float32), 4)
    np.testing.assert_allclose(similarities, 1, atol=1e-6)
    assert list(rows[0]) == sorted(set(rows[0]))


def test_an_empty_index_finds_nothing(index_of) -> None:
    """n = 0 gives (m, 0) results and no vectors, and keeps its dimension."""
    index = index_of(np.zeros((0, 8), dtype=np.float32))
    similarities, rows = index.search(np.ones((3, 8), dtype=np.float32), 5)
    assert similarities.shape == rows.shape == (3, 0)
    assert (index.ntotal, index.dimension, index.vectors.shape) == (0, 8, (0, 8))


def test_zero_and_broken_vectors_are_similar_to_nothing(index_of) -> None:
    """Zero, NaN and infinite vectors have similarity 0; no result is ever NaN."""
    vectors = np.array([[0, 0], [np.nan, 1], [np.inf, 1], [0, 2]], dtype=np.float32)
    similarities, rows = index_of(vectors).search(np.array([[0, 1], [np.nan, 0]], dtype=np.float32), 4)
    np.testing.assert_allclose(similarities, [[1, 0, 0, 0], [0, 0, 0, 0]])
    assert rows[0][0] == 3


def test_vectors_are_shown_normalised_and_read_only(index_of) -> None:
    """The view is of unit rows and cannot be written to."""
    vectors = np.random.default_rng(2).normal(size=(6, 5)).astype(np.float32)
    index = index_of(vectors)
    np.testing.assert_allclose(index.vectors, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), atol=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        index.vectors[0, 0] = 1


def test_only_tables_are_indexed() -> None:
    """A single vector must be given as one row."""
    with pytest.raises(ValueError, match="shape"):
        FaissIndex.build(np.ones(3, dtype=np.float32))
