# SPDX-License-Identifier: Apache-2.0
"""The doctor reads logs and bucket policies: scene 7 of the story on a local folder, against our own load balancer;
and lines of an ALB, written by hand, that judge a saved diagnosis."""
import contextlib
import datetime
import gzip
import http.server
import json
import os
import subprocess
import threading

import pytest

import harness
from harness import DEADLINE, until

HOST = "app.example.test"
SECRET = "/private-door?key=tell-nobody"
SCHEMA = json.loads((harness.ROOT / "docs/doctor.schema.json").read_text())


def doctor(*words, codes=None):
    import jsonschema
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "no_proxy": "*"}
    done = subprocess.run([harness.OPENALB, "doctor", "--json", *map(str, words)], capture_output=True, text=True,
                          timeout=DEADLINE, env=environment)
    assert codes is None or done.returncode in codes, done.stdout + done.stderr
    assert "private-door" not in done.stdout and "tell-nobody" not in done.stdout
    report = json.loads(done.stdout)
    jsonschema.validate(report, SCHEMA)
    return report


def ids(report, severities=("fault", "warning", "note")):
    return [f["id"] for f in report["findings"] if f["severity"] in severities]


def finding(report, identity):
    return next(f for f in report["findings"] if f["id"] == identity)


def requests_of(report):
    return {(one["probe"], one["side"]): one for one in report["logs"]["requests"]}


