/* SPDX-License-Identifier: Apache-2.0
 * Unit tests of reading: syntax, includes, limits, broken files, the disk. */
#include "webconf/judge_cases.h"
#include "webconf/memory_files.h"

#include "base/mem.h"
#include "base/test.h"
#include "webconf/webconf_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct webconf *
read_memory(const char *path, enum webconf_kind kind, const struct memory_file *files, size_t count,
            struct errinfo *reterr)
{
    struct memory_files m = {files, count};
    struct webconf_files ops = memory_files_ops(&m);
    struct webconf_options o = {.path = path, .kind = kind, .files = &ops};
    struct webconf *c = NULL;
    if (webconf_read(&o, &c, reterr) != ERR_OK) {
        return NULL;
    }
    return c;
}

#define READ(path, files) read_memory((path), WEBCONF_AUTO, (files), COUNT_OF(files), NULL)

/* How many remarks of this kind reading made; file and line of the first are compared. */
static size_t
remarks_of(const struct webconf *c, enum webconf_remark_kind kind, const char *file, unsigned line)
{
    static const struct webconf_question q = {.https = true, .host = "app.example.com"};
    struct webconf_remarks *r = webconf_judge(c, &q);
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++) {
        n += r->items[i].kind == kind;
    }
    const struct webconf_remark *m = judge_find(r, kind);
    if (m != NULL && file != NULL) {
        CHECK_STR(str_of(m->file), file);
        CHECK_INT(m->line, line);
    }
    webconf_remarks_free(&r);
    return n;
}

static void
check_server(const struct webconf *c, size_t index, const char *name, uint16_t port, bool ssl,
             const char *file, unsigned line)
{
    CHECK(index < webconf_server_count(c));
    if (index >= webconf_server_count(c)) {
        return;
    }
    const struct webconf_server *s = webconf_server_at(c, index);
    CHECK_STR(s->name_count > 0 ? s->names[0] : STR_NONE, name);
    CHECK(s->listen_count > 0);
    if (s->listen_count > 0) {
        CHECK_INT(s->listens[0].port, port);
        CHECK_INT(s->listens[0].ssl, ssl);
    }
    CHECK_STR(str_of(s->file), file);
    CHECK_INT(s->line, line);
}

/* ---- nginx ---- */

static const struct directive *
only(const struct webconf *c)
{
    return c->top->children;
}

TEST("nginx: words, quotes, escapes, variables, comments")
{
    static const struct memory_file f[] = {
        {"/n/site.conf", STR("# a comment; with { braces }\n"
                             "log_format x 'a \"b\" \\'c\\'' \"d\\\\e\\tf\" g\\.h ${i}j k#l;\n")}};
    struct webconf *c = read_memory("/n/site.conf", WEBCONF_NGINX, f, 1, NULL);
    CHECK(c != NULL);
    static const char *const words[] = {"x", "a \"b\" 'c'", "d\\e\tf", "g\\.h", "${i}j", "k#l"};
    const struct directive *d = only(c);
    CHECK_STR(d->name, "log_format");
    CHECK_INT(d->line, 2);
    CHECK_INT(d->argc, COUNT_OF(words));
    for (size_t i = 0; i < d->argc && i < COUNT_OF(words); i++) {
        CHECK_STR(d->args[i].s, words[i]);
    }
    webconf_free(&c);
}

