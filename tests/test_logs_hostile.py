# SPDX-License-Identifier: Apache-2.0
"""`openalb logs` and `openalb policy` against those who mean harm and those who mistype: damaged and hostile bytes,
bombs, files that change under the reader, SQL that would do more than read, outputs that take nothing, odd words."""
import contextlib
import csv
import gzip
import io
import json
import os
import re
import resource
import select
import signal
import subprocess
import zlib

import pytest

import alb_log
import harness
from harness import DEADLINE

ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
ESC = b"\x1b[2J\x1b]0;pwn\x07"
FIELDS = {"type": "https", "time": "2026-09-23T11:02:31.442190Z", "elb": "app/edge/0a1b",
          "client": "198.51.100.24:50112",
          "target": "10.3.1.17:8443", "first": "0.001", "second": "0.037", "third": "0.000", "status": "200",
          "said": "200",
          "in": "512", "out": "18231", "request": "GET https://shop.example:443/cart?id=7 HTTP/2.0",
          "agent": "Example/4",
          "group": "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/99aa", "trace": "Root=1-6-0",
          "host": "shop.example", "created": "2026-09-23T11:02:31.404000Z", "error": "-", "class": "-"}
TEMPLATE = (b'%(type)b %(time)b %(elb)b %(client)b %(target)b %(first)b %(second)b %(third)b %(status)b %(said)b %(in)b '
            b'%(out)b "%(request)b" "%(agent)b" TLS_AES_128_GCM_SHA256 TLSv1.3 %(group)b "%(trace)b" "%(host)b" '
            b'"arn:aws:acm:x" 10 '
            b'%(created)b "waf,forward" "-" "%(error)b" "%(target)b" "%(said)b" "%(class)b" "%(class)b" TID_0 "-" "-" "-" '
            b'203.0.113.9 "-" "-"\n')
POLICY = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
    "Action": "s3:PutObject",
    "Resource": "arn:aws:s3:::logs/edge/AWSLogs/111122223333/*"}]}
QUESTION = ("--bucket", "logs", "--account", "111122223333", "--region", "eu-central-1", "--prefix", "edge")
EVERY_WAY = (["show"], ["json"], ["csv"], ["stats"], ["stats", "--json"], ["stats", "--by", "5m"],
             ["show", "--damaged"],
             ["json", "--damaged"], ["sql", "--mode", "json", "SELECT * FROM access_log"],
             ["sql", "--mode", "csv", "SELECT * FROM access_log"], ["sql", "SELECT * FROM access_log"])


def line(**fields):
    return TEMPLATE % {key.encode(): value if isinstance(value, bytes) else value.encode()
                       for key, value in {**FIELDS, **fields}.items()}


def clean(data):
    """Bytes that a terminal may get: UTF-8 without controls but line ends (CSV has CR LF) and without direction marks."""
    text = data.decode().replace("\r\n", "\n")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200b-\u200f\ufeff]", text), text[:500]


def run(*words, stdin=b"", code=None, memory=None, env=None, text=True):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    done = subprocess.run([harness.OPENALB, *words], input=stdin, capture_output=True, timeout=DEADLINE,
                          env={**ENVIRONMENT, **(env or {})}, preexec_fn=limit if memory else None)
    assert b"Sanitizer" not in done.stderr and b"runtime error" not in done.stderr and b"assertion" not in done.stderr, \
        done.stderr
    assert done.returncode in (0, 1, 2, 3, 64, 66), (done.returncode, done.stderr)
    if text:
        clean(done.stdout)
    clean(done.stderr)
    if code is not None:
        assert done.returncode == code, (words, done.returncode, done.stdout[-300:], done.stderr)
    return done


def logs(*words, **more):
    return run("logs", *words, **more)


