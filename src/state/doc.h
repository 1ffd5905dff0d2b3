/* SPDX-License-Identifier: Apache-2.0
 * JSON documents by tables, private to this module: one table of fields per struct serves writing
 * and reading, so that both always agree. Reading is strict about what it knows (presence, kind,
 * range) and says where; unknown keys are ignored.
 *
 * Errors are sticky: after the first one every call does nothing and gives an empty value, so that
 * a reader reads on and looks at `err` once at the end. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* ---- places and errors ---- */
struct doc_reader {
    void *(*alloc)(void *context, size_t size); /* zeroed memory for strings and arrays */
    void *context;                              /* handed to alloc; borrowed */
    struct errinfo *reterr;
    enum err err;   /* sticky */
    char path[192]; /* "load_balancers[0].port"; cut when deeper than anything of ours */
    size_t path_n;
};
/* "PATH: " and the sentence. Does nothing when there was an error before. */
void doc_fail(struct doc_reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* One step deeper; the answer is handed to doc_leave. */
size_t doc_enter_key(struct doc_reader *r, const char *key);
size_t doc_enter_index(struct doc_reader *r, size_t index);
void doc_leave(struct doc_reader *r, size_t path_n);

/* ---- single values ---- */
json_t *doc_get(struct doc_reader *r, json_t *object, const char *key); /* NULL: missing, failed */
json_t *doc_list(struct doc_reader *r, json_t *value, size_t max_count);
struct str doc_text(struct doc_reader *r, json_t *value); /* borrowed from the value */
struct str doc_text_copy(struct doc_reader *r, json_t *value);
uint64_t doc_number(struct doc_reader *r, json_t *value, uint64_t min, uint64_t max,
                    const char *what);
/* Text to a JSON tree (caller: json_decref), NULL with an error that names line and column. Refuses
 * what is no object and every "format" but 1 .. `format`. */
json_t *doc_parse(struct doc_reader *r, struct str text, unsigned format);
/* Pretty-printed, keys in their order, '\n' at the end. */
void doc_print(const json_t *value, struct buf *out);
/* NULL when it is not UTF-8. */
json_t *doc_string(struct str s);

/* ---- structs by table ---- */
enum doc_kind {
    DOC_TEXT,   /* struct str; text_ok and `what` when not every text will do */
    DOC_TEXTS,  /* struct str * and size_t count, at most `max` */
    DOC_U16,    /* min - max, `what` */
    DOC_U32,    /* the same */
    DOC_U64,    /* the same */
    DOC_BOOL,   /* bool */
    DOC_NAME,   /* an enum by its name; name and name_count, `what` */
    DOC_STRUCT, /* embedded struct; shape */
    DOC_LIST,   /* array of structs and size_t count, at most `max`; shape */
    DOC_CUSTOM, /* write and read */
};
struct doc_shape;
struct doc_field {
    const char *key;
    enum doc_kind kind;
    size_t offset;
    size_t count_offset; /* DOC_TEXTS, DOC_LIST */
    uint64_t min, max;
    const char *what; /* what it should have been: "a port (1-65535)" */
    bool (*text_ok)(struct str s);
    const char *(*name)(unsigned value);
    unsigned name_count;
    const struct doc_shape *shape;
    bool (*present)(
        const void *object); /* NULL: always; decided by fields further up in the table */
    json_t *(*write)(const void *object);                            /* NULL: cannot be written */
    void (*read)(struct doc_reader *r, json_t *value, void *object); /* the whole object */
};
struct doc_shape {
    size_t size; /* of the struct */
    const struct doc_field *fields;
    size_t field_count;
    void (*finish)(struct doc_reader *r, void *object); /* after all fields; may be NULL */
};
/* NULL when a text is not UTF-8: `reterr` names it. */
json_t *doc_write(const struct doc_shape *shape, const void *object, struct errinfo *reterr);
void doc_read(struct doc_reader *r, const struct doc_shape *shape, json_t *value, void *object);
