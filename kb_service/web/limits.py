"""Rate limits per API key, and per address where there is none."""

from http import HTTPStatus

from flask import Flask, Response, g, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from kb_service.storage.records import ApiKey
from kb_service.web.context import EXTENSION, parts


def install(app: Flask) -> None:
    """Limit every route but the health checks, as the settings say."""
    settings = app.extensions[EXTENSION].settings
    limiter = Limiter(
        _caller,
        default_limits=[settings.rate_limit] if settings.rate_limit != "off" else [],
        storage_uri=settings.redis_url or "memory://",
        enabled=settings.rate_limit != "off",
        headers_enabled=True,
        in_memory_fallback_enabled=bool(settings.redis_url),
    )

    @app.after_request
    def _wait_only_when_told(response: Response) -> Response:
        """The limiter says when to come back on every response; readers are told to wait where they see it."""
        if response.status_code < HTTPStatus.BAD_REQUEST:
            response.headers.pop("Retry-After", None)
        return response

    @app.before_request
    def _know_caller() -> None:
        """Before the limiter counts: each key has its own limit."""
        g.api_key = _sent_key() if request.path.startswith("/v1/") else None

    limiter.init_app(app)
    limiter.request_filter(_is_exempt)


def _sent_key() -> ApiKey | None:
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    return parts().keys.known(key.strip()) if kind.lower() == "bearer" else None


def _caller() -> str:
    key: ApiKey | None = g.get("api_key")
    return f"key:{key.id}" if key else f"address:{get_remote_address()}"


def _is_exempt() -> bool:
    return request.blueprint in ("health", None) or (request.endpoint or "").endswith("static")
