# SPDX-License-Identifier: Apache-2.0
"""Drives the real binary: instances of OpenALB on addresses of their own, scripted targets, raw clients.

Nothing here sleeps: waits end with an event (a line, a byte, a closed socket) or with a named deadline.
"""
import contextlib
import errno
import gzip
import itertools
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
OPENALB = pathlib.Path(os.environ.get("OPENALB", ROOT / "build/developer-gcc/src/cli/openalb")).resolve()
SANITIZED = bool(os.environ.get("OPENALB_SANITIZED"))
NGINX = ROOT / "build/servers/root/usr/sbin/nginx"
DEADLINE = 60 if SANITIZED else 30  # seconds until a wait counts as failed; never a measure of speed

# Each instance takes an address of its own in 127.64.0.0/10 and may then use any port.
_numbers = itertools.count(1)


def fresh_address():
    n = next(_numbers)
    pid = os.getpid()
    return f"127.{64 + (pid >> 8) % 60}.{pid % 250 + 1}.{n % 250 + 1}"


# Log lines and failures are told apart by the client's port: none is used twice while there are others.
_source_ports = itertools.cycle(range(32768 + os.getpid() % 20000, 60999))


def connect_from_fresh_port(address, port, timeout):
    for source in _source_ports:
        try:
            return socket.create_connection((address, port), timeout, ("", source))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
                raise


def fresh_port6():
    """A port of ::1, which has no address to spare: below those that the kernel gives away by itself."""
    for port in range(20000 + os.getpid() % 5000, 32000):
        with contextlib.suppress(OSError), socket.create_server(("::1", port), family=socket.AF_INET6):
            return port
    raise AssertionError("no free port on ::1")


