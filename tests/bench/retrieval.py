"""`make bench CASES=folder`: how good ranking and decisions are, with a plain cosine threshold beside them.

`CASES` holds a folder per case and in it one per draw, each with a base (`kb.jsonl`, for `kb import`) and labelled
questions (`questions.jsonl`, for `kb evaluate`); measures are means over the draws. Without it, the bundled sample.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from indexer.evaluation import Judged, Metrics, Report, evaluate
from kb_service.parts import Parts, wire
from kb_service.services.initialise import initialise
from kb_service.services.labelled_questions import LabelledQuestion, read_questions
from kb_service.services.live_index import Loaded
from kb_service.settings import Settings
from kb_service.web.logs import configure

ENCODERS = ("multilingual", "english")
console = Console()


def main() -> None:
    """Print one table for each case and encoder.

    cov@95: the largest share of questions that a threshold chosen with the labels could answer 95 % right; answered and
    precision: with the threshold the service chose; auroc: answerable against unanswerable questions by confidence.
    """
    configure("WARNING")
    for name, draws in _cases():
        for encoder in ENCODERS:
            _print(f"{name}, {encoder}", [_measure(kb, questions, encoder) for kb, questions in draws])


def _cases() -> Iterator[tuple[str, list[tuple[Path, Path]]]]:
    if len(sys.argv) > 1:
        for case in sorted(Path(sys.argv[1]).iterdir()):
            yield case.name, [(draw / "kb.jsonl", draw / "questions.jsonl") for draw in sorted(case.iterdir())]
        return
    console.print("quality on the bundled sample; CASES=folder measures other bases")
    with as_file(files("kb_service") / "sample") as sample:
        yield "sample", [(sample / "faqs.jsonl", sample / "questions.jsonl")]


def _measure(kb: Path, questions: Path, encoder: str) -> dict[str, tuple[Report, float]]:
    """Reports by way of deciding, each with the seconds that fitting took."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), encoder=encoder, secret_key="for measuring only")
        parts = wire(settings)
        initialise(settings, parts.database)
        parts.importing.apply(parts.importing.preview(kb, publish=True), "bench")
        parts.sync.sync()
        started = time.perf_counter()
        parts.sync.fit()
        seconds = time.perf_counter() - started
        parts.live.refresh()
        ours = parts.evaluating.run(questions).report
        return {"cosine": (_cosine(parts, questions), 0.0), "ours": (ours, seconds)}


def _cosine(parts: Parts, questions: Path) -> Report:
    """The nearest phrasing answers, its cosine is the confidence, and nothing chooses a threshold."""
    loaded = parts.live.current()
    asked = list(read_questions(questions, parts.settings.max_import_bytes, LabelledQuestion).values())
    rows = [(d.entry, text) for d in loaded.snapshot.documents if d.kind == "faq" for text in (d.title, *d.phrasings)]
    vectors = loaded.encoder.encode([text for _, text in rows])
    similar = _queries(loaded, [question.query for question in asked]) @ vectors.T
    judged = []
    for question, row in zip(asked, similar, strict=True):
        order = dict.fromkeys(rows[place][0] for place in np.argsort(-row, kind="stable")[:100])
        judged.append(Judged(question.locale, question.entry, tuple(order)[:10], max(0.0, float(row.max())), "handoff"))
    return evaluate(judged)


def _queries(loaded: Loaded, texts: list[str]) -> np.ndarray:
    return loaded.encoder.encode(texts, role="query")


def _print(title: str, draws: list[dict[str, tuple[Report, float]]]) -> None:
    columns = ("hit@1", "cov@95", "auroc", "answered", "precision", "least", "ece", "fit s")
    table = Table("", "n", *columns)
    locales = sorted({locale for draw in draws for locale in draw["ours"][0].locales})
    for way in ("cosine", "ours"):
        seconds = statistics.mean(draw[way][1] for draw in draws)
        table.add_row(way, *_cells([draw[way][0].overall for draw in draws]), f"{seconds:.1f}" if seconds else "")
        for locale in locales if len(locales) > 1 else ():
            table.add_row(f"  {locale}", *_cells([draw[way][0].locales[locale] for draw in draws]), "")
    console.print(f"\n[bold]{title}[/], {len(draws)} draws")
    console.print(table)


def _cells(metrics: list[Metrics]) -> list[str]:
    """Means over the draws; the least precision of any beside them."""
    names = ("hit_at_1", "coverage_at_95", "oos_auroc", "coverage", "precision", "ece")
    found = {name: [value for one in metrics if (value := getattr(one, name)) is not None] for name in names}
    means = {name: f"{statistics.mean(values):.3f}" if values else "" for name, values in found.items()}
    least = f"{min(found['precision']):.3f}" if found["precision"] else ""
    cells = [str(metrics[0].n), *means.values()]
    return [*cells[:6], least, cells[6]]


if __name__ == "__main__":
    main()
