# SPDX-License-Identifier: Apache-2.0
"""What becomes of a request's head on its way to the target, and how a client connection carries requests."""
import fcntl
import re
import socket
import struct
import termios
import threading

import pytest

from harness import (DEADLINE, SANITIZED, Reader, Recorder, echo, listener, memory_kb, read_answer, reply, template,
                     until, until_stuck)

HOST = b"Host: a.example\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"


@pytest.fixture(scope="module")
def recorder():
    return Recorder()


@pytest.fixture(scope="module")
def web(shared_alb, shared_target, recorder):
    """One instance with listeners 8080, 8443 and 80 before a target that remembers."""
    target = shared_target(recorder)
    return shared_alb(template([target.address], https=True, more={"Eighty": listener(80)}))


def sent(web, recorder, raw, port=8080):
    """The request as the target saw it."""
    before = len(recorder.seen)
    answer = web.ask(raw, port)
    assert answer.status == 200, answer
    (seen,) = recorder.seen[before:]
    return seen


def head(headers=b"", line=b"GET / HTTP/1.1", host=HOST):
    return line + b"\r\n" + host + headers + b"\r\n"


# ---- the request line and the headers ----

@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"PURGE",
                                    b"get", b"M-SEARCH"])
def test_methods_pass(web, recorder, method):
    """[data-plane B] Any method token is accepted but TRACE, and goes on as it was written."""
    assert sent(web, recorder, head(line=method + b" /x HTTP/1.1")).line == method + b" /x HTTP/1.1"


@pytest.mark.parametrize("uri", [b"/", b"//a//b", b"/a/../b", b"/%41%2f%00", b"/?", b"/?a=b&c=%20", b"/a?b?c", b"/\xe4",
                                 b"/a;b=c", b"/a#b", b"/" + b"x" * 8000])
def test_uri_goes_on_as_sent(web, recorder, uri):
    """[access-logs 1.2] The URL is neither normalised nor decoded."""
    assert sent(web, recorder, head(line=b"GET " + uri + b" HTTP/1.1")).line == b"GET " + uri + b" HTTP/1.1"


def test_header_order_and_spelling(web, recorder):
    """[data-plane 5.5] From HTTP/1.1 clients names keep their spelling; order and repetition stay."""
    seen = sent(web, recorder, head(b"x-b: 1\r\nX-A:2\r\nx-B:  3 \t\r\nCookie: a=b\r\nCookie: c=d\r\nX-E:\r\n"))
    assert seen.headers[5:] == [(b"x-b", b"1"), (b"X-A", b"2"), (b"x-B", b"3"), (b"Cookie", b"a=b"),
                                (b"Cookie", b"c=d"), (b"X-E", b"")]


@pytest.mark.parametrize("port, line, host, expected", [
    (80, b"GET / HTTP/1.1", b"Host: example.com\r\n", b"example.com"),
    (80, b"GET / HTTP/1.1", b"Host: example.com:80\r\n", b"example.com"),
    (80, b"GET / HTTP/1.1", b"Host: example.com:9999\r\n", b"example.com"),
    (8080, b"GET / HTTP/1.1", b"Host: example.com\r\n", b"example.com:8080"),
    (8080, b"GET / HTTP/1.1", b"Host: example.com:8080\r\n", b"example.com:8080"),
    (8080, b"GET / HTTP/1.1", b"Host: example.com:9999\r\n", b"example.com:9999"),
    (8080, b"GET / HTTP/1.1", b"Host: example.com:\r\n", b"example.com:8080"),
    (80, b"GET / HTTP/1.1", b"Host: EXAMPLE.Com\r\n", b"example.com"),
    (80, b"GET / HTTP/1.1", b"host:\texample.com \r\n", b"example.com"),
    (80, b"GET / HTTP/1.1", b"Host: 10.0.0.1\r\n", b"10.0.0.1"),
    (8080, b"GET / HTTP/1.1", b"Host: [2001:DB8::7]\r\n", b"[2001:db8::7]:8080"),
    (80, b"GET / HTTP/1.1", b"Host: [::1]:443\r\n", b"[::1]"),
    (80, b"GET https://dns_name/x HTTP/1.1", b"Host: example.com\r\n", b"dns_name"),
    (8080, b"GET http://dns-name/x HTTP/1.1", b"Host: example.com:1\r\n", b"dns-name:8080"),
    (8080, b"GET http://dns-name:7/x HTTP/1.1", b"Host: example.com:1\r\n", b"dns-name:7"),
    (8080, b"GET http://dns-name HTTP/1.1", b"Host:\r\n", b"dns-name:8080"),
])
def test_host(web, recorder, port, line, host, expected):
    """[data-plane 5.4, D20] 80 and 443: no port; other ports: the client's or the listener's; lower case."""
    assert sent(web, recorder, head(line=line, host=host), port).header(b"Host") == [expected]


