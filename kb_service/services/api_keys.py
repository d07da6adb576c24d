"""Make, check and revoke API keys."""

import hashlib
import secrets
from collections.abc import Sequence

from kb_service.errors import Forbidden, InvalidInput, NotFound, Unauthorised
from kb_service.storage.database import Database
from kb_service.storage.records import ApiKey

SCOPES = ("reply", "feedback", "macros", "content:read", "content:write", "events", "reports", "admin")
_PREFIX = "kb_"
_SHOWN = 9


class ApiKeys:
    """Keys are 256 random bits; the database holds their SHA-256 only, which needs no salt at that entropy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, scopes: Sequence[str], name: str) -> str:
        """Make a key and return it; it cannot be shown again. InvalidInput for an unknown scope or none."""
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise InvalidInput(f"unknown scope {', '.join(unknown) or '(none)'}; choose from {', '.join(SCOPES)}")
        key = _PREFIX + secrets.token_urlsafe(32)
        with self._database.writing() as work:
            work.api_keys.add(name, key[:_SHOWN], _digest(key), tuple(dict.fromkeys(scopes)))
            work.commit()
        return key

    def authorise(self, key: str, scope: str) -> ApiKey:
        """The key's record; Unauthorised for an unknown or revoked key, Forbidden where it lacks the scope."""
        with self._database.reading() as work:
            found = work.api_keys.by_digest(_digest(key))
        if found is None:
            raise Unauthorised("the API key is unknown or revoked")
        if scope not in found.scopes and "admin" not in found.scopes:
            raise Forbidden(f"the API key lacks the scope {scope!r}")
        return found

    def all(self) -> list[ApiKey]:
        """Every key, without its secret."""
        with self._database.reading() as work:
            return work.api_keys.all()

    def revoke(self, key_id: int) -> None:
        """End a key's validity at once; NotFound where no active key has this id."""
        with self._database.writing() as work:
            if not work.api_keys.revoke(key_id):
                raise NotFound(f"there is no active API key {key_id}")
            work.commit()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
