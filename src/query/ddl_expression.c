/* SPDX-License-Identifier: Apache-2.0
 * One regular expression for a line of each log, made from the fields and columns: what Java, RE2
 * and Python all know, no look-ahead, no back reference. A group takes a value, never `-`, so that
 * what is absent is no match of its group: NULL in every engine.
 *
 * The fields that are always there stand in a row; each later one is inside of an optional part
 * that holds all behind it, and the rest of a longer line ends the last one. */
#include "query/ddl.h"

#include "base/assert.h"
#include "query/columns.h"

/* Without quotation marks. A backslash takes a quotation mark behind it along, but gives it back
 * when the line cannot be read so. Written as a loop over backslashes: Java recurses for each turn.
 */
#define QUOTED_TEXT "[^\"\\\\]*(?:\\\\\"?[^\"\\\\]*)*"
#define QUOTED_WORD "(?:[^ \"\\\\]|\\\\\"?)[^ \"\\\\]*(?:\\\\\"?[^ \"\\\\]*)*"

/* The method, the URL with blanks in it, the version; blanks before the last mark belong to none.
 */
#define REQUEST                                                                                    \
    "(?:-|\"(?:-|(" QUOTED_WORD "))?(?: (?:-|( *" QUOTED_WORD "(?: +" QUOTED_WORD                  \
    ")*?))(?: +(?:-|(" QUOTED_WORD ")))?)? *\")"

/* What stands between two blanks, by the kind of field. A value of another shape is passed over:
 * the line is good without it. */
static const char *const shapes[] = {
    [ACCESS_WORD] = "\"?(?:-|([^ \"]+))?\"?",
    [ACCESS_TEXT] = "(?:-|\"-?\"|\"(" QUOTED_TEXT ")\"|[^ \"]*)",
    [ACCESS_TIME] = "([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)",
    [ACCESS_TIME_MS] = "(?:([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)|[^ ]*)",
    [ACCESS_PEER] = "(?:-|\\[?([^ ]*?)\\]?(?::([0-9]{1,5}))?)",
    [ACCESS_TARGET] = "(?:-|\\[?([^ ]*?)\\]?(?::([0-9]{1,5}))?)",
    [ACCESS_SECONDS] = "(?:([0-9]+(?:\\.[0-9]+)?)|[^ ]*)",
    [ACCESS_STATUS] = "(?:([0-9]+)|[^ ]*)",
    [ACCESS_COUNT] = "(?:([0-9]+)|[^ ]*)",
    [ACCESS_REQUEST] = REQUEST,
    [ACCESS_PRIORITY] = "(?:(-1|[0-9]+)|[^ ]*)",
    [ACCESS_TID] = "\"?(?:-|([^ \"]+))?\"?",
    [ACCESS_ADDRESS] = "\"?(?:-|([^ \"]+))?\"?",
};

/* In quotation marks, which old examples lack around lists. */
static const char *
quoted_shape(enum access_kind kind)
{
    if (kind == ACCESS_TARGET) {
        return "\"?(?:-|([^ \"]+(?: [^ \"]*:[0-9]+)*))?\"?";
    }
    if (kind == ACCESS_STATUS) {
        return "\"?(?:-|([0-9]+(?: [0-9]+)*))?\"?";
    }
    return kind == ACCESS_REQUEST ? REQUEST : shapes[ACCESS_TEXT];
}

/* How many fields each line has at least [ALB log 1.1, 4, 5]. */
static const unsigned fields_min[LOG_KIND_COUNT] = {
    [LOG_ACCESS] = 17, [LOG_CONNECTION] = 12, [LOG_HEALTH] = 8};

/* The latency tells a health check's line from those of other logs. */
static const char latency_shape[] = "(?:([0-9]+\\.[0-9]+)|-)";

static const char *
field_shape(enum log_kind kind, unsigned i)
{
    const struct log_field *field = log_field(kind, i);
    if (kind == LOG_HEALTH && i == LOG_HEALTH_LATENCY) {
        return latency_shape;
    }
    return field->quoted ? quoted_shape(field->kind) : shapes[field->kind];
}

void
ddl_expression(enum log_kind kind, struct buf *out)
{
    ASSERT(kind < LOG_KIND_COUNT);
    unsigned count = log_field_count(kind);
    for (unsigned i = 0; i < count; i++) {
        buf_add_z(out, i >= fields_min[kind] ? "(?: " : i > 0 ? " " : "");
        buf_add_z(out, field_shape(kind, i));
    }
    buf_add_z(out, "(?s: .*)?");
    for (unsigned i = fields_min[kind]; i < count; i++) {
        buf_add_z(out, ")?");
    }
    buf_add_z(out, "\\r?");
}
