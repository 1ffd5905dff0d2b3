# SPDX-License-Identifier: Apache-2.0
"""Health checks: what goes over the wire, what is made of the answer, and the states on the board."""
import os
import signal
import ssl
import subprocess
import threading

import pytest

import harness
from harness import Closed, Reader, target_group, template, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def coded(code):
    """A check target that answers with this status."""
    def script(conn):
        Reader(conn).until(b"\r\n\r\n")
        conn.sendall(b"HTTP/1.1 %d Whatever\r\nContent-Length: 0\r\nLocation: /elsewhere\r\n\r\n" % code)
    return script


def answering(wire):
    def script(conn):
        Reader(conn).until(b"\r\n\r\n")
        conn.sendall(wire)
    return script


def silent(conn):
    Reader(conn).rest()


def half(conn):
    Reader(conn).until(b"\r\n\r\n")
    conn.sendall(OK[:-1])
    Reader(conn).rest()


def hang_up(conn):
    Reader(conn).until(b"\r\n\r\n")


def reset(conn):
    Reader(conn).until(b"\r\n\r\n")
    harness.reset(conn)


def blunt(conn):
    """Answers plain HTTP whatever comes."""
    conn.recv(65536)
    conn.sendall(OK)


def name(where):
    return "%s:%d" % tuple(where)


class Recorded:
    """Keeps the requests of checks, whole until the end of the head, and answers 200."""

    def __init__(self):
        self.heads = []

    def __call__(self, conn):
        reader = Reader(conn)
        head = reader.until(b"\r\n\r\n")
        assert not reader.data
        self.heads.append(head)
        conn.sendall(OK)

    def paths(self):
        return [head.split()[1] for head in self.heads]


def matcher(codes):
    return {"Matcher": {"HttpCode": codes}}


# Targets and what they must become: id: (script, settings of the group, state, reason, description).
MISMATCH = "Target.ResponseCodeMismatch"
FAILED = ("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
TIMEOUT = ("unhealthy", "Target.Timeout", "Request timed out")
HEALTHY = ("healthy", None, None)


def mismatch(code):
    return "unhealthy", MISMATCH, f"Health checks failed with these codes: [{code}]"


CASES = {
    "ok": (coded(200), {}, *HEALTHY),
    "not-found": (coded(404), {}, *mismatch(404)),
    "created": (coded(201), {}, *mismatch(201)),
    "redirect": (coded(302), {}, *mismatch(302)),
    "error": (coded(500), {}, *mismatch(500)),
    "list-in": (coded(302), matcher("200,302"), *HEALTHY),
    "list-out": (coded(301), matcher("200,302"), *mismatch(301)),
    "range-first": (coded(200), matcher("200-299"), *HEALTHY),
    "range-last": (coded(299), matcher("200-299"), *HEALTHY),
    "range-out": (coded(300), matcher("200-299"), *mismatch(300)),
    "mixed": (coded(404), matcher("200-202,404"), *HEALTHY),
    "silent": (silent, {}, *TIMEOUT),
    "half": (half, {}, *TIMEOUT),
    "hangs-up": (hang_up, {}, *FAILED),
    "resets": (reset, {}, *FAILED),
    "no-http": (answering(b"220 mail.test\r\n\r\n"), {}, *FAILED),
    "bad-length": (answering(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), {}, *FAILED),
    "cut": (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), {}, *FAILED),
    "plain-for-https": (blunt, {"HealthCheckProtocol": "HTTPS"}, *FAILED),
    "refused": (None, {}, *FAILED),
}


def in_use(groups):
    """Resources: the groups, each behind a rule of its own."""
    resources = {}
    for number, (group, properties) in enumerate(groups.items()):
        resources[f"Group{number}"] = target_group(name=group, **properties)
        resources[f"Rule{number}"] = harness.rule(number + 1, [{"Field": "path-pattern", "Values": [f"/{group}"]}],
                                                  harness.forward(f"Group{number}"))
    return resources


