"""Docs are part of a change: whatever somebody may set, call, ask or be told is written down.

What exists is taken from the code itself (settings, commands, error classes, routes); what is
documented is the README and the pages of the site as their readers see them.
"""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import typer

import jeton
from jeton.cli import COMMANDS, assemble
from jeton.errors import JetonError
from jeton.settings import Declaration, list_declarations
from jeton.site.faq.counting import TEXT_CHARS_MAX
from jeton.site.faq.page import COUNT_PACE

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "jeton"
CONTENT = PACKAGE / "site" / "content"
EDGES = ("gateway", "admin", "console", "site")

# What pages load for themselves.
ASSETS = ("/static/{name}", "/favicon.ico")

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)[^)]*\)|!\[[^\]]*\]\(([^)\s]+)[^)]*\)")


def pages() -> list[Path]:
    found = [ROOT / "README.md", *sorted(CONTENT.glob("**/*.md"))]
    assert len(found) > 1
    return [page for page in found if page.exists()]


def documentation() -> str:
    return "\n".join(page.read_text("utf-8") for page in pages())


def undocumented_settings(text: str, declarations: tuple[Declaration, ...]) -> list[str]:
    """By its environment variable, which is also how a setting is searched for."""
    return [d.env for d in declarations if not re.search(rf"\b{d.env}\b", text)]


def commands() -> Iterator[str]:
    def walk(command: object, words: str) -> Iterator[str]:
        below = getattr(command, "commands", None)
        if not below:
            yield words
            return
        for name, child in below.items():
            yield from walk(child, f"{words} {name}")

    yield from walk(typer.main.get_command(assemble(COMMANDS)), "jeton")


def undocumented_commands(text: str, names: list[str]) -> list[str]:
    """As typed: ``jeton ledger verify``, or ``./run ledger verify`` from a clone."""
    typed = [(name, name.removeprefix("jeton ")) for name in names]
    return [name for name, rest in typed if not re.search(rf"(\bjeton|\./run) {rest}\b", text)]


