# SPDX-License-Identifier: Apache-2.0
"""The page of `openalb logs report` as people meet it: opened from a file in a real browser. Its numbers are those of
`logs stats --json` and, with filters and zoom applied by real input, those of an own reading of the same lines."""
import base64
import collections
import contextlib
import datetime
import json
import math
import random
import subprocess

import pytest

import harness
from lab.browser import Browser

START = datetime.datetime(2026, 11, 23, 9, tzinfo=datetime.timezone.utc)
ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/"
GROUPS = {"web/6d0ecf831eec9f09": ("www.example.com", "10.0.1.", 40), "api/73e2d6bc24d8a067": ("api.example.com", "10.0.2.", 15),
          "checkout/943f017f100becff": ("pay.example.com", "10.0.3.", 120)}
EVIL = '</script><script>window.evil=1</script><img/src=x/onerror=window.evil=2>'
Row = collections.namedtuple("Row", "end group host elb target sent duration_ms target_ms")


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def make_row(pick, second):
    """One request, as its row and its line."""
    group, (host, net, middle) = pick.choice(list(GROUPS.items()))
    target_us = int(pick.lognormvariate(math.log(middle * 1000), 0.8)) // 1000 * 1000
    wait_us = pick.randrange(20_000)
    elb = pick.choices([200, 204, 301, 404, 500, 502, 503, 460], [80, 4, 4, 6, 2, 2, 1, 1])[0]
    answered = elb not in (502, 503, 460)
    forwarded = elb != 503
    end = START + datetime.timedelta(microseconds=second * 1_000_000 + pick.randrange(1_000_000))
    duration_us = wait_us + (target_us if answered else 0)
    row = Row(end, ARN + group, host, elb, elb if answered else 0, pick.randrange(100, 90_000), duration_us // 1000,
              target_us // 1000 if answered else None)
    address = f"{net}{pick.randrange(10, 13)}:8080" if forwarded else "-"
    times = f"0.000 {target_us / 1e6:.6f} 0.000" if answered else "-1 -1 -1"
    path = pick.choice(["/", "/user/{}", "/cart", "/img/{}.png"]).format(pick.randrange(10_000))
    line = (f'https {iso(end)} app/web-prod/50dc6c495c0c9188 203.0.113.{pick.randrange(1, 60)}:50000 {address} {times} {elb} '
            f'{row.target or "-"} 120 {row.sent} "GET https://{host}:443{path} HTTP/1.1" "curl/8.11.0" '
            f'TLS_AES_128_GCM_SHA256 TLSv1.3 {row.group} "Root=1-{second:08x}-{pick.randrange(16 ** 24):024x}" "{host}" "-" 0 '
            f'{iso(end - datetime.timedelta(microseconds=duration_us))} "forward" "-" "-" "{address}" "{row.target or "-"}" '
            '"-" "-" TID_0 "-" "-" "-" 10.0.0.9')
    return row, line


def make_log(file, seconds=1800, seed=5):
    """About three requests a second."""
    pick = random.Random(seed)
    both = [make_row(pick, second) for second in range(seconds) for _ in range(pick.randrange(1, 6))]
    file.write_text("".join(line + "\n" for _, line in both))
    return [row for row, _ in both]


def make_page(folder, log, *options):
    page = folder / "page.html"
    done = subprocess.run([harness.OPENALB, "logs", "report", page, *options, log], capture_output=True,
                          timeout=harness.DEADLINE)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return page


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


class Made:
    def __init__(self, folder):
        self.log = folder / "access.log"
        self.rows = make_log(self.log)
        self.page = make_page(folder, self.log)
        self.stats = json.loads(subprocess.run([harness.OPENALB, "logs", "stats", "--json", "--top", "20", self.log],
                                               capture_output=True, check=True, timeout=harness.DEADLINE).stdout)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Made(tmp_path_factory.mktemp("made"))


class Reader:
    """One tab with one page."""

    def __init__(self, browser, tab, page, width, height, dark, media, scripts):
        self.tab = tab
        tab.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        tab.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        tab.call("Emulation.setEmulatedMedia", media=media,
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.visit = browser.go(tab, f"file://{page}", settle=0)

    def ask(self, expression):
        answer = self.tab.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def mouse(self, kind, x, y, clicks=1, buttons=0):
        self.tab.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="none" if kind == "mouseMoved" else "left",
                      buttons=buttons, clickCount=clicks)

    def place(self, selector):
        return self.ask(f"""(() => {{
            const at = document.querySelector({json.dumps(selector)});
            at.scrollIntoView({{block: "center"}});
            const box = at.getBoundingClientRect();
            return [box.x, box.y, box.width, box.height];
        }})()""")

    def click(self, selector):
        x, y, width, height = self.place(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x + width / 2, y + height / 2)

    def key(self, name, modifiers=0):
        codes = {"ArrowRight": 39, "ArrowLeft": 37, "Enter": 13, "Escape": 27, "Home": 36, "End": 35, "ArrowDown": 40}
        for kind in ("rawKeyDown", "keyUp"):
            self.tab.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, modifiers=modifiers,
                          windowsVirtualKeyCode=codes[name])

    def choose(self, selector, value):
        """As the keyboard does: the list has the focus, and an arrow key steps through it."""
        self.ask(f"document.querySelector({json.dumps(selector)}).focus()")
        steps = self.ask(f"""(() => {{ const list = document.querySelector({json.dumps(selector)});
            return [...list.options].findIndex((o) => o.value === {json.dumps(str(value))}) - list.selectedIndex; }})()""")
        assert steps > 0
        for _ in range(steps):
            self.key("ArrowDown")

    def tiles(self):
        return self.ask("""Object.fromEntries([...document.querySelectorAll(".tiles dd")]
            .map((e) => [e.id.replace("tile-", ""), e.dataset.value === "null" ? null : Number(e.dataset.value)]))""")

    def matrix(self):
        cells = self.ask("""[...document.querySelectorAll("#matrix td")].filter((e) => Number(e.dataset.value))
            .map((e) => [e.dataset.elb, e.dataset.target, Number(e.dataset.value)])""")
        return {tuple(0 if word == "-" else int(word) for word in (elb, target)): n for elb, target, n in cells}

    def table(self, selector):
        """Each row's name and the values behind its cells."""
        return self.ask(f"""[...document.querySelectorAll({json.dumps(selector + " tbody tr")})].map((row) => [
            row.querySelector("th").textContent, ...[...row.querySelectorAll("[data-value]")].map((e) => Number(e.dataset.value))])""")

    def span(self):
        """The seconds since START that are selected."""
        return self.ask("""["from", "to"].map((end) => Number(document.getElementById("range-" + end).value))""")

    def complaints(self):
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
        def make(page, width=1200, height=900, dark=False, media="", scripts=True):
            return Reader(browser, stack.enter_context(browser.tab()), page, width, height, dark, media, scripts)

        yield make


