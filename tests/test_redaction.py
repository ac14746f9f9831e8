"""Values that must not be seen are masked, however spelt and however cut; the rest is untouched."""

from __future__ import annotations

import base64
import copy
import html
import json
import logging
import pickle
import random
import shlex
import string
import threading
from itertools import pairwise
from time import perf_counter
from types import MappingProxyType
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hero_kernel.redaction import Redactor, mask_record
from hero_kernel.redaction.spellings import PIECE, spellings
from hero_kernel.secret import MASK

PASSWORD = "hunter2-s3cr%et"
UGLY = "p@ss w/ö'\"<&>%\\$+x=é"
MULTI = "-----BEGIN KEY-----\nabcdefgh12345678\nshort\nqrstuvwx87654321\n-----END KEY-----\n"


def knowing(*values: str) -> Redactor:
    redactor = Redactor()
    for number, value in enumerate(values):
        redactor.add(value, f"value {number}")
    return redactor


def naively(texts: frozenset[str], text: str) -> str:
    """Every place of every text, by looking everywhere."""
    hidden = bytearray(len(text))
    ends = set()
    for one in texts:
        at = text.find(one)
        while at >= 0:
            hidden[at : at + len(one)] = b"x" * len(one)
            ends.add(at + len(one))
            at = text.find(one, at + 1)
    shown = [
        "" if is_hidden and at and hidden[at - 1] else MASK if is_hidden else text[at]
        for at, is_hidden in enumerate(hidden)
    ]
    return "".join(shown)


def cut(text: str, places: list[int]) -> list[str]:
    """The text in pieces."""
    places = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(places)]


few = st.text("ab3<", min_size=4, max_size=7)
values = st.lists(few, min_size=1, max_size=3)
cuts = st.lists(st.integers(0, 10_000), max_size=12)


@settings(max_examples=1200, deadline=None)
@given(values, st.text("ab3<", max_size=40), cuts)
@example(["33<3"], "33<33<3", [1, 2, 3, 4, 5, 6])
@example(["aaaa"], "a" * 30, list(range(30)))
@example(["aba3", "a3<<<b"], "xaba3<<<b", [5, 7])
def test_a_stream_is_masked_as_the_whole_of_it_would_be(
    secrets: list[str], text: str, places: list[int]
) -> None:
    redactor = knowing(*secrets)
    texts = frozenset(one for secret in secrets for one in spellings(secret))
    expected = naively(texts, text)
    assert redactor.mask(text) == expected
    stream = redactor.stream()
    shown = "".join(map(stream.feed, cut(text, places)))
    assert stream.held < max(map(len, texts))
    shown += stream.flush()
    assert shown == expected
    assert not any(one in shown for one in texts)
    if not any(one in text for one in texts):
        assert shown == text


@settings(max_examples=900, deadline=None)
@given(values, st.lists(st.tuples(st.text("ab3<", max_size=6), st.sampled_from("fps"))))
def test_what_was_flushed_is_never_completed(
    secrets: list[str], steps: list[tuple[str, str]]
) -> None:
    redactor = knowing(*secrets)
    stream, shown = redactor.stream(), ""
    for text, step in steps:
        shown += stream.feed(text)
        shown += stream.flush() if step == "f" else stream.pause() if step == "p" else ""
    shown += stream.flush()
    assert not any(one in shown for secret in secrets for one in spellings(secret))


