/* SPDX-License-Identifier: Apache-2.0
 * Facts as a JSON document and back, by the tables of save_fields.c. */
#include "doctor/save.h"

#include <jansson.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "doctor/save_int.h"
#include "doctor/secrets.h"
#include "text/text.h"

/* ---- numbers of any size ---- */

static uint64_t
load_uint(const void *p, size_t size)
{
    uint64_t value = 0;
    ASSERT(size <= sizeof(value));
    memcpy(&value, p, size); /* little endian, as all machines that this runs on */
    return value;
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "load_uint and store_uint rely on it");

static void
store_uint(void *p, size_t size, uint64_t value)
{
    memcpy(p, &value, size);
}

static int64_t
load_int(const void *p, size_t size)
{
    uint64_t value = load_uint(p, size);
    unsigned shift = (unsigned)(64 - 8 * size);
    return (int64_t)(value << shift) >> shift;
}

static size_t
count_of(const struct field *f, const void *object)
{
    return f->count_size == 0
               ? f->max
               : (size_t)load_uint((const char *)object + f->count_offset, f->count_size);
}

static void
set_count(const struct field *f, void *object, size_t count)
{
    if (f->count_size > 0) {
        store_uint((char *)object + f->count_offset, f->count_size, count);
    }
}

/* ---- writing ---- */

static json_t *put(struct secrets *s, const struct field *f, const void *object);

static const char hex_digits[] = "0123456789abcdef";

static json_t *
put_hex(struct str bytes)
{
    char *text = xalloc(bytes.n * 2 + 1);
    for (size_t i = 0; i < bytes.n; i++) {
        text[2 * i] = hex_digits[(uint8_t)bytes.p[i] >> 4];
        text[2 * i + 1] = hex_digits[(uint8_t)bytes.p[i] & 15];
    }
    json_t *j = json_stringn(text, bytes.n * 2);
    xfree(text);
    return j;
}

/* Text as it is; bytes that are no text as {"hex": "..."}. */
static json_t *
put_text(struct secrets *s, enum secret kind, struct str text)
{
    struct buf copy = {0};
    if (kind == SECRET_HOME) {
        secrets_add_home(s, text, &copy);
    } else {
        buf_add_str(&copy, text);
        secrets_star(s, kind, copy.p, copy.n);
    }
    struct str bytes = buf_str(&copy);
    bool is_text = text_utf8_valid(bytes) && !str_find_char(bytes, '\0', NULL);
    json_t *j = is_text ? json_stringn(bytes.p == NULL ? "" : bytes.p, bytes.n)
                        : json_pack("{s:o}", "hex", put_hex(bytes));
    buf_free(&copy);
    return j;
}

static json_t *
put_bytes(struct secrets *s, enum secret kind, const struct bytes *b)
{
    struct buf copy = {0};
    buf_add(&copy, b->p, b->n);
    secrets_star(s, kind, copy.p, copy.n);
    json_t *j = put_hex(buf_str(&copy));
    buf_free(&copy);
    return j;
}

/* Numbers beyond JSON's whole numbers ("never") stand as text. */
static json_t *
put_uint(uint64_t value)
{
    char text[24];
    if (value <= INT64_MAX) {
        return json_integer((json_int_t)value);
    }
    struct out o = out_of(text, sizeof(text));
    out_u64(&o, value);
    return json_stringn(text, (size_t)(o.p - text));
}

static json_t *
put_addr(const struct addr *a)
{
    char text[ADDR_TEXT];
    return a->sa.sa_family == 0 ? json_null() : json_string(addr_port_text(a, text));
}

static json_t *
put_struct(struct secrets *s, const struct shape *shape, const void *object)
{
    json_t *j = json_object();
    for (size_t i = 0; i < shape->count; i++) {
        const struct field *f = &shape->fields[i];
        int rc = json_object_set_new(j, f->name, put(s, f, object));
        ASSERT(rc == 0); /* the names are ours, the values were made just now */
    }
    return j;
}

static json_t *
put_elements(struct secrets *s, const struct field *f, const void *first, size_t count)
{
    json_t *j = json_array();
    for (size_t i = 0; i < count; i++) {
        int rc = json_array_append_new(
            j, put(s, f->element, (const char *)first + i * f->element->size));
        ASSERT(rc == 0);
    }
    return j;
}

