import re
from pathlib import Path

import pytest

from jeton.errors import ConfigurationError
from jeton.settings import UpstreamSetting, list_declarations, load_settings

PAGE = Path(__file__).parents[2] / "src" / "jeton" / "site" / "content" / "settings.md"


def config(folder: Path, text: str) -> Path:
    path = folder / "jeton.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_anything_given_the_defaults_hold() -> None:
    settings = load_settings(environment={})
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.trial_amount_nano == 5_000_000_000
    assert settings.data_dir == Path(__file__).parents[2] / ".jeton"


def test_an_option_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    path = config(tmp_path, "port = 1001\ntrial_days = 7\nbrand_name = 'File'\n")
    environment = {"JETON_PORT": "1002", "JETON_TRIAL_DAYS": "8"}
    settings = load_settings({"port": "1003"}, config=path, environment=environment)
    assert (settings.port, settings.trial_days, settings.brand_name) == (1003, 8, "File")


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    path = config(tmp_path, "is_demo = false\n")
    assert load_settings(environment={"JETON_CONFIG": str(path)}).is_demo is False


def test_upstreams_come_from_the_file_and_their_keys_from_the_environment(tmp_path: Path) -> None:
    path = config(
        tmp_path,
        """
[[upstreams]]
name = "first"
kind = "anthropic"
base_url = "http://10.0.0.1"
api_key_env = "FIRST_KEY"
models = ["claude-sonnet-5-5"]
""",
    )
    settings = load_settings(config=path, environment={"FIRST_KEY": "secret"})
    expected = UpstreamSetting("first", "anthropic", "http://10.0.0.1", "secret", ("claude-sonnet-5-5",))
    assert settings.upstreams == (expected,)


def test_each_kind_of_upstream_has_keys_of_its_own(tmp_path: Path) -> None:
    path = config(
        tmp_path,
        """
[[upstreams]]
name = "chat"
kind = "openai_compatible"
base_url = "http://10.0.0.1/v1"
models = ["claude-haiku-4-5"]
model_names = { claude-haiku-4-5 = "their/name" }
max_tokens_field = "max_completion_tokens"
priority = 2
timeout_s = 60
first_byte_timeout_s = 5
costs = ["/prices/theirs.toml"]
""",
    )
    (chat,) = load_settings(config=path, environment={}).upstreams
    assert chat.model_names == (("claude-haiku-4-5", "their/name"),)
    assert (chat.max_tokens_field, chat.priority) == ("max_completion_tokens", 2)
    assert (chat.timeout_s, chat.first_byte_timeout_s) == (60, 5)
    assert chat.costs == (Path("/prices/theirs.toml"),)


def test_what_an_upstream_cannot_have_is_refused_at_its_line(tmp_path: Path) -> None:
    path = config(
        tmp_path,
        """
[[upstreams]]
name = "a"
kind = "anthropic"
base_url = "http://10.0.0.1"
model_names = { x = "y" }

[[upstreams]]
name = "b"
kind = "openai_compatible"
base_url = "http://10.0.0.2/v1"
max_tokens_field = "tokens"
timeout_s = 900
""",
    )
    with pytest.raises(ConfigurationError) as caught:
        load_settings(config=path, environment={})
    late = "hold_validity_s is 900 and timeout_s of the upstream b is 900"
    assert [mistake.partition("; known")[0] for mistake in caught.value.mistakes] == [
        f"{path}:6: unknown key model_names",
        f"{path}:12: max_tokens_field must be max_tokens or max_completion_tokens.",
        f"{late}: a hold must outlast the longest answer.",
    ]


def test_secrets_do_not_show_in_a_representation() -> None:
    environment = {
        "JETON_DATABASE_URL": "postgresql://u:hidden@h/d",
        "JETON_UPSTREAM_URL": "http://10.0.0.1",
        "JETON_UPSTREAM_API_KEY": "hidden",
    }
    assert "hidden" not in repr(load_settings(environment=environment))


def test_all_mistakes_are_shown_at_once_each_with_its_place(tmp_path: Path) -> None:
    path = config(
        tmp_path,
        """port = "many"
colour = "red"

[[upstreams]]
name = "a"
kind = "telepathy"

[[upstreams]]
name = "a"
kind = "anthropic"
api_key_env = "ABSENT"
""",
    )
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"trial_days": "0"}, config=path, environment={"JETON_TRIAL_AMOUNT_USD": "-1"})
    known = "known here are"
    assert [mistake.partition(known)[0] for mistake in caught.value.mistakes] == [
        f"{path}:1: 'many' is not a whole number from 1 to 65535.",
        f"{path}:2: unknown key colour; ",
        f"{path}:6: kind is 'telepathy', not one of anthropic, openai_compatible, embedded.",
        f"{path}:8: the key base_url is missing.",
        f"{path}:9: there is another upstream of the name 'a'.",
        f"{path}:11: the environment has no ABSENT, which should hold this key.",
        "JETON_TRIAL_AMOUNT_USD: The amount '-1' is below zero.",
        "--trial-days: '0' is not a whole number from 1 to 3650.",
    ]