def test_http10_without_host(web, recorder):
    """[data-plane 1.2] HTTP/1.0 without Host: the load balancer's DNS name goes to the target."""
    (host,) = sent(web, recorder, b"GET / HTTP/1.0\r\n\r\n", 80).header(b"Host")
    assert re.fullmatch(rb"web-[0-9a-z]+\.us-east-1\.elb\.localhost", host)


@pytest.mark.parametrize("given, expected", [
    (b"", b"127.0.0.1"),
    (b"X-Forwarded-For: 192.0.2.1\r\n", b"192.0.2.1, 127.0.0.1"),
    (b"x-forwarded-for: 192.0.2.1, 192.0.2.2\r\n", b"192.0.2.1, 192.0.2.2, 127.0.0.1"),
    (b"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n", b"192.0.2.1, 192.0.2.2, 127.0.0.1"),
    (b"X-Forwarded-For:\r\n", b"127.0.0.1"),
    (b"X-Forwarded-For : 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n", b"192.0.2.1, 192.0.2.2, 127.0.0.1"),
    (b"X-Forwarded-For: " + b", ".join([b"192.0.2.1"] * 30) + b"\r\n",
     b", ".join([b"192.0.2.1"] * 30) + b", 127.0.0.1"),
])
def test_x_forwarded_for(web, recorder, given, expected):
    """[data-plane 5.1] append mode: the peer's address behind what came, comma and blank between."""
    assert sent(web, recorder, head(given)).header(b"X-Forwarded-For") == [expected]


@pytest.mark.parametrize("given", [
    b"X-Forwarded-For: " + b",".join([b"192.0.2.1"] * 31) + b"\r\n",
    (b"X-Forwarded-For: " + b", ".join([b"192.0.2.1"] * 16) + b"\r\n") * 2,
])
def test_x_forwarded_for_too_long(web, recorder, given):
    """[data-plane 5.1] More than 30 addresses in the incoming header: 463."""
    before = len(recorder.seen)
    assert web.ask(head(given)).status == 463
    assert len(recorder.seen) == before


@pytest.mark.parametrize("port, proto", [(80, b"http"), (8080, b"http"), (8443, b"https")])
def test_x_forwarded_proto_and_port(web, recorder, port, proto):
    """[data-plane 5.2] The listener's protocol and port replace what came."""
    raw = head(b"X-Forwarded-Proto: gopher\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Port: 2\r\n")
    with (web.connect_tls() if port == 8443 else web.connect(port)) as sock:
        sock.sendall(raw)
        assert read_answer(sock).status == 200
    seen = recorder.seen[-1]
    assert seen.header(b"X-Forwarded-Proto") == [proto]
    assert seen.header(b"X-Forwarded-Port") == [b"%d" % port]


ID = rb"1-[0-9a-f]{8}-[0-9a-f]{24}"


