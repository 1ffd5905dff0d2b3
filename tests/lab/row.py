# SPDX-License-Identifier: Apache-2.0
"""What a row of the lab's table is."""
import dataclasses


@dataclasses.dataclass
class Shows:
    """What Chromium must show for a row: an error name (any of `error`), or a page."""
    error: tuple = ()          # empty: a page
    code: tuple = ()           # the words on the error page, if other than the error's name
    status: int = None
    title: str = None
    url: str = None            # how the address bar begins
    failure: str = None        # what failed within the page
    reason: str = None         # Non-Authoritative-Reason of a redirect of the browser's own

    def complaint(self, visit):
        """What differs in a visit (a record of run.py), or None."""
        shown = visit["error"] or "PAGE"
        checks = (
            (shown in (self.error or ("PAGE",)), f"shows {shown}"),
            (not self.code or visit["code"] in self.code, f"has the words {visit['code']} on its page"),
            (self.status in (None, visit["status"]), f"got status {visit['status']}"),
            (self.title in (None, visit["title"]), f"has the title {visit['title']!r}"),
            (visit["url"].startswith(self.url or ""), f"has {visit['url']} in the address bar"),
            (not self.failure or self.failure in [name for name, _, _ in visit["failures"]],
             f"has the failures {visit['failures']} in the page"),
            (not self.reason or self.reason in visit["reasons"], f"redirects by itself for {visit['reasons']}"),
        )
        wrong = [text for good, text in checks if not good]
        return f"Chromium {', '.join(wrong)}; expected: {self.words()}" if wrong else None

    def words(self):
        """For the catalogue."""
        parts = [" or ".join(self.error) if self.error else "the page"]
        if self.code:
            parts.append("page " + " or ".join(self.code))
        if self.status:
            parts.append(f"status {self.status}")
        if self.title:
            parts.append(f'title "{self.title}"')
        if self.failure:
            parts.append(f"{self.failure} in the page")
        if self.reason:
            parts.append(f"after a redirect of its own ({self.reason})")
        return ", ".join(parts)


def error(*names, **more):
    """These net errors; certificate errors stand on their page with NET:: in front."""
    return Shows(error=names, **more)


def page(**more):
    return Shows(**more)


@dataclasses.dataclass
class Row:
    id: str                    # of the catalogue; the doctor must name it first
    variant: str               # "" or what tells rows of one id apart
    title: str
    how: str                   # how it is made, for the catalogue
    make: object               # make(stage, broken) gives the Scene; broken False: the healthy twin
    browser: Shows = None      # None: no browser has a name for it
    also: tuple = ()           # ids that must be among the findings, too
    twin: str = ""             # the row that has the same healthy twin; it is built once
    note: bool = False         # the finding is a note: the site opens for everybody
    needs: tuple = ()          # "namespace"
    world: str = "dual"
    slow: bool = False         # takes longer than 10 s

    @property
    def name(self):
        return f"{self.id}/{self.variant}" if self.variant else self.id


class Table(list):
    """Rows in order; row() decorates the function that makes the scene. `usual`: fields of all rows."""

    def __init__(self, **usual):
        super().__init__()
        self.usual = usual

    def row(self, name, title, how, browser=None, **more):
        """name: "DNS-01", or "DNS-01/variant"."""
        def take(make):
            identity, _, variant = name.partition("/")
            self.append(Row(identity, variant, title, how, make, browser, **{**self.usual, **more}))
            return make
        return take
