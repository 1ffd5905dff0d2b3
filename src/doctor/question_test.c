/* SPDX-License-Identifier: Apache-2.0
 * URLs as people type them, and every option with what it refuses. */
#include "doctor/question.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/test.h"
#include "text/text.h"

static const struct {
    const char *typed, *url, *path;
    bool scheme_given, port_given, websocket, is_address;
} urls[] = {
    {"https://app.example.com:8443/path?q#f", "https://app.example.com:8443/", "/path?q", 1, 1, 0,
     0},
    {"app.example.com", "https://app.example.com:443/", "/", 0, 0, 0, 0},
    {"app.example.com:8443", "https://app.example.com:8443/", "/", 0, 1, 0, 0},
    {"app.example.com:80", "http://app.example.com:80/", "/", 0, 1, 0, 0},
    {"http://app.example.com", "http://app.example.com:80/", "/", 1, 0, 0, 0},
    {"HTTP://App.Example.COM./x", "http://app.example.com:80/", "/x", 1, 0, 0, 0},
    {"wss://app.example.com/chat", "https://app.example.com:443/", "/chat", 1, 0, 1, 0},
    {"ws://app.example.com", "http://app.example.com:80/", "/", 1, 0, 1, 0},
    {"  \"<https://app.example.com/>\"\n", "https://app.example.com:443/", "/", 1, 0, 0, 0},
    {"URL: https://app.example.com", "https://app.example.com:443/", "/", 1, 0, 0, 0},
    {"https:app.example.com", "https://app.example.com:443/", "/", 1, 0, 0, 0},
    {"https:\\\\app.example.com\\a\\b?c\\d", "https://app.example.com:443/", "/a/b?c\\d", 1, 0, 0,
     0},
    {"https://app.example.com:/", "https://app.example.com:443/", "/", 1, 0, 0, 0},
    {"https://app.example.com?a=1", "https://app.example.com:443/", "/?a=1", 1, 0, 0, 0},
    {"https://app.example.com/a b\xc3\xbc", "https://app.example.com:443/", "/a%20b%C3%BC", 1, 0, 0,
     0},
    {"localhost:8443", "https://localhost:8443/", "/", 0, 1, 0, 0},
    {"my_host.example", "https://my_host.example:443/", "/", 0, 0, 0, 0},
    {"192.0.2.1:8443", "https://192.0.2.1:8443/", "/", 0, 1, 0, 1},
    {"127.1", "https://127.0.0.1:443/", "/", 0, 0, 0, 1},
    {"0x7f000001", "https://127.0.0.1:443/", "/", 0, 0, 0, 1},
    {"[2001:db8::1]:8443", "https://[2001:db8::1]:8443/", "/", 0, 1, 0, 1},
    {"https://[2001:DB8:0::1]/x", "https://[2001:db8::1]:443/", "/x", 1, 0, 0, 1},
    {"2001:db8::1", "https://[2001:db8::1]:443/", "/", 0, 0, 0, 1},
    {"https://b\xc3\xbc"
     "cher.example/",
     "https://xn--bcher-kva.example:443/", "/", 1, 0, 0, 0},
    {"https://\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88",
     "https://xn--r8jz45g.xn--zckzah:443/", "/", 1, 0, 0, 0},
    {"https://B\xc3\x9c"
     "CHER.example/",
     "https://xn--bcher-kva.example:443/", "/", 1, 0, 0, 0},
    {"https://xn--bcher-kva.example", "https://xn--bcher-kva.example:443/", "/", 1, 0, 0, 0},
};

TEST("URLs are read as address bars read them")
{
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct question q;
        struct errinfo info = {0};
        question_init(&q);
        enum err e = question_set_url(&q, str_of(urls[i].typed), &info);
        bool good = e == ERR_OK && str_eq(str_of(q.url), str_of(urls[i].url)) &&
                    str_eq(str_of(q.path), str_of(urls[i].path)) &&
                    q.scheme_given == urls[i].scheme_given && q.port_given == urls[i].port_given &&
                    q.websocket == urls[i].websocket && q.host_is_address == urls[i].is_address;
        if (!good) {
            test_failed(__FILE__, __LINE__, "%s: %s %s %s", urls[i].typed, info.text, q.url,
                        q.path == NULL ? "" : q.path);
        }
        question_done(&q);
    }
}

