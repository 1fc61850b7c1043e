"""Parsers: from the text of a setting to its value; ValueError says what is wrong with the text."""

import os
import re
from collections.abc import Callable
from email.utils import parseaddr
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

from jeton.errors import MoneyError
from jeton.identity.restricting.restrictions import Network
from jeton.ledger.budgets.errors import UnknownZoneError
from jeton.ledger.budgets.zones import parse_zone
from jeton.money import parse_usd

DAYS_MAX = 3650
PICTURE_BYTES_MAX = 65_536
ROLES = ("developer", "billing", "admin", "auditor")

_YES = frozenset({"yes", "true", "on", "1"})
_PUBLIC_URL = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_EMAIL = re.compile(r"[^@\s\[\]'\"]+@[^@\s\[\]'\"]+")
_FAMILY = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_WORD = re.compile(r"[a-z0-9][a-z0-9._-]*")
_LINK = re.compile(r"(https?://|mailto:|/(?![/\\]))[^\s<>\"']*")
_NO = frozenset({"no", "false", "off", "0"})

Parse = Callable[[str], Any]


def parse_text(text: str) -> str:
    """Text without the spaces around it."""
    return text.strip()


def parse_path(text: str) -> Path:
    """An absolute path; ``~`` is the home."""
    return Path(text).expanduser().absolute()


def parse_zone_name(text: str) -> str:
    """The name of an IANA time zone."""
    try:
        return parse_zone(text.strip()).key
    except UnknownZoneError as error:
        raise ValueError(f"is no time zone: {error}") from None


def parse_paths(text: str) -> tuple[Path, ...]:
    """Paths with the system's separator between them."""
    return tuple(parse_path(part) for part in text.split(os.pathsep) if part)


