"""Prices: which price version and agreement a stretch of usage was rated under, and the stack of a line."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from typing import cast
from uuid import UUID

from jeton.billing.invoicing.lines.keys import UsageKey
from jeton.insight.periods.used import Used
from jeton.metering.events import LONG_PROMPT_TOKENS
from jeton.pricing.book import PriceVersion
from jeton.pricing.errors import FastBatchError, NotPricedError
from jeton.pricing.rating import Conditions, Stack, stacks_of
from jeton.pricing.terms import NO_TERMS, OwnTerms, Terms, agree
from jeton.usage import Bucket

_SHORT = "0-200k"


class Prices:
    """The price versions of some models as they were stored, and what organizations have agreed on."""

    def __init__(
        self,
        versions: Iterable[PriceVersion],
        terms: Mapping[UUID, Iterable[Terms]] | Mapping[str, tuple[Terms, ...]] = NO_TERMS,
    ) -> None:
        """``terms``: of those organizations that have any, also what is over."""
        self._by_id = {version.price_version_id: version for version in versions}
        self._by_model: dict[str, list[PriceVersion]] = {}
        for version in sorted(self._by_id.values(), key=lambda one: one.from_on):
            self._by_model.setdefault(version.model, []).append(version)
        given = cast("Mapping[UUID, Iterable[Terms]]", terms)
        self._own = {organization_id: OwnTerms(some) for organization_id, some in given.items()}
        self._terms = {one.terms_id: one for own in self._own.values() for one in own.terms}
        self._stacks: dict[tuple[str, ...], Mapping[Bucket, Stack] | None] = {}

    def list_changes(self, starts_at: datetime, ends_at: datetime) -> set[datetime]:
        """The instants strictly between these at which a price or an agreement changes."""
        instants = {
            datetime.combine(version.from_on, time(), UTC)
            for versions in self._by_model.values()
            for version in versions
        }
        for terms in self._terms.values():
            instants.add(terms.effective_from)
            if terms.effective_to is not None:
                instants.add(terms.effective_to)
        return {at for at in instants if starts_at < at < ends_at}

    def find(self, organization_id: UUID, model: str, at: datetime) -> tuple[str, str]:
        """The ids of the price version and the terms ("" for none) in force for a model at an instant."""
        versions = self._by_model.get(model, [])
        number = bisect_right(versions, at.astimezone(UTC).date(), key=lambda version: version.from_on)
        if not number:
            return "", ""
        version = versions[number - 1]
        own = self._own.get(organization_id)
        terms = own.find(version, at) if own else None
        return version.price_version_id, terms.terms_id if terms else ""

    def key(self, used: Used, bucket: Bucket, at: datetime) -> UsageKey:
        """The key of one bucket of a sum whose segment begins at ``at``."""
        version_id, terms_id = self.find(used.organization_id, used.model, at)
        return UsageKey(
            workspace_id=used.workspace_id,
            model=used.model,
            service_tier=used.service_tier,
            inference_geo=used.inference_geo,
            speed=used.speed,
            context_window=used.context_window,
            bucket=bucket.value,
            price_version_id=version_id,
            terms_id=terms_id,
        )

    def find_stack(self, key: UsageKey) -> Stack | None:
        """The rates and modifiers of a key; None where no version that is known prices it.

        Of several prompt-length bands in one context window it is that of the shortest prompts.
        """
        alike = (
            key.price_version_id,
            key.terms_id,
            key.service_tier,
            key.inference_geo,
            key.speed,
            key.context_window,
        )
        if alike not in self._stacks:
            self._stacks[alike] = self._find_stacks(key)
        stacks = self._stacks[alike]
        return None if stacks is None else stacks[Bucket(key.bucket)]

    def _find_stacks(self, key: UsageKey) -> Mapping[Bucket, Stack] | None:
        version = self._by_id.get(key.price_version_id)
        if version is None:
            return None
        conditions = Conditions(
            service_tier=key.service_tier,  # type: ignore[arg-type] # stored by rating, which knows the words
            inference_geo=key.inference_geo,  # type: ignore[arg-type] # as above
            speed=key.speed,  # type: ignore[arg-type] # as above
        )
        band = version.find_band(1 if key.context_window == _SHORT else LONG_PROMPT_TOKENS + 1)
        try:
            return stacks_of(version, band.band_id, agree(conditions, self._terms.get(key.terms_id)))
        except (NotPricedError, FastBatchError):
            return None

    def has_bands(self, key: UsageKey) -> bool:
        """Whether the key's context window has prompt lengths with prices of their own."""
        version = self._by_id.get(key.price_version_id)
        if version is None:
            return False
        first = version.find_band(1 if key.context_window == _SHORT else LONG_PROMPT_TOKENS + 1)
        last = version.bands[-1] if key.context_window != _SHORT else version.find_band(LONG_PROMPT_TOKENS)
        return first.band_id != last.band_id
