"""Turns: every target is asked the same, one after the other, round by round, and Jeton is audited."""

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from parts import jeton, nginx, openloop, wrk
from parts.answers import CHARGE_NANO, LARGE_BYTES, SMALL_BYTES, STREAM_BETA, prompt_body
from parts.processes import cpu_us

RATE_PER_SECOND = 100
CONNECTIONS = {SMALL_BYTES: 64, LARGE_BYTES: 32}
WARM_UP_S = 1


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request."""

    name: str
    body_bytes: int
    stream: bool


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and how long."""

    folder: Path
    seconds: int
    rounds: int
    gateway_core: int
    other_core: int


@dataclass(slots=True)
class Figure:
    """What one target did in one case; a list has one value a round. Times in microseconds."""

    case: str
    target: str
    per_second: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    database_cpu_us: list[float] = field(default_factory=list)
    p50_us: list[float] = field(default_factory=list)
    p99_us: list[float] = field(default_factory=list)
    first_p50_us: list[float] = field(default_factory=list)
    void: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Target:
    """A port to ask, the key it wants, and whose CPU to count."""

    name: str
    port: int
    key: str
    pids: Sequence[int]
    server: jeton.Jeton | None = None


def measure(bench: Bench, cases: Sequence[Case]) -> list[Figure]:
    """The figures of every case and target, with what makes them void."""
    with ExitStack() as stack:
        upstream = stack.enter_context(nginx.canned_upstream(bench.folder, bench.other_core))
        port, pids = stack.enter_context(nginx.reverse_proxy(bench.folder, bench.gateway_core, upstream))
        server = stack.enter_context(
            jeton.serving(
                bench.folder, upstream, gateway_core=bench.gateway_core, other_core=bench.other_core
            )
        )
        targets = (
            Target("direct", upstream, "none", ()),
            Target("nginx", port, "none", pids),
            Target("jeton", server.port, server.key, (server.pid,), server),
        )
        figures: list[Figure] = []
        for case in cases:
            figures += _measure_case(bench, case, targets)
        jeton.settled_nano(server)
        unbalanced = jeton.verify(server.data_dir)
    if unbalanced:
        for figure in figures:
            figure.void.append(f"the books do not balance: {unbalanced}")
    return figures


def _measure_case(bench: Bench, case: Case, targets: Sequence[Target]) -> list[Figure]:
    body = prompt_body(case.body_bytes, stream=case.stream)
    path = bench.folder / f"body-{case.body_bytes}-{case.stream:d}.json"
    path.write_bytes(body)
    figures = {target.name: Figure(case.name, target.name) for target in targets}
    for turn in range(bench.rounds + 1):
        for target in targets:
            question = wrk.Question(path, target.key, STREAM_BETA if case.stream else "")
            # The first round only warms up.
            figure = figures[target.name] if turn else Figure(case.name, target.name)
            seconds = bench.seconds if turn else WARM_UP_S
            _throughput(bench, case, (target, question, figure), seconds)
            _latency(case, (target, question, figure), seconds)
            figures[target.name].void += [] if turn else figure.void
    return list(figures.values())


Turn = tuple[Target, wrk.Question, Figure]


def _throughput(bench: Bench, case: Case, turn: Turn, seconds: int) -> None:
    target, question, figure = turn
    connections = CONNECTIONS[case.body_bytes]
    used, cpu = _used_nano(target), cpu_us(target.pids)
    database_cpu = target.server.database_cpu_us() if target.server else 0
    seen = wrk.load(target.port, question, connections=connections, seconds=seconds, core=bench.other_core)
    answered = seen.requests - seen.refused
    if seen.refused or seen.broken or not answered:
        figure.void.append(f"{case.name}, {target.name}: {seen}")
        return
    used = _used_nano(target) - used
    figure.per_second.append(seen.per_second)
    figure.cpu_us.append((cpu_us(target.pids) - cpu) / answered)
    if target.server:
        figure.database_cpu_us.append((target.server.database_cpu_us() - database_cpu) / answered)
        # wrk hangs up at the end on what is under way: at most one more charge a connection.
        least, most = (count * CHARGE_NANO[case.body_bytes] for count in (answered, answered + connections))
        if not least <= used <= most:
            figure.void.append(
                f"{case.name}: {answered} answers, but {used} nano-dollars, not {least} to {most}"
            )


def _latency(case: Case, turn: Turn, seconds: int) -> None:
    target, question, figure = turn
    request = openloop.http_request(target.port, target.key, question.beta, question.body.read_bytes())
    used = _used_nano(target)
    seen = uvloop.run(openloop.measure(target.port, request, per_second=RATE_PER_SECOND, seconds=seconds))
    if seen.failed or not seen.last:
        figure.void.append(f"{case.name}, {target.name}: {seen.failed} of {RATE_PER_SECOND * seconds} failed")
        return
    used = _used_nano(target) - used
    centiles = statistics.quantiles(seen.last, n=100, method="inclusive")
    figure.p50_us.append(centiles[49] * 1e6)
    figure.p99_us.append(centiles[98] * 1e6)
    figure.first_p50_us.append(statistics.median(seen.first) * 1e6)
    due = len(seen.last) * CHARGE_NANO[case.body_bytes]
    if target.server and used != due:
        figure.void.append(f"{case.name}: {len(seen.last)} answers, but {used} nano-dollars, not {due}")


def _used_nano(target: Target) -> int:
    return jeton.settled_nano(target.server) if target.server else 0
