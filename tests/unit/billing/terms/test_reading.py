"""Files of terms: both forms read the same, and every mistake is named with its line."""

from datetime import UTC, datetime
from fractions import Fraction
from uuid import UUID

import pytest

from jeton.billing.terms.reading import TermsFileError, read_terms_file
from jeton.pricing.modifiers import AgreedRate
from jeton.pricing.terms import Scope
from jeton.usage import Bucket

TOML = """
[[terms]]
scope = "model:claude-sonnet-5-5"
effective_from = 2027-01-01T00:00:00Z
effective_to = 2028-01-01
reason = "offer 4711"
approved_by = "Grace"
[terms.rates]
standard.input = "1.50"
batch.output = "3"
standard.cache_write_5m.long = "0.08"

[[terms]]
organization_id = "00000000-0000-0000-0000-000000000001"
scope = "all"
factor = "17/20"
effective_from = 2027-01-01T01:00:00+01:00
reason = "offer 4712"
approved_by = "Grace"
"""
RATES = "standard.input=1.50 batch.output=3 standard.cache_write_5m.long=0.08"
CSV = f"""\
organization_id,scope,factor,rates,effective_from,effective_to,reason,approved_by
,model:claude-sonnet-5-5,,{RATES},2027-01-01T00:00:00Z,2028-01-01,offer 4711,Grace
00000000-0000-0000-0000-000000000001,all,0.85,,2027-01-01,,offer 4712,Grace
"""
BEGIN = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("text", "is_csv"), [(TOML, False), (CSV, True)], ids=["toml", "csv"])
def test_both_forms_say_the_same(text: str, *, is_csv: bool) -> None:
    first, second = read_terms_file(text, is_csv=is_csv)
    assert (first.organization_id, first.ask.scope) == (None, Scope("model", "claude-sonnet-5-5"))
    assert first.ask.rates == (
        AgreedRate("standard", Bucket.CACHE_WRITE_5M, 80_000_000, "long"),
        AgreedRate("standard", Bucket.INPUT, 1_500_000_000),
        AgreedRate("batch", Bucket.OUTPUT, 3_000_000_000),
    )
    assert (first.ask.factor, first.ask.effective_from) == (None, BEGIN)
    assert first.ask.effective_to == datetime(2028, 1, 1, tzinfo=UTC)
    assert second.organization_id == UUID(int=1)
    assert (second.ask.factor, second.ask.effective_from) == (Fraction(85, 100), BEGIN)
    assert second.ask.effective_to is None


def csv_of(**changed: str) -> str:
    """One good row and one that is not."""
    good = {"scope": "all", "factor": "0.9", "rates": "", "effective_from": "2027-01-01", "reason": "r"}
    good["approved_by"] = "Grace"
    bad = {**good, **changed}
    return "\n".join(",".join(row) for row in (good.keys(), good.values(), bad.values())) + "\n"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"scope": "sonnet"}, "line 3: Terms are for all, line:NAME", id="scope"),
        pytest.param({"factor": "0.9x"}, "line 3: The amount '0.9x'", id="factor"),
        pytest.param({"rates": "input=1"}, "line 3: 'input' is no rate", id="rate"),
        pytest.param({"rates": "standard.input=cheap"}, "line 3: The amount 'cheap'", id="amount"),
        pytest.param({"effective_from": "0001-01-01T00:00:00+14:00"}, "outside of the years", id="too early"),
        pytest.param({"effective_from": "soon"}, "line 3: effective_from 'soon' is no time", id="time"),
        pytest.param({"reason": ""}, "line 3: reason is missing", id="reason"),
        pytest.param({"approved_by": ""}, "line 3: approved_by is missing", id="approver"),
    ],
)
def test_a_broken_line_is_named(changed: dict[str, str], said: str) -> None:
    with pytest.raises(TermsFileError) as refused:
        read_terms_file(csv_of(**changed), is_csv=True)
    assert said in str(refused.value)
    assert "line 2" not in str(refused.value)


def test_a_broken_table_is_named_with_its_line() -> None:
    with pytest.raises(TermsFileError, match=r"^line 13: Terms are for all"):
        read_terms_file(TOML.replace('"all"', '"every"'), is_csv=False)


@pytest.mark.parametrize(
    ("text", "is_csv", "said"),
    [
        pytest.param("[[terms]", False, "is no TOML", id="no TOML"),
        pytest.param("x = 1", False, "tables and nothing else", id="other TOML"),
        pytest.param("scope,factor\nall\n", True, "line 2: it has not as many fields", id="a field short"),
        pytest.param('scope,factor\n"all"x,1\n', True, "line 2", id="a quote"),
        pytest.param("scope,factor\n", True, "1 to 10,000 agreements, not 0", id="nothing"),
        pytest.param(
            "scope,discount\nall,1\n", True, "line 2: 'discount' is none of", id="a column of others"
        ),
        pytest.param("x" * 2_000_001, True, "2,000,000 characters", id="too long"),
    ],
)
def test_what_is_no_file_of_terms(text: str, said: str, *, is_csv: bool) -> None:
    with pytest.raises(TermsFileError, match=said):
        read_terms_file(text, is_csv=is_csv)
