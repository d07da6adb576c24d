"""The service's parts, for the views and the command line: the only place where concrete parts are made and joined."""

from dataclasses import dataclass
from functools import cache

from indexer.encoders import Encoder, load_encoder
from indexer.store import SnapshotStore
from kb_service.services.accounts import Accounts
from kb_service.services.api_keys import ApiKeys
from kb_service.services.auto_reply import ReplyToMessage
from kb_service.services.check_golden_questions import CheckGoldenQuestions
from kb_service.services.consider_question import ConsiderQuestion
from kb_service.services.evaluate_questions import EvaluateQuestions
from kb_service.services.example_questions import ExampleQuestions
from kb_service.services.export_content import ExportContent
from kb_service.services.import_content import ImportContent
from kb_service.services.keep_golden_questions import KeepGoldenQuestions
from kb_service.services.live_index import LiveIndex
from kb_service.services.preview_publication import PreviewPublication
from kb_service.services.read_entries import ReadEntries
from kb_service.services.read_golden_questions import ReadGoldenQuestions
from kb_service.services.read_requests import ReadRequests
from kb_service.services.recall_question import RecallQuestion
from kb_service.services.record_reaction import RecordReaction
from kb_service.services.search_macros import SearchMacros
from kb_service.services.sync_index import SyncIndex
from kb_service.services.tune_encoder import TuneEncoder
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
    tuning: TuneEncoder
    keys: ApiKeys
    accounts: Accounts
    importing: ImportContent
    exporting: ExportContent
    questions: ConsiderQuestion
    evaluating: EvaluateQuestions
    replies: ReplyToMessage
    reactions: RecordReaction
    recalling: RecallQuestion
    examples: ExampleQuestions
    macros: SearchMacros
    macro_uses: UseMacro
    entries: ReadEntries
    requests: ReadRequests
    golden: ReadGoldenQuestions
    golden_keeping: KeepGoldenQuestions
    previewing: PreviewPublication


def wire(settings: Settings) -> Parts:
    """Make every part for these settings. Nothing is opened or loaded yet; wrong settings raise BadSettings."""
    database = Database(settings.database)
    store = SnapshotStore(settings.index, local_cache=settings.data_dir.resolve() / "index-cache")

    @cache
    def encoder() -> Encoder:
        """The encoder, loaded at its first use."""
        return load_encoder(settings.encoder)

    secret = cache(settings.secret)  # it may be kept in a file, and every message needs it
    live = LiveIndex(store, encoder, database)
    questions = ConsiderQuestion(live, settings.default_locale, settings.max_query_chars)
    macro_search = SearchMacros(live)
    golden = CheckGoldenQuestions(database, encoder, settings.vector_cache_dir)
    checked = None if settings.golden_regression == "off" else golden
    sync = SyncIndex(
        database, store, encoder, settings.vector_cache_dir, settings.goal(), settings.field_weights(), checked
    )
    return Parts(
        settings=settings,
        database=database,
        store=store,
        live=live,
        sync=sync,
        tuning=TuneEncoder(database, sync, encoder, settings.goal()),
        keys=ApiKeys(database),
        accounts=Accounts(database),
        importing=ImportContent(database, settings.max_import_bytes, settings.max_import_rows),
        exporting=ExportContent(database),
        questions=questions,
        evaluating=EvaluateQuestions(live, settings.max_import_bytes),
        replies=ReplyToMessage(database, questions, secret),
        reactions=RecordReaction(database, secret),
        recalling=RecallQuestion(database, questions, secret),
        examples=ExampleQuestions(live),
        macros=macro_search,
        macro_uses=UseMacro(database, macro_search),
        entries=ReadEntries(database),
        requests=ReadRequests(database),
        golden=ReadGoldenQuestions(database, live, golden),
        golden_keeping=KeepGoldenQuestions(
            database, settings.max_query_chars, settings.max_import_bytes, settings.max_import_rows
        ),
        previewing=PreviewPublication(sync, golden, settings.golden_regression),
    )
