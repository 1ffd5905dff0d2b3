/* SPDX-License-Identifier: Apache-2.0
 * What the parts of `why` share: the verdict on a line, and the words in it. Only for why*.c. */
#pragma once

#include "query/say.h"
#include "query/why.h"

enum why_side {
#define WHY(NAME, ...)
#define WHY_SIDE(NAME, word, sentence) WHY_##NAME##_SIDE,
#include "query/why.def"
#undef WHY_SIDE
#undef WHY
    WHY_SIDE_COUNT
};
const char *why_side_word(enum why_side side);
const char *why_side_text(enum why_side side); /* message id */

enum { WHY_STEPS_MAX = 4 };

struct why_pattern {
    const char *word;
    unsigned from, to; /* elb statuses */
    int maker;
    const char *times, *dispatch;
    int test;
    enum why_side side;
    const char *what, *cause, *open; /* message ids; "": none */
    const char *ids;
    enum explain_step steps[WHY_STEPS_MAX];
};

/* The values of an access line that its story needs. */
struct why_facts {
    const struct log_line *line;
    unsigned elb, target_status; /* 0: none */
    bool zeros;                  /* the status is written 000 */
    bool has_target_status, by_target;
    char times[4];       /* "+--" */
    uint64_t legs_us[3]; /* where times has a '+' */
    bool has_duration;
    uint64_t time_us, created_us, duration_us; /* created_us 0: not in the line */
    struct log_request request;
    struct str client_ip;
    uint16_t client_port;
    struct str target, group; /* p NULL: none */
    struct str last_action;
};
void why_facts(const struct log_line *line, struct why_facts *ret_facts);

/* The row that speaks about the line; never NULL: the last row fits all. */
const struct why_pattern *why_pattern(const struct why_facts *facts);
/* One of its sentences with the line's values, made safe; nothing for "". */
void why_sentence(struct buf *out, const char *msgid, const struct why_facts *facts);

/* The words of a line that openalb explain knows: statuses, reasons, classes, TLS and health codes.
 * At most WHY_WORDS_MAX. */
enum { WHY_WORDS_MAX = 12 };
size_t why_words(const struct log_line *line, const struct explain_word **ret_words);
/* What to do: the pattern's steps and those of an error's word; the line's values stand in
 * `ret_values` (WHY_VALUES of them). */
enum { WHY_VALUES = 8, WHY_TODO_MAX = 5, WHY_PORT_BYTES = 16 };
struct why_todo {
    enum explain_step steps[WHY_TODO_MAX];
    size_t count;
    struct say_value values[WHY_VALUES];
    char port[WHY_PORT_BYTES], status[WHY_PORT_BYTES];
    struct buf host_port; /* owned */
};
void why_todo(const struct log_line *line, struct why_todo *ret_todo);
void why_todo_done(struct why_todo *todo);
