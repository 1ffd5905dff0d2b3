/* SPDX-License-Identifier: Apache-2.0
 * Options of `openalb serve`: one table (options.def) that parses, checks and prints the help. */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "role/role.h"

/* Parses argv[1..]; `ret_options` begins with the defaults. Its texts live as long as argv or for
 * ever; nothing of it is freed: options live as long as the process. ERR_INVALID: the sentence
 * names option, value and what is allowed. *ret_help: --help was given. */
enum err options_parse(int argc, char **argv, struct serve_options *ret_options, bool *ret_help,
                       struct errinfo *reterr) MUST_USE;
void options_help(FILE *to);
/* "IP:PORT" or "[IP6]:PORT". */
bool options_parse_endpoint(struct str text, struct addr *ret_addr);