TEST("nginx: a tree as Debian lays it out")
{
    static const struct memory_file f[] = {
        {"/etc/nginx/nginx.conf", STR("user www-data;\nerror_log /var/log/nginx/error.log;\n"
                                      "include /etc/nginx/modules-enabled/*.conf;\n"
                                      "events { worker_connections 768; }\n"
                                      "http {\n  sendfile on;\n  types_hash_max_size 2048;\n"
                                      "  include /etc/nginx/mime.types;\n"
                                      "  ssl_protocols TLSv1.2 TLSv1.3;\n  gzip on;\n"
                                      "  include /etc/nginx/conf.d/*.conf;\n"
                                      "  include sites-enabled/*;\n}\n")},
        {"/etc/nginx/mime.types", STR("types {\n  text/html html htm;\n}\n")},
        {"/etc/nginx/snippets/tls.conf", STR("listen 443 ssl;\nssl_certificate /c.pem;\n")},
        {"/etc/nginx/sites-enabled/default",
         STR("server {\n  listen 80 default_server;\n  listen [::]:80 default_server;\n"
             "  root /var/www/html;\n  index index.html;\n  server_name _;\n"
             "  location / {\n    try_files $uri $uri/ =404;\n  }\n}\n")},
        {"/etc/nginx/sites-enabled/shop",
         STR("server {\n  include snippets/tls.conf;\n  server_name shop.example.com;\n}\n")},
        {"/etc/nginx/sites-enabled/.hidden", STR("server { listen 99; }\n")},
        {"/etc/nginx/sites-available/off", STR("server { listen 98; }\n")}};
    static const char *const paths[] = {"/etc/nginx", "/etc/nginx/", "/etc/nginx/nginx.conf"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct webconf *c = READ(paths[i], f);
        CHECK(c != NULL);
        CHECK_INT(webconf_kind_of(c), WEBCONF_NGINX);
        CHECK_INT(webconf_server_count(c), 2);
        check_server(c, 0, "_", 80, false, "/etc/nginx/sites-enabled/default", 1);
        check_server(c, 1, "shop.example.com", 443, true, "/etc/nginx/sites-enabled/shop", 1);
        CHECK_STR(str_of(webconf_server_at(c, 1)->listens[0].file), "/etc/nginx/snippets/tls.conf");
        CHECK_INT(webconf_file_count(c), 5);
        CHECK_INT(c->remarks->count, 0);
        webconf_free(&c);
    }
    /* One site by itself: its includes start from the folder of the main file. */
    struct webconf *c = READ("/etc/nginx/sites-enabled/shop", f);
    CHECK(c != NULL);
    check_server(c, 0, "shop.example.com", 443, true, "/etc/nginx/sites-enabled/shop", 1);
    webconf_free(&c);
    /* A folder of sites. */
    c = READ("/etc/nginx/sites-enabled", f);
    CHECK(c != NULL);
    CHECK_INT(webconf_server_count(c), 2);
    webconf_free(&c);
}

