"""Whether two lines of the bank are of one movement: surely, perhaps, or not."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from jeton.billing.receivables.statements.posting.twins import Earlier, compare
from jeton.billing.receivables.statements.words import StatementLine

ON = date(2026, 11, 2)


EARLIER = Earlier("bkln_1", "", ON, "ACME GmbH", "Invoice INV-2026-000001", "", "a.csv")
LINE = StatementLine(1, "X", ON, 1, "EUR", "Acme", "INV-2026-000001")


@pytest.mark.parametrize(
    ("own", "other", "likeness"),
    [
        pytest.param({}, {}, "same", id="the same text, payer and day"),
        pytest.param({"booked_on": date(2026, 11, 3)}, {}, "maybe", id="on another day"),
        pytest.param({"payer": "Emca"}, {}, "maybe", id="the same text from somebody else"),
        pytest.param({"payer": ""}, {}, "same", id="one does not say who paid"),
        pytest.param({"end_to_end_id": "E-2"}, {"end_to_end_id": "E-1"}, "", id="another end-to-end id"),
        pytest.param(
            {"end_to_end_id": "E2E-1", "remittance": ""}, {"end_to_end_id": "e2e 1"}, "same", id="the same id"
        ),
        pytest.param(
            {"end_to_end_id": "E2E-4711", "remittance": ""},
            {"remittance": "SEPA E2E-4711 thanks"},
            "same",
            id="one says the other's id in its text",
        ),
        pytest.param({"remittance": "INV-2026-000002"}, {}, "", id="it names another document"),
        pytest.param({"remittance": ""}, {}, "maybe", id="one has no text"),
        pytest.param({"remittance": "thanks", "payer": "Emca"}, {}, "", id="another text from somebody else"),
        pytest.param({"remittance": "thanks"}, {}, "maybe", id="another text from the same"),
        pytest.param({}, {"account": "DE89 3704"}, "", id="another account"),
    ],
)
def test_likeness(own: dict[str, Any], other: dict[str, Any], likeness: str) -> None:
    made = replace(LINE, **own)
    number = made.remittance.replace("-", "")
    numbers = frozenset({number} if number.startswith("INV") else ())
    assert compare(made, "DE02120300000000202051", replace(EARLIER, **other), numbers=numbers) == likeness
