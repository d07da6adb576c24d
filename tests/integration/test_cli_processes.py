"""`kb` as a process: exit status, what goes to which stream, and an index of another encoder."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.serving import environment
from tests.support.bases import faq, write_lines


def _kb(data_dir: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kb_service.cli", *arguments]
    return subprocess.run(
        command, env=environment(data_dir, **settings), capture_output=True, text=True, check=False, timeout=120
    )


def test_a_wrong_setting_ends_with_2_and_one_line(tmp_path: Path) -> None:
    """That names it; nothing on standard output."""
    done = _kb(tmp_path, "init", KB_RATE_LIMIT="fast")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: KB_RATE_LIMIT='fast': must be like 600/minute, or off\n"


def test_a_wrong_database_url_ends_with_2_and_one_line(tmp_path: Path) -> None:
    """Without a stack trace."""
    done = _kb(tmp_path, "init", KB_DATABASE_URL="mysql://localhost/kb")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: KB_DATABASE_URL")
    assert done.stderr.count("\n") == 1


def test_a_failed_job_ends_with_1(tmp_path: Path) -> None:
    """The reason is on standard error, in one line, markup and all."""
    path = write_lines(tmp_path / "[red]kb[bold].jsonl", ["{"])
    done = _kb(tmp_path / "data", "import", str(path), "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["rejected"] == 1
    assert done.stderr.splitlines()[-1] == f"Error: 1 line of {path} cannot be used; nothing was imported"


def test_a_database_that_does_not_answer_ends_with_1(tmp_path: Path) -> None:
    """One line, no stack trace."""
    done = _kb(tmp_path, "apikey", "list", KB_DATABASE_URL="postgresql://127.0.0.1:1/kb")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: the database does not answer")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", ["ask", "evaluate", "sync"])
def test_an_index_of_another_encoder_is_refused(sample_folder: Path, tmp_path: Path, command: str) -> None:
    """Exit 1, both encoders and the way out named; the index stays as it is."""
    shutil.copytree(sample_folder, tmp_path / "data")
    before = (tmp_path / "data" / "index" / "CURRENT").read_text()
    questions = write_lines(tmp_path / "q.jsonl", [{"query": "x", "locale": "en", "entry": None}])
    arguments = {"ask": ["ask", "hola"], "evaluate": ["evaluate", str(questions)], "sync": ["index", "sync"]}
    done = _kb(tmp_path / "data", *arguments[command], KB_ENCODER="english")
    assert (done.returncode, done.stdout) == (1, "")
    error = done.stderr.splitlines()[-1]
    assert all(part in error for part in ("multilingual", "english", "kb index rebuild"))
    assert (tmp_path / "data" / "index" / "CURRENT").read_text() == before


@pytest.mark.slow
def test_an_unknown_encoder_is_refused(tmp_path: Path) -> None:
    """Exit 1 with the profiles there are; what was imported is kept, and can be indexed later."""
    path = write_lines(tmp_path / "kb.jsonl", [faq("a")])
    done = _kb(tmp_path / "data", "import", str(path), "--publish", KB_ENCODER="./no-such-folder")
    assert done.returncode == 1
    assert "multilingual" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert "1 changes taken in" in _kb(tmp_path / "data", "index", "sync").stdout


def test_the_key_is_all_that_is_printed(tmp_path: Path) -> None:
    """So that a script can keep it: KEY=$(kb apikey create ...)."""
    done = _kb(tmp_path / "data", "apikey", "create", "--scope", "admin")
    assert done.returncode == 0
    assert done.stdout.startswith("kb_")
    assert len(done.stdout.split()) == 1
