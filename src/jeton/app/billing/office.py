"""Office: what the pages and the Admin API work with where money comes in, as the settings want it."""

from zoneinfo import ZoneInfo

from jeton.app.billing.duties import make_reload_terms
from jeton.app.billing.paper import make_look
from jeton.billing.office import Office
from jeton.billing.payments.till import Till
from jeton.settings import Settings, csv_terms, dunning_terms, invoicing_rules


def make_office(settings: Settings, till: Till) -> Office:
    """The office of this process."""
    return Office(
        till=till,
        rules=invoicing_rules(settings),
        look=make_look(settings),
        dunning=dunning_terms(settings),
        reloads=make_reload_terms(settings),
        bank=csv_terms(settings),
        books_zone=ZoneInfo(settings.books_zone),
    )
