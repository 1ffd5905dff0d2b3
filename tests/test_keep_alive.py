# SPDX-License-Identifier: Apache-2.0
"""The HTTP client keep-alive duration. Its minimum is a minute, which passes while the other tests run."""
import time

import pytest

import harness
from harness import Reader, until

GET = b"GET /%s HTTP/1.1\r\nHost: web.elb.localhost\r\n\r\n"
MINUTE = 60  # client_keep_alive.seconds: 60 to 604800


@pytest.fixture(scope="session")
def old(long_alb, long_target):
    """A connection that was made with the shortest duration, and when."""
    instance = long_alb(harness.template([long_target().address], attributes={
        "client_keep_alive.seconds": str(MINUTE), "idle_timeout.timeout_seconds": "600"}))
    sock = instance.connect()
    made = time.monotonic()
    yield instance, sock, made
    sock.close()


@pytest.mark.begin
def test_before_the_duration_is_over(old):
    """[data-plane 1.4] Until the duration has elapsed the connection is kept open."""
    instance, sock, made = old
    for name in b"one", b"two":
        sock.sendall(GET % name)
        assert Reader(sock).answer().header("Connection") == ["keep-alive"]
    assert time.monotonic() < made + MINUTE


@pytest.mark.finish
def test_after_the_duration_is_over(old):
    """[data-plane 1.4] The duration counts from the connection's start and is not reset by traffic; when it has
    elapsed one more request is accepted and answered with Connection: close."""
    instance, sock, made = old
    until(lambda: time.monotonic() > made + MINUTE + 1, "the duration to be over", deadline=MINUTE + 10, interval=1)
    sock.sendall(GET % b"three")
    answer = Reader(sock).answer()
    assert (answer.status, answer.header("Connection")) == (200, ["close"])
    assert harness.is_closed(sock)
    with instance.connect() as fresh:
        fresh.sendall(GET % b"four")
        assert Reader(fresh).answer().header("Connection") == ["keep-alive"]
