# SPDX-License-Identifier: Apache-2.0
"""`openalb policy check` and `make`: the story's wrong policies, what stands in them, and the corrected ones."""
import json
import os
import subprocess

import pytest

import harness

ALLOW, DENY, NO_POLICY, DEPENDS, USAGE, UNREADABLE = 0, 1, 2, 3, 64, 66
SERVICE = "logdelivery.elasticloadbalancing.amazonaws.com"
EDGE = ("--bucket", "logs", "--prefix", "edge", "--account", "111122223333", "--region", "eu-central-1")
KEYS = "arn:aws:s3:::logs/edge/AWSLogs/111122223333/*"


def policy(*arguments, stdin=None, code=None, lang="C.UTF-8"):
    done = subprocess.run([harness.OPENALB, "policy", *map(str, arguments)], input=stdin, capture_output=True,
                          timeout=harness.DEADLINE, env={"LC_ALL": lang, "PATH": os.environ["PATH"]})
    if code is not None:
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout.decode(), done.stderr.decode()


def statement(**changes):
    made = {"Sid": "Logs", "Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "s3:PutObject",
            "Resource": KEYS, **changes}
    return {key: value for key, value in made.items() if value is not None}


def document(*statements, version="2012-10-17"):
    return {"Version": version, "Statement": list(statements)}


def check(content, *arguments, code):
    """The report of a policy, which is a text or an object."""
    text = content if isinstance(content, (str, bytes)) else json.dumps(content, indent=2, ensure_ascii=False)
    text = text if isinstance(text, bytes) else text.encode()
    out, _ = policy("check", "--policy", "-", *EDGE, "--json", *arguments, stdin=text, code=code)
    return json.loads(out)


def ids(report):
    return {(point["id"], point["name"]) for point in report["points"]}


WRONG = [
    # the story's three
    ("prefix missing", document(statement(Resource="arn:aws:s3:::logs/AWSLogs/111122223333/*")), DENY,
     "IAM-01", "prefix-missing"),
    ("bucket owner's account", document(statement(Resource="arn:aws:s3:::logs/edge/AWSLogs/222233334444/*")), DENY,
     "IAM-02", "account-other"),
    ("wrong principal", document(statement(Principal={"Service": "delivery.logs.amazonaws.com"})), DENY,
     "IAM-03", "principal-vended"),
    # its neighbours
    ("another region's account", document(statement(Principal={"AWS": "arn:aws:iam::127311923021:root"})), DENY,
     "IAM-03", "principal-region"),
    ("double slash", document(statement(Resource="arn:aws:s3:::logs//AWSLogs/111122223333/*")), DENY,
     "IAM-01", "double-slash"),
    ("no star", document(statement(Resource=KEYS[:-2])), DENY, "IAM-01", "no-star"),
    ("acl demanded", document(statement(Condition={"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}})),
     DEPENDS, "IAM-08", "condition-maybe"),
    ("endpoint demanded",
     document(statement(), statement(Sid="Vpc", Effect="Deny", Principal="*", Action="s3:*",
                                     Resource="arn:aws:s3:::logs/*",
                                     Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}})),
     DENY, "IAM-07", "deny-absent"),
    ("people in NotPrincipal",
     document(statement(), {"Effect": "Deny", "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:root"},
                            "Action": "s3:*", "Resource": "arn:aws:s3:::logs/*"}), DENY, "IAM-03", "not-principal"),
    ("wrong partition", document(statement(Resource=KEYS.replace("arn:aws:", "arn:aws-cn:"))), NO_POLICY,
     "IAM-01", "resource-partition"),
    ("impossible principal", document(statement(Principal={"AWS": "arn:aws:iam::111122223333:user/*"})), NO_POLICY,
     "IAM-03", "principal-wildcard"),
    ("comment", json.dumps(document(statement())).replace("[", "[ // who writes\n", 1), NO_POLICY,
     "IAM-04", "comment"),
    ("trailing comma", json.dumps(document(statement())).replace("}]", "},]"), NO_POLICY, "IAM-04", "trailing-comma"),
    ("curly quotes", json.dumps(document(statement())).replace('"Sid"', "\u201cSid\u201d"), NO_POLICY,
     "IAM-04", "curly-quote"),
    ("byte-order mark", "\ufeff" + json.dumps(document(statement())), NO_POLICY, "IAM-04", "byte-order-mark"),
    ("duplicate key", json.dumps(document(statement())).replace('"Sid": "Logs"', '"Sid": "Logs", "Sid": "More"'),
     NO_POLICY, "IAM-04", "duplicate-key"),
    ("too large", document(statement(), *(statement(Sid=f"A{i}", Principal={"AWS": "222233334444"},
                                                    Resource=f"arn:aws:s3:::logs/{'x' * 100}{i}/*")
                                          for i in range(90))), NO_POLICY, "IAM-04", "too-large"),
    ("unknown element", document(statement(Comment="logs")), NO_POLICY, "IAM-04", "element-unknown"),
    ("account as a number", document(statement(Principal={"AWS": 54676820928})), NO_POLICY,
     "IAM-02", "principal-number"),
    ("another action", document(statement(Action="s3:PutObjectAcl")), DENY, "IAM-11", "action-missing"),
    ("nothing for the service", document(statement(Effect="Deny", Action="s3:DeleteObject", Principal="*")), DENY,
     "IAM-03", "nothing-allows"),
]


