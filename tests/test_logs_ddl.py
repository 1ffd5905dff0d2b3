# SPDX-License-Identifier: Apache-2.0
"""`openalb logs ddl`: one expression for all engines. It is run over every historical shape of a line, and gives what
our reader gives; DuckDB executes its flavour for real."""
import gzip
import json
import os
import random
import re
import subprocess

import pytest

import alb_log
import duckdb_engine
import harness
from harness import DEADLINE

FLAVOURS = ("athena", "trino", "duckdb", "clickhouse")
KINDS = ("access", "connection", "health-check")
TABLES = {"access": "access_log", "connection": "connection_log", "health-check": "health_check_log"}
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}

HEAD = 'http 2026-09-23T11:02:33.115020Z app/e/0 192.0.2.7:60001 '
NONE = '- -1 -1 -1 400 - 0 272 '
# The table of shapes in the guide and in real logs: what a random line does not have.
SHAPES = {
    "malformed": HEAD + NONE + '"- http://edge-1.elb.example:80- -" "-" - - - "-"',
    "malformed, last dash missing": HEAD + NONE + '"- http://edge-1.elb.example:8080- " "-" - - - "-"',
    "malformed, older": HEAD + NONE + '"- - - " "-" - - - "-"',
    "request is empty": HEAD + NONE + '"" "-" - - -',
    "request is a dash": HEAD + NONE + '"-" "-" - - -',
    "blank behind the version": HEAD + NONE + '"GET http://h:80/ HTTP/1.0 " "-" - - -',
    "version missing": HEAD + NONE + '"GET http://h:80/ " "-" - - -',
    "two blanks before the version": HEAD + NONE + '"GET http://h:80/  HTTP/1.1" "-" - - -',
    "blanks in the URL": HEAD + NONE + '"GET http://h:80/a b  c?d e HTTP/1.1" "-" - - -',
    "odd version": HEAD + NONE + '"GET http://h:80/ HTCPCP/1.0" "-" - - -',
    "17 fields": HEAD + NONE + '"GET http://h:80/ HTTP/1.1" "curl/7" - - arn:tg',
    "18 fields": HEAD + NONE + '"GET http://h:80/ HTTP/1.1" "curl/7" - - arn:tg "Root=1-2-3"',
    "19 fields": HEAD + NONE + '"GET http://h:80/ HTTP/1.1" "curl/7" - - arn:tg "Root=1-2-3" " h"',
    "IPv6": 'h2 2026-09-23T11:02:33.115020Z app/e/0 2001:db8::7:50718 2001:db8:1::8:8080 0.1 0.2 0.3 200 200 1 2 '
            '"GET https://[2001:db8::1]:443/ HTTP/2.0" "-" A-B TLSv1.3 arn:tg',
    "IPv6 in brackets": 'h2 2026-09-23T11:02:33.115020Z app/e/0 [2001:db8::7]:50718 - -1 -1 -1 - - 1 2 '
                        '"GET https://h:443/ HTTP/2.0" "-" A-B TLSv1.3 arn:tg',
    "long times": HEAD + '10.0.0.1:80 0.000123 12.345678 0.000000 200 200 1 2 "GET http://h:80/ HTTP/1.1" "-" - - -',
    "quote escaped by a backslash": HEAD + NONE + r'"GET http://h:80/?\"a\" HTTP/1.1" "a \"b\" c" - - -',
    "backslash before the last quote": HEAD + NONE + r'"GET http://h:80/ HTTP/1.1" "a\" - - arn:tg "Root=1" "d" "c" 0',
    "backslashes": HEAD + NONE + r'"GET http://h:80/a\b HTTP/1.1" "c:\d\e" - - arn:tg "Root=1"',
    "hex escapes": HEAD + NONE + r'"GET http://h:80/\x22\x5C HTTP/1.1" "\x00000022 \xC3\xA9" - - arn:tg',
    "lists without quotes": HEAD + '10.0.0.1:80 0.1 0.2 0.3 200 200 1 2 "GET http://h:80/ HTTP/1.1" "-" - - arn:tg '
                            '"Root=1" "-" "-" 0 2026-09-23T11:02:33.114000Z "forward" "-" "-" 10.0.0.1:80 200 "-" "-"',
    "lists of two": HEAD + '10.0.0.1:80 0.1 0.2 0.3 200 200 1 2 "GET http://h:80/ HTTP/1.1" "-" - - arn:tg "Root=1" '
                    '"-" "-" 0 2026-09-23T11:02:33.114000Z "forward" "-" "-" "10.0.0.1:80 10.0.0.2:80" "502 200" '
                    '"-" "-" TID_1',
    "empty actions": HEAD + NONE + '"- - - " "-" - - - "-" "-" "-" - 2026-09-23T11:02:33.114000Z "" "-" "-" "-" "-"',
    "36 fields": HEAD + NONE + '"- http://e:80- -" "-" - - - "-" "-" "-" - 2026-09-23T11:02:33.114000Z "-" "-" "-" '
                 '"-" "-" "-" "-" TID_0 "-" "-" "-" 203.0.113.9 "-" "-"',
    "40 fields": HEAD + NONE + '"- http://e:80- -" "-" - - - "-" "-" "-" - 2026-09-23T11:02:33.114000Z "-" "-" "-" '
                 '"-" "-" "-" "-" TID_0 "h" "/u" "TransformSuccess" 203.0.113.9 "-" "-" "a b" new "x" -',
    "unknown type": HEAD.replace("http ", "h9 ") + NONE + '"GET http://h:80/ HTTP/1.1" "-" - - -',
    "line end of Windows": HEAD + NONE + '"GET http://h:80/ HTTP/1.1" "-" - - -\r',
}
NO_LINES = [
    HEAD + NONE + '"GET http://h:80/ HTTP/1.1" "open - - -',
    HEAD + NONE + '"GET http://h:80/ HTTP/1.1"',
    "https yesterday app/e/0 192.0.2.7:1 " + NONE + '"GET http://h:80/ HTTP/1.1" "-" - - -',
    "something else",
]


