/* SPDX-License-Identifier: Apache-2.0
 * Unit tests of what is said about nginx configurations. */
#include "webconf/judge_cases.h"

#include "base/test.h"

#define Q_PLAIN                                                                                    \
    {                                                                                              \
        .https = true, .port = 8443, .target_port = 8080, .target_speech = WEBCONF_SPEECH_PLAIN    \
    }
#define Q_TLS                                                                                      \
    {                                                                                              \
        .https = true, .port = 8443, .target_port = 8443, .target_speech = WEBCONF_SPEECH_TLS      \
    }
#define Q_443                                                                                      \
    {                                                                                              \
        .https = true, .port = 443, .target_port = 80, .target_speech = WEBCONF_SPEECH_PLAIN       \
    }

#define MAP                                                                                        \
    "map $http_x_forwarded_proto $real_scheme {\n"                                                 \
    "    default $http_x_forwarded_proto;\n"                                                       \
    "    ''      $scheme;\n"                                                                       \
    "}\n"
#define SERVER "server { listen 8080; server_name app.example.com;\n"
#define SERVER_TLS                                                                                 \
    "server { listen 8443 ssl; server_name app.example.com; ssl_certificate c; "                   \
    "ssl_certificate_key k;\n"

TEST("redirects: what is wrong, where, and the mended line")
{
    static const struct judge_case cases[] = {
        {SERVER "return 301 https://$host$request_uri; }",
         MAP SERVER "if ($real_scheme = http) {\n return 301 https://$host:8443$request_uri;\n} }",
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 2,
         "# http { }\n" MAP "# /etc/web/site.conf:2\n"
         "if ($real_scheme = http) {\n    return 301 https://$host:8443$request_uri;\n}",
         WEBCONF_FAULT, Q_PLAIN},
        {"server {\nlisten 80;\nserver_name app.example.com;\n"
         "if ($scheme = http) {\nreturn 301 https://$server_name$request_uri;\n}\n}",
         MAP "server { listen 80; server_name app.example.com;\n"
             "if ($real_scheme = http) { return 301 https://$server_name$request_uri; } }",
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 5,
         "# http { }\n" MAP "# /etc/web/site.conf:4\n"
         "if ($real_scheme = http) {\n    return 301 https://$server_name$request_uri;\n}",
         WEBCONF_FAULT, Q_443},
        {"server {\nlisten 80;\nserver_name app.example.com;\n"
         "if ($https = \"\") {\nrewrite ^/(.*)$ https://app.example.com/$1 permanent;\n}\n}",
         "server { listen 80; server_name app.example.com;\nif ($http_x_forwarded_proto = "
         "\"http\") {"
         " rewrite ^/(.*)$ https://app.example.com/$1 permanent; } }",
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 5, NULL, WEBCONF_FAULT, Q_443},
        {"server { listen 80; server_name app.example.com;\nif ($server_port = 80) {\n"
         "return 307 https://$http_host$request_uri; } }",
         "server { listen 80; server_name app.example.com;\nif ($http_x_forwarded_port = 80) {\n"
         "return 307 https://$http_host$request_uri; } }",
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 3, NULL, WEBCONF_FAULT, Q_443},
        /* The header of another kind of proxy. */
        {"server { listen 80; server_name app.example.com;\nif ($http_x_forwarded_ssl != on) {\n"
         "return 301 https://$host$request_uri; } }",
         "server { listen 80; server_name app.example.com;\nif ($http_x_forwarded_proto != https) "
         "{\n"
         "return 301 https://$host$request_uri; } }",
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 3, NULL, WEBCONF_FAULT, Q_443},
        /* As certbot writes it. */
        {"server {\nif ($host = app.example.com) {\nreturn 301 https://$host$request_uri;\n}\n"
         "listen 80;\nserver_name app.example.com;\nreturn 404;\n}",
         MAP "server { if ($real_scheme = http) { return 301 https://$host$request_uri; }\n"
             "listen 80; server_name app.example.com; return 404; }",
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 3, NULL, WEBCONF_FAULT, Q_443},
        /* Set, then asked. */
        {"server { listen 80; server_name app.example.com;\nset $go 0;\n"
         "if ($scheme = http) { set $go 1; }\n"
         "if ($go) {\nreturn 301 https://$host$request_uri; } }",
         "server { listen 80; server_name app.example.com;\nset $go 0;\n"
         "if ($scheme = http) { set $go 1; }\nif ($http_x_forwarded_proto = https) { set $go 0; }\n"
         "if ($go) {\nreturn 301 https://$host$request_uri; } }",
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 5, NULL, WEBCONF_FAULT, Q_443},
        /* A map that turns the header round. */
        {"map $http_x_forwarded_proto $go { default 0; https 1; }\n"
         "server { listen 80; server_name app.example.com;\n"
         "if ($go) { return 301 https://$host$request_uri; } }",
         "map $http_x_forwarded_proto $go { default 1; https 0; }\n"
         "server { listen 80; server_name app.example.com;\n"
         "if ($go) { return 301 https://$host$request_uri; } }",
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 3, NULL, WEBCONF_FAULT, Q_443},
        /* Another location takes the new path: no loop, the port alone is lost. */
        {SERVER
         "location / {\nreturn 302 https://$host/login;\n}\nlocation /login { return 200; } }",
         SERVER "location / {\nreturn 302 /login;\n}\nabsolute_redirect off;\n"
                "location /login { return 200; } }",
         WEBCONF_REMARK_REDIRECT_LOSES_PORT, 3, "return 302 https://$http_host/login;",
         WEBCONF_FAULT, Q_PLAIN},
        {SERVER "location / {\nreturn 302 http://$http_host/login?a;\n}\n"
                "location = /login { return 200; } }",
         SERVER "location / {\nreturn 302 /login;\n}\nabsolute_redirect off;\n"
                "location = /login { return 200; } }",
         WEBCONF_REMARK_REDIRECT_TO_HTTP, 3, "absolute_redirect off;\nreturn 302 /login?a;",
         WEBCONF_FAULT, Q_PLAIN},
        /* Nothing else takes it. */
        {SERVER
         "location / {\nreturn 302 https://$host/login;\n}\nlocation /log/ { return 200; } }",
         MAP SERVER "location / {\nif ($real_scheme = http) { return 302 "
                    "https://$host:8443/login; }\n} }",
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 3, NULL, WEBCONF_FAULT, Q_PLAIN},
        {SERVER "location / {\nreturn 301 https://$http_host$request_uri;\n} }",
         MAP SERVER "location / {\nif ($real_scheme = http) { return 301 "
                    "https://$host:8443$request_uri; }\n} }",
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 3,
         "# http { }\n" MAP "# /etc/web/site.conf:3\n"
         "if ($real_scheme = http) {\n    return 301 https://$host:8443$request_uri;\n}",
         WEBCONF_FAULT, Q_PLAIN},
        /* Only some paths: perhaps. */
        {SERVER "location /admin {\nreturn 301 https://$http_host$request_uri;\n} }", NULL,
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 3, NULL, WEBCONF_WARNING, Q_PLAIN},
        {SERVER "location = / {\nreturn 302 http://$host:8080/login;\n} }",
         SERVER "location = / {\nabsolute_redirect off;\nreturn 302 /login;\n} }",
         WEBCONF_REMARK_REDIRECT_TO_HTTP, 3, "absolute_redirect off;\nreturn 302 /login;",
         WEBCONF_WARNING, Q_PLAIN},
        {SERVER "rewrite ^/old/(.*)$ $scheme://$http_host/new/$1;\n}",
         SERVER "absolute_redirect off;\nrewrite ^/old/(.*)$ /new/$1 redirect;\n}",
         WEBCONF_REMARK_REDIRECT_TO_HTTP, 2,
         "absolute_redirect off;\nrewrite ^/old/(.*)$ /new/$1 redirect;", WEBCONF_WARNING, Q_PLAIN},
        {SERVER_TLS "return 301 http://$host$request_uri; }", SERVER_TLS "}",
         WEBCONF_REMARK_REDIRECT_TO_HTTP, 2, "# return 301 http://$host$request_uri;",
         WEBCONF_FAULT, Q_TLS},
        {SERVER "location = / {\nreturn 302 https://$host/login;\n} }",
         SERVER "location = / {\nreturn 302 https://$http_host/login;\n} }",
         WEBCONF_REMARK_REDIRECT_LOSES_PORT, 3, "return 302 https://$http_host/login;",
         WEBCONF_WARNING, Q_PLAIN},
        {SERVER_TLS "rewrite ^/?$ https://$server_name/start redirect; }",
         SERVER_TLS "rewrite ^/?$ https://$http_host/start redirect; }",
         WEBCONF_REMARK_REDIRECT_LOSES_PORT, 2, "rewrite ^/?$ https://$http_host/start redirect;",
         WEBCONF_WARNING, Q_TLS},
        {SERVER_TLS "location = / {\nreturn 302 https://$host:9443/login;\n} }",
         SERVER_TLS "location = / {\nreturn 302 https://$http_host/login;\n} }",
         WEBCONF_REMARK_REDIRECT_INNER_PORT, 3, "return 302 https://$http_host/login;",
         WEBCONF_WARNING, Q_TLS},
        {SERVER "location = / { return 302 /login; }\n}",
         SERVER "absolute_redirect off;\nlocation = / { return 302 /login; }\n}",
         WEBCONF_REMARK_REDIRECT_MADE_ABSOLUTE, 2, "absolute_redirect off;\nreturn 302 /login;",
         WEBCONF_WARNING, Q_PLAIN},
        {"server { listen 9443 ssl; server_name app.example.com;\nlocation = / { return 302 /in; "
         "}\n}",
         "server { listen 9443 ssl; server_name app.example.com; port_in_redirect off;\n"
         "absolute_redirect off; location = / { return 302 /in; }\n}",
         WEBCONF_REMARK_REDIRECT_INNER_PORT,
         2,
         "absolute_redirect off;\nreturn 302 /in;",
         WEBCONF_WARNING,
         {.https = true, .port = 8443, .target_port = 9443, .target_speech = WEBCONF_SPEECH_TLS}},
        {SERVER "absolute_redirect on;\nroot /srv;\n}",
         SERVER "absolute_redirect off;\nroot /srv;\n}", WEBCONF_REMARK_SLASH_REDIRECT, 2,
         "absolute_redirect off;", WEBCONF_WARNING, Q_PLAIN},
        {SERVER "root /srv;\n}", SERVER "absolute_redirect off;\nroot /srv;\n}",
         WEBCONF_REMARK_SLASH_REDIRECT, 1, "absolute_redirect off;", WEBCONF_NOTE, Q_PLAIN},
        {"server { listen 8080; server_name www.example.com app.example.com;\n"
         "server_name_in_redirect on; }",
         "server { listen 8080; server_name www.example.com app.example.com;\n"
         "server_name_in_redirect off; }",
         WEBCONF_REMARK_SERVER_NAME_IN_REDIRECT, 2, "server_name_in_redirect off;", WEBCONF_WARNING,
         Q_PLAIN},
        {SERVER_TLS "error_page 497 https://$http_host$request_uri;\n}", SERVER_TLS "}",
         WEBCONF_REMARK_ERROR_PAGE_497, 2, "", WEBCONF_NOTE, Q_TLS},
    };
    judge_run_cases(WEBCONF_NGINX, cases, COUNT_OF(cases));
}

