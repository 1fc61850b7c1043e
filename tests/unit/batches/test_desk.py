"""Files of requests, and which of the failed ones are worth another try."""

import zlib

import pytest

from jeton.batches.quoting import Element, WrongElement, find_wrong, split_elements
from jeton.batches.retrying import find_retryable

ONE, TWO = b'{"custom_id":"a","params":{}}', b'{"custom_id":"b","params":{"requests":1}}'


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        (ONE + b"\n\n" + TWO + b"\n", [Element("line 1", ONE), Element("line 3", TWO)]),
        (
            b'{"requests":[' + ONE + b",\n" + TWO + b"]}",
            [Element("requests.0", ONE), Element("requests.1", TWO)],
        ),
        (TWO, [Element("line 1", TWO)]),
        (b"{broken", [Element("line 1", b"{broken")]),
        (b" \n ", []),
    ],
    ids=["lines", "body", "one line", "broken", "nothing"],
)
def test_requests_are_lines_or_the_body_of_a_batch(text: bytes, elements: list[Element]) -> None:
    assert split_elements(text) == elements


def test_every_wrong_line_is_named() -> None:
    text = ONE + b"\n{broken\n" + TWO + b"\n" + ONE + b'\n{"custom_id":"a b","params":{}}\n'
    wrong = find_wrong(split_elements(text))
    assert [one.place for one in wrong] == ["line 2", "line 4", "line 5"]
    assert wrong[1] == WrongElement("line 4", "custom_id: a is there already, at line 1")
    assert wrong[2].sentence.startswith("custom_id: String should have")


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
