# SPDX-License-Identifier: Apache-2.0
"""The life of the processes: start, death, reload, stop."""
import contextlib
import json
import os
import pathlib
import pwd
import re
import select
import signal
import socket
import stat
import subprocess
import threading

import pytest

import harness
from harness import DEADLINE, until

GET = b"GET %s HTTP/1.1\r\nHost: web.elb.localhost\r\n\r\n"
ROLES = ("control", "worker 0", "worker 1", "checker", "shipper")
AS_ROOT = os.geteuid() == 0


def says(body, path="/which", of="Http", priority=10):
    """A rule that answers `path` with a text of its own."""
    return harness.rule(priority, [{"Field": "path-pattern", "Values": [path]}],
                        [{"Type": "fixed-response",
                          "FixedResponseConfig": {"StatusCode": "200", "ContentType": "text/plain",
                                                  "MessageBody": body}}], of=of)


def which(instance, port=8080):
    return instance.ask(GET % b"/which", port).body.decode()


def kill(instance, role):
    """Kills a role and waits for its successor, whose pid it returns."""
    old = instance.pids()[role]
    os.kill(old, signal.SIGKILL)
    return until(lambda: new if (new := instance.pids().get(role, old)) != old else None, f"a new {role}")


def refused(instance, port=8080):
    with contextlib.suppress(ConnectionRefusedError):
        instance.connect(port).close()
        return False
    return True


def gone(pid):
    """No process, or one that only waits to be reaped by its new parent."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


class Held:
    """A script of a target: an answer waits until release() is called; `arrived` says that the request is here."""

    def __init__(self):
        self.arrived, self._go = threading.Event(), threading.Event()

    def __call__(self, conn, reader, head):
        self.arrived.set()
        assert self._go.wait(DEADLINE)
        conn.sendall(harness.reply(b"late"))

    def release(self):
        self._go.set()

    def ask(self, instance, path=b"/held"):
        """Sends a request and waits until the target has it; returns the client's connection."""
        client = instance.connect()
        client.sendall(GET % path)
        assert self.arrived.wait(DEADLINE)
        return client


@pytest.fixture
def held(target):
    script = Held()
    target_of_script = target(script)
    script.address = target_of_script.address
    yield script
    script.release()


@pytest.fixture(scope="module")
def pair(shared_alb, shared_target):
    """An instance with two workers that several tests share; a test leaves it serving."""
    return shared_alb(harness.template([shared_target().address], more={"Which": says("one")}), workers=2)


# ---- who they are ----

def test_roles_are_visible_by_name(pair):
    """[issue 3: processes] Roles are re-executed from the same binary and visible by name in ps."""
    assert sorted(pair.pids()) == sorted(ROLES)
    names = {role: pathlib.Path(f"/proc/{pid}/comm").read_text().strip() for role, pid in pair.pids().items()}
    assert names == {role: "alb:" + role.replace(" ", "-") for role in ROLES}


@pytest.mark.parametrize("role", ROLES)
def test_roles_have_no_privileges(pair, role):
    """[issue 3: processes] Roles drop privileges, set no-new-privileges and enter seccomp."""
    pid = pair.pids()[role]
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    names = {user.pw_name: user.pw_uid for user in pwd.getpwall()}
    uid = names.get("openalb", names["nobody"]) if AS_ROOT else os.geteuid()
    assert status["Uid"].split() == [str(uid)] * 4
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name], 16) == 0, name


