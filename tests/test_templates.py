# SPDX-License-Identifier: Apache-2.0
"""CloudFormation templates: `openalb check`, and templates that serve."""
import json
import os
import re
import signal
import socket
import ssl
import subprocess

import pytest

import harness
from harness import DEADLINE, until

GET = b"GET %s HTTP/1.1\r\nHost: web.elb.localhost\r\n\r\n"
DEMO = harness.ROOT / "demo/web.yaml"
LB = "AWS::ElasticLoadBalancingV2::LoadBalancer"


def run_check(*arguments, folder=None):
    return subprocess.run([str(harness.OPENALB), "check", *map(str, arguments)], capture_output=True, text=True,
                          timeout=DEADLINE, cwd=folder)


@pytest.fixture
def check(tmp_path):
    """check(text, *options) writes t.yaml and returns what `openalb check t.yaml` said."""
    def run(text, *options, name="t.yaml"):
        (tmp_path / name).write_text(text if isinstance(text, str) else json.dumps(text, indent=1))
        return run_check(name, *options, folder=tmp_path)
    return run


HEAD = """Resources:
  Web: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {Name: web}}
"""
LISTENER = HEAD + """  Http:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Web
      Port: 8080
      Protocol: HTTP
"""
FIXED = LISTENER + """      DefaultActions: [{Type: fixed-response, FixedResponseConfig: {StatusCode: 200}}]
"""
RULE = FIXED + """  Rule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Http
      Priority: 1
      Actions: [{Type: fixed-response, FixedResponseConfig: {StatusCode: 200}}]
"""
GROUP = """Resources:
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      Protocol: HTTP
      Port: 80
      TargetType: ip
"""


# ---- openalb check ----

def test_demo_is_valid():
    """[issue 3: configuration] `openalb check FILE` validates and prints what would be built; the demo has no error."""
    done = run_check(DEMO)
    assert (done.returncode, done.stderr) == (0, "")
    for line in ("load balancer web (internet-facing)", "  listener       HTTPS on port 8443",
                 "  listener       HTTP on port 8080", "    rule 10        path-pattern /hello: answer 200",
                 "  target         127.0.0.1:9101", "certificate web.elb.localhost (issued here, EC_prime256v1)",
                 "  web.Url = https://web.elb.localhost:8443/"):
        assert line in done.stdout, line


def test_json_template_is_valid(check):
    """[issue 3: configuration] Templates are YAML, or JSON."""
    document = harness.template([("127.0.0.1", 9101)], https=True)
    done = check(document, name="t.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  target         127.0.0.1:9101" in done.stdout


def test_all_errors_at_once(check):
    """[issue 3: configuration] Exit 1 with all errors: file, line, column, reason and the nearest known name."""
    done = check("""Resources:
  Web:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Nme: web
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGrop
  Group2:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      Protocol: HTTP
      Port: ninety
      TargetType: lambda
  Http:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Wep
      Protocol: HTTP
      Port: 80
      AlpnPolicy: [HTTP2Only]
      DefaultActions: [{Type: authenticate-oidc}]
""")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"t.yaml:5:7: unknown property 'Nme' of {LB}; did you mean 'Name'?",
        "t.yaml:7:11: unknown resource type 'AWS::ElasticLoadBalancingV2::TargetGrop'; "
        "did you mean 'AWS::ElasticLoadBalancingV2::TargetGroup'?",
        "t.yaml:12:13: 'Port' of AWS::ElasticLoadBalancingV2::TargetGroup must be a whole number, not 'ninety'",
        "t.yaml:13:19: TargetType 'lambda' of AWS::ElasticLoadBalancingV2::TargetGroup is not supported yet",
        "t.yaml:17:24: unknown parameter or resource 'Wep'; did you mean 'Web'?",
        "t.yaml:20:7: 'AlpnPolicy' of AWS::ElasticLoadBalancingV2::Listener is not supported yet",
        "t.yaml:21:31: Type 'authenticate-oidc' of an action is not supported yet"]