def parse_picture(text: str) -> Path | None:
    """The path of an SVG file of at most PICTURE_BYTES_MAX, or nothing; the file is looked into."""
    if not text.strip():
        return None
    path = parse_path(text.strip())
    try:
        with path.open("rb") as file:
            content = file.read(PICTURE_BYTES_MAX + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if len(content) > PICTURE_BYTES_MAX:
        raise ValueError(f"has more than {PICTURE_BYTES_MAX} bytes: draw a simpler mark")
    if b"<!ENTITY" in content:
        raise ValueError("declares entities, which a mark needs none of")
    try:
        root = ET.fromstring(content)  # noqa: S314 - the operator's own file, small and without entities
    except ET.ParseError as error:
        raise ValueError(f"is no SVG file: {error}") from None
    if root.tag != "{http://www.w3.org/2000/svg}svg":
        raise ValueError("is no SVG file: its root is not an svg of http://www.w3.org/2000/svg")
    return path


def parse_tokenizer_files(text: str) -> tuple[tuple[str, Path], ...]:
    """Tokenizer families with their files, as FAMILY=PATH with the system's separator between them."""
    files: dict[str, Path] = {}
    for part in text.split(os.pathsep):
        family, sign, path = part.partition("=")
        if not part:
            continue
        if not sign or not path or _FAMILY.fullmatch(family) is None:
            raise ValueError(f"is not FAMILY=PATH, such as qwen=/models/qwen/tokenizer.json, in {part!r}")
        if family in files:
            raise ValueError(f"names two files for the family {family}")
        files[family] = parse_path(path)
    return tuple(files.items())


def parse_emails(text: str) -> tuple[str, ...]:
    """E-mail addresses, lower-case, with commas between them."""
    emails = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    if not all(_EMAIL.fullmatch(email) for email in emails):
        raise ValueError("is not a list of e-mail addresses with ',' between them")
    return emails


def parse_sender(text: str) -> str:
    """An e-mail address, with a name before it or not: ``Jeton <jeton@example.com>``."""
    sender = text.strip()
    address = parseaddr(sender)[1]
    if sender and not (sender.isprintable() and _EMAIL.fullmatch(address)):
        raise ValueError("is not an e-mail address such as Jeton <jeton@example.com>")
    return sender


def parse_issuer(text: str) -> str:
    """An address of http(s), as the provider writes itself; nothing is added or taken away."""
    issuer = text.strip()
    if issuer and not (re.fullmatch(r"https?://[^\s?#]+", issuer) and issuer.isascii()):
        raise ValueError("is not an issuer such as https://login.example.com")
    return issuer


def parse_networks(text: str) -> tuple[Network, ...]:
    """Addresses or networks with commas between them; what says everybody is refused."""
    try:
        networks = tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError(
            "is not a list of addresses or networks, such as 10.0.0.0/8, with ',' between them"
        ) from None
    if any(network.prefixlen == 0 for network in networks):
        raise ValueError("names everybody, who could then say they are somebody else")
    return networks


def parse_uuid(text: str) -> str:
    """The id of an organization, or nothing."""
    try:
        return str(UUID(text.strip())) if text.strip() else ""
    except ValueError:
        raise ValueError("is not the id of an organization, as `jeton organizations list` shows it") from None


def parse_group_roles(text: str) -> tuple[tuple[str, str], ...]:
    """Groups with the role that each gives, as GROUP=ROLE with commas between them."""
    pairs = [part.strip().rpartition("=") for part in text.split(",") if part.strip()]
    if not all(group.strip() and role.strip() in ROLES for group, _, role in pairs):
        raise ValueError(f"is not a list of GROUP=ROLE with ',' between them; roles are {', '.join(ROLES)}")
    return tuple((group.strip(), role.strip()) for group, _, role in pairs)


def parse_days(text: str) -> tuple[int, ...]:
    """Numbers of days with commas between them, each once, the longest first; 0 is none."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and int(part[:9]) <= DAYS_MAX for part in parts):
        raise ValueError(f"is not a list of days from 0 to {DAYS_MAX} with ',' between them")
    return tuple(sorted({int(part) for part in parts} - {0}, reverse=True))


def parse_words(text: str) -> tuple[str, ...]:
    """Words such as names of models or domains, lower-case, with commas between them."""
    words = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    if not all(_WORD.fullmatch(word) for word in words):
        raise ValueError("is not a list of names with ',' between them")
    return words


def parse_labels(text: str) -> tuple[str, ...]:
    """Names as people read them, with commas between them."""
    labels = tuple(part.strip() for part in text.split(",") if part.strip())
    if not all(label.isprintable() for label in labels):
        raise ValueError("is not a list of names with ',' between them")
    return labels


def parse_links(text: str) -> tuple[tuple[str, str], ...]:
    """Links as NAME=ADDRESS with commas between them; an address is http(s), mailto or a path of ours."""
    links = [tuple(word.strip() for word in part.split("=", 1)) for part in text.split(",") if part.strip()]
    for link in links:
        if len(link) != 2 or not link[0] or not link[0].isprintable() or _LINK.fullmatch(link[1]) is None:  # noqa: PLR2004 - a name and an address
            raise ValueError("is not a list of NAME=ADDRESS, such as Status=https://status.example.com")
    return tuple((link[0], link[1]) for link in links)


def parse_footer_links(text: str) -> tuple[tuple[str, str, str], ...]:
    """Links as COLUMN/NAME=ADDRESS with commas between them."""
    links = []
    for name, address in parse_links(text):
        column, sign, label = (word.strip() for word in name.partition("/"))
        if not sign or not column or not label:
            raise ValueError(f"has a link without a column, {name!r}: write COLUMN/NAME=ADDRESS")
        links.append((column, label, address))
    return tuple(links)


def some_of(*words: str) -> Parse:
    """A parser of some of these words, with commas between them."""

    def parse(text: str) -> tuple[str, ...]:
        chosen = parse_words(text)
        if not set(chosen) <= set(words):
            raise ValueError(f"is not a list of {', '.join(words)} with ',' between them")
        return chosen

    return parse


def parse_amount(text: str) -> str:
    """A dollar amount, not below zero."""
    if parse_usd(text) < 0:
        raise MoneyError(text, "is below zero")
    return text


def parse_yes_no(text: str) -> bool:
    """Yes or no, in the usual spellings."""
    if text.lower() not in _YES | _NO:
        raise ValueError("is neither yes nor no")
    return text.lower() in _YES


def whole(low: int, high: int) -> Parse:
    """A parser of whole numbers from ``low`` to ``high``."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"is not a whole number from {low} to {high}")
        return int(text)

    return parse


def seconds(low: float, high: float) -> Parse:
    """A parser of seconds from ``low`` to ``high``."""

    def parse(text: str) -> float:
        problem = f"is not a number of seconds from {low:g} to {high:g}"
        try:
            number = float(text)
        except ValueError:
            raise ValueError(problem) from None
        if not low <= number <= high:
            raise ValueError(problem)
        return number

    return parse


def one_of(*words: str) -> Parse:
    """A parser of one of these words."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"is not one of {', '.join(words)}")
        return text

    return parse


def parse_credit_status(text: str) -> int:
    """400 or 402."""
    return int(one_of("400", "402")(text))


def parse_public_url(text: str) -> str:
    """An http(s) address without a path."""
    url = text.strip().removesuffix("/").lower()
    if url and _PUBLIC_URL.fullmatch(url) is None:
        raise ValueError(
            "is not an address such as https://api.example.com, with nothing after the host or port"
        )
    return url
