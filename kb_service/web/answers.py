"""The page that says what is promised of automatic replies, and on what evidence."""

from flask import Blueprint, render_template

from indexer.calibration import LEAST_ANSWERABLE, LEAST_UNANSWERABLE
from kb_service.errors import NotReady
from kb_service.services.read_promise import PromiseReport, read_promise
from kb_service.web.context import parts


def add_answers_page(pages: Blueprint) -> None:
    """Add this route to the admin pages."""
    pages.add_url_rule("/answers", "answers", _answers)


def promised() -> PromiseReport | None:
    """What the index in use promises; None without one."""
    try:
        return read_promise(parts().live.current().snapshot)
    except NotReady:
        return None


def _answers() -> str:
    least = {"answerable": LEAST_ANSWERABLE, "unanswerable": LEAST_UNANSWERABLE}
    return render_template("pages/answers.html", report=promised(), least=least)
