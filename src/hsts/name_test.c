/* SPDX-License-Identifier: Apache-2.0
 * Names, Chromium's key, and the rule for URLs. */
#include "hsts/hsts.h"

#include "base/defs.h"
#include "base/test.h"
#include "crypto/crypto.h"

TEST("[exp] Chromium's key is the hash of the wire form")
{
    char key[HSTS_CHROMIUM_KEY];
    CHECK_INT(crypto_init(NULL), ERR_OK);
    hsts_chromium_key(STR("localhost"), key);
    CHECK_STR(str_of(key), "+5SucHeyam84+YKFvzbLSOOu8EIOl0hrqv6OPw5r2/Q=");
    hsts_chromium_key(STR("good.drxlab.com"), key);
    CHECK_STR(str_of(key), "AXGXZQjs9XfHRz1O+sEBEbbzespZdyL8XidOKneGqps=");
}

#define LABEL63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

TEST("a name takes the form under which clients keep it")
{
    static const struct {
        const char *given, *name; /* NULL: refused */
        enum err e;
    } rows[] = {
        {"App.Example.COM", "app.example.com", ERR_OK},
        {"example.com.", "example.com", ERR_OK},
        {"localhost", "localhost", ERR_OK},
        {"_x.example", "_x.example", ERR_OK},
        {"xn--bcher-kva.example", "xn--bcher-kva.example", ERR_OK},
        {"B\xc3\xbc"
         "cher.example",
         "xn--bcher-kva.example", ERR_OK},
        {"\xe4\xbe\x8b\xe3\x81\x88.jp", "xn--r8jz45g.jp", ERR_OK},
        {LABEL63 ".com", LABEL63 ".com", ERR_OK},
        {LABEL63 "." LABEL63 "." LABEL63
                 ".bcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi",
         LABEL63 "." LABEL63 "." LABEL63
                 ".bcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi",
         ERR_OK},
        {LABEL63 "." LABEL63 "." LABEL63
                 ".abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk",
         NULL, ERR_INVALID},
        {LABEL63 "l.com", NULL, ERR_INVALID},
        {"", NULL, ERR_INVALID},
        {".", NULL, ERR_INVALID},
        {"example..com", NULL, ERR_INVALID},
        {".example.com", NULL, ERR_INVALID},
        {"example.com..", NULL, ERR_INVALID},
        {"exa mple.com", NULL, ERR_INVALID},
        {"a/b", NULL, ERR_INVALID},
        {"a:80", NULL, ERR_INVALID},
        {"\x1b[31m.com", NULL, ERR_INVALID},
        {"\xff\xfe.com", NULL, ERR_INVALID},
        {"192.0.2.1", NULL, ERR_UNSUPPORTED},
        {"127.1", NULL, ERR_UNSUPPORTED},
        {"2001:db8::1", NULL, ERR_UNSUPPORTED},
        {"[2001:db8::1]", NULL, ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char name[HSTS_NAME_MAX] = "untouched";
        struct errinfo error = {""};
        CHECK_INT(hsts_name(str_of(rows[i].given), name, &error), rows[i].e);
        CHECK_STR(str_of(name), rows[i].name == NULL ? "untouched" : rows[i].name);
        CHECK((error.text[0] == '\0') == (rows[i].e == ERR_OK));
        CHECK(strchr(error.text, '\x1b') == NULL);
    }
    char name[HSTS_NAME_MAX];
    CHECK_INT(hsts_name(STR("example.com\0.evil"), name, NULL), ERR_INVALID);
}

TEST("[RFC 6797 8.3] 80 becomes 443, other ports stay, none is added")
{
    static const struct {
        const char *url, *becomes; /* NULL: unchanged */
        const char *host;
        uint16_t port;
    } rows[] = {
        {"http://example.com", "https://example.com", "example.com", 80},
        {"http://example.com/", "https://example.com/", "example.com", 80},
        {"http://example.com:80/a?b#c", "https://example.com:443/a?b#c", "example.com", 80},
        {"http://example.com:8080/a", "https://example.com:8080/a", "example.com", 8080},
        {"http://example.com:443/", "https://example.com:443/", "example.com", 443},
        {"http://example.com:/x", "https://example.com/x", "example.com", 80},
        {"HTTP://Example.com?q", "https://Example.com?q", "Example.com", 80},
        {"http://user@example.com:81/", "https://user@example.com:81/", "example.com", 81},
        {"http://[2001:db8::1]:8080/", "https://[2001:db8::1]:8080/", "[2001:db8::1]", 8080},
        {"http://[2001:db8::1]/", "https://[2001:db8::1]/", "[2001:db8::1]", 80},
        {"example.com:8080", "https://example.com:8080", "example.com", 8080},
        {"example.com", "https://example.com", "example.com", 80},
        {"http://example.com/http://x:1/", "https://example.com/http://x:1/", "example.com", 80},
        {"https://example.com:8443/", NULL, "example.com", 8443},
        {"https://example.com", NULL, "example.com", 443},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct hsts_url url;
        AUTO(buf_free) struct buf out = {0};
        CHECK_INT(hsts_url_parse(str_of(rows[i].url), &url, NULL), ERR_OK);
        CHECK_STR(url.host, rows[i].host);
        CHECK_INT(url.port, rows[i].port);
        CHECK(hsts_url(&url, &out) == (rows[i].becomes != NULL));
        CHECK_STR(buf_str(&out), rows[i].becomes == NULL ? "" : rows[i].becomes);
    }
}

TEST("what is no http URL is refused with a sentence")
{
    static const char *const refused[] = {"ftp://example.com/",
                                          "http://",
                                          "http:///path",
                                          "http://example.com:0/",
                                          "http://example.com:99999",
                                          "http://example.com:8o80/",
                                          "http://user@:80/"};
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct hsts_url url;
        struct errinfo error = {""};
        CHECK_INT(hsts_url_parse(str_of(refused[i]), &url, &error), ERR_INVALID);
        CHECK(strstr(error.text, refused[i]) != NULL);
    }
}

TEST("the port behind the change")
{
    CHECK_INT(hsts_port(80), 443);
    CHECK_INT(hsts_port(8080), 8080);
    CHECK_INT(hsts_port(443), 443);
}

TEST_MAIN
