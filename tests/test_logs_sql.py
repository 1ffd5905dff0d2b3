# SPDX-License-Identifier: Apache-2.0
"""`openalb logs sql`: answers equal those of an independent reading; the prompt on a terminal; what is refused."""
import collections
import csv
import gzip
import io
import json
import os
import pty
import random
import re
import select
import signal
import subprocess
import time

import pytest

import alb_log
import harness
from harness import DEADLINE

ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TERM": "xterm", "PATH": os.environ["PATH"], "HOME": "/nonexistent"}
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT sum(x) FROM n"


def sql(query, *paths, stdin=b"", code=0, options=("--json",)):
    done = subprocess.run([harness.OPENALB, "logs", "sql", *options, query, *map(str, paths)], input=stdin,
                          capture_output=True, timeout=DEADLINE, env=ENVIRONMENT)
    assert done.returncode == code, (done.returncode, done.stdout[-300:], done.stderr)
    return json.loads(done.stdout) if options == ("--json",) and code < 2 else done


@pytest.fixture(scope="module")
def lines():
    return alb_log.random_log(21, 1500)


@pytest.fixture(scope="module")
def folder(lines, tmp_path_factory):
    """The lines in three files, plain and packed, with a connection log beside them."""
    place = tmp_path_factory.mktemp("logs")
    r = random.Random(22)
    (place / "a.log").write_bytes(b"\n".join(lines[:500]))
    (place / "b.log.gz").write_bytes(gzip.compress(b"\n".join(lines[500:1000])) + gzip.compress(b"\nbroken\n"))
    (place / "c.log").write_bytes(b"".join(line + b"\r\n" for line in lines[1000:]))
    (place / "conn.log").write_bytes(b"\n".join(alb_log.connection_line(r) for _ in range(300)))
    return place


@pytest.fixture(scope="module")
def rows(lines):
    return [alb_log.row(line) for line in lines]


# ---- answers ----

def test_every_column_of_every_row(folder, lines, rows):
    found = sql("SELECT * FROM access_log ORDER BY log_file, log_line", folder)
    assert len(found) == len(rows)
    for got, wanted in zip(found, rows):
        for name in set(wanted) - {"extra"}:
            assert got[name] == pytest.approx(wanted[name]) if isinstance(wanted[name], float) else \
                got[name] == wanted[name], name


def test_counts_and_sums(folder, rows):
    found = sql("SELECT elb_status_code AS status, made_by, count(*) AS n, sum(sent_bytes) AS bytes FROM access_log "
                "GROUP BY 1, 2", folder)
    wanted = collections.defaultdict(lambda: [0, 0])
    for row in rows:
        wanted[row["elb_status_code"], row["made_by"]][0] += 1
        wanted[row["elb_status_code"], row["made_by"]][1] += row["sent_bytes"]
    assert {(row["status"], row["made_by"]): [row["n"], row["bytes"]] for row in found} == wanted


def test_percentiles(folder, rows):
    percents = (50, 90, 95, 99, 99.9)
    columns = ", ".join(f"percentile(target_processing_time, {p}) AS \"{p}\"" for p in percents)
    found = sql(f"SELECT target_group_arn AS g, {columns}, p99(target_processing_time) AS last, "
                "median(target_processing_time) AS middle FROM access_log GROUP BY 1", folder)
    assert len(found) == 3
    for row in found:
        times = [one["target_processing_time"] for one in rows
                 if one["target_group_arn"] == row["g"] and one["target_processing_time"] is not None]
        for p in percents:
            assert row[str(p)] == alb_log.nearest_rank(times, p)
        assert row["last"] == alb_log.nearest_rank(times, 99) and row["middle"] == alb_log.nearest_rank(times, 50)