@settings(max_examples=600, deadline=None)
@given(st.text(min_size=4, max_size=100), st.text(max_size=30), st.text(max_size=30), cuts)
@example("x" * 200, "", "", [64, 128])
@example("0" * 63 + "1" * 70, "0" * 40, "1" * 40, [50, 90])
def test_any_value_in_any_text(value: str, before: str, after: str, places: list[int]) -> None:
    if len(value.strip()) < 4 or set(value) <= set(MASK):
        return
    redactor, text = knowing(value), before + value + after
    masked = redactor.mask(text)
    assert masked == naively(spellings(value), text)
    assert value not in masked or set(MASK) & set(value)
    stream = redactor.stream()
    assert "".join([*map(stream.feed, cut(text, places)), stream.flush()]) == masked
    if not set(MASK) & set(value):
        assert redactor.mask(masked) == masked


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60), cuts)
def test_a_text_without_a_value_is_not_changed(text: str, places: list[int]) -> None:
    redactor = knowing(PASSWORD, UGLY, MULTI)
    assert redactor.mask(text) is text
    data = text.encode("utf-8", "surrogatepass")
    assert redactor.mask_bytes(data) == data
    stream = redactor.stream()
    assert "".join([*map(stream.feed, cut(text, places)), stream.flush()]) == text


ENCODERS = {
    "itself": str,
    "base64": lambda v: base64.b64encode(v.encode()).decode(),
    "base64 for URLs": lambda v: base64.urlsafe_b64encode(v.encode()).decode(),
    "base64 without padding": lambda v: base64.b64encode(v.encode()).decode().rstrip("="),
    "hex": lambda v: v.encode().hex(),
    "HEX": lambda v: v.encode().hex().upper(),
    "a path in a URL": quote,
    "a query in a URL": lambda v: quote(v, safe=""),
    "a form": quote_plus,
    "encodeURIComponent": lambda v: quote(v, safe="!'()*"),
    "HTML": html.escape,
    "HTML text": lambda v: html.escape(v, quote=False),
    "markupsafe": lambda v: html.escape(v).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    "JSON": lambda v: json.dumps(v)[1:-1],
    "JSON in UTF-8": lambda v: json.dumps(v, ensure_ascii=False)[1:-1],
    "repr": lambda v: repr(v)[1:-1],
    "ascii": lambda v: ascii(v)[1:-1],
    "repr of bytes": lambda v: repr(v.encode())[2:-1],
    "repr beside quotes": lambda v: repr(v + "'\"")[1:-4],
    "the shell": lambda v: shlex.quote(v).strip("'"),
    "the shell, by hand": lambda v: v.replace("'", "'\\''"),
}


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.parametrize(
    "value", [PASSWORD, UGLY, "x" * 32, "ключ к двери", "a\tb\nc\x00d", "🔑🔑🔑🔑"]
)
def test_every_spelling_is_masked(encode, value):
    redactor = knowing(value)
    assert redactor.mask(f"word{encode(value)}word") == f"word{MASK}word"


