/* SPDX-License-Identifier: Apache-2.0
 * What the texts and the JSON of statistics share. Only for stats_show*.c and stats_compare.c. */
#pragma once

#include "query/grid.h"
#include "query/say.h"
#include "query/stats_show.h"

struct error_kind {
    const char *word;
    enum explain_kind kind;
    const char *title; /* message id */
};
const struct error_kind *show_error_kind(enum stats_error_kind kind);

/* What an error means, a message id; NULL: the word is not known. */
const char *show_error_meaning(const struct stats_error *error);
/* Fills the steps (at most EXPLAIN_STEPS_MAX) and returns their number. */
size_t show_error_steps(const struct stats_error *error, enum explain_step *ret_steps);
/* Findings of the doctor behind it: "TGT-03 TGT-11"; "" if none. */
const char *show_error_findings(const struct stats_error *error);
/* The command that shows the lines of this error, or one of them; nothing where none can. */
void show_error_command(struct buf *out, const struct stats_error *error);

enum style show_status_style(unsigned status);
enum style show_class_style(unsigned class);

/* "10.0.0.1:80" as address and port; the group's row ("") as nothing. */
void show_target_name(struct buf *out, const struct stats_group *group);
const char *show_leg_title(enum stats_leg leg); /* message id */