TEST("nginx: forms of listen")
{
    static const struct {
        const char *text, *address;
        uint16_t port, last;
        bool ssl, is_default, proxy;
    } rows[] = {
        {"80", "", 80, 80, false, false, false},
        {"*:8080 ssl", "*", 8080, 8080, true, false, false},
        {"192.0.2.1", "192.0.2.1", 80, 80, false, false, false},
        {"[::]:443 ssl default_server", "::", 443, 443, true, true, false},
        {"[2001:db8::1]", "2001:db8::1", 80, 80, false, false, false},
        {"localhost:8000 default proxy_protocol", "localhost", 8000, 8000, false, true, true},
        {"127.0.0.1:8000-8010 http2", "127.0.0.1", 8000, 8010, false, false, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(buf_free) struct buf b = {0};
        buf_addf(&b, "server { listen unix:/run/x.sock; listen 443 quic; listen %s; }",
                 rows[i].text);
        struct memory_file f[] = {{"/n/s.conf", buf_str(&b)}};
        struct webconf *c = READ("/n/s.conf", f);
        const struct webconf_server *s = webconf_server_at(c, 0);
        CHECK_INT(s->listen_count, 1);
        CHECK_STR(s->listens[0].address, rows[i].address);
        CHECK_INT(s->listens[0].port, rows[i].port);
        CHECK_INT(s->listens[0].port_last, rows[i].last);
        CHECK_INT(s->listens[0].ssl, rows[i].ssl);
        CHECK_INT(s->listens[0].is_default, rows[i].is_default);
        CHECK_INT(s->listens[0].proxy_protocol, rows[i].proxy);
        webconf_free(&c);
    }
    static const struct memory_file none[] = {{"/n/s.conf", STR("server { server_name x; }")}};
    struct webconf *c = READ("/n/s.conf", none);
    check_server(c, 0, "x", 80, false, "/n/s.conf", 1);
    webconf_free(&c);
}

TEST("nginx: code of another language is stepped over")
{
    static const struct memory_file f[] = {
        {"/n/s.conf",
         STR("server {\n  location / {\n    content_by_lua_block {\n"
             "      -- a } in a comment\n      local s = \"} \\\" }\" .. '}'\n"
             "      --[[ } ]] local t = [[ } ]]\n      if s then t = { 1 } end\n    }\n"
             "  }\n  listen 8080;\n}\n")}};
    struct webconf *c = READ("/n/s.conf", f);
    CHECK(c != NULL);
    check_server(c, 0, "", 8080, false, "/n/s.conf", 1);
    CHECK_INT(c->remarks->count, 0);
    webconf_free(&c);
}

TEST("nginx: a broken file earns a remark, and the rest is read")
{
    static const struct {
        const char *text;
        enum webconf_remark_kind kind;
        unsigned line;
        uint16_t port;
    } rows[] = {
        {"server {\n  listen 81;\n}\n}\nserver { listen 82; }", WEBCONF_REMARK_BRACE_NOT_OPENED, 4,
         81},
        {"server {\n  listen 81;\n", WEBCONF_REMARK_BLOCK_NOT_CLOSED, 1, 81},
        {"server {\n  listen 81\n  server_name x;\n}", WEBCONF_REMARK_SEMICOLON_MISSING, 2, 81},
        {"server {\n  listen 81\n}", WEBCONF_REMARK_SEMICOLON_MISSING, 2, 81},
        {"server { listen 81; }\nuser www", WEBCONF_REMARK_SEMICOLON_MISSING, 2, 81},
        {"server { listen 81; }\nuser \"www;\n}", WEBCONF_REMARK_QUOTE_NOT_CLOSED, 2, 81},
        {"server { listen 81; }\n{ x; }\n}", WEBCONF_REMARK_BRACE_NOT_OPENED, 3, 81}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct memory_file f[] = {{"/n/s.conf", str_of(rows[i].text)}};
        struct webconf *c = read_memory("/n/s.conf", WEBCONF_NGINX, f, 1, NULL);
        CHECK(c != NULL);
        CHECK_INT(remarks_of(c, rows[i].kind, "/n/s.conf", rows[i].line), 1);
        check_server(c, 0, strstr(rows[i].text, "server_name") != NULL ? "x" : "", rows[i].port,
                     false, "/n/s.conf", 1);
        webconf_free(&c);
    }
}

/* ---- Apache ---- */

TEST("Apache: a tree as Debian lays it out")
{
    static const struct memory_file f[] = {
        {"/etc/apache2/apache2.conf",
         STR("#ServerRoot \"/etc/apache2\"\nPidFile ${APACHE_PID_FILE}\nTimeout 300\n"
             "IncludeOptional mods-enabled/*.load\nIncludeOptional mods-enabled/*.conf\n"
             "Include ports.conf\n<Directory />\n\tRequire all denied\n</Directory>\n"
             "IncludeOptional conf-enabled/*.conf\nIncludeOptional sites-enabled/*.conf\n")},
        {"/etc/apache2/ports.conf",
         STR("Listen 80\n\n<IfModule ssl_module>\n\tListen 443\n</IfModule>\n"
             "<IfModule mod_gnutls.c>\n\tListen 444\n</IfModule>\n")},
        {"/etc/apache2/mods-enabled/ssl.load",
         STR("# Depends: mime\nLoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so\n")},
        {"/etc/apache2/mods-enabled/ssl.conf", STR("SSLProtocol all -SSLv3\n")},
        {"/etc/apache2/sites-enabled/000-default.conf",
         STR("<VirtualHost *:80>\n\t# ServerName www.example.com\n\tServerAdmin "
             "webmaster@localhost\n"
             "\tDocumentRoot /var/www/html\n"
             "\tErrorLog ${APACHE_LOG_DIR}/error.log\n</VirtualHost>\n")},
        {"/etc/apache2/sites-enabled/default-ssl.conf",
         STR("<IfModule mod_ssl.c>\n<VirtualHost _default_:443>\n\tServerName "
             "https://s.example.com:8443\n"
             "\tSSLEngine on\n</VirtualHost>\n</IfModule>\n")}};
    static const char *const paths[] = {"/etc/apache2", "/etc/apache2/apache2.conf"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct webconf *c = READ(paths[i], f);
        CHECK(c != NULL);
        CHECK_INT(webconf_kind_of(c), WEBCONF_APACHE);
        CHECK_INT(webconf_server_count(c), 3);
        CHECK(webconf_server_at(c, 0)->implied);
        CHECK_INT(webconf_server_at(c, 0)->listen_count, 2);
        check_server(c, 1, "", 80, false, "/etc/apache2/sites-enabled/000-default.conf", 1);
        check_server(c, 2, "s.example.com", 443, true,
                     "/etc/apache2/sites-enabled/default-ssl.conf", 2);
        CHECK_INT(c->remarks->count, 0);
        webconf_free(&c);
    }
}

TEST("Apache: words, continued lines, defines, conditions, folders")
{
    static const struct memory_file f[] = {
        {"/w/conf/httpd.conf",
         STR("ServerRoot \"/w\"\nDefine PORT 8081\nDefine NAME a.${PORT}.example\n"
             "Listen ${PORT}\nInclude conf/vhosts\n"
             "<IfDefine PORT>\nListen 8082\n</IfDefine>\n<IfDefine !PORT>\nListen "
             "8083\n</IfDefine>\n"
             "UnDefine PORT\n<IfDefine PORT>\n<IfDefine X>\n</IfDefine>\nListen 8084\n</IfDefine>\n"
             "<Macro Host $n>\nListen 8085\n</Macro>\nUse Host x\n")},
        {"/w/conf/vhosts/one.conf", STR("<VirtualHost *:${PORT}>\n  ServerName ${NAME}\n  "
                                        "ServerAlias b \\\n    'c d' \"e\\\"f\"\n"
                                        "  ErrorLog ${UNKNOWN}/x\n</VirtualHost>\n")}};
    struct webconf *c = READ("/w", f);
    CHECK(c != NULL);
    CHECK_INT(webconf_server_count(c), 2);
    const struct webconf_server *s = webconf_server_at(c, 0);
    CHECK_INT(s->listen_count, 2);
    CHECK_INT(s->listens[1].port, 8082);
    check_server(c, 1, "a.8081.example", 8081, false, "/w/conf/vhosts/one.conf", 1);
    s = webconf_server_at(c, 1);
    CHECK_INT(s->name_count, 4);
    CHECK_STR(s->names[1], "b");
    CHECK_STR(s->names[2], "c d");
    CHECK_STR(s->names[3], "e\"f");
    CHECK_INT(remarks_of(c, WEBCONF_REMARK_MACRO_NOT_FOLLOWED, "/w/conf/httpd.conf", 21), 1);
    webconf_free(&c);
}

TEST("Apache: a broken file earns a remark, and the rest is read")
{
    static const struct {
        const char *text;
        enum webconf_remark_kind kind;
        unsigned line;
    } rows[] = {
        {"<VirtualHost *:81>\nServerName x\n", WEBCONF_REMARK_SECTION_NOT_CLOSED, 1},
        {"<VirtualHost *:81>\n<Location />\nServerName y\n</VirtualHost>\n",
         WEBCONF_REMARK_SECTION_NOT_CLOSED, 2},
        {"<VirtualHost *:81>\n</Location>\n</VirtualHost>\n", WEBCONF_REMARK_SECTION_NOT_OPENED, 2},
        {"<VirtualHost *:81>\nServerAlias \"x\n</VirtualHost>\n", WEBCONF_REMARK_QUOTE_NOT_CLOSED,
         2},
        {"<VirtualHost *:81>\n</VirtualHost>\n<IfModule !core>\nListen 1\n",
         WEBCONF_REMARK_SECTION_NOT_CLOSED, 3}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct memory_file f[] = {{"/w/s.conf", str_of(rows[i].text)}};
        struct webconf *c = READ("/w/s.conf", f);
        CHECK(c != NULL);
        if (remarks_of(c, rows[i].kind, "/w/s.conf", rows[i].line) != 1) {
            test_failed(__FILE__, __LINE__, "%s", rows[i].text);
        }
        CHECK_INT(webconf_server_at(c, 1)->listens[0].port, 81);
        webconf_free(&c);
    }
}

/* ---- both ---- */

TEST("includes: loops, missing files, wildcards")
{
    static const struct memory_file f[] = {
        {"/n/nginx.conf", STR("http {\n  include a.conf;\n  include b.conf;\n  include no/*.conf;\n"
                              "  include [ab].conf;\n  include ?.conf;\n}\n")},
        {"/n/a.conf", STR("server { listen 81; }\ninclude nginx.conf;\n")}};
    struct webconf *c = READ("/n", f);
    CHECK(c != NULL);
    CHECK_INT(webconf_server_count(c), 3);
    CHECK_INT(remarks_of(c, WEBCONF_REMARK_INCLUDE_LOOP, "/n/a.conf", 2), 1);
    CHECK_INT(remarks_of(c, WEBCONF_REMARK_FILE_MISSING, "/n/nginx.conf", 3), 1);
    webconf_free(&c);
    static const struct memory_file g[] = {
        {"/w/apache2.conf", STR("Include no.conf\nIncludeOptional no2.conf\nInclude no/*.conf\n")}};
    c = READ("/w/apache2.conf", g);
    CHECK_INT(remarks_of(c, WEBCONF_REMARK_FILE_MISSING, NULL, 0), 2);
    webconf_free(&c);
}

TEST("includes: the root stands before absolute paths")
{
    static const struct memory_file f[] = {
        {"/copy/etc/nginx/nginx.conf", STR("http { include /etc/nginx/conf.d/*.conf; }")},
        {"/copy/etc/nginx/conf.d/a.conf", STR("server { listen 81; }")}};
    struct memory_files m = {f, COUNT_OF(f)};
    struct webconf_files ops = memory_files_ops(&m);
    struct webconf_options o = {
        .path = "/copy/etc/nginx", .kind = WEBCONF_NGINX, .root = "/copy", .files = &ops};
    struct webconf *c = NULL;
    CHECK_INT(webconf_read(&o, &c, NULL), ERR_OK);
    CHECK_INT(webconf_server_count(c), 1);
    webconf_free(&c);
}

/* Files 0.conf, 1.conf, ... each of which includes the next. */
TEST("limits: depth of includes")
{
    enum { COUNT = LIMIT_WEBCONF_INCLUDE_DEPTH + 4 };
    struct memory_file f[COUNT];
    char paths[COUNT][32], texts[COUNT][64];
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "/n/%zu.conf", i);
        (void)snprintf(texts[i], sizeof(texts[i]), "include %zu.conf;\n", i + 1);
        f[i] = (struct memory_file){paths[i], str_of(texts[i])};
    }
    struct webconf *c = read_memory("/n/0.conf", WEBCONF_NGINX, f, COUNT, NULL);
    CHECK(c != NULL);
    CHECK_INT(webconf_file_count(c), LIMIT_WEBCONF_INCLUDE_DEPTH);
    CHECK_INT(remarks_of(c, WEBCONF_REMARK_INCLUDE_TOO_DEEP, "/n/15.conf", 1), 1);
    webconf_free(&c);
}