TEST("redirects that are right earn no remark")
{
    static const struct {
        const char *text;
        struct webconf_question q;
    } good[] = {
        {"server { listen 80; server_name app.example.com; return 301 "
         "https://www.example.com$request_uri; }",
         Q_443},
        {"server { listen 80; server_name app.example.com; return 301 https://$host$request_uri; "
         "}\n"
         "server { listen 443 ssl; server_name app.example.com; }",
         {.https = true, .port = 443, .target_port = 443, .target_speech = WEBCONF_SPEECH_TLS}},
        {SERVER "location = /old { return 301 https://$http_host/new; } }", Q_PLAIN},
        {SERVER
         "if ($host = www.example.com) { return 301 https://app.example.com$request_uri; } }",
         Q_PLAIN},
        {SERVER_TLS "if ($scheme = http) { return 301 https://$host$request_uri; } }", Q_TLS},
        {SERVER "if ($http_x_forwarded_proto = http) { return 301 https://$host$request_uri; } }",
         Q_PLAIN},
        {SERVER "rewrite ^/old/(.*)$ /new/$1 last; }", Q_PLAIN},
        {SERVER "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto "
                "$http_x_forwarded_proto; }",
         Q_PLAIN},
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct webconf_remarks *r = judge_text(WEBCONF_NGINX, good[i].text, &good[i].q);
        if (r->count != 0) {
            test_failed(__FILE__, __LINE__, "%s for\n%s", webconf_remark_name(r->items[0].kind),
                        good[i].text);
        }
        webconf_remarks_free(&r);
    }
}

