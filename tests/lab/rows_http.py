# SPDX-License-Identifier: Apache-2.0
"""Rows of the fault lab: what goes wrong inside a good TLS connection, or because there is none."""
from lab import servers
from lab.row import Table, error, page
from lab.servers import alert, frame, h2_or_h1, h2_page, literal
from lab.stage import Scene

ROWS = Table()
EMPTY = error("ERR_EMPTY_RESPONSE")
H2 = ("h2", "http/1.1")
GOOD = servers.page()


SAME = {"twin": "HTTP-04"}  # the rows of inside() without a `good` of their own


def inside(broken_script, good=None, **context):
    """A scripted server inside good TLS; the twin answers a page."""
    def make(stage, broken):
        return Scene(stage.secure(broken_script if broken else good or servers.pages(GOOD), **context).url())
    return make


# ---- ALPN and HTTP/2 ----

@ROWS.row("ALP-01", "The server knows neither of the browser's application protocols and ends the handshake",
          "a server that sends alert 120 to every hello that offers HTTP/2", error("ERR_SSL_PROTOCOL_ERROR"))
def no_protocol(stage, broken):
    place = stage.place()
    context = servers.tls_context(stage.pki.site(place.name))

    def gate(conn):
        hello = servers.peek_hello(conn)
        if broken and b"\x02h2" in hello.extensions.get(16, b""):
            conn.recv(65536)
            conn.sendall(alert(120))
            conn.shutdown(1)
        return context
    stage.listen(place.address, 8443, servers.pages(GOOD), gate)
    return Scene(place.url())


def h1_inside_h2(conn):
    conn.recv(65536)
    conn.sendall(servers.page(headers=["Connection: close"]))


ROWS.row("ALP-02", "ALPN chooses HTTP/2, the process behind speaks HTTP/1.1",
         "a server that chooses h2 and answers with HTTP/1.1", error("ERR_HTTP2_PROTOCOL_ERROR"))(
    inside(lambda conn: (h1_inside_h2 if conn.selected_alpn_protocol() == "h2" else servers.pages(GOOD))(conn),
           h2_or_h1(h2_page), alpn=H2))


@ROWS.row("ALP-03", "HTTP/2 over a cipher suite that it forbids",
          "nginx with http2 and static RSA suites of TLS 1.2 only; curl opens it",
          error("ERR_HTTP2_INADEQUATE_TRANSPORT_SECURITY"))
def weak_suite(stage, broken):
    place = stage.place()
    files = stage.pki.site(place.name, key="rsa", usage="digitalSignature,keyEncipherment")
    suites = "AES128-GCM-SHA256" if broken else "ECDHE-RSA-AES128-GCM-SHA256"
    return Scene(stage.site(place, files=files, extra=f"ssl_protocols TLSv1.2; ssl_ciphers {suites};").url())


def h2_row(name, title, how, shows, answer):
    ROWS.row(name, title, how, shows, twin="ALP-02")(inside(h2_or_h1(answer), h2_or_h1(h2_page), alpn=H2))


h2_row("ALP-04", "A header name in upper case, which HTTP/2 forbids", "frames by hand: header X-Upper",
       error("ERR_HTTP2_PROTOCOL_ERROR"), lambda stream: h2_page(stream, literal("X-Upper", "1")))
h2_row("ALP-04/hpack", "A broken header block in HTTP/2", "frames by hand: an index beyond the HPACK table",
       error("ERR_HTTP2_COMPRESSION_ERROR"), lambda stream: frame(1, 4, stream, b"\x88\xff\xff\x03"))
h2_row("ALP-04/frame-size", "A frame beyond the agreed size", "frames by hand: HEADERS of 20,000 bytes",
       error("ERR_HTTP2_FRAME_SIZE_ERROR"),
       lambda stream: frame(1, 5, stream, b"\x88" + literal("x-large", "x" * 100) * 200))
h2_row("ALP-04/stream", "Every HTTP/2 stream is reset with PROTOCOL_ERROR", "frames by hand: RST_STREAM code 1",
       error("ERR_HTTP2_PROTOCOL_ERROR"), lambda stream: frame(3, 0, stream, b"\0\0\0\x01"))
h2_row("ALP-05", "GOAWAY for every request", "frames by hand: GOAWAY NO_ERROR, last stream 0",
       error("ERR_HTTP2_SERVER_REFUSED_STREAM"), lambda stream: frame(7, 0, 0, b"\0" * 8))
