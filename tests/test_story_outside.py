# SPDX-License-Identifier: Apache-2.0
"""The story's outside half, told in one go: a site behind our own load balancer breaks in eight ways, one after the
other; Chromium shows each fault, `openalb doctor` names it, and what it printed mends it.

The fixes are applied as they stand in the report's `fix[]`: a record into the zone, lines into the template and
into nginx's configuration, a command into a shell, a URL into the browser. The scenes run in namespaces of their
own with the lab's name servers, so that Chromium and the doctor resolve app.example.test as anywhere else.
"""
import contextlib
import json
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

import harness
from lab import browser, dns, network, run, servers, stage

HOST = "app.example.test"
LB, INSTANCE = "198.18.200.1", "198.18.200.2"
TARGET = f"{INSTANCE}:8443"
URL, PLAIN_URL = f"https://{HOST}:8443/", f"http://{HOST}:8080/"
PLAIN_TITLE = "400 The plain HTTP request was sent to HTTPS port"
DAY = 86400
LIMIT = 600 if harness.SANITIZED else 240  # seconds until the story counts as stuck

TEMPLATE = f"""\
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  LoadBalancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Name: web
      Subnets: [subnet-1, subnet-2]
  Certificate:
    Type: AWS::CertificateManager::Certificate
    Properties:
      DomainName: {HOST}
      KeyAlgorithm: EC_prime256v1
  Https:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref LoadBalancer
      Port: 8443
      Protocol: HTTPS
      SslPolicy: ELBSecurityPolicy-TLS13-1-2-Res-2021-06
      Certificates:
        - CertificateArn: !Ref Certificate
      DefaultActions:
        - Type: forward
          TargetGroupArn: !Ref TargetGroup
  Http:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref LoadBalancer
      Port: 8080
      Protocol: HTTP
      DefaultActions:
        - Type: forward
          TargetGroupArn: !Ref TargetGroup
  TargetGroup:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      Name: web
      VpcId: vpc-1
      TargetType: ip
      Protocol: HTTP
      Port: 8443
      HealthCheckPath: /health
      Targets:
        - Id: {INSTANCE}
          Port: 8443
"""
PLAIN_LISTENER = ("""      Protocol: HTTPS
      SslPolicy: ELBSecurityPolicy-TLS13-1-2-Res-2021-06
      Certificates:
        - CertificateArn: !Ref Certificate
""", "      Protocol: HTTP\n")

SITE = """server {{
    listen {where} {listen};
    server_name {host};
    {lines}
    location = /health {{
        return 200 "well";
    }}
    location /login {{
        return 200 "<title>Shop</title>It works";
    }}
    location / {{
        {inside}
    }}
}}"""
PAGE = 'return 200 "<title>Shop</title>It works";'


# ---- the fixes, applied by rule ----

def pasted_into_template(text, command):
    """The template with the properties of `command` in the resource that it shows: the one of its Type, and of its
    Port if it says one."""
    lines = command.splitlines()
    properties = properties_of(lines)
    kind = next(line for line in lines if line.startswith("    Type: "))
    head, *resources = re.split(r"(?m)^(?=  \w+:$)", text)
    fitting = [i for i, one in enumerate(resources)
               if kind in one.splitlines() and properties.get("Port", "") in one]
    assert len(fitting) == 1, f"{command}\nfits {len(fitting)} resources of\n{text}"
    own = resources[fitting[0]].splitlines(keepends=True)
    before = own[:own.index("    Properties:\n") + 1]
    resources[fitting[0]] = "".join([*before, *{**properties_of(own), **properties}.values()])
    return head + "".join(resources)


def properties_of(lines):
    """The lines of each property of a resource, by its name."""
    found = {}
    lines = [line.rstrip("\n") for line in lines]
    for line in lines[lines.index("    Properties:") + 1:]:
        if not line.startswith(" " * 7):
            name = line.split(":")[0].strip()
            found[name] = ""
        found[name] += f"{line}\n"
    return found


def pasted_into_nginx(fix):
    """Puts the lines of a fix where it says: each part under `# http { }` or `# FILE:LINE`, without such a comment
    in place of the directive on the fix's own line."""
    parts = re.split(r"(?m)^# (http \{ \}|\S+:\d+)\n", f"# {fix['file']}:{fix['line']}\n{fix['command']}")
    where = {place: text for place, text in zip(parts[1::2], parts[2::2]) if text.strip()}
    for place, text in where.items():  # the one in http last: it moves all lines
        if place != "http { }":
            path, number = place.rsplit(":", 1)
            _replace_directive(pathlib.Path(path), int(number), text)
    if "http { }" in where:
        path = pathlib.Path(fix["file"])
        path.write_text(path.read_text().replace("http {\n", "http {\n" + where["http { }"], 1))