def nearest_rank(values, p):
    values = sorted(values)
    return values[max(1, math.ceil(p / 100 * len(values))) - 1] if values else None


def expect(page, rows):
    """The page shows just these rows."""
    tiles = page.tiles()
    assert tiles["requests"] == len(rows)
    assert tiles["5xx"] == sum(row.elb >= 500 for row in rows)
    assert tiles["4xx"] == sum(400 <= row.elb < 500 for row in rows)
    assert tiles["lb"] == sum(row.elb != row.target for row in rows)
    assert tiles["sent"] == sum(row.sent for row in rows)
    for name, p in (("p50", 50), ("p99", 99)):
        true = nearest_rank([row.duration_ms for row in rows], p)
        assert abs(tiles[name] - true) <= true / 32 + 1.1, (name, tiles[name], true)  # a step, and the cut to 1 ms
    assert page.matrix() == collections.Counter((row.elb, row.target) for row in rows)
    hosts = {name: count for name, count, *_ in page.table("#hosts")}
    assert hosts == collections.Counter(row.host for row in rows)
    groups = {name: count for name, count, *_ in page.table("#groups")}
    assert groups == collections.Counter(row.group.split("/")[1] for row in rows)


def test_it_opens_from_a_file_and_loads_nothing(read, made):
    page = read(made.page)
    assert page.visit.error is None and page.visit.failures == []
    assert page.visit.title.startswith("Load balancer logs: web-prod, 2026-11-23 09:00")
    assert page.ask("performance.getEntriesByType('resource').length") == 0
    assert page.complaints() == []
    assert made.page.stat().st_size <= 5_000_000
    assert oct(made.page.stat().st_mode & 0o777) == "0o600"


