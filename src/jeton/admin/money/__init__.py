"""Money over the Admin API: payments, auto-reload, documents, whom they are for, and the account."""

from starlette.routing import BaseRoute

from jeton.admin.deps import AdminDeps
from jeton.admin.money.documents import document_routes
from jeton.admin.money.payments import payment_routes


def money_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of money in."""
    return [*payment_routes(deps), *document_routes(deps)]
