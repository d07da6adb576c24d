"""API keys: made, checked, revoked; the database never holds one."""

import hashlib
from pathlib import Path

import pytest

from kb_service.errors import Forbidden, InvalidInput, NotFound, Unauthorised
from kb_service.services.api_keys import SCOPES, require
from kb_service.services.customer_key import customer_key
from tests.unit.kb_service.services.conftest import SmallBase


def test_a_key_opens_its_scopes_only(small: SmallBase) -> None:
    """Each other scope is refused as such, and named."""
    key = small.keys.create(["reply", "macros", "reply"], "shop")
    for scope in SCOPES:
        if scope in ("reply", "macros"):
            assert require(small.keys.known(key), scope).scopes == ("reply", "macros")
        else:
            with pytest.raises(Forbidden, match=scope):
                require(small.keys.known(key), scope)


def test_admin_opens_every_scope(small: SmallBase) -> None:
    """Also one that does not exist yet."""
    key = small.keys.create(["admin"], "shop")
    for scope in (*SCOPES, "of the future"):
        assert require(small.keys.known(key), scope).name == "shop"


@pytest.mark.parametrize("key", ["", "kb_", "nonsense", "kb_" + "A" * 43, "ñ🙂\udcff", "x" * 100_000, "' OR 1=1 --"])
def test_an_unknown_key_is_refused(small: SmallBase, key: str) -> None:
    """Whatever it looks like."""
    small.keys.create(["admin"], "shop")
    with pytest.raises(Unauthorised):
        require(small.keys.known(key), "reply")


def test_a_revoked_key_is_refused_at_once(small: SmallBase) -> None:
    """The others still work; revoking again, or an unknown key, is an error."""
    keys = [small.keys.create(["reply"], name) for name in ("a", "b")]
    first, second = small.keys.all()
    small.keys.revoke(first.id)
    with pytest.raises(Unauthorised):
        require(small.keys.known(keys[0]), "reply")
    assert require(small.keys.known(keys[1]), "reply").id == second.id
    for number in (first.id, 999):
        with pytest.raises(NotFound, match=str(number)):
            small.keys.revoke(number)
    assert [key.revoked_at is None for key in small.keys.all()] == [False, True]


def test_the_database_holds_a_hash_only(small: SmallBase, tmp_path: Path) -> None:
    """No file of the base has the key; the prefix shown is too short to be one."""
    key = small.keys.create(["reply"], "shop")
    with small.database.reading() as work:
        assert work.api_keys.by_digest(hashlib.sha256(key.encode()).hexdigest()) is not None
    for path in tmp_path.glob("kb.sqlite3*"):
        assert key.encode() not in path.read_bytes()
        assert key[12:].encode() not in path.read_bytes()
    assert len(small.keys.all()[0].prefix) < 12


def test_keys_differ(small: SmallBase) -> None:
    """Forty keys of 43 random characters each."""
    keys = {small.keys.create(["reply"], "shop") for _ in range(40)}
    assert {len(key) for key in keys} == {46}
    assert len(keys) == 40


@pytest.mark.parametrize("scopes", [[], ["root"], ["reply", "Reply"], [""]])
def test_unknown_scopes_are_refused(small: SmallBase, scopes: list[str]) -> None:
    """The error lists those there are, and no key is made."""
    with pytest.raises(InvalidInput, match="content:read"):
        small.keys.create(scopes, "shop")
    assert small.keys.all() == []


@pytest.mark.parametrize("name", ["", "  ", "n" * 101, "help-page"])
def test_a_name_must_fit(small: SmallBase, name: str) -> None:
    """It becomes the sender of every message: at least something, at most what its column holds."""
    with pytest.raises(InvalidInput, match="1 to 100") as caught:
        small.keys.create(["reply"], name)
    assert caught.value.where == "name"
    assert small.keys.create(["reply"], "ñ" * 100)


def test_a_customer_is_a_keyed_hash() -> None:
    """The same for the same customer and secret, another for another of either, and the id cannot be read from it."""
    known = customer_key("secret", "ana@b.mx")
    assert known == customer_key("secret", "ana@b.mx")
    assert len({known, customer_key("secret", "ana@b.m"), customer_key("other", "ana@b.mx"), customer_key("", "")}) == 4
    assert len(known) == 64
    assert set(known) <= set("0123456789abcdef")
    assert known != hashlib.sha256(b"ana@b.mx").hexdigest()
