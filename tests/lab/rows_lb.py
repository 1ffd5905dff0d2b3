# SPDX-License-Identifier: Apache-2.0
"""Rows of the fault lab: load balancers, the redirects of applications behind them, and their targets.

The load balancer in the middle is our own `openalb serve`, the web servers behind it are real nginx
or scripted; --lb and --target name them as a user would.
"""
import harness
from lab import dns, network, servers
from lab.row import Table, error, page
from lab.stage import Place, Scene, free_port

ROWS = Table(needs=("namespace",))
PROTOCOL = error("ERR_SSL_PROTOCOL_ERROR")
GOOD = servers.page()
PLAIN_TITLE = "400 The plain HTTP request was sent to HTTPS port"


def fixed(status, body):
    return [{"Type": "fixed-response", "FixedResponseConfig": {
        "StatusCode": str(status), "ContentType": "text/html", "MessageBody": body}}]


def where(target):
    return "%s:%d" % tuple(target)


# ---- load balancer and listener ----

@ROWS.row("LBC-01", "The listener on the port has protocol HTTP",
          "our own load balancer, listener 8443 HTTP; --lb names it", PROTOCOL)
def plain_listener(stage, broken):
    place = stage.place()
    stage.openalb(place, [stage.target(servers.pages(GOOD))],
                  listeners={"Web8443": harness.listener(8443, "HTTP")} if broken else None)
    return Scene(place.url(), ["--lb", place.address])


def plain_server(start):
    """Some web server that speaks plain HTTP on the port; the twin is a good site."""
    def make(stage, broken):
        if not broken:
            return Scene(stage.site().url())
        place = stage.place()
        start(stage, place)
        return Scene(place.url())
    return make


for variant, title, how, start in (
        ("nginx", "nginx speaks plain HTTP on the port", "nginx with `listen 8443`",
         lambda stage, place: stage.plain(place)),
        ("haproxy", "HAProxy speaks plain HTTP on the port", "HAProxy with a bind without ssl",
         lambda stage, place: stage.haproxy(
             f"frontend f\n  bind {place.address}:8443\n  http-request return status 200\n", [(place.address, 8443)])),
        ("apache", "Apache speaks plain HTTP on the port", "Apache httpd with `Listen 8443`",
         lambda stage, place: stage.apache(f"Listen {place.address}:8443\n", [(place.address, 8443)])),
        ("no-status-line", "A server answers a ClientHello with HTML and no status line",
         "a socket that sends HTML, as Python's does",
         lambda stage, place: stage.listen(place.address, 8443, servers.say(b"<!DOCTYPE HTML><h1>Bad request</h1>\n")))):
    ROWS.row(f"LBC-01/{variant}", title, how, PROTOCOL,
             needs=("namespace",) if variant == "apache" else (), twin="CRT-01")(plain_server(start))


@ROWS.row("LBC-02", "No rule matches: the load balancer's own 404",
          "our own load balancer, default action fixed-response 404", page(status=404))
def no_rule(stage, broken):
    place = stage.place()
    rule = {"Rule": harness.rule(1, [{"Field": "host-header", "HostHeaderConfig": {
        "Values": ["other.lab.test" if broken else place.name]}}], harness.forward(), of="Https")}
    stage.openalb(place, [stage.target(servers.pages(GOOD))],
                  listeners={"Https": harness.listener(8443, "HTTPS", fixed(404, "<title>404</title>not here")), **rule})
    return Scene(place.url(), ["--lb", place.address])


@ROWS.row("LBC-04", "The name leads to another load balancer",
          "two of our own load balancers, CNAME to the wrong one; --lb names the right one",
          error("ERR_CERT_COMMON_NAME_INVALID", code=("NET::ERR_CERT_COMMON_NAME_INVALID",)))
def other_balancer(stage, broken):
    name = stage.name()
    right, wrong = Place(name, stage.address()), Place("other.lab.test", stage.address())
    names = {one.address: stage.name("web-", "us-east-1.elb.amazonaws.com") for one in (right, wrong)}
    for one in (right, wrong):
        stage.openalb(one, [stage.target(servers.pages(GOOD))])
        stage.point(names[one.address], one.address, zone=stage.lab.amazon)
    stage.record(name, dns.CNAME, names[(wrong if broken else right).address])
    return Scene(right.url(), ["--lb", names[right.address]])


@ROWS.row("LBC-09", "A firewall in the load balancer says 403", "our own load balancer, fixed-response 403",
          page(status=403))
def firewall(stage, broken):
    place = stage.place()
    actions = fixed(403, "<title>403</title>Forbidden") if broken else None
    stage.openalb(place, [stage.target(servers.pages(GOOD))],
                  listeners={"Https": harness.listener(8443, "HTTPS", actions)})
    return Scene(place.url(), ["--lb", place.address])


@ROWS.row("LBC-10", "Cookies beyond the load balancer's header limits", "our own load balancer, a cookie of 40 KB",
          page(status=400))
