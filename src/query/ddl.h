/* SPDX-License-Identifier: Apache-2.0
 * Definitions for other engines that read ALB logs: CREATE TABLE for Athena and Trino, views for
 * DuckDB and ClickHouse, each with example queries. All are made from one regular expression, which
 * is made from the tables of query/columns.h: every flavour has the same columns, names and types.
 *
 * The expression takes every historical shape of a line (17 to 36 fields and more), malformed
 * requests, IPv6 and escaped quotes; it has one group for each column and none more. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "log/read.h"

enum ddl_flavour {
#define DDL_FLAVOUR(NAME, word, title) DDL_##NAME,
#include "query/ddl_flavours.def"
#undef DDL_FLAVOUR
    DDL_FLAVOUR_COUNT
};
const char *ddl_flavour_word(enum ddl_flavour flavour);  /* "athena" */
const char *ddl_flavour_title(enum ddl_flavour flavour); /* "Amazon Athena" */
bool ddl_flavour_find(struct str word, enum ddl_flavour *ret_flavour);

struct ddl_options {
    enum ddl_flavour flavour;
    enum log_kind kind;
    /* Where the logs lie: "s3://BUCKET[/PREFIX]", for DuckDB and ClickHouse also a folder or a file
     * pattern of this machine. Empty: "s3://BUCKET/PREFIX", to be filled in by the reader. */
    struct str location;
    struct str account; /* 12 digits; empty: 123456789012 */
    struct str region;  /* empty: us-east-1 */
    struct str from;    /* first day, "yyyy/mm/dd"; empty: 2026/01/01 */
    bool examples;      /* also the example queries */
};

/* Appends the definition as SQL text. ERR_INVALID with a sentence: an option that no such log can
 * have (a bucket name, an account, a day), or a location that this engine cannot read. */
enum err ddl_write(const struct ddl_options *options, struct buf *out, struct errinfo *reterr)
    MUST_USE;

/* The expression alone (Java, RE2 and Python agree on it): groups are the columns of the
 * definition, in their order. For tests and other tools. */
void ddl_expression(enum log_kind kind, struct buf *out);
