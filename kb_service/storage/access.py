"""Repository of API keys."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from kb_service.storage.records import ApiKey
from kb_service.storage.tables import ApiKeyRow
from kb_service.storage.types import utc_now


class ApiKeyRepository:
    """API keys within one unit of work, found by the SHA-256 of their secret."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, name: str, prefix: str, digest: str, scopes: tuple[str, ...]) -> ApiKey:
        """Store a key by its digest."""
        row = ApiKeyRow(name=name, prefix=prefix, hash=digest, scopes=list(scopes))
        self._session.add(row)
        self._session.flush()
        return _record(row)

    def by_digest(self, digest: str) -> ApiKey | None:
        """The key with this digest, unless it was revoked."""
        row = self._session.scalar(select(ApiKeyRow).where(ApiKeyRow.hash == digest, ApiKeyRow.revoked_at.is_(None)))
        return _record(row) if row else None

    def all(self) -> list[ApiKey]:
        """Every key ever made, oldest first, revoked ones too."""
        return [_record(row) for row in self._session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.id))]

    def revoke(self, key_id: int) -> bool:
        """Revoke a key; False where no active key has this id."""
        active = update(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
        return self._session.scalar(active.values(revoked_at=utc_now()).returning(ApiKeyRow.id)) is not None


def _record(row: ApiKeyRow) -> ApiKey:
    return ApiKey(row.id, row.name, row.prefix, tuple(row.scopes), row.created_at, row.revoked_at)
