"""Errors of the prompt-cache account.

InvalidInputError
└── CacheControlError          marks that contradict the rules of prompt caching
"""

from jeton.errors import InvalidInputError


class CacheControlError(InvalidInputError):
    """Marks that contradict the rules of prompt caching; the sentence names the field."""

    code = "cache_control_invalid"
