"""The demonstration: the sample knowledge base of the fictional Banco Aurora, someone to sign in as, and a key."""

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import NamedTemporaryFile

from kb_service.errors import Conflict
from kb_service.parts import Parts

EMAIL = "demo@bancoaurora.example"


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a newcomer needs to look around."""

    email: str
    password: str
    api_key: str

    def text(self, host: str, port: int) -> str:
        """Where to go and how to sign in."""
        base = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104
        return f"""
  Banco Aurora, a fictional bank, is being served. Stop with Ctrl-C.

    ask as a customer   {base}/help
    work as an agent    {base}/agent
    look after content  {base}/admin
    API for programs    {base}/docs

    sign in as          {self.email}
    password            {self.password}

  Ask through the API:

    curl -s {base}/v1/auto-replies -H "Authorization: Bearer {self.api_key}" \\
      -H "Content-Type: application/json" \\
      -d '{{"query": "perdí mi tarjeta", "channel": "chat", "customer_id": "c-1"}}'
"""


def prepare(parts: Parts, on_progress: Callable[[int, int], None]) -> Welcome:
    """Import and index the sample base unless there is content, and make the demo's user and key once."""
    if not parts.entries.count():
        for name in ("faqs.jsonl", "macros.jsonl"):
            with as_file(files("kb_service") / "sample" / name) as path:
                parts.importing.apply(parts.importing.preview(path, publish=True), author="sample base")
    if parts.sync.is_needed():
        parts.sync.sync(on_progress)
    parts.sync.fit()
    return _known(parts) or _make(parts)


def _known(parts: Parts) -> Welcome | None:
    """What was handed out before, if it still opens this database."""
    try:
        kept = Welcome(**json.loads((parts.settings.data_dir / "demo.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    has_account = any(account.email == kept.email for account in parts.accounts.all())
    return kept if has_account and parts.keys.known(kept.api_key) else None


def _make(parts: Parts) -> Welcome:
    from kb_service.app import create_app
    from kb_service.web.accounts import create_user, set_password

    welcome = Welcome(EMAIL, secrets.token_urlsafe(9), parts.keys.create(["admin"], "demo"))
    app = create_app(parts.settings)
    try:
        create_user(app, welcome.email, welcome.password, "admin")
    except Conflict:
        set_password(app, welcome.email, welcome.password)
    with NamedTemporaryFile("w", encoding="utf-8", dir=parts.settings.data_dir, delete=False) as file:
        json.dump(asdict(welcome), file)
    Path(file.name).replace(parts.settings.data_dir / "demo.json")
    return welcome