@pytest.mark.parametrize("where, wanted", [
    ("elb_status_code >= 500", lambda row: row["elb_status_code"] >= 500),
    ("elb_status_code IN (301, 460)", lambda row: row["elb_status_code"] in (301, 460)),
    ("elb_status_code BETWEEN 400 AND 499", lambda row: 400 <= row["elb_status_code"] < 500),
    ("target_status_code IS NULL", lambda row: row["target_status_code"] is None),
    ("target_status_code = '404'", lambda row: row["target_status_code"] == 404),
    ("time >= '2026-09-21T14:30'", lambda row: row["time"] >= "2026-09-21T14:30"),
    ("time BETWEEN '2026-09-21T14:20' AND '2026-09-21T14:40:00'",
     lambda row: "2026-09-21T14:20" <= row["time"] <= "2026-09-21T14:40:00"),
    ("time < '2026-09-21T14:30' AND elb_status_code = 200",
     lambda row: row["time"] < "2026-09-21T14:30" and row["elb_status_code"] == 200),
    ("client_ip LIKE '2001:db8:%'", lambda row: row["client_ip"].startswith("2001:db8:")),
    ("host = 'api.example' OR elb_status_code = 503",
     lambda row: row["host"] == "api.example" or row["elb_status_code"] == 503),
    ("duration > 0.1", lambda row: (row["duration"] or 0) > 0.1),
])
def test_conditions(folder, rows, where, wanted):
    found = sql(f"SELECT client_ip, client_port, time FROM access_log WHERE {where}", folder)
    expected = [row for row in rows if wanted(row)]
    assert 0 < len(expected) < len(rows)

    def key(row):
        return row["time"], row["client_ip"], row["client_port"]
    assert sorted(map(key, found)) == sorted(map(key, expected))


def test_filters_of_the_command_line_hold_too(folder, rows):
    done = subprocess.run([harness.OPENALB, "logs", "sql", "SELECT count(*) AS n FROM access_log", "--status", "5xx",
                           "--json", str(folder)], capture_output=True, timeout=DEADLINE, env=ENVIRONMENT)
    assert json.loads(done.stdout) == [{"n": sum(row["elb_status_code"] >= 500 for row in rows)}]


def test_a_join_of_two_logs(tmp_path):
    r = random.Random(23)
    access = [alb_log.random_line(r, 36) for _ in range(400)]
    connections = [alb_log.connection_line(r) for _ in range(300)]
    ids = [re.search(rb"TID_\w+", line)[0] for line in access]
    connections = [re.sub(rb"TID_\w+", r.choice(ids), line) for line in connections]
    (tmp_path / "x.log").write_bytes(b"\n".join(access + connections))
    found = sql("SELECT a.time AS t, c.timestamp AS c FROM access_log a JOIN connection_log c USING (conn_trace_id)",
                tmp_path)
    wanted = [(a.split()[1].decode(), c.split()[0].decode())
              for a, i in zip(access, ids) for c in connections if i in c]
    assert len(wanted) == 300 and sorted((row["t"], row["c"]) for row in found) == sorted(wanted)
    # Standard input is read once, whichever log is asked for more than once.
    text = b"\n".join(access + connections)
    again = sql("SELECT count(*) AS n FROM access_log a, connection_log c WHERE c.client_port > a.client_port", "-",
                stdin=text, code=64)
    assert b"Standard input can be read only once" in again.stderr


def test_standard_input(lines, rows):
    found = sql("SELECT count(*) AS n FROM access_log", "-", stdin=gzip.compress(b"\n".join(lines)))
    assert found == [{"n": len(rows)}]


def test_csv_and_table(folder):
    query = "SELECT 'a,\"b\"' AS x, NULL AS y, count(*) AS n FROM connection_log"
    out = sql(query, folder, options=("--mode", "csv")).stdout
    assert out == b'x,y,n\r\n"a,""b""",,300\r\n'
    assert list(csv.reader(io.StringIO(out.decode(), newline=""))) == [["x", "y", "n"], ['a,"b"', "", "300"]]
    assert sql(query, folder, options=()).stdout.decode().splitlines() == [
        "x      y    n", "-----  -  ---", 'a,"b"  -  300']


def test_hostile_bytes_stay_off_the_terminal(tmp_path):
    (tmp_path / "a.log").write_bytes(alb_log.random_line(random.Random(1), 36).replace(
        b'" TID_', b'" TID_\x1b[2J\xff\x00') + b"\n")
    for options in ((), ("--mode", "csv"), ("--mode", "json")):
        out = sql("SELECT conn_trace_id AS x FROM access_log", tmp_path, options=options).stdout
        assert b"\x1b" not in out and b"\xff" not in out and b"\0" not in out, options
        assert b"x1b[2J" in out


