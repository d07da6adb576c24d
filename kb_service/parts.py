"""The service's parts as the views and the command line get them; `app.wire` is the only place that makes them."""

from dataclasses import dataclass

from indexer.store import SnapshotStore
from kb_service.services.api_keys import ApiKeys
from kb_service.services.auto_reply import ReplyToMessage
from kb_service.services.consider_question import ConsiderQuestion
from kb_service.services.evaluate_questions import EvaluateQuestions
from kb_service.services.export_content import ExportContent
from kb_service.services.import_content import ImportContent
from kb_service.services.live_index import LiveIndex
from kb_service.services.read_entries import ReadEntries
from kb_service.services.record_reaction import RecordReaction
from kb_service.services.search_macros import SearchMacros
from kb_service.services.sync_index import SyncIndex
from kb_service.services.use_macro import UseMacro
from kb_service.settings import Settings
from kb_service.storage.database import Database


@dataclass(frozen=True, slots=True)
class Parts:
    """Every part, wired together for one set of settings."""

    settings: Settings
    database: Database
    store: SnapshotStore
    live: LiveIndex
    sync: SyncIndex
    keys: ApiKeys
    importing: ImportContent
    exporting: ExportContent
    questions: ConsiderQuestion
    evaluating: EvaluateQuestions
    replies: ReplyToMessage
    reactions: RecordReaction
    macros: SearchMacros
    macro_uses: UseMacro
    entries: ReadEntries
