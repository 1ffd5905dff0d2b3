# SPDX-License-Identifier: Apache-2.0
"""What a report of `openalb doctor --json` must say about a row of the lab; each function gives a complaint or None."""
HARMLESS = ("note",)


def _list(value):
    return [] if value is None else value if isinstance(value, list) else [value]


def _shortly(done):
    return f"exit {done['exit']}, {done['stderr'] or done['out'] or 'nothing on standard error'}"


def first(row, done):
    """The row's id comes first, and is the verdict (a note has no verdict)."""
    report = done["json"]
    if report is None:
        return f"no JSON: {_shortly(done)}"
    found = [(one["id"], one["severity"]) for one in report["findings"]]
    if not found or found[0][0] != row.id:
        return f"finds {found}"
    if not row.note and (report["verdict"] or {}).get("id") != row.id:
        return f"its verdict is {report['verdict']}"
    missing = set(row.also) - {identity for identity, _ in found}
    return f"lacks {sorted(missing)} among {found}" if missing else None


def predicted(row, visit, done):
    """What real Chromium showed is what the report says that Chromium shows."""
    report = done["json"]
    if report is None:
        return f"no JSON: {_shortly(done)}"
    if row.note:
        return None  # the site opens; what the browser shows is the premise, not a prediction
    browser = (report["verdict"] or {}).get("browser") or {}
    names, words = _list(browser.get("chromium")), _list(browser.get("chromium_page"))
    shown = visit["error"] or "PAGE"
    if shown not in names and not (shown == "PAGE" and not names):
        return f"Chromium shows {shown}, the report says {names}"
    failed = row.browser.failure
    if failed and failed.startswith("ERR_") and not any(failed in one for one in names + words):
        return f"Chromium shows {failed} within the page, the report says {names} {words}"
    if visit["error"] and row.browser.code and words and not any(one in (visit["code"] or "") for one in words):
        return f"Chromium's page says {visit['code']}, the report {words}"
    return None


def quiet(done):
    """Nothing above a note is found on a healthy twin, and the exit status says so."""
    report = done["json"]
    if report is None:
        return f"no JSON: {_shortly(done)}"
    found = [(one["id"], one["severity"], one["title"]) for one in report["findings"]
             if one["severity"] not in HARMLESS]
    if found or report["result"] != "ok" or done["exit"] != 0:
        return f"false alarm: {found}, result {report['result']}, exit {done['exit']}"
    return None