HOSTILE_LINES = [line(**{key: ESC}) for key in FIELDS if key not in ("time", "target")] + [
    line(target=ESC + b":80"), line(request=b"GET https://h/\x1b[31m\xff\xfe\x00\x9b31m HTTP/1.1"),
    line(request="GET https://h/\\x1b[2J\\x00\\x9b HTTP/1.1"), line(agent="</script><script>alert(1)</script>"),
    line(host="<b>x</b>"), line(agent="=cmd|' /C calc'!A0"), line(agent="a,b\\x22c\\x0d\\x0ad"),
    line(agent="\\xe2\\x80\\xae \u202e\u2028\u2066\u200b\ufeff"), line(status="9" * 20),
    line(out="9" * 20, **{"in": "-5"}),
    line(first="1e308", second="nan", third="inf"), line(first="9" * 18, second="-0.5", third="."), line(status="1e3"),
    line(time="9999-12-31T23:59:59.999999Z"), line(time="0000-01-01T00:00:00Z"), line(time="2026-02-30T00:00:00Z"),
    line(created="9999-12-31T23:59:59.999999Z"), line(client="::1"), line(client=":"),
    line(client="1.2.3.4:99999999999"),
    line(request=""), line(request="   "), line(request="GET"), line(request="- http://h:80- "), line(request="- - - "),
    line(request="GET http:// HTTP/1.1"), line(request="GET http://[::1 HTTP/1.1"), line(request="GET /rel HTTP/1.1"),
    line(request="GET https://h/" + "a" * 100000 + " HTTP/1.1"), line(agent="x" * 131072), line(agent="x" * 130000)]
FILES = {
    "hostile": b"".join(HOSTILE_LINES), "empty": b"", "newlines": b"\n" * 1000, "zeros": bytes(300000),
    "noise": bytes(i * i % 251 ^ i >> 8 & 255 for i in range(200000)), "crlf": line().replace(b"\n", b"\r\n") * 3,
    "mark": b"\xef\xbb\xbf" + line() * 3, "utf-16": b"\xff\xfe" + line().decode().encode("utf-16-le"),
    "no-end": line() + line()[:-1],
    "cr": line().replace(b"\n", b"\r") * 4, "quotes": b'"' * 200000 + b"\n" + line(),
    "escapes": b'\\"' * 100000 + b"\n" + line(),
    "blanks": b" " * 200000 + b"\n" + line(), "endless": b"a" * 3000000 + b"\n" + line(),
    "gzip-empty": gzip.compress(b""),
    "gzip-cut": gzip.compress(b"".join(HOSTILE_LINES))[:-9], "gzip-trailing": gzip.compress(line()) + b"garbage",
    "gzip-zeros": gzip.compress(line()) + bytes(1000), "gzip-magic": b"\x1f\x8b", "gzip-byte": b"\x1f",
    "gzip-name": b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * 300000, "gzip-flags": b"\x1f\x8b\x08\xff" + b"\xff" * 1000,
    "gzip-sum": gzip.compress(line() * 50)[:-8] + b"\1\2\3\4\5\6\7\0", "gzip-members": gzip.compress(line()) * 500,
    "gzip-nothings": gzip.compress(b"") * 5000 + gzip.compress(line()),
}
GOOD = {"crlf": 3, "mark": 3, "no-end": 2, "quotes": 1, "escapes": 1, "blanks": 1, "endless": 1, "gzip-trailing": 1,
        "gzip-zeros": 1,
        "gzip-members": 500, "gzip-nothings": 1, "gzip-sum": 50, "empty": 0, "newlines": 0, "zeros": 0, "cr": 0,
        "noise": 0,
        "utf-16": 0, "gzip-empty": 0, "gzip-magic": 0, "gzip-byte": 0, "gzip-name": 0, "gzip-flags": 0}


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory):
    file = tmp_path_factory.mktemp("ordinary") / "access.log"
    file.write_bytes(b"".join(line(time=f"2026-09-23T{i // 60:02}:{i % 60:02}:00Z", status=("200", "502", "-")[i % 3])
                              for i in range(600)))
    return file


def rows_of(done, words):
    if "--mode" in words and "json" in words or words == ["stats", "--json"]:
        return json.loads(done.stdout or b"[]")
    if words[0] == "json":
        return [json.loads(one) for one in done.stdout.splitlines()]
    rows = list(csv.reader(io.StringIO(done.stdout.decode(), newline=""), strict=True))
    assert len({len(row) for row in rows}) <= 1
    return rows[1:]


