"""Repository of the people who sign in, and their roles."""

from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kb_service.storage.records import Account
from kb_service.storage.tables import RoleRow, UserRow

ROLES = {
    "viewer": "Reads content and tries questions out.",
    "agent": "Finds and uses macros.",
    "curator": "Writes content, and may do what an agent does.",
    "reviewer": "Judges and approves content.",
    "analyst": "Reads reports.",
    "admin": "May do everything.",
}
"""Every role and what it is for."""


class AccountRepository:
    """Accounts within one unit of work; e-mail addresses are found whatever their case."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def seed_roles(self) -> None:
        """Store the roles that are missing."""
        known = set(self._session.scalars(select(RoleRow.name)))
        self._session.add_all(RoleRow(name=name, description=text) for name, text in ROLES.items() if name not in known)
        self._session.flush()

    def add(self, email: str, password_hash: str, role: str) -> Account:
        """Store an account with one role, which must be one of ROLES."""
        self.seed_roles()
        roles = list(self._session.scalars(select(RoleRow).where(RoleRow.name == role)))
        row = UserRow(email=email, password=password_hash, active=True, fs_uniquifier=uuid4().hex, roles=roles)
        self._session.add(row)
        self._session.flush()
        return _account(row)

    def by_email(self, email: str) -> Account | None:
        """The account with this address."""
        row = self._session.scalar(select(UserRow).where(func.lower(UserRow.email) == email.lower()))
        return _account(row) if row else None

    def by_uniquifier(self, uniquifier: str) -> Account | None:
        """The account a session names."""
        row = self._session.scalar(select(UserRow).where(UserRow.fs_uniquifier == uniquifier))
        return _account(row) if row else None

    def all(self) -> list[Account]:
        """Every account, by e-mail address."""
        return [_account(row) for row in self._session.scalars(select(UserRow).order_by(UserRow.email))]

    def set_password(self, account_id: int, password_hash: str) -> None:
        """Replace the password's hash."""
        self._session.get_one(UserRow, account_id).password = password_hash

    def end_sessions(self, account_id: int) -> None:
        """Make every session of the account invalid."""
        self._session.get_one(UserRow, account_id).fs_uniquifier = uuid4().hex

    def set_active(self, account_id: int, active: bool) -> None:
        """Allow or end access."""
        self._session.get_one(UserRow, account_id).active = active


def _account(row: UserRow) -> Account:
    roles = tuple(role.name for role in row.roles)
    return Account(row.id, row.email, row.password or "", row.active, row.fs_uniquifier, roles)
