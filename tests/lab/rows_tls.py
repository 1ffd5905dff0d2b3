# SPDX-License-Identifier: Apache-2.0
"""Rows of the fault lab: handshakes that fail."""
import ssl

import harness
from lab import servers
from lab.row import Table, error, page
from lab.stage import Place, Scene

ROWS = Table()
TWIN = "CRT-01"  # nginx with a good certificate
MISMATCH = error("ERR_SSL_VERSION_OR_CIPHER_MISMATCH")
PROTOCOL = error("ERR_SSL_PROTOCOL_ERROR")
RESET = error("ERR_CONNECTION_RESET")
CLOSED = error("ERR_CONNECTION_CLOSED")
CLIENT_CERTIFICATE = error("ERR_BAD_SSL_CLIENT_AUTH_CERT", "ERR_SOCKET_NOT_CONNECTED")


def strange_nginx(**broken_with):
    """An nginx with TLS settings that do not fit, and one with the usual ones."""
    def make(stage, broken):
        return Scene(stage.site(**(broken_with if broken else {})).url())
    return make


ROWS.row("TLS-01", "The server speaks only TLS 1.0 and 1.1", "nginx with `ssl_protocols TLSv1 TLSv1.1`",
         MISMATCH, twin=TWIN)(
    strange_nginx(extra="ssl_protocols TLSv1 TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;"))
ROWS.row("TLS-02", "No common cipher suite", "nginx with TLS 1.2 and ECDHE with CBC-SHA256 only; curl opens it",
         MISMATCH, twin=TWIN)(
    strange_nginx(extra="ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-SHA256;"))
ROWS.row("TLS-03", "No common curve", "nginx with `ssl_ecdh_curve secp521r1`; curl opens it", MISMATCH, twin=TWIN)(
    strange_nginx(extra="ssl_ecdh_curve secp521r1;"))


@ROWS.row("TLS-02/rsa", "Suites that the certificate cannot serve",
          "HAProxy with an RSA certificate and ECDSA suites of TLS 1.2 only", MISMATCH)
def suites_of_another_key(stage, broken):
    place = stage.place()
    files = stage.pki.site(place.name, key="rsa", usage="digitalSignature,keyEncipherment")
    both = stage.folder() / "both.pem"
    both.write_text(files.chain.read_text() + files.key.read_text())
    ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256" if broken else "ECDHE-RSA-AES128-GCM-SHA256"
    stage.haproxy(f"frontend f\n  bind {place.address}:8443 ssl crt {both} ssl-max-ver TLSv1.2 ciphers {ciphers}\n"
                  "  http-request return status 200 content-type text/html string '<title>Shop</title>It works'\n",
                  [(place.address, 8443)])
    return Scene(place.url())


@ROWS.row("TLS-04", "The server does not know the name and refuses the handshake",
          "nginx with `ssl_reject_handshake on` and another server_name", error("ERR_SSL_UNRECOGNIZED_NAME_ALERT"))
def unknown_name(stage, broken):
    place = stage.place()
    files = stage.pki.site(place.name)
    where, other = f"{place.address}:8443", "other.lab.test" if broken else place.name
    stage.nginx(f"server {{ listen {where} ssl default_server; ssl_reject_handshake on; }}"
                f"server {{ listen {where} ssl; server_name {other}; ssl_certificate {files.chain};"
                f" ssl_certificate_key {files.key}; location / {{ return 200 '<title>Shop</title>It works'; }} }}",
                [(place.address, 8443)])
    return Scene(place.url())


def answers(data, after=True, end="fin"):
    """A socket that answers a ClientHello with these bytes; the twin is a good site."""
    def make(stage, broken):
        if not broken:
            return Scene(stage.site().url())
        place = stage.place()
        stage.listen(place.address, 8443, servers.say(data, after, end))
        return Scene(place.url())
    return make


for variant, number, word in (("", 80, "internal_error"), ("decode-error", 50, "decode_error"),
                              ("access-denied", 49, "access_denied"), ("illegal-parameter", 47, "illegal_parameter"),
                              ("record-overflow", 22, "record_overflow"),
                              ("missing-extension", 109, "missing_extension")):
    ROWS.row(f"TLS-05/{variant}".rstrip("/"), f"The server ends the handshake with alert {number}, {word}",
             "a socket that answers every ClientHello with that alert", PROTOCOL, twin=TWIN)(
        answers(servers.alert(number)))


def large_hello(silent):
    """Small hellos get a real handshake, as behind a middlebox; large ones a reset, or nothing."""
    def make(stage, broken):
        place = stage.place()
        context = servers.tls_context(stage.pki.site(place.name))

        def gate(conn):
            if broken and servers.peek_hello(conn).length > 1400:
                if silent:
                    servers.hold(conn)
                harness.reset(conn)
            return context
        stage.listen(place.address, 8443, servers.pages(servers.page()), gate)
        return Scene(place.url())
    return make


