# SPDX-License-Identifier: Apache-2.0
"""How requests and connections end: limits, timeouts, wrong protocols, clients that leave, and the row of each end."""
import contextlib
import itertools
import re
import socket
import ssl
import threading

import pytest

from harness import DEADLINE, Reader, body_of, fixed, is_closed, read_answer, reply, reset, template, until

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def get(headers=b"", path=b"/"):
    return b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n"


released = threading.Semaphore(0)  # connections whose /body the load balancer gave up


def post(headers, body):
    return b"POST /wait HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n" + body


def scripts(conn, reader, head):
    """/wait and /body: says nothing until the load balancer closes; /endless: an answer that never ends."""
    path = head.split(b" ")[1]
    if path in (b"/wait", b"/body"):
        reader.rest()
        if path == b"/body":
            released.release()
        return "close"
    if path == b"/endless":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            conn.sendall(b"x" * 65536)
    body_of(head, reader)
    conn.sendall(reply())
    return None


@pytest.fixture(scope="module")
def web(shared_alb, shared_target):
    """The usual idle timeout, which no test here waits for."""
    return shared_alb(template([shared_target(scripts).address], https=True))


@pytest.fixture(scope="module")
def quick(shared_alb, shared_target):
    """An idle timeout of one second."""
    return shared_alb(template([shared_target(scripts).address], {"idle_timeout.timeout_seconds": "1"}, https=True))


def port_of(sock):
    return sock.getsockname()[1]


def failure_of(instance, sock_or_port, number=0):
    """Waits for the failure row of the client connection from this port."""
    port = sock_or_port if isinstance(sock_or_port, int) else port_of(sock_or_port)

    def found():
        rows = [row for row in instance.failures() if row["client"] == f"127.0.0.1:{port}"]
        return rows[number] if len(rows) > number else None
    return until(found, f"failure {number} of client port {port}")


# ---- limits ----

def line_of(n):
    """A request whose line has n bytes."""
    return b"GET /" + b"x" * (n - len("GET / HTTP/1.1")) + b" HTTP/1.1\r\nHost: a\r\n\r\n"


def header_of(n):
    """A request with one header line of n bytes."""
    return get(b"X-A: " + b"x" * (n - 5) + b"\r\n")


def headers_of(n):
    """A request whose header lines have n bytes in all, line ends and the empty line included."""
    left = n - len(b"Host: a\r\n\r\n")
    lines = b""
    while left:
        take = 8000 if left >= 8010 else left
        lines += b"X: " + b"x" * (take - 5) + b"\r\n"
        left -= take
    raw = get(lines)
    assert len(raw) == n + len(b"GET / HTTP/1.1\r\n")
    return raw


