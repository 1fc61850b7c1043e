"""Tidy: our private linter, for the habits that no public one knows.

A rule is a function from a file's path and text to its findings (`line: what is wrong`), and its
docstring says why it exists. The tree must have no findings; each rule must find something in the
bad sample beside it, so that no rule can fall silent. Add a rule after an incident, and tell it.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "jeton"

BODY_LINES_MAX = 60
FILE_LINES_MAX = 400
ARGUMENTS_MAX = 6
POSITIONAL_MAX = 2
FOLDER_FILES_MAX = 12

Finding = tuple[int, str]
Rule = Callable[[Path, str], Iterator[Finding]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def parse(text: str) -> ast.Module:
    """The tree of a file, made once for all rules."""
    return ast.parse(text)


def functions(text: str) -> Iterator[Function]:
    for node in ast.walk(parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def is_command(function: Function) -> bool:
    """A Typer command: its arguments are the options of a command line."""
    calls = [d.func for d in function.decorator_list if isinstance(d, ast.Call)]
    return any(isinstance(c, ast.Attribute) and c.attr in {"command", "callback"} for c in calls)


def short_functions(_path: Path, text: str) -> Iterator[Finding]:
    """What does not fit a screen is not read. Medians hide it: LiteLLM's median function has 9 lines."""
    for function in functions(text):
        end = function.end_lineno or function.lineno
        lines = end - function.body[0].lineno + 1
        if lines > BODY_LINES_MAX:
            yield function.lineno, f"{function.name} has {lines} lines, more than {BODY_LINES_MAX}"


def short_files(_path: Path, text: str) -> Iterator[Finding]:
    """A file that passes 400 lines is two ideas."""
    lines = text.count("\n")
    if lines > FILE_LINES_MAX:
        yield lines, f"the file has {lines} lines, more than {FILE_LINES_MAX}"


def few_arguments(_path: Path, text: str) -> Iterator[Finding]:
    """More than six arguments are a value that has no name yet."""
    for function in functions(text):
        spec = function.args
        every = [a.arg for a in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]
        count = len([name for name in every if name not in {"self", "cls"}])
        if count > ARGUMENTS_MAX and not is_command(function):
            yield function.lineno, f"{function.name} has {count} arguments, more than {ARGUMENTS_MAX}"


def constants_once(_path: Path, text: str) -> Iterator[Finding]:
    """The later one wins without a word: holds once waited 4.5 s for company, not the 2 ms above."""
    seen = set()
    for node in parse(text).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets:
            if isinstance(target, ast.Name) and not isinstance(node, ast.AugAssign):
                if target.id in seen:
                    yield node.lineno, f"{target.id} is defined twice"
                seen.add(target.id)


def module_docstring(_path: Path, text: str) -> Iterator[Finding]:
    """Every module opens with what it owns, so that one knows where a thing belongs."""
    if not ast.get_docstring(parse(text)):
        yield 1, "the module does not say what it owns"


FLOATLESS = ("money", "usage", "pricing", "ledger", "charging", "billing")


def no_float(path: Path, text: str) -> Iterator[Finding]:
    """A float cannot hold a dime. One-api bills by float ratios and is off by a token in thousands."""
    if not any(part.removesuffix(".py") in FLOATLESS for part in path.parts):
        return
    for node in ast.walk(parse(text)):
        if isinstance(node, ast.Name) and node.id == "float":
            yield node.lineno, "the name float"
        elif isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno, f"the float {node.value}"


SHAPELESS = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "misc"}


def named_modules(path: Path, _text: str) -> Iterator[Finding]:
    """A module is a noun of the domain; these names invite everything and explain nothing."""
    for part in path.parts:
        if part.removesuffix(".py") in SHAPELESS:
            yield 1, f"{part} does not say what it is"


