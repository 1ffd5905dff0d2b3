/* SPDX-License-Identifier: Apache-2.0
 * `openalb hsts --json`. Times are UTC; what is not known is null; a path that is no UTF-8 has its
 * odd bytes as \xHH. */
#include "cli/hsts_report.h"

#include <jansson.h>

#include "base/clock.h"
#include "base/mem.h"

/* ---- values ---- */

static json_t *
text(struct str s)
{
    if (s.p == NULL) {
        return json_null();
    }
    json_t *made = json_stringn(s.p, s.n);
    if (made == NULL) { /* not UTF-8 */
        AUTO(buf_free) struct buf safe = {0};
        text_add_safe(&safe, s);
        made = json_stringn(safe.p, safe.n);
    }
    return made;
}

/* "2026-11-23T17:11:54Z"; null for 0 and for what has no end. */
static json_t *
time_of(uint64_t time_s)
{
    enum { YEAR_10000_S = 253402300800, SECONDS = 19 };
    char iso[32];
    struct out o = out_of(iso, sizeof(iso));
    if (time_s == 0 || time_s >= (uint64_t)YEAR_10000_S) {
        return json_null();
    }
    out_iso8601(&o, time_s * 1000000, true);
    iso[SECONDS] = 'Z';
    return json_stringn(iso, SECONDS + 1);
}

static void
set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value); /* memory alone can fail: the key is missing */
}

static void
set_z(json_t *object, const char *key, const char *value)
{
    set(object, key, text(str_of(value)));
}

