"""Routes: the paths of the Messages API. What the composition root mounts and, at the end, drains.

``await deps.exchanges.drain(DRAIN_TIMEOUT_S)`` belongs between the last request and the closing
of the database: it lets every exchange settle.
"""

from starlette.routing import BaseRoute, Route

from jeton.gateway.asgi import Endpoint, answer_count, answer_messages, answer_model, answer_models
from jeton.gateway.deps import GatewayDeps

DRAIN_TIMEOUT_S = 30


def gateway_routes(deps: GatewayDeps) -> list[BaseRoute]:
    """The gateway's routes; each answers a wrong method in the envelope itself."""
    return [
        Route("/v1/messages", Endpoint(answer_messages, deps, method="POST")),
        Route("/v1/messages/count_tokens", Endpoint(answer_count, deps, method="POST")),
        Route("/v1/models", Endpoint(answer_models, deps, method="GET")),
        Route("/v1/models/{model}", Endpoint(answer_model, deps, method="GET")),
    ]
