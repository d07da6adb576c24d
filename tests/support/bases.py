"""Making databases and knowledge bases for tests."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kb_service.parts import Parts
from kb_service.services.import_content import ImportContent
from kb_service.storage.database import Database

SAMPLE = Path(__file__).parents[2] / "kb_service" / "sample"
_MANNERS = (
    "Hola, soy de Monterrey: {}",
    "ayuda urgente, llevo una hora esperando, {}",
    "{}",
    "disculpe señorita, mi esposo pregunta: {}",
    "{} y no tengo todo el día",
    "les escribo desde el aeropuerto: {}",
)


def migrated(url: str) -> None:
    """Bring the database at this URL up to date, and let go of it."""
    database = Database(url)
    try:
        database.migrate()
    finally:
        database.close()


def import_sample(parts: Parts) -> None:
    """Set up a new knowledge base with the sample content, published and indexed."""
    parts.settings.data_dir.mkdir(parents=True, exist_ok=True)
    parts.database.migrate()
    for name in ("faqs.jsonl", "macros.jsonl"):
        parts.importing.apply(parts.importing.preview(SAMPLE / name, publish=True), author="sample base")
    parts.sync.sync()
    parts.sync.fit()


def faq(key: str = "card-lost", locale: str = "es-MX", **fields: Any) -> dict[str, Any]:
    """A line of an import file."""
    line = {"key": key, "kind": "faq", "locale": locale, "question": f"¿{key}?", "answer": f"Respuesta de {key}."}
    return line | fields


def macro(key: str = "refund", locale: str = "es-MX", **fields: Any) -> dict[str, Any]:
    """A line of an import file."""
    line = {"key": key, "kind": "macro", "locale": locale, "title": f"Pix::{key}", "body": "Hola {{name}}."}
    return line | fields


def write_lines(path: Path, lines: Iterable[Mapping[str, Any] | str]) -> Path:
    """Write import lines, as they are where they are text already."""
    texts = (line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines)
    path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    return path


def publish(database: Database, path: Path, lines: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Import and publish these lines by way of a file at `path`."""
    importing = ImportContent(database, 50_000_000, 100_000)
    return importing.apply(importing.preview(write_lines(path, lines), publish=True), author="test")


def wordy_customers() -> Iterator[dict[str, Any]]:
    """Twenty entries of the sample, whose phrasings say a lot besides what they are about: tuning helps."""
    texts: dict[str, list[str]] = defaultdict(list)
    for line in (SAMPLE / "faqs.jsonl").read_text(encoding="utf-8").splitlines():
        fields = json.loads(line)
        if fields["locale"] in ("es-MX", "en"):
            texts[fields["key"]] += [fields["question"], *fields.get("variants", [])]
    for number, key in enumerate(sorted(texts)[:20]):
        said = [_MANNERS[(place + number) % len(_MANNERS)].format(text) for place, text in enumerate(texts[key])]
        yield faq(key, question=said[0], variants=said[1:])
