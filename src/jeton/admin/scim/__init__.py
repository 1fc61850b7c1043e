"""SCIM 2.0 (RFC 7643 and 7644): an organization's directory says who its members are, and in which groups."""

from starlette.routing import BaseRoute, Route

from jeton.admin.deps import AdminDeps
from jeton.admin.scim import discovery, groups, users
from jeton.admin.scim.endpoint import ScimEndpoint

ROOT = "/scim/v2"


def scim_routes(deps: AdminDeps) -> list[BaseRoute]:
    """The routes of a directory; those of discovery need a token like the others."""
    user = {"GET": users.get, "PUT": users.replace, "PATCH": users.patch, "DELETE": users.delete}
    group = {"GET": groups.get, "PUT": groups.replace, "PATCH": groups.patch, "DELETE": groups.delete}
    return [
        Route(f"{ROOT}/ServiceProviderConfig", ScimEndpoint(deps, {"GET": discovery.get_config})),
        Route(f"{ROOT}/ResourceTypes", ScimEndpoint(deps, {"GET": discovery.list_types})),
        Route(f"{ROOT}/ResourceTypes/{{name}}", ScimEndpoint(deps, {"GET": discovery.get_type})),
        Route(f"{ROOT}/Schemas", ScimEndpoint(deps, {"GET": discovery.list_schemas})),
        Route(f"{ROOT}/Schemas/{{name}}", ScimEndpoint(deps, {"GET": discovery.get_schema})),
        Route(f"{ROOT}/Users", ScimEndpoint(deps, {"GET": users.list_all, "POST": users.create})),
        Route(f"{ROOT}/Users/{{user_id}}", ScimEndpoint(deps, user)),
        Route(f"{ROOT}/Groups", ScimEndpoint(deps, {"GET": groups.list_all, "POST": groups.create})),
        Route(f"{ROOT}/Groups/{{group_id}}", ScimEndpoint(deps, group)),
    ]