TEST("limits: files, directives, nesting, bytes")
{
    enum { FILES = LIMIT_WEBCONF_FILES + 3 };
    struct memory_file *f = xalloc(FILES * sizeof(*f));
    for (size_t i = 0; i + 1 < FILES; i++) {
        f[i] = (struct memory_file){xprintf("/n/f%zu.conf", i), STR("x y;\n")};
    }
    f[FILES - 1] = (struct memory_file){"/n/main", STR("include f*.conf;\n")};
    struct webconf *c = read_memory("/n/main", WEBCONF_NGINX, f, FILES, NULL);
    CHECK_INT(webconf_file_count(c), LIMIT_WEBCONF_FILES);
    CHECK_INT(remarks_of(c, WEBCONF_REMARK_TOO_MANY_FILES, "/n/main", 1), 1);
    webconf_free(&c);
    for (size_t i = 0; i + 1 < FILES; i++) {
        xfree((void *)(uintptr_t)f[i].path);
    }
    xfree(f);

    AUTO(buf_free) struct buf many = {0};
    for (size_t i = 0; i < LIMIT_WEBCONF_DIRECTIVES + 10; i++) {
        buf_add_z(&many, "a;\n");
    }
    struct memory_file one[] = {{"/n/a", buf_str(&many)}};
    c = read_memory("/n/a", WEBCONF_NGINX, one, 1, NULL);
    CHECK_INT(c->directive_count, LIMIT_WEBCONF_DIRECTIVES);
    CHECK_INT(remarks_of(c, WEBCONF_REMARK_TOO_MUCH, "/n/a", LIMIT_WEBCONF_DIRECTIVES + 1), 1);
    webconf_free(&c);

    AUTO(buf_free) struct buf deep = {0};
    for (size_t i = 0; i < 100 * 1000; i++) {
        buf_add_z(&deep, "a {\n");
    }
    one[0].bytes = buf_str(&deep);
    c = read_memory("/n/a", WEBCONF_NGINX, one, 1, NULL);
    CHECK_INT(remarks_of(c, WEBCONF_REMARK_BLOCKS_TOO_DEEP, "/n/a", LIMIT_WEBCONF_NESTING), 1);
    webconf_free(&c);

    AUTO(buf_free) struct buf large = {0};
    while (large.n <= LIMIT_WEBCONF_FILE_BYTES) {
        buf_add_z(&large, "# a long line of a comment, again and again and again and again\n");
    }
    struct memory_file two[] = {{"/n/a", STR("include b;\nserver { listen 81; }\n")},
                                {"/n/b", buf_str(&large)}};
    c = read_memory("/n/a", WEBCONF_NGINX, two, 2, NULL);
    CHECK_INT(remarks_of(c, WEBCONF_REMARK_FILE_TOO_LARGE, "/n/a", 1), 1);
    CHECK_INT(webconf_server_count(c), 1);
    webconf_free(&c);
}

