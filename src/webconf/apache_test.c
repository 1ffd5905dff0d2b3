/* SPDX-License-Identifier: Apache-2.0
 * Unit tests of what is said about Apache configurations. */
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

#define HOST "Listen 8080\n<VirtualHost *:8080>\nServerName app.example.com\n"
#define HOST_80 "Listen 80\n<VirtualHost *:80>\nServerName app.example.com\n"
#define HOST_TLS "Listen 8443\n<VirtualHost *:8443>\nServerName app.example.com\nSSLEngine on\n"
#define END "</VirtualHost>\n"
#define HTTP_ONLY "RewriteCond %{HTTP:X-Forwarded-Proto} !=https\n"

TEST("redirects: what is wrong, where, and the mended lines")
{
    static const struct judge_case cases[] = {
        {HOST "RewriteEngine On\nRewriteCond %{HTTPS} off\n"
              "RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]\n" END,
         HOST "RewriteEngine On\n" HTTP_ONLY "RewriteCond %{HTTPS} off\n"
              "RewriteRule ^ https://%{SERVER_NAME}:8443%{REQUEST_URI} [R=301,L]\n" END,
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 6,
         HTTP_ONLY "RewriteCond %{HTTPS} off\n"
                   "RewriteRule ^ https://%{SERVER_NAME}:8443%{REQUEST_URI} [R=301,L]",
         WEBCONF_FAULT, Q_PLAIN},
        {HOST_80 "RewriteEngine On\nRewriteCond %{HTTPS} !=on\n"
                 "RewriteRule ^/?(.*)$ https://%{SERVER_NAME}/$1 [R=301,L]\n" END,
         HOST_80 "RewriteEngine On\nRewriteCond %{HTTP:X-Forwarded-Proto} !https [NC]\n"
                 "RewriteRule ^/?(.*)$ https://%{SERVER_NAME}/$1 [R=301,L]\n" END,
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 6,
         HTTP_ONLY "RewriteCond %{HTTPS} !=on\n"
                   "RewriteRule ^/?(.*)$ https://%{SERVER_NAME}/$1 [R=301,L]",
         WEBCONF_FAULT, Q_443},
        {HOST_80 "RewriteEngine On\nRewriteCond %{SERVER_PORT} 80\n"
                 "RewriteRule (.*) https://app.example.com$1 [R,L]\n" END,
         HOST_80 "RewriteEngine On\nRewriteCond %{HTTP:X-Forwarded-Port} ^80$\n"
                 "RewriteRule (.*) https://app.example.com$1 [R,L]\n" END,
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 6, NULL, WEBCONF_FAULT, Q_443},
        /* [OR] joins two conditions that are both true behind a load balancer. */
        {HOST_80 "RewriteEngine On\nRewriteCond %{HTTP_HOST} ^www\\. [NC,OR]\n"
                 "RewriteCond %{HTTPS} off\nRewriteRule ^ https://app.example.com%{REQUEST_URI} "
                 "[R=301,L]\n" END,
         HOST_80 "RewriteEngine On\nRewriteCond %{HTTP_HOST} ^www\\. [NC,OR]\n"
                 "RewriteCond %{HTTP:X-Forwarded-Proto} =http\n"
                 "RewriteRule ^ https://app.example.com%{REQUEST_URI} [R=301,L]\n" END,
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 7,
         HTTP_ONLY "RewriteCond %{HTTP_HOST} ^www\\. [NC,OR]\nRewriteCond %{HTTPS} off\n"
                   "RewriteRule ^ https://app.example.com%{REQUEST_URI} [R=301,L]",
         WEBCONF_FAULT, Q_443},
        /* Headers that a load balancer does not send, or that mod_rewrite does not know. */
        {HOST_80 "RewriteEngine On\nRewriteCond %{HTTP:X-Forwarded-SSL} !on\n"
                 "RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]\n" END,
         NULL, WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 6, NULL, WEBCONF_FAULT, Q_443},
        {HOST_80 "RewriteEngine On\nRewriteCond %{HTTP_X_FORWARDED_PROTO} !https\n"
                 "RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]\n" END,
         NULL, WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 6, NULL, WEBCONF_FAULT, Q_443},
        {HOST_80 "Redirect permanent / https://app.example.com/\n" END,
         HOST_80 "RewriteEngine On\n" HTTP_ONLY
                 "RewriteRule ^ https://app.example.com%{REQUEST_URI} [R=301,L]\n" END,
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 4,
         "RewriteEngine On\n" HTTP_ONLY
         "RewriteRule ^ https://app.example.com%{REQUEST_URI} [R=301,L]",
         WEBCONF_FAULT, Q_443},
        {HOST "Redirect / https://app.example.com/\n" END,
         HOST "RewriteEngine On\n" HTTP_ONLY
              "RewriteRule ^ https://app.example.com:8443%{REQUEST_URI} [R=302,L]\n" END,
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 4,
         "RewriteEngine On\n" HTTP_ONLY
         "RewriteRule ^ https://app.example.com:8443%{REQUEST_URI} [R=302,L]",
         WEBCONF_FAULT, Q_PLAIN},
        /* Outside of the virtual hosts, and handed on to them. */
        {"Listen 80\nRedirectMatch 301 ^/(.*)$ https://app.example.com/$1\n<VirtualHost "
         "*:80>\n" END,
         NULL, WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 2, NULL, WEBCONF_FAULT, Q_443},
        {HOST_80 "<If \"%{HTTPS} == 'off'\">\nRedirect 301 / https://app.example.com/\n</If>\n" END,
         HOST_80 "<If \"%{HTTP:X-Forwarded-Proto} == 'http'\">\n"
                 "Redirect 301 / https://app.example.com/\n</If>\n" END,
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 5, NULL, WEBCONF_FAULT, Q_443},
        {HOST_80
         "<If \"req('X-Forwarded-Proto') == 'https' && -n %{HTTP_HOST}\">\n</If>\n<Else>\n"
         "</Else>\n<If \"%{REQUEST_SCHEME} == 'https' || %{HTTPS} =~ /^on$/\">\n</If>\n<Else>\n"
         "Redirect 301 / https://app.example.com/\n</Else>\n" END,
         HOST_80 "<If \"req('X-Forwarded-Proto') == 'https'\">\n</If>\n<Else>\n"
                 "Redirect 301 / https://app.example.com/\n</Else>\n" END,
         WEBCONF_REMARK_REDIRECT_IGNORES_PROTO, 11, NULL, WEBCONF_FAULT, Q_443},
        {HOST "<Location /start>\nRedirect http://app.example.com:8443/in\n</Location>\n" END,
         HOST "<Location /start>\nRedirect https://app.example.com:8443/in\n</Location>\n" END,
         WEBCONF_REMARK_REDIRECT_TO_HTTP, 5, "Redirect https://app.example.com:8443/in",
         WEBCONF_WARNING, Q_PLAIN},
        {HOST "RewriteEngine On\nRewriteRule ^/$ http://%{HTTP_HOST}/start [R]\n" END,
         HOST "RewriteEngine On\nRewriteRule ^/$ https://%{HTTP_HOST}/start [R]\n" END,
         WEBCONF_REMARK_REDIRECT_TO_HTTP, 5, "RewriteRule ^/$ https://%{HTTP_HOST}/start [R]",
         WEBCONF_WARNING, Q_PLAIN},
        {HOST "Redirect /old /new\n" END,
         "Listen 8080\n<VirtualHost *:8080>\nServerName https://app.example.com:8443\n"
         "Redirect /old /new\n" END,
         WEBCONF_REMARK_REDIRECT_TO_HTTP, 4, "ServerName https://app.example.com:8443",
         WEBCONF_WARNING, Q_PLAIN},
        {HOST_TLS "RewriteEngine On\nRewriteRule ^/$ https://%{SERVER_NAME}/start [R=302]\n" END,
         HOST_TLS "RewriteEngine On\nRewriteRule ^/$ https://%{HTTP_HOST}/start [R=302]\n" END,
         WEBCONF_REMARK_REDIRECT_LOSES_PORT, 6,
         "RewriteRule ^/$ https://%{HTTP_HOST}/start [R=302]", WEBCONF_WARNING, Q_TLS},
        {HOST_TLS "Redirect /old https://app.example.com:9443/new\n" END,
         HOST_TLS "Redirect /old https://app.example.com:8443/new\n" END,
         WEBCONF_REMARK_REDIRECT_INNER_PORT, 5, "Redirect /old https://app.example.com:8443/new",
         WEBCONF_WARNING, Q_TLS},
        {"UseCanonicalName On\n" HOST_TLS END, "UseCanonicalName Off\n" HOST_TLS END,
         WEBCONF_REMARK_CANONICAL_NAME, 1, "UseCanonicalName Off", WEBCONF_WARNING, Q_TLS},
        {"Listen 8080\n<VirtualHost *:8080>\nServerName http://app.example.com\n" END,
         "Listen 8080\n<VirtualHost *:8080>\nServerName https://app.example.com:8443\n" END,
         WEBCONF_REMARK_SERVER_NAME_IS_HTTP, 3, "ServerName https://app.example.com:8443",
         WEBCONF_FAULT, Q_PLAIN},
        {HOST "DocumentRoot /srv\n" END,
         "Listen 8080\n<VirtualHost *:8080>\nServerName https://app.example.com:8443\n"
         "DocumentRoot /srv\n" END,
         WEBCONF_REMARK_SLASH_REDIRECT, 3, "ServerName https://app.example.com:8443", WEBCONF_NOTE,
         Q_PLAIN},
    };
    judge_run_cases(WEBCONF_APACHE, cases, COUNT_OF(cases));
}