@pytest.mark.parametrize("name", FILES)
def test_every_verb_takes_every_file(name, tmp_path):
    file = tmp_path / (name + ".log")
    file.write_bytes(FILES[name])
    counts = []
    for words in EVERY_WAY:
        done = logs(*words, file)
        if "--mode" in words or words in (["json"], ["csv"]):
            counts.append(len(rows_of(done, words)))
        elif words == ["stats", "--json"]:
            counts.append(rows_of(done, words)["requests"])
        elif words == ["json", "--damaged"]:
            rows_of(done, words)
    assert len(set(counts)) == 1, counts  # all verbs agree
    assert counts[0] == GOOD.get(name, counts[0])
    assert name in GOOD or counts[0] > 30


def test_the_reading_is_the_independent_one():
    for raw in HOSTILE_LINES:
        done = logs("json", "-", stdin=raw)
        try:
            # The plain splitter knows nothing of the longest line and of days that do not exist.
            alb_log.split(raw[:-1])
        except alb_log.Damaged:
            assert done.returncode == 1, raw[:200]
            continue
        if done.returncode == 1:
            assert len(raw) > 128 * 1024 or re.search(rb" (0000-|2026-02-30|\x1b)", raw), raw[:200]


def test_times_that_are_centuries_apart_have_no_duration():
    row = json.loads(logs("json", "-", stdin=line(time="9999-12-31T23:59:59Z"), code=0).stdout)
    assert row["duration"] is None
    row = json.loads(logs("json", "-", stdin=line(time="2526-09-23T11:02:31.404000Z"), code=0).stdout)
    assert row["duration"] == 15778454400


def test_one_line_of_strangers_as_a_story(tmp_path):
    file = tmp_path / "a.log"
    file.write_bytes(b"".join(HOSTILE_LINES))
    for number in range(1, len(HOSTILE_LINES) + 1, 3):
        logs("why", f"{file}:{number}")
        json.loads(logs("why", "--json", f"{file}:{number}").stdout)


def test_why_judges_its_word_first():
    for word in ("access.log:0", "access.log:-1", "access.log:1x", f"a:{2 ** 64}", ":", "", "-", "Root=", "*",
                 line()[:-30],
                 line() * 2, "x" * 100000, b"\x1b\xff\n"):
        assert b"is no trace id" in logs("why", word, code=64).stderr
    for end in (b"", b"\n", b"\r\n"):
        logs("why", line()[:-1] + end, code=0)


def test_names_of_files_and_words_are_strangers_too(tmp_path, ordinary):
    for name in (b"a\x1b[31m.log", b"b\xff.log", b"c\nd.log", b"--help.log", b"%s%n.log", b"{file}.log",
                 "\u202e.log".encode()):
        where = os.fsencode(tmp_path) + b"/" + name
        with open(where, "wb") as file:
            file.write(b"damaged \x1b\n" + line())
        for words in EVERY_WAY:
            logs(*words, where, code=0)
        json.loads(logs("why", "--json", where + b":2", code=0).stdout)
    logs("show", "--damaged", tmp_path, code=0)
    for words in ([b"\x1b\xff"], ["show", b"--\x1b\xff"], ["show", "--status", b"\x1b\xff"],
                  ["show", "--since", b"\x1b\x9b"],
                  ["ddl", b"\x1b"], ["sql", b"SELECT '\x1b[2J\xff", ordinary],
                  ["show", "--path", b"\xff" * 2000, ordinary],
                  ["stats", "--by", b"\x1b", ordinary], ["stats", "--compare", b"\x1b..", b"..\xff", ordinary]):
        logs(*words, code=64)
    logs("show", b"nothing\x1b[2J\xff\n", code=66)


