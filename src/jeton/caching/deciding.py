"""Deciding: what a request reads and writes, and how its input tokens fall into buckets. Pure.

Sources of the rules: claude-api section 3, items 4 to 8.
"""

from collections.abc import Collection, Mapping, Sequence

from jeton.caching.words import LOOKBACK_POSITIONS, ONE_HOUR_S, Breakpoint, Levels, Split


def list_candidates(breakpoints: Sequence[Breakpoint]) -> list[int]:
    """The positions at which an entry is looked for, highest first; at most 80."""
    candidates: list[int] = []
    above = None
    for breakpoint_ in reversed(breakpoints):
        highest = breakpoint_.position
        lowest = max(0, highest - LOOKBACK_POSITIONS + 1)
        if above is not None:
            highest = min(highest, above - 1)
        candidates.extend(range(highest, lowest - 1, -1))
        above = lowest if above is None else min(above, lowest)
    return candidates


def find_hit(candidates: Sequence[int], names: Mapping[int, bytes], live: Collection[bytes]) -> int | None:
    """The highest position with a live entry."""
    return next((position for position in candidates if names[position] in live), None)


def find_cacheable(
    breakpoints: Sequence[Breakpoint], counted: Mapping[int, int], minimum_tokens: int
) -> tuple[Breakpoint, ...]:
    """The breakpoints that are long enough to be cached; ``counted`` are tokens up to each of them."""
    return tuple(
        breakpoint_ for breakpoint_ in breakpoints if counted[breakpoint_.position] >= minimum_tokens
    )


def find_levels(hit: int | None, cacheable: Sequence[Breakpoint]) -> Levels:
    """A, B and C: the end of what is read, of the last hour's write after it, and of the last write."""
    read = 0 if hit is None else hit + 1
    hours = [mark.position + 1 for mark in cacheable if mark.ttl_s == ONE_HOUR_S]
    ends = [mark.position + 1 for mark in cacheable]
    write_1h = max([read, *hours])
    return Levels(read, write_1h, max([write_1h, *ends]))


def split(total: int, levels: Levels, counted: Mapping[int, int], *, whole: int) -> Split:
    """The reported ``total`` of input tokens in buckets, which sum to it exactly.

    ``counted`` are our own counts of the prefixes (by their length in blocks, 0 for none) and ``whole``
    that of the whole prompt. Each end is put at the same share of the total as of our count, rounded
    down; so a rounding is at most one token, and falls to the bucket behind it.
    """
    read = scale(levels.read, total, counted=counted, whole=whole)
    write_1h = max(read, scale(levels.write_1h, total, counted=counted, whole=whole))
    write_5m = max(write_1h, scale(levels.write_5m, total, counted=counted, whole=whole))
    return Split(
        input_tokens=total - write_5m,
        cache_creation_5m_input_tokens=write_5m - write_1h,
        cache_creation_1h_input_tokens=write_1h - read,
        cache_read_input_tokens=read,
    )


def scale(length: int, total: int, *, counted: Mapping[int, int], whole: int) -> int:
    """The tokens of a prefix of ``length`` blocks, of a prompt of which ``total`` were reported."""
    if not length or whole <= 0:
        return 0
    return min(total, total * max(0, counted[length]) // whole)


def move_to_read(usage: Split, tokens: int) -> Split:
    """The same request, had it read ``tokens`` more: the ones that follow what it did read."""
    from_1h = min(tokens, usage.cache_creation_1h_input_tokens)
    from_5m = min(tokens - from_1h, usage.cache_creation_5m_input_tokens)
    from_input = min(tokens - from_1h - from_5m, usage.input_tokens)
    return Split(
        input_tokens=usage.input_tokens - from_input,
        cache_creation_5m_input_tokens=usage.cache_creation_5m_input_tokens - from_5m,
        cache_creation_1h_input_tokens=usage.cache_creation_1h_input_tokens - from_1h,
        cache_read_input_tokens=usage.cache_read_input_tokens + from_1h + from_5m + from_input,
    )