@pytest.mark.parametrize("text, place, reason", [
    ("Resources: [", "", "while parsing"),
    ("{\"Resources\": {", "", "while parsing"),
    ("", "", "template"),
    ("just text\n", "1:1", "map"),
    ("Parameters: {}\n", "1:1", "Resources"),
    ("Resourcen: {}\n", "", "Resources"),
    ("Resources:\n  A: 1\n", "2:3", "map"),
    ("Resources:\n  A: {Type: AWS::EC2::Instance}\n", "2:13", "AWS::EC2::Instance"),
    (HEAD + "  Web: {Type: x}\n", "3:3", "second time"),
    ("Resources: &a\n  A: *a\n", "", "anchor"),
    (HEAD.replace("Name: web", "Name: -web"), "2:77", "cannot begin or end with '-'"),
    (HEAD.replace("Name: web", "Name: [web]"), "2:", "'Name'"),
    (HEAD + "Outputs: {O: {Value: !GetAtt Web.Dnsname}}\n", "3:22", "Dnsname"),
    (HEAD + "Outputs: {O: {Value: !Sub 'x${Webb}'}}\n", "3:22", "Webb"),
    (HEAD + "Outputs: {O: {Value: !Select [3, [a]]}}\n", "3:", "3"),
    (HEAD + "Outputs: {O: {Value: !Nothing x}}\n", "3:22", "Nothing"),
    (FIXED.replace("8080", "70000"), "7:13", "70000"),
    (FIXED.replace("StatusCode: 200", "StatusCode: 302"), "9:81", "302"),
    (FIXED.replace("Protocol: HTTP", "Protocol: TCP"), "8:17", "TCP"),
    (RULE + "      Conditions: [{Field: path-pattern, Values: ['']}]\n", "16:51", "A condition value must be specified"),
    (GROUP + "      Targets: [{Id: 300.1.1.1}]\n", "8:22", "300.1.1.1"),
    (GROUP + "      HealthCheckIntervalSeconds: 4\n", "8:35", "4"),
], ids=range(22))
def test_refusals(check, text, place, reason):
    """[issue 3: configuration] What is wrong is an error that names the line and the reason; nothing is silently ignored."""
    done = check(text)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("t.yaml:" + place), done.stderr
    assert reason.lower() in done.stderr.lower(), done.stderr


