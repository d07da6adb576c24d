"""Nothing is encoded twice, and no accident leaves a wrong vector."""

import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from indexer.vector_cache import VectorCache


def vector(text: str) -> np.ndarray:
    """A vector that says which text it is of."""
    return np.array([len(text), ord(text[0]) if text else 0, 1], dtype=np.float32)


class Recorder:
    """Encodes and remembers."""

    def __init__(self, fail_after: int | None = None) -> None:
        self.chunks: list[list[str]] = []
        self.fail_after = fail_after

    def __call__(self, texts: list[str]) -> np.ndarray:
        if self.fail_after is not None and len(self.chunks) >= self.fail_after:
            raise KeyboardInterrupt
        self.chunks.append(texts)
        return np.stack([vector(text) for text in texts])


def open_cache(folder: Path, revision: str = "1") -> VectorCache:
    return VectorCache(folder, "some/encoder", revision, 3)


def files(folder: Path) -> tuple[Path, Path]:
    return next(folder.rglob("rows.f32")), next(folder.rglob("keys.sha256"))


def check(folder: Path, texts: list[str]) -> list[str]:
    """Asks a new cache for the texts, checks every vector, and returns what had to be encoded."""
    recorder = Recorder()
    np.testing.assert_array_equal(open_cache(folder).vectors(texts, recorder), [vector(text) for text in texts])
    return [text for chunk in recorder.chunks for text in chunk]


def test_only_new_texts_are_encoded_once_and_come_in_order(tmp_path: Path) -> None:
    """Duplicates are encoded once; a second cache on the same folder knows what the first wrote."""
    assert check(tmp_path, ["b", "a", "b", "", "a"]) == ["b", "a", ""]
    assert check(tmp_path, ["c", "a", "caf\u00e9"]) == ["c", "caf\u00e9"]
    assert open_cache(tmp_path).count_missing(["a", "x", "x"]) == 1


def test_equal_looking_texts_share_a_vector(tmp_path: Path) -> None:
    """The key is of the NFC text; lone surrogates have one too."""
    cache = open_cache(tmp_path)
    cache.vectors(["caf\u00e9", "\ud800"], Recorder())
    assert cache.count_missing(["cafe\u0301", "\ud800"]) == 0


def test_another_encoder_or_revision_shares_nothing(tmp_path: Path) -> None:
    """Vectors of other weights are never mixed."""
    check(tmp_path, ["a"])
    assert open_cache(tmp_path, revision="2").count_missing(["a"]) == 1
    assert VectorCache(tmp_path, "some_encoder", "1", 3).count_missing(["a"]) == 1


def test_no_texts_are_a_table_without_rows(tmp_path: Path) -> None:
    """(0, dimension), without calling the encoder."""
    assert open_cache(tmp_path).vectors([], Recorder(fail_after=0)).shape == (0, 3)


def test_an_interrupted_build_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """Chunks of 512 are durable one by one."""
    texts = [f"text {number}" for number in range(1200)]
    with pytest.raises(KeyboardInterrupt):
        open_cache(tmp_path).vectors(texts, Recorder(fail_after=2))
    assert check(tmp_path, texts) == texts[1024:]


@pytest.mark.parametrize("lost", range(1, 40, 3))
@pytest.mark.parametrize("which", [0, 1], ids=["rows", "keys"])
def test_a_torn_tail_is_cut_off(tmp_path: Path, which: int, lost: int) -> None:
    """Whatever number of bytes is missing from either file, every vector given afterwards is right."""
    texts = ["a", "bb", "ccc", "dddd"]
    check(tmp_path, texts)
    path = files(tmp_path)[which]
    os.truncate(path, path.stat().st_size - lost)
    assert check(tmp_path, ["new"]) == ["new"]
    assert set(check(tmp_path, [*texts, "new"])) <= set(texts)
    assert check(tmp_path, [*texts, "new"]) == []


def test_rows_without_keys_are_overwritten(tmp_path: Path) -> None:
    """A writer killed after its rows and before their keys leaves rows that belong to nothing."""
    check(tmp_path, ["a"])
    with files(tmp_path)[0].open("ab") as file:
        file.write(np.full(7, 9, dtype="<f4").tobytes())
    assert check(tmp_path, ["b", "a"]) == ["b"]


def test_compacting_keeps_what_is_asked_for(tmp_path: Path) -> None:
    """The rest is encoded again when needed; a cache that is already open notices."""
    cache = open_cache(tmp_path)
    cache.vectors(["a", "bb", "ccc"], Recorder())
    other = open_cache(tmp_path)
    other.compact(["ccc", "never seen"])
    assert (len(cache), len(other)) == (1, 1)
    np.testing.assert_array_equal(cache.vectors(["ccc", "a"], Recorder()), [vector("ccc"), vector("a")])
    cache.clear()
    assert check(tmp_path, ["ccc"]) == ["ccc"]


def test_vectors_of_the_wrong_shape_are_refused(tmp_path: Path) -> None:
    """An encoder that returns other than one vector per text writes nothing."""
    with pytest.raises(ValueError, match="dimensions"):
        open_cache(tmp_path).vectors(["a", "b"], lambda _: np.zeros((1, 3), dtype=np.float32))
    assert len(open_cache(tmp_path)) == 0


def write_forever(folder: Path, name: str) -> None:
    cache, number = open_cache(folder), 0
    while True:
        cache.vectors([f"{name}{number}"], Recorder())
        number += 1


@pytest.mark.slow
def test_two_killed_writers_leave_only_right_vectors(tmp_path: Path) -> None:
    """kill -9 on two processes that share a cache, several times over."""
    context = multiprocessing.get_context("fork")
    for _ in range(5):
        writers = [context.Process(target=write_forever, args=(tmp_path, name)) for name in "xy"]
        for writer in writers:
            writer.start()
        writers[0].join(0.4)
        for writer in writers:
            os.kill(writer.pid or 0, signal.SIGKILL)
            writer.join()
        check(tmp_path, [f"{name}{number}" for name in "xy" for number in range(200)])
    assert len(open_cache(tmp_path)) >= 400