def test_user_option(alb, target):
    """[design 9.5] Started as root the supervisor stays root and the roles run as --user; else all as that user."""
    instance = alb(harness.template([target().address], more={"Which": says("one")}), options=["--user", "daemon"])
    uid = pwd.getpwnam("daemon").pw_uid if AS_ROOT else os.geteuid()
    for pid in instance.pids().values():
        assert re.search(r"^Uid:\t(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1] == str(uid)
    assert which(instance) == "one"


def test_ordinary_user(alb, target):
    """[design 9.5] Not root: everything runs as that user, in a state folder of its own."""
    user = "nobody" if AS_ROOT else None
    instance = alb(harness.template([target().address], https=True), user=user)
    uid = pwd.getpwnam("nobody").pw_uid if AS_ROOT else os.geteuid()
    for pid in (instance.process.pid, *instance.pids().values()):
        assert re.search(r"^Uid:\t(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1] == str(uid)
    with instance.connect_tls() as client:
        client.sendall(GET % b"/")
        assert harness.read_answer(client).status == 200
    assert instance.reload().returncode == 0


def test_state_folder_permissions(alb):
    """[design 9.2] Keys are 0600 files in STATE/keys (0700); the certificate of the authority is for everybody."""
    instance = alb(harness.template(https=True))
    mode = lambda name: stat.S_IMODE((instance.state / name).stat().st_mode)  # noqa: E731
    assert mode("keys") == 0o700
    keys = [path for path in (instance.state / "keys").iterdir() if path.suffix == ".key"]
    assert len(keys) == 2  # the authority's and the listener's
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    assert {mode("run"), mode("spool")} == {0o700}
    assert mode("ca.crt") == 0o644


# ---- death of a role ----

@pytest.mark.parametrize("role", ROLES)
def test_killed_role_is_replaced_at_once(pair, role):
    """[issue 3: processes] A role that dies is restarted; the first time at once [design 9.3], and the service goes on."""
    kill(pair, role)
    assert which(pair) == "one"
    assert pair.ask(GET % b"/through").status == 200
    assert f"the {role} is started again in" not in pair.log_text()


def test_back_off_on_repetition(alb):
    """[design 9.3] First restart at once, back-off only when it repeats."""
    instance = alb(harness.template())
    kill(instance, "checker")
    assert "started again in" not in instance.log_text()
    kill(instance, "checker")
    assert "the checker is started again in 1 s" in instance.log_text()


def test_no_connection_is_refused_while_the_only_worker_is_dead(alb):
    """[design 9.3] The supervisor holds every listening socket: no connection stalls or is reset while a worker is dead."""
    instance = alb(harness.template(more={"Which": says("one")}))
    old = instance.pids()["worker 0"]
    os.kill(old, signal.SIGSTOP)  # so that what follows finds nobody who accepts
    clients = [instance.connect() for _ in range(20)]
    for client in clients:
        client.sendall(GET % b"/which")
    os.kill(old, signal.SIGKILL)
    for client in clients:
        with client:
            assert harness.read_answer(client).body == b"one"


def test_a_dead_worker_takes_only_its_own_connections(alb):
    """[design 9.3] Connections spread over the workers of one socket; kill -9 of one ends those that it held."""
    instance = alb(harness.template(more={"Which": says("one")}), workers=2)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(instance.connect()) for _ in range(200)]
        for client in clients:
            client.sendall(GET % b"/which")
        for client in clients:
            assert harness.read_answer(client).body == b"one"
        kill(instance, "worker 0")
        alive = 0
        for client in clients:
            with contextlib.suppress(ConnectionError, harness.Closed):
                client.sendall(GET % b"/which")
                alive += harness.read_answer(client).body == b"one"
        print(f"200 connections opened at once: worker 0 had {200 - alive}, worker 1 {alive}")
        # The rest is worker 1's: killed too, it takes exactly those.
        kill(instance, "worker 1")
        lost = 0
        for client in clients:
            try:
                client.sendall(GET % b"/which")
                harness.read_answer(client)
            except (ConnectionError, harness.Closed):
                lost += 1
        assert lost == 200
    assert which(instance) == "one"


def test_failures_survive_the_worker(alb, target):
    """[issue 3: every end has a name] A ring of the last failures per listener lies on the board, outside the worker."""
    one = target(harness.fixed(b"", close=True))
    instance = alb(harness.template([one.address]))
    assert instance.ask(GET % b"/").status == 502
    before = instance.until_failure("TARGET_CLOSED")
    kill(instance, "worker 0")
    assert before in instance.failures()


def test_workers_end_after_the_supervisor(alb, held):
    """[design 9.4] When the supervisor dies, workers close their listeners, finish what runs, and end; logs come with the next start."""
    instance = alb(harness.template([held.address]))
    pids = instance.pids()
    client = held.ask(instance)
    instance.process.kill()
    assert instance.process.wait(DEADLINE) == -signal.SIGKILL
    until(lambda: refused(instance), "the listeners closed")
    held.release()
    with client:
        assert harness.read_answer(client).body == b"late"
    for role, pid in pids.items():
        until(lambda: gone(pid), f"the {role} ended")
    instance.stop()
    again = alb(harness.template([held.address]), again=instance)
    assert again.stop() == 0
    assert [harness.parse_line(line)["request"] for line in again.log_lines()] == \
        ["GET http://web.elb.localhost:8080/held HTTP/1.1"]


# ---- stop ----

def test_sigterm_finishes_what_runs(alb, held):
    """[issue 3: processes] SIGTERM: stop accepting, finish requests in flight, flush logs, exit 0; idle connections are closed."""
    instance = alb(harness.template([held.address], more={"Which": says("one")}), log_interval=300)
    idle, silent = instance.connect(), instance.connect()
    idle.sendall(GET % b"/which")
    assert harness.read_answer(idle).body == b"one"
    client = held.ask(instance)
    children = instance.pids()
    instance.process.send_signal(signal.SIGTERM)
    assert harness.is_closed(idle)
    assert harness.is_closed(silent)
    until(lambda: refused(instance), "new connections refused")
    assert instance.process.poll() is None
    held.release()
    answer = harness.read_answer(client)
    assert (answer.status, answer.body) == (200, b"late")
    assert answer.header("Connection") == ["close"]
    assert instance.process.wait(DEADLINE) == 0
    assert not [pid for pid in children.values() if not gone(pid)]
    assert instance.stop() == 0
    requests = [harness.parse_line(line)["request"].split()[1] for line in instance.log_lines()]
    assert sorted(requests) == ["http://web.elb.localhost:8080/held", "http://web.elb.localhost:8080/which"]
    assert not [path for path in (instance.state / "spool").rglob("*") if path.is_file()]


def test_sigterm_does_not_wait_for_silent_connections(alb, held):
    """[issue 3: processes] Only requests in flight are waited for: a connection that never said a byte is closed at once."""
    instance = alb(harness.template([held.address], https=True))
    with instance.connect(8443) as silent, held.ask(instance) as busy:
        instance.process.send_signal(signal.SIGTERM)
        assert harness.is_closed(silent)
        held.release()
        assert harness.read_answer(busy).body == b"late"


def test_second_interrupt_ends_at_once(alb, held):
    """[issue 3: processes] Ctrl-C stops all of it; a second one does not wait for requests in flight."""
    instance = alb(harness.template([held.address]))
    children = instance.pids()
    client = held.ask(instance)
    instance.process.send_signal(signal.SIGINT)
    until(lambda: "ending: requests in flight" in instance.log_text(), "the first interrupt")

    def again():  # one that follows the first at once counts as the same key
        with contextlib.suppress(ProcessLookupError):
            instance.process.send_signal(signal.SIGINT)
        return instance.process.poll() is not None

    until(again, "the end", interval=0.1)
    assert instance.process.returncode == 128 + signal.SIGINT
    with client:
        assert harness.is_closed(client)
    assert not [pid for pid in children.values() if not gone(pid)]
    instance.stop()


# ---- reload ----

@pytest.mark.parametrize("how", ["openalb reload", "SIGHUP"])
def test_reload_changes_rules_for_new_requests(alb, held, how):
    """[design 4] A request keeps the snapshot it began with to its end; after the reload new requests see the new rules."""
    rules = {"Which": says("old"), "Held": says("no", "/other", priority=5)}
    instance = alb(harness.template([held.address], more=rules))
    kept = instance.connect()
    kept.sendall(GET % b"/which")
    assert harness.read_answer(kept).body == b"old"
    client = held.ask(instance)
    changed = harness.template([held.address], more={"Which": says("new"), "Held": says("new", "/held", priority=5)})
    if how == "SIGHUP":
        instance.write(changed)
        instance.process.send_signal(signal.SIGHUP)
        until(lambda: which(instance) == "new", "the new rule")
    else:
        done = instance.reload(changed)
        assert (done.returncode, done.stderr) == (0, "")
    kept.sendall(GET % b"/which")
    assert harness.read_answer(kept).body == b"new"
    assert instance.ask(GET % b"/held").body == b"new"
    held.release()
    with client, kept:
        assert harness.read_answer(client).body == b"late"


def test_control_killed_in_the_middle_of_a_reload(alb):
    """[issue 3: processes] kill -9 of any role loses nothing: a build that control did not finish is done once more."""
    instance = alb(harness.template(more={"Which": says("old")}))
    control = instance.pids()["control"]
    instance.write(harness.template(more={"Which": says("new")}))
    instance.process.send_signal(signal.SIGHUP)
    os.kill(control, signal.SIGKILL)
    until(lambda: which(instance) == "new", "the new rule")


def test_reload_without_an_instance(alb):
    """[design 9.6] `openalb reload` is for people: it says when nobody runs on the state folder."""
    instance = alb(harness.template())
    assert instance.stop() == 0
    done = instance.reload()
    assert done.returncode == 1
    assert f"no OpenALB runs on the state folder '{instance.state}'" in done.stderr


def test_invalid_template_is_refused_as_a_whole(pair):
    """[issue 3: processes] An invalid template is refused as a whole with file, line and reason; the old configuration goes on."""
    bad = """AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Web:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Name: web}
  Http:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Web
      Port: 8081
      Protocol: HTTP
      DefaultActions:
        - Type: fixed-response
          FixedResponseConfig: {StatusCode: 302}
      Colour: blue
"""
    before = pair.file.read_text()
    done = pair.reload(bad)
    pair.write(before)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    assert re.fullmatch(rf"{re.escape(str(pair.file))}:14:\d+: .*302.*", lines[0])
    assert lines[1].startswith(f"{pair.file}:15:7: unknown property 'Colour'")
    assert lines[2] == "openalb reload: refused, the old configuration stays in use"
    assert which(pair) == "one"
    assert refused(pair, 8081)
    assert lines[1] in pair.log_text()  # whoever looks there finds it as well


def test_listeners_come_and_go(alb, held):
    """[issue 3: processes] The supervisor binds and closes listening sockets as the configuration says; requests in flight are not cut."""
    both = {"Extra": harness.listener(8081), "Which": says("extra", of="Extra")}
    instance = alb(harness.template([held.address]))
    assert refused(instance, 8081)
    assert instance.reload(harness.template([held.address], more=both)).returncode == 0
    assert which(instance, 8081) == "extra"
    client = instance.connect(8081)
    client.sendall(GET % b"/held")
    assert held.arrived.wait(DEADLINE)
    assert instance.reload(harness.template([held.address])).returncode == 0
    assert refused(instance, 8081)
    assert not refused(instance, 8080)
    held.release()
    with client:
        assert harness.read_answer(client).body == b"late"


def test_head_that_stops_while_its_listener_goes(alb, target):
    """[issue 3: processes] A client in the middle of a head, whose listener is removed, is closed in the end; its worker lives on."""
    def document(more):
        return harness.template([target_address], {"idle_timeout.timeout_seconds": "1"}, more=more)
    target_address = target().address
    instance = alb(document({"Extra": harness.listener(8081)}))
    worker = instance.pids()["worker 0"]
    with instance.connect(8081) as client:
        client.sendall(b"GET / HT")
        assert instance.reload(document({})).returncode == 0
        assert harness.is_closed(client)
    instance.until_failure("LISTENER_GONE")
    assert instance.pids()["worker 0"] == worker


def test_removed_load_balancer_logs_what_was_in_flight(alb, held):
    """[issue 3: promises] Every answered request has its log line, also when its load balancer was removed meanwhile."""
    rest = harness.template()
    both = harness.template()
    both["Resources"].update({
        "Second": {**rest["Resources"]["Web"],
                   "Properties": {**rest["Resources"]["Web"]["Properties"], "Name": "second"}},
        "SecondGroup": harness.target_group([held.address], name="second"),
        "SecondHttp": harness.listener(8081, actions=harness.forward("SecondGroup"),
                                       LoadBalancerArn={"Ref": "Second"})})
    instance = alb(both)
    with instance.connect(8081) as client:
        client.sendall(GET % b"/held")
        assert held.arrived.wait(DEADLINE)
        assert instance.reload(rest).returncode == 0
        held.release()
        assert harness.read_answer(client).body == b"late"
        port = client.getsockname()[1]
    (line,) = until(lambda: instance.lines_of(port), "the line of the request in flight")
    assert line["elb"].startswith("app/second/") and line["elb_status"] == "200"


def test_port_of_another_process(alb):
    """[design 9.1] The supervisor binds all or nothing: a taken port refuses the change whole, with the system's reason."""
    changed = harness.template(more={"Which": says("new"), "Free": harness.listener(8081),
                                     "Taken": harness.listener(8082)})
    instance = alb(harness.template(more={"Which": says("old")}))
    with socket.create_server((instance.address, 8082)):
        done = instance.reload(changed)
        assert done.returncode == 1
        assert f"cannot listen on {instance.address}:8082 for listener HTTP:8082 of load balancer 'web'" in done.stderr
        assert "Address already in use" in done.stderr
        assert which(instance) == "old"
        assert refused(instance, 8081)
    assert instance.reload(changed).returncode == 0
    assert which(instance) == "new"


def test_port_of_our_own_listener(alb):
    """[design 8] A port that is taken is refused with the name of the listener that has it."""
    second = {"Other": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
                        "Properties": {"Name": "other", "Subnets": ["subnet-1", "subnet-2"]}},
              "OtherHttp": harness.listener(8080)}
    second["OtherHttp"]["Properties"]["LoadBalancerArn"] = {"Ref": "Other"}
    second["OtherHttp"]["Properties"]["DefaultActions"] = says("x")["Properties"]["Actions"]
    instance = alb(harness.template(more={"Which": says("one")}))
    done = instance.reload(harness.template(more={"Which": says("two"), **second}))
    assert done.returncode == 1
    assert re.match(rf"{re.escape(str(instance.file))}:\d+:\d+: port 8080 of address {re.escape(instance.address)} is "
                    r"taken by listener '\S+' of load balancer 'web'", done.stderr), done.stderr
    assert which(instance) == "one"


