"""The demonstration hands out a sign-in and a key that work, whatever became of the earlier ones."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kb_service.demo import Welcome, prepare
from kb_service.parts import Parts, wire
from kb_service.services.initialise import initialise
from kb_service.settings import Settings
from tests.support.bases import publish


@pytest.fixture
def demo(make_settings: Callable[..., Settings]) -> Callable[[], tuple[Parts, Welcome]]:
    """Starts the demonstration on the same data folder again and again; one small entry stands for the sample."""
    settings = make_settings()

    def start() -> tuple[Parts, Welcome]:
        parts = wire(settings)
        initialise(settings, parts.database)
        if not parts.entries.count():
            line = {"key": "a", "kind": "faq", "locale": "en", "question": "What is it?", "answer": "A test."}
            publish(parts.database, settings.data_dir / "line.jsonl", [line])
        return parts, prepare(parts, lambda done, total: None)

    return start


def _works(parts: Parts, welcome: Welcome) -> bool:
    known = [account.email for account in parts.accounts.all() if account.active]
    return parts.keys.known(welcome.api_key) is not None and known == [welcome.email]


def test_the_same_sign_in_is_handed_out_again(demo: Callable[[], tuple[Parts, Welcome]]) -> None:
    """A second start changes nothing."""
    _, first = demo()
    parts, second = demo()
    assert second == first
    assert _works(parts, second)


@pytest.mark.parametrize("harm", ["torn", "lost", "of another database"])
def test_a_sign_in_that_no_longer_works_is_replaced(demo: Callable[[], tuple[Parts, Welcome]], harm: str) -> None:
    """A torn or lost note, or a new database under it: the one handed out next works."""
    parts, first = demo()
    note = parts.settings.data_dir / "demo.json"
    if harm == "torn":
        note.write_text(note.read_text()[:20])
    elif harm == "lost":
        note.unlink()
    else:
        parts.database.close()
        for path in Path(parts.settings.data_dir).glob("kb.sqlite3*"):
            path.unlink()
    parts, second = demo()
    assert second != first
    assert _works(parts, second)
    assert json.loads(note.read_text())["password"] == second.password
