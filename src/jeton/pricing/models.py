"""Models: one model's table in a price file, read into its price versions."""

import re

from jeton.pricing.book import TOKEN_BUCKETS, Band, ModelCard, Override, PriceVersion
from jeton.pricing.reading import UNREAD_DAY, Table
from jeton.usage import Bucket

FAMILIES = frozenset({"cl100k", "claude-3", "claude-4.7", "o200k", "tekken"})
# A tokenizer of the operator's own, which the setting tokenizer_files names.
CUSTOM_FAMILY = re.compile(r"custom-[a-z0-9._-]{1,64}")
LINES = frozenset({"haiku", "sonnet", "opus", "fable", "mythos"})
# No "@": it parts a model from its date in the id of a price version.
_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
_RATE_KEYS = frozenset(bucket.value for bucket in TOKEN_BUCKETS)
_CARD_KEYS = frozenset(
    {
        "aliases", "created_on", "deprecated_on", "display_name", "family", "line",
        "max_input_tokens", "max_output_tokens", "retires_on", "versions",
    }
)  # fmt: skip
_VERSION_KEYS = frozenset({"bands", "from_on", "until_on", "web_search_per_1000"})
_BAND_KEYS = frozenset({"batch", "fast", "standard", "up_to_prompt_tokens", "us"})
_OVERRIDE_KEYS = _RATE_KEYS | {"factor"}


def read_model(table: Table) -> tuple[PriceVersion, ...]:
    """The versions of a model's table, in the order of the file; mistakes are noted in its source."""
    table.refuse_unknown(_CARD_KEYS)
    card = _read_card(table)
    return tuple(_read_version(version, card) for version in table.tables("versions"))


def _read_card(table: Table) -> ModelCard:
    model = str(table.path[-1])
    aliases = table.texts("aliases")
    for name in (model, *aliases):
        if not _MODEL_ID.fullmatch(name):
            table.blame(f"{name!r} is no model id: letters, digits and . _ : / - only, at most 128.")
    if len({model, *aliases}) <= len(aliases):
        table.blame("an alias stands twice, or is the model itself.", key="aliases")
    return ModelCard(
        model=model,
        display_name=table.text("display_name") or model,
        family=_read_family(table),
        line=_read_choice(table, "line", LINES, is_required=False),
        aliases=aliases,
        created_on=table.day("created_on") or UNREAD_DAY,
        deprecated_on=table.day("deprecated_on", is_required=False),
        retires_on=table.day("retires_on", is_required=False),
        max_input_tokens=table.count("max_input_tokens") or 1,
        max_output_tokens=table.count("max_output_tokens") or 1,
    )


def _read_family(table: Table) -> str:
    family = table.text("family") or ""
    if family and family not in FAMILIES and CUSTOM_FAMILY.fullmatch(family) is None:
        table.blame(
            f"family is {family!r}, not one of {', '.join(sorted(FAMILIES))}, "
            "nor custom-NAME for a tokenizer of your own.",
            key="family",
        )
    return family


def _read_choice(table: Table, key: str, choices: frozenset[str], *, is_required: bool) -> str | None:
    text = table.text(key, is_required=is_required)
    if text is not None and text not in choices:
        table.blame(f"{key} is {text!r}, not one of {', '.join(sorted(choices))}.", key=key)
    return text


def _read_version(table: Table, card: ModelCard) -> PriceVersion:
    table.refuse_unknown(_VERSION_KEYS)
    from_on = table.day("from_on") or UNREAD_DAY
    until_on = table.day("until_on", is_required=False)
    if until_on is not None and until_on <= from_on:
        table.blame(f"until_on is {until_on}; it must come after from_on, {from_on}.", key="until_on")
    return PriceVersion(
        card=card,
        from_on=from_on,
        until_on=until_on,
        bands=_read_bands(table),
        web_search_per_1000=table.price("web_search_per_1000") or 0,
    )


def _read_bands(table: Table) -> tuple[Band, ...]:
    """The bands of a version, which must lie side by side from an empty prompt to any length."""
    tables = table.tables("bands")
    bands: list[Band] = []
    below = 0
    for place, band_table in enumerate(tables):
        limit = band_table.count("up_to_prompt_tokens", is_required=False)
        is_last = place == len(tables) - 1
        if limit is None and not is_last and "up_to_prompt_tokens" not in band_table.values:
            band_table.blame("overlap: only the last band may be without up_to_prompt_tokens.")
        if limit is not None and is_last:
            band_table.blame(
                f"gap: a prompt of more than {limit} tokens has no price; the last band has no limit.",
                key="up_to_prompt_tokens",
            )
        if limit is not None and limit <= below:
            band_table.blame(
                f"overlap: up_to_prompt_tokens is {limit}, not more than the {below} of the band before.",
                key="up_to_prompt_tokens",
            )
        bands.append(_read_band(band_table, _band_id(limit, below), limit))
        below = limit or below
    conditions = [(band.batch is None, band.fast is None, band.us is None) for band in bands]
    if len(set(conditions)) > 1:
        table.blame("every band must sell the same of batch, fast and us.", key="bands")
    return tuple(bands)


def _band_id(limit: int | None, below: int) -> str:
    if limit is not None:
        return f"prompt<={limit}"
    return f"prompt>{below}" if below else "all"


def _read_band(table: Table, band_id: str, limit: int | None) -> Band:
    table.refuse_unknown(_BAND_KEYS)
    standard = table.table("standard", is_required=True)
    rates: dict[Bucket, int] = {}
    if standard is not None:
        standard.refuse_unknown(_RATE_KEYS)
        found = {bucket: standard.price(bucket.value) for bucket in TOKEN_BUCKETS}
        rates = {bucket: price for bucket, price in found.items() if price is not None}
        _refuse_priced_on_free(standard, rates)
    return Band(
        band_id=band_id,
        up_to_prompt_tokens=limit,
        rates=rates,
        batch=_read_override(table, "batch", rates),
        fast=_read_override(table, "fast", rates),
        us=_read_override(table, "us", rates),
    )


def _refuse_priced_on_free(standard: Table, rates: dict[Bucket, int]) -> None:
    """A cache rate is a factor on the input rate (and shown as one), which zero has none of."""
    for bucket in (Bucket.CACHE_WRITE_5M, Bucket.CACHE_WRITE_1H, Bucket.CACHE_READ):
        if rates.get(Bucket.INPUT) == 0 and rates.get(bucket):
            standard.blame(f"input is free, so {bucket.value} must be free too.", key=bucket.value)


def _read_override(table: Table, key: str, standard: dict[Bucket, int]) -> Override | None:
    override = table.table(key)
    if override is None:
        return None
    override.refuse_unknown(_OVERRIDE_KEYS)
    found = {bucket: override.price(bucket.value, is_required=False) for bucket in TOKEN_BUCKETS}
    rates = {bucket: rate for bucket, rate in found.items() if rate is not None}
    needed = {Bucket.INPUT.value, Bucket.OUTPUT.value}
    if "factor" not in override.values and not needed <= override.values.keys():
        table.blame(f"{key} needs a factor, or explicit rates of both input and output.", key=key)
    for bucket, rate in rates.items():
        if rate and not standard.get(bucket, rate):
            override.blame(
                f"{bucket.value} is free at the standard tier, so it must be here.", key=bucket.value
            )
    return Override(factor=override.factor("factor"), rates=rates)
