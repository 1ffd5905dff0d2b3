/* SPDX-License-Identifier: Apache-2.0
 * The snapshot: model to text, text to model, both to and from the state folder. */
#include "state/snapshot.h"

#include "base/assert.h"
#include "base/limits.h"
#include "state/file.h"
#include "state/snapshot_shape.h"

static const char file_name[] = "snapshot.json";

static enum err
write_document(const struct model *m, struct buf *out, struct errinfo *reterr)
{
    json_t *body = doc_write(&snapshot_shape, m, reterr);
    if (body == NULL) {
        return ERR_INVALID;
    }
    json_t *document = json_object();
    int failed = json_object_set_new(document, "format", json_integer(SNAPSHOT_FORMAT));
    failed |= json_object_update(document, body);
    json_decref(body);
    if (failed == 0) {
        doc_print(document, out);
    }
    json_decref(document);
    if (failed != 0 || out->overflow) {
        return err_set(reterr, ERR_TOO_LARGE, "the snapshot is too large");
    }
    return ERR_OK;
}

void
snapshot_write(const struct model *m, struct buf *out)
{
    if (write_document(m, out, NULL) != ERR_OK) {
        out->overflow = true;
    }
}

static void *
alloc_in_model(void *context, size_t size)
{
    return model_alloc(context, size);
}

enum err
snapshot_parse(struct str text, struct model **ret_model, struct errinfo *reterr)
{
    if (text.n > LIMIT_SNAPSHOT_BYTES_MAX) {
        return err_set(reterr, ERR_TOO_LARGE, "a snapshot of %zu bytes is over the limit of %d",
                       text.n, LIMIT_SNAPSHOT_BYTES_MAX);
    }
    struct model *m = model_new();
    struct doc_reader r = {.alloc = alloc_in_model, .context = m, .reterr = reterr};
    json_t *document = doc_parse(&r, text, SNAPSHOT_FORMAT);
    if (document != NULL) {
        doc_read(&r, &snapshot_shape, document, m);
        json_decref(document);
    }
    enum err e = r.err == ERR_OK ? model_check(m, reterr) : r.err;
    if (e != ERR_OK) {
        model_unref(&m);
        return e;
    }
    *ret_model = m;
    return ERR_OK;
}

enum err
snapshot_store(int state_dirfd, const struct model *m, struct errinfo *reterr)
{
    AUTO(buf_free) struct buf text = {.max = LIMIT_SNAPSHOT_BYTES_MAX};
    TRY(write_document(m, &text, reterr));
    return file_store(state_dirfd, file_name, buf_str(&text), 0644, reterr);
}

enum err
snapshot_load(int state_dirfd, struct model **ret_model, struct errinfo *reterr)
{
    AUTO(buf_free) struct buf text = {.max = LIMIT_SNAPSHOT_BYTES_MAX};
    TRY(file_load(state_dirfd, file_name, LIMIT_SNAPSHOT_BYTES_MAX, &text, reterr));
    struct errinfo inner;
    enum err e = snapshot_parse(buf_str(&text), ret_model, &inner);
    if (e != ERR_OK) {
        return err_set(reterr, e, "%s: %.700s", file_name, inner.text);
    }
    return ERR_OK;
}
