"""Requests: the list of charges, newest first, page by page.

The id of a request begins with the time of its making, so a range of time is a range of ids; the items
of a batch have its id but for their last digits.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from jeton import clock
from jeton.db.pool import Connection
from jeton.money import render_usd

PAGE_ROWS = 50
PAGE_ROWS_MAX = 1000
# A filter looks through this many charges for one page and then offers to go on, so that a
# filter that matches nothing does not read the whole history.
SCANNED_MAX = 20_000
# A hold follows the making of its request's id; clocks of several nodes differ by less.
ID_LEEWAY = timedelta(minutes=1)
PREFIX = "req_"
_TIME_DIGITS = 12
_US_PER_MS = timedelta(milliseconds=1)
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
# The digits of an id that tell the items of a batch apart.
_ITEM_DIGITS = 5
# Sorts after every hexadecimal digit.
_AFTER_DIGITS = "g"
_AFTER_ALL = f"{PREFIX}{_AFTER_DIGITS}"

SHOWN = """
    m.request_id, m.workspace_id, w.name, m.key_id, k.name, m.model, m.upstream, m.state, m.rule_id,
    m.is_rehearsal, m.list_nano, m.net_nano, m.held_at, m.ended_at, u.service_tier,
    u.input_tokens, u.cache_creation_5m_input_tokens, u.cache_creation_1h_input_tokens,
    u.cache_read_input_tokens, u.output_tokens, coalesce(r.amount_nano, 0),
    (SELECT a.first_byte_ms FROM upstream_attempts AS a
     WHERE a.request_id = m.request_id AND a.outcome = 'answered' ORDER BY a.attempt DESC LIMIT 1),
    m.held_nano, m.end_user, m.tag, u.thinking_tokens
"""
JOINED = """
    LEFT JOIN usage_events AS u ON u.request_id = m.request_id
    LEFT JOIN reversals AS r ON r.request_id = m.request_id
    LEFT JOIN api_keys AS k ON k.key_id = m.key_id
    LEFT JOIN workspaces AS w ON w.workspace_id = m.workspace_id
"""
_READ = f"""
    WITH scanned AS (
        SELECT * FROM charges
        WHERE organization_id = %(organization_id)s
          AND request_id >= %(first_id)s AND request_id < %(last_id)s
          AND (%(from_at)s::timestamptz IS NULL OR held_at >= %(from_at)s)
          AND (%(until_at)s::timestamptz IS NULL OR held_at < %(until_at)s)
        ORDER BY request_id DESC LIMIT %(scanned_max)s
    ), matching AS (
        SELECT * FROM scanned
        WHERE (%(model)s::text IS NULL OR model = %(model)s)
          AND (%(state)s::text IS NULL OR state = %(state)s)
          AND (%(key_id)s::text IS NULL OR key_id = %(key_id)s)
          AND (%(workspace_id)s::text IS NULL OR workspace_id = %(workspace_id)s)
          AND (%(end_user)s::text IS NULL OR end_user = %(end_user)s)
          AND (%(tag)s::text IS NULL OR tag = %(tag)s)
          AND (%(token_class)s::text IS NULL OR EXISTS (
              SELECT FROM usage_events AS u
              WHERE u.request_id = scanned.request_id AND CASE %(token_class)s
                  WHEN 'input_tokens' THEN u.input_tokens
                  WHEN 'cache_creation_5m_input_tokens' THEN u.cache_creation_5m_input_tokens
                  WHEN 'cache_creation_1h_input_tokens' THEN u.cache_creation_1h_input_tokens
                  WHEN 'cache_read_input_tokens' THEN u.cache_read_input_tokens
                  WHEN 'output_tokens' THEN u.output_tokens END > 0))
          AND (%(service_tier)s::text IS NULL OR EXISTS (
              SELECT FROM usage_events AS u
              WHERE u.request_id = scanned.request_id AND u.service_tier = %(service_tier)s))
        ORDER BY request_id DESC LIMIT %(limit)s
    )
    SELECT {SHOWN}, s.scanned_count, s.scanned_id
    FROM (SELECT count(*) AS scanned_count, min(request_id) AS scanned_id FROM scanned) AS s
    LEFT JOIN matching AS m ON true {JOINED}
    ORDER BY m.request_id DESC
