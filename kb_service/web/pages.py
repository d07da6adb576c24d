"""The pages' foundation: templates, languages, security headers, sign-in, and the pages themselves."""

from flask import Blueprint, Flask, Response, redirect, render_template, request
from flask_bootstrap import Bootstrap5
from flask_talisman import Talisman
from flask_wtf import CSRFProtect
from jinja2 import FileSystemLoader, StrictUndefined
from werkzeug.wrappers import Response as AnyResponse

from kb_service.web import accounts, assets, i18n, rendering
from kb_service.web.admin import admin_pages
from kb_service.web.agent import agent_pages
from kb_service.web.context import EXTENSION
from kb_service.web.help import help_pages

_CONTENT_SECURITY_POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: https:",  # answers may show images from elsewhere; Bootstrap's icons are data: URLs
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}


def install(app: Flask) -> None:
    """Make the application serve pages as well as the API."""
    _templates(app)
    assets.install(app)
    i18n.install(app)
    _headers(app)
    _csrf(app)
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    accounts.install(app)
    for pages in (_start(), help_pages(), agent_pages(), admin_pages()):
        app.register_blueprint(pages)


def _templates(app: Flask) -> None:
    app.jinja_options = {
        "loader": FileSystemLoader(assets.ROOT),
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    rendering.install(app)


def _headers(app: Flask) -> None:
    secure = app.extensions[EXTENSION].settings.secure_cookies
    Talisman(
        app,
        force_https=secure,
        strict_transport_security=secure,
        session_cookie_secure=secure,
        frame_options="DENY",
        content_security_policy=_CONTENT_SECURITY_POLICY,
    )

    @app.after_request
    def _do_not_keep(response: Response) -> Response:
        """A page is one person's and changes; the same address is a whole page or, for htmx, a part of it."""
        if response.mimetype == "text/html":
            response.cache_control.no_store = True
            response.vary.add("HX-Request")
        return response


def _csrf(app: Flask) -> None:
    """Check the token of everything that browsers post; API calls carry a key, which no browser sends by itself."""
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)
    protection = CSRFProtect(app)

    @app.before_request
    def _check() -> None:
        if request.endpoint and not request.path.startswith("/v1/"):
            protection.protect()


def _start() -> Blueprint:
    pages = Blueprint("start", __name__)
    pages.add_url_rule("/", "page", lambda: render_template("pages/start.html"))
    pages.add_url_rule("/start", "signed_in", _signed_in)
    return pages


def _signed_in() -> AnyResponse:
    """Where somebody who has just signed in wants to be."""
    return redirect(accounts.home())
