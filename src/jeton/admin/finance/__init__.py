"""Finance over the Admin API: the operator's documents, payments, profiles and months."""

from starlette.routing import BaseRoute

from jeton.admin.deps import AdminDeps
from jeton.admin.finance.claims import claim_routes
from jeton.admin.finance.documents import operator_document_routes
from jeton.admin.finance.focus import focus_routes
from jeton.admin.finance.months import month_routes
from jeton.admin.finance.payments import received_payment_routes
from jeton.admin.finance.profiles import operator_profile_routes
from jeton.admin.finance.reratings import rerating_routes


def finance_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The operator's routes about money; each takes a key of the operator's and no other."""
    return [
        *operator_document_routes(deps),
        *focus_routes(deps),
        *received_payment_routes(deps),
        *claim_routes(deps),
        *rerating_routes(deps),
        *operator_profile_routes(deps),
        *month_routes(deps),
    ]