@pytest.mark.parametrize("option", ["--threads", "--limit", "--top", "--lines"])
def test_numbers(option, ordinary):
    verb = {"--threads": "stats", "--limit": "show", "--top": "stats", "--lines": "tail"}[option]
    for word in ("-1", "9" * 20, "", "a", "1e3", "1.5", "+4", " 4", "0x10", *(("0",) if option != "--lines" else ())):
        logs(verb, option, word, ordinary, code=64)
    assert logs("show", "--limit", "4294967297", ordinary, code=0).stdout.count(b"\n") == 600
    logs("stats", "--threads", "64", ordinary, code=64)


def test_steps_and_spans(ordinary):
    for word in ("1us", "1000y", "0", "0s", "-5m", "m", "5M", "", "9" * 21 + "s"):
        logs("stats", "--by", word, ordinary, code=64)
    for word in ("1ms", "1s", "1.5h", "365d"):
        sums = json.loads(logs("stats", "--json", "--by", word, ordinary, code=0).stdout)
        assert sums["requests"] == 600
    for spans in (["x", "y"], ["..", ".."], ["2026-09-24..2026-09-23", "2026-09-23.."],
                  ["2026-09-23..2026-09-23", ".."]):
        logs("stats", "--compare", *spans, ordinary, code=64)
    done = logs("stats", "--json", "--compare", "2026-09-23T00:00..2026-09-23T02:00",
                "2026-09-23T01:00..2026-09-23T04:00",
                ordinary, code=0)
    assert {b"120", b"180"} <= set(re.findall(rb'"requests": (\d+)', done.stdout))


def test_odd_values_of_filters(ordinary):
    for words in (["--since", "9" * 17 + "w"], ["--since", "-2h"], ["--since", "2026-13-01"],
                  ["--since", "2026-09-23T25:00"],
                  ["--since", ""], ["--since", "2026-09-23T10:00+99:00"], ["--until", "1969-12-31"],
                  ["--status", "xxx"],
                  ["--status", "!"], ["--status", "200,"], ["--status", "500-400"], ["--status", "2" * 9000],
                  ["--status", ",".join(["200"] * 1001)], ["--client", "1.2.3.4/33"], ["--client", "1.2.3.4/-1"],
                  ["--min-duration", "-1s"], ["--min-duration", "1e3"], ["--made-by", "x"], ["--made-by", ""],
                  ["--kind", "x"],
                  ["--color", "x"], ["--lang", "xx"], ["--mode", "x"], ["--nonsense"], ["--path", "*" * 1025]):
        logs("show", *words, ordinary, code=64)
    logs("show", "--path", "*a" * 500 + "b", ordinary, code=1)
    logs("show", "--", "--x", code=66)


def test_time_zones_do_not_matter(ordinary):
    for zone in ("America/New_York", "Asia/Kathmandu", ":nothing", "<x>-99"):
        done = logs("show", "--since", "2026-09-23T05:00", "--limit", "1", ordinary, env={"TZ": zone}, code=0)
        assert done.stdout.startswith(b"2026-09-23T05:00:00") and b"UTC" in done.stderr


@pytest.mark.skipif(harness.SANITIZED, reason="sanitizers need more address space")
def test_bombs(tmp_path):
    file = tmp_path / "bomb.log.gz"
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    many = bytes(1 << 20)
    file.write_bytes(b"".join(pack.compress(many) for _ in range(1300)) + pack.flush())
    for words in (["stats", "--json"], ["show"], ["sql", "SELECT count(*) FROM access_log"]):
        done = logs(*words, file, memory=1 << 30)
        assert b"unpacks to far more" in done.stderr
        done = logs(*words, "-", stdin=file.read_bytes(), memory=1 << 30)
        assert b"unpacks to far more" in done.stderr


