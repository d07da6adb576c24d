"""Fixtures of the tests that run `kb` within this process."""

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from kb_service.cli import kb

Kb = Callable[..., Result]


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """The command line sends logs to the standard error of the moment, which ends with the command."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def kb_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logs_as_before: None) -> Kb:
    """Runs `kb` on the folder `tmp_path / data`; errors of ours are raised."""
    monkeypatch.setenv("KB_DATA_DIR", str(tmp_path / "data"))
    return lambda *arguments, **options: CliRunner().invoke(
        kb, [str(part) for part in arguments], catch_exceptions=False, **options
    )


@pytest.fixture
def kb_sample(kb_on: Kb, tmp_path: Path, sample_folder: Path) -> Kb:
    """Runs `kb` on a copy of the sample base."""
    shutil.copytree(sample_folder, tmp_path / "data")
    return kb_on
