# SPDX-License-Identifier: Apache-2.0
"""The promises, all at once: under constant load every role is killed and the rules change."""
import collections
import os
import signal
import threading

import harness
from harness import DEADLINE, until

ROLES = ("control", "worker 0", "worker 1", "checker", "shipper")
WORKER_KILLS = 2
KEEPING, FRESH = 8, 2  # client threads: on kept connections, on one connection for each request
STEP = 100             # answers that must come between two events


def moved(where):
    """A rule whose answer repeats what was asked for: /moved/ID leads to WHERE/moved/ID."""
    return harness.rule(10, [{"Field": "path-pattern", "Values": ["/moved/*"]}],
                        [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_302",
                                                                 "Path": where + "/#{path}"}}])


def moved_tls(where):
    return {"Moved": moved(where), "MovedTls": {**moved(where), "Properties": {
        **moved(where)["Properties"], "ListenerArn": {"Ref": "Https"}}}}


class Load:
    """What the clients saw. Threads only append, each to lists of its own; the lists are read when all have ended."""

    def __init__(self, instance):
        self.instance = instance
        self.stop, self.reloading, self.acknowledged = (threading.Event() for _ in range(3))
        self.answered = [[] for _ in range(KEEPING + FRESH)]
        self.failed = [[] for _ in range(KEEPING + FRESH)]
        self.wrong = []
        self.threads = [threading.Thread(target=self.client, args=(n,)) for n in range(KEEPING + FRESH)]
        for thread in self.threads:
            thread.start()

    def count(self):
        return sum(map(len, self.answered))

    def more(self, what):
        """Waits until every client has gone on."""
        marks = [len(ids) for ids in self.answered]
        until(lambda: all(len(ids) > mark + STEP // 10 for ids, mark in zip(self.answered, marks))
              and self.count() > sum(marks) + STEP, f"answers after {what}")

    def connect(self, number):
        return self.instance.connect_tls() if number % 4 == 3 else self.instance.connect()

    def client(self, number):
        sock = None
        turn = 0
        while not self.stop.is_set():
            turn += 1
            path = f"{'/moved' if turn % 2 else ''}/client-{number}-{turn}"
            try:
                if sock is None:
                    sock = self.connect(number)
                self.one(number, sock, path)
            except ConnectionRefusedError as error:
                self.wrong.append((path, error))
            except (OSError, harness.Closed) as error:
                self.failed[number].append((path, error))
                if sock:
                    sock.close()
                sock = None
            if sock and number >= KEEPING:
                sock.close()
                sock = None
        if sock:
            sock.close()

    def one(self, number, sock, path):
        new_for_sure = self.acknowledged.is_set()
        sock.sendall(b"GET %s HTTP/1.1\r\nHost: web.elb.localhost\r\n\r\n" % path.encode())
        answer = harness.read_answer(sock)
        old_for_sure = not self.reloading.is_set()
        if path.startswith("/moved"):
            where = [v.split("/", 3)[3] for v in answer.header("Location")]
            allowed = [] if new_for_sure else ["old" + path]
            allowed += [] if old_for_sure else ["new" + path]
            right = answer.status == 302 and len(where) == 1 and where[0] in allowed
        else:
            right = answer.status == 200 and answer.body.startswith(b"GET %s HTTP/1.1\r\n" % path.encode())
        if right:
            self.answered[number].append(path)
        else:
            self.wrong.append((path, answer, new_for_sure, old_for_sure))


def kill(instance, role):
    old = instance.pids()[role]
    os.kill(old, signal.SIGKILL)
    until(lambda: instance.pids().get(role, old) != old, f"a new {role}")


def test_promises(alb, target):
    """[issue 3: tests] Under constant load, kill -9 each role in turn, reload with a changed rule, and count: no connection refused, no wrong answer, every answered request has its log line."""
    addresses = [target().address, target().address]
    document = harness.template(addresses, https=True, more=moved_tls("/old"))
    instance = alb(document, workers=2)
    load = Load(instance)
    try:
        load.more("the start")
        for role in ROLES:
            kill(instance, role)
            load.more(f"the {role} was killed")
        load.reloading.set()
        done = instance.reload(harness.template(addresses, https=True, more=moved_tls("/new")))
        assert (done.returncode, done.stderr) == (0, "")
        load.acknowledged.set()
        load.more("the reload")
    finally:
        load.stop.set()
        for thread in load.threads:
            thread.join(DEADLINE)
    assert instance.stop() == 0

    assert not load.wrong
    for number, failures in enumerate(load.failed):
        assert len(failures) <= WORKER_KILLS, (number, failures)

    logged = collections.Counter()
    for line in instance.log_lines():
        fields = harness.parse_line(line)
        method, url, version = fields["request"].split()
        logged["/" + url.split("/", 3)[3]] += 1
    answered = {path for paths in load.answered for path in paths}
    failed = {path for failures in load.failed for path, _ in failures}
    print(f"{len(answered)} requests answered, {len(failed)} failed, {sum(logged.values())} lines")
    assert not [path for path, count in logged.items() if count != 1], "lines doubled"
    assert set(logged) <= answered | failed
    assert not answered - set(logged), "answered, and not in the log"
