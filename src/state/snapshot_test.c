/* SPDX-License-Identifier: Apache-2.0
 * Tests of the snapshot: what is read, what is written, what is refused and how it is stored. The
 * rich document is a file, snapshot_fuzz_seeds/rich.json, handed over by SNAPSHOT_SEEDS. */
#include "state/snapshot.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"
#include "state/file.h"

/* The text of a seed; the caller frees it. */
static void
load_seed(const char *name, struct buf *out)
{
    struct errinfo e = {""};
    int fd = open(SNAPSHOT_SEEDS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0);
    if (file_load(fd, name, 1 << 20, out, &e) != ERR_OK) {
        test_failed(__FILE__, __LINE__, "%s", e.text);
    }
    CHECK_INT(close(fd), 0);
}

static struct model *
parse(struct str text)
{
    struct errinfo e = {""};
    struct model *m = NULL;
    if (snapshot_parse(text, &m, &e) != ERR_OK) {
        test_failed(__FILE__, __LINE__, "%s", e.text);
        exit(1); /* every test of the good document would crash now */
    }
    return m;
}

static struct model *
rich(void)
{
    AUTO(buf_free) struct buf text = {0};
    load_seed("rich.json", &text);
    return parse(buf_str(&text));
}

TEST("a document is written as it was read, byte for byte")
{
    static const char *const names[] = {"rich.json", "empty.json"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        AUTO(buf_free) struct buf text = {0};
        AUTO(buf_free) struct buf written = {0};
        load_seed(names[i], &text);
        struct model *m = parse(buf_str(&text));
        snapshot_write(m, &written);
        CHECK(!written.overflow);
        CHECK(str_eq(buf_str(&text), buf_str(&written)));
        model_unref(&m);
    }
}

TEST("the model's own members are read")
{
    struct model *m = rich();
    CHECK_INT(m->version, 7);
    CHECK_STR(m->account, "123456789012");
    CHECK_STR(m->region, "eu-central-1");
    CHECK_STR(m->domain, "elb.localhost");
    CHECK_INT(m->certificate_count, 2);
    CHECK_INT(m->target_group_count, 2);
    CHECK_INT(m->load_balancer_count, 1);
    model_unref(&m);
}

TEST("certificates are read")
{
    struct model *m = rich();
    const struct certificate *c = &m->certificates[0];
    CHECK_INT(c->source, CERTIFICATE_ISSUED);
    CHECK_STR(c->domain_name, "web.elb.localhost");
    CHECK_INT(c->name_count, 2);
    CHECK_STR(c->names[1], "*.elb.localhost");
    CHECK_INT(c->key_algorithm, KEY_EC_PRIME256V1);
    CHECK_INT(c->digest.n, 64);
    CHECK_INT(m->certificates[1].source, CERTIFICATE_IMPORTED);
    CHECK_INT(m->certificates[1].name_count, 0);
    model_unref(&m);
}

TEST("target groups, health checks and targets are read")
{
    struct model *m = rich();
    const struct target_group *g = &m->target_groups[0];
    char text[ADDR_TEXT];
    CHECK_STR(g->id, "0123456789abcdef");
    CHECK_INT(g->protocol, PROTOCOL_HTTP);
    CHECK_INT(g->target_type, TARGET_TYPE_IP);
    CHECK_INT(g->deregistration_delay_s, 300);
    CHECK(g->in_use);
    CHECK_INT(g->health_check.port, 0);
    CHECK_INT(g->health_check.unhealthy_threshold, 2);
    CHECK_INT(g->health_check.code_count, 2);
    CHECK_INT(g->health_check.codes[1].first, 300);
    CHECK_INT(g->health_check.codes[1].last, 399);
    CHECK_INT(g->target_count, 2);
    CHECK_STR(str_of(addr_port_text(&g->targets[0].addr, text)), "127.0.0.1:9101");
    CHECK_STR(str_of(addr_port_text(&g->targets[1].addr, text)), "[2001:db8::1]:65535");
    CHECK_INT(g->targets[1].slot, 4095);
    CHECK_INT(m->target_groups[1].health_check.port, 8443);
    CHECK_INT(m->target_groups[1].health_check.protocol, PROTOCOL_HTTPS);
    CHECK(!m->target_groups[1].in_use);
    model_unref(&m);
}

