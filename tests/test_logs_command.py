# SPDX-License-Identifier: Apache-2.0
"""`openalb logs`: every verb, every option, every exit code; answers equal those of an independent reading."""
import collections
import contextlib
import csv
import gzip
import io
import json
import os
import pathlib
import pty
import random
import re
import select
import signal
import subprocess

import pytest

import alb_log
import harness
from harness import DEADLINE

VERBS = ("show", "tail", "json", "csv", "stats", "report", "sql", "ddl", "why")
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
NAME = "111122223333_elasticloadbalancing_eu-central-1_app.edge.0a1b2c3d4e5f6071_%s_203.0.113.9_abcdefgh.log.gz"
HARD = [  # shapes of the guide that a random line does not have
    b'http 2026-09-23T11:02:33.115020Z app/e/0 192.0.2.77:60001 - -1 -1 -1 400 - 0 272 "- http://e:80- -" "-" - - - '
    b'"-" "-" "-" - 2026-09-23T11:02:33.114000Z "-" "-" "-" "-" "-" "-" "-" TID_0 "-" "-" "-" 203.0.113.9 "-" "-"',
    b'http 2018-07-02T22:23:00.186641Z app/my/50d 192.168.131.39:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 '
    b'"GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - - arn:tg "Root=1-58337262-36d2" "-" "-" 0 '
    b'2018-07-02T22:22:48.364000Z "forward" "-" "-" 10.0.0.1:80 200 "-" "-"',
]
DAMAGED = [b'https 2026-09-23T11:02:31.442190Z app/e/0 198.51.100.24:50112 10.3.1.17:8443 0.001 0.037 0.0',
           b'http 2026-09-23T11:02:31.442190Z app/e/0 1.2.3.4:5 - -1 -1 -1 301 - 1 2 "GET http://a/ \x1b[2J\xff',
           b'http yesterday app/e/0 1.2.3.4:5 - -1 -1 -1 301 - 1 2 "GET http://a/ HTTP/1.1" "-" - - -']
CLASSIC = (b'2015-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 '
           b'200 200 0 29 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - -\n')


def logs(*words, stdin=b"", env=None, code=None):
    done = subprocess.run([harness.OPENALB, "logs", *map(str, words)], input=stdin, capture_output=True,
                          timeout=DEADLINE, env={**ENVIRONMENT, **(env or {})})
    assert b"Sanitizer" not in done.stderr and b"assertion" not in done.stderr, done.stderr
    if code is not None:
        assert done.returncode == code, (done.returncode, done.stdout[-500:], done.stderr)
    return done


def objects(*words, **more):
    return [json.loads(line) for line in logs("json", *words, **more).stdout.splitlines()]


def joined(lines):
    return b"".join(line + b"\n" for line in lines)


@pytest.fixture(scope="module")
def lines():
    """Random lines of every version, and the guide's odd ones."""
    return alb_log.random_log(5, 600) + HARD


@pytest.fixture(scope="module")
def folder(tmp_path_factory, lines):
    """These lines, plain and gzip, under names of ALB."""
    root = tmp_path_factory.mktemp("logs")
    where = root / "bucket/AWSLogs/111122223333/elasticloadbalancing/eu-central-1/2026/09/23"
    where.mkdir(parents=True)
    (where / (NAME % "20260923T1105Z")).write_bytes(gzip.compress(joined(lines[:200])) + gzip.compress(joined(lines[200:300])))
    (root / "rest.log").write_bytes(joined(lines[300:]))
    (where.parents[4] / "ELBAccessLogTestFile").write_bytes(b"Enable AccessLog for ELB\n")
    return root


# ---- an independent reading ----

def same(row, expected):
    row = {key: value for key, value in row.items() if key not in ("log", "error_text")}
    assert row == expected, {k: (row.get(k), expected.get(k)) for k in {*row, *expected} if row.get(k) != expected.get(k)}


