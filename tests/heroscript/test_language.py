"""The language, case by case: a text, and the actions it holds."""

from __future__ import annotations

import pytest

from hero_kernel.errors import HeroscriptError
from hero_kernel.heroscript import Action, Kind, index, parse, render


def one(text: str) -> Action:
    (action,) = parse(text)
    return action


def params(text: str) -> dict[str, str]:
    return dict(one(text).params)


def faults(text: str) -> list[str]:
    found: list[HeroscriptError] = []
    parse(text, name="t", on_error=found.append)
    return [str(fault) for fault in found]


HEADERS = [
    ("!a.b", Kind.DAL, "a", "b"),
    ("!!a.b", Kind.SAL, "a", "b"),
    ("!!!a.b", Kind.MACRO, "a", "b"),
    ("!!!!a.b", Kind.WAL, "a", "b"),
    ("!!select", Kind.SAL, "core", "select"),
    ("!!My-Actor.Do-It", Kind.SAL, "my_actor", "do_it"),
    ("!!a__b.c___d", Kind.SAL, "a_b", "c_d"),
    ("!!a-_b.c", Kind.SAL, "a_b", "c"),
    ("!!a.do#this", Kind.SAL, "a", "do"),
    ("!!a:b", Kind.SAL, "core", "a_b"),
    ("!!", Kind.SAL, "core", ""),
    ("!!a.", Kind.SAL, "a", ""),
    ("!!.b", Kind.SAL, "", "b"),
    ("!!1.2", Kind.SAL, "1", "2"),
    ("  \t!!a.b", Kind.SAL, "a", "b"),
    ("!important note", Kind.DAL, "core", "important"),
]


@pytest.mark.parametrize(("text", "kind", "actor", "name"), HEADERS)
def test_header(text: str, kind: Kind, actor: str, name: str) -> None:
    action = one(text)
    assert (action.kind, action.actor, action.name) == (kind, actor, name)
    assert parse(render([action])) == [action]