TEST("load balancers and listeners are read, references are pointers")
{
    struct model *m = rich();
    const struct load_balancer *lb = &m->load_balancers[0];
    char text[ADDR_TEXT];
    CHECK_STR(lb->log_id, "app/web/aaaaaaaaaaaaaaaa");
    CHECK_INT(lb->slot, 1);
    CHECK_INT(lb->client_keep_alive_s, 3600);
    CHECK(lb->access_logs.enabled);
    CHECK_STR(lb->access_logs.prefix, "web/\xc3\xa9");
    CHECK_INT(lb->address_count, 2);
    CHECK_STR(str_of(addr_text(&lb->addresses[1], text)), "::1");
    CHECK_INT(lb->listener_count, 2);
    const struct listener *l = &lb->listeners[0];
    CHECK(l->load_balancer == lb);
    CHECK_INT(l->protocol, PROTOCOL_HTTPS);
    CHECK_INT(l->port, 8443);
    CHECK_INT(l->certificate_count, 2);
    CHECK(l->certificates[1] == &m->certificates[1]);
    CHECK(l->default_action.target_group == &m->target_groups[0]);
    CHECK(model_listener_by_slot(m, 255) == &lb->listeners[1]);
    CHECK(lb->listeners[1].load_balancer == lb);
    CHECK_INT(lb->listeners[1].certificate_count, 0);
    model_unref(&m);
}

TEST("rules and actions are read")
{
    struct model *m = rich();
    const struct listener *l = m->load_balancers[0].listeners;
    CHECK_INT(l[0].rule_count, 2);
    const struct rule *r = &l[0].rules[0];
    CHECK_INT(r->priority, 10);
    CHECK_INT(r->condition_count, 2);
    CHECK_INT(r->conditions[0].field, CONDITION_PATH_PATTERN);
    CHECK_INT(r->conditions[0].value_count, 2);
    CHECK_STR(r->conditions[1].values[0], "*.example.com");
    CHECK_INT(r->action.type, ACTION_FIXED_RESPONSE);
    CHECK_INT(r->action.fixed_response.status, 200);
    CHECK(str_eq(r->action.fixed_response.body, (struct str){"Hello \"world\"\n\0", 15}));
    CHECK_INT(l[0].rules[1].action.type, ACTION_FORWARD);
    CHECK_INT(l[0].rules[1].action.order, 50000);
    const struct redirect *redirect = &l[1].default_action.redirect;
    CHECK_INT(l[1].default_action.type, ACTION_REDIRECT);
    CHECK_STR(redirect->path, "/#{path}");
    CHECK_INT(redirect->status, 301);
    model_unref(&m);
}

/* ---- refusals: one edit of the good document each ---- */

