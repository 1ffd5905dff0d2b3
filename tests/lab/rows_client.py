# SPDX-License-Identifier: Apache-2.0
"""Rows of the fault lab: what the browser remembers, and what stands between this machine and the net."""
import email.utils
import json
import time

from lab import dns, servers
from lab.dns import https_record
from lab.row import Table, error, page
from lab.stage import Place, Scene

ROWS = Table()
PROTOCOL = error("ERR_SSL_PROTOCOL_ERROR")
HSTS = "add_header Strict-Transport-Security 'max-age=31536000{}' always;"


def remembered(stage, place, url, header, broken):
    """A real profile that has seen the header on port 8443 (or not), and the scene with it."""
    teacher = Place(header[0], place.address)
    stage.site(teacher, extra=header[1] if broken else "")
    profile, look = stage.profile(teacher.url())
    return Scene(url, ["--browser-profile", profile], look=look)


@ROWS.row("BRW-01", "The browser remembers HSTS, the port speaks plain HTTP",
          "a real Chromium profile that got the header on port 8443; nginx with plain HTTP on 8080",
          error("ERR_SSL_PROTOCOL_ERROR", reason="HSTS"))
def hsts(stage, broken):
    place = stage.plain(port=8080)
    return remembered(stage, place, place.url(8080, "http"), (place.name, HSTS.format("")), broken)


@ROWS.row("BRW-01/parent", "HSTS of the parent domain reaches this name",
          "a real Chromium profile that got includeSubDomains from the parent; plain HTTP on 8080",
          error("ERR_SSL_PROTOCOL_ERROR", reason="HSTS"), needs=("namespace",))
def hsts_of_parent(stage, broken):
    zone = stage.serve_zone(stage.zone())
    place = Place(f"www.{zone.name}", stage.address())
    for name in (zone.name, place.name):
        stage.point(name, place.address, zone=zone)
    stage.plain(place, 8080)
    return remembered(stage, place, place.url(8080, "http"), (zone.name, HSTS.format("; includeSubDomains")), broken)


@ROWS.row("BRW-02", "An HTTPS record for the port turns http into https, the port speaks plain HTTP",
          "HTTPS record at _8080._https.NAME", error("ERR_SSL_PROTOCOL_ERROR", reason="DNS"), needs=("namespace",))
def https_record_of_port(stage, broken):
    place = stage.plain(port=8080)
    if broken:
        stage.record(f"_8080._https.{place.name}", dns.HTTPS, https_record(target=place.name, alpn=("http/1.1",)))
    return Scene(place.url(8080, "http"))


@ROWS.row("DNS-12/upgrade", "An HTTPS record at the name turns http into https, and port 443 is closed",
          "HTTPS record at the name; the site speaks only http on port 80",
          error("ERR_CONNECTION_REFUSED", reason="DNS"), needs=("namespace",))
def https_record_at_name(stage, broken):
    place = stage.plain(port=80)
    if broken:
        stage.record(place.name, dns.HTTPS, https_record(alpn=("h2",)))
    return Scene(place.url(80, "http"))


@ROWS.row("BRW-03", "The browser's always-secure mode turns http into https",
          "a real Chromium profile with https_only_mode_enabled; plain HTTP on 8080", error("ERR_BLOCKED_BY_CLIENT"))
def always_secure(stage, broken):
    place = stage.plain(port=8080)
    profile, look = stage.profile(preferences=json.dumps({"https_only_mode_enabled": broken}))
    return Scene(place.url(8080, "http"), ["--browser-profile", profile], look=look)


@ROWS.row("BRW-10", "Only this browser sees an error: it keeps an open connection to the old address",
          "the name moves to another server between two visits; the old one goes on with 503 on what is open",
          error("ERR_HTTP_RESPONSE_CODE_FAILURE", code=("HTTP ERROR 503",), status=503), needs=("namespace",),
          note=True)
def open_connection(stage, broken):
    name = stage.name()
    old, new = Place(name, stage.address()), stage.site(Place(name, stage.address()))

    def farewell(head):
        return servers.page("", "503 Service Unavailable") if b"/again" in head else servers.page()
    stage.secure(servers.pages(farewell), old)
    stage.point(name, old.address if broken else new.address, ttl=1)

    def look(url):
        with stage.lab.browser.tab() as tab:
            before = stage.lab.browser.go(tab, url)
            assert before.error is None, before
            stage.forget(name, dns.A)
            stage.point(name, new.address, ttl=1)
            return stage.lab.browser.go(tab, f"{url}again")
    if not broken:
        return Scene(new.url())
    return Scene(old.url(), ["--browser-error", "ERR_HTTP_RESPONSE_CODE_FAILURE"], look=look)


@ROWS.row("BRW-05", "Parts of the page are loaded over http",
          "nginx, an https page with an http image from a port that speaks plain HTTP",
          page(status=200, failure="ERR_SSL_PROTOCOL_ERROR"))
def mixed_content(stage, broken):
    place = stage.place()
    stage.plain(place, 8080)
    image = f"http://{place.name}:8080/a.png" if broken else "/a.png"
    stage.site(place, inside=f"return 200 '<title>Shop</title><img src=\"{image}\">';")
    return Scene(place.url())


