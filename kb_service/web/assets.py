"""Static files: addressed by their content, so that a browser may keep them for a year."""

import hashlib
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

import admin_templates

ROOT = Path(admin_templates.__file__).parent
_YEAR_SECONDS = 365 * 24 * 3600


def install(app: Flask) -> None:
    """Serve `admin_templates/static`, and put every static file's hash into its address."""
    app.static_folder = str(ROOT / "static")
    app.static_url_path = "/static"
    app.add_url_rule("/static/<path:filename>", endpoint="static", view_func=app.send_static_file)

    @app.url_defaults
    def _address_by_content(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint.rpartition(".")[2] == "static" and "filename" in values:
            values["v"] = _digest(Path(_folder(app, endpoint), values["filename"]))

    @app.after_request
    def _keep(response: Response) -> Response:
        is_static = (request.endpoint or "").rpartition(".")[2] == "static"
        if is_static and "v" in request.args and response.status_code < HTTPStatus.BAD_REQUEST:
            response.cache_control.no_cache = None
            response.cache_control.public = True
            response.cache_control.max_age = _YEAR_SECONDS
            response.cache_control.immutable = True
        return response


def _folder(app: Flask, endpoint: str) -> str:
    name = endpoint.rpartition(".")[0]
    return (app.blueprints[name].static_folder if name else app.static_folder) or ""


@cache
def _digest(path: Path) -> str:
    """The start of the file's SHA-256; a file that is not there is an error of the template that names it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
