"""Golden questions, the same on SQLite and PostgreSQL: one per wording and locale, whoever adds it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from kb_service.storage.database import Database
from kb_service.storage.records import GoldenCheck, GoldenDraft, GoldenQuestion, KeptAs
from kb_service.storage.tables import GoldenQuestionRow

LOST = GoldenDraft("¿Perdí mi tarjeta? 🙂", "a" * 64, "es-MX", "card-lost", "los lunes")


def _keep(database: Database, *drafts: GoldenDraft, by: str = "ana") -> list[tuple[GoldenQuestion, KeptAs]]:
    with database.writing() as work:
        kept = work.golden.keep(drafts, by)
        work.commit()
    return kept


def _all(database: Database) -> list[GoldenQuestion]:
    with database.reading() as work:
        return work.golden.find()


def test_a_question_is_read_back_as_it_was_written(database: Database) -> None:
    """With who said so and when."""
    ((question, what),) = _keep(database, LOST)
    assert what == "added"
    assert _all(database) == [question]
    assert (question.query, question.locale, question.expected) == ("¿Perdí mi tarjeta? 🙂", "es-MX", "card-lost")
    assert (question.note, question.added_by) == ("los lunes", "ana")
    assert abs((datetime.now(UTC) - question.added_at).total_seconds()) < 60


def test_keeping_again_changes_nothing(database: Database) -> None:
    """Not even who kept it; a note left away stays."""
    ((question, _),) = _keep(database, LOST)
    assert _keep(database, LOST, by="bea") == [(question, "unchanged")]
    assert _keep(database, replace(LOST, note=None), by="bea") == [(question, "unchanged")]
    assert _all(database) == [question]


@pytest.mark.parametrize("fields", [{"expected": "card-stolen"}, {"expected": None}, {"note": "otra"}], ids=str)
def test_another_expectation_takes_the_place_of_the_first(database: Database, fields: dict) -> None:
    """Under the same id; who changed it is who said so."""
    ((question, _),) = _keep(database, LOST)
    ((changed, what),) = _keep(database, replace(LOST, **fields), by="bea")
    assert (what, changed.id, changed.added_by) == ("changed", question.id, "bea")
    assert changed.added_at >= question.added_at
    assert _all(database) == [changed]
    for name, value in fields.items():
        assert getattr(changed, name) == value


def test_the_same_wording_in_another_locale_is_another_question(database: Database) -> None:
    """Because another entry, or another text of it, may be right there."""
    _keep(database, LOST, replace(LOST, locale="pt-BR", expected=None))
    assert [(q.locale, q.expected) for q in _all(database)] == [("pt-BR", None), ("es-MX", "card-lost")]


def test_the_database_itself_refuses_a_second_one(database: Database) -> None:
    """Whatever a program does."""
    _keep(database, LOST)
    row = GoldenQuestionRow(query="x", wording=LOST.wording, locale="es-MX", added_by="x")
    with database.writing() as work:
        work.session.add(row)
        with pytest.raises(IntegrityError):
            work.session.flush()


def test_many_at_once_keep_one(database: Database) -> None:
    """Nobody is refused, and one of them added it."""
    together = threading.Barrier(8)

    def keep(number: int) -> KeptAs:
        together.wait()
        return _keep(database, LOST, by=f"user {number}")[0][1]

    with ThreadPoolExecutor(8) as pool:
        done = sorted(pool.map(keep, range(8)))
    assert done == ["added", *["unchanged"] * 7]
    assert len(_all(database)) == 1


def test_the_longest_values_can_be_stored(database: Database) -> None:
    """PostgreSQL enforces lengths and limits what an index holds."""
    draft = GoldenDraft("ñ🙂" * 50_000, "f" * 64, "en-US-POSIX", "k" * 200, "ñ" * 500)
    ((question, _),) = _keep(database, draft, by="ñ" * 320)
    assert _all(database) == [question]


def test_more_than_a_batch_are_kept_and_found_again(database: Database) -> None:
    """In the order of the file; the second time all of them are known."""
    drafts = [replace(LOST, wording=f"{number:064}", query=f"q {number}") for number in range(1201)]
    assert {what for _, what in _keep(database, *drafts)} == {"added"}
    assert [q.query for q, _ in _keep(database, *drafts)] == [draft.query for draft in drafts]
    assert {what for _, what in _keep(database, *drafts)} == {"unchanged"}
    with database.reading() as work:
        assert work.golden.count() == 1201


def test_questions_are_found_by_entry_and_page_after_page(database: Database) -> None:
    """Newest first, each once; none of another entry, and none where nothing may answer."""
    drafts = [
        replace(LOST, wording=f"{number:064}", query=f"{number}", expected=("a", "b", None)[number % 3])
        for number in range(12)
    ]
    _keep(database, *drafts)
    with database.reading() as work:
        assert [q.query for q in work.golden.find("a")] == ["9", "6", "3", "0"]
        first = work.golden.find("a", limit=3)
        assert [q.query for q in work.golden.find("a", after=first[-1].id, limit=3)] == ["0"]
        assert [q.query for q in work.golden.find(limit=2)] == ["11", "10"]
        assert work.golden.find("nothing") == []
        assert (work.golden.count(), work.golden.count("a"), work.golden.count("c")) == (12, 4, 0)


def test_a_removed_question_is_gone_and_its_id_is_not_given_again(database: Database) -> None:
    """So that a repeated removal removes nothing else."""
    ((question, _),) = _keep(database, LOST)
    with database.writing() as work:
        assert work.golden.remove(question.id) == question
        assert work.golden.remove(question.id) is None
        work.commit()
    ((again, what),) = _keep(database, LOST)
    assert what == "added"
    assert again.id > question.id
    with database.writing() as work:
        assert work.golden.remove(2**62) is None


def test_the_last_check_is_the_newest(database: Database) -> None:
    """None before the first; the report comes back as it was."""
    report = {"fell": ["accuracy"], "worse": [{"query": "¿ñ? 🙂", "before": {"confidence": 0.1 + 0.2, "first": None}}]}
    times = [datetime(2026, 11, day, 4, 5, 6, 789012, tzinfo=UTC) for day in (2, 1)]
    checks = [
        GoldenCheck(f"00000{n}-abcdef01", ("000000-abcdef01", None)[n], 40, n, report, at) for n, at in enumerate(times)
    ]
    with database.writing() as work:
        assert work.golden.last_check() is None
        for check in checks:
            work.golden.add_check(check)
            work.session.flush()
        work.commit()
    with database.reading() as work:
        assert work.golden.last_check() == checks[1]


def test_migrating_back_and_forth_keeps_everything_else(database: Database) -> None:
    """The step back drops these tables alone; an older program's database is taken forward with its content."""
    with database.writing() as work:
        work.session.execute(text("INSERT INTO setting (name, value) VALUES ('kept', 'yes')"))
        work.commit()
    _keep(database, LOST)
    database.downgrade("0001")
    with database.reading() as work:
        assert "golden_question" not in inspect(work.session.connection()).get_table_names()
    database.migrate()
    assert _all(database) == []
    with database.reading() as work:
        assert work.session.scalar(text("SELECT value FROM setting WHERE name = 'kept'")) == "yes"
