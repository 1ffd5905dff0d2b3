/* SPDX-License-Identifier: Apache-2.0
 * JSON documents by tables: structs to JSON and back. */
#include "state/doc.h"

#include "base/assert.h"

enum { MESSAGE_VALUE_MAX = 80 }; /* bytes of a wrong text that a message shows */

/* ---- writing ---- */

static json_t *
write_texts(const void *member, size_t count)
{
    const struct str *texts;
    memcpy(&texts, member, sizeof(texts));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(list, doc_string(texts[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *
write_list(const struct doc_field *f, const void *member, size_t count, struct errinfo *reterr)
{
    const char *first;
    memcpy(&first, member, sizeof(first));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *item = doc_write(f->shape, first + i * f->shape->size, reterr);
        if (json_array_append_new(list, item) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *
write_number(enum doc_kind kind, const void *member)
{
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    if (kind == DOC_U16) {
        memcpy(&u16, member, sizeof(u16));
        return json_integer(u16);
    }
    if (kind == DOC_U32) {
        memcpy(&u32, member, sizeof(u32));
        return json_integer(u32);
    }
    memcpy(&u64, member, sizeof(u64));
    return json_integer((json_int_t)u64);
}

static json_t *
write_field(const struct doc_field *f, const void *object, struct errinfo *reterr)
{
    const char *base = object;
    const void *member = base + f->offset;
    struct str text;
    unsigned value;
    size_t count;
    switch (f->kind) {
    case DOC_TEXT: memcpy(&text, member, sizeof(text)); return doc_string(text);
    case DOC_TEXTS:
        memcpy(&count, base + f->count_offset, sizeof(count));
        return write_texts(member, count);
    case DOC_U16:
    case DOC_U32:
    case DOC_U64: return write_number(f->kind, member);
    case DOC_BOOL: return json_boolean(*(const bool *)member);
    case DOC_NAME: memcpy(&value, member, sizeof(value)); return json_string(f->name(value));
    case DOC_STRUCT: return doc_write(f->shape, member, reterr);
    case DOC_LIST:
        memcpy(&count, base + f->count_offset, sizeof(count));
        return write_list(f, member, count, reterr);
    case DOC_CUSTOM: return f->write(object);
    }
    NEVER("every kind returns above");
}

json_t *
doc_write(const struct doc_shape *shape, const void *object, struct errinfo *reterr)
{
    json_t *result = json_object();
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct doc_field *f = &shape->fields[i];
        if (f->present != NULL && !f->present(object)) {
            continue;
        }
        json_t *value = write_field(f, object, reterr);
        if (value == NULL && f->kind != DOC_STRUCT && f->kind != DOC_LIST) {
            (void)err_set(reterr, ERR_INVALID, "the text of '%s' is not UTF-8", f->key);
        }
        if (json_object_set_new(result, f->key, value) != 0) {
            json_decref(result);
            return NULL;
        }
    }
    return result;
}

/* ---- reading ---- */

static void
read_text(struct doc_reader *r, const struct doc_field *f, json_t *value, void *member)
{
    struct str s = doc_text(r, value);
    if (r->err == ERR_OK && f->text_ok != NULL && !f->text_ok(s)) {
        s = str_sub(s, 0, MESSAGE_VALUE_MAX);
        doc_fail(r, "'%.*s' is not %s", STR_ARG(s), f->what);
    }
    s = doc_text_copy(r, value);
    memcpy(member, &s, sizeof(s));
}

static void
read_texts(struct doc_reader *r, const struct doc_field *f, json_t *value, char *base)
{
    json_t *list = doc_list(r, value, f->max);
    size_t count = json_array_size(list);
    if (count == 0) {
        return;
    }
    struct str *texts = r->alloc(r->context, count * sizeof(*texts));
    for (size_t i = 0; i < count; i++) {
        size_t at = doc_enter_index(r, i);
        read_text(r, f, json_array_get(list, i), &texts[i]);
        doc_leave(r, at);
    }
    memcpy(base + f->offset, &texts, sizeof(texts));
    memcpy(base + f->count_offset, &count, sizeof(count));
}

static void
read_list(struct doc_reader *r, const struct doc_field *f, json_t *value, char *base)
{
    json_t *list = doc_list(r, value, f->max);
    size_t count = json_array_size(list);
    if (count == 0) {
        return;
    }
    char *first = r->alloc(r->context, count * f->shape->size);
    for (size_t i = 0; i < count; i++) {
        size_t at = doc_enter_index(r, i);
        doc_read(r, f->shape, json_array_get(list, i), first + i * f->shape->size);
        doc_leave(r, at);
    }
    memcpy(base + f->offset, &first, sizeof(first));
    memcpy(base + f->count_offset, &count, sizeof(count));
}

static void
read_number(struct doc_reader *r, const struct doc_field *f, json_t *value, void *member)
{
    uint64_t u64 = doc_number(r, value, f->min, f->max, f->what);
    uint16_t u16 = (uint16_t)u64; /* the tables keep max within the member's type */
    uint32_t u32 = (uint32_t)u64;
    if (f->kind == DOC_U16) {
        memcpy(member, &u16, sizeof(u16));
    } else if (f->kind == DOC_U32) {
        memcpy(member, &u32, sizeof(u32));
    } else {
        memcpy(member, &u64, sizeof(u64));
    }
}

static void
read_bool(struct doc_reader *r, json_t *value, void *member)
{
    if (!json_is_boolean(value)) {
        doc_fail(r, "is not true or false");
    }
    bool b = json_is_true(value);
    memcpy(member, &b, sizeof(b));
}

static void
read_name(struct doc_reader *r, const struct doc_field *f, json_t *value, void *member)
{
    struct str s = doc_text(r, value);
    for (unsigned i = 0; i < f->name_count; i++) {
        if (str_eq(s, str_of(f->name(i)))) {
            memcpy(member, &i, sizeof(i));
            return;
        }
    }
    s = str_sub(s, 0, MESSAGE_VALUE_MAX);
    doc_fail(r, "'%.*s' is not %s", STR_ARG(s), f->what);
}

static void
read_field(struct doc_reader *r, const struct doc_field *f, json_t *value, void *object)
{
    char *base = object;
    void *member = base + f->offset;
    switch (f->kind) {
    case DOC_TEXT: read_text(r, f, value, member); break;
    case DOC_TEXTS: read_texts(r, f, value, base); break;
    case DOC_U16:
    case DOC_U32:
    case DOC_U64: read_number(r, f, value, member); break;
    case DOC_BOOL: read_bool(r, value, member); break;
    case DOC_NAME: read_name(r, f, value, member); break;
    case DOC_STRUCT: doc_read(r, f->shape, value, member); break;
    case DOC_LIST: read_list(r, f, value, base); break;
    case DOC_CUSTOM: f->read(r, value, object); break;
    }
}

void
doc_read(struct doc_reader *r, const struct doc_shape *shape, json_t *value, void *object)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct doc_field *f = &shape->fields[i];
        if (f->present != NULL && !f->present(object)) {
            continue;
        }
        json_t *member = doc_get(r, value, f->key);
        if (r->err != ERR_OK) {
            return;
        }
        size_t at = doc_enter_key(r, f->key);
        read_field(r, f, member, object);
        doc_leave(r, at);
    }
    if (r->err == ERR_OK && shape->finish != NULL) {
        shape->finish(r, object);
    }
}
