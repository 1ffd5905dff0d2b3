# SPDX-License-Identifier: Apache-2.0
"""Bodies in both directions: framing, odd pieces, trailers, answers without a body, interim answers, back-pressure."""
import hashlib
import os
import random
import signal
import socket
import threading

import pytest

from harness import (DEADLINE, SANITIZED, Reader, Recorder, body_of, echo, fixed, is_closed, memory_kb, read_answer,
                     reply, template, until, until_stuck)

HOST = b"Host: a.example\r\n"
BIG = 10 * 1024 * 1024


def get(path=b"/", method=b"GET", version=b"HTTP/1.1"):
    return method + b" " + path + b" " + version + b"\r\n" + HOST + b"\r\n"


def post(headers, body=b""):
    return b"POST / HTTP/1.1\r\n" + HOST + headers + b"\r\n" + body


def chunked(body, sizes=(1, 2, 3, 5, 17, 300)):
    """The body in chunks of these sizes, over and over."""
    out, at, n = [], 0, 0
    while at < len(body):
        piece = body[at:at + sizes[n % len(sizes)]]
        out.append(b"%x\r\n%s\r\n" % (len(piece), piece))
        at += len(piece)
        n += 1
    return b"".join(out) + b"0\r\n\r\n"


def noise(n, seed=1):
    return random.Random(seed).randbytes(n)


class Scripts:
    """A target whose answer is chosen per test."""

    def __init__(self):
        self.script = echo

    def __call__(self, conn, reader, head):
        return self.script(conn, reader, head)


@pytest.fixture(scope="module")
def pair(shared_alb, shared_target):
    scripts = Scripts()
    target = shared_target(scripts)
    return shared_alb(template([target.address], logs=False)), target, scripts


@pytest.fixture
def ask(pair):
    """ask(script, raw): sends raw to the shared instance whose target runs script; the answer."""
    instance, _, scripts = pair

    def run(script, raw):
        scripts.script = script
        return instance.ask(raw)
    return run


# ---- the body of a request ----

@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("size", [0, 1, 2, 1000, 16384, 131072, 500001])
def test_request_body(ask, framing, size):
    """[RFC 9112 6] A request's body arrives whole, with the framing that the client chose."""
    body = noise(size)
    seen = []

    def script(conn, reader, head):
        seen.append((head, body_of(head, reader)))
        conn.sendall(reply())
    if framing == "length":
        raw = post(b"Content-Length: %d\r\n" % size, body)
    else:
        raw = post(b"Transfer-Encoding: chunked\r\n", chunked(body, (1, 1000, 70000)))
    assert ask(script, raw).status == 200
    (head, got), = seen
    expected = b"Content-Length: %d\r\n" % size if framing == "length" else b"Transfer-Encoding: chunked\r\n"
    assert expected in head
    assert hashlib.sha256(got).digest() == hashlib.sha256(body).digest()


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("secure", [False, True])
def test_request_byte_by_byte(alb, target, framing, secure):
    """[RFC 9112 7.1] A body may come one byte at a time; chunk sizes, data and trailers may be cut anywhere."""
    recorder = Recorder()
    instance = alb(template([target(recorder).address], logs=False, https=True))
    body = noise(300)
    if framing == "length":
        raw = post(b"Content-Length: 300\r\n", body)
    else:
        raw = post(b"Transfer-Encoding: chunked\r\n", chunked(body)[:-2] + b"X-T: 1\r\n\r\n")
    with (instance.connect_tls() if secure else instance.connect()) as sock:
        for n in range(len(raw)):
            sock.sendall(raw[n:n + 1])
        assert read_answer(sock).status == 200
        sock.sendall(get(b"/next"))
        assert read_answer(sock).status == 200
    assert [one.body for one in recorder.seen] == [body, b""]


