# SPDX-License-Identifier: Apache-2.0
"""One headless Chromium over its DevTools pipe: what does it show for a URL?

Each visit has a browser context of its own (no HSTS, cache, cookies or sockets of others), and
visits may run in many threads at once. Error pages are read from their DOM, because
`--dump-dom` prints nothing for them.
"""
import concurrent.futures
import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import queue
import signal
import subprocess
import threading
import time

FLAGS = ("--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
         "--disable-component-update --disable-sync --disable-dev-shm-usage --disable-extensions "
         "--disable-default-apps --mute-audio --remote-debugging-pipe").split()
LOOK = """(() => {
  const code = document.querySelector(".error-code, #error-code");
  return {url: location.href, title: document.title, code: code ? code.innerText.trim() : null,
          ready: document.readyState, body: document.body ? document.body.innerText.slice(0, 4000) : ""};
})()"""


@dataclasses.dataclass
class Visit:
    """What one navigation ended in."""
    error: str = None         # "ERR_CONNECTION_REFUSED"; None: a page was shown
    code: str = None          # the code on an error page, as people see it
    status: int = None        # of the last answer to the document
    title: str = ""
    url: str = ""             # in the address bar
    body: str = ""
    remote: str = None        # address and port of who sent the document
    protocol: str = None      # "http/1.1", "h2"
    redirects: list = dataclasses.field(default_factory=list)  # (status, from, to, who turned it, from cache)
    failures: list = dataclasses.field(default_factory=list)   # (name, kind of resource, url)
    seconds: float = 0

    def reasons(self):
        """The Non-Authoritative-Reason of each redirect that the browser made by itself."""
        return [reason for _, _, _, reason, _ in self.redirects if reason]


class Gone(Exception):
    """The browser has ended."""


class Session:
    """One tab: commands and events of its own."""

    def __init__(self, browser, number, context):
        self.browser, self.number, self.context = browser, number, context
        self.events = queue.Queue()

    def call(self, method, timeout=60, **params):
        return self.browser.call(method, timeout, self.number, **params)