@ROWS.row("BRW-05/script", "A script of the page is loaded over http and blocked",
          "nginx, an https page with an http script", page(status=200, failure="mixed-content"))
def mixed_script(stage, broken):
    place = stage.place()
    stage.plain(place, 8080)
    script = f"http://{place.name}:8080/a.js" if broken else "/a.js"
    stage.site(place, inside=f"return 200 '<title>Shop</title><script src=\"{script}\"></script>';")
    return Scene(place.url())


@ROWS.row("BRW-06", "upgrade-insecure-requests with a custom port that speaks plain HTTP",
          "nginx, that policy and a link to http on port 8080", page(status=200, failure="ERR_SSL_PROTOCOL_ERROR"))
def upgraded_parts(stage, broken):
    place = stage.place()
    stage.plain(place, 8080)
    policy = "add_header Content-Security-Policy upgrade-insecure-requests;"
    source = f"http://{place.name}:8080/a.js" if broken else "/a.js"
    stage.site(place, extra=policy, inside=f"return 200 '<title>Shop</title><script src=\"{source}\"></script>';")
    return Scene(place.url())


@ROWS.row("BRW-07", "A port that browsers refuse", "a good site on port 6667; curl opens it", error("ERR_UNSAFE_PORT"))
def unsafe_port(stage, broken):
    port = 6667 if broken else 8443
    return Scene(stage.site(port=port).url(port))


@ROWS.row("BRW-08", "The top-level domain is preloaded for HSTS, the port speaks plain HTTP",
          "a name under .dev, plain HTTP on 8080", error("ERR_SSL_PROTOCOL_ERROR", reason="HSTS"), needs=("namespace",))
def preloaded(stage, broken):
    zone = stage.serve_zone(stage.zone(parent="dev" if broken else "test"))
    place = Place(zone.name, stage.address())
    stage.point(place.name, place.address, zone=zone)
    stage.plain(place, 8080)
    return Scene(place.url(8080, "http"))


@ROWS.row("CLI-01", "IPv6 does not work from here, IPv4 does",
          "an AAAA record to where every packet is dropped", page(), needs=("namespace",))
def broken_ipv6(stage, broken):
    place = stage.site()
    six = Place(place.name, "2600:1f14::99" if broken else stage.address6())
    if not broken:
        stage.site(six)
    stage.point(place.name, six.address)
    return Scene(place.url())


@ROWS.row("CLI-02", "The proxy refuses CONNECT to this port", "a proxy that allows 443 only",
          error("ERR_TUNNEL_CONNECTION_FAILED"))
def refusing_proxy(stage, broken):
    place = stage.site()
    address = stage.address()
    stage.listen(address, 3128, servers.proxy(
        lambda host, port: (place.address, port) if port == 443 or not broken else None))
    proxy = f"http://{address}:3128"
    return Scene(place.url(), ["--proxy", proxy], {"proxy": proxy})


@ROWS.row("CLI-02/dead", "The proxy does not answer", "a proxy address on which nothing listens, from the environment",
          error("ERR_PROXY_CONNECTION_FAILED"))
def dead_proxy(stage, broken):
    place = stage.site()
    proxy = f"http://{stage.address()}:3128"
    if not broken:
        return Scene(place.url())
    return Scene(place.url(), [], {"proxy": proxy}, {"https_proxy": proxy})


@ROWS.row("CLI-03", "A security product on the way replaces the certificate",
          "nginx, certificate of an authority named like a known product",
          error("ERR_CERT_AUTHORITY_INVALID", code=("NET::ERR_CERT_AUTHORITY_INVALID",)))
def interception(stage, broken):
    place = stage.place()
    product = stage.pki.issue("FortiGate CA", authority=True, days=(-1, 900), organization="Fortinet")
    return Scene(stage.site(place, files=stage.pki.site(place.name, issuer=product) if broken else None).url())


@ROWS.row("CLI-04", "The clock of this machine is wrong",
          "a site whose Date header and certificate lie 400 days ahead of the local clock",
          error("ERR_CERT_DATE_INVALID", code=("NET::ERR_CERT_DATE_INVALID",)))
def wrong_clock(stage, broken):
    place = stage.place()
    ahead = 400 if broken else 0
    files = stage.pki.site(place.name, days=(ahead - 1, ahead + 89))

    def answer(_):
        return servers.page(headers=["Date: " + email.utils.formatdate(time.time() + ahead * 86400, usegmt=True)])
    stage.secure(servers.pages(answer), place, files=files)
    return Scene(place.url())


@ROWS.row("CLI-07", "A public page loads parts from a private address, and the browser asks first",
          "nginx at a public address, a page with a frame from 10/8; the doctor is asked about the frame",
          page(status=200, failure="LocalNetworkAccessPermissionDenied"), needs=("namespace",), note=True)
def local_network(stage, broken):
    inner = Place(stage.name(), stage.address("10.77.0.0/16" if broken else "11.77.0.0/16"))
    outer = Place(stage.name(), stage.address("11.77.0.0/16"))
    for place in (inner, outer):
        stage.point(place.name, place.address)
    stage.site(inner)
    stage.site(outer, inside=f"return 200 '<title>Shop</title><iframe src=\"{inner.url()}\"></iframe>';")
    return Scene(inner.url(), look=lambda _: stage.lab.browser.visit(outer.url()))