def test_its_numbers_are_those_of_stats(read, made):
    page, stats = read(made.page), made.stats
    assert stats["requests"] == len(made.rows)
    expect(page, made.rows)
    tiles = page.tiles()
    assert tiles["p50"] == stats["latency_ms"]["duration"]["p50"]
    assert tiles["p99"] == stats["latency_ms"]["duration"]["p99"]
    assert page.matrix() == {(m["elb_status_code"] or 0, m["target_status_code"] or 0): m["count"] for m in stats["matrix"]}
    for own in [g for g in stats["target_groups"] if g["target_ip"] is None]:
        row = next(r for r in page.table("#groups") if r[0] == own["target_group_arn"].split("/")[1])
        values = own["latency_ms"]["duration"]
        assert row[1:] == [own["requests"], own["statuses"]["4xx"], own["statuses"]["5xx"], values["p50"], values["p90"],
                           values["p99"], own["sent_bytes"]]
    for key in ("paths", "clients", "user_agents"):
        want = [[r["value"], r["count"], r["failed"]] for r in stats["top"][key]["rows"]]
        assert page.table(f"#top-{key}") == want, key
    slow = page.ask("[...document.querySelectorAll('#top-slowest tbody td:first-child')].map((e) => Number(e.dataset.value))")
    assert len(slow) >= 10 and len(stats["slowest"]) >= 10
    assert slow[:10] == [s["duration_ms"] for s in stats["slowest"]][:10]
    errors = page.ask("[...document.querySelectorAll('.errors > li')].map((e) => [e.dataset.kind, e.dataset.word, Number(e.dataset.count)])")
    assert errors == [[e["kind"], e["word"], e["count"]] for e in stats["errors"]]
    assert page.ask("document.querySelector('.errors > li[data-word=\"502\"] p:nth-of-type(2)').textContent") == next(
        e["meaning"] for e in stats["errors"] if e["word"] == "502")


def test_the_target_s_time_can_be_chosen(read, made):
    page = read(made.page)
    page.click("#measure-latency-1")
    values = made.stats["latency_ms"]["target_processing_time"]
    assert [page.tiles()[p] for p in ("p50", "p99")] == [values["p50"], values["p99"]]
    assert page.ask("document.activeElement.id") == "measure-latency-1"


def test_filters_select(read, made):
    page = read(made.page)
    page.choose("#by-cls", 5)
    expect(page, [row for row in made.rows if row.elb >= 500])
    page.choose("#by-made", 0)
    expect(page, [row for row in made.rows if row.elb >= 500 and row.elb != row.target])
    page.click("#reset")
    expect(page, made.rows)
    page.click("#groups tbody tr:nth-child(2) button")
    name = page.ask("document.querySelector('#groups button').textContent")
    chosen = [row for row in made.rows if row.group.split("/")[1] == name]
    expect(page, chosen)
    assert page.ask("document.querySelectorAll('#latency figure').length") == 1
    page.click("#hosts button")
    expect(page, chosen)  # each group has one host
    assert page.ask("document.querySelectorAll('.note.warn').length") >= 4  # the tables that do not follow say so


