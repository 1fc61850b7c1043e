"""Credits by hand: granting, taking back, undoing a charge, trials, credit limits, the inbox."""

from jeton.charging.credits.granting import Grant, grant

__all__ = ["Grant", "grant"]
