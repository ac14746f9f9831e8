"""Servers between a store and Redis: one that loses answers, one that says one thing only."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Wire:
    """Listens on a loopback port and serves every connection in a thread."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        self._open: list[socket.socket] = [self._server]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self._open.append(client)
                thread = threading.Thread(target=self._served, args=(client,))
                self._threads.append(thread)
                thread.start()

    def _served(self, client: socket.socket) -> None:
        with suppress(OSError):
            self.serve(client)
        client.close()

    def serve(self, client: socket.socket) -> None:
        raise NotImplementedError

    def close(self) -> None:
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()


class Swallower(Wire):
    """Passes everything on, but loses the answers to the next `lose` commands with the mark.

    Silent, it only keeps quiet; otherwise it also ends the connection.
    """

    def __init__(self, path: str, mark: bytes, *, silent: bool = False) -> None:
        self._path = path
        self._mark = mark
        self._silent = silent
        self.lose = 1
        self.seen = 0
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        with socket.socket(socket.AF_UNIX) as redis:
            redis.connect(self._path)
            while asked := client.recv(1 << 16):
                redis.sendall(asked)
                answer = redis.recv(1 << 16)  # the tests' commands are small: one read, one answer
                self.seen += self._mark in asked
                if self._mark in asked and self.lose:
                    self.lose -= 1
                    if not self._silent:
                        return
                else:
                    client.sendall(answer)


class Parrot(Wire):
    """Takes every handshake, unless told otherwise, and answers the rest with one line."""

    def __init__(self, line: bytes, *, to: bytes = b"") -> None:
        self._line = line + b"\r\n"
        self._to = to
        self.asked: list[bytes] = []
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        while asked := client.recv(1 << 16):
            self.asked.append(asked)
            handshake = any(word in asked for word in (b"CLIENT", b"SELECT", b"AUTH"))
            mine = self._to in asked if self._to else not handshake
            client.sendall(self._line if mine else b"+OK\r\n")
