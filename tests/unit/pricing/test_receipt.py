from datetime import UTC, datetime
from fractions import Fraction

from jeton.pricing.loading import load_book
from jeton.pricing.modifiers import Modifier
from jeton.pricing.rating import Conditions, rate
from jeton.pricing.receipt import render_line, render_nano
from jeton.usage import Usage

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_a_line_can_be_worked_out_again_from_what_it_prints() -> None:
    version = load_book().find_version("claude-haiku-5-5", NOW)
    assert version is not None
    conditions = Conditions(service_tier="batch", promotions=(Modifier("third", Fraction(1, 3)),))
    line = rate(Usage(cache_read_input_tokens=100), version, conditions).lines[0]
    assert render_line(line) == {
        "bucket": "cache_read",
        "quantity": 100,
        "per": 1_000_000,
        "list_rate": "0.10",
        "steps": [
            {
                "stage": "batch",
                "name": "batch",
                "factor": "0.5",
                "explicit_rate": None,
                "rate": "0.05",
                "reduction": "0.000005",
            },
            {
                "stage": "cache",
                "name": "cache_read",
                "factor": "0.1",
                "explicit_rate": "0.01",
                "rate": "0.005",
                "reduction": "0.0000045",
            },
            {
                "stage": "promotion",
                "name": "third",
                "factor": "1/3",
                "explicit_rate": None,
                "rate": "1/600",
                "reduction": "0.000000333",
            },
        ],
        "rate": "1/600",
        "exact": "1/6000000",
        "list_amount": "0.00001",
        "net_amount": "0.000000167",
    }


def test_an_exact_rate_is_a_decimal_where_it_ends() -> None:
    assert render_nano(Fraction(1, 2)) == "0.0000000005"
    assert render_nano(Fraction(1, 3)) == "1/3000000000"
