"""Declarations: every setting once, with its default, how it is read, its unit and its sentence."""

from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Literal

from jeton.identity.restricting.restrictions import Network
from jeton.limits.words import Limits
from jeton.money import parse_usd
from jeton.settings.billing import BillingSettings
from jeton.settings.cards import SECRETS
from jeton.settings.declaring import declare_setting as _setting
from jeton.settings.limits import RateLimitSetting
from jeton.settings.parsers import (
    ROLES,
    Parse,
    one_of,
    parse_amount,
    parse_credit_status,
    parse_days,
    parse_emails,
    parse_footer_links,
    parse_group_roles,
    parse_issuer,
    parse_labels,
    parse_links,
    parse_networks,
    parse_path,
    parse_paths,
    parse_picture,
    parse_public_url,
    parse_sender,
    parse_text,
    parse_tokenizer_files,
    parse_uuid,
    parse_words,
    parse_yes_no,
    parse_zone_name,
    seconds,
    some_of,
    whole,
)
from jeton.settings.upstreams import UpstreamSetting

_DAY_S = 86_400
_DATA_DIR = Path(".jeton")
# A command line is visible to every user of the machine.
_NO_OPTION = SECRETS | {
    *("upstream_api_key", "metrics_token", "smtp_password", "oidc_client_secret", "end_user_key")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(BillingSettings):
    """Everything that may be chosen; the fields are the declarations."""

    host: str = _setting("127.0.0.1", parse_text, "Address to listen on; 0.0.0.0 for every network.")
    port: int = _setting(8080, whole(1, 65_535), "Port to listen on.")
    data_dir: Path = _setting(  # noqa: RUF009 - a declaration, as dataclasses.field
        _DATA_DIR, parse_path, "Folder of the embedded database and of what belongs to this installation."
    )
    database_url: str = _setting(
        "",
        parse_text,
        "A PostgreSQL (15 or newer) to use instead of the embedded one, as postgresql://user@host/name.",
        is_secret=True,
    )
    is_demo: bool = _setting(
        default=True,
        parse=parse_yes_no,
        sentence="Create a demo organization with keys and trial credit on the first start.",
    )
    trial_amount_usd: str = _setting(
        "5.00", parse_amount, "Trial credit of a new organization.", unit="dollars"
    )
    trial_days: int = _setting(30, whole(1, 3650), "How long trial credit is valid.", unit="days")
    trial_clock: Literal["signup", "first_call"] = _setting(
        "signup",
        one_of("signup", "first_call"),
        "When those days begin: signup, or the first_call that is charged.",
    )
    trial_models: tuple[str, ...] = _setting(
        (), parse_words, "The models that trial credit is for, ',' between several; every one without."
    )
    trial_per_domain_max: int = _setting(
        3, whole(0, 1_000_000), "The most trials for one mail domain in trial_per_domain_days; 0: no limit."
    )
    trial_per_domain_days: int = _setting(
        365, whole(1, 36_500), "How long a trial counts against its mail domain.", unit="days"
    )
    trial_public_domains: tuple[str, ...] = _setting(
        (),
        parse_words,
        "Further mail domains where everybody gets an address, so that there the address counts.",
    )
    rehearsal: Literal["auto", "on", "off"] = _setting(
        "auto",
        one_of("auto", "on", "off"),
        "Serve models without an upstream from the embedded one, at their own price; "
        "auto: while no real upstream is configured.",
    )
    upstream_url: str = _setting(
        "",
        parse_text,
        "One server that speaks the Messages API, as upstream of every model of the price book.",
    )
    upstream_api_key: str = _setting("", parse_text, "The key for it.", is_secret=True)
    upstream_timeout_s: int = _setting(
        600, whole(1, _DAY_S), "The longest an answer may take, to its last byte.", unit="seconds"
    )
    prices_dir: tuple[Path, ...] = _setting(
        (),
        parse_paths,
        "Further price files, or folders of them, beside the packaged ones; ':' between several.",
    )
    tokenizer_files: tuple[tuple[str, Path], ...] = _setting(
        (),
        parse_tokenizer_files,
        "Tokenizers to count exactly with, each as FAMILY=PATH; ':' between several.",
    )
    hold_validity_s: int = _setting(
        900,
        whole(2, _DAY_S),
        "How long credit is held for a request whose server is gone; longer than upstream_timeout_s.",
        unit="seconds",
    )
    sweep_interval_s: int = _setting(
        15, whole(1, 3600), "How often holds and lots past their time are ended.", unit="seconds"
    )
    ledger_proof_hours: int = _setting(
        24, whole(0, 8784), "How often the books are proved; 0: only when somebody asks.", unit="hours"
    )
    books_zone: str = _setting(
        "UTC",
        parse_zone_name,
        "The IANA time zone in whose months the books are closed, and whose days statements count by.",
    )
    batch_chunks_max: int = _setting(
        4,
        whole(0, 64),
        "How many chunks of Message Batches a process works on at a time; 0 leaves them to other processes.",
    )
    batch_concurrency: int = _setting(
        16, whole(1, 10_000), "How many requests of batches a process asks an upstream for at a time."
    )
    batch_queue_max: int = _setting(
        500_000,
        whole(0, 1_000_000_000),
        "How many requests of an organization's batches may wait at a time; 0 is any number.",
    )
    connections_max: int = _setting(10, whole(4, 1000), "Connections to PostgreSQL.")
    commit_members_max: int = _setting(
        128, whole(1, 10_000), "The most holds and settlements in one database transaction."
    )
    commit_delay_max_s: float = _setting(
        0, seconds(0, 1), "The longest a busy server waits to fill a transaction.", unit="seconds"
    )
    commit_waiting_max: int = _setting(
        4096, whole(1, 1_000_000), "The most that wait for a transaction before requests get 529."
    )
    spool_bytes_max: int = _setting(
        256_000_000,
        whole(1_000_000, 100_000_000_000),
        "The most that settlements may take on disk while the database is away.",
        unit="bytes",
    )
    stop_timeout_s: int = _setting(
        10,
        whole(1, 600),
        "How long requests in flight may take to end when the server stops.",
        unit="seconds",
    )
    log_level: str = _setting(
        "info", one_of("debug", "info", "warning", "error"), "The least important that is logged."
    )
    rate_limit_reserve: Literal["expected", "most"] = _setting(
        "expected",
        one_of("expected", "most"),
        "What a request reserves of its token rate limits: what it will probably count, or the most it can.",
    )
    credit_status: Literal[400, 402] = _setting(
        400,
        parse_credit_status,
        "HTTP status of a request beyond the credit; 402 comes with type billing_error.",
    )
    public_url: str = _setting(
        "",
        parse_public_url,
        "The address that people use, when it is not the one we listen on; https makes the session cookie "
        "Secure and is written into pages and snippets.",
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        (), parse_networks, "Proxies whose X-Forwarded-For is believed: addresses or networks, ',' between."
    )
    brand_name: str = _setting("Jeton", parse_text, "The name on the pages.")
    brand_tagline: str = _setting(
        "Every request held, metered, priced and explained, to the nano-dollar.",
        parse_text,
        "The sentence below the name, at the foot of the pages.",
    )
    brand_mark: Path | None = _setting(  # noqa: RUF009 - a declaration, as dataclasses.field
        None,
        parse_picture,
        "The picture beside the name and in the browser's tab: the path of an SVG file of at most 64 KiB; "
        "ours without.",
    )
    landing_title: str = _setting(
        "Every request, accounted for.", parse_text, "The heading of the first page."
    )
    landing_text: str = _setting("", parse_text, "The text below it; ours without.")
    footer_links: tuple[tuple[str, str, str], ...] = _setting(
        (),
        parse_footer_links,
        "Further links at the foot of the pages, each as COLUMN/NAME=ADDRESS; ',' between several.",
    )
    social_links: tuple[tuple[str, str], ...] = _setting(
        (),
        parse_links,
        "Where people talk, such as Discord=https://…; icons or words at the foot, ',' between several.",
    )
    payment_methods: tuple[str, ...] = _setting(
        (), parse_labels, "What the operator takes, as people call it; ',' between several; named in the FAQ."
    )
    public_figures: tuple[str, ...] = _setting(
        (),
        some_of("tokens", "availability"),
        "What the public pages may say of what was measured here: tokens, availability, both or neither.",
    )
    ask_docs: bool = _setting(
        default=True, parse=parse_yes_no, sentence="Let readers put questions to the documentation."
    )
    ask_docs_model: str = _setting(
        "jeton-extract-1", parse_text, "The model that puts the answers into words; any that is served here."
    )
    ask_docs_budget_usd: str = _setting(
        "5.00",
        parse_amount,
        "What answers may cost in a calendar month (UTC), granted to the organization Ask Docs; beyond it, "
        "and with 0, they are quotations that cost nothing.",
        unit="dollars",
    )
    end_users: Literal["kept", "hashed", "off"] = _setting(
        "kept",
        one_of("kept", "hashed", "off"),
        "What is stored of the end user that a request names: the name, a keyed hash of it, or nothing.",
    )
    end_user_key: str = _setting(
        "", parse_text, "The key of that hash, 32 characters or more, for ever the same.", is_secret=True
    )
    support_email: str = _setting("", parse_text, "Where the pages send people with a problem.")
    sales_email: str = _setting("", parse_text, "Where the pages send people who want to buy.")
    operator_emails: tuple[str, ...] = _setting(
        (),
        parse_emails,
        "Members, by e-mail, who run this installation and see the operator's pages; ',' between several.",
    )
    metrics_token: str = _setting(
        "",
        parse_text,
        "What opens /metrics; without it the token in metrics.token of the data directory does.",
        is_secret=True,
    )
    notify_interval_s: int = _setting(
        60, whole(1, 86_400), "How often there is a look for what to tell organizations.", unit="seconds"
    )
    expiry_warning_days: tuple[int, ...] = _setting(
        (7, 1),
        parse_days,
        "How long before a lot expires its organization is told; ',' between several, 0 for never.",
        unit="days",
    )
    low_balance_usd: str = _setting(
        "1.00", parse_amount, "Below which credit an organization is told; 0 for never.", unit="dollars"
    )
    webhook_private_networks: bool = _setting(
        default=False,
        parse=parse_yes_no,
        sentence="Let webhooks go to private networks and by plain http; "
        "only where every member may reach what this server can.",
    )
    webhook_disable_days: int = _setting(
        5, whole(1, 365), "After how long of nothing but failures a webhook is disabled.", unit="days"
    )
    smtp_host: str = _setting("", parse_text, "The mail server; without one no mail is sent.")
    smtp_port: int = _setting(587, whole(1, 65_535), "Its port.")
    smtp_tls: Literal["starttls", "tls", "none"] = _setting(
        "starttls",
        one_of("starttls", "tls", "none"),
        "How the connection to it is secured, starttls, tls or none; tls is for port 465.",
    )
    smtp_user: str = _setting("", parse_text, "The name to sign in with there; none without it.")
    smtp_password: str = _setting("", parse_text, "The password for it.", is_secret=True)
    smtp_from: str = _setting(
        "",
        parse_sender,
        "The address that mails come from, such as Jeton <jeton@example.com>; needed with smtp_host.",
    )
    oidc_issuer: str = _setting(
        "",
        parse_issuer,
        "The OpenID Connect provider that signs people in, as its issuer's address; needs public_url.",
    )
    oidc_client_id: str = _setting("", parse_text, "How this installation is known there.")
    oidc_client_secret: str = _setting("", parse_text, "Its secret there, if it has one.", is_secret=True)
    oidc_name: str = _setting("single sign-on", parse_text, "What the sign-in page calls the provider.")
    oidc_domains: tuple[str, ...] = _setting(
        (), parse_words, "Mail domains that it is believed about, ',' between several; every one without."
    )
    oidc_organization: str = _setting(
        "", parse_uuid, "The organization, by id, that people become members of when they sign in there."
    )
    oidc_default_role: str = _setting(
        "",
        one_of("", *ROLES),
        "The role there of somebody whom oidc_roles gives none: developer, billing, admin or auditor.",
    )
    oidc_groups_claim: str = _setting("groups", parse_text, "The claim that lists somebody's groups.")
    oidc_roles: tuple[tuple[str, str], ...] = _setting(
        (),
        parse_group_roles,
        "What these give, as GROUP=ROLE with ',' between several; of two that fit the first.",
    )
    crash_at: str = _setting(
        "", parse_text, "For tests: the point of a request at which the server kills itself with SIGKILL."
    )
    upstreams: tuple[UpstreamSetting, ...] = ()
    rate_limits: tuple[RateLimitSetting, ...] = ()
    rate_limit_groups: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def limits_by_group(self) -> dict[str, Limits]:
        """The rate limits of every organization, by group of models."""
        return {entry.group: entry.limits for entry in self.rate_limits}

    @property
    def trial_amount_nano(self) -> int:
        """The trial credit in nano-dollars."""
        return parse_usd(self.trial_amount_usd)

    @property
    def ask_docs_budget_nano(self) -> int:
        """What Ask Docs may spend in a month, in nano-dollars."""
        return parse_usd(self.ask_docs_budget_usd)

    @property
    def low_balance_nano(self) -> int:
        """Below which credit an organization is told, in nano-dollars."""
        return parse_usd(self.low_balance_usd)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A setting as people see it; ``flag`` is empty where an option would show a secret."""

    name: str
    env: str
    flag: str
    default: str
    unit: str
    sentence: str
    parse: Parse
    is_boolean: bool


def list_declarations() -> tuple[Declaration, ...]:
    """Every setting as declared, billing's last; ``upstreams`` is a table of the file only."""
    later = {entry.name for entry in fields(BillingSettings)}
    return tuple(
        Declaration(
            name=entry.name,
            env=f"JETON_{entry.name.upper()}",
            flag="" if entry.name in _NO_OPTION else _render_flag(entry.name),
            default=_render_default(entry.default),
            unit=entry.metadata["unit"],
            sentence=entry.metadata["sentence"],
            parse=entry.metadata["parse"],
            is_boolean=isinstance(entry.default, bool),
        )
        for entry in sorted(fields(Settings), key=lambda entry: entry.name in later)
        if entry.metadata and entry.default is not MISSING
    )


def render_scalar(value: object) -> str:
    """A value as it is written in the environment or as an option."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    return str(value)


def _render_flag(name: str) -> str:
    return f"--{name.removeprefix('is_').replace('_', '-')}"


def _render_default(value: object) -> str:
    return "" if value is None or value == () else render_scalar(value)
