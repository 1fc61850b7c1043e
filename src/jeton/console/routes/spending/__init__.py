"""Spending: what bounds it and what saves it."""

from starlette.routing import BaseRoute, Route

from jeton.batches.desk import QUOTED_BYTES_MAX
from jeton.console.files.uploading import upload
from jeton.console.routes.spending import alerts, batch_desk, batches, budgets, caching, dry_run, limits
from jeton.console.visit import Door


def spending_routes(door: Door) -> list[BaseRoute]:
    """Caching, batches, rate limits and budgets."""
    return [
        *door.pages_at("/console/limits", limits.show_limits),
        Route("/console/limits", door.form(limits.ask), methods=["POST"]),
        *door.pages_at("/console/caching", caching.show_caching),
        *door.pages_at("/console/batches", batches.show_batches),
        # Before one batch: these are no ids.
        *door.pages_at("/console/batches/quote", batch_desk.show_quote),
        Route(
            "/console/batches/quote",
            upload(door, batch_desk.quote, bytes_max=QUOTED_BYTES_MAX, is_required=False),
            methods=["POST"],
        ),
        *door.pages_at("/console/batches/drafts/{draft_id}", batch_desk.show_draft),
        Route("/console/batches/drafts/{draft_id}/send", door.form(batch_desk.send), methods=["POST"]),
        Route("/console/batches/drafts/{draft_id}/discard", door.form(batch_desk.discard), methods=["POST"]),
        *door.pages_at("/console/batches/unbatched", batch_desk.show_unbatched),
        *door.pages_at("/console/batches/{batch_id}", batches.show_batch),
        Route("/console/batches/{batch_id}/retry", door.form(batch_desk.retry), methods=["POST"]),
        Route("/console/batches/{batch_id}/cancel", door.form(batches.cancel), methods=["POST"]),
        Route("/console/batches/{batch_id}/results", batches.Results(door).__call__, methods=["GET"]),
        *door.pages_at("/console/budgets", budgets.show_budgets),
        Route("/console/budgets", door.form(budgets.create), methods=["POST"]),
        *door.pages_at("/console/budgets/dry-run", dry_run.show_dry_run),
        Route("/console/alerts/choices", door.form(alerts.choose), methods=["POST"]),
        Route("/console/alerts/snooze", door.form(alerts.quiet), methods=["POST"]),
        Route("/console/alerts/test", door.form(budgets.test_alerts), methods=["POST"]),
        Route("/console/budgets/{budget_id}/change", door.form(budgets.change), methods=["POST"]),
        Route("/console/budgets/{budget_id}/end", door.form(budgets.end), methods=["POST"]),
    ]
