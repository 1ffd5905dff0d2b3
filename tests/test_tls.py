# SPDX-License-Identifier: Apache-2.0
"""TLS with clients: certificates by name, policies, resumption, imported pairs, failures, the authority."""
import hashlib
import json
import re
import socket
import ssl
import struct
import subprocess

import pytest

import harness
from harness import Reader, certificate, listener, read_answer, template, until

OPENSSL = harness.tool("openssl")
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
RES = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
OLD = "ELBSecurityPolicy-2016-08"
PORTS = {RES: 8443, OLD: 8444}
CERTIFICATES = {  # logical id: (domain name, further names, key); the first is the default
    "Default": ("web.elb.localhost", (), "EC_prime256v1"),
    "Exact": ("exact.wild.elb.localhost", (), "EC_prime256v1"),
    "Wild": ("*.wild.elb.localhost", ("other.elb.localhost",), "EC_prime256v1"),
    "Rsa": ("rsa.elb.localhost", ("both.elb.localhost",), "RSA_2048"),
    "Both": ("both.elb.localhost", (), "EC_prime256v1"),
    "Large": ("large.elb.localhost", (), "EC_secp384r1"),
}


def extra(port_listener, *names):
    """A ListenerCertificate resource."""
    return {"Type": "AWS::ElasticLoadBalancingV2::ListenerCertificate",
            "Properties": {"ListenerArn": {"Ref": port_listener},
                           "Certificates": [{"CertificateArn": {"Ref": name}} for name in names]}}


def resources():
    found = {key: certificate(*row) for key, row in CERTIFICATES.items()}
    for key, policy in (("Res", RES), ("Old", OLD)):
        found[key] = listener(PORTS[policy], "HTTPS", SslPolicy=policy,
                              Certificates=[{"CertificateArn": {"Ref": "Default"}}])
        # one resource with several certificates, and one for each of the others
        found[f"{key}First"] = extra(key, "Exact", "Wild", "Rsa")
        found[f"{key}Second"] = extra(key, "Both")
        found[f"{key}Third"] = extra(key, "Large")
    return found


@pytest.fixture(scope="module")
def alb(shared_alb, shared_target):
    target = shared_target()
    return shared_alb(template([target.address], more=resources()), workers=2)


def s_client(alb, port, *options, name="web.elb.localhost", data=b"", check=True):
    """`openssl s_client` against a listener: (what it said, True when the handshake succeeded)."""
    out = subprocess.run([OPENSSL, "s_client", "-connect", f"{alb.address}:{port}", "-CAfile", str(alb.ca),
                          *(["-servername", name] if name else ["-noservername"]), *options],
                         input=data, capture_output=True, timeout=harness.DEADLINE)
    return (out.stderr + out.stdout).decode(errors="replace"), out.returncode == 0


def handshake(alb, port, *options, **more):
    """(protocol, cipher), or None when refused."""
    said, _ = s_client(alb, port, "-brief", *options, **more)
    if "CONNECTION ESTABLISHED" not in said:
        return None
    return (re.search(r"Protocol version: (\S+)", said)[1], re.search(r"Ciphersuite: (\S+)", said)[1])


def openalb(*arguments):
    return subprocess.run([str(harness.OPENALB), *arguments], capture_output=True, text=True,
                          timeout=harness.DEADLINE)


def context(alb=None, **options):
    made = ssl.create_default_context(cafile=alb.ca if alb else None)
    for key, value in options.items():
        setattr(made, key, value)
    return made


def served(alb, name, port=8443, made=None):
    """The names in the certificate that a client gets who asks for this name."""
    made = made or context(alb)
    made.check_hostname = False
    with alb.connect_tls(port, name, made) as sock:
        return [value for kind, value in sock.getpeercert()["subjectAltName"]]


def names_of(key):
    first, others, _ = CERTIFICATES[key]
    return [first, *others]


# ---- certificates by name ----

@pytest.mark.parametrize("asked, key", [
    ("web.elb.localhost", "Default"),
    ("exact.wild.elb.localhost", "Exact"),
    ("EXACT.Wild.elb.localhost", "Exact"),
    ("any.wild.elb.localhost", "Wild"),
    ("other.elb.localhost", "Wild"),
    ("a.b.wild.elb.localhost", "Default"),
    ("wild.elb.localhost", "Default"),
    ("unknown.example", "Default"),
    (None, "Default"),
    ("rsa.elb.localhost", "Rsa"),
    ("large.elb.localhost", "Large"),
])
def test_sni(alb, asked, key):
    """[data-plane 8] SNI: exact name, wildcard of one label, else the default certificate."""
    assert sorted(served(alb, asked)) == sorted(names_of(key))