TEST("limits: a file that is included over and over ends at the bytes of the whole")
{
    AUTO(buf_free) struct buf large = {0}, main = {0};
    while (large.n < 1024 * 1024) {
        buf_add_z(&large, "# a long line of a comment, again and again and again and again\n");
    }
    for (size_t i = 0; i < 40; i++) {
        buf_add_z(&main, "include b;\n");
    }
    struct memory_file f[] = {{"/n/a", buf_str(&main)}, {"/n/b", buf_str(&large)}};
    struct webconf *c = read_memory("/n/a", WEBCONF_NGINX, f, 2, NULL);
    CHECK_INT(remarks_of(c, WEBCONF_REMARK_TOO_MUCH, NULL, 0), 1);
    webconf_free(&c);
    /* Apache's variables that double each other. */
    buf_reset(&main);
    buf_add_z(&main, "Define A 0123456789\n");
    for (size_t i = 0; i < 5000; i++) {
        buf_add_z(&main, "Define A ${A}${A}\n");
    }
    f[0].bytes = buf_str(&main);
    c = read_memory("/n/a", WEBCONF_APACHE, f, 2, NULL);
    CHECK_INT(remarks_of(c, WEBCONF_REMARK_TOO_MUCH, NULL, 0), 1);
    webconf_free(&c);
}