def logs(*words, stdin=b"", code=0):
    done = subprocess.run([harness.OPENALB, "logs", *map(str, words)], input=stdin, capture_output=True,
                          timeout=DEADLINE, env=ENVIRONMENT)
    assert code is None or done.returncode == code, (done.returncode, done.stderr)
    return done.stdout


def ddl(flavour, *words):
    return json.loads(logs("ddl", flavour, "--json", *words))


def column_names(kind):
    """In the order of the expression's groups: those that are no derived ones."""
    text = ddl("athena", "--kind", kind)["sql"]
    return re.findall(r"^    `(\w+)` \w+", text, re.M)


def expression(kind):
    return re.compile(ddl("athena", "--kind", kind)["expression"], re.A)


def read(lines, kind="access"):
    """What our reader makes of the lines, one by one; None for no row."""
    path = TABLES[kind]
    rows = json.loads(logs("sql", "--json", f"SELECT *, log_line FROM {path}", "-", stdin="\n".join(lines).encode(),
                           code=None))
    numbered = {row["log_line"]: row for row in rows}
    return [numbered.get(i + 1) for i in range(len(lines))]


def value(raw, like):
    """A group's text as our reader shows it."""
    if raw is None or raw == "":
        return None
    if isinstance(like, int):
        return int(raw)
    if isinstance(like, float):
        return float(raw)
    return alb_log.text(raw.encode("utf-8", "surrogateescape"))


def check_equal(names, groups, row, line):
    assert len(names) == len(groups)
    for name, raw in zip(names, groups):
        wanted = row[name]
        assert value(raw, wanted) == wanted, (name, raw, wanted, line)


# ---- the expression ----

@pytest.mark.parametrize("kind", KINDS)
def test_one_group_for_each_column(kind):
    assert expression(kind).groups == len(column_names(kind))
    assert "(?=" not in expression(kind).pattern and "(?!" not in expression(kind).pattern  # RE2 has neither