"""  # noqa: S608 - our own text


@dataclass(frozen=True, slots=True)
class ChargeFilter:
    """Which charges to list; None means every one.

    Held from ``from_at`` up to, not including, ``until_at``; ``request_id`` is an id or its beginning;
    ``batch_id`` has only the items of that batch; ``token_class``, one of TOKEN_CLASSES, those with any such
    token.
    """

    model: str | None = None
    state: str | None = None
    key_id: str | None = None
    workspace_id: str | None = None
    service_tier: str | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    request_id: str | None = None
    batch_id: str | None = None
    token_class: str | None = None
    end_user: str | None = None
    tag: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it lets everything through."""
        return self == ChargeFilter()

    @property
    def is_searching(self) -> bool:
        """Whether charges have to be looked at one by one; a range of ids is found at once."""
        labels = (self.end_user, self.tag)
        if self.token_class:
            return True
        return any((self.model, self.state, self.key_id, self.workspace_id, self.service_tier, *labels))

    def find_ids(self) -> tuple[str, str]:
        """The range of ids, half-open, that all of it lies in."""
        firsts, lasts = [PREFIX], [_AFTER_ALL]
        if self.from_at is not None:
            firsts.append(make_first_id(self.from_at - ID_LEEWAY))
        if self.until_at is not None:
            lasts.append(make_first_id(self.until_at + ID_LEEWAY))
        stems = [self.request_id] if self.request_id else []
        if self.batch_id:
            stems.append(f"{PREFIX}{self.batch_id.partition('_')[2][:-_ITEM_DIGITS]}")
        firsts += stems
        lasts += [f"{stem}{_AFTER_DIGITS}" for stem in stems]
        return max(firsts), min(lasts)


@dataclass(frozen=True, slots=True)
class ListedCharge:
    """One request whose hold has ended; token counts are None where the usage is unknown.

    ``first_byte_ms`` is kept where the upstream's own price or a fallback is configured. ``thinking_tokens``
    are a part of the output, None also where they were not kept yet.
    """

    request_id: str
    workspace_id: str
    workspace_name: str | None
    key_id: str
    key_name: str | None
    model: str
    upstream: str
    state: str
    rule_id: str
    is_rehearsal: bool
    list_nano: int
    net_nano: int
    held_at: datetime
    ended_at: datetime
    service_tier: str | None
    input_tokens: int | None
    cache_creation_5m_input_tokens: int | None
    cache_creation_1h_input_tokens: int | None
    cache_read_input_tokens: int | None
    output_tokens: int | None
    reversed_nano: int = 0
    first_byte_ms: int | None = None
    held_nano: int = 0
    end_user: str = ""
    tag: str = ""
    thinking_tokens: int | None = None

    @property
    def cache_creation_input_tokens(self) -> int | None:
        """Tokens written to the cache, for whatever time."""
        short, long = self.cache_creation_5m_input_tokens, self.cache_creation_1h_input_tokens
        return None if short is None or long is None else short + long

    @property
    def saved_nano(self) -> int:
        """What all discounts together took off the list amount."""
        return self.list_nano - self.net_nano if self.state == "settled" else 0

    @property
    def read_ppm(self) -> int | None:
        """Which part of the prompt was read from the cache, in millionths; None without a prompt."""
        written, read = self.cache_creation_input_tokens, self.cache_read_input_tokens
        if written is None or read is None or self.input_tokens is None:
            return None
        prompt = self.input_tokens + written + read
        return read * 1_000_000 // prompt if prompt else None

    @property
    def duration_ms(self) -> int | None:
        """From the hold to the charge; None for an item of a batch, which waits for its turn."""
        if self.service_tier == "batch":
            return None
        return (self.ended_at - self.held_at) // _US_PER_MS


@dataclass(frozen=True, slots=True)
class ChargePage:
    """A page of charges; ``next_id`` asks for the next page, None when there is none."""

    as_of: datetime
    charges: tuple[ListedCharge, ...]
    next_id: str | None


def make_first_id(at: datetime, *, prefix: str = PREFIX) -> str:
    """The id before every id (of a request, if no other ``prefix`` is given) that was made from ``at`` on."""
    return f"{prefix}{max(0, (at - _EPOCH) // _US_PER_MS):0{_TIME_DIGITS}x}"


