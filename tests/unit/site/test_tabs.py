"""Code to choose from: a choice only where languages follow each other, and nothing in it that is obeyed."""

from jeton.site.documents import render

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