def _replace_directive(path, number, text):
    """The directive that begins on a line: to its semicolon, or to the brace that closes its block."""
    lines = path.read_text().splitlines(keepends=True)
    end, depth = number, 0
    for end, line in enumerate(lines[number - 1:], number):
        depth += line.count("{") - line.count("}")
        if depth <= 0 and re.search(r"[;}]\s*$", line):
            break
    lines[number - 1:end] = [text.rstrip("\n") + "\n"]
    path.write_text("".join(lines))


# ---- the stage ----

class Story:
    """The site as it should be; the scenes break one thing each."""

    def __init__(self, folder, stack):
        self.folder = folder
        self.lab = stack.enter_context(contextlib.closing(stage.Lab(folder / "lab", "dual")))
        self.pki = self.lab.pki
        self.home = folder / "home"
        self.home.mkdir()
        self.zone = self.lab.names.zone("example.test", {"ns1.example.test": network.NAMESERVER})
        self.files = self.pki.site(HOST)
        self.web = None
        stack.callback(lambda: self.web.close())
        self.serve()
        own = folder / "alb"
        own.mkdir()
        alb = stack.enter_context(contextlib.closing(
            servers.OpenAlb(own, TEMPLATE, LB, self.pki, "elb.example.test")))
        self.alb = alb.instance
        self.lb_name = self.name_of_load_balancer()
        self.zone.add(self.lb_name, dns.A, LB, ttl=60)
        self.zone.add(HOST, dns.CNAME, self.lb_name, ttl=60)
        self.lb = ["--lb", self.lb_name]
        self.target = [*self.lb, "--target", TARGET]
        self.configured = [*self.target, "--server-config", str(self.config)]

    def name_of_load_balancer(self):
        done = subprocess.run([str(harness.OPENALB), "check", str(self.alb.file), "--domain", "elb.example.test"],
                              capture_output=True, text=True, timeout=harness.DEADLINE)
        return re.search(r"DNS name\s+(\S+)", done.stdout)[1]

    # -- what breaks, and what is mended --
    @property
    def config(self):
        return self.folder / "web/nginx.conf"

    def serve(self, inside=PAGE, listen="", lines=""):
        """A fresh nginx on the instance's port 8443."""
        (self.folder / "web").mkdir(exist_ok=True)
        self.config.write_text(servers.NGINX.format(
            folder=self.folder / "web", http="", servers=SITE.format(
                where=TARGET, listen=listen, host=HOST, inside=inside, lines=lines)))
        self.restart_web()

    def restart_web(self):
        if self.web:
            self.web.close()
        binary, environment = servers.server_binary("nginx")
        self.web = servers.Process([binary, "-p", self.folder / "web", "-c", self.config], self.folder / "web",
                                   [(INSTANCE, 8443)], environment)

    def reload(self, text):
        done = self.alb.reload(text)
        assert done.returncode == 0, done.stderr

    def apply(self, fix):
        """Does what an entry of fix[] says, with nothing but the entry; returns a URL if that is the fix."""
        tool, command = fix["tool"], fix["command"]
        if tool == "zone-file":
            name, ttl, _, kind, value = command.split()
            for one in (dns.A, dns.CNAME):
                self.zone.remove(name.rstrip("."), one)
            self.zone.add(name.rstrip("."), getattr(dns, kind), value.rstrip("."), ttl=int(ttl))
        elif tool == "openalb":
            self.reload(pasted_into_template(self.alb.file.read_text(), command))
        elif tool == "nginx":
            pasted_into_nginx(fix)
            self.restart_web()
        elif tool == "shell":
            words = shlex.split(command)
            assert words[0] == "openalb", command
            done = subprocess.run([str(harness.OPENALB), *words[1:]], capture_output=True, text=True,
                                  env=run.environment(self.home, {}), timeout=harness.DEADLINE)
            assert done.returncode == 0, done.stdout + done.stderr
        else:
            assert command.startswith("http"), fix
            return command
        return None

    # -- who looks --
    def visit(self, url):
        return self.lab.browser.visit(url)

    def doctor(self, url, *options):
        words = [str(harness.OPENALB), "doctor", url, "--json", "--lang", "en", "--ca", str(self.pki.root.file),
                 *options]
        done = subprocess.run(words, capture_output=True, env=run.environment(self.home, {}), text=True,
                              stdin=subprocess.DEVNULL, timeout=run.DOCTOR_LIMIT)
        report = json.loads(done.stdout)
        print(f"  $ openalb {shlex.join(words[1:])}\n  {done.returncode} {report['verdict'] or report['result']}")
        return report

    def works(self, url=URL, visit=None):
        """Chromium shows the page that the web server has, and the doctor finds nothing."""
        seen = (visit or self.visit)(url)
        assert (seen.error, seen.status, seen.title) == (None, 200, "Shop"), seen

    def scene(self, title, options, finding, tool, shows, url=URL, visit=None):
        """Chromium shows the fault, the doctor names it, its fix is applied, Chromium shows the page."""
        print(title)
        seen = (visit or self.visit)(url)
        assert (seen.error or seen.title) == shows and (seen.error is None or seen.code == shows), seen
        report = self.doctor(url, *options)
        first = report["findings"][0]
        assert (report["result"], first["id"], first["confidence"]) == ("fault", finding, "proved"), report
        assert shows in (first["browser"]["chromium"], first["browser"]["chromium_page"]), first["browser"]
        fixes = [one for one in first["fix"] if one["tool"] == tool]
        if tool == "nginx":
            fixes = [one for one in fixes if one["file"]]
        assert fixes, first["fix"]
        print("  " + fixes[0]["command"].replace("\n", "\n  "))
        other = self.apply(fixes[0])
        self.works(other or url, visit)
        healthy = self.doctor(other or url, *options)
        assert (healthy["result"], healthy["verdict"]) == ("ok", None), healthy
        return report