def test_every_flavour_has_the_same_columns():
    for kind in KINDS:
        names = column_names(kind)
        for flavour in FLAVOURS:
            text = ddl(flavour, "--kind", kind)["sql"]
            view = text[text.index("VIEW") if "VIEW" in text else 0:].split("FROM")[0]
            found = re.findall(r'AS "(\w+)",?$', view, re.M) or re.findall(r"^    `(\w+)` \w+", text, re.M)
            if flavour == "trino":
                found = [re.findall(r'"(\w+)"', line)[-1] for line in view.splitlines() if '"' in line]
            assert found == names, (flavour, kind)


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_is_read_as_our_reader_does(name):
    line = SHAPES[name]
    found = expression("access").fullmatch(line)
    assert found, line
    row, = read([line])
    assert row is not None
    check_equal(column_names("access"), found.groups(), row, line)


def test_random_lines_are_read_as_our_reader_does():
    names, compiled = column_names("access"), expression("access")
    lines = [line.decode() for line in alb_log.random_log(11, 1000)]
    for line, row in zip(lines, read(lines)):
        found = compiled.fullmatch(line)
        assert found and row, line
        check_equal(names, found.groups(), row, line)


@pytest.mark.parametrize("kind, make", [("connection", alb_log.connection_line), ("health-check", alb_log.health_line)])
def test_other_logs_are_read_as_our_reader_does(kind, make):
    r = random.Random(12)
    lines = [make(r).decode() for _ in range(200)]
    cut = {"connection": 12, "health-check": 8}[kind]  # the first version
    lines += [" ".join(re.findall(r'"[^"]*"|\S+', line)[:cut]) for line in lines[:50]]
    lines += [line + " new \"one more\"" for line in lines[:50]]
    names, compiled = column_names(kind), expression(kind)
    for line, row in zip(lines, read(lines, kind)):
        found = compiled.fullmatch(line)
        assert found and row, line
        check_equal(names, found.groups(), row, line)


def test_what_is_no_line_does_not_match():
    assert read(NO_LINES) == [None] * len(NO_LINES)
    for line in NO_LINES:
        assert not expression("access").fullmatch(line), line
    r = random.Random(13)
    made = {"access": alb_log.random_line, "connection": alb_log.connection_line, "health-check": alb_log.health_line}
    for kind in KINDS:
        for other in KINDS:
            if other != kind:
                line = made[other](r).decode()
                assert not expression(kind).fullmatch(line), (kind, line)


def test_hostile_lines_do_not_take_for_ever():
    """Engines that try every way (Java, Python) must not be led into trying too many."""
    for text in ('\\"' * 60, "\\" * 400, " \\\" " * 50, "a " * 300):
        line = HEAD + NONE + f'"GET http://h:80/{text} HTTP/1.1" "{text}" - - - "{text} x'
        code = ("import re, sys, json; d = json.load(sys.stdin);"
                "sys.exit(bool(re.compile(d['e'], re.A).fullmatch(d['l'])))")
        subprocess.run(["/usr/bin/python3", "-c", code], timeout=DEADLINE,
                       input=json.dumps({"e": expression("access").pattern, "l": line}).encode(), check=False)


# ---- DuckDB ----

def duckdb_rows(location, kind="access"):
    text = logs("ddl", "duckdb", "--kind", kind, "--bucket", location).decode()
    definition = text.split(";\n", 1)[0] + ";\n"
    return duckdb_engine.run(definition + f"SELECT * FROM {TABLES[kind]} ORDER BY log_file, time, trace_id;")[-1]


def test_duckdb_reads_what_our_reader_reads(tmp_path):
    lines = [line.decode() for line in alb_log.random_log(14, 500)] + list(SHAPES.values()) + NO_LINES
    (tmp_path / "a.log").write_text("\n".join(lines[:300]) + "\n", newline="")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.log.gz").write_bytes(gzip.compress("\n".join(lines[300:]).encode()))
    (tmp_path / "empty.log").write_text("")
    wanted = [row for row in read(lines) if row]
    assert len(wanted) == 500 + len(SHAPES)
    found = duckdb_rows(tmp_path)
    names = column_names("access")

    def key(row):
        return json.dumps([row[name] for name in names])

    shown = []
    for row in found:
        one = {}
        for name in names:
            raw = row[name]
            if raw is None:
                one[name] = None
            elif name in ("time", "request_creation_time"):
                whole, _, rest = raw.partition(".")
                one[name] = whole.replace(" ", "T") + "." + (rest + "000000")[:6] + "Z"
            elif name.endswith(("_port", "_bytes", "_code", "_priority")):
                one[name] = int(raw)
            elif name.endswith("_processing_time"):
                one[name] = float(raw)
            else:
                one[name] = alb_log.text(raw.encode()) if isinstance(raw, str) else raw
        shown.append(one)
    assert sorted(map(key, shown)) == sorted(key({name: row[name] for name in names}) for row in wanted)