def until(condition, what, deadline=DEADLINE, interval=0.02):
    """Polls for something that announces itself in no other way (a file, a counter)."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline} s: {what}")
        select.select([], [], [], interval)


def until_stuck(counter, what):
    """Waits until a counter that grew stands still for some polls in a row."""
    last = [None, 0]

    def stands():
        now = counter()
        last[1] = last[1] + 1 if now == last[0] else 0
        last[0] = now
        return now > 0 and last[1] >= 15
    until(stands, what)
    return last[0]


# ---- templates ----

def target_group(targets, name="web", **properties):
    return {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": {
            "Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1", "TargetType": "ip",
            "HealthCheckPath": "/health", "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 2,
            "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 2,
            "Targets": [{"Id": t[0], "Port": t[1]} for t in targets],
            **properties,
        },
    }


def forward(group="Group"):
    return [{"Type": "forward", "TargetGroupArn": {"Ref": group}}]


def listener(port, protocol="HTTP", actions=None, **properties):
    extra = {}
    if protocol == "HTTPS":
        extra = {"Certificates": [{"CertificateArn": {"Ref": "Certificate"}}],
                 "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"}
    return {
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {"LoadBalancerArn": {"Ref": "Web"}, "Port": port, "Protocol": protocol,
                       "DefaultActions": actions or forward(), **extra, **properties},
    }


def rule(priority, conditions, actions, of="Http"):
    return {
        "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
        "Properties": {"ListenerArn": {"Ref": of}, "Priority": priority, "Conditions": conditions,
                       "Actions": actions},
    }


def certificate(domain="web.elb.localhost", names=(), algorithm="EC_prime256v1"):
    properties = {"DomainName": domain, "KeyAlgorithm": algorithm}
    if names:
        properties["SubjectAlternativeNames"] = list(names)
    return {"Type": "AWS::CertificateManager::Certificate", "Properties": properties}


def template(targets=(), attributes=None, logs=True, more=None, group=None, http=True, https=False):
    """A load balancer `web` with listeners 8080 and 8443 as wanted, and one target group `Group`."""
    values = {"idle_timeout.timeout_seconds": "60"}
    if logs:
        values.update({"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "test-logs"})
    values.update(attributes or {})
    resources = {
        "Web": {
            "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "Properties": {"Name": "web", "Subnets": ["subnet-1", "subnet-2"],
                           "LoadBalancerAttributes": [{"Key": k, "Value": v} for k, v in values.items()]},
        },
        "Group": target_group(targets, **(group or {})),
    }
    if http:
        resources["Http"] = listener(8080)
    if https:
        resources["Certificate"] = certificate(names=["*.elb.localhost"])
        resources["Https"] = listener(8443, "HTTPS")
    resources.update(more or {})
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}


# ---- OpenALB ----

class Instance:
    """A running `openalb serve`: document None starts without a template, user lets setpriv become someone else,
    wrapper is a command before it (prlimit ...)."""

    def __init__(self, folder, document, *, workers=1, log_interval=1, options=(), address=None, wait=True,
                 environment=None, user=None, wrapper=()):
        self.folder = pathlib.Path(folder)
        self.state = self.folder / "state"
        self.file = self.folder / "test.json"
        self.address = address or fresh_address()
        template_options = []
        if document is not None:
            self.write(document)
            template_options = ["-f", str(self.file)]
        become = []
        if user:
            shutil.chown(self.folder, user)
            become = [tool("setpriv"), f"--reuid={user}", "--regid=nogroup", "--clear-groups"]
        self.errors = open(self.folder / "stderr.txt", "ab+")
        read_end, write_end = os.pipe()
        self.command = [*wrapper, *become, str(OPENALB), "serve", *template_options, "--state", str(self.state),
                        "--workers", str(workers), "--addresses", self.address,
                        "--log-interval", str(log_interval), "--ready-fd", str(write_end), *options]
        env = {**os.environ, "OPENALB_SANDBOX": "kill", **(environment or {})}
        if SANITIZED:
            env["OPENALB_SANDBOX"] = "errno"
        with open(self.folder / "stdout.txt", "ab") as screen:
            self.process = subprocess.Popen(self.command, pass_fds=[write_end], stdin=subprocess.DEVNULL,
                                            stdout=screen, stderr=self.errors, env=env, start_new_session=True)
        os.close(write_end)
        self._ready = os.fdopen(read_end, "rb")
        self.ready = None
        if wait:
            self.wait_ready()

    def write(self, document):
        text = document if isinstance(document, str) else json.dumps(document, indent=1)
        self.file.write_text(text)

    def wait_ready(self):
        line = read_line(self._ready.fileno(), "the ready line")
        if not line:
            self.process.wait(DEADLINE)
            raise AssertionError(f"openalb ended with {self.process.returncode}: {self.log_text()}")
        self.ready = json.loads(line)
        return self.ready

    def log_text(self):
        return (self.folder / "stderr.txt").read_text(errors="replace")

    def pids(self):
        """Living children by role name as `ps` shows it: {"worker 0": pid, ...}."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if int(fields[1]) == self.process.pid and fields[0] not in "ZX":
                    name = (entry / "cmdline").read_bytes().split(b"\0")[0].decode()
                    found[name.removeprefix("openalb: ")] = int(entry.name)
        return found

    def reload(self, document=None):
        """Runs `openalb reload` and returns its result."""
        if document is not None:
            self.write(document)
        return subprocess.run([str(OPENALB), "reload", "--state", str(self.state)], capture_output=True,
                              text=True, timeout=DEADLINE)

    def snapshot(self, *options):
        out = subprocess.run([str(OPENALB), "snapshot", "--state", str(self.state), "--json", *options],
                             capture_output=True, text=True, timeout=DEADLINE)
        assert out.returncode == 0, out.stderr
        return json.loads(out.stdout)

    def failures(self):
        return self.snapshot("--failures")

    def health(self):
        """The health of every target by its address: {"127.0.0.1:80": {"state": ..., "reason": ...}}."""
        return {row["target"]: row for row in self.snapshot("--health")}

    def until_health(self, where, state, reason=None):
        """Waits until a target (address, port) has this state (and reason), and returns its row."""
        name = "%s:%d" % tuple(where)

        def row():
            now = self.health()[name]
            return now if now["state"] == state and reason in (None, now["reason"]) else None
        return until(row, f"{name} {state} {reason or ''}")

    def failure_of(self, port):
        """Waits for the failure of the connection from this client port."""
        def row():
            found = [f for f in self.failures() if (f["client"] or "").endswith(f":{port}")]
            return found[-1] if found else None
        return until(row, f"a failure of the client with port {port}")

    def until_failure(self, name):
        """Waits for a row of the failure rings with this end, and returns it."""
        return until(lambda: next((f for f in self.failures() if f["end"] == name), None), f"failure {name}")

    @property
    def ca(self):
        return self.state / "ca.crt"

    # -- logs --
    def log_files(self):
        return sorted((self.state / "s3").rglob("*.log.gz"))

    def log_lines(self):
        lines = []
        for path in self.log_files():
            lines += gzip.decompress(path.read_bytes()).decode().splitlines()
        return lines

    def wait_lines(self, count):
        """Waits until at least so many lines were delivered, and returns them."""
        return until(lambda: (lambda x: x if len(x) >= count else None)(self.log_lines()),
                     f"{count} access-log lines delivered")

    def lines_of(self, port):
        """The parsed access-log lines of the connection from this client port, as far as delivered."""
        return [one for one in map(parse_line, self.log_lines()) if one["client"].endswith(f":{port}")]

    # -- end --
    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(DEADLINE + 35)
        self._ready.close()
        self.errors.close()
        return code

    def connect(self, port=8080, timeout=DEADLINE):
        sock = connect_from_fresh_port(self.address, port, timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def connect_tls(self, port=8443, name="web.elb.localhost", context=None, timeout=DEADLINE):
        if context is None:
            context = ssl.create_default_context(cafile=self.ca)
        return context.wrap_socket(self.connect(port, timeout), server_hostname=name)

    def ask(self, request, port=8080):
        """Sends raw bytes on a fresh connection and reads one answer."""
        with self.connect(port) as sock:
            sock.sendall(request)
            return read_answer(sock, head=request.startswith(b"HEAD "))


FIELDS = ("type time elb client target request_time target_time response_time elb_status target_status received "
          "sent request user_agent cipher protocol target_group_arn trace_id domain certificate_arn priority "
          "creation_time actions redirect_url error_reason target_list status_list classification "
          "classification_reason conn_trace_id transformed_host transformed_uri transform_status ip_address").split()


def parse_line(line):
    """The 34 fields of an access-log line by name."""
    words = [quoted if quoted or not bare else bare
             for quoted, bare in re.findall(r'"([^"]*)"|(\S+)', line)]
    assert len(words) == len(FIELDS), (len(words), line)
    return dict(zip(FIELDS, words))


# ---- reading ----

def read_line(fd, what):
    data = b""
    while not data.endswith(b"\n"):
        ready, _, _ = select.select([fd], [], [], DEADLINE)
        assert ready, f"nothing came: {what}"
        byte = os.read(fd, 1)
        if not byte:
            break
        data += byte
    return data.decode()


class Answer:
    def __init__(self, status, reason, headers, body, raw_head, trailers=b""):
        self.status, self.reason, self.headers, self.body = status, reason, headers, body
        self.raw_head, self.trailers = raw_head, trailers

    def header(self, name):
        """All values of a header."""
        return [v for k, v in self.headers if k.lower() == name.lower()]

    def __repr__(self):
        return f"<Answer {self.status} {self.reason} {self.headers} {self.body[:200]!r}>"


class Closed(Exception):
    """The peer closed (args: what had come until then)."""


class Reader:
    """Reads messages from a socket, keeping what comes after them."""

    def __init__(self, sock):
        self.sock, self.data = sock, b""

    def more(self):
        piece = self.sock.recv(65536)
        if not piece:
            raise Closed(self.data)
        self.data += piece

    def until(self, mark):
        while mark not in self.data:
            self.more()
        found, self.data = self.data.split(mark, 1)
        return found + mark

    def exactly(self, n):
        while len(self.data) < n:
            self.more()
        found, self.data = self.data[:n], self.data[n:]
        return found

    def rest(self):
        """All until the peer closes; a reset counts as a close."""
        try:
            while True:
                self.more()
        except (Closed, ConnectionResetError):
            found, self.data = self.data, b""
            return found

    def chunked(self):
        body = b""
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                trailers = b""
                while True:
                    line = self.until(b"\r\n")
                    if line == b"\r\n":
                        return body, trailers
                    trailers += line
            body += self.exactly(size)
            assert self.exactly(2) == b"\r\n"

    def answer(self, head=False):
        raw = self.until(b"\r\n\r\n")
        lines = raw.decode("latin-1").split("\r\n")
        version, status, *reason = lines[0].split(" ", 2)
        assert version == "HTTP/1.1", lines[0]
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line]
        get = {k.lower(): v for k, v in headers}
        status = int(status)
        body, trailers = b"", b""
        if head or status < 200 or status in (204, 304):
            pass
        elif get.get("transfer-encoding") == "chunked":
            body, trailers = self.chunked()
        elif "content-length" in get:
            body = self.exactly(int(get["content-length"]))
        else:
            body = self.rest()
        return Answer(status, reason[0] if reason else "", headers, body, raw, trailers)