@pytest.mark.parametrize("given, expected", [
    (None, rb"Root=" + ID),
    (b"", rb"Root=" + ID),
    (b"Root=1-67891233-abcdef012345678912345678", rb"Self=" + ID + rb";Root=1-67891233-abcdef012345678912345678"),
    (b"Root=1-67891233-abcdef012345678912345678;CalledFrom=app",
     rb"Self=" + ID + rb";Root=1-67891233-abcdef012345678912345678;CalledFrom=app"),
    (b"Self=1-67891233-000000000000000000000000;Root=1-67891233-abcdef012345678912345678",
     rb"Self=1-(?!67891233-0{24})[0-9a-f]{8}-[0-9a-f]{24};Root=1-67891233-abcdef012345678912345678"),
    (b"CalledFrom=app", rb"Root=" + ID + rb";CalledFrom=app"),
    (b"Root=1-67891233-abcdef012345678912345678;A=" + b"x" * 7200, rb"Root=1-(?!67891233-abc)[0-9a-f]{8}-[0-9a-f]{24}"),
])
def test_trace_id(web, recorder, given, expected):
    """[data-plane 5.3] Root is made when absent, Self put in front when present, other fields stay, over 7 KB anew."""
    seen = sent(web, recorder, head(b"" if given is None else b"X-Amzn-Trace-Id: " + given + b"\r\n"))
    (value,) = seen.header(b"X-Amzn-Trace-Id")
    assert re.fullmatch(expected, value), value


@pytest.mark.parametrize("given, gone", [
    (b"Connection: X-A, x-b\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\n", [b"Connection", b"X-A", b"X-B"]),
    (b"Connection: close\r\nKeep-Alive: timeout=5\r\nX-C: 3\r\n", [b"Connection", b"Keep-Alive"]),
    (b"Proxy-Connection: keep-alive\r\nTE: trailers\r\nX-C: 3\r\n", [b"Proxy-Connection", b"TE"]),
    (b"Connection: Upgrade\r\nUpgrade: h2c\r\nX-C: 3\r\n", [b"Connection", b"Upgrade"]),
    (b"Connection: User-Agent\r\nUser-Agent: x\r\nX-C: 3\r\n", [b"User-Agent"]),
    (b"Connection: Expect\r\nExpect: 100-continue\r\nX-C: 3\r\n", [b"Expect"]),
])
def test_hop_by_hop(web, recorder, given, gone):
    """[data-plane D14] Connection and the fields that it names do not go on."""
    seen = sent(web, recorder, head(given))
    assert seen.header(b"X-C") == [b"3"]
    for name in gone:
        assert seen.header(name) == []


@pytest.mark.parametrize("name", [b"Host", b"Content-Length", b"Transfer-Encoding"])
def test_connection_cannot_name_framing(web, recorder, name):
    """[data-plane D14] Framing and Host are excepted from what Connection can remove."""
    framing = b"Content-Length: 3\r\n\r\nabc"
    if name == b"Transfer-Encoding":
        framing = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    seen = sent(web, recorder, b"POST / HTTP/1.1\r\n" + HOST + b"Connection: %s\r\n" % name + framing)
    assert len(seen.header(name)) == 1 and seen.body == b"abc"


def test_nothing_else_is_added(web, recorder):
    """[data-plane 5.2] No X-Forwarded-Host, Forwarded, X-Real-IP or Via is added; Accept-Encoding stays away."""
    seen = sent(web, recorder, GET)
    assert [name for name, _ in seen.headers] == [b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Port",
                                                  b"Host", b"X-Amzn-Trace-Id"]


# ---- one connection, many requests ----

def test_keep_alive(web, recorder):
    """[RFC 9112 9.3] An HTTP/1.1 connection carries one request after the other, over one target connection."""
    with web.connect() as sock:
        reader = Reader(sock)
        for number in range(20):
            sock.sendall(head(line=b"GET /%d HTTP/1.1" % number))
            answer = reader.answer()
            assert answer.status == 200 and answer.header("connection") == ["keep-alive"]
    assert [one.line for one in recorder.seen[-20:]] == [b"GET /%d HTTP/1.1" % n for n in range(20)]
    assert len({one.connection for one in recorder.seen[-20:]}) == 1


