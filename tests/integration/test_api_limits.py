"""Rate limits: per key, per address without one, off, and shared through Redis."""

from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.api import assert_problem

App = Callable[..., Flask]


def _headers(app: Flask, name: str = "x") -> dict[str, str]:
    return {"Authorization": f"Bearer {app.extensions['kb_service'].keys.create(['content:read'], name)}"}


def _get(app: Flask, headers: dict[str, str] | None = None, path: str = "/v1/entries/card-lost") -> TestResponse:
    return app.test_client().get(path, headers=headers)


def test_requests_beyond_the_limit_are_refused_with_a_time_to_come_back(own_app: App) -> None:
    """429 as a problem document with Retry-After; each answer says how many are left."""
    app = own_app(rate_limit="3/minute")
    headers = _headers(app)
    allowed = [_get(app, headers) for _ in range(3)]
    assert [response.status_code for response in allowed] == [200] * 3
    assert [response.headers["X-RateLimit-Remaining"] for response in allowed] == ["2", "1", "0"]
    refused = _get(app, headers)
    assert_problem(refused, 429)
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert int(refused.headers["X-RateLimit-Limit"]) == 3


def test_each_key_has_its_own_limit(own_app: App) -> None:
    """All from one address; nobody without a key uses up a key's limit either."""
    app = own_app(rate_limit="2/minute")
    first, second = _headers(app, "a"), _headers(app, "b")
    statuses = [_get(app, headers).status_code for headers in (None, None, None, first, first, first, second)]
    assert statuses == [401, 401, 429, 200, 200, 429, 200]


def test_unknown_keys_are_limited_by_address(own_app: App) -> None:
    """Guessing keys is slowed down, whatever keys are sent."""
    app = own_app(rate_limit="3/minute")
    statuses = [_get(app, {"Authorization": f"Bearer guess-{number}"}).status_code for number in range(5)]
    assert statuses == [401, 401, 401, 429, 429]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_watching_the_service_is_not_limited(own_app: App, path: str) -> None:
    """Health checks do not stop when it is busy."""
    app = own_app(rate_limit="1/minute")
    assert {_get(app, path=path).status_code for _ in range(5)} == {200}


def test_the_limit_can_be_turned_off(own_app: App) -> None:
    """`off` means none, and no headers about it."""
    app = own_app(rate_limit="off")
    headers = _headers(app)
    responses = [_get(app, headers) for _ in range(30)]
    assert {response.status_code for response in responses} == {200}
    assert "X-RateLimit-Limit" not in responses[-1].headers


@pytest.mark.redis
def test_two_processes_share_one_count_through_redis(own_app: App, redis_url: str) -> None:
    """Two applications with their own memory and one Redis count together."""
    apps = [own_app(rate_limit="4/minute", redis_url=redis_url) for _ in range(2)]
    headers = _headers(apps[0], "shared")
    statuses = [_get(apps[number % 2], headers).status_code for number in range(6)]
    assert statuses == [200, 200, 200, 200, 429, 429]


def test_without_redis_each_process_counts_for_itself(own_app: App) -> None:
    """Which is what the setting's description says."""
    apps = [own_app(rate_limit="2/minute") for _ in range(2)]
    headers = _headers(apps[0])
    assert [_get(apps[number % 2], headers).status_code for number in range(6)] == [200, 200, 200, 200, 429, 429]


@pytest.mark.redis
def test_when_redis_is_gone_requests_are_still_served_and_limited(own_app: App) -> None:
    """A dead Redis costs the shared count, not the service."""
    app = own_app(rate_limit="3/minute", redis_url="redis://127.0.0.1:1/0")
    headers = _headers(app)
    assert [_get(app, headers).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