def test_time_narrows_which_files_are_read(tmp_path):
    name = "111122223333_elasticloadbalancing_eu-central-1_app.edge.0a1b2c3d4e5f6071_%s_203.0.113.9_abcdefgh.log.gz"
    r = random.Random(24)
    for hour in range(24):
        at = 1790121600000000 + hour * 3600 * 1000000  # 2026-09-23
        (tmp_path / (name % ("20260923T%02d05Z" % hour))).write_bytes(
            gzip.compress(b"\n".join(alb_log.random_line(r, at_us=at + i * 1000000) for i in range(10))))
    # One that cannot be read: it is spoken of only when it is opened.
    (tmp_path / (name % "20260923T0006Z").replace("abcdefgh", "zzzzzzzz")).write_bytes(b"\x1f\x8b\x08 no gzip")
    query = "SELECT count(*) AS n FROM access_log WHERE {}time >= '2026-09-23T20:00'"
    narrow = sql(query.format(""), tmp_path, options=("--mode", "json"))
    wide = sql(query.format("+"), tmp_path, options=("--mode", "json"))
    assert json.loads(narrow.stdout) == json.loads(wide.stdout) == [{"n": 40}]
    assert b"zzzzzzzz" not in narrow.stderr and b"zzzzzzzz" in wide.stderr


