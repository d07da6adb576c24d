"""Sign-in: Flask-Security over the accounts in storage, and who may see which pages."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask, abort, make_response, request, url_for
from flask_limiter import Limiter
from flask_security import RoleMixin, Security, UserDatastore, UserMixin, auth_required, current_user, hash_password
from flask_security.decorators import default_unauthn_handler
from flask_security.utils import validate_redirect_url
from werkzeug.wrappers import Response

from kb_service.errors import Conflict, InvalidInput, NotFound
from kb_service.storage.accounts import ROLES
from kb_service.storage.database import Database
from kb_service.storage.records import Account
from kb_service.web.context import EXTENSION, parts

MIN_PASSWORD = 8
MAX_EMAIL = 200
AGENT_ROLES = ("agent", "curator", "admin")
ADMIN_ROLES = ("viewer", "curator", "reviewer", "analyst", "admin")
GOLDEN_ROLES = ("curator", "reviewer", "admin")  # who says what the right answer to a question is
_SIGN_IN_LIMIT = "20/minute"


class Role(RoleMixin):
    """A role as Flask-Security wants it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.permissions: list[str] = []


class User(UserMixin):
    """An account as Flask-Security wants it."""

    fs_uniquifier: str = ""

    def __init__(self, account: Account) -> None:
        self.id = account.id
        self.email = account.email
        self.password = account.password
        self.active = account.active
        self.fs_uniquifier = account.uniquifier
        self.roles = [Role(name) for name in account.roles]


class Accounts(UserDatastore):
    """Finds accounts for Flask-Security. All it may change is a password's hash, when a better one is to be had."""

    def __init__(self, database: Database) -> None:
        super().__init__(User, Role)
        self._database = database

    def find_user(self, case_insensitive: bool = False, **by: Any) -> User | None:
        """The account with this e-mail address or uniquifier."""
        with self._database.reading() as work:
            if "email" in by:
                account = work.accounts.by_email(by["email"])
            else:
                account = work.accounts.by_uniquifier(by["fs_uniquifier"])
        return User(account) if account else None

    def find_role(self, role: str) -> Role | None:
        """The role with this name."""
        return Role(role) if role in ROLES else None

    def put(self, model: User) -> User:
        """Keep the user's password hash."""
        with self._database.writing() as work:
            work.accounts.set_password(model.id, model.password or "")
            work.commit()
        return model

    def commit(self) -> None:
        """Nothing is left to commit: `put` has done it."""


def install(app: Flask) -> None:
    """Sign-in and sign-out; nobody can register."""
    settings = app.extensions[EXTENSION].settings
    app.config.update(
        SESSION_PROTECTION="strong",
        SECURITY_PASSWORD_HASH="argon2",  # noqa: S106 - the name of a method
        SECURITY_PASSWORD_SCHEMES=["argon2"],
        SECURITY_DEPRECATED_PASSWORD_SCHEMES=[],
        SECURITY_PASSWORD_SINGLE_HASH={"argon2"},  # argon2 salts by itself, and another KB_SECRET_KEY locks nobody out
        SECURITY_PASSWORD_SALT="unused",  # noqa: S106 - asked for, and unused with a single hash
        SECURITY_LOGIN_URL="/sign-in",
        SECURITY_LOGOUT_URL="/sign-out",
        SECURITY_LOGOUT_METHODS=["POST"],
        SECURITY_POST_LOGIN_VIEW="/start",
        SECURITY_POST_LOGOUT_VIEW="/sign-in",
        SECURITY_LOGIN_USER_TEMPLATE="pages/sign_in.html",
        SECURITY_FRESHNESS=timedelta(-1),  # nothing here asks for the password again
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_FLASH_MESSAGES=False,
        SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False, "test_environment": True},
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_SECURE=settings.secure_cookies,
    )
    security = Security(app, Accounts(app.extensions[EXTENSION].database))
    security.unauthn_handler(_sign_in_first)
    app.jinja_env.globals.update(may=may, next_page=next_page)
    app.jinja_env.globals.update(AGENT_ROLES=AGENT_ROLES, ADMIN_ROLES=ADMIN_ROLES, GOLDEN_ROLES=GOLDEN_ROLES)
    _limit_sign_in(app)


