/* SPDX-License-Identifier: Apache-2.0
 * Facts as a file: one JSON document, bytes as hex, times in microseconds, nothing of it secret
 * unless asked: paths, queries, headers, cookies and keys become '*' of equal length [ruling 8]. */
#pragma once

#include "doctor/facts.h"

enum { SAVE_FORMAT = 1 };
/* Appends the document. */
void facts_save(const struct facts *f, bool with_secrets, struct buf *out);
/* Reads any bytes: every field checked against its range and limit; a sentence with the JSON path
 * on failure. The results are digested. */
enum err facts_load(struct str json, struct facts *ret_facts, struct errinfo *reterr) MUST_USE;
