"""Refusing: what is sent back before anything is held is noted, for whoever wonders why."""

from types import TracebackType

from jeton.errors import JetonError
from jeton.gateway.admission import REFUSALS, Admission
from jeton.gateway.deps import Watcher
from jeton.gateway.limiting.reserving import withdraw
from jeton.limits.limiter import Reservation
from jeton.watch.words import Refused


class NotedRefusals:
    """A context in which an error of ours is the refusal of a request, and is noted; it passes on.

    With ``is_promised`` the hold was promised already, and only what refuses the hold itself after that is.
    """

    __slots__ = ("_admission", "_kinds", "_reservation", "_watch")

    def __init__(
        self,
        admission: Admission,
        watch: Watcher,
        reservation: Reservation | None = None,
        *,
        is_promised: bool = False,
    ) -> None:
        """The request, who takes note, and what it has reserved of its limits, which it gives back."""
        self._admission = admission
        self._kinds = REFUSALS if is_promised else (JetonError,)
        self._reservation = reservation
        self._watch = watch

    def __enter__(self) -> None:
        """Nothing was refused yet."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Note the refusal."""
        if isinstance(error, JetonError) and isinstance(error, self._kinds):
            withdraw(self._reservation)
            asked = self._admission
            organization_id, model = asked.caller.organization_id, asked.version.model
            self._watch.note_refusal(Refused(organization_id, asked.workspace_id, model, error.code))