@pytest.mark.parametrize("line, headers, kept", [
    (b"GET / HTTP/1.1", b"", True),
    (b"GET / HTTP/1.1", b"Connection: close\r\n", False),
    (b"GET / HTTP/1.1", b"connection: x, Close\r\n", False),
    (b"GET / HTTP/1.1", b"Connection: keep-alive\r\nConnection: close\r\n", False),
    (b"GET / HTTP/1.0", b"", False),
    (b"GET / HTTP/1.0", b"Connection: keep-alive\r\n", True),
    (b"GET / HTTP/1.0", b"Connection: Keep-Alive, close\r\n", False),
    (b"GET / HTTP/1.5", b"", True),
])
def test_connection_header_is_honoured(web, line, headers, kept):
    """[data-plane 1.4] The client's Connection header is honoured after the response; HTTP/1.0 keeps by header."""
    with web.connect() as sock:
        reader = Reader(sock)
        sock.sendall(head(headers, line))
        answer = reader.answer()
        assert answer.status == 200
        assert answer.header("connection") == ["keep-alive" if kept else "close"]
        if kept:
            sock.sendall(GET)
            assert reader.answer().status == 200
        else:
            assert reader.rest() == b""


@pytest.mark.parametrize("secure", [False, True])
def test_pipelining(web, recorder, secure):
    """[data-plane 1.2] Pipelined requests are answered in order, and never pipelined towards a target."""
    count = 100  # more than one turn of the loop takes
    raw = b"".join(head(line=b"GET /p%d HTTP/1.1" % n) for n in range(count))
    before = len(recorder.seen)
    with (web.connect_tls() if secure else web.connect()) as sock:
        reader = Reader(sock)
        sock.sendall(raw)
        for _ in range(count):
            assert reader.answer().status == 200
        assert reader.data == b""
    assert [one.line for one in recorder.seen[before:]] == [b"GET /p%d HTTP/1.1" % n for n in range(count)]


def test_pipelining_keeps_answers_apart(simple):
    """[RFC 9112 9.3.2] Each pipelined request gets its own answer, bodies of requests included."""
    instance, _ = simple(echo)
    bodies = [b"%d" % (n % 10) * (n * 500) for n in range(20)]
    raw = b"".join(b"POST /%d HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (n, HOST, len(body), body)
                   for n, body in enumerate(bodies))
    with instance.connect() as sock:
        sock.sendall(raw)
        reader = Reader(sock)
        for n in range(20):
            answer = reader.answer()
            assert answer.body.startswith(b"POST /%d HTTP/1.1\r\n" % n)
            assert answer.body.endswith(b"\r\n\r\n" + bodies[n])


def test_pipelining_without_reading(alb):
    """[limits.def PIPELINE_BYTES_MAX] A client that asks on and reads nothing makes the load balancer stop reading."""
    redirect = [{"Type": "redirect", "RedirectConfig": {"Port": "81", "StatusCode": "HTTP_301"}}]
    instance = alb(template(more={"Http": listener(8080, actions=redirect)}, logs=False))
    worker = instance.pids()["worker 0"]
    before = memory_kb(worker)
    count = 30000  # some 12 MB of answers
    raw = b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(count))
    with instance.connect() as sock:
        sender = threading.Thread(target=sock.sendall, args=(raw,))
        sender.start()
        until_stuck(lambda: struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, bytes(4)))[0],
                    "no more answers come")
        if not SANITIZED:
            assert memory_kb(worker) - before < 4096
        data = bytearray()
        last = b"Location: http://a:81/%d\r\n" % (count - 1)
        while data[-9:] != b"</html>\r\n" or last not in data[-1000:]:
            piece = sock.recv(1 << 20)
            assert piece
            data += piece
        sender.join(DEADLINE)
    assert re.findall(rb"\r\nLocation: http://a:81/(\d+)\r\n", data) == [b"%d" % n for n in range(count)]


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("bad, status", [
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/2.0\r\n\r\n", 505),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n", 501),
    (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: x\r\n\r\n", 417),
])
def test_nothing_after_a_refused_request(web, recorder, bad, status, secure):
    """[data-plane D18] Pipelined requests behind a refused one are never processed; its answer can be read."""
    before = len(recorder.seen)
    with (web.connect_tls() if secure else web.connect()) as sock:
        sock.sendall(head(line=b"GET /one HTTP/1.1") + bad + head(line=b"GET /two HTTP/1.1") * 50)
        reader = Reader(sock)
        assert reader.answer().status == 200
        refused = reader.answer()
        assert refused.status == status and refused.header("connection") == ["close"]
        assert reader.rest() == b""
    assert [one.line for one in recorder.seen[before:]] == [b"GET /one HTTP/1.1"]


