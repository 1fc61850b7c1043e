"""First bytes: the moment at which a stream begins to leave is noted, for the page of availability."""

from datetime import datetime

from tests.unit.gateway.fakes import BODY, DELTA, START, STOP, TEXT, Gateway, sse, stream_script

from jeton import clock
from jeton.gateway.deps import Unwatched


class FirstBytes(Unwatched):
    """Keeps of which models streams began."""

    def __init__(self) -> None:
        self.models: list[str] = []

    def note_first_byte(self, model: str, taken_at: datetime) -> None:
        assert taken_at <= clock.now()
        self.models.append(model)


async def test_the_first_byte_of_a_stream_is_noted_once_and_none_of_a_whole_answer() -> None:
    noted = FirstBytes()
    await Gateway(watch=noted).call()
    assert noted.models == []
    await Gateway(stream_script(*sse(START, TEXT, DELTA, STOP)), watch=noted).call({**BODY, "stream": True})
    assert noted.models == [BODY["model"]]
