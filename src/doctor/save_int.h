/* SPDX-License-Identifier: Apache-2.0
 * A saved diagnosis, described: one table of fields for each struct (save_fields.c), from which
 * save.c writes and reads. */
#pragma once

#include "doctor/facts.h"

/* What becomes '*' when it is written without secrets. */
enum secret {
    SECRET_NONE,
    SECRET_URL,    /* path, query, user and password of a URL */
    SECRET_PATH,   /* all but the first '/' */
    SECRET_HEADER, /* all behind "Name: " */
    SECRET_WIRE,   /* bytes that went over the wire, HTTP or not */
    SECRET_HOME,   /* not secret: a file's path, where the home folder becomes '~' */
};

enum field_kind {
    FIELD_BOOL,
    FIELD_UINT,      /* any size */
    FIELD_INT,       /* any size, signed */
    FIELD_TEXT,      /* char[]; ends in NUL */
    FIELD_STRING,    /* owned char *; NULL: null */
    FIELD_STR,       /* owned bytes in a struct str */
    FIELD_BYTES,     /* owned bytes in a struct bytes or struct der, as hex */
    FIELD_RAW,       /* uint8_t[] with its count, as hex */
    FIELD_ENUM,      /* by name */
    FIELD_WORD,      /* borrowed static char *: one of `names` */
    FIELD_ADDR,      /* "ip:port"; null: none */
    FIELD_SUB,       /* a struct inside */
    FIELD_OPTIONAL,  /* an owned struct; NULL: null */
    FIELD_ARRAY,     /* inside, with its count */
    FIELD_LIST,      /* owned, with its count */
    FIELD_HSTS_NAME, /* borrowed char *: one of the names of the same struct hsts_found */
};

/* A closed set of words; the index is the value. */
struct names {
    const char *(*at)(unsigned index);
    unsigned count;
};

struct shape;
struct field {
    const char *name; /* NULL in elements of lists */
    enum field_kind kind;
    enum secret secret;
    size_t offset, size;
    bool filled;                 /* STRING: never NULL, "" when absent */
    const struct names *names;   /* ENUM, WORD */
    const struct shape *shape;   /* SUB, OPTIONAL */
    const struct field *element; /* ARRAY, LIST */
    size_t count_offset, count_size, max;
    size_t cap_offset; /* LIST: beside the count; 0: there is none */
};

struct shape {
    size_t size;
    const struct field *fields;
    size_t count;
    bool (*check)(const void *object); /* beyond single fields; NULL: nothing */
};

extern const struct shape facts_shape;
