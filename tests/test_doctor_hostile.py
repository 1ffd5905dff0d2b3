# SPDX-License-Identifier: Apache-2.0
"""Far ends, files and command lines that mean no good to `openalb doctor`.

Each row of ROWS is a far end that misbehaves in one way. The doctor examines it once with --json, --html and
--save; what it saved is then shown on a coloured terminal and in one line. Whatever came back: the exit status is
a documented one, within the deadline, with bounded memory and few connections; no report holds a raw control
byte, broken UTF-8 or markup of the far end; no secret of the command line is in any of them.
"""
import base64
import concurrent.futures
import contextlib
import dataclasses
import functools
import html.parser
import itertools
import json
import os
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import threading
import time
import unicodedata
import zlib

import pytest

import harness
from harness import DEADLINE, SANITIZED
from lab import servers
from lab.certificates import openssl

DOCUMENTED = {0, 1, *range(10, 19), 20, 64, 66, 69, 124}  # [doctor-peers 5.5]; 70 would be our own fault
LONGEST = 3           # seconds: --deadline
LATE = 15             # more than that is too late, even on a busy machine
CPU_MAX = 3           # seconds; nothing that comes back needs more than a fraction of it
MEMORY_MAX = 200 << 20  # bytes that it may ask for; with more it ends, which is no documented status
CONNECTIONS_MAX = 16
HOST = "site.test"
SCHEMA = json.loads((harness.ROOT / "docs/doctor.schema.json").read_text())

SECRETS = ["tell-nobody-of-it", "cookie-of-mine-alone", "private-door-of-mine", "question-of-mine-alone"]
PRIVATE = f"/{SECRETS[2]}?q={SECRETS[3]}"
PRIVATE_OPTIONS = ["-H", f"Authorization: Bearer {SECRETS[0]}", "--cookie", f"session={SECRETS[1]}"]

# Everything that a terminal, a page or a log should never be given.
MARKUP = b"<b id=owned onclick='x'>\"'&amp;</b></title></script><script>owned()</script><img src=//owned.test>"
EVIL = (b"\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b31m\xc2\x9b31m\xe2\x80\xaelr\xe2\x81\xa6x\xef\xbb\xbf\xff\xfe\xc0\xaf"
        b"\xed\xa0\x80\xf4\x90\x80\x80\x7f\x08\x0b\x0c\r\xe2\x80\xa8" + MARKUP)
LONG = (EVIL * 40 + b"x" * 10240)[:10240]
SAYINGS = {"evil": EVIL, "nul": b"a\0b" + EVIL, "long": LONG}


# ---- what a report may hold ----

COLOURS = re.compile(r"\x1b\[(?:32|1;31|33|2|1|0)m")


