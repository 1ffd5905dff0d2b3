# SPDX-License-Identifier: Apache-2.0
"""The HTML report as people meet it: opened from a file in a real browser, wide, narrow, dark, printed, without a
script, and about a site that would like to run one."""
import base64
import contextlib
import pathlib
import subprocess
import threading
import socket

import pytest

import harness
from lab.browser import Browser

PLAIN = (b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 12\r\n"
         b"Connection: close\r\n\r\nplain words\n")
EVIL = (b'HTTP/1.1 400 "><script>window.evil=1</script>\r\nServer: "><img src=x onerror=window.evil=2>\r\n'
        b"Set-Cookie: sid=secret-cookie\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
        b"<title></title></main></pre><script>window.evil=3</script></title>\x1b]0;evil\x07\xff\xfe\x00")
VISIBLE = """(() => [...document.querySelectorAll("main")].filter((m) => m.offsetParent !== null)
  .map((m) => m.lang))()"""


@contextlib.contextmanager
def answering(answer):
    """A port that gives the same answer to whatever comes: plain HTTP, or TLS hellos."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(harness.DEADLINE)
                connection.recv(65536)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(harness.DEADLINE)


def examine(folder, answer, *options):
    """The page about such a port, its path and query being nobody else's business."""
    page = folder / "page.html"
    with answering(answer) as port:
        done = subprocess.run(
            [harness.OPENALB, "doctor", f"https://app.example.com:{port}/secret-path?secret-query", "--resolve",
             f"app.example.com:{port}:127.0.0.1", "--browser-state", "off", "--proxy", "none", "--html", page, *options],
            capture_output=True, timeout=harness.DEADLINE)
    assert done.returncode == 12, (done.returncode, done.stdout, done.stderr)
    return page


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return examine(tmp_path_factory.mktemp("plain"), PLAIN)


