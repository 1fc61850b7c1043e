"""Settings of dunning and of the bank's CSV."""

import pytest

from jeton.billing.receivables.dunning.words import DunningTerms
from jeton.errors import ConfigurationError
from jeton.settings import csv_terms, dunning_terms, load_settings


def test_the_schedule_without_settings() -> None:
    assert dunning_terms(load_settings(environment={})) == DunningTerms(
        (3, 7, 14, 30), 14, 30, (3, 7, 14, 21)
    )


def test_a_schedule_of_ones_own() -> None:
    given = {
        "JETON_DUNNING_MAIL_DAYS": "10,5",
        "JETON_DUNNING_STOP_DAYS": "0",
        "JETON_DUNNING_CARD_DAYS": "0",
    }
    terms = dunning_terms(load_settings(environment=given))
    assert (terms.mail_days, terms.stop_days, terms.card_days) == ((5, 10), 0, ())


def test_columns_of_a_bank_are_named_by_field() -> None:
    given = {"JETON_BANK_CSV_COLUMNS": "date=Dag, amount=Beløb", "JETON_BANK_CSV_DATES": "dmy"}
    terms = csv_terms(load_settings(environment=given))
    assert terms.columns == {"date": "Dag", "amount": "Beløb"}
    assert (terms.currency, terms.decimal_mark, terms.date_order) == ("USD", "auto", "dmy")


@pytest.mark.parametrize("text", ["when=Dag", "date", "date="])
def test_a_field_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a list of FIELD=NAME"):
        load_settings(environment={"JETON_BANK_CSV_COLUMNS": text})