def test_a_hold_outlasts_the_longest_answer() -> None:
    with pytest.raises(ConfigurationError, match="hold_validity_s is 600 and upstream_timeout_s is 600"):
        load_settings({"hold_validity_s": "600"}, environment={})


def test_credit_status_is_a_status() -> None:
    assert load_settings(environment={}).credit_status == 400
    assert load_settings(environment={"JETON_CREDIT_STATUS": "402"}).credit_status == 402
    with pytest.raises(ConfigurationError, match="'403' is not one of 400, 402"):
        load_settings(environment={"JETON_CREDIT_STATUS": "403"})


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", ""),
        ("https://API.example.com/", "https://api.example.com"),
        ("http://10.0.0.1:8080", "http://10.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_public_url_is_a_scheme_a_host_and_perhaps_a_port(text: str, url: str) -> None:
    assert load_settings({"public_url": text}, environment={}).public_url == url


@pytest.mark.parametrize(
    "text",
    [
        "api.example.com",
        "ftp://a.de",
        "https://",
        "https://a.de/x",
        "https://a.de?x",
        "https://u@a.de",
        "https://a b",
    ],
)
def test_any_other_public_url_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not an address such as"):
        load_settings({"public_url": text}, environment={})


@pytest.mark.parametrize("text", ["", "[", "port = ", "a\x00b"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    path = config(tmp_path, text) if text else tmp_path / "absent.toml"
    with pytest.raises(ConfigurationError, match=re.escape(str(path))):
        load_settings(config=path, environment={})


FILES_MISTAKES = {
    "qwen": "is not FAMILY=PATH, such as qwen=/models/qwen/tokenizer.json, in 'qwen'",
    "Qwen 3=/a": "is not FAMILY=PATH, such as qwen=/models/qwen/tokenizer.json, in 'Qwen 3=/a'",
    "qwen=": "is not FAMILY=PATH, such as qwen=/models/qwen/tokenizer.json, in 'qwen='",
    "a=/x:a=/y": "names two files for the family a",
}


def test_tokenizer_files_are_named_for_families() -> None:
    settings = load_settings({"tokenizer_files": "qwen=/models/a=b.json:tekken-7=/t.json"}, environment={})
    assert settings.tokenizer_files == (("qwen", Path("/models/a=b.json")), ("tekken-7", Path("/t.json")))
    assert load_settings(environment={}).tokenizer_files == ()


@pytest.mark.parametrize(("text", "sentence"), FILES_MISTAKES.items())
def test_tokenizer_files_without_a_family_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"tokenizer_files": text}, environment={})
    assert caught.value.mistakes == (f"--tokenizer-files: {text!r} {sentence}.",)


@pytest.mark.parametrize(
    ("text", "days"), [("7,1", (7, 1)), ("1, 30 ,7,7", (30, 7, 1)), ("0", ()), ("3650", (3650,))]
)
def test_warnings_are_days_ahead_the_longest_first(text: str, days: tuple[int, ...]) -> None:
    assert load_settings({"expiry_warning_days": text}, environment={}).expiry_warning_days == days


@pytest.mark.parametrize("text", ["", "7,", "-1", "3651", "a week", "1.5", "9" * 5000])
def test_any_other_warning_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a list of days from 0 to 3650"):
        load_settings({"expiry_warning_days": text}, environment={})


def test_mails_come_from_an_address() -> None:
    given = {"smtp_host": "mail.example.com", "smtp_from": "Jeton <jeton@example.com>"}
    assert load_settings(given, environment={}).smtp_from == "Jeton <jeton@example.com>"
    with pytest.raises(ConfigurationError, match="is not an e-mail address such as"):
        load_settings({**given, "smtp_from": "Jeton"}, environment={})
    with pytest.raises(ConfigurationError, match="smtp_host is given without smtp_from"):
        load_settings({"smtp_host": "mail.example.com"}, environment={})


def test_the_page_lists_each_setting_as_it_is_declared() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for entry in list_declarations():
        default = f"`{entry.default}`" if entry.default else "none"
        row = f"| `{entry.env}` | {default}{' ' if entry.unit else ''}{entry.unit} | {entry.sentence} |"
        assert row in page


def test_a_mark_of_ones_own_is_looked_into_at_the_start(tmp_path: Path) -> None:
    mark = tmp_path / "mark.svg"
    mark.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")
    assert load_settings(environment={"JETON_BRAND_MARK": str(mark)}).brand_mark == mark
    assert load_settings(environment={"JETON_BRAND_MARK": ""}).brand_mark is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>" + b" " * 65_536, "has more than 65536 bytes"),
        (b"\x89PNG", "is no SVG file: not well-formed"),
        (b"<html/>", "its root is not an svg"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><svg xmlns='http://www.w3.org/2000/svg'/>", "declares entities"),
    ],
    ids=["missing", "large", "PNG", "HTML", "entities"],
)
def test_what_is_no_mark_is_refused_at_the_start(
    tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    mark = tmp_path / "mark.svg"
    if content is not None:
        mark.write_bytes(content)
    with pytest.raises(ConfigurationError, match=sentence):
        load_settings(environment={"JETON_BRAND_MARK": str(mark)})