@contextlib.contextmanager
def web_server(address, status=404):
    """The instance, reached past the load balancer on the same port."""
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"no")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer((address, 8080), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A load balancer whose log files end every second, one whose first file is long in coming, and an instance."""
    target = harness.Target(harness.fixed(harness.reply(b"hello", headers=b"Server: nginx\r\n")))
    folders = [tmp_path_factory.mktemp(name) for name in ("quick", "slow")]
    document = harness.template([target.address])
    quick, slow = (harness.Instance(folder, document, log_interval=seconds)
                   for folder, seconds in zip(folders, (1, 86400)))
    try:
        with web_server(harness.fresh_address()) as instance:
            yield quick, slow, instance
    finally:
        for one in (quick, slow):
            one.stop()
        target.close()


def asked(url_leads_to, lb, *words, **more):
    """The doctor about a name that leads to an address, and the load balancer's own."""
    return doctor(f"http://{HOST}:8080{SECRET}", "--resolve", f"{HOST}:8080:{url_leads_to}", "--lb", lb, *words,
                  **more)


# ---- scene 7 ----

def test_the_name_leads_past_the_load_balancer(world):
    _, slow, instance = world
    report = asked(instance, slow.address, "--access-log", slow.state)
    assert ids(report, ("fault", "warning"))[:2] == ["DNS-01", "LOG-02"]
    for identity in ("DNS-01", "LOG-02"):
        said = " ".join(e["what"] for e in finding(report, identity)["evidence"])
        assert "no request to app.example.test" in said and "elb_status_code=200" in said
        assert finding(report, identity)["confidence"] == "proved"
    found = requests_of(report)
    assert ("R4", "lb") in found and not [side for _, side in found if side == "site"]
    assert found["R4", "lb"]["fields"]["elb_status_code"] == "200"


def test_when_the_name_is_corrected_its_request_is_there(world):
    _, slow, _ = world
    report = asked(slow.address, slow.address, "--access-log", slow.state / "spool", codes=[0])
    assert ids(report) == [] and report["layers"]["log"] == "ok"
    line = requests_of(report)["R1", "site"]
    fields = line["fields"]
    assert (fields["elb_status_code"], fields["target_status_code"], line["made_by"]) == ("200", "200", "target")
    assert fields["target:port"].startswith("127.0.0.1:") and line["line"] > 0


def test_check_log_examines_this_layer_alone(world):
    _, slow, instance = world
    report = asked(instance, slow.address, "--access-log", slow.state, "--check", "log")
    assert ids(report) == ["LOG-02"] and report["layers"]["log"] in ("fault", "warning")


# ---- delivered files ----

def saved(tmp_path, world, leads_to=None):
    """A run with --save whose lines are delivered to the bucket when this returns: (file, bucket's folder)."""
    quick, _, _ = world
    file = tmp_path / "saved.json"
    asked(leads_to or quick.address, quick.address, "--save", file)
    marker = json.loads(file.read_text())["marker"]
    last = "R4.lb" if leads_to else "R1.site"  # no second request where both addresses are one
    until(lambda: any(f"{marker}/{last}" in line for line in quick.log_lines()), f"the line of {last}")
    return file, quick.state / "s3"


def test_a_saved_diagnosis_is_judged_when_the_files_are_there(tmp_path, world):
    file, bucket = saved(tmp_path, world)
    again = tmp_path / "again.json"
    report = doctor("--replay", file, "--access-log", bucket, "--save", again, codes=[0])
    assert ("R1", "site") in requests_of(report)
    replayed = doctor("--replay", again, codes=[0])
    assert replayed["logs"] == report["logs"] and replayed["findings"] == report["findings"]
    assert "private-door" not in again.read_text()


def test_a_saved_diagnosis_past_the_load_balancer(tmp_path, world):
    file, bucket = saved(tmp_path, world, leads_to=world[2])
    report = doctor("--replay", file, "--access-log", bucket)
    assert ids(report, ("fault", "warning"))[:2] == ["DNS-01", "LOG-02"]


def test_files_that_end_before_the_request_are_too_early(tmp_path, world):
    file, _ = saved(tmp_path, world)
    folder = tmp_path / "logs"
    folder.mkdir()
    started = datetime.datetime.fromtimestamp(json.loads(file.read_text())["started_s"], datetime.timezone.utc)
    then = started - datetime.timedelta(minutes=10)
    name = f"111122223333_elasticloadbalancing_eu-west-1_app.web.0a1b2c3d4e5f6071_{then:%Y%m%dT%H%MZ}_10.0.0.1_abcd.log.gz"
    with gzip.open(folder / name, "wt") as out:
        out.write(line_of("00", f"{then:%Y-%m-%dT%H:%M:%S}.000000Z", "10.0.0.1:80 0.001 0.002 0.000 200 200") + "\n")
    report = doctor("--replay", file, "--access-log", folder, codes=[0])
    assert ids(report) == ["LOG-04"]
    when = datetime.datetime.fromisoformat(finding(report, "LOG-04")["title"].split("after ")[1].rstrip("."))
    assert started < when <= started + datetime.timedelta(minutes=10)


@pytest.mark.parametrize("words, expected", [
    ([], "there are no log files"),
    (["--account", "444455556666"], "of another account"),
    (["--region", "eu-north-1"], "of another region"),
])
def test_the_wrong_folder(tmp_path, world, words, expected):
    file, bucket = saved(tmp_path, world)
    folder = tmp_path / "empty"
    folder.mkdir()
    if words:
        text = file.read_text().replace(json.loads(file.read_text())["marker"], "0" * 16)
        file.write_text(text)
        folder = bucket
    report = doctor("--replay", file, "--access-log", folder, *words, codes=[0])
    assert ids(report) == ["LOG-05"]
    assert expected in finding(report, "LOG-05")["title"]


# ---- lines of an ALB ----

def line_of(agent, created, middle, reason='"-"', ended=None, classes='"-" "-"'):
    return (f'http {ended or created} app/web/0a1b2c3d4e5f6071 203.0.113.9:50112 {middle} 300 200 '
            f'"GET http://{HOST}:8080{SECRET} HTTP/1.1" "{agent}" - - '
            'arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/web/99aabbccddeeff00 '
            f'"Root=1-68d27f07-00aa11bb22cc33dd44ee55ff" "-" "-" 0 {created} "forward" "-" {reason} "-" "-" {classes} '
            'TID_0123456789abcdef0123456789abcdef')


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """Saved diagnoses of a site that answers as the load balancer would: {status: file}."""
    folder = tmp_path_factory.mktemp("failing")

    class Page(http.server.BaseHTTPRequestHandler):
        server_version, sys_version, status = "awselb/2.0", "", 200

        def do_GET(self):
            self.send_response(self.status)
            self.send_header("Content-Length", "13")
            self.end_headers()
            self.wfile.write(b"<html></html>")

        def log_message(self, *_):
            pass

    files = {}
    server = http.server.ThreadingHTTPServer((harness.fresh_address(), 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        host, port = server.server_address
        for status in (400, 502, 503, 504):
            Page.status = status
            files[status] = folder / f"{status}.json"
            doctor(f"http://{HOST}:{port}{SECRET}", "--resolve", f"{HOST}:{port}:{host}", "--save", files[status])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    return files


@pytest.mark.parametrize("status, middle, seconds, more, identity, confidence", [
    (502, "10.0.0.1:80 0.001 -1 -1 502 -", 0, {}, "TGT-11", "proved"),
    (502, "10.0.0.1:80 -1 -1 -1 502 -", 0, {}, "TGT-03", "likely"),
    (502, "10.0.0.1:80 0.001 0.002 0.000 502 502", 0, {}, "TGT-12", "proved"),
    (503, "- -1 -1 -1 503 -", 0, {}, "TGT-04", "proved"),
    (504, "10.0.0.1:80 -1 -1 -1 504 -", 10, {}, "TGT-07", "likely"),
    (504, "10.0.0.1:80 0.001 -1 -1 504 -", 60, {}, "TGT-09", "proved"),
    (504, "10.0.0.1:80 0.001 -1 -1 460 -", 9, {}, "TGT-09", "likely"),
    (400, "- -1 -1 -1 400 -", 0, {"classes": '"Severe" "BothTeClPresent"'}, "LBC-12", "proved"),
])
def test_the_line_says_who_made_the_status(tmp_path, failing, status, middle, seconds, more, identity, confidence):
    file = failing[status]
    facts = json.loads(file.read_text())
    begun = datetime.datetime.fromtimestamp(facts["started_s"], datetime.timezone.utc)
    ended = begun + datetime.timedelta(seconds=seconds)
    log = tmp_path / "lines.log"
    agent = f"openalb-doctor/0.1.0 {facts['marker']}/R1.site"
    others = line_of("Mozilla/5.0 \\x22other\\x22", f"{begun:%Y-%m-%dT%H:%M:%S}.000000Z", "- -1 -1 -1 404 -")
    ours = line_of(agent, f"{begun:%Y-%m-%dT%H:%M:%S}.000000Z", middle,
                   ended=f"{ended:%Y-%m-%dT%H:%M:%S}.000000Z", **more)
    log.write_text(f"{others}\nbroken line\n{ours}\n")
    before = doctor("--replay", file)
    report = doctor("--replay", file, "--access-log", log)
    first = finding(report, identity)
    assert ids(report, ("fault",))[0] == identity
    assert first["confidence"] == confidence and finding(before, ids(before, ("fault",))[0])["confidence"] == "likely"
    assert any("lines.log line 3: " in e["what"] for e in first["evidence"])
    assert report["logs"]["damaged_lines"] == 1 and report["logs"]["access_lines"] == 2


# ---- policies ----

POLICY = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
    "Action": "s3:PutObject", "Resource": "arn:aws:s3:::my-logs/web/AWSLogs/111122223333/*",
    "Condition": {"ArnLike": {"aws:SourceArn":
                              "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/*"}}}]}
