"""Standard Webhooks: signatures against the published vector, and the published schedule."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from jeton.notifications.standard import DELAYS_S, find_next_attempt, new_secret, sign

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_signature_is_the_one_that_the_reference_libraries_publish() -> None:
    """The vector in the tests of every library at github.com/standard-webhooks."""
    headers = sign(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1_614_265_330, UTC),
        body=b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_fraction_of_a_second_is_signed_as_it_is_sent() -> None:
    whole, later = AT, AT + timedelta(microseconds=999_999)
    secret = new_secret()
    assert sign([secret], "evt_1", at=whole, body=b"{}") == sign([secret], "evt_1", at=later, body=b"{}")


def test_a_secret_has_256_bits_and_never_comes_twice() -> None:
    """The specification asks for 192 to 512."""
    first, second = new_secret(), new_secret()
    assert first != second
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) == 32


def test_the_schedule_is_the_specifications() -> None:
    at, times = AT, []
    for attempts in range(1, 10):
        found = find_next_attempt(attempts, at=at, jitter=0)
        assert found is not None
        at = found
        times.append(str(at - AT))
    assert times == [
        "0:00:05", "0:05:05", "0:35:05", "2:35:05", "7:35:05", "17:35:05",
        "1 day, 7:35:05", "2 days, 3:35:05", "3 days, 3:35:05",
    ]  # fmt: skip
    assert find_next_attempt(10, at=at, jitter=0) is None


@pytest.mark.parametrize("attempts", range(1, len(DELAYS_S)))
def test_chance_adds_a_tenth_at_most(attempts: int) -> None:
    least, most = (find_next_attempt(attempts, at=AT, jitter=jitter) for jitter in (0.0, 1.0))
    assert least is not None
    assert most is not None
    assert most - AT == (least - AT) * 1.1


@pytest.mark.parametrize(
    ("retry_after_s", "waited_s"),
    [(0, 300), (299, 300), (301, 301), (86_400, 86_400), (999_999_999, 86_400)],
)
def test_a_receiver_may_ask_for_more_time_up_to_a_day(retry_after_s: int, waited_s: int) -> None:
    found = find_next_attempt(2, at=AT, jitter=0, retry_after_s=retry_after_s)
    assert found == AT + timedelta(seconds=waited_s)
