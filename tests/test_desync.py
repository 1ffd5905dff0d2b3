# SPDX-License-Identifier: Apache-2.0
"""Requests that proxies and servers could understand differently: class, log, and what a target gets to see.

All rows go through one instance first; each test then looks at what became of its row.
"""
import dataclasses

import pytest

from harness import Reader, Recorder, parse_line, template

AFTER = b"GET /after HTTP/1.1\r\nHost: a.example\r\n\r\n"
CHUNKS = b"3\r\nabc\r\n0\r\n\r\n"


def get(headers=b"", line=b"GET / HTTP/1.1", host=b"Host: a.example\r\n"):
    return line + b"\r\n" + host + headers + b"\r\n"


def post(headers, body=b"", line=b"POST / HTTP/1.1"):
    return get(headers, line) + body


@dataclasses.dataclass
class Row:
    name: str
    raw: bytes
    reason: str = "-"
    status: int = 0           # 0: what the class demands
    line: bytes = b""         # request line at the target
    has: tuple = ()           # header lines at the target
    lacks: tuple = ()         # bytes that must not be in the head at the target
    body: bytes = b""         # at the target


CLASSES = {
    "-": "-",
    "GetHeadZeroContentLength": "Acceptable",
    "NonCompliantHeader": "Acceptable",
    "NonCompliantVersion": "Acceptable",
    "SpaceInUri": "Acceptable",
    "NonCrLfLineTermination": "Acceptable",
    "AmbiguousUri": "Ambiguous",
    "BothTeClPresent": "Ambiguous",
    "DuplicateContentLength": "Ambiguous",
    "EmptyHeader": "Ambiguous",
    "SuspiciousHeader": "Ambiguous",
    "UndefinedContentLengthSemantics": "Ambiguous",
    "UndefinedTransferEncodingSemantics": "Ambiguous",
    "MultilineHeader": "Ambiguous",
    "BadContentLength": "Severe",
    "BadHeader": "Severe",
    "BadMethod": "Severe",
    "BadTransferEncoding": "Severe",
    "BadUri": "Severe",
    "BadVersion": "Severe",
    "MultipleContentLength": "Severe",
    "MultipleTransferEncodingChunked": "Severe",
    "SuspiciousTeClPresent": "Severe",
}

