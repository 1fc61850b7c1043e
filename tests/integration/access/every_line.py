"""Every line: those of ``lines.py``, and of proving who changed what, ways in, and budgets over the API."""

from collections.abc import Mapping

from tests.integration.access import lines
from tests.integration.access.lines import ADMIN_KEY, AUDIT, MEMBER, MEMBERS, OPERATOR, PUBLIC, Line, page

from jeton.identity.roles.permissions import Permission

NO_MEMBERS = Line(Permission.MANAGE_MEMBERS, form={"role": "auditor"}, is_missing=True)

CONSOLE: Mapping[str, Line] = {
    **lines.CONSOLE,
    "GET /console/audit.jsonl": OPERATOR,
    "POST /console/audit/prove": OPERATOR,
    "GET /console/changes.jsonl": AUDIT,
    "POST /console/changes/verify": AUDIT,
    **page("/console/directory", MEMBERS),
    "POST /console/directory/tokens": Line(
        Permission.MANAGE_MEMBERS, form={"name": "a directory"}, shows_secret=True
    ),
    "POST /console/directory/tokens/{token_id}/revoke": NO_MEMBERS,
    "POST /console/directory/role": Line(Permission.MANAGE_MEMBERS, form={"role": "auditor"}),
    "POST /console/directory/groups/{group_id}/role": NO_MEMBERS,
    "POST /console/sign-in/passkey/options": PUBLIC,
    "POST /console/sign-in/passkey": PUBLIC,
    **page("/console/passkeys", MEMBER),
    # The scene's address is one for which there are no passkeys.
    "POST /console/passkeys": Line("MEMBER", is_missing=True),
    "POST /console/passkeys/options": Line("MEMBER", is_missing=True),
    "POST /console/passkeys/{passkey_id}/remove": Line("MEMBER", is_missing=True),
}

# Keys open nothing of a directory's; what its tokens open is tested in tests/integration/admin/test_scim.py.
_SCIM = Line("SCIM_TOKEN")
_EACH = ("GET", "PUT", "PATCH", "DELETE")
ADMIN: Mapping[str, Line] = {
    **lines.ADMIN,
    "GET /v1/organizations/budgets": ADMIN_KEY,
    "POST /v1/organizations/budgets": Line("ADMIN_KEY", body='{"limit": "1", "period": "day"}'),
    "POST /v1/organizations/budgets/dry_run": Line("ADMIN_KEY", body='{"limit": "1", "period": "day"}'),
    "GET /v1/organizations/alerts": ADMIN_KEY,
    "POST /v1/organizations/alerts": Line("ADMIN_KEY", body='{"tells_anomalies": true}'),
    "POST /v1/organizations/alerts/snooze": Line("ADMIN_KEY", body='{"hours": 1}'),
    "POST /v1/organizations/alerts/test": ADMIN_KEY,
    "GET /v1/organizations/budgets/{budget_id}": ADMIN_KEY,
    "POST /v1/organizations/budgets/{budget_id}": Line("ADMIN_KEY", body='{"limit": "2"}'),
    "DELETE /v1/organizations/budgets/{budget_id}": ADMIN_KEY,
    **{f"{method} /scim/v2/{kind}": _SCIM for kind in ("Users", "Groups") for method in ("GET", "POST")},
    **{f"{method} /scim/v2/Users/{{user_id}}": _SCIM for method in _EACH},
    **{f"{method} /scim/v2/Groups/{{group_id}}": _SCIM for method in _EACH},
    "GET /scim/v2/ServiceProviderConfig": _SCIM,
    **{
        f"GET /scim/v2/{kind}{one}": _SCIM for kind in ("ResourceTypes", "Schemas") for one in ("", "/{name}")
    },
}