def header_limit(stage, broken):
    place = stage.place()
    stage.openalb(place, [stage.target(servers.pages(GOOD))])
    cookie = "session=" + "x" * (40000 if broken else 40)
    return Scene(place.url(), ["--lb", place.address, "-H", f"Cookie: {cookie}"], {"headers": {"Cookie": cookie}})


@ROWS.row("LBC-11", "The authentication's callback lacks the custom port",
          "a socket with the load balancer's redirect to an identity provider that refuses the redirect_uri",
          page(status=400))
def callback(stage, broken):
    place, provider = stage.place(), stage.place()
    port = "" if broken else "%3A8443"
    stage.secure(servers.pages(lambda head: servers.page(
        "<title>Login</title>Sign in" if f"{place.name}%3A8443%2F".encode() in head else
        "<title>400</title>redirect_uri_mismatch",
        "200 OK" if f"{place.name}%3A8443%2F".encode() in head else "400 Bad Request")), provider)
    location = (f"{provider.url()}authorize?client_id=x&redirect_uri=https%3A%2F%2F{place.name}{port}%2Foauth2%2F"
                "idpresponse&response_type=code&scope=openid&state=abc")
    stage.secure(servers.pages(servers.page(
        "", "302 Found", [f"Location: {location}", "Set-Cookie: AWSALBAuthNonce=abc; Path=/; Secure; HttpOnly"],
        "awselb/2.0")), place)
    return Scene(place.url())


# ---- redirects ----

def behind(stage, inside, port=None, extra=""):
    """An nginx behind a load balancer: (address, port)."""
    address = stage.address()
    stage.plain(Place("_", address), 8000, inside, extra)
    return address, 8000


@ROWS.row("RED-01", "The application's redirect drops the custom port",
          "nginx behind our own load balancer: 302 to https://$host/login", error("ERR_CONNECTION_REFUSED"))
def lost_port(stage, broken):
    place = stage.place()
    host = "$host" if broken else "$http_host"
    target = behind(stage, f"return 302 https://{host}/login;", extra="location = /login { return 200 'Login'; }")
    stage.openalb(place, [target])
    return Scene(place.url(), ["--lb", place.address, "--target", where(target)])


@ROWS.row("RED-02", "A loop: the application sees plain HTTP and redirects to https for ever",
          "nginx behind our own load balancer: 301 to https, X-Forwarded-Proto ignored", error("ERR_TOO_MANY_REDIRECTS"))
def scheme_loop(stage, broken):
    place = stage.place()
    guard = "" if broken else "if ($http_x_forwarded_proto = https) { return 200 '<title>Shop</title>It works'; }"
    target = behind(stage, f"{guard} return 301 https://$http_host$request_uri;")
    stage.openalb(place, [target])
    return Scene(place.url(), ["--lb", place.address, "--target", where(target)])


@ROWS.row("RED-02/config", "The same loop, found in the server's configuration",
          "the same, with --server-config on the nginx configuration", error("ERR_TOO_MANY_REDIRECTS"))
def scheme_loop_configured(stage, broken):
    place, address = stage.place(), stage.address()
    guard = ("if ($scheme = http)" if broken else "if ($http_x_forwarded_proto = http)") + \
        " { return 301 https://$http_host$request_uri; }"
    server = stage.nginx(f"server {{ listen {address}:8000; server_name {place.name}; {guard}"
                         " location / { return 200 '<title>Shop</title>It works'; } }", [(address, 8000)])
    stage.openalb(place, [(address, 8000)])
    return Scene(place.url(), ["--lb", place.address, "--target", f"{address}:8000",
                               "--server-config", server.log.with_name("nginx.conf")])


@ROWS.row("RED-04", "The application redirects to http:// with the port of the HTTPS listener",
          "nginx behind our own load balancer: 302 to http://$http_host/login",
          page(status=400, title=PLAIN_TITLE, url="http://"))
def back_to_plain(stage, broken):
    place = stage.place()
    target = behind(stage, f"return 302 {'http://$http_host' if broken else ''}/login;",
                    extra="absolute_redirect off; location = /login { return 200 'Login'; }")
    stage.openalb(place, [target])
    return Scene(place.url(), ["--lb", place.address, "--target", where(target)])


@ROWS.row("RED-10", "The load balancer redirects to https on a port that speaks plain HTTP",
          "our own load balancer: listener 8080 redirects to https with #{port}", PROTOCOL)
def redirect_rule(stage, broken):
    place = stage.place()
    action = [{"Type": "redirect", "RedirectConfig": {
        "Protocol": "HTTPS", "Port": "#{port}" if broken else "8443", "StatusCode": "HTTP_302"}}]
    stage.openalb(place, [stage.target(servers.pages(GOOD))],
                  listeners={"Http": harness.listener(8080, "HTTP", action), "Https": harness.listener(8443, "HTTPS")})
    return Scene(place.url(8080, "http"), ["--lb", place.address])


# ---- targets ----

@ROWS.row("TGT-01", "The target group speaks HTTP, the target's port TLS",
          "our own load balancer, target group HTTP, nginx with TLS", page(status=400, title=PLAIN_TITLE, url="https://"))
