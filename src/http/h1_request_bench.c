/* SPDX-License-Identifier: Apache-2.0
 * Prints nanoseconds per parsed request head; the whole budget of a request is about 1.5 us. */
#include "base/clock.h"
#include "http/http.h"

#include <stdio.h>

struct sample {
    const char *title;
    const char *text;
};

static const struct sample samples[] = {
    {"load generator, 3 headers", "GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
                                  "User-Agent: load\r\nAccept: */*\r\n\r\n"},
    {"browser, 14 headers",
     "GET /assets/app.js?v=20240501 HTTP/1.1\r\nHost: web.elb.localhost:8443\r\n"
     "Connection: keep-alive\r\nCache-Control: max-age=0\r\n"
     "sec-ch-ua: \"Chromium\";v=\"124\", \"Not-A.Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\n"
     "Upgrade-Insecure-Requests: 1\r\n"
     "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n"
     "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n"
     "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nAccept-Encoding: gzip, deflate, br\r\n"
     "Accept-Language: en-GB,en;q=0.9\r\nCookie: sid=0123456789abcdef; theme=dark\r\n"
     "If-Modified-Since: Mon, 23 Nov 2026 17:11:54 GMT\r\n\r\n"},
    {"post with length, 6 headers",
     "POST /api/v1/orders HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: client/1.0\r\n"
     "Content-Type: application/json\r\nContent-Length: 348\r\nAccept: application/json\r\n"
     "X-Request-Id: 7c9e6679-7425-40de-944b-e07fc1f90ae7\r\n\r\n"},
};

enum { ROUNDS = 1000, REQUESTS = 1000 }; /* a round is short, so some are not disturbed */

static struct h1_request request;

/* The best round counts. */
static double
sample_run(const struct sample *sample)
{
    char bytes[2048];
    size_t n = strlen(sample->text);
    memcpy(bytes, sample->text, n);
    uint64_t best = UINT64_MAX;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t begin = clock_mono_us();
        for (unsigned i = 0; i < REQUESTS; i++) {
            struct h1_scan scan = {0};
            if (h1_request_parse(&scan, bytes, n, &request) != H1_DONE) {
                return -1;
            }
        }
        uint64_t took = clock_mono_us() - begin;
        best = MIN_OF(best, took);
    }
    return (double)best * 1000 / REQUESTS;
}

int
main(void)
{
    for (unsigned i = 0; i < COUNT_OF(samples); i++) {
        printf("%-30s %4zu bytes %7.0f ns/request\n", samples[i].title, strlen(samples[i].text),
               sample_run(&samples[i]));
    }
    return 0;
}
