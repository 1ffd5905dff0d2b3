# SPDX-License-Identifier: Apache-2.0
"""The demo of `make run`: the page in a browser and with curl, the redirect, the screen that says what to try."""
import base64
import hashlib
import html
import json
import pathlib
import re
import shlex
import signal
import socket
import ssl
import subprocess

import pytest

import harness
from harness import parse_line, read_answer

NAME = "web.elb.localhost"
HTTPS, HTTP = 8443, 8080
PORTS = (9101, 9102)  # of the demo's targets, on an address of their own


class Demo:
    """As `make run` starts it, with the address of the two demo targets given by --parameter."""

    def __init__(self, make):
        self.targets = harness.fresh_address()
        options = ["-f", str(harness.ROOT / "demo/web.yaml"), "--parameter", f"TargetAddress={self.targets}"]
        for port in PORTS:
            options += ["--demo-target", f"{self.targets}:{port}"]
        self.alb = make(None, options=options)
        for port in PORTS:
            self.alb.until_health((self.targets, port), "healthy")
        self.screen = (self.alb.folder / "stdout.txt").read_text()

    def curl(self, path, *options):
        return subprocess.run([harness.tool("curl"), "-sS", "--noproxy", "*", "--cacert", str(self.alb.ca),
                               "--resolve", f"{NAME}:{HTTPS}:{self.alb.address}",
                               "--resolve", f"{NAME}:{HTTP}:{self.alb.address}", *options, path],
                              capture_output=True, text=True, timeout=harness.DEADLINE, check=True).stdout

    def https(self, path):
        return f"https://{NAME}:{HTTPS}{path}"


@pytest.fixture(scope="module")
def demo(shared_alb):
    return Demo(shared_alb)