def tls_target(stage, broken):
    place, target = stage.place(), (stage.address(), 8443)
    stage.site(Place("app.lab.test", target[0]))
    stage.openalb(place, [target], group={"Protocol": "HTTP" if broken else "HTTPS"})
    return Scene(place.url(), ["--lb", place.address, "--target", where(target)])


@ROWS.row("TGT-01/no-target", "The same, with nothing but the URL", "the same without --lb and --target",
          page(status=400, title=PLAIN_TITLE, url="https://"))
def tls_target_unknown(stage, broken):
    return Scene(tls_target(stage, broken).url)


def bad_gateway(name, title, how, status=502, needs_target=True, slow=False):
    """A row whose decorated function gives (target, target group) of a load balancer."""
    def take(parts):
        def make(stage, broken):
            place = stage.place()
            target, group, attributes = parts(stage, broken)
            stage.openalb(place, [target] if target else [], group=group, attributes=attributes)
            options = ["--lb", place.address] + (["--target", where(target)] if target and needs_target else [])
            return Scene(place.url(), options + (["--deadline", "50s"] if slow else []), {"limit": 60})
        ROWS.row(name, title, how, page(status=status), slow=slow)(make)
        return parts
    return take


@bad_gateway("TGT-02", "The target group speaks HTTPS, the target plain HTTP",
             "our own load balancer, target group HTTPS, nginx without TLS")
def plain_target(stage, broken):
    return behind(stage, None), {"Protocol": "HTTPS" if broken else "HTTP"}, None


@bad_gateway("TGT-03", "Nothing listens on the target's port", "our own load balancer, a target port that is closed")
def closed_target(stage, broken):
    address = stage.address()
    return ((address, free_port(address)) if broken else behind(stage, None)), None, None


@bad_gateway("TGT-04", "The target group has no targets", "our own load balancer, an empty target group", 503)
def no_targets(stage, broken):
    return (None if broken else behind(stage, None)), None, None


@ROWS.row("TGT-05", "The load balancer forwards to the wrong application",
          "our own load balancer before one nginx, --target names another that has the page", page(status=404))
def wrong_application(stage, broken):
    place = stage.place()
    right = behind(stage, None)
    wrong = behind(stage, "return 404 '<title>Other</title>Not found';")
    stage.openalb(place, [wrong if broken else right])
    return Scene(place.url(), ["--lb", place.address, "--target", where(right)])


@bad_gateway("TGT-06", "The TLS handshake with the target fails",
             "our own load balancer, target group HTTPS, nginx that refuses handshakes without a known name")
def target_handshake(stage, broken):
    address = stage.address()
    stage.site(Place("app.lab.test", address), extra="ssl_reject_handshake on;" if broken else "")
    return (address, 8443), {"Protocol": "HTTPS"}, None


@bad_gateway("TGT-07", "The target's firewall drops the load balancer's packets",
             "our own load balancer, the router drops what goes to the target", 504, slow=True)
def silent_target(stage, broken):
    address = stage.address()
    stage.plain(Place("_", address), 8000)
    return (stage.routed(network.Drop() if broken else network.Forward(address)), 8000), None, None


@bad_gateway("TGT-09", "The application answers too late",
             "our own load balancer, idle timeout 31 s, a target that never answers", 504, slow=True)
def slow_application(stage, broken):
    script = servers.pages(GOOD)
    return (stage.target(servers.hold if broken else script), None, {"idle_timeout.timeout_seconds": "31"})


@bad_gateway("TGT-11", "The target resets after the request", "our own load balancer, a target that resets")
def resetting_target(stage, broken):
    def script(conn):
        harness.Reader(conn).until(b"\r\n\r\n")
        harness.reset(conn)
    return stage.target(script if broken else servers.pages(GOOD)), None, None


@bad_gateway("TGT-11/malformed", "The target sends a malformed header",
             "our own load balancer, a target with two lengths")
def malformed_target(stage, broken):
    bad = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"
    return stage.target(servers.raw_answer(bad) if broken else servers.pages(GOOD)), None, None


@bad_gateway("TGT-12", "The application itself fails: 500", "our own load balancer, nginx with `return 500`", 500)
def failing_application(stage, broken):
    return behind(stage, "return 500;" if broken else None), None, None


@bad_gateway("TGT-15", "The target answers only to another Host",
             "our own load balancer, an application that wants its own address as Host", 400)
def picky_target(stage, broken):
    def answer(head):
        host = servers.header(head, "Host") or ""
        if broken and not host.replace(".", "").replace(":", "").isdigit():
            return servers.page("<title>400</title>Unknown host", "400 Bad Request", server="app")
        return GOOD
    return stage.target(servers.pages(answer)), None, None


@bad_gateway("TGT-16", "A client filter in the application sees the load balancer's address",
             "our own load balancer, an application that refuses what came through a proxy", 403)
def filtered(stage, broken):
    def answer(head):
        if broken and servers.header(head, "X-Forwarded-For"):
            return servers.page("<title>403</title>Your address is not on the list", "403 Forbidden", server="app")
        return GOOD
    return stage.target(servers.pages(answer)), None, None