@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_of_something_longer(before, after, encode):
    value = UGLY.encode()
    text = encode(b"\xff" * before + value + b"\xff" * after).decode()
    masked = knowing(UGLY).mask(text)
    start, end = -(-8 * before // 6), 8 * (before + len(value)) // 6
    assert masked.removeprefix(text[:start]).startswith(MASK)
    assert text[end:].endswith(masked.rpartition(MASK)[2])  # its last bits may be masked as well
    assert text[start:end] not in masked


def test_a_longer_value_is_known_by_its_lines_and_pieces():
    redactor = knowing(MULTI)
    assert redactor.mask(f"[{MULTI}]") == f"[{MASK}]"
    assert redactor.mask("  qrstuvwx87654321;") == f"  {MASK};"
    assert redactor.mask("short") == "short"
    token = "".join(random.Random(1).choices(string.ascii_letters, k=300))  # noqa: S311  # any token
    redactor = knowing(token)
    assert redactor.mask(token) == MASK
    shortened = redactor.mask(f"{token[:48]}...{token[-48:]}")  # as reprlib and pandas do
    assert token[:PIECE] not in shortened
    assert token[-PIECE:] not in shortened
    assert shortened.count(MASK) == 2


def test_a_value_from_a_file_is_known_without_its_line_end():
    assert knowing(f"{PASSWORD}\n").mask(f"x={PASSWORD};") == f"x={MASK};"


def test_a_long_value_keeps_little_back():
    stream = knowing("k" * 100_000).stream()
    stream.feed("k" * 10)
    for _ in range(50):
        assert stream.feed("k" * 1000) in {MASK, ""}
        assert stream.held < 2 * PIECE


def test_colours_between_the_letters_do_not_hide_a_value():
    redactor = knowing(PASSWORD)
    coloured = "a \x1b[33m'hunter2-s3cr\x1b[39m\x1b[38;5;1;01m%e\x1b[0mt'\x1b[0m b"
    assert redactor.mask(coloured) == f"a \x1b[33m'{MASK}\x1b[39m\x1b[38;5;1;01m\x1b[0m'\x1b[0m b"
    for size in (1, 2, 3, 7):
        stream = redactor.stream()
        pieces = [coloured[at : at + size] for at in range(0, len(coloured), size)]
        shown = "".join([*map(stream.feed, pieces), stream.flush()])
        assert shown == redactor.mask(coloured)
    linked = "\x1b]8;;http://x\x1b\\hunter2-\x1b]8;;\x1b\\s3cr%et"
    assert "s3cr" not in redactor.mask(linked)
    benign = "\x1b[1mbold\x1b[0m \x1b[3"
    assert redactor.stream().feed(benign) == "\x1b[1mbold\x1b[0m "
    assert redactor.mask(benign) == benign


def test_a_mask_stands_for_values_that_overlap_or_touch():
    redactor = knowing("abcdef", "defghi", "12345")
    assert redactor.mask("abcdefghi") == MASK
    assert redactor.mask("abcdef12345abcdef") == MASK
    assert redactor.mask("abcdef 12345") == f"{MASK} {MASK}"


def test_after_a_flush_a_value_is_seen_as_masked_again():
    stream = knowing(PASSWORD).stream()
    assert stream.feed(PASSWORD) == MASK
    assert stream.flush() == ""
    assert stream.feed(PASSWORD) == MASK


def test_in_a_pause_only_little_is_let_out():
    stream = knowing(PASSWORD).stream()
    assert stream.feed("a hun") == "a "
    assert stream.pause() == "hun"
    assert stream.feed("ter2") == ""
    assert stream.pause() == ""
    assert stream.feed("!") == "ter2!"
    shown = ""
    for letter in PASSWORD:  # typed slowly
        shown += stream.feed(letter) + stream.pause()
    assert shown + stream.flush() == f"hun{MASK}"


def test_data_is_masked_as_deep_as_it_goes_and_not_in_place():
    redactor = knowing(PASSWORD, "12345678")
    data = {"a": [f"x{PASSWORD}", ("y", {PASSWORD: 1})], "n": 912345678, "f": 0.12345678, "ok": 7}
    before = copy.deepcopy(data)
    masked = redactor.mask_data(data)
    assert data == before
    assert masked == {"a": [f"x{MASK}", ["y", {MASK: 1}]], "n": MASK, "f": MASK, "ok": 7}
    assert redactor.mask_data({PASSWORD: PASSWORD}, keep={PASSWORD}) == {PASSWORD: MASK}
    assert redactor.mask_data(MappingProxyType({"a": PASSWORD})) == {"a": MASK}
    assert redactor.mask_data(iter([PASSWORD])) == [MASK]
    for same in ({"a": [1, None, True, 2.5, "b"]}, b"raw", ("a", "b"), [], {}):
        assert redactor.mask_data(same) is same


def test_bytes_that_are_no_text_stay_as_they_are():
    redactor = knowing(UGLY)
    data = b"\xff\xfe" + UGLY.encode() + b"\x80"
    assert redactor.mask_bytes(data) == b"\xff\xfe" + MASK.encode() + b"\x80"


def test_a_short_value_is_told_of_once_without_showing_it():
    redactor = Redactor()
    with pytest.warns(UserWarning, match="PIN is too short to mask") as told:
        redactor.add("  123\n", "PIN")
    assert len(told) == 1
    assert "123" not in str(told[0].message)
    redactor.add("12")  # a second warning would be an error here
    redactor.add("")
    assert redactor.is_empty
    assert redactor.mask("123") == "123"
    assert redactor.names() == ()


def test_names_tell_what_is_known_and_nothing_shows_it():
    redactor = knowing(PASSWORD, UGLY)
    redactor.add(PASSWORD, "again")
    redactor.add("no name at all")
    assert redactor.names() == ("value 0", "value 1")
    assert PASSWORD not in repr(redactor)
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            take(redactor)


def test_who_waits_for_a_value_is_called_once_before_it_can_be_shown():
    redactor, calls = Redactor(), []
    redactor.when_filled(lambda: calls.append(redactor.mask(PASSWORD)))
    gone = lambda: calls.append("gone")  # noqa: E731
    redactor.when_filled(gone)
    redactor.cancel(gone)
    assert calls == []
    redactor.add(PASSWORD)
    redactor.add(UGLY)
    assert calls == [MASK]
    redactor.when_filled(lambda: calls.append("at once"))
    assert calls == [MASK, "at once"]


def test_many_threads_add_and_mask():
    redactor, faults = Redactor(), []

    def work(number: int) -> None:
        for step in range(20):
            value = f"value-{number}-{step}-value"
            redactor.add(value, value)
            if redactor.mask(f"<{value}>") != f"<{MASK}>":
                faults.append(value)

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(redactor.names()) == 80


def record(message: str, *args: object, **more: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"msg": message, "args": args, "levelname": "INFO", **more})
    mask_record(made, knowing(PASSWORD))
    return made


