"""The feed of changes is well-formed Atom with the price book's dates."""

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from jeton.pricing.loading import load_book
from jeton.site.live.feed import list_entries, render_feed
from jeton.site.live.prices import list_announced, list_price_changes, render_price_changes

AT = datetime(2026, 11, 23, tzinfo=UTC)
ATOM = "{http://www.w3.org/2005/Atom}"


def test_the_feed_has_every_change_with_the_latest_first() -> None:
    entries = list_entries("# Changes\n\n## 1.0.0 (2026-10-08)\n\n- New.\n", list_price_changes(load_book()))
    feed = ET.fromstring(render_feed("https://api.example.com", 'A "brand" & <co>', entries=entries, at=AT))  # noqa: S314 - of our own making
    titles = [entry.findtext(f"{ATOM}title") for entry in feed.findall(f"{ATOM}entry")]
    assert "Claude Sonnet 5.5 has a new price from 2026-10-07 on" in titles
    assert "Version 1.0.0" in titles
    assert "https://api.example.com/docs/changelog#100-2026-10-08" in [
        entry.findtext(f"{ATOM}id") for entry in feed.findall(f"{ATOM}entry")
    ]
    assert "Claude Sonnet 5.5 is sold from 2026-09-28 on" in titles
    assert feed.findtext(f"{ATOM}title") == 'A "brand" & <co>: changes'
    stamps = [entry.findtext(f"{ATOM}updated") or "" for entry in feed.findall(f"{ATOM}entry")]
    assert stamps == sorted(stamps, reverse=True)
    assert max(stamps) <= "2026-11-23T00:00:00Z"


def test_a_price_that_is_not_in_force_is_announced() -> None:
    early = datetime(2026, 11, 1, tzinfo=UTC)
    table = render_price_changes(list_price_changes(load_book()), early)
    assert "| Claude Fable 5.2 | `claude-fable-5-2@2026-11-09` | first price, announced |" in table


def test_a_change_of_a_listed_price_is_a_new_price() -> None:
    changes = [change for change in list_price_changes(load_book()) if change.kind == "price"]
    titles = [change.title for change in changes if change.version.model == "claude-sonnet-5-5"]
    assert titles == ["Claude Sonnet 5.5 has a new price from 2026-10-07 on"]


def test_what_changes_soon_is_announced_and_what_is_new_is_not() -> None:
    """A deprecated model and a price with an end; a model that is only coming changes nothing for anybody."""
    announced = [change.title for change in list_announced(list_price_changes(load_book()), AT)]
    assert announced == [
        "Claude Opus 4.8 is no longer sold in fast mode from 2026-11-30 on, at the same prices",
        "Claude Sonnet 4.5 is retired on 2026-11-30",
    ]
    long_before = datetime(2026, 9, 1, tzinfo=UTC)
    assert list_announced(list_price_changes(load_book()), long_before)[0].from_on.isoformat() < "2026-11-01"
