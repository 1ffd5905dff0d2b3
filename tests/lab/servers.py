# SPDX-License-Identifier: Apache-2.0
"""The far ends of the lab: real web servers and load balancers, and sockets that follow a script."""
import base64
import contextlib
import functools
import hashlib
import os
import pathlib
import select
import shutil
import signal
import socket
import ssl
import subprocess
import threading

import harness

SERVERS = harness.ROOT / "build/servers/root"


@functools.cache
def as_somebody():
    """Apache and OpenALB refuse to serve as root, or want to become somebody whom a namespace lacks: the words
    before a command that make it an ordinary user. None in a chroot, where the kernel forbids them."""
    words = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    return words if subprocess.run([*words, "true"], capture_output=True).returncode == 0 else ()


def server_binary(name):
    """A server that `make test` unpacked, else the machine's own: (path, environment)."""
    own = SERVERS / "usr/sbin" / name
    if own.exists():
        libraries = SERVERS / "usr/lib/x86_64-linux-gnu"
        return str(own), {**os.environ, "LD_LIBRARY_PATH": f"{libraries}:{SERVERS}/lib/x86_64-linux-gnu"}
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    assert path, f"{name} is missing; `make test` unpacks it"
    return path, dict(os.environ)


def apache_modules():
    own = SERVERS / "usr/lib/apache2/modules"
    return own if own.exists() else pathlib.Path("/usr/lib/apache2/modules")


# ---- real servers ----

class Process:
    """A server in a process of its own; it is ready once all of `ports` accept."""

    def __init__(self, words, folder, ports, environment=None, stop=signal.SIGTERM):
        self.log = pathlib.Path(folder) / "server.log"
        self.stop = stop
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=environment, cwd=folder, start_new_session=True)
        for where in ports:
            harness.until(lambda where=where: self._accepts(where), f"{words[0]} listens on {where}", deadline=20)

    def _accepts(self, where):
        assert self.process.poll() is None, self.log.read_text(errors="replace")
        with socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET) as sock:
            return sock.connect_ex(where) == 0

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, self.stop)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)


NGINX = """
daemon off; master_process off; user root; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log; default_type text/html; server_tokens on; {http}
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  {servers}
}}
"""


def nginx(folder, servers, ports, http=""):
    """Real nginx with these `server` blocks."""
    binary, environment = server_binary("nginx")
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, servers=servers, http=http))
    return Process([binary, "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"], folder, ports,
                   environment)


APACHE = """
ServerRoot {folder}
ServerName lab.test
PidFile {folder}/pid
ErrorLog {folder}/error.log
Mutex file:{folder}
DocumentRoot {folder}/html
{modules}
SSLSessionCache none
{text}
"""
APACHE_MODULES = ("mpm_event authn_core authz_core ssl socache_shmcb rewrite alias dir mime headers http2 "
                  "setenvif").split()


def apache(folder, text, ports):
    """Real Apache httpd with this configuration text."""
    binary, environment = server_binary("apache2")
    (folder / "html").mkdir(exist_ok=True)
    (folder / "html/index.html").write_text("<title>Shop</title>It works")
    modules = "\n".join(f"LoadModule {name}_module {apache_modules()}/mod_{name}.so" for name in APACHE_MODULES)
    modules += "\nTypesConfig /dev/null\nDirectoryIndex index.html\nAddType text/html .html"
    if not as_somebody():  # as root it must become somebody by itself, who can read the pages
        modules += "\nUser #65534\nGroup #65534"
        for one in (folder, *folder.parents):
            if not one.stat().st_mode & 0o001:
                one.chmod(one.stat().st_mode | 0o055)
    (folder / "apache.conf").write_text(APACHE.format(folder=folder, modules=modules, text=text))
    return Process([*as_somebody(), binary, "-D", "FOREGROUND", "-f", folder / "apache.conf"], folder, ports,
                   environment)


