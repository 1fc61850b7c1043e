"""Mail domains: to whom a trial counts."""

import pytest

from jeton.charging.credits.mail_domains import find_subject

SUBJECTS = {
    "a domain of one's own counts as a whole": ("ada@example.com", "example.com"),
    "in whatever spelling": (" Ada+trial@Mail.EXAMPLE.com. ", "example.com"),
    "a country that sells the third level": ("ada@a.b.example.co.uk", "example.co.uk"),
    "a country that sells the second": ("ada@www.example.de", "example.de"),
    "a short domain is not taken for a suffix": ("ada@co.uk", "co.uk"),
    "letters beyond ASCII": ("ada@bücher.example", "xn--bcher-kva.example"),
    "on a public domain the address counts": ("ada@outlook.com", "ada@outlook.com"),
    "without what its holder may add": ("ada+7@outlook.com", "ada@outlook.com"),
    "and without dots where they mean nothing": ("a.d.a+7@googlemail.com", "ada@gmail.com"),
    "a further public domain": ("ada@isp.example", "ada@isp.example"),
}


@pytest.mark.parametrize(("email", "subject"), SUBJECTS.values(), ids=SUBJECTS)
def test_a_trial_counts_to(email: str, subject: str) -> None:
    """One subject for every way of writing it."""
    assert find_subject(email, frozenset({"isp.example"})) == subject