EXCUSE = re.compile(r"#\s*(noqa\b|type:\s*ignore\b|pragma: no cover)(?P<rest>.*)")
CODES = re.compile(r"\s*(:\s*[A-Z]+\d+(\s*,\s*[A-Z]+\d+)*|\[[a-z][a-z, -]*\])")
WORDS_OF_A_REASON = 2


def reasoned_excuses(_path: Path, text: str) -> Iterator[Finding]:
    """An exception without its rule hides other faults, one without its reason cannot be removed."""
    if not EXCUSE.search(text):
        return
    comments = {
        token.start[0]: token.string
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    }
    for number, comment in comments.items():
        found = EXCUSE.search(comment)
        if not found:
            continue
        named = CODES.match(found["rest"])
        reason = found["rest"][named.end() :] if named else ""
        reason += comments.get(number - 1, "")
        if not named or len(re.findall(r"[A-Za-z]{2,}", reason)) < WORDS_OF_A_REASON:
            yield number, "an exception from a rule names the rule and a reason"


def one_reader_of_the_environment(path: Path, text: str) -> Iterator[Finding]:
    """A setting that is read in two places has two defaults; lower layers are given values."""
    if path.name == "settings.py" or "settings" in path.parts:
        return
    for node in ast.walk(parse(text)):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name in {"environ", "getenv"}:
            yield getattr(node, "lineno", 1), "only settings reads the environment"


# Signatures that somebody else laid down.
GIVEN_SIGNATURES = (["scope", "receive", "send"],)


def by_position(function: Function) -> list[ast.arg]:
    """What may be given by position, without ``self``, ``cls`` and a leading ``connection``."""
    spec = function.args
    named = [a for a in (*spec.posonlyargs, *spec.args) if a.arg not in {"self", "cls"}]
    return named[1:] if named and named[0].arg == "connection" else named


def keywords_after_two(_path: Path, text: str) -> Iterator[Finding]:
    """Two amounts in a row get swapped, so a public function takes at most two arguments by position.

    A third may follow where no two have the same type: mypy then sees a swap. A ``connection`` in front
    says where, not what; ASGI and the language lay down some signatures; a private or nested function
    has its callers in sight.
    """
    for owner in ast.walk(parse(text)):
        if not isinstance(owner, ast.Module | ast.ClassDef):
            continue
        for function in owner.body:
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            given = by_position(function)
            is_private = function.name.startswith("_") and function.name not in {"__init__", "__call__"}
            if is_private or len(given) <= POSITIONAL_MAX or [a.arg for a in given] in GIVEN_SIGNATURES:
                continue
            types = {ast.unparse(a.annotation) if a.annotation else "" for a in given}
            if len(given) > POSITIONAL_MAX + 1 or len(types) < len(given):
                names = ", ".join(a.arg for a in given)
                yield function.lineno, f"{function.name} takes {names} by position"


# The "never" column of the house's words. A stored code is chosen as if for ever.
NEVER = {
    "owner": "operator", "superuser": "operator",
    "tenant": "organization", "team": "organization", "customer": "organization",
    "consumption": "usage", "completion": "output",
    "ratio": "price or factor", "tiered": "graduated, volume or package",
    "fee": "charge", "promo": "promotion", "calculate": "rate",
    "debit": "posting", "preconsume": "hold", "capture": "settle",
    "wallet": "lot", "recharge": "top_up", "bonus": "grant", "bill": "invoice",
}  # fmt: skip


def forbidden_words(code: str) -> Iterator[str]:
    for word in re.split(r"[^a-z]+", code.lower().replace("pre_consume", "preconsume")):
        if word in NEVER:
            yield f"{code!r}: say {NEVER[word]}, never {word}"


def is_enum(node: ast.ClassDef) -> bool:
    bases = {b.attr if isinstance(b, ast.Attribute) else b.id for b in node.bases
             if isinstance(b, ast.Attribute | ast.Name)}  # fmt: skip
    return bool(bases & {"Enum", "StrEnum", "IntEnum"})


