"""Living: what organizations do in a year: use, buy, ask back, dispute, switch, agree, pay or not."""

from datetime import timedelta
from fractions import Fraction
from random import Random

from tests.money.town import BOOK, BY, RULES, USD, Citizen, Town
from tests.money.using import supplement, undo, use

from jeton.billing.books_lock import BooksClosedError
from jeton.billing.invoicing.correcting import Request, cancel_document, credit_document
from jeton.billing.invoicing.errors import CorrectionError
from jeton.billing.invoicing.profiles import ProfileChange, change_profile
from jeton.billing.payments.buying.purchasing import Purchase, buy_credit, new_purchase_id
from jeton.billing.payments.errors import NotRefundableError, PaymentAmountError, RefundTooLargeError
from jeton.billing.payments.refunding.asking import Asked, refund_payment
from jeton.billing.payments.saving import save_card
from jeton.billing.providers.words import Card
from jeton.billing.receivables.applying import Act
from jeton.billing.receivables.recording import record_payment
from jeton.billing.receivables.storage import list_open_documents
from jeton.billing.receivables.words import OpenDocument, Receipt, Share
from jeton.billing.receivables.write_offs import GiveUp, write_off
from jeton.billing.reloads.rules import RuleWish, save_rule
from jeton.billing.switching.switching import switch_to_invoiced, switch_to_prepaid
from jeton.billing.switching.words import SwitchAsk
from jeton.billing.terms.asking import TermsAsk
from jeton.billing.terms.errors import TermsOverlapError
from jeton.billing.terms.keeping import Change, add_terms
from jeton.charging.agreeing.reading import read_terms
from jeton.charging.credits import Grant, grant
from jeton.charging.credits.errors import CreditRequestError
from jeton.charging.onboarding import TrialTerms, open_organization
from jeton.db.pool import Connection
from jeton.identity.keys import create_key
from jeton.ids import new_id
from jeton.ledger.chart import LotKind
from jeton.pricing.terms import Scope

ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Auckland")
COUNTRIES = ("DE", "DE", "FR", "LU", "US", "JP")
CURRENCIES = ("USD", "USD", "USD", "EUR", "JPY", "KWD")
LIMIT_NANO = 400 * USD
WRITE_OFF_AFTER = timedelta(days=75)

_PURCHASES = """
    SELECT payment_id FROM payments
    WHERE organization_id = %s AND state = 'succeeded' AND lot_id IS NOT NULL ORDER BY payment_id
"""
_OF_PERIODS = """
    SELECT number, lines_minor FROM documents
    WHERE organization_id = %s AND purpose = 'period' AND lines_minor > 0 ORDER BY document_id
"""
_PROVIDER_ID = "SELECT provider_payment_id FROM payments WHERE payment_id = %s"


async def move_in(town: Town, seed: int) -> None:
    """An organization with a trial, a profile, a card or a credit limit, perhaps a rule of auto-reload."""
    random = Random(f"citizen {seed}")  # noqa: S311 - a seed, so that a year can be played again
    currency = random.choice(CURRENCIES)
    async with town.pool.connection() as connection:
        organization = await open_organization(
            connection, name=f"Citizen {seed}", trial=TrialTerms(5 * USD, 30)
        )
        organization_id = organization.organization_id
        key, _ = await create_key(connection, organization_id, name="key")
        assert key.workspace_id is not None
        profile = ProfileChange(
            legal_name=f"Citizen {seed} GmbH",
            street="Weg 2",
            city="Ort",
            country=random.choice(COUNTRIES),
            emails=(f"citizen{seed}@example.com",),
            currency=currency,
            zone=random.choice(ZONES),
            anchor_day=random.choice((1, 1, 1, 15, 31)),
            net_days=random.choice((0, 14, 30)),
            minimum_nano=random.choice((0, 0, 0, 20 * USD)),
        )
        await change_profile(connection, organization_id, profile, by=BY, reason="a year", at=town.at)
    citizen = Citizen(
        seed, random, organization_id, [key.workspace_id], key.key_id, currency, is_invoiced=False
    )
    town.bank.randoms[citizen.customer] = Random(f"bank {seed}")  # noqa: S311 - as above
    town.citizens.append(citizen)
    card = Card(f"pm_{seed}", "visa", f"{seed % 10_000:04}", 2099, 12)
    async with town.pool.connection() as connection:
        await save_card(connection, organization_id, town.bank.name, card, at=town.at)
    if random.random() < 0.35:
        await switch(town, citizen)
    elif random.random() < 0.4:
        wish = RuleWish(
            random.randint(2, 20) * USD, random.randint(25, 80) * USD, 300 * USD, "UTC", timedelta(hours=1)
        )
        async with town.pool.connection() as connection:
            await save_rule(connection, organization_id, wish, by=BY, at=town.at)
    if random.random() < 0.2:
        await agree(town, citizen)


