"""The settings: environment variables with the prefix `KB_`, checked once at the start."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import quote

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from indexer.confidence import Goal
from indexer.lexical import FieldWeights
from kb_service.errors import BadSettings
from kb_service.locales import parse_locale

_PREFIX = "KB_"
NEW_PASSWORD = "KB_NEW_PASSWORD"  # noqa: S105 - the name of a variable
"""Read by `kb user create` alone."""
_RATE = re.compile(r"off|[1-9]\d*/(second|minute|hour|day)")


def _rate_limit(value: str) -> str:
    if not _RATE.fullmatch(value):
        raise ValueError("must be like 600/minute, or off")
    return value


def _locale(value: str) -> str:
    return parse_locale(value)


def _log_level(value: str) -> str:
    if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
    return value.upper()


class Settings(BaseSettings):
    """Every setting with its default; the field's description is the text the documentation is checked against."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True)

    data_dir: Path = Field(Path("var"), description="Folder of everything the service keeps on this machine.")
    database_url: str = Field("", description="SQLAlchemy URL, sqlite or postgresql; empty: SQLite in the data folder.")
    encoder: str = Field("multilingual", description="Encoder profile, sentence-transformers name or local path.")
    index_url: str = Field("", description="Where index snapshots live (fsspec URL); empty: in the data folder.")
    redis_url: str = Field("", description="Redis for rate limits shared between processes; empty: per process.")
    secret_key: str = Field(
        "", description="Signs sessions and keys customer hashes; empty: made and kept by `kb init`."
    )
    rate_limit: Annotated[str, AfterValidator(_rate_limit)] = Field(
        "600/minute", description="Requests per API key (per address on the help page), or off."
    )
    default_locale: Annotated[str, AfterValidator(_locale)] = Field(
        "es-MX", description="Locale of a customer whose language is neither given nor recognised."
    )
    contact: str = Field("", description="How customers reach a person, shown on the help page; empty: not shown.")
    max_query_chars: PositiveInt = Field(5000, description="Longest customer message accepted, in characters.")
    max_import_bytes: PositiveInt = Field(50_000_000, description="Largest file accepted for import.")
    max_import_rows: PositiveInt = Field(200_000, description="Most rows accepted in one import.")
    precision_wanted: float = Field(
        0.95, gt=0, le=0.99, description="Share of automatic replies that must be right; the thresholds follow from it."
    )
    suggest_precision: float = Field(
        0.5, gt=0, lt=1, description="Share of offers of choices that must have the right entry first."
    )
    unanswerable_share: float = Field(
        0.1, ge=0, lt=1, description="Share of customers' questions that nothing in the base is expected to answer."
    )
    weight_question: float = Field(1.0, ge=0, le=100, description="What a shared word counts in an entry's question.")
    weight_phrasings: float = Field(1.0, ge=0, le=100, description="What a shared word counts in its phrasings.")
    weight_keywords: float = Field(1.0, ge=0, le=100, description="What a shared word counts in its keywords.")
    weight_answer: float = Field(0.4, ge=0, le=100, description="What a shared word counts in its answer.")
    golden_regression: Literal["warn", "block", "off"] = Field(
        "warn", description="What a publication meets that would make golden questions worse."
    )
    web_workers: PositiveInt = Field(1, description="Server processes started by `kb serve`.")
    web_threads: PositiveInt = Field(8, description="Threads of each server process.")
    trusted_proxies: NonNegativeInt = Field(
        0, description="How many proxies in front may say which address a request comes from."
    )
    secure_cookies: bool = Field(False, description="Behind HTTPS: cookies over HTTPS only, HTTP redirected.")
    log_level: Annotated[str, AfterValidator(_log_level)] = Field("INFO", description="Least severe level logged.")

    @property
    def database(self) -> str:
        """The database URL in force."""
        path = quote(str(self.data_dir.resolve() / "kb.sqlite3"))  # quoted: a folder's name may hold a question mark
        return self.database_url or f"sqlite:///{path}"

    @property
    def index(self) -> str:
        """The index location in force."""
        return self.index_url or str(self.data_dir.resolve() / "index")

    @property
    def vector_cache_dir(self) -> Path:
        """Folder of the embedding cache."""
        return self.data_dir.resolve() / "vectors"

    @model_validator(mode="after")
    def _precisions_in_order(self) -> Self:
        if self.suggest_precision > self.precision_wanted:
            raise ValueError("KB_SUGGEST_PRECISION must not be above KB_PRECISION_WANTED")
        return self

    def goal(self) -> Goal:
        """What thresholds are chosen for."""
        return Goal(self.precision_wanted, self.suggest_precision, self.unanswerable_share)

    def field_weights(self) -> FieldWeights:
        """What a shared word counts in each part of an entry."""
        return FieldWeights(self.weight_question, self.weight_phrasings, self.weight_keywords, self.weight_answer)

    def secret(self) -> str:
        """The secret in force: the setting, or the one that `kb init` wrote; BadSettings where there is neither."""
        if self.secret_key:
            return self.secret_key
        try:
            if kept := secret_file(self).read_text(encoding="ascii").strip():
                return kept
            raise BadSettings(f"{secret_file(self)} is empty: restore it, or remove it and run `kb init`")
        except FileNotFoundError:
            raise BadSettings("there is no secret yet: run `kb init`, or set KB_SECRET_KEY") from None


def secret_file(settings: Settings) -> Path:
    """Where `kb init` keeps the secret it makes."""
    return settings.data_dir / "secret.key"


def load_settings() -> Settings:
    """Read the settings from the environment; BadSettings names every wrong one, in one line."""
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(
            f"{_PREFIX}{str(part['loc'][0]).upper()}={part['input']!r}: {part['msg'].removeprefix('Value error, ')}"
            if part["loc"]
            else part["msg"].removeprefix("Value error, ")
            for part in error.errors()
        )
        raise BadSettings(problems) from error


def unknown_settings() -> list[str]:
    """Names in the environment that look like settings and are none, such as a misspelt one."""
    known = {_PREFIX + name.upper() for name in Settings.model_fields} | {NEW_PASSWORD}
    return sorted(name for name in os.environ if name.startswith(_PREFIX) and name not in known)
