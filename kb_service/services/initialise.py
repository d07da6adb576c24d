"""Set a knowledge base up: tables, secret, roles."""

import os
import secrets

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
    try:
        descriptor = os.open(secret_file(settings), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48))
