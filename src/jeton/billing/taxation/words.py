"""Words of taxation: what a tax service is told of a document, and what it answers.

A question is made of what stands on the document and of nothing else, so the same document is the same
question, under the same id, however often it is asked: an answer can be kept and asked for again.
"""

from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256

import msgspec

from jeton.billing.words import Party, TaxCategory

ID_CHARS = 40
REASON_CHARS_MAX = 200
REFERENCE_CHARS_MAX = 200
TAXES_MAX = 20


class AskedLine(msgspec.Struct, frozen=True):
    """A line as the service sees it; the amount is net, in units of the currency."""

    id: str
    kind: str
    description: str
    net_amount: str


class TaxQuestion(msgspec.Struct, frozen=True):
    """What is sold to whom; ``net_amount`` is the sum of the lines.

    ``place_of_supply`` is the buyer's country, the seller's where the buyer's is unknown; ``agreed_category``
    is what the operator has entered for this buyer, "" for nothing. With ``is_tax_included`` the tax is in
    what credit has paid already, and is taken out of it.
    """

    kind: str
    purpose: str
    organization_id: str
    currency: str
    on: str
    seller: Party
    buyer: Party
    place_of_supply: str
    agreed_category: str
    is_tax_included: bool
    net_amount: str
    lines: tuple[AskedLine, ...]

    @property
    def question_id(self) -> str:
        """The id under which it is asked, the same whenever the same is asked."""
        return f"taxq_{sha256(msgspec.json.encode(self)).hexdigest()[:ID_CHARS]}"


@dataclass(frozen=True, slots=True)
class AnsweredTax:
    """One category and rate, for these lines or (none named) for all others; its tax if it is said."""

    category: TaxCategory
    rate: Fraction
    reason: str = ""
    line_ids: frozenset[str] = frozenset()
    tax_minor: int | None = None


@dataclass(frozen=True, slots=True)
class TaxAnswer:
    """What the service says; ``reference`` is its own name for the answer, and stands on the document."""

    taxes: tuple[AnsweredTax, ...]
    reference: str = ""
