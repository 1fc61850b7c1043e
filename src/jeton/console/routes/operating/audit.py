"""Audit: who changed what that touches money; all of it for the operator, their own for an organization."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import get_args
from urllib.parse import urlencode
from uuid import UUID

from jeton.console.errors import InvalidFilterError
from jeton.console.files.downloading import Lines, Sheet
from jeton.console.routes.operating.health import prove
from jeton.console.visit import View, Visit
from jeton.identity.audit.entries import ActorKind
from jeton.identity.roles.permissions import Permission
from jeton.insight.operating.audit import (
    EXPORTED_MAX,
    AuditFilter,
    list_audit_page,
    read_audit,
    render_audit_entry,
    render_sealed,
)
from jeton.insight.operating.audit_chain import get_chain_state, render_chain_state, verify_audit
from jeton.insight.proving.proof import Proof
from jeton.insight.verify import snapshot

KINDS: tuple[str, ...] = get_args(ActorKind)
NAMES = ("organization", "actor", "kind", "action", "subject", "from", "until")
COLUMNS = (
    *("audit_id", "occurred_at", "actor_kind", "actor", "action", "subject", "organization_id", "details"),
    *("sequence", "digest_sha256"),
)


async def show_audit(visit: Visit) -> View:
    """A page of the whole log, for the operator."""
    visit.require_operator()
    return await _show(visit, _read_filter(visit, _parse_organization(visit)))


async def show_changes(visit: Visit) -> View:
    """A page of what was changed of the member's organization, by whomever."""
    visit.require(Permission.SEE_AUDIT)
    return await _show(visit, _read_filter(visit, visit.session.organization_id), is_own=True)


async def export_audit(visit: Visit) -> Sheet:
    """The whole log that matches, for the operator."""
    visit.require_operator()
    return await _export(visit, _read_filter(visit, _parse_organization(visit)))


async def export_changes(visit: Visit) -> Sheet:
    """What was changed of the member's organization, as far as it matches."""
    visit.require(Permission.SEE_AUDIT)
    return await _export(visit, _read_filter(visit, visit.session.organization_id))


async def prove_audit(visit: Visit, form: Mapping[str, str]) -> str:
    """Have everything proved, the log's chains among it, in the background and in the operator's name."""
    await prove(visit, form)
    return "/console/audit"


async def verify_changes(visit: Visit, form: Mapping[str, str]) -> View:
    """Recompute the chain of the member's organization here and now, and show the page with the verdict."""
    del form
    visit.require(Permission.SEE_AUDIT)
    proof, own = Proof(), visit.session.organization_id
    async with visit.deps.pool.connection() as connection, snapshot(connection):
        await verify_audit(connection, proof, organization_id=own)
    return await _show(visit, AuditFilter(organization_id=own), is_own=True, proof=proof)


async def _show(
    visit: Visit, wanted: AuditFilter, *, is_own: bool = False, proof: Proof | None = None
) -> View:
    own = visit.session.organization_id if is_own else None
    async with visit.deps.pool.connection() as connection:
        page = await list_audit_page(connection, wanted, before_id=visit.find_filter("before") or None)
        state = await get_chain_state(connection, own)
    path = "/console/changes" if is_own else "/console/audit"
    query = {name: value for name in NAMES if (value := visit.find_filter(name))}
    context = {
        "page": page,
        "wanted": wanted,
        "kinds": KINDS,
        "from_on": visit.find_filter("from"),
        "until_on": visit.find_filter("until"),
        "state": state,
        "proof": proof,
        "is_own": is_own,
        "place": path,
        "path_of_proof": f"{path}/verify" if is_own else f"{path}/prove",
        "csv": f"{path}.csv?{urlencode(query)}",
        "json_lines": f"{path}.jsonl?{urlencode(query)}",
        "next_page": f"{path}?{urlencode({**query, 'before': page.next_id or ''})}",
        "exported_max": EXPORTED_MAX,
    }
    data = {
        "type": "audit_log",
        "as_of": page.as_of.isoformat(),
        "chain": render_chain_state(state),
        "data": [render_audit_entry(entry) for entry in page.entries],
        "has_more": page.next_id is not None,
        "next_id": page.next_id,
    }
    return View("operating/audit.html", context, data)


async def write_audit(visit: Visit) -> Lines:
    """As ``export_audit``, a JSON object a line with all that its digest covers."""
    visit.require_operator()
    return await _write(visit, _read_filter(visit, _parse_organization(visit)))


async def write_changes(visit: Visit) -> Lines:
    """As ``export_changes``, a JSON object a line with all that its digest covers."""
    visit.require(Permission.SEE_AUDIT)
    return await _write(visit, _read_filter(visit, visit.session.organization_id))


async def _write(visit: Visit, wanted: AuditFilter) -> Lines:
    async with visit.deps.pool.connection() as connection:
        return Lines("audit.jsonl", [render_sealed(entry) async for entry in read_audit(connection, wanted)])


async def _export(visit: Visit, wanted: AuditFilter) -> Sheet:
    async with visit.deps.pool.connection() as connection:
        rows = [
            (
                entry.audit_id,
                entry.occurred_at.isoformat(),
                entry.actor_kind,
                entry.actor,
                entry.action,
                entry.subject,
                entry.organization_id,
                json.dumps(entry.details, sort_keys=True),
                None if entry.seal is None else entry.seal.sequence,
                None if entry.seal is None else entry.seal.digest,
            )
            async for entry in read_audit(connection, wanted)
        ]
    return Sheet("audit.csv", COLUMNS, rows)


def _read_filter(visit: Visit, organization_id: UUID | None) -> AuditFilter:
    kind = visit.find_filter("kind")
    if kind and kind not in KINDS:
        raise InvalidFilterError("kind", f"is {kind!r}, not one of {', '.join(KINDS)}")
    return AuditFilter(
        organization_id=organization_id,
        actor=visit.find_filter("actor"),
        kind=kind,
        action=visit.find_filter("action").replace("%", "").replace("\\", ""),
        subject=visit.find_filter("subject"),
        from_at=_read_day(visit, "from"),
        until_at=_read_day(visit, "until"),
    )


def _parse_organization(visit: Visit) -> UUID | None:
    text = visit.find_filter("organization")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidFilterError("organization", f"is {text!r}, not the id of one") from None


def _read_day(visit: Visit, name: str) -> datetime | None:
    text = visit.find_filter(name)
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) if text else None
    except ValueError:
        raise InvalidFilterError(name, f"is {text!r}, not a day such as 2026-11-23") from None
