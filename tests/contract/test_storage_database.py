"""Opening, migrating and refusing databases, the same on SQLite and PostgreSQL."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from kb_service.errors import BadSettings, KbError, NotReady
from kb_service.storage.database import Database
from kb_service.storage.tables import Base, EntryRow


def _differences(database: Database) -> list[object]:
    with database.reading() as work:
        context = MigrationContext.configure(work.session.connection(), opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def _tables(database: Database) -> set[str]:
    with database.reading() as work:
        return set(inspect(work.session.connection()).get_table_names())


@pytest.fixture
def empty(empty_url: str):
    database = Database(empty_url)
    yield database
    database.close()


def test_migrations_make_exactly_the_tables_of_the_code(empty: Database) -> None:
    """After migrating, Alembic finds no difference between the database and `tables.py`."""
    empty.migrate()
    assert _differences(empty) == []


def test_migrations_go_down_to_nothing_and_up_again(empty: Database) -> None:
    """Base leaves no table of ours, and going up again gives the same schema and a usable database."""
    empty.migrate()
    empty.downgrade("base")
    assert _tables(empty) == {"alembic_version"}
    assert empty.version() is None
    empty.migrate()
    assert _differences(empty) == []
    empty.check()


def test_migrating_again_changes_nothing(empty: Database) -> None:
    """The knowledge base keeps its id and its content."""
    empty.migrate()
    with empty.writing() as work:
        source = work.knowledge_base_id()
        work.session.add(EntryRow(kind="faq", key="kept"))
        work.commit()
    empty.migrate()
    with empty.reading() as work:
        assert work.knowledge_base_id() == source
        assert work.content.count() == {"faq": 1}


def test_a_database_without_tables_is_not_ready(empty: Database) -> None:
    """`check` says which command makes the tables."""
    assert empty.version() is None
    with pytest.raises(NotReady, match="kb init"):
        empty.check()


@pytest.mark.parametrize("use", [Database.check, Database.migrate])
def test_a_database_of_a_newer_program_is_refused(database: Database, use) -> None:
    """Neither checking nor migrating accepts tables that this program does not know, and nothing is changed."""
    with database.writing() as work:
        work.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        work.commit()
    with pytest.raises(NotReady, match=r"9999.*newer"):
        use(database)
    assert database.version() == "9999"


def test_two_knowledge_bases_have_different_ids(database: Database, tmp_path: Path) -> None:
    """An index can tell which database it was built from."""
    other = Database(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    other.migrate()
    with database.reading() as work, other.reading() as others:
        assert work.knowledge_base_id() != others.knowledge_base_id()
    other.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "kb.sqlite3",
        "mysql://localhost/kb",
        "postgresql://localhost:abc/kb",
        "http://localhost/",
        "oracle://x",
        "postgresql",
    ],
)
def test_a_wrong_url_is_a_wrong_setting(url: str) -> None:
    """The message is one line that names the setting."""
    with pytest.raises(BadSettings, match="KB_DATABASE_URL") as caught:
        Database(url)
    assert "\n" not in str(caught.value)


def test_the_password_is_not_repeated_in_the_error() -> None:
    """A URL that cannot be parsed may still hold a secret."""
    with pytest.raises(BadSettings) as caught:
        Database("mysql://kb:hunter2@localhost:33x06/kb")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:////nonexistent/folder/kb.sqlite3", "postgresql://127.0.0.1:1/kb"])
def test_a_database_that_does_not_answer_is_not_ready(url: str) -> None:
    """Whatever is tried on it, the error says so, and it is one of ours."""
    database = Database(url)
    for use in (database.version, database.check, database.migrate, lambda: _count(database)):
        with pytest.raises(NotReady, match="does not answer"):
            use()


def _count(database: Database) -> None:
    with database.reading() as work:
        work.content.count()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A damaged SQLite file leads to an error of ours, and the file stays as it is."""
    path = tmp_path / "kb.sqlite3"
    path.write_bytes(b"this is not a database" * 500)
    with pytest.raises(KbError, match="database"):
        Database(f"sqlite:///{path}").check()
    assert path.read_bytes() == b"this is not a database" * 500


@pytest.mark.parametrize("folder", ["with space", "ñandú 'quote'", "100%25", "what?", "a#b"])
def test_any_data_folder_will_do(tmp_path: Path, folder: str, make_settings) -> None:
    """The SQLite file is made in the data folder, whatever its name."""
    settings = make_settings(data_dir=tmp_path / folder)
    settings.data_dir.mkdir()
    database = Database(settings.database)
    database.migrate()
    database.close()
    assert (tmp_path / folder / "kb.sqlite3").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir() if path.name != folder] == []