WHERE = ["--log-bucket", "my-logs", "--log-prefix", "web", "--account", "111122223333", "--region", "eu-west-1"]


def test_a_policy_is_checked_and_corrected(tmp_path, world):
    _, slow, _ = world
    file = tmp_path / "policy.json"
    for part, other, identity in [("my-logs/web/", "my-logs/", "IAM-01"), ("AWSLogs/1111", "AWSLogs/2222", "IAM-02"),
                                  ("logdelivery.elasticloadbalancing", "delivery.logs", "IAM-03"),
                                  ('"Version"', '// ours\n"Version"', "IAM-04")]:
        file.write_text(json.dumps(POLICY).replace(part, other))
        report = asked(slow.address, slow.address, "--bucket-policy", file, *WHERE, codes=[18])
        assert ids(report, ("fault",)) == [identity] and report["layers"]["log"] == "fault"
        fixes = {fix["tool"]: fix["command"] for fix in finding(report, identity)["fix"]}
        assert fixes["shell"].startswith("openalb policy check --policy ")
        file.write_text(fixes["policy"])
        report = asked(slow.address, slow.address, "--bucket-policy", file, *WHERE, codes=[0])
        assert ids(report, ("fault", "warning")) == [] and report["bucket_policy"]["answer"] == "allow"
        assert report["bucket_policy"]["not_examined"] == ["IAM-05", "IAM-06", "IAM-09", "IAM-10"]


@pytest.mark.parametrize("words", [
    ["--access-log", "-"],
    ["--bucket-policy", "{file}"],
    ["--bucket-policy", "{file}", "--log-bucket", "my-logs", "--account", "1111"],
    ["--log-bucket", "my-logs"],
    ["--bucket-policy", "{file}", "--log-bucket", "My Logs", "--account", "111122223333", "--region", "eu-west-1"],
])
def test_usage(tmp_path, words, world):
    file = tmp_path / "policy.json"
    file.write_text("{}")
    _, slow, _ = world
    asked(slow.address, slow.address, *[word.format(file=file) for word in words], codes=[64])


def test_a_path_that_is_not_there(tmp_path, world):
    _, slow, _ = world
    asked(slow.address, slow.address, "--access-log", tmp_path / "nowhere", codes=[66])