ROWS = [
    Row("plain", get(), line=b"GET / HTTP/1.1"),
    # Acceptable
    Row("get-length-0", get(b"Content-Length: 0\r\n"), "GetHeadZeroContentLength",
        has=(b"Content-Length: 0",)),
    Row("head-length-0", get(b"Content-Length: 0\r\n", b"HEAD / HTTP/1.1"), "GetHeadZeroContentLength"),
    Row("control-in-value", get(b"X-A: b\x01c\r\n"), "NonCompliantHeader"),
    Row("del-in-value", get(b"X-A: b\x7fc\r\n"), "NonCompliantHeader"),
    Row("odd-name", get(b"X(A): b\r\nX-B: c\r\n"), "NonCompliantHeader", has=(b"X-B: c",), lacks=(b"X(A)",)),
    Row("high-byte-in-name", get(b"X-\xe4: b\r\nX-B: c\r\n"), "NonCompliantHeader", has=(b"X-B: c",),
        lacks=(b"X-\xe4",)),
    Row("high-byte-in-value", get(b"X-A: \xe4\r\n"), has=(b"X-A: \xe4",)),
    Row("underscore", get(b"X_A: b\r\n"), has=(b"X_A: b",)),
    Row("D1-blank-before-colon", get(b"X-A : b\r\n"), "NonCompliantHeader", has=(b"X-A: b",)),
    Row("D1-tab-before-colon", get(b"X-A\t: b\r\n"), "NonCompliantHeader", has=(b"X-A: b",)),
    Row("D9-version-1.2", get(line=b"GET / HTTP/1.2"), "NonCompliantVersion", line=b"GET / HTTP/1.1"),
    Row("D9-version-1.9", get(line=b"GET / HTTP/1.9"), "NonCompliantVersion", line=b"GET / HTTP/1.1"),
    Row("blank-behind-version", get(line=b"GET / HTTP/1.1 "), "NonCompliantVersion", line=b"GET / HTTP/1.1"),
    Row("two-blanks-before-version", get(line=b"GET /  HTTP/1.1"), "NonCompliantVersion",
        line=b"GET / HTTP/1.1"),
    Row("D12-blank-in-uri", get(line=b"GET /a b?c d HTTP/1.1"), "SpaceInUri", line=b"GET /a%20b?c%20d HTTP/1.1"),
    Row("D13-bare-lf", b"GET / HTTP/1.1\nHost: a.example\nX-A: b\n\n", "NonCrLfLineTermination",
        line=b"GET / HTTP/1.1", has=(b"X-A: b",)),
    Row("D13-one-bare-lf", get(b"X-A: b\nX-B: c\r\n"), "NonCrLfLineTermination", has=(b"X-A: b", b"X-B: c")),
    # Ambiguous
    Row("D12-control-in-uri", get(line=b"GET /a\x01b HTTP/1.1"), "AmbiguousUri", line=b"GET /a%01b HTTP/1.1"),
    Row("D12-tab-in-uri", get(line=b"GET /a\tb HTTP/1.1"), "AmbiguousUri", line=b"GET /a%09b HTTP/1.1"),
    Row("D12-del-in-uri", get(line=b"GET /a\x7fb HTTP/1.1"), "AmbiguousUri", line=b"GET /a%7Fb HTTP/1.1"),
    Row("D4-te-and-length", post(b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", CHUNKS), "BothTeClPresent",
        has=(b"Transfer-Encoding: chunked",), lacks=(b"Content-Length",), body=b"abc"),
    Row("D4-length-longer", post(b"Transfer-Encoding: chunked\r\nContent-Length: 300\r\n", CHUNKS),
        "BothTeClPresent", has=(b"Transfer-Encoding: chunked",), lacks=(b"Content-Length",), body=b"abc"),
    Row("same-length-twice", post(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"), "DuplicateContentLength",
        has=(b"Content-Length: 3",), body=b"abc"),
    Row("same-number-twice", post(b"Content-Length: 3\r\nContent-Length: 003\r\n", b"abc"),
        "DuplicateContentLength", has=(b"Content-Length: 3",), body=b"abc"),
    Row("D12-empty-name", get(b": b\r\nX-B: c\r\n"), "EmptyHeader", has=(b"X-B: c",), lacks=(b"\r\n:", b": b\r\n")),
    Row("line-of-blanks", get(b"X-A: b\r\n \t \r\nX-B: c\r\n"), "EmptyHeader", has=(b"X-A: b", b"X-B: c")),
    Row("D2-underscore-te", post(b"Transfer_Encoding: chunked\r\nContent-Length: 3\r\n", b"abc"),
        "SuspiciousTeClPresent"),
    Row("D2-underscore-te-alone", get(b"Transfer_Encoding: gzip\r\n"), "SuspiciousHeader",
        has=(b"Transfer_Encoding: gzip",)),
    Row("D2-other-hyphen", get(b"TransferXEncoding: chunked\r\n"), "SuspiciousHeader",
        has=(b"TransferXEncoding: chunked",), lacks=(b"Transfer-Encoding",)),
    Row("D2-length-underscore", get(b"Content_Length: 5\r\n"), "SuspiciousHeader",
        has=(b"Content_Length: 5",), lacks=(b"Content-Length",)),
    Row("D2-blank-before-colon-te", post(b"Transfer-Encoding : chunked\r\n"), "SuspiciousHeader",
        lacks=(b"ransfer-",)),
    Row("D2-blank-before-colon-length", post(b"Content-Length : 3\r\n"), "SuspiciousHeader", lacks=(b"ontent-",)),
    Row("D2-long-s", get(b"Tran\xc5\xbffer-Encoding: chunked\r\n"), "SuspiciousHeader", lacks=(b"ncoding",)),
    Row("get-with-length", get(b"Content-Length: 3\r\n") + b"abc", "UndefinedContentLengthSemantics",
        has=(b"Content-Length: 3",), body=b"abc"),
    Row("get-chunked", get(b"Transfer-Encoding: chunked\r\n") + CHUNKS, "UndefinedTransferEncodingSemantics",
        has=(b"Transfer-Encoding: chunked",), body=b"abc"),
    Row("get-both", get(b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n") + CHUNKS,
        "UndefinedTransferEncodingSemantics", lacks=(b"Content-Length",), body=b"abc"),
    Row("D10-te-on-1.0", post(b"Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n", CHUNKS,
                              b"POST / HTTP/1.0"),
        "UndefinedTransferEncodingSemantics", line=b"POST / HTTP/1.1", has=(b"Transfer-Encoding: chunked",),
        body=b"abc"),
    Row("D5-fold", get(b"X-A: b\r\n  c\r\n\td\r\nX-B: e\r\n"), "MultilineHeader", has=(b"X-A: b c d", b"X-B: e")),
    Row("D5-folded-te", get(b"X-A: b\r\n Transfer-Encoding: chunked\r\n"), "MultilineHeader",
        has=(b"X-A: b Transfer-Encoding: chunked",), lacks=(b"\r\nTransfer-Encoding",)),
    # Severe
    *(Row(f"length-{name}", post(b"Content-Length: %s\r\n" % value), "BadContentLength") for name, value in
      [("word", b"abc"), ("plus", b"+3"), ("minus", b"-3"), ("hex", b"0x3"), ("list", b"3, 3"), ("point", b"3.0"),
       ("inner-blank", b"3 3"), ("65-bits", b"18446744073709551616")]),
    Row("nul-in-value", get(b"X-A: b\0c\r\n"), "BadHeader"),
    Row("nul-in-name", get(b"X-\0A: b\r\n"), "BadHeader"),
    Row("D13-cr-in-value", get(b"X-A: b\rX-B: c\r\n"), "BadHeader"),
    Row("method", get(line=b"G(T / HTTP/1.1"), "BadMethod"),
    Row("method-high-byte", get(line=b"G\xe4T / HTTP/1.1"), "BadMethod"),
    Row("D3-unknown-coding", post(b"Transfer-Encoding: xchunked\r\n"), "BadTransferEncoding", 501),
    Row("D3-quoted-coding", post(b"Transfer-Encoding: \"chunked\"\r\n"), "BadTransferEncoding", 501),
    Row("D3-vertical-tab", post(b"Transfer-Encoding: \x0bchunked\r\n"), "BadTransferEncoding", 501),
    Row("D3-coding-empty", post(b"Transfer-Encoding: \r\n"), "BadTransferEncoding", 501),
    Row("nul-in-uri", get(line=b"GET /a\0b HTTP/1.1"), "BadUri"),
    Row("D13-cr-in-uri", get(line=b"GET /a\rb HTTP/1.1"), "BadUri"),
    *(Row(f"version-{name}", get(line=b"GET / " + value), "BadVersion") for name, value in
      [("two-digits", b"HTTP/1.10"), ("other-word", b"HTTPS/1.1"), ("lower", b"http/1.1"), ("none", b"HTTP/"),
       ("letter", b"HTTP/1.x")]),
    Row("lengths-differ", post(b"Content-Length: 3\r\nContent-Length: 4\r\n"), "MultipleContentLength"),
    Row("chunked-twice", post(b"Transfer-Encoding: chunked, chunked\r\n"), "MultipleTransferEncodingChunked"),
    Row("chunked-twice-in-two-lines", post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        "MultipleTransferEncodingChunked"),
    Row("te-length-lookalike", post(b"Transfer-Encoding: chunked\r\nContent_Length: 3\r\n", CHUNKS),
        "SuspiciousTeClPresent"),
    # what no class stands for
    Row("D3-registered-coding", post(b"Transfer-Encoding: gzip\r\n"), "-", 501),
    Row("D3-gzip-chunked", post(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKS), "-", 501),
    Row("D3-parameter", post(b"Transfer-Encoding: chunked;q=1\r\n", CHUNKS), "-", 400),
    Row("D3-not-last", post(b"Transfer-Encoding: chunked, identity\r\n", CHUNKS), "-", 400),
    Row("D3-identity", post(b"Transfer-Encoding: identity\r\n"), "-", lacks=(b"ransfer-",)),
    Row("D3-identity-and-length", post(b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n", b"abc"),
        "BothTeClPresent", has=(b"Content-Length: 3",), lacks=(b"ransfer-",), body=b"abc"),
    Row("D6-no-host", get(host=b""), "-", 400),
    Row("D6-host-twice", get(b"Host: a.example\r\n"), "-", 400),
    Row("D6-two-hosts", get(b"Host: b.example\r\n"), "-", 400),
    Row("D6-blank-in-host", get(host=b"Host: a b\r\n"), "-", 400),
    Row("D6-control-in-host", get(host=b"Host: a\x01b\r\n"), "NonCompliantHeader", 400),
    Row("D6-slash-in-host", get(host=b"Host: a/b\r\n"), "-", 400),
    Row("D6-user-in-host", get(host=b"Host: u@a\r\n"), "-", 400),
    Row("D6-bad-port", get(host=b"Host: a:x\r\n"), "-", 400),
    Row("D6-empty-host", get(host=b"Host:\r\n"), "-", 400),
    Row("D6-host-with-blank-before-colon", get(b"Host : b\r\n"), "NonCompliantHeader", 400),
    Row("D6-folded-host", get(host=b"Host: a\r\n b\r\n"), "MultilineHeader", 400),
    Row("D6-absolute-form", get(line=b"GET http://B.example/x?y HTTP/1.1"), line=b"GET /x?y HTTP/1.1",
        has=(b"Host: b.example:8080",), lacks=(b"a.example",)),
    Row("D7-empty-length", post(b"Content-Length:\r\n"), "-", has=(b"Content-Length: 0",)),
    Row("D7-empty-length-get", get(b"Content-Length: \r\n"), "GetHeadZeroContentLength",
        has=(b"Content-Length: 0",)),
    Row("D9-version-2.0", get(line=b"GET / HTTP/2.0"), "BadVersion", 505),
    Row("D9-h2-preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "BadVersion", 505),
    Row("D9-version-0.9", get(line=b"GET / HTTP/0.9"), "NonCompliantVersion", 400),
    Row("D9-no-version", b"GET /\r\n\r\n", "NonCompliantVersion", 400),
    Row("D12-no-colon", get(b"X-A\r\n"), "-", 400),
    Row("D12-no-uri", get(line=b"GET  HTTP/1.1"), "-", 400),
    Row("asterisk-with-get", get(line=b"GET * HTTP/1.1"), "-", 400),
    Row("asterisk-with-options", get(line=b"OPTIONS * HTTP/1.1"), line=b"OPTIONS * HTTP/1.1"),
    Row("no-slash", get(line=b"GET a HTTP/1.1"), "-", 400),
]
BY_NAME = {row.name: row for row in ROWS}
assert len(BY_NAME) == len(ROWS)


def demanded_status(row):
    return row.status or (400 if CLASSES[row.reason] == "Severe" else 200)


class Outcome:
    """What became of one row: the answer, the connections, what the target saw, the log line."""

    def __init__(self, instance, recorder, row):
        before = len(recorder.seen)
        with instance.connect() as sock:
            self.port = sock.getsockname()[1]
            reader = Reader(sock)
            sock.sendall(row.raw)
            self.answer = reader.answer(head=row.raw.startswith(b"HEAD "))
            self.kept = self.answer.header("connection") == ["keep-alive"]
            self.said = self.answer.header("connection")
            if self.kept:
                sock.sendall(AFTER)
                assert reader.answer().status == 200, row.name
            else:
                self.rest = reader.rest()
        self.seen = recorder.seen[before:len(recorder.seen) - self.kept]
        if not self.kept:  # is the target's connection used again?
            assert instance.ask(AFTER).status == 200
        self.target_reused = bool(self.seen) and recorder.seen[-1].connection == self.seen[-1].connection
        self.line = None


@pytest.fixture(scope="module")
def outcomes(shared_alb, shared_target):
    recorder = Recorder()
    target = shared_target(recorder)
    instance = shared_alb(template([target.address]))
    made = {row.name: Outcome(instance, recorder, row) for row in ROWS}
    assert instance.stop() == 0
    lines = [parse_line(line) for line in instance.log_lines()]
    for outcome in made.values():
        outcome.line = next(line for line in lines if line["client"].endswith(f":{outcome.port}")
                            and "/after " not in line["request"])
    return made


@pytest.mark.parametrize("name", BY_NAME)
def test_reason_is_logged(outcomes, name):
    """[data-plane 6.2] Fields 28 and 29 hold class and first reason of that class, `-` for a compliant request."""
    line = outcomes[name].line
    row = BY_NAME[name]
    assert (line["classification"], line["classification_reason"]) == (CLASSES[row.reason], row.reason)
    assert line["elb_status"] == str(demanded_status(row))


@pytest.mark.parametrize("name", BY_NAME)
def test_class_decides(outcomes, name):
    """[data-plane 6.1] Defensive: Severe is refused with 400, Ambiguous passed and both connections closed."""
    row, outcome = BY_NAME[name], outcomes[name]
    assert outcome.answer.status == demanded_status(row)
    if outcome.answer.status != 200:
        assert outcome.said == ["close"] and outcome.rest == b""
        assert not outcome.seen, "a refused request reached the target"
    elif CLASSES[row.reason] == "Ambiguous":
        assert outcome.said == ["close"] and outcome.rest == b""
        assert outcome.seen[0].header(b"Connection") == [b"close"]
        assert not outcome.target_reused
    else:
        assert outcome.kept
        assert outcome.target_reused and outcome.seen[0].header(b"Connection") == []


@pytest.mark.parametrize("name", [row.name for row in ROWS if demanded_status(row) == 200])
def test_target_sees(outcomes, name):
    """[data-plane D] What reaches a target has one framing, written by us, and well-formed lines only."""
    row, outcome = BY_NAME[name], outcomes[name]
    (seen,) = outcome.seen
    assert not row.line or seen.line == row.line
    lines = seen.head.split(b"\r\n")
    for header in row.has:
        assert header in lines
    for piece in row.lacks:
        assert piece not in seen.head
    assert seen.body == row.body
    assert len(seen.header(b"Content-Length")) + len(seen.header(b"Transfer-Encoding")) <= 1
    assert seen.head.count(b"\n") == seen.head.count(b"\r\n") == len(lines) - 1
    for line in lines[1:-2]:
        head, colon, _ = line.partition(b": ")
        assert colon and head and not set(head) & set(b" \t()<>@,;:\\\"/[]?={}")


# ---- smuggling: a second request hidden in the first ----

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a.example\r\n\r\n"
TAIL = b"0\r\n\r\n" + HIDDEN


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


SMUGGLES = {
    "CL.TE": post(b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(TAIL), TAIL),
    "TE.CL": post(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", chunk(HIDDEN) + b"0\r\n\r\n"),
    "TE.TE-second-unknown": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\nContent-Length: 4\r\n",
                                 chunk(HIDDEN) + b"0\r\n\r\n"),
    "TE.TE-first-unknown": post(b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", TAIL),
    "TE-blank": post(b"Transfer-Encoding : chunked\r\nContent-Length: %d\r\n" % len(TAIL), TAIL),
    "TE-underscore": post(b"Transfer_Encoding: chunked\r\nContent-Length: %d\r\n" % len(TAIL), TAIL),
    "TE-fold": post(b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 4\r\n", chunk(HIDDEN) + b"0\r\n\r\n"),
    "TE-hidden-in-fold": post(b"X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: %d\r\n" % len(TAIL), TAIL),
    "TE-bare-cr": post(b"X: y\rTransfer-Encoding: chunked\r\nContent-Length: %d\r\n" % len(TAIL), TAIL),
    "TE-bare-lf": post(b"X: y\nTransfer-Encoding: chunked\r\nContent-Length: %d\r\n" % len(TAIL), TAIL),
    "TE-vertical-tab": post(b"Transfer-Encoding:\x0bchunked\r\nContent-Length: %d\r\n" % len(TAIL), TAIL),
    "TE-comma": post(b"Transfer-Encoding: , chunked\r\nContent-Length: %d\r\n" % len(TAIL), TAIL),
    "TE-identity": post(b"Transfer-Encoding: identity\r\nContent-Length: %d\r\n" % len(TAIL), TAIL),
    "TE-named-in-Connection": post(b"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n"
                                   b"Content-Length: 4\r\n", chunk(HIDDEN) + b"0\r\n\r\n"),
    "CL.CL": post(b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(HIDDEN), HIDDEN),
    "CL-list": post(b"Content-Length: 0, %d\r\n" % len(HIDDEN), HIDDEN),
    "CL-plus": post(b"Content-Length: +%d\r\n" % len(HIDDEN), HIDDEN),
    "CL-named-in-Connection": post(b"Connection: Content-Length\r\nContent-Length: %d\r\n" % len(HIDDEN), HIDDEN),
    "CL-blank": post(b"Content-Length : %d\r\n" % len(HIDDEN), HIDDEN),
    "CL.0-get": get(b"Content-Length: %d\r\n" % len(HIDDEN)) + HIDDEN,
    "chunk-size-overflow": post(b"Transfer-Encoding: chunked\r\n", b"10000000000000003\r\nabc\r\n" + TAIL),
    "chunk-size-hex-prefix": post(b"Transfer-Encoding: chunked\r\n", b"0x3\r\nabc\r\n" + TAIL),
    "chunk-size-negative": post(b"Transfer-Encoding: chunked\r\n", b"-3\r\nabc\r\n" + TAIL),
    "chunk-bare-lf": post(b"Transfer-Encoding: chunked\r\n", b"3\nabc\n0\n\n" + HIDDEN),
    "chunk-extension-lf": post(b"Transfer-Encoding: chunked\r\n", b"3;a\nb\r\nabc\r\n" + TAIL),
    "chunk-data-longer": post(b"Transfer-Encoding: chunked\r\n", b"3\r\nabcd\r\n" + TAIL),
    "trailer-bare-lf": post(b"Transfer-Encoding: chunked\r\n", b"0\r\nX: y\n\n" + HIDDEN),
    "trailer-no-colon": post(b"Transfer-Encoding: chunked\r\n", b"0\r\nGET /hidden HTTP/1.1\r\n\r\n"),
    "request-line-lf-in-uri": b"GET / HTTP/1.1\nGET /hidden HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "upgrade-h2c": get(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
}


@pytest.fixture(scope="module")
def smuggling(shared_alb, shared_target):
    recorder = Recorder()
    target = shared_target(recorder)
    return shared_alb(template([target.address], logs=False)), recorder


@pytest.mark.parametrize("name", SMUGGLES)
def test_target_never_sees_a_second_request(smuggling, name):
    """[data-plane D] A target never gets more requests than were accepted, whatever the first one hides."""
    instance, recorder = smuggling
    before = len(recorder.seen)
    with instance.connect() as sock:
        sock.sendall(SMUGGLES[name])
        reader = Reader(sock)
        first = reader.answer()
        if first.header("connection") == ["close"]:
            assert reader.rest() == b"", "a second answer"
        else:
            # the hidden bytes were the body of the one request, or nothing is left behind it
            sock.sendall(AFTER)
            assert reader.answer().status == 200
            assert recorder.seen.pop().line == b"GET /after HTTP/1.1"
    seen = recorder.seen[before:]
    assert len(seen) == (first.status == 200)
    assert all(b"/hidden" not in one.line for one in seen)
    for one in seen:
        assert len(one.header(b"Content-Length")) + len(one.header(b"Transfer-Encoding")) <= 1
        assert one.header(b"Upgrade") == one.header(b"HTTP2-Settings") == []