#define LB "load_balancers[0]"
#define TG "target_groups[0]"
static const struct {
    const char *find; /* its first occurrence is replaced */
    const char *replace;
    const char *message;
} edits[] = {
    {"\"version\": 7", "\"version\": -7", "version: -7 is not a version (from 0)"},
    {"\"version\": 7", "\"version\": 7.0", "version: is not a whole number"},
    {"\"version\": 7,", "", "version: is missing"},
    {"\"account\": \"123456789012\"", "\"account\": 1", "account: is not a text"},
    {"\"id\": \"11111111-2222", "\"id\": \"../keys-2222", "certificates[0].id: '../keys-2222"},
    {"\"source\": \"issued\"", "\"source\": \"found\"",
     "certificates[0].source: 'found' is not issued or imported"},
    {"\"*.elb.localhost\"", "\"\"", "certificates[0].names[1]: '' is not a text of one byte"},
    {"EC_prime256v1", "EC_tiny", "certificates[0].key_algorithm: 'EC_tiny' is not a key"},
    {"\"digest\": \"0123", "\"digest\": \"", "certificates[0].digest: '456789"},
    {"\"name\": \"web\"", "\"name\": \"\"", TG ".name: '' is not a name"},
    {"\"protocol\": \"HTTP\"", "\"protocol\": \"http\"", TG ".protocol: 'http' is not HTTP or"},
    {"\"port\": 80,", "\"port\": 0,", TG ".port: 0 is not a port (1-65535)"},
    {"\"target_type\": \"ip\"", "\"target_type\": \"alb\"", TG ".target_type: 'alb' is not"},
    {"\"traffic-port\"", "\"other\"", TG ".health_check.port: is not a whole number but should"},
    {"\"interval_s\": 30", "\"interval_s\": 301", TG ".health_check.interval_s: 301 is not an"},
    {"\"first\": 300", "\"first\": 400", TG ".health_check.codes[1]: the range 400-399 is empty"},
    {"\"in_use\": true", "\"in_use\": 1", TG ".in_use: is not true or false"},
    {"\"address\": \"127.0.0.1\"", "\"address\": \"localhost\"",
     TG ".targets[0].address: 'localhost' is not an IP address"},
    {"\"port\": 9101", "\"port\": 70000", TG ".targets[0].port: 70000 is not a port (1-65535)"},
    {"\"slot\": 4095", "\"slot\": 4096", TG ".targets[1].slot: 4096 is not a target's slot"},
    {"\"slot\": 4095", "\"slot\": 0", "slot 0 is used twice"},
    {"\"scheme\": \"internet-facing\"", "\"scheme\": \"outside\"",
     LB ".scheme: 'outside' is not internet-facing or internal"},
    {"\"idle_timeout_s\": 60", "\"idle_timeout_s\": 4001",
     LB ".idle_timeout_s: 4001 is not an idle timeout (1-4000 seconds)"},
    {"\"bucket\": \"openalb-demo-logs\"", "\"bucket\": \"\"", LB ".access_logs.bucket: is empty"},
    {"\"::1\"", "\"::1%lo\"", LB ".addresses[1]: '::1%lo' is not an IP address"},
    {"\"port\": 8080", "\"port\": 65536", LB ".listeners[1].port: 65536 is not a port (1-65535)"},
    {"\"port\": 8080", "\"port\": 8443", "A listener already exists on this port"},
    {"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", "", LB ".listeners[0].ssl_policy: '' is not"},
    {"\"certificates\": [\n            \"arn:aws:acm:eu-central-1:123456789012:certificate/1",
     "\"certificates\": [\n            \"arn:aws:acm:eu-central-1:123456789012:certificate/0",
     LB ".listeners[0].certificates[0]: there is no certificate 'arn:aws:acm:"},
    {"\"type\": \"forward\"", "\"type\": \"authenticate-oidc\"",
     LB ".listeners[0].default_action.type: 'authenticate-oidc' is not an action type"},
    {"\"target_group\": \"arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web",
     "\"target_group\": \"arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/www",
     LB ".listeners[0].default_action.target_group: there is no target group 'arn:"},
    {"\"type\": \"forward\"", "\"type\": \"redirect\"",
     LB ".listeners[0].default_action.redirect: is missing"},
    {"\"priority\": 10", "\"priority\": 50001", LB ".listeners[0].rules[0].priority: 50001 is"},
    {"\"priority\": 10", "\"priority\": 50000",
     LB ".listeners[0].rules[1]: the priority 50000 does not come after 50000"},
    {"\"field\": \"path-pattern\"", "\"field\": \"source-ip\"",
     LB ".listeners[0].rules[0].conditions[0].field: 'source-ip' is not"},
    {"\"values\": [\n                    \"*.example.com\"\n                  ]", "\"values\": []",
     LB ".listeners[0].rules[0].conditions[1]: the condition has no values"},
    {"\"status\": 301", "\"status\": 307",
     LB ".listeners[1].default_action.redirect.status: 307 is not 301 or 302"},
    {"\"format\": 1", "\"format\": 2", "format 2 is newer than this version of OpenALB reads (up"},
    {"\"format\": 1", "\"format\": \"1\"", "format: is not a whole number"},
    {"\"format\": 1,", "", "format: is missing"},
    {"\"region\":", "\"account\":", "not JSON: line 5 column"},
    {"\"load_balancers\": [", "\"load_balancers\": [0, ", LB ": is not an object"},
    {"\"load_balancers\": [", "\"load_balancers\": 0, \"x\": [", "load_balancers: is not a list"},
};

/* The text with the first `find` replaced; false when it does not occur. */
static bool
edit(struct str text, struct str find, struct str replace, struct buf *out)
{
    size_t at;
    if (!str_find(text, find, &at)) {
        return false;
    }
    buf_add_str(out, str_sub(text, 0, at));
    buf_add_str(out, replace);
    buf_add_str(out, str_sub(text, at + find.n, text.n));
    return true;
}

