"""What hypothesis draws for the language: ugly texts, and every legal action."""

from __future__ import annotations

from hypothesis import strategies as st

from hero_kernel.heroscript import Action, Kind, Params

UGLY = "[] \t\n\r!':\"\\,/<>B{}u4anx01#-_.=`é\u00a0\u2028\ufeff\x00\x0b"
"""Every character that means something, and a few that must not."""

PIECES = (
    "!!a.b",
    "!a",
    "!!!c.d",
    "!!!!w",
    "!!!!!x",
    "!!a.b.c",
    "![x](y)",
    "\n",
    "\n\n",
    "\n  ",
    "\n    ",
    "\n\t",
    "\r\n",
    " ",
    "  ",
    "\t",
    "x:",
    "y:1",
    "name:",
    "id:7",
    "'",
    '"',
    "'''",
    '"""',
    "\\'",
    "\\\\'",
    "\\\\n",
    "\\n",
    "\\",
    "<BR>",
    "<<BR>>",
    "\\\\u{41}",
    "\\\\u{110000}",
    ",",
    "a,b",
    "'a b'",
    "//",
    " // c",
    "https://x.y",
    "<!--",
    "-->",
    "arg",
    "it's",
    "text:'\n",
    "    '\n",
    "    line\n",
    "```",
    "# h",
    "prose\n",
    "key:'v w'",
    "k_1:v",
    "ü",
    "- ",
    ":",
    "x:'a'y:'b'",
    "a//b",
    "\n// c\n",
    ":'\n",
    "'\n",
    "end'\n",
    "dogs' x",
    " ' ",
)
"""Shards of scripts; put together at random they meet at every border of the grammar."""

ugly_text = st.text(alphabet=UGLY, max_size=60)
script = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=25).map("".join),
    ugly_text.map(lambda text: "!!a.b " + text),
    st.lists(st.one_of(st.sampled_from(PIECES), ugly_text), max_size=10).map("".join),
)

value = st.one_of(
    st.text(max_size=30),
    st.text(alphabet=UGLY, max_size=30),
    st.lists(st.sampled_from(["a", "  b", "c  ", "", "it's", 'say "hi"', "\\", "!!x.y"])).map(
        "\n".join
    ),
)
key = st.from_regex(r"/?([a-z0-9_.][a-z0-9_.,/]{0,8})?", fullmatch=True)
arg = st.from_regex(r"/?([A-Za-z0-9_.][A-Za-z0-9_.,/]{0,8})?", fullmatch=True)
comment = st.one_of(st.just(""), st.text(max_size=20), st.text(alphabet=UGLY, max_size=20))


@st.composite
def params(draw: st.DrawFn) -> Params:
    mapping = draw(st.dictionaries(key, value, max_size=5))
    args = draw(st.lists(arg, max_size=3))
    return Params(
        mapping,
        args=args,
        comments={name: draw(comment) for name in mapping if draw(st.booleans())},
        arg_comments={name: draw(comment) for name in args if draw(st.booleans())},
        end_comment=draw(comment),
    )


@st.composite
def action(draw: st.DrawFn) -> Action:
    part = st.text(alphabet="aZ09_-é", max_size=5)
    return Action(
        f"{draw(part)}.{draw(part)}",
        draw(params()),
        kind=draw(st.sampled_from(list(Kind))),
        comments=draw(comment),
    )
