"""Documents: titles, anchors as GitHub makes them, links that work here, and nothing raw."""

from jeton.site.documents import Documents, render

SOURCE = """# A title with `code`

First words,
on two lines.

## What's this? (really)

See [receipts](receipts.md#states), [the Console](/console) and [elsewhere](https://example.com/a.md).

| a | b |
|---|---|
| 1 | <script>alert(1)</script> |
"""


def test_a_document_has_title_summary_and_sections() -> None:
    document = render("page", SOURCE)
    assert document.title == "A title with code"
    assert document.summary == "First words, on two lines."
    assert [(heading.level, heading.anchor) for heading in document.headings] == [(2, "whats-this-really")]
    assert '<h2 id="whats-this-really">' in document.html


def test_a_summary_does_not_announce_what_is_not_shown_with_it() -> None:
    assert render("page", "# A\n\nIt works as it is:\n\n- so.\n").summary == "It works as it is."


def test_links_between_pages_become_addresses_and_others_stay() -> None:
    html = render("page", SOURCE).html
    assert 'href="/docs/receipts#states"' in html
    assert 'href="/console"' in html
    assert 'href="https://example.com/a.md"' in html


def test_raw_html_is_shown_and_not_obeyed() -> None:
    html = render("page", SOURCE).html
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_table_scrolls_by_itself() -> None:
    html = render("page", SOURCE).html
    assert (
        html.index('<div class="scroll"')
        < html.index("<table>")
        < html.index("</table>")
        < html.index("</div>")
    )


def test_the_packaged_pages_are_all_there_quickstart_first() -> None:
    documents = Documents()
    slugs = [document.slug for document in documents.list()]
    assert slugs[0] == "quickstart"
    assert {"receipts", "console", "admin-api"} <= set(slugs)
    assert documents.find("nope") is None
