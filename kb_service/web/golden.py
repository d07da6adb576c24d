"""The page of golden questions: what must be answered how, what the index makes of it now, add and remove."""

from typing import Any, Literal

from flask import Blueprint, abort, redirect, render_template, url_for
from flask_babel import format_number, gettext, lazy_gettext
from flask_security import current_user
from werkzeug.wrappers import Response

from indexer.regression import GRADES, Grade
from kb_service.errors import InvalidInput, NotReady
from kb_service.services.labelled_questions import MAX_NOTE
from kb_service.services.read_golden_questions import GoldenStanding
from kb_service.storage.records import GoldenQuestion
from kb_service.web.accounts import GOLDEN_ROLES, may
from kb_service.web.context import parts
from kb_service.web.forms import Form, Line, Locale, RowId, Words
from kb_service.web.i18n import page_locale

PAGE = 50
LONGEST = 500
"""Characters of a question kept on the page: after its removal it travels in the address, to be kept again."""
SHOWN_WORSE = 10
GRADE_NAMES = {
    "right": lazy_gettext("Right"),
    "unsure": lazy_gettext("Not sure enough"),
    "missed": lazy_gettext("Another entry first"),
    "wrong": lazy_gettext("Answered wrongly"),
}
MEASURE_NAMES = {
    "accuracy": lazy_gettext("Accuracy"),
    "coverage": lazy_gettext("Coverage"),
    "precision": lazy_gettext("Precision"),
}
DONE = {
    "added": lazy_gettext("The golden question is kept."),
    "changed": lazy_gettext("This question was kept already; it now expects what you said."),
    "unchanged": lazy_gettext("This question was kept already."),
    "removed": lazy_gettext("The golden question is removed. It stands in the form below, in case you want it back."),
}


class GoldenForm(Form):
    """Which golden questions to list, what has just been done, and what the form for a new one begins with."""

    entry: Line = ""
    grade: Grade | Literal[""] = ""
    after: RowId | None = None
    done: Literal["", "added", "changed", "unchanged", "removed"] = ""
    query: Words = ""
    locale: Locale = ""
    expected: Line = ""
    right: Literal["", "entry", "nothing"] = ""
    note: Words = ""


class KeepForm(Form):
    """A question to keep. Without `right`, no expected entry means that nothing may answer."""

    query: Words = ""
    locale: Locale = ""
    right: Literal["", "entry", "nothing"] = ""
    expected: Line = ""
    note: Words = ""

    @property
    def entry(self) -> str | None:
        """The entry that must answer, None for nothing; empty where it is still to be named."""
        is_nothing = self.right == "nothing" or (not self.right and not self.expected)
        return None if is_nothing else self.expected


class RemoveForm(Form):
    """The question to remove."""

    id: RowId


def add_golden_pages(pages: Blueprint) -> None:
    """Add these routes to the admin pages."""
    pages.add_url_rule("/golden-questions", "golden", _list)
    pages.add_url_rule("/golden-questions", "keep_golden", _keep, methods=["POST"])
    pages.add_url_rule("/golden-questions/remove", "remove_golden", _remove, methods=["POST"])


def _list() -> str:
    form = GoldenForm.asked()
    expected = form.expected or (form.entry if form.right != "nothing" else "")
    begun = KeepForm(query=form.query, locale=form.locale, right=form.right, expected=expected, note=form.note)
    return _page(form, begun)


def _keep() -> str | Response | tuple[str, int]:
    _require_keeper()
    form = KeepForm.posted()
    try:
        locale = form.locale or parts().questions.locale_of(form.query)
        _, outcome = parts().golden_keeping.add(form.query, locale, form.entry, str(current_user.email), form.note)
    except InvalidInput as error:
        return _page(GoldenForm(), form, error), 422
    return redirect(url_for("admin.golden", done=outcome), 303)


def _remove() -> Response:
    _require_keeper()
    shown = GoldenForm.asked()
    removed = parts().golden_keeping.remove(RemoveForm.posted().id)
    again = _again(removed) if removed else {}
    return redirect(url_for("admin.golden", done="removed", **_filters(shown), **again), 303)


def _again(removed: GoldenQuestion) -> dict[str, Any]:
    """The question as the form's beginning, as far as an address can carry it."""
    if len(removed.query) > LONGEST:
        return {}
    note = removed.note if len(removed.query) + len(removed.note or "") <= LONGEST else None
    right = "entry" if removed.expected else "nothing"
    return {
        "query": removed.query,
        "locale": removed.locale,
        "expected": removed.expected,
        "right": right,
        "note": note,
    }


def _page(form: GoldenForm, begun: KeepForm, error: InvalidInput | None = None) -> str:
    golden = parts().golden
    page = golden.page(entry=form.entry or None, grade=form.grade or None, after=form.after, limit=PAGE)
    named = {key for row in page.rows for key in (row.question.expected, *row.first) if key}
    filters = _filters(form)
    return render_template(
        "pages/golden.html",
        form=form,
        begun=begun,
        errors={error.where: _explain(error, begun)} if error else {},
        page=page,
        total=golden.count(),
        standing=_standing(),
        last=golden.last_check(),
        titles=golden.titles(named, page_locale()),
        choices=golden.choices(page_locale()),
        locales=parts().entries.locales(),
        filters=filters,
        first_url=url_for("admin.golden", **filters) if form.after else None,
        next_url=url_for("admin.golden", **filters, after=page.after) if page.after else None,
        grades=list(reversed(GRADES)),
        grade_names=GRADE_NAMES,
        measure_names=MEASURE_NAMES,
        done=DONE.get(form.done),
        longest=LONGEST,
        longest_note=MAX_NOTE,
        shown_worse=SHOWN_WORSE,
        is_keeper=may(*GOLDEN_ROLES),
        rule=parts().settings.golden_regression,
    )


def _filters(form: GoldenForm) -> dict[str, Any]:
    return {"entry": form.entry or None, "grade": form.grade or None}


def _standing() -> GoldenStanding | None:
    try:
        return parts().golden.standing()
    except NotReady:
        return None


def _require_keeper() -> None:
    if not may(*GOLDEN_ROLES):
        abort(403)


def _explain(error: InvalidInput, form: KeepForm) -> str:
    """What is wrong with the field, in her language."""
    if error.where == "entry":
        if not form.expected:
            return str(gettext("Name the entry that answers it, or say that nothing does."))
        return str(gettext("There is no FAQ with this key."))
    if error.where == "note":
        return str(gettext("The note is too long. Please use at most %(most)s characters.", most=MAX_NOTE))
    most = parts().settings.max_query_chars
    if len(form.query.strip()) > most:
        return str(
            gettext("Your question is too long. Please use at most %(most)s characters.", most=format_number(most))
        )
    return str(gettext("Write the question in words, without personal data."))
