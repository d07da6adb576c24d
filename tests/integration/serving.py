"""Helpers of the tests that run the service as its users do: real processes on a loopback port."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """This process's environment with the service's settings, and nothing of the caller's own settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KB_")}
    return clean | {"KB_DATA_DIR": str(data_dir), "KB_RATE_LIMIT": "off", "OMP_NUM_THREADS": "1", **settings}


def kb(*arguments: str, env: dict[str, str], python: Path | None = None, **options: Any) -> subprocess.Popen[bytes]:
    """Start `kb` with these arguments."""
    return subprocess.Popen([str(python or sys.executable), "-m", "kb_service.cli", *arguments], env=env, **options)


@contextmanager
def running(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """End the process, politely, when the block ends."""
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(url: str, seconds: float = 60) -> None:
    """Return once the service answers from an index."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if requests.get(f"{url}/readyz", timeout=2).status_code == 200:
                return
        except (requests.ConnectionError, requests.Timeout):
            pass
        time.sleep(0.1)
    raise AssertionError(f"the service was not ready within {seconds} s")