static json_t *
put_string(struct secrets *s, enum secret kind, const char *text)
{
    return text == NULL ? json_null() : put_text(s, kind, str_of(text));
}

static json_t *
put(struct secrets *s, const struct field *f, const void *object)
{
    const void *p = (const char *)object + f->offset;
    const void *pointer = NULL;
    if (f->size >= sizeof(pointer)) {
        memcpy(&pointer, p, sizeof(pointer)); /* of any type */
    }
    switch (f->kind) {
    case FIELD_BOOL: return json_boolean(*(const bool *)p);
    case FIELD_UINT: return put_uint(load_uint(p, f->size));
    case FIELD_INT: return json_integer(load_int(p, f->size));
    case FIELD_TEXT: return put_text(s, f->secret, str_of(p));
    case FIELD_STRING:
    case FIELD_WORD:
    case FIELD_HSTS_NAME: return put_string(s, f->secret, pointer);
    case FIELD_STR: return put_text(s, f->secret, *(const struct str *)p);
    case FIELD_BYTES: return put_bytes(s, f->secret, p);
    case FIELD_RAW: return put_hex((struct str){p, count_of(f, object)});
    case FIELD_ENUM: return json_string(f->names->at((unsigned)load_uint(p, f->size)));
    case FIELD_ADDR: return put_addr(p);
    case FIELD_SUB: return put_struct(s, f->shape, p);
    case FIELD_OPTIONAL: return pointer == NULL ? json_null() : put_struct(s, f->shape, pointer);
    case FIELD_ARRAY: return put_elements(s, f, p, count_of(f, object));
    case FIELD_LIST: return put_elements(s, f, pointer, count_of(f, object));
    }
    NEVER("all kinds are listed");
}

/* DEL may stand in JSON as it is, but not on a terminal. */
static int
add_dumped(const char *p, size_t n, void *context)
{
    struct str rest = {p, n};
    size_t at;
    while (str_find_char(rest, '\x7f', &at)) {
        buf_add(context, rest.p, at);
        buf_add_z(context, "\\u007f");
        rest = str_sub(rest, at + 1, rest.n);
    }
    buf_add_str(context, rest);
    return 0;
}

/* A copy of the result where HTTP/2 frames hold no secrets; they come out in another length. */
static struct result
without_h2_secrets(struct secrets *s, const struct result *r)
{
    struct result copy = *r;
    struct buf frames = {0};
    secrets_add_h2(s, (struct str){(const char *)r->got.p, r->got.n}, &frames);
    copy.got = (struct bytes){(uint8_t *)frames.p, frames.n};
    copy.got_total = frames.n + (r->got_total > r->got.n ? r->got_total - r->got.n : 0);
    return copy;
}

static json_t *
put_facts(struct secrets *s, const struct facts *f, bool with_secrets)
{
    struct facts shown = *f;
    shown.results = xalloc((f->count + 1) * sizeof(*shown.results));
    for (size_t i = 0; i < f->count; i++) {
        const struct result *r = &f->results[i];
        shown.results[i] = r->h2 && !with_secrets ? without_h2_secrets(s, r) : *r;
    }
    json_t *j = put_struct(s, &facts_shape, &shown);
    for (size_t i = 0; i < f->count; i++) {
        if (shown.results[i].got.p != f->results[i].got.p) {
            xfree(shown.results[i].got.p);
        }
    }
    xfree(shown.results);
    return j;
}

