"""The site over HTTP: every page, its numbers from settings and price book, and what is not there."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

import jeton
from jeton.pricing.book import PriceBook
from jeton.pricing.loading import load_book
from jeton.site.deps import SiteDeps, Wording
from jeton.site.documents import Documents
from jeton.site.footer import DRAWN
from jeton.site.routes import site_routes


def client_of(deps: SiteDeps) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=Starlette(routes=site_routes(deps)))
    return httpx2.AsyncClient(transport=transport, base_url="http://jeton.test:8080")


def deps_of(book: PriceBook, *, trial_amount_nano: int = 7_250_000_000, base_url: str = "") -> SiteDeps:
    return SiteDeps(
        book=book,
        brand_name="Example AI",
        base_url=base_url,
        support_email="support@example.com",
        sales_email="sales@example.com",
        trial_amount_nano=trial_amount_nano,
        trial_days=45,
    )


async def test_every_page_is_there_and_sealed() -> None:
    paths = ["/", "/faq", "/pricing", "/docs", *(f"/docs/{page.slug}" for page in Documents().list())]
    async with client_of(deps_of(load_book())) as client:
        for path in paths:
            response = await client.get(path)
            assert response.status_code == 200, path
            assert response.headers["content-security-policy"].startswith("default-src 'self'")
            assert "Example AI" in response.text
            assert "style=" not in response.text
            assert not re.search(r"<script(?! src=\"/static/)", response.text), path


# Where the software itself is meant, which an operator runs under a name of their own.
SOFTWARE_PAGES = frozenset({"self-hosting", "settings", "upstreams"})
# A model's own name, and a setting's default.
SOFTWARE_WORDS = re.compile(r"Jeton Extract 1|Jeton <jeton@example\.com>")
# Of the domain, for whoever runs the program.
READERS = (
    *("admin", "batches", "billing", "charging", "console", "gateway", "identity", "insight", "limits"),
    *("notifications", "pricing", "site", "watch"),
)
NOT_READ = {"billing/paper/look.py", "billing/focus/reading.py"}


async def test_every_page_says_the_operators_name_and_not_the_softwares() -> None:
    pages = [page.slug for page in Documents().list() if page.slug not in SOFTWARE_PAGES]
    paths = [
        "/",
        "/faq",
        "/faq.md",
        "/pricing",
        "/pricing.md",
        "/docs",
        "/llms.txt",
        "/openapi.json",
        "/docs/api",
    ]
    paths += [
        "/docs/api.md",
        "/docs/api/objects",
        "/docs/search?q=cache",
        "/docs/changelog.atom",
        "/docs/ask",
    ]
    paths += ["/nowhere", "/static/mark.svg", *(f"/docs/{slug}" for slug in pages)]
    paths += [f"/docs/{slug}.md" for slug in pages]
    async with client_of(replace(deps_of(load_book()), has_ask_docs=True)) as client:
        for path in paths:
            text = SOFTWARE_WORDS.sub("", (await client.get(path)).text)
            found = re.search(r".{0,60}\bJeton\b.{0,60}", text)
            assert found is None, f"{path}: {found[0]}"


def test_no_template_and_no_sentence_for_readers_names_the_software() -> None:
    """Mails, documents, the Console and what an API answers are under the operator's name."""
    wrong, root = [], Path(jeton.__file__).parent
    for place in READERS:
        for path in (root / place).rglob("*"):
            name = str(path.relative_to(root))
            if path.suffix not in {".html", ".typ", ".txt", ".py"} or name in NOT_READ:
                continue
            text = path.read_text(encoding="utf-8")
            if not re.search(r"\bJeton\b", text):
                continue
            wrong += [f"{name}: {said}" for said in _list_sentences(path, text)]
    assert not wrong


def _list_sentences(path: Path, text: str) -> list[str]:
    if path.suffix != ".py":
        return [line for line in text.splitlines() if re.search(r"\bJeton\b", line)]
    tree = ast.parse(text)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, documented) and ast.get_docstring(node)
        if isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings
        if re.search(r"\bJeton\b", node.value)
    ]


async def test_places_where_people_talk_have_icons_and_words() -> None:
    links = (("Discord", "https://discord.example.com"), ("Forum", "https://forum.example.com"))
    async with client_of(replace(deps_of(load_book()), wording=Wording(social_links=links))) as client:
        page = (await client.get("/faq")).text
        drawn = (await client.get("/static/social.svg")).text
    assert (
        '<use href="/static/social.svg#discord"/></svg><span class="visually-hidden">Discord</span>' in page
    )
    assert "social.svg#forum" not in page
    assert page.count("https://forum.example.com") == 1
    assert set(re.findall(r'<symbol id="(\w+)"', drawn)) == DRAWN


async def test_the_faq_answers_with_this_installations_own_numbers() -> None:
    async with client_of(deps_of(load_book())) as client:
        page = (await client.get("/faq")).text
    for heading in (
        "How is token usage calculated?",
        "Are there free tiers or trials?",
        "How do discounts stack?",
        "What payment methods are accepted?",
    ):
        assert heading in page
    assert "<strong>$7.25</strong>, valid for <strong>45 days</strong>" in page
    for amount in ("$37.50", "$13.23105", "$18.75", "$6.615525", "82.4 %"):
        assert amount in page
    assert 'href="mailto:support@example.com"' in page


