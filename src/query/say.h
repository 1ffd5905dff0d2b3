/* SPDX-License-Identifier: Apache-2.0
 * How numbers, moments and bytes of a log are written by `stats` and `why`, on a terminal and in
 * JSON. Only for this module. */
#pragma once

#include "explain/explain.h"
#include "log/read.h"
#include "text/text.h"

#include <jansson.h>

/* ---- bytes of the log ---- */

/* The writer's escapes undone, then made safe. */
void say_log(struct buf *out, struct str bytes);
/* The same as JSON; null where bytes.p is NULL. */
json_t *say_log_json(struct str bytes);
/* "web" of "arn:...:targetgroup/web/99aa"; another text is itself. */
struct str say_group_name(struct str arn);

/* ---- numbers ---- */

void say_count(struct buf *out, uint64_t count);             /* "18,231" */
void say_ms(struct buf *out, uint64_t ms);                   /* "37 ms", "61.2 s" */
void say_bytes(struct buf *out, uint64_t bytes);             /* "512 B", "1.4 MB" */
void say_share(struct buf *out, uint64_t part, uint64_t of); /* "12.3 %"; "-" of nothing */
void say_span(struct buf *out, uint64_t us);                 /* "2 h 5 min", "12.3 s" */
void say_time(struct buf *out, uint64_t us);                 /* "2026-09-23 11:02:31.442" */
void say_second(struct buf *out, uint64_t us);               /* "2026-09-23 11:02:31" */

/* `columns` columns for the whole; at least a sliver for what is not 0. */
void say_bar(struct buf *out, uint64_t part, uint64_t whole, unsigned columns, bool ascii);
/* One character for each value, scaled from 0 to the largest. */
void say_spark(struct buf *out, const uint64_t *values, size_t count, bool ascii);

/* ---- what to do ---- */

struct say_value {
    const char *placeholder; /* "HOST", as the commands of explain/steps.def write it */
    struct str value;        /* of a stranger; p NULL: not known */
};
/* The command with the values that are known and fit to be pasted: [A-Za-z0-9._:/-] only, from a
 * letter, digit or bracket on; the others stay as capitals. */
void say_filled(struct buf *out, const char *command, const struct say_value *values, size_t count);
/* "sentence" and the command in a line of its own, never broken. */
void say_step(struct buf *out, const struct term *t, unsigned indent, enum explain_step step,
              const struct say_value *values, size_t count);
json_t *say_step_json(enum explain_step step, const struct say_value *values, size_t count);

/* ---- lines and JSON ---- */

/* "  label         text", continued under the text. */
void say_labelled(struct buf *out, const struct term *t, const char *label, struct str text);
/* A heading with an empty line before. */
void say_heading(struct buf *out, const struct term *t, const char *msgid);
void say_set(json_t *object, const char *key, json_t *value);
void say_push(json_t *list, json_t *value);
json_t *say_number(uint64_t number);
json_t *say_time_json(uint64_t us);     /* ISO 8601; null for 0 */
json_t *say_text_json(struct str text); /* our own; null where p is NULL */
/* Those ids of "TGT-04 LBC-13" as a list; "-" and "" give none. */
json_t *say_ids_json(const char *ids);
