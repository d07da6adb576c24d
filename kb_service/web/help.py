"""The help page: a customer asks, gets an answer or choices, says whether it helped, or asks for a person."""

from typing import Literal
from uuid import UUID, uuid4, uuid5

from flask import Blueprint, redirect, session, url_for
from flask_babel import format_number, gettext
from werkzeug.wrappers import Response

from kb_service.errors import InvalidInput, KbError, NotReady
from kb_service.services.auto_reply import Message
from kb_service.services.recall_question import RecalledQuestion
from kb_service.web.context import parts
from kb_service.web.forms import EventId, Form, Words
from kb_service.web.i18n import page_locale
from kb_service.web.metrics import count_reply
from kb_service.web.rendering import render_page

SENDER = "help-page"
CHANNEL = "web"
EXAMPLES = 4
Page = str | Response | tuple[str, int]


class QuestionForm(Form):
    """A question, and whether an answer is wanted or a person."""

    query: Words = ""
    message_id: EventId
    wish: Literal["answer", "person"] = "answer"


class FeedbackForm(Form):
    """Whether the answer shown helped."""

    event_id: EventId
    helpful: bool
    choice: Words | None = None


class ChoiceForm(Form):
    """Which of the choices it was."""

    event_id: EventId
    entry: Words


class PersonForm(Form):
    """The wish for a person, from the page of an answer or of a choice."""

    event_id: EventId
    choice: Words | None = None


def help_pages() -> Blueprint:
    """The routes of these pages. Every post leads to an address that can be reloaded, with htmx and without."""
    pages = Blueprint("help", __name__, url_prefix="/help")
    pages.add_url_rule("", "ask", _ask)
    pages.add_url_rule("", "send", _send, methods=["POST"])
    pages.add_url_rule("/questions/<uuid:id>", "question", _question)
    pages.add_url_rule("/questions/<uuid:id>/choices/<choice>", "choice", _question)
    pages.add_url_rule("/questions/<uuid:id>/choices", "choose", _choose, methods=["POST"])
    pages.add_url_rule("/questions/<uuid:id>/feedback", "feedback", _feedback, methods=["POST"])
    pages.add_url_rule("/questions/<uuid:id>/person", "person", _person, methods=["POST"])
    return pages


def _ask() -> str:
    return _page()


def _send() -> Page:
    form = QuestionForm.posted()
    message = Message(
        query=form.query,
        channel=CHANNEL,
        customer_id=_customer(),
        sender=SENDER,
        likely_locale=page_locale(),
        message_id=_message_id(form),
    )
    try:
        result = parts().replies.reply(message)
    except (InvalidInput, NotReady) as error:
        return _page(query=form.query, error=_explain(error, form)), 503 if isinstance(error, NotReady) else 422
    count_reply(result)
    if form.wish == "person":
        parts().reactions.escalation(result.interaction_id, "person", _customer())
    return _shown(result.interaction_id)


def _question(id: UUID, choice: str | None = None) -> str:  # noqa: A002 - named by the address
    return _page(parts().recalling.recall(id, _customer(), page_locale(), choice), choice)


def _choose(id: UUID) -> Response:  # noqa: A002
    form = ChoiceForm.posted()
    parts().reactions.click(id, form.event_id, form.entry, _customer())
    return _shown(id, form.entry)


def _feedback(id: UUID) -> Response:  # noqa: A002
    form = FeedbackForm.posted()
    parts().reactions.feedback(id, form.event_id, form.helpful, None, None, _customer())
    return _shown(id, form.choice)


def _person(id: UUID) -> Response:  # noqa: A002
    form = PersonForm.posted()
    parts().reactions.escalation(id, form.event_id, _customer())
    return _shown(id, form.choice)


def _page(
    asked: RecalledQuestion | None = None, choice: str | None = None, query: str = "", error: str | None = None
) -> str:
    """The page, or for htmx the part that answers."""
    examples = parts().examples.pick(page_locale(), EXAMPLES)
    return render_page(
        "pages/help.html",
        "components/answer.html",
        asked=asked,
        choice=choice,
        query=query,
        error=error,
        examples=examples,
        contact=parts().settings.contact,
    )


def _shown(id: UUID, choice: str | None = None) -> Response:  # noqa: A002
    """See-other, so that reloading repeats nothing."""
    if choice:
        return redirect(url_for("help.choice", id=id, choice=choice), 303)
    return redirect(url_for("help.question", id=id), 303)


def _customer() -> str:
    """A random id of this browser session: enough to tell one visitor's questions from another's."""
    return str(session.setdefault("customer", uuid4().hex))


def _message_id(form: QuestionForm) -> str:
    """The same for a form sent twice, another one when she went back and changed her words."""
    return uuid5(UUID(int=0), f"{form.message_id} {form.query.strip()}").hex


def _explain(error: KbError, form: QuestionForm) -> str:
    """What went wrong, in her language, and what she can do."""
    if isinstance(error, NotReady):
        return str(gettext("The answers are being prepared. Please try again in a moment."))
    if form.query.strip():
        most = parts().settings.max_query_chars
        return str(
            gettext("Your question is too long. Please use at most %(most)s characters.", most=format_number(most))
        )
    if form.wish == "person":
        return str(gettext("Tell us in a few words what it is about, so that the right person can help you."))
    return str(gettext("Please write your question first."))