void
facts_save(const struct facts *f, bool with_secrets, struct buf *out)
{
    struct secrets *s = secrets_new(&f->question, with_secrets);
    json_t *facts = put_facts(s, f, with_secrets);
    json_t *document = json_pack("{s:i}", "format", SAVE_FORMAT);
    int rc = json_object_update_new(document, facts);
    ASSERT(rc == 0);
    rc = json_dump_callback(document, add_dumped, out, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    ASSERT(rc == 0); /* every text in it is UTF-8 */
    buf_add_char(out, '\n');
    json_decref(document);
    secrets_free(&s);
}

/* ---- reading ---- */

/* Where we are, for the sentence; lives on the stack. */
struct place {
    const struct place *outer;
    const char *key; /* NULL: an element */
    size_t index;
};

struct reader {
    const struct hsts_found *hsts; /* whose entries are read */
    struct buf bad;                /* where the first bad value stands; empty: none */
};

static bool take(struct reader *r, const struct place *at, const struct field *f, const json_t *j,
                 void *object);

static void
add_place(struct buf *out, const struct place *at)
{
    if (at == NULL) {
        return;
    }
    add_place(out, at->outer);
    if (at->key == NULL) {
        buf_addf(out, "[%zu]", at->index);
    } else {
        buf_addf(out, "%s%s", out->n > 0 ? "." : "", at->key);
    }
}

/* Returns false, so that `return bad(...)` works. */
static bool
bad(struct reader *r, const struct place *at)
{
    if (r->bad.n == 0) {
        add_place(&r->bad, at);
    }
    return false;
}

static int
hex_value(char c)
{
    c = ascii_lower(c);
    return ascii_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
take_hex(const json_t *j, uint8_t **ret_p, size_t *ret_n)
{
    if (!json_is_string(j) || json_string_length(j) % 2 != 0) {
        return false;
    }
    const char *text = json_string_value(j);
    size_t n = json_string_length(j) / 2;
    uint8_t *p = xalloc(n + 1);
    for (size_t i = 0; i < n; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            xfree(p);
            return false;
        }
        p[i] = (uint8_t)(high << 4 | low);
    }
    *ret_p = p;
    *ret_n = n;
    return true;
}

/* Text, or {"hex": "..."}; owned. */
static bool
take_text(const json_t *j, struct bytes *ret)
{
    if (json_is_string(j)) {
        struct str text = {json_string_value(j), json_string_length(j)};
        *ret = (struct bytes){(uint8_t *)xstrdup_str(text), text.n};
        return true;
    }
    return take_hex(json_object_get(j, "hex"), &ret->p, &ret->n);
}

/* A text without NUL in it. */
static bool
take_c_text(const json_t *j, char **ret)
{
    struct bytes b;
    if (!take_text(j, &b)) {
        return false;
    }
    if (memchr(b.p, '\0', b.n) != NULL) {
        xfree(b.p);
        return false;
    }
    *ret = (char *)b.p; /* take_hex and xstrdup_str leave a NUL behind */
    return true;
}

static bool
take_fixed(const json_t *j, char *to, size_t size)
{
    char *text;
    if (!take_c_text(j, &text)) {
        return false;
    }
    bool fits = str_copy_z(str_of(text), to, size);
    xfree(text);
    return fits;
}

static bool
take_uint(const json_t *j, size_t size, void *p)
{
    uint64_t value;
    uint64_t max = size == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * size)) - 1;
    if (json_is_integer(j) && json_integer_value(j) >= 0) {
        value = (uint64_t)json_integer_value(j);
    } else if (!json_is_string(j) || !str_to_u64(str_of(json_string_value(j)), &value)) {
        return false;
    }
    store_uint(p, size, value);
    return value <= max;
}

static bool
take_int(const json_t *j, size_t size, void *p)
{
    if (!json_is_integer(j)) {
        return false;
    }
    int64_t value = json_integer_value(j);
    store_uint(p, size, (uint64_t)value);
    return load_int(p, size) == value;
}

