"""What is taken out of customers' texts, and what stays."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from kb_service.services.redact import redact, without_placeholders

CARD = "4111 1111 1111 1111"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("mi tarjeta es 4111 1111 1111 1111 y no pasa", "mi tarjeta es [card] y no pasa"),
        ("4111-1111-1111-1111", "[card]"),
        ("4111.1111.1111.1111", "[card]"),
        ("4111_1111_1111_1111", "[card]"),
        ("4111\u00a01111\u00a01111\u00a01111", "[card]"),
        ("4111 - 1111 – 1111 — 1111", "[card]"),
        ("4111111111111111", "[card]"),
        ("４１１１１１１１１１１１１１１１", "[card]"),
        ("amex 3782 822463 10005.", "amex [card]."),
        ("el 2/5/2026 pagué 4111 1111 1111 1111", "el 2/5/2026 pagué [card]"),
        ("4111 1111 1111 1112", "[number]"),
        ("clabe 032180000118359719", "clabe [clabe]"),
        ("032 180 00011835971 9", "[clabe]"),
        ("CURP BOXW310820HNERXN09", "CURP [curp]"),
        ("curp: boxw310820hnerxn09", "curp: [curp]"),
        ("curp con error BOXW310820HNERXN08", "curp con error [curp]"),
        ("RFC GODE561231GR8", "RFC [rfc]"),
        ("RFC GODE-561231-GR8", "RFC [rfc]"),
        ("cpf 529.982.247-25", "cpf [cpf]"),
        ("52998224725", "[cpf]"),
        ("cnpj 11.222.333/0001-81", "cnpj [cnpj]"),
        ("llámame al 55 1234 5678", "llámame al [phone]"),
        ("+52 55 1234 5678", "[phone]"),
        ("(55) 1234-5678", "[phone]"),
        ("+55 11 91234-5678", "[phone]"),
        ("(11) 91234-5678, obrigado", "[phone], obrigado"),
        ("ana.perez+x@ejemplo.com.mx", "[email]"),
        ("escribe a josé@dominio.mx.", "escribe a [email]."),
        ("referencia 123456789", "referencia [number]"),
        ("+52 1 55 1234 5678", "[phone]"),
        ("llama al +52 1 55 1234 5678 ya", "llama al [phone] ya"),
        ("＋52 1 (55) 1234-5678", "[phone]"),
        ("+52 1 55 1234 5678, tarjeta 4111 1111 1111 1111", "[phone], tarjeta [card]"),
        ("+4111 1111 1111 1111", "+[card]"),
        ("mi NIP es 1234", "mi NIP es [secret]"),
        ("NIP1234", "NIP[secret]"),
        ("cvv 123", "cvv [secret]"),
        ("senha: 4321", "senha: [secret]"),
        ("a senha atual é 4321.", "a senha atual é [secret]."),
        ("mi contrasen\u0303a es 87654321", "mi contrasen\u0303a es [secret]"),
        ("CLAVE=123456, token 998877", "CLAVE=[secret], token [secret]"),
        ("código de seguridad 123", "código de seguridad [secret]"),
        ("tarjeta 4111 1111 1111 1111 cvv 123", "tarjeta [card] cvv [secret]"),
        ("boleto 34191790010104351004791020150008291070026000", "boleto [number]"),
    ],
)
def test_personal_data_is_taken_out(text: str, redacted: str) -> None:
    """By kind where the kind can be told, as a number where it cannot."""
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "cobro de $1,234.56",
        "R$ 1.234,56",
        "$12,345,678.90 MXN",
        "1 000 000 pesos",
        "el 21/11/2026 a las 14:30",
        "2026-11-21 14:30:05",
        "2026-11-21T14:30",
        "del 01/01/2026 al 02/02/2026",
        "compra 21-11-2026 1,299.00",
        "21.11.2026",
        "folio 1234567",
        "ticket 12345678",
        "cambiar mi NIP",
        "el NIP de 4 dígitos",
        "mi PIN de 6 dígitos no sirve",
        "pagué 1234",
        "clave de rastreo 123456",
        "token 500.00",
        "cvv 12",
        "espina 1234",
        "de 5 a 10 días hábiles",
        "pagué 500 y 300 y 200 y 100",
        "¿Cómo bloqueo mi tarjeta? 🙂",
        "a@b",
        "IPHONE15PRO",
        "",
        " \n ",
    ],
)
def test_amounts_dates_and_short_numbers_stay(text: str) -> None:
    """What an analyst needs to understand the question is not touched."""
    assert redact(text) == text


@pytest.mark.parametrize(("text"), ["11-11-2026-1234-5678", "2026.11.21.1111.1111", "11/11/20261111111"])
def test_a_number_that_begins_like_a_date_is_a_number(text: str) -> None:
    """Writing a card or account number with a date's separators does not hide it."""
    assert redact(text) == "[number]"


def test_several_kinds_in_one_text() -> None:
    """Each is replaced where it stands."""
    text = f"Soy ana@b.mx, tarjeta {CARD}, RFC GODE561231GR8, tel +52 55 1234 5678, cobro $350 el 03/05/2026"
    assert redact(text) == "Soy [email], tarjeta [card], RFC [rfc], tel [phone], cobro $350 el 03/05/2026"


def test_what_is_left_says_what_the_text_is_about() -> None:
    """Placeholders go, other brackets stay."""
    assert (
        without_placeholders(redact(f"perdí [ayer] mi tarjeta\n{CARD}, ana@b.mx ya")) == "perdí [ayer] mi tarjeta , ya"
    )
    assert without_placeholders("[email] [secret]") == ""


@given(st.text(max_size=300))
def test_any_text_is_redacted_without_an_error(text: str) -> None:
    """And redacting twice changes nothing more."""
    once = redact(text)
    assert redact(once) == once


numbers = st.text("0123456789", min_size=12, max_size=18).map(lambda digits: digits + luhn.calc_check_digit(digits))
gaps = st.sampled_from(["", " ", "-", ".", " - ", "\u00a0"])
words = st.text("abcdefghijklmnñopqrstuvwxyz ¿?¡!,;áéí", max_size=30)


@given(words, numbers, gaps, words)
def test_no_card_number_survives(before: str, number: str, gap: str, after: str) -> None:
    """Any number with a card's check digit, in groups of four, between any words: fewer than nine digits are left."""
    grouped = gap.join(number[start : start + 4] for start in range(0, len(number), 4))
    found = redact(f"{before} {grouped} {after}")
    assert sum(character.isdigit() for character in found) < 9


@pytest.mark.parametrize(
    "text",
    [
        "1" * 5000,
        "1 " * 2500,
        "1   " * 1250,
        "4111 1111 1111 1111 " * 250,
        "11/11/" * 800,
        "a@" * 2500,
        "+52 1 " * 1000,
        "+" + "1 " * 2500,
        "nip es " * 700,
        "código de " * 500,
        "(55) " * 1000,
        "".join(random.Random(1).choices("0123456789 -/.+()@aA", k=5000)),
    ],
    ids=lambda text: text[:6],
)
def test_five_thousand_characters_are_quick(text: str) -> None:
    """Well under the time of a reply, whatever the digits look like."""
    started = time.perf_counter()
    redact(text)
    assert time.perf_counter() - started < 0.5