TEST("a name beyond ASCII is shown as typed and asked as ASCII")
{
    struct question q;
    question_init(&q);
    CHECK(question_set_url(&q,
                           STR("https://b\xc3\xbc"
                               "cher.example:444/"),
                           NULL) == ERR_OK);
    CHECK_STR(str_of(q.host), "xn--bcher-kva.example");
    CHECK_STR(str_of(q.host_shown), "b\xc3\xbc"
                                    "cher.example");
    question_done(&q);
}

static const struct {
    const char *typed, *words;
} bad_urls[] = {
    {"", "no host"},
    {"https://", "no host"},
    {"https://:443/", "no host"},
    {"https://user:password@app.example.com/", "Authorization"},
    {"user@app.example.com", "Authorization"},
    {"https://app.example.com:0/", "1 to 65535"},
    {"https://app.example.com:65536/", "1 to 65535"},
    {"app.example.com:https", "1 to 65535"},
    {"htps://app.example.com", "was https meant"},
    {"htttp://app.example.com", "was http meant"},
    {"gopher://app.example.com", "https, http, wss or ws"},
    {"https://[::1/", "brackets"},
    {"https://[::1]x/", "brackets"},
    {"https://[app.example.com]/", "brackets"},
    {"https://app example.com/", "no host name"},
    {"https://app..example.com/", "no host name"},
    {"https://\xff\xfe.example/", "no host name"},
    {"https://-\xc3\xbc.example\x01/", "no host name"},
    {"1.2.3.999", "no IPv4 address"},
    {"1:2:3", "no"},
    {"fe80::1%eth0", "no"},
};

TEST("what is no URL is refused with a sentence, and a password is not repeated")
{
    for (size_t i = 0; i < COUNT_OF(bad_urls); i++) {
        struct question q;
        struct errinfo info = {0};
        question_init(&q);
        enum err e = question_set_url(&q, str_of(bad_urls[i].typed), &info);
        if (e != ERR_INVALID || !str_find(str_of(info.text), str_of(bad_urls[i].words), NULL) ||
            str_find(str_of(info.text), STR("password@"), NULL)) {
            test_failed(__FILE__, __LINE__, "%s: %d %s", bad_urls[i].typed, (int)e, info.text);
        }
        question_done(&q);
    }
}

TEST("names and URLs that are too long are refused")
{
    struct question q;
    struct buf long_url AUTO(buf_free) = {0};
    buf_add_z(&long_url, "https://");
    for (int i = 0; i < 300; i++) {
        buf_add_char(&long_url, 'a');
    }
    question_init(&q);
    CHECK_INT(question_set_url(&q, buf_str(&long_url), NULL), ERR_INVALID);
    for (int i = 0; i < 10000; i++) {
        buf_add_char(&long_url, '/');
    }
    CHECK_INT(question_set_url(&q, buf_str(&long_url), NULL), ERR_INVALID);
    question_done(&q);
}

/* ---- options ---- */

enum { WORDS_MAX = 12 };

static enum err
parse(const char *line, struct question *q, struct doctor_options *o, struct errinfo *info)
{
    static char copy[2048]; /* options borrow from it */
    char *argv[WORDS_MAX] = {copy};
    int argc = 1;
    (void)snprintf(copy, sizeof(copy), "%s", line);
    for (char *p = copy; *p != '\0' && argc < WORDS_MAX; p++) {
        if (p == copy || p[-1] == '\0') {
            argv[argc++] = p;
        }
        if (*p == '|') {
            *p = '\0';
        }
    }
    return question_parse(argc, argv, q, o, info);
}

#define URL "|https://app.example.com/"

