# SPDX-License-Identifier: Apache-2.0
"""The story's scenes 6 and 7 on one machine: the bucket policy is wrong in each of the story's ways, `openalb policy
check` says why and writes the corrected one; then the log is read: curl's request straight to the load balancer's DNS
name is there with elb_status_code 400, the browser's request to app.example.test is not, because the name leads past
the load balancer; with the name mended it is.
"""
import contextlib
import json
import os
import pathlib
import subprocess
import sys

import pytest

import harness
from lab import dns, network
from test_story_outside import HOST, INSTANCE, LIMIT, TEMPLATE, URL, Story

BUCKET, PREFIX, ACCOUNT, REGION = "example-logs", "edge", "000000000000", "us-east-1"
LOGGED = TEMPLATE.replace("      Subnets:", f"""      LoadBalancerAttributes:
        - {{Key: access_logs.s3.enabled, Value: "true"}}
        - {{Key: access_logs.s3.bucket, Value: {BUCKET}}}
        - {{Key: access_logs.s3.prefix, Value: {PREFIX}}}
      Subnets:""", 1)

SERVICE = "logdelivery.elasticloadbalancing.amazonaws.com"
KEYS = f"arn:aws:s3:::{BUCKET}/{PREFIX}/AWSLogs/{ACCOUNT}/*"
POLICY = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "LoadBalancerLogs",
      "Effect": "Allow",
      "Principal": {"Service": "%s"},
      "Action": "s3:PutObject",
      "Resource": "%s"
    }
  ]
}
""" % (SERVICE, KEYS)
# "an Access Denied for bucket error until the bucket policy is right: resource path with the prefix, account id,
# principal": what is wrong, the id, a part of the sentence
WRONG = [
    ((KEYS, KEYS.replace(f"{PREFIX}/", "")), "IAM-01", "lacks the prefix of the logs"),
    ((f"AWSLogs/{ACCOUNT}", "AWSLogs/222233334444"), "IAM-02", "names the account 222233334444"),
    ((SERVICE, "delivery.logs.amazonaws.com"), "IAM-03", "not those of Application Load Balancers"),
    (('"Action"', '// the load balancer writes\n      "Action"'), "IAM-04", "JSON has no comments"),
]
WHERE = ["--bucket", BUCKET, "--prefix", PREFIX, "--account", ACCOUNT, "--region", REGION]


def openalb(*words, code=0):
    """What the command prints."""
    done = subprocess.run([str(harness.OPENALB), *map(str, words)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=harness.DEADLINE, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


def scene_6(folder):
    print("6 Turn the access log on: Access Denied for bucket")
    for number, ((right, wrong), wanted, sentence) in enumerate(WRONG):
        policy, fixed = folder / f"policy{number}.json", folder / f"fixed{number}.json"
        policy.write_text(POLICY.replace(right, wrong))
        code = 2 if wanted == "IAM-04" else 1
        said = " ".join(openalb("policy", "check", "--policy", policy, *WHERE, "--fix", fixed, code=code).split())
        assert f"{wanted} error" in said and sentence in said, said
        if code == 1:
            assert f"Access Denied for bucket: {BUCKET}. Please check S3bucket permission" in said
        report = json.loads(openalb("policy", "check", "--policy", fixed, *WHERE, "--json"))
        assert report["answer"] == "allow", report
        print(f"  {wanted} {sentence}: corrected")


def entries(story, *filters):
    """The lines of the load balancer's log that pass, from what is delivered and what is not yet."""
    done = subprocess.run([str(harness.OPENALB), "logs", "json", *filters, "--state", str(story.alb.state)],
                          capture_output=True, text=True, timeout=harness.DEADLINE)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def curl(url):
    done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-A", "curl-of-the-story", url],
                          capture_output=True, text=True, timeout=harness.DEADLINE)
    return done.stdout


def scene_7(story):
    print("7 Read the log")
    story.reload(LOGGED)
    story.zone.remove(HOST, dns.CNAME)
    story.zone.add(HOST, dns.A, INSTANCE, ttl=60)
    seen = story.visit(URL)
    assert seen.code == "ERR_SSL_PROTOCOL_ERROR", seen
    assert curl(f"http://{story.lb_name}:8443/") == "400"

    lines = harness.until(lambda: entries(story), "a line in the log")
    assert [one["elb_status_code"] for one in lines] == [400], lines
    assert lines[0]["made_by"] == "lb" and lines[0]["target_ip"] is None
    assert entries(story, "--host", HOST) == []
    why = openalb("logs", "why", lines[0]["conn_trace_id"], "--state", story.alb.state)
    print("  " + why.strip().replace("\n", "\n  "))
    assert "Plain HTTP came to the HTTPS listener" in " ".join(why.split())

    report = story.doctor(URL, *story.lb)
    first = report["findings"][0]
    assert (first["id"], first["confidence"]) == ("DNS-01", "proved"), report
    story.apply(next(fix for fix in first["fix"] if fix["tool"] == "zone-file"))
    story.works()
    found = harness.until(lambda: entries(story, "--host", HOST, "--status", "200"), "the browser's request")
    assert "Chrome" in found[0]["user_agent"] and found[0]["made_by"] == "target", found[0]
    assert found[0]["request_url"].startswith(URL) and found[0]["target_ip"] == INSTANCE

    harness.until(story.alb.log_files, "delivery to the bucket")
    print("  " + openalb("logs", "stats", story.alb.state / "s3" / BUCKET, "--status", "400").strip()
          .replace("\n", "\n  "))


def test_story_of_the_log(tmp_path):
    """[issue 5] Scene 6's reasoning and scene 7 on a local folder."""
    scene_6(tmp_path)
    try:
        enter = network.command()
    except network.Unavailable as why:
        pytest.skip(f"no namespaces here: {why}")
    done = subprocess.run([*enter, sys.executable, __file__, str(tmp_path)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=LIMIT)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


if __name__ == "__main__":
    with contextlib.ExitStack() as whole:
        scene_7(Story(pathlib.Path(sys.argv[1]), whole))