h2_row("ALP-05/refused", "Every stream is refused", "frames by hand: RST_STREAM REFUSED_STREAM",
       error("ERR_HTTP2_SERVER_REFUSED_STREAM", "ERR_CONNECTION_CLOSED"),
       lambda stream: frame(3, 0, stream, b"\0\0\0\x07"))


@ROWS.row("ALP-06", "HTTP/3 is advertised, and nothing answers there",
          "nginx with `Alt-Svc: h3=\":8443\"`, UDP closed", page(), note=True)
def stale_alt_svc(stage, broken):
    return Scene(stage.site(extra="add_header Alt-Svc 'h3=\":8443\"; ma=86400';" if broken else "").url())


@ROWS.row("ALP-07", "A target group for gRPC or HTTP/2, asked with HTTP/1.1",
          "a socket with the load balancer's 464 answer", page(status=464))
def protocol_version(stage, broken):
    body = "<html><head><title>464</title></head><body><center><h1>464</h1></center></body></html>"
    answer = servers.page(body, "464", server="awselb/2.0") if broken else GOOD
    return Scene(stage.secure(servers.pages(answer)).url())


@ROWS.row("ALP-08", "Clear-text HTTP/2 only, asked with HTTP/1.1", "nginx with `listen ... http2` without ssl",
          error("ERR_INVALID_HTTP_RESPONSE"))
def clear_text_h2(stage, broken):
    place = stage.place()
    stage.nginx(f"server {{ listen {place.address}:8080 {'http2' if broken else ''};"
                " location / { return 200 '<title>Shop</title>It works'; } }", [(place.address, 8080)])
    return Scene(place.url(8080, "http"))


# ---- HTTP/1.1 ----

@ROWS.row("HTTP-01", "The server closes without an answer", "nginx with `return 444`", EMPTY)
def no_answer(stage, broken):
    return Scene(stage.site(inside="return 444;" if broken else None, listen="ssl").url())


@ROWS.row("HTTP-02", "http:// to a TLS port that just closes", "HAProxy with TLS on the port", EMPTY)
def plain_to_tls(stage, broken):
    place = stage.place()
    files = stage.pki.site(place.name)
    both = stage.folder() / "both.pem"
    both.write_text(files.chain.read_text() + files.key.read_text())
    stage.haproxy(f"frontend f\n  bind {place.address}:8443 ssl crt {both}\n"
                  "  http-request return status 200 content-type text/html string '<title>Shop</title>It works'\n",
                  [(place.address, 8443)])
    return Scene(place.url(8443, "http" if broken else "https"))


@ROWS.row("HTTP-02/s-server", "http:// to a TLS port of OpenSSL's", "openssl s_server -www", EMPTY)
def plain_to_s_server(stage, broken):
    place = stage.place()
    if broken:
        stage.s_server(place.address, 8443, stage.pki.site(place.name), "-www")
    else:
        stage.site(place)
    return Scene(place.url(8443, "http" if broken else "https"))


PLAIN_PAGE = page(status=400, title="400 The plain HTTP request was sent to HTTPS port", url="http://")


@ROWS.row("HTTP-03", "http:// to the load balancer's HTTPS listener",
          "our own load balancer, plain HTTP to its port 8443", PLAIN_PAGE, needs=("namespace",))
def plain_to_listener(stage, broken):
    place = stage.place()
    stage.openalb(place, [stage.target(servers.pages(GOOD))])
    return Scene(place.url(8443, "http" if broken else "https"))


@ROWS.row("HTTP-03/nginx", "http:// to a TLS port of nginx", "nginx with TLS on the port", PLAIN_PAGE)
def plain_to_nginx(stage, broken):
    return Scene(stage.site().url(8443, "http" if broken else "https"))


@ROWS.row("HTTP-03/apache", "http:// to a TLS port of Apache", "Apache httpd with TLS on the port",
          page(status=400, title="400 Bad Request", url="http://"), needs=("namespace",))