static const struct {
    const char *line;
    enum err e;
    const char *words; /* of the sentence, when refused */
} lines[] = {
    {"https://app.example.com/", ERR_OK, ""},
    {"", ERR_INVALID, "Which URL"},
    {"--json", ERR_INVALID, "Which URL"},
    {"a.example|b.example", ERR_INVALID, "One URL"},
    {"--|-4.example", ERR_OK, ""},
    {"--lb|web-1.us-east-1.elb.amazonaws.com." URL, ERR_OK, ""},
    {"--lb|192.0.2.1,2001:db8::1" URL, ERR_OK, ""},
    {"--lb|arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/web/1" URL, ERR_INVALID,
     "DNS name"},
    {"--lb|web" URL, ERR_INVALID, "bare name"},
    {"--lb|" URL, ERR_INVALID, "--lb"},
    {"--lb|a.example,b.example" URL, ERR_INVALID, "commas"},
    {"--target|127.0.0.1:8080" URL, ERR_OK, ""},
    {"--target=[::1]:8080" URL, ERR_OK, ""},
    {"--target|127.0.0.1" URL, ERR_INVALID, "port"},
    {"--target|localhost:80" URL, ERR_INVALID, "port"},
    {"--server-config|/does/not/exist" URL, ERR_SYSTEM, "--server-config"},
    {"--server-config|/" URL, ERR_OK, ""},
    {"-4" URL, ERR_OK, ""},
    {"-4|-6" URL, ERR_INVALID, "exclude"},
    {"--resolve|app.example.com:443:127.0.0.1,::1" URL, ERR_OK, ""},
    {"--resolve|app.example.com:443" URL, ERR_INVALID, "HOST:PORT:ADDRESS"},
    {"--resolve|app.example.com:0:127.0.0.1" URL, ERR_INVALID, "HOST:PORT:ADDRESS"},
    {"--dns|127.0.0.1:5353,::1" URL, ERR_OK, ""},
    {"--dns|one.one.one.one" URL, ERR_INVALID, "addresses"},
    {"--from|127.0.0.1" URL, ERR_OK, ""},
    {"--from|eth0" URL, ERR_INVALID, "address"},
    {"--proxy|none" URL, ERR_OK, ""},
    {"--proxy|socks5h://127.0.0.1:1080" URL, ERR_OK, ""},
    {"--proxy|ftp://127.0.0.1" URL, ERR_INVALID, "socks5h"},
    {"--as|firefox" URL, ERR_OK, ""},
    {"--as|wide" URL, ERR_INVALID, "chromium, firefox"},
    {"--ca|/does/not/exist" URL, ERR_SYSTEM, "--ca"},
    {"--key|/etc/hostname" URL, ERR_INVALID, "--client-cert"},
    {"-H|X-One: 1|-H|X-Two:2" URL, ERR_OK, ""},
    {"-H|no colon" URL, ERR_INVALID, "header"},
    {"-H|bad name: x" URL, ERR_INVALID, "header"},
    {"-H|X: a\rInjected: b" URL, ERR_INVALID, "header"},
    {"--cookie|a=b" URL, ERR_OK, ""},
    {"--cookie|/does/not/exist" URL, ERR_SYSTEM, "--cookie"},
    {"--timeout|500ms|--deadline|1m" URL, ERR_OK, ""},
    {"--timeout|1.5s" URL, ERR_OK, ""},
    {"--timeout|0" URL, ERR_INVALID, "100ms"},
    {"--timeout|2 weeks" URL, ERR_INVALID, "100ms"},
    {"--deadline|11m" URL, ERR_INVALID, "10m"},
    {"--max-connections|0" URL, ERR_INVALID, "1 to 64"},
    {"--check|dns, tls" URL, ERR_OK, ""},
    {"--check|everything" URL, ERR_INVALID, "layers"},
    {"--check|undecided" URL, ERR_INVALID, "layers"},
    {"--browser-error|net::ERR_FAILED" URL, ERR_OK, ""},
    {"--browser-error|it does not work" URL, ERR_INVALID, "ERR_SSL"},
    {"--browser-state|off" URL, ERR_OK, ""},
    {"--browser-state|maybe" URL, ERR_INVALID, "on or off"},
    {"--color|always" URL, ERR_OK, ""},
    {"--color|pink" URL, ERR_INVALID, "never"},
    {"--lang|en" URL, ERR_OK, ""},
    {"--lang|tlh" URL, ERR_INVALID, "ja"},
    {"--watch" URL, ERR_OK, ""},
    {"--watch=10" URL, ERR_OK, ""},
    {"--watch=0" URL, ERR_INVALID, "3600"},
    {"--watch|--json" URL, ERR_INVALID, "--watch"},
    {"--json|--quiet" URL, ERR_INVALID, "exclude"},
    {"--json=1" URL, ERR_INVALID, "no value"},
    {"--expect|ok" URL, ERR_OK, ""},
    {"--expect|dns-01" URL, ERR_OK, ""},
    {"--expect|DNS-99" URL, ERR_INVALID, "DNS-01"},
    {"--replay|/etc/hostname", ERR_OK, ""},
    {"--replay|/etc/hostname" URL, ERR_INVALID, "no URL"},
    {"--explain|DNS-01", ERR_OK, ""},
    {"--help", ERR_OK, ""},
    {"-h", ERR_OK, ""},
    {"--lb", ERR_INVALID, "needs a value"},
    {"--aws" URL, ERR_INVALID, "not in this version"},
    {"--endpoint=http://x" URL, ERR_INVALID, "not in this version"},
    {"--wait-logs" URL, ERR_INVALID, "not in this version"},
    {"--jsno" URL, ERR_INVALID, "--json"},
    {"--zzzzzzzzzz" URL, ERR_INVALID, "--help"},
    {"-v" URL, ERR_INVALID, "--help"},
};

