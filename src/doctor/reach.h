/* SPDX-License-Identifier: Apache-2.0
 * A connection to a host by its name: the system's lookup, then its addresses one after another.
 * For machines whose wish brings no address: the proxy's and the issuer's. */
#pragma once

#include "doctor/engine_int.h"

struct reach;
/* May this address be connected to? If not, it sets result.skip. NULL: any. */
typedef bool reach_check_fn(struct run *run, const struct addr *at);
/* As dial_start(); `host` is a name or an address without brackets. Fills result.at. When no
 * address is found result.error is an EAI_ code. */
struct reach *reach_start(struct run *run, const char *host, uint16_t port, reach_check_fn *check,
                          dial_fn *fn, void *context);
void reach_cancel(struct reach **reach); /* NULL is fine */
