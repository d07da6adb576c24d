"""`kb serve` looks after its worker, and refuses an address that is taken."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from kb_service.parts import wire
from kb_service.settings import Settings
from tests.integration.serving import environment, free_port, kb, running, wait_until_ready
from tests.support.bases import faq, publish

pytestmark = pytest.mark.slow


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if " worker" in line]


def _wait(holds: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_killed_worker_is_started_again(tmp_path: Path) -> None:
    """And the new one takes in what was published meanwhile; with the server ends the worker."""
    env = environment(tmp_path / "data")
    assert kb("init", env=env).wait(timeout=60) == 0
    parts = wire(Settings(data_dir=tmp_path / "data"))
    port = free_port()
    with running(kb("serve", "--port", str(port), env=env)) as server:
        _wait(lambda: len(_children(server.pid)) == 1)
        (worker,) = _children(server.pid)
        os.kill(worker, signal.SIGKILL)
        publish(parts.database, tmp_path / "lines", [faq("a")])
        _wait(lambda: _children(server.pid) not in ([], [worker]))
        _wait(lambda: not parts.sync.is_needed())
        wait_until_ready(f"http://127.0.0.1:{port}")
        (worker,) = _children(server.pid)
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_a_taken_address_is_refused_in_one_line(tmp_path: Path) -> None:
    """Before anything is promised there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = kb("demo", "--port", str(port), env=environment(tmp_path / "data"), stderr=subprocess.PIPE, stdout=-1)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == b""
    assert err.decode().splitlines()[-1].startswith(f"Error: cannot listen on 127.0.0.1:{port}: Address already in use")