TEST("what is no configuration is refused with a sentence")
{
    static const struct memory_file f[] = {{"/x/empty", STR("")},
                                           {"/x/text", STR("Dear reader,\nthis is a letter.\n")},
                                           {"/x/binary", STR("\177ELF\0\0\0\1\2\3")},
                                           {"/x/comments", STR("# nothing\n# at all\n")}};
    struct errinfo e = {{0}};
    CHECK(read_memory("/x/none", WEBCONF_AUTO, f, COUNT_OF(f), &e) == NULL);
    CHECK_STR(str_of(e.text),
              "\"/x/none\" cannot be read: it must be a file, or a folder with files, "
              "that this user may read.");
    for (size_t i = 0; i < COUNT_OF(f); i++) {
        CHECK(read_memory(f[i].path, WEBCONF_AUTO, f, COUNT_OF(f), &e) == NULL);
        CHECK(strstr(e.text, "holds no configuration of nginx or Apache") != NULL);
    }
}

TEST("the syntax is known by the content")
{
    static const struct {
        const char *text;
        enum webconf_kind kind;
    } rows[] = {{"server {\n listen 80;\n}\n", WEBCONF_NGINX},
                {"# nginx\nupstream a\n{\n}\n", WEBCONF_NGINX},
                {"Listen 80\n", WEBCONF_APACHE},
                {"\t<VirtualHost *:80>\r\n\tServerName x\r\n</VirtualHost>\r\n", WEBCONF_APACHE},
                {"RewriteEngine On\nRewriteRule a b\n", WEBCONF_APACHE},
                {"http://example.com/ is a page\n", WEBCONF_AUTO},
                {"", WEBCONF_AUTO}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (conf_guess(str_of(rows[i].text)) != rows[i].kind) {
            test_failed(__FILE__, __LINE__, "%s", rows[i].text);
        }
    }
}

