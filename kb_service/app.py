"""The Flask application: the parts behind HTTP routes."""

from flask_openapi3 import Info, OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix

from kb_service import __version__
from kb_service.parts import wire
from kb_service.settings import Settings
from kb_service.web import context, limits, logs, metrics, pages, problems
from kb_service.web.api.auto_replies import auto_replies
from kb_service.web.api.entries import entries
from kb_service.web.api.golden_questions import golden_questions
from kb_service.web.api.interactions import interactions
from kb_service.web.api.macros import macros
from kb_service.web.docs import docs
from kb_service.web.health import health

MAX_BODY_BYTES = 1_000_000


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
    if hops := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, hops, hops, hops)  # type: ignore[method-assign]
    app.extensions[context.EXTENSION] = wire(settings)
    for part in (logs, metrics, problems, limits, pages):
        part.install(app)
    app.json.sort_keys = False  # type: ignore[attr-defined] # only now: Flask-Security brings its own encoder
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    for api in (auto_replies(), interactions(), macros(), entries(), golden_questions()):
        app.register_api(api)
    app.register_blueprint(health())
    app.register_blueprint(docs())
    return app
