"""Arrears: what the answers of an organization say that has not paid."""

from tests.unit.gateway.fakes import HEADERS, Gateway


async def test_each_answer_to_an_organization_in_arrears_says_so() -> None:
    gateway = Gateway()
    reply = await gateway.call(headers={**HEADERS, "x-api-key": "sk-jtn-late"})
    assert reply.status == 200
    assert reply.headers["jeton-payment-overdue"] == "INV-2026-000123"
    assert "jeton-payment-overdue" not in (await gateway.call()).headers
