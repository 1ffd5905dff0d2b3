# SPDX-License-Identifier: Apache-2.0
"""Clients, targets and operators that mean no good: what they do stays with them."""
import os
import resource
import signal
import threading

import pytest

import harness
from harness import Reader, body_of, read_answer, reply, rule, template

GET = b"GET /%s HTTP/1.1\r\nHost: web\r\n%s\r\n"


def fixed(path, body):
    return rule(1, [{"Field": "path-pattern", "Values": [path]}], [{
        "Type": "fixed-response",
        "FixedResponseConfig": {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": body}}])


# ---- clients ----

@pytest.mark.parametrize("bytes_before", [30, 40000])
def test_head_in_two_parts(alb, target, bytes_before):
    """A request head that comes in two parts reaches the target as it is."""
    web = target()
    made = alb(template([web.address]))
    before = b"".join(b"X-%d: %s\r\n" % (n, b"v" * 240) for n in range(bytes_before // 250))
    head = GET % (b"", before + b"Last: yes\r\n")
    with made.connect() as sock:
        sock.sendall(head[:-20])
        for _ in range(3):  # each is a turn of the worker's loop, which reads the first part
            assert made.ask(GET % (b"other", b"")).status == 200
        sock.sendall(head[-20:])
        assert b"\r\nLast: yes\r\n" in read_answer(sock).body


class Together:
    """Answers the first requests of two clients when told to, and tells when both answers were sent."""

    def __init__(self):
        self.asked, self.go, self.sent = threading.Barrier(3), threading.Event(), threading.Barrier(3)

    def __call__(self, conn, reader, head):
        if head.startswith(b"GET /first"):
            self.asked.wait(harness.DEADLINE)
            assert self.go.wait(harness.DEADLINE)
            conn.sendall(reply(b"first"))
            self.sent.wait(harness.DEADLINE)
        else:
            conn.sendall(reply(head))


@pytest.mark.parametrize("count", range(30, 34))
def test_pipelined_requests_are_not_mixed_up(alb, target, count):
    """Where a turn of the loop ends within the pipelines of two clients, each request keeps its own head."""
    script = Together()
    web = target(script)
    made = alb(template([web.address], more={"Fixed": fixed("/fixed", "ours")}))
    worker = made.pids()["worker 0"]
    with made.connect() as one, made.connect() as two:
        for sock, name in (one, b"one"), (two, b"two"):
            sock.sendall(GET % (b"first", b"") + GET % (b"fixed", b"") * count +
                         GET % (b"last", b"Whose: %s\r\n" % name))
        script.asked.wait(harness.DEADLINE)
        os.kill(worker, signal.SIGSTOP)
        script.go.set()
        script.sent.wait(harness.DEADLINE)
        os.kill(worker, signal.SIGCONT)  # it finds both answers in one turn
        for sock, name in (one, b"one"), (two, b"two"):
            reader = Reader(sock)
            last = [reader.answer() for _ in range(count + 2)][-1]
            assert b"\r\nWhose: %s\r\n" % name in last.body


def test_connection_flood_leaves_room(alb, target):
    """A client that takes all connections it can get delays neither requests of others under way nor a reload."""
    web = target()
    document = template([web.address])
    made = alb(document, wrapper=[harness.tool("prlimit"), "--nofile=64"])
    worker = made.pids()["worker 0"]
    with made.connect() as kept:
        kept.sendall(GET % (b"before", b""))
        assert read_answer(kept).status == 200
        flood = [made.connect() for _ in range(100)]
        assert made.until_failure("CONNECTIONS_FULL")
        assert made.reload(template([web.address], more={"More": harness.listener(8081)})).returncode == 0
        kept.sendall(GET % (b"after", b""))
        assert read_answer(kept).status == 200
        for sock in flood:
            sock.close()
    assert made.ask(GET % (b"new", b""), port=8081).status == 200
    assert made.pids()["worker 0"] == worker


# ---- targets ----

class Interim:
    """Sends interim answers until it is told to answer."""

    def __init__(self, line):
        self.line = line
        self.begun, self.enough = threading.Event(), threading.Event()

    def __call__(self, conn, reader, head):
        body_of(head, reader)
        if b"/flood" in head:
            while not self.enough.is_set():
                conn.sendall(self.line * 2000)
                self.begun.set()
        conn.sendall(reply(b"at last"))


@pytest.mark.parametrize("line", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"],
                         ids=["100", "103"])
def test_endless_interim_answers(alb, target, line):
    """Other requests are answered while a target sends interim answers without end, and its own answer comes."""
    script = Interim(line)
    web = target(script)
    made = alb(template([web.address]))
    with made.connect() as sock:
        sock.sendall(GET % (b"flood", b""))
        reader = Reader(sock)
        got = []

        def read():
            while True:
                answer = reader.answer()
                if answer.status >= 200:
                    got.append(answer.body)
                    return
        thread = threading.Thread(target=read)
        thread.start()
        assert script.begun.wait(harness.DEADLINE)
        for _ in range(3):
            assert made.ask(GET % (b"other", b"")).body == b"at last"
        assert not got  # the flood went on all the while
        script.enough.set()
        thread.join(harness.DEADLINE)
        assert got == [b"at last"]


def test_interim_answers_to_a_client_that_left(alb, target):
    """A client that leaves during interim answers is the one who ended the request, not the target."""
    script = Interim(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    web = target(script)
    made = alb(template([web.address]))
    sock = made.connect()
    sock.sendall(GET % (b"flood", b""))
    assert script.begun.wait(harness.DEADLINE)
    harness.reset(sock)
    assert made.until_failure("CLIENT_GONE")["status"] == 460
    script.enough.set()


# ---- operators ----

@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_change_of_user(alb, target):
    """A state folder goes over to whom --user names: keys, ids and logs are read by the new user."""
    web = target()
    document = template([web.address], https=True)
    made = alb(document, options=["--user", "nobody"])
    assert made.ask(GET % (b"", b"")).status == 200
    root = made.ca.read_text()
    made.stop()
    again = alb(document, again=made, options=["--user", "daemon"])
    with again.connect_tls() as sock:
        sock.sendall(GET % (b"", b""))
        assert read_answer(sock).status == 200
    assert again.ca.read_text() == root


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_links_in_the_state_folder_are_not_given_away(alb, target, tmp_path):
    """A state folder that changes hands takes nothing along that a link in it points to."""
    web = target()
    document = template([web.address])
    made = alb(document, options=["--user", "nobody"])
    made.stop()
    mine = tmp_path / "mine"
    mine.write_text("secret")
    (made.state / "spool" / "soft").symlink_to(mine)
    os.link(mine, made.state / "spool" / "hard")
    alb(document, again=made, options=["--user", "daemon"])
    assert mine.stat().st_uid == 0


def test_file_size_limit_is_named(alb):
    """Where files may not grow, the start is refused with the reason."""
    made = alb(template([]), wait=False, wrapper=[harness.tool("prlimit"), "--fsize=4096"])
    made.process.wait(harness.DEADLINE)
    assert made.process.returncode == 1
    assert "File too large" in made.log_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_disk_that_fills_up(alb, target):
    """When no log can be written any more the service goes on, and what memory held is delivered once there is room."""
    web = target()
    made = alb(template([web.address]), options=["--user", "root"])  # whose limits another root may change
    worker = made.pids()["worker 0"]
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    with made.connect() as sock:
        reader = Reader(sock)
        for _ in range(400):
            sock.sendall(GET % (b"", b""))
            assert reader.answer().status == 200
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    made.wait_lines(1)
    assert made.pids()["worker 0"] == worker
