/* SPDX-License-Identifier: Apache-2.0
 * What a saved diagnosis must not tell: paths, queries, cookies, authorisation and other headers
 * that were given become '*' of equal length [ruling 8], wherever they stand.
 *
 * Different secrets of one length stay different, since redirects are compared: the second one ends
 * in 1, the third in 2, and so on. What is starred already stays as it is, so that a saved
 * diagnosis can be loaded and saved again. */
#pragma once

#include "doctor/facts.h"
#include "doctor/save_int.h"

struct secrets;
/* Learns the question's secrets. `off`: nothing is starred. */
struct secrets *secrets_new(const struct question *q, bool off);
void secrets_free(struct secrets **s);
/* Stars bytes in place. */
void secrets_star(struct secrets *s, enum secret kind, char *p, size_t n);
/* The value of a header field. */
void secrets_star_field(struct secrets *s, struct str name, char *p, size_t n);
/* Stars credentials (of the question's headers, cookies and proxy) in what reports show of answers,
 * should the far end repeat them. The raw bytes stay; facts_save() stars those. */
void secrets_hide(struct facts *f);
/* Appends a server's HTTP/2 frames with the header fields and data in them starred: header blocks
 * are coded anew, so the length differs; one that cannot be decoded stays one that cannot. */
void secrets_add_h2(struct secrets *s, struct str frames, struct buf *out);
/* Appends a file's path, or a sentence with one, the home folder's name as '~'. */
void secrets_add_home(const struct secrets *s, struct str path, struct buf *out);