def plain_to_apache(stage, broken):
    place = stage.place()
    files = stage.pki.site(place.name)
    stage.apache(f"Listen {place.address}:8443\n<VirtualHost {place.address}:8443>\nServerName {place.name}\n"
                 f"SSLEngine on\nSSLCertificateFile {files.chain}\nSSLCertificateKeyFile {files.key}\n</VirtualHost>",
                 [(place.address, 8443)])
    return Scene(place.url(8443, "http" if broken else "https"))


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
BODY = b"<title>Shop</title>" + b"It works. " * 40
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%s\r\n" % (len(BODY), BODY)
ROWS.row("HTTP-04", "Two different Content-Length headers", "a socket inside TLS; curl opens it",
         error("ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH"))(
    inside(servers.raw_answer(HEAD + b"Content-Length: 10\r\nContent-Length: 12\r\n\r\nIt works all.")))
ROWS.row("HTTP-04/status-line", "An answer without a status line", "a socket inside TLS that sends bare text",
         error("ERR_INVALID_HTTP_RESPONSE"), **SAME)(
    inside(servers.raw_answer(b"It works\r\n\r\nwithout any status line\r\n")))
ROWS.row("HTTP-04/nul", "A NUL byte in a header", "a socket inside TLS", error("ERR_INVALID_HTTP_RESPONSE"), **SAME)(
    inside(servers.raw_answer(HEAD + b"X-Odd: a\0b\r\nContent-Length: 8\r\n\r\nIt works")))
ROWS.row("HTTP-04/large-head", "300 KB of headers", "a socket inside TLS",
         error("ERR_RESPONSE_HEADERS_TOO_BIG"), **SAME)(
    inside(servers.raw_answer(HEAD + b"X-Large: " + b"x" * 300000 + b"\r\nContent-Length: 8\r\n\r\nIt works")))


@ROWS.row("HTTP-05", "The request is too large: cookies", "nginx with its usual header limits; a cookie of 40 KB",
          page(status=400, title="400 Request Header Or Cookie Too Large"))
def large_cookie(stage, broken):
    place = stage.site(listen="ssl")
    cookie = "session=" + "x" * (40000 if broken else 40)
    return Scene(place.url(), ["-H", f"Cookie: {cookie}"], {"headers": {"Cookie": cookie}})


ROWS.row("HTTP-06", "The body is shorter than its Content-Length", "a socket inside TLS",
         page(status=200, failure="ERR_CONTENT_LENGTH_MISMATCH"), **SAME)(
    inside(servers.raw_answer(HEAD + b"Content-Length: 9999\r\n\r\n" + BODY)))
ROWS.row("HTTP-06/chunk", "The last chunk is missing", "a socket inside TLS",
         page(status=200, failure="ERR_INCOMPLETE_CHUNKED_ENCODING"), **SAME)(
    inside(servers.raw_answer(CHUNKED)))
ROWS.row("HTTP-06/chunk-size", "A chunk size that is no number", "a socket inside TLS",
         page(status=200, failure="ERR_INVALID_CHUNKED_ENCODING"), **SAME)(
    inside(servers.raw_answer(CHUNKED + b"zz\r\n")))
ROWS.row("HTTP-06/coding", "The body says gzip and is not", "a socket inside TLS",
         page(status=200, failure="ERR_CONTENT_DECODING_FAILED"), **SAME)(
    inside(servers.raw_answer(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)))
ROWS.row("HTTP-06/reset", "The connection is reset within the body", "a socket inside TLS",
         page(status=200, failure="ERR_CONNECTION_RESET"), **SAME)(
    inside(servers.raw_answer(HEAD + b"Content-Length: 9999\r\n\r\n" + BODY, "rst")))


@ROWS.row("HTTP-07", "A status without a body", "a socket inside TLS: 500, Content-Length 0",
          error("ERR_HTTP_RESPONSE_CODE_FAILURE", code=("HTTP ERROR 500",), status=500))
def empty_status(stage, broken):
    answer = servers.page("", "500 Internal Server Error", server=None) if broken else GOOD
    return Scene(stage.secure(servers.pages(answer)).url())


@ROWS.row("HTTP-08", "The application does not know Host with the port",
          "an application with a list of allowed hosts, without ports", page(status=400))
def host_with_port(stage, broken):
    def answer(head):
        if broken and ":" in (servers.header(head, "Host") or ""):
            return servers.page("<title>Bad Request</title>Invalid HTTP_HOST header", "400 Bad Request")
        return GOOD
    return Scene(stage.secure(servers.pages(answer)).url())


