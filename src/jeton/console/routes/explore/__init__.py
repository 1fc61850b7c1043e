"""Exploring: the overview, usage and cost."""

from starlette.routing import BaseRoute, Route

from jeton.console.files.downloading import download
from jeton.console.routes.explore.chargeback import make_chargeback_file, show_chargeback
from jeton.console.routes.explore.cost import show_cost
from jeton.console.routes.explore.exported import focus
from jeton.console.routes.explore.exported.statement import make_sql
from jeton.console.routes.explore.files import make_csv, make_parquet
from jeton.console.routes.explore.overview import show_overview
from jeton.console.routes.explore.saved import charts
from jeton.console.routes.explore.usage import show_usage
from jeton.console.visit import Door


def explore_routes(door: Door) -> list[BaseRoute]:
    """What was used and what it cost, added up."""
    usage_csv = make_csv(door, "usage", default_group="", width_max=1)
    usage_parquet = make_parquet(door, "usage", default_group="", width_max=1)
    cost_csv = make_csv(door, "cost", default_group="model", width_max=2)
    cost_parquet = make_parquet(door, "cost", default_group="model", width_max=2)
    return [
        *door.pages_at("/console", show_overview),
        *door.pages_at("/console/usage", show_usage),
        *door.pages_at("/console/cost", show_cost),
        *door.pages_at("/console/charts", charts.show_charts),
        Route("/console/charts", door.form(charts.save), methods=["POST"]),
        Route("/console/charts/{chart_id}/rename", door.form(charts.rename), methods=["POST"]),
        Route("/console/charts/{chart_id}/share", door.form(charts.share), methods=["POST"]),
        Route("/console/charts/{chart_id}/take-back", door.form(charts.take_back), methods=["POST"]),
        Route("/console/charts/{chart_id}/delete", door.form(charts.delete), methods=["POST"]),
        Route("/console/charts/{chart_id}/pin", door.form(charts.pin), methods=["POST"]),
        *door.pages_at("/console/cost/chargeback", show_chargeback),
        Route("/console/cost/chargeback.csv", download(door, make_chargeback_file), methods=["GET"]),
        Route("/console/usage.csv", usage_csv, methods=["GET"]),
        Route("/console/usage.parquet", usage_parquet, methods=["GET"]),
        Route("/console/usage.sql", make_sql(door, default_group="", width_max=1), methods=["GET"]),
        Route("/console/cost.sql", make_sql(door, default_group="model", width_max=2), methods=["GET"]),
        Route(f"{focus.PLACE}.csv", focus.make_focus(door, "csv"), methods=["GET"]),
        Route(f"{focus.PLACE}.parquet", focus.make_focus(door, "parquet"), methods=["GET"]),
        Route("/console/cost.csv", cost_csv, methods=["GET"]),
        Route("/console/cost.parquet", cost_parquet, methods=["GET"]),
    ]
