"""What lies between a store and its server, and can fail: a TCP relay that is told what to lose."""

import contextlib
import socket
import threading
from typing import Self

from sqlalchemy import URL


class Network:
    """Relays to a server on a port of its own. As a context manager it ends with its block."""

    def __init__(self, server: URL) -> None:
        self._server = (server.host, server.port)
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lost: tuple[bytes, bool] | None = None
        self._listen(0)
        self._port = self._listener.getsockname()[1]
        self.url = server.set(host="127.0.0.1", port=self._port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.fail()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def lose_connection_at(self, statement: str, *, delivered: bool) -> None:
        """Cut the next connection that sends `statement`.

        `delivered`: the server still gets it, but its answer is lost.
        """
        self._lost = statement.encode() + b"\0", delivered  # as the protocol ends it

    def cut(self) -> None:
        """Cut every connection; new ones work."""
        for each in list(self._sockets):
            _close(each)

    def fail(self) -> None:
        """Cut every connection and take no other."""
        _close(self._listener)
        self.cut()

    def come_back(self) -> None:
        """Take connections again, at the same address."""
        self._listen(self._port)

    def _listen(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._start(self._accept, self._listener)

    def _start(self, target: object, *arguments: object) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                client = listener.accept()[0]
                server = socket.create_connection(self._server)
                self._sockets |= {client, server}
                self._start(self._send, client, server)
                self._start(self._receive, server, client)

    def _send(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65_536):
                if self._lost is not None and self._lost[0] in data:
                    return self._lose(data, client, server)
                server.sendall(data)
        _close(server)
        return None

    def _lose(self, data: bytes, client: socket.socket, server: socket.socket) -> None:
        assert self._lost is not None
        delivered, self._lost = self._lost[1], None
        _close(client)
        if delivered:
            server.sendall(data)
            server.shutdown(socket.SHUT_WR)  # the server answers nobody, and ends
        else:
            _close(server)

    def _receive(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65_536):
                client.sendall(data)
        _close(client)


def _close(each: socket.socket) -> None:
    """Also wakes a thread that waits for it."""
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