# ---- the scenes ----

def tell(story):
    print("1 It should work")
    story.works()
    healthy = story.doctor(URL, *story.configured)
    assert (healthy["result"], healthy["verdict"]) == ("ok", None), healthy

    story.zone.remove(HOST, dns.CNAME)
    story.zone.add(HOST, dns.A, INSTANCE, ttl=60)
    story.scene("2 The name leads to the instance, past the load balancer", story.lb, "DNS-01", "zone-file",
                "ERR_SSL_PROTOCOL_ERROR")

    story.reload(TEMPLATE.replace(*PLAIN_LISTENER))
    story.scene("3 The listener speaks plain HTTP", story.lb, "LBC-01", "openalb", "ERR_SSL_PROTOCOL_ERROR")

    story.scene("4 Plain HTTP into the HTTPS listener", story.lb, "HTTP-03", None, PLAIN_TITLE,
                url=URL.replace("https", "http"))

    story.serve(listen="ssl", lines=f"ssl_certificate {story.files.chain}; ssl_certificate_key {story.files.key};")
    story.scene("5 The target group speaks HTTP to a port that speaks TLS", story.target, "TGT-01", "openalb",
                PLAIN_TITLE)
    story.reload(TEMPLATE)

    story.serve(lines="if ($scheme = http) {\n        return 301 https://$http_host$request_uri;\n    }")
    story.scene("6 The web server redirects for ever", story.configured, "RED-02", "nginx", "ERR_TOO_MANY_REDIRECTS")

    story.serve(inside="return 302 https://$host/login;")
    story.scene("7 The web server's redirect loses the port", story.configured, "RED-01", "nginx",
                "ERR_CONNECTION_REFUSED")

    story.serve(inside="return 302 http://$http_host/login;")
    story.scene("8 The web server redirects to http:// on the TLS port", story.configured, "RED-04", "nginx",
                PLAIN_TITLE)
    remembered(story)


def remembered(story):
    """A browser of its own, whose profile is kept: it remembers that the host wants https, on every port."""
    header = f'add_header Strict-Transport-Security "max-age={30 * DAY}";'
    story.serve(inside=f"if ($http_x_forwarded_proto = https) {{ {header} {PAGE} }} {PAGE}")
    profile = story.home / "profile"

    def visit(url):
        with contextlib.closing(browser.Browser(story.home, story.pki.root.file)) as one:
            # first: the browser reads what it remembers while the first page is on its way
            return one.visit(url, own=False, first=[url])

    story.works(PLAIN_URL, visit)
    story.works(URL, visit)
    story.scene("9 The browser remembers HSTS", [*story.lb, "--browser-profile", str(profile)], "BRW-01", "shell",
                "ERR_SSL_PROTOCOL_ERROR", url=PLAIN_URL, visit=visit)


def test_story_outside(tmp_path):
    """[issue 4] Each wrong turn is named by one command and mended by what that command printed."""
    try:
        enter = network.command()
    except network.Unavailable as why:
        pytest.skip(f"no namespaces here: {why}")
    done = subprocess.run([*enter, sys.executable, __file__, str(tmp_path)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=LIMIT)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert [line[0] for line in done.stdout.splitlines() if line[0] != " "] == list("123456789"), done.stdout


if __name__ == "__main__":
    with contextlib.ExitStack() as whole:
        tell(Story(pathlib.Path(sys.argv[1]), whole))