VALUES = [
    # bare and quoted
    ("x:1", {"x": "1"}),
    ("x:   1  y:  2", {"x": "1", "y": "2"}),
    ("x:a:b:c", {"x": "a:b:c"}),
    ("x:'two words'", {"x": "two words"}),
    ('x:"two words"', {"x": "two words"}),
    ("x:'' y:\"\"", {"x": "", "y": ""}),
    ("x:'1'y:'2'", {"x": "1", "y": "2"}),
    ("x:it's y:1", {"x": "it's", "y": "1"}),
    ("x:'  padded  '", {"x": "padded"}),
    ("x:héllo y:'日本語 テキスト'", {"x": "héllo", "y": "日本語 テキスト"}),
    ("x:!@#$%^&*()_+=[]{}|;<>?~`", {"x": "!@#$%^&*()_+=[]{}|;<>?~`"}),
    ("x:'!!c.d'", {"x": "!!c.d"}),
    ("x:a\tb:1", {"x": "a", "b": "1"}),
    ("x:'a\tb'", {"x": "a    b"}),
    # keys
    ("MyKey:Val", {"mykey": "Val"}),
    ("my.key:1 /lead:2 a/b:3", {"my.key": "1", "lead": "2", "a/b": "3"}),
    ("x:1 y:2 X:3", {"y": "2", "x": "3"}),
    ("id:7 x:1", {"x": "1"}),
    (":v", {"": "v"}),
    ("x::y", {"x": ":y"}),
    # escapes
    (r"x:'C:\new\table'", {"x": r"C:\new\table"}),
    (r"x:'it\'s'", {"x": "it's"}),
    (r"x:'a\\nb'", {"x": "a\nb"}),
    (r"x:'a\nb'", {"x": r"a\nb"}),
    ("x:'a<BR>b<<BR>>c'", {"x": "a\nb\nc"}),
    (r"x:a\\nb", {"x": "a\nb"}),
    (r"x:'abc\\' y:1", {"x": "abc\\", "y": "1"}),
    (r"x:'a\\b'", {"x": r"a\\b"}),
    (r"x:'\\u{20}a\\u{9}\\u{1F680}\\u{a}'", {"x": " a\t🚀\n"}),
    (r"x:'\\u{5c}\n'", {"x": r"\\n"}),
    (r"x:'\\u{3c}BR>'", {"x": "<BR>"}),
    (r"x:'\\\'' y:\'", {"x": "\\'", "y": "'"}),
    # lists
    ("l:a, b , c x:1", {"l": "a,b,c", "x": "1"}),
    ("l:'a','b' x:1", {"l": "a,b", "x": "1"}),
    ("l:a,'b c',d", {"l": 'a,"b c",d'}),
    ("l:'a,b c,d'", {"l": "a,b c,d"}),
    ("l:a,,b", {"l": "a,,b"}),
    ("l:,a", {"l": ",a"}),
    ("l:'say \"hi\"',b", {"l": '"say \\"hi\\"",b'}),
    ("l:0:5,12:7 x:1", {"l": "0:5,12:7", "x": "1"}),
    ("l:0:5, 12:7 x:1", {"l": "0:5,12:7", "x": "1"}),
    ("l:a:1, b:2 x:1", {"l": "a:1,b:2", "x": "1"}),
    ("l:http://a, http://b", {"l": "http://a,http://b"}),
    ("l:a,\n    b,\n    c\n  x:1", {"l": "a,b,c", "x": "1"}),
    # several lines
    ("x:1\n  y:2\n\ty:3\n\n\n    z:4", {"x": "1", "y": "3", "z": "4"}),
    ("x:1\n y:2", {"x": "1"}),
    ("x:1\ny:2", {"x": "1"}),
    ("x:1\n  ```\n  y:2", {"x": "1"}),
    ("x:1\n  ![alt](img.png)\n  y:2", {"x": "1"}),
    ("x:1\r\n  y:2\r  z:3", {"x": "1", "y": "2", "z": "3"}),
    ("x:1\x0by:2 z:a\u2028b", {"x": "1\x0by:2", "z": "a\u2028b"}),
    ("x:'first line\n    second line' y:1", {"x": "first line second line", "y": "1"}),
    ("\n  t:'\n    one\n      two\n    '\n  y:1", {"t": "one\n  two", "y": "1"}),
    ("\n  t:'''\n    it's\n    '''\n  y:1", {"t": "it's", "y": "1"}),
    ("\n  t:'''\n    it's\n    '\n  y:1", {"t": "it's", "y": "1"}),
    ('\n  t:"""\n    one\n    """\n  y:1', {"t": "one", "y": "1"}),
    ("\n  t:'\n    one\n    \"\n  y:1", {"t": "one", "y": "1"}),
    ("\n  t:' // c\n    one\n    '", {"t": "one"}),
    ("\n  t:'\n    '\n  y:1", {"t": "", "y": "1"}),
    ("\n  t:'\n    # h\n    ```\n    // no comment\n    '", {"t": "# h\n```\n// no comment"}),
    ("\n  t:'\n    x = 'abc'\n    y = 'd'\n    '\n  y:1", {"t": "x = 'abc'\ny = 'd'", "y": "1"}),
    ("\n  t:'\n    name: 'x'\n    port: 80\n    '", {"t": "name: 'x'\nport: 80"}),
    ("\n  t:'\n    the dogs' house\n    '", {"t": "the dogs' house"}),
    ("\n  t:'\n    one\n    two' y:1", {"t": "one\ntwo", "y": "1"}),
    ("\n  t:'\n    one\n    two' urgent", {"t": "one\ntwo"}),
    # values that are not there
    ("x: y:2", {"x": "y:2"}),
    ("x:'a' // c", {"x": "a"}),
    ("x:1 <!-- c --> y:2", {"x": "1", "y": "2"}),
]


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_parameters(text: str, expected: dict[str, str]) -> None:
    action = one(f"!!a.b {text}")
    assert list(action.params.items()) == list(expected.items())
    assert [dict(found.params) for found in index(f"!!a.b {text}")] == [expected]
    assert parse(render([action])) == [action]


