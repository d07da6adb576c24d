"""Take personal data out of customers' texts before they are stored or logged."""

import re
import unicodedata
from collections.abc import Callable

import phonenumbers
from stdnum import luhn
from stdnum.br import cnpj, cpf
from stdnum.mx import rfc

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_WORD_ID = re.compile(r"\b[A-Za-zÑñ&]{3,4}[ -]?\d{6}[ -]?[A-Za-z0-9]{2,8}\b")
_DAY, _MONTH, _YEAR = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])", "(?:19|20)[0-9]{2}"
_DATE = rf"(?:{_YEAR}[./-]{_MONTH}[./-]{_DAY}|{_DAY}[./-]{_DAY}[./-]{_YEAR})(?:[ T][0-9]{{1,2}}:[0-9]{{2}})?"
_GAP = r"(?:[^\S\n]|[./_‐-―-])"  # a space (not a new line), punctuation that parts numbers, any kind of dash
_NUMBER = re.compile(rf"(?P<date>(?<![\d./-]){_DATE}(?!\d|[./-]\d))|\d(?:{_GAP}{{0,3}}\d){{7,}}")
_CURP = re.compile(r"[A-ZÑ]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d", re.IGNORECASE)
# E.164 numbers have up to 15 digits. Mexican ones with the 1 of before 2019 are no longer valid, but still written.
_ABROAD = re.compile(rf"[+＋]\d(?:(?:{_GAP}|[()]){{0,3}}\d){{9,14}}(?!{_GAP}{{0,3}}\d)")
_LONG_RUN = 9
_LONGEST = 19  # digits of the longest scheme, a card number
_REGIONS = ("MX", "BR")
_SECRET = re.compile(
    r"""\b(?P<what>(?:pin|nip|cvv2?|cvc2?|senha|contrase(?:ñ|n\u0303?)a|clave|token|password)
        |c[oó]digo[ ]de[ ](?:seguridad|segurança|seguranca|verificaci[oó]n|verificação|verificacao))
        (?P<link>(?:\s+(?:es|era|é|eh|is|was|actual|atual|n[uú]mero|number)\b){0,2}\s*[:=#]?\s*)
        \d{3,8}(?!\d|[.,/-]\d)""",
    re.IGNORECASE | re.VERBOSE,
)
_KINDS = ("email", "curp", "rfc", "phone", "clabe", "card", "cnpj", "cpf", "number", "secret")
_PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(_KINDS)})\]")
_CLABE_WEIGHTS = (3, 7, 1)


def redact(text: str) -> str:
    """Replace e-mails, CURP, RFC, CPF, CNPJ, CLABE, card numbers, phones, secrets and long digit runs by their kind.

    The kind is written in brackets. Check digits decide where a scheme has them (python-stdnum), but a phone number
    that begins with + is one whatever its digits. Three to eight digits after PIN, NIP, CVV, senha, contraseña, clave
    or token are a secret. A date, and an amount of fewer than nine digits in a row, stay readable.
    """
    text = _EMAIL.sub("[email]", text)
    text = _WORD_ID.sub(_word_id, text)
    text = _phones(_ABROAD.sub("[phone]", text))
    text = _NUMBER.sub(_number, text)
    return _SECRET.sub(r"\g<what>\g<link>[secret]", text)


def without_placeholders(redacted: str) -> str:
    """What is left of a redacted text to understand it by: without the bracketed kinds."""
    return " ".join(_PLACEHOLDER.sub(" ", redacted).split())


def _word_id(match: re.Match[str]) -> str:
    compact = re.sub(r"[ -]", "", match[0])
    if _CURP.fullmatch(compact):  # no other word looks like it, so one with a typing error is taken out as well
        return "[curp]"
    return "[rfc]" if rfc.is_valid(compact) else match[0]


def _number(match: re.Match[str]) -> str:
    if match["date"]:
        return match[0]
    kind, digits = _scheme(match[0])
    if kind:
        return f"[{kind}]"
    return "[number]" if len(digits) >= _LONG_RUN else match[0]


def _phones(text: str) -> str:
    for region in _REGIONS:
        found = phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.VALID)
        for match in reversed([m for m in found if m.raw_string[0] in "+＋" or not _scheme(m.raw_string)[0]]):
            text = f"{text[: match.start]}[phone]{text[match.end :]}"
    return text


def _scheme(raw: str) -> tuple[str | None, str]:
    """The numbering scheme whose check digits hold, if any, and the digits alone."""
    digits = "".join(str(unicodedata.decimal(character)) for character in raw if character.isdecimal())
    if len(digits) > _LONGEST:
        return None, digits
    return next((kind for kind, is_valid in _SCHEMES.items() if is_valid(digits)), None), digits


def _is_card(digits: str) -> bool:
    return 13 <= len(digits) <= 19 and luhn.is_valid(digits)


def _is_clabe(digits: str) -> bool:
    """Mexican account number: 18 digits, the last a check digit modulo 10 with weights 3, 7, 1."""
    if len(digits) != 18:
        return False
    total = sum(int(digit) * _CLABE_WEIGHTS[i % 3] % 10 for i, digit in enumerate(digits[:17]))
    return (10 - total % 10) % 10 == int(digits[17])


_SCHEMES: dict[str, Callable[[str], bool]] = {
    "clabe": _is_clabe,
    "card": _is_card,
    "cnpj": cnpj.is_valid,
    "cpf": cpf.is_valid,
}
