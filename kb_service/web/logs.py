"""Structured logs: one JSON object a line on standard error, each with the id of the request it belongs to."""

import logging
import re
import sys

import structlog
from flask import Flask, Response, g, request
from structlog.typing import Processor
from uuid_utils.compat import uuid7

HEADER = "X-Request-ID"
_QUIET = {"health.alive", "health.ready", "health.metrics", "static", "bootstrap.static"}
log = structlog.get_logger()
_ACCEPTED = re.compile(r"[\w.-]{1,100}")


def configure(level: str) -> None:
    """Log in JSON at this level and above; other libraries' logs go the same way."""
    least = logging.getLevelNamesMapping()[level]
    as_json: list[Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *as_json],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, least), force=True)


def install(app: Flask) -> None:
    """Give every request an id: the caller's, if it sent a usable one, or a new one."""

    @app.before_request
    def _begin() -> None:
        sent = request.headers.get(HEADER, "")
        g.request_id = sent if _ACCEPTED.fullmatch(sent) else str(uuid7())
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def _answer(response: Response) -> Response:
        response.headers[HEADER] = g.get("request_id", "")
        if request.endpoint not in _QUIET:
            log.info("request", method=request.method, endpoint=request.endpoint, status=response.status_code)
        return response