static bool
find_name(const struct names *names, const json_t *j, unsigned *ret)
{
    const char *word = json_string_value(j);
    for (unsigned i = 0; word != NULL && i < names->count; i++) {
        if (str_eq(str_of(word), str_of(names->at(i)))) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool
take_enum(const struct field *f, const json_t *j, void *p)
{
    unsigned value;
    if (!find_name(f->names, j, &value) || json_string_length(j) == 0) {
        return false;
    }
    store_uint(p, f->size, value);
    return true;
}

static bool
take_word(const struct field *f, const json_t *j, const char **p)
{
    unsigned value;
    if (!find_name(f->names, j, &value)) {
        return false;
    }
    *p = f->names->at(value);
    return true;
}

static bool
take_hsts_name(const struct reader *r, const json_t *j, const char **p)
{
    const char *word = json_string_value(j);
    for (size_t i = 0; word != NULL && i < r->hsts->name_count; i++) {
        if (str_eq(str_of(word), str_of(r->hsts->names[i]))) {
            *p = r->hsts->names[i];
            return true;
        }
    }
    return false;
}

static bool
take_addr(const json_t *j, struct addr *p)
{
    if (json_is_null(j)) {
        return true;
    }
    struct str text = str_of(json_string_value(j));
    size_t colon;
    int64_t port;
    if (!json_is_string(j) || !str_rfind_char(text, ':', &colon) ||
        !str_to_int_range(str_sub(text, colon + 1, text.n), 0, UINT16_MAX, &port)) {
        return false;
    }
    struct str ip = str_sub(text, 0, colon);
    if (str_starts(ip, STR("[")) && str_ends(ip, STR("]"))) {
        ip = str_sub(ip, 1, ip.n - 2);
    }
    return addr_parse(ip, (uint16_t)port, p);
}

/* An absent struct is one with all fields absent. */
static bool
take_struct(struct reader *r, const struct place *at, const struct shape *shape, const json_t *j,
            void *object)
{
    if (j != NULL && !json_is_object(j)) {
        return bad(r, at);
    }
    for (size_t i = 0; i < shape->count; i++) {
        const struct field *f = &shape->fields[i];
        const struct place here = {.outer = at, .key = f->name};
        if (!take(r, &here, f, json_object_get(j, f->name), object)) {
            return false;
        }
    }
    return shape->check == NULL || shape->check(object) || bad(r, at);
}

/* The count grows with each element, so that what was read can be freed. */
static bool
take_elements(struct reader *r, const struct place *at, const struct field *f, const json_t *j,
              void *first, void *object)
{
    for (size_t i = 0; i < json_array_size(j); i++) {
        const struct place here = {.outer = at, .index = i};
        set_count(f, object, i + 1);
        if (!take(r, &here, f->element, json_array_get(j, i),
                  (char *)first + i * f->element->size)) {
            return false;
        }
    }
    return true;
}

static bool
take_list(struct reader *r, const struct place *at, const struct field *f, const json_t *j,
          void **p, void *object)
{
    size_t count = json_array_size(j);
    if (!json_is_array(j) || count > f->max) {
        return bad(r, at);
    }
    if (count > 0) {
        *p = xalloc(count * f->element->size);
    }
    if (f->cap_offset > 0) {
        store_uint((char *)object + f->cap_offset, sizeof(size_t), count);
    }
    return take_elements(r, at, f, j, *p, object);
}

static bool
take_optional(struct reader *r, const struct place *at, const struct field *f, const json_t *j,
              void **p)
{
    if (json_is_null(j)) {
        return true;
    }
    *p = xalloc(f->shape->size);
    const struct hsts_found *outer = r->hsts;
    r->hsts = *p; /* looked at only by entries, which are nowhere else */
    bool good = take_struct(r, at, f->shape, j, *p);
    r->hsts = outer;
    return good;
}

static bool
take_raw(const struct field *f, const json_t *j, uint8_t *p, void *object)
{
    struct bytes b;
    if (!take_hex(j, &b.p, &b.n)) {
        return false;
    }
    bool fits = b.n <= f->max;
    if (fits) {
        memcpy(p, b.p, b.n);
        set_count(f, object, b.n);
    }
    xfree(b.p);
    return fits;
}

static bool
take_str(const json_t *j, struct str *p)
{
    struct bytes b;
    if (!take_text(j, &b)) {
        return false;
    }
    *p = (struct str){(const char *)b.p, b.n};
    return true;
}

/* What is absent stays as a fresh object has it. */
static bool
take_absent(const struct field *f, void *p)
{
    if (f->kind == FIELD_STRING && f->filled) {
        *(char **)p = xstrdup("");
    }
    return true;
}

/* What has no parts. */
static bool
take_simple(const struct reader *r, const struct field *f, const json_t *j, void *p, void *object)
{
    struct bytes *b = p;
    switch (f->kind) {
    case FIELD_BOOL: *(bool *)p = json_is_true(j); return json_is_boolean(j);
    case FIELD_UINT: return take_uint(j, f->size, p);
    case FIELD_INT: return take_int(j, f->size, p);
    case FIELD_TEXT: return take_fixed(j, p, f->size);
    case FIELD_STRING: return (json_is_null(j) && !f->filled) || take_c_text(j, p);
    case FIELD_STR: return take_str(j, p);
    case FIELD_BYTES: return take_hex(j, &b->p, &b->n);
    case FIELD_RAW: return take_raw(f, j, p, object);
    case FIELD_ENUM: return take_enum(f, j, p);
    case FIELD_WORD: return take_word(f, j, p);
    case FIELD_ADDR: return take_addr(j, p);
    case FIELD_HSTS_NAME: return take_hsts_name(r, j, p);
    case FIELD_SUB:
    case FIELD_OPTIONAL:
    case FIELD_ARRAY:
    case FIELD_LIST: break;
    }
    NEVER("it has parts");
}

static bool
take(struct reader *r, const struct place *at, const struct field *f, const json_t *j, void *object)
{
    void *p = (char *)object + f->offset;
    if (j == NULL && f->kind != FIELD_SUB) {
        return take_absent(f, p);
    }
    switch (f->kind) {
    case FIELD_SUB: return take_struct(r, at, f->shape, j, p);
    case FIELD_OPTIONAL: return take_optional(r, at, f, j, p);
    case FIELD_LIST: return take_list(r, at, f, j, p, object);
    case FIELD_ARRAY:
        if (!json_is_array(j) || json_array_size(j) > f->max) {
            return bad(r, at);
        }
        return take_elements(r, at, f, j, p, object);
    case FIELD_BOOL:
    case FIELD_UINT:
    case FIELD_INT:
    case FIELD_TEXT:
    case FIELD_STRING:
    case FIELD_STR:
    case FIELD_BYTES:
    case FIELD_RAW:
    case FIELD_ENUM:
    case FIELD_WORD:
    case FIELD_ADDR:
    case FIELD_HSTS_NAME: return take_simple(r, f, j, p, object) || bad(r, at);
    }
    NEVER("all kinds are listed");
}

/* Values in the text at most: a parsed one takes much more room than its bytes. */
static bool
has_few_values(struct str json)
{
    size_t count = 0;
    for (size_t i = 0; i < json.n; i++) {
        count += json.p[i] == ',' || json.p[i] == '[' || json.p[i] == '{';
    }
    return count <= LIMIT_DOCTOR_SAVED_VALUES;
}

static enum err
parse(struct str json, json_t **ret, struct errinfo *reterr)
{
    json_error_t e;
    char line[24];
    if (json.n > LIMIT_DOCTOR_SAVED_BYTES || !has_few_values(json)) {
        return text_err(reterr, ERR_TOO_LARGE, N_("The file is larger than any saved diagnosis."),
                        NULL, 0);
    }
    *ret = json_loadb(json.p == NULL ? "" : json.p, json.n, JSON_REJECT_DUPLICATES, &e);
    if (*ret == NULL) {
        struct out o = out_of(line, sizeof(line));
        out_u64(&o, (uint64_t)MAX_OF(e.line, 0));
        return text_err(reterr, ERR_INVALID,
                        N_("This is no saved diagnosis: line {line} is not JSON: {reason}"),
                        TEXT_ARGS({"line", str_span(line, o.p)}, {"reason", str_of(e.text)}));
    }
    if (json_integer_value(json_object_get(*ret, "format")) != SAVE_FORMAT) {
        json_decref(*ret);
        return text_err(reterr, ERR_INVALID,
                        N_("This is no saved diagnosis of a format that this version reads."), NULL,
                        0);
    }
    return ERR_OK;
}

/* What follows from the fields and points at constants. */
static void
digest_chain(struct chain_facts *c)
{
    for (size_t i = 0; i < c->count && c->interceptor == NULL; i++) {
        c->interceptor = chain_interceptor(str_of(c->certificates[i].issuer));
    }
}

enum err
facts_load(struct str json, struct facts *ret_facts, struct errinfo *reterr)
{
    struct reader r = {0};
    struct facts f;
    json_t *document = NULL;
    TRY(parse(json, &document, reterr));
    facts_init(&f);
    bool good = take_struct(&r, NULL, &facts_shape, document, &f);
    json_decref(document);
    if (!good) {
        enum err e =
            text_err(reterr, ERR_INVALID, N_("The saved diagnosis has no usable value at {path}."),
                     TEXT_ARGS({"path", buf_str(&r.bad)}));
        buf_free(&r.bad);
        facts_done(&f);
        return e;
    }
    for (size_t i = 0; i < f.count; i++) {
        facts_digest(&f.results[i]);
        if (f.results[i].chain != NULL) {
            digest_chain(f.results[i].chain);
        }
    }
    f.replayed = true;
    *ret_facts = f;
    return ERR_OK;
}
