"""`kb ...`: the command line. Each command parses, calls one service and prints."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import click
from rich.markup import escape

from kb_service import __version__
from kb_service.command import (
    LOCALE,
    as_json,
    embedding_progress,
    errors,
    fit_index,
    initialise,
    ready_index,
    wire_parts,
    with_parts,
)
from kb_service.errors import BadSettings, KbError
from kb_service.golden_cli import golden
from kb_service.output import show_decision, show_evaluation, show_golden_warning, show_index, show_plan
from kb_service.parts import Parts
from kb_service.services.api_keys import SCOPES
from kb_service.settings import NEW_PASSWORD
from kb_service.tune_cli import tune

_WAYS_ON = "--accept-regression publishes all the same, and without --publish it is kept as drafts"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def kb() -> None:
    """Knowledge base and deflection service. Settings are environment variables; see docs/operator/settings.md."""


kb.add_command(golden)
kb.add_command(tune)


def main() -> None:
    """Run `kb` and exit: 1 for a job that failed, 2 for wrong usage or settings; errors are one line each."""
    from indexer.errors import IndexerError

    try:
        kb()
    except BadSettings as error:
        _exit(error, 2)
    except (KbError, IndexerError) as error:
        _exit(error, 1)


def _exit(error: Exception, status: int) -> NoReturn:
    errors.print(f"[red]Error:[/red] {escape(str(error))}")
    sys.exit(status)


@kb.command()
def init() -> None:
    """Create the tables or bring them up to date, make the secret and the roles. Repeating it does no harm."""
    found = wire_parts()
    initialise(found)
    click.echo(f"ready: {found.settings.data_dir.resolve()}")


@kb.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "format_", type=click.Choice(["auto", "native"]), default="auto", help="Format of the file.")
@click.option("--locale", type=LOCALE, help="Locale of lines that name none.")
@click.option("--publish", is_flag=True, help="Make the imported revisions live, and index them.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--accept-regression", is_flag=True, help="Publish even if golden questions get worse.")
@as_json
@with_parts
def import_(
    found: Parts,
    path: Path,
    format_: str,
    locale: str | None,
    publish: bool,
    dry_run: bool,
    accept_regression: bool,
    json_output: bool,
) -> None:
    """Import content from PATH: all of it, or nothing if a line is wrong."""
    plan = found.importing.preview(path, publish=publish, default_locale=locale)
    with embedding_progress() as report:
        checked = None if plan.rejected else found.previewing.of_import(plan, report)
    refusal = found.previewing.refusal(checked, accepted=accept_regression)
    is_applied = not (dry_run or plan.rejected or refusal)
    if is_applied:
        found.importing.apply(plan, author="kb import")
        if publish:
            ready_index(found)
    show_plan(plan, checked, applied=is_applied, dry_run=dry_run, json_output=json_output)
    if plan.rejected:
        number = len(plan.rejected)
        raise KbError(f"{number} line{'s' if number > 1 else ''} of {path} cannot be used; nothing was imported")
    if refusal:
        raise KbError(f"{refusal}; nothing was imported: {_WAYS_ON}")


@kb.command("export")
@click.argument("path", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--published", is_flag=True, help="The live revisions instead of the newest ones.")
@with_parts
def export(found: Parts, path: Path, published: bool) -> None:
    """Export content to PATH (- for standard output) in the native format."""
    if str(path) == "-":
        for line in found.exporting.lines(published=published):
            click.echo(line)
        return
    number = found.exporting.to_file(path, published=published)
    click.echo(f"{number} entries and locales written to {path}")


@kb.group()
def index() -> None:
    """Look after the index."""


@index.command()
@with_parts
def sync(found: Parts) -> None:
    """Take in what was published since the last time."""
    with embedding_progress() as report:
        done = found.sync.sync(report)
    fitted = fit_index(found)
    version = fitted.version if fitted else done.version
    click.echo(f"index {version}: {done.changes} changes taken in{', fitted' if fitted else ''}")
    show_golden_warning(fitted.golden if fitted else done.golden)


@index.command()
@with_parts
def rebuild(found: Parts) -> None:
    """Build the index anew from the database, embedding everything again."""
    with embedding_progress() as report:
        done = found.sync.rebuild(report)
    fitted = fit_index(found)
    click.echo(f"index {fitted.version if fitted else done.version}: built anew")
    show_golden_warning(fitted.golden if fitted else done.golden)


@index.command()
@as_json
@with_parts
def status(found: Parts, json_output: bool) -> None:
    """Say which index is current, what it holds and how far behind it is."""
    found.live.refresh()
    snapshot = found.live.current().snapshot
    is_fit_due = found.sync.is_fit_due()
    show_index(snapshot, found.sync.behind(), found.live.problem, is_fit_due=is_fit_due, json_output=json_output)


@index.command()
@as_json
@with_parts
def verify(found: Parts, json_output: bool) -> None:
    """Check every file of every stored index version against its checksum."""
    reports = found.store.verify()
    if json_output:
        click.echo(json.dumps([asdict(report) for report in reports]))
    for report in [] if json_output else reports:
        click.echo(f"{report.version}{' (current)' if report.is_current else ''}: {report.problem or 'good'}")
    if not reports:
        raise KbError("there is no index yet; build one with `kb index sync`")
    if any(report.problem for report in reports):
        raise KbError("the index is damaged; `kb index rebuild` builds it anew")


@kb.command()
@click.argument("text")
@click.option("--locale", type=LOCALE, help="The customer's locale; recognised from the text if absent.")
@click.option("--explain", is_flag=True, help="Also say what made the decision, and what would change it.")
@as_json
@with_parts
def ask(found: Parts, text: str, locale: str | None, explain: bool, json_output: bool) -> None:
    """Say what would be answered to TEXT, and why. Nothing is stored."""
    ready_index(found)
    considered = found.questions.consider(text, locale, explained=explain or json_output)
    show_decision(considered, explained=explain, json_output=json_output)


@kb.command()
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
@with_parts
def evaluate(found: Parts, path: Path, json_output: bool) -> None:
    """Measure retrieval and decision on the labelled questions in FILE."""
    ready_index(found)
    evaluation = found.evaluating.run(path)
    for name in evaluation.unknown_entries:
        errors.print(f"warning: the base has no published faq {escape(repr(name))}; its questions count as missed")
    show_evaluation(evaluation, json_output=json_output)


@kb.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--worker/--no-worker", default=True, show_default=True, help="Also keep the index up to date.")
@with_parts
def serve(found: Parts, host: str, port: int, worker: bool) -> None:
    """Serve the API and the pages, and (unless told not to) keep the index up to date."""
    from kb_service.serving import require_free
    from kb_service.serving import serve as run

    found.settings.secret()
    require_free(host, port)
    run(found.settings, host, port, with_worker=worker)


@kb.command("worker")
@click.option("--with-parent", is_flag=True, hidden=True, help="End when the process that started this one does.")
@with_parts
def worker_(found: Parts, with_parent: bool) -> None:
    """Keep the index up to date with what is published."""
    from kb_service.serving import work

    work(found, with_parent=with_parent)


@kb.group()
def apikey() -> None:
    """Look after API keys."""


@apikey.command()
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES), help="What the key may do.")
@click.option("--name", default="default", show_default=True, help="The integration; scopes its message and event ids.")
@with_parts
def create(found: Parts, scopes: tuple[str, ...], name: str) -> None:
    """Make a key and print it, alone. It cannot be shown again."""
    click.echo(found.keys.create(scopes, name))


@apikey.command("list")
@with_parts
def list_(found: Parts) -> None:
    """List keys by the beginning of their text."""
    for key in found.keys.all():
        state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "active"
        click.echo(f"{key.id}  {key.prefix}…  {key.name}  {','.join(key.scopes)}  {state}")


@apikey.command()
@click.argument("key_id", type=int)
@with_parts
def revoke(found: Parts, key_id: int) -> None:
    """End the validity of the key with this number (see `kb apikey list`)."""
    found.keys.revoke(key_id)
    click.echo(f"key {key_id} is revoked")


@kb.group()
def user() -> None:
    """Look after people who sign in."""


PASSWORD = click.option("--password", envvar=NEW_PASSWORD, help="Asked for if absent.")


def _chosen(password: str | None) -> str:
    return password or str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


@user.command("create")
@click.argument("email")
@click.option("--role", required=True, help="viewer, agent, curator, reviewer, analyst or admin.")
@PASSWORD
@with_parts
def create_user(found: Parts, email: str, role: str, password: str | None) -> None:
    """Let EMAIL sign in with this role."""
    from kb_service.app import create_app
    from kb_service.web.accounts import create_user as add

    add(create_app(found.settings), email, _chosen(password), role)
    click.echo(f"{email} may sign in as {role}")


@user.command("list")
@with_parts
def list_users(found: Parts) -> None:
    """List the people who may, or might, sign in."""
    for account in found.accounts.all():
        click.echo(f"{account.email}  {','.join(account.roles)}  {'active' if account.active else 'deactivated'}")


@user.command("password")
@click.argument("email")
@PASSWORD
@with_parts
def set_password(found: Parts, email: str, password: str | None) -> None:
    """Give EMAIL a new password; whoever is signed in with the old one is signed out."""
    from kb_service.app import create_app
    from kb_service.web.accounts import set_password as change

    change(create_app(found.settings), email, _chosen(password))
    click.echo(f"{email} has a new password")


@user.command("deactivate")
@click.argument("email")
@with_parts
def deactivate(found: Parts, email: str) -> None:
    """End EMAIL's access at once."""
    found.accounts.set_active(email, active=False)
    click.echo(f"{email} is deactivated")


@user.command("activate")
@click.argument("email")
@with_parts
def activate(found: Parts, email: str) -> None:
    """Let EMAIL sign in again."""
    found.accounts.set_active(email, active=True)
    click.echo(f"{email} may sign in again")


@kb.command()
@click.option("--host", default="127.0.0.1", show_default=True, envvar="HOST")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), envvar="PORT")
@with_parts
def demo(found: Parts, host: str, port: int) -> None:
    """Serve the sample knowledge base of the fictional Banco Aurora."""
    from kb_service.demo import prepare
    from kb_service.serving import require_free
    from kb_service.serving import serve as run

    require_free(host, port)
    with embedding_progress() as report:
        welcome = prepare(found, report)
    click.echo(welcome.text(host, port))
    run(found.settings, host, port, with_worker=True)


if __name__ == "__main__":
    main()
