# SPDX-License-Identifier: Apache-2.0
"""ALB logs, read and made independently of the program: a splitter that goes byte by byte, written from the guide's
tables, and a generator of random lines of every historical shape. Slow and plain on purpose."""
import calendar
import math
import random
import re
import time

# Names of the fields in their order; the counts that versions of the access log had.
ACCESS = ("type time elb client:port target:port request_processing_time target_processing_time "
          "response_processing_time elb_status_code target_status_code received_bytes sent_bytes request user_agent "
          "ssl_cipher ssl_protocol target_group_arn trace_id domain_name chosen_cert_arn matched_rule_priority "
          "request_creation_time actions_executed redirect_url error_reason target_port_list target_status_code_list "
          "classification classification_reason conn_trace_id transformed_host transformed_uri "
          "request_transform_status ip_address").split()
VERSIONS = (17, 18, 20, 21, 23, 24, 25, 27, 29, 30, 33, 34, 36, 38)
QUOTED = {"request", "user_agent", "trace_id", "domain_name", "chosen_cert_arn", "actions_executed", "redirect_url",
          "error_reason", "target_port_list", "target_status_code_list", "classification", "classification_reason",
          "transformed_host", "transformed_uri", "request_transform_status"}
WHOLE_NUMBERS = {"elb_status_code", "target_status_code", "received_bytes", "sent_bytes", "matched_rule_priority"}
SECONDS = {"request_processing_time", "target_processing_time", "response_processing_time"}


class Damaged(Exception):
    pass


def split(line):
    """The fields of a line, without their quotes. A backslash before a quote escapes it."""
    fields, now, inside, closed = [], None, False, False
    at = 0
    while at < len(line):
        c = line[at:at + 1]
        if inside and c == b"\\" and line[at + 1:at + 2] == b'"':
            now += b'\\"'
            at += 1
        elif inside and c == b'"':
            inside, closed = False, True
        elif inside:
            now += c
        elif c == b" ":
            fields.append(now or b"")
            now, closed = None, False
        elif closed:
            raise Damaged("text behind a quote")
        elif c == b'"' and now is None:
            now, inside = b"", True
        elif c == b'"':
            raise Damaged("a quote inside a field")
        else:
            now = (now or b"") + c
        at += 1
    if inside:
        raise Damaged("an open quote")
    fields.append(now or b"")
    if len(fields) < 17:
        raise Damaged("too few fields")
    if not re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", fields[1]):
        raise Damaged("no time")
    return fields


def text(raw):
    """What a person reads: the writer's escapes undone, then every byte that is not printable UTF-8 as \\xHH."""
    plain = re.sub(rb'\\x000000([0-9A-Fa-f]{2})|\\x([0-9A-Fa-f]{2})|\\(")',
                   lambda m: m[3] or bytes([int(m[1] or m[2], 16)]), raw)
    shown = ""
    for c in plain.decode("utf-8", "surrogateescape"):
        if "\udc80" <= c <= "\udcff":
            shown += "\\x%02x" % (ord(c) - 0xdc00)
        elif ord(c) < 32 or 127 <= ord(c) < 160:
            shown += "".join("\\x%02x" % b for b in c.encode())
        else:
            shown += c
    return shown


def microseconds(raw):
    whole, _, fraction = raw.decode()[:-1].partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 1000000 + int((fraction + "000000")[:6])


def peer(raw):
    if raw in (b"-", b""):
        return None, None
    address, _, port = raw.rpartition(b":")
    return address.decode(), int(port)


def request(raw):
    """verb, url, version, host, path."""
    verb, _, rest = raw.partition(b" ")
    url, _, version = rest.rstrip(b" ").rpartition(b" ")
    url = url.rstrip(b" ")
    found = re.match(rb"[a-z]+://(\[[^\]]*\]|[^:/?]*)(?::\d+)?([^?]*)", url)
    host, path = (found[1], found[2]) if found else (b"", b"")
    return [text(part) if part not in (b"", b"-") else None for part in (verb, url, version, host, path)]


def row(line):
    """The columns of a line by their names, as JSON has them, but error_text."""
    fields = split(line)
    named = dict(zip(ACCESS, fields))
    out = {}
    for name in ACCESS:
        raw = named.get(name, b"-")
        if name in ("client:port", "target:port"):
            kind = name.split(":")[0]
            out[f"{kind}_ip"], out[f"{kind}_port"] = peer(raw)
        elif name == "request":
            out["request_verb"], out["request_url"], out["request_proto"], out["host"], out["path"] = request(raw)
        elif raw in (b"-", b""):
            out[name] = None
        elif name in WHOLE_NUMBERS:
            out[name] = int(raw)
        elif name in SECONDS:
            out[name] = None if raw == b"-1" else float(raw)
        else:
            out[name] = text(raw)
    if out["host"] is None:
        out["host"] = out["domain_name"]
    out["made_by"] = "target" if named["elb_status_code"] == named["target_status_code"] else "lb"
    created = named.get("request_creation_time", b"-")
    took = None if created == b"-" else microseconds(named["time"]) - microseconds(created)
    out["duration"] = None if took is None or took < 0 else took / 1e6
    extra = fields[len(ACCESS):]
    if extra:
        out["extra"] = [None if raw in (b"-", b"") else text(raw) for raw in extra]
    return out


def nearest_rank(values, percent):
    values = sorted(values)
    return values[max(math.ceil(len(values) * percent / 100), 1) - 1] if values else None


# ---- random lines ----

