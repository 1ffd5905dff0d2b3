/* SPDX-License-Identifier: Apache-2.0
 * What `openalb hsts` found, as text for a person and as JSON. */
#pragma once

#include "base/buf.h"
#include "hsts/hsts.h"
#include "text/text.h"

struct json_t;

/* What `hsts remove` did with one store. */
struct hsts_step {
    const struct hsts_store *store; /* borrowed */
    struct hsts_removal removal;    /* owned */
    enum err error;
    struct errinfo reason; /* of an error */
};

struct hsts_steps {
    bool dry_run;
    struct hsts_step *items; /* owned */
    size_t count, cap;
    /* What is remembered now; also what no removal can change. */
    const struct hsts_found *after; /* borrowed */
};

/* Does anything change a URL of the name, at least on one port? */
bool hsts_applies(const struct hsts_found *f);

/* ---- text, laid out for the terminal ---- */
void hsts_show_text(struct buf *out, const struct term *t, const struct hsts_found *f);
void hsts_explain_text(struct buf *out, const struct term *t, const struct hsts_found *f,
                       const struct hsts_url *url, struct str typed);
void hsts_remove_text(struct buf *out, const struct term *t, const struct hsts_steps *steps);

/* ---- JSON: one object, its own line end ---- */
void hsts_show_json(struct buf *out, const struct hsts_found *f);
void hsts_explain_json(struct buf *out, const struct hsts_found *f, const struct hsts_url *url,
                       struct str typed);
void hsts_remove_json(struct buf *out, const struct hsts_steps *steps);
void hsts_error_json(struct buf *out, struct str sentence);

/* The command that brings the backup back, fit for a shell. */
void hsts_undo_command(struct buf *out, const struct hsts_removal *r);

/* What changes a URL of one store: an entry, the preload list, a setting, nothing. */
struct hsts_cause {
    const struct hsts_entry *entry;
    const struct hsts_preloaded *preloaded;
    bool setting;
};
struct hsts_cause hsts_cause(const struct hsts_found *f, size_t store, uint16_t port);
bool hsts_cause_any(const struct hsts_cause *c);
/* Does any client change the URL, or the preload list? */
bool hsts_changes(const struct hsts_found *f, const struct hsts_url *url);
