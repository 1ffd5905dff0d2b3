# SPDX-License-Identifier: Apache-2.0
"""What happens between the load balancer and its targets: choice, connections, answers of all kinds, ends."""
import hashlib
import os
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import threading

import pytest

import harness
from harness import Closed, Reader, body_of, read_answer, reply, target_group, template, until

GET = b"GET /x HTTP/1.1\r\nHost: web.test\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: web.test\r\nContent-Length: 0\r\n\r\n"
HASTY = {"idle_timeout.timeout_seconds": "1"}


class Lab:
    """An instance with one target whose script each test sets anew."""

    def __init__(self, alb, target):
        self.alb, self.target = alb, target

    def ask(self, script, request=GET):
        """Sends a request on a fresh connection: (answer, client port)."""
        self.target.script = script
        with self.alb.connect() as sock:
            sock.sendall(request)
            return read_answer(sock, head=request.startswith(b"HEAD ")), sock.getsockname()[1]

    def seen(self):
        return len(self.target.requests)


def make_lab(shared_alb, shared_target, **attributes):
    target = shared_target()
    alb = shared_alb(template([target.address], attributes=attributes))
    alb.until_health(target.address, "healthy")
    return Lab(alb, target)


@pytest.fixture(scope="module")
def lab(shared_alb, shared_target):
    return make_lab(shared_alb, shared_target)