@pytest.mark.parametrize("cipher, key", [("ALL", "Both"), ("ECDHE-RSA-AES128-GCM-SHA256", "Rsa")])
def test_best_of_several(alb, cipher, key):
    """[data-plane 8] Several certificates match: ECDSA before RSA, as far as the client supports it."""
    made = context(alb, maximum_version=ssl.TLSVersion.TLSv1_2)
    made.set_ciphers(cipher)
    assert sorted(served(alb, "both.elb.localhost", made=made)) == sorted(names_of(key))


@pytest.mark.parametrize("name", ["web.elb.localhost", "any.wild.elb.localhost", "rsa.elb.localhost"])
def test_chain_verifies(alb, name):
    """[issue 3] Certificates come from the embedded authority: they verify with STATE/ca.crt."""
    said, ok = s_client(alb, 8443, "-brief", "-verify_return_error", "-verify_hostname", name, name=name)
    assert ok and "Verification: OK" in said
    out = subprocess.run([harness.tool("curl"), "-sS", "--noproxy", "*", "--cacert", str(alb.ca), "--resolve",
                          f"{name}:8443:{alb.address}", f"https://{name}:8443/"],
                         capture_output=True, timeout=harness.DEADLINE)
    assert out.returncode == 0, out.stderr
    assert b"X-Forwarded-Proto: https\r\nX-Forwarded-Port: 8443\r\n" in out.stdout


def test_alpn(alb):
    """[data-plane 1.2] ALPN: http/1.1 is chosen (HTTP/2 comes with a later issue)."""
    for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1"), ([], None)):
        made = context(alb)
        if offered:
            made.set_alpn_protocols(offered)
        with alb.connect_tls(context=made) as sock:
            assert sock.selected_alpn_protocol() == chosen


# ---- policies ----

ANY = ("-cipher", "ALL:@SECLEVEL=0")


@pytest.mark.parametrize("policy, version, accepted", [
    (RES, "1.0", False), (RES, "1.1", False), (RES, "1.2", True), (RES, "1.3", True),
    (OLD, "1.0", True), (OLD, "1.1", True), (OLD, "1.2", True), (OLD, "1.3", False),
])
def test_versions(alb, policy, version, accepted):
    """[data-plane 8, security-policies] TLS13-1-2-Res-2021-06: 1.2 and 1.3; 2016-08: 1.0, 1.1 and 1.2."""
    option = {"1.0": "-tls1", "1.1": "-tls1_1", "1.2": "-tls1_2", "1.3": "-tls1_3"}[version]
    got = handshake(alb, PORTS[policy], option, *ANY)
    assert (got is not None) == accepted
    if accepted:
        assert got[0] == "TLSv" + version.removesuffix(".0")


CIPHERS = {  # name: (policies, works with, lowest version)
    "ECDHE-ECDSA-AES128-GCM-SHA256": ((RES, OLD), "ec"),
    "ECDHE-RSA-AES128-GCM-SHA256": ((RES, OLD), "rsa"),
    "ECDHE-ECDSA-AES256-GCM-SHA384": ((RES, OLD), "ec"),
    "ECDHE-RSA-AES256-GCM-SHA384": ((RES, OLD), "rsa"),
    "ECDHE-ECDSA-AES128-SHA256": ((OLD,), "ec"),
    "ECDHE-RSA-AES128-SHA256": ((OLD,), "rsa"),
    "ECDHE-ECDSA-AES128-SHA": ((OLD,), "ec"),
    "ECDHE-RSA-AES128-SHA": ((OLD,), "rsa"),
    "ECDHE-ECDSA-AES256-SHA384": ((OLD,), "ec"),
    "ECDHE-RSA-AES256-SHA384": ((OLD,), "rsa"),
    "ECDHE-RSA-AES256-SHA": ((OLD,), "rsa"),
    "ECDHE-ECDSA-AES256-SHA": ((OLD,), "ec"),
    "AES128-GCM-SHA256": ((OLD,), "rsa"),
    "AES128-SHA256": ((OLD,), "rsa"),
    "AES128-SHA": ((OLD,), "rsa"),
    "AES256-GCM-SHA384": ((OLD,), "rsa"),
    "AES256-SHA256": ((OLD,), "rsa"),
    "AES256-SHA": ((OLD,), "rsa"),
    "ECDHE-RSA-CHACHA20-POLY1305": ((), "rsa"),
    "ECDHE-ECDSA-CHACHA20-POLY1305": ((), "ec"),
    "DHE-RSA-AES128-GCM-SHA256": ((), "rsa"),
    "ECDHE-ECDSA-AES128-CCM": ((), "ec"),
    "CAMELLIA128-SHA": ((), "rsa"),
    "AECDH-AES128-SHA": ((), "rsa"),
}


