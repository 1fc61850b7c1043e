"""The values that the watch takes: how an exchange ended, in a form that costs next to nothing to make."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from jeton.metering.contract import Rule
from jeton.tokens.prompt import Prompt
from jeton.usage import Usage

# In the place of a model that is in no price book. Chosen as if for ever: it is stored.
NO_MODEL = "(unknown)"


class Refused(NamedTuple):
    """A request that was sent back before anything was held, and the code of the error that says why."""

    organization_id: UUID
    workspace_id: str
    model: str
    error_code: str


class Ended(msgspec.Struct, frozen=True):
    """An exchange whose hold has ended.

    ``prompt_tokens_max`` is the cheap bound of the prompt; ``held_nano`` may be less than that costs,
    where credit was tight and the upstream counted. ``usage`` is None where nothing was reported or
    nothing is charged; then there is nothing to compare either.
    """

    request_id: str
    model: str
    family: str
    rule: Rule
    held_nano: int
    net_nano: int
    usage: Usage | None
    prompt_tokens_max: int
    prompt: Prompt
    body_bytes: int
    taken_at: datetime
    organization_id: UUID
    workspace_id: str
    is_rehearsal: bool = False