TEST("what an application behind it is told")
{
    static const struct judge_case cases[] = {
        {SERVER "location / {\nproxy_pass http://127.0.0.1:3000;\n"
                "proxy_set_header X-Forwarded-Proto $scheme;\n} }",
         MAP SERVER "location / {\nproxy_pass http://127.0.0.1:3000;\n"
                    "proxy_set_header X-Forwarded-Proto $real_scheme;\n} }",
         WEBCONF_REMARK_FORWARDS_OWN_SCHEME, 4,
         "# http { }\n" MAP
         "# /etc/web/site.conf:4\nproxy_set_header X-Forwarded-Proto $real_scheme;",
         WEBCONF_WARNING, Q_PLAIN},
        {"proxy_set_header X-Forwarded-Port $server_port;\n" SERVER "}",
         "proxy_set_header X-Forwarded-Port $http_x_forwarded_port;\n" SERVER "}",
         WEBCONF_REMARK_FORWARDS_OWN_PORT, 1,
         "proxy_set_header X-Forwarded-Port $http_x_forwarded_port;", WEBCONF_WARNING, Q_PLAIN},
        {SERVER "location / {\nproxy_set_header Host $host; } }",
         SERVER "location / {\nproxy_set_header Host $http_host; } }",
         WEBCONF_REMARK_FORWARDS_HOST_WITHOUT_PORT, 3, "proxy_set_header Host $http_host;",
         WEBCONF_WARNING, Q_PLAIN},
        {SERVER "location ~ \\.php$ {\nfastcgi_param HTTPS $https if_not_empty; } }",
         SERVER "location ~ \\.php$ {\nfastcgi_param HTTPS $https if_not_empty;\n"
                "fastcgi_param HTTPS on; } }",
         WEBCONF_REMARK_FORWARDS_OWN_SCHEME, 3,
         "# http { }\nmap $http_x_forwarded_proto $real_https {\n    https on;\n}\n"
         "# /etc/web/site.conf:3\nfastcgi_param HTTPS $real_https if_not_empty;",
         WEBCONF_NOTE, Q_PLAIN},
    };
    judge_run_cases(WEBCONF_NGINX, cases, COUNT_OF(cases));
}