TEST("what is right earns no remark")
{
    static const struct {
        const char *text;
        struct webconf_question q;
    } good[] = {
        {HOST_80 "Redirect permanent / https://www.example.com/\n" END, Q_443},
        {HOST "RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R]\n" END,
         Q_PLAIN}, /* engine off */
        {HOST_TLS "RewriteEngine On\nRewriteCond %{HTTPS} off\n"
                  "RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R]\n" END,
         Q_TLS},
        {HOST_80 "SetEnvIf X-Forwarded-Proto https HTTPS=on\nRewriteEngine On\n"
                 "RewriteCond %{ENV:HTTPS} !on\n"
                 "RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R]\n" END,
         Q_443},
        {HOST "RewriteEngine On\nRewriteRule ^/(.*)$ http://127.0.0.1:3000/$1 [P]\n" END, Q_PLAIN},
        {HOST "RewriteEngine On\nRewriteRule ^ - [E=X:1]\nRewriteRule ^/a$ /b [L]\n" END, Q_PLAIN},
        {"<IfModule !mod_ssl.c>\nRedirect / https://app.example.com/\n</IfModule>\n" HOST_80 END,
         Q_443},
        {HOST "RequestHeader setifempty X-Forwarded-Proto \"http\"\n" END, Q_PLAIN},
        {"SSLProtocol all -SSLv3 -TLSv1\n" HOST_TLS END, Q_TLS},
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct webconf_remarks *r = judge_text(WEBCONF_APACHE, good[i].text, &good[i].q);
        if (r->count != 0) {
            test_failed(__FILE__, __LINE__, "%s for\n%s", webconf_remark_name(r->items[0].kind),
                        good[i].text);
        }
        webconf_remarks_free(&r);
    }
}