def test_page_in_a_browser(demo, tmp_path):
    """[issue 3] A browser opens the page over HTTPS: it shows which target answered and the client's address."""
    leaf = ssl.get_server_certificate((demo.alb.address, HTTPS))
    key = subprocess.run([harness.tool("openssl"), "x509", "-pubkey", "-noout"], input=leaf.encode(),
                         capture_output=True, check=True).stdout
    lines = key.decode().strip().splitlines()[1:-1]
    pin = base64.b64encode(hashlib.sha256(base64.b64decode("".join(lines))).digest()).decode()
    out = subprocess.run(
        [harness.tool("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
         "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}",
         f"--host-resolver-rules=MAP {NAME} {demo.alb.address}", f"--ignore-certificate-errors-spki-list={pin}",
         "--dump-dom", demo.https("/")],
        capture_output=True, text=True, timeout=120, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert out.returncode == 0, out.stderr
    page = html.unescape(out.stdout)
    title = re.search(r"<title>(.*?) answered</title>", page)[1]
    assert title in {"target-1", "target-2"}
    assert f"<h1>{title}</h1>" in page
    assert re.search(r"<tr><th>X-Forwarded-For</th><td>127\.0\.0\.1</td></tr>", page, re.I)
    assert re.search(r"<tr><th>X-Forwarded-Proto</th><td>https</td></tr>", page, re.I)
    assert re.search(rf"<tr><th>Host</th><td>{NAME}:{HTTPS}</td></tr>", page, re.I)


def test_json_with_curl(demo):
    """[issue 3] /json shows the request as the target received it, the target, and the load balancer."""
    told = json.loads(demo.curl(demo.https("/json?a=1&b=%20")))
    assert told["target"]["name"] in {"target-1", "target-2"}
    assert (told["request"]["method"], told["request"]["path"], told["request"]["query"]) == \
        ("GET", "/json", "a=1&b=%20")
    through = told["load_balancer"]
    assert (through["client"], through["protocol"], through["port"]) == ("127.0.0.1", "https", str(HTTPS))
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", through["trace_id"])


def test_both_targets_answer(demo):
    """[issue 3] Two web servers answer in turn."""
    names = [json.loads(demo.curl(demo.https("/json")))["target"]["name"] for _ in range(4)]
    assert sorted(names) == 2 * ["target-1"] + 2 * ["target-2"]


def test_rule_answers_itself(demo):
    """[demo/web.yaml] /hello is answered by the load balancer itself."""
    assert demo.curl(demo.https("/hello")) == "Hello from the load balancer. No target was asked.\n"


@pytest.mark.parametrize("path", ["/", "/a/b?c=d&e=%2F", "/json?x=1"])
def test_http_redirects_to_https(demo, path):
    """[issue 3] The HTTP listener redirects to the HTTPS one, keeping host, path and query."""
    said = demo.curl(f"http://{NAME}:{HTTP}{path}", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}")
    assert said == f"301 {demo.https(path)}"


def test_redirect_followed(demo):
    """[issue 3] Following the redirect ends at the page of a target."""
    told = json.loads(demo.curl(f"http://{NAME}:{HTTP}/json?x=1", "-L"))
    assert told["request"]["query"] == "x=1" and told["load_balancer"]["protocol"] == "https"


def test_ready_screen(demo):
    """[issue 3] When ready it prints a short screen: URL, curl command, where the logs are, what to try next."""
    lines = [line.strip() for line in demo.screen.strip().splitlines()]
    state = demo.alb.state
    assert re.fullmatch(r"OpenALB \S+ is ready\.", lines[0])
    assert demo.https("") in lines and f"http://{NAME}:{HTTP}" in lines
    for expected in (f"Logs:     {state}/s3/ (delivered every 1 s)",
                     f"Change:   edit {harness.ROOT}/demo/web.yaml, then  {harness.OPENALB} reload --state {state}",
                     "Stop:     Ctrl-C"):
        assert expected in lines
    assert any(line.startswith(f"Look:     {harness.OPENALB} snapshot --state {state}") for line in lines)


def test_curl_command_of_the_screen(demo):
    """[issue 3] The curl command of the screen works as printed."""
    command = re.search(r"Try it: +(curl .*)", demo.screen)[1]
    out = subprocess.run([*shlex.split(command), "-sS", "--noproxy", "*"], capture_output=True, text=True,
                         timeout=harness.DEADLINE)
    assert out.returncode == 0, out.stderr
    assert "answered</title>" in out.stdout


def test_access_log(demo):
    """[issue 3] The request leaves an ALB access-log line in the directory bucket."""
    told = json.loads(demo.curl(demo.https("/json?logged")))
    trace = told["load_balancer"]["trace_id"]
    line = harness.until(lambda: next((one for one in map(parse_line, demo.alb.log_lines())
                                       if one["trace_id"] == trace), None), "the log line")
    assert line["request"] == f"GET {demo.https('/json?logged')} HTTP/1.1"
    assert (line["type"], line["elb_status"], line["target_status"], line["domain"]) == ("https", "200", "200", NAME)
    assert line["target"] == told["target"]["address"]
    assert all(path.relative_to(demo.alb.state).parts[:2] == ("s3", "openalb-demo-logs")
               for path in demo.alb.log_files())


def test_ctrl_c_and_again(alb):
    """[issue 3] Ctrl-C stops all of it and leaves no process behind; a second start works at once."""
    first = Demo(alb)
    pids = first.alb.ready["pids"]
    assert len(pids["demo_targets"]) == 2
    children = [pid for key, value in pids.items() for pid in (value if isinstance(value, list) else [value])]
    assert first.alb.stop(signal.SIGINT) == 0
    assert not [pid for pid in children if pathlib.Path(f"/proc/{pid}").exists()]
    second = Demo(lambda document, **options: alb(document, address=first.alb.address, **options))
    assert "answered</title>" in second.curl(second.https("/"))


def test_demo_target_by_hand(demo):
    """[issue 3] A demo target shows when no load balancer was in between."""
    with socket.create_connection((demo.targets, PORTS[0]), timeout=harness.DEADLINE) as sock:
        sock.sendall(b"GET /json HTTP/1.1\r\nHost: a\r\n\r\n")
        assert json.loads(read_answer(sock).body)["load_balancer"] is None