def find_batch_id(request_id: str) -> str:
    """The batch that a request's id says it is an item of."""
    return f"msgbatch_{request_id.removeprefix(PREFIX)[:-_ITEM_DIGITS]}{'0' * _ITEM_DIGITS}"


async def list_charges(
    connection: Connection,
    organization_id: UUID,
    *,
    filter_: ChargeFilter | None = None,
    before_id: str | None = None,
    limit: int = PAGE_ROWS,
) -> ChargePage:
    """Charges older than ``before_id``, newest first; at most PAGE_ROWS_MAX."""
    wanted = filter_ or ChargeFilter()
    rows_max = max(1, min(limit, PAGE_ROWS_MAX))
    scanned_max = SCANNED_MAX if wanted.is_searching else rows_max + 1
    first_id, last_id = wanted.find_ids()
    cursor = await connection.execute(
        _READ,
        {
            "organization_id": organization_id,
            "first_id": first_id,
            "last_id": min(last_id, before_id) if before_id else last_id,
            "from_at": wanted.from_at,
            "until_at": wanted.until_at,
            "model": wanted.model or None,
            "state": wanted.state or None,
            "key_id": wanted.key_id or None,
            "workspace_id": wanted.workspace_id or None,
            "service_tier": wanted.service_tier or None,
            "token_class": wanted.token_class or None,
            "end_user": wanted.end_user or None,
            "tag": wanted.tag or None,
            "scanned_max": scanned_max,
            "limit": rows_max + 1,
        },
    )
    rows = await cursor.fetchall()
    charges = tuple(parse_charge(row[:-2]) for row in rows if row[0] is not None)
    if len(charges) > rows_max:
        return ChargePage(clock.now(), charges[:rows_max], charges[rows_max - 1].request_id)
    scanned_count, scanned_id = rows[0][-2:]
    is_cut_off = wanted.is_searching and scanned_count == scanned_max
    return ChargePage(clock.now(), charges, scanned_id if is_cut_off else None)


def parse_charge(row: tuple[Any, ...]) -> ListedCharge:
    """A charge out of the columns SHOWN."""
    return ListedCharge(*row)


def render_charges(page: ChargePage) -> dict[str, object]:
    """The page as the API, the Console's twin and the command line give it."""
    return {
        "type": "charge_page",
        "currency": "USD",
        "as_of": page.as_of.isoformat(),
        "data": [render_charge(charge) for charge in page.charges],
        "has_more": page.next_id is not None,
        "next_id": page.next_id,
    }


def render_charge(charge: ListedCharge) -> dict[str, object]:
    """One charge of a page or of the live stream."""
    return {
        "request_id": charge.request_id,
        "type": "charge",
        "workspace_id": charge.workspace_id,
        "api_key_id": charge.key_id,
        "api_key_name": charge.key_name,
        "model": charge.model,
        "upstream": charge.upstream,
        "state": charge.state,
        "rule": charge.rule_id,
        "is_rehearsal": charge.is_rehearsal,
        "service_tier": charge.service_tier,
        "end_user": charge.end_user or None,
        "tag": charge.tag or None,
        "usage": {
            "input_tokens": charge.input_tokens,
            "cache_creation_input_tokens": charge.cache_creation_input_tokens,
            "cache_creation": {
                "ephemeral_5m_input_tokens": charge.cache_creation_5m_input_tokens,
                "ephemeral_1h_input_tokens": charge.cache_creation_1h_input_tokens,
            },
            "cache_read_input_tokens": charge.cache_read_input_tokens,
            "output_tokens": charge.output_tokens,
            "output_tokens_details": {"thinking_tokens": charge.thinking_tokens},
        },
        "cache_read_ppm": charge.read_ppm,
        "held_amount": render_usd(charge.held_nano),
        "list_amount": render_usd(charge.list_nano),
        "saved_amount": render_usd(charge.saved_nano),
        "net_amount": render_usd(charge.net_nano),
        "reversed_amount": render_usd(charge.reversed_nano),
        "held_at": charge.held_at.isoformat(),
        "ended_at": charge.ended_at.isoformat(),
        "duration_ms": charge.duration_ms,
        "first_byte_ms": charge.first_byte_ms,
    }