@pytest.fixture(scope="module")
def hasty(shared_alb, shared_target):
    """As lab, with an idle timeout of one second."""
    return make_lab(shared_alb, shared_target, **HASTY)


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory):
    """A server context with a certificate nobody can like: self-signed, expired, for another name."""
    folder = tmp_path_factory.mktemp("tls")
    key, request, certificate = (str(folder / name) for name in ("key.pem", "request.pem", "certificate.pem"))
    openssl = harness.tool("openssl")
    subprocess.run([openssl, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", request, "-subj", "/CN=other.test"], check=True, capture_output=True)
    subprocess.run([openssl, "x509", "-req", "-in", request, "-signkey", key, "-days", "0", "-out", certificate],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def refused_port():
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return gone.getsockname()[:2]


def name(where):
    return "%s:%d" % tuple(where)


def answered_by(alb, count, request=GET):
    """Which target answered each of `count` requests, by the bodies of `me`."""
    return [alb.ask(request).body.decode() for _ in range(count)]


def me(conn, reader, head):
    body_of(head, reader)
    conn.sendall(reply(name(conn.getsockname()).encode()))


# ---- what takes its time: begun before the first test, asserted by the last ones ----

class Patience:
    """Targets that fail their checks (5 s), and two requests that wait for targets that do not accept (10 s)."""

    def __init__(self, shared_alb, shared_target):
        self.bad = [shared_target(me, health=500) for _ in range(3)]
        self.good = shared_target(me)
        self.mute = shared_target(lambda conn: Reader(conn).rest(), raw=True)
        self.full = full_listener()
        groups = {"bad": [t.address for t in self.bad[:2]], "mixed": [self.bad[2].address, self.good.address],
                  "tcp": [self.full[0].getsockname()], "tls": [self.mute.address]}
        more = {}
        for number, (group, where) in enumerate(groups.items()):
            more[f"Group{number}"] = target_group(where, name=group, Protocol="HTTPS" if group == "tls" else "HTTP")
            more[f"Rule{number}"] = harness.rule(number + 1, [{"Field": "path-pattern", "Values": [f"/{group}"]}],
                                                 harness.forward(f"Group{number}"))
        self.alb = shared_alb(template([self.good.address], more=more))
        self.clients = {}
        for path in ("tcp", "tls"):
            self.clients[path] = self.alb.connect()
            self.clients[path].sendall(b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())


def full_listener():
    """A listening socket whose queue is full: whoever connects hangs. With it what fills the queue."""
    sockets = [socket.socket()]
    sockets[0].bind(("127.0.0.1", 0))
    sockets[0].listen(0)
    for _ in range(8):
        sockets.append(socket.socket())
        sockets[-1].setblocking(False)
        sockets[-1].connect_ex(sockets[0].getsockname())
    return sockets


@pytest.fixture(scope="module", autouse=True)
def patience(shared_alb, shared_target):
    one = Patience(shared_alb, shared_target)
    yield one
    for sock in (*one.full, *one.clients.values()):
        sock.close()


# ---- choice ----

def test_round_robin(alb, target):
    """[data-plane 3.7] round_robin: sequential over healthy targets."""
    targets = [target(me) for _ in range(3)]
    one = alb(template([t.address for t in targets]))
    for t in targets:
        one.until_health(t.address, "healthy")
    order = answered_by(one, 9)
    assert sorted(order[:3]) == sorted(name(t.address) for t in targets)
    assert order == order[:3] * 3


def test_healthy_before_initial(alb, target):
    """[data-plane D21] Targets in initial: healthy ones first."""
    healthy, silent = target(me), target(me, health=None)
    one = alb(template([silent.address, healthy.address]))
    one.until_health(healthy.address, "healthy")
    assert one.health()[name(silent.address)]["state"] == "initial"
    assert set(answered_by(one, 6)) == {name(healthy.address)}


def test_initial_while_none_is_healthy(alb, target):
    """[data-plane D21] While none is healthy all registered targets are used, initial included."""
    silent = [target(me, health=None), target(me, health=None)]
    one = alb(template([t.address for t in silent]))
    one.until_health(silent[0].address, "initial")
    assert sorted(answered_by(one, 4)) == sorted(2 * [name(t.address) for t in silent])


# ---- connections ----

def test_connection_reused(lab):
    """[data-plane 1.4] Target connections are kept alive: requests of many clients share one."""
    lab.ask(harness.fixed(reply(headers=b"Connection: close\r\n"), close=True))
    before = lab.target.connections
    for _ in range(50):
        answer, _ = lab.ask(harness.echo)
        assert answer.status == 200
    assert lab.target.connections == before + 1


def test_newest_idle_first(alb, target):
    """[data-plane 1.4] Of several idle connections the newest is used (last in, first out)."""
    connections, go, arrived = [], [threading.Event(), threading.Event()], threading.Semaphore(0)

    def script(conn, reader, head):
        connections.append(conn)
        arrived.release()
        number = head.split()[1]
        if number in (b"/0", b"/1"):
            assert go[int(number[1:])].wait(harness.DEADLINE)
        conn.sendall(reply(number))

    one = alb(template([target(script).address]))
    clients = []
    for number in range(2):
        clients.append(one.connect())
        clients[-1].sendall(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)
        assert arrived.acquire(timeout=harness.DEADLINE)
    for event, client in zip(go, clients):
        event.set()
        assert read_answer(client).status == 200
        client.close()
    assert one.ask(b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    assert connections[0] is not connections[1] and connections[2] is connections[1]


@pytest.mark.parametrize("answer, reused", [
    (reply(), True),
    (reply(headers=b"Connection: close\r\n"), False),
    (reply(headers=b"Connection: x-a, Close\r\nX-A: 1\r\n"), False),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", True),
    (b"HTTP/1.1 204 No Content\r\n\r\n", True),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", True),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more", False),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", True),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n", False),
], ids=["1.1", "close", "close-in-list", "1.0", "1.0-keep-alive", "204", "304", "bytes-after", "chunked", "TE+CL"])
def test_which_answers_keep_the_connection(lab, answer, reused):
    """[data-plane 1.4, D16] A target prevents reuse by Connection: close; CL and TE together: not reused."""
    lab.ask(harness.fixed(reply(headers=b"Connection: close\r\n"), close=True))
    before = lab.target.connections
    for _ in range(2):
        got, _ = lab.ask(harness.fixed(answer))
        assert got.status == int(answer.split()[1])
        assert got.body in (b"ok", b"hello", b"")
    assert lab.target.connections - before == (1 if reused else 2)


def test_idle_connections_give_way(alb, target):
    """[limits] Idle connections to one target take no place that a request to another one needs."""
    go = threading.Event()

    def script(conn, reader, head):
        assert go.wait(harness.DEADLINE)
        conn.sendall(reply())
    busy, other = target(script), target()
    made = alb(template([busy.address], more={
        "Other": target_group([other.address], name="other"),
        "ToOther": harness.rule(1, [{"Field": "path-pattern", "Values": ["/other"]}], harness.forward("Other")),
    }), wrapper=[harness.tool("prlimit"), "--nofile=256"])
    clients = [made.connect() for _ in range(100)]
    for sock in clients:
        sock.sendall(GET)
    full = until(lambda: [f for f in made.failures() if f["end"] == "TARGET_CONNECTIONS_FULL"], "no place left")
    go.set()
    answers = [read_answer(sock).status for sock in clients]
    assert answers.count(503) >= len(full) and set(answers) == {200, 503}
    assert made.ask(b"GET /other HTTP/1.1\r\nHost: web.test\r\n\r\n").status == 200
    for sock in clients:
        sock.close()


def test_idle_connection_times_out(hasty):
    """[data-plane 1.5] The idle timeout applies to target connections too: then they are closed."""
    before = hasty.target.connections
    assert hasty.ask(harness.echo)[0].status == 200
    until(lambda: not hasty.target.sockets, "the idle connection to the target closed")
    assert hasty.ask(harness.echo)[0].status == 200
    assert hasty.target.connections == before + 2


def lose_reused(lab):
    """A script that closes a reused connection without a byte, and answers on a fresh one."""
    first = set()

    def script(conn, reader, head):
        body_of(head, reader)
        if conn in first:
            return "close"
        first.add(conn)
        conn.sendall(reply(b"fresh", headers=b""))
    assert lab.ask(harness.fixed(reply(headers=b"Connection: close\r\n"), close=True))[0].status == 200
    assert lab.ask(script)[0].status == 200
    return script


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_lost_reused_connection_is_repeated(lab, method):
    """[data-plane D17] Closed by the target before any byte: repeated once when the method is idempotent."""
    script = lose_reused(lab)
    before = lab.seen()
    answer, _ = lab.ask(script, b"%s /again HTTP/1.1\r\nHost: a\r\n\r\n" % method.encode())
    assert answer.status == 200
    heads = lab.target.requests[before:]
    assert len(heads) == 2 and heads[0] == heads[1]


@pytest.mark.parametrize("request_bytes", [
    POST,
    b"PATCH /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"BREW /x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
], ids=["POST", "PATCH", "unknown", "PUT-with-body-gone"])
def test_lost_reused_connection_is_not_repeated(lab, request_bytes):
    """[data-plane D17] Else 502: not idempotent, or the request's bytes are no longer in hand."""
    script = lose_reused(lab)
    before = lab.seen()
    answer, port = lab.ask(script, request_bytes)
    assert answer.status == 502 and lab.seen() == before + 1
    assert lab.alb.failure_of(port)["end"] in ("TARGET_CLOSED", "TARGET_RESET")


def test_silence_after_a_repetition(alb, target):
    """[data-plane D17, 1.5] A repeated request is a whole one: a target that then says nothing ends it with 504."""
    break_off, broken, over = threading.Event(), threading.Event(), threading.Event()

    def script(conn, reader, head):
        if len(web.requests) == 1:
            conn.sendall(reply())
            assert break_off.wait(harness.DEADLINE)
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            conn.close()
            broken.set()
        else:
            assert over.wait(harness.DEADLINE)
        return "close"
    web = target(script)
    made = alb(template([web.address], HASTY))
    worker = made.pids()["worker 0"]
    with made.connect() as sock:
        sock.sendall(GET)
        assert read_answer(sock).status == 200
        os.kill(worker, signal.SIGSTOP)  # the request comes first, and then the reset, before either is looked at
        sock.sendall(GET)
        break_off.set()
        assert broken.wait(harness.DEADLINE)
        os.kill(worker, signal.SIGCONT)
        answer = read_answer(sock)
        over.set()
    assert answer.status == 504 and len(web.requests) == 2


def test_repeated_only_once(lab):
    """[data-plane D17] Repeated once: the fresh connection is closed too, so 502."""
    assert lab.ask(harness.echo)[0].status == 200  # leaves an idle connection
    before = lab.seen()
    answer, _ = lab.ask(lambda conn, reader, head: "close")
    assert answer.status == 502 and lab.seen() == before + 2


def test_not_repeated_after_a_byte(lab):
    """[data-plane D17] Closed after the first byte of the answer: 502, no repetition."""
    def script(conn, reader, head):
        conn.sendall(b"H")
        return "close"
    assert lab.ask(harness.echo)[0].status == 200
    before = lab.seen()
    answer, port = lab.ask(script)
    assert answer.status == 502 and lab.seen() == before + 1
    assert lab.alb.failure_of(port)["end"] == "TARGET_CLOSED"


# ---- malformed answers ----

OK = b"HTTP/1.1 200 OK\r\n"
END = b"Content-Length: 0\r\n\r\n"
MALFORMED = {
    "no-http": b"220 mail.test ESMTP\r\n\r\n",
    "http-0.9": b"<html>hello</html>\n",
    "other-name": b"HTP/1.1 200 OK\r\n" + END,
    "http-2": b"HTTP/2.0 200 OK\r\n" + END,
    "no-blank": b"HTTP/1.1200 OK\r\n" + END,
    "two-digits": b"HTTP/1.1 99 OK\r\n" + END,
    "letters": b"HTTP/1.1 2x0 OK\r\n" + END,
    "four-digits": b"HTTP/1.1 2000 OK\r\n" + END,
    "no-status": b"HTTP/1.1\r\n" + END,
    "control-in-reason": b"HTTP/1.1 200 O\x01K\r\n" + END,
    "nul-in-reason": b"HTTP/1.1 200 O\x00K\r\n" + END,
    "no-colon": OK + b"Nonsense\r\n" + END,
    "empty-name": OK + b": value\r\n" + END,
    "fold-first": OK + b" folded: 1\r\n" + END,
    "nul-in-value": OK + b"X: a\x00b\r\n" + END,
    "cr-in-value": OK + b"X: a\rb\r\n" + END,
    "cl-letters": OK + b"Content-Length: five\r\n\r\nhello",
    "cl-negative": OK + b"Content-Length: -5\r\n\r\nhello",
    "cl-plus": OK + b"Content-Length: +5\r\n\r\nhello",
    "cl-hex": OK + b"Content-Length: 0x5\r\n\r\nhello",
    "cl-empty": OK + b"Content-Length: \r\n\r\n",
    "cl-overflow": OK + b"Content-Length: 18446744073709551616\r\n\r\nhello",
    "cl-blank-before-colon": OK + b"Content-Length : 5\r\n\r\nhello",
    "cl-two-values": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "cl-list": OK + b"Content-Length: 5, 6\r\n\r\nhello",
    "te-gzip": OK + b"Transfer-Encoding: gzip\r\n\r\nhello",
    "te-chunked-not-last": OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "te-chunked-twice": OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "te-two-lines": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
    "te-gzip-and-cl": OK + b"Transfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_answer(lab, answer):
    """[data-plane D16] A malformed or contradicting answer is a 502."""
    got, port = lab.ask(harness.fixed(answer, close=True))
    assert got.status == 502
    assert lab.alb.failure_of(port)["end"] == "TARGET_BAD_ANSWER"


@pytest.mark.parametrize("answer", [
    OK + b"X: " + b"a" * (33 * 1024) + b"\r\n" + END,
    OK + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 1024) for n in range(40)) + END,
    OK + b"X: " + b"a" * (200 * 1024),
    OK + b"X: 1\r\n" * 300 + END,
], ids=["one-line", "many-lines", "endless", "300-headers"])
def test_answer_head_too_large(lab, answer):
    """[data-plane 1.6, limits.def] Whole response header over 32 K, or more than 256 headers: 502."""
    got, port = lab.ask(harness.fixed(answer, close=True))
    assert got.status == 502
    assert lab.alb.failure_of(port)["end"] == "TARGET_HEADERS_TOO_LARGE"


def test_answer_head_of_31_k(lab):
    """[data-plane 1.6] A response header below 32 K passes whole."""
    lines = b"".join(b"X-%d: %s\r\n" % (n, b"a" * 1015) for n in range(30))
    got, _ = lab.ask(harness.fixed(OK + lines + b"Content-Length: 2\r\n\r\nok"))
    assert got.status == 200 and got.body == b"ok" and got.header("x-29") == ["a" * 1015]


# ---- answers of all kinds ----

@pytest.mark.parametrize("answer, close, body, expected", [
    (OK + b"\r\nuntil close", True, b"until close", [("transfer-encoding", ["chunked"]), ("content-length", [])]),
    (b"HTTP/1.0 200 OK\r\n\r\nold", True, b"old", [("transfer-encoding", ["chunked"])]),
    (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", False, b"ok", [("content-length", ["2"])]),
    (OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", False, b"ok", [("content-length", ["2"])]),
    (OK + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", False, b"ok",
     [("transfer-encoding", ["chunked"]), ("content-length", [])]),
    (OK + b"Transfer-Encoding: Chunked\r\n\r\n2;name=\"v\"\r\nok\r\n0\r\n\r\n", False, b"ok",
     [("transfer-encoding", ["chunked"])]),
    (OK + b"Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-End: 2\r\nContent-Length: 0\r\n\r\n", False,
     b"", [("x-hop", []), ("keep-alive", []), ("x-end", ["2"])]),
], ids=["until-close", "1.0-until-close", "no-reason", "equal-lengths", "TE-beats-CL", "extension", "hop-by-hop"])
def test_framing_of_answers(lab, answer, close, body, expected):
    """[data-plane D16, D14] The client gets one framing, written by the load balancer, and no hop-by-hop fields."""
    got, _ = lab.ask(harness.fixed(answer, close=close))
    assert (got.status, got.body) == (200, body)
    for header, values in expected:
        assert got.header(header) == values


def test_chunks_in_odd_pieces_and_trailers(lab):
    """[issue 3] Chunked answers are decoded and framed anew wherever they are cut; trailers go on."""
    wire = OK + (b"Transfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n00a;x=y\r\n0123456789\r\n1\r\n!\r\n"
                 b"0\r\nX-Sum: 15\r\nX-Last: yes\r\n\r\n")

    def script(conn, reader, head):
        step = int(head.split(b"/")[1].split()[0])
        for at in range(0, len(wire), step):
            conn.sendall(wire[at:at + step])
    for step in (1, 2, 3, 7, 50):
        got, _ = lab.ask(script, b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % step)
        assert (got.status, got.body) == (200, b"wiki0123456789!")
        assert got.trailers == b"X-Sum: 15\r\nX-Last: yes\r\n"


def test_one_byte_at_a_time(lab):
    """[issue 3] A target that sends one byte at a time is waited for."""
    def script(conn, reader, head):
        for byte in reply(b"slowly", headers=b"X-Slow: 1\r\n"):
            conn.sendall(bytes([byte]))
    got, _ = lab.ask(script)
    assert (got.status, got.body, got.header("x-slow")) == (200, b"slowly", ["1"])


def test_slow_is_not_silent(simple):
    """[data-plane 1.4] At least 1 byte per interval keeps the connection open: no 504 for a slow answer."""
    wire = reply(b"abc")

    def script(conn, reader, head):
        for piece in (wire[:5], wire[5:-3], wire[-3:-2], wire[-2:-1], wire[-1:]):
            select.select([conn], [], [], 0.5)  # nothing comes: a pause of a quarter of the interval
            conn.sendall(piece)
    one, _ = simple(script, template={"attributes": {"idle_timeout.timeout_seconds": "2"}})
    assert one.ask(GET).body == b"abc"


def test_interim_answers(lab):
    """[data-plane D15] 100 is swallowed, 103 is passed on, then comes the answer."""
    def script(conn, reader, head):
        conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + reply(b"done"))
    lab.target.script = script
    with lab.alb.connect() as sock:
        sock.sendall(GET)
        reader = Reader(sock)
        hints, answer = reader.answer(), reader.answer()
    assert (hints.status, hints.header("link")) == (103, ["</a>"])
    assert (answer.status, answer.body) == (200, b"done")


@pytest.mark.parametrize("sent", [1000, 1000000])
def test_answer_before_the_request_is_complete(lab, sent):
    """[data-plane 1.4] A target may answer before the body is there: the client gets the answer, then the end."""
    def script(conn, reader, head):
        conn.sendall(reply(b"too much", b"413 Content Too Large", b"Connection: close\r\n"))
        return "close"
    lab.target.script = script
    with lab.alb.connect() as sock:
        sock.sendall(b"POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n" + b"x" * sent)
        reader = Reader(sock)
        answer = reader.answer()
        assert (answer.status, answer.body, answer.header("connection")) == (413, b"too much", ["close"])
        assert reader.rest() == b""


# ---- answers cut midway ----

@pytest.mark.parametrize("answer, end", [
    (OK + b"Content-Length: 100\r\n\r\nhello", "ANSWER_CUT_BY_TARGET"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "ANSWER_CUT_BY_TARGET"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloworld\r\n", "ANSWER_BAD_BODY"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", "ANSWER_BAD_BODY"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nbroken trailer\r\n\r\n", "ANSWER_BAD_BODY"),
], ids=["length", "chunked", "chunk-too-long", "no-size", "bad-trailer"])
def test_cut_answer_is_seen_as_cut(lab, answer, end):
    """[issue 3, end_reasons.def] An answer that breaks off reaches the client as broken off, never as complete."""
    lab.target.script = harness.fixed(answer, close=True)
    with lab.alb.connect() as sock:
        sock.sendall(GET)
        with pytest.raises((Closed, ConnectionResetError)):
            read_answer(sock)
        assert lab.alb.failure_of(sock.getsockname()[1])["end"] == end


def test_stalled_answer_is_cut(hasty):
    """[data-plane 1.5] A target that stops in the middle of its answer: the connection is cut."""
    def script(conn, reader, head):
        conn.sendall(OK + b"Content-Length: 100\r\n\r\nhello")
        reader.rest()
    hasty.target.script = script
    with hasty.alb.connect() as sock:
        sock.sendall(GET)
        with pytest.raises((Closed, ConnectionResetError)):
            read_answer(sock)
        assert hasty.alb.failure_of(sock.getsockname()[1])["end"] == "ANSWER_STALLED_TARGET"


def test_client_gone_mid_answer(lab):
    """[end_reasons.def] A client that leaves in the middle of the answer ends the exchange with the target."""
    gone = threading.Event()

    def script(conn, reader, head):
        try:
            conn.sendall(OK + b"Content-Length: 1000000000\r\n\r\n")
            while True:
                conn.sendall(b"x" * 65536)
        except OSError:
            gone.set()
            return "close"
    lab.target.script = script
    sock = lab.alb.connect()
    sock.sendall(GET)
    Reader(sock).until(b"\r\n\r\n")
    port = sock.getsockname()[1]
    harness.reset(sock)
    assert gone.wait(harness.DEADLINE)
    assert lab.alb.failure_of(port)["end"] == "ANSWER_CUT_BY_CLIENT"


# ---- ends and their log times ----

def close_now(conn, reader, head):
    return "close"


def reset_now(conn, reader, head):
    harness.reset(conn)
    return "close"


def silent(conn, reader, head):
    reader.rest()


def cut(conn, reader, head):
    conn.sendall(OK + b"Content-Length: 100\r\n\r\nhello")
    return "close"


R, T, S = (r"\d+\.\d{3}",) * 3
DASH = "-1"
ENDS = [  # path, script (None: nobody listens), end, ELB status, target status, fields 6-8
    ("/answered", harness.echo, None, 200, "200", (R, T, S)),
    ("/teapot", harness.fixed(reply(status=b"418 Teapot")), None, 418, "418", (R, T, S)),
    ("/cut", cut, "ANSWER_CUT_BY_TARGET", 200, "200", (R, T, S)),
    ("/malformed", harness.fixed(b"220 hello\r\n\r\n", close=True), "TARGET_BAD_ANSWER", 502, "-", (R, T, DASH)),
    ("/large", harness.fixed(OK + b"X: " + b"a" * 40000, close=True), "TARGET_HEADERS_TOO_LARGE", 502, "-",
     (R, T, DASH)),
    ("/closed", close_now, "TARGET_CLOSED", 502, "-", (R, T, DASH)),
    ("/reset", reset_now, "TARGET_RESET", 502, "-", (R, T, DASH)),
    ("/silent", silent, "TARGET_TIMEOUT", 504, "-", (R, DASH, DASH)),
    ("/refused", None, "CONNECT_REFUSED", 502, "-", (DASH, DASH, DASH)),
    ("/empty", None, "NO_TARGETS", 503, "-", (DASH, DASH, DASH)),
]


@pytest.fixture(scope="module")
def ends(shared_alb, shared_target):
    """Each end once, on a path, a target group and a target of its own: {path: (answer, failure, log line, where)}."""
    more, where = {}, {}
    for number, (path, script, *_) in enumerate(ENDS):
        target = [] if path == "/empty" else [shared_target(script).address if script else refused_port()]
        where[path] = name(target[0]) if target else "-"
        more[f"Group{number}"] = target_group(target, name=path[1:])
        more[f"Rule{number}"] = harness.rule(number + 1, [{"Field": "path-pattern", "Values": [path]}],
                                             harness.forward(f"Group{number}"))
    alb = shared_alb(template([refused_port()], attributes=HASTY, more=more))
    results = {}
    for path, _, end, *_ in ENDS:
        with alb.connect() as sock:
            sock.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())
            port = sock.getsockname()[1]
            try:
                answer = read_answer(sock)
            except (Closed, ConnectionResetError):
                answer = None
        results[path] = (answer, alb.failure_of(port) if end else None)
    lines = {line["request"].split(":8080")[1].split()[0]: line
             for line in map(harness.parse_line, alb.wait_lines(len(ENDS)))}
    return {path: (*results[path], lines[path], where[path]) for path in results}


@pytest.mark.parametrize("path, script, end, status, target_status, times", ENDS, ids=[row[0][1:] for row in ENDS])
def test_end(ends, path, script, end, status, target_status, times):
    """[data-plane D22, access-logs 1.4] Each end: status, failure row, log fields 5-10 and 17."""
    answer, failure, line, where = ends[path]
    if path != "/cut":
        assert answer.status == status
    if end:
        assert failure["end"] == end
        assert failure["target"] == (None if where == "-" else where)
    assert line["target"] == where
    for field, pattern in zip(("request_time", "target_time", "response_time"), times):
        assert re.fullmatch(pattern, line[field]), (field, line[field])
    assert (line["elb_status"], line["target_status"]) == (str(status), target_status)
    assert f":targetgroup/{path[1:]}/" in line["target_group_arn"]
    assert (line["target_list"], line["status_list"]) == (where, target_status)
    assert (line["error_reason"], line["actions"]) == ("-", "forward")


def test_client_gone_while_waiting(lab):
    """[data-plane 7, D22] The client leaves while the target is silent: logged as 460, times r -1 -1."""
    asked, left = threading.Event(), threading.Event()

    def script(conn, reader, head):
        asked.set()
        reader.rest()
        left.set()
    lab.target.script = script
    with lab.alb.connect() as sock:
        sock.sendall(GET)
        port = sock.getsockname()[1]
        assert asked.wait(harness.DEADLINE)
    assert left.wait(harness.DEADLINE)
    assert lab.alb.failure_of(port)["end"] == "CLIENT_GONE"
    line = until(lambda: lab.alb.lines_of(port), "the log line")[0]
    assert (line["elb_status"], line["target_status"], line["target_time"], line["response_time"]) == \
        ("460", "-", "-1", "-1")
    assert re.fullmatch(R, line["request_time"])


# ---- deregistration ----

def test_deregistration_by_reload(alb, target):
    """[data-plane 3.6] Deregistering: requests in flight finish, new ones go elsewhere, idle connections close."""
    asked, go = threading.Event(), threading.Event()

    def script(conn, reader, head):
        if head.startswith(b"GET /hold"):
            asked.set()
            assert go.wait(harness.DEADLINE)
        conn.sendall(reply(b"leaving"))
    leaving, staying = target(script), target(me)
    one = alb(template([leaving.address]))
    one.until_health(leaving.address, "healthy")
    with one.connect() as held:
        held.sendall(b"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        assert asked.wait(harness.DEADLINE)
        assert one.ask(GET).body == b"leaving"  # on a second connection, idle from now on
        assert len(leaving.sockets) == 2
        result = one.reload(template([staying.address]))
        assert result.returncode == 0, result.stderr
        until(lambda: len(leaving.sockets) == 1, "the idle connection closed")
        assert set(answered_by(one, 4)) == {name(staying.address)}
        go.set()
        assert read_answer(held).body == b"leaving"
        until(lambda: not leaving.sockets, "the last connection closed")
        held.sendall(GET)
        assert read_answer(held).body.decode() == name(staying.address)


def test_reload_keeps_target_connections(alb, target):
    """[data-plane 1.4] A reload that keeps a target keeps its idle connections."""
    one_target = target(me)
    one = alb(template([one_target.address]))
    assert one.ask(GET).status == 200
    assert one.reload(template([one_target.address], attributes={"client_keep_alive.seconds": "61"})).returncode == 0
    assert one.ask(GET).status == 200
    assert one_target.connections == 1


# ---- targets that speak TLS ----

def test_https_target(alb, target, self_signed):
    """[data-plane 3.1] TLS to targets: certificates are not validated (self-signed, expired, wrong name)."""
    secure = target(harness.echo, tls=self_signed)
    one = alb(template([secure.address], group={"Protocol": "HTTPS", "HealthCheckProtocol": "HTTPS"}))
    one.until_health(secure.address, "healthy")
    for _ in range(3):
        answer = one.ask(b"POST /tls HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        assert answer.status == 200 and answer.body.endswith(b"\r\n\r\nhello")
    assert secure.connections == 1


def test_large_bodies_over_tls(alb, target, self_signed):
    """[issue 3] Bodies of megabytes pass a TLS connection to the target whole, both ways."""
    secure = target(harness.echo, tls=self_signed)
    one = alb(template([secure.address], group={"Protocol": "HTTPS"}))
    body = hashlib.shake_128(b"body").digest(3 << 20)
    answer = one.ask(b"POST /tls HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert answer.status == 200 and answer.body.split(b"\r\n\r\n", 1)[1] == body


def test_lost_tls_connection_is_repeated(alb, target, self_signed):
    """[data-plane D17] A reused TLS connection that the target closed before any byte is replaced, too."""
    secure = target(harness.echo, tls=self_signed)
    one = alb(template([secure.address], group={"Protocol": "HTTPS"}))
    lab = Lab(one, secure)
    script = lose_reused(lab)
    before = lab.seen()
    assert lab.ask(script)[0].status == 200 and lab.seen() == before + 2


def answer_plainly(conn):
    conn.recv(65536)
    conn.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def hang_up(conn):
    conn.recv(65536)


def alert(conn):
    conn.recv(65536)
    conn.sendall(bytes([21, 3, 3, 0, 2, 2, 40]))  # a fatal handshake_failure


@pytest.mark.parametrize("script", [answer_plainly, hang_up, alert])
def test_tls_towards_a_plain_target(alb, target, script):
    """[end_reasons.def] The TLS handshake with the target fails: 502, log times -1 -1 -1."""
    plain = target(script, raw=True)
    one = alb(template([plain.address], group={"Protocol": "HTTPS"}))
    assert one.ask(GET).status == 502
    failure = one.until_failure("TARGET_TLS_FAILED")
    assert failure["target"] == name(plain.address)
    if script is alert:
        assert failure["code_name"] == "TLS alert 40"


# ---- a real web server ----

NGINX_CONF = """
daemon off; master_process off; user root; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log {folder}/access.log; keepalive_timeout 60s; default_type text/plain;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen {port};
    root {folder}/html;
    location /page.shtml {{ ssi on; ssi_types *; }}
    location /connection {{ return 200 "$connection $connection_requests"; }}
    location /moved {{ return 301 /page.html; }}
  }}
}}
"""


class Nginx:
    def __init__(self, folder):
        self.html = folder / "html"
        self.html.mkdir()
        self.files = {"page.html": b"<h1>A page</h1>\n", "page.shtml": b"<p>included</p>\n" * 100,
                      "100k": bytes(range(256)) * 400, "5m": hashlib.shake_128(b"5m").digest(5 << 20)}
        for file, content in self.files.items():
            (self.html / file).write_bytes(content)
        self.address = refused_port()
        (folder / "nginx.conf").write_text(NGINX_CONF.format(folder=folder, port="%s:%d" % self.address))
        self.log = folder / "error.log"
        self.process = subprocess.Popen([str(harness.NGINX), "-p", str(folder), "-e", str(self.log),
                                         "-c", str(folder / "nginx.conf")], stdin=subprocess.DEVNULL)

    def listens(self):
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as sock:
            return sock.connect_ex(self.address) == 0

    def stop(self):
        self.process.terminate()
        assert self.process.wait(harness.DEADLINE) == 0


@pytest.fixture(scope="module")
def nginx(tmp_path_factory, shared_alb):
    server = Nginx(tmp_path_factory.mktemp("nginx"))
    try:
        until(server.listens, "nginx listens")
        alb = shared_alb(template([server.address], group={"HealthCheckPath": "/page.html"}))
        alb.until_health(server.address, "healthy")
        yield server, alb
    finally:
        server.stop()


def web(alb, path, method="GET", headers=""):
    return alb.ask(f"{method} /{path} HTTP/1.1\r\nHost: web.test\r\n{headers}\r\n".encode())


@pytest.mark.parametrize("file", ["page.html", "100k", "5m"])
def test_nginx_files(nginx, file):
    """[issue 3] Pages and files of a real web server arrive whole."""
    server, alb = nginx
    answer = web(alb, file)
    assert answer.status == 200 and answer.header("server")[0].startswith("nginx")
    assert answer.header("content-length") == [str(len(server.files[file]))]
    assert answer.body == server.files[file]


def test_nginx_head(nginx):
    """[issue 3] HEAD: the headers of GET, no body."""
    server, alb = nginx
    answer = web(alb, "100k", "HEAD")
    assert answer.status == 200 and answer.header("content-length") == [str(len(server.files["100k"]))]


def test_nginx_not_modified(nginx):
    """[issue 3] If-Modified-Since: 304 without a body; the connection goes on."""
    server, alb = nginx
    date = web(alb, "page.html").header("last-modified")[0]
    with alb.connect() as sock:
        reader = Reader(sock)
        for _ in range(2):
            sock.sendall(f"GET /page.html HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: {date}\r\n\r\n".encode())
            answer = reader.answer()
            assert answer.status == 304 and answer.body == b""
            assert answer.header("connection") == ["keep-alive"]


def test_nginx_range(nginx):
    """[issue 3] Ranges pass: 206 and the bytes asked for."""
    server, alb = nginx
    answer = web(alb, "5m", headers="Range: bytes=1000000-1000999\r\n")
    assert answer.status == 206
    assert answer.header("content-range") == [f"bytes 1000000-1000999/{5 << 20}"]
    assert answer.body == server.files["5m"][1000000:1001000]


def test_nginx_chunked(nginx):
    """[issue 3] A chunked answer of a real server arrives chunked and whole."""
    server, alb = nginx
    answer = web(alb, "page.shtml")
    assert answer.header("transfer-encoding") == ["chunked"]
    assert answer.body == server.files["page.shtml"]


def test_nginx_keep_alive(nginx):
    """[data-plane 1.4] One connection to the real server carries the requests of many clients."""
    server, alb = nginx
    seen = [web(alb, "connection").body.decode().split() for _ in range(20)]
    assert len({connection for connection, _ in seen}) == 1
    counts = [int(count) for _, count in seen]
    assert counts == list(range(counts[0], counts[0] + 20))


def test_nginx_redirect(nginx):
    """[data-plane 5] A target's redirect and its Server field pass untouched."""
    server, alb = nginx
    answer = web(alb, "moved")
    assert answer.status == 301 and answer.header("location")[0].endswith("/page.html")
    assert answer.header("server")[0].startswith("nginx")


# ---- what was begun before the first test ----

def test_fail_open(patience):
    """[data-plane 3.5] All registered targets unhealthy: requests go to all of them by the algorithm."""
    bad = patience.bad[:2]
    for t in bad:
        patience.alb.until_health(t.address, "unhealthy")
    order = answered_by(patience.alb, 4, b"GET /bad HTTP/1.1\r\nHost: a\r\n\r\n")
    assert sorted(order) == sorted(2 * [name(t.address) for t in bad])


def test_unhealthy_left_out(patience):
    """[data-plane 3.7] Requests go to healthy targets only; one that fails its checks gets none."""
    patience.alb.until_health(patience.bad[2].address, "unhealthy")
    order = answered_by(patience.alb, 4, b"GET /mixed HTTP/1.1\r\nHost: a\r\n\r\n")
    assert set(order) == {name(patience.good.address)}


@pytest.mark.parametrize("path, end", [("tcp", "CONNECT_TIMEOUT"), ("tls", "TARGET_TLS_TIMEOUT")])
def test_target_that_does_not_accept(patience, path, end):
    """[data-plane 1.5, D22] TCP connect to target 10 s, TLS handshake to target 10 s: 504, log times -1 -1 -1."""
    client = patience.clients[path]
    port = client.getsockname()[1]
    assert read_answer(client).status == 504
    assert patience.alb.failure_of(port)["end"] == end
    line = until(lambda: patience.alb.lines_of(port), "the log line")[0]
    assert (line["request_time"], line["target_time"], line["response_time"]) == ("-1", "-1", "-1")
    assert (line["elb_status"], line["target_status"]) == ("504", "-")