def test_memory_does_not_grow_with_the_log(tmp_path):
    """A query over a log of 60 MB, with a sum and exact percentiles, in the memory of a small one."""
    block = b"\n".join(alb_log.random_log(25, 400)) + b"\n"
    small, large = tmp_path / "small.log", tmp_path / "large.log"
    small.write_bytes(block)
    with open(large, "wb") as out:
        for _ in range(60000000 // len(block)):
            out.write(block)
    query = "SELECT p99(duration), sum(sent_bytes), count(*) FROM access_log"

    def peak(path):
        child = subprocess.Popen([harness.OPENALB, "logs", "sql", query, path], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, env=ENVIRONMENT)
        _, code, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(code)
        assert child.returncode == 0
        return used.ru_maxrss
    assert peak(large) < peak(small) + 8000 * (4 if harness.SANITIZED else 1)


# ---- what is refused ----

@pytest.mark.parametrize("query", ["ATTACH '/tmp/x' AS y", "PRAGMA journal_mode=WAL", "SELECT load_extension('x')",
                                   "VACUUM INTO '/tmp/openalb-vacuum'", "CREATE TABLE t(x)",
                                   "INSERT INTO access_log(time) VALUES ('x')", "DELETE FROM access_log"])
def test_nothing_is_written(folder, query):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    done = sql(query, folder, code=64, options=())
    assert done.stdout == b"" and done.stderr != b""
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert not os.path.exists("/tmp/openalb-vacuum")


def test_errors_show_the_place(folder):
    text = sql("SELECT count(*)\nFROM access_log WHERE pfad = 1", folder, code=64, options=()).stderr.decode()
    lines = text.splitlines()
    assert "no such column: pfad" in lines[0]
    assert lines[1].endswith("FROM access_log WHERE pfad = 1") and lines[2].endswith("^")
    assert lines[1].index("pfad") == lines[2].index("^")
    assert b"syntax error" in sql("SELEKT 1", folder, code=64, options=()).stderr
    assert b"no such table" in sql("SELECT * FROM logs", folder, code=64, options=()).stderr


def test_missing_files_and_nothing_found(folder, tmp_path):
    sql("SELECT 1", tmp_path / "nowhere", code=66, options=())
    assert sql("SELECT 1 FROM access_log WHERE elb_status_code = 999", folder, code=1) == []


def test_interrupted(folder):
    child = subprocess.Popen([harness.OPENALB, "logs", "sql", f"SELECT count(*) FROM access_log; {ENDLESS}", folder],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    for _ in range(3):  # the first statement was answered, the second one runs
        assert harness.read_line(child.stdout.fileno(), "the first answer")
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=DEADLINE)
    assert child.returncode in (0, 1, 130)


# ---- statements from a pipe ----

def test_statements_from_a_pipe(folder, rows):
    def pipe(text, code=0):
        done = subprocess.run([harness.OPENALB, "logs", "sql", folder], input=text.encode(), capture_output=True,
                              timeout=DEADLINE, env=ENVIRONMENT)
        assert done.returncode == code, (done.returncode, done.stderr)
        return done
    out = pipe(".mode csv\nSELECT count(*)\n  AS n\nFROM access_log;\n.mode json\nSELECT 1 AS x, ';' AS y").stdout
    assert out.decode() == f'n\r\n{len(rows)}\r\n[\n{{"x":1, "y":";"}}\n]\n'
    assert b"elb_status_code" in pipe(".schema\n").stdout
    done = pipe("SELECT 1;\nSELECT nonsense;\nSELECT 2;\n", code=64)
    assert b"nonsense" in done.stderr and b"2" not in done.stdout


@pytest.mark.parametrize("command, word", [(".tables", "health_check_log"), (".schema", "CREATE TABLE access_log"),
                                           (".help", "percentile(x, p)"), (".columns connection_log", "tls_cipher")])
def test_commands_as_an_argument(folder, command, word):
    assert word in sql(command, folder, options=()).stdout.decode()


# ---- the prompt ----

class Prompt:
    """The program on a terminal; what it shows is collected, escape sequences left out."""

    def __init__(self, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(harness.OPENALB, ["openalb", "logs", "sql", *map(str, words)], ENVIRONMENT)
        self.shown = ""

    def until(self, text):
        """Waits until `text` was shown, and forgets what was shown up to it."""
        end = time.monotonic() + DEADLINE
        while text not in self.shown:
            left = end - time.monotonic()
            assert left > 0 and select.select([self.fd], [], [], left)[0], f"no {text!r} in {self.shown!r}"
            try:
                part = os.read(self.fd, 65536)
            except OSError:
                part = b""
            assert part, f"it ended before {text!r}: {self.shown!r}"
            self.shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", part.decode(errors="replace"))
        before, _, self.shown = self.shown.partition(text)
        return before

    def send(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def prompt(folder):
    made = Prompt(folder)
    made.until("sql> ")
    yield made
    try:
        os.kill(made.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    try:
        os.waitpid(made.pid, 0)
        os.close(made.fd)
    except OSError:
        pass  # it was ended by the test


def test_prompt_answers_statements_of_several_lines(prompt, rows):
    prompt.send("SELECT count(*) AS n\r")
    prompt.until("...> ")
    prompt.send("FROM access_log;\r")
    prompt.until(str(len(rows)))
    prompt.until("sql> ")
    prompt.send(".mode json\r")
    prompt.until("sql> ")
    prompt.send("SELECT 'é' AS x;\r")
    prompt.until('{"x":"é"}')
    prompt.until("sql> ")
    prompt.send(".quit\r")
    assert prompt.end() == 0


def test_prompt_completes_names(prompt):
    prompt.send("SELECT count(*) AS n FROM health_ch\t;\r")
    prompt.until("-\r\n0\r\n")  # the table was found by its whole name
    prompt.until("sql> ")
    prompt.send("SELECT a.target_pro\t AS x FROM access_log a WHERE 0;\r")
    prompt.until("x\r\n-\r\n")
    prompt.until("sql> ")
    prompt.send("SELECT target_p\t")
    shown = prompt.until("target_port_list")
    assert "target_processing_time" in shown
    prompt.send("\x15.quit\r")
    assert prompt.end() == 0


def test_prompt_survives_errors_and_interrupts(prompt):
    prompt.send("SELECT nonsense;\r")
    prompt.until("no such column: nonsense")
    prompt.until("sql> ")
    prompt.send("SELECT 1 AS never\r")
    prompt.until("...> ")
    prompt.send("\x03")  # what is typed goes
    prompt.until("sql> ")
    prompt.send(ENDLESS + ";\r")
    prompt.until("FROM n;\r\n")
    prompt.send("\x03")
    prompt.until("The statement was stopped.")
    prompt.until("sql> ")
    prompt.send("SELECT 40 + 2;\r")
    prompt.until("42")
    prompt.send("\x1b[A")  # the line before
    prompt.until("SELECT 40 + 2;")
    prompt.send("\x15\x04")  # nothing left on the line: the end
    assert prompt.end() in (0, 64)
