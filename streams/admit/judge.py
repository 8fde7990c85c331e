"""Whether something that looks personal is: checksums, neighbours and the words before decide."""

from __future__ import annotations

import re
from ipaddress import ip_address

from stdnum import iban

# Which bytes to replace, and by what.
Verdict = tuple[int, int, bytes]

_PHONE_WORD = re.compile(
    rb"\b(?:phone|tel|telefon|call(?: me)?(?: back)?(?: at| on)?|mobile|cell|handy|fax|whatsapp|sms|text me at"
    rb"|reach me (?:at|on)|r\xc3\xbcckruf)[\w .]{0,12}[:.]? *\+?\(?$",
    re.IGNORECASE,
)
_COUNT_WORDS = frozenset(
    b"order orders ticket tickets invoice invoices case bug issue build number nummer nr no id ref reference serial".split()
)
_COUNT_STEMS = (b"bestell", b"rechnung", b"auftrag")
_VERSION_WORDS = (
    b"version",
    b"release",
    b"build",
    b"firmware",
    b"update",
    b"ver",
    b"ox",
    b"chrome",
    b"os",
    b" v",
    b"-v",
)
_DATE = re.compile(rb"(?:\d{1,2}[./\-]\d{1,2}[./\-](?:\d{4}|\d{2})|\d{4}[./\-]\d{1,2}[./\-]\d{1,2})(?!\d)")
_GROUP = re.compile(rb"\d+")
_NATIONAL = re.compile(rb"\(?0[1-9]\d{0,4}\)?(?:[ \-./]{0,3}\d{2,}){1,5}")
_NORTH_AMERICAN = re.compile(rb"(?:1[ .\-]?)?(?:\(\d{3}\) ?|\d{3}([ .\-]))\d{3}[ .\-]\d{4}")
_SECRET = re.compile(
    rb"(?i:bearer|basic) +|[A-Za-z _\-]+[\"']? *[:=] *[\"']?|pass\w+ (?:is|ist|lautet):? [\"']?", re.IGNORECASE
)
_FOUR_PARTS = re.compile(rb"\d{1,3}(?:\.\d{1,3}){3}").fullmatch
_DOUBLED = bytes((2 * (byte - 48)) // 10 + (2 * (byte - 48)) % 10 if 48 <= byte < 58 else 0 for byte in range(256))
_OF_NUMBERS = b"0123456789+ ().-/"
_CARD_SHAPE = re.compile(rb"\d{13,19}|\d{3,6}(?:[ \-]\d{1,7}){1,4}").fullmatch
_MAYBE_PHONE = re.compile(rb"[+(0]|1?[ .\-]?\d{3}[ .\-]").match
_NO_WORDS = b"0123456789 .,;:-/()\n\t"
_PLUS = ord("+")
_BETWEEN = b"+ ().-/"
_CARD_LENGTHS = (
    (re.compile(rb"4"), (13, 16, 19)),
    (re.compile(rb"5[1-5]|2[2-7]"), (16,)),
    (re.compile(rb"3[47]"), (15,)),
    (re.compile(rb"3[068]"), (14,)),
    (re.compile(rb"35"), (16,)),
    (re.compile(rb"5[06-9]|6"), (16, 17, 18, 19)),
)


def judge(data: bytes, start: int, end: int) -> Verdict | None:
    """What the candidate ``data[start:end]`` is; None when it is nothing to hide."""
    found = data[start:end]
    if not found.translate(None, _OF_NUMBERS):
        return _address(data, start, end) or _number(data, start, end)
    if b"@" in found and ((b":" not in found and b"=" not in found) or not _SECRET.match(found)):
        return start, end, b"<email>"
    if found.startswith(b"-----BEGIN"):
        closed = re.search(rb"-----END [A-Z ]*PRIVATE KEY-----", found)
        return (start, start + closed.end() if closed else end, b"<token>")
    return _iban(data, start, end) or _address(data, start, end) or _token(data, start, end)


def _iban(data: bytes, start: int, end: int) -> Verdict | None:
    found = data[start:end]
    if not re.match(rb"[A-Za-z]{2}\d\d", found):
        return None
    while len(found) >= 15:
        if iban.is_valid(found.decode("latin-1")):
            return (start, start + len(found), b"<iban>")
        shorter = re.match(rb"(.*)[ \-]", found)
        if shorter is None:
            return None
        found = shorter.group(1)
    return None


def _address(data: bytes, start: int, end: int) -> Verdict | None:
    found = data[start:end]
    if found.count(b".") == 3 and _FOUR_PARTS(found):
        return _ipv4(data, start, end)
    if found.count(b":") >= 2 and re.fullmatch(rb"[0-9A-Fa-f:.]+", found):
        return _ipv6(data, start, end)
    return None


def _ipv4(data: bytes, start: int, end: int) -> Verdict | None:
    parts = data[start:end].split(b".")
    if max(map(int, parts)) > 255 or int(parts[0]) == 0 or data[start - 1 : start] == b".":
        return None
    part_of_more = data[end : end + 1] == b"." and data[end + 1 : end + 2].isdigit()
    said = b" " + _before(data, start).rstrip(b" .:").lower()
    if part_of_more or said.endswith(_VERSION_WORDS):
        return None
    return (start, end, b"<ip>")


def _before(data: bytes, start: int) -> bytes:
    """The bytes before a candidate that tell what it is, none of another string."""
    return data[max(0, start - 32) : start].rpartition(b"\x00")[2]


def _ipv6(data: bytes, start: int, end: int) -> Verdict | None:
    found, before, after = data[start:end], data[max(0, start - 1) : start], data[end : end + 1]
    groups = [group for group in re.split(rb"[:.]", found) if group]
    joined = before.isalnum() or after.isalnum() or b"_" in (before, after)
    if joined or len(groups) < 2 or not re.search(rb"\d", found) or not _is_ip(found):
        return None
    return (start, end, b"<ip>")


def _is_ip(found: bytes) -> bool:
    try:
        ip_address(found.decode("latin-1"))
    except ValueError:
        return False
    return True


def _number(data: bytes, start: int, end: int) -> Verdict | None:
    """A card or a phone inside a run of digits; the longest reading of the leftmost start that is one."""
    last = data[start - 1 : start]
    if start and (last.isalnum() or last == b"_" or (last == b"." and data[start - 2 : start - 1].isdigit())):
        return None
    found, cut = data[start:end], data[end : end + 1].isalnum()
    digits = found.translate(None, _BETWEEN)
    if not cut and found[0] == _PLUS and 8 <= len(digits) <= 13:
        return start, end, b"<phone>"
    if not cut and _is_card(found, digits):
        return start, end, b"<card>"
    groups = list(_GROUP.finditer(found))
    if cut:
        del groups[-1]
    return (_card(found, start, groups) if len(digits) >= 13 else None) or _phone(
        found, start, groups, _before(data, start)
    )


def _card(found: bytes, start: int, groups: list[re.Match[bytes]]) -> Verdict | None:
    for i, first in enumerate(groups):
        if first.end() - first.start() < 3:
            continue
        for last in reversed(groups[i : i + 6]):
            if _is_card_text(found[first.start() : last.end()]):
                return start + first.start(), start + last.end(), b"<card>"
    return None


def _is_card_text(text: bytes) -> bool:
    return _is_card(text, text.translate(None, _BETWEEN))


def _is_card(text: bytes, digits: bytes) -> bool:
    if len(digits) < 13 or not _CARD_SHAPE(text):
        return False
    fits = any(prefix.match(digits) and len(digits) in lengths for prefix, lengths in _CARD_LENGTHS)
    return fits and len(set(digits)) > 1 and _luhn(digits)


def _luhn(digits: bytes) -> bool:
    """The check sum of card numbers.

    >>> _luhn(b"4111111111111111"), _luhn(b"4111111111111112")
    (True, False)
    """
    doubled = sum(digits[-2::-2].translate(_DOUBLED))
    return (doubled + sum(digits[-1::-2]) - 48 * ((len(digits) + 1) // 2)) % 10 == 0


def _phone(found: bytes, start: int, groups: list[re.Match[bytes]], before: bytes) -> Verdict | None:
    if not _MAYBE_PHONE(found) and not before.strip(_NO_WORDS):
        return None
    counted = _counts(before)
    for last in reversed(groups[:15]):
        text = found[: last.end()]
        if _DATE.match(text.lstrip(b"+(")) is None and _is_phone(text, before, counted=counted):
            return start, start + len(text), b"<phone>"
    return None


def _counts(before: bytes) -> bool:
    """Whether the word before says that the number is an order's, a ticket's, a build's."""
    said = before.rstrip(b" .:#-").lower().rpartition(b" ")[2].lstrip(b"(\"'")
    return said in _COUNT_WORDS or said.startswith(_COUNT_STEMS) or before.rstrip(b" ").endswith(b"#")


def _is_phone(text: bytes, before: bytes, *, counted: bool) -> bool:
    digits = len(text.translate(None, _BETWEEN))
    if text.lstrip(b"(").startswith((b"+", b"00")):
        return 8 <= digits <= 17 and not (counted and text.isdigit())
    if not 7 <= digits <= 15:
        return False
    if not counted and (_NORTH_AMERICAN.fullmatch(text) or (9 <= digits <= 12 and _NATIONAL.fullmatch(text))):
        return True
    return _PHONE_WORD.search(before) is not None


def _token(data: bytes, start: int, end: int) -> Verdict | None:
    found = data[start:end]
    told = _SECRET.match(found)
    if told is not None:
        return _told_secret(found, start, end, told.end())
    if re.match(rb"eyJ|[spr]k[-_]|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|AKIA|ASIA|AIza", found):
        return (start, end, b"<token>")
    digits, letters = len(re.findall(rb"\d", found)), len(re.findall(rb"[A-Za-z]", found))
    random_looking = len(found) >= 32 and digits >= 3 and letters >= 3 and b" " not in found and found.count(b"/") < 4
    return (start, end, b"<token>") if random_looking else None


def _told_secret(found: bytes, start: int, end: int, value_at: int) -> Verdict | None:
    value = found[value_at:]
    password = re.match(rb"pass|pwd|pin|bearer|basic", found, re.IGNORECASE)
    if re.search(rb"\d", value) or len(value) >= 16 or ((password and b":" in found) or b"=" in found):
        return (start + value_at, end, b"<token>")
    return None
