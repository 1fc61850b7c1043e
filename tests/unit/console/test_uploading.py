import pytest

from jeton.console.errors import InvalidFormError
from jeton.console.files.uploading import FIELDS_MAX, HEAD_BYTES_MAX, Upload, parse_upload

KIND = "multipart/form-data; boundary=----WebKitFormBoundary7MA4"
DELIMITER = b"------WebKitFormBoundary7MA4"


def make_body(*parts: bytes) -> bytes:
    return b"".join(DELIMITER + b"\r\n" + part + b"\r\n" for part in parts) + DELIMITER + b"--\r\n"


def field(name: bytes, text: bytes) -> bytes:
    return b'Content-Disposition: form-data; name="' + name + b'"\r\n\r\n' + text


def test_fields_and_the_file_come_out_byte_for_byte() -> None:
    content = b"\r\n--\r\n\x00\xff------WebKit\r\n"
    file = (
        b'content-disposition: form-data; name="file"; filename="a %22b%22;.jsonl"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + content
    )
    body = make_body(field(b"form_token", b"abc"), field("n\u00e4me".encode(), "\u00e9\r\n".encode()), file)
    fields = {"form_token": "abc", "n\u00e4me": "\u00e9\r\n"}
    assert parse_upload(KIND, body) == Upload(fields, 'a "b";.jsonl', content)
    assert parse_upload(KIND.replace("----W", '"----W') + '"; charset=utf-8', body).content == content


def test_a_form_without_a_chosen_file_has_none() -> None:
    none = b'Content-Disposition: form-data; name="file"; filename=""\r\n\r\n'
    assert parse_upload(KIND, make_body(none)) == Upload({}, "", b"")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (KIND, b""),
        (KIND, DELIMITER + b"\r\n" + field(b"a", b"cut off")),
        (KIND, make_body(*[field(b"a", b"x")] * (FIELDS_MAX + 1))),
        (KIND, make_body(b"A: " + b"b" * HEAD_BYTES_MAX + b"\r\n\r\nx")),
        (KIND, make_body(field(b"a", b"x\0"))),
        ("multipart/form-data", make_body(field(b"a", b"x"))),
        ('multipart/form-data; boundary="', make_body(field(b"a", b"x"))),
        ("multipart/form-data; boundary=" + "b" * 71, make_body(field(b"a", b"x"))),
    ],
    ids=[
        "empty",
        "cut off",
        "many parts",
        "long head",
        "zero byte",
        "no boundary",
        "half a boundary",
        "long boundary",
    ],
)
def test_what_is_no_form_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(InvalidFormError):
        parse_upload(kind, body)


def test_millions_of_parts_and_parts_within_parts_are_refused_or_read_as_bytes_at_once() -> None:
    """Both came from a review: the first held up every request for minutes, the second was a defect."""
    with pytest.raises(InvalidFormError):
        parse_upload(KIND, (DELIMITER + b"\r\n\r\n") * 250_000)
    nested = b"Content-Type: message/rfc822\r\n\r\n" * 3000
    assert parse_upload(KIND, make_body(nested)).fields[""].startswith("Content-Type: message/rfc822")
