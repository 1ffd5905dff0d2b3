# SPDX-License-Identifier: Apache-2.0
"""Other programs read what our worker writes: goaccess by its own format, Athena by the expression that AWS publishes,
every engine by the expression of `openalb logs ddl`."""
import json
import os
import re
import subprocess

import pytest

import alb_log
import harness
from test_logs import ATHENA

# Names of the groups of AWS's expression, with its catch-all.
PUBLISHED = """type time elb client_ip client_port target_ip target_port request_processing_time target_processing_time
    response_processing_time elb_status_code target_status_code received_bytes sent_bytes request_verb request_url
    request_proto user_agent ssl_cipher ssl_protocol target_group_arn trace_id domain_name chosen_cert_arn
    matched_rule_priority request_creation_time actions_executed redirect_url error_reason target_port_list
    target_status_code_list classification classification_reason conn_trace_id rest""".split()
REQUESTS = {
    "plain": b"GET /a/1?x=%201 HTTP/1.1\r\nHost: web.elb.localhost\r\nUser-Agent: Example/1.0\r\n\r\n",
    "quotes": b'GET /q?a="b" HTTP/1.1\r\nHost: web.elb.localhost\r\nUser-Agent: say "x" \\ \xc3\xa9\r\n\r\n',
    "body": b"POST /body HTTP/1.1\r\nHost: web.elb.localhost\r\nContent-Length: 5\r\n\r\nhello",
    "redirect": b"GET /redirect HTTP/1.1\r\nHost: web.elb.localhost\r\n\r\n",
    "fixed": b"GET /fixed HTTP/1.1\r\nHost: web.elb.localhost\r\n\r\n",
    "old": b"GET /old HTTP/1.0\r\n\r\n",
    "malformed": b"GARBAGE\r\n\r\n",
    "other host": b"GET http://other.example/c?d HTTP/1.1\r\nHost: web.elb.localhost\r\n\r\n",
}


@pytest.fixture(scope="module")
def written(shared_alb, shared_target):
    """The lines of one request of each kind, as they were delivered, and the folder they lie in."""
    made = shared_target()
    more = {
        "Redirect": harness.rule(1, [{"Field": "path-pattern", "Values": ["/redirect"]}],
                                 [{"Type": "redirect",
                                   "RedirectConfig": {"StatusCode": "HTTP_301", "Host": "x.example"}}]),
        "Fixed": harness.rule(2, [{"Field": "path-pattern", "Values": ["/fixed"]}],
                              [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418"}}]),
    }
    alb = shared_alb(harness.template([made.address], more=more))
    for request in REQUESTS.values():
        alb.ask(request)
    return alb.wait_lines(len(REQUESTS)), alb.state / "s3"


def shown(words):
    absent = (None, "", "-", "-1")
    return {name: None if word in absent else alb_log.text(word.encode()) for name, word in words.items()}


def check(found, row, names):
    for name in names:
        wanted = row[name]
        got = found[name]
        assert (type(wanted)(got) if isinstance(wanted, (int, float)) else got) == wanted, (name, row)


def test_athena_reads_every_line_as_we_do(written):
    lines, _ = written
    for line in lines:
        match = ATHENA.fullmatch(line)
        assert match, line
        found = shown(dict(zip(PUBLISHED, match.groups())))
        check(found, alb_log.row(line.encode()), PUBLISHED[:-1])


def test_the_expression_of_ddl_reads_every_line_as_we_do(written):
    lines, folder = written
    done = subprocess.run([harness.OPENALB, "logs", "ddl", "athena", "--json"], capture_output=True, check=True,
                          timeout=harness.DEADLINE)
    ddl = json.loads(done.stdout)
    names = re.findall(r"^    `(\w+)` \w+", ddl["sql"], re.M)
    for line in lines:
        match = re.compile(ddl["expression"], re.A).fullmatch(line)
        assert match, line
        check(shown(dict(zip(names, match.groups()))), alb_log.row(line.encode()), names)
    done = subprocess.run([harness.OPENALB, "logs", "sql", "--json", "SELECT trace_id FROM access_log", folder],
                          capture_output=True, check=True, timeout=harness.DEADLINE)
    rows = json.loads(done.stdout)
    assert sorted(str(row["trace_id"]) for row in rows) == sorted(
        str(alb_log.row(line.encode())["trace_id"]) for line in lines)


def test_goaccess_counts_every_line(written, tmp_path):
    lines, _ = written
    log, report = tmp_path / "alb.log", tmp_path / "report.json"
    log.write_text("\n".join(lines) + "\n")
    subprocess.run([harness.tool("goaccess"), "--no-global-config", "--log-format=AWSALB", "--no-progress",
                    "-o", report, log], check=True, capture_output=True, timeout=harness.DEADLINE,
                   env={**os.environ, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"})
    found = json.loads(report.read_text())
    rows = [alb_log.row(line.encode()) for line in lines]
    assert found["general"]["total_requests"] == len(lines) and found["general"]["failed_requests"] == 0
    statuses = {}
    for group in found["status_codes"]["data"]:
        for item in group.get("items", []):
            statuses[int(item["data"].split()[0])] = item["hits"]["count"]
    wanted = {}
    for row in rows:
        wanted[row["elb_status_code"]] = wanted.get(row["elb_status_code"], 0) + 1
    assert statuses == wanted
    assert sum(group["bytes"]["count"] for group in found["hosts"]["data"]) == sum(row["sent_bytes"] for row in rows)
