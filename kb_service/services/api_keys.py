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
_LONGEST_NAME = 100
OWN_SENDERS = ("help-page", "agent-page")
"""Names the service's own pages send under."""


class ApiKeys:
    """Keys are 256 random bits; the database holds their SHA-256 only, which needs no salt at that entropy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, scopes: Sequence[str], name: str) -> str:
        """Make a key and return it; it cannot be shown again. InvalidInput for a wrong name or scope, or for none."""
        if not 1 <= len(name.strip()) <= _LONGEST_NAME or name in OWN_SENDERS:
            raise InvalidInput(f"a key's name has 1 to {_LONGEST_NAME} characters and is none of {OWN_SENDERS}", "name")
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise InvalidInput(f"unknown scope {', '.join(unknown) or '(none)'}; choose from {', '.join(SCOPES)}")
        key = _PREFIX + secrets.token_urlsafe(32)
        with self._database.writing() as work:
            work.api_keys.add(name, key[:_SHOWN], _digest(key), tuple(dict.fromkeys(scopes)))
            work.commit()
        return key

    def known(self, key: str) -> ApiKey | None:
        """The key's record; None for an unknown or revoked key."""
        with self._database.reading() as work:
            return work.api_keys.by_digest(_digest(key))

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


def require(key: ApiKey | None, scope: str) -> ApiKey:
    """The key, which has the scope; Unauthorised where there is none, Forbidden where it lacks the scope."""
    if key is None:
        raise Unauthorised("send a valid API key as `Authorization: Bearer <key>`; it may be unknown or revoked")
    if scope not in key.scopes and "admin" not in key.scopes:
        raise Forbidden(f"the API key lacks the scope {scope!r}")
    return key


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
