"""Storage of people who sign in, and of their roles."""

from sqlalchemy import select

from kb_service.storage.database import Database
from kb_service.storage.tables import RoleRow

ROLES = {
    "viewer": "Reads content and reports.",
    "agent": "Uses macros.",
    "curator": "Writes content.",
    "reviewer": "Approves content.",
    "analyst": "Plans and reads experiments.",
    "admin": "May do everything.",
}


def seed_roles(database: Database) -> None:
    """Make the roles that are missing."""
    with database.writing() as work:
        present = set(work.session.scalars(select(RoleRow.name)))
        work.session.add_all(
            RoleRow(name=name, description=text) for name, text in ROLES.items() if name not in present
        )
        work.commit()