def codes(text: str) -> Iterator[tuple[int, str]]:
    """Enum values, error codes and the strings of a ``Literal``: what gets stored and published."""
    for node in ast.walk(parse(text)):
        strings: list[ast.expr] = []
        if isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.Assign):
                    names = {t.id for t in item.targets if isinstance(t, ast.Name)}
                    strings += [item.value] if is_enum(node) or "code" in names else []
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("Literal"):
            strings += node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for string in strings:
            if isinstance(string, ast.Constant) and isinstance(string.value, str):
                yield string.lineno, string.value


def house_words(_path: Path, text: str) -> Iterator[Finding]:
    """One word per thing: a code is read for years by people who never saw this file."""
    for number, code in codes(text):
        for finding in forbidden_words(code):
            yield number, finding


def without_comments(sql: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(sql.splitlines(), 1):
        yield number, line.partition("--")[0]


def house_words_in_sql(_path: Path, sql: str) -> Iterator[Finding]:
    """Tables, columns and CHECK lists outlive the code that wrote them."""
    for number, line in without_comments(sql):
        for name in re.findall(r"[A-Za-z_]+", line):
            for finding in forbidden_words(name):
                yield number, finding


def plural_tables(_path: Path, sql: str) -> Iterator[Finding]:
    """A table holds many: plural tables, singular columns, so that a join reads as a sentence."""
    for number, line in without_comments(sql):
        for name in re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)", line):
            if not name.endswith("s"):
                yield number, f"the table {name} is not plural"


def sample_id(value: object) -> str:
    return str(getattr(value, "__name__", ""))


PYTHON_EVERYWHERE: tuple[Rule, ...] = (short_functions, short_files, named_modules, reasoned_excuses)
PYTHON_OF_THE_PACKAGE: tuple[Rule, ...] = (
    few_arguments,
    house_words,
    keywords_after_two,
    constants_once,
    module_docstring,
    no_float,
    one_reader_of_the_environment,
)
SQL: tuple[Rule, ...] = (house_words_in_sql, plural_tables)


def findings(rule: Rule, files: list[Path]) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{line}: {what}"
        for file in files
        for line, what in rule(file.relative_to(ROOT), file.read_text("utf-8"))
    ]


def python_files(*folders: Path) -> list[Path]:
    files = sorted(file for folder in folders for file in folder.rglob("*.py"))
    assert files
    return files


@pytest.mark.parametrize("rule", PYTHON_EVERYWHERE, ids=sample_id)
def test_every_python_file_follows(rule: Rule) -> None:
    found = findings(rule, python_files(PACKAGE, ROOT / "tests", ROOT / "bench"))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("rule", PYTHON_OF_THE_PACKAGE, ids=sample_id)
def test_the_package_follows(rule: Rule) -> None:
    found = findings(rule, python_files(PACKAGE))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("rule", SQL, ids=sample_id)
def test_the_migrations_follow(rule: Rule) -> None:
    files = sorted(PACKAGE.rglob("*.sql"))
    assert files
    found = findings(rule, files)
    assert not found, "\n".join(found)


def test_no_folder_has_more_than_twelve_modules() -> None:
    """A folder that passes 12 files is two ideas."""
    folders = {file.parent for file in python_files(PACKAGE, ROOT / "tests")}
    crowded = {str(f.relative_to(ROOT)): len(list(f.glob("*.py"))) for f in sorted(folders)}
    assert {name: count for name, count in crowded.items() if count > FOLDER_FILES_MAX} == {}


