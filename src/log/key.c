/* SPDX-License-Identifier: Apache-2.0
 * Object keys and file names of access logs [ALB log 3]. In the spool a file lies under its bucket
 * and its key, so that where it goes follows from where it is. */
#include "log/log_int.h"

#include "base/assert.h"
#include "base/clock.h"

static bool
is_key_char(char c)
{
    return ascii_is_alnum(c) || c == '.' || c == '-' || c == '_';
}

/* A piece of a key that becomes one file name: not empty, no ".", no "..". */
static bool
is_component(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is_key_char(s.p[i])) {
            return false;
        }
    }
    return s.n > 0 && s.n <= 255 && !str_eq(s, STR(".")) && !str_eq(s, STR(".."));
}

bool
log_prefix_legal(struct str prefix)
{
    if (prefix.n == 0) {
        return true;
    }
    if (prefix.n > LOG_PREFIX_MAX || str_find(prefix, STR("AWSLogs"), NULL)) {
        return false;
    }
    struct str piece;
    size_t depth = 0;
    bool good = !str_ends(prefix, STR("/"));
    for (struct str rest = prefix; str_cut(&rest, '/', &piece);) {
        good = good && is_component(piece);
        depth++;
    }
    return good && depth <= LOG_PREFIX_DEPTH_MAX;
}

/* "app/NAME/ID" as "app.NAME.ID". */
static void
out_dotted(struct out *o, struct str log_id)
{
    for (size_t i = 0; i < log_id.n; i++) {
        out_char(o, log_id.p[i] == '/' ? '.' : log_id.p[i]);
    }
}

static bool
out_finish_z(struct out *o)
{
    out_char(o, '\0');
    return !o->full;
}

bool
log_key_make(const struct log_destination *d, struct str account, struct str region,
             struct str log_id, struct log_key *ret_key)
{
    struct log_key k;
    struct out folder = out_of(k.folder, sizeof(k.folder));
    out_str(&folder, d->bucket);
    OUT_LIT(&folder, "/");
    if (d->prefix.n > 0) {
        out_str(&folder, d->prefix);
        OUT_LIT(&folder, "/");
    }
    OUT_LIT(&folder, "AWSLogs/");
    out_str(&folder, account);
    OUT_LIT(&folder, "/elasticloadbalancing/");
    out_str(&folder, region);
    struct out stem = out_of(k.stem, sizeof(k.stem));
    out_str(&stem, account);
    OUT_LIT(&stem, "_elasticloadbalancing_");
    out_str(&stem, region);
    OUT_LIT(&stem, "_");
    struct str dotted = {stem.p, 0};
    out_dotted(&stem, log_id);
    dotted.n = (size_t)(stem.p - dotted.p);
    bool fits = out_finish_z(&folder) && out_finish_z(&stem);
    if (!fits || !log_bucket_name_legal(d->bucket) || !log_prefix_legal(d->prefix) ||
        !is_component(account) || !is_component(region) || !is_component(dotted)) {
        return false;
    }
    *ret_key = k;
    return true;
}

static void
out_number(struct out *o, int value, int width)
{
    char digits[8];
    ASSERT(width <= (int)sizeof(digits));
    for (int i = width - 1; i >= 0; i--) {
        digits[i] = (char)('0' + value % 10);
        value /= 10;
    }
    out_bytes(o, digits, (size_t)width);
}

static void
out_day(struct out *o, const struct civil *c)
{
    out_char(o, '/');
    out_number(o, c->year, 4);
    out_char(o, '/');
    out_number(o, c->month, 2);
    out_char(o, '/');
    out_number(o, c->day, 2);
    out_char(o, '/');
}

static void
out_end(struct out *o, const struct civil *c, bool seconds)
{
    out_number(o, c->year, 4);
    out_number(o, c->month, 2);
    out_number(o, c->day, 2);
    out_char(o, 'T');
    out_number(o, c->hour, 2);
    out_number(o, c->minute, 2);
    if (seconds) {
        out_number(o, c->second, 2);
    }
    out_char(o, 'Z');
}

static void
out_node(struct out *o, const struct addr *node)
{
    char text[ADDR_TEXT];
    for (const char *p = addr_text(node, text); *p != '\0'; p++) {
        out_char(o, *p == ':' ? '.' : *p);
    }
}

/* Eight lower-case letters and digits. */
static void
out_random(struct out *o, uint64_t random)
{
    for (int i = 0; i < 8; i++) {
        out_char(o, "0123456789abcdefghijklmnopqrstuvwxyz"[random % 36]);
        random /= 36;
    }
}

bool
log_key_path(const struct log_key *k, const struct log_file_name *name,
             char ret_path[static LOG_PATH_MAX])
{
    struct civil c = clock_civil(name->end_us);
    struct out o = out_of(ret_path, LOG_PATH_MAX - LOG_OPEN_SUFFIX_MAX);
    out_str(&o, str_of(k->folder));
    out_day(&o, &c);
    out_str(&o, str_of(k->stem));
    out_char(&o, '_');
    out_end(&o, &c, name->seconds);
    out_char(&o, '_');
    out_node(&o, &name->node);
    out_char(&o, '_');
    out_random(&o, name->random);
    OUT_LIT(&o, ".log");
    return out_finish_z(&o);
}

uint64_t
log_interval_end_us(uint64_t wall_us, uint32_t interval_s)
{
    ASSERT(interval_s > 0);
    const uint64_t day_us = UINT64_C(86400) * 1000000;
    uint64_t interval_us = (uint64_t)interval_s * 1000000;
    uint64_t midnight = wall_us / day_us * day_us;
    uint64_t end = midnight + ((wall_us - midnight) / interval_us + 1) * interval_us;
    return MIN_OF(end, midnight + day_us);
}

bool
log_file_kind(struct str name, struct log_file_kind *ret_kind)
{
    struct log_file_kind kind = {.final_n = name.n};
    if (str_ends(name, STR(".log"))) {
        *ret_kind = kind;
        return true;
    }
    size_t at;
    if (!str_find(name, STR(".log.open."), &at)) {
        return false;
    }
    kind.open = true;
    kind.final_n = at + 4;
    struct str rest = str_sub(name, at + 10, name.n);
    struct str worker;
    int64_t w;
    int64_t g;
    if (!str_cut(&rest, '.', &worker) || !str_to_int_range(worker, 0, UINT32_MAX, &w) ||
        !str_to_int_range(rest, 0, UINT32_MAX, &g)) {
        return false;
    }
    kind.worker = (unsigned)w;
    kind.generation = (uint32_t)g;
    *ret_kind = kind;
    return true;
}

void
log_open_name(struct out *o, const char *path, unsigned worker, uint32_t generation)
{
    out_str(o, str_of(path));
    OUT_LIT(o, ".open.");
    out_u64(o, worker);
    out_char(o, '.');
    out_u64(o, generation);
    out_char(o, '\0');
}
