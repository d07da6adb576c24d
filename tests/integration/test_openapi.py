"""The API's description is true: schemathesis makes requests of it, and holds every reply against it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.support.api import PROBLEM, message

OPERATIONS = [
    ("POST", "/v1/auto-replies"),
    ("POST", "/v1/interactions/{id}/feedback"),
    ("POST", "/v1/interactions/{id}/clicks"),
    ("POST", "/v1/interactions/{id}/escalations"),
    ("GET", "/v1/macros/search"),
    ("POST", "/v1/macros/{key}/render"),
    ("POST", "/v1/macros/{key}/uses"),
    ("GET", "/v1/entries"),
    ("GET", "/v1/entries/{key}"),
    ("GET", "/v1/golden-questions"),
    ("POST", "/v1/golden-questions"),
    ("DELETE", "/v1/golden-questions/{id}"),
]


@pytest.fixture(scope="module")
def api(sample_app: Flask) -> Any:
    """The description as schemathesis reads it; keys are ours to send (test_api_access.py tries wrong ones)."""
    config = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
    return schemathesis.openapi.from_wsgi("/openapi.json", sample_app, config=config)


def _operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_description_is_complete(client: FlaskClient) -> None:
    """Every operation says what it does, which key it needs, what it returns, and its errors as problem documents."""
    description = client.get("/openapi.json").get_json()
    assert description["openapi"].startswith("3.1")
    assert description["components"]["securitySchemes"]["api_key"] == {"type": "http", "scheme": "bearer"}
    found = list(_operations(description))
    assert {(method.upper(), path) for path, method, _ in found} == set(OPERATIONS)
    for path, _, operation in found:
        assert path.startswith("/v1/")
        assert operation["summary"]
        assert operation["security"] == [{"api_key": []}]
        assert "application/json" in operation["responses"]["200"]["content"]
        for status, response in operation["responses"].items():
            assert response["description"]
            if status >= "4":
                assert list(response["content"]) == [PROBLEM], (path, status)
                assert "detail" in str(response["content"][PROBLEM]["schema"])
    assert len({operation["operationId"] for _, _, operation in found}) == len(OPERATIONS)


@pytest.fixture(scope="module")
def interaction(sample_app: Flask, auth: Callable[..., dict[str, str]]) -> str:
    """An interaction that exists."""
    response = sample_app.test_client().post("/v1/auto-replies", json=message(), headers=auth("reply"))
    return str(response.get_json()["interaction_id"])


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_reply_is_as_described(
    api: Any, auth: Callable[..., dict[str, str]], interaction: str, method: str, path: str, mode: GenerationMode
) -> None:
    """No request made from the description, valid or not, gets a 5xx, an undocumented status, media type or shape."""
    known = {"id": interaction, "key": "card-lost" if "entries" in path else "greeting"}

    @given(api[path][method].as_strategy(generation_mode=mode))
    @settings(max_examples=40, suppress_health_check=list(HealthCheck), database=None)
    def check(case: schemathesis.Case) -> None:
        if mode is GenerationMode.POSITIVE and len(str(case.body)) % 2:  # half of them are about something that exists
            case.path_parameters |= {name: known[name] for name in known.keys() & case.path_parameters.keys()}
        # A schema cannot say all that makes a request acceptable: which locales there are, what was suggested.
        case.call_and_validate(headers=auth("admin"), excluded_checks=[positive_data_acceptance])

    check()