TEST("wildcards of file names")
{
    static const struct {
        const char *pattern, *name;
        bool fits;
    } rows[] = {{"*", "", true},
                {"*.conf", "a.conf", true},
                {"*.conf", "a.confx", false},
                {"a*b*c", "a1b2b3c", true},
                {"a*b*c", "a1b2b3", false},
                {"?", "", false},
                {"?x", "ax", true},
                {"[a-c]1", "b1", true},
                {"[a-c]1", "d1", false},
                {"[!a-c]1", "d1", true},
                {"[]]", "]", true},
                {"[a", "a", false},
                {"\\*", "*", true},
                {"\\*", "a", false},
                {"", "", true},
                {"", "a", false},
                {"*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (glob_match(str_of(rows[i].pattern), str_of(rows[i].name)) != rows[i].fits) {
            test_failed(__FILE__, __LINE__, "%s with %s", rows[i].pattern, rows[i].name);
        }
    }
}

TEST("conditions of which a part is not known")
{
    CHECK_INT(value_eq(STR("a"), STR("a"), false), TRI_YES);
    CHECK_INT(value_eq(STR("a"), STR("A"), false), TRI_NO);
    CHECK_INT(value_eq(STR(UNKNOWN_PART), STR("a"), false), TRI_UNKNOWN);
    CHECK_INT(value_match(STR("https"), STR("^http$"), false), TRI_NO);
    CHECK_INT(value_match(STR("HTTP"), STR("^http$"), true), TRI_YES);
    CHECK_INT(value_match(STR("a"), STR("^\\w+$"), false), TRI_UNKNOWN);
    CHECK_INT(value_match(STR("a"), STR("a{1,9999}"), false), TRI_UNKNOWN);
    CHECK_INT(value_match(STR("a"), STR("(?:a)"), false), TRI_UNKNOWN);
    CHECK_INT(value_match(STR("a"), STR("a*?"), false), TRI_UNKNOWN);
    CHECK_INT(value_match(STR("a"), STR("("), false), TRI_UNKNOWN);
    CHECK_INT(regex_takes_all(STR("^/?(.*)$"), true), TRI_YES);
    CHECK_INT(regex_takes_all(STR("^/$"), true), TRI_NO);
    CHECK_INT(regex_takes_all(STR("!\\.php$"), true), TRI_YES);
    CHECK_INT(tri_and(TRI_UNKNOWN, TRI_NO), TRI_NO);
    CHECK_INT(tri_or(TRI_UNKNOWN, TRI_YES), TRI_YES);
    CHECK_INT(tri_not(TRI_UNKNOWN), TRI_UNKNOWN);
}

