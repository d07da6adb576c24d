"""Opening the database, its migrations, and the unit of work."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from kb_service.errors import BadSettings, NotReady
from kb_service.storage.access import ApiKeyRepository
from kb_service.storage.accounts import AccountRepository
from kb_service.storage.content import ContentRepository
from kb_service.storage.events import EventRepository
from kb_service.storage.golden import GoldenRepository
from kb_service.storage.tables import SettingRow

_MIGRATIONS = Path(__file__).parent / "migrations"
_SOURCE = "knowledge_base_id"


class UnitOfWork:
    """One transaction and its repositories: rolled back on leaving unless `commit` was called."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Self:
        self.session = Session(self._engine, expire_on_commit=False)
        self.content = ContentRepository(self.session)
        self.events = EventRepository(self.session)
        self.golden = GoldenRepository(self.session)
        self.api_keys = ApiKeyRepository(self.session)
        self.accounts = AccountRepository(self.session)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.session.close()
        if isinstance(error, DBAPIError) and _is_unusable(error):
            raise NotReady(f"the database does not answer: {error.orig}") from error

    def commit(self) -> None:
        """Make everything done so far durable."""
        self.session.commit()

    def knowledge_base_id(self) -> str:
        """The id this database was given when it was created; an index names the database it was built from."""
        return self.session.get_one(SettingRow, _SOURCE).value


class Database:
    """A database by its URL. Nothing is opened before the first unit of work."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._writing = self._engine.execution_options(kb_write=True)

    def reading(self) -> UnitOfWork:
        """A unit of work that only reads; on SQLite it never waits for a writer."""
        return UnitOfWork(self._engine)

    def writing(self) -> UnitOfWork:
        """A unit of work that may write; on SQLite it takes the write lock at its first statement."""
        return UnitOfWork(self._writing)

    def migrate(self) -> None:
        """Create the tables or bring them to the newest version; repeating it changes nothing.

        NotReady where the database does not answer or was made by a newer program.
        """
        self._refuse_newer()
        with self._migrating() as config:
            command.upgrade(config, "head")
        with self.writing() as work:
            if work.session.get(SettingRow, _SOURCE) is None:
                work.session.add(SettingRow(name=_SOURCE, value=str(uuid4())))
                work.commit()

    def downgrade(self, revision: str) -> None:
        """Go back to an older version of the tables (`base`: no tables)."""
        with self._migrating() as config:
            command.downgrade(config, revision)

    def version(self) -> str | None:
        """The migration this database is at; None for one without tables."""
        with self._connected() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def check(self) -> None:
        """Raise NotReady where the tables are missing or of another version than this program's."""
        version, newest = self._refuse_newer(), _scripts().get_current_head()
        if version is None:
            raise NotReady("the database has no tables yet: run `kb init`")
        if version != newest:
            raise NotReady(f"the database is at version {version}, this program needs {newest}: run `kb init`")

    def close(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()

    def _refuse_newer(self) -> str | None:
        """The database's version; NotReady for one that this program does not know."""
        version = self.version()
        if version is not None and version not in {script.revision for script in _scripts().walk_revisions()}:
            raise NotReady(
                f"the database is at version {version}, of a newer program than this one: update the program"
            )
        return version

    @contextmanager
    def _migrating(self) -> Iterator[Config]:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        with self._connected() as connection:
            config.attributes["connection"] = connection
            yield config
            connection.commit()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            with self._writing.connect() as connection:
                yield connection
        except DBAPIError as error:
            if not _is_unusable(error):
                raise
            raise NotReady(f"the database does not answer: {error.orig}") from error


def _is_unusable(error: DBAPIError) -> bool:
    """True where the database is gone, locked, full, damaged or without our tables, rather than a value wrong."""
    lacking = isinstance(error, OperationalError | ProgrammingError)  # a missing table: the one on SQLite, or the other
    return lacking or type(error) is DatabaseError or error.connection_invalidated


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_MIGRATIONS))


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: the port is not a number
        raise BadSettings(
            "KB_DATABASE_URL is not a database URL such as postgresql://user:password@host/name"
        ) from error
    if parsed.get_backend_name() == "postgresql":
        driver = parsed.set(drivername="postgresql+psycopg")
        return create_engine(driver, hide_parameters=True, pool_pre_ping=True, pool_size=10)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(
            create_engine(parsed.set(drivername="sqlite"), connect_args={"timeout": 30}, hide_parameters=True)
        )
    raise BadSettings(f"KB_DATABASE_URL: {parsed.get_backend_name()!r} is not supported; use sqlite or postgresql")


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _sqlite(engine: Engine) -> Engine:
    """Write-ahead log, full durability, foreign keys, and transactions that begin when we say so."""

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we send BEGIN ourselves: the driver's own timing breaks savepoints
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own knows A to Z only

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A deferred transaction that reads and then writes fails at once when another writer was faster;
        # taking the write lock first waits for it instead.
        writes = connection.get_execution_options().get("kb_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