def test_json_equals_an_independent_reading(folder, lines):
    for seed in range(3):
        wanted = lines if seed == 0 else alb_log.random_log(seed, 300)
        source = {"stdin": joined(wanted)}
        for row, line in zip(objects("-", code=0, **source), wanted, strict=True):
            assert row["log"] == "access"
            same(row, alb_log.row(line))
    found = {json.dumps(row, sort_keys=True) for row in objects(folder, code=0)}
    assert found == {json.dumps(row, sort_keys=True) for row in objects("-", stdin=joined(lines), code=0)}


def test_csv_equals_an_independent_reading(lines):
    out = logs("csv", "-", stdin=joined(lines), code=0).stdout
    assert out.count(b"\r\n") == len(lines) + 1 and out.replace(b"\r\n", b"").count(b"\n") == 0
    rows = list(csv.DictReader(io.StringIO(out.decode(), newline="")))
    for row, line in zip(rows, lines, strict=True):
        expected = alb_log.row(line)
        extra = expected.pop("extra", None)
        assert (row.pop("extra") == "") == (extra is None)
        row.pop("error_text")
        for name, value in expected.items():
            if isinstance(value, float):
                assert float(row[name]) == value, name
            else:
                assert row[name] == ("" if value is None else str(value)), name
        assert set(row) == set(expected)