@pytest.mark.parametrize("text, feature", [
    (HEAD.replace("{Name: web}", "{Type: network}"), f"Type 'network' of {LB}"),
    (HEAD.replace("{Name: web}", "{LoadBalancerAttributes: [{Key: routing.http2.enabled, Value: 'false'}]}"),
     "routing.http2.enabled"),
    (HEAD.replace("{Name: web}", "{LoadBalancerAttributes: [{Key: waf.fail_open.enabled, Value: 'true'}]}"),
     "waf.fail_open.enabled"),
    (HEAD.replace("{Name: web}", "{MinimumLoadBalancerCapacity: {CapacityUnits: 100}}"), "MinimumLoadBalancerCapacity"),
    (GROUP.replace("TargetType: ip", "TargetType: lambda"), "TargetType 'lambda'"),
    (GROUP + "      ProtocolVersion: GRPC\n", "ProtocolVersion 'GRPC'"),
    (GROUP + "      Matcher: {GrpcCode: 0}\n", "'GrpcCode' of Matcher"),
    (GROUP + "      TargetGroupAttributes: [{Key: stickiness.enabled, Value: 'true'}]\n", "stickiness.enabled"),
    (GROUP + "      TargetGroupAttributes: [{Key: slow_start.duration_seconds, Value: '60'}]\n",
     "slow_start.duration_seconds"),
    (LISTENER + "      DefaultActions: [{Type: authenticate-cognito}]\n", "Type 'authenticate-cognito' of an action"),
    (LISTENER + "      DefaultActions: [{Type: jwt-validation}]\n", "Type 'jwt-validation' of an action"),
    (FIXED + "      MutualAuthentication: {Mode: verify}\n", "Mode 'verify' of MutualAuthentication"),
    (RULE + "      Conditions: [{Field: http-header, HttpHeaderConfig: {}}]\n", "Field 'http-header' of a condition"),
    (RULE + "      Conditions: [{Field: source-ip, SourceIpConfig: {}}]\n", "Field 'source-ip' of a condition"),
    (RULE + "      Conditions: [{Field: query-string, QueryStringConfig: {}}]\n", "Field 'query-string' of a condition"),
    (RULE + "      Conditions: [{Field: http-request-method, HttpRequestMethodConfig: {}}]\n",
     "Field 'http-request-method' of a condition"),
    (RULE + "      Conditions: [{PathPatternConfig: {RegexValues: [a]}}]\n", "RegexValues"),
    (RULE + "      Conditions: [{Field: path-pattern, Values: [/a]}]\n      Transforms: []\n", "'Transforms'"),
    (HEAD + "  Store: {Type: AWS::ElasticLoadBalancingV2::TrustStore}\n", "AWS::ElasticLoadBalancingV2::TrustStore"),
    (HEAD + "  Zone: {Type: AWS::Route53::HostedZone}\n", "AWS::Route53::HostedZone"),
    (HEAD + "  Bucket: {Type: AWS::S3::Bucket}\n", "AWS::S3::Bucket"),
    (HEAD + "Outputs: {O: {Value: !ImportValue x}}\n", "ImportValue"),
], ids=lambda value: value if len(value) < 60 else "")
def test_not_supported_yet(check, text, feature):
    """[issue 3: configuration] Features that later issues bring are refused by name as "not supported yet", never silently ignored."""
    done = check(text)
    assert done.returncode == 1
    line = next(line for line in done.stderr.splitlines() if "not supported yet" in line)
    assert re.match(r"t\.yaml:\d+:\d+: ", line) and feature in line, done.stderr


@pytest.mark.parametrize("text, kept", [
    (HEAD.replace("{Name: web}", "{Subnets: [a, b]}"), f"'Subnets' of {LB} 'Web'"),
    (HEAD.replace("{Name: web}", "{SecurityGroups: [sg-1]}"), f"'SecurityGroups' of {LB} 'Web'"),
    (HEAD.replace("{Name: web}", "{Tags: [{Key: a, Value: b}]}"), f"'Tags' of {LB} 'Web'"),
    (HEAD.replace("{Name: web}", "{IpAddressType: dualstack}"), f"'IpAddressType' of {LB} 'Web'"),
    (GROUP + "      VpcId: vpc-1\n", "'VpcId' of AWS::ElasticLoadBalancingV2::TargetGroup 'Group'")],
    ids=["Subnets", "SecurityGroups", "Tags", "IpAddressType", "VpcId"])
def test_kept_properties_are_told(check, text, kept):
    """[design 9.12] Kept properties are validated and echoed, have no effect here, and are named by `check`."""
    done = check(text)
    assert (done.returncode, done.stderr) == (0, "")
    notes = done.stdout.split("\nnotes\n")[1]
    assert re.search(rf"^  t\.yaml:\d+:\d+: {re.escape(kept)} is kept and has no effect: \w", notes, re.M), notes


def test_check_json(check):
    """[design 8] --json where a program may read: {"valid", "errors", "notes"}."""
    good = check(HEAD.replace("{Name: web}", "{Name: web, Subnets: [a, b]}"), "--json")
    bad = check(HEAD.replace("Name: web", "Nam: web"), "--json")
    assert (good.returncode, bad.returncode) == (0, 1)
    told = json.loads(good.stdout)
    assert (told["valid"], told["errors"], len(told["notes"])) == (True, [], 1)
    told = json.loads(bad.stdout)
    assert told["valid"] is False
    assert told["errors"] == [f"t.yaml:2:71: unknown property 'Nam' of {LB}; did you mean 'Name'?"]


