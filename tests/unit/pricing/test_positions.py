from jeton.pricing.positions import find_line, index_lines

SOURCE = """\
# a comment
[models.a] # another
name = "A"  # not = a key
"quoted.key" = 1

[[models.a.versions]]
from_on = 2026-01-01
inline = { x = "1", y = "2" }

[[models.a.versions.bands]]
[[models.a.versions.bands]]
x.y = 3
[[models.a.versions]]
[[models.a.versions.bands]]
z = 1
"""
LINES = index_lines(SOURCE)


def test_tables_and_keys_are_found_by_path() -> None:
    assert LINES["models", "a"] == 2
    assert LINES["models", "a", "name"] == 3
    assert LINES["models", "a", "quoted.key"] == 4
    assert LINES["models", "a", "versions", 0] == 6
    assert LINES["models", "a", "versions", 0, "from_on"] == 7


def test_places_in_arrays_are_counted_for_each_table_around_them() -> None:
    assert LINES["models", "a", "versions", 0, "bands", 0] == 10
    assert LINES["models", "a", "versions", 0, "bands", 1] == 11
    assert LINES["models", "a", "versions", 0, "bands", 1, "x", "y"] == 12
    assert LINES["models", "a", "versions", 1] == 13
    assert LINES["models", "a", "versions", 1, "bands", 0, "z"] == 15


def test_an_array_itself_is_where_it_begins() -> None:
    assert LINES["models", "a", "versions"] == 6


def test_what_has_no_line_of_its_own_is_where_its_surrounding_is() -> None:
    assert find_line(LINES, ("models", "a", "versions", 0, "inline", "y")) == 8
    assert find_line(LINES, ("models", "a", "absent")) == 2
    assert find_line(LINES, ("absent",)) == 1