@ROWS.row("HTTP-09", "421 misdirected request", "a socket inside TLS that answers 421", page(status=421))
def misdirected(stage, broken):
    answer = servers.page("<title>421</title>Misdirected Request", "421 Misdirected Request") if broken else GOOD
    return Scene(stage.secure(servers.pages(answer)).url())


@ROWS.row("HTTP-10", "A Secure cookie is set over plain HTTP, and lost", "nginx, http, `Set-Cookie: ...; Secure`",
          page())
def lost_cookie(stage, broken):
    flags = "; Secure" if broken else ""
    place = stage.plain(port=8080, extra=f"add_header Set-Cookie 'session=1; Path=/; HttpOnly{flags}';")
    return Scene(place.url(8080, "http"))


@ROWS.row("HTTP-11", "The WebSocket upgrade is lost", "an application that answers an Upgrade with 400")
def websocket(stage, broken):
    def answer(head):
        key = servers.header(head, "Sec-WebSocket-Key")
        if key is None:
            return GOOD
        return servers.page("no upgrade", "400 Bad Request") if broken else servers.websocket_accept(key)
    place = stage.secure(servers.pages(answer))
    return Scene(place.url().replace("https:", "wss:") + "live")


@ROWS.row("HTTP-12", "The application itself answers 404", "nginx with `return 404`", page(status=404), note=True)
def own_status(stage, broken):
    return Scene(stage.site(inside="return 404;" if broken else None).url())


@ROWS.row("HTTP-13", "The HSTS header is written wrong and ignored",
          "nginx with `Strict-Transport-Security: maxage=31536000`", page())
def wrong_hsts(stage, broken):
    value = "maxage=31536000" if broken else "max-age=31536000"
    return Scene(stage.site(extra=f"add_header Strict-Transport-Security '{value}';").url())


# ---- redirects without a load balancer in the middle ----

@ROWS.row("RED-03", "Two redirects point at each other", "nginx: /a/ leads to /a, /a leads to /a/",
          error("ERR_TOO_MANY_REDIRECTS"))
def ping_pong(stage, broken):
    back = "location = /a/ { return 302 /a; }" if broken else ""
    place = stage.site(extra=f"location = /a {{ return 302 /a/; }} {back}")
    return Scene(place.url() + "a")


@ROWS.row("RED-05", "A login loop: the cookie is never kept",
          "an application that redirects until its cookie comes back, which is set for another domain",
          error("ERR_TOO_MANY_REDIRECTS"))
def cookie_loop(stage, broken):
    domain = "; Domain=other.test" if broken else ""

    def answer(head):
        if servers.header(head, "Cookie"):
            return GOOD
        return servers.page("", "302 Found", ["Location: /", f"Set-Cookie: session=1; Path=/; Secure{domain}"])
    return Scene(stage.secure(servers.pages(answer)).url())


@ROWS.row("RED-06", "A redirect to a port that browsers block", "nginx: 302 to port 6667", error("ERR_UNSAFE_PORT"))
def blocked_port(stage, broken):
    return Scene(stage.site(inside="return 302 https://$host:6667/;" if broken else None).url())


@ROWS.row("RED-07", "A redirect to an internal name", "nginx: 302 to a name that is not in the DNS",
          error("ERR_NAME_NOT_RESOLVED", code=("DNS_PROBE_FINISHED_NXDOMAIN", "DNS_PROBE_FINISHED_NO_INTERNET")),
          needs=("namespace",))
def internal_name(stage, broken):
    return Scene(stage.site(inside=f"return 302 https://{stage.name('app')}:8443/;" if broken else None).url())


@ROWS.row("RED-07/address", "A redirect to a private address",
          "nginx: 302 to an address in 10/8, where nothing answers", error("ERR_CONNECTION_TIMED_OUT"),
          needs=("namespace",), slow=True)
def private_address(stage, broken):
    to = stage.address("10.78.0.0/16")
    return Scene(stage.site(inside=f"return 302 http://{to}:8080/;" if broken else None).url())


ROWS.row("RED-09", "Two different Location headers", "a socket inside TLS; curl follows the first",
         error("ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION"), **SAME)(
    inside(servers.pages(servers.page("", "302 Found", ["Location: /a", "Location: /b"]))))
ROWS.row("RED-09/unreadable", "A Location that is no URL", "a socket inside TLS", error("ERR_INVALID_REDIRECT"), **SAME)(
    inside(servers.pages(servers.page("", "302 Found", ["Location: https://[::zz]/"]))))