TEST("ports, protocols and names")
{
    static const struct judge_case cases[] = {
        {"server {\nlisten 8443 ssl http2;\n}",
         "server {\nlisten 8443;\n}",
         WEBCONF_REMARK_TARGET_SPEAKS_TLS,
         2,
         "listen 8443;",
         WEBCONF_FAULT,
         {.https = true, .port = 443, .target_port = 8443, .target_speech = WEBCONF_SPEECH_PLAIN}},
        {"server {\nlisten 8443;\nssl on;\n}",
         "server {\nlisten 8443;\n}",
         WEBCONF_REMARK_TARGET_SPEAKS_TLS,
         2,
         NULL,
         WEBCONF_FAULT,
         {.https = true, .port = 443, .target_port = 8443, .target_speech = WEBCONF_SPEECH_PLAIN}},
        {"server {\nlisten 8443 ssl;\n}",
         "server {\nlisten 8443;\n}",
         WEBCONF_REMARK_TARGET_NEEDS_TLS,
         2,
         "listen 8443;",
         WEBCONF_NOTE,
         {.https = true, .port = 443, .target_port = 8443}},
        {"server {\nlisten [::]:8443 default_server;\n}",
         "server {\nlisten [::]:8443 ssl default_server;\n}",
         WEBCONF_REMARK_TARGET_SPEAKS_PLAIN,
         2,
         "listen [::]:8443 ssl default_server;",
         WEBCONF_FAULT,
         {.https = true, .port = 443, .target_port = 8443, .target_speech = WEBCONF_SPEECH_TLS}},
        /* The socket speaks TLS when any server on it says so. */
        {"server {\nlisten 8443; server_name app.example.com;\n}\nserver { listen 8443 ssl; }",
         "server { listen 8443; server_name app.example.com;\n}\nserver { listen 8444 ssl; }",
         WEBCONF_REMARK_TARGET_SPEAKS_TLS,
         2,
         NULL,
         WEBCONF_FAULT,
         {.https = true, .port = 443, .target_port = 8443, .target_speech = WEBCONF_SPEECH_PLAIN}},
        {"server {\nlisten 443;\n}",
         "server {\nlisten 443 ssl;\n}",
         WEBCONF_REMARK_PLAIN_TLS_PORT,
         2,
         "listen 443 ssl;",
         WEBCONF_WARNING,
         {.https = true, .port = 443}},
        {"server {\nlisten 9443;\nssl_certificate /c.pem;\n}",
         "server {\nlisten 9443 ssl;\nssl_certificate /c.pem;\n}",
         WEBCONF_REMARK_PLAIN_TLS_PORT,
         2,
         "listen 9443 ssl;",
         WEBCONF_WARNING,
         {.https = true, .port = 443}},
        {"server {\nlisten 127.0.0.1:8080 proxy_protocol;\n}",
         "server {\nlisten 127.0.0.1:8080;\n}", WEBCONF_REMARK_PROXY_PROTOCOL, 2,
         "listen 127.0.0.1:8080;", WEBCONF_FAULT, Q_PLAIN},
        {SERVER_TLS "ssl_verify_client on;\n}", SERVER_TLS "ssl_verify_client optional;\n}",
         WEBCONF_REMARK_VERIFY_CLIENT, 2, "ssl_verify_client optional;", WEBCONF_FAULT, Q_TLS},
        {"server { listen 8443 ssl default_server;\nssl_reject_handshake on;\n}\n"
         "server { listen 8443 ssl; server_name other.example.com; }",
         "server { listen 8443 ssl default_server;\nssl_reject_handshake on;\n}\n"
         "server { listen 8443 ssl; server_name other.example.com app.example.com; }",
         WEBCONF_REMARK_REJECT_HANDSHAKE, 2, "server_name app.example.com;", WEBCONF_FAULT, Q_TLS},
        {"ssl_protocols TLSv1 TLSv1.1;\n" SERVER_TLS "}",
         "ssl_protocols TLSv1.1 TLSv1.2;\n" SERVER_TLS "}", WEBCONF_REMARK_OLD_PROTOCOLS, 1,
         "ssl_protocols TLSv1.2 TLSv1.3;", WEBCONF_FAULT, Q_TLS},
        {"server { listen 8080 default_server; server_name _;\nreturn 444;\n}\n"
         "server { listen 8080; server_name other.example.com; }",
         "server { listen 8080 default_server; server_name _;\nreturn 444;\n}\n"
         "server { listen 8080; server_name *.example.com; }",
         WEBCONF_REMARK_CLOSES_WITHOUT_ANSWER, 2, "server_name app.example.com;", WEBCONF_FAULT,
         Q_PLAIN},
        {"server {\nlisten 8080; server_name a.example.com;\n}\n"
         "server {\nlisten 8080 default_server; server_name b.example.com;\n}",
         "server {\nlisten 8080; server_name .example.com;\n}\n"
         "server {\nlisten 8080 default_server; server_name b.example.com;\n}",
         WEBCONF_REMARK_HOST_NOT_NAMED, 4, "server_name app.example.com;", WEBCONF_NOTE, Q_PLAIN},
        {"server {\nlisten 8080;\nserver_name app.example.com:8443 www.example.com;\n}",
         "server {\nlisten 8080;\nserver_name app.example.com www.example.com;\n}",
         WEBCONF_REMARK_NAME_WITH_PORT, 3, "server_name app.example.com www.example.com;",
         WEBCONF_WARNING, Q_PLAIN},
        {SERVER "keepalive_timeout 5;\n}",
         SERVER "keepalive_timeout 1m 65;\nkeepalive_timeout 75s;\n}",
         WEBCONF_REMARK_KEEPALIVE_SHORT, 2, "keepalive_timeout 75s;", WEBCONF_NOTE, Q_PLAIN},
        {SERVER "add_header Strict-Transport-Security \"includeSubDomains\";\n}",
         SERVER "add_header Strict-Transport-Security \"max-age=31536000\" always;\n}",
         WEBCONF_REMARK_HSTS_NOT_VALID, 2,
         "add_header Strict-Transport-Security \"max-age=31536000\" always;", WEBCONF_WARNING,
         Q_PLAIN},
        {SERVER
         "add_header Strict-Transport-Security \"max-age=600; includeSubDomains\" always;\n}",
         SERVER "add_header Strict-Transport-Security \"max-age=600\" always;\n}",
         WEBCONF_REMARK_HSTS_SUBDOMAINS, 2,
         "add_header Strict-Transport-Security \"max-age=600\" always;", WEBCONF_NOTE, Q_PLAIN},
        {"server { listen 80;\nadd_header Strict-Transport-Security max-age=600;\n}",
         "server { listen 80;\n}",
         WEBCONF_REMARK_HSTS_ON_PLAIN,
         2,
         "",
         WEBCONF_NOTE,
         {.https = false, .port = 80, .target_port = 80}},
    };
    judge_run_cases(WEBCONF_NGINX, cases, COUNT_OF(cases));
}