def read_answer(sock, head=False):
    return Reader(sock).answer(head)


def is_closed(sock):
    """Waits for the peer to close and tells whether it did so without another byte."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


# ---- targets ----

class Target:
    """A scripted web server on 127.0.0.1: `script(conn, reader)` serves each connection in a thread of its own.

    Health checks (GET /health) are answered with 200 by this class itself unless health=None.
    With raw=True it is `script(conn)` that reads, from the first byte on.
    """

    def __init__(self, script, health=200, address="127.0.0.1", tls=None, raw=False):
        self.script, self.health, self.tls, self.raw = script, health, tls, raw
        self.listener = socket.create_server((address, 0), backlog=128)
        self.address = self.listener.getsockname()[:2]
        self.requests = []      # raw heads of what is no health check, in order
        self.connections = 0    # that carried at least one request of a client
        self.checked = threading.Event()
        self.lock = threading.Lock()
        self.closing = False
        self.errors = []
        self.threads = []
        self.sockets = set()
        self._start(self._accept)

    def _start(self, function, *args):
        thread = threading.Thread(target=function, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            conn.settimeout(DEADLINE)
            with self.lock:
                if self.closing:
                    conn.close()
                    return
                self.sockets.add(conn)
            self._start(self._serve, conn)

    def _serve(self, conn):
        plain = conn
        try:
            if self.raw:
                self.script(conn)
                return
            if self.tls:
                conn = self.tls.wrap_socket(conn, server_side=True)
                with self.lock:
                    self.sockets.add(conn)  # the plain one has lost its descriptor to it
            reader = Reader(conn)
            first = True
            while True:
                head = reader.until(b"\r\n\r\n")
                if b"ELB-HealthChecker/2.0" in head:
                    self.checked.set()
                    if self.health is None:
                        reader.rest()
                        return
                    conn.sendall(b"HTTP/1.1 %d Health\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % self.health)
                    return
                with self.lock:
                    self.requests.append(head)
                    self.connections += first
                first = False
                if self.script(conn, reader, head) == "close":
                    return
        except (Closed, OSError):
            pass
        except Exception as error:  # a script's own fault: the test must see it
            self.errors.append(error)
        finally:
            with contextlib.suppress(OSError):
                conn.close()
            with self.lock:
                self.sockets -= {plain, conn}

    def close(self):
        with self.lock:
            self.closing = True
            sockets = list(self.sockets)
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(DEADLINE)
        assert not self.errors, self.errors


def body_of(head, reader):
    """Reads the body that belongs to a request head."""
    lower = head.lower()
    if b"\r\ntransfer-encoding: chunked\r\n" in lower:
        return reader.chunked()[0]
    match = re.search(rb"\r\ncontent-length: *(\d+)\r\n", lower)
    return reader.exactly(int(match.group(1))) if match else b""


def reply(body=b"hello", status=b"200 OK", headers=b""):
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), headers, body)


def echo(conn, reader, head):
    """Answers with the request as it arrived, head and body."""
    body = body_of(head, reader)
    conn.sendall(reply(b"" if head.startswith(b"HEAD ") else head + body))


def fixed(answer, close=False):
    """Answers every request with these bytes."""
    def script(conn, reader, head):
        body_of(head, reader)
        conn.sendall(answer)
        return "close" if close else None
    return script


class Recorder:
    """A script that keeps what a target saw of each request, and answers `answer`."""

    def __init__(self, answer=None):
        self.answer = answer or reply(b"ok")
        self.seen = []  # in order: Seen(head, body, number of the connection)
        self._connections = []

    def __call__(self, conn, reader, head):
        if conn not in self._connections:
            self._connections.append(conn)
        number = self._connections.index(conn)
        body = body_of(head, reader)
        self.seen.append(Seen(head, body, number))
        if head.startswith(b"HEAD "):
            conn.sendall(self.answer.split(b"\r\n\r\n")[0] + b"\r\n\r\n")
        else:
            conn.sendall(self.answer)


class Seen:
    def __init__(self, head, body, connection):
        self.head, self.body, self.connection = head, body, connection
        lines = head.split(b"\r\n")
        self.line = lines[0]
        self.headers = [tuple(line.split(b": ", 1)) for line in lines[1:-2]]

    def header(self, name):
        """All values of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


def memory_kb(pid):
    """Private memory of a process."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    fields = dict(line.split(":", 1) for line in text.splitlines()[1:])
    return sum(int(fields[name].split()[0]) for name in ("Private_Dirty", "Private_Clean"))


def reset(sock):
    """Closes with a TCP reset."""
    import struct
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def tool(name):
    path = shutil.which(name)
    assert path, f"{name} is missing; `make test` installs it"
    return path
