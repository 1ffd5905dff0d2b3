/* SPDX-License-Identifier: Apache-2.0
 * The control role: hears the order to build, tells people and programs what came of it. */
#include "role/control_int.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/limits.h"
#include "base/mem.h"
#include "role/role_int.h"
#include "state/file.h"

void
reasons_add(struct reasons *r, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args); /* a cut sentence will do */
    va_end(args);
    *VEC_PUSH(r->texts, r->count, r->cap) = xstrdup(text);
}

void
reasons_free(struct reasons *r)
{
    for (size_t i = 0; i < r->count; i++) {
        xfree(r->texts[i]);
    }
    xfree(r->texts);
    *r = (struct reasons){0};
}

/* ---- the outcome ---- */

static json_t *
outcome_json(uint64_t ordered_us, uint64_t version, const struct reasons *reasons)
{
    json_t *errors = json_array();
    for (size_t i = 0; i < reasons->count; i++) {
        (void)json_array_append_new(errors, json_string(reasons->texts[i]));
    }
    return json_pack("{s:b, s:I, s:I, s:o}", "ok", reasons->count == 0, "version",
                     (json_int_t)version, "ordered_us", (json_int_t)ordered_us, "errors", errors);
}

static int
add_json(const char *text, size_t n, void *out)
{
    buf_add(out, text, n);
    return 0;
}

/* STATE/run/reload.json, for who asked: `openalb reload` waits for it. */
static void
store_outcome(struct control *c, uint64_t ordered_us, uint64_t version,
              const struct reasons *reasons)
{
    struct errinfo reterr;
    json_t *root = outcome_json(ordered_us, version, reasons);
    AUTO(buf_free) struct buf text = {0};
    bool ok = root != NULL && json_dump_callback(root, add_json, &text, JSON_INDENT(2)) == 0;
    int run = openat(c->env->state_dirfd, "run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!ok || run < 0 ||
        file_store(run, STATE_RELOAD_FILE, buf_str(&text), 0600, &reterr) != ERR_OK) {
        diag_warn("the outcome of the reload could not be written: openalb reload will not see it");
    }
    if (run >= 0) {
        (void)close(run); /* nothing is buffered in it */
    }
    json_decref(root);
}

static bool
old_snapshot_exists(const struct control *c)
{
    struct model *m = NULL;
    bool exists = snapshot_load(c->env->state_dirfd, &m, NULL) == ERR_OK;
    if (exists) {
        model_unref(&m);
    }
    return exists;
}

static void
tell_refused(struct control *c, uint64_t ordered_us, const struct reasons *reasons)
{
    for (size_t i = 0; i < reasons->count; i++) {
        fprintf(stderr, "%s\n", reasons->texts[i]);
    }
    if (reasons->not_shown > 0) {
        fprintf(stderr, "and %zu more\n", reasons->not_shown);
    }
    if (c->env->board->roles[BOARD_CHECKER].snapshot_version != 0) {
        diag_error(
            "the new configuration is refused as a whole, the old one stays in use errors=%zu",
            reasons->count + reasons->not_shown);
    } else {
        diag_error("the configuration is refused, so nothing is started errors=%zu%s",
                   reasons->count + reasons->not_shown,
                   old_snapshot_exists(c)
                       ? "; a start without -f would go on with that of the last run"
                       : "");
    }
    store_outcome(c, ordered_us, 0, reasons);
    channel_tell(c->env->channel, CHANNEL_BUILD_BAD, 0, 0);
}

/* ---- orders ---- */

static void
files_free(struct control *c)
{
    for (size_t i = 0; i < c->file_count; i++) {
        if (c->files[i].fd >= 0) {
            (void)close(c->files[i].fd); /* only read */
        }
        xfree(c->files[i].reason);
        c->files[i] = (struct template_file){.fd = -1};
    }
}

static void
on_file(struct control *c, const struct channel_message *m, int fd)
{
    if (m->index >= c->file_count) {
        if (fd >= 0) {
            (void)close(fd); /* for no template of ours */
        }
        return;
    }
    struct template_file *file = &c->files[m->index];
    file->fd = fd;
    file->reason = fd >= 0 ? NULL : xstrdup(m->text);
}

static void
on_build(struct control *c, const struct channel_message *m)
{
    struct reasons reasons = {0};
    uint64_t version = 0;
    if (c->file_count == 0) {
        reasons_add(&reasons,
                    "there is nothing to load: OpenALB was started without a template (-f)");
    } else if (control_build(c, &version, &reasons)) {
        channel_tell(c->env->channel, CHANNEL_PUBLISHED, 0, version);
    }
    if (reasons.count > 0) {
        tell_refused(c, m->value, &reasons);
    }
    files_free(c);
    reasons_free(&reasons);
}

/* The others have answered: this is the whole outcome. */
static void
on_settled(struct control *c, const struct channel_message *m)
{
    struct reasons reasons = {0};
    struct model *published = NULL;
    uint64_t version = 0;
    if (snapshot_load(c->env->state_dirfd, &published, NULL) == ERR_OK) {
        version = published->version;
        model_unref(&published);
    }
    if (m->index > 0) {
        reasons_add(&reasons, "%u of the roles keep the old configuration: %s", m->index, m->text);
    }
    store_outcome(c, m->value, version, &reasons);
    reasons_free(&reasons);
}

static void
control_message(void *role, const struct channel_message *m, int fd)
{
    struct control *c = role;
    if (m->kind == CHANNEL_FILE) {
        on_file(c, m, fd);
    } else if (m->kind == CHANNEL_BUILD) {
        on_build(c, m);
    } else if (m->kind == CHANNEL_SETTLED) {
        on_settled(c, m);
    }
}

static enum err
control_init(struct role_env *env, void **ret_role, struct errinfo *reterr)
{
    struct control *c = xalloc(sizeof(*c)); /* lives as long as the process */
    *ret_role = c;
    c->env = env;
    c->file_count = env->options->template_count;
    c->files = xalloc(MAX_OF(c->file_count, (size_t)1) * sizeof(*c->files));
    for (size_t i = 0; i < c->file_count; i++) {
        c->files[i].fd = -1;
    }
    TRY(crypto_init(reterr));
    TRY(ca_open(env->keys_dirfd, &c->ca, reterr));
    TRY(file_store(env->state_dirfd, STATE_CA_FILE, ca_root_pem(c->ca), 0644, reterr));
    return ERR_OK;
}

const struct role_ops control_ops = {
    .name = "control",
    .init = control_init,
    .message = control_message,
};
