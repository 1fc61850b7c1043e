"""What of a payment goes back for a part of its credit; what a dispute takes of it."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.billing.payments.disputing.sizing import bite_part, bite_whole, settle_pending
from jeton.billing.payments.refunding.parts import refund_part, size_elsewhere, whole_cents
from jeton.billing.payments.words import Payment
from jeton.ledger.chart import LotKind
from jeton.ledger.lots import Lot

AT = datetime(2026, 11, 23, tzinfo=UTC)
USD = 1_000_000_000
CENT = 10_000_000


def paid(**known: object) -> Payment:
    """A payment of $119 for $100 of credit, but for what is said."""
    values: dict[str, Any] = dict.fromkeys((entry.name for entry in fields(Payment)), None)
    values |= {
        "organization_id": UUID(int=7),
        "currency": "USD",
        "net_minor": 10_000,
        "tax_minor": 1_900,
        "amount_minor": 11_900,
        "net_nano": 100 * USD,
        "tax_nano": 19 * USD,
        "credit_nano": 100 * USD,
        "given_nano": 0,
        "refunded_minor": 0,
        "refunded_tax_minor": 0,
        "state": "succeeded",
    }
    return Payment(**{**values, **known})


def lot_of(*, used: int = 0, held: int = 0) -> Lot:
    """What such a payment bought, in dollars."""
    left = (100 - used - held) * USD
    lot = Lot("lot_1", LotKind.PAID, 0, None, AT, None, AT, 100 * USD, left, cost_basis_nano=100 * USD)
    lot.used_nano, lot.held_nano = used * USD, held * USD
    return lot


def test_forty_of_a_hundred_dollars_are_forty_and_their_tax() -> None:
    part = refund_part(paid(), before_nano=0, credit_nano=40 * USD)
    assert (part.net_minor, part.tax_minor, part.amount_minor) == (4_000, 760, 4_760)
    rest = refund_part(paid(), before_nano=40 * USD, credit_nano=60 * USD)
    assert (rest.net_minor, rest.tax_minor) == (6_000, 1_140)


def test_whole_cents_leave_what_is_less_than_one() -> None:
    assert whole_cents(paid(), before_nano=0, left_nano=70 * USD - 1) == 70 * USD - CENT
    assert whole_cents(paid(), before_nano=30 * USD, left_nano=70 * USD) == 70 * USD
    assert whole_cents(paid(), before_nano=0, left_nano=CENT - 1) == 0


@given(
    st.integers(50, 10**9),
    st.integers(0, 30),
    st.integers(0, 20),
    st.lists(st.integers(1, 100), min_size=1, max_size=12),
)
def test_parts_sum_to_the_whole_and_none_is_below_zero(
    cents: int, tax_percent: int, given_percent: int, steps: list[int]
) -> None:
    tax = cents * tax_percent // 100
    credit = cents * CENT
    payment = paid(
        net_minor=cents,
        tax_minor=tax,
        amount_minor=cents + tax,
        net_nano=credit,
        tax_nano=tax * CENT,
        credit_nano=credit,
        given_nano=credit * given_percent // 100,
    )
    parts, before = [], 0
    for percent in steps:
        nano = (credit - before) * percent // 100
        parts.append(refund_part(payment, before_nano=before, credit_nano=nano))
        before += nano
    parts.append(refund_part(payment, before_nano=before, credit_nano=credit - before))
    for name in ("credit_nano", "given_nano", "net_minor", "tax_minor", "net_nano", "tax_nano"):
        shares = [getattr(part, name) for part in parts]
        assert min(shares) >= 0
        assert sum(shares) == getattr(payment, name)


@pytest.mark.parametrize(
    ("left", "minor", "expected"),
    [
        # credit out, net, tax, owed
        pytest.param(100, 11_900, (100, 10_000, 1_900, 0), id="all of it, unused"),
        pytest.param(70, 5_950, (50, 5_000, 950, 0), id="a part that is left"),
        pytest.param(70, 11_900, (70, 7_000, 1_330, 3_570), id="more than is left"),
        pytest.param(0, 119, (0, 0, 0, 119), id="nothing is left"),
    ],
)
def test_what_was_given_back_elsewhere(left: int, minor: int, expected: tuple[int, ...]) -> None:
    sized = size_elsewhere(paid(), before_nano=0, left_nano=left * USD, amount_minor=minor)
    part = sized.part
    assert (part.credit_nano // USD, part.net_minor, part.tax_minor, sized.owed_minor) == expected


def test_after_sums_elsewhere_neither_tax_nor_net_passes_what_is_not_given_back() -> None:
    """Of $19 of tax $18.50 went back elsewhere; then of $119 all but $2: of $10 no more than that goes."""
    part = refund_part(
        paid(refunded_minor=5_000, refunded_tax_minor=1_850), before_nano=0, credit_nano=10 * USD
    )
    assert (part.net_minor, part.tax_minor, part.tax_nano) == (1_000, 50, USD // 2)
    part = refund_part(paid(refunded_minor=11_700), before_nano=0, credit_nano=10 * USD)
    assert (part.net_minor, part.tax_minor, part.net_nano) == (10, 190, USD // 10)
    part = refund_part(paid(refunded_minor=11_800), before_nano=0, credit_nano=10 * USD)
    assert (part.net_minor, part.tax_minor) == (0, 100)


@given(
    st.integers(50, 10**7),
    st.integers(0, 30),
    st.integers(0, 100),
    st.lists(st.tuples(st.booleans(), st.integers(1, 100)), min_size=1, max_size=12),
)
def test_in_whatever_order_sums_go_back_there_are_never_more_than_was_paid(
    cents: int, tax_percent: int, used_percent: int, steps: list[tuple[bool, int]]
) -> None:
    """Refunds of ours, of credit, and sums that were given back elsewhere, one after the other."""
    tax, credit = cents * tax_percent // 100, cents * CENT
    payment = paid(
        net_minor=cents, tax_minor=tax, amount_minor=cents + tax, net_nano=credit,
        tax_nano=tax * CENT, credit_nano=credit,
    )  # fmt: skip
    left, before = credit - credit * used_percent // 100, 0
    for is_elsewhere, percent in steps:
        open_minor = payment.amount_minor - payment.refunded_minor
        if is_elsewhere:
            minor = open_minor * percent // 100
            sized = size_elsewhere(payment, before_nano=before, left_nano=left, amount_minor=minor)
            part, given = sized.part, sized.part.amount_minor + sized.owed_minor
            assert given == minor
            before += sized.used_nano
        else:
            most = max(0, min(left, credit - before))
            part = refund_part(payment, before_nano=before, credit_nano=most * percent // 100)
            given = part.amount_minor
        assert min(part.net_minor, part.tax_minor, part.net_nano, part.tax_nano, part.credit_nano) >= 0
        left, before = left - part.credit_nano, before + part.credit_nano
        assert left >= 0
        payment = replace(
            payment,
            refunded_minor=payment.refunded_minor + given,
            refunded_tax_minor=payment.refunded_tax_minor + part.tax_minor,
        )
        assert payment.refunded_minor <= payment.amount_minor
        assert payment.refunded_tax_minor <= payment.tax_minor


def test_of_a_disputed_payment_what_is_left_goes_and_what_was_used_is_owed_with_its_tax() -> None:
    bite = bite_whole(paid(), lot_of(used=30), 119 * USD)
    assert (bite.left_nano, bite.tax_nano) == (70 * USD, 13_300_000_000)
    assert (bite.owed_nano, bite.pending_nano) == (35_700_000_000, 0)


def test_what_is_held_waits_and_is_owed_or_back_afterwards() -> None:
    bite = bite_whole(paid(), lot_of(used=30, held=20), 119 * USD)
    assert (bite.left_nano, bite.tax_nano, bite.owed_nano) == (50 * USD, 9_500_000_000, 35_700_000_000)
    assert bite.pending_nano == 23_800_000_000
    assert settle_pending(paid(), pending_nano=bite.pending_nano, returned_nano=5 * USD) == (
        950_000_000,
        17_850_000_000,
    )


def test_a_part_takes_the_credit_that_it_bought_first() -> None:
    bite = bite_part(paid(), lot_of(used=30), 59_500_000_000, amount_minor=5_950)
    assert (bite.left_nano, bite.owed_nano, bite.is_freezing) == (50 * USD, 0, False)
    bite = bite_part(paid(), lot_of(used=90), 59_500_000_000, amount_minor=5_950)
    assert (bite.left_nano, bite.tax_nano, bite.owed_nano) == (10 * USD, 1_900_000_000, 47_600_000_000)


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_dispute_takes_all_of_the_money_and_no_more(used: int, held: int) -> None:
    lot = lot_of(used=used, held=min(held, 100 - used))
    bite = bite_whole(paid(), lot, 119 * USD)
    assert bite.left_nano + bite.tax_nano + bite.owed_nano + bite.pending_nano == 119 * USD


def test_a_dispute_of_the_rest_takes_no_nano_more_than_the_bank_did() -> None:
    """$92.15 of $132.38 were refunded elsewhere; the rest of credit and of its tax would be $40.230000001."""
    payment = paid(
        net_minor=11_124, tax_minor=2_114, amount_minor=13_238, net_nano=111_240_000_000,
        tax_nano=21_140_000_000, credit_nano=111_240_000_000, refunded_minor=9_215, refunded_tax_minor=1_471,
    )  # fmt: skip
    lot = Lot(
        "lot_1", LotKind.PAID, 0, None, AT, None, AT, 111_240_000_000, 33_805_599_034,
        cost_basis_nano=111_240_000_000,
    )  # fmt: skip
    lot.refunded_nano = 77_434_400_966
    bite = bite_whole(payment, lot, 40_230_000_000)
    assert (bite.left_nano, bite.tax_nano, bite.owed_nano) == (33_805_599_034, 6_424_400_966, 0)
