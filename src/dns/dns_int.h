/* SPDX-License-Identifier: Apache-2.0
 * What the files of this folder share. */
#pragma once

#include "dns/dns.h"

/* An uncompressed, checked name of the wire as text; false, and "", when the text is too long. */
bool name_from_wire(const uint8_t *wire, char text[static DNS_NAME_TEXT]);

/* Any text of a name in the form in which answers are read. ERR_INVALID when it is no name. */
enum err name_normalise(const char *name, char text[static DNS_NAME_TEXT]) MUST_USE;

/* Copies a C string that is known to fit a name's field. */
void name_copy(char to[static DNS_NAME_TEXT], const char *name);

/* Letters, digits and the characters of `plain` as they are, every other byte as \DDD. */
void out_escaped(struct out *o, struct str bytes, const char *plain);

/* Everything of a SVCB record behind priority and target. */
void https_params_read(const uint8_t *p, size_t n, struct dns_https *https);

/* ---- text files of the system ---- */

/* One line without its end, cut at LIMIT_DNS_HOSTS_LINE; counted from 1. */
typedef void text_line_fn(void *context, struct str line, unsigned number);
struct text_lines {
    const char *path;
    size_t bytes_max;
    text_line_fn *fn;
    void *context;
    bool missing, cut; /* results: there is no such file; it is longer than bytes_max */
};
enum err text_lines_read(struct text_lines *lines, struct errinfo *reterr) MUST_USE;

/* Takes the next word up to a blank or tab off the front of *rest. */
bool text_word(struct str *rest, struct str *ret_word);

/* An address that may end in "%interface". */
bool addr_parse_scoped(struct str text, uint16_t port, struct addr *ret_addr);

/* ---- what a walk has found, taken together ---- */

bool name_set_has(const struct dns_name_set *set, const char *name);
void name_set_add(struct dns_name_set *set, const char *name);
bool name_sets_equal(const struct dns_name_set *a, const struct dns_name_set *b);
/* The NS records of `zone` in the answer and the authority section; false when there are none. */
bool name_set_of_answer(const struct dns_answer *answer, const char *zone,
                        struct dns_name_set *ret_set);
/* From the replies: each server's state, the serials, whether the NS sets differ, the outcome. */
void walk_result_judge(struct dns_walk_result *result);
/* Frees the answers and empties the servers. */
void walk_servers_drop(struct dns_walk_result *result);