@pytest.mark.parametrize(
    ("methods", "answer"),
    [
        ((), "None on this installation yet: its operator adds credit by hand."),
        (("Visa", "invoice"), "Switched on here: Visa, invoice."),
    ],
)
async def test_the_faq_does_not_contradict_itself_on_payment(methods: tuple[str, ...], answer: str) -> None:
    async with client_of(replace(deps_of(load_book()), payment_methods=methods)) as client:
        page = (await client.get("/faq")).text
    assert answer in page
    assert ("as soon as the operator switches them on" in page) is (not methods)


async def test_without_trial_or_prices_the_pages_do_not_promise_any() -> None:
    async with client_of(deps_of(PriceBook(()), trial_amount_nano=0)) as client:
        for path in ("/", "/faq", "/pricing"):
            response = await client.get(path)
            assert response.status_code == 200
            assert "$7.25" not in response.text
        assert "there is none at the moment" in (await client.get("/faq")).text


async def test_the_first_request_names_this_server() -> None:
    async with client_of(deps_of(load_book())) as client:
        assert "curl http://jeton.test:8080/v1/messages" in (await client.get("/")).text
    async with client_of(deps_of(load_book(), base_url="https://api.example.com")) as client:
        assert "curl https://api.example.com/v1/messages" in (await client.get("/")).text


async def test_the_pricing_page_has_every_model_of_the_book() -> None:
    book = load_book()
    async with client_of(deps_of(book)) as client:
        page = (await client.get("/pricing")).text
    for model in book.models():
        assert f"{model}@" in page
    assert "prompts up to 100,000 tokens" in page


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/static/jeton.css", 200, "text/css; charset=utf-8"),
        ("/static/console.css", 200, "text/css; charset=utf-8"),
        ("/static/mark.svg", 200, "image/svg+xml"),
        ("/favicon.ico", 200, "image/svg+xml"),
        ("/docs/quickstart.md", 200, "text/markdown; charset=utf-8"),
        ("/docs/search", 200, "text/html; charset=utf-8"),
        ("/llms.txt", 200, "text/plain; charset=utf-8"),
        ("/llms-full.txt", 200, "text/plain; charset=utf-8"),
        ("/static/..%2froutes.py", 404, "text/plain; charset=utf-8"),
        ("/static/%00", 404, "text/html; charset=utf-8"),
        ("/docs/nope", 404, "text/html; charset=utf-8"),
        ("/docs/%3Cb%3E", 404, "text/html; charset=utf-8"),
    ],
)
async def test_files_and_what_is_not_there(path: str, status: int, kind: str) -> None:
    async with client_of(deps_of(load_book())) as client:
        response = await client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (status, kind)
    assert "<b>" not in response.text


async def test_a_mark_of_the_operators_stands_in_for_ours_and_runs_nothing() -> None:
    mark = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    async with client_of(replace(deps_of(load_book()), mark=mark)) as client:
        page, shown, icon = [await client.get(path) for path in ("/", "/static/mark.svg", "/favicon.ico")]
    async with client_of(deps_of(load_book())) as client:
        usual = await client.get("/")
    assert shown.content == icon.content == mark
    assert shown.headers["content-security-policy"].startswith("default-src 'none';")
    assert shown.headers["content-security-policy"].endswith("; sandbox")
    assert page.text.count('<img src="/static/mark.svg" alt="">') == 2
    assert "<img" not in usual.text


async def test_the_theme_is_chosen_at_the_foot_of_every_page() -> None:
    async with client_of(deps_of(load_book())) as client:
        plain = (await client.get("/docs/search", params={"q": 'a"b'})).text
        client.cookies.set("jeton_theme", "ink")
        dark = (await client.get("/docs/tokens")).text
        counted = (await client.post("/faq/count", data={"text": "x"})).text
    assert '<form method="post" action="/console/display" class="themes' in plain
    assert '<input type="hidden" name="next" value="/docs/search?q=a%22b">' in plain
    assert re.findall(r'name="theme" value="(\w*)" aria-pressed="true"', plain) == [""]
    assert '<html lang="en" data-theme="ink">' in dark
    assert re.findall(r'name="theme" value="(\w*)" aria-pressed="true"', dark) == ["ink"]
    assert '<input type="hidden" name="next" value="/docs/tokens">' in dark
    # What answers a form has no address to come back to.
    assert '<input type="hidden" name="next" value="/faq">' in counted


async def test_a_file_is_sent_compressed_and_not_again_while_it_is_the_same() -> None:
    async with client_of(deps_of(load_book())) as client:
        small = await client.get("/static/htmx.min.js", headers={"accept-encoding": "gzip"})
        plain = await client.get("/static/htmx.min.js", headers={"accept-encoding": "identity"})
        assert small.text == plain.text
        assert int(small.headers["content-length"]) < 14_000 < int(plain.headers["content-length"])
        assert small.headers["etag"] != plain.headers["etag"]
        seen = {"accept-encoding": "gzip", "if-none-match": small.headers["etag"]}
        again = await client.get("/static/htmx.min.js", headers=seen)
    assert (again.status_code, again.content) == (304, b"")


async def test_a_chosen_theme_is_kept_outside_the_console_too() -> None:
    async with client_of(deps_of(load_book())) as client:
        assert '<html lang="en">' in (await client.get("/")).text
        chosen = await client.get("/", headers={"cookie": "jeton_theme=ink"})
        assert '<html lang="en" data-theme="ink">' in chosen.text
        strange = await client.get("/", headers={"cookie": 'jeton_theme=pink"><b>'})
        assert '<html lang="en">' in strange.text