TEST("a port that nothing listens on is named together with those that are")
{
    static const struct webconf_question q = Q_PLAIN;
    struct webconf_remarks *r = judge_text(
        WEBCONF_NGINX, "server { listen 80; }\nserver { listen 443 ssl; listen 80; }", &q);
    const struct webconf_remark *m = judge_find(r, WEBCONF_REMARK_TARGET_PORT_MISSING);
    CHECK(m != NULL);
    for (size_t i = 0; m != NULL && i < m->arg_count; i++) {
        if (strcmp(m->args[i].key, "ports") == 0) {
            CHECK_STR(str_of(m->args[i].value), "80, 443");
        }
    }
    CHECK(m != NULL && !m->sure); /* a file of its own: the rest may lie elsewhere */
    webconf_remarks_free(&r);
}

TEST("without the target's port, what may answer is a note")
{
    static const struct webconf_question q = {.https = true, .port = 443};
    struct webconf_remarks *r = judge_text(
        WEBCONF_NGINX,
        "server { listen 80; server_name app.example.com; return 301 https://$host$request_uri; }\n"
        "server { listen 443 ssl; server_name app.example.com; }",
        &q);
    const struct webconf_remark *m = judge_find(r, WEBCONF_REMARK_REDIRECT_IGNORES_PROTO);
    CHECK(m != NULL && !m->sure && m->weight == WEBCONF_NOTE);
    webconf_remarks_free(&r);
}

