"""Proving: each part of the books recomputed from its facts. See ``jeton.insight.verify``."""
