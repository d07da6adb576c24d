"""A small deterministic encoder, and knowledge bases to build with it."""

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer.documents import Document, Keyword
from indexer.encoders import Progress, Role, prepare, unit_rows
from indexer.ranking import Query
from indexer.snapshot import Snapshot
from indexer.text import fold
from indexer.vector_cache import VectorCache

ROBBERY = (Keyword("robo", 2.0),)


class GramEncoder:
    """Counts hashed character trigrams: texts that share spelling are similar. Remembers what it was asked."""

    id = "grams"
    revision = "1"
    dimension = 256
    has_roles = False

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(
        self, texts: Sequence[str], on_progress: Progress | None = None, *, role: Role = "passage"
    ) -> np.ndarray:
        self.asked += texts
        rows = np.zeros((len(texts), self.dimension))
        for row, text in zip(rows, texts, strict=True):
            padded = f"  {fold(prepare(text))} "
            for start in range(len(padded) - 2):
                row[zlib.crc32(padded[start : start + 3].encode()) % self.dimension] += 1
        if on_progress:
            on_progress(len(texts), len(texts))
        return unit_rows(rows)


@pytest.fixture
def encoder() -> GramEncoder:
    return GramEncoder()


@pytest.fixture
def cache(tmp_path: Path, encoder: GramEncoder) -> VectorCache:
    return VectorCache(tmp_path / "cache", encoder.id, encoder.revision, encoder.dimension)


@pytest.fixture
def build(encoder: GramEncoder, cache: VectorCache) -> Callable[[Sequence[Document]], Snapshot]:
    """Builds a snapshot of documents."""
    return lambda documents: Snapshot.build(documents, encoder, cache, source="test", highest_change=7)


@pytest.fixture
def ask(encoder: GramEncoder) -> Callable[..., Query]:
    """Makes a query of a text."""
    return lambda text, locale=None, channel=None: Query(text, encoder.encode([text])[0], locale, channel)


@pytest.fixture(scope="session")
def bank() -> list[Document]:
    """Six entries, one in three locales, one in English only, one for e-mail only; one macro."""

    def faq(entry: str, locale: str, title: str, body: str, *phrasings: str, **more: Any) -> Document:
        return Document(entry, "faq", locale, 1, title, body, phrasings, **more)

    stolen = ("perdí mi tarjeta", "me robaron la tarjeta")
    body = "Hola {{ticket.requester.name}}, tu **devolución** está en camino."
    return [
        faq("card-lost", "es-MX", "¿Qué hago si pierdo mi tarjeta?", "Bloquéala en la app.", *stolen, keywords=ROBBERY),
        faq("card-lost", "pt-BR", "O que faço se perder meu cartão?", "Bloqueie no aplicativo.", "perdi meu cartão"),
        faq("card-lost", "en", "What do I do if I lose my card?", "Block it in the app.", "my card was stolen"),
        faq("balance", "es-MX", "¿Cómo consulto mi saldo?", "En la pantalla de inicio.", "ver mi saldo"),
        faq("pin", "es-MX", "¿Cómo cambio mi NIP?", "En ajustes.", "olvidé mi nip", channels=("email",)),
        faq("fees", "en", "What are the monthly fees?", "None at all."),
        faq("transfer", "pt-BR", "Como faço uma transferência?", "Use o Pix.", "enviar dinheiro"),
        faq("close", "es-MX", "¿Cómo cierro mi cuenta?", "Escríbenos.", "cancelar mi cuenta"),
        Document("refund", "macro", "es-MX", 1, "Pix::Devolución", body, shortcut="dev"),
    ]
