"""Expectation: what a request will probably count, learned from the requests before it.

``max_tokens`` says little about an answer's length, and the bytes of a prompt little about what of it is
read from a cache and does not count. So the last requests of the same workspace and group tell.
"""

# The experience before there is any: a quarter of the bound, and a few paragraphs.
_FIRST_BOUND, _FIRST_INPUT, _FIRST_OUTPUT = 4_000, 1_000, 512
# At so many requests what was learned counts half, so that the latest tell most.
_REQUESTS_KEPT = 32


class Expectation:
    """Running sums over the latest requests."""

    __slots__ = ("_bound", "_input", "_output", "_requests")

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._requests = 1
        self._bound, self._input, self._output = _FIRST_BOUND, _FIRST_INPUT, _FIRST_OUTPUT

    def expect(self, input_max: int, output_max: int) -> tuple[int, int]:
        """Input and output tokens of a request that counts at most so many."""
        expected_input = -(-input_max * self._input // self._bound)
        expected_output = -(-self._output // self._requests)
        return min(expected_input, input_max), min(expected_output, output_max)

    def learn(self, input_max: int, *, input_tokens: int, output_tokens: int) -> None:
        """Take note of what a request counted that could have counted ``input_max``."""
        self._requests += 1
        self._bound += max(1, input_max)
        self._input += min(input_tokens, max(1, input_max))
        self._output += output_tokens
        if self._requests > _REQUESTS_KEPT:
            self._requests //= 2
            self._bound = -(-self._bound // 2)
            self._input //= 2
            self._output //= 2