def test_dragging_zooms_all_and_a_double_click_shows_everything(read, made):
    page = read(made.page)
    bars = page.ask("document.querySelectorAll('#traffic-chart rect').length")
    x, y, width, height = page.place("#traffic-chart")
    page.mouse("mouseMoved", x + width * 0.3, y + height / 2)
    assert page.ask("document.querySelector('.tip').hidden") is False
    page.mouse("mousePressed", x + width * 0.3, y + height / 2, buttons=1)
    page.mouse("mouseMoved", x + width * 0.5, y + height / 2, buttons=1)
    page.mouse("mouseReleased", x + width * 0.5, y + height / 2)
    first, last = page.span()
    assert 300 < first < 600 and 700 < last < 1000
    chosen = [row for row in made.rows if first <= (row.end - START).total_seconds() < last]
    expect(page, chosen)
    assert page.ask("document.querySelectorAll('#traffic-chart rect').length") != bars
    begin = (START + datetime.timedelta(seconds=first)).strftime("%H:%M")
    assert begin in page.ask("document.getElementById('period').textContent")
    page.choose("#by-cls", 2)
    expect(page, [row for row in chosen if 200 <= row.elb < 300])
    page.choose("#by-cls", 4)
    x, y, width, height = page.place("#heat")
    for clicks in (1, 2):
        for kind in ("mousePressed", "mouseReleased"):
            page.mouse(kind, x + width / 2, y + height / 2, clicks)
    expect(page, [row for row in made.rows if 400 <= row.elb < 500])


def test_the_keyboard_zooms_too(read, made):
    page = read(made.page)
    page.ask("document.querySelector('#traffic-chart').focus()")
    page.key("Home")
    page.key("ArrowRight")
    for _ in range(3):
        page.key("ArrowRight", modifiers=8)  # Shift
    told = page.ask("document.querySelector('[aria-live]').textContent")
    assert "2026-11-23 09:" in told and "requests" in told
    page.key("Enter")
    first, last = page.span()
    assert 0 < first < last < 200
    expect(page, [row for row in made.rows if first <= (row.end - START).total_seconds() < last])
    assert page.ask("document.activeElement.id") == "traffic-chart"
    page.key("Escape")
    expect(page, made.rows)
    page.ask("document.querySelector('#range-to').focus()")
    for _ in range(5):
        page.key("ArrowLeft")
    harness.until(lambda: page.tiles()["requests"] < len(made.rows), "the range has changed")
    assert page.span() == [0, 1795]
    expect(page, [row for row in made.rows if (row.end - START).total_seconds() < 1795])


def test_a_table_stands_behind_each_chart(read, made):
    page = read(made.page)
    page.click("#traffic .behind summary")
    harness.until(lambda: page.ask("document.querySelectorAll('#traffic .behind tbody tr').length"), "the table is there")
    assert sum(row[1] for row in page.table("#traffic .behind")) == len(made.rows)
    page.click("#heat-map .behind summary")
    harness.until(lambda: page.ask("document.querySelectorAll('#heat-map .behind tbody tr').length"), "the table is there")
    assert sum(row[1] for row in page.table("#heat-map .behind")) == len(made.rows)
    page.click("#latency .behind summary")
    harness.until(lambda: page.ask("document.querySelectorAll('#latency .behind tbody tr').length"), "the table is there")
    assert sum(row[-1] for row in page.ask("""[...document.querySelectorAll("#latency .behind tbody tr")]
        .map((row) => [Number(row.lastChild.textContent.replace(",", ""))])""")) == len(made.rows)


@pytest.mark.parametrize("width", [1200, 800, 390, 360])
def test_it_fits_every_width(read, made, width):
    page = read(made.page, width)
    assert page.ask("document.documentElement.scrollWidth <= innerWidth")
    assert page.ask("innerWidth") == width
    assert page.ask("""[...document.querySelectorAll("h1, h2, button, select, svg, dd, summary, .errors p")]
        .filter((e) => e.getBoundingClientRect().right > innerWidth + 1).length""") == 0


