"""What the operator is told to look at, each from its numbers."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from jeton.insight.operating.organizations import OrganizationRow
from jeton.insight.operating.risks import Arrears, list_risks

AT = datetime(2026, 11, 10, 12, tzinfo=UTC)
ID = UUID(int=1)
USD = 1_000_000_000
ROW = OrganizationRow(
    organization_id=ID,
    name="Demo",
    kind="prepaid",
    created_at=AT,
    suspended_at=None,
    suspended_reason="",
    outage_cap_nano=0,
    credit_limit_nano=0,
    accrued_nano=0,
    owed_nano=0,
    held_nano=0,
    lots_nano=4 * USD,
    requests=10,
    net_nano=10 * USD,
    cost_requests=0,
    cost_net_nano=0,
    cost_nano=0,
    unknown_requests=0,
    unknown_cost_nano=0,
    trial_state=None,
    trial_expires_at=None,
    trial_left_nano=None,
)
NONE = Arrears(ID, "", 0, None, 0, 0)


@pytest.mark.parametrize(
    ("row", "arrears", "names"),
    [
        pytest.param(ROW, NONE, [], id="$4 lasts four days at $1 a day"),
        pytest.param(
            replace(ROW, lots_nano=2_999_999_999), NONE, ["credit for less than 3 days"], id="runs out"
        ),
        pytest.param(replace(ROW, net_nano=0, lots_nano=0), NONE, [], id="who uses nothing needs no credit"),
        pytest.param(
            replace(ROW, credit_limit_nano=10 * USD, accrued_nano=5 * USD, owed_nano=4 * USD),
            NONE,
            ["90 % of its limit"],
            id="accrued and owed are of the limit",
        ),
        pytest.param(
            replace(ROW, cost_requests=1, cost_net_nano=1, cost_nano=2),
            NONE,
            ["sold below cost"],
            id="below cost",
        ),
        pytest.param(
            ROW,
            replace(NONE, arrears="stopped", overdue_documents=2, overdue_since_on=date(2026, 11, 9)),
            ["stopped: unpaid", "overdue for 1 day"],
            id="late",
        ),
        pytest.param(
            ROW,
            replace(NONE, arrears="limited", open_disputes=1),
            ["limited: unpaid", "1 open dispute"],
            id="disputed",
        ),
    ],
)
def test_each_risk_has_its_numbers(row: OrganizationRow, arrears: Arrears, names: list[str]) -> None:
    assert [risk.name for risk in list_risks(row, arrears, AT)] == names
