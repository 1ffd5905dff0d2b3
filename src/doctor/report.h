/* SPDX-License-Identifier: Apache-2.0
 * What people and programs read. The same facts and findings in four forms; nothing is decided
 * here. Everything that came from the far end is escaped here and nowhere else. */
#pragma once

#include "doctor/infer.h"
#include "text/text.h"

struct report {
    const struct facts *facts;
    const struct findings *findings;
    bool show_commands, verbose;
};
/* One screen, the verdict first [doctor-peers 5.2]. */
void report_terminal(const struct report *r, const struct term *t, struct buf *out);
/* One line without line end. */
void report_quiet(const struct report *r, struct buf *out);
/* One object [doctor-peers 5.3, ruling 12]; docs/doctor.schema.json. */
void report_json(const struct report *r, struct buf *out);
/* Valid JSON for a run that came to nothing: result "error". */
void report_json_error(const char *message, int exit_code, struct buf *out);
/* One page, both languages [doctor-peers 5.4]. */
void report_html(const struct report *r, struct buf *out);

/* ---- shared by the forms ---- */
/* A cell of a row of sights.def in words: "a | b" as "a or b", PAGE as the page that it is. */
void say_sight(const struct sight_row *row, const char *cell, struct buf *out);
/* The sentence with the finding's (and the evidence's) arguments filled in, escaped. */
void say_cause(const struct finding *f, enum text_escape e, struct buf *out);
void say_evidence(const struct finding *f, const struct evidence *ev, enum text_escape e,
                  struct buf *out);
void say_rules_out(const struct finding *f, enum text_escape e, struct buf *out);
/* A command to paste: values only of [A-Za-z0-9._:/-], single-quoted where they came from the far
 * end, else a placeholder in capitals [ruling 14]. */
void say_command(const struct facts *facts, const struct finding *f, const char *command,
                 struct buf *out);
/* Of --access-log: what was read; one request's line; the main request's, NULL if none is there. */
void say_log_read(const struct log_seen *log, enum text_escape e, struct buf *out);
void say_log_mark(const struct log_mark *m, enum text_escape e, struct buf *out);
const struct log_mark *say_main_mark(const struct log_seen *log);
/* Of --bucket-policy: the answer, and what no policy shows. */
void say_policy(const struct policy_asked *p, enum text_escape e, struct buf *out);
const char *say_confidence(enum confidence c); /* msgid */
/* The ticket: what to send to an administrator, without private data. */
void say_ticket(const struct report *r, struct buf *out);

/* Any other sentence of a finding: its note, what was tried. */
void say_text(const struct finding *f, const char *msgid, enum text_escape e, struct buf *out);
const char *say_counter(enum counter c);         /* msgid: "works" */
const char *say_layer_state(enum layer_state s); /* msgid: "ok", "FAIL", "not examined" */
const char *say_severity(enum severity s);       /* msgid: "FAIL", "warn", "note" */
/* The remedies of a finding, those that fit what was seen (load balancer, web server) first. */
enum { SAY_FIXES_MAX = 32 };
size_t say_fixes(const struct facts *facts, const struct finding *f,
                 const struct fix_row *ret_rows[static SAY_FIXES_MAX]);
const char *tool_json(enum tool t);  /* "aws-cli" */
const char *tool_title(enum tool t); /* "AWS CLI" (msgid) */
