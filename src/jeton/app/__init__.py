"""The composition root of ``jeton serve``: wires the parts together and decides nothing else."""

from jeton.app.parts import Parts, open_parts
from jeton.app.routes import build_app
from jeton.app.serving import serve

__all__ = ["Parts", "build_app", "open_parts", "serve"]
