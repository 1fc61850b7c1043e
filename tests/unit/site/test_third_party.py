import hashlib
import re
from importlib import resources

STATIC = resources.files("jeton.site").joinpath("static")
ROW = re.compile(r"\| `(?P<file>[^`]+)` \|.*, `(?P<licence>[^`]+)` \|.*`(?P<digest>[0-9a-f]{64})` \|")


def test_what_others_wrote_is_what_the_notice_says_with_its_licence_beside_it() -> None:
    rows = list(ROW.finditer(STATIC.joinpath("THIRD_PARTY.md").read_text("utf-8")))
    assert {row["file"] for row in rows} >= {"htmx.min.js"}
    for row in rows:
        content = STATIC.joinpath(row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["digest"], row["file"]
        assert len(STATIC.joinpath(row["licence"]).read_text("utf-8")) > 500


def test_no_minified_file_is_missing_from_the_notice() -> None:
    notice = STATIC.joinpath("THIRD_PARTY.md").read_text("utf-8")
    minified = [file.name for file in STATIC.iterdir() if ".min." in file.name]
    assert minified
    assert [name for name in minified if f"`{name}`" not in notice] == []