def haproxy(folder, text, ports):
    """Real HAProxy with these sections."""
    binary, environment = server_binary("haproxy")
    (folder / "haproxy.cfg").write_text(
        "global\n  ssl-default-bind-options ssl-min-ver TLSv1.2\n  tune.ssl.default-dh-param 2048\n"
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 40s\n  timeout server 40s\n" + text)
    return Process([binary, "-db", "-f", folder / "haproxy.cfg"], folder, ports, environment)


def s_server(folder, address, port, files, *words):
    """`openssl s_server`; without -www it prints what comes and says nothing."""
    return Process(["openssl", "s_server", "-accept", f"{address}:{port}", "-cert", files.chain, "-cert_chain",
                    files.chain, "-key", files.key, *words], folder, [(address, port)])


class OpenAlb:
    """Our own `openalb serve` on the lab's certificate authority."""

    def __init__(self, folder, document, address, pki, domain):
        keys = folder / "state/keys"
        keys.mkdir(parents=True)
        for name, source, mode in (("ca.key", pki.root.key, 0o600), ("ca.crt", pki.root.file, 0o644)):
            (keys / name).write_bytes(source.read_bytes())
            (keys / name).chmod(mode)
        self.instance = harness.Instance(folder, document, address=address, options=["--domain", domain],
                                         wrapper=as_somebody())

    def close(self):
        self.instance.stop()


# ---- scripted sockets ----

class Listener:
    """Accepts on an address and port; `script(conn)` serves each connection in a thread of its own."""

    def __init__(self, address, port, script, tls=None):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.script, self.tls = script, tls
        self.listener = socket.create_server((address, port), family=family, backlog=64)
        self.port = self.listener.getsockname()[1]
        self.lock, self.sockets, self.closing = threading.Lock(), set(), False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                if self.closing:
                    conn.close()
                    return
                self.sockets.add(conn)
            threading.Thread(target=self._serve, args=[conn], daemon=True).start()

    def _serve(self, conn):
        plain = conn
        try:
            conn.settimeout(90)
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                tls = self.tls(conn) if callable(self.tls) else self.tls
                conn = tls.wrap_socket(conn, server_side=True)
                with self.lock:
                    self.sockets.add(conn)
            self.script(conn)
        except (OSError, harness.Closed, ssl.SSLError):
            pass
        finally:
            with contextlib.suppress(OSError):
                conn.close()
            with self.lock:
                self.sockets -= {plain, conn}

    def close(self):
        with self.lock:
            self.closing = True
            sockets = list(self.sockets)
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def hold(conn):
    """Says nothing and waits until the other side closes."""
    while conn.recv(65536):
        pass


def say(data, after=True, end="fin"):
    """Sends `data` (after the first bytes came), then closes (fin, rst) or waits for the other side (hold)."""
    def script(conn):
        if after:
            conn.recv(65536)
        if data:
            conn.sendall(data)
        if end == "hold":
            hold(conn)
        elif end == "rst":
            harness.reset(conn)
        else:
            # what is unread would turn the close into a reset
            conn.shutdown(socket.SHUT_WR)
            hold(conn)
    return script


def close_at_once(conn):
    conn.shutdown(socket.SHUT_RDWR)


def reset_at_once(conn):
    harness.reset(conn)


def page(body="<title>Shop</title>It works", status="200 OK", headers=(), server="shop"):
    """The bytes of an HTTP/1.1 answer."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", "Content-Type: text/html; charset=utf-8", f"Content-Length: {len(body)}"]
    if server:
        lines.append(f"Server: {server}")
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def pages(answer):
    """A web server: answer(head) gives the bytes for each request; None closes."""
    def script(conn):
        reader = harness.Reader(conn)
        while True:
            head = reader.until(b"\r\n\r\n")
            data = answer(head) if callable(answer) else answer
            if data is None:
                return
            conn.sendall(data)
            if b"\r\nConnection: close\r\n" in data:
                with contextlib.suppress(OSError):
                    conn.shutdown(socket.SHUT_WR)
                return
    return script


def raw_answer(data, end="fin"):
    """Each connection: reads one request, sends these bytes, ends."""
    def script(conn):
        harness.Reader(conn).until(b"\r\n\r\n")
        conn.sendall(data)
        if end == "rst":
            harness.reset(conn)
        elif isinstance(conn, ssl.SSLSocket):
            conn.unwrap()
    return script


def header(head, name):
    """The value of a request's header, or None."""
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name.lower().encode():
            return value.strip().decode("latin-1")
    return None


def tls_context(files, alpn=("http/1.1",), ciphers=None, largest=None, smallest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.chain, files.key)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if ciphers:
        context.set_ciphers(ciphers)
    if smallest:
        context.minimum_version = smallest
    if largest:
        context.maximum_version = largest
    return context


# ---- ClientHellos ----

class Hello:
    """A ClientHello as it arrives, read without taking it from the socket."""

    def __init__(self, data):
        self.data = data
        self.complete = len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[3:5], "big")
        self.length = int.from_bytes(data[3:5], "big") if len(data) >= 5 else 0
        self.extensions = {}
        if self.complete and data[0] == 22:
            at = 5 + 4 + 34
            at += 1 + data[at]
            at += 2 + int.from_bytes(data[at:at + 2], "big")
            at += 1 + data[at]
            end = at + 2 + int.from_bytes(data[at:at + 2], "big")
            at += 2
            while at + 4 <= min(end, len(data)):
                kind, size = int.from_bytes(data[at:at + 2], "big"), int.from_bytes(data[at + 2:at + 4], "big")
                self.extensions[kind] = data[at + 4:at + 4 + size]
                at += 4 + size

    @property
    def name(self):
        """The server name, or None."""
        value = self.extensions.get(0)
        return value[5:].decode("latin-1") if value else None

    @property
    def resumes(self):
        return 41 in self.extensions or bool(self.extensions.get(35))


