"""Code to choose from: a choice only where languages follow each other, and nothing in it that is obeyed."""

from jeton.site.documents import render
from jeton.site.documents.address import fill_address, fill_address_html

CHOICE = """# Page

```sh
curl "<x>"
```

```python
print("<b>")
```

Text between.

```python
print(2)
```

```python
print(3)
```
"""


def test_fences_in_several_languages_are_one_choice_and_others_stay() -> None:
    html = render("page", CHOICE).html
    assert html.count("<fieldset") == 1
    assert html.count('type="radio"') == 2
    assert html.count(" checked>") == 1
    assert html.count("<pre ") == 4
    assert ">curl</label>" in html


def test_code_is_shown_and_not_obeyed() -> None:
    html = render("page", CHOICE).html
    assert "<b>" not in html
    assert "&lt;b&gt;" in html


def test_an_attribute_of_a_fence_cannot_be_broken_out_of() -> None:
    html = render("page", '# A\n\n```x"><script>alert(1)</script>\ncode\n```\n').html
    assert "<script>" not in html


def test_examples_call_the_server_that_shows_them_and_nothing_of_an_address_is_obeyed() -> None:
    code = (
        'curl "$ANTHROPIC_BASE_URL/v1/models"\n'
        "f\"{os.environ['ANTHROPIC_BASE_URL']}/v1/models\"\n"
        "`${process.env.ANTHROPIC_BASE_URL}/v1/models`\n"
        "client = Anthropic()\n"
        "const client = new Anthropic();\n"
    )
    assert fill_address(code, "https://api.test") == (
        'curl "https://api.test/v1/models"\n'
        'f"https://api.test/v1/models"\n'
        "`https://api.test/v1/models`\n"
        'client = Anthropic(base_url="https://api.test")\n'
        'const client = new Anthropic({ baseURL: "https://api.test" });\n'
    )
    html = render("page", f"# Page\n\n```sh\n{code}```\n").html
    filled = fill_address_html(html, "https://api.test")
    assert "ANTHROPIC_BASE_URL" not in filled
    assert "Anthropic(base_url=&quot;https://api.test&quot;)" in filled
    assert "<b>" not in fill_address_html(html, "http://<b>")
