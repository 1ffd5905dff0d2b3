# SPDX-License-Identifier: Apache-2.0
"""`openalb explain`: words of load balancers, logs, browsers, curl and OpenSSL in plain sentences."""
import json
import os
import re
import subprocess

import pytest

import harness
from harness import DEADLINE

SIGHTS = harness.ROOT / "src/doctor/sights.def"


def explain(*words, **more):
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **more.pop("env", {})}
    return subprocess.run([harness.OPENALB, "explain", *words], capture_output=True, timeout=DEADLINE,
                          env=environment, **more)


def text_of(*words, **more):
    done = explain(*words, **more)
    assert done.returncode == 0, done
    assert done.stderr == b""
    return done.stdout.decode()


def meanings(*words):
    done = explain("--json", *words)
    found = json.loads(done.stdout)
    assert (done.returncode == 0) == bool(found), done
    return found


@pytest.fixture(scope="module")
def every_word():
    return meanings("--list")


def test_a_browser_error_tells_meaning_speaker_causes_and_steps():
    text = text_of("net::ERR_SSL_PROTOCOL_ERROR")
    assert text.startswith("-107 ERR_SSL_PROTOCOL_ERROR (Chromium's error)\n")
    headings = re.findall(r"^  (\S.*)$", text, re.MULTILINE)
    assert headings == ["What it means", "Who says it", "Likely causes", "What to do next"]
    assert re.search(r"^    LBC-01  The port speaks plain HTTP", text, re.MULTILINE)
    assert "\n        openalb doctor https://HOST:PORT/\n" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("typed, kind, key", [
    (["502"], "http", "502"),
    (["502", "Bad", "Gateway"], "http", "502"),
    (["HTTP ERROR 503"], "http", "503"),
    (["-107"], "net", "ERR_SSL_PROTOCOL_ERROR"),
    (["DNS_PROBE_FINISHED_NXDOMAIN"], "net", "DNS_PROBE_FINISHED_NXDOMAIN"),
    (["SEC_ERROR_UNKNOWN_ISSUER"], "firefox", "SEC_ERROR_UNKNOWN_ISSUER"),
    (["about:neterror?e=redirectLoop"], "firefox", "redirectLoop"),
    (["curl:60"], "curl", "CURLE_PEER_FAILED_VERIFICATION"),
    (["curl: (52) Empty reply from server"], "curl", "CURLE_GOT_NOTHING"),
    (["alert:40"], "alert", "handshake_failure"),
    (["verify:20"], "verify", "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY"),
    (["Target.FailedHealthChecks"], "target-reason", "Target.FailedHealthChecks"),
    (["LambdaThrottling"], "error-reason", "LambdaThrottling"),
    (["BothTeClPresent"], "class-reason", "BothTeClPresent"),
    (["Failed:ClientCertExpired"], "tls-verify", "ClientCertExpired"),
    (["TARGET_TIMEOUT"], "end", "TARGET_TIMEOUT"),
    (["tgt-09"], "finding", "TGT-09"),
])
def test_words_in_the_forms_that_people_have_them(typed, kind, key):
    assert [(m["kind"], m["key"]) for m in meanings(*typed)] == [(kind, key)]


def test_a_bare_number_lists_every_meaning_in_a_fixed_order():
    assert [(m["kind"], m["number"]) for m in meanings("60")] == [("curl", 60), ("alert", 60), ("verify", 60)]
    kinds = re.findall(r"^60 \S+ \((.*)\)$", text_of("60"), re.MULTILINE)
    assert kinds == ["curl exit code", "TLS alert", "OpenSSL's verify code"]


def test_a_pasted_line_is_explained_in_all_its_parts():
    line = "curl: (60) SSL certificate problem: unable to get local issuer certificate"
    assert [(m["kind"], m["number"]) for m in meanings(line)] == [("curl", 60), ("verify", 20)]


def test_json_has_the_documented_shape(every_word):
    assert len(every_word) > 600
    for m in every_word:
        assert set(m) == {"kind", "kind_title", "key", "number", "aliases", "meaning", "said_by", "causes", "next"}
        assert m["number"] is None or isinstance(m["number"], int)
        assert m["meaning"].endswith(".") and m["said_by"].endswith(".")
        assert m["next"], m["key"]
        for cause in m["causes"]:
            assert set(cause) == {"id", "text"}
            assert cause["id"] is None or re.fullmatch(r"[A-Z]{3,4}-\d\d", cause["id"])
            assert cause["text"].endswith(".")
        for step in m["next"]:
            assert set(step) == {"text", "command"}
            assert step["command"] is None or "\n" not in step["command"]
    finding, = meanings("DNS-01")
    assert {"kind": "net", "key": "ERR_SSL_PROTOCOL_ERROR"} in finding["words"]


def test_the_list_is_complete_and_each_line_can_be_asked(every_word):
    lines = text_of("--list").splitlines()
    assert len(lines) == len(every_word)
    assert lines[0] == "http:200"
    curl = text_of("--list", "curl").splitlines()
    assert set(curl) < set(lines) and all(line.startswith("curl:") for line in curl)
    for line in (lines[0], curl[5], lines[-1]):
        kind, rest = line.split(":", 1)
        number, _, key = rest.partition(" ")
        found, = meanings(f"{kind}:{number if number.lstrip('-').isdigit() else rest}")
        assert found["kind"] == kind
        assert found["key"] in (key, rest)


