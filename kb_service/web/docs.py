"""`/openapi.json` and `/docs`: the API's description, for programs and for people."""

from pathlib import Path

import flask_openapi3_swagger
from flask import Blueprint, Response, current_app, jsonify, render_template


def docs() -> Blueprint:
    """The routes of this resource; Swagger UI's files are served from here, not from elsewhere."""
    assets = Path(flask_openapi3_swagger.__file__).parent / "templates" / "swagger"
    pages = Blueprint("docs", __name__, static_folder=str(assets), static_url_path="/docs/assets")
    pages.add_url_rule("/openapi.json", "openapi", _openapi)
    pages.add_url_rule("/docs", "page", lambda: render_template("pages/docs.html"))
    return pages


def _openapi() -> Response:
    return jsonify(current_app.api_doc)  # type: ignore[attr-defined]
