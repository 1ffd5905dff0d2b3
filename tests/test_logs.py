# SPDX-License-Identifier: Apache-2.0
"""Access logs: the line, field by field, and its way into the bucket."""
import datetime
import gzip
import os
import re
import signal
import socket
import ssl
import threading

import pytest

import harness
from harness import DEADLINE, until

# The expression that AWS publishes for Athena (a capture group for each column).
ATHENA = re.compile(
    r'([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*):([0-9]*) ([^ ]*)[:-]([0-9]*) ([-.0-9]*) ([-.0-9]*) ([-.0-9]*) (|[-0-9]*) '
    r'(-|[-0-9]*) ([-0-9]*) ([-0-9]*) "([^ ]*) (.*) (- |[^ ]*)" "([^"]*)" ([A-Z0-9-_]+) ([A-Za-z0-9.-]*) ([^ ]*) '
    r'"([^"]*)" "([^"]*)" "([^"]*)" ([-.0-9]*) ([^ ]*) "([^"]*)" "([^"]*)" "([^ ]*)" "([^\s]+?)" "([^\s]+)" '
    r'"([^ ]*)" "([^ ]*)" ?([^ ]*)? ?( .*)?')

QUOTED = ("request user_agent trace_id domain certificate_arn actions redirect_url error_reason target_list "
          "status_list classification classification_reason transformed_host transformed_uri transform_status").split()
HOST = b"web.elb.localhost"
URL = "http://web.elb.localhost:8080"
NOTHING_SENT = {"target": "-", "request_time": "-1", "target_time": "-1", "response_time": "-1", "target_status": "-",
                "target_list": "-", "status_list": "-"}
MALFORMED = {**NOTHING_SENT, "type": "http", "elb_status": "400", "received": "0", "user_agent": "-", "cipher": "-",
             "target_group_arn": "-", "priority": "-", "actions": "-", "error_reason": "-"}
NO_TRANSFORM = {"transformed_host": "-", "transformed_uri": "-", "transform_status": "-"}


def get(path, headers=b"", version=b"HTTP/1.1"):
    return b"GET %s %s\r\nHost: %s\r\n%s\r\n" % (path, version, HOST, headers)


class Logged:
    """One request on a connection of its own: what was sent, what came, and its line."""

    def __init__(self, request, answer, me, tls):
        self.request, self.answer, self.me, self.tls = request, answer, me, tls
        self.line, self.fields = None, None


