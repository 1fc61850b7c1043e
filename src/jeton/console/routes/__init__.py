"""Routes of the Console: each page with its JSON twin, and the forms; one package for each group of pages."""

from starlette.routing import BaseRoute

from jeton.console.deps import ConsoleDeps
from jeton.console.pages import Pages
from jeton.console.routes.access import access_routes
from jeton.console.routes.billing import billing_routes
from jeton.console.routes.display import display_routes
from jeton.console.routes.explore import explore_routes
from jeton.console.routes.finance import finance_routes
from jeton.console.routes.invoices import invoice_routes
from jeton.console.routes.log import log_routes
from jeton.console.routes.operating import operating_routes
from jeton.console.routes.signing import signing_routes
from jeton.console.routes.spending import spending_routes
from jeton.console.visit import Door


def console_routes(deps: ConsoleDeps) -> list[BaseRoute]:
    """The Console's routes. Style sheets come from the site, under /static."""
    door = Door(deps, Pages(deps))
    return [
        *display_routes(door),
        *signing_routes(door),
        *explore_routes(door),
        *log_routes(door),
        *spending_routes(door),
        *access_routes(door),
        *billing_routes(door),
        *invoice_routes(door),
        *operating_routes(door),
        *finance_routes(door),
    ]