def pick_text(r, words):
    """Words and bytes as the writer escapes them; older writers escaped a quote by a backslash alone."""
    odd = ["\\x22", "\\x5C", "\\xC3\\xA9", "\\xFF", "\\x0A", "\\x1B", "\\x00000022", '\\"', " ", "%22", ",", "="]
    return "".join(r.choice(words) if r.random() < 0.7 else r.choice(odd) for _ in range(r.randint(1, 6)))


def iso(us, digits=6):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(us // 1000000)) + ".%06d" % (us % 1000000) + "Z"


def random_line(r, count=None, at_us=None):
    """A good access line of `count` fields (bytes, without the line end)."""
    count = count or r.choice(VERSIONS)
    at = at_us or 1790000000000000 + r.randrange(3600 * 1000000)
    took = int(math.exp(r.gauss(10, 1.5)))
    took = min(took, 2000000)
    kind = r.choice(["answered", "answered", "answered", "redirect", "malformed", "no target", "reset", "late"])
    elb, target_status = {"answered": (r.choice([200, 200, 304, 404, 500]), None), "redirect": (301, "-"),
                          "malformed": (400, "-"), "no target": (503, "-"), "reset": (502, "-"),
                          "late": (460, "-")}[kind]
    times = ["-1"] * 3
    target = "-"
    if kind in ("answered", "reset", "late"):
        target = "10.0.%d.%d:%d" % (r.randrange(2), r.randrange(4), r.choice([80, 8080]))
        times = ["0.%03d" % r.randrange(3), "%d.%03d" % divmod(took // 1000, 1000), "0.000"]
        if kind != "answered":
            times[1:] = ["-1", "-1"]
    client = r.choice(["198.51.100.%d" % r.randrange(40), "2001:db8::%x" % r.randrange(1, 9)])
    https = r.random() < 0.6
    host = r.choice(["shop.example", "api.example", "[2001:db8::1]", "192.0.2.7"])
    path = "/" + pick_text(r, ["cart", "user/12", "a", "img"]).replace(" ", "%20")
    line = {
        "type": r.choice(["https", "h2", "wss"] if https else ["http", "ws"]), "time": iso(at),
        "elb": "app/edge/%016x" % r.randrange(3), "client:port": "%s:%d" % (client, r.randrange(1024, 65536)),
        "target:port": target, "request_processing_time": times[0], "target_processing_time": times[1],
        "response_processing_time": times[2], "elb_status_code": str(elb),
        "target_status_code": target_status or str(elb), "received_bytes": str(r.randrange(3000)),
        "sent_bytes": str(r.randrange(300000)),
        "request": "- http://edge.elb.example:80- -" if kind == "malformed" else "%s http%s://%s:%d%s%s %s" % (
            r.choice(["GET", "POST", "HEAD"]), "s" * https, host, 443 if https else 80, path,
            r.choice(["", "?a=b", "?x=%s" % pick_text(r, ["1", "y"])]), r.choice(["HTTP/1.1", "HTTP/2.0"])),
        "user_agent": "-" if r.random() < 0.2 else pick_text(r, ["Agent/1.0", "curl", "(x; y)"]),
        "ssl_cipher": "TLS_AES_128_GCM_SHA256" if https else "-", "ssl_protocol": "TLSv1.3" if https else "-",
        "target_group_arn": "-" if kind in ("redirect", "malformed") else
        "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/%s/00112233" % r.choice(["web", "api"]),
        "trace_id": "Root=1-%08x-%024x" % (r.getrandbits(32), r.getrandbits(96)),
        "domain_name": host if https and host[0] not in "[1" else "-", "chosen_cert_arn": "session-reused" if https else "-",
        "matched_rule_priority": r.choice(["0", "10", "50000", "-1", "-"]), "request_creation_time": iso((at - took) // 1000 * 1000),
        "actions_executed": r.choice(["forward", "waf,forward", "-"]), "redirect_url": "-",
        "error_reason": r.choice(["-", "-", "-", "LambdaThrottling", "AuthInvalidCookie"]), "target_port_list": target,
        "target_status_code_list": target_status or str(elb), "classification": r.choice(["-", "-", "Ambiguous"]),
        "classification_reason": r.choice(["-", "SpaceInUri"]), "conn_trace_id": "TID_%032x" % r.getrandbits(128),
        "transformed_host": "-", "transformed_uri": r.choice(["-", "/new\\x22"]), "request_transform_status": "-",
        "ip_address": "203.0.113.%d" % r.randrange(3),
    }
    words = ['"%s"' % value if name in QUOTED else value for name, value in line.items()][:count]
    words += ['"%s"' % r.choice(["-", "new field", "x\\x22y"]) for _ in range(count - len(words))]
    return " ".join(words).encode()


def random_log(seed, count):
    r = random.Random(seed)
    return [random_line(r) for _ in range(count)]


def connection_line(r):
    failed = r.random() < 0.2
    return ("%s 198.51.100.%d %d 443 TLSv1.3 TLS_AES_128_GCM_SHA256 0.%03d \"%s\" - - %s TID_%032x X25519 "
            "app/edge/0a1b2c3d4e5f6071 203.0.113.9" % (
                iso(1790000000000000 + r.randrange(3600 * 1000000)), r.randrange(9), r.randrange(1024, 65536),
                r.randrange(90), r.choice(["-", "CN=a, O=\\x22b\\x22"]),
                "Failed:ClientCertExpired" if failed else "Success", r.getrandbits(128))).encode()


def health_line(r):
    passed = r.random() < 0.8
    return ("http %s 0.%09d 10.0.0.%d:80 web %s app/edge/0a1b2c3d4e5f6071 203.0.113.9" % (
        iso(1790000000000000 + r.randrange(3600 * 1000000)), r.randrange(10 ** 8), r.randrange(4),
        "PASS 200 -" if passed else "FAIL - TimedOut")).encode()
