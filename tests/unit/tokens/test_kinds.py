import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeton.tokens.kinds import KINDS, find_kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The price of a request is known before it is sent.", "latin"),
        ("Цена запроса известна до того, как он отправлен.", "cyrillic"),
        ("سعر الطلب معروف قبل إرساله.", "arabic"),
        ("请求的价格在发送之前就已知道。", "han"),
        ("リクエストの価格は、送信される前にわかっています。", "kana"),
        ("요청 가격은 보내기 전에 알 수 있습니다.", "hangul"),
        ("अनुरोध की कीमत भेजने से पहले पता होती है।", "indic"),
        ("ราคาของคำขอเป็นที่ทราบก่อนส่ง", "other_script"),
        ("def settle(hold):\n    return rate(hold)\n\nclass Charge:\n    pass\n", "code"),
        ('{"input_tokens": 12, "output_tokens": 3, "service_tier": "standard"}', "json"),
        ("<p>A <b>charge</b> is <i>settled</i>.</p><p><a href='x'>more</a></p>", "markup"),
        ("2026-11-23 10:41:07 172.16 4096 8192", "digits"),
        ("QWxsIG1vbmV5IGlzIGluIG5hbm8tZG9sbGFycyBhbmQgbm90aGluZyBpcyByb3VuZGVkIHR3aWNl" * 3, "base64"),
        ("   \n\n\t  ", "whitespace"),
        ("", "whitespace"),
        ("price цена price цена price цена", "mixed"),
    ],
    ids=str,
)
def test_a_text_is_of_the_kind_a_reader_would_say(text: str, kind: str) -> None:
    assert find_kind(text) == kind


@given(st.text())
def test_the_kind_is_one_of_a_closed_set(text: str) -> None:
    assert find_kind(text) in KINDS


def test_only_a_part_of_a_long_text_is_looked_at() -> None:
    assert find_kind("word " * 200_000) == "latin"
