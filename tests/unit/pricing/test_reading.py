from fractions import Fraction

from jeton.pricing.positions import index_lines
from jeton.pricing.reading import Source, Table


def table(values: dict[str, object]) -> Table:
    return Table(Source("f.toml", index_lines(""), []), (), values)


def test_what_is_right_is_read_without_a_mistake() -> None:
    one = table({"price": "0.125", "factor": "1.1", "names": ["a"], "inner": {}, "many": [{}]})
    assert one.price("price") == 125_000_000
    assert one.factor("factor") == Fraction(11, 10)
    assert one.texts("names") == ("a",)
    assert one.table("inner") is not None
    assert len(one.tables("many")) == 1
    assert one.source.mistakes == []


def test_what_is_absent_and_optional_is_no_mistake() -> None:
    one = table({})
    assert one.price("price", is_required=False) is None
    assert one.factor("factor") is None
    assert one.texts("names") == ()
    assert one.table("inner") is None
    assert one.source.mistakes == []


def test_every_wrong_shape_is_a_mistake_of_its_own() -> None:
    one = table({"text": " ", "names": [1], "inner": 3, "many": [], "factor": ".5"})
    one.text("text")
    one.texts("names")
    one.table("inner")
    one.tables("many")
    one.factor("factor")
    assert [sentence for _, _, sentence in one.source.mistakes] == [
        "text must be a text in quotes that is not empty.",
        "names must be a list of texts.",
        "inner must be a table.",
        "many must be one or more tables, each under its [[...many]].",
        "factor is '.5', not a plain decimal such as \"2.50\".",
    ]