def test_snapshot_is_never_seen_half(pair):
    """[design 2] The snapshot is replaced atomically: write, fsync, rename."""
    path = pair.state / "snapshot.json"
    stop, versions, faults = threading.Event(), [], []

    def look():
        while not stop.is_set():
            try:
                versions.append(json.loads(path.read_text())["version"])
            except (OSError, ValueError, KeyError) as error:
                faults.append(error)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for _ in range(50):
            assert pair.reload().returncode == 0
    finally:
        stop.set()
        reader.join()
    assert not faults
    assert versions == sorted(versions)
    assert versions[-1] - versions[0] >= 49
    assert sorted(entry.name for entry in pair.state.iterdir() if "tmp" in entry.name) == []


# ---- start ----

def test_bad_template_at_start(alb):
    """[design 9.1] A bad template at start: exit 1, with all errors."""
    document = harness.template(more={"Which": says("x"), "Nobody": {"Type": "AWS::Nothing"}})
    document["Resources"]["Web"]["Properties"]["Nme"] = "web"
    document["Resources"]["Http"]["Properties"]["Port"] = "none"
    instance = alb(document, wait=False)
    assert instance.process.wait(DEADLINE) == 1
    instance.stop()
    text = instance.log_text()
    for reason in ("unknown property 'Nme'", "'none'", "AWS::Nothing"):
        assert re.search(rf"^{re.escape(str(instance.file))}:\d+:\d+: .*{re.escape(reason)}", text, re.M), reason
    assert refused(instance)