TEST("every wrong value is refused with its path")
{
    AUTO(buf_free) struct buf good = {0};
    load_seed("rich.json", &good);
    for (size_t i = 0; i < COUNT_OF(edits); i++) {
        AUTO(buf_free) struct buf bad = {0};
        struct errinfo e = {""};
        struct model *m = NULL;
        CHECK(edit(buf_str(&good), str_of(edits[i].find), str_of(edits[i].replace), &bad));
        enum err result = snapshot_parse(buf_str(&bad), &m, &e);
        if (result == ERR_OK || !str_find(str_of(e.text), str_of(edits[i].message), NULL)) {
            test_failed(__FILE__, __LINE__, "row %zu: %s \"%s\"", i, err_name(result), e.text);
        }
        CHECK(m == NULL);
        model_unref(&m);
    }
}

/* Leaves out the lines that define the key of one line; false when the line defines none. */
static bool
without_line(struct str text, size_t line, struct buf *out)
{
    struct str rest = text;
    struct str piece;
    bool key = false;
    for (size_t i = 0; str_cut(&rest, '\n', &piece); i++) {
        if (i == line) {
            struct str bare = str_trim(piece);
            key = str_starts(bare, STR("\"")) && str_ends(bare, STR(",")) &&
                  str_find(bare, STR("\": "), NULL) && !str_ends(bare, STR("{"));
        } else {
            buf_add_str(out, piece);
            buf_add_char(out, '\n');
        }
    }
    return key;
}

TEST("every single member that is left out is missed")
{
    AUTO(buf_free) struct buf good = {0};
    load_seed("rich.json", &good);
    size_t tried = 0;
    for (size_t line = 0; line < 250; line++) {
        AUTO(buf_free) struct buf bad = {0};
        struct errinfo e = {""};
        struct model *m = NULL;
        if (!without_line(buf_str(&good), line, &bad)) {
            continue;
        }
        tried++;
        CHECK(snapshot_parse(buf_str(&bad), &m, &e) != ERR_OK);
        if (!str_find(str_of(e.text), STR(": is missing"), NULL)) {
            test_failed(__FILE__, __LINE__, "line %zu: \"%s\"", line + 1, e.text);
        }
        model_unref(&m);
    }
    CHECK(tried > 80);
}

TEST("every truncation is refused")
{
    AUTO(buf_free) struct buf good = {0};
    load_seed("rich.json", &good);
    struct str text = buf_str(&good);
    for (size_t n = 0; n < text.n - 1; n += 7) {
        struct errinfo e;
        struct model *m = NULL;
        CHECK(snapshot_parse(str_sub(text, 0, n), &m, &e) == ERR_INVALID);
        CHECK(m == NULL);
    }
}

TEST("garbage is refused: not JSON, not UTF-8, no object, too deep, too large")
{
    static const char *const texts[] = {"",
                                        "null",
                                        "[]",
                                        "1",
                                        "{\"format\": 1}",
                                        "{",
                                        "\xff",
                                        "{\"format\": 1} x",
                                        "{\"format\": 1, \"a\": \"\xff\"}"};
    struct errinfo e;
    struct model *m = NULL;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        CHECK_INT(snapshot_parse(str_of(texts[i]), &m, &e), ERR_INVALID);
    }
    size_t size = LIMIT_SNAPSHOT_BYTES_MAX + 1;
    AUTO(xfree_ptr) char *large = xalloc(size);
    memset(large, '[', size);
    CHECK_INT(snapshot_parse((struct str){large, size}, &m, &e), ERR_TOO_LARGE);
    CHECK_INT(snapshot_parse((struct str){large, 1 << 20}, &m, &e), ERR_INVALID);
    CHECK(m == NULL);
}

TEST("a newer format is refused as not supported, whatever else it holds")
{
    struct errinfo e;
    struct model *m = NULL;
    CHECK_INT(snapshot_parse(STR("{\"format\": 2, \"all\": \"new\"}"), &m, &e), ERR_UNSUPPORTED);
    CHECK_STR(str_of(e.text), "format 2 is newer than this version of OpenALB reads (up to 1)");
}

TEST("unknown keys are ignored")
{
    AUTO(buf_free) struct buf good = {0};
    AUTO(buf_free) struct buf more = {0};
    load_seed("rich.json", &good);
    CHECK(edit(buf_str(&good), STR("\"version\": 7,"),
               STR("\"version\": 7, \"later\": {\"a\": [1]},"), &more));
    struct model *m = parse(buf_str(&more));
    CHECK_INT(m->version, 7);
    model_unref(&m);
}