@pytest.mark.parametrize("title, content, code, wanted_id, name", WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_policy_is_named_and_the_corrected_one_allows(title, content, code, wanted_id, name, tmp_path):
    report = check(content, "--fix", tmp_path / "fixed.json", code=code)
    assert (wanted_id, name) in ids(report)
    assert report["diff"] and report["corrected"]
    fixed = tmp_path / "fixed.json"
    assert fixed.read_text() == report["corrected"]
    again = check(fixed.read_text(), code=ALLOW)
    assert again["answer"] == "allow" and again["corrected"] is None


def test_a_right_policy_is_allowed_by_its_statement():
    out, _ = policy("check", "--policy", "-", *EDGE, stdin=json.dumps(document(statement())).encode(), code=ALLOW)
    assert out.startswith("ALLOWED: the load balancer can write its access log to s3://logs/edge.")
    assert "statement 1" in out and "Sid Logs" in out and "IAM-13" in out


def test_the_text_tells_place_difference_and_what_to_change():
    wrong = json.dumps(document(statement(Resource="arn:aws:s3:::logs/AWSLogs/111122223333/*")), indent=2)
    out, _ = policy("check", "--policy", "-", *EDGE, stdin=wrong.encode(), code=DENY)
    flat = " ".join(out.split())
    assert out.startswith("DENIED: ")
    assert "Access Denied for bucket: logs. Please check S3bucket permission" in flat
    assert "IAM-01 error (statement 1, line 4)" in flat
    assert "The Resource arn:aws:s3:::logs/AWSLogs/111122223333/* lacks the prefix of the logs." in flat
    assert f'+      "Resource": "{KEYS}"' in out
    assert '-      "Resource": "arn:aws:s3:::logs/AWSLogs/111122223333/*"' in out
    for unseen in ("IAM-05", "IAM-06", "IAM-09", "IAM-10"):
        assert unseen in out


def test_a_comment_is_pointed_at():
    text = '{\n  "Version": "2012-10-17",\n  // who writes\n  "Statement": []\n}\n'
    report = check(text, code=NO_POLICY)
    point = report["points"][0]
    assert (point["line"], point["column"]) == (3, 3)
    assert report["aws_says"] == "This policy contains invalid Json"


def test_the_region_s_own_account_still_works():
    report = check(document(statement(Principal={"AWS": "arn:aws:iam::054676820928:root"})), code=ALLOW)
    assert [(c["principal"], c["answer"], c["counts"]) for c in report["callers"]] == [
        (SERVICE, "implicit-deny", False), ("054676820928", "allow", True)]
    assert ("IAM-03", "legacy-only") in ids(report)


@pytest.mark.parametrize("log", ["access", "connection", "health-check"])
@pytest.mark.parametrize("prefix", [(), ("--prefix", "a/b")])
def test_a_made_policy_allows(log, prefix):
    where = ("--bucket", "logs", "--account", "111122223333", "--region", "cn-north-1", *prefix, "--log", log)
    made, _ = policy("make", *where, code=0)
    out, _ = policy("check", "--policy", "-", *where, "--json", stdin=made.encode(), code=ALLOW)
    assert json.loads(out)["points"] == []


def test_made_forms():
    import yaml  # of the distribution
    made = json.loads(policy("make", *EDGE, code=0)[0])["Statement"][0]
    stack = yaml.safe_load(policy("make", *EDGE, "--form", "cloudformation", code=0)[0])
    assert stack["Resources"]["LogBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"][0] == made
    terraform = policy("make", *EDGE, "--form", "terraform", code=0)[0]
    assert terraform.count("{") == terraform.count("}")
    for value in (made["Resource"], made["Condition"]["ArnLike"]["aws:SourceArn"], SERVICE, "s3:PutObject"):
        assert f'"{value}"' in terraform


@pytest.mark.parametrize("arguments, words", [
    ((), "usage: openalb policy"),
    (("check", *EDGE), "Which policy?"),
    (("check", "--policy", "-", "--bucket", "logs", "--account", "111122223333"), "--region is missing"),
    (("check", "--policy", "-", "--bucket", "Logs", *EDGE[2:]), "upper-case"),
    (("check", "--policy", "-", *EDGE[:4], "--account", "1111", *EDGE[6:]), "12 digits"),
    (("check", "--policy", "-", *EDGE, "--log", "flow"), "There is no log 'flow'"),
    (("make", *EDGE, "--form", "yaml"), "There is no form 'yaml'"),
    (("make", *EDGE, "more"), "'more' is one word too many"),
    (("make", *EDGE[:2], "--prefix", "x/AWSLogs", *EDGE[4:]), "must not contain AWSLogs"),
])
def test_wrong_command_lines_say_what_is_allowed(arguments, words):
    assert words in policy(*arguments, stdin=b"", code=USAGE)[1]


def test_a_policy_that_cannot_be_read(tmp_path):
    assert "No such file" in policy("check", "--policy", tmp_path / "none", *EDGE, code=UNREADABLE)[1]
    assert "directory" in policy("check", "--policy", tmp_path, *EDGE, code=UNREADABLE)[1]


def test_fix_never_writes_over_a_file(tmp_path):
    wrong = tmp_path / "policy.json"
    wrong.write_text(json.dumps(document(statement(Action="s3:GetObject"))))
    before = wrong.read_bytes()
    _, error = policy("check", "--policy", wrong, *EDGE, "--fix", wrong, code=UNREADABLE)
    assert "exists already" in error and wrong.read_bytes() == before
    right = json.dumps(document(statement())).encode()
    _, error = policy("check", "--policy", "-", *EDGE, "--fix", tmp_path / "new", stdin=right, code=ALLOW)
    assert "nothing to correct" in error and not (tmp_path / "new").exists()


def test_hostile_bytes_stay_harmless():
    text = json.dumps(document(statement(Resource="arn:aws:s3:::logs/\x1b[31m\u202eedge/*"))).encode()
    out, error = policy("check", "--policy", "-", *EDGE, "--color", "never", stdin=text, code=DENY)
    assert "\x1b" not in out + error and "\u202e" not in out + error
    for junk in (b"\x00" * 100, b"{" * 100000, b'{"' + b"a" * 2000000, os.urandom(5000)):
        out, error = policy("check", "--policy", "-", *EDGE, "--json", stdin=junk, code=NO_POLICY)
        assert json.loads(out)["answer"] == "no policy"


def test_in_japanese():
    out, _ = policy("check", "--policy", "-", *EDGE, "--lang", "ja", stdin=b"{}", code=NO_POLICY)
    assert "IAM-04" in out and any("\u3040" <= c <= "\u30ff" for c in out)
    assert "--policy" in policy("--lang", "ja", "--help", code=0)[0]