def test_port_taken_at_start(alb):
    """[design 9.4] A start probes each port first, so that nobody shares a port unknowingly."""
    address = harness.fresh_address()
    with socket.create_server((address, 8080), reuse_port=True):
        instance = alb(harness.template(), address=address, wait=False)
        assert instance.process.wait(DEADLINE) == 1
    instance.stop()
    assert f"cannot listen on {address}:8080" in instance.log_text()


def test_second_start_on_the_same_state_folder(pair):
    """[design 9.4] A start takes an exclusive lock in the state folder; who comes second is told who has it."""
    second = subprocess.run(pair.command[:1] + ["serve", "-f", str(pair.file), "--state", str(pair.state)],
                            capture_output=True, text=True, timeout=DEADLINE)
    assert second.returncode == 1
    assert f"another OpenALB (pid {pair.process.pid}) uses the state folder '{pair.state}'" in second.stderr
    assert which(pair) == "one"


def test_start_without_template(alb):
    """[design 2] The snapshot is also the last known good at start."""
    instance = alb(harness.template(more={"Which": says("one")}))
    assert instance.stop() == 0
    again = alb(None, again=instance)
    assert which(again) == "one"
    assert again.ready["version"] == instance.ready["version"]
    kill(again, "worker 0")
    assert which(again) == "one"


def test_start_with_nothing(alb):
    """[design 1.3] `openalb serve` with no arguments works: nothing is served until there is a configuration."""
    instance = alb(None)
    assert instance.ready["listeners"] == []
    assert "nothing is served" in instance.log_text()
    done = instance.reload()
    assert done.returncode == 1
    assert "without a template" in done.stderr


def test_a_second_start_works_at_once(alb):
    """[issue 3: the two commands] A second run works at once: nothing of the first is left in its way."""
    document = harness.template(https=True, more={"Which": says("one")})
    instance = alb(document)
    client = instance.connect()
    client.sendall(GET % b"/which")
    assert harness.read_answer(client).body == b"one"
    assert instance.stop() == 0
    assert select.select([client], [], [], DEADLINE)[0]  # our side stays open: the port is in TIME_WAIT
    again = alb(document, again=instance)
    with client:
        assert which(again) == "one"