TEST("ports, protocols, names, headers and times")
{
    static const struct judge_case cases[] = {
        {HOST_TLS END,
         "Listen 8443\n<VirtualHost *:8443>\nServerName app.example.com\n" END,
         WEBCONF_REMARK_TARGET_SPEAKS_TLS,
         4,
         "SSLEngine off",
         WEBCONF_FAULT,
         {.https = true, .port = 443, .target_port = 8443, .target_speech = WEBCONF_SPEECH_PLAIN}},
        {HOST END,
         HOST "SSLEngine on\n" END,
         WEBCONF_REMARK_TARGET_SPEAKS_PLAIN,
         2,
         "SSLEngine on",
         WEBCONF_FAULT,
         {.https = true, .port = 443, .target_port = 8080, .target_speech = WEBCONF_SPEECH_TLS}},
        /* The protocol behind the port of Listen does not switch TLS on. */
        {"Listen 443 https\n<VirtualHost *:443>\nServerName app.example.com\n" END,
         "Listen 443 https\n<VirtualHost *:443>\nServerName app.example.com\nSSLEngine on\n" END,
         WEBCONF_REMARK_PLAIN_TLS_PORT,
         2,
         "SSLEngine on",
         WEBCONF_WARNING,
         {.https = true, .port = 443, .target_port = 443}},
        {HOST "RemoteIPProxyProtocol On\n" END, HOST "RemoteIPProxyProtocol Off\n" END,
         WEBCONF_REMARK_PROXY_PROTOCOL, 4, "RemoteIPProxyProtocol Off", WEBCONF_FAULT, Q_PLAIN},
        {HOST_TLS "SSLVerifyClient require\n" END, HOST_TLS "SSLVerifyClient optional\n" END,
         WEBCONF_REMARK_VERIFY_CLIENT, 5, "SSLVerifyClient optional", WEBCONF_FAULT, Q_TLS},
        {"SSLProtocol -all +TLSv1\n" HOST_TLS END, "SSLProtocol -all +TLSv1.3\n" HOST_TLS END,
         WEBCONF_REMARK_OLD_PROTOCOLS, 1, "SSLProtocol -all +TLSv1.2 +TLSv1.3", WEBCONF_FAULT,
         Q_TLS},
        {HOST_TLS "SSLStrictSNIVHostCheck on\n" END, HOST_TLS END, WEBCONF_REMARK_STRICT_SNI, 5,
         "SSLStrictSNIVHostCheck off", WEBCONF_NOTE, Q_TLS},
        {HOST "ServerAlias www.example.com app.example.com:8443\n" END,
         HOST "ServerAlias www.example.com app.example.com\n" END, WEBCONF_REMARK_NAME_WITH_PORT, 4,
         "ServerAlias www.example.com app.example.com", WEBCONF_WARNING, Q_PLAIN},
        {"Listen 8080\n<VirtualHost *:8080>\nServerName a.example.com\n" END
         "<VirtualHost *:8080>\nServerName b.example.com\n" END,
         "Listen 8080\n<VirtualHost *:8080>\nServerName a.example.com\n" END
         "<VirtualHost *:8080>\nServerName b.example.com\nServerAlias *.example.com\n" END,
         WEBCONF_REMARK_HOST_NOT_NAMED, 2, "ServerAlias app.example.com", WEBCONF_NOTE, Q_PLAIN},
        {HOST "KeepAliveTimeout 5\n" END, HOST "KeepAliveTimeout 75\n" END,
         WEBCONF_REMARK_KEEPALIVE_SHORT, 4, "KeepAliveTimeout 75", WEBCONF_NOTE, Q_PLAIN},
        {"KeepAlive Off\n" HOST END, "KeepAlive On\n" HOST END, WEBCONF_REMARK_KEEPALIVE_SHORT, 1,
         "KeepAlive On\nKeepAliveTimeout 75", WEBCONF_NOTE, Q_PLAIN},
        {HOST "RequestHeader set X-Forwarded-Proto expr=%{REQUEST_SCHEME}\n" END,
         HOST "RequestHeader setifempty X-Forwarded-Proto \"http\"\n" END,
         WEBCONF_REMARK_FORWARDS_OWN_SCHEME, 4,
         "RequestHeader setifempty X-Forwarded-Proto \"http\"", WEBCONF_WARNING, Q_PLAIN},
        {HOST "RequestHeader unset X-Forwarded-Proto\n" END, HOST END,
         WEBCONF_REMARK_FORWARDS_OWN_SCHEME, 4, NULL, WEBCONF_WARNING, Q_PLAIN},
        {HOST "RequestHeader set X-Forwarded-Port \"8080\"\n" END,
         HOST "RequestHeader set X-Forwarded-Port \"8443\"\n" END, WEBCONF_REMARK_FORWARDS_OWN_PORT,
         4, "RequestHeader setifempty X-Forwarded-Port \"8443\"", WEBCONF_WARNING, Q_PLAIN},
        {HOST "Header always set Strict-Transport-Security \"max-age=1y\"\n" END,
         HOST "Header always set Strict-Transport-Security \"max-age=600\"\n" END,
         WEBCONF_REMARK_HSTS_NOT_VALID, 4,
         "Header always set Strict-Transport-Security \"max-age=31536000\"", WEBCONF_WARNING,
         Q_PLAIN},
    };
    judge_run_cases(WEBCONF_APACHE, cases, COUNT_OF(cases));
}