MONEY = Path("src/jeton/money.py")
ANY = Path("src/jeton/site/pages.py")
BAD: list[tuple[Rule, Path, str]] = [
    (short_functions, ANY, "def long():\n" + "    x = 1\n" * 61),
    (short_functions, ANY, "class A:\n    async def long(self):\n" + "        x = 1\n" * 61),
    (short_files, ANY, "x = 1\n" * 401),
    (few_arguments, ANY, "def f(a, b, *, c, d, e, f, g): ..."),
    (keywords_after_two, ANY, "def move(giver, taker, amount_nano): ..."),
    (keywords_after_two, ANY, "def move(giver: Lot, taker: Lot, amount_nano: int): ..."),
    (keywords_after_two, ANY, "def f(a: int, b: str, c: bytes, d: Lot): ..."),
    (keywords_after_two, ANY, "class A:\n    def move(self, giver, taker, amount_nano): ..."),
    (constants_once, ANY, "WAIT_S = 1\nOTHER_S = 2\nWAIT_S: int = 3"),
    (module_docstring, ANY, "x = 1"),
    (no_float, MONEY, "def f(amount: float): ..."),
    (no_float, MONEY, "x = 0.1"),
    (no_float, Path("src/jeton/pricing/rating.py"), "x = float(y)"),
    (named_modules, Path("src/jeton/utils.py"), ""),
    (named_modules, Path("src/jeton/common/money.py"), ""),
    (reasoned_excuses, ANY, "x = 1  # noqa"),
    (reasoned_excuses, ANY, "x = 1  # noqa: E501"),
    (reasoned_excuses, ANY, "x = 1  # type: ignore"),
    (reasoned_excuses, ANY, "x = 1  # type: ignore[arg-type]"),
    (one_reader_of_the_environment, ANY, "import os\nx = os.environ['HOME']"),
    (one_reader_of_the_environment, ANY, "from os import getenv\nx = getenv('HOME')"),
    (house_words, ANY, "class Kind(StrEnum):\n    A = 'wallet'"),
    (house_words, ANY, "class AnError(JetonError):\n    code = 'no_such_customer'"),
    (house_words, ANY, "Role = Literal['admin', 'owner']"),
    (house_words_in_sql, ANY, "kind text CHECK (kind IN ('free', 'bonus'))"),
    (house_words_in_sql, ANY, "CREATE TABLE tenants (tenant_id text)"),
    (plural_tables, ANY, "CREATE TABLE lot (lot_id text)"),
]
GOOD: list[tuple[Rule, Path, str]] = [
    (short_functions, ANY, "def f():\n" + "    x = 1\n" * 60),
    (few_arguments, ANY, "@cli.command()\ndef f(*, a, b, c, d, e, f, g): ..."),
    (keywords_after_two, ANY, "def post(connection, giver, taker, *, amount_nano): ..."),
    (keywords_after_two, ANY, "def rate(usage: Usage, version: PriceVersion, conditions: Conditions): ..."),
    (keywords_after_two, ANY, "def _post(giver, taker, amount_nano): ..."),
    (no_float, ANY, "x = 0.1"),
    (no_float, MONEY, "'float'"),
    (reasoned_excuses, ANY, "x = 1  # noqa: S608 - the table's name is a constant"),
    (reasoned_excuses, ANY, "x = 1  # type: ignore[arg-type]  # the stub is of an older version"),
    (house_words, ANY, "class Account(StrEnum):\n    BREAKAGE = 'breakage'"),
    (house_words_in_sql, ANY, "role IN ('billing') -- never the owner"),
]


@pytest.mark.parametrize(("rule", "path", "text"), BAD, ids=sample_id)
def test_rule_finds_the_fault(rule: Rule, path: Path, text: str) -> None:
    assert list(rule(path, text))


@pytest.mark.parametrize(("rule", "path", "text"), GOOD, ids=sample_id)
def test_rule_lets_pass(rule: Rule, path: Path, text: str) -> None:
    assert list(rule(path, text)) == []


def test_every_rule_has_a_bad_sample() -> None:
    assert {rule for rule, _, _ in BAD} == {*PYTHON_EVERYWHERE, *PYTHON_OF_THE_PACKAGE, *SQL}
