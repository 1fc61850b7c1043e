"""Address: examples with the address of this very server in them, in pages and in their Markdown alike.

A source has the names of environment variables in the place of the address, since it does not know where it
will be served; in these words a program from anywhere runs too, with the variables set.
"""

from html import escape

_SHELL = "$ANTHROPIC_BASE_URL"
_PYTHON = "{os.environ['ANTHROPIC_BASE_URL']}"
_TYPESCRIPT = "${process.env.ANTHROPIC_BASE_URL}"
# TypeScript's before Python's, whose words are in it. The SDKs look for the variable themselves.
_CLIENTS = (
    ("new Anthropic()", 'new Anthropic({{ baseURL: "{}" }})'),
    ("Anthropic()", 'Anthropic(base_url="{}")'),
)


def fill_address(markdown: str, base_url: str) -> str:
    """A page's Markdown whose examples call ``base_url``."""
    for words in (_SHELL, _PYTHON, _TYPESCRIPT):
        markdown = markdown.replace(words, base_url)
    for words, filled in _CLIENTS:
        markdown = markdown.replace(words, filled.format(base_url))
    return markdown


def fill_address_html(html: str, base_url: str) -> str:
    """The same of a page's HTML; nothing of the address becomes markup."""
    address = escape(base_url)
    for words in (_SHELL, _PYTHON, _TYPESCRIPT):
        html = html.replace(escape(words), address)
    for words, filled in _CLIENTS:
        html = html.replace(escape(words), escape(filled).format(address))
    return html
