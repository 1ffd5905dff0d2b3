/* SPDX-License-Identifier: Apache-2.0
 * What the supervisor tells when everything serves: the screen and the JSON line. */
#include "role/supervisor_int.h"

#include <jansson.h>

#include "base/test.h"

static struct serve_options options;
static struct supervisor supervisor;

static void
begin(const char *domain)
{
    static const char *templates[] = {"demo/web.yaml"};
    options = (struct serve_options){.state_dir = "./var",
                                     .domain = domain,
                                     .log_interval_s = 300,
                                     .template_files = templates,
                                     .template_count = 1};
    supervisor = (struct supervisor){.options = &options, .program = "openalb", .version = 7};
}

static void
add(uint32_t slot, const char *protocol, const char *ip, uint16_t port)
{
    struct listen_entry e = {.slot = slot};
    CHECK(addr_parse(str_of(ip), port, &e.addr));
    CHECK(str_copy_z(STR("web"), e.name, sizeof(e.name)));
    CHECK(str_copy_z(str_of(protocol), e.protocol, sizeof(e.protocol)));
    listen_plan_add(&supervisor.plan, &e);
}

static struct str
screen(bool colours, struct buf *out)
{
    buf_reset(out);
    ready_screen(&supervisor, colours, out);
    return buf_str(out);
}

static bool
has(struct str text, const char *part)
{
    return str_find(text, str_of(part), NULL);
}

static unsigned
lines(struct str text)
{
    unsigned count = 0;
    for (size_t i = 0; i < text.n; i++) {
        count += text.p[i] == '\n';
    }
    return count;
}

TEST("the screen names each listener once, the command, the logs, and stays short")
{
    begin("elb.localhost");
    add(1, "HTTP", "127.0.0.1", 8080);
    add(1, "HTTP", "::1", 8080);
    add(0, "HTTPS", "127.0.0.1", 8443);
    add(0, "HTTPS", "::1", 8443);
    struct buf out = {0};
    struct str text = screen(false, &out);
    CHECK(has(text, "    https://web.elb.localhost:8443\n"));
    CHECK(has(text, "    http://web.elb.localhost:8080\n"));
    CHECK(has(text, "curl --cacert ./var/ca.crt https://web.elb.localhost:8443/\n"));
    CHECK(has(text, "./var/s3/ (delivered every 300 s)"));
    CHECK(has(text, "openalb reload --state ./var"));
    CHECK(!has(text, "\033"));
    CHECK(lines(text) <= 14);
    CHECK(has(screen(true, &out), "\033[1;32mhttps://web.elb.localhost:8443\033[0m"));
    buf_free(&out);
    listen_plan_free(&supervisor.plan);
}

TEST("default ports are not written, many listeners are counted")
{
    begin("elb.localhost");
    add(0, "HTTPS", "127.0.0.1", 443);
    add(1, "HTTP", "127.0.0.1", 80);
    for (uint16_t i = 2; i < 12; i++) {
        add(i, "HTTP", "127.0.0.1", (uint16_t)(8000 + i));
    }
    struct buf out = {0};
    struct str text = screen(false, &out);
    CHECK(has(text, "https://web.elb.localhost\n"));
    CHECK(has(text, "http://web.elb.localhost\n"));
    CHECK(has(text, "and 8 more"));
    CHECK(lines(text) <= 14);
    buf_free(&out);
    listen_plan_free(&supervisor.plan);
}

TEST("curl is told the address where the name alone does not lead to it")
{
    begin("elb.localhost");
    struct buf out = {0};
    add(0, "HTTPS", "127.64.0.7", 8443);
    CHECK(has(screen(false, &out), "--resolve web.elb.localhost:8443:127.64.0.7 https://"));
    listen_plan_free(&supervisor.plan);
    begin("elb.example.net");
    add(0, "HTTP", "::1", 80);
    CHECK(has(screen(false, &out),
              "curl --resolve 'web.elb.example.net:80:[::1]' http://web.elb.example.net/"));
    buf_free(&out);
    listen_plan_free(&supervisor.plan);
}

TEST("without listeners the screen says that nothing is served")
{
    begin("elb.localhost");
    struct buf out = {0};
    CHECK(has(screen(false, &out), "nothing is served"));
    buf_free(&out);
}

TEST("the JSON line is one valid object with version, listeners and pids")
{
    begin("elb.localhost");
    add(0, "HTTPS", "127.0.0.1", 8443);
    add(0, "HTTPS", "::1", 8443);
    struct child children[2] = {{.kind = ROLE_CONTROL, .pid = 11},
                                {.kind = ROLE_WORKER, .pid = 12}};
    supervisor.children = children;
    supervisor.child_count = COUNT_OF(children);
    struct buf out = {0};
    ready_json(&supervisor, &out);
    struct str text = buf_str(&out);
    CHECK(str_ends(text, STR("\n")));
    CHECK_INT(lines(text), 1);
    json_t *root = json_loadb(text.p, text.n, 0, NULL);
    CHECK(json_is_true(json_object_get(root, "ready")));
    CHECK_INT(json_integer_value(json_object_get(root, "version")), 7);
    json_t *listeners = json_object_get(root, "listeners");
    CHECK_INT(json_array_size(listeners), 2);
    json_t *second = json_array_get(listeners, 1);
    CHECK_STR(str_of(json_string_value(json_object_get(second, "address"))), "::1");
    CHECK_INT(json_integer_value(json_object_get(second, "port")), 8443);
    CHECK_STR(str_of(json_string_value(json_object_get(second, "url"))),
              "https://web.elb.localhost:8443");
    json_t *pids = json_object_get(root, "pids");
    CHECK_INT(json_integer_value(json_object_get(pids, "control")), 11);
    json_t *workers = json_object_get(pids, "workers");
    CHECK_INT(json_integer_value(json_array_get(workers, 0)), 12);
    json_decref(root);
    buf_free(&out);
    listen_plan_free(&supervisor.plan);
}

TEST_MAIN
