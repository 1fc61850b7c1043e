from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from starlette.requests import Request

from jeton.console.choices import CHOICES, Choices, find_choices, find_place, find_zone, is_place_of_ours
from jeton.console.errors import StaleFormError
from jeton.console.navigation import Entry, Group, find_current
from jeton.console.pages import display_clock, display_time
from jeton.console.routes.signing.entrance import place_after
from jeton.console.visit import check_origin
from jeton.identity.passkeys.terms import find_party
from jeton.identity.sessions import form_token, is_form_token

AT = datetime(2026, 11, 23, 9, 5, 7, tzinfo=UTC)
GROUPS = (
    Group("Usage", (Entry("/console", "Overview"), Entry("/console/requests", "Requests"))),
    Group("Log", (Entry("/console/requests/live", "Live"),)),
)


def make_request(*, query: str = "", cookies: str = "", method: str = "GET") -> Request:
    headers = [(b"cookie", cookies.encode())]
    scope = {"type": "http", "method": method, "path": "/console/usage", "query_string": query.encode()}
    return Request({**scope, "headers": headers, "server": ("localhost", 80), "scheme": "http"})


def test_cookies_choose_and_what_they_cannot_choose_is_not_chosen() -> None:
    chosen = find_choices(make_request(cookies="jeton_theme=ink; jeton_zone=Europe/Berlin"))
    assert (chosen.theme, chosen.zone.key) == ("ink", "Europe/Berlin")
    other = find_choices(make_request(cookies='jeton_theme=pink"><script>; jeton_zone=../../etc/passwd'))
    assert (other.theme, other.zone.key) == ("", "UTC")


def test_a_zone_in_the_address_goes_before_the_cookie() -> None:
    request = make_request(query="zone=Asia/Tokyo&range=7d", cookies="jeton_zone=Europe/Berlin")
    chosen = find_choices(request)
    assert (chosen.zone.key, chosen.own_zone.key) == ("Asia/Tokyo", "Europe/Berlin")
    # The form that chooses another zone leads back without it, or it would change nothing.
    assert find_place(request) == "/console/usage?range=7d"
    assert find_place(make_request(method="POST")) == "/console"


@pytest.mark.parametrize("name", ["", "Nowhere/City", "/etc/passwd", "Europe", "Europe/Berlin\n", "a" * 300])
def test_what_names_no_zone_is_utc(name: str) -> None:
    assert find_zone(name).key == "UTC"


def test_times_are_shown_in_the_chosen_zone_and_exact_in_utc() -> None:
    assert display_time(AT) == '<time datetime="2026-11-23T09:05:07+00:00">2026-11-23 09:05:07 UTC</time>'
    token = CHOICES.set(Choices("", ZoneInfo("Asia/Tokyo")))
    try:
        assert "2026-11-23 18:05:07 JST" in display_time(AT)
        assert 'title="2026-11-23 09:05:07 UTC"' in display_time(AT)
        assert ">18:05:07<" in display_clock(AT)
    finally:
        CHOICES.reset(token)


@pytest.mark.parametrize(
    ("place", "is_ours"),
    [
        ("/console/usage?range=7d", True),
        ("/docs", True),
        ("//example.com", False),
        ("//[", False),
        ("/\\example.com", False),
        ("https://example.com/", False),
        ("javascript:alert(1)", False),
        ("", False),
        ("/console\r\nset-cookie: a=b", False),
    ],
)
def test_only_a_path_of_ours_is_a_place_to_go_back_to(place: str, *, is_ours: bool) -> None:
    assert is_place_of_ours(place) is is_ours


def test_the_current_entry_is_the_longest_that_fits() -> None:
    assert find_current(GROUPS, "/console") == "/console"
    assert find_current(GROUPS, "/console/requests/req_1") == "/console/requests"
    assert find_current(GROUPS, "/console/requests/live") == "/console/requests/live"
    assert find_current(GROUPS, "/console/requestsx") == ""


@pytest.mark.parametrize("text", ["//[", "http://[", "/consolex", "//evil.example/x", "/console\nx", ""])
def test_one_who_signed_in_goes_to_the_console_whatever_the_address_says(text: str) -> None:
    assert place_after(text) == "/console"
    assert place_after("/console/usage?range=7d") == "/console/usage?range=7d"


@pytest.mark.parametrize("origin", ["http://[", "null", "", "https://evil.example", "localhost", "://"])
def test_a_form_of_another_origin_or_of_none_is_refused(origin: str) -> None:
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b""}
    headers = [(b"host", b"localhost"), (b"origin", origin.encode())]
    with pytest.raises(StaleFormError):
        check_origin(Request({**scope, "headers": headers}), "https://jeton.example/")
    headers[1] = (b"origin", b"https://jeton.example")
    check_origin(Request({**scope, "headers": headers}), "https://jeton.example/")


def test_a_form_without_a_cookie_is_nobodys_though_its_token_can_be_reckoned() -> None:
    assert is_form_token("secret", form_token("secret"))
    assert not is_form_token("", form_token(""))


def test_a_host_that_is_none_has_no_passkeys() -> None:
    assert find_party("http://[", "Jeton") is None