async def live(town: Town, citizen: Citizen) -> None:
    """What one does in a week."""
    random = citizen.random
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        await use(town, citizen)
    deeds = (
        (0.0 if citizen.is_invoiced else 0.2, buy),
        (0.04, ask_back),
        (0.02, give_back),
        (0.03, dispute),
        (0.5, decide_disputes),
        (0.04, undo),
        (0.06, supplement),
        (0.015, switch),
        (0.01, agree),
        (0.02, give),
        (0.5, pay),
        (0.03, correct),
    )
    for chance, deed in deeds:
        if random.random() < chance:
            await deed(town, citizen)


async def buy(town: Town, citizen: Citizen) -> None:
    """Credit, with the saved card."""
    cents = citizen.random.randint(500, 12_000)
    purchase = Purchase(citizen.organization_id, cents * USD // 100, new_purchase_id(), BY, "")
    payment = await buy_credit(town.till, purchase, at=town.at)
    town.counts[f"purchases {payment.state}"] += 1


async def ask_back(town: Town, citizen: Citizen) -> None:
    """Unused credit of a purchase, all of it or a part."""
    payment_id = await _find_purchase(town, citizen)
    if payment_id is None:
        return
    credit_nano = citizen.random.choice((None, citizen.random.randint(1, 500) * USD // 100))
    asked = Asked(citizen.organization_id, payment_id, "not needed", BY, credit_nano)
    try:
        refund = await refund_payment(town.till, asked, at=town.at)
    except (NotRefundableError, RefundTooLargeError, PaymentAmountError):
        town.counts["refunds refused"] += 1
    else:
        town.counts[f"refunds {refund.state}"] += 1


async def give_back(town: Town, citizen: Citizen) -> None:
    """Somebody of ours gives money back in the provider's pages, whatever of it was used."""
    payment_id = await _find_purchase(town, citizen)
    if payment_id is not None:
        async with town.pool.connection() as connection:
            row = await (await connection.execute(_PROVIDER_ID, (payment_id,))).fetchone()
        assert row is not None
        if town.bank.give_back(row[0], citizen.random.randint(1, 15_000)):
            town.counts["refunds elsewhere"] += 1


async def dispute(town: Town, citizen: Citizen) -> None:
    """The bank takes a purchase back."""
    payment_id = await _find_purchase(town, citizen)
    if payment_id is not None:
        async with town.pool.connection() as connection:
            row = await (await connection.execute(_PROVIDER_ID, (payment_id,))).fetchone()
        assert row is not None
        town.bank.dispute(row[0])
        town.counts["disputes"] += 1


async def decide_disputes(town: Town, citizen: Citizen) -> None:
    """The bank decides on what is disputed."""
    for dispute_id in town.bank.open_disputes(citizen.customer):
        is_won = citizen.random.random() < 0.5
        town.bank.decide(dispute_id, "won" if is_won else "lost")
        town.counts["disputes won" if is_won else "disputes lost"] += 1


async def switch(town: Town, citizen: Citizen) -> None:
    """From paying ahead to being invoiced, or back."""
    ask = SwitchAsk(BY, town.at, "a year")
    async with town.pool.connection() as connection:
        try:
            if citizen.is_invoiced:
                await switch_to_prepaid(connection, citizen.organization_id, ask, may_issue_last=True)
            else:
                await switch_to_invoiced(connection, citizen.organization_id, ask, limit_nano=LIMIT_NANO)
        except CreditRequestError:
            # Who is in arrears gets no credit.
            town.counts["switches refused"] += 1
            return
    citizen.is_invoiced = not citizen.is_invoiced
    town.counts["switches"] += 1


async def agree(town: Town, citizen: Citizen) -> None:
    """A discount for some weeks, on everything."""
    random = citizen.random
    quarter = town.at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    begins = quarter + timedelta(days=random.randint(0, 20))
    ask = TermsAsk(
        scope=Scope("all"),
        factor=Fraction(random.randint(50, 99), 100),
        rates=(),
        effective_from=begins,
        effective_to=begins + timedelta(days=random.randint(5, 60), minutes=15),
        reason="a year",
        approved_by="ada@example.com",
    )
    async with town.pool.connection() as connection:
        try:
            await add_terms(connection, citizen.organization_id, [ask], book=BOOK, change=Change(BY, town.at))
        except TermsOverlapError:
            return
        known = await read_terms(connection, citizen.organization_id)
    town.agreed.set(citizen.organization_id, known)
    town.counts["terms"] += 1


async def give(town: Town, citizen: Citizen) -> None:
    """A gift, or a commit that is owed; some cost less than they are worth, some end soon."""
    random = citizen.random
    nano = random.randint(100, 3_000) * USD // 100
    kind = random.choice((LotKind.PROMOTIONAL, LotKind.COMMIT))
    cost = nano * 9 // 10 // (USD // 100) * (USD // 100) if kind is LotKind.COMMIT else None
    days = timedelta(days=random.randint(10, 100))
    given = Grant(kind, nano, "a year", town.at + days, cost_basis_nano=cost)
    async with town.pool.connection() as connection:
        await grant(connection, citizen.organization_id, given, at=town.at)
    town.counts[f"grants {kind}"] += 1


async def correct(town: Town, citizen: Citizen) -> None:
    """A document of a period is cancelled, and made anew or not; or a part of it is credited."""
    random = citizen.random
    async with town.pool.connection() as connection:
        cursor = await connection.execute(_OF_PERIODS, (citizen.organization_id,))
        found = await cursor.fetchall()
        if not found:
            return
        number, lines_minor = random.choice(found)
        request = Request(RULES, BY, "a year", town.at)
        try:
            async with connection.transaction():
                if random.random() < 0.5:
                    is_reissue = random.random() < 0.5
                    await cancel_document(connection, number, request, is_reissue=is_reissue)
                    town.counts["documents cancelled"] += 1
                else:
                    await credit_document(connection, number, random.randint(1, lines_minor), request)
                    town.counts["documents credited in part"] += 1
        except BooksClosedError:
            town.counts["new documents for closed months refused"] += 1
        except CorrectionError:
            town.counts["corrections refused"] += 1


async def pay(town: Town, citizen: Citizen) -> None:
    """A document: whole, a part of it, too much, or never; what is old is given up."""
    for _ in range(2):
        # What was paid too much of the first is on the second by now.
        async with town.pool.connection() as connection:
            documents = await list_open_documents(connection, citizen.organization_id)
            if documents:
                await _pay(town, citizen, connection, citizen.random.choice(documents))


async def _pay(town: Town, citizen: Citizen, connection: Connection, document: OpenDocument) -> None:
    random, act = citizen.random, Act(BY, town.at, "a year")
    if document.due_on + WRITE_OFF_AFTER < town.at.date():
        part = random.choice((None, max(1, document.due_minor // 2)))
        await write_off(connection, GiveUp(document.document_id, part), act)
        town.counts["write-offs"] += 1
        return
    fate = random.random()
    if fate < 0.25:
        return
    amount = document.due_minor
    if fate < 0.4:
        amount = max(1, amount // 3)
    elif fate < 0.5:
        amount += random.randint(1, 5_000)
    receipt = Receipt(
        organization_id=citizen.organization_id,
        method="bank_transfer",
        currency=document.currency,
        amount_minor=amount,
        received_on=town.at.date(),
        reason="a statement",
        external_id=f"bank-{new_id('line')}",
    )
    is_named = random.random() < 0.5
    shares = (Share(document.document_id, min(amount, document.due_minor)),) if is_named else None
    await record_payment(connection, receipt, shares, act)
    town.counts["transfers"] += 1


async def _find_purchase(town: Town, citizen: Citizen) -> str | None:
    async with town.pool.connection() as connection:
        cursor = await connection.execute(_PURCHASES, (citizen.organization_id,))
        found = [row[0] for row in await cursor.fetchall()]
    return citizen.random.choice(found) if found else None