def test_many_values_are_found_and_adding_one_is_quick():
    redactor = Redactor()
    begin = perf_counter()
    for number in range(1500):
        redactor.add(f"value-{number:05}-value")
        assert redactor.mask("a line of text\n") == "a line of text\n"
    assert perf_counter() - begin < 5  # built anew each time, it would take minutes
    text = "".join(f"value-{number:05}-value," for number in range(1501))
    assert redactor.mask(text) == f"{MASK}," * 1500 + "value-01500-value,"


def test_a_document_is_known_by_its_lines_soon():
    lines = [f"line {number} of a long document" for number in range(20_000)]
    begin = perf_counter()
    redactor = knowing("\n".join(lines))
    assert redactor.mask(lines[17_000]) == MASK
    assert perf_counter() - begin < 5


def test_a_log_record_is_masked_in_every_part():
    try:
        raise ValueError(PASSWORD)  # noqa: TRY301  # it is caught to have a traceback
    except ValueError as error:
        caught = (type(error), error, error.__traceback__)
    made = record(
        "at %r %s",
        PASSWORD,
        given_list := [PASSWORD],
        exc_info=caught,
        stack_info=f"Stack: {PASSWORD}",
        user=PASSWORD,
        things={"a": [PASSWORD]},
        thing=ValueError(PASSWORD),
        fine=1,
    )
    assert given_list == [PASSWORD]
    shown = logging.Formatter("%(message)s %(user)s %(things)s %(thing)s %(fine)s").format(made)
    assert PASSWORD not in shown
    assert PASSWORD not in repr(vars(made))
    assert shown.count(MASK) == 7
    assert "ValueError" in shown
    assert "Stack: " in shown


def test_a_log_record_without_a_value_keeps_its_template():
    made = record("at %d", 5, user="me")
    assert (made.msg, made.args, made.user) == ("at %d", (5,), "me")
    assert record("%d %s", PASSWORD).getMessage() == f"%d %s ('{MASK}',)"


def test_a_long_text_is_passed_over_quickly():
    rng = random.Random(1)  # noqa: S311  # any text
    letters = string.ascii_letters + string.digits
    redactor = knowing(*("".join(rng.choices(letters, k=24)) for _ in range(100)))
    text = "".join(rng.choices(letters + "  \n", k=1_000_000))
    redactor.mask(text)
    begin = perf_counter()
    redactor.mask(text)
    assert perf_counter() - begin < 0.2  # 5 MB/s; it does 200
