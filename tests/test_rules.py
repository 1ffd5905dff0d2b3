# SPDX-License-Identifier: Apache-2.0
"""Listener rules: conditions, order, and the two actions that the load balancer answers by itself."""
import pytest

from harness import Reader, listener, parse_line, rule, template


def answers(name, **more):
    """A fixed response that tells which rule matched."""
    return [{"Type": "fixed-response", "FixedResponseConfig":
             {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": name, **more}}]


def redirects(status="HTTP_301", **more):
    return [{"Type": "redirect", "RedirectConfig": {"StatusCode": status, **more}}]


def host(*values):
    return {"Field": "host-header", "HostHeaderConfig": {"Values": list(values)}}


def path(*values):
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


class Rules:
    """Rules by name, and the template that has them."""

    def __init__(self, of="Http"):
        self.of, self.resources, self.priorities = of, {}, {}

    def add(self, name, priority, conditions, actions=None):
        number = len(self.resources)
        self.resources[f"Rule{number}{self.of}"] = rule(priority, conditions, actions or answers(name), self.of)
        self.priorities[name] = priority


MATCHING = Rules()
MATCHING.add("host exact", 300, [host("one.example")])
MATCHING.add("host upper", 301, [host("UP.example")])
MATCHING.add("host star", 302, [host("*.star.example")])
MATCHING.add("host inner star", 303, [host("in*.side.example")])
MATCHING.add("host question", 304, [host("q?.mark.example")])
MATCHING.add("host two", 305, [host("first.example", "second.example")])
MATCHING.add("path exact", 310, [path("/exact")])
MATCHING.add("path star", 311, [path("/img/*")])
MATCHING.add("path inner star", 312, [path("/pic/*/big")])
MATCHING.add("path question", 313, [path("/f?le")])
MATCHING.add("path two", 314, [path("/either", "/or")])
MATCHING.add("path suffix", 315, [path("*.png")])
MATCHING.add("path slashes", 316, [path("//double")])
MATCHING.add("path special", 317, [path("/a_b-c.$/~\"'@:+&")])
MATCHING.add("both", 320, [host("both.example"), path("/both/*")])
MATCHING.add("late", 500, [path("/order/*")])
MATCHING.add("early", 20, [path("/order/early*")])
MATCHING.add("everything of b", 900, [host("b.example")])
MATCHING.add("specific of b", 899, [host("b.example"), path("/specific")])

MATCH_ROWS = [
    # Host, request target, the rule that answers
    ("one.example", "/", "host exact"),
    ("ONE.Example", "/", "host exact"),
    ("one.example:8080", "/", "host exact"),
    ("one.example:1", "/", "host exact"),
    ("x.one.example", "/", "default"),
    ("one.example.org", "/", "default"),
    ("up.example", "/", "host upper"),
    ("a.star.example", "/", "host star"),
    ("a.b.star.example", "/", "host star"),
    ("A.STAR.EXAMPLE", "/", "host star"),
    ("star.example", "/", "default"),
    ("in.side.example", "/", "host inner star"),
    ("inxy.z.side.example", "/", "host inner star"),
    ("i.side.example", "/", "default"),
    ("q1.mark.example", "/", "host question"),
    ("q.mark.example", "/", "default"),
    ("q12.mark.example", "/", "default"),
    ("first.example", "/", "host two"),
    ("second.example", "/", "host two"),
    ("none.example", "http://one.example/", "host exact"),
    ("one.example", "http://none.example/", "default"),
    ("x", "/exact", "path exact"),
    ("x", "/exact?a=b", "path exact"),
    ("x", "/Exact", "default"),
    ("x", "/exact/", "default"),
    ("x", "/exac%74", "default"),
    ("x", "/img/", "path star"),
    ("x", "/img/a/b?c", "path star"),
    ("x", "/img", "default"),
    ("x", "/IMG/a", "default"),
    ("x", "/?/img/", "default"),
    ("x", "/pic/a/b/big", "path inner star"),
    ("x", "/pic//big", "path inner star"),
    ("x", "/pic/a/small", "default"),
    ("x", "/file", "path question"),
    ("x", "/f/le", "path question"),
    ("x", "/fle", "default"),
    ("x", "/either", "path two"),
    ("x", "/or", "path two"),
    ("x", "/a/b.png", "path suffix"),
    ("x", "/a/b.PNG", "default"),
    ("x", "/a/b.png?x", "path suffix"),
    ("x", "/a?b.png", "default"),
    ("x", "//double", "path slashes"),
    ("x", "/double", "default"),
    ("x", "/a_b-c.$/~\"'@:+&", "path special"),
    ("x", "http://x/exact", "path exact"),
    ("both.example", "/both/a", "both"),
    ("both.example", "/other", "default"),
    ("x", "/both/a", "default"),
    ("x", "/order/early", "early"),
    ("x", "/order/x", "late"),
    ("b.example", "/specific", "specific of b"),
    ("b.example", "/x", "everything of b"),
    ("x", "/img/\x01", "default"),
    ("x", "/none", "default"),
]

# ---- redirects: what a request asks for, and the Location that it gets ----

REDIRECTS = {
    "to-https": ("HTTP_301", {"Protocol": "HTTPS", "Port": "443"}),
    "found": ("HTTP_302", {"Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}",
                           "Query": "#{query}"}),
    "host": ("HTTP_301", {"Host": "www.#{host}"}),
    "other-host": ("HTTP_302", {"Host": "other.example", "Port": "8443", "Protocol": "HTTPS"}),
    "path": ("HTTP_301", {"Path": "/new/#{path}"}),
    "path-keywords": ("HTTP_301", {"Path": "/#{host}/#{port}/#{path}"}),
    "query-added": ("HTTP_301", {"Path": "/q", "Query": "x=1&#{query}"}),
    "query-gone": ("HTTP_301", {"Path": "/q", "Query": ""}),
    "query-keywords": ("HTTP_301", {"Path": "/q", "Query": "#{protocol}-#{host}-#{port}-#{path}-#{query}"}),
    "port": ("HTTP_301", {"Port": "81"}),
    "long": ("HTTP_301", {"Path": "/long/#{path}"}),
}
REDIRECT_ROWS = [
    # rule, Host, request target, Location
    ("to-https", "a.example", "/to-https", "https://a.example:443/to-https"),
    ("to-https", "A.Example:8081", "/to-https", "https://A.Example:443/to-https"),
    ("to-https", "a.example:9", "/to-https/x?y=z&q", "https://a.example:443/to-https/x?y=z&q"),
    ("to-https", "a.example", "/to-https/%41%20?%42", "https://a.example:443/to-https/%41%20?%42"),
    ("to-https", "a.example", "/to-https?", "https://a.example:443/to-https"),
    ("to-https", "a.example", "/to-https/?a?b", "https://a.example:443/to-https/?a?b"),
    ("to-https", "[2001:db8::1]:8081", "/to-https", "https://[2001:db8::1]:443/to-https"),
    ("to-https", "a.example", "http://b.example:7/to-https", "https://b.example:443/to-https"),
    ("found", "a.example", "/found/x?y", "https://a.example:443/found/x?y"),
    ("host", "a.example", "/host?y", "http://www.a.example:8081/host?y"),
    ("other-host", "a.example", "/other-host?y", "https://other.example:8443/other-host?y"),
    ("path", "a.example", "/path/b?y", "http://a.example:8081/new/path/b?y"),
    ("path-keywords", "a.example", "/path-keywords", "http://a.example:8081/a.example/8081/path-keywords"),
    ("query-added", "a.example", "/query-added?y", "http://a.example:8081/q?x=1&y"),
    ("query-gone", "a.example", "/query-gone?y", "http://a.example:8081/q"),
    ("query-keywords", "a.example", "/query-keywords?y",
     "http://a.example:8081/q?http-a.example-8081-query-keywords-y"),
    ("port", "a.example", "/port", "http://a.example:81/port"),
    ("path", "a.example", "/path/#{host}?#{port}", "http://a.example:8081/new/path/#{host}?#{port}"),
    ("to-https", "a.example", "/to-https/a b", "https://a.example:443/to-https/a%20b"),
    # 8 K is the most: http://a.example:8081/long/long/...
    ("long", "a.example", "/long/" + "x" * (8192 - 31 - 1), "http://a.example:8081/long/long/" + "x" * (8192 - 32)),
]
TOO_LONG = ("long", "a.example", "/long/" + "x" * (8192 - 31))

FIXED = {
    "plain": {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": "hello"},
    "html": {"StatusCode": "404", "ContentType": "text/html", "MessageBody": "<p>\u00e4"},
    "json": {"StatusCode": "503", "ContentType": "application/json", "MessageBody": "{}"},
    "css": {"StatusCode": "200", "ContentType": "text/css", "MessageBody": "a{}"},
    "js": {"StatusCode": "201", "ContentType": "application/javascript", "MessageBody": "x"},
    "bare": {"StatusCode": "403"},
    "empty": {"StatusCode": "204"},
    "long": {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": "x" * 1024},
    "odd": {"StatusCode": "599", "ContentType": "text/plain", "MessageBody": "odd"},
}


class Played:
    """An answer and its log line."""

    def __init__(self, instance, raw, port):
        with instance.connect(port) as sock:
            self.client = sock.getsockname()[1]
            sock.sendall(raw)
            self.answer = Reader(sock).answer(head=raw.startswith(b"HEAD "))
        self.line = None


def ask(host_value, target, method="GET"):
    return f"{method} {target} HTTP/1.1\r\nHost: {host_value}\r\n\r\n".encode()


@pytest.fixture(scope="module")
def played(shared_alb):
    """All rows through one instance: the matching rules on 8080, redirects on 8081, fixed responses on 8083."""
    redirect_rules, fixed_rules = Rules("Redirects"), Rules("Fixed")
    for n, (name, (status, more)) in enumerate(REDIRECTS.items()):
        redirect_rules.add(name, 10 + n, [path(f"/{name}", f"/{name}/*")], redirects(status, **more))
    for n, (name, more) in enumerate(FIXED.items()):
        fixed_rules.add(name, 10 + n, [path(f"/{name}")], [{"Type": "fixed-response", "FixedResponseConfig": more}])
    more = {"Http": listener(8080, actions=answers("default")), "Redirects": listener(8081, actions=answers("default")),
            "Fixed": listener(8083, actions=answers("default")), **MATCHING.resources, **redirect_rules.resources,
            **fixed_rules.resources}
    instance = shared_alb(template(more=more))
    made = {}
    for row in MATCH_ROWS:
        made[row] = Played(instance, ask(row[0], row[1]), 8080)
    for row in REDIRECT_ROWS + [TOO_LONG]:
        made[row] = Played(instance, ask(row[1], row[2]), 8081)
    for name in FIXED:
        for method in ("GET", "HEAD", "POST"):
            made[name, method] = Played(instance, ask("a", f"/{name}", method), 8083)
    made["failures"] = [row["end"] for row in instance.failures()]
    assert instance.stop() == 0
    lines = {line["client"].rsplit(":", 1)[1]: line for line in map(parse_line, instance.log_lines())}
    for one in filter(lambda one: isinstance(one, Played), made.values()):
        one.line = lines[str(one.client)]
    return made


@pytest.mark.parametrize("row", MATCH_ROWS, ids=lambda row: f"{row[0]} {row[1]}".replace("\x01", "^A"))
def test_matching(played, row):
    """[data-plane 2.3] Hosts match in either case, without port, paths exactly; `*` any run, `?` one; by priority."""
    one = played[row]
    assert (one.answer.status, one.answer.body.decode()) == (200, row[2])
    assert one.line["priority"] == str(MATCHING.priorities.get(row[2], 0))
    assert one.line["actions"] == "fixed-response"


@pytest.mark.parametrize("row", REDIRECT_ROWS, ids=lambda row: row[0])
def test_redirect(played, row):
    """[data-plane 2.7] The port is always written, #{path} has no slash, the query is kept as the action says."""
    name, _, _, location = row
    one = played[row]
    status = int(REDIRECTS[name][0][-3:])
    assert one.answer.status == status and one.answer.header("location") == [location]
    assert [key for key, _ in one.answer.headers][-1] == "Location"
    assert one.line["elb_status"] == str(status) and one.line["actions"] == "redirect"
    assert one.line["redirect_url"] == one.answer.header("location")[0]
    assert (one.line["target"], one.line["target_group_arn"]) == ("-", "-")


def test_redirect_too_long(played):
    """[data-plane 2.7] A Location longer than 8 K: 507."""
    one = played[TOO_LONG]
    assert (one.answer.status, one.answer.reason) == (507, "Insufficient Storage")
    assert one.answer.header("location") == []
    assert one.line["elb_status"] == "507"
    assert played["failures"] == ["REDIRECT_TOO_LONG"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("name", FIXED)
def test_fixed_response(played, name, method):
    """[data-plane 2.8] Status, type with charset and body as configured; HEAD gets the headers alone."""
    config, one = FIXED[name], played[name, method]
    body = config.get("MessageBody", "").encode()
    answer = one.answer
    assert answer.status == int(config["StatusCode"]) and answer.body == (b"" if method == "HEAD" else body)
    assert answer.header("server") == ["awselb/2.0"] and answer.header("connection") == ["keep-alive"]
    assert answer.header("content-length") == ([] if name == "empty" else [str(len(body))])
    kind = config.get("ContentType")
    assert answer.header("content-type") == ([f"{kind}; charset=utf-8"] if kind else [])
    assert one.line["elb_status"] == config["StatusCode"] and one.line["target_status"] == "-"
    assert (one.line["request_time"], one.line["target_time"], one.line["response_time"]) == ("-1", "-1", "-1")