ARGS = [
    ("one two three:'3' four", ("one", "two", "four")),
    ("arg arg", ("arg",)),
    ("FooBar foobar", ("FooBar", "foobar")),
    ("/opt/x ./y ../z dir/", ("opt/x", "./y", "../z", "dir/")),
    ("one,two 42 3.14", ("one,two", "42", "3.14")),
    ("/", ("",)),
]


@pytest.mark.parametrize(("text", "expected"), ARGS)
def test_args(text: str, expected: tuple[str, ...]) -> None:
    action = one(f"!!a.b {text}")
    assert action.params.args == expected
    assert parse(render([action])) == [action]


DOCUMENTS = [
    ("", []),
    (" \n\n", []),
    ("some text\n\n!!a.b x:1\n\nmore text\n", ["a.b"]),
    ("# Title\n```heroscript\n!!a.b x:1\n```\n- list\n!!c.d z:1\n", ["a.b", "c.d"]),
    ("- !!a.b\n> !!a.b\n| !!a.b |\n![alt](img.png)\n", []),
    ("!!a.b x:1\n    !!c.d y:2\n", ["a.b", "c.d"]),
    ("    !!a.b x:1\n        y:2\n    // c\n    !!c.d\n", ["a.b", "c.d"]),
    ("#!/usr/bin/env hero\n\n!!play.echo content:'hi'\n", ["play.echo"]),
    ("\ufeff!!a.b", ["a.b"]),
]


@pytest.mark.parametrize(("text", "names"), DOCUMENTS)
def test_documents(text: str, names: list[str]) -> None:
    assert [action.full_name for action in parse(text)] == names
    assert [action.full_name for action in index(text)] == names
    assert [action.id for action in parse(text)] == list(range(1, len(names) + 1))


COMMENTS = [
    ("// one\n//two\n!!a.b", "one\ntwo"),
    ("// one\n\n![x](y)\n!!a.b", "one"),
    ("// one\ntext\n!!a.b", ""),
    ("  // one\ntext\n!!a.b", ""),
    ("/// doc\n!!a.b", "doc"),
    ("// see https://x.com/y\n!!a.b", "see https://x.com/y"),
    ("//\n//\n!!a.b", "\n"),
    ("    // shared indentation\n    !!a.b", "shared indentation"),
]


@pytest.mark.parametrize(("text", "comments"), COMMENTS)
def test_comments_before_an_action(text: str, comments: str) -> None:
    assert one(text).comments == comments
    assert index(text)[0].comments == comments
    assert parse(render(parse(text))) == parse(text)


PARAM_COMMENTS = [
    ("x:1 // c", {"x": "c"}),
    ("x:1 y:2 // first of its line", {"x": "first of its line"}),
    ("\n  // one\n  // two\n  x:1\n  y:2", {"x": "one\ntwo"}),
    ("\n  // before\n  x:1 // after", {"x": "before\nafter"}),
    ("\n  <!-- c -->\n  x:1", {"x": "c"}),
    ("\n  x:1 t:'\n  a\n  ' // of t\n  y:2", {"t": "of t"}),
    ("\n  //\n  x:1", {}),
]


@pytest.mark.parametrize(("text", "comments"), PARAM_COMMENTS)
def test_comments_within_an_action(text: str, comments: dict[str, str]) -> None:
    action = one(f"!!a.b {text}")
    assert dict(action.params.comments) == comments
    assert dict(parse(render([action]))[0].params.comments) == comments


