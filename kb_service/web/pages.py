"""Pages: placeholder until the pages land."""

from flask import Flask


def install(app: Flask) -> None:
    """Nothing yet."""