def test_nothing_after_close(web, recorder):
    """[RFC 9112 9.6] What is pipelined behind `Connection: close` is not served."""
    before = len(recorder.seen)
    with web.connect() as sock:
        sock.sendall(head(b"Connection: close\r\n", b"GET /one HTTP/1.1") + head(line=b"GET /two HTTP/1.1"))
        reader = Reader(sock)
        assert reader.answer().status == 200
        assert reader.rest() == b""
    assert [one.line for one in recorder.seen[before:]] == [b"GET /one HTTP/1.1"]


def test_lingering_close(web):
    """[data-plane D18] A refused client that goes on sending can still read its answer before the connection ends."""
    with web.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n" + b"x" * 500000)
        reader = Reader(sock)
        assert reader.answer().status == 400
        sock.sendall(b"x" * 100)
        assert reader.rest() == b""


def test_large_body_that_nobody_wants(web):
    """[data-plane D18] A client that first sends all of a large body can still read the answer that did not wait for it."""
    size = 20_000_000
    with web.connect() as sock:
        sock.sendall(b"TRACE / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % size)
        sock.sendall(b"x" * size)
        assert read_answer(sock).status == 405


@pytest.mark.parametrize("secure", [False, True])
def test_typed_by_hand(web, recorder, secure):
    """[RFC 9112 2.2] A head may come byte by byte."""
    raw = head(b"X-A: b\r\nX-C: d\r\n", b"POST /typed HTTP/1.1")[:-2] + b"Content-Length: 5\r\n\r\nhello"
    with (web.connect_tls() if secure else web.connect()) as sock:
        for n in range(len(raw)):
            sock.sendall(raw[n:n + 1])
        assert read_answer(sock).status == 200
    seen = recorder.seen[-1]
    assert seen.line == b"POST /typed HTTP/1.1" and seen.header(b"X-C") == [b"d"] and seen.body == b"hello"


def test_typed_with_bare_line_feeds(web, recorder):
    """[data-plane D13] A bare LF ends a line; the line goes on with CRLF."""
    with web.connect() as sock:
        for line in (b"GET /lf HTTP/1.1\n", b"Host: a.example\n", b"X-A: b\n", b"\n"):
            sock.sendall(line)
        assert read_answer(sock).status == 200
    assert b"X-A: b\r\n" in recorder.seen[-1].head


@pytest.mark.parametrize("empty, status", [(b"\r\n", 200), (b"\r\n\r\n", 200), (b"\n", 200), (b"\r\n\r\n\r\n", 400)])
def test_empty_lines_in_front(web, empty, status):
    """[RFC 9112 2.2] Empty lines in front of a request line are passed over, two at the most."""
    assert web.ask(empty + GET).status == status


def test_empty_line_between_requests(web):
    """[RFC 9112 2.2] An empty line behind a body, as old clients send it, does no harm."""
    with web.connect() as sock:
        sock.sendall(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc\r\n" + GET)
        reader = Reader(sock)
        assert [reader.answer().status for _ in range(2)] == [200, 200]


# ---- Expect ----

def test_continue_is_sent_at_once(web, recorder):
    """[data-plane 1.4] 100 Continue at once, without looking at Content-Length; Expect is not forwarded."""
    with web.connect() as sock:
        reader = Reader(sock)
        sock.sendall(b"PUT /e HTTP/1.1\r\n" + HOST + b"Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n")
        assert reader.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"hello")
        assert reader.answer().status == 200
    seen = recorder.seen[-1]
    assert seen.header(b"Expect") == [] and seen.body == b"hello"


def test_no_continue_for_http10(web):
    """[data-plane D11] 100 Continue for HTTP/1.1 only."""
    answer = web.ask(b"PUT / HTTP/1.0\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello")
    assert answer.status == 200


def test_continue_of_target_is_swallowed(simple):
    """[data-plane D15] A 100 of the target is swallowed after ours: the client sees one."""
    def script(conn, reader, head):
        conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        reader.exactly(5)
        conn.sendall(reply())
    instance, _ = simple(script)
    with instance.connect() as sock:
        reader = Reader(sock)
        sock.sendall(b"PUT / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert reader.answer().status == 100
        sock.sendall(b"hello")
        assert reader.answer().status == 200


@pytest.mark.parametrize("value", [b"x", b"100-continue, x", b"100-continued"])
def test_other_expectation(web, recorder, value):
    """[data-plane D11] Any other expectation: 417, and no target sees the request."""
    before = len(recorder.seen)
    raw = b"PUT / HTTP/1.1\r\n" + HOST + b"Expect: " + value + b"\r\nContent-Length: 5\r\n\r\n"
    assert web.ask(raw).status == 417
    assert len(recorder.seen) == before


# ---- methods that are refused ----

@pytest.mark.parametrize("line", [b"TRACE / HTTP/1.1", b"CONNECT a.example:443 HTTP/1.1"])
def test_refused_methods(web, recorder, line):
    """[data-plane 1.2] TRACE is refused with 405 (and CONNECT: this is no forward proxy)."""
    before = len(recorder.seen)
    answer = web.ask(head(line=line))
    assert (answer.status, answer.reason) == (405, "Not Allowed")
    assert len(recorder.seen) == before


# ---- HTTP/1.0 ----

def test_http10_answer_is_never_chunked(simple):
    """[data-plane D10] The target gets HTTP/1.1; a chunked answer goes to an HTTP/1.0 client bare, until close."""
    def script(conn, reader, head):
        assert head.startswith(b"GET / HTTP/1.1\r\n")
        conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
                     b"3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-T: 1\r\n\r\n")
    instance, _ = simple(script)
    answer = instance.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert answer.header("transfer-encoding") == [] and answer.header("content-length") == []
    assert answer.header("connection") == ["close"] and answer.body == b"abcdefg"


def test_http10_keeps_a_connection_with_length(simple):
    """[data-plane D10] With a length an HTTP/1.0 connection is kept when the client asks for it."""
    instance, _ = simple(echo)
    with instance.connect() as sock:
        reader = Reader(sock)
        for _ in range(3):
            sock.sendall(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            answer = reader.answer()
            assert answer.status == 200 and answer.header("connection") == ["keep-alive"]


# ---- a client that leaves ----

def test_client_leaves_while_waiting(simple):
    """[data-plane 7] The client closed while the load balancer waited: 460 in the log, times r -1 -1 [D22]."""
    asked = threading.Event()

    def script(conn, reader, head):
        asked.set()
        assert reader.rest() == b""  # the load balancer closes: there is nobody to answer
        return "close"
    instance, _ = simple(script)
    with instance.connect() as sock:
        port = sock.getsockname()[1]
        sock.sendall(GET)
        assert asked.wait(DEADLINE)
    failure = instance.until_failure("CLIENT_GONE")
    assert (failure["status"], failure["fault"], failure["client"]) == (460, "client", f"127.0.0.1:{port}")
    (line,) = until(lambda: instance.lines_of(port), "its log line")
    assert (line["elb_status"], line["target_status"], line["sent"]) == ("460", "-", "0")
    assert float(line["request_time"]) >= 0 and (line["target_time"], line["response_time"]) == ("-1", "-1")


def test_client_shuts_down_while_waiting(simple):
    """[data-plane 7] A closed sending side counts as gone while the load balancer waits for the target."""
    instance, target = simple(lambda conn, reader, head: reader.rest() and None)
    with instance.connect() as sock:
        sock.sendall(GET)
        until(lambda: target.requests, "the request at the target")
        sock.shutdown(socket.SHUT_WR)
        assert Reader(sock).rest() == b""
    instance.until_failure("CLIENT_GONE")
