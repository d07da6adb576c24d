"""What every database must do with accounts: the same tests on SQLite and on PostgreSQL."""

import pytest
from sqlalchemy.exc import IntegrityError

from kb_service.storage.accounts import ROLES
from kb_service.storage.database import Database


def test_an_account_is_found_by_address_and_by_session(database: Database) -> None:
    """Whatever the case of the address; with its role and the hash that was given."""
    with database.writing() as work:
        added = work.accounts.add("Ana@aurora.example", "$argon2id$x", "curator")
        work.commit()
    with database.reading() as work:
        assert work.accounts.by_email("ana@AURORA.example") == added
        assert work.accounts.by_uniquifier(added.uniquifier) == added
        assert work.accounts.by_email("nobody@aurora.example") is None
        assert work.accounts.by_uniquifier("") is None
    assert (added.roles, added.password, added.active) == (("curator",), "$argon2id$x", True)


def test_an_address_is_stored_once(database: Database) -> None:
    """The database itself refuses the second."""
    with database.writing() as work:
        work.accounts.add("ana@aurora.example", "x", "viewer")
        with pytest.raises(IntegrityError):
            work.accounts.add("ana@aurora.example", "y", "viewer")


def test_a_password_is_replaced(database: Database) -> None:
    """Nothing else of the account changes."""
    with database.writing() as work:
        added = work.accounts.add("ana@aurora.example", "old", "viewer")
        work.accounts.set_password(added.id, "new")
        work.commit()
    with database.reading() as work:
        found = work.accounts.by_email("ana@aurora.example")
    assert found
    assert (found.password, found.uniquifier, found.roles) == ("new", added.uniquifier, added.roles)


def test_seeding_roles_again_changes_nothing(database: Database) -> None:
    """Every role there is can be given, once each."""
    with database.writing() as work:
        work.accounts.seed_roles()
        work.accounts.seed_roles()
        accounts = [work.accounts.add(f"{role}@aurora.example", "x", role) for role in ROLES]
        work.commit()
    assert [account.roles for account in accounts] == [(role,) for role in ROLES]
