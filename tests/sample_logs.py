# SPDX-License-Identifier: Apache-2.0
"""The logs that docs/logs.md reads: half an hour of a small shop in ALB's key layout, the same bytes each time. One
target of the group `api` hangs from 11:15 to 11:20."""
import gzip
import hashlib
import pathlib
import random
import sys

ACCOUNT, REGION, BALANCER = "111122223333", "eu-central-1", "app/edge-one/0a1b2c3d4e5f6071"
NODES = ("203.0.113.9", "203.0.113.10")
ARN = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup"
GROUPS = {"web": f"{ARN}/web/99aabbccddeeff00", "api": f"{ARN}/api/11bbccddeeff2233",
          "thumbs": f"{ARN}/thumbs/5566aabbccddee77"}
TARGETS = {"web": ("10.3.1.17:8443", "10.3.2.18:8443"), "api": ("10.3.1.40:8080", "10.3.2.41:8080")}
CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/0f0f0f0f-1111-2222-3333-444444444444"
AGENTS = ("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
          "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15", "shop-app/4.1", "curl/8.5.0")
START, MINUTES, HANGS = 11 * 3600, 30, (15, 20)
DAY = "2026-09-23"


def moment(seconds, digits=6):
    whole = int(seconds)
    fraction = int((seconds - whole) * 10 ** digits)
    return f"{DAY}T{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{fraction:0{digits}}".ljust(26, "0") + "Z"


