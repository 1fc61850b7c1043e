"""Usage: the token counts of one request, as disjoint buckets.

Field names follow the Messages API's ``usage`` object; ``input_tokens`` excludes whatever was
read from or written to the cache, so the buckets add up to what the upstream processed (P6).
"""

from dataclasses import dataclass
from enum import StrEnum

from jeton.errors import UsageError


class Bucket(StrEnum):
    """A class of tokens (or of searches) that has a price of its own."""

    INPUT = "input"
    CACHE_WRITE_5M = "cache_write_5m"
    CACHE_WRITE_1H = "cache_write_1h"
    CACHE_READ = "cache_read"
    OUTPUT = "output"
    WEB_SEARCH = "web_search"


COUNT_MAX = 10**12


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one request; disjoint, each from 0 to ``COUNT_MAX``, else UsageError.

    ``thinking_tokens`` is no class of its own: how many of the output tokens the upstream says were thought
    and not said, 0 where it does not say.
    """

    input_tokens: int = 0
    cache_creation_5m_input_tokens: int = 0
    cache_creation_1h_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    output_tokens: int = 0
    web_search_requests: int = 0
    thinking_tokens: int = 0

    def __post_init__(self) -> None:
        """Refuse a count that is negative or absurd, naming it."""
        # One expression, since every request comes by here, and a loop costs four times as much.
        is_sound = (
            0 <= self.input_tokens <= COUNT_MAX
            and 0 <= self.cache_creation_5m_input_tokens <= COUNT_MAX
            and 0 <= self.cache_creation_1h_input_tokens <= COUNT_MAX
            and 0 <= self.cache_read_input_tokens <= COUNT_MAX
            and 0 <= self.output_tokens <= COUNT_MAX
            and 0 <= self.web_search_requests <= COUNT_MAX
            and 0 <= self.thinking_tokens <= self.output_tokens
        )
        if not is_sound:
            counts = ((name, getattr(self, name)) for name in self.__slots__)
            for name, count in counts:
                if not 0 <= count <= COUNT_MAX:
                    raise UsageError(name, count)
            most = f"output_tokens, {self.output_tokens}"
            raise UsageError("thinking_tokens", self.thinking_tokens, most=most)

    @property
    def cache_creation_input_tokens(self) -> int:
        """Tokens written to the cache, both lifetimes together."""
        return self.cache_creation_5m_input_tokens + self.cache_creation_1h_input_tokens

    @property
    def prompt_tokens(self) -> int:
        """The whole prompt: uncached, written and read. It decides the price band."""
        return self.input_tokens + self.cache_creation_input_tokens + self.cache_read_input_tokens

    @property
    def total_tokens(self) -> int:
        """Prompt and output together."""
        return self.prompt_tokens + self.output_tokens

    def quantities(self) -> tuple[tuple[Bucket, int], ...]:
        """The count of every bucket, in the order of a receipt."""
        return (
            (Bucket.INPUT, self.input_tokens),
            (Bucket.CACHE_WRITE_5M, self.cache_creation_5m_input_tokens),
            (Bucket.CACHE_WRITE_1H, self.cache_creation_1h_input_tokens),
            (Bucket.CACHE_READ, self.cache_read_input_tokens),
            (Bucket.OUTPUT, self.output_tokens),
            (Bucket.WEB_SEARCH, self.web_search_requests),
        )
