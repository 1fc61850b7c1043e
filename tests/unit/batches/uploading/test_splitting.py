import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeton.batches.errors import BatchTooLargeError, InvalidBatchError
from jeton.batches.uploading import splitting
from jeton.batches.uploading.splitting import ITEMS_MAX, Splitter

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def split(body: bytes, size: int) -> list[bytes]:
    splitter = Splitter()
    elements: list[bytes] = []
    for start in range(0, len(body), size):
        elements += splitter.feed(body[start : start + size])
    splitter.finish()
    return elements


@given(
    elements=st.lists(st.dictionaries(st.text(), ANYTHING, max_size=4), min_size=1, max_size=5),
    beside=ANYTHING,
    size=st.integers(1, 64),
    indent=st.sampled_from([None, 0, 2]),
    ascii_or_not=st.sampled_from(["ascii", "not"]),
)
@settings(max_examples=60, deadline=None)
def test_any_pieces_give_the_elements_that_json_has(
    elements: list[dict[str, Any]], beside: object, size: int, indent: int | None, ascii_or_not: str
) -> None:
    whole = {"a": beside, "requests": elements, "z": "]}"}
    text = json.dumps(whole, indent=indent, ensure_ascii=ascii_or_not == "ascii")
    body = text.encode("utf-8", "surrogatepass")
    assert [json.loads(element) for element in split(body, size)] == elements


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_an_escape_may_be_parted(size: int) -> None:
    body = b'{"requests":[{"a":"\\\\\\"}]{[","b":"\\\\"},{"c":1}]}'
    assert split(body, size) == [b'{"a":"\\\\\\"}]{[","b":"\\\\"}', b'{"c":1}']


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"requests":{}}',
        b'{"requests":[]}',
        b'{"requests":[{}',
        b'{"requests":[{}]',
        b'{"requests":[{}]}}',
        b'{"requests":[{}]} x',
        b'{"requests":[{} {}]}',
        b'{"requests":[{},]}',
        b'{"requests":[,{}]}',
        b'{"requests":[{},5]}x',
        b'{"requests":[{},"a"]}',
        b'{"requests":[{}],"requests":[{}]}',
        b'{"other":[{}]}',
        b'{"in":{"requests":[{}]}}',
        b'{"requests":[[{}]]}',
        b']{"requests":[{}]}',
        b'{"requests":[{}],"a":"',
    ],
)
def test_what_is_no_batch_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidBatchError):
        split(body, 4)


def test_one_request_more_than_a_hundred_thousand_is_refused() -> None:
    splitter = Splitter()
    splitter.feed(b'{"requests":[' + b"{}," * ITEMS_MAX)
    assert splitter.count == 100_000
    with pytest.raises(InvalidBatchError, match="at most 100000 requests"):
        splitter.feed(b"{}")


def test_a_request_beyond_its_bytes_is_refused_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "ELEMENT_BYTES_MAX", 1_000)
    splitter = Splitter()
    with pytest.raises(BatchTooLargeError):
        splitter.feed(b'{"requests":[{"a":"' + b"x" * 2_000)


def test_what_stands_beside_the_requests_is_bounded() -> None:
    splitter = Splitter()
    with pytest.raises(InvalidBatchError, match="too much beside"):
        splitter.feed(b'{"a":"' + b"x" * 2_000_000)


def test_memory_holds_one_element_whatever_the_body() -> None:
    splitter = Splitter()
    splitter.feed(b'{"requests":[')
    for _ in range(1_000):
        splitter.feed(b'{"a":"' + b"x" * 10_000 + b'"},\n    ')
    assert len(splitter._skeleton) < 3_000
    assert splitter._element is None
