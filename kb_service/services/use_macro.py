"""Fill a macro in for a ticket, and store what the agent did with it."""

from dataclasses import dataclass
from typing import Any

from kb_service.errors import InvalidInput
from kb_service.services.fill_macro import fill_macro
from kb_service.services.render_answer import render_answer
from kb_service.services.search_macros import SearchMacros
from kb_service.storage.database import Database
from kb_service.storage.records import MacroUse, UseOutcome


@dataclass(frozen=True, slots=True)
class FilledMacro:
    """A macro ready to be sent; `missing` lists the placeholders that must be filled in by hand first."""

    key: str
    locale: str
    revision: int
    text: str
    html: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """What an agent reports; without a revision the one live in `locale` is meant."""

    event_id: str
    outcome: UseOutcome
    locale: str
    revision: int | None = None
    agent_id: str | None = None
    ticket_id: str | None = None


class UseMacro:
    """Renders macros and logs their use."""

    def __init__(self, database: Database, macros: SearchMacros) -> None:
        self._database = database
        self._macros = macros

    def render(self, key: str, locale: str, context: dict[str, Any]) -> FilledMacro:
        """The macro filled in from the ticket's context, as Markdown text and as safe HTML."""
        macro = self._macros.macro(key, locale)
        filled = fill_macro(macro.body, context)
        rendered = render_answer(filled.text)
        return FilledMacro(macro.key, macro.locale, macro.revision, rendered.text, rendered.html, filled.missing)

    def record(self, sender: str, key: str, use: Use) -> bool:
        """Store one use; False for a repeated `event_id` of this sender."""
        macro = self._macros.macro(key, use.locale)
        revision = use.revision or macro.revision
        with self._database.writing() as work:
            known = work.content.revisions_by_id([revision]).get(revision)
            if known is None or (known.kind, known.key) != ("macro", key):
                raise InvalidInput(f"{revision} is not a revision of macro {key[:200]!r}", "revision")
            added = work.events.add_macro_use(
                MacroUse(sender, use.event_id, key, revision, known.locale, use.outcome, use.agent_id, use.ticket_id)
            )
            work.commit()
        return added
