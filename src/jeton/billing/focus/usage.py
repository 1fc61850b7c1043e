"""Usage: the rows of what was used in one segment of time, of one key and what is priced alike. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from jeton.billing.focus.columns import Row
from jeton.billing.focus.rows import Amounts, make_row, put_amounts, put_key, put_price, put_workspace
from jeton.billing.focus.words import Frame, Span
from jeton.billing.invoicing.lines.prices import Prices
from jeton.insight.periods.used import Used
from jeton.insight.words import BUCKET_NAMES
from jeton.money import divide_half_even
from jeton.usage import Bucket

UNUSUAL = {"service_tier": "standard", "inference_geo": "global", "speed": "standard"}


@dataclass(slots=True)
class Told:
    """What the rows of a period said so far, to be compared with its document."""

    billed_atto: int = 0
    billed_nano: int = 0
    effective_nano: int = 0

    def add(self, row: Row, amounts: Amounts) -> None:
        """Count a row."""
        billed = row["BilledCost"]
        self.billed_atto += billed if isinstance(billed, int) else 0
        self.billed_nano += amounts.billed_nano
        self.effective_nano += amounts.effective_nano


def amounts_of(used: Used) -> dict[Bucket, Amounts]:
    """What each class of tokens bills and comes to: what paid lots paid of it was billed at their purchase.

    Of $3 input and $1 output of which paid lots paid $2, $1.50 and $0.50 are billed.
    """
    gross_nano = sum(used.nets_nano.values())
    prepaid_nano = used.net_nano - used.free_credit_nano - used.on_credit_nano
    found, before, seen_nano = {}, 0, 0
    for bucket, nano in used.nets_nano.items():
        seen_nano += nano
        # By running sums, so that the parts are whole and come to all of it.
        upto = divide_half_even(prepaid_nano * seen_nano, gross_nano) if gross_nano else 0
        found[bucket] = Amounts(nano - (upto - before), nano)
        before = upto
    return found


def list_usage_rows(
    used: Used, frame: Frame, span: Span, *, prices: Prices, only: Bucket | None = None
) -> Iterator[tuple[Row, Amounts]]:
    """A row for each class of tokens, and one for what free credit paid of them; or the row of one alone."""
    how = ", ".join(word for name, usual in UNUSUAL.items() if (word := getattr(used, name)) != usual)
    for bucket, amounts in amounts_of(used).items():
        if only not in {None, bucket}:
            continue
        key = prices.key(used, bucket, span.starts_at)
        row = make_row(
            frame, span, category="Usage", description=_say(f"{used.model}: {BUCKET_NAMES[bucket]}", how)
        )
        put_workspace(row, frame, used.workspace_id)
        put_key(row, frame, used.key_id)
        put_price(row, frame, key, stack=prices.find_stack(key), quantity=used.quantities[bucket])
        put_amounts(row, frame, amounts)
        yield row, amounts
    if used.free_credit_nano and only is None:
        yield _make_plain(used, frame, span, f"{used.model}: paid by free credit", -used.free_credit_nano)


def make_reversal(used: Used, frame: Frame, span: Span) -> tuple[Row, Amounts]:
    """What was reversed of it, where no document has told of that."""
    return _make_plain(used, frame, span, f"{used.model}: charges reversed", -used.reversed_nano)


def _make_plain(used: Used, frame: Frame, span: Span, said: str, nano: int) -> tuple[Row, Amounts]:
    row = make_row(frame, span, category="Credit", description=said)
    put_workspace(row, frame, used.workspace_id)
    put_key(row, frame, used.key_id)
    amounts = Amounts(nano, nano)
    put_amounts(row, frame, amounts)
    return row, amounts


def _say(said: str, how: str) -> str:
    return f"{said} ({how})" if how else said
