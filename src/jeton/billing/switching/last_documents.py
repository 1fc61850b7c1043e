"""Last documents: what was used on credit is invoiced when an organization pays ahead again.

The period that runs ends early, with the quarter of an hour of the switch, since sums are kept by quarters;
then it is issued at once, as an invoice, and the next period begins there. What requests that ran at the
switch come to later is late usage of that period, on the next document.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from jeton.billing.invoicing.drafting.planning import draft_wanted, find_wanted
from jeton.billing.invoicing.errors import DocumentsChangedError
from jeton.billing.invoicing.issuing.issuing import Issue, issue_all
from jeton.billing.invoicing.periods import PERIODS_MAX, Period
from jeton.billing.invoicing.profiles import get_profile
from jeton.billing.invoicing.words import Rules
from jeton.billing.switching.storage import list_pending, write_documents
from jeton.billing.switching.words import Switch
from jeton.billing.taxation.desk import asking
from jeton.db.pool import Connection, Pool
from jeton.errors import JetonError
from jeton.pricing.terms import next_quarter

# Issues what is still to be billed up to a switch, in the caller's transaction; the ids of the documents.
IssueLast = Callable[[Connection, Switch], Awaitable[Sequence[str]]]

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class LastIssued:
    """Of how many switches the last documents were issued, and why others still wait, by switch."""

    done: int = 0
    problems: dict[str, str] = field(default_factory=dict)


async def issue_pending(pool: Pool, issue_last: IssueLast, at: datetime) -> LastIssued:
    """Issue the last documents of switches whose quarter of an hour is over; once more does no harm.

    Documents and their note on the switch are one transaction, each switch by itself.
    """
    async with pool.connection() as connection:
        pending = await list_pending(connection)
    found = LastIssued()
    for switch in pending:
        if next_quarter(switch.switched_at) > at:
            continue

        async def act(switch: Switch = switch) -> None:
            async with pool.connection() as connection, connection.transaction():
                document_ids = await issue_last(connection, switch)
                await write_documents(connection, switch.switch_id, document_ids, at)

        try:
            await asking(act)
        except JetonError as problem:
            _log.warning("last_document_not_issued", switch_id=switch.switch_id, problem=str(problem))
            found.problems[switch.switch_id] = str(problem)
        else:
            found.done += 1
    return found


def make_issue_last(rules: Rules, at: datetime) -> IssueLast:
    """Issuing by the rules of an installation, at an instant."""

    async def issue_last(connection: Connection, switch: Switch) -> Sequence[str]:
        until = next_quarter(switch.switched_at)
        document_ids: list[str] = []
        for _ in range(PERIODS_MAX):
            # As what it was until the switch: what is owed is asked for on an invoice.
            profile = replace(await get_profile(connection, switch.organization_id), kind="invoiced")
            (wanted,) = await find_wanted(connection, [profile])
            if wanted.period.period_from >= until:
                break
            period = Period(wanted.period.period_from, min(wanted.period.period_to, until))
            wanted = replace(wanted, period=period)
            documents = await draft_wanted(connection, wanted, rules=rules, at=at)
            issued = await issue_all(
                connection, [Issue(wanted, tuple(documents))], formats=rules.numbers, at=at
            )
            if len(issued.documents) != len(documents) or not issued.organizations:
                raise DocumentsChangedError
            document_ids += [document.document_id for document in issued.documents]
        return document_ids

    return issue_last