@pytest.mark.parametrize("options, code, text", [
    (["--parameter", "HttpPort=81"], 0, "HTTP on port 81"),
    (["--parameter", "DomainName=shop.example", "--parameter", "LogBucket=my-logs"], 0, "bucket my-logs"),
    (["--account", "123456789012", "--region", "eu-west-1"], 0, "arn:aws:elasticloadbalancing:eu-west-1:123456789012:"),
    (["--domain", "elb.example.net"], 0, ".us-east-1.elb.example.net"),
    (["--parameter", "HttpPort=70000"], 1, "parameter 'HttpPort': '70000' is greater than 65535"),
    (["--parameter", "HttpPort=http"], 1, "'HttpPort'"),
    (["--parameter", "HttpPort"], 2, "NAME=VALUE"),
    (["--account", "1"], 2, "12 digits"),
    (["--bogus"], 2, "--bogus"),
    (["--help"], 0, "Usage: openalb check")], ids=lambda value: str(value)[:40])
def test_options_of_check(options, code, text):
    """[issue 3: configuration] Parameters with defaults, values from --parameter; exit 2 for a wrong command line."""
    done = run_check(DEMO, *options)
    assert done.returncode == code
    assert text in (done.stdout if code == 0 else done.stderr)


def test_unknown_parameter_is_told_once(check):
    """[issue 3: configuration] Unknown names are errors that name the line and the nearest known name."""
    done = check("Parameters: {Port: {Type: Number, Default: 80}}\n" + HEAD, "--parameter", "Prt=1")
    assert done.returncode == 1
    assert done.stderr == "t.yaml:1:13: parameter 'Prt' is given, but the template has none of this name; " \
                          "did you mean 'Port'?\n"


def test_several_files(tmp_path):
    """[issue 3: configuration] Several files are one configuration; all that cannot be read are named; a parameter goes to who declares it."""
    (tmp_path / "a.yaml").write_text("Parameters: {Port: {Type: Number, Default: 80}}\n" +
                                     FIXED.replace("8080", "!Ref Port"))
    (tmp_path / "b.yaml").write_text(FIXED.replace("Name: web", "Name: other").replace("8080", "8081"))
    done = run_check("a.yaml", "b.yaml", "--parameter", "Port=8082", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "load balancer web" in done.stdout and "load balancer other" in done.stdout
    assert "HTTP on port 8082" in done.stdout
    done = run_check("a.yaml", "none.yaml", "nor.yaml", folder=tmp_path)
    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["none.yaml", "nor.yaml"]
    assert run_check().returncode == 2


def test_check_changes_nothing(check, tmp_path):
    """[issue 3: configuration] `openalb check` only validates: nothing is made, nothing is bound."""
    assert check(FIXED).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["t.yaml"]


# ---- templates that serve ----

INTRINSICS = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Stage: {Type: String, Default: test, AllowedValues: [test, live]}
  Names: {Type: CommaDelimitedList, Default: "zero,one,two"}
  TargetPort: {Type: Number}
Mappings:
  Ports:
    test: {Http: 8080}
    live: {Http: 80}
Conditions:
  IsLive: !Equals [!Ref Stage, live]
  IsTest: !Not [!Condition IsLive]
  Both: !And [!Condition IsLive, !Condition IsTest]
Resources:
  Web:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Name: !Join ["-", [web, !Ref Stage]]}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !GetAtt Web.LoadBalancerArn
      Port: !FindInMap [Ports, !Ref Stage, Http]
      Protocol: HTTP
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref Group}]
  Says:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: !If [IsLive, 1, 2]
      Conditions: [{Field: path-pattern, Values: [!Sub "/${Stage}/*"]}]
      Actions:
        - Type: fixed-response
          FixedResponseConfig:
            StatusCode: "200"
            ContentType: text/plain
            MessageBody: !Sub
              - "${Web.DNSName} ${AWS::AccountId} ${AWS::Region} ${Name} ${!Literal} ${Group.TargetGroupName}"
              - {Name: !Select [1, !Ref Names]}
  Never:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Condition: Both
    Properties:
      ListenerArn: !Ref Listener
      Priority: 3
      Conditions: [{Field: path-pattern, Values: [/forwarded]}]
      Actions: [{Type: fixed-response, FixedResponseConfig: {StatusCode: "500"}}]
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      Name: {"Fn::Join": ["", [gr, {"Fn::Select": ["0", {"Fn::Split": ["|", "oup|x"]}]}]]}
      Protocol: HTTP
      Port: !Ref TargetPort
      TargetType: ip
      Targets: [{Id: 127.0.0.1}]
      Matcher: !If [IsLive, !Ref "AWS::NoValue", {HttpCode: "200"}]
