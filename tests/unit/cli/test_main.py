import re
import subprocess
import sys
from pathlib import Path

import pytest

from jeton import find_version
from jeton.cli import COMMANDS, EXIT_BAD_INPUT, EXIT_FAILED, run
from jeton.settings import list_declarations

ROOT = Path(__file__).parents[3]


def test_the_version_is_the_project_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert re.search(
        rf'^version = "{re.escape(find_version())}"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )
    with pytest.raises(SystemExit) as caught:
        run(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"jeton {find_version()}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(["--help"])
    shown = capsys.readouterr().out
    assert [name for name in COMMANDS if f"  {name} " not in shown] == []


def test_serve_has_an_option_for_every_setting_but_secrets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        run(["serve", "--help"])
    shown = capsys.readouterr().out
    assert {entry.env for entry in list_declarations() if f"[{entry.env}]" not in shown} == {
        "JETON_UPSTREAM_API_KEY",
        "JETON_METRICS_TOKEN",
        "JETON_SMTP_PASSWORD",
        "JETON_OIDC_CLIENT_SECRET",
        "JETON_STRIPE_SECRET_KEY",
        "JETON_STRIPE_WEBHOOK_SECRET",
        "JETON_TAX_SERVICE_SECRET",
        "JETON_OPERATOR_API_KEYS",
        "JETON_END_USER_KEY",
    }


def test_mistakes_in_settings_are_lines_on_stderr_and_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--port", "x", "--trial-days", "0"]) == EXIT_FAILED
    assert capsys.readouterr().err == (
        "--port: 'x' is not a whole number from 1 to 65535.\n"
        "--trial-days: '0' is not a whole number from 1 to 3650.\n"
    )


def test_bad_input_has_its_own_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    organization = "00000000-0000-0000-0000-000000000000"
    assert run(["credits", "grant", organization, "much", "--reason", "x"]) == EXIT_BAD_INPUT
    assert capsys.readouterr().err == "The amount 'much' is not a decimal number.\n"


def test_a_quote_does_not_load_the_server() -> None:
    code = (
        "import sys; from jeton.cli import run\n"
        "try: run(['quote', '--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('uvicorn', 'starlette', 'psycopg') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
