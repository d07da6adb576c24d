"""A small knowledge base: a real database, a real index on disk, and an encoder that counts letters."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from indexer.confidence import Goal
from indexer.lexical import FieldWeights
from indexer.store import SnapshotStore
from kb_service.services.api_keys import ApiKeys
from kb_service.services.auto_reply import Message, ReplyToMessage
from kb_service.services.check_golden_questions import CheckGoldenQuestions
from kb_service.services.consider_question import ConsiderQuestion
from kb_service.services.import_content import ImportContent
from kb_service.services.keep_golden_questions import KeepGoldenQuestions
from kb_service.services.live_index import LiveIndex
from kb_service.services.read_golden_questions import ReadGoldenQuestions
from kb_service.services.record_reaction import RecordReaction
from kb_service.services.search_macros import SearchMacros
from kb_service.services.sync_index import SyncIndex
from kb_service.services.use_macro import UseMacro
from kb_service.storage.database import Database
from tests.support.bases import publish
from tests.unit.indexer.conftest import GramEncoder


@dataclass
class SmallBase:
    """The services on one database and one index."""

    folder: Path
    database: Database
    encoder: GramEncoder

    def __post_init__(self) -> None:
        self.store = SnapshotStore(str(self.folder / "index"))
        self.golden_check = CheckGoldenQuestions(self.database, lambda: self.encoder, self.folder / "vectors")
        self.sync = SyncIndex(
            self.database,
            self.store,
            lambda: self.encoder,
            self.folder / "vectors",
            Goal(),
            FieldWeights(),
            self.golden_check,
        )
        self.live = LiveIndex(self.store, lambda: self.encoder, self.database)
        self.questions = ConsiderQuestion(self.live, "es-MX", 5000)
        self.replies = ReplyToMessage(self.database, self.questions, lambda: "secret")
        self.reactions = RecordReaction(self.database, lambda: "secret")
        self.macros = SearchMacros(self.live)
        self.macro_uses = UseMacro(self.database, self.macros)
        self.keys = ApiKeys(self.database)
        self.golden = ReadGoldenQuestions(self.database, self.live, self.golden_check)
        self.golden_keeping = KeepGoldenQuestions(self.database, 5000, 1_000_000, 1000)
        self.importing = ImportContent(self.database, 1_000_000, 1000)

    def publish(self, *lines: Mapping[str, Any]) -> None:
        """Import and publish these lines, and serve them."""
        publish(self.database, self.folder / "lines.jsonl", lines)
        self.serve()

    def unpublish(self, kind: Any, key: str, locale: str) -> None:
        """Take one entry off, without syncing."""
        with self.database.writing() as work:
            assert work.content.unpublish(kind, key, locale)
            work.commit()

    def serve(self) -> None:
        """Sync, and load what was synced."""
        self.sync.sync()
        self.live.refresh()
        assert self.live.problem is None

    def ask(self, query: str, **fields: Any) -> Any:
        """Reply to a message."""
        return self.replies.reply(
            Message(**{"query": query, "channel": "chat", "customer_id": "c", "sender": "t"} | fields)
        )


@pytest.fixture
def small(tmp_path: Path, sqlite_database: Database) -> Iterator[SmallBase]:
    """An empty knowledge base with a text encoder that knows spelling only."""
    base = SmallBase(tmp_path, sqlite_database, GramEncoder())
    yield base
    base.live.stop()