Outputs:
  Address: {Value: !GetAtt Web.DNSName}
"""


def test_intrinsics_serve(alb, target):
    """[issue 3: configuration] !Ref, !GetAtt, !Sub, !Join, !Select, !If and Conditions [design 9.12: FindInMap, Split, long forms, pseudo parameters] act in what is served."""
    one = target()
    instance = alb(INTRINSICS, options=["--parameter", f"TargetPort={one.address[1]}"])
    load_balancer = instance.snapshot()["load_balancers"][0]
    assert load_balancer["name"] == "web-test"
    said = instance.ask(GET % b"/test/x").body.decode()
    assert said == load_balancer["dns_name"] + " 000000000000 us-east-1 one ${Literal} group"
    assert instance.ask(GET % b"/forwarded").body.startswith(b"GET /forwarded HTTP/1.1\r\n")
    assert [rule["priority"] for rule in load_balancer["listeners"][0]["rules"]] == [2]


def test_parameter_of_serve(alb, target):
    """[issue 3: configuration] --parameter gives values to `openalb serve` too; AllowedValues are checked."""
    instance = alb(INTRINSICS, options=["--parameter", "TargetPort=1", "--parameter", "Stage=prod"], wait=False)
    assert instance.process.wait(DEADLINE) == 1
    instance.stop()
    assert re.search(r"test\.json:\d+:\d+: .*'Stage'.*'prod'", instance.log_text())


@pytest.mark.parametrize("where", ["template", "target group"])
def test_instance_targets_by_inventory(alb, target, where):
    """[design 9.12] Instances: `Metadata: {OpenALB: {Instances: {i-0abc...: ADDRESS}}}`, of the template or the target group."""
    one = target()
    inventory = {"OpenALB": {"Instances": {"i-0123456789abcdef0": "127.0.0.1"}}}
    document = harness.template(group={"TargetType": "instance",
                                       "Targets": [{"Id": "i-0123456789abcdef0", "Port": one.address[1]}]})
    if where == "template":
        document["Metadata"] = inventory
    else:
        document["Resources"]["Group"]["Metadata"] = inventory
    instance = alb(document)
    assert instance.ask(GET % b"/").status == 200
    instance.until_health(one.address, "healthy")


def test_instance_without_inventory(check):
    """[issue 3: configuration] Instance ids are mapped by an inventory section; one that is not there is an error."""
    done = check(GROUP.replace("TargetType: ip", "TargetType: instance\n      Targets: [{Id: i-0abc}]"))
    assert done.returncode == 1
    assert re.match(r"t\.yaml:8:22: instance 'i-0abc' is not in the inventory", done.stderr)


def names_of(snapshot):
    """Everything that AWS would have made up once: ARNs, ids, DNS names, and the certificates' contents."""
    found = []
    for kind in ("load_balancers", "target_groups", "certificates"):
        for one in snapshot[kind]:
            found.append((one["arn"], one.get("dns_name"), one.get("digest")))
            for listener in one.get("listeners", []):
                found.append(listener["arn"])
                found += [rule["arn"] for rule in listener["rules"]]
    return found


