"""Every route of the Console and of the Admin API, tried as everybody: who is let in, what nobody sees.

The routes are found in the application itself; one without a line in ``lines.py`` fails here.
"""

import re
from pathlib import Path

import httpx2
import pytest
from tests.integration.access.every_line import ADMIN, CONSOLE
from tests.integration.access.lines import Line
from tests.integration.access.scene import OPERATOR, PASSWORD_HASH, ROLES, SECRETS, STRANGER, Scene, playing

from jeton.identity.members import Role
from jeton.identity.roles.permissions import PERMISSIONS, Permission
from jeton.identity.sessions import form_token

NEW_SECRET = re.compile(r"sk-jtn-(?:api|admin)-[\w-]{43}|jtn-scim-[\w-]{43}|whsec_[\w+/=-]{20,}")
LET_IN = frozenset({200, 303, 400, 409})
TO_SIGN_IN = "/console/sign-in"
# Places where one is sent without being signed in, and yet has got what one asked for.
SIGNED_OUT = frozenset({"POST /console/sign-out", "POST /console/sessions/end", "POST /console/sign-in/mail"})
ACTORS = ("nobody", *ROLES, "operator", "stranger")


def find_email(actor: str) -> str:
    return {"operator": OPERATOR, "stranger": STRANGER}.get(actor, f"{actor}@ours.example")


def find_role(actor: str) -> Role:
    return {"operator": "auditor", "stranger": "admin"}.get(actor, actor)  # type: ignore[return-value] # the others are roles


def is_allowed(actor: str, line: Line) -> bool:
    """What the one table of permissions says of an actor."""
    match line.audience:
        case "PUBLIC":
            return True
        case "MEMBER":
            return actor != "nobody"
        case "OPERATOR":
            return actor == "operator"
        case Permission():
            return actor != "nobody" and line.audience in PERMISSIONS[find_role(actor)]
        case frozenset():
            return actor != "nobody" and bool(line.audience & PERMISSIONS[find_role(actor)])
        case _:
            raise AssertionError(line.audience)


def find_console_fault(name: str, line: Line, actor: str, answer: httpx2.Response) -> str:
    """What is wrong with an answer, "" if nothing is."""
    status, place = answer.status_code, answer.headers.get("location", "")
    is_sent_away = status == 303 and place.startswith(TO_SIGN_IN)
    if status >= 500 and "oidc" not in name:
        return "a defect"
    if line.audience == "PUBLIC":
        return ""
    if actor == "nobody":
        return "" if is_sent_away or status in {401, 403} else "lets nobody in"
    if not is_allowed(actor, line):
        return "" if status == 403 else "is not refused"
    if (is_sent_away and name not in SIGNED_OUT) or (status == 401 and "password" not in name):
        return "asks a member to sign in"
    has_object = "{" in name
    if line.is_missing and (actor != "stranger" or not has_object):
        return "" if status in {400, 404} else "does something to what is not there"
    if actor == "stranger" and has_object:
        return "" if status == 404 else "shows or changes what is not theirs"
    # The one who looks at a session is not always its person.
    is_not_own = "{session_id}" in name and actor != "admin"
    return "" if status in LET_IN or (is_not_own and status == 404) or "password" in name else "is refused"


def find_leaks(scene: Scene, line: Line, text: str, *, is_strangers: bool) -> list[str]:
    """The secrets, or what belongs to another organization, in an answer."""
    leaks = [secret for secret in (*SECRETS, PASSWORD_HASH, "$argon2") if secret in text]
    if not line.shows_secret:
        leaks += [secret for secret in scene.seen if secret in text]
        leaks += NEW_SECRET.findall(text)
    if is_strangers:
        leaks += [mark for mark in ("Ours GmbH", "ours.example") if mark in text]
    return leaks


