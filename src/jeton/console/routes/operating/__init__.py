"""Operating: pages about the whole installation, for its operator; and webhooks, which are everybody's."""

from starlette.routing import BaseRoute, Route

from jeton.console.files.downloading import download
from jeton.console.routes.operating import (
    agreements,
    audit,
    docs_feedback,
    health,
    inbox,
    opening,
    organizations,
    webhooks,
)
from jeton.console.routes.operating.accuracy import acknowledge, show_accuracy
from jeton.console.routes.operating.margins import show_margins
from jeton.console.routes.operating.price_book import show_price_book
from jeton.console.routes.operating.prices import agreed_price_routes
from jeton.console.visit import Act, Door


def operating_routes(door: Door) -> list[BaseRoute]:
    """The operator's pages, and those of webhooks and changes."""
    return [
        *door.pages_at("/console/accuracy", show_accuracy),
        *door.pages_at("/console/docs-feedback", docs_feedback.show_docs_feedback),
        Route("/console/docs-feedback.csv", download(door, docs_feedback.export_votes), methods=["GET"]),
        Route(
            "/console/docs-feedback/comments.csv",
            download(door, docs_feedback.export_comments),
            methods=["GET"],
        ),
        Route("/console/alarms/{alarm_id}/acknowledge", door.form(acknowledge), methods=["POST"]),
        *door.pages_at("/console/price-book", show_price_book),
        *agreed_price_routes(door),
        *door.pages_at("/console/health", health.show_health),
        Route("/console/health/prove", door.form(health.prove), methods=["POST"]),
        *door.pages_at("/console/audit", audit.show_audit),
        Route("/console/audit.csv", download(door, audit.export_audit), methods=["GET"]),
        Route("/console/audit.jsonl", download(door, audit.write_audit), methods=["GET"]),
        Route("/console/audit/prove", door.form(audit.prove_audit), methods=["POST"]),
        *door.pages_at("/console/changes", audit.show_changes),
        Route("/console/changes.csv", download(door, audit.export_changes), methods=["GET"]),
        Route("/console/changes.jsonl", download(door, audit.write_changes), methods=["GET"]),
        Route("/console/changes/verify", door.form(audit.verify_changes), methods=["POST"]),
        *_inbox_routes(door),
        *_organization_routes(door),
        *_webhook_routes(door, webhooks.ORGANIZATIONS),
        *_webhook_routes(door, webhooks.OPERATORS),
    ]


def _inbox_routes(door: Door) -> list[BaseRoute]:
    return [
        *door.pages_at("/console/inbox", inbox.show_inbox),
        Route("/console/inbox.csv", download(door, inbox.export_inbox), methods=["GET"]),
        Route("/console/inbox/{item_id}/approve", door.form(inbox.approve), methods=["POST"]),
        Route("/console/inbox/{item_id}/decline", door.form(inbox.decline), methods=["POST"]),
        Route("/console/inbox/{item_id}/close", door.form(inbox.close), methods=["POST"]),
        Route("/console/inbox/{item_id}/reply", door.form(inbox.reply), methods=["POST"]),
    ]


def _organization_routes(door: Door) -> list[BaseRoute]:
    place = "/console/organizations/{organization_id}"
    forms: dict[str, Act] = {
        "grant": organizations.grant_credit,
        "adjust": organizations.adjust_credit,
        "terms": organizations.set_terms,
        "suspend": organizations.suspend_organization,
        "resume": organizations.resume_organization,
        "view": organizations.view_organization,
    }
    leave = door.form(organizations.leave_viewing, is_for_viewing=True)
    return [
        *door.pages_at("/console/organizations", organizations.show_organizations),
        *door.pages_at(opening.PLACE, opening.show_opening),
        Route(opening.PLACE, door.form(opening.open_one), methods=["POST"]),
        *door.pages_at(f"{place}/margin", show_margins),
        *door.pages_at(place, organizations.show_organization),
        *(Route(f"{place}/{name}", door.form(act), methods=["POST"]) for name, act in forms.items()),
        *door.pages_at(f"{place}/agreements", agreements.show_agreements),
        Route(f"{place}/agreements", door.form(agreements.agree_on_terms), methods=["POST"]),
        Route(f"{place}/agreements/{{terms_id}}/end", door.form(agreements.end_agreement), methods=["POST"]),
        Route(f"{place}/switch", door.form(agreements.switch_kind), methods=["POST"]),
        Route("/console/viewing/end", leave, methods=["POST"]),
    ]


def _webhook_routes(door: Door, pages: webhooks.WebhookPages) -> list[BaseRoute]:
    place = f"{pages.place}/{{webhook_id}}"
    forms: dict[str, Act] = {
        "rotate": pages.rotate,
        "types": pages.choose,
        "enable": pages.enable,
        "delete": pages.delete,
        "test": pages.test,
        "replay": pages.replay_one,
        "replay-missed": pages.replay_range,
    }
    return [
        *door.pages_at(pages.place, pages.show_all),
        Route(pages.place, door.form(pages.create), methods=["POST"]),
        *door.pages_at(place, pages.show_one),
        *(Route(f"{place}/{name}", door.form(act), methods=["POST"]) for name, act in forms.items()),
    ]
