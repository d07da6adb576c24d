"""Prometheus metrics: is it answering, is it fast, is it behind."""

import os
from contextlib import suppress
from time import perf_counter

from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client import REGISTRY as DEFAULT_REGISTRY
from prometheus_client.multiprocess import MultiProcessCollector

from kb_service.errors import KbError
from kb_service.services.auto_reply import AutoReply
from kb_service.web.context import parts

REQUESTS = Histogram(
    "kb_http_request_seconds",
    "Time to answer a request, by endpoint and status.",
    ["endpoint", "method", "status"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}  # a caller may invent others
AUTO_REPLIES = Counter("kb_auto_replies_total", "Auto-replies by decision and locale.", ["decision", "locale"])
CONFIDENCE = Histogram(
    "kb_auto_reply_confidence", "Confidence of decisions.", buckets=[tenth / 10 for tenth in range(1, 11)]
)
INDEX_CHANGE = Gauge(
    "kb_index_change", "Newest change that the index in use has seen (least of all processes).", multiprocess_mode="min"
)
GOLDEN_WORSE = Gauge(
    "kb_golden_questions_worse",
    "Golden questions that got worse with the newest index version that was checked.",
    multiprocess_mode="mostrecent",
)
GOLDEN_FELL = Gauge(
    "kb_golden_measures_fallen",
    "How many of accuracy, coverage and precision on golden questions that version made fall.",
    multiprocess_mode="mostrecent",
)


def install(app: Flask) -> None:
    """Time every request."""

    @app.before_request
    def _start() -> None:
        g.started = perf_counter()

    @app.after_request
    def _observe(response: Response) -> Response:
        elapsed = perf_counter() - g.get("started", perf_counter())
        method = request.method if request.method in _METHODS else "other"
        REQUESTS.labels(request.endpoint or "none", method, response.status_code).observe(elapsed)
        return response


def count_reply(result: AutoReply) -> None:
    """Count one auto-reply, and a repeat of it not at all."""
    if result.is_repeat:
        return
    AUTO_REPLIES.labels(result.decision, result.locale).inc()
    CONFIDENCE.observe(result.confidence)


def metrics() -> Response:
    """All processes' metrics in Prometheus' text format."""
    loaded = parts().live.loaded
    INDEX_CHANGE.set(loaded.snapshot.manifest.highest_change if loaded else -1)
    with suppress(KbError):  # without the database it keeps its last value
        last = parts().golden.last_check()
        GOLDEN_WORSE.set(last.worse if last else 0)
        GOLDEN_FELL.set(len(last.report["fell"]) if last else 0)
    registry = DEFAULT_REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