def unclean(text, allowed="\n"):
    """Characters that reach a terminal and do not belong there."""
    bad = [c for c in text if c not in allowed and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Co")]
    return [f"U+{ord(c):04X}" for c in bad[:5]]


def strings_of(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from strings_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings_of(one)


class Markup(html.parser.HTMLParser):
    """Elements, attributes and the hex dumps of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.ids, self.scripts = set(), set(), [], 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.scripts += tag == "script"
        for name, value in attributes:
            self.attributes.add(name)
            if name in ("id", "src", "href", "style"):
                self.ids.append((name, value or ""))


def check_clean(data, name, allowed="\n"):
    text = data.decode()  # broken UTF-8 ends the test here
    assert not unclean(text, allowed), (name, unclean(text, allowed))
    return text


def check_json(data):
    report = json.loads(check_clean(data, "--json"))
    import jsonschema
    jsonschema.validate(report, SCHEMA)
    for one in strings_of(report):
        assert not unclean(one), ("--json", unclean(one), one[:200])
    return report


def check_html(data):
    text = check_clean(data, "--html", "\n\t")
    page = Markup(text)
    assert page.scripts == 1 and text.count("<script") == 1, "a script of the far end"
    assert not page.tags & {"img", "iframe", "object", "embed", "base", "link", "form", "a"}, page.tags
    assert not {one for one in page.attributes if one.startswith("on")}, page.attributes
    assert not [one for one in page.ids if "owned" in one[1]], page.ids
    assert "<b id=owned" not in text and "</title>" in text
    assert len(data) < 3 << 20


def dumped(page):
    """The bytes that the page shows in hex."""
    return bytes.fromhex("".join(re.findall(r"<i>[0-9a-f]{4,}</i>  ((?:[0-9a-f]{2} | )+)", page)))


def secrets_in(data, known):
    found = [one for one in known for form in (one.encode(), one.encode().hex().encode(),
                                               base64.b64encode(one.encode()).rstrip(b"=")[:-1]) if form in data]
    return found


def check_no_secret(outputs, known):
    for name, data in outputs.items():
        assert not secrets_in(data, known), (name, secrets_in(data, known))
    if "html" in outputs:
        assert not secrets_in(dumped(outputs["html"].decode()), known)
    for one in strings_of(json.loads(outputs["saved"])) if "saved" in outputs else ():
        if re.fullmatch(r"(?:[0-9a-f]{2})+", one):
            assert not secrets_in(bytes.fromhex(one), known), "in saved bytes"


# ---- the doctor ----

@dataclasses.dataclass
class Done:
    code: int
    out: bytes
    err: bytes
    seconds: float
    cpu: float


def doctor(folder, *words, longest=DEADLINE, stdout=None, env=None, before=()):
    """Runs it to its end, and measures what it took."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(folder), "no_proxy": "*", **(env or {})}
    environment = {key: value for key, value in environment.items() if value is not None}
    limits = [] if SANITIZED else [harness.tool("prlimit"), f"--data={MEMORY_MAX}"]
    files = [open(folder / f"{threading.get_ident()}.{name}", "w+b") for name in ("out", "err")]
    try:
        start = time.monotonic()
        process = subprocess.Popen([*limits, *before, str(harness.OPENALB), "doctor", *map(str, words)],
                                   stdin=subprocess.DEVNULL, stdout=stdout or files[0], stderr=files[1],
                                   env=environment, cwd=folder)
        watchdog = threading.Timer(longest, process.kill)
        watchdog.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            watchdog.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        took = time.monotonic() - start
        for one in files:
            one.seek(0)
        return Done(process.returncode, files[0].read(), files[1].read(), took, usage.ru_utime + usage.ru_stime)
    finally:
        for one in files:
            one.close()


def check_run(done):
    assert b"Sanitizer" not in done.err and b"runtime error" not in done.err and b"assertion" not in done.err, \
        done.err[-4000:].decode(errors="replace")
    assert done.code in DOCUMENTED, (done.code, done.err[-2000:])
    assert SANITIZED or done.cpu < CPU_MAX, done.cpu
    check_clean(done.err, "standard error")


# ---- certificates, byte by byte ----

def der(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    length = bytes([n]) if n < 128 else (lambda b: bytes([128 | len(b)]) + b)(n.to_bytes((n.bit_length() + 7) // 8, "big"))
    return bytes([tag]) + length + body


def oid(text):
    numbers = [int(one) for one in text.split(".")]
    out = bytes([numbers[0] * 40 + numbers[1]])
    for number in numbers[2:]:
        piece = bytes([number & 127])
        while number := number >> 7:
            piece = bytes([128 | number & 127]) + piece
        out += piece
    return der(6, out)


ECDSA_SHA256 = der(0x30, oid("1.2.840.10045.4.3.2"))
CN, ORGANIZATION = "2.5.4.3", "2.5.4.10"
UTF8, PRINTABLE, BMP, TELETEX = 12, 19, 30, 20


def dn(*attributes):
    return der(0x30, *(der(0x31, der(0x30, oid(kind), der(tag, value))) for kind, tag, value in attributes))


def extension(kind, value, critical=False):
    return der(0x30, oid(kind), der(1, b"\xff") if critical else b"", der(4, value))


def names(*entries):
    """subjectAltName of (tag, bytes): 0x82 a DNS name, 0x81 mail, 0x86 a URI, 0x87 an address."""
    return extension("2.5.29.17", der(0x30, *(der(tag, value) for tag, value in entries)))


def issuer_at(url):
    access = der(0x30, oid("1.3.6.1.5.5.7.48.2"), der(0x86, url))
    return extension("1.3.6.1.5.5.7.1.1", der(0x30, access))


AUTHORITY = [extension("2.5.29.19", der(0x30, der(1, b"\xff")), True), extension("2.5.29.15", der(3, b"\x01\x06"), True)]
SERVER = [extension("2.5.29.37", der(0x30, oid("1.3.6.1.5.5.7.3.1")))]


@dataclasses.dataclass
class Authority:
    folder: pathlib.Path

    def __post_init__(self):
        self.numbers = itertools.count(1)
        self.key = self.folder / "key.pem"
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.key)
        self.public = openssl("pkey", "-in", self.key, "-pubout", "-outform", "DER")
        self.name = dn((CN, UTF8, b"A root of these tests"))
        self.root = self.pem(self.issue(self.name, self.name, AUTHORITY), "root")

    def issue(self, subject, issuer, extensions):
        """A certificate in DER; one key serves all."""
        now = time.time()
        days = [der(0x17, time.strftime("%y%m%d%H%M%SZ", time.gmtime(now + one * 86400)).encode()) for one in (-1, 60)]
        number = next(self.numbers)
        body = der(0x30, der(0xa0, der(2, b"\2")), der(2, b"\1" + number.to_bytes(4, "big")), ECDSA_SHA256,
                   issuer, der(0x30, *days), subject, self.public, der(0xa3, der(0x30, *extensions)))
        file = self.folder / f"to-be-signed-{number}"
        file.write_bytes(body)
        return der(0x30, body, ECDSA_SHA256, der(3, b"\0" + openssl("dgst", "-sha256", "-sign", self.key, file)))

    def pem(self, data, name):
        file = self.folder / f"{name}.pem"
        text = base64.encodebytes(data).decode()
        file.write_text(f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n")
        return file

    def site(self, name, subject=None, extensions=None, issuer=None, alpn=("http/1.1",), more=()):
        """A TLS context with a certificate for HOST (or as wanted) from the root."""
        data = self.issue(subject or dn((CN, UTF8, HOST.encode())), issuer or self.name,
                          SERVER + [names((0x82, HOST.encode()))] if extensions is None else extensions)
        file = self.pem(data, name)
        for one in more:
            file.write_text(file.read_text() + one.read_text())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file, self.key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


# ---- far ends ----

class Far(servers.Listener):
    """A scripted listener that counts the connections."""

    def __init__(self, script, tls=None, address="127.0.0.1"):
        self.count = 0
        super().__init__(address, 0, script, tls)

    def _serve(self, conn):
        with self.lock:
            self.count += 1
        super()._serve(conn)


def far_and_datagrams(script):
    """A listener, and a socket for datagrams on the same port."""
    while True:
        far, udp = Far(script), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(("127.0.0.1", far.port))
            return far, udp
        except OSError:  # somebody has it
            far.close()
            udp.close()


class Resolver:
    """A name server on a port of its own: answer(question, tcp) gives the messages that are sent."""

    def __init__(self, answer):
        self.answer = answer
        self.tcp, self.udp = far_and_datagrams(self._stream)
        self.port = self.tcp.port
        threading.Thread(target=self._datagrams, daemon=True).start()

    def _datagrams(self):
        while True:
            try:
                question, client = self.udp.recvfrom(65536)
                if not question:
                    return
                for message in self.answer(question, False):
                    self.udp.sendto(message, client)
            except OSError:
                return

    def _stream(self, conn):
        reader = harness.Reader(conn)
        while True:
            question = reader.exactly(int.from_bytes(reader.exactly(2), "big"))
            for message in self.answer(question, True):
                conn.sendall(len(message).to_bytes(2, "big") + message)

    def close(self):
        self.tcp.close()
        with contextlib.suppress(OSError):
            self.udp.shutdown(socket.SHUT_RDWR)
        self.udp.close()


def reply_to(question, records=(), flags=0x8180, count=None, extra=b""):
    """An answer with these records (bytes each) in its first section."""
    end = question.index(b"\0", 12) + 5
    return (question[:2] + struct.pack("!HHHHH", flags, 1, len(records) if count is None else count, 0, 0) +
            question[12:end] + b"".join(records) + extra)


def type_of(question):
    end = question.index(b"\0", 12)
    return int.from_bytes(question[end + 1:end + 3], "big")


def record(kind, data, name=b"\xc0\x0c", ttl=60):
    return name + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def wire(*labels):
    return b"".join(bytes([len(one)]) + one for one in labels) + b"\0"


class Bench:
    """What one row is made of; all of it ends with the row."""

    def __init__(self, folder, authority, stack):
        self.folder, self.authority, self.stack = folder, authority, stack
        self.over = threading.Event()  # scripts that pause wait for it
        stack.callback(self.over.set)
        self.far, self.resolvers = None, []
        self.hosts = folder / "hosts"
        self.hosts.write_text(f"127.0.0.1 {HOST}\n")
        (folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")

    def listen(self, script, tls=None):
        made = Far(script, tls)
        self.stack.callback(made.close)
        return made

    def resolver(self, answer):
        made = Resolver(answer)
        self.stack.callback(made.close)
        self.resolvers.append(made)
        return made

    def plain(self, script, *options):
        """The far end in plain text, and how it is asked."""
        self.far = self.listen(script)
        return [f"http://{HOST}:{self.far.port}{PRIVATE}", *options]

    def raw(self, script, *options):
        """A far end that writes the bytes of TLS (or of no TLS) itself."""
        self.far = self.listen(script)
        return [f"https://{HOST}:{self.far.port}{PRIVATE}", *options]

    def secure(self, script, *options, tls=None, **site):
        """A far end inside TLS with a certificate that is trusted, unless it is bad itself."""
        context = tls or self.authority.site(self.folder.name, **site)
        self.far = self.listen(script, context)
        return [f"https://{HOST}:{self.far.port}{PRIVATE}", "--ca", self.authority.root, *options]

    def drip(self, pause, data=b"x", begin=b""):
        """Sends byte after byte of `data`, over and over, with pauses."""
        def script(conn):
            conn.recv(65536)
            conn.sendall(begin)
            while not self.over.wait(pause):
                for byte in data:
                    conn.sendall(bytes([byte]))
                    if self.over.wait(pause):
                        return
        return script


def forever(data, begin=b"", first=True):
    """Sends `begin`, then `data` for ever."""
    def script(conn):
        if first:
            conn.recv(65536)
        conn.sendall(begin)
        piece = data * max(1, 65536 // len(data))
        while True:
            conn.sendall(piece)
    return script


def answers(data):
    """One answer for each request."""
    def script(conn):
        reader = harness.Reader(conn)
        while True:
            head = reader.until(b"\r\n\r\n")
            conn.sendall(data(head) if callable(data) else data)
    return script


def page(body=b"<title>Shop</title>", status=b"200 OK", headers=b""):
    return b"HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n%s\r\n%s" % (
        status, len(body), headers, body)


ROWS = []


def row(*variants, connections=CONNECTIONS_MAX):
    """A row of the table; with variants one for each: make(bench, variant) gives the command line."""
    def add(make):
        for one in variants or [None]:
            name = make.__name__ + (f"-{one}" if one is not None else "")
            ROWS.append((name, functools.partial(make, variant=one) if one is not None else make, connections))
        return make
    return add


# -- HTTP/1.1 --

@row(*SAYINGS)
def status_line(b, variant):
    return b.plain(answers(b"HTTP/1.1 503 " + SAYINGS[variant] + b"\r\nContent-Length: 0\r\n\r\n"))


@row(*(f"{header}-{saying}" for header in ("Server", "Location", "Set-Cookie", "Content-Type", "Via", "X-Cache",
                                          "Strict-Transport-Security", "WWW-Authenticate", "Content-Encoding", "Date")
       for saying in SAYINGS))
def header(b, variant):
    name, saying = variant.rsplit("-", 1)
    status, said = b"503 Busy", SAYINGS[saying]
    if name == "Location":  # no relative one, which would grow until it is too long
        status, said = b"302 Found", b"/" + said
    return b.plain(answers(page(status=status, headers=name.encode() + b": " + said + b"\r\n")))


@row(*SAYINGS)
def header_over_tls(b, variant):
    said = SAYINGS[variant]
    headers = b"".join(b"%s: %s\r\n" % (name, said) for name in (
        b"Server", b"Set-Cookie", b"Strict-Transport-Security", b"Alt-Svc", b"Content-Type", b"Date", said[:300]))
    return b.secure(answers(page(b"<title>" + said, b"503 " + said, headers)), "--all")


@row(*SAYINGS)
def title(b, variant):
    return b.plain(answers(page(b"<title>" + SAYINGS[variant] + b"</title>", b"502 Bad Gateway")))


@row()
def location_over_tls(b):
    return b.secure(answers(page(status=b"301 Moved", headers=b"Location: http://" + EVIL + b".test/\r\n")))


@row("//%s/", "http://%s:8080/", "https://[%s]/", "javascript:%s", "http://site.test:99999/%s", "/%s", "?%s",
     "http://user:tell-nobody@127.0.0.1:1/%s", "http://xn--%s.test/")
def odd_location(b, variant):
    target = variant.encode().replace(b"%s", EVIL.replace(b"\r", b""))
    return b.plain(answers(page(status=b"302 Found", headers=b"Location: " + target + b"\r\n")))


@row()
def endless_before_the_status_line(b):
    return b.plain(forever(b"\r\n"))


@row()
def endless_head(b):
    return b.plain(forever(b"X-More: and more\r\n", b"HTTP/1.1 200 OK\r\n"))


@row()
def endless_header_line(b):
    return b.plain(forever(b"x", b"HTTP/1.1 200 OK\r\nServer: "))


@row()
def endless_head_over_tls(b):
    return b.secure(forever(b" folded\r\n", b"HTTP/1.1 200 OK\r\nServer: x\r\n"))


@row()
def endless_interim_answers(b):
    return b.plain(forever(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"))


@row()
def endless_body(b):
    return b.plain(forever(b"<title>", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"))


@row()
def endless_body_over_tls(b):
    return b.secure(forever(EVIL, b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"))


@row()
def endless_chunks(b):
    return b.plain(forever(b"1\r\nx\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))


@row()
def huge_chunk(b):
    return b.plain(answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffe\r\nabc\r\n0\r\n\r\n"))


@row("18446744073709551615", "18446744073709551616", "-1", "1, 2")
def odd_length(b, variant):
    return b.plain(answers(b"HTTP/1.1 200 OK\r\nContent-Length: " + variant.encode() + b"\r\n\r\nabc"))


@row()
def endless_trailers(b):
    return b.plain(forever(b"X: y\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"))


@row()
def many_headers(b):
    return b.plain(answers(page(headers=b"".join(b"X-%d: %s\r\n" % (n, b"v" * 20) for n in range(5000)))))


@row()
def many_cookies(b):
    many = b"".join(b"Set-Cookie: c%d=%s; Path=/\r\n" % (n, b"v" * 20) for n in range(3000))
    return b.secure(answers(page(status=b"302 Found", headers=many + b"Location: /next\r\n")))


@functools.cache
def packed_zeros(window):
    """60 MB of nothing behind a title, packed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    return packer.compress(b"<title>") + b"".join(packer.compress(bytes(1 << 20)) for _ in range(60)) + packer.flush()


@row("gzip", "deflate")
def bomb(b, variant):
    packed = packed_zeros(31 if variant == "gzip" else 15)
    return b.plain(answers(page(packed, headers=b"Content-Encoding: " + variant.encode() + b"\r\n")))


@row()
def bomb_in_single_bytes(b):
    """Each byte must not unpack the whole again."""
    packed = packed_zeros(31)

    def script(conn):
        harness.Reader(conn).until(b"\r\n\r\n")
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99999999\r\n\r\n" + packed[:8000])
        for byte in packed[8000:]:
            conn.sendall(bytes([byte]))
            if b.over.wait(0.0005):
                return
        servers.hold(conn)
    return b.plain(script)


@row("plain", "raw", "secure")
def one_byte_per_second(b, variant):
    return getattr(b, variant)(b.drip(1, b"HTTP/1.1 200 OK\r\n"))


@row()
def bytes_in_haste(b):
    """Single bytes as fast as they go, in a head that never ends."""
    return b.plain(b.drip(0.0001, b"a", b"HTTP/1.1 200 OK\r\nServer: "))


@row()
def nothing_ever(b):
    return b.plain(servers.hold)


@row()
def nothing_ever_over_tls(b):
    return b.secure(servers.hold)


# -- redirects --

def chain(number):
    """Each answer leads to another URL."""
    count = [0]
    lock = threading.Lock()

    def answer(head):
        with lock:
            count[0] += 1
            at = count[0]
        return page(status=b"302 Found", headers=b"Location: " + number(at) + b"\r\n")
    return answers(answer)


@row(connections=CONNECTIONS_MAX + 20)
def redirects_without_end(b):
    return b.plain(chain(lambda n: b"/%d" % n))


@row(connections=CONNECTIONS_MAX + 20)
def redirects_without_end_over_tls(b):
    return b.secure(chain(lambda n: b"/%d?%s" % (n, b"a" * n * 100)), "--all")


@row(connections=CONNECTIONS_MAX + 20)
def redirects_to_many_names(b):
    b.hosts.write_text(f"127.0.0.1 {HOST}\n" + "".join(f"127.0.0.1 n{n}.test\n" for n in range(100)))
    return b.plain(chain(lambda n: b"http://n%d.test:%d/" % (n, b.far.port)))


@row(2 << 20, 100 << 10, 9000, connections=CONNECTIONS_MAX + 20)
def long_location(b, variant):
    return b.secure(chain(lambda n: b"/%d/" % n + b"a" * variant))


@row(connections=CONNECTIONS_MAX + 20)
def redirect_between_cookies(b):
    return b.secure(chain(lambda n: b"/\r\nSet-Cookie: n%d=%s" % (n, b"v" * 4000)))


# -- no HTTP at all --

@row("SSH-2.0-", "220 ", "HTTP/1.1 ", "RFB 003.008\n", "\x15\x03\x03\x00\x02\x02", "\x00\x00\x04\x08\x00")
def banner(b, variant):
    def script(conn):
        conn.sendall(variant.encode("latin-1") + LONG + b"\r\n")
        servers.hold(conn)
    return b.raw(script)


@row()
def endless_banner(b):
    return b.raw(forever(EVIL, first=False))


# -- TLS by hand --

def tls_record(kind, data, version=b"\3\3"):
    return bytes([kind]) + version + len(data).to_bytes(2, "big") + data


def server_hello(extensions=b"", version=b"\3\3", suite=b"\xc0\x2f", session=b""):
    body = version + bytes(range(32)) + bytes([len(session)]) + session + suite + b"\0"
    body += len(extensions).to_bytes(2, "big") + extensions
    return b"\2" + len(body).to_bytes(3, "big") + body


def alpn_extension(name):
    value = bytes([len(name)]) + name
    value = len(value).to_bytes(2, "big") + value
    return b"\0\x10" + len(value).to_bytes(2, "big") + value


HALF_A_RECORD = b"\x16\3\3\x40\0" + server_hello()[:40]
TLS_BYTES = {
    "half-a-record": HALF_A_RECORD,
    "half-a-header": b"\x16\3",
    "empty-records": tls_record(22, b"") * 5000,
    "warnings": servers.alert(100, 1) * 5000,
    "alert-of-no-kind": servers.alert(0x1b, 0x9b),
    "long-alert": tls_record(21, EVIL),
    "change-cipher-specs": tls_record(20, b"\1") * 5000,
    "huge-record": b"\x16\3\3\xff\xff" + EVIL * 200,
    "huge-handshake": tls_record(22, b"\x0b\xff\xff\xff" + bytes(16000)) * 40,
    "hello-in-pieces": b"".join(tls_record(22, bytes([one])) for one in server_hello()),
    "evil-alpn": tls_record(22, server_hello(alpn_extension(EVIL))),
    "evil-session": tls_record(22, server_hello(session=EVIL[:32])),
    "unknown-version": tls_record(22, server_hello(version=b"\x1b[")),
    "twice-the-extension": tls_record(22, server_hello(alpn_extension(b"h2") * 3000)),
    "retry-for-ever": tls_record(22, server_hello().replace(bytes(range(32)), bytes.fromhex(
        "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"))) * 1000,
    "heartbeats": tls_record(24, b"\1\xff\xff" + EVIL) * 500,
    "sslv2": b"\x80\x2e\4\0\1\0\2" + EVIL,
}


@row(*TLS_BYTES)
def tls_bytes(b, variant):
    return b.raw(servers.say(TLS_BYTES[variant], end="hold"))


@row("warnings", "empty-records", "huge-handshake", "change-cipher-specs")
def tls_bytes_for_ever(b, variant):
    return b.raw(forever(TLS_BYTES[variant]))


@row()
def half_a_record_in_single_bytes(b):
    return b.raw(b.drip(0.002, b"\x0b", HALF_A_RECORD))


# -- certificates --

def subject(text, tag=TELETEX):
    if tag == UTF8:  # OpenSSL refuses a certificate where it is broken
        text = text.decode(errors="ignore").encode()
    return dn((ORGANIZATION, tag, text), (CN, tag, text))


@row(*(f"{tag}-{saying}" for tag in (UTF8, PRINTABLE, TELETEX) for saying in SAYINGS))
def certificate_subject(b, variant):
    tag, saying = variant.split("-")
    return b.secure(answers(page()), subject=subject(SAYINGS[saying], int(tag)))


@row(UTF8, PRINTABLE, BMP, TELETEX)
def certificate_issuer(b, variant):
    said = EVIL + b"x" * (len(EVIL) % 2)
    return b.secure(answers(page()), subject=subject(said, variant), issuer=subject(said, variant))


@row(*SAYINGS)
def certificate_names(b, variant):
    said = SAYINGS[variant]
    return b.secure(answers(page()), extensions=[names((0x82, said), (0x81, said), (0x86, said), (0x87, b"\x1b[2J"),
                                                       (0x82, b"site.test\0.evil.test"), (0x87, b"")), *SERVER])


@row()
def certificate_of_10000_names(b):
    many = names(*((0x82, b"n%d.%s" % (n, b"x" * 10)) for n in range(10000)))
    return b.secure(answers(page()), extensions=[many, *SERVER])


@row()
def certificate_of_1_mb(b):
    ballast = extension("1.2.3.4.5", EVIL * (1 << 20 >> 8))
    return b.secure(answers(page()), extensions=[names((0x82, HOST.encode())), ballast, *SERVER])


@row()
def chain_of_100(b):
    other = b.authority.pem(b.authority.issue(subject(EVIL), subject(EVIL), AUTHORITY), f"{b.folder.name}-more")
    return b.secure(answers(page()), more=[other] * 100)


@row("http://%b/%b", "http://127.0.0.1:1/%b", "ldap://%b", "file:///etc/passwd", "%b")
def issuer_url(b, variant):
    url = variant.encode().replace(b"%b", EVIL)
    return b.secure(answers(page()), issuer=subject(b"nobody"),
                    extensions=[names((0x82, HOST.encode())), issuer_at(url), *SERVER])


ISSUERS = {
    "endless": forever(EVIL, b"HTTP/1.1 200 OK\r\n\r\n"),
    "endless-head": forever(b"X: y\r\n", b"HTTP/1.1 200 OK\r\n"),
    "redirect": answers(page(status=b"302 Found", headers=b"Location: /again\r\n")),
    "garbage": answers(page(EVIL)),
    "many": answers(page(b"-----BEGIN PKCS7-----\n" + b"A" * 50000 + b"\n-----END PKCS7-----\n")),
    "silent": servers.hold,
}


@row(*ISSUERS)
def issuer(b, variant):
    other = b.listen(ISSUERS[variant])
    return b.secure(answers(page()), issuer=subject(b"nobody"), extensions=[
        names((0x82, HOST.encode())), issuer_at(b"http://127.0.0.1:%d/ca" % other.port), *SERVER])


@row()
def issuer_in_single_bytes(b):
    other = b.listen(b.drip(0.0001, b"\x30", b"HTTP/1.1 200 OK\r\n\r\n"))
    return b.secure(answers(page()), issuer=subject(b"nobody"), extensions=[
        names((0x82, HOST.encode())), issuer_at(b"http://127.0.0.1:%d/ca" % other.port), *SERVER])


# -- HTTP/2 --

def fields(*pairs):
    """An HPACK block, nothing indexed, nothing compressed."""
    def text(one):
        n = len(one)
        if n < 127:
            return bytes([n]) + one
        rest, out = n - 127, b"\x7f"
        while rest >= 128:
            out, rest = out + bytes([128 | rest & 127]), rest >> 7
        return out + bytes([rest]) + one
    return b"".join(b"\0" + text(name) + text(value) for name, value in pairs)


BIG_FIELD = b"\x40\1x\x7f\x81\x1e" + b"y" * 3968  # goes into the table; then each \xbe is all of it again
H2 = {  # what is said (once, for ever) to a request
    "continuation": (servers.frame(1, 0, 1, b"\x88"), servers.frame(9, 0, 1, fields((b"x", b"y" * 100)))),
    "empty-continuation": (servers.frame(1, 0, 1, b"\x88"), servers.frame(9, 0, 1)),
    "settings": (b"", servers.SETTINGS),
    "large-settings": (b"", servers.frame(4, 0, 0, b"\0\1\xff\xff\xff\xff" * 2000)),
    "pings": (b"", servers.frame(6, 0, 0, b"12345678")),
    "windows": (b"", servers.frame(8, 0, 0, b"\x7f\xff\xff\xff")),
    "small-windows": (b"", servers.frame(8, 0, 1, b"\0\0\0\1")),
    "no-window-step": (servers.frame(8, 0, 1, bytes(4)), b""),
    "priorities": (b"", servers.frame(2, 0, 3, b"\0\0\0\0\1")),
    "hpack-bomb": (servers.frame(1, 4, 1, b"\x88" + BIG_FIELD + b"\xbe" * 12000), b""),
    "hpack-bomb-in-trailers": (servers.frame(1, 4, 1, b"\x88") + servers.frame(
        1, 5, 1, BIG_FIELD + b"\xbe" * 12000), b""),
    "table-sizes": (servers.frame(1, 4, 1, b"\x20\x3f\xe1\x1f" * 3000 + b"\x88"), b""),
    "evil-fields": (servers.frame(1, 4, 1, b"\x8d" + fields(*((name, EVIL) for name in (
        b"server", b"location", b"set-cookie", b"content-type", b"strict-transport-security")))), b""),
    "evil-name": (servers.frame(1, 5, 1, b"\x88" + fields((EVIL, EVIL))), b""),
    "evil-status": (servers.frame(1, 5, 1, fields((b":status", EVIL))), b""),
    "evil-title": (servers.frame(1, 4, 1, b"\x88" + fields((b"content-type", b"text/html"))) + servers.frame(
        0, 1, 1, b"<title>" + LONG), b""),
    "early-hints": (b"", servers.frame(1, 4, 1, fields((b":status", b"103"), (b"link", b"</x>")))),
    "goaway": (servers.frame(7, 0, 0, bytes(7) + b"\x0b" + LONG), b""),
    "goaways": (b"", servers.frame(7, 0, 0, b"\x7f\xff\xff\xff" + bytes(4))),
    "promises": (b"", servers.frame(5, 4, 1, b"\0\0\0\2\x88")),
    "padding": (servers.frame(1, 4, 1, b"\x88"), servers.frame(0, 8, 1, b"\xff" + bytes(255))),
    "empty-data": (servers.frame(1, 4, 1, b"\x88"), servers.frame(0, 0, 1)),
    "endless-data": (servers.frame(1, 4, 1, b"\x88"), servers.frame(0, 0, 1, bytes(16384))),
    "huge-frame": (b"\xff\xff\xff\0\0\0\0\0\1", bytes(65536)),
    "unknown-frames": (b"", servers.frame(0xfe, 0xff, 0, EVIL)),
    "other-streams": (b"", servers.frame(1, 5, 3, b"\x88")),
    "resets": (b"", servers.frame(3, 0, 1, b"\x1b[2J")),
    "text": (b"", EVIL),
}


@row(*H2)
def h2(b, variant):
    once, again = H2[variant]

    def script(conn):
        if conn.selected_alpn_protocol() != "h2":
            answers(page())(conn)
        conn.recv(65536)
        conn.sendall(servers.SETTINGS + once)
        while again:
            conn.sendall(again * max(1, 16384 // len(again)))
        servers.hold(conn)
    return b.secure(script, alpn=("h2", "http/1.1"))


# -- what the far end repeats --

@row("plain", "secure")
def echo(b, variant):
    """All that came is in the answer: what was sent in confidence must not come out."""
    def answer(head):
        lines = head.split(b"\r\n")
        said = b" ".join(lines)[:4000]
        return page(b"<title>%s</title>%s" % (said, head), b"503 " + said,
                    b"Server: %s\r\nSet-Cookie: a=%s\r\nX-Echo: %s\r\nContent-Type: %s\r\nVia: %s\r\n" % (
                        said, said, said, said, said))
    return getattr(b, variant)(answers(answer))


@row("plain", "secure", connections=CONNECTIONS_MAX + 20)
def echo_in_redirects(b, variant):
    def answer(head):
        path = head.split(b" ")[1]
        cookie = servers.header(head, "Cookie") or ""
        return page(status=b"307 Temporary Redirect", headers=b"Location: %s&again=%s\r\nServer: %s\r\n" % (
            path, cookie.encode(), (servers.header(head, "Authorization") or "").encode()))
    return getattr(b, variant)(answers(answer))


@row()
def echo_over_h2(b):
    """The path comes back in the title and in fields, as far as HPACK leaves it readable."""
    def script(conn):
        if conn.selected_alpn_protocol() != "h2":
            answers(page())(conn)
        conn.recv(65536)
        said = f"{PRIVATE} {SECRETS[0]} session={SECRETS[1]}".encode()
        block = fields((b":status", b"503"), (b"server", said), (b"x-echo", said), (b"set-cookie", b"a=" + said))
        conn.sendall(servers.SETTINGS + servers.frame(1, 4, 1, block) +
                     servers.frame(0, 1, 1, b"<title>" + said + b"</title>" + said))
        servers.hold(conn)
    return b.secure(script, alpn=("h2", "http/1.1"))


# -- proxies --

PROXIES = {
    "endless": forever(b"x", b"HTTP/1.1 200 Established\r\n"),
    "endless-body": forever(b"x", b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n"),
    "interim": forever(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "evil": answers(b"HTTP/1.1 407 " + EVIL + b"\r\nServer: " + EVIL + b"\r\nProxy-Authenticate: Basic realm=\"" + EVIL +
                    b"\"\r\nVia: " + LONG + b"\r\nContent-Length: 0\r\n\r\n"),
    "inside": lambda conn: (conn.recv(65536), conn.sendall(b"HTTP/1.1 200 ok\r\n\r\n"), forever(EVIL)(conn)),
    "silent": servers.hold,
    "echo": answers(lambda head: page(head, b"403 " + head.replace(b"\r\n", b" "),
                                      b"Server: " + head.replace(b"\r\n", b" ") + b"\r\n")),
}
PROXY_PASSWORD = "password-of-the-proxy"


@row(*(f"{scheme}-{one}" for scheme in ("http", "https", "socks5") for one in PROXIES))
def proxy(b, variant):
    scheme, name = variant.split("-", 1)
    if name == "echo" and scheme != "http":
        name = "evil"
    tls = b.authority.site(b.folder.name, extensions=[names((0x87, b"\x7f\0\0\1")), *SERVER]) if scheme == "https" else None
    gate = b.listen(PROXIES[name], tls)
    b.far = b.listen(servers.hold)
    return [f"https://{HOST}:{b.far.port}{PRIVATE}", "--ca", b.authority.root,
            "--proxy", f"{scheme}://somebody:{PROXY_PASSWORD}@127.0.0.1:{gate.port}"]


# -- targets and load balancers --

@row("hold", "evil", "endless")
def target(b, variant):
    script = {"hold": servers.hold, "evil": answers(page(b"<title>" + EVIL, b"200 " + EVIL, b"Server: " + EVIL + b"\r\n")),
              "endless": forever(EVIL)}[variant]
    other = b.listen(script)
    return b.secure(answers(page(b"", b"504 Gateway Time-out", b"Server: awselb/2.0\r\n")),
                    "--target", f"127.0.0.1:{other.port}")


@row()
def load_balancer(b):
    return b.plain(answers(page(b"<title>" + EVIL, b"404 x", b"Server: " + EVIL + b"\r\n")), "--lb", "127.0.0.9")


# -- DNS --

A, NS, CNAME, SOA, PTR, TXT, AAAA, HTTPS = 1, 2, 5, 6, 12, 16, 28, 65
LOOP = b"\xc0\x0c"  # where the question's name is, in a copy that points at itself


def resolvers(b, answer, *options):
    """The site's name is asked of a resolver that answers so."""
    b.hosts.write_text("")
    b.far = b.listen(answers(page()))
    name_server = b.resolver(answer)
    return [f"http://name.{HOST}:{b.far.port}{PRIVATE}", "--dns", f"127.0.0.1:{name_server.port}",
            "--authority-port", str(name_server.port), *options]


def pointing_at(offset):
    return struct.pack("!H", 0xc000 | offset)


DNS = {
    "pointer-to-itself": lambda q: [reply_to(q, [record(A, b"\x7f\0\0\1", pointing_at(q.index(b"\0", 12) + 5))])],
    "pointer-forward": lambda q: [reply_to(q, [record(A, b"\x7f\0\0\1", pointing_at(0x3fff))])],
    "pointers-in-a-circle": lambda q: [reply_to(q, [record(CNAME, pointing_at(len(q) + 12) * 2)])],
    "question-loops": lambda q: [q[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + pointing_at(12) + b"\0\1\0\1"],
    "evil-alias": lambda q: [reply_to(q, [record(CNAME, wire(EVIL[:60], EVIL[60:120], b"a.b", b"a\0b", b"test"))])],
    "alias-to-itself": lambda q: [reply_to(q, [record(CNAME, LOOP)])],
    "aliases-in-a-circle": lambda q: [reply_to(q, [record(CNAME, wire(b"b")), record(CNAME, LOOP, wire(b"b"))])],
    "200-aliases": lambda q: [reply_to(q, [record(CNAME, wire(b"%d" % (n + 1)), wire(b"%d" % n) if n else LOOP)
                                           for n in range(40)])],
    "counts-lie": lambda q: [reply_to(q, count=65535)],
    "short": lambda q: [q[:7]],
    "empty": lambda q: [b""],
    "garbage": lambda q: [q[:2] + EVIL * 4],
    "evil-type": lambda q: [reply_to(q, [record(65280, EVIL)])],
    "evil-everything": lambda q: [reply_to(q, [
        record(A, b"\x7f\0\0\1"), record(NS, wire(EVIL[:63])), record(SOA, wire(EVIL[:63]) * 2 + bytes(20)),
        record(TXT, b"\xff" + EVIL.ljust(255, b"x")), record(PTR, wire(EVIL[:63]))])] if type_of(q) != HTTPS else [
            reply_to(q, [record(HTTPS, b"\0\1" + wire(EVIL[:63]) + b"\0\1\0\x40\x3f" + EVIL[:63])])],
    "evil-https-record": lambda q: [reply_to(q, [record(HTTPS, b"\0\1\0" + b"\0\1\xff\xff" + EVIL)])],
    "a-of-wrong-length": lambda q: [reply_to(q, [record(A, b"\x7f\0\0\1\x1b")])],
    "refused": lambda q: [reply_to(q, flags=0x8185)],
    "strays": lambda q: [os.urandom(2) + q[2:] for _ in range(2000)],
    "silent": lambda q: [],
    "everything-is-127": lambda q: [reply_to(q, [record(A, bytes([127, 0, n >> 8, n & 255])) for n in range(1, 60)])],
    "referral-to-itself": lambda q: [reply_to(q, [record(NS, LOOP), record(A, b"\x7f\0\0\1")])],
    "deeper-and-deeper": lambda q: [reply_to(q, [record(NS, wire(b"n%d" % n, b"x" * 40), pointing_at(12)) for n in range(20)])],
}


@row(*DNS)
def dns(b, variant):
    return resolvers(b, lambda q, tcp: DNS[variant](q))


@row()
def dns_64_kb_by_tcp(b):
    def answer(q, tcp):
        if not tcp:
            return [reply_to(q, flags=0x8380)]
        return [reply_to(q, [record(A, bytes([127, 0, n >> 8 & 255, n & 255])) for n in range(4000)], extra=EVIL)]
    return resolvers(b, answer)


@row()
def dns_endless_tcp(b):
    def answer(q, tcp):
        while tcp:
            yield os.urandom(2) + reply_to(q, [record(A, b"\x7f\0\0\1")] * 3000)[2:]
        yield reply_to(q, flags=0x8380)
    return resolvers(b, answer)


@row()
def dns_tcp_in_single_bytes(b):
    def answer(q, tcp):
        yield reply_to(q, flags=0x8380)
    command = resolvers(b, answer)
    b.resolvers[0].tcp.script = b.drip(0.01, b"\xff")
    return command


# ---- the rows are run together, and looked at one by one ----

class Table:
    """Begins all rows that are wanted at once; result(name) waits for one."""

    def __init__(self, folder, wanted):
        self.folder = folder
        self.authority = Authority(folder)
        self.pool = concurrent.futures.ThreadPoolExecutor(4 if SANITIZED else 12)
        self.rows = {name: make for name, make, _ in ROWS}
        self.futures = {}
        for name in wanted:
            self.begin(name)

    def begin(self, name):
        if name not in self.futures:
            folder = self.folder / f"{len(self.futures)}-{re.sub('[^a-zA-Z0-9_]+', '-', name)}"
            folder.mkdir()
            self.futures[name] = self.pool.submit(self.run, folder, self.rows[name])

    def result(self, name):
        self.begin(name)
        return self.futures[name].result()

    def run(self, folder, make):
        with contextlib.ExitStack() as stack:
            bench = Bench(folder, self.authority, stack)
            command = [*make(bench), *PRIVATE_OPTIONS, "--deadline", f"{LONGEST}s", "--timeout", "500ms",
                       "--resolv-conf", folder / "resolv.conf", "--hosts-file", bench.hosts]
            done = doctor(folder, *command, "--json", "--save", folder / "saved", "--html", folder / "html",
                          longest=LONGEST + LATE)
            count = bench.far.count
        outputs = {"json": done.out, "error": done.err}
        for kind in ("saved", "html"):
            if (folder / kind).exists():
                outputs[kind] = (folder / kind).read_bytes()
        shown = {}
        if "saved" in outputs:
            shown = {
                "terminal": doctor(folder, "--replay", folder / "saved", "--color", "always", "--verbose", "--show-commands"),
                "quiet": doctor(folder, "--replay", folder / "saved", "--quiet", "--color", "always")}
            outputs |= {kind: one.out for kind, one in shown.items()}
        return command, done, count, outputs, shown


@pytest.fixture(scope="module")
def table(tmp_path_factory, request):
    wanted = [item.callspec.params["name"] for item in request.session.items
              if getattr(item, "originalname", "") == "test_far_end"]
    made = Table(tmp_path_factory.mktemp("hostile"), wanted)
    yield made
    made.pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name, connections", [pytest.param(name, connections, id=name) for name, _, connections in ROWS])
def test_far_end(table, name, connections):
    """[issue 4, hostile far ends] Whatever comes back: no crash, no growth, no delay, nothing unescaped, no secret told."""
    command, done, count, outputs, shown = table.result(name)
    assert done.seconds < LONGEST + LATE, done.seconds
    check_run(done)
    report = check_json(done.out)
    assert report["elapsed_ms"] < (LONGEST + 1) * 1000, report["elapsed_ms"]
    assert report["result"] != "error" or done.code in (66, 69), report
    assert {"saved", "html"} <= set(outputs), (done.code, done.err)
    check_html(outputs["html"])
    check_clean(outputs["saved"], "--save")
    for kind, one in shown.items():
        check_run(one)
        assert one.code == done.code, (kind, one.code, done.code)
        text = COLOURS.sub("", one.out.decode())
        assert not unclean(text), (kind, unclean(text))
    # Where a redirect leads is shown to who asked; what was given in confidence is shown to nobody.
    live = {kind: outputs.pop(kind) for kind in ("json", "error", "html")}
    check_no_secret(live, [*SECRETS[:2], PROXY_PASSWORD])
    check_no_secret({"html": live["html"]}, SECRETS[3:])
    check_no_secret(outputs, [*SECRETS, PROXY_PASSWORD])
    assert count <= connections, count


@pytest.mark.parametrize("name, codes", [
    ("bytes_in_haste", {124}),             # a head that never ends is no page
    ("redirects_to_many_names", {20, 124}),  # where the redirects end is not known
    ("many_headers", {0}), ("many_cookies", {0, 15}),  # longer than what is kept, but whole
    ("nothing_ever", {124}),
    ("tls_bytes-half-a-record", {12}),
    ("certificate_subject-12-evil", {0}),
])
def test_verdict(table, name, codes):
    """Strange is not the same as broken, and silence is not the same as a page."""
    done = table.result(name)[1]
    assert done.code in codes, json.loads(done.out)["findings"]
    if name.startswith("many"):
        assert json.loads(done.out)["elapsed_ms"] < LONGEST * 1000


# ---- files and command lines ----

NOBODY = ["--deadline", f"{LONGEST}s", "--timeout", "300ms", "--resolv-conf", "/dev/null"]


@pytest.fixture(scope="module")
def saved(table):
    """A saved diagnosis with something of everything: a chain, redirects, HTTP/2."""
    return {name: table.result(name)[3]["saved"]
            for name in ("header_over_tls-evil", "echo_over_h2", "location_over_tls")}


def places(value, path=()):
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, one in children:
        yield from places(one, (*path, key))


def put(document, path, value):
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = value


ODD_VALUES = [None, 0, -1, 2**63 - 1, 1e308, "", "x" * 100000, EVIL.decode("latin-1"), [], {}, True, "00" * 70000, [{}] * 5000]


def damaged(saved):
    text = saved["header_over_tls-evil"]
    yield b""
    yield b"{" * 100000
    yield b"[" * 100000
    yield b'{"format":1}'
    yield b'{"format":1,"question":{},"local":{},"results":[]}'
    yield b'"' + b"x" * (65 << 20) + b'"'
    yield text.replace(b"\n", b"\0")
    for cut in range(1, 8):
        yield text[:len(text) * cut // 8]
    for at in range(0, 6):
        yield text[:len(text) * at // 6] + EVIL + text[len(text) * at // 6:]
    for number, data in enumerate(saved.values()):
        found = list(places(json.loads(data)))[1:]
        for step in range(14):
            document = json.loads(data)
            put(document, found[(step * 37 + number * 11) % len(found)], ODD_VALUES[(step + number) % len(ODD_VALUES)])
            yield json.dumps(document).encode()


def test_damaged_saved_files(saved, tmp_path):
    """What is no saved diagnosis is refused; what could be one is shown, and harms nothing."""
    def look(pair):
        number, data = pair
        file, page = tmp_path / f"{number}.saved", tmp_path / f"{number}.html"
        file.write_bytes(data)
        done = doctor(tmp_path, "--replay", file, "--json", "--html", page)
        check_run(done)
        report = check_json(done.out)
        assert (done.code == 66) == (report["result"] == "error")
        if done.code != 66:
            check_html(page.read_bytes())
        file.unlink()
        return done.code

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(look, enumerate(damaged(saved))))
    assert codes.count(66) > 15 and len(set(codes)) > 1


def test_what_was_saved_is_loaded_and_saved_the_same(saved, tmp_path):
    for number, data in enumerate(saved.values()):
        file, again = tmp_path / f"{number}", tmp_path / f"{number}.again"
        file.write_bytes(data)
        check_run(doctor(tmp_path, "--replay", file, "--save", again))
        assert again.read_bytes() == data


def config_folder(folder, kind):
    made = folder / kind
    made.mkdir()
    main = made / "nginx.conf"
    if kind == "includes-itself":
        main.write_text(f"http {{ include {main}; include {made}/*; }}" * 100)
    elif kind == "many-files":
        for number in range(1500):
            (made / f"{number}.conf").write_text("server { listen 443; return 301 http://$host; }\n")
        main.write_text(f"http {{ include {made}/*.conf; }}")
    elif kind == "deep":
        main.write_text("http {" * 100000)
    elif kind == "long-line":
        main.write_text("http { server { return 301 http://" + "$host" * 700000 + "; } }")
    elif kind == "huge":
        main.write_text("server { listen 443 ssl; }\n" * 300000)
    elif kind == "bytes":
        main.write_bytes(b"http { server { listen 8443; server_name " + EVIL.replace(b";", b"") + b"; return 301 http://" +
                         EVIL.replace(b";", b"") + b"$host; } }\n")
    elif kind == "links":
        (made / "a").symlink_to(made)
        main.write_text(f"http {{ include {made}/*/*/*/*/*/*/nginx.conf; }}")
    elif kind == "unended":
        main.write_text("http { server { return 301 \"http://$host")
    return main


@pytest.mark.parametrize("kind", ["includes-itself", "many-files", "deep", "long-line", "huge", "bytes", "links", "unended"])
def test_server_configurations(tmp_path, kind):
    done = doctor(tmp_path, "http://127.0.0.1:1", *NOBODY, "--json", "--html", tmp_path / "page", "--save", tmp_path / "saved",
                  "--server-config", config_folder(tmp_path, kind))
    check_run(done)
    check_json(done.out)
    check_html((tmp_path / "page").read_bytes())
    done = doctor(tmp_path, "--replay", tmp_path / "saved", "--verbose", "--show-commands")
    check_run(done)
    check_clean(done.out, "terminal")


@pytest.mark.parametrize("option", ["--replay", "--ca", "--preload-list", "--curl-hsts", "--cookie", "--client-cert",
                                    "--hosts-file", "--resolv-conf", "--server-config"])
def test_garbage_in_files(tmp_path, option):
    """Garbage, something endless and a folder in the place of each file."""
    garbage = tmp_path / "garbage"
    garbage.write_bytes(EVIL + LONG + b"\0" * 1000 + b"-----BEGIN CERTIFICATE-----\n" + b"A" * 100000)
    for file in (garbage, "/dev/zero", tmp_path):
        words = [] if option == "--replay" else ["https://127.0.0.1:1", *NOBODY]
        if option == "--resolv-conf":
            words = words[:-2]
        done = doctor(tmp_path, *words, option, file, "--json")
        check_run(done)
        check_json(done.out)


WORDS = {"evil": EVIL, "long": LONG, "evil-host": b"https://" + EVIL, "very-long": b"x" * 100000,
         "colons": b"https://[" + b":" * 500, "evil-path": b"https://a.test/" + EVIL, "port": b"http://a.test:" + b"9" * 400,
         "no-text": b"\xff\xfe.test", "dashes": b"-" * 3000, "option": b"--" + EVIL,
         "labels": b"https://" + b"a." * 200 + b"test"}


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
def test_words_of_the_command_line(tmp_path, word):
    """A pasted word is refused in a sentence, or looked up nowhere; it is never printed raw."""
    word = os.fsdecode(word)
    for words in ([word], ["http://127.0.0.1:1", "--browser-error", word], ["http://127.0.0.1:1", "-H", word],
                  ["http://127.0.0.1:1", "--lb", word], ["http://127.0.0.1:1", "--check", word], ["--explain", word],
                  ["http://127.0.0.1:1", "--expect", word], ["http://127.0.0.1:1", "--proxy", word]):
        for form in ([], ["--json"]):
            done = doctor(tmp_path, *words, *NOBODY, "--hosts-file", "/dev/null", *form)
            check_run(done)
            if form:
                check_json(done.out)
            check_clean(done.out, "standard output")


def homes(folder):
    """Home folders where the browsers' files are not what they should be."""
    pipes = folder / "pipes"
    for name in (".config/chromium/Default/TransportSecurity", ".config/chromium/Local State", ".mozilla/firefox/profiles.ini",
                 ".config/google-chrome/Default/TransportSecurity", ".wget-hsts"):
        (pipes / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(pipes / name)
    circle = folder / "circle"
    (circle / ".config").mkdir(parents=True)
    (circle / ".config/chromium").symlink_to(circle / ".config")
    (circle / ".mozilla").symlink_to(circle / ".mozilla")
    closed = folder / "closed"
    (closed / ".config").mkdir(parents=True)
    closed.chmod(0)
    return [pipes, circle, closed, "/nonexistent", "/dev/null", "relative", "", "/" + "x" * 5000, None]


def test_homes(tmp_path):
    """[issue 4] Browser state is looked up read-only; where that is not possible, all else goes on."""
    nobody = [harness.tool("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    for above in (tmp_path, *list(tmp_path.parents)[:2]):
        above.chmod(0o755)
    for home in homes(tmp_path):
        done = doctor(tmp_path, f"http://{HOST}:1", *NOBODY, "--resolve", f"{HOST}:1:127.0.0.1", "--json", before=nobody,
                      env={"HOME": home if home is None else str(home)})
        check_run(done)
        assert check_json(done.out)["verdict"]["id"] == "TCP-01", home
    (tmp_path / "closed").chmod(0o700)


def test_standard_output_that_is_full_closed_or_gone(tmp_path):
    words = ["http://127.0.0.1:1", *NOBODY]
    with open("/dev/full", "wb") as full:
        for form in ([], ["--json"], ["--quiet"]):
            done = doctor(tmp_path, *words, *form, stdout=full)
            assert done.code == 66 and b"/dev/stdout" in done.err
    for option in ("--html", "--save"):
        done = doctor(tmp_path, *words, option, "/dev/full")
        assert done.code == 66 and b"/dev/full" in done.err
    for closed in (">&-", ">&- 2>&-", "<&- >&- 2>&-"):
        shell = ["sh", "-c", f'exec "$@" {closed}', "sh"]
        done = doctor(tmp_path, *words, "--json", "--save", tmp_path / "saved", before=shell)
        assert done.code == 66, closed
        json.loads((tmp_path / "saved").read_bytes())
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        assert doctor(tmp_path, *words, stdout=gone).code == -13  # SIGPIPE, as for every filter


def test_watching(tmp_path):
    """What changes between two runs is printed as cleanly as the rest."""
    state = {"status": b"503 " + EVIL}

    def answer(_):
        return page(b"<title>" + EVIL, state["status"], b"Server: " + EVIL + state["status"] + b"\r\n")
    far = Far(answers(answer))
    process = subprocess.Popen([harness.OPENALB, "doctor", f"http://127.0.0.1:{far.port}{PRIVATE}", "--watch=1", "--color",
                                "always", *PRIVATE_OPTIONS, *NOBODY], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C.UTF-8", "no_proxy": "*"})
    try:
        first = process.stdout.readline()
        state["status"] = b"200 " + EVIL
        rest, errors = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
        process.wait()
        far.close()
    text = COLOURS.sub("", (first + rest).decode())
    assert process.returncode == 0 and "now it is 200" in text, (text, errors)
    assert not unclean(text) and not secrets_in(text.encode(), SECRETS)