TEST("each option is taken, or refused with a sentence that says what it takes")
{
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct question q = {0};
        struct doctor_options o;
        struct errinfo info = {0};
        enum err e = parse(lines[i].line, &q, &o, &info);
        if (e != lines[i].e ||
            (e != ERR_OK && !str_find(str_of(info.text), str_of(lines[i].words), NULL))) {
            test_failed(__FILE__, __LINE__, "%s: %d \"%s\"", lines[i].line, (int)e, info.text);
        }
        question_done(&q);
    }
}

TEST("every option of the table is in the help, within 80 columns")
{
    static const char *const names[] = {
#define SECTION(title)
#define OPTION(name, argument, help, standard, set) name,
#include "doctor/options.def"
#undef OPTION
#undef SECTION
    };
    struct buf help AUTO(buf_free) = {0};
    question_help(&help, 80);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char at_start[64];
        (void)snprintf(at_start, sizeof(at_start), "\n  %s", names[i]);
        CHECK(str_find(buf_str(&help), str_of(at_start), NULL));
    }
    struct str rest = buf_str(&help);
    struct str line;
    while (rest.n > 0 && str_cut(&rest, '\n', &line)) {
        if (text_width(line) > 80) {
            test_failed(__FILE__, __LINE__, "too wide: %.*s", STR_ARG(line));
        }
    }
}

TEST("values arrive where they belong")
{
    struct question q = {0};
    struct doctor_options o;
    struct errinfo info = {0};
    CHECK_INT(parse("--timeout|1.5s|--check|dns,http|--lb|Web-1.Elb.Localhost.|--dns|[::1]:5353|-6"
                    "|--watch=7" URL,
                    &q, &o, &info),
              ERR_OK);
    CHECK_INT(q.timeout_us, 1500000);
    CHECK_INT(q.checks, 1 << LAYER_DNS | 1 << LAYER_HTTP | 1 << LAYER_UNDECIDED);
    CHECK_STR(str_of(q.lb_name), "web-1.elb.localhost");
    CHECK_INT(addr_port(&q.dns[0]), 5353);
    CHECK_INT(q.family, AF_INET6);
    CHECK_INT(o.watch_s, 7);
    CHECK_INT(q.max_connections, 16);
    CHECK_INT(q.deadline_us, 10000000);
    question_done(&q);
    CHECK_INT(parse("--timeout|20s" URL, &q, &o, &info), ERR_OK);
    CHECK_INT(q.deadline_us, 20000000); /* never below the timeout */
    question_done(&q);
}

