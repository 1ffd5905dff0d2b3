# SPDX-License-Identifier: Apache-2.0
"""The table of the fault lab: every row that can be made on one machine, and those that cannot."""
from lab import rows_client, rows_crt, rows_dns, rows_http, rows_lb, rows_tcp, rows_tls

CHROMIUM = 156  # names move from version to version: these were measured with this one
LAYERS = ("DNS", "TCP", "LBC", "TLS", "CRT", "ALP", "HTTP", "RED", "TGT", "BRW", "CLI")


def _order(row):
    layer, _, number = row.id.partition("-")
    return LAYERS.index(layer), int(number)


ROWS = sorted([*rows_dns.ROWS, *rows_tcp.ROWS, *rows_lb.ROWS, *rows_tls.ROWS, *rows_crt.ROWS, *rows_http.ROWS,
               *rows_client.ROWS], key=_order)

# Rows of the catalogue that are not in the table: what would be needed.
LEFT_OUT = {
    "TCP-03": "a network ACL looks like TCP-02 from outside; telling them apart takes the configuration",
    "TCP-11": "a port blocked on the way out looks like TCP-02 from one place; it takes a client elsewhere",
    "TCP-12": "a full SYN backlog shows itself now and then only; it takes the load balancer's metric",
    "LBC-03": "a host condition with a port looks like LBC-02 from outside; it takes the rules",
    "LBC-05": "the state of a load balancer is in its API; from outside it is DNS-05, TCP-01 or TCP-07",
    "LBC-06": "a missing security group looks like TCP-02 from outside",
    "LBC-08": "a cut of long requests looks like TGT-09 from outside; --access-log proves it by the line",
    "LBC-12": "requests as a browser or the doctor sends them are never classified as dangerous; with -H, --access-log shows it",
    "LBC-13": "a target group without a rule looks like TGT-04 from outside; it takes the API",
    "TLS-14": "a client's own crypto policy is not visible on the wire; from here it is TLS-02",
    "CRT-06": "old clients with old root stores are not here; today's stores take the other path",
    "CRT-16": "the state of a certificate request is in ACM's API; from outside the old certificate stays",
    "RED-08": "a redirect in the browser's disk cache sends no packet, and the doctor does not read that cache",
    "TGT-08": "wrong health checks are in the API; from outside the site works, or is TGT-04",
    "TGT-10": "a race of keep-alive timers shows itself now and then only; it takes the access log",
    "TGT-13": "errors at a deployment are a burst; it takes the times of events",
    "TGT-14": "Lambda targets do not exist outside AWS",
    "BRW-04": "an open connection is not visible from outside; BRW-10 here is such a case, as a user would report it",
    "BRW-09": "the same as RED-08",
    "BRW-11": "what a user typed is not on this machine",
    "CLI-05": "an old client is not here; TLS-01 shows the server's side",
    "CLI-06": "the browser's own resolver (DNS over HTTPS) needs a public resolver to be reachable",
    "LOG-01": "whether the log is switched on stands in the API",
    "LOG-02 to LOG-06": "built in tests/test_doctor_logs.py, with logs of our own load balancer: no browser shows them",
    "IAM-01 to IAM-04, IAM-07, IAM-08, IAM-11 to IAM-13": "read from a file by --bucket-policy, tests/test_doctor_logs.py: no browser shows them",
    "IAM-05, IAM-06, IAM-09, IAM-10": "no policy shows them: the bucket's encryption and region, the user's permissions, public access",
}


def wanted(words):
    """Rows whose name begins with one of these words; all without words."""
    return [row for row in ROWS if not words or any(row.name.startswith(word) for word in words)]
