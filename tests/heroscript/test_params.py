"""Params: a mapping that is never changed, with typed getters that say what they accept."""

from __future__ import annotations

import pytest

from hero_kernel.errors import BadNameError, ParamError
from hero_kernel.heroscript import Action, Kind, Params, index, parse
from hero_kernel.times import OurTime

GOOD = [
    ("get", "a b", "a b"),
    ("get_int", "1_000", 1000),
    ("get_int", "-2147483648", -(2**31)),
    ("get_i64", str(-(2**63)), -(2**63)),
    ("get_u8", "255", 255),
    ("get_u32", "4294967295", 2**32 - 1),
    ("get_u64", "18446744073709551615", 2**64 - 1),
    ("get_float", ".5", 0.5),
    ("get_float", "150%", 1.5),
    ("get_percentage", "19", 0.19),
    ("get_bool", "ON", True),
    ("get_bool", "no", False),
    ("get_default_true", "on", False),
    ("get_default_true", "", True),
    ("get_default_false", "off", True),
    ("get_default_false", "N", False),
    ("get_list", "['a b', \"c, d\" , e ,, f]", ["a b", "c, d", "e", "f"]),
    ("get_list", "it's,b", ["it's", "b"]),
    ("get_list", "'open, b", ["open", "b"]),
    ("get_list_namefix", "A b,C-d", ["a_b", "c_d"]),
    ("get_list_int", "1, -2", [1, -2]),
    ("get_list_u16", "65535", [65535]),
    ("get_list_f64", "1,2.5", [1.0, 2.5]),
    ("get_list_bool", "true,t,yes", [True, True, False]),
    ("get_storagecapacity_in_bytes", "2GB", 2 * 2**30),
    ("get_storagecapacity_in_gigabytes", "10KB", 1),
    ("get_storagecapacity_in_gigabytes", "10", 10),
    ("get_email", " A@B.c ", "a@b.c"),
    ("get_emails", "[A@b.c, D@e.F]", ["a@b.c", "d@e.f"]),
    ("get_telnr", "+32 475-12 34 56", "32 47512 34 56"),
    ("get_telnrs", "+32475,+33-1", ["32475", "331"]),
    ("get_currencyfloat", "1,000.5 eur", 1000.5),
]


@pytest.mark.parametrize(("getter", "text", "value"), GOOD)
def test_a_value_is_read(getter: str, text: str, value: object) -> None:
    assert getattr(Params({"k": text}), getter)("K") == value


BAD = [
    ("get_int", "2147483648", "it takes a whole number from -2147483648 to 2147483647"),
    ("get_int", "1.0", "it takes a whole number"),
    ("get_int", "\uff11", "it takes a whole number"),
    ("get_u8", "+5", "it takes a whole number from 0 to 255"),
    ("get_u64", "9" * 5000, "it takes a whole number"),
    ("get_float", "nan", "it takes a number"),
    ("get_float", "1e999", "it takes a number that a float can hold"),
    ("get_percentage", "150%", "it takes a percentage from 0% to 100%"),
    ("get_bool", "maybe", "it takes true, false, yes, no, on, off, 1 or 0"),
    ("get_list_int", "1,x", "it takes a whole number"),
    ("get_storagecapacity_in_bytes", "3TB", "it takes a size such as 500, 10KB"),
    ("get_time", "yesterday", "write YYYY-MM-DD"),
    ("get_time_interval", "2022-01-01", "it takes two times: begin, end"),
    ("get_currencyamount", "10XXX", "XXX is no currency we know"),
]


@pytest.mark.parametrize(("getter", "text", "message"), BAD)
def test_a_bad_value_is_refused_at_its_place(getter: str, text: str, message: str) -> None:
    (action,) = parse(f"!!a.b\n  k:'{text}'", name="t")
    with pytest.raises(ParamError) as caught:
        getattr(action.params, getter)("k")
    assert str(caught.value).startswith("t:2:5: parameter k is ")
    assert message in str(caught.value)
    assert len(caught.value.message) < 70


def test_a_missing_parameter_names_the_near_miss() -> None:
    (action,) = parse("text\n  !!git.clone brnch:x", name="t")
    with pytest.raises(ParamError) as caught:
        action.params.get_int("branch")
    assert str(caught.value) == "t:2:3: parameter branch is missing; did you mean brnch?"
    with pytest.raises(KeyError):
        _ = action.params["branch"]
    with pytest.raises(ValueError, match="missing"):
        action.params.get("branch")


def test_defaults_only_stand_in_for_what_is_missing() -> None:
    params = Params({"n": "x", "t": ""})
    now = OurTime(1_700_000_000)
    assert params.get("none", None) is None
    assert params.get_default("none", "d") == "d"
    assert params.get_int_default("none", 5) == 5
    assert params.get_list_default("none", []) == []
    assert params.get_bool_default("none", default=True)
    assert params.get_percentage_default("none", "50%") == 0.5
    assert params.get_currencyamount_default("none", "5 EUR").currency == "EUR"
    assert params.get_time_default("none", None, now=now) is None
    assert params.get_time("t", now=now) == now
    assert params.get_default_true("none")
    assert not params.get_default_false("none")
    with pytest.raises(ParamError):
        params.get_int_default("n", 5)


def test_a_choice_by_any_of_its_names() -> None:
    choices = {"red, r": 1, "blue,b": 2}
    assert Params({"c": "R"}).get_from_hashmap("c", "blue", choices) == 1
    assert Params().get_from_hashmap("c", "blue", choices) == 2
    with pytest.raises(ParamError, match="it takes red or r or blue or b"):
        Params({"c": "x"}).get_from_hashmap("c", "blue", choices)


