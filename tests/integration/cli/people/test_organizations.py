"""``jeton organizations create`` as it is typed: also the first one of an installation without a demo."""

import pytest
from tests.integration.cli.test_keys_and_usage import typed

from jeton.cli import run


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETON_DATABASE_URL", database_url)


def test_the_first_organization_has_a_trial_and_a_link_and_is_opened_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("organizations", "create", "Acme GmbH", "--admin", "Ada@acme.example", "--key", "k1")
    made = typed(*words, capsys=capsys)
    assert (made["name"], made["is_new"], made["invite"]["role"]) == ("Acme GmbH", True, "admin")
    assert "/console/invite?token=" in made["link"]
    again = typed(*words, capsys=capsys)
    assert (again["id"], again["is_new"], again["link"]) == (made["id"], False, None)
    (listed,) = typed("organizations", "list", capsys=capsys)
    assert (listed["id"], listed["name"]) == (made["id"], "Acme GmbH")
    (invite,) = typed("invites", "list", capsys=capsys)
    assert invite["email"] == "ada@acme.example"
    assert typed("organizations", "create", "Bare", "--no-trial", capsys=capsys)["trial_lot_id"] is None


def test_a_bad_e_mail_is_one_sentence_and_opens_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["organizations", "create", "Acme", "--admin", "nobody"]) != 0
    assert "nobody" in capsys.readouterr().err
    assert typed("organizations", "list", capsys=capsys) == []