def only(*roles: str) -> Callable[[], None]:
    """A check before each request of a blueprint: signed in, and in one of these roles."""

    def guard() -> None:
        """Refuse with 403."""
        if not may(*roles):
            abort(403)

    checked: Callable[[], None] = auth_required("session")(guard)
    return checked


def may(*roles: str) -> bool:
    """True where the person signed in has one of these roles."""
    return bool(current_user.is_authenticated and any(current_user.has_role(role) for role in roles))


def next_page() -> str | None:
    """Where the visitor was going when she was asked to sign in, if that is a page of ours."""
    wanted = request.args.get("next", "")
    return wanted if wanted and validate_redirect_url(wanted) else None


def home() -> str:
    """The address of the page that somebody who has just signed in came for."""
    if may(*ADMIN_ROLES):
        return url_for("admin.overview")
    return url_for("agent.macros" if may(*AGENT_ROLES) else "start.page")


def create_user(app: Flask, email: str, password: str, role: str) -> None:
    """Create an account; InvalidInput says what is wrong with it, Conflict that the address is taken."""
    if role not in ROLES:
        raise InvalidInput(f"there is no role {role[:50]!r}; choose one of {', '.join(ROLES)}", "role")
    with app.app_context():
        address, hashed = _address(app, email), _hashed(app, password)
        with parts().database.writing() as work:
            if work.accounts.by_email(address):
                raise Conflict(f"there is already an account for {address}")
            work.accounts.add(address, hashed, role)
            work.commit()


def set_password(app: Flask, email: str, password: str) -> None:
    """Replace an account's password and end its sessions; NotFound where there is no such account."""
    with app.app_context(), parts().database.writing() as work:
        account = work.accounts.by_email(email.strip())
        if account is None:
            raise NotFound(f"there is no account for {email[:100]}")
        work.accounts.set_password(account.id, _hashed(app, password))
        work.accounts.end_sessions(account.id)
        work.commit()


def _hashed(app: Flask, password: str) -> str:
    if len(password) < MIN_PASSWORD:
        raise InvalidInput(f"the password needs at least {MIN_PASSWORD} characters", "password")
    return str(hash_password(app.extensions["security"].password_util.normalize(password)))


def _address(app: Flask, email: str) -> str:
    try:
        address: str = app.extensions["security"].mail_util.normalize(email.strip())
    except ValueError as error:
        raise InvalidInput(f"{email[:100]!r} is not an e-mail address: {error}", "email") from error
    if len(address) > MAX_EMAIL:
        raise InvalidInput(f"the e-mail address has more than {MAX_EMAIL} characters", "email")
    return address


def _sign_in_first(mechanisms: list[str], headers: dict[str, str] | None = None) -> Response:
    """Send the visitor to the sign-in page and back; htmx is told to load it as a page, not into a part of one."""
    if "HX-Request" not in request.headers:
        redirected: Response = default_unauthn_handler(mechanisms, headers)  # type: ignore[no-untyped-call]
        return redirected
    response = make_response("", 401)
    response.headers["HX-Redirect"] = url_for("security.login")
    return response


def _limit_sign_in(app: Flask) -> None:
    """Let no address guess passwords at the general rate."""
    limiters: set[Limiter] = app.extensions.get("limiter", set())  # none where KB_RATE_LIMIT is off
    for limiter in limiters:
        limit = limiter.limit(_SIGN_IN_LIMIT, methods=["POST"], override_defaults=False)
        app.view_functions["security.login"] = limit(app.view_functions["security.login"])  # type: ignore[assignment]