class Reader:
    """One tab with one page."""

    def __init__(self, browser, tab, page, width, dark=False, scripts=True, media=""):
        self.tab = tab
        tab.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        tab.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        tab.call("Emulation.setEmulatedMedia", media=media,
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.visit = browser.go(tab, f"file://{page}", settle=0)

    def ask(self, expression):
        answer = self.tab.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True,
                               userGesture=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def click(self, selector):
        """As a finger does: at a place on the page, whatever lies there."""
        x, y = self.ask(f"""(() => {{
            const at = [...document.querySelectorAll({selector!r})].find((e) => e.offsetParent !== null);
            at.scrollIntoView({{block: "center"}});
            const box = at.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self.tab.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def complaints(self):
        """What the console has said so far: scripts and styles that the page's policy refused are told there."""
        self.tab.call("Log.enable")  # both tell again what was said before
        self.tab.call("Runtime.enable")
        said = []
        while not self.tab.events.empty():
            event = self.tab.events.get()
            if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                said.append(event["params"])
        return said


@pytest.fixture
def read(browser):
    """read(page, width=1200, ...) opens the page in a tab of its own."""
    with contextlib.ExitStack() as stack:
        def make(page, width=1200, **how):
            return Reader(browser, stack.enter_context(browser.tab()), page, width, **how)

        yield make


def test_it_opens_from_a_file_and_loads_nothing(read, plain):
    page = read(plain)
    assert page.visit.error is None and page.visit.failures == []
    assert page.visit.title.startswith("FAIL LBC-01 https://app.example.com:")
    assert "speaks plain HTTP, not HTTPS" in page.ask("document.querySelector('h1').innerText")
    assert page.ask("performance.getEntriesByType('resource').length") == 0
    assert page.complaints() == []


def test_what_was_asked_is_nobody_elses_business(plain):
    text = plain.read_text()
    assert "secret" not in text
    assert len(text.encode()) <= 2 << 20
    assert oct(plain.stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize("width, drawing", [(1200, "lying"), (800, "lying"), (390, "standing"), (360, "standing")])
def test_it_fits_every_width_and_draws_the_broken_link(read, plain, width, drawing):
    page = read(plain, width)
    assert page.ask("document.documentElement.scrollWidth") <= width
    assert page.ask("""(() => {
        const seen = [...document.querySelectorAll("main .path")].filter((p) => p.getBoundingClientRect().width > 0);
        return seen.map((p) => p.classList[1] + ":" + p.querySelectorAll(".knot.bad").length + ":" +
                                p.querySelector(".cross").textContent);
    })()""") == [f"{drawing}:1:LBC-01"]
    assert page.ask("document.querySelectorAll('main[lang=en] .way.bad').length") == 2  # one in each drawing
    assert page.ask("""[...document.querySelectorAll("main h1, main h2, main button, main td, main li, main summary")]
        .filter((e) => e.getBoundingClientRect().right > innerWidth + 1).length""") == 0


def test_dark_is_dark_and_both_can_be_read(read, plain):
    measure = """(() => {
        const light = (colour) => { const [r, g, b] = colour.match(/[0-9.]+/g).map((v) => { v /= 255;
            return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const body = light(getComputedStyle(document.body).backgroundColor);
        const contrast = (selector) => { const e = document.querySelector(selector);
            const ink = light(getComputedStyle(e).color);
            return (Math.max(ink, body) + 0.05) / (Math.min(ink, body) + 0.05); };
        return [body, ...["h1", "h2", ".source", ".legend", ".outcome", ".id"].map(contrast)];
    })()"""
    for dark in (False, True):
        body, *contrasts = read(plain, dark=dark).ask(measure)
        assert (body < 0.1) == dark
        assert min(contrasts) >= 4.5, (dark, contrasts)  # WCAG AA


def test_the_languages_and_the_tabs_work_without_a_script(read, plain):
    page = read(plain, scripts=False)
    first, other = "en", "ja"
    both = page.ask("document.querySelectorAll('main').length") == 2
    assert page.ask("[...document.querySelectorAll('button')].every((b) => b.hidden)")
    assert page.ask(VISIBLE) == [first]
    assert both, "the catalogue of the second language is built beside the program"
    page.click(f".switch label[for=lang-{other}]")
    assert page.ask(VISIBLE) == [other]
    page.click(f".switch label[for=lang-{first}]")
    panels = "[...document.querySelectorAll('main[lang=en] .panel')].map((p) => getComputedStyle(p).display)"
    shown = page.ask(panels)
    assert len(shown) >= 3 and shown.count("block") == 1 and shown[0] == "block"
    page.click("main[lang=en] .tabs label:last-of-type")
    shown = page.ask(panels)
    assert shown.count("block") == 1 and shown[-1] == "block"


def test_the_report_s_own_language_comes_first(read, tmp_path):
    page = read(examine(tmp_path, PLAIN, "--lang", "ja"))
    assert page.ask("document.documentElement.lang") == "ja"
    assert page.ask(VISIBLE) == ["ja"]
    page.click(".switch label[for=lang-en]")
    assert page.ask("document.documentElement.lang") == "en"
    assert page.ask("document.querySelectorAll('main').length") == 2


def test_the_buttons_copy(browser, read, plain):
    page = read(plain)
    browser.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"],
                 **page.tab.context)
    page.click("main[lang=en] .ticket button.copy")
    harness.until(lambda: page.ask("document.querySelector('main[lang=en] .ticket button').textContent") == "copied",
                  "the button says that it has copied")
    copied = page.ask("navigator.clipboard.readText()")
    assert copied == page.ask("document.querySelector('main[lang=en] .ticket pre').textContent")
    assert copied.startswith("https://app.example.com:") and "\nFAIL LBC-01 (proved)\n" in copied
    assert "secret" not in copied and "127.0.0.1" not in copied


def test_every_probe_opens_and_shows_its_bytes(read, plain):
    page = read(plain)
    assert page.ask("""(() => {
        const probe = [...document.querySelectorAll("main[lang=en] details.probe")]
            .find((d) => d.querySelector("b").textContent === "H1");
        probe.querySelector("summary").click();
        return probe.open && probe.innerText.includes("16 03 01") && probe.innerText.includes("48 54 54 50");
    })()""")  # the hello that was sent, and the HTTP that came


def test_on_paper_everything_is_shown_and_nothing_is_to_be_pressed(read, plain):
    page = read(plain, media="print")
    assert page.ask("[...document.querySelectorAll('.copy, .switch')].every((e) => e.offsetParent === null)")
    assert page.ask("[...document.querySelectorAll('main[lang=en] .panel')].every((e) => e.offsetParent !== null)")
    pdf = base64.b64decode(page.tab.call("Page.printToPDF")["data"])
    assert pdf.startswith(b"%PDF") and len(pdf) > 10_000


def test_a_site_cannot_put_a_script_into_it(read, tmp_path):
    file = examine(tmp_path, EVIL)
    text = file.read_bytes()
    assert b"\x1b" not in text and b"\xff" not in text and b"secret-cookie" not in text
    assert text.count(b"<script") == 1 and b"<img" not in text
    page = read(file)
    assert page.ask("window.evil === undefined && document.scripts.length === 1")
    assert page.ask("document.querySelectorAll('main').length") == 2
    assert "<script>" in page.ask("document.body.innerText")
    assert page.complaints() == []


def test_the_policy_refuses_what_is_not_ours(read, plain, tmp_path):
    """Even if something got in: neither a script nor a style nor a picture of another would be run."""
    forged = pathlib.Path(tmp_path, "forged.html")
    forged.write_text(plain.read_text().replace("</main>", "<script>window.evil=1</script><img src='x.png' "
                                                "onerror='window.evil=2'></main>", 1))
    page = read(forged)
    assert page.ask("window.evil === undefined")
    assert len(page.complaints()) >= 2
