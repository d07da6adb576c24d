"""Look after the people who may sign in."""

from kb_service.errors import NotFound
from kb_service.storage.database import Database
from kb_service.storage.records import Account


class Accounts:
    """Lists accounts and ends or restores access; passwords are the business of the sign-in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Account]:
        """Every account, by e-mail address."""
        with self._database.reading() as work:
            return work.accounts.all()

    def set_active(self, email: str, *, active: bool) -> None:
        """Let the person sign in, or end that at once; NotFound where there is no such account."""
        with self._database.writing() as work:
            account = work.accounts.by_email(email)
            if account is None:
                raise NotFound(f"there is no account for {email[:100]}")
            work.accounts.set_active(account.id, active)
            work.commit()
