"""Lines: who may use each route of the Console and of the Admin API. A new route needs a line here.

``GET /console/usage: MEMBER`` is for everybody who is signed in; a Permission for the roles that have it;
OPERATOR for whoever runs the installation; PUBLIC for strangers too; ADMIN_KEY, ANY_KEY, OPERATOR_KEY for
holders of keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from jeton.identity.roles.permissions import Permission

# Several permissions: any of them will do.
Audience = (
    Permission
    | frozenset[Permission]
    | Literal["PUBLIC", "MEMBER", "OPERATOR", "ADMIN_KEY", "ANY_KEY", "OPERATOR_KEY", "SCIM_TOKEN"]
)


@dataclass(frozen=True, slots=True)
class Line:
    """One method of one path.

    ``form`` or ``body`` is what is sent; ``is_missing``: no such object is made, so those let in get 404;
    ``shows_secret``: the one place where a new secret is shown; ``is_stream``: the answer does not end.
    """

    audience: Audience
    form: Mapping[str, str] = field(default_factory=dict)
    body: str = "{}"
    is_missing: bool = False
    shows_secret: bool = False
    is_stream: bool = False


MEMBER, PUBLIC, OPERATOR = Line("MEMBER"), Line("PUBLIC"), Line("OPERATOR")
KEYS, BUDGETS = Line(Permission.MANAGE_KEYS), Line(Permission.MANAGE_BUDGETS)
WORKSPACES, MEMBERS = Line(Permission.MANAGE_WORKSPACES), Line(Permission.MANAGE_MEMBERS)
WEBHOOKS, BILLING = Line(Permission.MANAGE_WEBHOOKS), Line(Permission.SEE_BILLING)
AUDIT = Line(Permission.SEE_AUDIT)
DISPUTE = Line(frozenset({Permission.MANAGE_BILLING, Permission.MANAGE_KEYS}), form={"reason": "not ours"})
# Without a payment provider there is nothing to pay with.
NOTHING = Line("OPERATOR", is_missing=True)
ONE = "supplements/{supplement_id}"
NO_DOCUMENT = Line(Permission.SEE_BILLING, is_missing=True)
NO_PAYMENT = Line(Permission.MANAGE_BILLING, is_missing=True)
ADMIN_KEY, ANY_KEY = Line("ADMIN_KEY"), Line("ANY_KEY")
NO_OBJECT = Line("ADMIN_KEY", is_missing=True)
OPERATOR_KEY, NO_OBJECT_OF_ANYBODY = Line("OPERATOR_KEY"), Line("OPERATOR_KEY", is_missing=True)
WHY = '{"reason": "a test"}'


def page(path: str, line: Line) -> dict[str, Line]:
    """A page and its twin."""
    return {f"GET {path}": line, f"GET {path}.json": line}


def papers(path: str, line: Line) -> dict[str, Line]:
    """A document in each of its forms."""
    return {f"GET {path}.{form}": line for form in ("pdf", "xml", "ubl", "csv", "zip")}


SINCE = {"since": "2026-11-20"}
CONSOLE: Mapping[str, Line] = {
    "POST /console/display": PUBLIC,
    "GET /console/sign-in": PUBLIC,
    "POST /console/sign-in": PUBLIC,
    "POST /console/sign-out": PUBLIC,
    "POST /console/sign-in/mail": PUBLIC,
    "GET /console/sign-in/link": PUBLIC,
    "POST /console/sign-in/link": PUBLIC,
    "GET /console/sign-in/oidc": PUBLIC,
    "GET /console/sign-in/oidc/callback": PUBLIC,
    "GET /console/invite": PUBLIC,
    "POST /console/invite": PUBLIC,
    **page("/console/welcome", MEMBER),
    "POST /console/welcome/key": Line(Permission.MANAGE_KEYS, shows_secret=True),
    "POST /console/welcome/send": KEYS,
    **page("/console", MEMBER),
    **page("/console/usage", MEMBER),
    "GET /console/usage.csv": MEMBER,
    "GET /console/usage.parquet": MEMBER,
    **page("/console/cost", MEMBER),
    "GET /console/cost.csv": MEMBER,
    "GET /console/cost.parquet": MEMBER,
    "GET /console/cost/focus.csv": BILLING,
    "GET /console/cost.sql": OPERATOR,
    "GET /console/usage.sql": OPERATOR,
    "GET /console/cost/focus.parquet": BILLING,
    **page("/console/cost/chargeback", MEMBER),
    "GET /console/cost/chargeback.csv": MEMBER,
    **page("/console/charts", MEMBER),
    "POST /console/charts": Line("MEMBER", form={"name": "mine", "page": "cost", "state": "range=7d"}),
    "POST /console/charts/{chart_id}/rename": Line(Permission.SHARE_CHARTS, form={"name": "renamed"}),
    "POST /console/charts/{chart_id}/share": Line(Permission.SHARE_CHARTS),
    "POST /console/charts/{chart_id}/take-back": Line(Permission.SHARE_CHARTS),
    "POST /console/charts/{chart_id}/delete": Line(Permission.SHARE_CHARTS),
    "POST /console/charts/{chart_id}/pin": MEMBER,
    **page("/console/requests", MEMBER),
    "GET /console/requests.csv": MEMBER,
    "GET /console/requests.parquet": MEMBER,
    "GET /console/requests/live": Line("MEMBER", is_stream=True),
    **page("/console/requests/{request_id}", MEMBER),
    "POST /console/requests/{request_id}/dispute": DISPUTE,
    **page("/console/limits", MEMBER),
    "POST /console/limits": Line(frozenset({Permission.MANAGE_BUDGETS, Permission.MANAGE_KEYS})),
    **page("/console/caching", MEMBER),
    **page("/console/batches", MEMBER),
    **page("/console/batches/quote", MEMBER),
    "POST /console/batches/quote": Line("PUBLIC"),
    **page("/console/batches/drafts/{draft_id}", Line(Permission.MANAGE_BATCHES, is_missing=True)),
    "POST /console/batches/drafts/{draft_id}/send": Line(Permission.MANAGE_BATCHES, is_missing=True),
    "POST /console/batches/drafts/{draft_id}/discard": Line(Permission.MANAGE_BATCHES, is_missing=True),
    **page("/console/batches/unbatched", MEMBER),
    "POST /console/batches/{batch_id}/retry": Line(Permission.MANAGE_BATCHES, is_missing=True),
    **page("/console/batches/{batch_id}", Line("MEMBER", is_missing=True)),
    "POST /console/batches/{batch_id}/cancel": Line(Permission.MANAGE_BATCHES, is_missing=True),
    "GET /console/batches/{batch_id}/results": Line(Permission.MANAGE_BATCHES, is_missing=True),
    **page("/console/budgets", MEMBER),
    "POST /console/budgets": BUDGETS,
    "POST /console/alerts/test": BUDGETS,
    **page("/console/budgets/dry-run", MEMBER),
    "POST /console/alerts/choices": BUDGETS,
    "POST /console/alerts/snooze": Line(Permission.MANAGE_BUDGETS, form={"hours": "1"}),
    "POST /console/budgets/{budget_id}/change": Line(
        Permission.MANAGE_BUDGETS, form={"limit": "2.00", "kind": "hard"}
    ),
    "POST /console/budgets/{budget_id}/end": BUDGETS,
    **page("/console/keys", MEMBER),
    "POST /console/keys": Line(
        Permission.MANAGE_KEYS, form={"name": "a new key", "kind": "api"}, shows_secret=True
    ),
    **page("/console/keys/{key_id}", MEMBER),
    "POST /console/keys/{key_id}/change": Line(Permission.MANAGE_KEYS, form={"name": "renamed"}),
    "POST /console/keys/pause-unused": KEYS,
    "POST /console/keys/{key_id}/restrict": KEYS,
    "POST /console/keys/{key_id}/leaked": KEYS,
    "POST /console/keys/{key_id}/rotate": Line(
        Permission.MANAGE_KEYS, form={"overlap": "3600"}, shows_secret=True
    ),
    "POST /console/keys/{key_id}/pause": KEYS,
    "POST /console/keys/{key_id}/resume": KEYS,
    "POST /console/keys/{key_id}/revoke": KEYS,
    **page("/console/workspaces", MEMBER),
    "POST /console/workspaces": WORKSPACES,
    "POST /console/workspaces/{workspace_id}/change": WORKSPACES,
    "POST /console/workspaces/{workspace_id}/archive": WORKSPACES,
    **page("/console/members", MEMBER),
    "POST /console/members/{member_id}/role": Line(Permission.MANAGE_MEMBERS, form={"role": "auditor"}),
    "POST /console/members/{member_id}/remove": MEMBERS,
    "POST /console/invites": Line(
        Permission.MANAGE_MEMBERS, form={"email": "new@example.com", "role": "auditor"}
    ),
    "POST /console/invites/{invite_id}/delete": MEMBERS,
    **page("/console/sessions", MEMBER),
    "POST /console/sessions/end": MEMBER,
    "POST /console/sessions/password": Line("MEMBER", is_missing=False),
    "POST /console/sessions/switch": MEMBER,
    "POST /console/sessions/{session_id}/end": MEMBER,
    **page("/console/billing", BILLING),
    **page("/console/billing/buy", BILLING),
    "POST /console/billing/buy": Line(
        Permission.MANAGE_BILLING,
        form={"way": "page", "amount": "10", "total": "1000 USD", "idempotency_key": "purch_1"},
        is_missing=True,
    ),
    **page("/console/billing/payments", BILLING),
    **page("/console/billing/payments/{payment_id}", Line(Permission.SEE_BILLING, is_missing=True)),
    "POST /console/billing/payments/{payment_id}/retry": NO_PAYMENT,
    "POST /console/billing/payments/{payment_id}/give-up": NO_PAYMENT,
    "POST /console/billing/payments/{payment_id}/refund": NO_PAYMENT,
    **page("/console/billing/cards", BILLING),
    "POST /console/billing/cards": NO_PAYMENT,
    "POST /console/billing/cards/{payment_method_id}/default": NO_PAYMENT,
    "POST /console/billing/cards/{payment_method_id}/remove": NO_PAYMENT,
    **page("/console/billing/auto-reload", BILLING),
    "POST /console/billing/auto-reload": Line(
        Permission.MANAGE_BILLING,
        form={"threshold": "20", "target": "100", "ceiling": "500", "cool_down": "10"},
    ),
    "POST /console/billing/auto-reload/off": Line(Permission.MANAGE_BILLING),
    **page("/console/invoices", BILLING),
    **page("/console/invoices/draft", BILLING),
    **page("/console/invoices/profile", BILLING),
    "POST /console/invoices/profile": Line(Permission.MANAGE_BILLING, form={"city": "Berlin"}),
    **page("/console/invoices/statement", BILLING),
    "GET /console/invoices/statement.csv": BILLING,
    **page("/console/invoices/{document_id}", NO_DOCUMENT),
    **papers("/console/invoices/{document_id}", NO_DOCUMENT),
    "POST /console/invoices/{document_id}/pay": NO_PAYMENT,
    "POST /console/invoices/{document_id}/correction": NO_PAYMENT,
    **page("/console/prices", BILLING),
    "GET /console/prices.csv": BILLING,
    **page("/console/receivables", OPERATOR),
    "POST /console/receivables/issue": Line("OPERATOR", is_missing=True),
    **page("/console/receivables/payments", OPERATOR),
    "POST /console/receivables/payments/record": Line("OPERATOR", is_missing=True),
    "POST /console/receivables/payments/{payment_id}/apply": NOTHING,
    "POST /console/receivables/payments/{payment_id}/void": NOTHING,
    "POST /console/receivables/payments/{payment_id}/pay-back": NOTHING,
    "POST /console/receivables/payments/parts/{application_id}/unapply": NOTHING,
    **page("/console/receivables/bank", OPERATOR),
    # Only a form with a file acts here, so everybody is refused: see tests/integration/console/money.
    "POST /console/receivables/bank": Line("PUBLIC"),
    "POST /console/receivables/bank/{line_id}/assign": NOTHING,
    "POST /console/receivables/bank/{line_id}/ignore": NOTHING,
    "POST /console/receivables/bank/{line_id}/return": NOTHING,
    **page("/console/receivables/overdue", OPERATOR),
    **page("/console/receivables/owed", OPERATOR),
    "POST /console/receivables/owed/{payment_id}/give-up": NOTHING,
    **page("/console/receivables/rates", OPERATOR),
    "POST /console/receivables/rates": OPERATOR,
    **page("/console/organizations/{organization_id}/billing-profile", OPERATOR),
    "POST /console/organizations/{organization_id}/billing-profile": Line(
        "OPERATOR", form={"anchor_day": "1", "zone": "UTC", "reason": "a test"}
    ),
    **page("/console/receivables/documents/{document_id}", NOTHING),
    **papers("/console/receivables/documents/{document_id}", NOTHING),
    "POST /console/receivables/documents/{document_id}/cancel": NOTHING,
    "POST /console/receivables/documents/{document_id}/credit": NOTHING,
    "POST /console/receivables/documents/{document_id}/write-off": NOTHING,
    "POST /console/receivables/documents/{document_id}/wait": NOTHING,
    **page("/console/close", OPERATOR),
    **{f"POST /console/close/{act}": OPERATOR for act in ("month", "reopen", "prove")},
    **{
        f"GET /console/close/{name}.csv": OPERATOR
        for name in ("trial-balance", "deferred-revenue", "income", "ageing")
    },
    **page("/console/accuracy", OPERATOR),
    **page("/console/docs-feedback", OPERATOR),
    "GET /console/docs-feedback.csv": OPERATOR,
    "GET /console/docs-feedback/comments.csv": OPERATOR,
    "POST /console/alarms/{alarm_id}/acknowledge": Line("OPERATOR", is_missing=True),
    **page("/console/price-book", OPERATOR),
    **page("/console/price-book/reratings", OPERATOR),
    "POST /console/price-book/reratings": Line("OPERATOR", form={"price_version_id": "none@2026-01-01"}),
    **page("/console/price-book/reratings/{rerating_id}", NOTHING),
    **{
        f"POST /console/price-book/reratings/{{rerating_id}}/{act}": NOTHING
        for act in ("approve", "decline", "post", "supplements", f"{ONE}/approve", f"{ONE}/decline")
    },
    **page("/console/price-book/changes", OPERATOR),
    # Only a form with a file acts here, so everybody is refused: see tests/integration/console/operating.
    "POST /console/price-book/changes": Line("PUBLIC"),
    **page("/console/price-book/changes/{proposal_id}", NOTHING),
    "GET /console/price-book/changes/{proposal_id}.toml": NOTHING,
    "POST /console/price-book/changes/{proposal_id}/approve": NOTHING,
    "POST /console/price-book/changes/{proposal_id}/decline": NOTHING,
    **page("/console/health", OPERATOR),
    "POST /console/health/prove": OPERATOR,
    **page("/console/audit", OPERATOR),
    "GET /console/audit.csv": OPERATOR,
    **page("/console/changes", AUDIT),
    "GET /console/changes.csv": AUDIT,
    **page("/console/inbox", OPERATOR),
    "GET /console/inbox.csv": OPERATOR,
    "POST /console/inbox/{item_id}/approve": Line("OPERATOR", is_missing=True),
    "POST /console/inbox/{item_id}/decline": Line("OPERATOR", is_missing=True),
    "POST /console/inbox/{item_id}/close": Line("OPERATOR", is_missing=True),
    "POST /console/inbox/{item_id}/reply": Line("OPERATOR", is_missing=True),
    **page("/console/organizations", OPERATOR),
    **page("/console/organizations/new", OPERATOR),
    "POST /console/organizations/new": Line(
        "OPERATOR",
        form={"name": "New", "email": "new@new.example", "idempotency_key": "k"},
        shows_secret=True,
    ),
    **page("/console/organizations/{organization_id}", OPERATOR),
    **page("/console/organizations/{organization_id}/margin", OPERATOR),
    "POST /console/organizations/{organization_id}/grant": OPERATOR,
    "POST /console/organizations/{organization_id}/adjust": OPERATOR,
    "POST /console/organizations/{organization_id}/terms": OPERATOR,
    **page("/console/organizations/{organization_id}/agreements", OPERATOR),
    "POST /console/organizations/{organization_id}/agreements": OPERATOR,
    "POST /console/organizations/{organization_id}/agreements/{terms_id}/end": Line(
        "OPERATOR", is_missing=True
    ),
    "POST /console/organizations/{organization_id}/switch": OPERATOR,
    "POST /console/organizations/{organization_id}/suspend": OPERATOR,
    "POST /console/organizations/{organization_id}/resume": OPERATOR,
    "POST /console/organizations/{organization_id}/view": OPERATOR,
    "POST /console/viewing/end": MEMBER,
    **page("/console/webhooks", WEBHOOKS),
    "POST /console/webhooks": Line(
        Permission.MANAGE_WEBHOOKS, form={"url": "http://127.0.0.1:9/"}, shows_secret=True
    ),
    **page("/console/webhooks/{webhook_id}", WEBHOOKS),
    "POST /console/webhooks/{webhook_id}/rotate": Line(
        Permission.MANAGE_WEBHOOKS, form={"overlap": "24"}, shows_secret=True
    ),
    "POST /console/webhooks/{webhook_id}/enable": WEBHOOKS,
    "POST /console/webhooks/{webhook_id}/delete": WEBHOOKS,
    "POST /console/webhooks/{webhook_id}/test": WEBHOOKS,
    "POST /console/webhooks/{webhook_id}/replay": Line(
        Permission.MANAGE_WEBHOOKS, form={"event_id": "evt_none"}, is_missing=True
    ),
    "POST /console/webhooks/{webhook_id}/types": WEBHOOKS,
    "POST /console/webhooks/{webhook_id}/replay-missed": Line(Permission.MANAGE_WEBHOOKS, form=SINCE),
    **page("/console/operator-webhooks", OPERATOR),
    "POST /console/operator-webhooks": Line(
        "OPERATOR", form={"url": "http://127.0.0.1:9/"}, shows_secret=True
    ),
    **page("/console/operator-webhooks/{webhook_id}", NOTHING),
    **{
        f"POST /console/operator-webhooks/{{webhook_id}}/{act}": Line(
            "OPERATOR", form={"overlap": "24", **SINCE}, is_missing=True
        )
        for act in ("rotate", "types", "enable", "delete", "test", "replay", "replay-missed")
    },
}

_API = "/v1/organizations"
# What every admin key may read.
_READ = (
    "me", "balance", "credits", "terms", "prices", "payments", "payment_methods", "auto_reload",
    "invoices", "invoices/draft", "billing_profile", "account_statement", "api_keys", "api_keys/{key_id}",
    "workspaces", "workspaces/{workspace_id}", "usage_report/messages", "cost_report", "focus_report",
    "users", "users/{user_id}", "invites", "invites/{invite_id}", "rate_limits",
    "workspaces/{workspace_id}/rate_limits", "webhooks", "webhooks/{webhook_id}",
    "webhooks/{webhook_id}/deliveries", "events",
)  # fmt: skip
ADMIN: Mapping[str, Line] = {
    **{f"GET {_API}/{path}": ADMIN_KEY for path in _READ},
    f"POST {_API}/payments": Line("ADMIN_KEY", body='{"credit": "10"}', is_missing=True),
    f"GET {_API}/payments/{{payment_id}}": NO_OBJECT,
    f"POST {_API}/payments/{{payment_id}}/refunds": NO_OBJECT,
    f"POST {_API}/auto_reload": Line(
        "ADMIN_KEY", body='{"threshold": "20", "target": "100", "monthly_ceiling": "500"}'
    ),
    f"DELETE {_API}/auto_reload": NO_OBJECT,
    f"GET {_API}/invoices/{{document_id}}": NO_OBJECT,
    f"GET {_API}/invoices/{{document_id}}/files/{{form}}": NO_OBJECT,
    "GET /v1/operator/invoices": OPERATOR_KEY,
    "GET /v1/operator/invoices/{document_id}": NO_OBJECT_OF_ANYBODY,
    "GET /v1/operator/invoices/{document_id}/files/{form}": NO_OBJECT_OF_ANYBODY,
    **{
        f"POST /v1/operator/invoices/{{document_id}}/{name}": NO_OBJECT_OF_ANYBODY
        for name in ("void", "reissue", "credit_notes", "write_offs")
    },
    "POST /v1/operator/organizations": Line("OPERATOR_KEY", body='{"name": "New"}'),
    "POST /v1/operator/organizations/{organization_id}/invoices": OPERATOR_KEY,
    "GET /v1/operator/organizations/{organization_id}/billing_profile": OPERATOR_KEY,
    "POST /v1/operator/organizations/{organization_id}/billing_profile": Line("OPERATOR_KEY", body=WHY),
    "GET /v1/operator/received_payments": OPERATOR_KEY,
    "POST /v1/operator/organizations/{organization_id}/received_payments": OPERATOR_KEY,
    **{
        f"POST /v1/operator/{path}": Line("OPERATOR_KEY", body=body, is_missing=True)
        for path, body in {
            "received_payments/{payment_id}/applications": '{"document": "INV-1", "reason": "a test"}',
            "received_payments/{payment_id}/unapply": '{"application_id": "appl_1", "reason": "a test"}',
            "received_payments/{payment_id}/void": WHY,
            "received_payments/{payment_id}/pay_back": '{"amount": "1.00", "reason": "a test"}',
            "claims/{payment_id}/give_up": WHY,
        }.items()
    },
    "GET /v1/operator/claims": OPERATOR_KEY,
    "GET /v1/operator/reratings": OPERATOR_KEY,
    "POST /v1/operator/reratings": OPERATOR_KEY,
    "GET /v1/operator/reratings/{rerating_id}": NO_OBJECT_OF_ANYBODY,
    **{
        f"POST /v1/operator/reratings/{{rerating_id}}/{act}": NO_OBJECT_OF_ANYBODY
        for act in ("decline", "post", f"{ONE}/decline")
    },
    "POST /v1/operator/reratings/{rerating_id}/supplements": OPERATOR_KEY,
    "POST /v1/operator/bank_statements": OPERATOR_KEY,
    "GET /v1/operator/months/{month}": OPERATOR_KEY,
    "POST /v1/operator/months/{month}/close": Line("OPERATOR_KEY", body=WHY),
    "POST /v1/operator/months/{month}/reopen": Line("OPERATOR_KEY", body=WHY, is_missing=True),
    f"POST {_API}/billing_profile": Line("ADMIN_KEY", body='{"city": "Berlin"}'),
    "GET /v1/receipts/{request_id}": ANY_KEY,
    f"POST {_API}/api_keys": Line("ADMIN_KEY", body='{"name": "a new key"}', shows_secret=True),
    f"POST {_API}/api_keys/{{key_id}}": Line("ADMIN_KEY", body='{"status": "archived"}'),
    f"POST {_API}/api_keys/{{key_id}}/rotate": Line("ADMIN_KEY", shows_secret=True),
    f"POST {_API}/workspaces": Line("ADMIN_KEY", body='{"name": "new"}'),
    f"POST {_API}/workspaces/{{workspace_id}}": Line("ADMIN_KEY", body='{"name": "renamed"}'),
    f"POST {_API}/workspaces/{{workspace_id}}/archive": ADMIN_KEY,
    "GET /v1/operator/focus_report": OPERATOR_KEY,
    f"POST {_API}/users/{{user_id}}": Line("ADMIN_KEY", body='{"role": "auditor"}'),
    f"DELETE {_API}/users/{{user_id}}": ADMIN_KEY,
    f"POST {_API}/invites": Line("ADMIN_KEY", body='{"email": "n@example.com", "role": "auditor"}'),
    f"DELETE {_API}/invites/{{invite_id}}": ADMIN_KEY,
    f"POST {_API}/workspaces/{{workspace_id}}/rate_limits/{{rate_limit_id}}": Line(
        "ADMIN_KEY", body='{"limits": []}', is_missing=True
    ),
    "GET /v1/usage/stream": Line("ANY_KEY", is_stream=True),
    f"POST {_API}/webhooks": Line("ADMIN_KEY", body='{"url": "http://127.0.0.1:9/"}', shows_secret=True),
    f"POST {_API}/webhooks/{{webhook_id}}": Line("ADMIN_KEY", body='{"is_enabled": true}'),
    f"DELETE {_API}/webhooks/{{webhook_id}}": ADMIN_KEY,
    f"POST {_API}/webhooks/{{webhook_id}}/rotate": Line("ADMIN_KEY", shows_secret=True),
    f"POST {_API}/webhooks/{{webhook_id}}/test": ADMIN_KEY,
    f"POST {_API}/webhooks/{{webhook_id}}/replay": Line(
        "ADMIN_KEY", body='{"since": "2026-11-20T00:00:00Z"}'
    ),
    f"POST {_API}/events/{{event_id}}/replay": NO_OBJECT,
}
