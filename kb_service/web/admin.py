"""The admin pages: what the base holds, what it would answer and why, and who asked for a person."""

from typing import Literal

from flask import Blueprint, render_template, url_for

from kb_service.errors import InvalidInput, KbError, NotReady
from kb_service.services.consider_question import Considered
from kb_service.services.native_format import MAX_WEIGHT
from kb_service.services.read_entries import EntryFilter
from kb_service.storage.records import Kind
from kb_service.web.accounts import ADMIN_ROLES, only
from kb_service.web.answers import add_answers_page, promised
from kb_service.web.context import parts
from kb_service.web.forms import Form, Line, Locale, RowId, Words
from kb_service.web.golden import add_golden_pages
from kb_service.web.i18n import page_locale
from kb_service.web.rendering import render_page

PAGE = 50
LONGEST_TESTED = 500
"""Characters of a question in the tester: it travels in the address, where a server takes some 4,000, six an accent."""


class EntriesForm(Form):
    """Which entries to list."""

    q: Line = ""
    kind: Literal["", "faq", "macro"] = ""
    locale: Locale = ""
    after: str | None = None


class RequestsForm(Form):
    """Which requests to list."""

    reference: Line = ""
    before: RowId | None = None


class TestForm(Form):
    """A question to try; without a locale it is recognised."""

    q: Words = ""
    locale: Locale = ""


def admin_pages() -> Blueprint:
    """The routes of these pages."""
    pages = Blueprint("admin", __name__, url_prefix="/admin")
    pages.before_request(only(*ADMIN_ROLES))
    pages.add_url_rule("", "overview", _overview)
    pages.add_url_rule("/entries", "entries", _entries)
    pages.add_url_rule("/entries/<any(faq, macro):kind>/<key>", "entry", _entry)
    pages.add_url_rule("/test", "test", _test)
    pages.add_url_rule("/requests", "requests", _requests)
    add_golden_pages(pages)
    add_answers_page(pages)
    return pages


def _overview() -> str:
    live = parts().live
    return render_template(
        "pages/overview.html",
        counts=parts().entries.count(),
        version=_version(),
        problem=live.problem,
        longest=LONGEST_TESTED,
        last=parts().golden.last_check(),
        report=promised(),
    )


def _version() -> str | None:
    """The version of the index in use."""
    try:
        return parts().live.current().snapshot.version
    except NotReady:
        return None


def _entries() -> str:
    form = EntriesForm.asked()
    wanted = EntryFilter(form.kind or None, form.locale or None, form.q or None)
    page = parts().entries.page(wanted, limit=PAGE, after=form.after)
    return render_page(
        "pages/entries.html",
        "components/entry_list.html",
        form=form,
        page=page,
        counts=parts().entries.count,  # asked for by the page and not by its fragment
        locales=parts().entries.locales,
        first_url=_list_url(form, None) if form.after else None,
        next_url=_list_url(form, page.after) if page.after else None,
    )


def _list_url(form: EntriesForm, after: str | None) -> str:
    given = {name: value for name, value in form.model_dump().items() if value}
    return url_for("admin.entries", **given | {"after": after})


def _entry(kind: Kind, key: str) -> str:
    detail = parts().entries.entry(kind, key)
    live = {revision.locale: revision for revision in detail.live}
    main = next((revision for revision in detail.newest if revision.locale == page_locale()), detail.newest[0])
    golden = parts().golden.count(key) if kind == "faq" else 0
    return render_template(
        "pages/entry.html", detail=detail, live=live, main=main, longest=LONGEST_TESTED, golden=golden
    )


def _test() -> str:
    form = TestForm.asked()
    considered: Considered | None = None
    problem: KbError | None = None
    if form.q.strip():
        try:
            considered = parts().questions.consider(form.q, form.locale or None, explained=True)
        except (InvalidInput, NotReady) as error:
            problem = error
    return render_template(
        "pages/test.html",
        form=form,
        considered=considered,
        problem=problem,
        locales=parts().entries.locales(),
        longest=LONGEST_TESTED,
        heaviest=MAX_WEIGHT,
    )


def _requests() -> str:
    form = RequestsForm.asked()
    page = parts().requests.page(limit=PAGE, before=form.before, reference=form.reference)
    return render_template(
        "pages/requests.html",
        form=form,
        page=page,
        first_url=url_for("admin.requests", reference=form.reference or None) if form.before else None,
        next_url=url_for("admin.requests", before=page.before) if page.before else None,
    )