def error_codes() -> dict[str, str]:
    for module in pkgutil.walk_packages(jeton.__path__, "jeton."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    todo, codes = [JetonError], dict[str, str]()
    while todo:
        error = todo.pop()
        codes.setdefault(error.code, error.__name__)
        todo += error.__subclasses__()
    return codes


def undocumented_codes(text: str, codes: dict[str, str]) -> list[str]:
    return [f"{code} ({name})" for code, name in sorted(codes.items()) if f"`{code}`" not in text]


def routes() -> list[str]:
    """Every path given to a Starlette ``Route`` or ``Mount``, as it stands in the source."""
    files = [PACKAGE / "app.py", *(file for edge in EDGES for file in (PACKAGE / edge).rglob("*.py"))]
    return sorted({path for file in files if file.exists() for path in routes_in(file.read_text("utf-8"))})


def routes_in(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        first, name = node.args[0], ast.unparse(node.func).rpartition(".")[2]
        if not isinstance(first, ast.Constant) or not isinstance(first.value, str) or is_form(node):
            continue
        if name in {"Route", "Mount", "WebSocketRoute"}:
            yield first.value
        elif name == "pages_at":
            yield from (first.value, f"{first.value}.json")


def is_form(call: ast.Call) -> bool:
    """Where a form of our own page is sent: the page is documented, and nobody else calls it."""
    methods = [ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg == "methods"]
    return methods == ["['POST']"] and ast.unparse(call.args[0]).startswith("'/console")


def undocumented_routes(text: str, paths: list[str]) -> list[str]:
    """A parameter may have another name in the docs, or be an example."""
    missing = []
    for path in paths:
        parts = re.split(r"\{[^}]*\}", path)
        pattern = r"[^\s/`\"')]+".join(re.escape(part) for part in parts)
        if not re.search(rf"(?<![\w}}]){pattern}(?![\w/{{-])", text):
            missing.append(path)
    return missing


def dead_links(page: Path, text: str, paths: list[str]) -> list[str]:
    """Links to files that are not there, and to places of the site that it does not have."""
    dead = []
    for match in LINK.finditer(FENCE.sub("", text)):
        target = unquote(match[1] or match[2])
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        if path.startswith("/"):
            if not is_served(path, paths) or (anchor and anchor not in anchors_at(path)):
                dead.append(target)
            continue
        place = page.parent / path if path else page
        is_page = place.suffix == ".md"
        if not place.exists() or (anchor and is_page and anchor not in anchors(place.read_text("utf-8"))):
            dead.append(target)
    return dead


def anchors_at(path: str) -> set[str]:
    """The anchors of a page of the site, by its address: of a document, or of a template."""
    slug = path.rpartition("/")[2]
    document, template = CONTENT / f"{slug}.md", CONTENT.parent / "templates" / f"{slug}.html"
    if document.exists():
        return anchors(document.read_text("utf-8"))
    return set(re.findall(r'\bid="([^"{]+)"', template.read_text("utf-8"))) if template.exists() else set()


def is_served(path: str, paths: list[str]) -> bool:
    """A page of the site by its name, or a route that fits."""
    slug = path.rstrip("/").rpartition("/")[2]
    if (CONTENT / f"{slug}.md").exists():
        return True
    routes_but_pages = [route for route in paths if "{slug" not in route]
    patterns = [re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(route)) for route in routes_but_pages]
    return any(re.fullmatch(pattern, path.rstrip("/") or "/") for pattern in patterns)


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+\s+(.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_setting_is_documented() -> None:
    missing = undocumented_settings(documentation(), list_declarations())
    assert not missing, "\n".join(missing)


def test_every_command_is_documented() -> None:
    missing = undocumented_commands(documentation(), list(commands()))
    assert not missing, "\n".join(missing)


def test_every_error_code_is_documented() -> None:
    missing = undocumented_codes(documentation(), error_codes())
    assert not missing, "\n".join(missing)


def test_every_route_is_documented() -> None:
    missing = undocumented_routes(documentation(), [path for path in routes() if path not in ASSETS])
    assert not missing, "\n".join(missing)


def test_no_link_is_dead() -> None:
    texts = [*pages(), *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *PACKAGE.rglob("README.md")]
    paths = routes()
    dead = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in texts
        for link in dead_links(page, page.read_text("utf-8"), paths)
    ]
    assert not dead, "\n".join(dead)


def test_every_anchor_that_a_template_links_to_is_there() -> None:
    """Every figure of the Console has its definition, every hint of a page the section that it names."""
    templates = [*(PACKAGE / "console" / "templates").rglob("*.html"), *CONTENT.parent.rglob("*.html")]
    link = re.compile(r'href="(/(?:docs/[a-z-]+|faq|pricing))#([^"{]+)"')
    wanted = {found for file in templates for found in link.findall(file.read_text("utf-8"))}
    assert len(wanted) > 5
    missing = [f"{path}#{anchor}" for path, anchor in sorted(wanted) if anchor not in anchors_at(path)]
    assert not missing, "\n".join(missing)


def test_the_public_pages_limits_are_those_of_the_code() -> None:
    """20,000 characters, 30 times a minute."""
    text = (CONTENT / "public-pages.md").read_text("utf-8")
    assert f"at most {TEXT_CHARS_MAX:,} characters" in text
    assert f"may ask {COUNT_PACE.by_address_max} times a minute" in text
    assert COUNT_PACE.window_s == 60


def test_an_undocumented_setting_is_found() -> None:
    [first, second, *_] = list_declarations()
    text = f"| `{first.env}` | and | `{second.env}_TOO` |"
    assert undocumented_settings(text, (first, second)) == [second.env]


def test_an_undocumented_command_is_found() -> None:
    names = ["jeton quote", "jeton ledger verify", "jeton ledger export"]
    text = "`./run quote --batch`, `jeton ledger verify`"
    assert undocumented_commands(text, names) == ["jeton ledger export"]


def test_an_undocumented_code_is_found() -> None:
    assert undocumented_codes("`a` and b", {"a": "A", "b": "B"}) == ["b (B)"]


def test_an_undocumented_route_is_found() -> None:
    form = 'Route("/console/keys", f, methods=["POST"])'
    assert list(routes_in(form)) == []
    source = 'x = [Route("/v1/models", f), Route("/v1/models/{model_id}", f), Mount("/static", g)]'
    paths = list(routes_in(source))
    assert paths == ["/v1/models", "/v1/models/{model_id}", "/static"]
    assert undocumented_routes("GET `/v1/models/{id}`", paths) == ["/v1/models", "/static"]
    assert undocumented_routes("`/v1/models`, `/v1/models/claude-5`, `/static/…`", paths) == ["/static"]


def test_a_dead_link_is_found() -> None:
    text = "[a](CONTRIBUTING.md) [b](nowhere.md) [c](/healthz) [d](/nowhere) [e](https://example.com) [f](#g)"
    assert dead_links(ROOT / "CONTRIBUTING.md", text, ["/healthz"]) == ["nowhere.md", "/nowhere", "#g"]
    assert dead_links(ROOT / "CONTRIBUTING.md", "[a](CHANGES.md#changes)", []) == []
