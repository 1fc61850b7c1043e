"""Settings: what an operator may choose, and the only place that reads the environment.

Each setting is declared once, in ``Settings``. Its environment variable, its key in the
configuration file, its option, ``--help`` and the documentation follow from that. An option wins
over the environment, the environment over the file, the file over the default. All mistakes are
shown at once, each with its place.
"""

from jeton.settings.declarations import Declaration, Settings, list_declarations
from jeton.settings.loading import load_settings
from jeton.settings.rules import csv_terms, dunning_terms, invoicing_rules, render_base_url
from jeton.settings.upstreams import UpstreamSetting

__all__ = [
    "Declaration",
    "Settings",
    "UpstreamSetting",
    "csv_terms",
    "dunning_terms",
    "invoicing_rules",
    "list_declarations",
    "load_settings",
    "render_base_url",
]