def test_stats_equal_an_independent_reading(folder, lines):
    stats = json.loads(logs("stats", "--json", "--top", 1000, "--all", folder, code=0).stdout)
    rows = [alb_log.row(line) for line in lines]
    assert stats["requests"] == len(rows)
    assert stats["sent_bytes"] == sum(row["sent_bytes"] for row in rows)
    assert stats["received_bytes"] == sum(row["received_bytes"] for row in rows)
    assert stats["made_by"] == {who: sum(row["made_by"] == who for row in rows) for who in ("target", "lb")}
    matrix = collections.Counter((row["elb_status_code"], row["target_status_code"]) for row in rows)
    assert {(m["elb_status_code"], m["target_status_code"]): m["count"] for m in stats["matrix"]} == dict(matrix)
    clients = collections.Counter(row["client_ip"] for row in rows)
    assert {r["value"]: r["count"] for r in stats["top"]["clients"]["rows"]} == dict(clients)
    hosts = collections.Counter(row["host"] for row in rows if row["host"])
    assert {r["value"]: r["count"] for r in stats["top"]["hosts"]["rows"]} == dict(hosts)
    reasons = collections.Counter(row["error_reason"] for row in rows if row["error_reason"])
    assert {e["word"]: e["count"] for e in stats["errors"] if e["kind"] == "error-reason"} == dict(reasons)
    groups = {(g["target_group_arn"], g["target_ip"], g["target_port"]): g for g in stats["target_groups"]}
    for arn in {row["target_group_arn"] for row in rows} - {None}:
        of = [row for row in rows if row["target_group_arn"] == arn]
        assert groups[arn, None, None]["requests"] == len(of)
        for name, values in groups[arn, None, None]["latency_ms"].items():
            known = [int(round(row[name] * 1e6)) // 1000 for row in of if row[name] is not None]
            assert values["count"] == len(known)
            for percent in (50, 90, 95, 99):
                assert values[f"p{percent}"] == alb_log.nearest_rank(known, percent), (arn, name, percent)


def test_every_version_is_read(lines):
    assert {line.count(b'" "') >= 0 and len(alb_log.split(line)) for line in lines} >= set(alb_log.VERSIONS)
    for count in alb_log.VERSIONS:
        line = alb_log.random_line(random.Random(count), count)
        [row] = objects("-", stdin=line, code=0)
        same(row, alb_log.row(line))


def test_connection_and_health_check_lines():
    r = random.Random(3)
    text = joined([alb_log.connection_line(r) for _ in range(20)] + [alb_log.health_line(r) for _ in range(20)])
    rows = objects("-", stdin=text, code=0)
    assert collections.Counter(row["log"] for row in rows) == {"connection": 20, "health-check": 20}
    failed = [row for row in rows if row.get("tls_verify_status") == "Failed:ClientCertExpired"]
    assert failed and all("expired" in row["error_text"] for row in failed)
    assert all((row["error_text"] is None) == (row["status"] == "PASS") for row in rows if row["log"] == "health-check")
    for kind in ("connection", "health-check"):
        assert {row["log"] for row in objects("-", "--kind", kind, stdin=text, code=0)} == {kind}
    assert logs("json", "-", "--kind", "access", stdin=text).returncode == 1
    out = logs("csv", "-", stdin=text, code=0)
    assert out.stdout.startswith(b"timestamp,client_ip,") and out.stdout.count(b"\n") == 21
    assert b"20 lines of another kind" in out.stderr


# ---- show, damaged lines ----

def test_show_aligns_colours_and_is_safe(lines):
    text = joined(lines[:50])
    out = logs("show", "-", stdin=text, code=0).stdout.decode()
    assert out.count("\n") == 50 and "\x1b" not in out
    first = out.splitlines()[-1]
    row = alb_log.row(lines[49])
    assert first.startswith(row["time"][:23] + "Z  ") and row["client_ip"] in first
    coloured = logs("show", "-", "--color", "always", stdin=text, code=0).stdout.decode()
    assert "\x1b[" in coloured and re.sub(r"\x1b\[[0-9;]*m", "", coloured) == out


def test_new_fields_are_shown():
    line = alb_log.random_line(random.Random(1), 33) + b' 203.0.113.9 "-" "brand new"'
    assert b"extra=36:brand new" in logs("show", "-", stdin=line, code=0).stdout
    [row] = objects("-", stdin=line, code=0)
    assert row["extra"] == [None, "brand new"]


def test_damaged_lines_are_counted_and_listed(tmp_path, lines):
    file = tmp_path / "a.log"
    file.write_bytes(joined([lines[0], DAMAGED[0], lines[1], DAMAGED[1], DAMAGED[2]]))
    out = logs("show", file, code=0)
    assert out.stdout.count(b"\n") == 2 and b"3 of 5 lines are damaged; --damaged lists them." in out.stderr
    assert logs("show", "--quiet", file, code=0).stderr == b""
    listed = logs("show", "--damaged", file, code=0)
    assert b"damaged" not in listed.stderr
    rows = listed.stdout.decode().splitlines()
    assert [row.split(": ")[0] for row in rows] == [f"{file}:2", f"{file}:4", f"{file}:5"]
    assert "\x1b" not in listed.stdout.decode() and "\\x1b[2J\\xff" in rows[1]
    rows = [json.loads(row) for row in logs("json", "--damaged", file, code=0).stdout.splitlines()]
    assert [row["line"] for row in rows] == [2, 4, 5] and rows[0]["file"] == str(file)
    assert len({row["fault"] for row in rows}) == 3 and rows[2]["fault"] == "bad-time"
    table = list(csv.DictReader(io.StringIO(logs("csv", "--damaged", file, code=0).stdout.decode(), newline="")))
    assert [row["line"] for row in table] == ["2", "4", "5"] and table[2]["fault"] == "bad-time"
    assert logs("stats", "--damaged", file, code=0).stdout == listed.stdout
    assert logs("show", "--damaged", "-", stdin=joined(lines[:3])).returncode == 1


# ---- what is read ----

def test_foreign_files(tmp_path, lines):
    (tmp_path / "classic.log").write_bytes(CLASSIC * 3)
    out = logs("stats", tmp_path / "classic.log")
    assert out.returncode == 66 and out.stderr.count(b"\n") == 1 and b"classic.log" in out.stderr
    (tmp_path / "good.log").write_bytes(joined(lines[:5]))
    out = logs("show", tmp_path)
    assert out.returncode == 0 and out.stdout.count(b"\n") == 5 and out.stderr.count(b"classic.log") == 1


def test_files_that_cannot_be_read(tmp_path, lines):
    assert logs("show", tmp_path / "absent.log", code=66).stderr.count(b"\n") == 1
    packed = gzip.compress(joined(lines * 3))
    (tmp_path / "torn.log.gz").write_bytes(packed[:len(packed) // 2])
    out = logs("show", tmp_path / "torn.log.gz", code=0)
    assert 0 < out.stdout.count(b"\n") < len(lines) * 3 and b"torn.log.gz" in out.stderr
    (tmp_path / "junk.log.gz").write_bytes(packed[:10])
    assert logs("show", tmp_path / "junk.log.gz").returncode == 66
    os.mkfifo(tmp_path / "pipe.log")
    assert logs("show", tmp_path / "pipe.log").returncode == 66


def test_standard_input_may_be_gzip(lines):
    assert len(objects("-", stdin=gzip.compress(joined(lines)), code=0)) == len(lines)


def test_nothing_found(tmp_path):
    (tmp_path / "empty.log").write_bytes(b"")
    for verb in ("show", "json", "csv", "stats"):
        out = logs(verb, tmp_path / "empty.log", code=1)
        assert out.stdout == b"" and b"Nothing was found" in out.stderr
    assert json.loads(logs("stats", "--json", tmp_path / "empty.log", code=1).stdout)["requests"] == 0


# ---- filters and options ----

def check_filter(lines, options, wanted):
    rows = [alb_log.row(line) for line in lines]
    expected = [row for row in rows if wanted(row)]
    assert 0 < len(expected) < len(rows), options
    found = objects("-", *options, stdin=joined(lines), code=0)
    assert [row["trace_id"] for row in found] == [row["trace_id"] for row in expected], options


def status(row):
    return row["elb_status_code"]


@pytest.mark.parametrize("options, wanted", [
    (["--status", "5xx"], lambda row: status(row) // 100 == 5),
    (["--status", "!2xx"], lambda row: status(row) // 100 != 2),
    (["--status=460,502"], lambda row: status(row) in (460, 502)),
    (["--made-by", "lb"], lambda row: row["made_by"] == "lb"),
    (["--made-by", "target", "--status", "500"], lambda row: row["made_by"] == "target" and status(row) == 500),
    (["--host", "shop.*"], lambda row: row["host"] == "shop.example"),
    (["--client", "198.51.100.0/28"], lambda row: row["client_ip"].startswith("198.51.100.")
     and int(row["client_ip"].split(".")[3]) < 16),
    (["--client", "2001:db8::/32"], lambda row: ":" in row["client_ip"]),
    (["--target", "10.0.0.0/24"], lambda row: (row["target_ip"] or "").startswith("10.0.0.")),
    (["--target-group", "web"], lambda row: "/web/" in (row["target_group_arn"] or "")),
    (["--error-reason", "Lambda*"], lambda row: row["error_reason"] == "LambdaThrottling"),
    (["--classification", "Ambiguous"], lambda row: row["classification"] == "Ambiguous"),
    (["--min-duration", "50ms"], lambda row: (row["duration"] or 0) >= 0.05),
])
def test_filters(lines, options, wanted):
    check_filter(lines, options, wanted)


def test_times(lines):
    rows = sorted((alb_log.row(line)["time"], line) for line in lines)
    middle = rows[len(rows) // 2][0]
    after = [line for at, line in rows if at >= middle]
    for moment, said in ((middle, 0), (middle[:-1], 1)):
        out = logs("json", "-", "--since", moment, stdin=joined(lines), code=0)
        assert out.stdout.count(b"\n") == len(after)
        assert out.stderr.count(b"zone") == said
    out = logs("json", "-", "--until", middle, stdin=joined(lines), code=0)
    assert out.stdout.count(b"\n") == len(lines) - len(after)
    [row] = objects("-", "--trace", alb_log.row(lines[7])["trace_id"] or "x", stdin=joined(lines[7:8]), code=0) \
        if alb_log.row(lines[7])["trace_id"] else [None]
    assert row is None or row["trace_id"] == alb_log.row(lines[7])["trace_id"]


def test_limit_and_options_without_a_blank(lines):
    assert logs("show", "-", "--limit=3", stdin=joined(lines), code=0).stdout.count(b"\n") == 3
    assert logs("csv", "--limit", 2, "-", stdin=joined(lines), code=0).stdout.count(b"\r\n") == 3
    assert logs("show", "--json", "--limit", "1", "--", "-", stdin=joined(lines), code=0).stdout.startswith(b'{"log"')


def test_threads_do_not_change_the_answer(folder):
    one, four = (json.loads(logs("stats", "--json", "--threads", n, folder, code=0).stdout) for n in (1, 4))
    assert one == four


# ---- stats, report, sql, ddl, why ----

def test_stats_for_a_person(folder, lines):
    out = logs("stats", folder, code=0).stdout.decode()
    assert "LambdaThrottling" in out and "10.0.0." in out and "\x1b" not in out
    assert "502" in out and max(map(len, out.splitlines())) < 200
    assert "\x1b[" in logs("stats", "--color", "always", folder, code=0).stdout.decode()
    timeline = json.loads(logs("stats", "--json", "--by", "5m", folder, code=0).stdout)["timeline"]
    assert timeline["by_s"] >= 300 and sum(b["requests"] for b in timeline["buckets"]) == len(lines)


def test_compare(lines):
    times = sorted(alb_log.row(line)["time"] for line in lines)
    cut = times[len(times) // 3]
    spans = (f"{times[0]}..{cut}", f"{cut}..2027-01-01T00:00:00Z")
    both = json.loads(logs("stats", "-", "--json", "--compare", *spans, stdin=joined(lines), code=0).stdout)
    assert both["kind"] == "compare"
    assert both["a"]["requests"] == sum(at < cut for at in times)
    assert both["b"]["requests"] == sum(at >= cut for at in times)
    out = logs("stats", "-", "--compare", *spans, stdin=joined(lines), code=0).stdout.decode()
    assert out.count("\n") > 5
    logs("stats", "-", "--compare", *spans, "--since", "2h", code=64)
    logs("stats", "-", "--compare", "x..y", "z", code=64)
    logs("stats", "-", "--compare", spans[0], code=64)


def test_report(folder, tmp_path, lines):
    page = tmp_path / "page.html"
    out = logs("report", page, folder, code=0)
    assert str(page).encode() in out.stdout and page.read_bytes().lower().startswith(b"<!doctype html>")
    assert page.stat().st_mode & 0o777 == 0o600
    told = json.loads(logs("report", page, folder, "--json", code=0).stdout)
    assert told["requests"] == len(lines) and told["bytes"] == page.stat().st_size and told["file"] == str(page)
    log = tmp_path / "precious.log"
    log.write_bytes(lines[0])
    assert b".html" in logs("report", log, code=64).stderr and log.read_bytes() == lines[0]
    logs("report", tmp_path / "none.html", "--status", "299", folder, code=1)
    assert not (tmp_path / "none.html").exists()
    logs("report", tmp_path / "no/such/folder.html", folder, code=66)
    logs("report", "--kind", "connection", page, folder, code=64)
    logs("report", code=64)


def test_sql(folder, lines):
    query = "SELECT count(*) AS n, sum(sent_bytes) AS bytes FROM access_log"
    [row] = json.loads(logs("sql", query, "--json", folder, code=0).stdout)
    assert row == {"n": len(lines), "bytes": sum(alb_log.row(line)["sent_bytes"] for line in lines)}
    out = logs("sql", query, "--mode", "csv", folder, code=0).stdout
    assert out == b"n,bytes\r\n%d,%d\r\n" % (row["n"], row["bytes"])
    assert str(row["bytes"]).encode() in logs("sql", query, folder, code=0).stdout
    [row] = json.loads(logs("sql", "SELECT count(*) AS n FROM access_log", "--status", "502", "--json", folder).stdout)
    assert row["n"] == sum(alb_log.row(line)["elb_status_code"] == 502 for line in lines)
    assert b"access_log" in logs("sql", ".schema", folder, code=0).stdout
    out = logs("sql", folder, "--mode", "csv", stdin=b"SELECT 1 AS one;\nSELECT 2 AS two;\n", code=0)
    assert out.stdout == b"one\r\n1\r\ntwo\r\n2\r\n"
    logs("sql", "SELECT 1 WHERE 0", folder, code=1)
    logs("sql", "SELECT nothing FROM nowhere", folder, code=64)
    logs("sql", "DROP TABLE access_log", folder, code=64)
    logs("sql", "SELECT 1", "--mode", "xml", folder, code=64)
    logs("sql", "SELECT 1", "--mode", "csv", "--json", folder, code=64)
    logs("sql", "SELECT 1", folder / "absent", code=66)


@pytest.mark.parametrize("flavour", ["athena", "trino", "duckdb", "clickhouse"])
def test_ddl(flavour):
    for kind, column in (("access", "target_processing_time"), ("connection", "tls_handshake_latency"),
                         ("health-check", "reason_code")):
        assert column.encode() in logs("ddl", flavour, "--kind", kind, code=0).stdout
    told = json.loads(logs("ddl", flavour, "--json", "--bucket", "s3://my-logs/p", "--account", "111122223333",
                           "--region", "eu-central-1", "--from", "2026/09/01", code=0).stdout)
    assert told["flavour"] == flavour and "my-logs" in told["sql"]
    assert re.compile(told["expression"]).groups > 30
    logs("ddl", flavour, "--account", "12", code=64)
    logs("ddl", flavour, "some.log", code=64)
    logs("ddl", flavour, "--status", "5xx", code=64)
    assert b"duckdb" in logs("ddl", "oracle", code=64).stderr
    logs("ddl", code=64)


def test_why(folder, lines, tmp_path):
    long = next(line for line in lines if len(alb_log.split(line)) >= 34 and alb_log.row(line)["elb_status_code"] == 502)
    row = alb_log.row(long)
    out = logs("why", row["trace_id"], folder, code=0).stdout.decode()
    assert row["client_ip"] in out and "502" in out
    told = json.loads(logs("why", row["trace_id"], folder, "--json", code=0).stdout)
    assert len(told["stories"]) == 1
    assert told["stories"][0]["fields"]["trace_id"] == row["trace_id"]
    (tmp_path / "one.log").write_bytes(joined([HARD[0], long]))
    assert row["client_ip"] in logs("why", f"{tmp_path}/one.log:2", code=0).stdout.decode()
    assert row["client_ip"] in logs("why", long.decode("latin-1"), code=0).stdout.decode()
    logs("why", "Root=1-00000000-000000000000000000000000", folder, code=1)
    logs("why", f"{tmp_path}/absent.log:2", code=66)
    logs("why", "nonsense", folder, code=64)
    logs("why", code=64)


# ---- tail ----

class Tail:
    def __init__(self, *words):
        self.process = subprocess.Popen([harness.OPENALB, "logs", "tail", *map(str, words)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def lines(self, count):
        return [harness.read_line(self.process.stdout.fileno(), "a line of tail") for _ in range(count)]

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, out.decode(), err.decode()


def trace(text):
    return json.loads(text)["trace_id"]


def test_tail_follows_across_rotation(tmp_path, lines):
    known = [line for line in lines if len(alb_log.split(line)) >= 18]
    ids = [alb_log.row(line)["trace_id"] for line in known]
    file = tmp_path / "access.log"
    file.write_bytes(joined(known[:20]))
    with Tail("--json", "--lines", 2, file) as tail:
        assert [trace(line) for line in tail.lines(2)] == ids[18:20]
        with open(file, "ab") as out:
            out.write(joined(known[20:23]))
        assert [trace(line) for line in tail.lines(3)] == ids[20:23]
        file.rename(tmp_path / "access.log.1")
        file.write_bytes(joined(known[23:25]))
        assert [trace(line) for line in tail.lines(2)] == ids[23:25]
        assert tail.interrupt()[0] == 0


def test_tail_of_a_folder_takes_in_new_files_and_filters(tmp_path, lines):
    known = [line for line in lines if len(alb_log.split(line)) >= 18]
    ids = [alb_log.row(line)["trace_id"] for line in known if alb_log.row(line)["elb_status_code"] == 502]
    failed = next(line for line in known if alb_log.row(line)["elb_status_code"] == 502)
    (tmp_path / "old.log").write_bytes(joined([failed]))
    with Tail("--json", "--lines", 1, "--status", "502", tmp_path) as tail:
        assert [trace(line) for line in tail.lines(1)] == ids[:1]  # from now on it watches
        with open(tmp_path / "old.log", "ab") as out:
            out.write(joined(known))
        assert [trace(line) for line in tail.lines(len(ids))] == ids
        (tmp_path / "part").write_bytes(gzip.compress(joined(known)))
        (tmp_path / "part").rename(tmp_path / "new.log.gz")
        assert [trace(line) for line in tail.lines(len(ids))] == ids
        assert tail.interrupt()[0] == 0


def test_tail_of_a_pipe_ends_with_it(lines):
    out = logs("tail", "-", stdin=joined(lines[:30]), code=0).stdout
    assert 10 <= out.count(b"\n") <= 30
    assert logs("tail", "-", "--limit", 4, stdin=joined(lines[:30]), code=0).stdout.count(b"\n") == 4


# ---- pipes, signals ----

def test_a_reader_that_goes_away_is_no_fault(tmp_path, lines):
    file = tmp_path / "big.log"
    file.write_bytes(joined(lines * 40))
    for verb in ("show", "json", "csv"):
        process = subprocess.Popen([harness.OPENALB, "logs", verb, file], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=ENVIRONMENT)
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait(DEADLINE) in (-signal.SIGPIPE, 141)


def test_ctrl_c_ends_stats_with_what_was_found(lines):
    process = subprocess.Popen([harness.OPENALB, "logs", "stats", "--json", "-"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    process.stdin.write(joined(lines * 20))
    process.stdin.flush()
    stat = pathlib.Path(f"/proc/{process.pid}/stat")  # asleep in read(): it has taken all there is
    harness.until(lambda: stat.read_text().rsplit(")", 1)[1].split()[0] == "S", "it waits for more")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE)
    told = json.loads(out)
    assert told["cut_short"] is True and told["requests"] > 0 and process.returncode == 0


def test_progress_only_on_a_terminal(lines):
    master, slave = pty.openpty()
    process = subprocess.Popen([harness.OPENALB, "logs", "stats", "--json", "-"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=slave, env={**ENVIRONMENT, "TERM": "xterm"})
    os.close(slave)
    shown = b""
    while b"/s" not in shown:  # the line is redrawn as long as lines come
        with contextlib.suppress(BlockingIOError):
            process.stdin.write(joined(lines))
        process.stdin.flush()
        if select.select([master], [], [], 0)[0]:
            shown += os.read(master, 4096)
    process.stdin.close()
    assert json.loads(process.stdout.read())["requests"] > 0
    assert process.wait(DEADLINE) == 0
    process.stdout.close()
    os.close(master)
    assert b" read, " in shown
    assert logs("stats", "-", "--json", stdin=joined(lines[:20]), code=0).stderr.count(b"/s") == 0


# ---- our own logs ----

def test_the_state_folder_s_own_logs(alb, target, tmp_path):
    instance = alb(harness.template([target().address]), log_interval=3600)
    for n in range(3):
        instance.ask(b"GET /own/%d HTTP/1.1\r\nHost: web.elb.localhost\r\nConnection: close\r\n\r\n" % n)

    def rows():
        done = logs("json", "--state", instance.state)
        return [json.loads(line) for line in done.stdout.splitlines()]
    found = harness.until(lambda: (lambda x: x if len(x) == 3 else None)(rows()), "three lines in the spool")
    assert {row["path"] for row in found} == {"/own/0", "/own/1", "/own/2"}
    assert all(row["elb_status_code"] == 200 and row["made_by"] == "target" for row in found)
    with Tail("--json", "--state", instance.state, "--lines", 1) as tail:
        assert json.loads(tail.lines(1)[0])["path"].startswith("/own/")  # from now on it watches
        instance.ask(b"GET /own/last HTTP/1.1\r\nHost: web.elb.localhost\r\nConnection: close\r\n\r\n")
        assert json.loads(tail.lines(1)[0])["path"] == "/own/last"
        assert tail.interrupt()[0] == 0
    assert instance.stop() == 0
    assert len(instance.log_lines()) == 4
    assert sorted(row["path"] for row in rows()) == ["/own/0", "/own/1", "/own/2", "/own/last"]
    stats = json.loads(logs("stats", "--json", "--state", instance.state, code=0).stdout)
    assert stats["requests"] == 4


def test_no_state_folder(tmp_path):
    out = logs("stats", "--state", tmp_path / "absent", code=66)
    assert b"--state" in out.stderr and out.stderr.count(b"\n") == 1
    out = logs("stats", env={"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)})
    assert out.returncode in (0, 1, 66)  # root has a state folder of its own


# ---- help and wrong usage ----

@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb(verb):
    out = logs(verb, "--help", code=0).stdout.decode()
    assert f"openalb logs {verb} " in out and "--json" in out and "66" in out
    assert ("--since" in out) == (verb != "ddl")
    assert max(map(len, out.splitlines())) <= 100
    assert out == logs("--help", verb, code=0).stdout.decode()


def test_help():
    out = logs("--help", code=0).stdout.decode()
    assert all(re.search(rf"^  {verb} ", out, re.M) for verb in VERBS)
    assert logs("-h", code=0).stdout.decode() == out


@pytest.mark.parametrize("words, said", [
    ((), "logs stats"),
    (("stat",), "stats"),
    (("nonsense",), "--help"),
    (("stats", "--statsu", "5xx"), "--status"),
    (("stats", "--treads=2"), "--threads"),
    (("show", "--qqqqqqqq"), "--qqqqqqqq"),
    (("show", "--status"), "--status"),
    (("show", "--status", "nine"), "nine"),
    (("show", "--threads", "2"), "--threads"),
    (("show", "--limit", "0"), "--limit"),
    (("show", "--limit", "x"), "--limit"),
    (("show", "--kind", "classic"), "health-check"),
    (("stats", "--limit", "3"), "--limit"),
    (("stats", "--by", "0"), "--by"),
    (("stats", "--by", "soon"), "soon"),
    (("stats", "--top", "100000"), "--top"),
    (("tail", "--by", "5m"), "--by"),
    (("show", "--color", "red"), "red"),
    (("show", "--lang", "fr"), "fr"),
    (("show", "--since", "tomorrowish"), "tomorrowish"),
])
def test_wrong_usage(words, said):
    out = logs(*words, code=64)
    assert out.stdout == b"" and said in out.stderr.decode() and out.stderr.count(b"\n") == 2


def test_values_of_the_command_line_are_made_safe():
    assert b"\x1b" not in logs("show", "--status", "\x1b[2J", code=64).stderr
    assert b"\x1b" not in logs("\x1b[2J", code=64).stderr


def test_japanese(folder):
    out = logs("--help", "--lang", "ja", code=0).stdout.decode()
    assert re.search("[぀-ヿ一-鿿]", out)
    assert out == logs("--help", env={"LC_ALL": "ja_JP.UTF-8", "LANGUAGE": "ja"}, code=0).stdout.decode()
    assert re.search("[぀-ヿ一-鿿]", logs("show", "--lang=ja", "--limit", "0", code=64).stderr.decode())