LIMITS = {
    "line of 16 K": (line_of(16384), 200, None),
    "line over 16 K": (line_of(16385), 414, "HTTP_URI_TOO_LONG"),
    "endless line": (b"GET /" + b"x" * 20000, 414, "HTTP_URI_TOO_LONG"),
    "header below 16 K": (header_of(16383), 200, None),
    "header of 16 K": (header_of(16384), 400, "HTTP_HEADERS_TOO_LARGE"),
    "endless header": (b"GET / HTTP/1.1\r\nX: " + b"x" * 20000, 400, "HTTP_HEADERS_TOO_LARGE"),
    "Cookie of 16 K": (get(b"Cookie: " + b"x" * 16376 + b"\r\n"), 400, "HTTP_HEADERS_TOO_LARGE"),
    "folded to 16 K": (get(b"X: " + b"x" * 8190 + b"\r\n " + b"x" * 8190 + b"\r\n"), 400, "HTTP_HEADERS_TOO_LARGE"),
    "64 K of headers": (headers_of(65536), 200, None),
    "over 64 K of headers": (headers_of(65537), 400, "HTTP_HEADERS_TOO_LARGE"),
    "endless headers": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 250 + (b"Y: " + b"y" * 8000 + b"\r\n") * 9, 400,
                        "HTTP_HEADERS_TOO_LARGE"),
    "256 headers": (get(b"X: y\r\n" * 255), 200, None),
    "257 headers": (get(b"X: y\r\n" * 256), 400, "HTTP_HEADERS_TOO_LARGE"),
    "30 addresses": (get(b"X-Forwarded-For: " + b"a, " * 29 + b"a\r\n"), 200, None),
    "31 addresses": (get(b"X-Forwarded-For: " + b"a, " * 30 + b"a\r\n"), 463, "XFF_TOO_LONG"),
    "65 names in Connection": (get(b"Connection: " + b"x, " * 65 + b"\r\n"), 400, "HTTP_BAD_REQUEST"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limit(web, name):
    """[data-plane 1.6, D19] Line too long: 414; one header or all headers too long: 400; 31 addresses: 463."""
    raw, status, end = LIMITS[name]
    with web.connect() as sock:
        sock.sendall(raw)
        reader = Reader(sock)
        answer = reader.answer()
        assert answer.status == status
        if end is None:
            assert answer.header("connection") == ["keep-alive"]
            return
        assert answer.header("connection") == ["close"] and reader.rest() == b""
        row = failure_of(web, sock)
        assert (row["end"], row["status"], row["fault"]) == (end, status, "client")


@pytest.mark.parametrize("name", LIMITS)
def test_limit_in_pieces(web, name):
    """[data-plane 1.6] A limit is the same whether a head comes at once or in pieces."""
    raw, status, _ = LIMITS[name]
    with web.connect() as sock:
        with contextlib.suppress(ConnectionError):  # refused before all was sent
            for at in range(0, len(raw), 1111):
                sock.sendall(raw[at:at + 1111])
        assert read_answer(sock).status == status


@pytest.mark.parametrize("size, status", [(32768, 200), (32769, 502)])
def test_response_header_limit(simple, size, status):
    """[data-plane 1.6] The whole response header may have 32 K; above: 502."""
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
    raw = start + b"X: " + b"x" * (size - len(start) - 7) + b"\r\n\r\n"
    assert len(raw) == size
    instance, _ = simple(fixed(raw))
    assert instance.ask(GET).status == status
    if status == 502:
        assert instance.until_failure("TARGET_HEADERS_TOO_LARGE")["fault"] == "target"


# ---- every end that a client can cause ----

def answered(status):
    """Sends the bytes; the answer has this status and the connection closes."""
    def cause(sock, raw):
        sock.sendall(raw)
        reader = Reader(sock)
        answer = reader.answer(head=raw.startswith(b"HEAD "))
        assert answer.status == status and answer.header("connection") == ["close"]
        assert reader.rest() == b""
    return cause


def silently(sock, raw):
    """Sends the bytes; the connection closes without a byte."""
    sock.sendall(raw)
    assert is_closed(sock)


def half_closes(sock, raw):
    sock.sendall(raw)
    sock.shutdown(socket.SHUT_WR)
    assert is_closed(sock)


def half_closes_and_reads(status):
    def cause(sock, raw):
        sock.sendall(raw)
        sock.shutdown(socket.SHUT_WR)
        assert read_answer(sock).status == status
    return cause


def takes_some_and_resets(sock, raw):
    sock.sendall(raw)
    assert len(sock.recv(1000)) > 0
    reset(sock)


def hello():
    """The bytes of a ClientHello."""
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname="web.elb.localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def distrusts(sock, _):
    """A client that does not know the authority refuses the certificate with an alert."""
    context = ssl.create_default_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(sock, server_hostname="web.elb.localhost")


def reads_until_closed(sock, raw):
    sock.sendall(raw)
    Reader(sock).rest()


# end: port, what the client does, with which bytes, status, log times ("": no line; None: as far as it came)
ENDS = {
    "HTTP_BAD_REQUEST": (8080, answered(400), get(b"no colon\r\n"), 400, "---"),
    "HTTP_DESYNC_SEVERE": (8080, answered(400), get(b"Content-Length: x\r\n"), 400, "---"),
    "HTTP_HEADERS_TOO_LARGE": (8080, answered(400), header_of(16384), 400, "---"),
    "HTTP_NO_HOST": (8080, answered(400), b"GET / HTTP/1.1\r\n\r\n", 400, "---"),
    "HTTP_BAD_BODY": (8080, answered(400), post(b"Transfer-Encoding: chunked\r\n", b"x\r\n"), 400, None),
    "HEAD_CUT": (8080, half_closes, b"GET / HTTP/1.1\r\nHos", 400, "---"),
    "BODY_CUT": (8080, half_closes_and_reads(400), post(b"Content-Length: 5\r\n", b"hel"), 400, "r--"),
    "METHOD_REFUSED": (8080, answered(405), b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "---"),
    "HTTP_URI_TOO_LONG": (8080, answered(414), line_of(16385), 414, "---"),
    "EXPECTATION_FAILED": (8080, answered(417), get(b"Expect: x\r\n"), 417, "---"),
    "XFF_TOO_LONG": (8080, answered(463), get(b"X-Forwarded-For: " + b"a," * 31 + b"\r\n"), 463, "---"),
    "HTTP_BAD_CODING": (8080, answered(501), get(b"Transfer-Encoding: gzip\r\n"), 501, "---"),
    "HTTP_VERSION": (8080, answered(505), b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "---"),
    "ANSWER_CUT_BY_CLIENT": (8080, takes_some_and_resets, get(path=b"/endless"), 0, "rts"),
    "PLAIN_ON_HTTPS": (8443, answered(400), GET, 400, "---"),
    "TLS_ON_HTTP": (8080, answered(400), hello(), 400, "---"),
    "NOISE_ON_HTTPS": (8443, silently, b"\x00\x01\x02\x03", 0, ""),
    "TLS_ALERT_SENT": (8443, reads_until_closed, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 0, ""),
    "TLS_ALERT_RECEIVED": (8443, distrusts, b"", 0, ""),
    "TLS_CLIENT_GONE": (8443, half_closes, hello()[:50], 0, ""),
    "CONNECT_ONLY": (8080, half_closes, b"", 0, ""),
}


@pytest.fixture(scope="module")
def ended(shared_alb, shared_target):
    """All rows through one instance: per row its failure and its log line."""
    instance = shared_alb(template([shared_target(scripts).address], https=True))
    made = {}
    for name, (port, cause, raw, _, _) in ENDS.items():
        with instance.connect(port) as sock:
            client = port_of(sock)
            cause(sock, raw)
        made[name] = [failure_of(instance, client), client, None]
    assert instance.stop() == 0
    for one in made.values():
        one[2] = next(iter(instance.lines_of(one[1])), None)
    return made


@pytest.mark.parametrize("name", ENDS)
def test_end_is_named(ended, name):
    """[issue: every end has a name] What a client did wrong stands in `openalb snapshot --failures` with its row."""
    failure, client, _ = ended[name]
    assert failure["end"] == name and failure["fault"] == "client"
    assert failure["sentence"] and re.fullmatch(r"TID_[0-9a-f]{32}", failure["trace_id"])
    status = ENDS[name][3]
    assert failure["status"] == (status or (200 if name == "ANSWER_CUT_BY_CLIENT" else 0))


@pytest.mark.parametrize("name", ENDS)
def test_end_is_logged(ended, name):
    """[data-plane D22] The access-log line of each end: status, and -1 for the times that were not reached."""
    failure, _, line = ended[name]
    status, times = ENDS[name][3:]
    if times == "":
        assert line is None
        return
    assert line["elb_status"] == str(status or 200)
    assert line["target_status"] == ("-" if status else "200")
    assert line["conn_trace_id"] == failure["trace_id"]
    shown = "".join("-" if line[field] == "-1" else letter for letter, field in
                    zip("rts", ("request_time", "target_time", "response_time")))
    assert times is None or shown == times


def test_client_leaves_before_a_target_is_connected(alb):
    """[data-plane 7] A client that closes while the load balancer connects: 460, times -1 -1 -1."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())  # its queue is full, so that connecting to it hangs
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []

        def hangs():
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
            waiting.append(one)
            # a connection that is established can tell its peer; one that hangs cannot
            return one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != 1
        until(hangs, "a full queue")
        instance = alb(template([full.getsockname()]))
        with instance.connect() as sock:
            port = port_of(sock)
            sock.sendall(GET)
            sock.shutdown(socket.SHUT_WR)
            assert is_closed(sock)
        row = failure_of(instance, port)
        assert (row["end"], row["status"]) == ("CLIENT_GONE_EARLY", 460)
        (line,) = until(lambda: instance.lines_of(port), "its log line")
        assert (line["elb_status"], line["request_time"], line["target_time"]) == ("460", "-1", "-1")


# ---- wrong protocols ----

@pytest.mark.parametrize("raw", [b"\x00", b"\r\n", b" GET / HTTP/1.1\r\n\r\n", b"\x80\x2e\x01\x00\x02",
                                 b"\x15\x03\x01\x00\x02", b"\xff\xf4\xff\xfd\x06", b"\x17",
                                 b"SSH-2.0-OpenSSH_9.2\r\n", b"(((\r\n\r\n"])
def test_noise_on_https(web, raw):
    """[issue: TLS, the page, or close] Noise on an HTTPS listener is closed without a byte and counted as such."""
    with web.connect(8443) as sock:
        sock.sendall(raw)
        assert is_closed(sock)
        assert failure_of(web, sock)["end"] == "NOISE_ON_HTTPS"


def test_plain_http_on_https_is_logged(web):
    """[data-plane D23] Plain HTTP on an HTTPS listener: a log line with 400; type and scheme are the listener's."""
    with web.connect(8443) as sock:
        sock.sendall(get(b"User-Agent: x\r\n", b"/a?b"))
        size = len(Reader(sock).rest())
        (line,) = until(lambda: web.lines_of(port_of(sock)), "its log line")
    assert (line["type"], line["elb_status"], line["request"]) == ("https", "400", "GET https://a:8443/a?b HTTP/1.1")
    assert (line["target"], line["cipher"], line["protocol"], line["user_agent"]) == ("-", "-", "-", "x")
    assert (line["request_time"], line["target_time"], line["response_time"]) == ("-1", "-1", "-1")
    assert line["sent"] == str(size)


def test_client_hello_on_http(web):
    """[data-plane D23] A ClientHello on an HTTP listener: the ordinary 400 page, close, a malformed log line."""
    with web.connect() as sock:
        sock.sendall(hello())
        reader = Reader(sock)
        answer = reader.answer()
        assert (answer.status, len(answer.body)) == (400, 122) and reader.rest() == b""
        assert failure_of(web, sock)["end"] == "TLS_ON_HTTP"
        (line,) = until(lambda: web.lines_of(port_of(sock)), "its log line")
    assert re.fullmatch(r"- http://web-[0-9a-z]+\.us-east-1\.elb\.localhost:8080- -", line["request"])
    assert (line["type"], line["elb_status"], line["received"], line["sent"]) == ("http", "400", "0", "272")
    assert (line["actions"], line["priority"], line["trace_id"]) == ("-", "-", "-")


def test_record_broken_after_the_handshake(web):
    """[issue: every end has a name] Bytes that are no TLS record after the handshake: TLS_BROKEN."""
    with web.connect_tls() as sock:
        port = port_of(sock)
        sock.sendall(GET)
        assert read_answer(sock).status == 200
        with socket.socket(fileno=socket.dup(sock.fileno())) as bare:
            bare.sendall(b"this is no record")
        with contextlib.suppress(OSError):
            assert sock.recv(1) == b""
    assert failure_of(web, port)["end"] == "TLS_BROKEN"


@pytest.mark.parametrize("raw", [b"", GET])
def test_client_leaves_between_requests(web, raw):
    """[end_reasons CLIENT_DONE] Closing between requests is nobody's fault: no failure is shown, nothing is sent."""
    with web.connect() as sock:
        port = port_of(sock)
        sock.sendall(GET + raw)
        reader = Reader(sock)
        for _ in range(1 + bool(raw)):
            assert reader.answer().status == 200
        sock.shutdown(socket.SHUT_WR)
        assert is_closed(sock)
    assert not [row for row in web.failures() if row["client"] == f"127.0.0.1:{port}"]


# ---- timeouts ----

def test_incomplete_head_times_out(quick):
    """[data-plane 1.5] A client that is silent in the middle of a request head: 408, and the connection closes."""
    with quick.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost:")
        reader = Reader(sock)
        answer = reader.answer()
        assert (answer.status, answer.reason, answer.header("connection")) == (408, "Request Time-out", ["close"])
        assert reader.rest() == b""
        row = failure_of(quick, sock)
        assert (row["end"], row["status"]) == ("REQUEST_TIMEOUT", 408)
        (line,) = until(lambda: quick.lines_of(port_of(sock)), "its log line")
        assert (line["elb_status"], line["target"]) == ("408", "-") and line["request"].startswith("- http://")


@pytest.mark.parametrize("framing", [b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nab"])
def test_stopped_body_times_out(quick, framing):
    """[data-plane D8] A client that is silent while its body is expected: 408, and the target connection is closed."""
    with quick.connect() as sock:
        sock.sendall(b"POST /body HTTP/1.1\r\nHost: a\r\n" + framing)
        reader = Reader(sock)
        answer = reader.answer()
        assert answer.status == 408 and answer.header("connection") == ["close"]
        assert released.acquire(timeout=DEADLINE)
        row = failure_of(quick, sock)
        assert (row["end"], row["fault"]) == ("BODY_TIMEOUT", "client")
        (line,) = until(lambda: quick.lines_of(port_of(sock)), "its log line")
    assert line["elb_status"] == "408" and line["target"] != "-"
    assert line["request_time"] != "-1" and (line["target_time"], line["response_time"]) == ("-1", "-1")


@pytest.mark.parametrize("port", [8080, 8443])
def test_silent_client_times_out(quick, port):
    """[data-plane 1.5] A client that never sends a byte is closed without one after the idle timeout."""
    with quick.connect(port) as sock:
        assert is_closed(sock)
        assert failure_of(quick, sock)["end"] == "SILENT"


@pytest.mark.parametrize("secure", [False, True])
def test_idle_connection_closes(quick, secure):
    """[data-plane 1.5] Between requests the idle timeout just closes the connection."""
    with (quick.connect_tls() if secure else quick.connect()) as sock:
        port = port_of(sock)
        reader = Reader(sock)
        for _ in range(2):
            sock.sendall(GET)
            assert reader.answer().status == 200
        assert is_closed(sock)
    assert not [row for row in quick.failures() if row["client"] == f"127.0.0.1:{port}"]


def test_silent_target_times_out(quick):
    """[data-plane 1.5] A target that stays silent: 504, and the client's connection goes on."""
    with quick.connect() as sock:
        reader = Reader(sock)
        sock.sendall(get(path=b"/wait"))
        answer = reader.answer()
        assert answer.status == 504 and answer.header("connection") == ["keep-alive"]
        sock.sendall(GET)
        assert reader.answer().status == 200
        row = failure_of(quick, sock)
        assert (row["end"], row["fault"], row["status"]) == ("TARGET_TIMEOUT", "target", 504)


def test_handshake_times_out(quick):
    """[end_reasons TLS_TIMEOUT] A ClientHello that never ends is given up after the idle timeout."""
    with quick.connect(8443) as sock:
        sock.sendall(hello()[:20])
        assert is_closed(sock)
        assert failure_of(quick, sock)["end"] == "TLS_TIMEOUT"


def test_client_that_takes_no_answer(quick):
    """[data-plane 1.5] A client that stops reading its answer is cut after the idle timeout; it sees a reset."""
    with quick.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(get(path=b"/endless"))
        row = failure_of(quick, sock)
        assert (row["end"], row["fault"], row["status"]) == ("ANSWER_STALLED_CLIENT", "client", 200)
        with pytest.raises(ConnectionResetError):
            while sock.recv(65536):
                pass


def test_http_that_stops_on_https(quick):
    """[issue: every end has a name] Plain bytes on an HTTPS listener that never become a request: closed."""
    with quick.connect(8443) as sock:
        sock.sendall(b"GET / HT")
        assert is_closed(sock)
        assert failure_of(quick, sock)["end"] == "NOISE_ON_HTTPS"


# ---- rings ----

def test_failures_are_told_to_people(web):
    """[issue: snapshot --failures] A ring of 64 per listener: time, id, client, end, newest last."""
    ports = []
    for _ in range(70):
        with web.connect() as sock:
            ports.append(f"127.0.0.1:{port_of(sock)}")
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert read_answer(sock).status == 400
    failure_of(web, int(ports[-1].rsplit(":", 1)[1]))
    rows = [row for row in web.failures() if row["listener"] and ":8080" in row["listener"]]
    assert [row["client"] for row in rows] == ports[-64:]
    assert all(row["end"] == "HTTP_NO_HOST" and row["status"] == 400 for row in rows)
    assert all(earlier["time"] <= later["time"] for earlier, later in itertools.pairwise(rows))