class Browser:
    def __init__(self, folder, root=None, arguments=(), language="en-US"):
        """folder: its HOME and profile; root: PEM file of a certificate authority to trust."""
        self.folder = pathlib.Path(folder)
        self.profile = self.folder / "profile"
        self.profile.mkdir(parents=True, exist_ok=True)
        if root:
            self._trust(root)
        self.futures, self.sessions, self.lock, self.number = {}, {}, threading.Lock(), 0
        out_read, out_write = os.pipe()   # to the browser's descriptor 3
        in_read, in_write = os.pipe()     # from its descriptor 4
        ends = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (out_read, in_write)]
        os.close(out_read)
        os.close(in_write)
        command = ["bash", "-c", f'exec "$@" 3<&{ends[0]} 4>&{ends[1]}', "bash", "chromium", *FLAGS,
                   f"--user-data-dir={self.profile}", f"--lang={language}", *arguments, "about:blank"]
        environment = {**os.environ, "HOME": str(self.folder), "LANGUAGE": language, "LC_ALL": "C.UTF-8"}
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            environment.pop(name, None)
            environment.pop(name.upper(), None)
        self.log = open(self.folder / "chromium.log", "ab")
        self.process = subprocess.Popen(command, pass_fds=ends, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env=environment, start_new_session=True)
        for fd in ends:
            os.close(fd)
        self.out, self.input = out_write, in_read
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.version = self.call("Browser.getVersion", 120)["product"].split("/")[1]

    def _trust(self, root):
        store = self.folder / ".pki/nssdb"
        if (store / "cert9.db").exists():
            return  # a profile of an earlier browser; certutil would ask its terminal for a password for ever
        store.mkdir(parents=True)
        for words in (["-N", "--empty-password"], ["-A", "-n", "lab", "-t", "C,,", "-i", str(root)]):
            subprocess.run(["certutil", "-d", f"sql:{store}", *words], check=True, capture_output=True, timeout=60,
                           stdin=subprocess.DEVNULL, env={**os.environ, "HOME": str(self.folder)})

    # -- the pipe --
    def _read(self):
        data = b""
        while True:
            piece = os.read(self.input, 1 << 20)
            if not piece:
                break
            data += piece
            *messages, data = data.split(b"\0")
            for message in messages:
                self._take(json.loads(message))
        with self.lock:
            futures, self.futures = list(self.futures.values()), None
        for future in futures:
            future.set_exception(Gone())

    def _take(self, message):
        if "id" in message:
            with self.lock:
                future = self.futures.pop(message["id"], None)
            if future and "error" in message:
                future.set_exception(RuntimeError(f"DevTools: {message['error']['message']}"))
            elif future:
                future.set_result(message.get("result", {}))
            return
        with self.lock:
            session = self.sessions.get(message.get("sessionId"))
        if session:
            session.events.put(message)

    def call(self, method, timeout=60, session=None, **params):
        future = concurrent.futures.Future()
        with self.lock:
            if self.futures is None:
                raise Gone()
            self.number += 1
            self.futures[self.number] = future
            message = {"id": self.number, "method": method, "params": params}
            if session:
                message["sessionId"] = session
            data = json.dumps(message).encode() + b"\0"
            while data:
                data = data[os.write(self.out, data):]
        return future.result(timeout)

    # -- visits --
    @contextlib.contextmanager
    def tab(self, proxy=None, own=True):
        """A tab in a fresh context (own=False: in the profile itself, whose state is kept on disk)."""
        context = {}
        if own:
            options = {"proxyServer": proxy, "proxyBypassList": "<-loopback>"} if proxy else {}
            context = {"browserContextId": self.call("Target.createBrowserContext", **options)["browserContextId"]}
        target = None
        session = None
        try:
            target = self.call("Target.createTarget", url="about:blank", **context)["targetId"]
            number = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            session = Session(self, number, context)
            with self.lock:
                self.sessions[number] = session
            session.call("Network.enable")
            session.call("Page.enable")
            yield session
        finally:
            with contextlib.suppress(Gone, RuntimeError, concurrent.futures.TimeoutError):
                if target:
                    self.call("Target.closeTarget", targetId=target)
                if own:
                    self.call("Target.disposeBrowserContext", **context)
            if session:
                with self.lock:
                    self.sessions.pop(session.number, None)

    def visit(self, url, *, proxy=None, first=(), headers=None, own=True, limit=60, settle=0.4):
        """Opens `url` and tells what is shown; `first` are visited before it in the same context.

        limit: seconds until the browser counts as waiting for ever (error "WAITING")."""
        with self.tab(proxy, own) as tab:
            if headers:
                tab.call("Network.setExtraHTTPHeaders", headers=headers)
            for before in first:
                self.go(tab, before, limit, 0)
            return self.go(tab, url, limit, settle)

    def go(self, tab, url, limit=60, settle=0.4):
        """One navigation in a tab that is open."""
        while not tab.events.empty():
            tab.events.get_nowait()
        visit = Visit()
        start = time.monotonic()
        try:
            answer = tab.call("Page.navigate", limit, url=url)
        except concurrent.futures.TimeoutError:
            visit.error = "WAITING"
            visit.seconds = time.monotonic() - start
            return visit
        text = answer.get("errorText")
        visit.error = text.removeprefix("net::") if text else None
        self._until_loaded(tab, visit, answer.get("frameId"), start + limit, 0 if visit.error else settle)
        seen = self._look(tab, visit)
        visit.url, visit.title, visit.code, visit.body = seen["url"], seen["title"], seen["code"], seen["body"]
        visit.seconds = time.monotonic() - start
        return visit

    def _until_loaded(self, tab, visit, frame, end, settle):
        """Reads events until the page has loaded, and `settle` seconds more for what fails after it."""
        urls = {}
        loaded = False
        while True:
            left = min(end, time.monotonic() + settle) - time.monotonic() if loaded else end - time.monotonic()
            try:
                event = tab.events.get(timeout=max(0.001, left))
            except queue.Empty:
                return
            self._event(visit, event["method"], event["params"], frame, urls)
            loaded = loaded or event["method"] in ("Page.loadEventFired", "Page.frameStoppedLoading")

    @staticmethod
    def _event(visit, method, params, frame, urls):
        if method == "Network.requestWillBeSent":
            urls[params["requestId"]] = params["request"]["url"]
            answer = params.get("redirectResponse")
            if answer and params.get("type") == "Document" and params.get("frameId") == frame:
                headers = {k.lower(): v for k, v in answer["headers"].items()}
                visit.redirects.append((answer["status"], answer["url"], params["request"]["url"],
                                        headers.get("non-authoritative-reason"),
                                        bool(answer.get("fromDiskCache"))))
        elif method == "Network.responseReceived" and params.get("frameId") == frame and params["type"] == "Document":
            answer = params["response"]
            visit.status, visit.protocol = answer["status"], answer.get("protocol")
            visit.remote = "%s:%s" % (answer.get("remoteIPAddress"), answer.get("remotePort"))
        elif method == "Network.loadingFailed":
            name = (params.get("blockedReason") or params.get("corsErrorStatus", {}).get("corsError")
                    or params["errorText"].removeprefix("net::"))
            visit.failures.append((name, params.get("type"), urls.get(params["requestId"], "")))

    @staticmethod
    def _look(tab, visit):
        """The page's words; a certificate page may take some seconds to appear, and so does the
        word that replaces DNS_PROBE_STARTED. (The page of the always-secure mode has no code.)"""
        end = time.monotonic() + (15 if visit.error not in (None, "ERR_BLOCKED_BY_CLIENT") else 0)
        while True:
            try:
                seen = tab.call("Runtime.evaluate", 20, expression=LOOK, returnByValue=True)["result"].get("value")
            except (RuntimeError, concurrent.futures.TimeoutError):
                seen = None
            if seen and (not visit.error or seen["code"] not in (None, "DNS_PROBE_STARTED")):
                return seen
            if time.monotonic() > end:
                return seen or {"url": "", "title": "", "code": None, "body": ""}
            with contextlib.suppress(queue.Empty):
                tab.events.get(timeout=0.1)

    # -- end --
    def close(self):
        """Ends the browser cleanly, so that its profile is written."""
        with contextlib.suppress(Gone, RuntimeError, concurrent.futures.TimeoutError, OSError):
            self.call("Browser.close", 20)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)
        os.close(self.out)
        self.reader.join(20)
        if not self.reader.is_alive():  # else its descriptor would soon be somebody else's
            os.close(self.input)
        self.log.close()