def test_args() -> None:
    (action,) = parse("!!a.b one 2 x:1", name="t")
    params = action.params
    assert (params.get_arg(0), params.get_arg_int(1), params.len_arg()) == ("one", 2, 2)
    assert params.get_arg_default(2, "d") == "d"
    assert params.get_arg_int_default(2, 7) == 7
    assert params.get_arg_check(0, 2) == "one"
    assert params.exists_arg("ONE")
    with pytest.raises(ParamError, match="t:1:1: argument 2 is missing; there are 2"):
        params.get_arg(2)
    with pytest.raises(ParamError, match="t:1:7: argument 0 is 'one'; it takes a whole number"):
        params.get_arg_int(0)
    with pytest.raises(ParamError, match="found 2 arguments, expected 1"):
        params.check_arg_len(1)


def test_filters() -> None:
    params = Params({"color": "red", "size": "10"}, args=["urgent"])
    assert params.filter_match()
    assert params.filter_match(["color:r*"])
    assert params.filter_match(["color:blue", "urg*+size:10"])
    assert not params.filter_match(["color:blue"])
    assert not params.filter_match(["color:*"], ["urgent"])


def test_nested_params() -> None:
    nested = Params({"p": "x:1 y:'a b' z"}).get_params("p")
    assert dict(nested) == {"x": "1", "y": "a b"}
    assert nested.args == ("z",)


def test_params_of_python_values() -> None:
    params = Params(
        {"B": True, "n": 5, "l": ["a", "b c", "d,e"], "none": None, "x": "y"}, args=["z"]
    )
    assert dict(params) == {"b": "true", "n": "5", "l": 'a,"b c","d,e"', "none": "", "x": "y"}
    assert params.get_list("l") == ["a", "b c", "d,e"]


@pytest.mark.parametrize(
    "mapping", [{"my-key": 1}, {"a b": 1}, {"ü": 1}, {",a": 1}, {"x": "\udc00"}]
)
def test_what_cannot_be_written_is_refused(mapping: dict) -> None:
    with pytest.raises(ParamError):
        Params(mapping)


def test_an_arg_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(ParamError, match="give other text a key"):
        Params(args=["--verbose"])


def test_params_are_merged_into_new_ones() -> None:
    params = Params({"a": "1", "b": "2"}, args=["x"], comments={"a": "c"})
    more = params.with_params({"B": "3", "c": "4"}, args=["y", "x"])
    assert list(more.items()) == [("a", "1"), ("b", "3"), ("c", "4")]
    assert more.args == ("x", "y")
    assert more.comments == {"a": "c"}
    assert dict(more.without("A", "none")) == {"b": "3", "c": "4"}
    assert dict(params) == {"a": "1", "b": "2"}
    assert params.with_params(Params({"d": "1"}, args=["z"])).args == ("x", "z")


def test_equality_is_about_texts_and_args() -> None:
    assert Params({"a": "1"}) == {"a": "1"}
    assert Params({"a": "1", "b": "2"}) == Params({"b": "2", "a": "1"})
    assert Params({"a": "1"}, args=["x"]) != Params({"a": "1"})
    assert Params({"a": "1"}, comments={"a": "c"}) == Params({"a": "1"})
    assert not Params()
    assert "A" in Params({"a": "1"})


def test_places_survive_a_merge() -> None:
    (action,) = parse("!!a.b\n\targ url:'x y' n:1", name="t")
    params = action.params.with_params({"url": "z", "new": "1"})
    assert str(params.place("url")) == "t:2:10"
    assert str(params.key_place("url")) == "t:2:6"
    assert str(params.arg_place(0)) == "t:2:2"
    assert params.place("new") is None
    assert params.arg_place(5) is None
    assert str(action.place_of("N")) == "t:2:16"
    assert str(action.place_of("none")) == "t:1:1"
    assert Params({"a": "1"}).place("a") is None


def test_places_count_as_the_text_was_written() -> None:
    text = "\ufeff\r\n\t!!a.b x:1\r\n\t\ty:é z:2"
    (action,) = parse(text, name="f", first_line=10)
    assert str(action.place) == "f:11:2"
    assert str(action.params.place("y")) == "f:12:5"
    assert str(action.params.place("z")) == "f:12:9"
    assert action.params.place("z").text_line == "\t\ty:é z:2"


def test_neither_action_nor_params_show_values() -> None:
    (action,) = parse("!!a.b password:'s3cret' tok", name="t")
    assert repr(action) == "<Action !!a.b at t:1:1>"
    assert repr(action.params) == "Params(password:… …)"


def test_an_action_of_python_values() -> None:
    action = Action("git.Clone", {"url": "https://x.y", "id": 5}, args=["force"], comments="// why")
    assert (action.full_name, action.kind, action.priority) == ("git.clone", Kind.SAL, 99)
    assert (action.id, action.done, action.result, action.place) == (0, False, None, None)
    assert action.heroscript() == "// why\n!!git.clone force url:'https://x.y'\n"
    assert Action("x", kind="wal").heroscript() == "!!!!core.x\n"
    with pytest.raises(BadNameError, match="3 parts"):
        Action("a.b.c")


def test_equal_actions_have_equal_hashes() -> None:
    first, second = parse("// c\n!!a.b x:1 y:2\n!!a.b y:2   x:'1'\n")
    assert first != second
    assert first.hashkey() == second.hashkey()
    assert len(first.hashkey()) == 40
    assert first.hashkey() != Action("a.b", {"x": "1"}).hashkey()
    second.done, second.result, second.priority, second.id = True, 1, 5, 9
    assert second == parse("!!a.b x:1 y:2")[0] == index("!!a.b x:1 y:2")[0]
