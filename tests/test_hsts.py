# SPDX-License-Identifier: Apache-2.0
"""`openalb hsts` beside real clients: Chromium's own file, curl and wget on the same files, hand-made Firefox files."""
import base64
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import time

import pytest

import harness
from harness import body_of, certificate, listener, reply, template
from lab.browser import Browser

FOUND, NOTHING, USAGE, UNREADABLE, REFUSED = 0, 1, 64, 66, 75
YEAR = 31536000
# of src/hsts/preloaded_tlds.def those that are sold to everyone; those of companies come and go
TLDS = "app bank day dev foo insurance mov new page phd prof zip".split()


class Home:
    """A home folder of its own, and `openalb hsts` in it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def path(self, name):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, name, content, mode=0o600):
        path = self.path(name)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def hsts(self, *arguments, code=FOUND, environment=None):
        made = {k: v for k, v in os.environ.items() if k not in ("XDG_CONFIG_HOME", "LANGUAGE")}
        made.update({"HOME": str(self.folder), "LC_ALL": "C.UTF-8", "TZ": "UTC", **(environment or {})})
        out = subprocess.run([str(harness.OPENALB), "hsts", *map(str, arguments)], capture_output=True, env=made,
                             timeout=harness.DEADLINE)
        assert out.returncode == code, (out.returncode, out.stdout, out.stderr)
        return out.stdout.decode(), out.stderr.decode()

    def ask(self, *arguments, **options):
        return json.loads(self.hsts(*arguments, "--json", **options)[0])


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


# ---- files by hand ----

def chromium_key(host):
    wire = b"".join(bytes([len(label)]) + label.encode() for label in host.split(".")) + b"\0"
    return base64.b64encode(hashlib.sha256(wire).digest()).decode()


def chromium_file(*entries):
    """Entries: (host, subdomains, seconds until it ends[, mode])."""
    now = time.time()
    return json.dumps({"version": 2, "sts": [
        {"host": chromium_key(host), "mode": mode[0] if mode else "force-https", "sts_include_subdomains": below,
         "sts_observed": now - 3600.25, "expiry": now + seconds} for host, below, seconds, *mode in entries]})


def firefox_slot(key, value):
    body = struct.pack(">HH", 1, 20780) + key.encode().ljust(256, b"\0") + value.encode().ljust(24, b"\0")
    total = 0
    for (word,) in struct.iter_unpack(">H", body):
        total ^= word
    return struct.pack(">H", total) + body


def in_ms(seconds):
    return int((time.time() + seconds) * 1000)


# ---- the whole way with a real browser, our load balancer in the middle ----

def site(conn, reader, head):
    """Sends the field for all names below parent.hsts.test, and for remembered.hsts.test alone."""
    body_of(head, reader)
    host = re.search(rb"\r\nhost: *([^\r:]+)", head, re.I)[1]
    field = {b"remembered.hsts.test": b"max-age=31536000", b"other.hsts.test": b"max-age=31536000",
             b"parent.hsts.test": b"max-age=31536000; includeSubDomains"}.get(host)
    # not cacheable, and no connection that outlives a visit
    headers = b"Cache-Control: no-store\r\nContent-Type: text/html\r\nConnection: close\r\n"
    if field:
        headers += b"Strict-Transport-Security: " + field + b"\r\n"
    conn.sendall(reply(b"<p>the page", headers=headers))
    return "close"


@pytest.fixture
def balancer(alb, target):
    one = target(site)
    more = {"Certificate": certificate("hsts.test", ["*.hsts.test", "*.parent.hsts.test"]),
            "Https": listener(8443, "HTTPS")}
    return alb(template([one.address], more=more))


@contextlib.contextmanager
def chromium(home, balancer, root=True):
    address = balancer if isinstance(balancer, str) else balancer.address
    browser = Browser(home.folder / "chromium", root=balancer.ca if root else None,
                      arguments=[f"--host-resolver-rules=MAP * {address}", "--disable-features=HttpsUpgrades"])
    try:
        yield browser
    finally:
        browser.close()


def test_chromium_remembers_and_forgets(home, balancer):
    """[issue 4] Chromium's file is found, a running browser is refused, a removal cures exactly one host."""
    profile = home.folder / "chromium/profile"
    store = profile / "Default/TransportSecurity"
    plain = "http://remembered.hsts.test:8080/"
    with chromium(home, balancer) as browser:
        for name in ("remembered", "other", "parent"):
            visit = browser.visit(f"https://{name}.hsts.test:8443/", own=False)
            assert (visit.error, visit.status) == (None, 200)
        visit = browser.visit(plain, own=False)
        assert visit.reasons() == ["HSTS"] and visit.error == "ERR_SSL_PROTOCOL_ERROR", visit

    before = store.read_bytes()
    text, _ = home.hsts("show", "remembered.hsts.test", "--browser-profile", profile)
    assert "remembered.hsts.test is remembered as https only." in text and str(store) in text
    found = home.ask("show", "remembered.hsts.test", "--browser-profile", profile)
    [entry] = found["entries"]
    assert entry["client"] == "chromium" and entry["applies"] and not entry["parent"]
    assert not entry["include_subdomains"] and entry["file"] == str(store)
    assert abs(time.time() - time.mktime(time.strptime(entry["observed"], "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 600
    lasts = [time.mktime(time.strptime(entry[key], "%Y-%m-%dT%H:%M:%SZ")) for key in ("observed", "expires")]
    assert abs(lasts[1] - lasts[0] - YEAR) < 2
    assert not found["stores"][0]["https_only_mode"] and found["stores"][0]["running"] is None
    explained = home.ask("explain", plain, "--browser-profile", profile)
    mine = explained["clients"][0]
    assert (mine["becomes"], mine["reason"]) == ("https://remembered.hsts.test:8080/", "entry")

    with chromium(home, balancer) as browser:
        visit = browser.visit(plain, own=False)
        assert visit.reasons() == ["HSTS"]
        text, _ = home.hsts("remove", "remembered.hsts.test", "--browser-profile", profile, code=REFUSED)
        pid = int(os.readlink(profile / "SingletonLock").rsplit("-", 1)[1])
        assert f"process {pid}" in " ".join(text.split()) and "SingletonLock" in text
        running = home.ask("show", "remembered.hsts.test", "--browser-profile", profile)["stores"][0]["running"]
        assert running["pid"] == pid
        assert sorted(p.name for p in store.parent.glob("TransportSecurity*")) == ["TransportSecurity"]

    # a child of a parent with includeSubDomains has nothing of its own
    text, _ = home.hsts("remove", "x.parent.hsts.test", "--browser-profile", profile, code=NOTHING)
    assert "openalb hsts remove parent.hsts.test --browser-profile" in text
    assert home.ask("remove", "remembered.hsts.test", "--browser-profile", profile, "--dry-run")["dry_run"]
    before = json.loads(store.read_bytes())
    answer = home.ask("remove", "remembered.hsts.test", "--browser-profile", profile)
    [step] = answer["stores"]
    assert (step["result"], step["entries"], answer["still_applies"]) == ("removed", 1, False)
    after = json.loads(store.read_bytes())
    gone = [e for e in before["sts"] if e not in after["sts"]]
    assert [e["host"] for e in gone] == [chromium_key("remembered.hsts.test")]
    assert len(after["sts"]) == len(before["sts"]) - 1
    home.hsts("show", "remembered.hsts.test", "--browser-profile", profile, code=NOTHING)

    with chromium(home, balancer) as browser:
        visit = browser.visit(plain, own=False)
        assert (visit.reasons(), visit.status, visit.body) == ([], 200, "the page"), visit
        assert browser.visit("http://other.hsts.test:8080/", own=False).reasons() == ["HSTS"]
        assert browser.visit("http://x.parent.hsts.test:8080/", own=False).reasons() == ["HSTS"]
    subprocess.run(["bash", "-c", step["undo"]], check=True)
    assert home.ask("show", "remembered.hsts.test", "--browser-profile", profile)["applies"]


CASES = {  # host: what the file says about it and its parents
    "own.hsts.test": [("own.hsts.test", False, 9999)],
    "own-below.hsts.test": [("own-below.hsts.test", True, 9999)],
    "x.own.hsts.test": [],
    "a.b.below.hsts.test": [("below.hsts.test", True, 9999)],
    "x.alone.hsts.test": [("alone.hsts.test", False, 9999)],
    "expired.hsts.test": [("expired.hsts.test", False, -9)],
    "other-mode.hsts.test": [("other-mode.hsts.test", False, 9999, "default")],
    "x.both.hsts.test": [("x.both.hsts.test", False, 9999), ("both.hsts.test", True, 9999)],
    "x.half.hsts.test": [("x.half.hsts.test", False, -9), ("half.hsts.test", True, 9999)],
    "name.under-tld": [("under-tld", True, 9999)],
    "openalb-example.com": [],
    "web.localhost": [("web.localhost", False, 9999)],
    "localhost": [("localhost", False, 9999)],
    "_under.hsts.test": [("_under.hsts.test", False, 9999)],
    "xn--bcher-kva.hsts.test": [("xn--bcher-kva.hsts.test", False, 9999)],
}


def plain_page(conn):
    """Answers in plain HTTP, whatever comes: a ClientHello, too."""
    conn.recv(65536)
    conn.sendall(reply(b"the page", headers=b"Cache-Control: no-store\r\nConnection: close\r\n"))


def test_explain_agrees_with_chromium(home, target):
    """[exp] What `explain` foretells is what Chromium does with the same file, preload list and trailing dots too."""
    address, port = target(plain_page, raw=True).address
    entries = [entry for given in CASES.values() for entry in given]
    home.write("chromium/profile/Default/TransportSecurity", chromium_file(*entries))
    hosts = [*CASES, "OWN.hsts.test.", *(f"openalb-example.{tld}" for tld in TLDS)]
    foretold = {}
    for host in hosts:
        answer = home.ask("explain", f"http://{host}:{port}/", "--browser-profile", home.folder / "chromium/profile",
                          code=_any_code(home, host, port))
        foretold[host] = answer["clients"][0]["changed"]
    with chromium(home, address, root=False) as browser:
        seen = {host: "HSTS" in browser.visit(f"http://{host}:{port}/", own=False, settle=0).reasons()
                for host in hosts}
    wrong = {host: (foretold[host], seen[host]) for host in hosts if foretold[host] != seen[host]}
    preloaded = [f"openalb-example.{tld}" for tld in TLDS]
    if not any(seen[host] for host in preloaded):  # a build older than ten weeks does not use its list
        wrong = {host: pair for host, pair in wrong.items() if host not in preloaded}
    assert not wrong, f"(foretold, seen): {wrong}"
    assert sum(seen.values()) > 5


def _any_code(home, host, port):
    """Both answers are answers: the exit code says which, and must agree with the JSON."""
    out = subprocess.run([str(harness.OPENALB), "hsts", "explain", f"http://{host}:{port}/", "--json",
                          "--browser-profile", str(home.folder / "chromium/profile")],
                         capture_output=True, env={**os.environ, "HOME": str(home.folder)}, timeout=harness.DEADLINE)
    answer = json.loads(out.stdout)
    changed = any(c["changed"] for c in answer["clients"]) or any(p["applies"] for p in answer["preloaded"])
    assert out.returncode == (FOUND if changed else NOTHING)
    return out.returncode


# ---- curl and wget on the same files ----

def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def test_explain_agrees_with_curl(home):
    """[exp] curl --hsts changes the same URLs as `explain --curl-file` foretells."""
    later, past = (time.strftime("%Y%m%d %H:%M:%S", time.gmtime(time.time() + s)) for s in (9999, -9999))
    file = home.write("curl-hsts", f'# mine\nown.test "{later}"\n.below.test "unlimited"\nold.test "{past}"\n'
                                   f'alone.test "{later}"\nbroken.test {later}\n')
    port = closed_port()
    for host in ("own.test", "x.own.test", "below.test", "a.b.below.test", "old.test", "x.alone.test", "broken.test",
                 "absent.test", "own.test."):
        for suffix, shown in ((f":{port}", port), ("", 80)):
            out = subprocess.run([harness.tool("curl"), "-svm5", "--noproxy", "*", "--hsts", shutil.copy(file, f"{file}.own"),
                                  "--connect-to", f"::127.0.0.1:{port}", f"http://{host}{suffix}/"],
                                 capture_output=True, text=True, timeout=harness.DEADLINE)
            changed = "Switched from HTTP to HTTPS due to HSTS" in out.stderr
            answer = home.ask("explain", f"http://{host}{suffix}/", "--curl-file", file,
                              code=FOUND if changed else NOTHING)
            mine = next(c for c in answer["clients"] if c["client"] == "curl")
            assert mine["changed"] == changed, (host, suffix, out.stderr)
            assert answer["port"] == shown
            if changed:
                assert mine["becomes"] == f"https://{host}{suffix}/"


def test_explain_agrees_with_wget(home):
    """[exp] wget's entries are for one port: the same URLs are changed as `explain --wget-file` foretells."""
    if not shutil.which("wget"):
        pytest.skip("wget is not installed")
    port, now = closed_port(), int(time.time())
    rows = [("default.test", 0, 1, now, YEAR), ("p443.test", 443, 0, now, YEAR), ("p80.test", 80, 0, now, YEAR),
            ("own.test", port, 1, now, YEAR), ("old.test", 0, 0, now - 100, 50), ("alone.test", 0, 0, now, YEAR)]
    text = "# HSTS 1.0 Known Hosts database for GNU Wget.\n" + "".join("%s\t%d\t%d\t%d\t%d\n" % row for row in rows)
    file = home.write(".wget-hsts", text)
    for host in ("default.test", "x.default.test", "p443.test", "p80.test", "own.test", "x.own.test", "old.test",
                 "x.alone.test", "absent.test"):
        for suffix in ("", f":{port}", ":443"):
            own = shutil.copy(file, home.path("wget-own"))  # wget writes it anew
            os.chmod(own, 0o600)
            # a proxy that is not there: nothing is looked up or sent
            out = subprocess.run([harness.tool("wget"), "--no-config", f"--hsts-file={own}", "-T2", "-t1", "-O/dev/null",
                                  "-e", f"http_proxy=http://127.0.0.1:{port}", "-e", f"https_proxy=http://127.0.0.1:{port}",
                                  f"http://{host}{suffix}/"], capture_output=True, text=True, timeout=harness.DEADLINE,
                                 env={**os.environ, "LC_ALL": "C"})
            changed = "URL transformed to HTTPS due to an HSTS policy" in out.stderr
            answer = home.ask("explain", f"http://{host}{suffix}/", code=FOUND if changed else NOTHING)
            mine = next(c for c in answer["clients"] if c["client"] == "wget")
            assert mine["changed"] == changed, (host, suffix, out.stderr)


# ---- Firefox by hand ----

def test_firefox(home):
    """Every partition of the host goes, the lock refuses, the undo command brings all back."""
    host, end = "app.hsts.test", in_ms(99999)
    slots = [firefox_slot(host, f"{end},1,0"), firefox_slot("private.test", f"{end},1,1"),
             firefox_slot(f"{host}^partitionKey=%28https%2Cother.test%29", f"{end},1,1"), bytes(286)]
    profile = home.folder / ".mozilla/firefox/abc.default-esr"
    file = home.write(".mozilla/firefox/abc.default-esr/SiteSecurityServiceState.bin", b"".join(slots), 0o640)
    lock = home.write(".mozilla/firefox/abc.default-esr/.parentlock", "")
    home.write(".mozilla/firefox/profiles.ini", "[Profile0]\nName=default\nIsRelative=1\nPath=abc.default-esr\n")
    found = home.ask("show", host)
    assert [e["partition"] for e in found["entries"]] in (
        [None, "^partitionKey=%28https%2Cother.test%29"], ["^partitionKey=%28https%2Cother.test%29", None])
    assert {e["client"] for e in found["entries"]} == {"firefox"} and found["entries"][0]["last_used"]
    assert "private.test" not in json.dumps(found)

    with open(lock, "r+b") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        text, _ = home.hsts("remove", host, "--browser-profile", "auto", code=REFUSED)
        assert f"process {os.getpid()}" in " ".join(text.split())
        assert file.read_bytes() == b"".join(slots)

    [step] = home.ask("remove", host, "--browser-profile", profile)["stores"]
    assert (step["result"], step["entries"]) == ("removed", 2)
    assert file.read_bytes() == bytes(286) + slots[1] + bytes(286) * 2
    assert file.stat().st_mode & 0o7777 == 0o640
    home.hsts("show", host, code=NOTHING)
    home.hsts("remove", host, "--browser-profile", profile, code=NOTHING)
    subprocess.run(["bash", "-c", step["undo"]], check=True)
    assert file.read_bytes() == b"".join(slots)


# ---- what is told, and what is not ----

def test_privacy(home):
    """No other host's name reaches any output."""
    now = int(time.time())
    home.write(".wget-hsts", f"secret.test\t0\t1\t{now}\t999\nasked.test\t0\t1\t{now}\t999\n")
    home.write("hsts", '.secret.test "unlimited"\n.asked.test "unlimited"\n')
    home.write(".config/chromium/Default/TransportSecurity", chromium_file(("secret.test", True, 99)))
    home.write(".mozilla/firefox/x/SiteSecurityServiceState.bin", firefox_slot("secret.test", f"{in_ms(99)},1,1"))
    options = ("--curl-file", home.path("hsts"), "--browser-profile", "auto")
    for words in (("show", "asked.test"), ("explain", "http://asked.test/"), ("remove", "asked.test", "--dry-run")):
        for form in ((), ("--json",)):
            out, err = home.hsts(*words, *options, *form)
            assert "asked.test" in out and "secret" not in out + err


def test_hostile_bytes(home):
    """Paths and partition keys with escape sequences reach the terminal escaped, and JSON stays valid."""
    evil = "\x1b]0;x\x07 'quoted' \u202e"
    folder = f".mozilla/firefox/{evil}"
    home.write(f"{folder}/SiteSecurityServiceState.bin",
               firefox_slot("app.test^partitionKey=\x1b[2J", f"{in_ms(9999)},1,0"))
    out, err = home.hsts("show", "app.test")
    assert "\\x1b" in out and not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", out + err)
    assert home.ask("show", "app.test")["entries"][0]["partition"] == "^partitionKey=\x1b[2J"
    before = (home.folder / folder / "SiteSecurityServiceState.bin").read_bytes()
    out, _ = home.hsts("remove", "app.test", "--browser-profile", "auto")
    assert "\x1b" not in out
    [command] = [line.strip() for line in out.splitlines() if line.strip().startswith("cp -p -- ")]
    subprocess.run(["bash", "-c", command], check=True)
    assert (home.folder / folder / "SiteSecurityServiceState.bin").read_bytes() == before


def test_preload_list(home):
    """A list in Chromium's form, with comments; a preloaded name cannot be removed, and that is said."""
    home.write("list.json", '// list\n{"pinsets": [], "entries": [\n'
                            '  {"name": "preloaded.test", "mode": "force-https", "include_subdomains": true}, // x\n'
                            '  {"name": "pins.test", "pins": "p"}]}\n')
    home.write(".config/chromium/Default/TransportSecurity", chromium_file(("preloaded.test", True, 9999)))
    options = ("--preload-list", home.path("list.json"))
    found = home.ask("show", "www.preloaded.test", *options)
    assert [(p["name"], p["applies"], p["source"]) for p in found["preloaded"]] == [("preloaded.test", True, "list")]
    home.hsts("show", "pins.test", *options, code=NOTHING)
    text, _ = home.hsts("remove", "preloaded.test", "--browser-profile", "auto", *options)
    assert "cannot be removed here" in " ".join(text.split())
    text, _ = home.hsts("explain", "http://shop.example.dev:8080/")
    assert "Every up-to-date browser" in text and "https://shop.example.dev:8080/" in text
    home.write("list.json", "nonsense")
    _, err = home.hsts("show", "preloaded.test", *options, code=UNREADABLE)
    assert "preload list" in err


def test_always_secure_mode(home):
    """[BRW-03] The browser's own setting is seen beside its file."""
    home.write(".config/chromium/Default/Preferences", json.dumps({"https_only_mode_enabled": True, "deep": {"x": [1]}}))
    answer = home.ask("explain", "http://app.test:8080/")
    assert [(c["changed"], c["reason"]) for c in answer["clients"]] == [(True, "setting"), (False, None)]
    text, _ = home.hsts("show", "app.test", code=NOTHING)
    assert "Always use secure connections" in text


def test_explain_wording(home):
    """[hsts.md 8] HSTS is not blamed for what it cannot do."""
    text, _ = home.hsts("explain", "http://app.test:8080/", code=NOTHING)
    flat = " ".join(text.split())
    assert "is sent as it is" in flat
    assert ("HSTS does not break TLS; it only changes http to https before the request. If https://app.test:8080 itself "
            "fails, HSTS is not the cause.") in flat
    text, _ = home.hsts("explain", "https://app.test:8443/", code=NOTHING)
    assert "HSTS changes nothing about it" in " ".join(text.split())


@pytest.mark.parametrize("arguments, code, says", [
    ((), USAGE, "usage: openalb hsts"),
    (("show",), USAGE, "usage: openalb hsts"),
    (("show", "a.test", "b.test"), USAGE, "usage: openalb hsts"),
    (("forget", "a.test"), USAGE, "usage: openalb hsts"),
    (("show", "a.test", "--dry-run"), USAGE, "usage: openalb hsts"),
    (("show", "a.test", "--bogus"), USAGE, "usage: openalb hsts"),
    (("show", "a b"), USAGE, "not a host name"),
    (("show", "a.test", "--lang", "xx"), USAGE, "xx"),
    (("show", "a.test", "--color", "often"), USAGE, "often"),
    (("explain", "ftp://a.test/"), USAGE, "neither an http nor an https URL"),
    (("remove", "a.test"), USAGE, "--browser-profile"),
    (("show", "192.0.2.1"), NOTHING, "names only"),
    (("explain", "http://[2001:db8::1]:8080/"), NOTHING, "names only"),
    (("show", "a.test", "--browser-profile", "/nonexistent"), UNREADABLE, "/nonexistent"),
    (("show", "a.test", "--browser-profile", "/dev"), UNREADABLE, "not the profile of a browser"),
    (("show", "a.test", "--preload-list", "/nonexistent"), UNREADABLE, "/nonexistent"),
    (("show", "a.test", "--curl-file", "/dev/null"), UNREADABLE, None),
])
def test_refusals(home, arguments, code, says):
    out, err = home.hsts(*arguments, code=code)
    assert says is None or says in err
    if "--json" not in arguments and code == USAGE:
        assert out == ""


def test_damaged_files_are_no_answer(home):
    """A file that nobody can understand is 66, not "nothing": the host may well be in it."""
    home.write(".config/chromium/Default/TransportSecurity", '{"sts":[')
    text, _ = home.hsts("show", "a.test", code=UNREADABLE)
    assert "damaged" in text
    home.hsts("remove", "a.test", "--browser-profile", "auto", code=UNREADABLE)
    home.write(".config/chromium/Default/TransportSecurity", '{"sts":[1],"version":2}')
    text, _ = home.hsts("show", "a.test", code=NOTHING)
    assert "Damaged entries that were passed over: 1" in text


def test_help(home):
    out, _ = home.hsts("--help")
    assert out.startswith("usage: openalb hsts show HOST") and "exit codes" in out
