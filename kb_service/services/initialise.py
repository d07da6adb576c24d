"""Set a knowledge base up: tables, secret, roles."""

import os
import secrets
from contextlib import suppress
from tempfile import NamedTemporaryFile

from kb_service.settings import Settings, secret_file
from kb_service.storage.database import Database


def initialise(settings: Settings, database: Database) -> None:
    """Create or update everything a knowledge base needs before its first use; what is there stays."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if not settings.secret_key:
        _make_secret(settings)
    database.migrate()
    with database.writing() as work:
        work.accounts.seed_roles()
        work.commit()


def _make_secret(settings: Settings) -> None:
    """Write a new secret, readable by its owner only, unless there is one."""
    with NamedTemporaryFile("w", encoding="ascii", dir=settings.data_dir, prefix="secret.") as file:
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, secret_file(settings))  # appears whole or not at all, and replaces nothing