def test_every_code_that_the_doctor_predicts_is_explained(every_word):
    """What people see after each fault (doctor/sights.def) must be what they can ask for here."""
    known = {name for m in every_word for name in (m["key"], *m["aliases"])}
    rows = SIGHTS.read_text()
    codes = set(re.findall(r"\b(?:ERR|SSL_ERROR|SEC_ERROR|MOZILLA_PKIX_ERROR|PR|DNS_PROBE)_[A-Z0-9_]{3,}\b", rows))
    assert len(codes) > 60
    assert codes - known == set()
    classes = set(re.findall(r'"([a-z]+[A-Z][A-Za-z]+(?:v?2)?)"', rows))
    assert "redirectLoop" in classes
    assert classes - known == set()


@pytest.mark.parametrize("typed, meant", [
    ("ERR_SSL_PROTOCOL_EROR", "-107 ERR_SSL_PROTOCOL_ERROR"),
    ("LambdaThrotling", "LambdaThrottling"),
    ("unhealty", "unhealthy"),
    ("107", "-107 ERR_SSL_PROTOCOL_ERROR"),
])
def test_near_misses_are_suggested(typed, meant):
    done = explain(typed)
    assert done.returncode == 1
    assert done.stdout == b""
    said = done.stderr.decode().splitlines()
    assert said[0] == f'openalb explain: The word "{typed}" is not known.'
    assert said[1] == "Did you mean:"
    assert said[2].startswith(f"  {meant} (")
    assert 3 <= len(said) <= 7


def test_a_word_like_no_other_points_to_the_list():
    done = explain("qqqqqqqqqqqqqqqq")
    assert done.returncode == 1
    assert done.stderr.endswith(b"All words: openalb explain --list\n")
    assert meanings("qqqqqqqqqqqqqqqq") == []


@pytest.mark.parametrize("arguments", [
    [], [""], ["  "], ["--nonsense"], ["-x"], ["502", "--lang"], ["502", "--lang", "xx"], ["502", "--lang=xx"],
    ["502", "--color", "sometimes"], ["--list", "nonsense"],
])
def test_wrong_usage_ends_with_64(arguments):
    done = explain(*arguments)
    assert done.returncode == 64, done
    assert done.stdout == b""
    assert done.stderr.startswith(b"openalb explain: ")


def test_help_goes_to_standard_output():
    for option in ("--help", "-h"):
        done = explain(option)
        assert done.returncode == 0
        assert done.stdout.startswith(b"usage: openalb explain ")


@pytest.mark.parametrize("hostile", [
    b"\x1b[31mred\x1b[0m", b"\xff\xfe\xc3", b"a\nb\rc\x07", "\u202eevil".encode(), b"%s%n{word}{", b"E" * 201,
    b"x" * 100000, b"|", b":::::", b"curl: (((((", b"-9999999999999999999999",
])
def test_hostile_words_are_shown_harmless(hostile):
    done = subprocess.run([os.fsencode(harness.OPENALB), b"explain", hostile], capture_output=True, timeout=DEADLINE)
    assert done.returncode == 1
    assert done.stdout == b""
    said = done.stderr.decode()  # valid UTF-8
    assert len(said) < 2000
    assert not re.search(r"[^\x20-\x7e\n]", said)
    assert json.loads(subprocess.run([os.fsencode(harness.OPENALB), b"explain", b"--json", hostile],
                                     capture_output=True, timeout=DEADLINE).stdout) == []


def test_lines_fit_80_columns_and_commands_stay_whole():
    for word in ("502", "60", "ERR_CERT_AUTHORITY_INVALID", "TLS-10"):
        for line in text_of(word).splitlines():
            assert len(line) <= 80 or line.startswith("        "), line


def test_causes_without_a_finding_are_told_apart():
    text = text_of("504")
    assert re.search(r"^    TGT-07  After 10 seconds", text, re.MULTILINE)
    assert re.search(r"^    -       The TLS handshake with the target took over 10 seconds\.$", text, re.MULTILINE)
    assert re.search(r"^    - User name or password are wrong\.$", text_of("curl:67"), re.MULTILINE)


def test_colours_only_when_asked_for():
    assert "\x1b[" not in text_of("502")
    assert "\x1b[" in text_of("502", "--color", "always")
    assert "\x1b[" not in text_of("502", "--color=never")


def test_output_that_cannot_be_written_is_an_error():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([harness.OPENALB, "explain", "502"], stdout=full, stderr=subprocess.PIPE,
                              timeout=DEADLINE)
    assert done.returncode == 66


def test_a_reader_that_leaves_early_does_no_harm():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run([harness.OPENALB, "explain", "--list", "--json"], stdout=closed, stderr=subprocess.PIPE,
                              timeout=DEADLINE)
    assert done.returncode in (66, -13)  # refused, or ended by SIGPIPE as any filter
    assert b"assertion" not in done.stderr


def test_the_documentation_lists_every_word(every_word):
    """docs/explain.md ends with this list; after a change of the tables it is written anew from what this prints."""
    kinds = {}
    for m in every_word:
        kinds.setdefault(m["kind"], (m["kind_title"], []))[1].append(m["key"])
    expected = "".join(f"- `{kind}` ({title}): {', '.join(keys)}\n" for kind, (title, keys) in kinds.items())
    assert (harness.ROOT / "docs/explain.md").read_text().split("## All words\n\n")[1] == expected, expected