@pytest.mark.parametrize("cipher", CIPHERS)
def test_ciphers(alb, cipher):
    """[security-policies] TLS 1.2: exactly the policy's ciphers are accepted."""
    policies, key = CIPHERS[cipher]
    name = {"ec": "web.elb.localhost", "rsa": "rsa.elb.localhost"}[key]
    for policy, port in PORTS.items():
        got = handshake(alb, port, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0", name=name)
        assert got == (("TLSv1.2", cipher) if policy in policies else None)


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                   "TLS_CHACHA20_POLY1305_SHA256"])
def test_suites_of_tls13(alb, suite):
    """[security-policies] TLS 1.3 has three suites; others are refused."""
    assert handshake(alb, 8443, "-tls1_3", "-ciphersuites", suite) == ("TLSv1.3", suite)


def test_other_suite_of_tls13(alb):
    """[security-policies] A TLS 1.3 suite that the policy lacks is refused."""
    assert handshake(alb, 8443, "-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256") is None


@pytest.mark.parametrize("policy, name, first", [
    (RES, "web.elb.localhost", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (RES, "rsa.elb.localhost", "ECDHE-RSA-AES128-GCM-SHA256"),
    (OLD, "web.elb.localhost", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (OLD, "rsa.elb.localhost", "ECDHE-RSA-AES128-GCM-SHA256"),
])
def test_server_order(alb, policy, name, first):
    """[security-policies] The server's order of ciphers counts, not the client's."""
    backwards = ":".join(reversed(list(CIPHERS)[:18])) + ":@SECLEVEL=0"
    assert handshake(alb, PORTS[policy], "-tls1_2", "-cipher", backwards, name=name) == ("TLSv1.2", first)


def test_server_order_of_tls13(alb):
    """[security-policies] TLS 1.3: TLS_AES_128_GCM_SHA256 first, whatever the client prefers."""
    wish = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"
    assert handshake(alb, 8443, "-tls1_3", "-ciphersuites", wish) == ("TLSv1.3", "TLS_AES_128_GCM_SHA256")


@pytest.mark.parametrize("port", PORTS.values())
def test_no_renegotiation(alb, port):
    """[data-plane 8] Renegotiation is refused."""
    said, _ = s_client(alb, port, "-tls1_2", data=b"R\n")
    assert "RENEGOTIATING" in said and "no renegotiation" in said


# ---- sessions and the log ----

def ask_tls(alb, made, name="web.elb.localhost", port=8443, session=None):
    """One request on a fresh connection: (client port, session, whether it was resumed, cipher)."""
    raw = alb.connect(port)
    with made.wrap_socket(raw, server_hostname=name, session=session) as sock:
        sock.sendall(GET)
        assert read_answer(sock).status == 200
        return sock.getsockname()[1], sock.session, sock.session_reused, sock.cipher()[0]


def line_of(alb, port):
    return until(lambda: alb.lines_of(port), f"the log line of port {port}")[0]


@pytest.fixture(scope="module")
def logged(alb):
    """Requests of several kinds and their log lines: {kind: (line, cipher)}."""
    made = context(alb)
    made.check_hostname = False
    old = context(alb, maximum_version=ssl.TLSVersion.TLSv1_2)
    old.check_hostname = False
    asked = {"exact": ask_tls(alb, made), "wildcard": ask_tls(alb, made, "Any.wild.elb.localhost"),
             "unknown": ask_tls(alb, made, "unknown.example"), "none": ask_tls(alb, made, None),
             "1.2": ask_tls(alb, old), "old-policy": ask_tls(alb, old, "rsa.elb.localhost", 8444)}
    asked["resumed"] = ask_tls(alb, made, session=asked["exact"][1])
    asked["resumed-1.2"] = ask_tls(alb, old, session=asked["1.2"][1])
    with alb.connect() as sock:
        sock.sendall(GET)
        assert read_answer(sock).status == 200
        asked["http"] = (sock.getsockname()[1], None, False, "-")
    return {kind: (line_of(alb, one[0]), one[3]) for kind, one in asked.items()}


def arns(alb):
    """Certificate ARNs by domain name."""
    return {one["domain_name"]: one["arn"] for one in alb.snapshot()["certificates"]}


@pytest.mark.parametrize("kind, protocol, domain, by", [
    ("exact", "TLSv1.3", "web.elb.localhost", "web.elb.localhost"),
    ("wildcard", "TLSv1.3", "any.wild.elb.localhost", "*.wild.elb.localhost"),
    ("unknown", "TLSv1.3", "-", "web.elb.localhost"),
    ("none", "TLSv1.3", "-", "web.elb.localhost"),
    ("1.2", "TLSv1.2", "web.elb.localhost", "web.elb.localhost"),
    ("old-policy", "TLSv1.2", "rsa.elb.localhost", "rsa.elb.localhost"),
    ("resumed", "TLSv1.3", "web.elb.localhost", None),
    ("resumed-1.2", "TLSv1.2", "web.elb.localhost", None),
    ("http", "-", "-", "-"),
])
def test_log_fields(alb, logged, kind, protocol, domain, by):
    """[access-logs 1, fields 1, 15, 16, 19, 20] Cipher, protocol, SNI name (- without a match), certificate ARN."""
    line, cipher = logged[kind]
    assert line["type"] == ("http" if kind == "http" else "https")
    assert (line["cipher"], line["protocol"], line["domain"]) == (cipher, protocol, domain)
    expected = "session-reused" if by is None else "-" if by == "-" else arns(alb)[by]
    assert line["certificate_arn"] == expected


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_resumption_at_any_worker(alb, version):
    """[issue 3] Tickets are stateless with keys shared by the workers: sessions resume at any of them."""
    made = context(alb, minimum_version=version, maximum_version=version)
    _, session, reused, _ = ask_tls(alb, made)
    assert not reused
    for _ in range(8):
        _, later, reused, _ = ask_tls(alb, made, session=session)
        assert reused
        session = later if version == ssl.TLSVersion.TLSv1_3 else session


@pytest.mark.parametrize("name, port", [("other.elb.localhost", 8443), ("web.elb.localhost", 8444)])
def test_no_resumption_elsewhere(alb, name, port):
    """[issue 3] A session resumes only where name, certificate and policy are those it was made with."""
    made = context(alb, maximum_version=ssl.TLSVersion.TLSv1_2)
    made.check_hostname = False
    _, session, _, _ = ask_tls(alb, made)
    assert not ask_tls(alb, made, name, port, session)[2]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_large_bodies(alb, version):
    """[issue 3] Bodies of megabytes pass TLS whole, both ways."""
    body = hashlib.shake_128(b"body").digest(3 << 20)
    with alb.connect_tls(context=context(alb, minimum_version=version, maximum_version=version)) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        answer = read_answer(sock)
    assert answer.status == 200 and answer.body.split(b"\r\n\r\n", 1)[1] == body


# ---- failures ----

def fails(alb, made, port=8443, name="web.elb.localhost"):
    """A handshake that must fail: its row of the failures."""
    raw = alb.connect(port)
    number = raw.getsockname()[1]
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with made.wrap_socket(raw, server_hostname=name) as sock:
            sock.sendall(GET)
            Reader(sock).answer()
    raw.close()
    return alb.failure_of(number)


def too_old(alb):
    made = context(alb, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
    made.set_ciphers("ALL:@SECLEVEL=0")
    return made


def no_cipher(alb):
    made = context(alb, maximum_version=ssl.TLSVersion.TLSv1_2)
    made.set_ciphers("DHE-RSA-AES128-GCM-SHA256")
    return made


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("make, alert, text", [(too_old, 70, "protocol version"), (no_cipher, 40, "handshake failure")])
def test_alert_sent(alb, make, alert, text):
    """[end_reasons.def] A handshake that we refuse: TLS_ALERT_SENT with the alert's name."""
    row = fails(alb, make(alb))
    assert (row["end"], row["code_name"], row["detail"]) == ("TLS_ALERT_SENT", f"TLS alert {alert}", text)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_alert_received(alb, version):
    """[end_reasons.def] A client that does not trust the authority: TLS_ALERT_RECEIVED, unknown CA."""
    row = fails(alb, context(minimum_version=version, maximum_version=version))
    assert (row["end"], row["code_name"], row["detail"]) == ("TLS_ALERT_RECEIVED", "TLS alert 48", "unknown CA")


def client_hello():
    """A whole ClientHello as the library makes it."""
    out = ssl.MemoryBIO()
    made = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="web.elb.localhost")
    with pytest.raises(ssl.SSLWantReadError):
        made.do_handshake()
    return out.read()


@pytest.mark.parametrize("part", [slice(1), slice(40), slice(None)], ids=["one-byte", "half", "whole-hello"])
def test_client_gone(alb, part):
    """[end_reasons.def] A client that leaves during the handshake: TLS_CLIENT_GONE."""
    with alb.connect(8443) as sock:
        number = sock.getsockname()[1]
        sock.sendall(client_hello()[part])
        if part == slice(None):
            assert sock.recv(1) == b"\x16"  # the server's answer
    assert alb.failure_of(number)["end"] == "TLS_CLIENT_GONE"


def test_hello_in_single_bytes(alb):
    """[issue 3] A ClientHello that comes byte by byte is read as any other."""
    made, out, into = context(alb), ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = made.wrap_bio(into, out, server_hostname="web.elb.localhost")
    with alb.connect(8443) as sock:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in out.read():
                    sock.sendall(bytes([byte]))
                into.write(sock.recv(65536))
        tls.write(GET)
        sock.sendall(out.read())
        answer = b""
        while b"200 OK" not in answer:
            try:
                answer += tls.read(65536)
            except ssl.SSLWantReadError:
                into.write(sock.recv(65536))


def test_garbage_after_the_handshake(alb):
    """[end_reasons.def] What is no TLS record after the handshake breaks the connection: TLS_BROKEN."""
    with alb.connect_tls() as tls:
        with socket.socket(fileno=tls.detach()) as raw:
            raw.settimeout(harness.DEADLINE)
            number = raw.getsockname()[1]
            raw.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            Reader(raw).rest()
    assert alb.failure_of(number)["end"] == "TLS_BROKEN"


@pytest.mark.parametrize("record", [
    bytes([22, 3, 1]) + struct.pack(">H", 5) + b"\x63abcd",
    bytes([22, 3, 1]) + struct.pack(">H", 4) + bytes([1, 0, 0, 0]),
    bytes([22, 3, 1]) + struct.pack(">H", 0xffff) + b"x" * 100,
], ids=["unknown-message", "empty-hello", "record-too-long"])
def test_malformed_handshake(alb, record):
    """[issue 3] A malformed handshake is refused with an alert and a row, and harms nobody."""
    with alb.connect(8443) as sock:
        number = sock.getsockname()[1]
        sock.sendall(record)
        assert Reader(sock).rest()[:1] in (b"\x15", b"")
    assert alb.failure_of(number)["end"] == "TLS_ALERT_SENT"


def test_handshake_timeout(alb, shared_alb, shared_target):
    """[data-plane 1.5] A handshake that does not go on until the idle timeout: closed, TLS_TIMEOUT."""
    one = shared_alb(template([shared_target().address], attributes={"idle_timeout.timeout_seconds": "1"},
                              https=True))
    with one.connect(8443) as sock:
        sock.sendall(client_hello()[:40])
        assert harness.is_closed(sock)
        assert one.failure_of(sock.getsockname()[1])["end"] == "TLS_TIMEOUT"


def test_failures_are_not_logged(alb):
    """[access-logs 1] A handshake that fails leaves no line in the access log."""
    number = fails(alb, no_cipher(alb))["client"].rsplit(":", 1)[1]
    line_of(alb, ask_tls(alb, context(alb))[0])
    assert not alb.lines_of(number)


# ---- imported pairs ----

class Pairs:
    """An authority, an intermediate one and a leaf of their own, as PEM files beside the template."""

    def __init__(self, folder):
        self.folder = folder
        self.run("req", "-x509", *self.key("root"), "-subj", "/CN=Own Root", "-out", "root.pem")
        (folder / "ca.cnf").write_text("basicConstraints=critical,CA:true\n")
        (folder / "leaf.cnf").write_text("subjectAltName=DNS:own.test,DNS:*.own.test\n")
        self.issue("middle", "Own Middle", "root", "ca.cnf")
        self.issue("leaf", "own.test", "middle", "leaf.cnf")
        self.issue("other", "other.test", "middle", "leaf.cnf")
        (folder / "two.pem").write_text((folder / "leaf.pem").read_text() + (folder / "middle.pem").read_text())
        (folder / "not.pem").write_text("hello\n")
        self.run("rsa", "-in", "rsa.key", "-aes128", "-passout", "pass:secret", "-out", "encrypted.key",
                 before=("genrsa", "-out", "rsa.key", "2048"))
        for file in folder.iterdir():
            file.chmod(0o644)

    def run(self, *arguments, before=None):
        for one in filter(None, (before, arguments)):
            subprocess.run([OPENSSL, *one], cwd=self.folder, check=True, capture_output=True)

    def key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key")

    def issue(self, name, subject, by, extensions):
        self.run("req", "-new", *self.key(name), "-subj", f"/CN={subject}", "-out", f"{name}.csr")
        self.run("x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial",
                 "-days", "30", "-extfile", extensions, "-out", f"{name}.pem")

    def template(self, target, leaf="leaf.pem", key="leaf.key", chain="middle.pem"):
        files = {"CertificateFile": leaf, "PrivateKeyFile": key, **({"ChainFile": chain} if chain else {})}
        imported = {"Type": "AWS::CertificateManager::Certificate", "Metadata": {"OpenALB": {
            name: str(self.folder / file) for name, file in files.items()}},
            "Properties": {"DomainName": "own.test"}}
        return template([target.address], more={
            "Certificate": imported, "Https": listener(8443, "HTTPS")})


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    folder.chmod(0o755)
    return Pairs(folder)


@pytest.fixture(scope="module")
def importing(shared_alb, shared_target, pairs):
    target = shared_target()
    return shared_alb(pairs.template(target)), target


def test_imported_pair(importing, pairs):
    """[issue 3] A PEM pair by Metadata: the leaf and its chain are served and verify with their own root."""
    one, _ = importing
    made = ssl.create_default_context(cafile=pairs.folder / "root.pem")
    for name in ("own.test", "a.own.test"):
        with one.connect_tls(name=name, context=made) as sock:
            sock.sendall(GET)
            assert read_answer(sock).status == 200


@pytest.mark.parametrize("files, reason", [
    ({"key": "other.key"}, "The private key does not match the certificate."),
    ({"leaf": "gone.pem"}, "gone.pem"),
    ({"key": "gone.key"}, "gone.key"),
    ({"leaf": "not.pem"}, "The certificate is not PEM-encoded or is not valid."),
    ({"leaf": "two.pem"}, "The certificate field contains more than one certificate."),
    ({"key": "not.pem"}, "private key"),
    ({"key": "encrypted.key"}, "private key"),
    ({"chain": "not.pem"}, "The certificate chain is not PEM-encoded or is not valid."),
    ({"chain": "root.pem"}, "chain"),
], ids=lambda value: "-".join(value.values()).replace(".", "-") if isinstance(value, dict) else "")
def test_import_refused(importing, pairs, files, reason):
    """[issue 3] A pair that does not fit is refused with the reason, and the old configuration goes on."""
    one, target = importing
    result = one.reload(pairs.template(target, **files))
    assert result.returncode == 1
    assert reason in result.stderr + result.stdout
    made = ssl.create_default_context(cafile=pairs.folder / "root.pem")
    with one.connect_tls(name="own.test", context=made) as sock:
        sock.sendall(GET)
        assert read_answer(sock).status == 200


def test_check_refuses_a_foreign_key(importing, pairs, tmp_path):
    """[issue 3] `openalb check` finds a key that does not match, with exit code 1."""
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(pairs.template(importing[1], key="other.key")))
    out = openalb("check", str(file))
    assert out.returncode == 1 and "The private key does not match the certificate." in out.stdout + out.stderr


def test_linked_files(importing, pairs, tmp_path):
    """[issue 3] Templates and PEM files may be symbolic links, for serving and for `openalb check` alike."""
    one, target = importing
    for name in ("leaf.pem", "leaf.key"):
        (pairs.folder / f"linked-{name}").symlink_to(name)
    document = pairs.template(target, leaf="linked-leaf.pem", key="linked-leaf.key")
    assert one.reload(document).returncode == 0
    (tmp_path / "linked.json").symlink_to(one.file)
    out = openalb("check", str(tmp_path / "linked.json"))
    assert out.returncode == 0, out.stderr


# ---- reload, restart, the authority ----

def serial(one, name="web.elb.localhost"):
    with one.connect_tls(name=name) as sock:
        return sock.getpeercert()["serialNumber"]


def test_certificate_survives_reload_and_restart(alb, shared_target, tmp_path):
    """[issue 3] An issued certificate is kept: same serial after a reload, and after a restart on the same state."""
    document = template([shared_target().address], https=True)
    tmp_path.chmod(0o755)
    one = harness.Instance(tmp_path, document)
    try:
        first = serial(one)
        root = one.ca.read_bytes()
        changed = template([shared_target().address], https=True, attributes={"client_keep_alive.seconds": "99"})
        assert one.reload(changed).returncode == 0
        assert serial(one) == first
        assert one.stop() == 0
        one = harness.Instance(tmp_path, changed, address=one.address)
        assert serial(one) == first and one.ca.read_bytes() == root
    finally:
        assert one.stop() == 0


def test_certificate_added_by_reload(shared_alb, shared_target):
    """[issue 3] A reload adds a certificate to a listener; connections that are open go on."""
    target = shared_target()
    one = shared_alb(template([target.address], https=True))
    more = {"New": certificate("new.wild.elb.localhost"), "NewOne": extra("Https", "New")}
    with one.connect_tls() as sock:
        sock.sendall(GET)
        assert read_answer(sock).status == 200
        assert "new.wild.elb.localhost" not in served(one, "new.wild.elb.localhost")
        assert one.reload(template([target.address], https=True, more=more)).returncode == 0
        assert served(one, "new.wild.elb.localhost") == ["new.wild.elb.localhost"]
        sock.sendall(GET)
        assert read_answer(sock).status == 200


def test_key_permissions(alb):
    """[issue 3] Keys are for the user of the roles only: folder 0700, files 0600; the root certificate for all."""
    keys = alb.state / "keys"
    assert keys.stat().st_mode & 0o7777 == 0o700
    files = {file.name: file.stat().st_mode & 0o7777 for file in keys.iterdir()}
    assert len([name for name in files if name.endswith(".key")]) == len(CERTIFICATES) + 1
    assert {mode for name, mode in files.items() if name.endswith(".key")} == {0o600}
    assert alb.ca.stat().st_mode & 0o7777 == 0o644
    assert b"PRIVATE KEY" not in alb.ca.read_bytes()


def test_ca_export(alb, tmp_path):
    """[issue 3] `openalb ca export` prints the root certificate, or writes it with -o."""
    out = openalb("ca", "export", "--state", str(alb.state))
    assert out.returncode == 0 and out.stdout == alb.ca.read_text()
    file = tmp_path / "root.pem"
    assert openalb("ca", "export", "--state", str(alb.state), "-o", str(file)).returncode == 0
    assert file.read_text() == alb.ca.read_text()


def test_ca_show(alb):
    """[issue 3] `openalb ca show` tells the fingerprint that openssl tells."""
    out = openalb("ca", "show", "--state", str(alb.state))
    told = subprocess.run([OPENSSL, "x509", "-in", str(alb.ca), "-noout", "-fingerprint", "-sha256"],
                          capture_output=True, text=True, check=True).stdout
    assert out.returncode == 0 and told.split("=")[1].strip() in out.stdout


def test_ca_before_the_first_start(tmp_path):
    """[issue 3] Without an authority `openalb ca export` says so and what to do, with exit code 1."""
    tmp_path.chmod(0o700)
    out = openalb("ca", "export", "--state", str(tmp_path))
    assert out.returncode == 1 and "openalb serve" in out.stderr


@pytest.mark.parametrize("arguments, code", [((), 2), (("nonsense",), 2), (("--help",), 0), (("show", "-o", "x"), 2)])
def test_ca_usage(arguments, code):
    """[house style 13] A wrong command line is answered with the usage and exit code 2; --help with 0."""
    out = openalb("ca", *arguments)
    assert out.returncode == code and "usage: openalb ca export" in out.stdout + out.stderr