TEST("the host decides which server is judged")
{
    static const char *const text =
        "server { listen 8080 default_server; return 301 https://$host:8443$request_uri; }\n"
        "server { listen 8080; server_name app.example.com; }\n"
        "server { listen 8080; server_name *.wild.example.com; }\n"
        "server { listen 8080; server_name ~^shop[0-9]+\\.example\\.com$; }";
    static const struct {
        const char *host;
        bool loops;
    } rows[] = {{"app.example.com", false},  {"APP.example.com", false},
                {"other.example.com", true}, {"a.wild.example.com", false},
                {"wild.example.com", true},  {"shop12.example.com", false},
                {"shop.example.com", true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct webconf_question q = Q_PLAIN;
        q.host = rows[i].host;
        struct webconf_remarks *r = judge_text(WEBCONF_NGINX, text, &q);
        bool found = judge_find(r, WEBCONF_REMARK_REDIRECT_IGNORES_PROTO) != NULL;
        if (found != rows[i].loops) {
            test_failed(__FILE__, __LINE__, "%s", rows[i].host);
        }
        webconf_remarks_free(&r);
    }
}

TEST("a piece without a server is judged as one")
{
    static const struct webconf_question q = Q_PLAIN;
    struct webconf_remarks *r = judge_text(
        WEBCONF_NGINX, "if ($scheme = http) {\n  return 301 https://$host$request_uri;\n}\n", &q);
    const struct webconf_remark *m = judge_find(r, WEBCONF_REMARK_REDIRECT_IGNORES_PROTO);
    CHECK(m != NULL && m->line == 2);
    webconf_remarks_free(&r);
}

TEST("without a host every server that listens there may answer")
{
    struct webconf_question q = Q_PLAIN;
    q.host = "";
    struct webconf_remarks *r =
        judge_text(WEBCONF_NGINX, SERVER "return 301 https://app.example.com$request_uri; }", &q);
    const struct webconf_remark *m = judge_find(r, WEBCONF_REMARK_REDIRECT_IGNORES_PROTO);
    CHECK(m != NULL && m->sure);
    for (size_t i = 0; i < r->count; i++) {
        CHECK(!str_find_char(str_of(r->items[i].corrected), '\003', NULL));
    }
    webconf_remarks_free(&r);
}

TEST_MAIN