def test_duckdb_runs_every_example(tmp_path):
    r = random.Random(15)
    (tmp_path / "a.log").write_bytes(b"\n".join(alb_log.random_log(16, 400)))
    (tmp_path / "c.log").write_bytes(b"\n".join(alb_log.connection_line(r) for _ in range(200)))
    (tmp_path / "h.log").write_bytes(b"\n".join(alb_log.health_line(r) for _ in range(200)))
    text = "".join(logs("ddl", "duckdb", "--kind", kind, "--bucket", tmp_path).decode()
                   for kind in ("connection", "access", "health-check"))
    results = duckdb_engine.run(text)
    assert len(results) == text.count("\nSELECT ")  # the views have a line end there
    empty = [i for i, rows in enumerate(results) if not rows]
    assert len(empty) <= 1  # no connection of both logs need be the same
    statuses = results[2]
    rows = [alb_log.row(line) for line in alb_log.random_log(16, 400)]
    assert sum(int(row["requests"]) for row in statuses) == len(rows)
    for group in results[3]:
        times = [row["target_processing_time"] for row in rows
                 if row["target_group_arn"] == group["target_group_arn"] and row["target_processing_time"] is not None]
        assert group["p99_s"] == alb_log.nearest_rank(times, 99), group


# ---- the texts ----

def test_athena_projects_the_days():
    text = logs("ddl", "athena", "--bucket", "s3://my-logs/web", "--account", "111122223333", "--region",
                "eu-central-1", "--from", "2026/02/03").decode()
    place = "s3://my-logs/web/AWSLogs/111122223333/elasticloadbalancing/eu-central-1"
    assert f"LOCATION '{place}/'" in text and f"'storage.location.template' = '{place}/${{day}}'" in text
    assert "'projection.day.range' = '2026/02/03,NOW'" in text and "day >= '2026/02/03'" in text
    regex = re.search(r"'input.regex' = '(.*)'\n", text)[1]
    assert regex.replace("\\\\", "\\") == ddl("athena")["expression"]


def test_clickhouse_and_trino_hold_the_same_expression():
    trino = re.search(r"regex = '(.*)',\n", logs("ddl", "trino").decode())[1]
    assert trino.replace("''", "'") == ddl("trino")["expression"]
    clickhouse = re.search(r"extractGroups\(line, '\^\(\?:(.*)\)\$'\) AS f", logs("ddl", "clickhouse").decode())[1]
    assert clickhouse.replace("\\\\", "\\") == ddl("clickhouse")["expression"]
    china = logs("ddl", "clickhouse", "--bucket", "s3://my-logs", "--region", "cn-north-1").decode()
    assert "https://my-logs.s3.cn-north-1.amazonaws.com.cn/AWSLogs/" in china


@pytest.mark.parametrize("words", [
    ["athena", "--bucket", "/a/folder"], ["trino", "--bucket", "logs"], ["athena", "--bucket", "s3://x'y/z"],
    ["athena", "--bucket", "s3://ab"], ["duckdb", "--bucket", "s3://logs/pre fix"], ["duckdb", "--bucket", "http://x/"],
    ["athena", "--account", "123"], ["athena", "--region", "eu'"], ["athena", "--from", "2026-01-01"],
    ["athena", "--from", "2026/02/30"], ["mysql"]])
def test_refused(words):
    assert logs("ddl", *words, code=64) == b""


def test_a_quote_in_a_path_stays_in_its_text(tmp_path):
    place = tmp_path / "it's"
    place.mkdir()
    (place / "a.log").write_bytes(alb_log.random_log(17, 1)[0])
    assert len(duckdb_rows(place)) == 1
