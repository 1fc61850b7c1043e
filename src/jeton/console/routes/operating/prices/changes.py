"""Price changes: a price file is proposed, tried on a month of usage, and approved by a second person."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from jeton import clock
from jeton.charging.proposing.errors import PriceProposalRefusedError
from jeton.charging.proposing.proposals import (
    REASON_CHARS_MAX,
    PriceProposal,
    decide_proposal,
    get_proposal,
    list_proposals,
    propose_prices,
    render_proposal,
)
from jeton.console.files.uploading import Upload
from jeton.console.pages import SECURITY_HEADERS
from jeton.console.routes.billing.prices import find_chosen_month
from jeton.console.routes.operating.inbox import operator
from jeton.console.visit import Door, Endpoint, View, Visit
from jeton.errors import ConfigurationError, NotAuthenticatedError
from jeton.insight.contract.prices import CONDITION_NAMES, list_rate_changes, render_rate_change
from jeton.insight.contract.simulating import render_simulation, simulate
from jeton.pricing.book import PriceBook, PriceVersion
from jeton.pricing.loading import PriceFile, parse_book
from jeton.pricing.proposing.proposal import ProposedPrices, check_proposal

PLACE = "/console/price-book/changes"
FILE_BYTES_MAX = 200_000
FILE_NAME_CHARS_MAX = 100


async def show_changes(visit: Visit) -> View:
    """What was proposed, newest first, and the form that proposes."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        proposals = await list_proposals(connection)
    at = clock.now()
    states = {one.proposal_id: find_loaded(visit.deps.book, one) for one in proposals}
    context = {
        "as_of": at,
        "proposals": proposals,
        "loaded": states,
        "reason_chars_max": REASON_CHARS_MAX,
        "month": find_chosen_month(visit, at).strftime("%Y-%m"),
    }
    data = {
        "type": "price_proposal_list",
        "as_of": at.isoformat(),
        "data": [{**render_proposal(one), "in_this_book": states[one.proposal_id]} for one in proposals],
    }
    return View("operating/price_changes.html", context, data)


async def show_change(visit: Visit) -> View:
    """One proposal: what each new version changes, what a month would have come to, and who says what."""
    visit.require_operator()
    async with visit.deps.pool.connection() as connection:
        proposal = await get_proposal(connection, visit.request.path_params["proposal_id"])
    book = visit.deps.book
    proposed = parse_book([PriceFile(proposal.file_name, proposal.content.encode())])
    changes = [
        (version, before, list_rate_changes(before, version) if before else [])
        for version in proposed.versions
        if version.price_version_id in proposal.price_versions
        for before in (_find_before(proposed, version),)
    ]
    context = {
        "as_of": clock.now(),
        "proposal": proposal,
        "changes": changes,
        "loaded": find_loaded(book, proposal),
        "is_own": proposal.proposed_by == visit.session.email,
        "operators": len(visit.deps.operator_emails),
        "condition_names": CONDITION_NAMES,
        "reason_chars_max": REASON_CHARS_MAX,
    }
    data = {
        **render_proposal(proposal),
        "in_this_book": find_loaded(book, proposal),
        "changes": [
            {
                "price_version_id": version.price_version_id,
                "from_on": version.from_on.isoformat(),
                "until_on": None if version.until_on is None else version.until_on.isoformat(),
                "follows": None if before is None else before.price_version_id,
                "rates": [render_rate_change(change) for change in rates],
            }
            for version, before, rates in changes
        ],
    }
    return View("operating/price_change.html", context, data)


async def propose(visit: Visit, sent: Upload) -> str:
    """Check a file against the book, try it on a month of everybody's usage, and keep both as proposed."""
    visit.require_operator()
    prices = _check(visit.deps.book, sent)
    month_on = find_chosen_month(visit, clock.now())
    async with visit.deps.pool.connection() as connection:
        simulated = await simulate(connection, prices.added, month_on)
        proposal_id = await propose_prices(
            connection,
            prices,
            reason=sent.fields.get("reason", "").strip(),
            simulation=render_simulation(simulated, month_on),
            by=operator(visit),
        )
    return f"{PLACE}/{proposal_id}"


async def approve(visit: Visit, form: Mapping[str, str]) -> str:
    """Approve what another operator proposed, if the book and the day still allow it."""
    visit.require_operator()
    proposal_id, reason = visit.request.path_params["proposal_id"], form.get("reason", "").strip()
    async with visit.deps.pool.connection() as connection, connection.transaction():
        approved = await decide_proposal(
            connection, proposal_id, "approved", reason=reason, by=operator(visit)
        )
        file = PriceFile(approved.file_name, approved.content.encode())
        _check_file(visit.deps.book, file)
    return f"{PLACE}/{proposal_id}"


async def decline(visit: Visit, form: Mapping[str, str]) -> str:
    """Decline a proposal, or take back one's own."""
    visit.require_operator()
    proposal_id, reason = visit.request.path_params["proposal_id"], form.get("reason", "").strip()
    async with visit.deps.pool.connection() as connection:
        await decide_proposal(connection, proposal_id, "declined", reason=reason, by=operator(visit))
    return PLACE


def download_file(door: Door) -> Endpoint:
    """An endpoint that answers with the text of a proposed file, byte for byte."""

    async def answer(request: Request) -> Response:
        visit = await door.find_visit(request)
        if visit is None:
            raise NotAuthenticatedError("Sign in to the Console first.")
        visit.require_operator()
        async with visit.deps.pool.connection() as connection:
            proposal = await get_proposal(connection, request.path_params["proposal_id"])
        headers = {
            **SECURITY_HEADERS,
            "content-disposition": f'attachment; filename="{proposal.proposal_id}.toml"',
        }
        return Response(proposal.content, headers=headers, media_type="application/toml; charset=utf-8")

    async def endpoint(request: Request) -> Response:
        return await door.guard(request, answer(request))

    return endpoint


def find_loaded(book: PriceBook, proposal: PriceProposal) -> bool:
    """Whether this server's book has every version that a proposal adds, as it was proposed."""
    digests = {version.price_version_id: version.digest for version in book.versions}
    return all(digests.get(version_id) == digest for version_id, digest in proposal.price_versions.items())


def _check(book: PriceBook, sent: Upload) -> ProposedPrices:
    name = "".join(sign for sign in sent.name if sign.isprintable()).strip()[:FILE_NAME_CHARS_MAX]
    return _check_file(book, PriceFile(name or "prices.toml", sent.content))


def _check_file(book: PriceBook, file: PriceFile) -> ProposedPrices:
    try:
        return check_proposal(book, file, at=clock.now())
    except ConfigurationError as error:
        raise PriceProposalRefusedError(error.mistakes) from None


def _find_before(proposed: PriceBook, version: PriceVersion) -> PriceVersion | None:
    earlier = [one for one in proposed.timeline(version.model) if one.from_on < version.from_on]
    return earlier[-1] if earlier else None
