"""Tabs: pieces of code that say the same in several languages, one behind the other, to choose from.

Fences that follow each other directly, each in another of LANGUAGES, are one choice. It works without
a script: each tab is a radio button, and the style sheet shows the piece whose button is on.
"""

from collections.abc import Iterator, Sequence
from html import escape

from markdown_it.token import Token

LANGUAGES = {"sh": "curl", "python": "Python", "typescript": "TypeScript"}
# Where a reader who is signed in is told which of their keys an example is meant for.
API_KEY_PLACE = "<!-- own API key -->"
ADMIN_KEY_PLACE = "<!-- own admin key -->"
_ADMIN_KEY = "JETON_ADMIN_KEY"


def group_fences(tokens: Sequence[Token]) -> list[Token]:
    """The tokens, with each choice put into one piece of HTML."""
    grouped: list[Token] = []
    for group in list_groups(tokens):
        if len(group) == 1:
            grouped += group
            continue
        number = 1 + sum(token.type == "tabs" for token in grouped)
        choice = Token("tabs", "", 0, block=True)
        choice.content = render_tabs(group, number)
        grouped.append(choice)
    return grouped


def render_tabs(fences: Sequence[Token], number: int) -> str:
    """One choice as HTML; ``number`` tells it from the others of its page."""
    name = f"code-{number}"
    is_admins = any(_ADMIN_KEY in fence.content for fence in fences)
    key_place = ADMIN_KEY_PLACE if is_admins else API_KEY_PLACE
    buttons, pieces = [], []
    for place, fence in enumerate(fences):
        language = fence.info.strip()
        checked = "" if place else " checked"
        buttons.append(
            f'<input type="radio" name="{name}" id="{name}-{language}" value="{language}"{checked}>'
            f'<label for="{name}-{language}">{LANGUAGES[language]}</label>'
        )
        pieces.append(render_code(fence.content, language))
    return (
        f'<fieldset class="tabs"><legend class="visually-hidden">Language</legend>'
        f"{''.join(buttons)}{''.join(pieces)}</fieldset>\n{key_place}\n"
    )


def render_code(content: str, language: str) -> str:
    """A piece of code as HTML, which can be scrolled with the keyboard."""
    # As people write it: neither Typescript nor Json.
    label = f"Code in {LANGUAGES.get(language, language)}" if language else "Code"
    kind = f' class="language-{escape(language)}"' if language else ""
    box = f'<pre tabindex="0" role="region" aria-label="{escape(label)}">'
    return f"{box}<code{kind}>{escape(content)}</code></pre>"


def list_groups(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens in pieces: each choice by itself, and every other token alone."""
    group: list[Token] = []
    for token in tokens:
        language = token.info.strip() if token.type == "fence" else ""
        if language in LANGUAGES and language not in {fence.info.strip() for fence in group}:
            group.append(token)
            continue
        if group:
            yield group
        group = []
        if language in LANGUAGES:
            group = [token]
        else:
            yield [token]
    if group:
        yield group
