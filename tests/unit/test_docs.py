"""The documentation names every setting, command and route there is."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from kb_service.app import create_app
from kb_service.cli import kb
from kb_service.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
NOT_FOR_READERS = {"--help", "--version"}


def _text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_default(name: str) -> None:
    """settings.md has a row with the setting and the default in force."""
    default = Settings.model_fields[name].default
    shown = "(empty)" if default == "" else f"`{default}`"
    assert f"| `KB_{name.upper()}` | {shown} |" in _text("operator/settings.md")


def _commands(group: click.Group, prefix: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


@pytest.mark.parametrize("name", [name for name, _ in _commands(kb, "kb")])
def test_every_command_is_documented(name: str) -> None:
    """commands.md has a row that begins with the command."""
    assert re.search(rf"^\| `{re.escape(name)}\b", _text("operator/commands.md"), re.M)


@pytest.mark.parametrize("name", [name for name, _ in _commands(kb, "kb")])
def test_every_option_is_documented(name: str) -> None:
    """Every visible option of a command stands in commands.md."""
    command = dict(_commands(kb, "kb"))[name]
    options = {o for p in command.params if isinstance(p, click.Option) and not p.hidden for o in p.opts}
    missing = {option for option in options if option.startswith("--") and option not in _text("operator/commands.md")}
    assert missing <= NOT_FOR_READERS


def test_every_route_is_documented(tmp_path: Path) -> None:
    """Routes of the API stand in api.md, health checks in running.md, pages in routes.md."""
    app = create_app(Settings(data_dir=tmp_path, secret_key="k" * 32))
    text = "".join(_text(name) for name in ("integrator/api.md", "operator/running.md", "operator/routes.md"))
    documented = set(re.findall(r"`(?:(?:GET|POST|PUT|DELETE) )?(/[^`]*)`", text))
    routes = {re.sub(r"<(?:[^:>]+:)?(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()}
    undocumented = {route for route in routes if "static" not in route and "assets" not in route} - documented
    assert undocumented == set()


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link in the README and the documentation names a file that exists."""
    for page in [DOCS.parent / "README.md", *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
