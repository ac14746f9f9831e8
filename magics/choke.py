"""Choke: the one point that every message of a kernel passes, where values are masked.

`jupyter_client.session.Session.send` is what ipykernel sends everything with: outputs, replies,
questions, comm messages, on every channel. Its public hooks see only some of that.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Any

from hero_kernel.redaction import WITHHELD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hero_kernel.redaction import Redactor

    Message = dict[str, Any]

PAUSE_S = 0.5
"""Text that may be the beginning of a value is kept back no longer than so, if it is short."""

STREAMS = 64
"""So many streams are remembered: two for each cell whose threads go on printing."""

SIGNALS = frozenset(
    [
        "status", "execution_state", "execution_count", "comm_id", "target_name", "target_module",
        "cursor_start", "cursor_end", "wait", "restart", "password", "found", "type", "seq",
        "request_seq", "success", "command", "event",
    ]
)  # fmt: skip
"""What in a message's content steers the front end and is never the user's; a value that is
spelt like one of them must not stop it."""

WORDS = SIGNALS | frozenset(
    [
        "text", "name", "data", "metadata", "transient", "display_id", "code", "prompt", "ename",
        "evalue", "traceback", "payload", "source", "start", "text_to_insert",
        "set_next_input", "page", "user_expressions", "matches", "history", "state", "method",
        "buffer_paths", "body", "variables", "value", "indent",
        "text/plain", "text/html", "text/markdown", "text/latex", "application/json",
        "application/javascript", "application/vnd.hero.report+json",
        "application/vnd.hero.table+json", "application/vnd.jupyter.widget-view+json",
        "image/svg+xml", "image/png", "image/jpeg", "image/gif", "application/pdf",
    ]
)  # fmt: skip
"""Keys that the protocol gives; see "Messaging in Jupyter" of jupyter_client's documentation."""

UNTOUCHED = frozenset(["status", "kernel_info_reply", "connect_reply", "iopub_welcome"])
"""Messages in which nothing is the user's."""


@contextmanager
def choked(session: Any, redactor: Redactor) -> Iterator[None]:
    """Mask whatever a `jupyter_client.session.Session` sends, as long as the block lasts."""
    choke = Choke(session, redactor)
    before = vars(session).get("send")
    session.send = send = choke.send
    try:
        yield
    finally:
        choke.close()
        if vars(session).get("send") == send:  # else somebody wrapped it, and calls a plain passage
            del session.send
            if before is not None:
                session.send = before


class _Held:
    """A stream of one cell: what is kept back of it, and how to send it on."""

    def __init__(self, redactor: Redactor, message: Message, ident: Any) -> None:
        self.message = message
        self.ident = ident
        self.socket: Any = None
        self.fed_s = 0.0
        self._redactor = redactor
        self._stream = redactor.stream()

    @property
    def is_holding(self) -> bool:
        """Whether something is kept back."""
        return self._stream.held > 0

    def feed(self, text: str) -> str:
        """See `Stream.feed`."""
        return self._safely(self._stream.feed, text)

    def pause(self) -> str:
        """See `Stream.pause`."""
        return self._safely(self._stream.pause) if self.is_holding else ""

    def flush(self) -> str:
        """See `Stream.flush`."""
        return self._safely(self._stream.flush) if self.is_holding else ""

    def _safely(self, act: Callable[..., str], *given: str) -> str:
        try:
            return act(*given)
        except Exception:  # noqa: BLE001  # whatever it is, nothing must get out
            self._stream = self._redactor.stream()
            return f"{WITHHELD}\n"


