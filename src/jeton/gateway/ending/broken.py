"""Broken: what is charged of a stream that broke off by the caller's doing, or at the time limit.

Servers of some dialects report usage with the last event only. Whoever leaves before it would have
the prompt for nothing, so then it is counted here, at the lower limit where that is an estimate.
"""

from jeton.charging.words import Metered, Rule
from jeton.gateway.admission import Admission
from jeton.gateway.counting.counts import CountAsk, count_here
from jeton.gateway.settlement import Ending, end_of_broken_stream
from jeton.gateway.stream import StreamObserver
from jeton.tokens.counter.counting import Counter
from jeton.tokens.exact import count_text
from jeton.tokens.families import O200K
from jeton.usage import Usage


async def end_of_broken(
    admission: Admission, observer: StreamObserver, *, rules: tuple[Rule, Rule], counter: Counter
) -> Ending:
    """How its hold ends; ``rules``: before and during the output."""
    asked, version = admission.asked, admission.version
    # A rehearsal's answer is the embedded model's, whatever model it stands for.
    is_o200k = admission.route.is_rehearsal or version.family == O200K
    ending = end_of_broken_stream(observer, rules, asked=asked, version=version, is_o200k=is_o200k)
    if isinstance(ending, Rule) or ending.rule is not Rule.USAGE_MISSING:
        return ending
    ask = CountAsk(admission.request.prompt, admission.body, admission.headers)
    count = await count_here(ask, version.family, counter)
    if count.method == "bounded":
        # A ceiling is no count, and nobody is charged for one.
        return ending
    usage = Usage(input_tokens=count.low, output_tokens=count_text(observer.emitted_text))
    return Metered(rules[1], usage, "estimated", asked)