/* ---- the file ---- */

struct folder {
    char path[64];
    int fd;
};

static struct folder
folder_make(void)
{
    struct folder f = {"/tmp/openalb-snapshot-XXXXXX", -1};
    CHECK(mkdtemp(f.path) != NULL);
    f.fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(f.fd >= 0);
    return f;
}

static void
folder_remove(struct folder *f)
{
    (void)unlinkat(f->fd, "snapshot.json", 0); /* there or not, depending on the test */
    (void)unlinkat(f->fd, "snapshot.json.new", 0);
    (void)close(f->fd);
    CHECK_INT(rmdir(f->path), 0);
}

static uint64_t
stored_version(const struct folder *f)
{
    struct errinfo e = {""};
    struct model *m = NULL;
    if (snapshot_load(f->fd, &m, &e) != ERR_OK) {
        test_failed(__FILE__, __LINE__, "%s", e.text);
        return 0;
    }
    uint64_t version = m->version;
    model_unref(&m);
    return version;
}

TEST("a stored snapshot is loaded again, the newer replaces the older")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct model *m = NULL;
    CHECK_INT(snapshot_load(f.fd, &m, &e), ERR_NOT_FOUND);
    m = rich();
    CHECK_INT(snapshot_store(f.fd, m, &e), ERR_OK);
    CHECK_INT(stored_version(&f), 7);
    m->version = 8;
    CHECK_INT(snapshot_store(f.fd, m, &e), ERR_OK);
    CHECK_INT(stored_version(&f), 8);
    CHECK(faccessat(f.fd, "snapshot.json.new", F_OK, 0) != 0);
    model_unref(&m);
    folder_remove(&f);
}

TEST("a snapshot.json.new left by a crash is ignored, then overwritten")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct model *m = rich();
    int fd = openat(f.fd, "snapshot.json.new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK_INT(write(fd, "{\"format\": 1, ", 14), 14);
    CHECK_INT(close(fd), 0);
    struct model *none = NULL;
    CHECK_INT(snapshot_load(f.fd, &none, &e), ERR_NOT_FOUND);
    CHECK_INT(snapshot_store(f.fd, m, &e), ERR_OK);
    CHECK_INT(stored_version(&f), 7);
    CHECK(faccessat(f.fd, "snapshot.json.new", F_OK, 0) != 0);
    model_unref(&m);
    folder_remove(&f);
}

TEST("a store that fails leaves the old snapshot in place")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct model *m = rich();
    CHECK_INT(snapshot_store(f.fd, m, &e), ERR_OK);
    CHECK_INT(mkdirat(f.fd, "snapshot.json.new", 0700), 0); /* in the way, for root as well */
    m->version = 8;
    CHECK_INT(snapshot_store(f.fd, m, &e), ERR_SYSTEM);
    CHECK_INT(stored_version(&f), 7);
    CHECK_INT(unlinkat(f.fd, "snapshot.json.new", AT_REMOVEDIR), 0);
    model_unref(&m);
    folder_remove(&f);
}

TEST("a model whose text is not UTF-8 is not stored, and the member is named")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct model *m = rich();
    m->certificates[1].domain_name = STR("\xff.example.com");
    CHECK_INT(snapshot_store(f.fd, m, &e), ERR_INVALID);
    CHECK_STR(str_of(e.text), "the text of 'domain_name' is not UTF-8");
    AUTO(buf_free) struct buf out = {0};
    snapshot_write(m, &out);
    CHECK(out.overflow);
    struct model *none = NULL;
    CHECK_INT(snapshot_load(f.fd, &none, &e), ERR_NOT_FOUND);
    model_unref(&m);
    folder_remove(&f);
}

TEST("a damaged file is refused by its name and place")
{
    struct folder f = folder_make();
    struct errinfo e;
    struct model *m = NULL;
    CHECK_INT(file_store(f.fd, "snapshot.json", STR("{\"format\": 1}"), 0644, &e), ERR_OK);
    CHECK_INT(snapshot_load(f.fd, &m, &e), ERR_INVALID);
    CHECK_STR(str_of(e.text), "snapshot.json: version: is missing");
    CHECK(m == NULL);
    folder_remove(&f);
}

TEST_MAIN
