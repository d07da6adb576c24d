"""Wiring: the only place where concrete parts are made and joined."""

from functools import lru_cache

from flask_openapi3 import Info, OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix

from indexer.encoders import Encoder, load_encoder
from indexer.store import SnapshotStore
from kb_service import __version__
from kb_service.parts import Parts
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
from kb_service.web import context, limits, logs, metrics, pages, problems
from kb_service.web.api.auto_replies import auto_replies
from kb_service.web.api.entries import entries
from kb_service.web.api.interactions import interactions
from kb_service.web.api.macros import macros
from kb_service.web.docs import docs
from kb_service.web.health import health

MAX_BODY_BYTES = 1_000_000


def wire(settings: Settings) -> Parts:
    """Make every part for these settings. Nothing is opened or loaded yet; wrong settings raise BadSettings."""
    database = Database(settings.database)
    store = SnapshotStore(settings.index, local_cache=settings.data_dir.resolve() / "index-cache")

    @lru_cache(maxsize=1)
    def encoder() -> Encoder:
        return load_encoder(settings.encoder)

    live = LiveIndex(store, encoder)
    questions = ConsiderQuestion(live, settings.default_locale, settings.max_query_chars)
    macro_search = SearchMacros(live)
    return Parts(
        settings=settings,
        database=database,
        store=store,
        live=live,
        sync=SyncIndex(database, store, encoder, settings.vector_cache_dir),
        keys=ApiKeys(database),
        importing=ImportContent(database, settings.max_import_bytes, settings.max_import_rows),
        exporting=ExportContent(database),
        questions=questions,
        evaluating=EvaluateQuestions(live, settings.max_import_bytes),
        replies=ReplyToMessage(database, questions, settings.secret),
        reactions=RecordReaction(database),
        macros=macro_search,
        macro_uses=UseMacro(database, macro_search),
        entries=ReadEntries(database),
    )


def create_app(settings: Settings) -> OpenAPI:
    """The Flask application. It follows the index from the first request on, or from `parts.live.follow()`."""
    app = OpenAPI(
        "kb_service",
        info=Info(title="Knowledge base and deflection service", version=__version__),
        security_schemes={"api_key": {"type": "http", "scheme": "bearer"}},
        validation_error_callback=problems.invalid_fields,
        validation_error_model=problems.FieldProblem,
        doc_ui=False,
        static_folder=None,
        template_folder=None,
    )
    app.config.update(SECRET_KEY=settings.secret(), MAX_CONTENT_LENGTH=MAX_BODY_BYTES)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    app.extensions[context.EXTENSION] = wire(settings)
    for part in (logs, metrics, problems, limits, pages):
        part.install(app)
    for api in (auto_replies(), interactions(), macros(), entries()):
        app.register_api(api)
    app.register_blueprint(health())
    app.register_blueprint(docs())
    return app
