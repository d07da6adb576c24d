"""`make bench`: what the service adds to the bare encoder and FAISS, side by side in one run.

Every row is measured in turns with the others, so that a noisy neighbour hits all of them alike; medians and ratios
count, not single times.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path

import faiss
import numpy as np
from rich.console import Console
from rich.table import Table

from kb_service.app import create_app
from kb_service.parts import Parts
from kb_service.services.initialise import initialise
from kb_service.settings import Settings
from kb_service.web.context import EXTENSION

ROUNDS = 300
QUESTIONS = (
    "perdí mi tarjeta",
    "quanto custa sacar dinheiro no exterior?",
    "my card payment was declined",
    "no me ha llegado el reembolso",
    "onde fica o caixa eletrônico mais perto",
)
console = Console()


def main() -> None:
    """Print the tables for both encoder profiles."""
    console.print(f"faiss {version('faiss-cpu')}, torch {version('torch')}, {ROUNDS} rounds, one thread")
    for encoder in ("multilingual", "english"):
        with tempfile.TemporaryDirectory() as folder:
            _profile(encoder, Path(folder))


def _profile(encoder: str, folder: Path) -> None:
    settings = Settings(data_dir=folder, encoder=encoder, rate_limit="off", secret_key="for measuring only")
    app = create_app(settings)
    parts: Parts = app.extensions[EXTENSION]
    initialise(settings, parts.database)
    started = time.perf_counter()
    for name in ("faqs.jsonl", "macros.jsonl"):
        with as_file(files("kb_service") / "sample" / name) as path:
            parts.importing.apply(parts.importing.preview(path, publish=True), "bench")
    imported = time.perf_counter()
    parts.sync.sync()
    indexed = time.perf_counter()
    parts.live.refresh()
    manifest = parts.live.current().snapshot.manifest
    console.print(
        f"\n[bold]{encoder}[/]: {manifest.phrasings} phrasings; import {imported - started:.2f} s, "
        f"first sync with loading the encoder {indexed - imported:.2f} s"
    )
    _print(_measure(_ways(app.test_client(), parts)))


def _ways(client: object, parts: Parts) -> dict[str, Callable[[str], object]]:
    """The ways to answer one question, from the floor to the whole service."""
    loaded = parts.live.current()
    texts = [text for d in loaded.snapshot.documents if d.kind == "faq" for text in (d.title, *d.phrasings)]
    flat = faiss.IndexFlatIP(loaded.encoder.dimension)
    flat.add(loaded.encoder.encode(texts))
    headers = {"Authorization": f"Bearer {parts.keys.create(['reply'], 'bench')}"}

    def floor(text: str) -> object:
        return flat.search(np.atleast_2d(loaded.encoder.encode([text], role="query")[0]), 10)

    def api(text: str) -> object:
        message = {"query": text, "channel": "chat", "customer_id": "c"}
        return client.post("/v1/auto-replies", json=message, headers=headers)  # type: ignore[attr-defined]

    return {
        "encoder + FAISS in a loop (the floor)": floor,
        "rank and decide": lambda text: parts.questions.consider(text, "es-MX"),
        "rank and decide, language recognised": lambda text: parts.questions.consider(text, None),
        "API request, stored durably": api,
    }


def _measure(ways: dict[str, Callable[[str], object]]) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(ROUNDS + 20):
        for name, way in ways.items():
            started = time.perf_counter()
            way(QUESTIONS[number % len(QUESTIONS)])
            seconds[name].append(time.perf_counter() - started)
    return {name: times[20:] for name, times in seconds.items()}


def _print(seconds: dict[str, list[float]]) -> None:
    table = Table("", "p50 ms", "p95 ms", "p50 / floor")
    floor = statistics.median(next(iter(seconds.values())))
    for name, times in seconds.items():
        middle, high = statistics.median(times), statistics.quantiles(times, n=20)[-1]
        table.add_row(name, f"{middle * 1e3:.2f}", f"{high * 1e3:.2f}", f"{middle / floor:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