# Each row is asked once, on a connection of its own; the lines are read when all were asked.
PLAIN = get(b"/plain/path?query=1&b=%20x", b"User-Agent: Example/1.0\r\n")
ROWS = {
    "plain": (8080, PLAIN),
    "tls": (8443, PLAIN),
    "tls without SNI": (8443, PLAIN),
    "tls resumed": (8443, PLAIN),
    "body": (8080, b"POST /body HTTP/1.1\r\nHost: web.elb.localhost\r\nContent-Length: 5\r\n\r\nhello"),
    "HTTP/1.0": (8080, b"GET /old HTTP/1.0\r\n\r\n"),
    "host with port": (8080, b"GET / HTTP/1.1\r\nHost: Some.Example:8080\r\n\r\n"),
    "absolute form": (8080, b"GET http://other.example/a?b HTTP/1.1\r\nHost: web.elb.localhost\r\n\r\n"),
    "trace id": (8080, get(b"/", b"X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678;Custom=a b\r\n")),
    "fixed response": (8080, get(b"/fixed")),
    "redirect": (8080, get(b"/redirect/me?a=b")),
    "rule": (8080, get(b"/rule")),
    "no targets": (8080, get(b"/empty")),
    "refused": (8080, get(b"/closed")),
    "bad answer": (8080, get(b"/bad")),
    # escapes
    "quote in the URI": (8080, get(b'/a"b')),
    "backslash in the URI": (8080, get(b"/a\\b")),
    "high bytes in the URI": (8080, get(b"/caf\xc3\xa9")),
    "percent in the URI": (8080, get(b"/%22%zz")),
    "blank in the URI": (8080, get(b"/a b c")),
    "quote in the user agent": (8080, get(b"/", b'User-Agent: a "b" \\ c\r\n')),
    "high bytes in the user agent": (8080, get(b"/", b"User-Agent: caf\xc3\xa9\r\n")),
    "tab in the user agent": (8080, get(b"/", b"User-Agent: a\tb\r\n")),
    "long user agent": (8080, get(b"/", b"User-Agent: " + b"x" * 10000 + b"\r\n")),
    "long user agent of quotes": (8080, get(b"/", b"User-Agent: a" + b'"' * 10000 + b"\r\n")),
    "quote in the redirect": (8080, get(b'/redirect/a"b\\c')),
    # malformed
    "nonsense": (8080, b"nonsense\r\n\r\n"),
    "header without colon": (8080, b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"),
    "line without target": (8080, b"GET\r\n\r\n"),
    "line without version": (8080, b"GET /old\r\n\r\n"),
    "line too long": (8080, b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n"),
    "ClientHello on HTTP": (8080, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "plain on HTTPS": (8443, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    # classes
    "ambiguous": (8080, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
    "severe": (8080, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy"),
}
TLS_ROWS = ("tls", "tls without SNI", "tls resumed")


def tls_connect(instance, name, sessions):
    context = ssl.create_default_context(cafile=instance.ca)
    if name == "tls without SNI":
        context.check_hostname = False
    if name in ("tls", "tls resumed"):
        context = sessions.setdefault("context", context)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    sock = context.wrap_socket(instance.connect(8443),
                               session=sessions["session"] if name == "tls resumed" else None,
                               server_hostname=None if name == "tls without SNI" else "web.elb.localhost")
    if name == "tls":
        sessions["session"] = sock.session
    return sock


def ask(instance, name, sessions):
    port, request = ROWS[name]
    sock = tls_connect(instance, name, sessions) if name in TLS_ROWS else instance.connect(port)
    with sock:
        me = sock.getsockname()
        tls = (sock.cipher()[0], sock.version()) if name in TLS_ROWS else None
        sock.sendall(request)
        reader = harness.Reader(sock)
        answer = reader.answer(head=request.startswith(b"HEAD "))
        return Logged(request, answer, me, tls)


def rules(closed_port):
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain",
                                                              "MessageBody": "nothing here"}}
    redirect = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
    table = [("/fixed", fixed), ("/redirect/*", redirect), ("/rule", harness.forward()[0]),
             ("/empty", harness.forward("Empty")[0]), ("/closed", harness.forward("Closed")[0]),
             ("/bad", harness.forward("Bad")[0])]
    more = {f"Rule{n}": harness.rule(10 * n, [{"Field": "path-pattern", "Values": [path]}], [action])
            for n, (path, action) in enumerate(table, 1)}
    more["Empty"] = harness.target_group([], name="empty")
    more["Closed"] = harness.target_group([("127.0.0.1", closed_port)], name="closed")
    return more


@pytest.fixture(scope="module")
def world(shared_alb, shared_target):
    """What was asked, by name of the row, each with its access-log line; and the instance, which has ended."""
    echo = shared_target()
    bad = shared_target(harness.fixed(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", close=True))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nobody listens, and nobody else can
        closed_port = unused.getsockname()[1]
        more = {**rules(closed_port), "Bad": harness.target_group([bad.address], name="bad")}
        instance = shared_alb(harness.template([echo.address], https=True, more=more))
        sessions = {}
        asked = {name: ask(instance, name, sessions) for name in ROWS}
    snapshot = instance.snapshot()
    assert instance.stop() == 0
    lines = {}
    for line in instance.log_lines():
        fields = harness.parse_line(line)
        assert fields["client"] not in lines, "two lines for one request"
        lines[fields["client"]] = line
    for one in asked.values():
        one.line = lines.pop("%s:%d" % one.me[:2])
        one.fields = harness.parse_line(one.line)
    assert not lines, "lines for nothing that was asked"
    asked["instance"], asked["snapshot"], asked["echo"] = instance, snapshot, "%s:%d" % echo.address
    return asked


def check(fields, expected):
    assert {name: fields[name] for name in expected} == expected


# ---- the line ----

@pytest.mark.parametrize("name", ROWS)
def test_athena_reads_every_line(world, name):
    """[data-plane A.1] The patterns AWS publishes for Athena must match every line [access-logs 7.1]."""
    line = world[name].line
    match = ATHENA.fullmatch(line)
    assert match
    fields = world[name].fields
    method, url, version = match[15], match[16], match[17]
    assert f"{method} {url} {version}" == fields["request"]
    assert f"{match[4]}:{match[5]}" == fields["client"]
    assert match[34] == fields["conn_trace_id"]


@pytest.mark.parametrize("name", ROWS)
def test_form_of_every_line(world, name):
    """[access-logs 1] Fields are separated by one space; 13, 14, 18-20, 23-29, 31-33 are quoted, the others bare."""
    one = world[name]
    fields = one.fields
    parts = [f'"{fields[key]}"' if key in QUOTED else fields[key] for key in harness.FIELDS]
    assert " ".join(parts) == one.line
    assert all(fields.values())
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", fields["time"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}000Z", fields["creation_time"])
    assert fields["creation_time"] <= fields["time"]
    assert re.fullmatch(r"app/web/[0-9a-f]{16}", fields["elb"])
    assert fields["elb"] == world["snapshot"]["load_balancers"][0]["log_id"]
    assert fields["client"] == "127.0.0.1:%d" % one.me[1]
    for key in ("request_time", "target_time", "response_time"):
        assert re.fullmatch(r"-1|\d+\.\d{3}", fields[key])
    assert fields["elb_status"] == str(one.answer.status)
    assert fields["target_list"] == fields["target"]
    assert fields["status_list"] == fields["target_status"]
    assert re.fullmatch(r"TID_[0-9a-f]{32}", fields["conn_trace_id"])
    assert fields["ip_address"] == world["instance"].address
    assert fields["error_reason"] == "-"
    check(fields, NO_TRANSFORM)


def test_plain_request(world):
    """[access-logs 1] A forwarded request: all fields and what they hold."""
    one = world["plain"]
    lb, group = world["snapshot"]["load_balancers"][0], world["snapshot"]["target_groups"]
    check(one.fields, {
        "type": "http", "target": world["echo"], "elb_status": "200", "target_status": "200",
        "received": str(len(one.request)), "sent": str(len(one.answer.raw_head) + len(one.answer.body)),
        "request": f"GET {URL}/plain/path?query=1&b=%20x HTTP/1.1", "user_agent": "Example/1.0",
        "cipher": "-", "protocol": "-",
        "target_group_arn": next(g["arn"] for g in group if g["name"] == "web"),
        "domain": "-", "certificate_arn": "-", "priority": "0", "actions": "forward", "redirect_url": "-",
        "classification": "-", "classification_reason": "-"})
    for key in ("request_time", "target_time", "response_time"):
        assert one.fields[key] != "-1"
    sent_on = re.search(rb"X-Amzn-Trace-Id: (\S+)\r\n", one.answer.body)[1].decode()
    assert one.fields["trace_id"] == sent_on
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", sent_on)
    assert lb["log_id"] == one.fields["elb"]


@pytest.mark.parametrize("name, expected", [
    ("tls", {"domain": "web.elb.localhost", "certificate_arn": "ARN"}),
    ("tls without SNI", {"domain": "-", "certificate_arn": "ARN"}),
    ("tls resumed", {"domain": "web.elb.localhost", "certificate_arn": "session-reused"})])
def test_tls_request(world, name, expected):
    """[access-logs 1, fields 15, 16, 19, 20] Cipher and protocol of the connection, the SNI name, the certificate or `session-reused`."""
    one = world[name]
    if expected["certificate_arn"] == "ARN":
        expected = {**expected, "certificate_arn": world["snapshot"]["certificates"][0]["arn"]}
    check(one.fields, {"type": "https", "cipher": one.tls[0], "protocol": one.tls[1],
                       "request": "GET https://web.elb.localhost:8443/plain/path?query=1&b=%20x HTTP/1.1", **expected})


@pytest.mark.parametrize("name", ["plain", "tls", "body", "HTTP/1.0", "fixed response", "redirect", "no targets",
                                  "bad answer"])
def test_bytes_are_exact(world, name):
    """[access-logs 1, fields 11 and 12] Received and sent bytes include the headers, no TCP or TLS overhead."""
    one = world[name]
    check(one.fields, {"received": str(len(one.request)),
                       "sent": str(len(one.answer.raw_head) + len(one.answer.body))})


@pytest.mark.parametrize("name, request_field", [
    ("HTTP/1.0", "GET http://DNSNAME:8080/old HTTP/1.0"),
    ("body", f"POST {URL}/body HTTP/1.1"),
    ("host with port", "GET http://HOST:8080/ HTTP/1.1"),
    ("absolute form", "GET http://other.example:8080/a?b HTTP/1.1"),
    ("line without version", "GET http://DNSNAME:8080/old -"),
    ("line too long", "GET http://DNSNAME:8080/" + "a" * 16383 + " -")],
    ids=lambda value: value[:40])
def test_request_field(world, name, request_field):
    """[access-logs 1.2] Scheme, Host value and listener port are always written; the name of the load balancer when there is no Host."""
    wanted = request_field.replace("DNSNAME", world["snapshot"]["load_balancers"][0]["dns_name"])
    logged = world[name].fields["request"]
    if "HOST" in wanted:  # the name without its port [data-plane D20]; whichever case the client wrote
        logged, wanted = logged.lower(), wanted.replace("HOST", "Some.Example").lower()
    assert logged == wanted


def test_trace_id_of_the_client(world):
    """[access-logs 1, field 18] The value of X-Amzn-Trace-Id, which may hold more than Root."""
    one = world["trace id"]
    sent_on = re.search(rb"X-Amzn-Trace-Id: ([^\r]*)\r\n", one.answer.body)[1].decode()
    assert one.fields["trace_id"] == sent_on
    assert "Root=1-67891233-abcdef012345678912345678" in sent_on and "Custom=a b" in sent_on


@pytest.mark.parametrize("name, expected", [
    ("fixed response", {"elb_status": "404", "actions": "fixed-response", "priority": "10", "redirect_url": "-",
                        "target_group_arn": "-"}),
    ("redirect", {"elb_status": "301", "actions": "redirect", "priority": "20", "target_group_arn": "-",
                  "redirect_url": "https://web.elb.localhost:443/redirect/me?a=b"})])
def test_answers_of_the_load_balancer(world, name, expected):
    """[access-logs 1.4] Redirect, fixed-response: times -1 -1 -1, target, its status and the group `-`; field 24 is the Location."""
    check(world[name].fields, {**NOTHING_SENT, **expected, "classification": "-"})


def test_matched_rule_priority(world):
    """[access-logs 1, field 21] The priority of the rule; 0 is the default action."""
    assert world["rule"].fields["priority"] == "30"
    assert world["rule"].fields["actions"] == "forward"


def test_no_targets(world):
    """[access-logs 1.4] 503: times -1, target `-`, target_group_arn present, error_reason `-`."""
    group = next(g["arn"] for g in world["snapshot"]["target_groups"] if g["name"] == "empty")
    check(world["no targets"].fields, {**NOTHING_SENT, "elb_status": "503", "target_group_arn": group,
                                       "actions": "forward", "priority": "40"})


def test_target_refuses(world):
    """[data-plane D22] Connect failed: `-1 -1 -1`; the target is named."""
    fields = world["refused"].fields
    check(fields, {"elb_status": "502", "target_status": "-", "request_time": "-1", "target_time": "-1",
                   "response_time": "-1"})
    assert fields["target"].startswith("127.0.0.1:")


def test_target_answers_nonsense(world):
    """[data-plane D22] The target sent a malformed answer: `r t -1`."""
    fields = world["bad answer"].fields
    check(fields, {"elb_status": "502", "target_status": "-", "response_time": "-1", "actions": "forward"})
    assert fields["request_time"] != "-1" and fields["target_time"] != "-1"


@pytest.mark.parametrize("name, field, text", [
    ("quote in the URI", "request", rf"GET {URL}/a\x22b HTTP/1.1"),
    ("backslash in the URI", "request", rf"GET {URL}/a\x5Cb HTTP/1.1"),
    ("high bytes in the URI", "request", rf"GET {URL}/caf\xC3\xA9 HTTP/1.1"),
    ("percent in the URI", "request", rf"GET {URL}/%22%zz HTTP/1.1"),
    ("blank in the URI", "request", rf"GET {URL}/a b c HTTP/1.1"),
    ("quote in the user agent", "user_agent", r"a \x22b\x22 \x5C c"),
    ("high bytes in the user agent", "user_agent", r"caf\xC3\xA9"),
    ("tab in the user agent", "user_agent", r"a\x09b"),
    ("long user agent", "user_agent", "x" * 8192),
    ("quote in the redirect", "redirect_url", r"https://web.elb.localhost:443/redirect/a\x22b\x5Cc")],
    ids=lambda value: value[:40])
def test_escapes(world, name, field, text):
    """[access-logs 1.2] A quote is \\x22, a backslash \\x5C, control bytes and bytes >= 0x80 \\xHH; the URI is as the client sent it; field 14 is cut at 8 KB."""
    assert world[name].fields[field] == text


def test_cut_never_splits_an_escape(world):
    """[access-logs 1, field 14] The user agent is cut at 8 KB; what is left is whole."""
    agent = world["long user agent of quotes"].fields["user_agent"]
    assert re.fullmatch(r"a(\\x22)+", agent)
    assert 8192 - 4 < len(agent) <= 8192


@pytest.mark.parametrize("name", ["nonsense", "line without target", "ClientHello on HTTP"])
def test_malformed_request(world, name):
    """[access-logs 1.2] Malformed: `"- http://<lb dns name>:<port>- -"`, elb 400, target `-`, three times -1, received 0, sent 272."""
    dns_name = world["snapshot"]["load_balancers"][0]["dns_name"]
    fields = world[name].fields
    check(fields, {**MALFORMED, "request": f"- http://{dns_name}:8080- -", "sent": "272"})


def test_plain_http_on_https(world):
    """[data-plane 1.7, issue 3] Plain HTTP on an HTTPS listener gets the page and a log line with 400; type and scheme are the listener's [D23]."""
    fields = world["plain on HTTPS"].fields
    check(fields, {**NOTHING_SENT, "type": "https", "elb_status": "400", "actions": "-", "priority": "-",
                   "target_group_arn": "-"})
    assert "https://" in fields["request"] and ":8443" in fields["request"]
    assert world["plain on HTTPS"].answer.body.count(b"The plain HTTP request was sent to HTTPS port") >= 2


@pytest.mark.parametrize("name, status, desync, reason", [
    ("ambiguous", "200", "Ambiguous", "DuplicateContentLength"),
    ("severe", "400", "Severe", "MultipleContentLength"),
    ("blank in the URI", "200", "Acceptable", "SpaceInUri"),
    ("header without colon", "400", None, None)])
def test_classification(world, name, status, desync, reason):
    """[access-logs 1, fields 28 and 29] Class and reason of a request that does not obey the RFC."""
    fields = world[name].fields
    assert fields["elb_status"] == status
    if desync:
        check(fields, {"classification": desync, "classification_reason": reason})


# ---- connections ----

def test_conn_trace_id_is_the_connections(alb, target):
    """[data-plane A.2] Persistent connections have many access-log lines with the same TID."""
    instance = alb(harness.template([target().address]))
    for path in (b"/a", b"/b"):
        with instance.connect() as client:
            reader = harness.Reader(client)
            for _ in range(3):
                client.sendall(get(path))
                assert reader.answer().status == 200
    assert instance.stop() == 0
    lines = [harness.parse_line(line) for line in instance.log_lines()]
    ids = {path: {f["conn_trace_id"] for f in lines if path in f["request"]} for path in ("/a", "/b")}
    assert len(lines) == 6
    assert len(ids["/a"]) == len(ids["/b"]) == 1
    assert ids["/a"] != ids["/b"]


def test_ipv6_client(alb):
    """[access-logs 1, field 4] IPv6 is written without brackets; the node's address is the one that accepted (field 34)."""
    port = harness.fresh_port6()
    document = harness.template(http=False, more={"Http": harness.listener(port)})
    instance = alb(document, address="::1")
    with instance.connect(port) as client:
        me = client.getsockname()[1]
        client.sendall(b"GET / HTTP/1.1\r\nHost: [::1]:%d\r\n\r\n" % port)
        assert harness.read_answer(client).status == 503
    assert instance.stop() == 0
    line, = instance.log_lines()
    fields = harness.parse_line(line)
    check(fields, {"client": f"::1:{me}", "ip_address": "::1", "request": f"GET http://[::1]:{port}/ HTTP/1.1"})
    assert ATHENA.fullmatch(line)[4] == "::1"
    assert "_..1_" in instance.log_files()[0].name


def test_client_gone(alb, target):
    """[access-logs 1.4, data-plane D22] 460: the client closed while the target was silent: `r -1 -1`, target_status `-`, target present."""
    arrived, go = threading.Event(), threading.Event()

    def silent(conn, reader, head):
        arrived.set()
        assert go.wait(DEADLINE)
        return "close"

    one = target(silent)
    instance = alb(harness.template([one.address]))
    with instance.connect() as client:
        client.sendall(get(b"/gone"))
        assert arrived.wait(DEADLINE)
    instance.until_failure("CLIENT_GONE")
    go.set()
    assert instance.stop() == 0
    line, = instance.log_lines()
    fields = harness.parse_line(line)
    check(fields, {"elb_status": "460", "target_status": "-", "target_time": "-1", "response_time": "-1",
                   "target": "%s:%d" % one.address, "sent": "0"})
    assert fields["request_time"] != "-1"


# ---- files ----

def test_key_and_file_name(alb):
    """[access-logs 3] PREFIX/AWSLogs/ACCOUNT/elasticloadbalancing/REGION/yyyy/mm/dd/ACCOUNT_elasticloadbalancing_REGION_app.NAME.ID_END_IP_RANDOM.log.gz, END a multiple of 5 minutes."""
    instance = alb(harness.template(attributes={"access_logs.s3.prefix": "logs/of-web"}), log_interval=300,
                   options=["--account", "123456789012", "--region", "eu-central-1"])
    assert instance.ask(get(b"/")).status == 503
    load_balancer = instance.snapshot()["load_balancers"][0]["id"]
    assert instance.stop() == 0
    path, = instance.log_files()
    match = re.fullmatch(
        r"test-logs/logs/of-web/AWSLogs/123456789012/elasticloadbalancing/eu-central-1/(\d{4}/\d\d/\d\d)/"
        r"123456789012_elasticloadbalancing_eu-central-1_app\.web\." + load_balancer +
        r"_(\d{8}T\d{4}Z)_" + re.escape(instance.address) + r"_[a-z0-9]{8}\.log\.gz",
        str(path.relative_to(instance.state / "s3")))
    assert match, path
    end = datetime.datetime.strptime(match[2], "%Y%m%dT%H%MZ")
    logged = datetime.datetime.strptime(harness.parse_line(instance.log_lines()[0])["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
    assert end.minute % 5 == 0
    assert datetime.timedelta(0) < end - logged <= datetime.timedelta(minutes=5)
    assert match[1] == end.strftime("%Y/%m/%d")
    data = gzip.decompress(path.read_bytes())
    assert data.endswith(b"\n") and data.count(b"\n") == 1


@pytest.mark.parametrize("prefix", ["", "my/prefix"])
def test_test_object(alb, prefix):
    """[access-logs 3] Switching on writes [prefix/]AWSLogs/ACCOUNT/ELBAccessLogTestFile; it holds no log lines; empty intervals give no file."""
    instance = alb(harness.template(attributes={"access_logs.s3.prefix": prefix} if prefix else None))
    path = instance.state / "s3/test-logs" / prefix / "AWSLogs/000000000000/ELBAccessLogTestFile"
    assert path.is_file()
    assert instance.stop() == 0
    assert [p for p in (instance.state / "s3").rglob("*") if p.is_file()] == [path]


def test_delivery_every_interval(alb):
    """[issue 3: access log] Delivered every interval, while the service goes on."""
    instance = alb(harness.template())
    for count in (1, 2):
        assert instance.ask(get(b"/%d" % count)).status == 503
        assert len(instance.wait_lines(count)) == count
    assert len(instance.log_files()) == 2


def test_load_balancers_have_their_own_keys(alb):
    """[access-logs 3] Each load balancer writes into its own bucket, prefix and file name."""
    def load_balancer(name, bucket):
        attributes = {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": bucket, "access_logs.s3.prefix": name}
        return {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {
            "Name": name, "Subnets": ["subnet-1", "subnet-2"],
            "LoadBalancerAttributes": [{"Key": k, "Value": v} for k, v in attributes.items()]}}

    more = {}
    for n, (name, bucket) in enumerate([("one", "logs-a"), ("two", "logs-a"), ("three", "logs-b")]):
        more[name] = load_balancer(name, bucket)
        more[f"{name}Http"] = harness.listener(8081 + n, actions=[{
            "Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}])
        more[f"{name}Http"]["Properties"]["LoadBalancerArn"] = {"Ref": name}
    instance = alb(harness.template(more=more, logs=False), workers=2)
    for port in (8080, 8081, 8082, 8083):
        instance.ask(get(b"/%d" % port), port)
    assert instance.stop() == 0
    found = {}
    for path in instance.log_files():
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        found[str(path.relative_to(instance.state / "s3")).split("/AWSLogs")[0]] = \
            [(f["elb"].split("/")[1], f["request"].split("/")[3].split()[0]) for f in map(harness.parse_line, lines)]
        assert ("_app." + harness.parse_line(lines[0])["elb"].split("/", 1)[1].replace("/", ".")) in path.name
    assert found == {"logs-a/one": [("one", "8081")], "logs-a/two": [("two", "8082")],
                     "logs-b/three": [("three", "8083")]}


# ---- buckets ----

def test_bucket_that_cannot_be_written_at_start(alb, tmp_path):
    """[access-logs 6.3] `Access Denied for bucket: <bucket>. Please check S3bucket permission`; nothing is changed."""
    blocked = tmp_path / "alb0" / "state" / "s3" / "test-logs"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where the bucket should be")
    (tmp_path / "alb0").mkdir(exist_ok=True)
    instance = alb(harness.template(), wait=False)
    assert instance.process.wait(DEADLINE) == 1
    instance.stop()
    assert "Access Denied for bucket: test-logs. Please check S3bucket permission" in instance.log_text()


@pytest.mark.parametrize("attributes, reason", [
    ({"access_logs.s3.bucket": "blocked-logs"},
     "Access Denied for bucket: blocked-logs. Please check S3bucket permission"),
    ({"access_logs.s3.prefix": "/a"}, "The value of 'access_logs.s3.prefix' cannot start or end with '/'"),
    ({"access_logs.s3.prefix": "a/"}, "The value of 'access_logs.s3.prefix' cannot start or end with '/'"),
    ({"access_logs.s3.prefix": "a/AWSLogs"}, "AWSLogs"),
    ({"access_logs.s3.bucket": "No_Bucket"}, "No_Bucket")])
def test_destination_refused(blockable, attributes, reason):
    """[access-logs 6, 6.3] A destination that cannot be written or is not legal refuses the configuration; the old one goes on."""
    done = blockable.reload(harness.template(attributes=attributes))
    assert done.returncode == 1
    assert reason in done.stderr
    assert blockable.ask(get(b"/")).status == 503


@pytest.fixture(scope="module")
def blockable(shared_alb):
    instance = shared_alb(harness.template())
    (instance.state / "s3" / "blocked-logs").write_text("a file where the bucket should be")
    return instance


def test_files_wait_in_the_spool(alb):
    """[issue 3: access log, design 2] The shipper deletes a file only after the bucket has it: what cannot be delivered waits, and follows."""
    instance = alb(harness.template())
    bucket, aside = instance.state / "s3/test-logs", instance.folder / "aside"
    bucket.rename(aside)
    bucket.write_text("in the way")
    for n in range(3):
        assert instance.ask(get(b"/%d" % n)).status == 503
    until(lambda: "access logs could not be delivered" in instance.log_text(), "the shipper's complaint")
    until(lambda: [p for p in (instance.state / "spool").rglob("*.log")], "a complete file in the spool")
    assert instance.ask(get(b"/3")).status == 503
    bucket.unlink()
    aside.rename(bucket)
    requests = [harness.parse_line(line)["request"] for line in instance.wait_lines(4)]
    assert sorted(requests) == [f"GET {URL}/{n} HTTP/1.1" for n in range(4)]
    assert instance.stop() == 0
    assert len(instance.log_lines()) == 4
    assert not [p for p in (instance.state / "spool").rglob("*") if p.is_file()]


@pytest.mark.parametrize("role", ["worker 0", "shipper", "control"])
def test_records_survive_a_killed_role(alb, role):
    """[issue 3: access log] A record survives kill -9 of the worker that wrote it once its response was sent."""
    instance = alb(harness.template(), log_interval=300)
    with instance.connect() as client:
        reader = harness.Reader(client)
        for n in range(20):
            client.sendall(get(b"/%d" % n))
            assert reader.answer().status == 503
        # A connection's next answer comes after the record of the one before: 19 records are written for sure.
        old = instance.pids()[role]
        os.kill(old, signal.SIGKILL)
        until(lambda: instance.pids().get(role, old) != old, f"a new {role}")
    assert instance.ask(get(b"/after")).status == 503
    assert instance.stop() == 0
    requests = [harness.parse_line(line)["request"].split("/")[3].split()[0] for line in instance.log_lines()]
    assert len(requests) == len(set(requests))
    assert {str(n) for n in range(19)} | {"after"} <= set(requests)


def test_changed_destination(alb):
    """[access-logs 3] A change of bucket or prefix writes the test object anew; lines from then on go there."""
    instance = alb(harness.template(), log_interval=300)
    assert instance.ask(get(b"/before")).status == 503
    assert instance.reload(harness.template(attributes={"access_logs.s3.prefix": "p"})).returncode == 0
    assert (instance.state / "s3/test-logs/p/AWSLogs/000000000000/ELBAccessLogTestFile").is_file()
    assert instance.ask(get(b"/after")).status == 503
    assert instance.stop() == 0
    where = {}
    for path in instance.log_files():
        line, = gzip.decompress(path.read_bytes()).decode().splitlines()
        where[str(path.relative_to(instance.state / "s3")).split("/AWSLogs")[0]] = harness.parse_line(line)["request"]
    assert where == {"test-logs": f"GET {URL}/before HTTP/1.1", "test-logs/p": f"GET {URL}/after HTTP/1.1"}


def test_no_logs_without_the_attribute(alb):
    """[access-logs 6] access_logs.s3.enabled is false by default: no bucket, no line."""
    instance = alb(harness.template(logs=False))
    assert instance.ask(get(b"/")).status == 503
    assert instance.stop() == 0
    assert not list((instance.state / "s3").rglob("*"))
