/* SPDX-License-Identifier: Apache-2.0
 * The snapshot: a model as one versioned JSON document in the state folder, replaced atomically. It
 * holds no key material, only digests. Read by every role outside the request path. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "model/model.h"

enum { SNAPSHOT_FORMAT = 1 };

/* The document as text (pretty-printed, stable order). */
void snapshot_write(const struct model *m, struct buf *out);
/* Parses and validates the whole document; errors name the JSON path. Unknown keys are ignored, a
 * newer format number is refused. */
enum err snapshot_parse(struct str text, struct model **ret_model, struct errinfo *reterr) MUST_USE;

/* STATE/snapshot.json by directory descriptor. Store: write "snapshot.json.new", fsync, rename,
 * fsync the folder. Load: ERR_NOT_FOUND when there is none. */
enum err snapshot_store(int state_dirfd, const struct model *m, struct errinfo *reterr) MUST_USE;
enum err snapshot_load(int state_dirfd, struct model **ret_model, struct errinfo *reterr) MUST_USE;

/* Stable ids and slots, kept in STATE/ids.json: made once, survive reload and restart. */
struct ids;
enum err ids_open(int state_dirfd, struct ids **ret_ids, struct errinfo *reterr) MUST_USE;
void ids_free(struct ids **ids);
/* kind: "hex16", "decimal" (8-10 digits), "uuid". The answer lives as long as `ids`. */
struct str ids_get(struct ids *ids, struct str stack, struct str logical_id, struct str kind);
/* A board slot below `max` for this key ("target:...", "listener:...", "lb:..."; the part before
 * the first colon is the slot space). A freed slot is not given again before ids_release_unused()
 * ran twice since (the next snapshot is loaded by all by then). False when all are taken. */
bool ids_slot(struct ids *ids, struct str key, uint32_t max, uint32_t *ret_slot);
void ids_begin(struct ids *ids);          /* a build starts: marks all slots unused */
void ids_release_unused(struct ids *ids); /* the build was published: slots not asked for age */
enum err ids_store(struct ids *ids, struct errinfo *reterr) MUST_USE; /* atomically, when changed */
