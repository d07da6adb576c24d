"""The wheel works in an empty environment elsewhere: everything the service needs is inside or declared."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.integration.serving import environment, free_port, kb, running, wait_until_ready

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment that holds the wheel, its pinned dependencies, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT], check=True, capture_output=True
    )
    subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
    found = folder / "env" / "bin" / "python"
    (wheel,) = folder.glob("*.whl")
    options = ["-q", "--no-compile", "--disable-pip-version-check", "-c", str(ROOT / "constraints.txt")]
    subprocess.run([found, "-m", "pip", "install", *options, wheel], check=True)
    return found


def test_the_installed_wheel_serves_the_sample_base(python: Path, tmp_path: Path) -> None:
    """`kb demo` answers through the API, and shows its pages with their styles, translations and API description."""
    port, env = free_port(), environment(tmp_path / "data", KB_LOG_LEVEL="WARNING")
    url = f"http://127.0.0.1:{port}"
    with running(kb("demo", "--port", str(port), env=env, python=python, cwd=tmp_path)):
        wait_until_ready(url, seconds=180)
        key = json.loads((tmp_path / "data" / "demo.json").read_text())["api_key"]
        reply = requests.post(
            f"{url}/v1/auto-replies",
            json={"query": "perdí mi tarjeta", "channel": "chat", "customer_id": "c"},
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
        ).json()
        assert reply["reply"]["entry"] == "card-lost"
        page = requests.get(f"{url}/help?lang=pt-BR", timeout=30).text
        assert 'lang="pt-BR"' in page
        stylesheet = next(part.split('"')[0] for part in page.split('href="')[1:] if ".css" in part.split('"')[0])
        for path in (stylesheet, "/docs", "/openapi.json", "/healthz", "/metrics"):
            assert requests.get(url + path, timeout=30).status_code == 200, path
