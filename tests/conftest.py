"""Fixtures that every kind of test may use: settings, real databases, and the sample base served by a real application.

`database` runs a test on SQLite and on PostgreSQL. One PostgreSQL server runs per test process, each test gets a
database of its own. A server that does not start fails the tests that need it.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from kb_service.parts import Parts, wire
from kb_service.settings import Settings
from kb_service.storage.database import Database
from tests.support.bases import import_sample, migrated
from tests.support.servers import PostgresServer, RedisServer

# platformdirs, which the PostgreSQL wheel asks for a place, warns where this is not a private folder.
os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="kb-test-runtime-")
atexit.register(shutil.rmtree, os.environ["XDG_RUNTIME_DIR"], ignore_errors=True)
for name in [name for name in os.environ if name.startswith("KB_")]:
    del os.environ[name]

hypothesis_settings.register_profile(
    "kb",
    deadline=None,  # other tests run on the same two cores
    suppress_health_check=[HealthCheck.differing_executors],  # mutation testing runs a test more than once in a process
)
hypothesis_settings.load_profile("kb")

SECRET = "a secret for tests only"
BACKENDS = [pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Makes settings with a data folder of the test's own, a secret and no rate limit; keywords override."""

    def make(**overrides: Any) -> Settings:
        return Settings(**{"data_dir": tmp_path / "data", "secret_key": SECRET, "rate_limit": "off"} | overrides)

    return make


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A running PostgreSQL server."""
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "kb.sqlite3"
    migrated(f"sqlite:///{path}")
    return path


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Which kind of database the test runs on."""
    return str(request.param)


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create()


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database without content, the test's own."""
    if backend == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "kb.sqlite3")
        return f"sqlite:///{tmp_path / 'kb.sqlite3'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create_migrated()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database without content; the test runs on SQLite and on PostgreSQL."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A migrated SQLite database without content, for tests that do not depend on the kind of database."""
    shutil.copy(sqlite_template, tmp_path / "kb.sqlite3")
    opened = Database(f"sqlite:///{tmp_path / 'kb.sqlite3'}")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running Redis server."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the sample base, published and indexed by the `multilingual` encoder. Copy it to change it."""
    folder = tmp_path_factory.mktemp("sample") / "data"
    parts = wire(Settings(data_dir=folder, secret_key=SECRET))
    import_sample(parts)
    parts.database.close()
    return folder


@pytest.fixture(scope="session")
def sample_app(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application on the sample base, with its index loaded. Tests share it: they may add events, not content.

    It works on a copy, so that what they add does not reach those who take a copy of their own.
    """
    folder = tmp_path_factory.mktemp("shared") / "data"
    shutil.copytree(sample_folder, folder)
    app = _served(Settings(data_dir=folder, secret_key=SECRET, rate_limit="off"))
    yield app
    app.extensions["kb_service"].database.close()


@pytest.fixture
def own_app(sample_folder: Path, tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """Makes an application on a copy of the sample base, for the test alone; keywords are settings."""
    made = []

    def make(**overrides: Any) -> Flask:
        if not (tmp_path / "own").exists():
            shutil.copytree(sample_folder, tmp_path / "own")
        app = _served(Settings(**{"data_dir": tmp_path / "own", "secret_key": SECRET, "rate_limit": "off"} | overrides))
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["kb_service"].database.close()


def _served(settings: Settings) -> Flask:
    from kb_service.app import create_app

    app = create_app(settings)
    parts: Parts = app.extensions["kb_service"]
    parts.live.refresh()
    assert parts.live.problem is None
    return app


@pytest.fixture
def parts(sample_app: Flask) -> Parts:
    """The parts of the shared application on the sample base."""
    found: Parts = sample_app.extensions["kb_service"]
    return found


@pytest.fixture
def client(sample_app: Flask) -> FlaskClient:
    """A client of the shared application on the sample base."""
    return sample_app.test_client()


@pytest.fixture(scope="session")
def auth(sample_app: Flask) -> Callable[..., dict[str, str]]:
    """Makes the header that carries an API key with these scopes for the shared application."""
    made: dict[tuple[str, ...], str] = {}

    def header(*scopes: str) -> dict[str, str]:
        if scopes not in made:
            made[scopes] = sample_app.extensions["kb_service"].keys.create(scopes, f"test {' '.join(scopes)}")
        return {"Authorization": f"Bearer {made[scopes]}"}

    return header
