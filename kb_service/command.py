"""What the commands of the command line share: the wired parts, the index made ready, options, and errors."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kb_service.errors import BadSettings
from kb_service.locales import parse_locale
from kb_service.parts import Parts, wire
from kb_service.services.sync_index import SyncReport
from kb_service.settings import load_settings, unknown_settings

errors = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
as_json = click.option("--json", "json_output", is_flag=True, help="Print JSON.")


class _Locale(click.ParamType[str]):
    name = "locale"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The locale in its one form, or a usage error."""
        try:
            return parse_locale(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


LOCALE = _Locale()


def with_parts(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the wired parts of a knowledge base that is ready; an empty database is set up first."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        """The command with the parts as its first argument."""
        found = wire_parts()
        if found.database.version() is None:
            initialise(found)
            errors.print(f"new knowledge base in {found.settings.data_dir.resolve()}", markup=False)
        found.database.check()
        command(found, *args, **kwargs)

    return run


def wire_parts() -> Parts:
    """The parts for the settings in the environment; a name that looks like a setting and is none is pointed out."""
    from kb_service.web.logs import configure

    settings = load_settings()
    for name in unknown_settings():
        errors.print(f"warning: {name} is not a setting of this program")
    configure("DEBUG" if settings.log_level == "DEBUG" else "ERROR")  # commands say themselves what is wrong
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSettings(f"KB_DATA_DIR={str(settings.data_dir)!r}: {error.strerror}") from error
    return wire(settings)


def initialise(found: Parts) -> None:
    """Set up everything the knowledge base needs; what is there stays."""
    from kb_service.services.initialise import initialise as set_up

    set_up(found.settings, found.database)


@contextmanager
def showing_progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, on a terminal only; it appears with the first step reported."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task(what, total=None, visible=False)
        yield lambda done, total: progress.update(task, completed=done, total=total, visible=True)


def embedding_progress() -> AbstractContextManager[Callable[[int, int], None]]:
    """The bar that counts texts."""
    return showing_progress("embedding")


def fit_index(found: Parts) -> SyncReport | None:
    """Fit the index's parameters if that is due."""
    with showing_progress("fitting") as report:
        return found.sync.fit(report)


def ready_index(found: Parts) -> None:
    """Bring the index up to date and fit it if it is behind, and load it.

    Where it is not, it stays as it is: who only asks must not change what others are served, by settings of their own.
    """
    if found.sync.is_needed():
        with embedding_progress() as report:
            found.sync.sync(report)
        fit_index(found)
    found.live.refresh()
