"""Routes: the paths of the Messages API and of OpenAI's dialect.

What the composition root mounts and, at the end, drains:

``await deps.exchanges.drain(DRAIN_TIMEOUT_S)`` belongs between the last request and the closing
of the database: it lets every exchange settle.
"""

from starlette.routing import BaseRoute, Route

from jeton.gateway.asgi import Endpoint, answer_count, answer_messages
from jeton.gateway.deps import GatewayDeps
from jeton.gateway.openai.answering import answer_chat, answer_model_of_either, answer_models_of_either

DRAIN_TIMEOUT_S = 30


def gateway_routes(deps: GatewayDeps) -> list[BaseRoute]:
    """The gateway's routes; each answers a wrong method in the envelope itself."""
    return [
        Route("/v1/messages", Endpoint(answer_messages, deps, method="POST")),
        Route("/v1/messages/count_tokens", Endpoint(answer_count, deps, method="POST")),
        Route("/v1/chat/completions", Endpoint(answer_chat, deps, method="POST")),
        Route("/v1/models", Endpoint(answer_models_of_either, deps, method="GET")),
        Route("/v1/models/{model}", Endpoint(answer_model_of_either, deps, method="GET")),
    ]