@pytest.mark.parametrize("cut", range(1, 60))
def test_request_in_two_pieces(pair, cut):
    """[RFC 9112 2.2] Head, chunked body and the next request may be cut into packets anywhere."""
    instance, _, scripts = pair
    recorder = scripts.script = Recorder()
    raw = b"PUT / HTTP/1.1\r\n" + b"Host: a\r\n" + b"Transfer-Encoding: chunked\r\n\r\n" + b"3\r\nabc\r\n0\r\n\r\n"
    raw += b"GET /n HTTP/1.1\r\nHost: a\r\n\r\n"
    with instance.connect() as sock:
        sock.sendall(raw[:cut * 2])
        sock.sendall(raw[cut * 2:])
        reader = Reader(sock)
        assert [reader.answer().status for _ in range(2)] == [200, 200]
    assert [(one.line, one.body) for one in recorder.seen] == [(b"PUT / HTTP/1.1", b"abc"), (b"GET /n HTTP/1.1", b"")]


@pytest.mark.parametrize("body, kept", [
    (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
    (b"003\r\nabc\r\n000\r\n\r\n", b"abc"),
    (b"3;name=value\r\nabc\r\n0;x\r\n\r\n", b"abc"),
    (b"3 \t;n=\"v\"\r\nabc\r\n0\r\n\r\n", b"abc"),
    (b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", b"01234567890123456789"),
])
def test_chunk_lines(ask, body, kept):
    """[RFC 9112 7.1] Leading zeros, extensions and either case of hex digits are read; extensions do not go on."""
    recorder = Recorder()
    assert ask(recorder, post(b"Transfer-Encoding: chunked\r\n", body)).status == 200
    assert recorder.seen[0].body == kept


@pytest.mark.parametrize("body", [
    b"x\r\nabc\r\n0\r\n\r\n", b"\r\nabc\r\n", b";x\r\nabc\r\n", b"3\r\nabcX\r\n", b"3\r\nabc\rX", b"3\nabc\n0\n\n",
    b"3\r\nabc\n0\r\n\r\n", b"3\r\nabc\r\n0\r\nX: y\n\r\n", b"3\r\nabc\r\n0\r\nbad trailer\r\n\r\n",
    b"3;a\x01b\r\nabc\r\n0\r\n\r\n", b"fffffffffffffffff\r\n", b"8000000000000000\r\n", b"3;" + b"x" * 5000,
    b"0\r\n" + b"X-T: " + b"x" * 5000 + b"\r\n\r\n", b"0\r\n" + b"X-T: %s\r\n" % (b"x" * 1000) * 20 + b"\r\n",
    b"0\r\nX: a\r\n b\r\n\r\n",
])
def test_malformed_chunks(ask, body):
    """[data-plane D13, limits.def] A chunk that is malformed or over its limits: 400, and the connection ends."""
    whole = []

    def script(conn, reader, head):
        whole.append(body_of(head, reader))
    answer = ask(script, post(b"Transfer-Encoding: chunked\r\n", body))
    assert answer.status == 400 and answer.header("connection") == ["close"]
    assert not whole, "the target took it for a complete request"


def test_trailers_of_a_request(pair):
    """[RFC 9110 6.5.1] Trailers go on to the target; those that frame, route or authenticate do not."""
    instance, _, scripts = pair
    got = []

    def script(conn, reader, head):
        got.append((head, reader.chunked()))
        conn.sendall(reply())
    scripts.script = script
    trailers = (b"X-T: 1\r\nx-u:2\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\nConnection: x\r\n"
                b"Authorization: z\r\nX-Forwarded-For: 1.2.3.4\r\nContent_Length: 5\r\n")
    raw = post(b"Trailer: X-T\r\nTransfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\n" + trailers + b"\r\n")
    assert instance.ask(raw).status == 200
    (head, (body, seen)), = got
    assert b"Trailer: X-T\r\n" in head and body == b"abc"
    assert seen == b"X-T: 1\r\nx-u: 2\r\n"


def test_client_closes_in_its_body(simple):
    """[data-plane 7] The client closed before sending the full body: 400 in the log; the target's connection ends."""
    ended = threading.Event()

    def script(conn, reader, head):
        assert reader.rest() == b"abc"
        ended.set()
        return "close"
    instance, _ = simple(script)
    with instance.connect() as sock:
        port = sock.getsockname()[1]
        sock.sendall(post(b"Content-Length: 10\r\n", b"abc"))
        sock.shutdown(socket.SHUT_WR)
        answer = read_answer(sock)
        assert answer.status == 400
    assert ended.wait(DEADLINE)
    assert instance.until_failure("BODY_CUT")["status"] == 400
    (line,) = until(lambda: instance.lines_of(port), "its log line")
    assert line["elb_status"] == "400" and line["request_time"] != "-1" and line["target_time"] == "-1"


# ---- the body of an answer ----

@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("size", [0, 1, 2, 1000, 16384, 131072, 500001])
def test_answer_body(ask, framing, size):
    """[RFC 9112 6.3] An answer's body arrives whole; one that ends with the connection becomes chunked."""
    body = noise(size)
    head = {"length": b"Content-Length: %d\r\n" % size, "chunked": b"Transfer-Encoding: chunked\r\n", "close": b""}
    coded = chunked(body, (1, 1000, 70000)) if framing == "chunked" else body
    answer = ask(fixed(b"HTTP/1.1 200 OK\r\n" + head[framing] + b"\r\n" + coded, close=framing == "close"), get())
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(body).digest()
    assert answer.header("connection") == ["keep-alive"]
    if framing == "length":
        assert answer.header("content-length") == [str(size)] and answer.header("transfer-encoding") == []
    else:
        assert answer.header("content-length") == [] and answer.header("transfer-encoding") == ["chunked"]


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_answer_byte_by_byte(ask, framing):
    """[RFC 9112 7.1] An answer may come one byte at a time, trailers included."""
    body = noise(200)
    if framing == "length":
        raw = reply(body, headers=b"X-A: b\r\n")
    else:
        raw = b"HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n"
        raw += chunked(body)[:-2] + b"X-T: 1\r\n\r\n"

    def script(conn, reader, head):
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for n in range(len(raw)):
            conn.sendall(raw[n:n + 1])
    answer = ask(script, get())
    assert answer.body == body and answer.header("x-a") == ["b"]
    assert answer.trailers == (b"X-T: 1\r\n" if framing == "chunked" else b"")


def test_answer_is_passed_as_it_comes(pair):
    """[issue: no whole-body buffering] What a target sent reaches the client before the rest is there."""
    instance, _, scripts = pair
    on = threading.Event()

    def script(conn, reader, head):
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        assert on.wait(DEADLINE)
        conn.sendall(b"3\r\ndef\r\n0\r\n\r\n")
    scripts.script = script
    with instance.connect() as sock:
        sock.sendall(get())
        reader = Reader(sock)
        assert b"Transfer-Encoding: chunked" in reader.until(b"\r\n\r\n")
        assert reader.exactly(8) == b"3\r\nabc\r\n"
        on.set()
        assert reader.exactly(13) == b"3\r\ndef\r\n0\r\n\r\n"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
@pytest.mark.parametrize("headers", [b"", b"X-A: b\r\n"])
def test_answers_without_a_body(pair, status, headers):
    """[RFC 9112 6.3] 204 and 304 end with their head; the connections are kept."""
    instance, target, scripts = pair
    scripts.script = fixed(b"HTTP/1.1 " + status + b"\r\n" + headers + b"\r\n")
    with instance.connect() as sock:
        reader = Reader(sock)
        connections = None
        for _ in range(3):
            sock.sendall(get())
            answer = reader.answer()
            assert str(answer.status) == status[:3].decode() and answer.header("connection") == ["keep-alive"]
            assert answer.header("content-length") == answer.header("transfer-encoding") == []
            connections = connections or target.connections
        assert reader.data == b"" and target.connections == connections


def test_length_of_304_stays(ask):
    """[RFC 9110 15.4.5] A 304 may tell the length of what it does not send."""
    answer = ask(fixed(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: \"x\"\r\n\r\n"), get())
    assert answer.header("content-length") == ["1000"] and answer.header("etag") == ['"x"'] and answer.body == b""


@pytest.mark.parametrize("headers, length, coding", [
    (b"Content-Length: 1000\r\n", ["1000"], []), (b"Transfer-Encoding: chunked\r\n", [], ["chunked"]), (b"", [], [])])
def test_head(pair, headers, length, coding):
    """[RFC 9110 9.3.2] HEAD: the headers of the answer without its body; the connection goes on."""
    instance, _, scripts = pair
    scripts.script = fixed(b"HTTP/1.1 200 OK\r\n" + headers + b"X-A: b\r\n\r\n")
    with instance.connect() as sock:
        reader = Reader(sock)
        for _ in range(2):
            sock.sendall(get(method=b"HEAD"))
            answer = reader.answer(head=True)
            assert answer.status == 200 and answer.header("x-a") == ["b"] and reader.data == b""
            assert answer.header("content-length") == length and answer.header("transfer-encoding") == coding
            assert answer.header("connection") == ["keep-alive"]


@pytest.mark.parametrize("status, text", [(103, b"Early Hints"), (102, b"Processing")])
def test_interim_answers_pass(pair, status, text):
    """[data-plane D15] 102 and 103 are passed to HTTP/1.1 clients, in front of the answer."""
    instance, _, scripts = pair
    scripts.script = fixed((b"HTTP/1.1 %d %s\r\nLink: </a>\r\n\r\n" % (status, text)) * 2 + reply())
    with instance.connect() as sock:
        reader = Reader(sock)
        for _ in range(2):
            sock.sendall(get())
            for _ in range(2):
                interim = reader.answer()
                assert interim.status == status and interim.header("link") == ["</a>"]
                assert interim.header("connection") == interim.header("content-length") == []
            final = reader.answer()
            assert final.status == 200 and final.body == b"hello"


def test_interim_answer_long_before_the_final_one(pair):
    """[data-plane D15] An interim answer is passed at once, not together with the final one."""
    instance, _, scripts = pair
    on = threading.Event()

    def script(conn, reader, head):
        conn.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        assert on.wait(DEADLINE)
        conn.sendall(reply())
    scripts.script = script
    with instance.connect() as sock:
        sock.sendall(get())
        reader = Reader(sock)
        assert reader.answer().status == 103
        on.set()
        assert reader.answer().status == 200


def test_interim_answers_not_for_http10(pair):
    """[data-plane D15] An HTTP/1.0 client gets no 1xx."""
    instance, _, scripts = pair
    scripts.script = fixed(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + reply())
    assert instance.ask(get(version=b"HTTP/1.0")).status == 200


def test_unasked_continue_is_swallowed(ask):
    """[data-plane D15] 100 from the target never reaches the client."""
    answer = ask(fixed(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\nX: y\r\n\r\n" + reply()), get())
    assert answer.status == 200 and answer.body == b"hello"


@pytest.mark.parametrize("headers", [b"", b"Upgrade: websocket\r\nConnection: Upgrade\r\n"])
def test_unasked_switch_is_refused(ask, headers):
    """[data-plane D15] 101 only for a requested upgrade; unasked: 502."""
    answer = ask(fixed(b"HTTP/1.1 101 Switching Protocols\r\n" + headers + b"\r\n"), get())
    assert answer.status == 502


@pytest.mark.parametrize("given, gone", [
    (b"Connection: close, X-B\r\nX-A: 1\r\nX-B: 2\r\n", "x-b"),
    (b"Keep-Alive: timeout=5\r\nX-A: 1\r\n", "keep-alive"),
    (b"Upgrade: h2c\r\nX-A: 1\r\n", "upgrade"),
    (b"Proxy-Connection: close\r\nX-A: 1\r\n", "proxy-connection"),
])
def test_hop_by_hop_of_answers(ask, given, gone):
    """[RFC 9110 7.6.1] The target's connection headers are its own: the client's connection goes on."""
    answer = ask(fixed(reply(headers=given)), get())
    assert answer.header("connection") == ["keep-alive"] and answer.header("x-a") == ["1"]
    assert answer.header(gone) == []


def test_status_line_and_headers_of_answers_stay(ask):
    """[data-plane 1.7] Reason phrase, Server and repeated headers of the target pass through."""
    headers = b"Server: mine\r\nSet-Cookie: a\r\nset-cookie: b\r\n"
    answer = ask(fixed(reply(status=b"299 Very Fine", headers=headers)), get())
    assert (answer.status, answer.reason) == (299, "Very Fine")
    assert answer.header("server") == ["mine"] and answer.header("set-cookie") == ["a", "b"]
    assert [name for name, _ in answer.headers] == ["Server", "Set-Cookie", "set-cookie", "Content-Length",
                                                    "Connection"]


# ---- much of it ----

def receive_digest(sock, n):
    digest = hashlib.sha256()
    while n > 0:
        data = sock.recv(min(n, 262144))
        assert data, "closed too early"
        digest.update(data)
        n -= len(data)
    return digest.digest()


@pytest.mark.parametrize("secure", [False, True])
def test_ten_megabytes_both_ways(alb, target, secure):
    """[issue: bodies both ways with back-pressure] 10 MB up, and the same 10 MB down, arrive as they were sent."""
    data = noise(BIG)

    def script(conn, reader, head):
        body = body_of(head, reader)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        conn.sendall(body)
    instance = alb(template([target(script).address], logs=False, https=True))
    with (instance.connect_tls() if secure else instance.connect()) as sock:
        sock.sendall(post(b"Content-Length: %d\r\n" % BIG))
        sock.sendall(data)
        reader = Reader(sock)
        head = reader.until(b"\r\n\r\n")
        assert b"Content-Length: %d\r\n" % BIG in head
        rest = reader.exactly(len(reader.data))
        assert rest == data[:len(rest)]
        assert receive_digest(sock, BIG - len(rest)) == hashlib.sha256(data[len(rest):]).digest()


def test_chunked_megabytes_while_both_sides_talk(simple):
    """[issue: chunked bodies both ways] An answer that streams back while the request still comes is not mixed up."""
    def script(conn, reader, head):
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            size = int(reader.until(b"\r\n"), 16)
            data = reader.exactly(size)
            assert reader.exactly(2) == b"\r\n"
            conn.sendall(b"%x\r\n%s\r\n" % (size, data))
            if size == 0:
                return
    instance, _ = simple(script)
    data = noise(2 * 1024 * 1024)
    raw = chunked(data, (7, 100, 9000, 60000))
    with instance.connect() as sock:
        def send():
            sock.sendall(post(b"Transfer-Encoding: chunked\r\n"))
            sock.sendall(raw)
        sender = threading.Thread(target=send)
        sender.start()
        try:
            answer = read_answer(sock)
        finally:
            sender.join(DEADLINE)
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(data).digest()


BOUND_KB = 4 * 1024  # for what one worker may hold of a 40 MB body; blocks are 192 KB, scratch 176 KB


def test_slow_reader(simple):
    """[issue: no whole-body buffering] A client that does not read stops the target; memory stays bounded."""
    total = 40 * 1024 * 1024
    sent = [0]
    data = noise(65536)

    def script(conn, reader, head):
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while sent[0] < total:
            conn.sendall(data)
            sent[0] += len(data)
    instance, _ = simple(script, template={"logs": False})
    worker = instance.pids()["worker 0"]
    before = memory_kb(worker)
    with instance.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sock.sendall(get())
        held = until_stuck(lambda: sent[0], "the target's send blocks")
        assert held < total - len(data), "all was taken without a reader"
        if not SANITIZED:
            assert memory_kb(worker) - before < BOUND_KB
        reader = Reader(sock)
        reader.until(b"\r\n\r\n")
        count = len(reader.data)
        while count < total:
            piece = sock.recv(1 << 20)
            assert piece
            count += len(piece)
        assert count == total
        if not SANITIZED:
            assert memory_kb(worker) - before < BOUND_KB


def test_slow_target(simple):
    """[issue: back-pressure] A target that does not read makes the client's send block; the memory stays bounded."""
    total = 40 * 1024 * 1024
    on = threading.Event()
    received = [0]

    def script(conn, reader, head):
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        assert on.wait(DEADLINE)
        received[0] = len(reader.data)
        while received[0] < total:
            received[0] += len(conn.recv(1 << 20))
        conn.sendall(reply())
    instance, _ = simple(script, template={"logs": False})
    worker = instance.pids()["worker 0"]
    before = memory_kb(worker)
    sent = [0]
    data = noise(65536)
    with instance.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        sock.sendall(post(b"Content-Length: %d\r\n" % total))

        def send():
            while sent[0] < total:
                sock.sendall(data)
                sent[0] += len(data)
        sender = threading.Thread(target=send)
        sender.start()
        try:
            held = until_stuck(lambda: sent[0], "the client's send blocks")
            assert held < total - len(data), "all was taken without a reader"
            if not SANITIZED:
                assert memory_kb(worker) - before < BOUND_KB
        finally:
            on.set()
        answer = read_answer(sock)
        sender.join(DEADLINE)
    assert answer.status == 200 and received[0] == total


def test_answer_before_the_body_is_complete(simple):
    """[RFC 9112 9.3] An answer that comes before the request's body is complete goes on; then the connection closes."""
    def script(conn, reader, head):
        conn.sendall(reply(b"too much", b"413 Content Too Large"))
        reader.rest()
        return "close"
    instance, _ = simple(script)
    with instance.connect() as sock:
        sock.sendall(post(b"Content-Length: 1000000\r\n", b"abc"))
        answer = read_answer(sock)
        assert answer.status == 413 and answer.body == b"too much" and answer.header("connection") == ["close"]
        assert is_closed(sock)


# ---- large bodies: the fast path must know where they end ----

LARGE = 3 * 1024 * 1024


def test_request_behind_a_large_body(pair):
    """[RFC 9112 9.3.2] What is pipelined behind a large body is the next request, not part of the body."""
    instance, _, scripts = pair
    recorder = scripts.script = Recorder()
    data = noise(LARGE)
    with instance.connect() as sock:
        def send():
            for n in range(3):
                sock.sendall(post(b"Content-Length: %d\r\n" % LARGE) + data + get(b"/%d" % n))
        sender = threading.Thread(target=send)
        sender.start()
        reader = Reader(sock)
        try:
            assert [reader.answer().status for _ in range(6)] == [200] * 6
        finally:
            sender.join(DEADLINE)
    assert [one.line for one in recorder.seen] == [line for n in range(3) for line in
                                                   (b"POST / HTTP/1.1", b"GET /%d HTTP/1.1" % n)]
    assert all(one.body == (data if one.line.startswith(b"POST") else b"") for one in recorder.seen)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("secure", [False, True])
def test_large_answers_in_a_row(alb, target, framing, secure):
    """[RFC 9112 6.3] Large answers on one client connection stay whole and apart, however they are framed."""
    bodies = [noise(LARGE, seed) for seed in range(3)]

    def script(conn, reader, head):
        body = bodies[int(head.split(b" ")[1][1:])]
        start = {"length": b"Content-Length: %d\r\n" % len(body), "chunked": b"Transfer-Encoding: chunked\r\n",
                 "close": b""}
        conn.sendall(b"HTTP/1.1 200 OK\r\n" + start[framing] + b"\r\n")
        conn.sendall(chunked(body, (100000, 1, 300000)) if framing == "chunked" else body)
        return "close" if framing == "close" else None
    instance = alb(template([target(script).address], logs=False, https=True))
    with (instance.connect_tls() if secure else instance.connect()) as sock:
        reader = Reader(sock)
        sock.sendall(b"".join(get(b"/%d" % n) for n in range(3)))
        for n in range(3):
            assert hashlib.sha256(reader.answer().body).digest() == hashlib.sha256(bodies[n]).digest()
        assert reader.data == b""


def received_by(instance, sock):
    """Has the worker taken everything that was sent on this connection?"""
    def of(address, port):
        return f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}:{port:04X}"
    local, remote = of(instance.address, 8080), of("127.0.0.1", sock.getsockname()[1])
    rows = (line.split() for line in open("/proc/net/tcp"))
    return any(row[1:3] == [local, remote] and row[4].endswith(":00000000") for row in rows)


def test_large_head_and_large_body(pair):
    """[data-plane 1.6] A head within its limits is taken, however much of the body comes along with its last bytes."""
    instance, _, scripts = pair
    recorder = scripts.script = Recorder()
    data = noise(LARGE)
    head = (b"PUT /" + b"x" * 16000 + b" HTTP/1.1\r\n" + HOST + (b"X: " + b"x" * 7995 + b"\r\n") * 8
            + b"Content-Length: %d\r\n\r\n" % LARGE)
    worker = instance.pids()["worker 0"]
    with instance.connect() as sock:
        sock.sendall(post(b"Content-Length: %d\r\n" % LARGE, data))  # so that the kernel takes much at once
        reader = Reader(sock)
        assert reader.answer().status == 200
        sock.sendall(head[:-2])
        until(lambda: received_by(instance, sock), "the worker has read the first part of the head")
        os.kill(worker, signal.SIGSTOP)
        try:
            sock.sendall(head[-2:] + data[:LARGE // 8])
        finally:
            os.kill(worker, signal.SIGCONT)
        sock.sendall(data[LARGE // 8:])
        assert reader.answer().status == 200
    assert recorder.seen[1].body == data


def test_bytes_of_large_bodies_are_logged(simple):
    """[access-logs 1] Fields 11 and 12 count all bytes of request and answer, heads and framing included."""
    data = noise(LARGE)
    instance, _ = simple(lambda conn, reader, head: conn.sendall(reply(body_of(head, reader))))
    sizes = {}
    for raw in (post(b"Content-Length: %d\r\n" % LARGE, data),
                post(b"Transfer-Encoding: chunked\r\n", chunked(data, (100001,)))):
        with instance.connect() as sock:
            sender = threading.Thread(target=sock.sendall, args=(raw,))
            sender.start()
            reader = Reader(sock)
            answer = reader.answer()
            sender.join(DEADLINE)
            assert len(answer.body) == LARGE
            sizes[sock.getsockname()[1]] = (len(raw), len(answer.raw_head) + LARGE)
    assert instance.stop() == 0
    for port, size in sizes.items():
        (line,) = instance.lines_of(port)
        assert (int(line["received"]), int(line["sent"])) == size


def test_bytes_behind_an_answer(pair):
    """[RFC 9112 6.3] What a target sends behind its answer reaches nobody; its connection is not used again."""
    instance, target, scripts = pair
    first = reply(b"x" * 100000) + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
    answers = [first, reply(b"second")]
    served = []

    def script(conn, reader, head):
        served.append(conn)
        conn.sendall(answers[len(served) - 1])
    scripts.script = script
    with instance.connect() as sock:
        reader = Reader(sock)
        for body in (b"x" * 100000, b"second"):
            sock.sendall(get())
            assert reader.answer().body == body
    assert served[0] is not served[1]


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("part", [100, LARGE // 2])
def test_answer_cut_by_the_target(simple, framing, part):
    """[data-plane 7] An answer that breaks off is cut for the client, too: it can tell, and the end has a name."""
    def script(conn, reader, head):
        start = b"Content-Length: %d\r\n" % LARGE if framing == "length" else b"Transfer-Encoding: chunked\r\n"
        conn.sendall(b"HTTP/1.1 200 OK\r\n" + start + b"\r\n" + (b"" if framing == "length" else b"%x\r\n" % LARGE))
        conn.sendall(b"x" * part)
        return "close"
    instance, _ = simple(script)
    with instance.connect() as sock:
        sock.sendall(get())
        reader = Reader(sock)
        reader.until(b"\r\n\r\n")
        rest = reader.rest()
        assert len(rest) < LARGE and not rest.endswith(b"0\r\n\r\n")
    row = instance.until_failure("ANSWER_CUT_BY_TARGET")
    assert (row["status"], row["fault"]) == (200, "target")


@pytest.mark.parametrize("part", [100, LARGE // 2])
def test_large_body_cut_by_the_client(simple, part):
    """[data-plane 7] A client that closes in the middle of a large body: the target never takes it for complete."""
    got = []

    def script(conn, reader, head):
        got.append(len(reader.rest()))
        return "close"
    instance, _ = simple(script)
    with instance.connect() as sock:
        sock.sendall(post(b"Content-Length: %d\r\n" % LARGE) + b"x" * part)
        sock.shutdown(socket.SHUT_WR)
        assert read_answer(sock).status == 400
    assert until(lambda: got, "the end at the target")[0] <= part
    assert instance.until_failure("BODY_CUT")["status"] == 400
