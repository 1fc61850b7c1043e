import json

import pytest

from jeton.batches.errors import InvalidBatchError
from jeton.batches.items import (
    Problem,
    StoredItem,
    decode_chunk,
    encode_chunk,
    make_request_id,
    new_batch_id,
    parse_element,
    render_ended,
    render_errored,
    render_succeeded,
)

BATCH = "msgbatch_01a2072b3a427a7f96c1eb5c1c900000"


def test_an_items_request_id_is_that_of_its_batch_with_its_number() -> None:
    assert make_request_id(BATCH, 0) == "req_01a2072b3a427a7f96c1eb5c1c900000"
    assert make_request_id(BATCH, 99_999) == "req_01a2072b3a427a7f96c1eb5c1c91869f"


def test_a_new_batch_leaves_room_for_the_numbers_of_its_items() -> None:
    assert new_batch_id().endswith("00000")
    assert new_batch_id() != new_batch_id()


def test_a_chunk_is_kept_as_it_came() -> None:
    items = [
        StoredItem("a", b'{"model":"m"}', 0, 5),
        StoredItem("b", b"{}", problem=Problem("not_found_error", "model: x")),
    ]
    assert decode_chunk(encode_chunk(items)) == items


def test_lines_are_those_of_the_messages_api() -> None:
    succeeded = json.loads(render_succeeded("a", b'{"id":"msg_1"}'))
    assert succeeded == {"custom_id": "a", "result": {"type": "succeeded", "message": {"id": "msg_1"}}}
    errored = json.loads(render_errored("b", Problem("invalid_request_error", "no"), None))
    assert errored == {
        "custom_id": "b",
        "result": {
            "type": "errored",
            "error": {
                "type": "error",
                "error": {"type": "invalid_request_error", "message": "no"},
                "request_id": None,
            },
        },
    }
    assert render_ended("c", "canceled") == b'{"custom_id":"c","result":{"type":"canceled"}}\n'
    assert render_ended("d", "expired") == b'{"custom_id":"d","result":{"type":"expired"}}\n'


@pytest.mark.parametrize(
    ("element", "sentence"),
    [
        (b'{"custom_id":"","params":{}}', "requests.3.custom_id"),
        (b'{"custom_id":"' + b"a" * 65 + b'","params":{}}', "requests.3.custom_id"),
        (b'{"custom_id":"a\\u00e9","params":{}}', "requests.3.custom_id"),
        (b'{"custom_id":5,"params":{}}', "requests.3.custom_id"),
        (b'{"params":{}}', "requests.3"),
        (b'{"custom_id":"a","params":null}', "requests.3.params"),
        (b'{"custom_id":"a","params":{}', "requests.3"),
    ],
)
def test_an_element_without_its_fields_is_named_by_its_number(element: bytes, sentence: str) -> None:
    with pytest.raises(InvalidBatchError, match=sentence):
        parse_element(element, 3)
