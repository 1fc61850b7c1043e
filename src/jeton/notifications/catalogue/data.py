"""Data: what every type of event has."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import msgspec

Audience = Literal["organization", "operator"]


class EventData(msgspec.Struct, frozen=True, kw_only=True):
    """What an event says; ``type`` is its stored name, ``when`` is for the documentation.

    ``page`` is where in the Console one sees to it.
    """

    type: ClassVar[str]
    when: ClassVar[str]
    audience: ClassVar[Audience] = "organization"
    is_mailed: ClassVar[bool] = True
    page: ClassVar[str] = ""
    # Written by a person to those whom the event names, and to nobody else.
    is_letter: ClassVar[bool] = False
    # Its mail has files, which are made when it is sent and stored nowhere.
    has_papers: ClassVar[bool] = False
    # Nobody is told while somebody of the organization wants quiet.
    is_snoozable: ClassVar[bool] = False

    @classmethod
    def wants_mail(cls, data: Mapping[str, object]) -> bool:
        """Whether an event with these data, as they are stored, is mailed; its type says that it may be."""
        del data
        return True

    @property
    def subject(self) -> str:
        """The subject of a mail."""
        raise NotImplementedError

    @property
    def sentence(self) -> str:
        """What happened and what to do about it, for people."""
        raise NotImplementedError
