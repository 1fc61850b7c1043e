"""Discovery: what this server says of its SCIM: what it can do, which resources it has, and of what."""

from collections.abc import Mapping

from jeton.admin.scim.endpoint import PAGE_MAX, Answer, ScimCall, render_list
from jeton.admin.scim.words import GROUP_SCHEMA, USER_SCHEMA
from jeton.errors import NotFoundError
from jeton.identity.scim.terms import Page

_CORE = "urn:ietf:params:scim:schemas:core:2.0"
_NO = {"supported": False}
_MEMBER = {
    "value": "the id of the user",
    "display": "the user's e-mail",
    "$ref": "the user's address",
}


class UnknownScimNameError(NotFoundError):
    """No resource type or schema of this name."""

    code = "scim_name_unknown"

    def __init__(self, name: str) -> None:
        """Name it."""
        super().__init__(f"There is no resource type or schema {name!a}.")


async def get_config(call: ScimCall) -> Answer:
    """What this server can do."""
    return Answer(
        {
            "schemas": [f"{_CORE}:ServiceProviderConfig"],
            "documentationUri": f"{str(call.request.base_url).rstrip('/')}/docs/single-sign-on",
            "patch": {"supported": True},
            "bulk": {**_NO, "maxOperations": 0, "maxPayloadSize": 0},
            "filter": {"supported": True, "maxResults": PAGE_MAX},
            "changePassword": _NO,
            "sort": _NO,
            "etag": _NO,
            "authenticationSchemes": [
                {
                    "type": "oauthbearertoken",
                    "name": "Bearer token",
                    "description": "A token of the organization's directory, made in the Console.",
                    "primary": True,
                }
            ],
            "meta": _meta(call, "ServiceProviderConfig", "ServiceProviderConfig"),
        }
    )


async def list_types(call: ScimCall) -> Answer:
    """The kinds of resources."""
    types = _list_types(call)
    return render_list(len(types), Page(0, len(types)), list(types.values()))


async def get_type(call: ScimCall) -> Answer:
    """One kind of resource."""
    return Answer(_find(_list_types(call), call))


async def list_schemas(call: ScimCall) -> Answer:
    """The attributes of the resources."""
    schemas = _list_schemas(call)
    return render_list(len(schemas), Page(0, len(schemas)), list(schemas.values()))


async def get_schema(call: ScimCall) -> Answer:
    """The attributes of one resource."""
    return Answer(_find(_list_schemas(call), call))


def _find(named: Mapping[str, Mapping[str, object]], call: ScimCall) -> Mapping[str, object]:
    name = str(call.request.path_params["name"])
    if name not in named:
        raise UnknownScimNameError(name)
    return named[name]


def _list_types(call: ScimCall) -> Mapping[str, Mapping[str, object]]:
    return {
        name: {
            "schemas": [f"{_CORE}:ResourceType"],
            "id": name,
            "name": name,
            "endpoint": f"/{name}s",
            "schema": schema,
            "meta": _meta(call, "ResourceType", f"ResourceTypes/{name}"),
        }
        for name, schema in (("User", USER_SCHEMA), ("Group", GROUP_SCHEMA))
    }


def _list_schemas(call: ScimCall) -> Mapping[str, Mapping[str, object]]:
    name = _attribute("name", "complex", "What people call the user.")
    name["subAttributes"] = [
        _attribute("givenName", "string", "The given name."),
        _attribute("familyName", "string", "The family name."),
        _attribute("formatted", "string", "Both.", mutability="readOnly"),
    ]
    members = _attribute("members", "complex", "The users in the group.", is_multiple=True)
    members["subAttributes"] = [_attribute(one, "string", f"It is {said}.") for one, said in _MEMBER.items()]
    user = [
        _attribute("userName", "string", "The e-mail, which is who the user is.", is_unique=True),
        name,
        _attribute("displayName", "string", "The name to show."),
        _attribute("active", "boolean", "Whether the user is a member of the organization."),
        _attribute("emails", "complex", "The e-mail again.", is_multiple=True, mutability="readOnly"),
        _attribute("roles", "complex", "The role here.", is_multiple=True, mutability="readOnly"),
        _attribute("groups", "complex", "The user's groups.", is_multiple=True, mutability="readOnly"),
    ]
    group = [
        _attribute("displayName", "string", "The name, which no other group has.", is_unique=True),
        members,
    ]
    return {
        schema: {
            "schemas": [f"{_CORE}:Schema"],
            "id": schema,
            "name": schema.rpartition(":")[2],
            "attributes": attributes,
            "meta": _meta(call, "Schema", f"Schemas/{schema}"),
        }
        for schema, attributes in ((USER_SCHEMA, user), (GROUP_SCHEMA, group))
    }


def _attribute(
    name: str,
    kind: str,
    description: str,
    *,
    is_unique: bool = False,
    is_multiple: bool = False,
    mutability: str = "readWrite",
) -> dict[str, object]:
    return {
        "name": name,
        "type": kind,
        "description": description,
        "multiValued": is_multiple,
        "required": is_unique,
        "caseExact": False,
        "mutability": mutability,
        "returned": "default",
        "uniqueness": "server" if is_unique else "none",
    }


def _meta(call: ScimCall, kind: str, path: str) -> dict[str, str]:
    return {"resourceType": kind, "location": f"{call.base}/{path}"}
