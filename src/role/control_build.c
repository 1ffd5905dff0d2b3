/* SPDX-License-Identifier: Apache-2.0
 * From templates to a published configuration: build, certificates, log buckets, ports, files. Any
 * refusal leaves everything that serves as it was. */
#include "role/control_int.h"

#include <stdio.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/limits.h"
#include "base/mem.h"
#include "log/log.h"
#include "net/listen.h"
#include "role/role_int.h"
#include "state/file.h"
#include "tls/tls.h"

enum { PEM_BYTES_MAX = 1024 * 1024 };

/* One build under way. */
struct building {
    struct control *control; /* borrowed */
    struct ids *ids;         /* owned */
    struct str *names;       /* owned: of --parameter */
    struct str *values;      /* owned */
    size_t parameter_count;
};

/* ---- what template_build() asks for ---- */

static struct str
give_id(void *context, struct str stack, struct str logical_id, struct str kind)
{
    struct building *b = context;
    return ids_get(b->ids, stack, logical_id, kind);
}

static bool
give_slot(void *context, struct str key, uint32_t *ret_slot)
{
    static const struct {
        struct str prefix;
        uint32_t max;
    } spaces[] = {
        {{"target:", 7}, LIMIT_TARGETS_MAX},
        {{"listener:", 9}, LIMIT_LISTENERS_MAX},
        {{"lb:", 3}, LIMIT_LOAD_BALANCERS_MAX},
    };
    struct building *b = context;
    for (size_t i = 0; i < COUNT_OF(spaces); i++) {
        if (str_starts(key, spaces[i].prefix)) {
            return ids_slot(b->ids, key, spaces[i].max, ret_slot);
        }
    }
    NEVER("builders ask for slots of these spaces only");
}

/* The whole file, by offset; at most `max` bytes. */
static enum err
read_fd(int fd, size_t max, struct buf *out, struct errinfo *reterr)
{
    char chunk[16 * 1024];
    off_t at = 0;
    ssize_t n;
    while ((n = pread(fd, chunk, sizeof(chunk), at)) > 0) {
        at += n;
        if ((size_t)at > max) {
            return err_set(reterr, ERR_TOO_LARGE, "it has more than %zu bytes", max);
        }
        buf_add(out, chunk, (size_t)n);
    }
    return n < 0 ? err_errno(reterr, "cannot read it") : ERR_OK;
}

/* A relative path begins at the template's folder. */
static bool
join_path(struct str template_file, struct str path, char *to, size_t size)
{
    struct out o = out_of(to, size - 1);
    size_t slash;
    if (!str_starts(path, STR("/")) && str_rfind_char(template_file, '/', &slash)) {
        out_str(&o, str_sub(template_file, 0, slash + 1));
    }
    out_str(&o, path);
    *o.p = '\0';
    return !o.full && !str_find_char(path, '\0', NULL);
}

/* The supervisor opens: this process may be someone without rights to the file. */
static enum err
read_file(void *context, struct str template_file, struct str path, struct buf *ret_text,
          struct errinfo *reterr)
{
    struct building *b = context;
    struct channel *channel = b->control->env->channel;
    struct channel_message m = {.kind = CHANNEL_OPEN};
    int fd;
    if (!join_path(template_file, path, m.text, sizeof(m.text))) {
        return err_set(reterr, ERR_TOO_LARGE, "the path '%.*s' is too long",
                       STR_ARG(str_sub(path, 0, 200)));
    }
    char full[sizeof(m.text)];
    memcpy(full, m.text, sizeof(full));
    channel_send(channel, &m, -1);
    if (!channel_wait(channel, CHANNEL_FILE, CHANNEL_FILE, &m, &fd)) {
        return err_set(reterr, ERR_CLOSED, "the supervisor ended");
    }
    if (fd < 0) {
        return err_set(reterr, ERR_NOT_FOUND, "file '%.300s': %.300s", full, m.text);
    }
    struct errinfo why;
    enum err e = read_fd(fd, PEM_BYTES_MAX, ret_text, &why);
    (void)close(fd); /* only read */
    return e == ERR_OK ? ERR_OK : err_set(reterr, e, "file '%.300s': %.300s", full, why.text);
}

static enum err
give_certificate(void *context, struct model *m, struct certificate *c, struct str pem_certificate,
                 struct str pem_key, struct str pem_chain, struct errinfo *reterr)
{
    struct building *b = context;
    struct control *control = b->control;
    return certificate_ensure(control->env->keys_dirfd, control->ca, m, c, pem_certificate, pem_key,
                              pem_chain, clock_wall_us(), reterr);
}