TEST("cookies of a file go to their host and path only")
{
    static const char jar[] = "# Netscape HTTP Cookie File\n"
                              "app.example.com\tFALSE\t/\tTRUE\t0\tone\t1\n"
                              "#HttpOnly_.example.com\tTRUE\t/\tTRUE\t0\ttwo\t2\r\n"
                              ".other.example\tTRUE\t/\tTRUE\t0\tthree\t3\n"
                              "example.com\tFALSE\t/\tTRUE\t0\tfour\t4\n"
                              "app.example.com\tFALSE\t/private\tTRUE\t0\tfive\t5\n"
                              "nonsense\n";
    char name[] = "/tmp/openalb-cookies-XXXXXX";
    char line[256];
    struct question q = {0};
    struct doctor_options o;
    struct errinfo info = {0};
    int fd = mkstemp(name);
    CHECK(write(fd, jar, sizeof(jar) - 1) == (ssize_t)sizeof(jar) - 1);
    close(fd);
    (void)snprintf(line, sizeof(line), "--cookie|%s" URL, name);
    CHECK_INT(parse(line, &q, &o, &info), ERR_OK);
    CHECK_INT(q.header_count, 1);
    CHECK_STR(str_of(q.headers[0]), "Cookie: one=1; two=2");
    question_done(&q);
    (void)snprintf(line, sizeof(line), "-H|A: b|--cookie|%s|https://elsewhere.example/", name);
    CHECK_INT(parse(line, &q, &o, &info), ERR_OK);
    CHECK_INT(q.header_count, 1);
    CHECK_STR(str_of(q.headers[0]), "A: b");
    question_done(&q);
    unlink(name);
}

static const struct {
    const char *pasted, *word;
} browser_words[] = {
    {"ERR_SSL_PROTOCOL_ERROR", "ERR_SSL_PROTOCOL_ERROR"},
    {"net::ERR_SSL_PROTOCOL_ERROR", "ERR_SSL_PROTOCOL_ERROR"},
    {"ssl protocol error", "ERR_SSL_PROTOCOL_ERROR"},
    {"err_connection_refused", "ERR_CONNECTION_REFUSED"},
    {"This site can't provide a secure connection\napp.example.com sent an invalid response.\n"
     "ERR_SSL_PROTOCOL_ERROR",
     "ERR_SSL_PROTOCOL_ERROR"},
    {"Secure Connection Failed. Error code: SSL_ERROR_RX_RECORD_TOO_LONG.",
     "SSL_ERROR_RX_RECORD_TOO_LONG"},
    {"DNS_PROBE_FINISHED_NXDOMAIN", "DNS_PROBE_FINISHED_NXDOMAIN"},
    {"dnsNotFound", "dnsNotFound"},
    {"net::ERR_SOMETHING_NEW (-999)", "ERR_SOMETHING_NEW"},
    {"MOZILLA_PKIX_ERROR_SOMETHING_NEW", "MOZILLA_PKIX_ERROR_SOMETHING_NEW"},
};

TEST("the word of a browser is found in whatever was pasted")
{
    char word[64];
    for (size_t i = 0; i < COUNT_OF(browser_words); i++) {
        bool found = question_browser_error(str_of(browser_words[i].pasted), word, sizeof(word));
        if (!found || !str_eq(str_of(word), str_of(browser_words[i].word))) {
            test_failed(__FILE__, __LINE__, "%s: %s", browser_words[i].pasted, found ? word : "-");
        }
    }
    CHECK(!question_browser_error(STR("it does not work"), word, sizeof(word)));
    CHECK(!question_browser_error(STR(""), word, sizeof(word)));
    CHECK(!question_browser_error(STR("the page is blank"), word, sizeof(word)));
}

TEST_MAIN