@pytest.mark.skipif(harness.SANITIZED, reason="sanitizers need more address space")
def test_memory_does_not_grow_with_distinct_values(tmp_path):
    file = tmp_path / "many.log"
    with open(file, "wb") as log:
        for i in range(40000):
            key = f"{i * 2654435761 % 2 ** 32:x}"
            log.write(line(request=f"GET https://h{key}.example:443/p{key}{'q' * 200} HTTP/1.1", agent=key + "u" * 200,
                           host="h" + key, client=f"2001:db8::{key[:4]}:{i % 65536:x}:50",
                           target=f"10.{i % 256}.{i // 256 % 256}.1:80",
                           group=f"arn:aws:x:y:1:targetgroup/g{key}/9", error="E" + key, elb=f"app/{key}/1",
                           status=str(i % 65536), type="t" + key, **{"class": "C" + key}))
    for words in (["stats"], ["stats", "--json"], ["report", tmp_path / "page.html"]):
        logs(*words, "--threads", "2", file, memory=1 << 30, code=0)
    assert json.loads(logs("stats", "--json", file, code=0).stdout)["requests"] == 40000
    assert (tmp_path / "page.html").stat().st_size < 5_000_000


def test_what_is_no_file(tmp_path, ordinary):
    pipe, folder = tmp_path / "pipe", tmp_path / "folder"
    os.mkfifo(pipe)
    folder.mkdir()
    os.mkfifo(folder / "pipe.log")
    for name, to in (("zero.log", "/dev/zero"), ("loop", "."), ("nothing.log", "nowhere")):
        (folder / name).symlink_to(to)
    (folder / "a.log").write_bytes(ordinary.read_bytes())
    for verb in ("show", "stats", "json", "csv", "tail"):
        assert b"no regular file" in logs(verb, pipe, code=66).stderr
    for device in ("/dev/zero", "/dev/null", "/dev/urandom"):
        logs("stats", device, code=66)
    assert logs("show", folder, code=0).stdout.count(b"\n") == 600
    deep = tmp_path.joinpath("deep", *["d"] * 100)
    deep.mkdir(parents=True)
    (deep / "a.log").write_bytes(line())
    assert b"nested too deeply" in logs("stats", tmp_path / "deep", code=66).stderr


@contextlib.contextmanager
def started(*words, **more):
    process = subprocess.Popen([harness.OPENALB, "logs", *map(str, words)], stdin=subprocess.DEVNULL,
                               stderr=subprocess.PIPE,
                               env=ENVIRONMENT, **{"stdout": subprocess.PIPE, **more})
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", ["shorter", "gone", "longer"])
def test_files_that_change_under_the_reader(how, tmp_path, ordinary):
    file = tmp_path / "a.log"
    file.write_bytes(ordinary.read_bytes() * 100)
    with started("json", file, bufsize=0) as process:
        assert process.stdout.read(10)
        if how == "shorter":
            os.truncate(file, 1000)
        elif how == "gone":
            file.unlink()
        else:
            with open(file, "ab") as log:
                log.write(line())
        out, err = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0 and b"Sanitizer" not in err, err
        assert how == "shorter" or len(out.splitlines()) >= 60000
        # The first line is cut by what was read above; the others are whole, whatever happened to the file.
        for one in out.splitlines()[1:200]:
            json.loads(one)


def test_tail_ends_with_its_reader(ordinary):
    """Also when no line comes any more."""
    with started("tail", "--lines", "1", ordinary) as process:
        assert select.select([process.stdout], [], [], DEADLINE)[0]
        process.stdout.read(1)
        process.stdout.close()
        assert process.wait(DEADLINE) in (0, -signal.SIGPIPE)
        process.stdout = None


def test_outputs_that_take_nothing(ordinary, tmp_path):
    for words in (["show"], ["json"], ["csv"], ["stats"], ["stats", "--json"], ["sql", "SELECT 1"],
                  ["tail", "--lines", "5"]):
        for stdout in (open("/dev/full", "wb"), None):
            with contextlib.ExitStack() as stack:
                if stdout is not None:
                    stack.enter_context(stdout)
                    command = [harness.OPENALB, "logs", *words, ordinary]
                else:
                    command = ["/bin/sh", "-c", 'exec "$@" >&-', "sh", harness.OPENALB, "logs", *words, ordinary]
                done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stdout or subprocess.PIPE,
                                      stderr=subprocess.PIPE, timeout=DEADLINE, env=ENVIRONMENT)
            assert done.returncode == 66 and done.stderr, (words, stdout, done)
    page = tmp_path / "page.html"
    subprocess.run(["/bin/sh", "-c", 'exec "$@" >&- <&- 2>&-', "sh", harness.OPENALB, "logs", "report", page, ordinary],
                   timeout=DEADLINE, env=ENVIRONMENT)
    assert page.read_bytes().startswith(b"<!") and page.read_bytes().rstrip().endswith(b"</html>")


