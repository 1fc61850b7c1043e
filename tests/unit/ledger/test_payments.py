"""Top-ups, refunds and disputes on a book: transactions sum to zero, the lot adds up, undoing is exact."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from jeton.ledger import movements
from jeton.ledger.book import Book
from jeton.ledger.chart import Account, LotKind
from jeton.ledger.lots import Draw, Lot
from jeton.ledger.transaction import Movement, Posting, Transaction

AT = datetime(2026, 11, 23, tzinfo=UTC)
ORGANIZATION = UUID(int=7)
USD = 1_000_000_000


def book_of(*, granted_nano: int, basis_nano: int, tax_nano: int) -> tuple[Book, Lot]:
    """A book with one lot that was paid for."""
    lot = Lot("lot_1", LotKind.PAID, 0, None, AT, None, AT, 0, 0, cost_basis_nano=basis_nano)
    book = Book(ORGANIZATION, dict.fromkeys(Account, 0), ())
    book.open_lot(lot, "a purchase")
    post(book, Movement.TOP_UP, movements.top_up(lot, amount_nano=granted_nano, tax_nano=tax_nano))
    return book, lot


def post(book: Book, movement: Movement, postings: tuple[Posting, ...]) -> None:
    if postings:
        book.apply(Transaction("txn_1", ORGANIZATION, movement, book.apportion(postings)))


def use(book: Book, lot: Lot, nano: int) -> None:
    draws = (Draw(lot.lot_id, nano),)
    post(book, Movement.HOLD, movements.hold(draws, book.kind_of))
    post(book, Movement.SETTLE, movements.settle(draws, nano, book.kind_of))


def check(book: Book, lot: Lot) -> None:
    parts = (lot.left_nano, lot.held_nano, lot.used_nano, lot.expired_nano, lot.refunded_nano)
    assert lot.granted_nano == sum(parts)
    assert min(parts) >= 0
    assert sum(book.balances.values()) == 0
    assert book.balances[Account.CREDIT_PAID] == -lot.left_nano


def test_a_purchase_is_money_tax_and_credit() -> None:
    book, lot = book_of(granted_nano=100 * USD, basis_nano=100 * USD, tax_nano=19 * USD)
    moved = {account.value: nano // USD for account, nano in book.balances.items() if nano}
    assert moved == {"cash": 119, "tax": -19, "credit:paid": -100}
    check(book, lot)


def test_a_refund_in_whole_cents_posts_what_is_less_than_one_as_rounding() -> None:
    """$100 for $90: a third of a dollar of credit was paid with 0.299999997; 0.29 goes back."""
    book, lot = book_of(granted_nano=100 * USD, basis_nano=90 * USD, tax_nano=0)
    third = 333_333_330
    post(book, Movement.REFUND, movements.refund(lot, third, net_nano=290_000_000, tax_nano=0))
    assert book.balances[Account.CASH] == 90 * USD - 290_000_000
    assert book.balances[Account.ROUNDING] == -9_999_997
    check(book, lot)


@st.composite
def purchases(draw: st.DrawFn) -> tuple[int, int, int]:
    granted = draw(st.integers(1, 10**13))
    return granted, draw(st.integers(0, granted)), draw(st.integers(0, 10**12))


STEPS = st.lists(st.tuples(st.sampled_from(["use", "refund", "fail", "dispute", "win"]), st.integers(0, 100)))


@given(purchases(), STEPS)
def test_whatever_happens_to_a_lot_it_adds_up(
    bought: tuple[int, int, int], steps: list[tuple[str, int]]
) -> None:
    granted, basis, tax = bought
    book, lot = book_of(granted_nano=granted, basis_nano=basis, tax_nano=tax)
    undone: list[tuple[str, int, int, int]] = []
    for name, percent in steps:
        nano, money = lot.left_nano * percent // 100, basis * percent // 100
        if name == "use" and nano:
            use(book, lot, nano)
        elif name == "refund" and nano:
            post(book, Movement.REFUND, movements.refund(lot, nano, net_nano=money, tax_nano=percent))
            undone.append(("fail", nano, money, percent))
        elif name == "dispute":
            post(book, Movement.DISPUTE, movements.dispute(lot, nano, owed_nano=money, tax_nano=percent))
            undone.append(("win", nano, money, percent))
        elif undone and undone[-1][0] == name == "fail":
            _, nano, money, taxed = undone.pop()
            back = movements.unwind_refund(lot, nano, net_nano=money, tax_nano=taxed)
            post(book, Movement.REFUND, back)
        elif undone and undone[-1][0] == name == "win":
            _, nano, money, taxed = undone.pop()
            back = movements.unwind_dispute(lot, nano, owed_nano=money, tax_nano=taxed)
            post(book, Movement.DISPUTE, back)
        check(book, lot)


@given(purchases(), st.integers(0, 100), st.integers(0, 100))
def test_undoing_is_the_exact_reverse(bought: tuple[int, int, int], used: int, part: int) -> None:
    """With nothing between them; what happens between may shift a nano of the basis, as for a reversal."""
    granted, basis, tax = bought
    book, lot = book_of(granted_nano=granted, basis_nano=basis, tax_nano=tax)
    if granted * used // 100:
        use(book, lot, granted * used // 100)
    before, left = dict(book.balances), lot.left_nano
    nano, money = left * part // 100, basis * part // 100
    post(book, Movement.DISPUTE, movements.dispute(lot, nano, owed_nano=money, tax_nano=part))
    post(book, Movement.DISPUTE, movements.unwind_dispute(lot, nano, owed_nano=money, tax_nano=part))
    if nano:
        post(book, Movement.REFUND, movements.refund(lot, nano, net_nano=money, tax_nano=part))
        post(book, Movement.REFUND, movements.unwind_refund(lot, nano, net_nano=money, tax_nano=part))
    assert (dict(book.balances), lot.left_nano) == (before, left)
