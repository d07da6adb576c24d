"""`/healthz`, `/readyz`, `/metrics`: for the machines that watch the service."""

from collections.abc import Callable
from datetime import timedelta

from flask import Blueprint, Response, jsonify, make_response

from kb_service.errors import KbError
from kb_service.web.context import parts
from kb_service.web.metrics import metrics

LONGEST_LAG = timedelta(seconds=30)


def health() -> Blueprint:
    """The routes of this resource."""
    pages = Blueprint("health", __name__)
    pages.add_url_rule("/healthz", "alive", _over_http(_alive))
    pages.add_url_rule("/readyz", "ready", _over_http(_ready))
    pages.add_url_rule("/metrics", "metrics", _over_http(metrics))
    return pages


def _over_http(view: Callable[[], Response]) -> Callable[[], Response]:
    """Let probes come past the proxy that ends HTTPS: they are never redirected."""
    view.talisman_view_options = {"force_https": False}  # type: ignore[attr-defined]
    return view


def _alive() -> Response:
    return jsonify(status="alive")


def _ready() -> Response:
    """200 once an index is loaded; what is wrong with the index or the database is said either way."""
    problems = {"index": parts().live.problem or _lag(), "database": _database_problem()}
    try:
        version, status = parts().live.current().snapshot.version, 200
    except KbError:
        version, status = None, 503
    body = {"ready": status == 200, "index_version": version, "problems": {k: v for k, v in problems.items() if v}}
    return make_response(jsonify(body), status)


def _lag() -> str | None:
    try:
        lag = parts().live.lag()
    except KbError:
        return None
    return f"published content has been waiting for {lag}: is a worker running?" if lag > LONGEST_LAG else None


def _database_problem() -> str | None:
    try:
        parts().database.check()
    except KbError as error:
        return str(error)
    return None
