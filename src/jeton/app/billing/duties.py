"""Duties: what billing does by itself in this process, how often, and what each run says that it did."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from jeton.billing.invoicing.closing import Closer, close_due
from jeton.billing.jobs.words import Counts, Duty, DutyIncompleteError
from jeton.billing.paper.judged.judging import judge_documents
from jeton.billing.payments.arriving.reconciling import reconcile, settle_open
from jeton.billing.payments.till import Till
from jeton.billing.receivables.collecting.cards import try_cards
from jeton.billing.receivables.collecting.collecting import collect
from jeton.billing.receivables.credit import put_all_credit
from jeton.billing.reloads.reloader import Reloader
from jeton.billing.reloads.words import Terms
from jeton.billing.switching.last_documents import issue_pending, make_issue_last
from jeton.settings import Settings, dunning_terms, invoicing_rules

# A period is closed on the hour after its days of grace.
CLOSING_INTERVAL = timedelta(hours=1)
LAST_DOCUMENTS_INTERVAL = timedelta(minutes=5)
E_INVOICES_INTERVAL = timedelta(minutes=5)
PROBLEMS_SAID_MAX = 3
_CENT_NANO = 10_000_000


def make_duties(settings: Settings, till: Till) -> list[Duty]:
    """Everything that is done; without a payment provider nothing about cards is."""
    dunning, often = dunning_terms(settings), timedelta(seconds=settings.dunning_interval_s)
    duties = [
        Duty("close_periods", CLOSING_INTERVAL, _Closing(settings, till).run),
        Duty("last_documents", LAST_DOCUMENTS_INTERVAL, _LastDocuments(settings, till).run),
        Duty("e_invoices", E_INVOICES_INTERVAL, lambda at: judge_documents(till.pool, at)),
        Duty("dunning", often, lambda at: collect(till.pool, dunning, at)),
    ]
    if till.door.is_there:
        reloader = Reloader(till, make_reload_terms(settings))
        duties += [
            Duty("reload", timedelta(seconds=settings.reload_interval_s), reloader.run),
            Duty("settle_payments", timedelta(seconds=settings.payment_check_s), _Settling(till).run),
            Duty("compare_payments", timedelta(seconds=settings.payment_compare_s), _Comparing(till).run),
            Duty("collect_by_card", often, lambda at: try_cards(till, dunning, at)),
        ]
    return duties


def make_reload_terms(settings: Settings) -> Terms:
    """What the settings let auto-reload do."""
    return Terms(
        failures_max=settings.reload_failures_max,
        back_off_first=timedelta(seconds=settings.reload_back_off_s),
        amount_min_nano=settings.credit_min_cents * _CENT_NANO,
        amount_max_nano=settings.credit_max_cents * _CENT_NANO,
    )


@dataclass(frozen=True, slots=True)
class _Closing:
    """Periods that are over become documents."""

    settings: Settings
    till: Till

    async def run(self, at: datetime) -> Counts:
        """Close what is due; DutyIncompleteError where some organization could not be closed."""
        closing = await close_due(Closer(self.till.pool, invoicing_rules(self.settings), at))
        # What a credit note of late usage leaves to an organization lifts its arrears now.
        await put_all_credit(self.till.pool, at)
        if closing.problems:
            some = [f"{name}: {why}" for name, why in list(closing.problems.items())[:PROBLEMS_SAID_MAX]]
            raise DutyIncompleteError(
                f"{closing.periods} periods were closed, {len(closing.problems)} were not. {' '.join(some)}"
            )
        return {"periods": closing.periods, **closing.documents}


@dataclass(frozen=True, slots=True)
class _LastDocuments:
    """Who pays ahead again is invoiced for what was used on credit."""

    settings: Settings
    till: Till

    async def run(self, at: datetime) -> Counts:
        """Issue what is due; DutyIncompleteError where some could not be issued."""
        issue_last = make_issue_last(invoicing_rules(self.settings), at)
        found = await issue_pending(self.till.pool, issue_last, at)
        if found.problems:
            some = " ".join(list(found.problems.values())[:PROBLEMS_SAID_MAX])
            raise DutyIncompleteError(f"{len(found.problems)} last documents were not issued. {some}")
        return {"switches": found.done}


@dataclass(frozen=True, slots=True)
class _Settling:
    """Payments and refunds without an answer are asked about."""

    till: Till

    async def run(self, at: datetime) -> Counts:
        """Ask about each that has been open for a while."""
        return {"asked": await settle_open(self.till, await self.till.door.open(), at=at)}


@dataclass(frozen=True, slots=True)
class _Comparing:
    """Our books are compared with the provider's lists."""

    till: Till

    async def run(self, at: datetime) -> Counts:
        """Compare all since the last time; ProviderUnreachableError."""
        return asdict(await reconcile(self.till, at=at))