def test_names_are_stable(alb):
    """[design 9.8] Resource ids are made once, kept under stack and logical id, and survive reload and restart; so do issued certificates."""
    rule = harness.rule(1, [{"Field": "path-pattern", "Values": ["/x"]}],
                        [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}])
    document = harness.template(https=True, more={"Rule": rule})
    instance = alb(document)
    first = names_of(instance.snapshot())
    assert len(first) == 6
    other = {"Other": harness.listener(8081), **document["Resources"]}  # in front: order is not identity
    assert instance.reload({**document, "Resources": other}).returncode == 0
    assert set(first) < set(names_of(instance.snapshot()))
    assert instance.reload(document).returncode == 0
    assert names_of(instance.snapshot()) == first
    assert instance.stop() == 0
    again = alb(document, again=instance)
    assert names_of(again.snapshot()) == first
    dns_name = again.snapshot()["load_balancers"][0]["dns_name"]
    assert re.fullmatch(r"web-\d+\.us-east-1\.elb\.localhost", dns_name)


def test_own_certificate_from_files(alb, tmp_path):
    """[issue 3: configuration] A PEM pair by Metadata: {OpenALB: {CertificateFile, PrivateKeyFile}}; relative paths are relative to the template [design 9.2]."""
    folder = tmp_path / "alb0"
    folder.mkdir()
    subprocess.run([harness.tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-subj", "/CN=own.example", "-addext", "subjectAltName=DNS:own.example", "-days", "2",
                    "-keyout", folder / "own.key", "-out", folder / "own.crt"], check=True, capture_output=True)
    os.chmod(folder / "own.key", 0o600)
    document = harness.template(https=True)
    document["Resources"]["Certificate"] = {
        "Type": "AWS::CertificateManager::Certificate",
        "Metadata": {"OpenALB": {"CertificateFile": "own.crt", "PrivateKeyFile": "own.key"}},
        "Properties": {"DomainName": "own.example"}}
    instance = alb(document)
    context = ssl.create_default_context(cafile=folder / "own.crt")
    with instance.connect_tls(name="own.example", context=context) as client:
        assert client.getpeercert()["subjectAltName"] == (("DNS", "own.example"),)


def test_demo_serves(alb):
    """[issue 3: the two commands] The demo template and its two targets: the page over HTTPS, the redirect that keeps host, path and query."""
    with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b:
        ports = [s.getsockname()[1] for s in (a, b)]
    options = ["--demo-target", f"127.0.0.1:{ports[0]}", "--demo-target", f"127.0.0.1:{ports[1]}",
               "--parameter", f"FirstTargetPort={ports[0]}", "--parameter", f"SecondTargetPort={ports[1]}"]
    instance = alb(DEMO.read_text(), options=options)
    until(lambda: {row["state"] for row in instance.health().values()} == {"healthy"}, "both targets healthy")
    seen = set()
    for _ in range(2):
        with instance.connect_tls() as client:
            client.sendall(b"GET /json?a=b HTTP/1.1\r\nHost: web.elb.localhost:8443\r\n\r\n")
            answer = harness.read_answer(client)
            assert answer.status == 200
            seen.add(re.search(rb"target-\d", answer.body)[0])
    assert seen == {b"target-1", b"target-2"}
    answer = instance.ask(b"GET /a/b?c=d HTTP/1.1\r\nHost: web.elb.localhost:8080\r\n\r\n")
    assert (answer.status, answer.header("Location")) == (301, ["https://web.elb.localhost:8443/a/b?c=d"])
    with instance.connect_tls() as client:
        client.sendall(b"GET /hello HTTP/1.1\r\nHost: web.elb.localhost:8443\r\n\r\n")
        assert harness.read_answer(client).body == b"Hello from the load balancer. No target was asked.\n"
    demo_targets = instance.ready["pids"]["demo_targets"]
    assert len(demo_targets) == 2
    instance.process.send_signal(signal.SIGINT)
    assert instance.process.wait(DEADLINE) == 0
    assert not [pid for pid in demo_targets if os.path.exists(f"/proc/{pid}")]
    instance.stop()