static bool
policy_known(struct str name)
{
    return tls_policy_find(name) != NULL;
}

/* ---- the templates ---- */

static void
split_parameters(struct building *b)
{
    const struct serve_options *o = b->control->env->options;
    b->names = xalloc((o->parameter_count + 1) * sizeof(*b->names));
    b->values = xalloc((o->parameter_count + 1) * sizeof(*b->values));
    for (size_t i = 0; i < o->parameter_count; i++) {
        struct str both = str_of(o->parameters[i]);
        size_t equals = both.n;
        bool found = str_find_char(both, '=', &equals);
        ASSERT(found); /* the option's check */
        b->names[i] = str_sub(both, 0, equals);
        b->values[i] = str_sub(both, equals + 1, both.n);
    }
    b->parameter_count = o->parameter_count;
}

/* All files are tried, so that all that cannot be read are named at once. */
static bool
read_templates(struct control *c, struct buf *texts, struct template_source *sources,
               struct reasons *reasons)
{
    for (size_t i = 0; i < c->file_count; i++) {
        const char *name = c->env->options->template_files[i];
        struct errinfo why;
        if (c->files[i].fd < 0) {
            reasons_add(reasons, "%s: %s", name,
                        c->files[i].reason == NULL ? "not sent" : c->files[i].reason);
        } else if (read_fd(c->files[i].fd, LIMIT_TEMPLATE_BYTES_MAX, &texts[i], &why) != ERR_OK) {
            reasons_add(reasons, "%s: %s", name, why.text);
        }
        sources[i] = (struct template_source){.file = str_of(name),
                                              .text = buf_str(&texts[i]),
                                              .stack = template_stack_name(str_of(name))};
    }
    return reasons->count == 0;
}

static void
tell_lines(const char *what, struct str text)
{
    struct str line;
    while (str_cut(&text, '\n', &line)) {
        if (line.n > 0) {
            diag_info("%s: %.*s", what, STR_ARG(line));
        }
    }
}

/* The model of the templates, or NULL and the reasons. */
static struct model *
take_result(struct build_result *result, struct reasons *reasons)
{
    struct model *m = NULL;
    for (size_t i = 0; i < result->errors.count; i++) {
        reasons_add(reasons, "%s", result->errors.items[i].text);
    }
    reasons->not_shown = result->errors.not_shown;
    if (result->model != NULL && reasons->count == 0) {
        tell_lines("note", buf_str(&result->notes));
        tell_lines("output", buf_str(&result->outputs));
        m = model_ref(result->model);
    }
    build_result_free(result);
    return m;
}

static struct model *
build_model(struct building *b, struct reasons *reasons)
{
    struct control *c = b->control;
    const struct serve_options *o = c->env->options;
    struct buf *texts = xalloc(c->file_count * sizeof(*texts));
    struct template_source *sources = xalloc(c->file_count * sizeof(*sources));
    struct model *m = NULL;
    split_parameters(b);
    if (read_templates(c, texts, sources, reasons)) {
        const struct build_env env = {
            .account = str_of(o->account),
            .region = str_of(o->region),
            .domain = str_of(o->domain),
            .addresses = o->addresses,
            .address_count = o->address_count,
            .parameter_names = b->names,
            .parameter_values = b->values,
            .parameter_count = b->parameter_count,
            .resource_id = give_id,
            .slot = give_slot,
            .read_file = read_file,
            .certificate = give_certificate,
            .ssl_policy_known = policy_known,
            .context = b,
        };
        struct build_result result = {0};
        template_build(sources, c->file_count, &env, &result);
        m = take_result(&result, reasons);
    }
    for (size_t i = 0; i < c->file_count; i++) {
        buf_free(&texts[i]);
    }
    xfree(texts);
    xfree(sources);
    return m;
}

/* ---- what a model needs from the world ---- */

static enum err
test_buckets(struct control *c, const struct model *m, struct errinfo *reterr)
{
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        const struct log_destination *d = &m->load_balancers[i].access_logs;
        if (d->enabled) {
            TRY(log_bucket_test(c->env->bucket_dirfd, d, m->account, reterr));
        }
    }
    return ERR_OK;
}

