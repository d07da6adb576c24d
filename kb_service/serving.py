"""Running the service's processes: the web server and the worker that keeps the index up to date."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

import structlog
from gunicorn.app.base import BaseApplication

from indexer.errors import IndexerError
from kb_service.errors import KbError
from kb_service.parts import Parts
from kb_service.settings import Settings
from kb_service.web.logs import configure

WORK_SECONDS = 0.4
FIT_SECONDS = 3.0  # of quiet before the parameters are fitted
LOOK_SECONDS = 60.0
_LONGEST_PAUSE = 30.0
_RESTART_SECONDS = 1.0
log = structlog.get_logger()


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn, configured by our settings instead of its own files."""

    def __init__(self, settings: Settings, options: dict[str, Any]) -> None:
        self._settings = settings
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Take over the options."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application of one server process; it takes no request before its index is loaded, if there is one."""
        from kb_service.app import create_app
        from kb_service.web.context import EXTENSION

        configure(self._settings.log_level)
        app = create_app(self._settings)
        live = app.extensions[EXTENSION].live
        live.refresh()
        live.follow()
        return app


class _Worker:
    """A worker process beside the server, started again whenever it ends."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._process = self._start()
        threading.Thread(target=self._watch, name="worker-watch", daemon=True).start()

    def stop(self) -> None:
        """End the process and do not start it again."""
        self._stopping.set()
        self._process.terminate()
        self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "kb_service.cli", "worker", "--with-parent"])

    def _watch(self) -> None:
        while True:
            self._process.wait()
            if self._stopping.wait(_RESTART_SECONDS):
                return
            log.warning("the worker ended and is started again")
            self._process = self._start()


def require_free(host: str, port: int) -> None:
    """Raise KbError where the address cannot be listened on, before anything is promised there."""
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise KbError(f"cannot listen on {host}:{port}: {error.strerror}; choose another with --port") from error


def serve(settings: Settings, host: str, port: int, *, with_worker: bool) -> None:
    """Serve until told to stop. With more than one process, their metrics are added up."""
    if settings.web_workers > 1:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="kb-metrics-")
    worker = _Worker() if with_worker else None
    options = {
        "bind": f"{host}:{port}",
        "workers": settings.web_workers,
        "threads": settings.web_threads,
        "worker_class": "gthread",
        "graceful_timeout": 15,
        "timeout": 120,
        "accesslog": None,
        "loglevel": "warning",
        "control_socket_disable": True,
    }
    try:
        _Server(settings, options).run()
    finally:
        if worker:
            worker.stop()


def work(parts: Parts, *, with_parent: bool) -> None:
    """Sync the index whenever the change log has gained something, until SIGTERM or SIGINT.

    The parameters are fitted anew once nothing has changed for a while; whether they need to be is looked up once a
    minute besides, since people's judgements come without a change. A failed sync is logged and tried again, with
    growing pauses up to 30 s.
    """
    configure(parts.settings.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    parent, pause = os.getppid(), WORK_SECONDS
    parts.sync.warm_up()
    look_at = time.monotonic() + FIT_SECONDS
    while not stop.wait(pause) and not (with_parent and os.getppid() != parent):
        try:
            if parts.sync.is_needed():
                parts.sync.sync()
                look_at = time.monotonic() + FIT_SECONDS
            elif time.monotonic() >= look_at:
                parts.sync.fit()
                look_at = time.monotonic() + LOOK_SECONDS
            pause = WORK_SECONDS
        except (KbError, IndexerError, OSError) as error:
            pause = min(_LONGEST_PAUSE, pause * 2)
            log.warning("the index could not be brought up to date", problem=str(error), again_in_seconds=pause)
