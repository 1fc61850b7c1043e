"""Files of requests, and which of the failed ones are worth another try."""

import zlib

import pytest

from jeton.batches.desk import split_lines
from jeton.batches.retrying import find_retryable

ONE, TWO = b'{"custom_id":"a","params":{}}', b'{"custom_id":"b","params":{"requests":1}}'


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        (ONE + b"\n\n" + TWO + b"\n", [ONE, TWO]),
        (b'{"requests":[' + ONE + b",\n" + TWO + b"]}", [ONE, TWO]),
        (TWO, [TWO]),
        (b"{broken", [b"{broken"]),
        (b" \n ", []),
    ],
    ids=["lines", "body", "one line", "broken", "nothing"],
)
def test_requests_are_lines_or_the_body_of_a_batch(text: bytes, elements: list[bytes]) -> None:
    assert split_lines(text) == elements


def test_what_was_refused_for_what_it_asks_is_not_worth_another_try() -> None:
    errored = (
        '{"custom_id":"%s","result":{"type":"errored","error":'
        '{"type":"error","error":{"type":"%s","message":"m"},"request_id":null}}}'
    )
    lines = (
        errored % ("down", "api_error"),
        errored % ("busy", "overloaded_error"),
        errored % ("wrong", "invalid_request_error"),
        errored % ("nobody", "not_found_error"),
        '{"custom_id":"late","result":{"type":"expired"}}',
        '{"custom_id":"stopped","result":{"type":"canceled"}}',
        '{"custom_id":"fine","result":{"type":"succeeded","message":{"id":"msg_1"}}}',
    )
    parts = [zlib.compress("\n".join(half).encode()) for half in (lines[:3], lines[3:])]
    assert find_retryable(parts) == {"down", "busy", "late"}