def test_dark_is_dark_and_all_can_be_read(read, made):
    measure = """(() => {
        const light = (colour) => { const [r, g, b] = colour.match(/[0-9.]+/g).map((v) => { v /= 255;
            return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const body = light(getComputedStyle(document.body).backgroundColor);
        const contrast = (selector) => { const e = document.querySelector(selector), style = getComputedStyle(e);
            const ink = light(e.namespaceURI.endsWith("svg") ? style.fill : style.color);
            return (Math.max(ink, body) + 0.05) / (Math.min(ink, body) + 0.05); };
        return [body, ...["h1", "h2", ".note", ".legend", ".axis text", "td.bad", ".tile.warn dd", "footer"].map(contrast)];
    })()"""
    for dark in (False, True):
        body, *contrasts = read(made.page, dark=dark).ask(measure)
        assert (body < 0.1) == dark
        assert min(contrasts) >= 4.5, (dark, contrasts)  # WCAG AA
    page = read(made.page)
    page.click("#theme-dark")
    assert page.ask(measure)[0] < 0.1
    page.click("#theme-light")
    assert page.ask(measure)[0] > 0.5


def test_both_languages_are_in_it(read, made):
    page = read(made.page)
    assert page.ask("document.documentElement.lang") == "en"
    assert page.ask("document.querySelectorAll('#lang-ja').length") == 1, "the catalogue is built beside the program"
    english = page.ask("document.querySelector('#errors h2').textContent")
    page.click("#lang-ja")
    assert page.ask("document.documentElement.lang") == "ja"
    assert page.ask("document.querySelector('#errors h2').textContent") != english
    expect_numbers = page.tiles()
    page.click("#lang-en")
    assert page.ask("document.querySelector('#errors h2').textContent") == english
    assert page.tiles() == expect_numbers


def test_on_paper_it_is_light_and_nothing_is_to_be_pressed(read, made):
    page = read(made.page, media="print", dark=True)
    assert page.ask("[...document.querySelectorAll('.switch, .reset, .ranger')].every((e) => e.offsetParent === null)")
    assert page.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    pdf = base64.b64decode(page.tab.call("Page.printToPDF", printBackground=True)["data"])
    assert pdf.startswith(b"%PDF") and len(pdf) > 20_000


def test_without_a_script_it_says_so(read, made):
    page = read(made.page, scripts=False)
    assert str(len(made.rows)) in page.ask("document.querySelector('.unscripted').innerText")


def test_a_client_cannot_put_a_script_into_it(read, tmp_path):
    log = tmp_path / "evil.log"
    make_log(log, seconds=20)
    with log.open("a") as file:
        file.write(log.read_text().splitlines()[0].replace("curl/8.11.0", EVIL).replace("www.example.com", EVIL[:20])
                   .replace("/6d0ecf831eec9f09", "/<b>").replace("api.example.com", EVIL[:20]) + "\n")
    file = make_page(tmp_path, log)
    assert file.read_bytes().count(b"<script") == 2
    page = read(file)
    assert page.ask("window.evil === undefined && document.scripts.length === 2 && !document.querySelector('img')")
    assert EVIL in page.ask("document.querySelector('#top-user_agents').innerText.replace(/\\s/g, '')")
    assert page.complaints() == []


def test_one_line_and_no_line(read, tmp_path):
    log = tmp_path / "one.log"
    rows = make_log(log, seconds=1)[:1]
    log.write_text(log.read_text().splitlines()[0] + "\n")
    page = read(make_page(tmp_path, log))
    assert page.tiles()["requests"] == 1 and page.tiles()["sent"] == rows[0].sent
    assert page.complaints() == []


def test_two_months_fit(read, tmp_path):
    """The steps of time become wider, and the numbers stay."""
    log = tmp_path / "long.log"
    pick = random.Random(3)
    both = [make_row(pick, pick.randrange(60 * 86400)) for _ in range(5000)]
    log.write_text("".join(line + "\n" for _, line in both))
    page = read(make_page(tmp_path, log))
    assert page.ask("JSON.parse(document.getElementById('data').textContent).cube.count") <= 2000
    expect(page, [row for row, _ in both])