SQL_REFUSED = [
    "ATTACH 'x.db' AS x", "ATTACH ':memory:' AS x", "PRAGMA writable_schema=1", "PRAGMA journal_mode=WAL",
    "PRAGMA temp_store_directory='/tmp'", "PRAGMA hard_heap_limit=0", "PRAGMA soft_heap_limit(0)",
    "SELECT load_extension('x')",
    "SELECT writefile('w','x')", "SELECT readfile('/etc/passwd')", "SELECT edit('x')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT fts3_tokenizer('simple', x'00')", "CREATE TABLE t(a)", "CREATE VIRTUAL TABLE t USING fts5(a)",
    "INSERT INTO access_log DEFAULT VALUES", "DELETE FROM access_log", "UPDATE access_log SET elb=1",
    "DROP TABLE access_log",
    "VACUUM INTO 'v.db'", "BEGIN", "SELECT 1; DROP TABLE access_log", "SELECT", "/*", "SELECT zeroblob(1000000000)",
    "SELECT randomblob(100000000)", "SELECT percentile(1, 101) FROM access_log",
    "SELECT percentile(user_agent, 50) FROM access_log",
    "SELECT 1 WHERE " + "(" * 2000 + "1" + ")" * 2000, "SELECT " + "+".join(["1"] * 5000),
    "SELECT " + ",".join(["1"] * 5000),
    "SELECT '%' LIKE replace(hex(zeroblob(200000)), '0', '%a')"]


def test_sql_only_reads(tmp_path, ordinary):
    for statement in SQL_REFUSED:
        done = subprocess.run([harness.OPENALB, "logs", "sql", statement, ordinary], capture_output=True,
                              timeout=DEADLINE,
                              cwd=tmp_path, env=ENVIRONMENT)
        assert done.returncode == 64 and done.stderr, (statement[:80], done)
    assert not list(tmp_path.iterdir())


def test_sql_answers_stay_text(ordinary):
    for statement in ("SELECT char(27)||'[2J'||char(0)||char(8238) AS \"\x1b[2J\"",
                      "SELECT x'1b5b324a', 9e999, -9e999, 0.0/0, 1e308"):
        logs("sql", statement, ordinary, code=0)
        json.loads(logs("sql", "--mode", "json", statement, ordinary, code=0).stdout, parse_constant=pytest.fail)


def test_sql_constraints_equal_plain_comparison(ordinary):
    """What is pushed down finds the same rows as SQLite itself in a copy of the rows."""
    tests = ("> 9e18", ">= '500'", ">= 499.5", "= 502.0", "IS NULL", "> x'00'", "< 'abc'", "IN (502, 504, NULL)",
             "<= NULL",
             "> '2026-09-23T01:00'", "> 'garbage'", "BETWEEN '2026-09-23T01:00:00Z' AND '2026-09-23T02'", "< ''",
             "!= 200",
             "= '2026-09-23T01:00:00.000000Z'", "NOT BETWEEN 0 AND 1e3", "IS NOT 200")
    columns = ("elb_status_code", "time", "request_creation_time")
    terms = [f"{column} {test}" for column in columns for test in tests]
    asked = ["SELECT " + ", ".join(f"(SELECT count(*) FROM {table} WHERE {term})" for term in terms)
             for table in ("access_log", "t")]
    done = logs("sql", "--mode", "csv",
                f"CREATE TEMP TABLE t AS SELECT {', '.join(columns)} FROM access_log; " + "; ".join(asked),
                ordinary, code=0)
    rows = [row for row in csv.reader(io.StringIO(done.stdout.decode(), newline="")) if row and row[0].isdigit()]
    assert len(rows) == 2
    assert dict(zip(terms, rows[0], strict=True)) == dict(zip(terms, rows[1], strict=True))