FAULTS = [
    ("!!!!!a.b", "t:1:1: no action begins with 5 exclamation marks; one to four:"),
    ("x\n  !!a.b.c x:1", "t:2:3: a.b.c has 3 parts; an action is called actor.name"),
    ("!!a.b\u00a0x:1", "t:1:6: found a non-breaking space; write a plain space"),
    ("!!a.b x:1\n  \u00a0y:2", "t:2:3: found a non-breaking space; write a plain space"),
    (
        "!!a.b\n\t--verbose",
        't:2:2: expected key:value, found "--verbose"; parameters are key:value or bare words',
    ),
    ("!!a.b my-key:1", 't:1:7: found "my-key:"; a key has no -; write my_key:'),
    ("!!a.b x=1", 't:1:7: expected key:value, found "x=1"; write x:1'),
    ("!!a.b x:1 # no", 't:1:11: found "# no"; comments start with //'),
    ("!!a.b 'hello world' x:1", "t:1:7: found 'hello world' without a key; write key:'value'"),
    ("!!a.b ключ:1", 't:1:7: expected key:value, found "ключ:1"'),
    ("!!a.b x:'a\n  y:2\n", "t:1:9: the quote is not closed; close it with '"),
    ("!!a.b\n  t:'\n    one\n", "t:2:5: the quote is not closed; close it with ' alone on a line"),
    ("!!a.b x:'''one'''", "t:1:9: a triple quote opens a block"),
    ("!!a.b x:'a''b'", "t:1:12: a value is followed by a quote"),
    ("!!a.b x:a'b c' y:1", 't:1:13: expected key:value, found "c\'"'),
    ('!!a.b x:{"a":1,"b":2}', "t:1:19: a quoted value is followed by a colon; quote the whole"),
    ("!!a.b l:['a','b']", 't:1:17: expected key:value, found "]"'),
    ("!!a.b x:1\n  <!-- open", "t:2:3: the comment is not closed; end it with -->"),
    ("!!a.b ,x", "t:1:7: a comma continues a list, and there is none before it"),
    (r"!!a.b x:'\\u{d800}'", "t:1:9: \\\\u{d800} names no character"),
]


@pytest.mark.parametrize(("text", "message"), FAULTS)
def test_faults_say_where_what_and_what_instead(text: str, message: str) -> None:
    (fault,) = faults(text)
    assert fault.startswith(message)


def test_one_bad_action_does_not_hide_the_others() -> None:
    text = "!!a.b x:'open\n!!c.d --no\n!!e.f x:1\n!!g.h.i\n!!j.k y:2\n"
    with pytest.raises(HeroscriptError) as caught:
        parse(text, name="In[3]", first_line=5)
    assert [str(error.place) for error in caught.value.errors] == [
        "In[3]:5:9",
        "In[3]:6:7",
        "In[3]:8:1",
    ]
    good = parse(text, on_error=lambda _: None)
    assert [(action.id, action.full_name) for action in good] == [(1, "e.f"), (2, "j.k")]


def test_an_open_quote_does_not_swallow_the_actions_after_it() -> None:
    text = "!!a.b x:'open\n\nSome prose that doesn't matter.\n\n!!c.d y:'closed'\n!!e.f\n"
    good = parse(text, on_error=lambda _: None)
    assert [action.full_name for action in good] == ["c.d", "e.f"]


def test_index_raises_only_when_the_parameters_are_asked_for() -> None:
    first, second = index("!!a.b --no\n!!c.d x:1\n", name="t")
    assert second.params["x"] == "1"
    with pytest.raises(HeroscriptError, match="t:1:7"):
        _ = first.params
    with pytest.raises(HeroscriptError, match="3 parts"):
        index("!!a.b.c")


def test_a_fault_shows_its_line() -> None:
    with pytest.raises(HeroscriptError) as caught:
        parse("!!a.b\n\tx:1\t-y", name="t")
    assert caught.value.lines() == [
        't:2:6: expected key:value, found "-y"',
        "    \tx:1\t-y",
        "    \t   \t^",
        "parameters are key:value or bare words of letters, digits and _ . , /",
    ]


def test_a_long_line_is_cut_around_its_fault() -> None:
    with pytest.raises(HeroscriptError) as caught:
        parse("!!a.b x:" + "a" * 500 + " -y " + "b:1 " * 200)
    line, caret = caught.value.place.excerpt
    assert len(line) < 110
    assert line[caret.index("^") :].startswith("-y")
