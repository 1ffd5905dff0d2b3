/* SPDX-License-Identifier: Apache-2.0
 * Chromium and its relatives: TransportSecurity, Preferences, SingletonLock. */
#include "hsts/hsts_int.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "text/text.h"

enum { TRANSPORT_SECURITY_VERSION = 2 };

/* ---- bounds before the JSON library sees the text ---- */

struct json_scan {
    size_t depth;
    size_t values;
    bool in_string;
    bool escaped;
};

static void
scan_char(struct json_scan *s, char c)
{
    if (s->in_string) {
        s->in_string = s->escaped || c != '"';
        s->escaped = !s->escaped && c == '\\';
        return;
    }
    s->in_string = c == '"';
    switch (c) {
    case '{':
    case '[':
        s->depth++;
        s->values++;
        break;
    case '}':
    case ']': s->depth -= s->depth > 0; break;
    case ',': s->values++; break;
    default: break;
    }
}

bool
hsts_json_bounded(struct str text)
{
    struct json_scan s = {0};
    for (size_t i = 0; i < text.n; i++) {
        scan_char(&s, text.p[i]);
        if (s.depth > LIMIT_HSTS_JSON_DEPTH_MAX || s.values > LIMIT_HSTS_JSON_VALUES_MAX) {
            return false;
        }
    }
    return true;
}

/* NULL: not JSON, or beyond the bounds. */
static json_t *
load(struct str text)
{
    return hsts_json_bounded(text) ? json_loadb(text.p, text.n, 0, NULL) : NULL;
}

static void
json_free(json_t **j)
{
    json_decref(*j);
}

static struct str
json_str(const json_t *j)
{
    return json_is_string(j) ? (struct str){json_string_value(j), json_string_length(j)} : STR_NONE;
}

/* ---- TransportSecurity ---- */

static bool
is_version(const json_t *root)
{
    return json_integer_value(json_object_get(root, "version")) == TRANSPORT_SECURITY_VERSION;
}

/* Seconds since 1970 of a number with a fraction; 0 when it is none or is absurd. */
static uint64_t
seconds_of(const json_t *number)
{
    double s = json_number_value(number);
    return s >= 1 && s < 0x1p53 ? (uint64_t)s : 0;
}

static bool
find_key(const struct hsts_query *q, struct str key, size_t *ret_index)
{
    for (size_t i = 0; i < q->found->name_count; i++) {
        if (str_eq(key, str_of(q->keys[i]))) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static bool
entry_sound(const json_t *e)
{
    return json_str(json_object_get(e, "host")).n == HSTS_CHROMIUM_KEY - 1 &&
           json_is_string(json_object_get(e, "mode")) &&
           json_is_number(json_object_get(e, "expiry"));
}

static void
read_entry(struct hsts_query *q, size_t store, const json_t *e)
{
    size_t index;
    if (!entry_sound(e)) {
        q->found->stores[store].damaged++;
        return;
    }
    if (!find_key(q, json_str(json_object_get(e, "host")), &index)) {
        return;
    }
    bool force = str_eq(json_str(json_object_get(e, "mode")), STR("force-https"));
    struct hsts_entry made = {
        .include_subdomains = json_is_true(json_object_get(e, "sts_include_subdomains")),
        .state = force ? HSTS_ENTRY_SET : HSTS_ENTRY_UNSET,
        .observed_s = seconds_of(json_object_get(e, "sts_observed")),
        .expiry_s = seconds_of(json_object_get(e, "expiry")),
    };
    hsts_query_add(q, store, index, made);
}

static enum hsts_store_state
chromium_read(struct hsts_query *q, size_t store, struct str bytes)
{
    AUTO(json_free) json_t *root = load(bytes);
    if (!json_is_object(root)) {
        return HSTS_STORE_DAMAGED;
    }
    if (!is_version(root)) {
        return HSTS_STORE_VERSION;
    }
    const json_t *entries = json_object_get(root, "sts");
    if (entries != NULL && !json_is_array(entries)) {
        return HSTS_STORE_DAMAGED;
    }
    for (size_t i = 0; i < json_array_size(entries); i++) {
        read_entry(q, store, json_array_get(entries, i));
    }
    return HSTS_STORE_READ;
}

static void
remove_key(json_t *entries, struct str key, size_t *ret_count)
{
    size_t count = 0;
    json_t *kept = json_array();
    for (size_t i = 0; i < json_array_size(entries); i++) {
        json_t *e = json_array_get(entries, i);
        if (str_eq(json_str(json_object_get(e, "host")), key)) {
            count++;
        } else {
            (void)json_array_append(kept, e); /* a failure shows when the array is read again */
        }
    }
    (void)json_array_clear(entries); /* cannot fail: it is an array */
    (void)json_array_extend(entries, kept);
    json_decref(kept);
    *ret_count = count;
}

static enum err
chromium_cut(struct str bytes, struct str name, struct buf *out, size_t *ret_count,
             struct errinfo *reterr)
{
    char key[HSTS_CHROMIUM_KEY];
    AUTO(json_free) json_t *root = load(bytes);
    json_t *entries = json_object_get(root, "sts");
    hsts_chromium_key(name, key);
    if (!json_is_array(entries) || !is_version(root)) {
        return text_err(reterr, ERR_INVALID,
                        N_("The file is damaged; its format was not recognised."), NULL, 0);
    }
    size_t before = json_array_size(entries);
    remove_key(entries, str_of(key), ret_count);
    /* 17 digits: the times of the other hosts stay what they are, to the last bit */
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (text == NULL || json_array_size(entries) + *ret_count != before) {
        xfree(text);
        return text_err(reterr, ERR_NO_MEMORY, N_("There is not enough memory for the new file."),
                        NULL, 0);
    }
    buf_add_z(out, text);
    xfree(text);
    return ERR_OK;
}

const struct hsts_format hsts_chromium_format = {chromium_read, chromium_cut};

/* ---- Preferences ---- */

bool
hsts_chromium_https_only(struct str preferences)
{
    AUTO(json_free) json_t *root = load(preferences);
    return json_is_true(json_object_get(root, "https_only_mode_enabled"));
}

/* ---- SingletonLock: a symbolic link to "hostname-pid" in the user data folder ---- */

static bool
is_here(struct str host)
{
    char name[HOST_NAME_MAX + 1] = "";
    (void)gethostname(name, sizeof(name) - 1); /* empty: no host is this one */
    return str_eq(host, str_of(name));
}

static bool
is_alive(int64_t pid)
{
    return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

void
hsts_chromium_lock(const char *profile, struct hsts_lock *ret)
{
    char target[HOST_NAME_MAX + 32];
    size_t slash, dash;
    *ret = (struct hsts_lock){.held = false};
    if (!str_rfind_char(str_of(profile), '/', &slash)) {
        return;
    }
    char *path = xprintf("%.*s/SingletonLock", (int)slash, profile);
    ssize_t n = readlink(path, target, sizeof(target));
    if (n < 0) {
        xfree(path);
        return;
    }
    struct str text = {target, (size_t)n};
    ret->path = path;
    if (!str_rfind_char(text, '-', &dash) ||
        !str_to_int_range(str_sub(text, dash + 1, text.n), 1, INT_MAX, &ret->pid)) {
        ret->held = true; /* not as we know it: the careful answer */
        return;
    }
    ret->foreign = !is_here(str_sub(text, 0, dash));
    ret->held = ret->foreign || is_alive(ret->pid);
}
