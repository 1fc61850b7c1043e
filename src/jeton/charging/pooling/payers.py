"""Payers: for whom members hold and are charged, whose end users' counts must be read before."""

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

import msgspec

from jeton.charging.batching.members import BatchMember, ReleasePools, SettleItems, TakePools
from jeton.charging.members import EndHold, Member, TakeHold
from jeton.db.channel import Channel
from jeton.ledger.book import Book
from jeton.ledger.budgets.budgets import Asker, Payer
from jeton.ledger.journal import read_each_windows


async def read_counts(channel: Channel, books: dict[UUID, Book], members: Sequence[Member]) -> None:
    """Read what budgets of every end user counted of those whom members are for; nothing without any."""
    asked: list[tuple[Book, Iterable[Payer]]] = []
    for member in members:
        book = books.get(member.organization_id)
        if book is not None and book.budgets.each_count:
            asked.append((book, _list_payers(book, member)))
    if asked:
        await read_each_windows(channel, asked)


def _list_payers(book: Book, member: Member) -> Iterator[Payer]:
    match member:
        case TakeHold(ask=ask):
            labels = ask.labels
            yield Asker(ask.workspace_id, ask.key_id, member.taken_at, ask.model, labels.end_user, labels.tag)
        case EndHold():
            yield from _list_ended(book, member)
        case TakePools() | SettleItems() | ReleasePools():
            yield from _list_of_batch(book, member)


def _list_ended(book: Book, member: EndHold) -> Iterator[Payer]:
    row, event = book.find_hold(member.request_id), member.event
    if row is not None:
        yield row
    elif event is not None:
        # What became known after the hold was given back, or of a hold of the same commit.
        yield Asker(
            event.workspace_id, event.key_id, event.occurred_at, event.model, event.end_user, event.tag
        )


def _list_of_batch(book: Book, member: BatchMember) -> Iterator[Payer]:
    if isinstance(member, TakePools):
        for pool in member.pools:
            yield Asker(
                member.workspace_id, member.key_id, member.taken_at, pool.model, pool.end_user, member.tag
            )
        return
    rows = {pool_id: row for pool_id in member.pool_ids if (row := book.find_hold(pool_id)) is not None}
    yield from rows.values()
    if isinstance(member, SettleItems):
        for charge in (item.charge for item in member.items if item.charge is not None):
            if charge.pool_id in rows:
                yield msgspec.structs.replace(rows[charge.pool_id], end_user=charge.end_user)
