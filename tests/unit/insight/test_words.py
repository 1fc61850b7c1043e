"""Words: no code without its sentence."""

from typing import get_args

from jeton.charging.words import ChargeState, Rule, UsageSource
from jeton.insight.words import (
    BUCKET_NAMES,
    SOURCE_SENTENCES,
    STAGE_NAMES,
    STATE_SENTENCES,
    rule_sentence,
)
from jeton.pricing.rating import STAGES
from jeton.usage import Bucket


def test_every_rule_of_charging_has_a_sentence() -> None:
    assert rule_sentence("client_left_during_output").endswith(
        "cancelled at once: the prompt and the output made until then."
    )
    assert [rule for rule in Rule if "not known" in rule_sentence(rule)] == []
    assert "not known" in rule_sentence("from the future")


def test_every_state_bucket_stage_and_source_has_its_words() -> None:
    assert set(STATE_SENTENCES) == {*get_args(ChargeState), "open", "mismatch"}
    assert set(BUCKET_NAMES) == set(Bucket)
    assert tuple(STAGE_NAMES) == STAGES
    assert set(SOURCE_SENTENCES) == set(get_args(UsageSource))