static enum err
plan_entry(struct listen_plan *plan, const struct load_balancer *lb, const struct listener *l,
           const struct addr *address, struct errinfo *reterr)
{
    struct listen_entry e = {.slot = l->slot, .addr = *address};
    addr_set_port(&e.addr, l->port);
    if (!str_copy_z(lb->name, e.name, sizeof(e.name)) ||
        !str_copy_z(str_of(protocol_name(l->protocol)), e.protocol, sizeof(e.protocol))) {
        return err_set(reterr, ERR_TOO_LARGE, "the name '%.*s' is too long", STR_ARG(lb->name));
    }
    listen_plan_add(plan, &e);
    return ERR_OK;
}

static enum err
plan_of(const struct model *m, struct listen_plan *plan, struct errinfo *reterr)
{
    for (size_t i = 0; i < m->load_balancer_count; i++) {
        const struct load_balancer *lb = &m->load_balancers[i];
        for (size_t l = 0; l < lb->listener_count; l++) {
            for (size_t a = 0; a < lb->address_count; a++) {
                TRY(plan_entry(plan, lb, &lb->listeners[l], &lb->addresses[a], reterr));
            }
        }
    }
    return ERR_OK;
}

static enum err
have_bound(struct channel *channel, const struct listen_plan *plan, struct errinfo *reterr)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct listen_entry *e = &plan->entries[i];
        struct channel_message m = {.kind = CHANNEL_PLAN_ENTRY, .index = e->slot, .addr = e->addr};
        memcpy(m.name, e->name, sizeof(m.name));
        memcpy(m.protocol, e->protocol, sizeof(m.protocol));
        channel_send(channel, &m, -1);
    }
    channel_tell(channel, CHANNEL_PLAN_END, (uint32_t)plan->count, 0);
    struct channel_message answer;
    int fd;
    if (!channel_wait(channel, CHANNEL_PLAN_OK, CHANNEL_PLAN_BAD, &answer, &fd)) {
        return err_set(reterr, ERR_CLOSED, "the supervisor ended");
    }
    if (answer.kind == CHANNEL_PLAN_BAD) {
        return err_set(reterr, ERR_BUSY, "%.700s", answer.text);
    }
    return ERR_OK;
}

/* ---- publishing ---- */

static uint64_t
next_version(int state_dirfd)
{
    struct model *old = NULL;
    struct errinfo why;
    enum err e = snapshot_load(state_dirfd, &old, &why);
    if (e == ERR_OK) {
        uint64_t version = old->version + 1;
        model_unref(&old);
        return version;
    }
    if (e != ERR_NOT_FOUND) {
        diag_warn("the old snapshot cannot be read and is replaced: %s", why.text);
    }
    return 1;
}

/* The snapshot comes last: its rename is the moment of the change for a start that follows. */
static enum err
store_all(struct building *b, struct model *m, const struct listen_plan *plan,
          struct errinfo *reterr)
{
    int dirfd = b->control->env->state_dirfd;
    AUTO(buf_free) struct buf list = {0};
    ids_release_unused(b->ids);
    TRY(ids_store(b->ids, reterr));
    listen_plan_write(plan, m->version, &list);
    TRY(file_store(dirfd, STATE_LISTEN_FILE, buf_str(&list), 0644, reterr));
    return snapshot_store(dirfd, m, reterr);
}

static enum err
publish(struct building *b, struct model *m, struct errinfo *reterr)
{
    struct control *c = b->control;
    AUTO(listen_plan_free) struct listen_plan plan = {0};
    m->version = next_version(c->env->state_dirfd);
    TRY(test_buckets(c, m, reterr));
    TRY(plan_of(m, &plan, reterr));
    TRY(have_bound(c->env->channel, &plan, reterr));
    return store_all(b, m, &plan, reterr);
}

/* Ids are opened for each build: what a refused one took is forgotten with them. */
bool
control_build(struct control *c, uint64_t *ret_version, struct reasons *ret_reasons)
{
    struct building b = {.control = c};
    struct errinfo reterr;
    if (ids_open(c->env->state_dirfd, &b.ids, &reterr) != ERR_OK) {
        reasons_add(ret_reasons, "%s", reterr.text);
        return false;
    }
    ids_begin(b.ids);
    struct model *m = build_model(&b, ret_reasons);
    if (m != NULL) {
        if (publish(&b, m, &reterr) == ERR_OK) {
            *ret_version = m->version;
        } else {
            reasons_add(ret_reasons, "%s", reterr.text);
        }
        model_unref(&m);
    }
    ids_free(&b.ids);
    xfree(b.names);
    xfree(b.values);
    return ret_reasons->count == 0;
}
