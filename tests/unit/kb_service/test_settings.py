"""Settings: read from the environment, checked at once, said in one line."""

import os
from pathlib import Path

import pytest

from kb_service.errors import BadSettings
from kb_service.services.initialise import initialise
from kb_service.settings import Settings, load_settings, secret_file, unknown_settings
from kb_service.storage.database import Database


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("KB_RATE_LIMIT", "600", "must be like 600/minute, or off"),
        ("KB_RATE_LIMIT", "", "must be like 600/minute, or off"),
        ("KB_RATE_LIMIT", "0/minute", "must be like 600/minute, or off"),
        ("KB_RATE_LIMIT", "10 per fortnight", "must be like 600/minute, or off"),
        ("KB_RATE_LIMIT", "OFF", "must be like 600/minute, or off"),
        ("KB_DEFAULT_LOCALE", "xx", "unknown locale"),
        ("KB_MAX_QUERY_CHARS", "0", "greater than 0"),
        ("KB_MAX_QUERY_CHARS", "many", "valid integer"),
        ("KB_MAX_IMPORT_BYTES", "-1", "greater than 0"),
        ("KB_WEB_WORKERS", "1.5", "valid integer"),
        ("KB_SECURE_COOKIES", "perhaps", "valid boolean"),
        ("KB_LOG_LEVEL", "LOUD", "must be DEBUG, INFO, WARNING or ERROR"),
    ],
)
def test_a_wrong_value_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str) -> None:
    """With the variable, what it was, and what it must be."""
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as caught:
        load_settings()
    message = str(caught.value)
    assert message.startswith(f"{name}={value!r}: ")
    assert why in message
    assert "\n" not in message


def test_every_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that one correction is enough."""
    for name in ("KB_WEB_WORKERS", "KB_WEB_THREADS", "KB_RATE_LIMIT"):
        monkeypatch.setenv(name, "x")
    with pytest.raises(BadSettings, match=r"KB_RATE_LIMIT.*KB_WEB_WORKERS.*KB_WEB_THREADS"):
        load_settings()


def test_good_values_are_taken_in_their_one_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locales and log levels are written as the rest of the program writes them."""
    monkeypatch.setenv("KB_DEFAULT_LOCALE", "pt_br")
    monkeypatch.setenv("KB_LOG_LEVEL", "debug")
    monkeypatch.setenv("KB_RATE_LIMIT", "5/second")
    settings = load_settings()
    assert (settings.default_locale, settings.log_level, settings.rate_limit) == ("pt-BR", "DEBUG", "5/second")


def test_a_misspelt_setting_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names with the prefix that are no setting; real ones and other programs' are not listed."""
    for name in ("KB_DATABSE_URL", "KB_", "KB_ENCODER", "KB_NEW_PASSWORD", "OTHER_KB_X"):
        monkeypatch.setenv(name, "x")
    assert unknown_settings() == ["KB_", "KB_DATABSE_URL"]


def test_places_follow_the_data_folder(tmp_path: Path) -> None:
    """Unless they are set themselves."""
    settings = Settings(data_dir=tmp_path)
    assert settings.database == f"sqlite:///{tmp_path}/kb.sqlite3"
    assert settings.index == str(tmp_path / "index")
    other = Settings(data_dir=tmp_path, database_url="postgresql://h/kb", index_url="s3://bucket/kb")
    assert (other.database, other.index) == ("postgresql://h/kb", "s3://bucket/kb")


def test_without_a_secret_the_command_that_makes_one_is_named(tmp_path: Path) -> None:
    """No default that everybody knows is used."""
    with pytest.raises(BadSettings, match="kb init"):
        Settings(data_dir=tmp_path).secret()


def test_the_secret_is_made_once_and_for_its_owner_only(tmp_path: Path, sqlite_database: Database) -> None:
    """A second set-up keeps it; a set one is used instead and none is written."""
    settings = Settings(data_dir=tmp_path / "new" / "folder")
    initialise(settings, sqlite_database)
    secret = settings.secret()
    assert len(secret) >= 64
    assert secret_file(settings).stat().st_mode & 0o077 == 0
    initialise(settings, sqlite_database)
    assert settings.secret() == secret
    given = Settings(data_dir=tmp_path / "other", secret_key="given")
    initialise(given, sqlite_database)
    assert given.secret() == "given"
    assert not secret_file(given).exists()


def test_every_setting_is_described() -> None:
    """In a sentence."""
    assert all(field.description and field.description.endswith(".") for field in Settings.model_fields.values())


def test_the_environment_of_tests_is_clean() -> None:
    """The developer's own settings do not leak into tests."""
    assert [name for name in os.environ if name.startswith("KB_")] == []