ROWS.row("TLS-06", "A middlebox resets connections whose ClientHello is large",
         "a server that resets when the hello is longer than 1,400 bytes; curl opens it", RESET)(large_hello(False))
ROWS.row("TLS-06/silent", "A middlebox drops ClientHellos that are large",
         "a server that goes silent when the hello is longer than 1,400 bytes", error("ERR_TIMED_OUT"), slow=True)(
    large_hello(True))


@ROWS.row("TLS-07", "The port is open and never answers the ClientHello", "a socket that reads and says nothing",
          error("ERR_TIMED_OUT"), slow=True, twin=TWIN)
def never_answers(stage, broken):
    if not broken:
        return Scene(stage.site().url())
    place = stage.place()
    stage.listen(place.address, 8443, servers.hold)
    return Scene(place.url())


ROWS.row("TLS-08", "The server closes after the ClientHello without an alert",
         "a socket that reads once, then sends FIN", CLOSED, twin=TWIN)(answers(b""))


@ROWS.row("TLS-08/name", "Something on the way closes connections to this name",
          "FIN after a ClientHello that bears the name; without a name, or with another, the handshake works", CLOSED)
def filtered_name(stage, broken):
    place = stage.place()
    context = servers.tls_context(stage.pki.site(place.name))

    def gate(conn):
        if broken and servers.peek_hello(conn).name == place.name:
            conn.recv(65536)
            conn.shutdown(2)
        return context
    stage.listen(place.address, 8443, servers.pages(servers.page()), gate)
    return Scene(place.url())


ROWS.row("TLS-09", "The port expects the PROXY protocol", "nginx with `listen ... ssl proxy_protocol`", RESET, twin=TWIN)(
    strange_nginx(listen="ssl proxy_protocol"))


def wants_certificate(version):
    """HAProxy that demands a certificate of the client's."""
    def make(stage, broken):
        place = stage.place()
        files = stage.pki.site(place.name)
        both = stage.folder() / "both.pem"
        both.write_text(files.chain.read_text() + files.key.read_text())
        verify = f"verify required ca-file {stage.pki.root.file}" if broken else "verify none"
        stage.haproxy(f"frontend f\n  bind {place.address}:8443 ssl crt {both} {version} {verify}\n"
                      "  http-request return status 200 content-type text/html string '<title>Shop</title>It works'\n",
                      [(place.address, 8443)])
        return Scene(place.url())
    return make


ROWS.row("TLS-10", "A client certificate is required (TLS 1.2)", "HAProxy with `verify required`, TLS 1.2 only",
         CLIENT_CERTIFICATE)(wants_certificate("ssl-max-ver TLSv1.2"))
ROWS.row("TLS-10/tls13", "A client certificate is required (TLS 1.3)", "HAProxy with `verify required`, TLS 1.3 only",
         CLIENT_CERTIFICATE)(wants_certificate("ssl-min-ver TLSv1.3"))


@ROWS.row("TLS-10/page", "A client certificate is required, said by a page", "nginx with `ssl_verify_client on`",
          page(status=400, title="400 No required SSL certificate was sent"))
def certificate_page(stage, broken):
    extra = f"ssl_client_certificate {stage.pki.root.file}; ssl_verify_client on;" if broken else ""
    return Scene(stage.site(extra=extra).url())


for variant, number, word in (("", 48, "unknown_ca"), ("bad-certificate", 42, "bad_certificate"),
                              ("certificate-unknown", 46, "certificate_unknown")):
    ROWS.row(f"TLS-11/{variant}".rstrip("/"),
             f"The server sends alert {number}, {word}, without having asked for a certificate",
             "a socket that answers every ClientHello with that alert",
             error("ERR_BAD_SSL_CLIENT_AUTH_CERT"), twin=TWIN)(
        answers(servers.alert(number)))


@ROWS.row("TLS-12", "The handshake works on one address and fails on another",
          "two A records; nginx with TLS 1.0 only on the second",
          error("PAGE", "ERR_SSL_VERSION_OR_CIPHER_MISMATCH"), needs=("namespace",))
def uneven_handshake(stage, broken):
    place = stage.site()
    second = Place(place.name, stage.address())
    old = "ssl_protocols TLSv1; ssl_ciphers ALL:@SECLEVEL=0;"
    stage.site(second, extra=old if broken else "")
    stage.point(place.name, second.address)
    return Scene(place.url())


@ROWS.row("TLS-13", "Resumed sessions fail, fresh ones work",
          "a server that closes when the ClientHello resumes a session; the browser visits twice", CLOSED)
def broken_resumption(stage, broken):
    place = stage.place()
    context = servers.tls_context(stage.pki.site(place.name), largest=ssl.TLSVersion.TLSv1_2)

    def gate(conn):
        if broken and servers.peek_hello(conn).resumes:
            conn.recv(65536)
            conn.shutdown(2)
        return context
    stage.listen(place.address, 8443, servers.pages(servers.page(headers=["Connection: close"])), gate)
    return Scene(place.url(), browser={"first": [place.url()]})
