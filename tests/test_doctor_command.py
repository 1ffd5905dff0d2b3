# SPDX-License-Identifier: Apache-2.0
"""`openalb doctor` as a command: usage, saved files, --expect, --watch, --explain; what it finds is the lab's business."""
import contextlib
import http.server
import json
import os
import socket
import subprocess
import threading

import pytest

import harness
from harness import DEADLINE

SECRETS = ["private-door", "tell-nobody", "Bearer-of-news", "cookie-of-mine"]


def doctor(*words, **more):
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "no_proxy": "*", **more.pop("env", {})}
    return subprocess.run([harness.OPENALB, "doctor", *words], capture_output=True, timeout=DEADLINE, text=True,
                          env=environment, **more)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<title>hello</title>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def site(port=0):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.mark.parametrize("words, sentence", [
    ([], "Which URL?"),
    (["htps://app.example.com"], "was https meant?"),
    (["https://me:pass@app.example.com"], "-H 'Authorization: ...'"),
    (["app.example.com:65536"], "1 to 65535"),
    (["app.example.com", "--lb", "arn:aws:x"], "DNSName"),
    (["app.example.com", "--aws"], "not in this version"),
    (["app.example.com", "--jsno"], "was --json meant?"),
])
def test_a_wrong_command_line_ends_with_64_and_a_sentence_also_in_json(words, sentence):
    done = doctor(*words)
    assert (done.returncode, done.stdout) == (64, "")
    assert sentence in done.stderr and "pass@" not in done.stderr
    done = doctor(*words, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["result"], report["verdict"]) == (64, "error", None)
    assert sentence in done.stdout


def test_files_that_cannot_be_read_end_with_66(tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text('{"format":1,"question":{"port":70000}}')
    for words in (["--replay", str(tmp_path / "none")], ["--replay", str(broken)],
                  ["app.example.com", "--ca", str(tmp_path / "none")]):
        done = doctor(*words, "--json")
        assert (done.returncode, json.loads(done.stdout)["result"]) == (66, "error"), words


def test_help_names_the_options_in_80_columns():
    done = doctor("--help")
    assert done.returncode == 0
    assert "--browser-error" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_what_is_saved_is_diagnosed_the_same_and_tells_no_secret(tmp_path):
    saved = tmp_path / "saved.json"
    with site() as port:
        live = doctor(f"http://127.0.0.1:{port}/private-door?tell-nobody", "-H", "Authorization: Bearer-of-news",
                      "--cookie", "a=cookie-of-mine", "--save", str(saved), "--quiet")
    assert live.returncode == 0, live
    assert saved.stat().st_mode & 0o777 == 0o600
    text = saved.read_text()
    for secret in SECRETS:
        assert secret not in text and secret.encode().hex() not in text
    again = doctor("--replay", str(saved), "--quiet")
    assert (again.returncode, again.stdout) == (live.returncode, live.stdout)


def test_secrets_are_saved_when_asked(tmp_path):
    saved = tmp_path / "saved.json"
    with site() as port:
        done = doctor(f"http://127.0.0.1:{port}/private-door?tell-nobody", "--save", str(saved), "--save-secrets")
    assert done.returncode == 0 and "private-door?tell-nobody" in saved.read_text()


def test_expect_turns_the_result_into_an_exit_code():
    with site() as port:
        assert doctor(f"http://127.0.0.1:{port}", "--expect", "ok").returncode == 0
        assert doctor(f"https://127.0.0.1:{port}", "--expect", "lbc-01").returncode == 0
        assert doctor(f"https://127.0.0.1:{port}", "--expect", "ok").returncode == 1
        assert doctor(f"https://127.0.0.1:{port}").returncode == 12


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    with site() as port:
        done = doctor(f"http://127.0.0.1:{port}", "--html", str(tmp_path / "none" / "page.html"))
    assert done.returncode == 66 and "page.html" in done.stderr


def test_watch_ends_when_the_site_opens():
    port = free_port()
    watch = subprocess.Popen([harness.OPENALB, "doctor", f"http://127.0.0.1:{port}", "--watch=1"], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env={**os.environ, "LC_ALL": "C.UTF-8", "no_proxy": "*"})
    try:
        first = ""
        while "TCP-01" not in first:
            line = watch.stdout.readline()
            assert line, watch.stderr.read()
            first += line
        with site(port):
            rest, errors = watch.communicate(timeout=DEADLINE)
    finally:
        watch.kill()
        watch.wait()
    assert watch.returncode == 0, errors
    assert "The result was TCP-01; now it is ok." in rest
    assert "The status was -; now it is 200." in rest
    assert "\a" not in rest


@pytest.mark.parametrize("word", ["DNS-01", "tgt-02"])
def test_a_finding_is_explained_without_a_site(word):
    text = doctor("--explain", word)
    assert text.returncode == 0 and text.stdout.startswith(word.upper())
    assert "What it rules out" in text.stdout and "{" not in text.stdout.split("What to do")[0]
    row = json.loads(doctor("--explain", word, "--json").stdout)
    assert row["id"] == word.upper() and set(row["browser"]) >= {"chromium", "firefox", "curl", "openssl"}
    shown = subprocess.run([harness.OPENALB, "explain", word], capture_output=True, text=True, timeout=DEADLINE)
    assert "What it rules out" in shown.stdout


def test_a_finding_that_is_none_ends_with_64():
    assert doctor("--explain", "DNS-99").returncode == 64