def nobody_there():
    return harness.fresh_address(), 9


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = str(folder / "key.pem"), str(folder / "certificate.pem")
    subprocess.run([harness.tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                    "-out", certificate, "-subj", "/CN=other.test"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


class Sampled:
    """A target that fails and recovers by a plan, and notes its state on the board as each check arrives."""

    def __init__(self, plan):
        self.plan, self.states, self.health, self.done = plan, [], None, threading.Event()
        self.ready = threading.Event()

    def __call__(self, conn):
        Reader(conn).until(b"\r\n\r\n")
        assert self.ready.wait(harness.DEADLINE)
        number = len(self.states)
        self.states.append(self.health())
        code = self.plan[number] if number < len(self.plan) else 200
        if number == len(self.plan):
            self.done.set()
        conn.sendall(b"HTTP/1.1 %d Planned\r\nContent-Length: 0\r\n\r\n" % code)


class Ward:
    """One instance with all targets of CASES, each in a group of its own; they are checked at the same time."""

    def __init__(self, shared_alb, shared_target):
        self.where = {}
        groups = {}
        for case, (script, properties, *_) in CASES.items():
            self.where[case] = shared_target(script, raw=True).address if script else nobody_there()
            groups[case] = {"targets": [self.where[case]], **properties}
        self.planned = Sampled([200, 500, 500, 200])
        planned = shared_target(self.planned, raw=True).address
        groups["planned"] = {"targets": [planned]}
        self.slow = shared_target(silent, raw=True).address
        groups["slow"] = {"targets": [self.slow], "UnhealthyThresholdCount": 10}
        self.alb = shared_alb(template([self.where["ok"]], more=in_use(groups)))
        self.planned.health = lambda: self.row(planned)["state"]
        self.planned.ready.set()

    def row(self, where):
        return self.alb.health()[name(where)]


@pytest.fixture(scope="module")
def ward(shared_alb, shared_target):
    return Ward(shared_alb, shared_target)


# ---- states ----

def test_initial(ward):
    """[data-plane 3.4] initial: Elb.InitialHealthChecking, "Initial health checks in progress"."""
    row = ward.alb.until_health(ward.slow, "initial", "Elb.InitialHealthChecking")
    assert row["description"] == "Initial health checks in progress"


@pytest.mark.parametrize("case", CASES)
def test_state_and_reason(ward, case):
    """[data-plane 3.2, 3.4] States and reason codes; a redirect is judged by its own code; 5xx never passes."""
    *_, state, reason, description = CASES[case]
    row = ward.alb.until_health(ward.where[case], state)
    assert (row["reason"], row["description"]) == (reason, description)


def test_plain_text(ward):
    """[issue 3] `openalb snapshot --health` has a line for people too."""
    ward.alb.until_health(ward.where["not-found"], "unhealthy")
    out = subprocess.run([str(harness.OPENALB), "snapshot", "--health", "--state", str(ward.alb.state)],
                         capture_output=True, text=True, timeout=harness.DEADLINE)
    assert out.returncode == 0
    assert f"ok {name(ward.where['ok'])} healthy\n" in out.stdout
    assert (f"not-found {name(ward.where['not-found'])} unhealthy Target.ResponseCodeMismatch: "
            "Health checks failed with these codes: [404]\n") in out.stdout


# ---- on the wire ----

@pytest.fixture(scope="module")
def wire(shared_alb, shared_target, tls):
    """Recorded checks: {what: (script, target)}."""
    kept = {what: Recorded() for what in ("plain", "path", "other-port", "traffic")}
    where = {what: shared_target(script, raw=True) for what, script in kept.items()}
    secure = shared_target(harness.echo, tls=tls)
    groups = {
        "plain": {"targets": [where["plain"].address], "HealthCheckPath": "/"},
        "path": {"targets": [where["path"].address], "HealthCheckPath": "/status/all?deep=1&x=%20y"},
        "port": {"targets": [where["traffic"].address], "HealthCheckPort": str(where["other-port"].address[1])},
        "secure": {"targets": [secure.address], "Protocol": "HTTPS", "HealthCheckProtocol": "HTTPS"},
    }
    alb = shared_alb(template([shared_target().address], more=in_use(groups)))
    for what in ("plain", "path", "traffic"):
        alb.until_health(where[what].address, "healthy")
    return alb, kept, where, secure


def test_request_on_the_wire(wire):
    """[data-plane 3.3] GET, HTTP/1.1, Host with the port, ELB-HealthChecker/2.0, and nothing else."""
    _, kept, where, _ = wire
    line, *fields = kept["plain"].heads[0].decode().removesuffix("\r\n\r\n").split("\r\n")
    assert line == "GET / HTTP/1.1"
    assert fields[0] == f"Host: {name(where['plain'].address)}"
    assert sorted(fields[1:]) == ["Accept-Encoding: gzip, compressed", "Connection: close",
                                  "User-Agent: ELB-HealthChecker/2.0"]


def test_path(wire):
    """[data-plane 3.2] HealthCheckPath is asked for as configured, the query included."""
    _, kept, _, _ = wire
    assert kept["path"].paths()[0] == b"/status/all?deep=1&x=%20y"


def test_port_override(wire):
    """[data-plane 3.2] HealthCheckPort: a port of its own instead of the traffic port."""
    _, kept, where, _ = wire
    assert kept["other-port"].heads and not kept["traffic"].heads
    assert f"Host: {name(where['other-port'].address)}\r\n".encode() in kept["other-port"].heads[0]


def test_https_check(wire):
    """[data-plane 3.1, 3.2] HealthCheckProtocol HTTPS: over TLS, the certificate is not validated."""
    alb, _, _, secure = wire
    alb.until_health(secure.address, "healthy")
    assert secure.checked.is_set()


def test_connection_closed_after_each_check(alb, target):
    """[data-plane 3.2] The connection is closed after each check."""
    ended = threading.Event()

    def script(conn):
        reader = Reader(conn)
        reader.until(b"\r\n\r\n")
        conn.sendall(OK)
        try:
            reader.until(b"\r\n\r\n")
        except Closed:
            ended.set()
    alb(template([target(script, raw=True).address]))
    assert ended.wait(harness.DEADLINE)


def test_checks_are_not_logged(wire):
    """[data-plane 3.2] Health checks are not in the access log."""
    alb, kept, _, _ = wire
    assert alb.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    assert len(alb.wait_lines(1)) == 1 and kept["plain"].heads


# ---- groups without traffic, and changes ----

def test_unused(alb, target):
    """[data-plane 3.2, 3.4] Checks start only when a rule refers to the group: till then unused, Target.NotInUse."""
    used, unused = target(Recorded(), raw=True), Recorded()
    aside = target(unused, raw=True)
    group = {"Aside": target_group([aside.address], name="aside")}
    one = alb(template([used.address], more=group))
    one.until_health(used.address, "healthy")
    row = one.until_health(aside.address, "unused", "Target.NotInUse")
    assert row["description"] == "Target group is not configured to receive traffic from the load balancer"
    assert not unused.heads and row["checks_passed"] == row["checks_failed"] == 0

    rule = harness.rule(1, [{"Field": "path-pattern", "Values": ["/aside"]}], harness.forward("Aside"))
    assert one.reload(template([used.address], more={**group, "Rule": rule})).returncode == 0
    one.until_health(aside.address, "healthy")

    assert one.reload(template([used.address], more=group)).returncode == 0
    one.until_health(aside.address, "unused", "Target.NotInUse")


def test_new_settings_keep_the_state(alb, target):
    """[data-plane 3.2] A reload with other health-check settings keeps the state and acts from the next check on."""
    script = Recorded()
    where = target(script, raw=True).address
    one = alb(template([where], group={"HealthCheckPath": "/before"}))
    before = one.until_health(where, "healthy")
    assert one.reload(template([where], group={"HealthCheckPath": "/after", "Matcher": {"HttpCode": "201"}})
                      ).returncode == 0
    until(lambda: b"/after" in script.paths(), "a check of the new path")
    row = until(lambda: one.health()[name(where)]["checks_failed"] and one.health()[name(where)], "a failed check")
    assert (row["state"], row["changed"]) == ("healthy", before["changed"])
    assert one.until_health(where, "unhealthy")["description"].endswith("[200]")


def test_reload_without_a_change_keeps_health(alb, target):
    """[issue 3] A reload that does not touch a target leaves its state and its counters alone."""
    script = Recorded()
    where = target(script, raw=True).address
    one = alb(template([where]))
    before = one.until_health(where, "healthy")
    assert one.reload(template([where], attributes={"client_keep_alive.seconds": "90"})).returncode == 0
    after = one.health()[name(where)]
    assert (after["state"], after["changed"]) == ("healthy", before["changed"])


def test_draining(alb, target):
    """[data-plane 3.6] Registered again before the delay is over: still draining, Target.DeregistrationInProgress."""
    leaving, staying = target(Recorded(), raw=True), target(harness.echo)
    one = alb(template([leaving.address, staying.address]))
    for t in (leaving, staying):
        one.until_health(t.address, "healthy")
    assert one.reload(template([staying.address])).returncode == 0
    until(lambda: "target is draining" in one.log_text(), "the checker saw it leave")
    assert one.reload(template([leaving.address, staying.address])).returncode == 0
    row = one.until_health(leaving.address, "draining", "Target.DeregistrationInProgress")
    assert row["description"] == "Target deregistration is in progress"
    for _ in range(4):
        assert one.ask(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    assert len(staying.requests) == 4


def test_health_survives_the_checker(alb, target):
    """[issue 3] The board keeps the health while the checker is restarted; nothing begins anew."""
    where = target(Recorded(), raw=True).address
    one = alb(template([where]))
    before = one.until_health(where, "healthy")
    checker = one.pids()["checker"]
    os.kill(checker, signal.SIGKILL)
    until(lambda: one.pids().get("checker", checker) != checker, "a new checker")
    row = until(lambda: (lambda r: r if r["checks_passed"] > before["checks_passed"] else None)
                (one.health()[name(where)]), "a check by the new checker")
    assert (row["state"], row["changed"]) == ("healthy", before["changed"])


# Last, because its target needs 20 seconds for its plan; it began with the first test of the ward.

def test_thresholds(ward):
    """[data-plane 3.2, C3] One pass makes a new target healthy; later transitions take the thresholds (2 and 2)."""
    assert ward.planned.done.wait(harness.DEADLINE + 30)
    # as the checks arrived that were answered with 200, 500, 500, 200 and 200:
    assert ward.planned.states[:5] == ["initial", "healthy", "healthy", "unhealthy", "unhealthy"]
    until(lambda: ward.planned.health() == "healthy", "healthy again")