TEST("a file for one folder is judged without a virtual host")
{
    static const struct webconf_question q = Q_PLAIN;
    struct webconf_remarks *r = judge_text(WEBCONF_AUTO,
                                           "RewriteEngine On\nRewriteCond %{HTTPS} off\n"
                                           "RewriteRule ^(.*)$ https://%{HTTP_HOST}/$1 [R=301,L]\n",
                                           &q);
    const struct webconf_remark *m = judge_find(r, WEBCONF_REMARK_REDIRECT_IGNORES_PROTO);
    CHECK(m != NULL && m->line == 3 && m->sure);
    webconf_remarks_free(&r);
}

TEST("the server outside of the virtual hosts answers where none of them listens")
{
    static const char *const text =
        "Listen 80\nListen 8080\nServerName app.example.com\nRewriteEngine On\n"
        "RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R]\n"
        "<VirtualHost *:8080>\nServerName app.example.com\n</VirtualHost>\n";
    static const struct {
        uint16_t port;
        bool loops;
    } rows[] = {{80, true}, {8080, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct webconf_question q = Q_443;
        q.target_port = rows[i].port;
        struct webconf_remarks *r = judge_text(WEBCONF_APACHE, text, &q);
        CHECK((judge_find(r, WEBCONF_REMARK_REDIRECT_IGNORES_PROTO) != NULL) == rows[i].loops);
        webconf_remarks_free(&r);
    }
}

TEST_MAIN
