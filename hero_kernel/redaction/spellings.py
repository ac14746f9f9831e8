"""Spellings: the ways in which a value turns up in a text."""

from __future__ import annotations

import base64
import json
import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST = 4
"""Characters; whatever is shorter stands in too many words to be masked."""

SHORTEST_LINE = 8
"""A line of a longer value is known by itself from so many characters on: keys in PEM, YAML."""

PIECE = 32
"""A spelling longer than two pieces is known by its pieces.

So the middle that tables, `reprlib` and tracebacks cut out of a long value takes only itself
along, and no stream has to keep back more than 63 characters.
"""


LONGEST_ENCODED = 16_384
"""Characters; a longer value is a document, and is known only as it is and by its lines."""


def spellings(value: str) -> frozenset[str]:
    """Every text that gives the value away; none is shorter than 4 characters.

    The value itself, in base64 (also for URLs, and in the midst of something longer), hex, URLs,
    HTML, JSON, Python, the shell, and line by line.
    """
    stripped = value.strip()  # a file's last line end is rarely shown with it
    lines = {line.strip() for line in value.splitlines()}
    lines = {line for line in lines if len(line) >= SHORTEST_LINE}
    found = {value, stripped} | lines
    if len(value) <= LONGEST_ENCODED:
        for text in tuple(found):
            found.update(_escaped(text))
        for text in (value, stripped):
            found.update(_encoded(text.encode("utf-8", "surrogatepass")))
    return frozenset(
        piece for one in found if len(one.strip()) >= SHORTEST for piece in _pieces(one)
    )


def _escaped(text: str) -> Iterator[str]:
    """Character by character."""
    import html  # noqa: PLC0415  # it knows every entity, and most processes meet no secret

    data = text.encode("utf-8", "surrogatepass")
    for safe in ("/", "", "!'()*", "/:@?=&"):  # Python's habits, JavaScript's, a whole address's
        yield quote(data, safe=safe)
    yield quote_plus(data)
    escaped = html.escape(text)
    yield escaped
    yield html.escape(text, quote=False)
    yield escaped.replace("&#x27;", "&#39;").replace("&quot;", "&#34;")  # markupsafe's
    yield escaped.replace("&#x27;", "'")
    for plain in (False, True):
        yield json.dumps(text, ensure_ascii=plain)[1:-1]
    for shown in (repr(text), ascii(text), repr(repr(text)[1:-1]), repr(data)[1:]):
        yield shown[1:-1]
    yield repr(text + "'\"")[1:-4]  # within a text that has both kinds of quotes
    yield shlex.quote(text).removeprefix("'").removesuffix("'")
    yield text.replace("'", "'\\''")


def _encoded(data: bytes) -> Iterator[str]:
    """Byte by byte, or bits across them."""
    yield data.hex()
    yield data.hex().upper()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(data).decode("ascii")
        yield whole
        yield whole.rstrip("=")
        for before in range(3):
            # the characters whose six bits are all the value's, wherever in a group it begins
            first = (8 * before + 5) // 6
            last = 8 * (before + len(data)) // 6
            yield encode(bytes(before) + data).decode("ascii")[first:last]


def _pieces(text: str) -> Iterator[str]:
    if len(text) <= 2 * PIECE:
        yield text
        return
    for at in range(0, len(text) - PIECE, PIECE):
        yield text[at : at + PIECE]
    yield text[-PIECE:]