@pytest.mark.parametrize("statement", [
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c",
    "SELECT count(*) FROM access_log a, access_log b, access_log c, access_log d"])
def test_endless_sql_can_be_stopped(statement, ordinary):
    with started("sql", "SELECT 1; " + statement, ordinary) as process:
        assert select.select([process.stdout], [], [], DEADLINE)[0]  # it runs, so that the signal is caught
        process.send_signal(signal.SIGINT)
        process.wait(DEADLINE)


# ---- policies ----

def policy(*words, **more):
    return run("policy", *words, **more)


def check(text, *more, **options):
    text = text if isinstance(text, bytes) else text.encode()
    shown = policy("check", "--policy", "-", *QUESTION, *more, stdin=text, **options)
    done = policy("check", "--policy", "-", *QUESTION, "--json", *more, stdin=text, text=False, **options)
    assert shown.returncode == done.returncode
    return done.returncode, json.loads(done.stdout)


def right(**change):
    return json.dumps({**POLICY, "Statement": [{**POLICY["Statement"][0], **change}]})


TEXT = right()
NO_POLICY = {
    "empty": "", "array": "[]", "null": "null", "open": "{", "closed": "}", "no statement": "{}",
    "no list": '{"Statement":"x"}',
    "list in list": '{"Statement":[[]]}', "nothing in list": '{"Statement":[null]}', "brackets": "[" * 100000,
    "braces": '{"a":' * 100000,
    "deep": '{"Statement":' + "[" * 31 + "]" * 31 + "}", "mark": "\ufeff" + TEXT,
    "utf-16": b"\xff\xfe" + TEXT.encode("utf-16-le"),
    "newline": "\n" + TEXT, "blank": " " + TEXT, "more": TEXT + "x", "twice": TEXT + "{}",
    "curly": TEXT.replace('"', "\u201c"),
    "comment": TEXT + "// c", "open comment": TEXT[:-2] + "/*", "comma": TEXT[:-2] + ",]}",
    "zero": b"\0" + TEXT.encode(),
    "zero inside": TEXT.replace("Allow", "All\0ow"), "escape": TEXT.replace("Allow", "All\x1b[2Jow"),
    "latin": TEXT.encode().replace(b"Allow", b"All\xffow"), "surrogate": TEXT.replace("Allow", "\\ud800"),
    "turned surrogates": TEXT.replace("Allow", "\\udc00\\ud800"), "escaped zero": TEXT.replace("Allow", "Allow\\u0000"),
    "no escape": TEXT.replace("Allow", "\\x41llow"), "duplicate": TEXT.replace('"Effect"',
                                                                               '"Effect":"Allow","\\u0045ffect"'),
    "duplicate below": right(Condition={"StringEquals": {"a:b": "x"}}).replace('"a:b"', '"a:b":"1","a:b"'),
    "number": right(Condition={"NumericEquals": {"a:b": 9}}).replace("9}", "01}"),
    "bare": TEXT.replace('"Allow"', "Allow"),
    "version": TEXT.replace("10-17", "10-18"), "unknown": right(Foo=1),
    "operator": right(Condition={"bool": {"a:b": "true"}}),
    "null if exists": right(Condition={"NullIfExists": {"a:b": "true"}}),
    "address": right(Condition={"IpAddress": {"aws:SourceIp": "1.2.3.4/99"}}),
    "principal number": right(Principal={"AWS": 54676820928}), "principal list": right(Principal=[]),
    "no principal": right(Principal={}),
    "resource": right(Resource="arn:aws:s3:::logs"), "no action": right(Action="s3:PutObjekt"),
    "twenty kilobytes": TEXT.ljust(20481),
    "a megabyte": TEXT.ljust(1100000), "many": json.dumps({"Statement": POLICY["Statement"] * 340}),
}


@pytest.mark.parametrize("name", NO_POLICY)
def test_what_is_no_policy(name):
    code, answer = check(NO_POLICY[name])
    assert code == 2 and answer["points"], answer