TEST("what a Location says")
{
    static const struct {
        const char *url, *host, *path;
        uint16_t port;
        bool https, http;
    } rows[] = {{"https://a.example/x", "a.example", "/x", 0, true, false},
                {"HTTP://a.example:8080", "a.example", "", 8080, false, true},
                {"https://[2001:db8::1]:8443/?q", "2001:db8::1", "/?q", 8443, true, false},
                {"https://[::1]", "::1", "", 0, true, false},
                {"https://a.example?x:1", "a.example", "?x:1", 0, true, false},
                {"/path", "", "/path", 0, false, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct location l = location_of(str_of(rows[i].url));
        CHECK_STR(l.host, rows[i].host);
        CHECK_STR(l.path, rows[i].path);
        CHECK_INT(l.port, rows[i].port);
        CHECK(l.https == rows[i].https && l.http == rows[i].http);
    }
}

/* ---- the disk ---- */

static void
put(const char *folder, const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    CHECK(close(fd) == 0);
}

TEST("the disk: files, folders, links, and pipes that are not waited for")
{
    char folder[] = "/tmp/webconf_test_XXXXXX", path[256], link[256];
    CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof(path), "%s/conf.d", folder);
    CHECK(mkdir(path, 0700) == 0);
    put(folder, "nginx.conf", "http {\n  include conf.d/*;\n  include nowhere;\n}\n");
    put(folder, "conf.d/a.conf", "server { listen 81; }\n");
    (void)snprintf(path, sizeof(path), "%s/conf.d/pipe", folder);
    CHECK(mkfifo(path, 0600) == 0);
    (void)snprintf(link, sizeof(link), "%s/conf.d/link", folder);
    CHECK(symlink("a.conf", link) == 0);

    struct webconf_options o = {.path = folder};
    struct webconf *c = NULL;
    struct errinfo e;
    CHECK_INT(webconf_read(&o, &c, &e), ERR_OK);
    if (c != NULL) {
        CHECK_INT(webconf_server_count(c), 2);
        CHECK_INT(remarks_of(c, WEBCONF_REMARK_FILE_UNREADABLE, NULL, 0), 1);
        CHECK_INT(remarks_of(c, WEBCONF_REMARK_FILE_MISSING, NULL, 0), 1);
    }
    webconf_free(&c);
    static const char *const names[] = {"conf.d/pipe", "conf.d/link", "conf.d/a.conf",
                                        "nginx.conf"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        CHECK(unlink(path) == 0);
    }
    (void)snprintf(path, sizeof(path), "%s/conf.d", folder);
    CHECK(rmdir(path) == 0 && rmdir(folder) == 0);
}

/* ---- the table ---- */

TEST("every remark has its sentences, and placeholders that are known")
{
    static const char *const known[] = {"host", "port", "target_port", "value", "name", "ports"};
    for (size_t i = 0; i < WEBCONF_REMARK_COUNT; i++) {
        enum webconf_remark_kind k = (enum webconf_remark_kind)i, found = WEBCONF_REMARK_COUNT;
        CHECK(webconf_remark_find(str_of(webconf_remark_name(k)), &found) && found == k);
        struct str advice = str_of(webconf_remark_advice(k)),
                   rest = str_of(webconf_remark_sentence(k));
        CHECK(str_ends(advice, STR(".")) && str_ends(rest, STR(".")));
        size_t open = 0, close = 0;
        while (str_find_char(rest, '{', &open) && str_find_char(rest, '}', &close)) {
            struct str name = str_sub(rest, open + 1, close - open - 1);
            bool fits = false;
            for (size_t n = 0; n < COUNT_OF(known); n++) {
                fits = fits || str_eq(name, str_of(known[n]));
            }
            CHECK(fits);
            rest = str_sub(rest, close + 1, SIZE_MAX);
        }
    }
    enum webconf_remark_kind none;
    CHECK(!webconf_remark_find(STR("NO_SUCH_REMARK"), &none));
}

TEST("a list of remarks can be made again from what was saved")
{
    struct webconf_remarks *r = webconf_remarks_new(WEBCONF_NGINX);
    struct webconf_remark *m = webconf_remarks_add(r, WEBCONF_REMARK_REDIRECT_TO_HTTP, STR("/a"), 3,
                                                   STR("return x\0y;"), STR("return z;"));
    CHECK_INT(m->weight, WEBCONF_FAULT);
    CHECK_STR(str_of(m->text), "return x");
    for (size_t i = 0; i < WEBCONF_ARGS_MAX + 2; i++) {
        webconf_remark_arg(m, "value", STR("v"));
    }
    CHECK_INT(m->arg_count, WEBCONF_ARGS_MAX);
    webconf_remark_arg(m, "a key that is too long", STR("v"));
    webconf_remarks_free(&r);
    CHECK(r == NULL);
    webconf_remarks_free(&r);
}

TEST_MAIN