class Choke:
    """Stands in for `Session.send`."""

    def __init__(self, session: Any, redactor: Redactor) -> None:
        self._session = session
        self._send = session.send
        self._redactor: Redactor | None = redactor
        self._is_child = False  # nobody would send later what is kept back in one
        self._start_over()

    def _start_over(self) -> None:
        """In a new process the lock may be held by a thread that is not there."""
        self._pid = os.getpid()
        self._lock = RLock()
        self._streams: dict[tuple[str, str], _Held] = {}
        self._is_timed = False

    def close(self) -> None:
        """Let everything pass as it is, what was kept back first."""
        with self._lock:
            self._release()
            self._redactor = None

    def send(  # noqa: PLR0917  # the signature is jupyter_client's
        self,
        stream: Any,
        msg_or_type: Any,
        content: Any = None,
        parent: Any = None,
        ident: Any = None,
        buffers: Any = None,
        track: bool = False,
        header: Any = None,
        metadata: Any = None,
    ) -> Any:
        """Send a message, masked; as `jupyter_client.session.Session.send`.

        Binary buffers pass as they are. When masking fails, the message keeps its form and loses
        every text.
        """
        redactor = self._redactor
        if redactor is None:
            return self._send(
                stream, msg_or_type, content, parent, ident, buffers, track, header, metadata
            )
        if isinstance(msg_or_type, str):
            message = self._session.msg(msg_or_type, content, parent, header, metadata)
        else:
            message = dict(msg_or_type)
        kind = message["header"]["msg_type"]
        if os.getpid() != self._pid:
            self._start_over()
            self._is_child = True
        if kind == "stream":
            return self._send_stream(redactor, stream, message, ident)
        if self._streams:
            self._release(_cell(message), has_ended=_has_ended(kind, message))
        is_ours = kind.endswith("_request") and kind != "input_request"  # a kernel asks itself
        if kind not in UNTOUCHED and not is_ours:
            message = _masked(message, redactor)
        return self._send(stream, message, ident=ident, buffers=buffers, track=track)

    def _send_stream(self, redactor: Redactor, socket: Any, message: Message, ident: Any) -> Any:
        key = _cell(message), message["content"]["name"]
        with self._lock:
            self._release(key[0], but=key)
            held = self._streams.setdefault(key, _Held(redactor, message, ident))
            while len(self._streams) > STREAMS:
                oldest = next(iter(self._streams))
                self._say(self._streams[oldest], self._streams.pop(oldest).flush())
            held.socket, held.fed_s = socket, monotonic()
            text = held.feed(message["content"]["text"])
            if held.is_holding and not self._is_timed:
                self._is_timed = self._time(socket)
                if not self._is_timed:
                    text += held.flush()
            self._say(held, text)
        return message

    def _say(self, held: _Held, text: str) -> None:
        if text:
            content = {"name": held.message["content"]["name"], "text": text}
            message = self._session.msg("stream", content, parent=held.message["parent_header"])
            self._send(held.socket, message, ident=held.ident)

    def _release(
        self,
        cell: str | None = None,
        *,
        but: tuple[str, str] | None = None,
        has_ended: bool = False,
    ) -> None:
        """Send on what is kept back of a cell, or of all: something comes that must be after it."""
        with self._lock:
            for key, held in list(self._streams.items()):
                if cell in {None, key[0]} and key != but:
                    self._say(held, held.flush())
                    if has_ended:
                        del self._streams[key]

    def _time(self, socket: Any) -> bool:
        """Look again in a while; false where there is nobody who could."""
        sender = getattr(socket, "io_thread", socket)  # ipykernel's IOPubThread, or its socket
        thread = getattr(sender, "thread", None)
        if self._is_child or thread is None or not thread.is_alive():
            return False
        sender.schedule(lambda: sender.io_loop.call_later(PAUSE_S, self._pause, socket))
        return True

    def _pause(self, socket: Any) -> None:
        with self._lock:
            self._is_timed = False
            now_s = monotonic()
            for held in self._streams.values():
                if held.is_holding and now_s - held.fed_s >= PAUSE_S:
                    self._say(held, held.pause())
                elif held.is_holding and not self._is_timed:
                    self._is_timed = self._time(socket)


def _cell(message: Message) -> str:
    """The id of the request that a message belongs to."""
    return str(message["parent_header"].get("msg_id", ""))


def _has_ended(kind: str, message: Message) -> bool:
    return kind == "status" and message["content"].get("execution_state") == "idle"


def _masked(message: Message, redactor: Redactor) -> Message:
    content, metadata = message["content"], message["metadata"]
    try:
        masked = {
            key: value if key in SIGNALS else redactor.mask_data(value, keep=WORDS)
            for key, value in content.items()
        }
        about = redactor.mask_data(metadata, keep=WORDS)
    except Exception:  # noqa: BLE001  # whatever it is, nothing must get out
        masked, about = _withheld(content), {}
    return message | {"content": masked, "metadata": about}


def _withheld(data: Any) -> Any:
    """The same form without any text that is not the protocol's."""
    if isinstance(data, dict):
        return {
            key: value if key in SIGNALS else _withheld(value)
            for key, value in data.items()
            if key in WORDS
        }
    if isinstance(data, (list, tuple)):
        return [_withheld(item) for item in data]
    return data if data is None or isinstance(data, (bool, int)) else WITHHELD
