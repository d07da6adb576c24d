"""The service's exceptions: one root, mapped to HTTP and to exit codes in one place each."""


class KbError(Exception):
    """Root of every error the service raises on purpose. The message is written for the person who reads it."""


class InvalidInput(KbError):
    """What the caller sent cannot be used; `where` names the field, line or path at fault."""

    def __init__(self, message: str, where: str | None = None) -> None:
        super().__init__(message)
        self.where = where


class NotFound(KbError):
    """What the caller named does not exist."""


class Conflict(KbError):
    """What the caller asks contradicts what is already stored."""


class Unauthorised(KbError):
    """No valid API key was sent."""


class Forbidden(KbError):
    """The key or the user is known and lacks the scope or role."""


class NotReady(KbError):
    """A part the service needs (index, database) is not there yet; trying again later may help."""


class BadSettings(KbError):
    """A setting has a wrong value; the message names the setting."""