def test_policies_at_the_limits():
    for text in (TEXT.ljust(20480), TEXT + "\n\n", TEXT.replace("Allow", "\\u0041llow"),
                 right(Resource="arn:aws:s3:::logs/" + "*" * 9000),
                 right(Action="s3:Put*?*?*?*?*"), right(Sid="\x1b[2J\u202e"),
                 right(Resource="arn:aws:s3:::logs/" + "*?" * 4000 + "*")):
        assert check(text)[0] in (0, 1)
    for values in ("*a" * 4000 + "b", "${aws:SourceArn}" * 900, "${aws:SourceArn", "${}", "?" * 9000):
        assert check(right(Condition={"StringLike": {"aws:SourceArn": values}}))[0] == 1
    assert check(right(Condition={"StringEquals": {"aws:SourceAccount": "${a:b, '111122223333'}"}}))[0] == 0


def test_everybody_but_one_is_everybody():
    """With NotAction, too."""
    broad = {"Effect": "Allow", "NotPrincipal": {"AWS": "111122223333"}, "NotAction": "s3:Get*",
             "Resource": "arn:aws:s3:::logs/*"}
    code, answer = check(json.dumps({**POLICY, "Statement": [broad]}))
    assert code == 0 and "world-writable" in json.dumps(answer)
    harmless = json.dumps({**POLICY, "Statement": [*POLICY["Statement"], {**broad, "NotAction": "s3:Put*"}]})
    assert "world-writable" not in json.dumps(check(harmless)[1])


def test_the_corrected_policy_goes_to_new_files_only(tmp_path):
    faulty = right(Resource="arn:aws:s3:::logs/AWSLogs/111122223333/*", Sid="\u202e\x1b[2J")
    old = tmp_path / "old.json"
    old.write_text(faulty)
    (tmp_path / "link").symlink_to("old.json")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.link(old, tmp_path / "hard")
    os.mkfifo(tmp_path / "pipe")
    for name in ("old.json", "link", "dangling", "hard", "pipe", ".", "no/such", "../" + tmp_path.name + "/old.json"):
        policy("check", "--policy", old, *QUESTION, "--fix", tmp_path / name, code=66)
    for name in ("/dev/null", "/dev/stdout", ""):
        policy("check", "--policy", old, *QUESTION, "--fix", name, code=66)
    assert old.read_text() == faulty and not (tmp_path / "nowhere").exists()
    for i, text in enumerate((faulty, "", "[]", "{", right(Foo=1), "\ufeff" + TEXT, TEXT + "// c", TEXT[:-2] + ",]}")):
        fixed = tmp_path / f"{i}.json"
        policy("check", "--policy", "-", *QUESTION, "--fix", fixed, stdin=text.encode(), code=1 if i == 0 else 2)
        policy("check", "--policy", fixed, *QUESTION, code=0)
        json.loads(fixed.read_bytes())


def test_odd_questions():
    for change in (["--bucket", "UPPER"], ["--bucket", "a..b"], ["--bucket", "192.168.0.1"], ["--bucket", "x" * 64],
                   ["--bucket", "lo\"gs"],
                   ["--bucket", "lo\x1bgs"], ["--bucket", ""], ["--account", "9996457667"],
                   ["--account", "1111-2222-3333"],
                   ["--region", "moon-1"], ["--region", ""], ["--prefix", "/edge"], ["--prefix", "edge/"],
                   ["--prefix", "x/AWSLogs"],
                   ["--prefix", "${x}\""], ["--prefix", "a" * 2000], ["--log", "x"], ["--org", "\"x"], ["--lang", "xx"],
                   ["--color", "x"]):
        for form in ("json", "cloudformation", "terraform"):
            policy("make", *QUESTION, *change, "--form", form, code=64)
        policy("check", "--policy", "-", *QUESTION, *change, stdin=TEXT.encode(), code=64)
    for file in ("/nonexistent", "/"):
        policy("check", "--policy", file, *QUESTION, code=66)
    policy("check", "--policy", "/dev/zero", *QUESTION, code=2)