class Sample:
    def __init__(self):
        self.random, self.serial = random.Random(7), 0
        self.files = {}

    def one_of(self, things):
        return things[int(self.random.random() * len(things))]

    def digits(self, n):
        self.serial += 1
        return hashlib.sha256(b"%d" % self.serial).hexdigest()[:n]

    def keep(self, kind, at, line):
        node = NODES[self.serial % 2]
        self.files.setdefault((kind, int(at - START) // 300, node), []).append(line)

    def request(self, at):
        r, kind = self.random.random(), "web"
        verb, host, path, query = "GET", "shop.example", "/", ""
        if r < 0.30:
            kind, path = "api", f"/api/orders/{1000 + int(self.random.random() * 900)}"
            host, verb = "api.shop.example", self.one_of(("GET", "GET", "POST"))
        elif r < 0.60:
            path = f"/product/{int(self.random.random() * 500)}"
        elif r < 0.80:
            path = f"/static/{self.digits(12)}.js"
        elif r < 0.88:
            path, query = "/cart", "?id=7"
        elif r < 0.90:
            kind, path = "thumbs", f"/thumb/{int(self.random.random() * 90)}.png"
        if self.random.random() < 0.06:
            return self.redirect(at, host, path + query)
        if self.random.random() < 0.012:
            return self.malformed(at)
        self.forward(at, kind, verb, host, path + query)

    def client(self):
        if self.random.random() < 0.15:
            return f"2001:db8:4::{1 + int(self.random.random() * 9):x}"
        return f"198.51.100.{10 + int(self.random.random() ** 2 * 60)}"

    def line(self, at, took, kind, client, target, legs, statuses, sizes, request, agent, tls, rest, tail=""):
        connection = self.digits(32)
        values = [kind, moment(at + took), BALANCER, client, target, *legs, *statuses, *sizes, f'"{request}"',
                  f'"{agent}"', *tls, rest["group"], f'"Root=1-68d27f07-{self.digits(24)}"', f'"{rest["sni"]}"',
                  f'"{rest["cert"]}"',
                  rest["rule"], moment(at, 3), f'"{rest["actions"]}"', f'"{rest.get("redirect", "-")}"',
                  f'"{rest.get("reason", "-")}"', f'"{target}"',
                  f'"{"-" if target == "-" else statuses[1]}"', f'"{rest.get("class", "-")}"',
                  f'"{rest.get("class_reason", "-")}"', f"TID_{connection}", '"-" "-" "-"', NODES[self.serial % 2],
                  '"-" "-"' + tail]
        self.keep("", at + took, " ".join(map(str, values)))
        ip, _, port = client.rpartition(":")
        group = {"-": "-", "TLSv1.2": "secp256r1"}.get(tls[1], "X25519MLKEM768")
        secure = f'{tls[1]} {tls[0]} {0.004 + self.random.random() * 0.03:.3f}' if tls[1] != "-" else "- - -"
        self.keep("conn_log_", at, f'{moment(at - 0.05)} {ip} {port} {443 if tls[1] != "-" else 80} {secure} "-" - - '
                  f'{"Success" if tls[1] != "-" else "-"} TID_{connection} {group} {BALANCER} {NODES[self.serial % 2]}')

    def peer(self):
        return f"{self.client()}:{1024 + int(self.random.random() * 60000)}"

    def redirect(self, at, host, path):
        rest = {"group": "-", "sni": "-", "cert": "-", "rule": 0, "actions": "redirect",
                "redirect": f"https://{host}:443{path}"}
        self.line(at, 0.000871, "http", self.peer(), "-", (-1, -1, -1), (301, "-"), (133, 253),
                  f"GET http://{host}:80{path} HTTP/1.1", self.one_of(AGENTS), ("-", "-"), rest)

    def malformed(self, at):
        rest = {"group": "-", "sni": "-", "cert": "-", "rule": "-", "actions": "-"}
        client = f"192.0.2.77:{1024 + int(self.random.random() * 60000)}"
        self.line(at, 0.00102, "http", client, "-", (-1, -1, -1), (400, "-"), (0, 272),
                  "- http://edge-one-123456789.eu-central-1.elb.amazonaws.com:80- -", "-", ("-", "-"), rest)

    def forward(self, at, kind, verb, host, path):
        took = {"web": 0.012, "api": 0.035, "thumbs": 0.08}[kind] * (0.4 + 1 / (0.04 + self.random.random()))
        status, sent, elb = 200, 900 + int(self.random.random() * 40000), None
        rest = {"group": GROUPS[kind], "sni": host, "cert": CERTIFICATE, "actions": "waf,forward",
                "rule": {"web": 0, "api": 10, "thumbs": 20}[kind]}
        target = self.one_of(TARGETS[kind]) if kind in TARGETS else "-"
        legs = [0.001, round(took, 3), 0.0]
        r = self.random.random()
        if target == "10.3.2.41:8080" and HANGS[0] <= (at - START) / 60 < HANGS[1]:
            elb, status, sent, took, legs = 504, "-", 334, 60.0004, [0.001, -1, -1]
        elif kind == "thumbs":
            if r < 0.25:
                rest["reason"], elb, status, sent, legs = "LambdaUnhandled", 502, "-", 277, [0.001, legs[1], -1]
        elif r < 0.004:
            elb, status, sent, legs = 460, "-", 0, [0.001, -1, -1]
        elif r < 0.010:
            elb, status, sent, legs = 502, "-", 277, [0.001, -1, -1]
        elif r < 0.020:
            status, sent = 500, 1180
        elif r < 0.045:
            status, sent = 404, 512
        elif verb == "POST" and r > 0.97:
            rest["class"], rest["class_reason"] = "Ambiguous", "UndefinedContentLengthSemantics"
            verb = "GET"
        if verb == "POST" and status == 200:
            status = 201
        tls = ("TLS_AES_128_GCM_SHA256", "TLSv1.3")
        if self.random.random() >= 0.9:
            tls = ("ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.2")
        tail = ' "new"' if self.random.random() < 0.002 else ""
        self.line(at, took + 0.002, "h2", self.peer(), target, legs, (elb or status, status), (180 + len(path), sent),
                  f"{verb} https://{host}:443{path} HTTP/2.0", self.one_of(AGENTS), tls, rest, tail)

    def checks(self):
        for second in range(0, MINUTES * 60, 30):
            at = START + second + 0.25
            for name, targets in TARGETS.items():
                for target in targets:
                    hangs = target == "10.3.2.41:8080" and HANGS[0] <= second / 60 < HANGS[1]
                    took = 5.0 if hangs else 0.002 + self.random.random() * 0.004
                    result = "FAIL - TimedOut" if hangs else "PASS 200 -"
                    word = "https" if name == "web" else "http"
                    self.keep("health_check_log_", at,
                              f"{word} {moment(at)} {took:.9f} {target} {name} {result} {BALANCER} {NODES[0]}")

    def make(self, folder):
        at = START + 0.5
        while at < START + MINUTES * 60 - 1:
            self.request(at)
            at += 0.1 + self.random.random() * 1.8
        self.checks()
        base = folder / "AWSLogs" / ACCOUNT
        day = base / "elasticloadbalancing" / REGION / DAY.replace("-", "/")
        day.mkdir(parents=True)
        for word in ("Access", "Connection", "HealthCheck"):
            (base / f"ELB{word}LogTestFile").write_text("Enable AccessLog for ELB: edge-one\n")
        for (kind, slot, node), lines in sorted(self.files.items()):
            if kind == "" and slot == 2 and node == NODES[1]:
                lines[-1] = lines[-1][:150]  # as after a copy that was cut off
            end = START + (slot + 1) * 300
            name = (f"{kind}{ACCOUNT}_elasticloadbalancing_{REGION}_{BALANCER.replace('/', '.')}_"
                    f"{DAY.replace('-', '')}T{end // 3600:02}{end // 60 % 60:02}Z_{node}_{self.digits(8)}.log.gz")
            (day / name).write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))


def make(folder):
    Sample().make(pathlib.Path(folder))


if __name__ == "__main__":
    make(sys.argv[1])