def peek_hello(conn):
    """Waits until the whole first record is there, and leaves it there; Closed if it never comes."""
    wanted = 5
    while True:
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wanted)
        if not select.select([conn], [], [], 20)[0]:
            raise harness.Closed()
        data = conn.recv(65536, socket.MSG_PEEK)
        hello = Hello(data)
        if hello.complete or (len(data) >= 5 and data[0] != 22):
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
            return hello
        if len(data) < wanted:  # readable below the mark: the other side has closed
            raise harness.Closed()
        wanted = 5 + hello.length


def alert(number, level=2):
    return bytes([21, 3, 3, 0, 2, level, number])


# ---- HTTP/2 by hand ----

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags=0, stream=0, body=b""):
    return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body


SETTINGS = frame(4)
SETTINGS_ACK = frame(4, 1)


def literal(name, value):
    """An HPACK header without indexing, nothing compressed."""
    def text(one):
        assert len(one) < 127
        return bytes([len(one)]) + one.encode()
    return b"\0" + text(name) + text(value)


def h2(answer):
    """Speaks HTTP/2 by hand: answer(stream) gives the bytes for each request's stream."""
    def script(conn):
        reader = harness.Reader(conn)
        assert reader.exactly(len(PREFACE)) == PREFACE
        conn.sendall(SETTINGS)
        while True:
            head = reader.exactly(9)
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
            reader.exactly(int.from_bytes(head[:3], "big"))
            if kind == 4 and not flags & 1:
                conn.sendall(SETTINGS_ACK)
            elif kind == 1:
                data = answer(stream & 0x7fffffff)
                if data is None:
                    return
                conn.sendall(data)
    return script


def h2_page(stream, more=b"", body=b"<title>Shop</title>It works"):
    block = b"\x88" + literal("content-type", "text/html") + literal("content-length", str(len(body))) + more
    return frame(1, 4, stream, block) + frame(0, 1, stream, body)


def h2_or_h1(answer, plain=None):
    """HTTP/2 by hand for who chose it, HTTP/1.1 pages for the others."""
    def script(conn):
        if conn.selected_alpn_protocol() == "h2":
            h2(answer)(conn)
        else:
            pages(plain or page())(conn)
    return script


# ---- a proxy ----

def proxy(allowed):
    """An HTTP proxy that tunnels to where allowed(host, port) says ((address, port), or None: 403)."""
    def script(conn):
        head = harness.Reader(conn).until(b"\r\n\r\n")
        method, where = head.split(b" ")[:2]
        host, _, port = where.decode().rpartition(":")
        to = allowed(host, int(port)) if method == b"CONNECT" else None
        if not to:
            conn.sendall(page("The proxy does not allow this.", "403 Forbidden", ["Connection: close"], "gate"))
            return
        with socket.create_connection(to, 10) as far:
            conn.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=[far, conn], daemon=True)
            back.start()
            _pump(conn, far)
            back.join(60)
    return script


def _pump(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


# ---- WebSocket ----

def websocket_accept(key):
    """The answer that agrees to a WebSocket [RFC 6455, 4.2.2]."""
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    return (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n")