static void
write_out(struct buf *out, json_t *root)
{
    char *dumped = json_dumps(root, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    buf_add_z(out, dumped == NULL ? "null" : dumped);
    buf_add_char(out, '\n');
    xfree(dumped);
    json_decref(root);
}

/* ---- pieces ---- */

static const char *const state_names[] = {
#define STORE_STATE(name, read, sentence) [HSTS_STORE_##name] = #name,
#include "hsts/store_states.def"
#undef STORE_STATE
};

/* The table's name in small letters. */
static json_t *
state_of(enum hsts_store_state state)
{
    char name[32];
    size_t n = strlen(state_names[state]);
    for (size_t i = 0; i < n && i < sizeof(name); i++) {
        name[i] = ascii_lower(state_names[state][i]);
    }
    return json_stringn(name, MIN_OF(n, sizeof(name)));
}

static json_t *
lock_of(const struct hsts_lock *lock)
{
    if (!lock->held) {
        return json_null();
    }
    json_t *made = json_object();
    set(made, "pid", lock->pid > 0 ? json_integer(lock->pid) : json_null());
    set_z(made, "lock", lock->path);
    set(made, "other_machine", json_boolean(lock->foreign));
    return made;
}

static void
set_store_names(json_t *made, const struct hsts_store *s)
{
    set_z(made, "client", hsts_client_name(s->client));
    set_z(made, "browser", s->browser);
    set_z(made, "profile", s->profile);
    set_z(made, "file", s->file);
}

static json_t *
store_of(const struct hsts_store *s)
{
    json_t *made = json_object();
    set_store_names(made, s);
    set(made, "state", state_of(s->state));
    set_z(made, "reason", s->error == 0 ? NULL : strerror(s->error));
    set(made, "file_time", time_of(s->mtime_s));
    set(made, "damaged_entries", json_integer((json_int_t)s->damaged));
    set(made, "https_only_mode", json_boolean(s->https_only));
    set(made, "running", lock_of(&s->lock));
    return made;
}

static json_t *
entry_of(const struct hsts_found *f, const struct hsts_entry *e)
{
    static const char *const states[] = {
        [HSTS_ENTRY_SET] = "set",
        [HSTS_ENTRY_UNSET] = "unset",
        [HSTS_ENTRY_KNOCKOUT] = "knockout",
        [HSTS_ENTRY_NEGATIVE] = "negative",
    };
    const struct hsts_store *s = &f->stores[e->store];
    bool firefox = s->client == HSTS_FIREFOX;
    json_t *made = json_object();
    set_store_names(made, s);
    set_z(made, "name", e->name);
    set(made, "parent", json_boolean(e->is_parent));
    set(made, "include_subdomains", json_boolean(e->include_subdomains));
    set(made, "applies", json_boolean(e->applies));
    set_z(made, "state", states[e->state]);
    set(made, "observed", firefox ? json_null() : time_of(e->observed_s));
    set(made, "last_used", firefox ? time_of(e->observed_s) : json_null());
    set(made, "expires", time_of(e->expiry_s));
    set(made, "expired", json_boolean(e->expired));
    set(made, "port", e->port == 0 ? json_null() : json_integer(e->port));
    set_z(made, "partition", e->partition);
    return made;
}

static json_t *
preloaded_of(const struct hsts_preloaded *p)
{
    json_t *made = json_object();
    set_z(made, "name", p->name);
    set(made, "parent", json_boolean(p->is_parent));
    set(made, "include_subdomains", json_boolean(p->include_subdomains));
    set(made, "applies", json_boolean(p->applies));
    set_z(made, "source", p->from_list ? "list" : "built-in");
    return made;
}

static json_t *
preloaded_all(const struct hsts_found *f)
{
    json_t *all = json_array();
    for (size_t i = 0; i < f->preloaded_count; i++) {
        (void)json_array_append_new(all, preloaded_of(&f->preloaded[i])); /* as in set() */
    }
    return all;
}

static json_t *
entries_all(const struct hsts_found *f)
{
    json_t *all = json_array();
    for (size_t i = 0; i < f->entry_count; i++) {
        (void)json_array_append_new(all, entry_of(f, &f->entries[i])); /* as in set() */
    }
    return all;
}

static json_t *
stores_all(const struct hsts_found *f)
{
    json_t *all = json_array();
    for (size_t i = 0; i < f->store_count; i++) {
        (void)json_array_append_new(all, store_of(&f->stores[i])); /* as in set() */
    }
    return all;
}

/* ---- the three answers ---- */

void
hsts_show_json(struct buf *out, const struct hsts_found *f)
{
    json_t *root = json_object();
    set_z(root, "host", f->names[0]);
    set(root, "applies", json_boolean(hsts_applies(f)));
    set(root, "entries", entries_all(f));
    set(root, "preloaded", preloaded_all(f));
    set(root, "stores", stores_all(f));
    set(root, "entries_left_out", json_integer((json_int_t)f->entries_left_out));
    set(root, "profiles_left_out", json_integer((json_int_t)f->profiles_left_out));
    set(root, "error", json_null());
    write_out(out, root);
}

static const char *
reason_of(const struct hsts_cause *c)
{
    if (c->entry != NULL) {
        return "entry";
    }
    if (c->preloaded != NULL) {
        return "preloaded";
    }
    return c->setting ? "setting" : NULL;
}

static const char *
name_of(const struct hsts_cause *c)
{
    if (c->entry != NULL) {
        return c->entry->name;
    }
    return c->preloaded != NULL ? c->preloaded->name : NULL;
}

static json_t *
client_of(const struct hsts_found *f, size_t store, const struct hsts_url *url, struct str becomes)
{
    struct hsts_cause c = {.entry = NULL};
    if (!url->secure) {
        c = hsts_cause(f, store, url->port);
    }
    json_t *made = json_object();
    set_store_names(made, &f->stores[store]);
    set(made, "changed", json_boolean(hsts_cause_any(&c)));
    set(made, "becomes", hsts_cause_any(&c) ? text(becomes) : json_null());
    set_z(made, "reason", reason_of(&c));
    set_z(made, "name", name_of(&c));
    set(made, "until", c.entry != NULL ? time_of(c.entry->expiry_s) : json_null());
    set(made, "state", state_of(f->stores[store].state));
    set(made, "running", lock_of(&f->stores[store].lock));
    return made;
}

void
hsts_explain_json(struct buf *out, const struct hsts_found *f, const struct hsts_url *url,
                  struct str typed)
{
    AUTO(buf_free) struct buf becomes = {0};
    bool may_change = hsts_url(url, &becomes);
    json_t *root = json_object();
    json_t *clients = json_array();
    for (size_t i = 0; i < f->store_count; i++) {
        (void)json_array_append_new(clients, client_of(f, i, url, buf_str(&becomes)));
    }
    set(root, "url", text(typed));
    set_z(root, "host", f->names[0]);
    set(root, "port", json_integer(url->port));
    set(root, "becomes", may_change ? text(buf_str(&becomes)) : json_null());
    set(root, "clients", clients);
    set(root, "preloaded", preloaded_all(f));
    set(root, "error", json_null());
    write_out(out, root);
}

static json_t *
step_of(const struct hsts_step *step)
{
    static const char *const results[] = {
        [HSTS_NOT_THERE] = "not_there",
        [HSTS_REMOVED] = "removed",
        [HSTS_RUNNING] = "running",
        [HSTS_CHANGED] = "changed_meanwhile",
    };
    AUTO(buf_free) struct buf undo = {0};
    bool failed = step->error != ERR_OK;
    json_t *made = json_object();
    if (step->removal.backup != NULL) {
        hsts_undo_command(&undo, &step->removal);
    }
    set_store_names(made, step->store);
    set_z(made, "result", failed ? "failed" : results[step->removal.result]);
    set_z(made, "reason", failed ? step->reason.text : NULL);
    set(made, "entries", json_integer((json_int_t)step->removal.count));
    set_z(made, "backup", step->removal.backup);
    set(made, "undo", text(buf_str(&undo)));
    set(made, "running", lock_of(&step->removal.lock));
    return made;
}

void
hsts_remove_json(struct buf *out, const struct hsts_steps *steps)
{
    json_t *root = json_object();
    json_t *all = json_array();
    for (size_t i = 0; i < steps->count; i++) {
        (void)json_array_append_new(all, step_of(&steps->items[i])); /* as in set() */
    }
    set_z(root, "host", steps->after->names[0]);
    set(root, "dry_run", json_boolean(steps->dry_run));
    set(root, "stores", all);
    set(root, "still_applies", json_boolean(hsts_applies(steps->after)));
    set(root, "entries", entries_all(steps->after));
    set(root, "preloaded", preloaded_all(steps->after));
    set(root, "error", json_null());
    write_out(out, root);
}

void
hsts_error_json(struct buf *out, struct str sentence)
{
    json_t *root = json_object();
    set(root, "error", text(sentence));
    write_out(out, root);
}
