// The page of `openalb logs report`: decodes the cube, draws what is selected of it, and lets people filter and zoom.
// Everything from a log is set as text, never as markup.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const { stats, cube } = data;
  const root = document.documentElement;
  const NONE = 0, OTHER = 1, NAMED = 2, PAIRS_OWN = 14, ABSENT = 511;
  const CLASS_NAMES = ["-", "1xx", "2xx", "3xx", "4xx", "5xx", "?"];
  const STACK = [2, 3, 1, 6, 0, 4, 5]; // from the axis up: what went well first
  const SVG = "http://www.w3.org/2000/svg";

  // ---- state ----
  const state = { from: 0, to: cube.count, group: -1, cls: -1, made: -1, host: -1, measure: 0, lang: data.language,
                  theme: "auto" };
  try { state.theme = localStorage.getItem("openalb-theme") || "auto"; } catch { /* files may have no storage */ }
  const whole = () => state.from === 0 && state.to === cube.count;
  const unfiltered = () => state.group < 0 && state.cls < 0 && state.made < 0 && state.host < 0;

  // ---- words and numbers ----
  const t = (key, values = {}) =>
    data.words[state.lang][key].replace(/\{(\w+)\}/g, (all, name) => (name in values ? values[name] : all));
  const locale = () => (state.lang === "ja" ? "ja-JP" : "en-GB");
  const int = (n) => Math.round(n).toLocaleString(locale());
  const round = (n, digits) => n.toLocaleString(locale(), { maximumSignificantDigits: digits });
  const percent = (part, all) => {
    if (!all) return "-";
    if (!part) return "0 %";
    const p = part / all * 100;
    return (p > 0 && p < 0.1 ? "<0.1" : p > 99.9 && p < 100 ? ">99.9" : p.toFixed(p < 10 ? 1 : 0)) + " %";
  };
  const size = (bytes) => {
    const units = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];
    let at = 0;
    while (bytes >= 1000 && at < units.length - 1) { bytes /= 1000; at++; }
    return `${round(bytes, 3)} ${units[at]}`;
  };
  const ms = (v) => {
    if (v === null || v === undefined) return "-";
    if (v < 1) return v === 0 ? "0 ms" : `${round(v, 2)} ms`;
    if (v < 1000) return `${round(v, 3)} ms`;
    if (v < 120000) return `${round(v / 1000, 3)} s`;
    return `${round(v / 60000, 3)} min`;
  };
  const pad = (n) => String(n).padStart(2, "0");
  const when = (s) => {
    const d = new Date(s * 1000);
    const day = `${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())}`;
    const time = `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}`;
    return { day, time, seconds: `${time}:${pad(d.getUTCSeconds())}`, midnight: s % 86400 === 0 };
  };
  const moment = (s) => {
    const w = when(s);
    return cube.width_s >= 86400 ? w.day : `${w.day} ${s % 60 ? w.seconds : w.time}`;
  };
  const span = (s) => {
    const [unit, by] = s % 86400 === 0 ? ["unit_d", 86400] : s % 3600 === 0 ? ["unit_h", 3600]
      : s % 60 === 0 ? ["unit_min", 60] : ["unit_s", 1];
    return t(unit, { n: int(s / by) });
  };
  const shortNames = (() => {
    const names = cube.groups.map((arn) => (/targetgroup\/([^/]+)\//.exec(arn) || [null, arn])[1]);
    return names.map((name, i) => (names.indexOf(name) === names.lastIndexOf(name) ? name
      : `${name} (${cube.groups[i].split("/").pop()})`));
  })();
  const shortArn = (arn) => {
    const at = cube.groups.indexOf(arn);
    return at >= 0 ? shortNames[at] : (/targetgroup\/([^/]+)\//.exec(arn) || [null, arn])[1];
  };
  const groupName = (n) => (n === NONE ? t("no_group") : n === OTHER ? t("other") : shortNames[n - NAMED]);
  const hostName = (n) => (n === NONE ? t("no_host") : n === OTHER ? t("other") : cube.hosts[n - NAMED]);
  const className = (c) => (c === 0 ? t("no_status") : c === 6 ? t("other") : CLASS_NAMES[c]);

  // ---- the cube ----
  const classOf = (status) => (status === 0 ? 0 : status >= 100 && status < 600 ? Math.floor(status / 100) : 6);
  const pairs = [];
  for (let i = 0; i < PAIRS_OWN; i++) pairs.push({ cls: i >> 1, made: i & 1, elb: null, target: null });
  for (const [elb, target] of cube.pairs) {
    pairs.push({ cls: classOf(elb), made: elb !== 0 && elb === target ? 1 : 0, elb, target });
  }
  const cells = (() => {
    const bytes = Uint8Array.from(atob(cube.cells), (c) => c.charCodeAt(0));
    const c = { bucket: [], group: [], host: [], pair: [], measure: [], bin: [], count: [], sent: [] };
    let at = 0, key = 0;
    const number = () => {
      let value = 0, scale = 1, byte;
      do { byte = bytes[at++]; value += (byte & 127) * scale; scale *= 128; } while (byte & 128);
      return value;
    };
    while (at < bytes.length) {
      key += number();
      const low = key % 2 ** 30, measure = low >> 9 & 1;
      c.count.push(number());
      c.sent.push(measure ? 0 : number());
      c.bucket.push(Math.floor(key / 2 ** 30));
      c.group.push(low >> 24 & 63);
      c.host.push(low >> 16 & 255);
      c.pair.push(low >> 10 & 63);
      c.measure.push(measure);
      c.bin.push(low & 511);
    }
    return { length: c.count.length, bucket: Uint16Array.from(c.bucket), group: Uint8Array.from(c.group),
             host: Uint8Array.from(c.host), pair: Uint8Array.from(c.pair), measure: Uint8Array.from(c.measure),
             bin: Uint16Array.from(c.bin), count: Float64Array.from(c.count), sent: Float64Array.from(c.sent) };
  })();
  const BINS = 1 + 31 * cube.steps;
  const binLow = (b) => (b === 0 ? 0 : cube.floor_us / 1000 * 2 ** Math.floor((b - 1) / cube.steps)
                                       * (1 + (b - 1) % cube.steps / cube.steps)); // milliseconds
  const binHigh = (b) => binLow(b + 1);
  // Nearest rank; the middle of the step that holds it.
  const percentile = (bins, total, p) => {
    if (!total) return null;
    let rest = Math.max(1, Math.ceil(p / 100 * total));
    for (let b = 0; b < BINS; b++) {
      rest -= bins[b];
      if (rest <= 0) return (binLow(b) + binHigh(b)) / 2;
    }
    return binLow(BINS - 1);
  };
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  const histogram = () => ({ bins: new Float64Array(BINS), total: 0 });
  const learn = (h, bin, count) => { h.bins[bin] += count; h.total += count; };
  const at = (h, p) => percentile(h.bins, h.total, p);

  // Widths of a column that people read easily, in seconds; each is a multiple of the cube's.
  const NICE = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 14400, 21600, 43200,
                86400, 172800, 604800, 1209600, 2419200];
  const columnsFor = (from, to, most) => {
    const buckets = to - from;
    let factor = Math.ceil(buckets / most);
    const nice = NICE.find((n) => n % cube.width_s === 0 && n / cube.width_s >= factor);
    if (nice) factor = nice / cube.width_s;
    const first = Math.floor((cube.first + from) / factor);
    const count = Math.floor((cube.first + to - 1) / factor) - first + 1;
    return { factor, first, count, width_s: factor * cube.width_s,
             of: (bucket) => Math.floor((cube.first + bucket) / factor) - first,
             begin: (i) => Math.max(from, (first + i) * factor - cube.first),
             end: (i) => Math.min(to, (first + i + 1) * factor - cube.first),
             time: (i) => (first + i) * factor * cube.width_s };
  };
  const timeOf = (bucket) => (cube.first + bucket) * cube.width_s;

  const emptyRow = () => ({ count: 0, classes: new Float64Array(7), sent: 0, hist: histogram() });
  const tally = (row, cls, count, sent) => { row.count += count; row.classes[cls] += count; row.sent += sent; };
  const rowOf = (map, key) => {
    let row = map.get(key);
    if (!row) map.set(key, row = emptyRow());
    return row;
  };
  const select = (most) => {
    const columns = columnsFor(state.from, state.to, most);
    const sel = { columns, total: emptyRow(), made: [0, 0], time: [], heat: [], groups: new Map(), hosts: new Map(),
                  matrix: new Map(), lines: new Map(), both: [histogram(), histogram()] };
    for (let i = 0; i < columns.count; i++) { sel.time.push(emptyRow()); sel.heat.push(histogram()); }
    for (let i = 0; i < cells.length; i++) {
      const bucket = cells.bucket[i], pair = pairs[cells.pair[i]], group = cells.group[i], host = cells.host[i];
      if (bucket < state.from || bucket >= state.to || (state.group >= 0 && group !== state.group) ||
          (state.host >= 0 && host !== state.host) || (state.cls >= 0 && pair.cls !== state.cls) ||
          (state.made >= 0 && pair.made !== state.made)) continue;
      const count = cells.count[i], sent = cells.sent[i], column = columns.of(bucket), bin = cells.bin[i];
      if (cells.measure[i] === 0) {
        tally(sel.total, pair.cls, count, sent);
        tally(sel.time[column], pair.cls, count, sent);
        tally(rowOf(sel.groups, group), pair.cls, count, sent);
        tally(rowOf(sel.hosts, host), pair.cls, count, sent);
        sel.made[pair.made] += count;
        sel.matrix.set(cells.pair[i], (sel.matrix.get(cells.pair[i]) || 0) + count);
      }
      if (bin === ABSENT) continue;
      learn(sel.both[cells.measure[i]], bin, count);
      if (cells.measure[i] !== state.measure) continue;
      learn(sel.heat[column], bin, count);
      learn(rowOf(sel.groups, group).hist, bin, count);
      learn(rowOf(sel.hosts, host).hist, bin, count);
      let lines = sel.lines.get(group);
      if (!lines) sel.lines.set(group, lines = []);
      if (!lines[column]) lines[column] = histogram();
      learn(lines[column], bin, count);
    }
    return sel;
  };

  // ---- making elements ----
  const add = (parent, ...kids) => {
    for (const kid of kids.flat(Infinity)) if (kid !== null && kid !== undefined && kid !== "") parent.append(kid);
    return parent;
  };
  const make = (tag, attributes = {}, ...kids) => {
    const e = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
      else if (value === true) e.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) e.setAttribute(name, value);
    }
    return add(e, kids);
  };
  const draw = (tag, attributes = {}, ...kids) => {
    const e = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
    return add(e, kids);
  };
  const numberCell = (text, value) => make("td", { class: "n", "data-value": value === undefined ? null : value }, text);
  const table = (heads, rows, attributes = {}) =>
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": attributes["aria-label"] },
      make("table", attributes,
        make("thead", {}, make("tr", {}, heads.map(([text, number]) =>
          make("th", { scope: "col", class: number ? "n" : null }, text)))),
        make("tbody", {}, rows.map((cellsOf) => {
          cellsOf.forEach((cell, i) => { if (heads[i][0]) cell.dataset.head = heads[i][0]; });
          return make("tr", {}, cellsOf);
        }))));
  // Its rows are made when it is opened: a chart may have many.
  const behind = (makeTable) => {
    const details = make("details", { class: "behind" }, make("summary", {}, t("chart_table")));
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) add(details, makeTable());
    });
    return details;
  };
  const bar = (part, all, cls = "") => {
    const inner = make("i", { class: cls });
    inner.style.width = `${all ? Math.max(part ? 1 : 0, part / all * 100) : 0}%`;
    return make("span", { class: "bar", "aria-hidden": "true" }, inner);
  };

  // ---- tooltip ----
  const tip = make("div", { class: "tip", hidden: true });
  const told = make("p", { class: "unseen", "aria-live": "polite" });
  const showTip = (x, y, title, rows) => {
    tip.replaceChildren(make("b", {}, title), ...rows.map(([name, value, shade]) =>
      make("span", { class: shade || null }, make("em", {}, name), make("strong", {}, value))));
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = x + 16 + box.width > innerWidth - 8 ? Math.max(8, x - 16 - box.width) : x + 16;
    tip.style.left = `${left}px`;
    tip.style.top = `${Math.max(8, Math.min(innerHeight - box.height - 8, y - box.height / 2))}px`;
  };
  const hideTip = () => {
    tip.hidden = true;
    for (const chart of charts) chart.mark(-1);
  };

  // ---- charts over time ----
  let charts = [], sel = null, width = 1000;
  const GUTTER = 52;
  const axisTime = (columns, x0, x1, y) => {
    const all = columns.count * columns.width_s, begin = columns.time(0);
    const room = Math.max(2, Math.floor((x1 - x0) / 84));
    const step = [...NICE, 4838400, 14515200, 31536000].find((n) => n >= columns.width_s && all / n <= room) || all;
    const g = draw("g", { class: "axis" });
    let lastDay = "", lastX = -99;
    for (let s = Math.ceil(begin / step) * step; s < begin + all; s += step) {
      const x = x0 + (s - begin) / all * (x1 - x0), w = when(s);
      if (x - lastX < 50 || x > x1 - 8) continue;
      const text = step >= 86400 ? w.day : w.day !== lastDay && lastDay !== "" ? w.day.slice(5)
        : step % 60 ? w.seconds : w.time;
      add(g, draw("line", { x1: x, x2: x, y1: y, y2: y + 4 }),
        draw("text", { x, y: y + 17, "text-anchor": x - x0 < 20 ? "start" : "middle" }, text));
      lastDay = w.day;
      lastX = x;
    }
    return g;
  };
  const niceTop = (v) => {
    if (v <= 0) return 1;
    const base = 10 ** Math.floor(Math.log10(v));
    return [1, 2, 4, 6, 8, 10].map((k) => k * base).find((k) => k >= v);
  };
  const short = (n) => (n >= 1e9 ? `${round(n / 1e9, 3)}G` : n >= 1e6 ? `${round(n / 1e6, 3)}M`
    : n >= 1e4 ? `${round(n / 1e3, 3)}k` : round(n, 3));

  // A drawing with a cursor, a selection and keys. `read(column)` gives the rows of the tooltip.
  const timeChart = ({ name, label, height, w, x0 = GUTTER, content, read }) => {
    const columns = sel.columns, x1 = w - 6, y1 = height - 24;
    const place = (i) => x0 + i / columns.count * (x1 - x0);
    const cursor = draw("rect", { class: "cursor", y: 6, height: y1 - 6, width: Math.max(1, place(1) - x0), x: -99 });
    const picked = draw("rect", { class: "picked", y: 6, height: y1 - 6, x: 0, width: 0 });
    const svg = draw("svg", { viewBox: `0 0 ${w} ${height}`, class: "chart", id: name, tabindex: "0", role: "img",
                              "aria-label": `${label}. ${t("how_to_zoom")}` });
    add(svg, content({ x0, x1, y0: 8, y1, place, columns, w }), axisTime(columns, x0, x1, y1), picked, cursor);
    let start = -1, now = -1;
    const mark = (i) => cursor.setAttribute("x", i < 0 ? -99 : place(i));
    const columnAt = (event) => {
      const box = svg.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * w;
      return Math.max(0, Math.min(columns.count - 1, Math.floor((x - x0) / (x1 - x0) * columns.count)));
    };
    const tell = (i, x, y) => {
      for (const chart of charts) chart.mark(i);
      const rows = read(i), begin = timeOf(columns.begin(i));
      const title = `${moment(begin)} \u2013 ${when(timeOf(columns.end(i))).seconds.replace(/:00$/, "")} UTC`;
      showTip(x, y, title, rows);
      told.textContent = `${title}: ${rows.map(([a, b]) => `${a} ${b}`).join(", ")}`;
    };
    const pick = () => {
      const [a, b] = start < now ? [start, now] : [now, start];
      picked.setAttribute("x", place(a));
      picked.setAttribute("width", start < 0 ? 0 : place(b + 1) - place(a));
    };
    const zoom = () => {
      const [a, b] = start < now ? [start, now] : [now, start];
      setRange(columns.begin(a), columns.end(b));
    };
    let downAt = 0;
    svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      start = now = columnAt(event);
      downAt = event.clientX;
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => {
      now = columnAt(event);
      if (start >= 0 && Math.abs(event.clientX - downAt) > 4) pick();
      tell(now, event.clientX, event.clientY);
    });
    svg.addEventListener("pointerup", (event) => {
      const dragged = start >= 0 && Math.abs(event.clientX - downAt) > 4;
      now = columnAt(event);
      if (dragged) zoom();
      start = -1;
    });
    svg.addEventListener("pointercancel", () => { start = -1; pick(); });
    svg.addEventListener("pointerleave", () => { if (start < 0) hideTip(); });
    svg.addEventListener("dblclick", () => setRange(0, cube.count));
    svg.addEventListener("blur", () => { start = -1; pick(); hideTip(); });
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: -columns.count, End: columns.count }[event.key];
      if (step) {
        if (event.shiftKey && start < 0) start = Math.max(0, now);
        if (!event.shiftKey) start = -1;
        now = Math.max(0, Math.min(columns.count - 1, now + step));
        pick();
        const box = svg.getBoundingClientRect();
        tell(now, box.left + place(now) / w * box.width, box.top + box.height / 2);
      } else if (event.key === "Enter" && now >= 0) {
        if (start < 0) start = now;
        refocus = name;
        zoom();
      } else if (event.key === "Escape") {
        refocus = name;
        setRange(0, cube.count);
      } else {
        return;
      }
      event.preventDefault();
    });
    charts.push({ mark });
    return svg;
  };

  const legend = (items) => make("p", { class: "legend" }, items.map(([cls, text]) => make("span", { class: cls }, text)));
  const gridLines = (ticks, x0, x1) => ticks.map(([y, text]) => draw("g", { class: "axis" },
    draw("line", { class: "grid", x1: x0, x2: x1, y1: y, y2: y }),
    draw("text", { x: x0 - 8, y: y + 4, "text-anchor": "end" }, text)));
  const present = () => STACK.filter((c) => sel.total.classes[c] > 0);

  const trafficContent = ({ x0, x1, y0, y1, place, columns }) => {
    const top = niceTop(Math.max(...sel.time.map((row) => row.count)));
    const y = (n) => y1 - n / top * (y1 - y0);
    const gap = Math.min(1.5, (place(1) - x0) * 0.18);
    const g = draw("g", {}, gridLines([0, 0.5, 1].map((k) => [y(top * k), short(top * k)]), x0, x1));
    for (let i = 0; i < columns.count; i++) {
      let base = 0;
      for (const c of STACK) {
        const n = sel.time[i].classes[c];
        if (!n) continue;
        add(g, draw("rect", { class: `c${c}`, x: place(i), width: place(i + 1) - place(i) - gap, y: y(base + n),
                              height: Math.max(0.7, y(base) - y(base + n)) }));
        base += n;
      }
    }
    return g;
  };
  const readTraffic = (i) => {
    const row = sel.time[i];
    return [[t("requests"), int(row.count)], ...present().slice().reverse().map((c) =>
      [className(c), `${int(row.classes[c])} (${percent(row.classes[c], row.count)})`, `c${c}`]),
      [t("sent"), size(row.sent)]];
  };
  const columnTime = (i) => make("th", { scope: "row" }, moment(timeOf(sel.columns.begin(i))));
  const trafficTable = () => table([[t("time")], [t("requests"), 1], ...present().map((c) => [className(c), 1]),
    [t("sent"), 1]], sel.time.map((row, i) => [columnTime(i), numberCell(int(row.count), row.count),
    ...present().map((c) => numberCell(int(row.classes[c]), row.classes[c])), numberCell(size(row.sent), row.sent)]),
    { "aria-label": t("traffic") });

  // ---- latency: one panel for each target group ----
  const PERCENTILES = [50, 90, 99];
  const PANELS = 6;
  const logScale = (low, high, y0, y1) => {
    const a = Math.log(low), b = Math.log(high);
    return (v) => y1 - (Math.log(Math.max(low, Math.min(high, v))) - a) / (b - a) * (y1 - y0);
  };
  const decades = (low, high) => {
    const ticks = [];
    for (let v = 0.1; v <= 1e8; v *= 10) if (v >= low * 0.999 && v <= high * 1.001) ticks.push(Number(v.toPrecision(1)));
    return ticks;
  };
  const groupsByCount = () => [...sel.lines.keys()].sort((a, b) => sel.groups.get(b).count - sel.groups.get(a).count);
  const latencyPanel = (group, points, range, w) => {
    const content = ({ x0, x1, y0, y1, place }) => {
      const y = logScale(range[0], range[1], y0, y1);
      const g = draw("g", {}, gridLines(decades(...range).map((v) => [y(v), ms(v)]), x0, x1));
      PERCENTILES.forEach((p, k) => {
        let path = "", open = false;
        points.forEach((values, i) => {
          const x = ((place(i) + place(i + 1)) / 2).toFixed(1);
          if (!values) { open = false; return; }
          const here = y(values[k]).toFixed(1), alone = !open && !points[i + 1];
          path += `${open ? "L" : "M"}${x} ${here}${alone ? "h.1" : ""}`;
          open = true;
        });
        add(g, draw("path", { class: `line p${p}`, d: path || "M0 0" }));
      });
      return g;
    };
    const read = (i) => (points[i] ? PERCENTILES.map((p, k) => [`p${p}`, `\u2248 ${ms(points[i][k])}`, `p${p}`]) : [])
      .concat([[t("requests"), int(sel.lines.get(group)[i] ? sel.lines.get(group)[i].total : 0)]]);
    return make("figure", { class: "panel" }, make("figcaption", { title: cube.groups[group - NAMED] || null },
      make("b", {}, groupName(group)), make("span", {}, int(sel.groups.get(group).count))),
      timeChart({ name: `latency-${group}`, label: `${t("latency")}: ${groupName(group)}`, height: 170, w, content, read }));
  };
  const latency = () => {
    const groups = groupsByCount(), shown = groups.slice(0, PANELS);
    const points = new Map(shown.map((group) => [group, sel.time.map((_, i) => {
      const h = sel.lines.get(group)[i];
      return h ? PERCENTILES.map((p) => at(h, p)) : null;
    })]));
    let low = Infinity, high = 0;
    for (const list of points.values()) {
      for (const values of list) if (values) { low = Math.min(low, values[0]); high = Math.max(high, values[2]); }
    }
    const range = [Math.max(0.05, 10 ** Math.floor(Math.log10(low || 0.1))), high * 1.3];
    const w = shown.length > 1 && width > 700 ? Math.floor((width - 24) / 2) : width;
    const panels = make("div", { class: shown.length > 1 ? "panels" : "" },
      shown.map((group) => latencyPanel(group, points.get(group), range, w)));
    const more = groups.length - shown.length;
    const rows = () => shown.flatMap((group) => points.get(group).map((values, i) => values && [columnTime(i),
      make("td", {}, groupName(group)), ...values.map((v) => numberCell(ms(v), v)),
      numberCell(int(sel.lines.get(group)[i].total))]).filter(Boolean));
    return [legend(PERCENTILES.map((p) => [`p${p}`, `p${p}`])), panels,
      more > 0 ? make("p", { class: "note" }, t("more_groups", { count: more })) : null,
      behind(() => table([[t("time")], [t("target_group")], ...PERCENTILES.map((p) => [`p${p}`, 1]), [t("requests"), 1]],
        rows(), { "aria-label": t("latency") }))];
  };

  // ---- heat ----
  const heat = () => {
    const perRow = Math.max(1, cube.steps / 2); // two rows for each doubling
    const rowOfBin = (b) => (b === 0 ? 0 : 1 + Math.floor((b - 1) / perRow));
    const lowOf = (row) => (row === 0 ? 0 : binLow(1 + (row - 1) * perRow));
    const grid = sel.heat.map(({ bins }) => {
      const rows = [];
      bins.forEach((n, b) => { if (n) rows[rowOfBin(b)] = (rows[rowOfBin(b)] || 0) + n; });
      return rows;
    });
    let first = Infinity, last = -1, most = 0;
    grid.forEach((rows) => rows.forEach((n, row) => {
      first = Math.min(first, row); last = Math.max(last, row); most = Math.max(most, n);
    }));
    if (last < 0) return [make("p", { class: "note" }, t("nothing_here"))];
    const name = (row) => (row === 0 ? t("and_below", { value: ms(lowOf(1)) })
      : t("between", { low: ms(lowOf(row)), high: ms(lowOf(row + 1)) }));
    const high = Math.max(9, Math.min(16, 260 / (last - first + 1)));
    const height = (last - first + 1) * high + 32;
    const content = ({ x0, x1, y0, y1, place, columns }) => {
      const y = (row) => y1 - (row - first) * (y1 - y0) / (last - first + 1);
      const g = draw("g", {});
      const edge = (v) => (v < lowOf(1) ? first : 1 + Math.log2(v / lowOf(1)) * 2);
      for (const v of decades(Math.max(lowOf(first), 0.05), lowOf(last + 1))) add(g, gridLines([[y(edge(v)), ms(v)]], x0, x1));
      for (let i = 0; i < columns.count; i++) {
        grid[i].forEach((n, row) => add(g, draw("rect", { class: "heat", x: place(i), y: y(row + 1),
          width: Math.max(0.5, place(i + 1) - place(i) - 0.4), height: Math.max(1, y(row) - y(row + 1) - 0.6),
          "fill-opacity": (0.1 + 0.9 * Math.log1p(n) / Math.log1p(most)).toFixed(3) })));
      }
      return g;
    };
    const read = (i) => {
      const rows = [...grid[i].entries()].filter(([, n]) => n).reverse();
      const top = rows.slice().sort((a, b) => b[1] - a[1]).slice(0, 8).map(([row]) => row);
      return rows.filter(([row]) => top.includes(row)).map(([row, n]) => [name(row), int(n)]);
    };
    const scale = make("p", { class: "legend ramp" }, t("few"), make("i", { "aria-hidden": "true" }), t("many"));
    return [scale, timeChart({ name: "heat", label: t("heat"), height, w: width, content, read }),
      behind(() => table([[t("time")], [t("took")], [t("requests"), 1]], grid.flatMap((rows, i) =>
        [...rows.entries()].filter(([, n]) => n).map(([row, n]) => [columnTime(i), make("td", {}, name(row)),
          numberCell(int(n), n)])), { "aria-label": t("heat") }))];
  };

  // ---- tables that follow the selection ----
  const legKey = () => (state.measure ? "target_processing_time" : "duration");
  const exactGroups = new Map(stats.target_groups.filter((g) => g.target_ip === null)
    .map((g) => [g.target_group_arn, g]));
  const valuesOf = (hist, exact) => (exact ? [exact.p50, exact.p90, exact.p99].map((v) => [v, ms(v)])
    : PERCENTILES.map((p) => { const v = at(hist, p); return [v, v === null ? "-" : `\u2248 ${ms(v)}`]; }));
  const filterButton = (key, value, text, title) => make("button", { type: "button", class: "link", title,
    "aria-pressed": String(state[key] === value), onclick: () => { set(key, state[key] === value ? -1 : value); } }, text);
  const rowsOf = (map, key, name, exactOf, full) => [...map.entries()].filter(([, row]) => row.count > 0)
    .sort((a, b) => b[1].count - a[1].count).map(([n, row]) => {
      const values = valuesOf(row.hist, exactOf(n));
      return [make("th", { scope: "row" }, filterButton(key, n, name(n), full(n))),
        make("td", { class: "bars" }, bar(row.count, sel.total.count)),
        numberCell(int(row.count), row.count), numberCell(percent(row.classes[4], row.count), row.classes[4]),
        make("td", { class: row.classes[5] ? "n bad" : "n", "data-value": row.classes[5] }, percent(row.classes[5], row.count)),
        ...values.map(([v, text]) => numberCell(text, v)), numberCell(size(row.sent), row.sent)];
    });
  const measured = () => [[t("name")], [t("share")], [t("count"), 1], ["4xx", 1], ["5xx", 1],
    ...PERCENTILES.map((p) => [`p${p}`, 1]), [t("sent"), 1]];
  const groupTable = () => table(measured(), rowsOf(sel.groups, "group", groupName, (n) => {
    const exact = whole() && unfiltered() && n !== OTHER && exactGroups.get(n === NONE ? null : cube.groups[n - NAMED]);
    return exact ? exact.latency_ms[legKey()] : null;
  }, (n) => cube.groups[n - NAMED]), { id: "groups", "aria-label": t("groups") });
  const hostTable = () => table(measured(), rowsOf(sel.hosts, "host", hostName, () => null, () => null),
    { id: "hosts", "aria-label": t("hosts") });

  const matrix = () => {
    const cellsOf = new Map(), rows = new Map(), columns = new Map();
    for (const [number, count] of sel.matrix) {
      const p = pairs[number];
      const row = p.elb === null ? className(p.cls) : p.elb || "-";
      const column = p.elb === null ? t("other") : p.target || "-";
      cellsOf.set(`${row} ${column}`, (cellsOf.get(`${row} ${column}`) || 0) + count);
      rows.set(row, p.cls);
      columns.set(column, 1);
    }
    const order = (a, b) => (typeof a === "number" ? a : 1e6) - (typeof b === "number" ? b : 1e6);
    const names = [...columns.keys()].sort(order);
    const most = Math.max(...cellsOf.values());
    return table([["", 0], ...names.map((n) => [n === "-" ? t("no_answer") : String(n), 1])],
      [...rows.keys()].sort(order).map((row) => [make("th", { scope: "row" }, make("span", { class: `dot c${rows.get(row)}` }),
        row === "-" ? t("no_status") : String(row)), ...names.map((column) => {
        const n = cellsOf.get(`${row} ${column}`);
        const cell = make("td", { class: n ? `n hot h${rows.get(row)}` : "n", "data-value": n || 0,
                                  "data-elb": row, "data-target": column }, n ? int(n) : "");
        if (n) cell.style.setProperty("--heat", (8 + 34 * Math.log1p(n) / Math.log1p(most)).toFixed(0) + "%");
        return cell;
      })]), { id: "matrix", class: "matrix", "aria-label": t("matrix") });
  };

  // ---- tables of the whole log ----
  const wholeNote = () => (whole() && unfiltered() ? null : make("p", { class: "note warn" }, t("whole")));
  const topList = (key, title, note) => {
    const list = stats.top[key];
    const most = list.rows.length ? list.rows[0].count : 0;
    const section = make("section", { class: "top", id: `top-${key}` }, make("h2", {}, title),
      note ? make("p", { class: "note" }, note) : null, wholeNote());
    return add(section, table([[t("name")], [""], [t("count"), 1], ["5xx", 1]], list.rows.map((row) => [
      make("th", { scope: "row", class: "key" }, row.value === null ? t("none") : row.value),
      make("td", { class: "bars" }, bar(row.count, most)),
      make("td", { class: "n", "data-value": row.count }, int(row.count),
        row.error ? make("small", {}, t("bound", { count: int(row.error) })) : null),
      make("td", { class: row.failed ? "n bad" : "n", "data-value": row.failed }, row.failed ? int(row.failed) : "-")]),
      { "aria-label": title }),
      list.distinct > list.rows.length ? make("p", { class: "note" },
        `${list.exact ? "" : "\u2265 "}${t("more_rows", { count: int(list.distinct - list.rows.length) })}`) : null);
  };
  const targetRows = () => stats.target_groups.filter((g) => g.target_ip !== null).sort((a, b) => b.requests - a.requests);
  const targetList = () => {
    const rows = targetRows(), shown = rows.slice(0, 20), most = rows.length ? rows[0].requests : 0;
    if (!rows.length) return null;
    return make("section", { class: "top", id: "top-targets" }, make("h2", {}, t("targets")), wholeNote(),
      table([[t("name")], [t("target_group")], [""], [t("count"), 1], ["5xx", 1], ["p50", 1], ["p99", 1]],
        shown.map((g) => [make("th", { scope: "row", class: "key" }, g.target_ip.includes(":")
          ? `[${g.target_ip}]:${g.target_port}` : `${g.target_ip}:${g.target_port}`),
          make("td", { title: g.target_group_arn }, g.target_group_arn === null ? "-" : shortArn(g.target_group_arn)),
          make("td", { class: "bars" }, bar(g.requests, most)), numberCell(int(g.requests), g.requests),
          make("td", { class: g.target_statuses["5xx"] ? "n bad" : "n" }, int(g.target_statuses["5xx"])),
          numberCell(ms(g.latency_ms.target_processing_time.p50), g.latency_ms.target_processing_time.p50),
          numberCell(ms(g.latency_ms.target_processing_time.p99), g.latency_ms.target_processing_time.p99)]),
        { "aria-label": t("targets") }),
      rows.length > shown.length ? make("p", { class: "note" }, t("more_rows", { count: int(rows.length - shown.length) })) : null);
  };
  const slowList = () => (stats.slowest.length === 0 ? null : make("section", { class: "top", id: "top-slowest" },
    make("h2", {}, t("slowest")), wholeNote(),
    table([[t("took"), 1], [t("request")], [t("status"), 1], [t("legs"), 1], [t("time")], [t("client")]],
      stats.slowest.map((s) => [make("td", { class: "n", "data-value": s.duration_ms }, make("b", {}, ms(s.duration_ms))),
        make("th", { scope: "row", class: "key" }, `${s.request_verb || "-"} ${s.request_url || "-"}`,
          s.trace_id ? make("small", {}, s.trace_id) : null),
        make("td", { class: s.elb_status_code >= 500 ? "n bad" : "n" },
          `${s.elb_status_code === null ? "-" : s.elb_status_code} / ${s.target_status_code === null ? "-" : s.target_status_code}`),
        make("td", { class: "n" }, ["request", "target", "response"].map((leg) => ms(s[`${leg}_processing_time_ms`])).join(" / ")),
        make("td", { class: "when" }, s.time.slice(0, 19).replace("T", " ")),
        make("td", { class: "key" }, s.client_ip || "-")]), { "aria-label": t("slowest") })));
  const sets = () => {
    const all = [["tls_versions", "tls_versions"], ["ciphers", "tls_ciphers"], ["http_versions", "http_versions"], ["types", "types"]]
      .map(([word, key]) => [word, stats.sets[key]]).filter(([, rows]) => rows.length);
    if (!all.length) return null;
    return make("section", { class: "top", id: "sets" }, make("h2", {}, t("tls")), wholeNote(),
      make("div", { class: "sets" }, all.map(([word, rows]) => table([[t(word)], [""], [t("count"), 1]],
        rows.slice(0, 12).map((row) => [make("th", { scope: "row", class: "key" }, row.value === null ? t("none") : row.value),
          make("td", { class: "bars" }, bar(row.count, rows[0].count)), numberCell(int(row.count), row.count)]),
        { "aria-label": t(word) }))));
  };

  // ---- errors ----
  const errors = () => {
    const { rows, rows_not_shown: left } = data.errors[state.lang] || data.errors[data.language];
    const section = make("section", { id: "errors" }, make("h2", {}, t("errors")), wholeNote());
    if (!rows.length) return add(section, make("p", { class: "good calm" }, t("no_errors")));
    const most = Math.max(...rows.map((e) => e.count));
    add(section, make("ul", { class: "errors" }, rows.map((e) => {
      const hue = e.word.startsWith("4") && /status/.test(e.kind) ? "warn" : "bad";
      const steps = e.steps || [];
      return make("li", { class: hue, "data-kind": e.kind, "data-word": e.word, "data-count": e.count },
        make("p", { class: "head" }, make("b", { class: "id" }, e.word),
          make("span", { class: "chip" }, t(`kind_${e.kind.replace(/-/g, "_")}`)), bar(e.count, most),
          make("strong", {}, int(e.count))),
        make("p", {}, e.meaning === null ? t("unknown_word") : e.meaning),
        steps.length || e.example_trace_id ? make("details", {}, make("summary", {}, t("next_steps")),
          make("ol", {}, steps.map((s) => make("li", {}, s.text, s.command ? make("code", {}, s.command) : null))),
          e.example_trace_id ? make("p", { class: "note" }, t("example", { trace: e.example_trace_id })) : null) : null);
    })));
    return add(section, left ? make("p", { class: "note" }, t("more_rows", { count: int(left) })) : null);
  };

  // ---- the frame ----
  const choice = (name, title, values, current, choose) => make("div", { class: "switch", role: "group", "aria-label": title },
    values.map(([value, text]) => make("button", { type: "button", id: `${name}-${value}`, "aria-pressed": String(value === current),
      lang: name === "lang" ? value : null, onclick: () => choose(value) }, text)));
  const LANGUAGES = { en: "English", ja: "\u65e5\u672c\u8a9e" };
  const mast = () => {
    const path = draw("path", { d: "M1 11h5l2.5-7 5 14L16 11h5" });
    const logo = draw("svg", { width: 22, height: 22, viewBox: "0 0 22 22", "aria-hidden": "true" }, path);
    const codes = Object.keys(data.words).sort();
    return make("header", { class: "mast" }, make("div", { class: "wide" },
      make("p", { class: "brand" }, logo, make("span", {}, "openalb ", make("b", {}, "logs"))),
      make("p", { class: "when" }, `${moment(Math.floor(data.made_ms / 1000))} UTC`),
      choice("theme", t("theme"), ["auto", "light", "dark"].map((v) => [v, t(`theme_${v}`)]), state.theme, setTheme),
      codes.length > 1 ? choice("lang", t("language"), codes.map((c) => [c, LANGUAGES[c]]), state.lang, setLanguage) : null));
  };
  const tile = (id, name, value, text, sub, hue) => make("div", { class: `tile ${hue || ""}` }, make("dt", {}, name),
    make("dd", { id: `tile-${id}`, "data-value": value }, text, sub ? make("small", {}, sub) : null));
  const tiles = () => {
    const n = sel.total.count, seconds = Math.max(1, timeOf(state.to) - timeOf(state.from));
    const all = whole() && unfiltered();
    const rate = all && stats.rate_per_s !== null ? stats.rate_per_s : n / seconds;
    const exact = all ? stats.latency_ms[legKey()] : null;
    const values = valuesOf(sel.both[state.measure], exact);
    const cls = sel.total.classes;
    return make("dl", { class: "tiles" },
      tile("requests", n === 1 ? t("one_request") : t("requests"), n, int(n), t("per_second", { n: round(rate, 3) })),
      tile("5xx", "5xx", cls[5], percent(cls[5], n), int(cls[5]), cls[5] ? "bad" : "good"),
      tile("4xx", "4xx", cls[4], percent(cls[4], n), int(cls[4]), cls[4] ? "warn" : ""),
      tile("lb", t("by_lb"), sel.made[0], percent(sel.made[0], n), int(sel.made[0])),
      tile("p50", t("median"), values[0][0], values[0][1]), tile("p99", t("p99"), values[2][0], values[2][1]),
      tile("sent", t("sent"), sel.total.sent, size(sel.total.sent)));
  };
  const period = () => `${moment(timeOf(state.from))} \u2013 ${moment(timeOf(state.to))} UTC`;
  const remarks = () => {
    const lines = stats.lines, list = [];
    if (data.filter) list.push(t("filter_was", { filter: data.filter }));
    if (data.cut_short) list.push(t("cut_short"));
    if (lines) {
      const damaged = sum(Object.values(lines.damaged));
      if (damaged) list.push(t("damaged", { count: int(damaged) }));
      if (lines.broken_files) list.push(t("broken", { count: int(lines.broken_files) }));
      if (lines.foreign_files) list.push(t("foreign", { count: int(lines.foreign_files) }));
    }
    return list.length ? make("ul", { class: "remarks" }, list.map((text) => make("li", {}, text))) : null;
  };
  const heading = () => {
    const names = stats.sets.load_balancers;
    const name = names.length === 1 && names[0].value !== null && names[0].value.split("/")[1];
    return name ? `${t("title")}: ${name}` : t("title");
  };
  const summary = () => make("section", { class: "summary" }, make("p", { class: "url" }, data.sources),
    make("h1", {}, stats.requests ? heading() : t("nothing")),
    stats.requests ? make("p", { class: "period", id: "period" }, period()) : null, remarks(),
    stats.requests ? tiles() : null);

  const optionsOf = (key, entries) => make("select", { id: `by-${key}`, onchange: (event) => set(key, Number(event.target.value)) },
    make("option", { value: -1 }, t("all")), entries.map(([value, text, count]) => make("option",
      { value, selected: state[key] === value }, count === null ? text : `${text} (${int(count)})`)));
  const totals = (() => {
    const count = { group: new Map(), host: new Map(), cls: new Map(), made: new Map() };
    const more = (map, key, n) => map.set(key, (map.get(key) || 0) + n);
    for (let i = 0; i < cells.length; i++) {
      if (cells.measure[i]) continue;
      const n = cells.count[i], pair = pairs[cells.pair[i]];
      more(count.group, cells.group[i], n);
      more(count.host, cells.host[i], n);
      more(count.cls, pair.cls, n);
      more(count.made, pair.made, n);
    }
    return count;
  })();
  const chooser = (key, title, name, byNumber) => {
    const entries = [...totals[key].entries()].sort((a, b) => (byNumber ? a[0] - b[0] : b[1] - a[1]));
    return make("label", { class: state[key] >= 0 ? "on" : null }, make("span", {}, title),
      optionsOf(key, entries.map(([n, count]) => [n, name(n), count])));
  };

  // The whole time as a small drawing under two thumbs.
  const ranger = () => {
    const columns = columnsFor(0, cube.count, 240), rows = [];
    for (let i = 0; i < columns.count; i++) rows.push([0, 0]);
    for (let i = 0; i < cells.length; i++) {
      if (cells.measure[i]) continue;
      const row = rows[columns.of(cells.bucket[i])];
      row[0] += cells.count[i];
      if (pairs[cells.pair[i]].cls === 5) row[1] += cells.count[i];
    }
    const most = Math.max(...rows.map((r) => r[0])), svg = draw("svg", { viewBox: `0 0 ${columns.count} 30`,
      preserveAspectRatio: "none", "aria-hidden": "true" });
    rows.forEach(([all, bad], i) => add(svg, draw("rect", { class: "c2", x: i, width: 0.9, y: 30 - all / most * 30, height: all / most * 30 }),
      bad ? draw("rect", { class: "c5", x: i, width: 0.9, y: 30 - bad / most * 30, height: bad / most * 30 }) : null));
    const shade = [make("i", { class: "off" }), make("i", { class: "off right" })];
    const place = () => {
      shade[0].style.width = `${state.from / cube.count * 100}%`;
      shade[1].style.width = `${(1 - state.to / cube.count) * 100}%`;
    };
    place();
    const thumb = (key, word) => {
      const input = make("input", { type: "range", id: `range-${key}`, min: 0, max: cube.count, step: 1, value: state[key],
        "aria-label": t(word), "aria-valuetext": moment(timeOf(state[key])) });
      input.value = state[key];
      input.addEventListener("input", () => {
        const v = Number(input.value);
        if (key === "from") state.from = Math.min(v, state.to - 1); else state.to = Math.max(v, state.from + 1);
        input.value = state[key];
        input.setAttribute("aria-valuetext", moment(timeOf(state[key])));
        place();
        document.getElementById("range-says").textContent = period();
        later();
      });
      input.addEventListener("change", () => { refocus = `range-${key}`; render(); });
      return input;
    };
    return make("div", { class: "ranger" }, svg, shade, thumb("from", "range_from"), thumb("to", "range_until"));
  };
  const controls = () => {
    const changed = !(whole() && unfiltered());
    return make("section", { class: "controls", id: "controls", "aria-label": t("selection") }, make("div", { class: "wide" },
      make("div", { class: "row" },
        chooser("group", t("target_group"), groupName), chooser("cls", t("status"), className, true),
        chooser("made", t("made_by"), (n) => t(n ? "target" : "lb"), true), chooser("host", t("host"), hostName),
        make("button", { type: "button", id: "reset", class: "reset", disabled: !changed, onclick: reset }, t("reset"))),
      cube.count > 1 ? make("div", { class: "row time" }, ranger(), make("output", { id: "range-says" }, period())) : null));
  };
  const measureSwitch = (id) => choice(`measure-${id}`, t("measure"), [[0, t("duration")], [1, t("target_time")]], state.measure,
    (v) => { refocus = `measure-${id}-${v}`; set("measure", v); });
  const section = (id, title, note, ...kids) => make("section", { id }, make("div", { class: "title" }, make("h2", {}, title),
    id === "latency" || id === "heat-map" ? measureSwitch(id) : null), note ? make("p", { class: "note" }, note) : null, kids);

  const foot = () => {
    const lines = stats.lines;
    return make("footer", {}, make("p", {}, t("made", { version: data.version, time: `${moment(Math.floor(data.made_ms / 1000))} UTC` }), " ",
      lines ? t("read_from", { sources: data.sources, files: int(lines.files), lines: int(lines.lines), size: size(lines.bytes) }) : "", " ",
      t("times_are"), " ", t("width_is", { width: span(cube.width_s) }), " ",
      t("exact", { error: `${round(50 / cube.steps, 2)} %` }), " ",
      cube.groups_folded || cube.hosts_folded ? t("folded") : ""));
  };

  // ---- drawing all ----
  const page = document.getElementById("page");
  const frame = { mast: make("div"), main: make("div", { class: "wide" }), controls: make("div", { class: "stick" }),
                  rest: make("main", { class: "wide", id: "rest" }) };
  let refocus = null, queued = false;
  const parts = () => {
    const column = span(sel.columns.width_s);
    const here = sel.total.count > 0;
    const empty = make("p", { class: "note" }, t("nothing_here"));
    return [
      section("traffic", t("traffic"), t("traffic_note", { width: column }),
        here ? [legend(present().map((c) => [`c${c}`, className(c)])),
          timeChart({ name: "traffic-chart", label: t("traffic"), height: 250, w: width, content: trafficContent, read: readTraffic }),
          behind(trafficTable), make("p", { class: "note how" }, t("how_to_zoom"))] : empty),
      
      section("latency", t("latency"), t("latency_note", { width: column }), sel.lines.size ? latency() : empty.cloneNode(true)),
      section("heat-map", t("heat"), t("heat_note", { width: column }), heat()),
      make("section", {}, make("h2", {}, t("groups")), groupTable()),
      make("section", {}, make("h2", {}, t("hosts")), hostTable()),
      make("section", {}, make("h2", {}, t("matrix")), make("p", { class: "note" }, t("matrix_note")), here ? matrix() : null),
      errors(),
      topList("paths", t("paths"), t("paths_note")),
      make("div", { class: "two" }, topList("clients", t("clients")), topList("user_agents", t("agents"))),
      targetList(), slowList(), sets(), foot(),
    ];
  };
  const render = () => {
    queued = false;
    const focused = refocus || (document.activeElement && document.activeElement.id);
    refocus = null;
    root.lang = state.lang;
    if (state.theme === "auto") delete root.dataset.theme; else root.dataset.theme = state.theme;
    document.title = stats.requests ? `${heading()}, ${period()}` : t("title");
    width = Math.max(280, Math.floor(frame.rest.getBoundingClientRect().width - 2 * parseFloat(getComputedStyle(frame.rest).paddingLeft)));
    charts = [];
    tip.hidden = true;
    frame.mast.replaceChildren(mast());
    if (!stats.requests) {
      frame.main.replaceChildren(summary());
      frame.rest.replaceChildren(add(make("div"), remarks(), errors(), foot()));
      return;
    }
    sel = select(width < 500 ? 48 : 120);
    frame.main.replaceChildren(summary());
    if (!queuedByRange) frame.controls.replaceChildren(controls());
    frame.rest.replaceChildren(...parts().filter(Boolean));
    const again = focused && document.getElementById(focused);
    if (again && again !== document.activeElement) again.focus({ preventScroll: true });
  };
  // While a thumb is dragged its element must stay.
  let queuedByRange = false;
  const later = () => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => { queuedByRange = true; render(); queuedByRange = false; });
  };
  const set = (key, value) => { state[key] = value; render(); };
  const setRange = (from, to) => { state.from = from; state.to = Math.max(from + 1, to); render(); };
  const setTheme = (v) => {
    state.theme = v;
    try { localStorage.setItem("openalb-theme", v); } catch { /* it lasts as long as the page */ }
    refocus = `theme-${v}`;
    render();
  };
  const setLanguage = (v) => { state.lang = v; refocus = `lang-${v}`; render(); };
  const reset = () => {
    Object.assign(state, { from: 0, to: cube.count, group: -1, cls: -1, made: -1, host: -1 });
    render();
  };

  add(page, frame.mast, frame.main, frame.controls, frame.rest, tip, told);
  render();
  let widthBefore = innerWidth, timer = 0;
  addEventListener("resize", () => {
    if (innerWidth === widthBefore) return; // a phone's address bar comes and goes
    widthBefore = innerWidth;
    clearTimeout(timer);
    timer = setTimeout(render, 120);
  });
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".errors details:not([open])")];
    opened.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => { opened.forEach((one) => { one.open = false; }); });
})();