async def ask_console(scene: Scene, name: str, line: Line, actor: str) -> httpx2.Response:
    method, path = name.split(" ", 1)
    path = await scene.fill(path)
    async with scene.client() as client:
        form = dict(line.form)
        if actor != "nobody":
            secret = await scene.sign_in(find_email(actor))
            client.cookies.set("jeton_session", secret)
            form["form_token"] = form_token(secret)
        if line.is_stream:
            cookies = {"cookie": f"jeton_session={client.cookies.get('jeton_session', '')}"}
            return httpx2.Response(await scene.find_status(path, cookies))
        return await client.request(method, path, data=form if method == "POST" else None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data directory."""
    return tmp_path / "data"


async def test_every_route_of_the_console_lets_in_whom_its_line_says(database_url: str, folder: Path) -> None:
    faults = []
    async with playing(database_url, folder) as scene:
        known = scene.list_routes(lambda route: re.match(r"/console(/|\.|$)", route.path) is not None)
        assert known - CONSOLE.keys() == set(), "routes without a line in tests/integration/access/lines.py"
        for name in sorted(known):
            line = CONSOLE[name]
            for actor in ACTORS:
                answer = await ask_console(scene, name, line, actor)
                fault = find_console_fault(name, line, actor, answer)
                if fault:
                    faults.append(f"{name} as {actor}: {answer.status_code}, {fault}")
                leaks = find_leaks(scene, line, answer.text, is_strangers=actor in {"nobody", "stranger"})
                faults += [f"{name} as {actor} shows {leak!r}" for leak in leaks]
    assert not faults, "\n".join(faults)


async def test_the_page_of_one_thing_and_its_twin_are_about_the_same_thing(
    database_url: str, folder: Path
) -> None:
    """The page's own route took the twin's address too, so that an id ended in ``.json``."""
    twins = sorted(name.removeprefix("GET ") for name in CONSOLE if re.fullmatch(r"GET .*}\.json", name))
    assert len(twins) == 12
    async with playing(database_url, folder) as scene:
        for twin in twins:
            path = await scene.fill(twin.removesuffix(".json"))
            line = CONSOLE[f"GET {twin}"]
            email = OPERATOR if line.audience == "OPERATOR" else "admin@ours.example"
            async with scene.client() as client:
                client.cookies.set("jeton_session", await scene.sign_in(email))
                page, data = await client.get(path), await client.get(f"{path}.json")
            last_id = path.rpartition("/")[2]
            kinds = (page.headers["content-type"], data.headers["content-type"])
            assert kinds == ("text/html; charset=utf-8", "application/json"), twin
            assert page.status_code == data.status_code == (404 if line.is_missing else 200), twin
            assert last_id in data.text, twin
            assert f"{last_id}.json" not in data.text, twin


async def test_no_form_of_the_console_acts_without_the_token_of_its_session(
    database_url: str, folder: Path
) -> None:
    faults = []
    async with playing(database_url, folder) as scene:
        # Whoever is let in by these is a stranger yet, whose token is of the form's own cookie.
        forms = [name for name in CONSOLE if name.startswith("POST") and name != "POST /console/display"]
        known = scene.list_routes(lambda route: route.path.startswith("/console"))
        for name in sorted(known.intersection(forms)):
            path = await scene.fill(name.removeprefix("POST "))
            for email in ("admin@ours.example", OPERATOR):
                async with scene.client() as client:
                    client.cookies.set("jeton_session", await scene.sign_in(email))
                    client.cookies.set("jeton_form", "x" * 43)
                    answer = await client.post(path, data={**CONSOLE[name].form, "form_token": "0" * 64})
                    if answer.status_code != 403:
                        faults.append(f"{name}: {answer.status_code} without the session's token")
    assert not faults, "\n".join(faults)


def find_admin_fault(name: str, line: Line, actor: str, status: int) -> str:
    wanted: set[int] = set(LET_IN)
    if actor == "nobody" or line.audience == "SCIM_TOKEN":
        wanted = {401}
    elif (line.audience == "OPERATOR_KEY") != (actor == "operator key"):
        # An operator's key is of no organization, so it finds nothing where any key is taken.
        wanted = {401, 404} if line.audience == "ANY_KEY" else {403}
    elif actor == "api key" and line.audience == "ADMIN_KEY":
        wanted = {403}
    elif line.is_missing or (actor == "stranger" and "{" in name):
        wanted = {404}
    return "" if status in wanted else f"{status}, not {' or '.join(map(str, sorted(wanted)))}"


async def test_every_route_of_the_admin_api_lets_in_whom_its_line_says(
    database_url: str, folder: Path
) -> None:
    faults = []
    async with playing(database_url, folder) as scene:
        known = scene.list_routes(
            lambda route: (
                type(route.endpoint).__module__.startswith("jeton.admin")
                # What a payment provider sends has its signature, and no key of ours.
                and not route.path.startswith("/v1/billing/webhooks/")
            )
        )
        assert known - ADMIN.keys() == set(), "routes without a line in tests/integration/access/lines.py"
        keys = {
            "nobody": "sk-jtn-admin-made-up",
            "api key": scene.ours.secret,
            "admin key": scene.ours.admin_secret,
            "stranger": scene.theirs.admin_secret,
            "operator key": SECRETS[4],
        }
        for name in sorted(known):
            line = ADMIN[name]
            for actor, key in keys.items():
                method, path = name.split(" ", 1)
                path = await scene.fill(path)
                if line.is_stream:
                    answer = httpx2.Response(await scene.find_status(path, {"x-api-key": key}))
                else:
                    async with scene.client() as client:
                        body = line.body if method == "POST" else None
                        answer = await client.request(method, path, content=body, headers={"x-api-key": key})
                fault = find_admin_fault(name, line, actor, answer.status_code)
                if fault:
                    faults.append(f"{name} as {actor}: {fault}: {answer.text[:200]}")
                leaks = find_leaks(scene, line, answer.text, is_strangers=actor in {"nobody", "stranger"})
                faults += [f"{name} as {actor} shows {leak!r}" for leak in leaks]
    assert not faults, "\n".join(faults)


def test_a_role_has_what_the_table_says_and_nothing_else() -> None:
    """So that a change of the table is a change of this line too."""
    assert PERMISSIONS["admin"] == frozenset(Permission)
    assert Permission.MANAGE_KEYS not in PERMISSIONS["auditor"] | PERMISSIONS["billing"]
    assert not {one for one in PERMISSIONS["auditor"] if one.name.startswith("MANAGE")}
