/* SPDX-License-Identifier: Apache-2.0
 * Listener rules compiled to a matcher: request in, rule out. Pure. It is not the action: that the
 * proxy carries out; only the Location of a redirect is written here.
 *
 * When a configuration is loaded, one `struct matcher` is made per listener (owned by who made it);
 * each request asks matcher_find() once, which allocates nothing. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "model/model.h"

struct rules_request {
    struct str host; /* name of the first Host header (or the absolute-form authority), no port */
    struct str path; /* as sent, no query */
};

struct matcher;
/* Borrows the listener for its life. Wildcards: `*` any run, `/` included, `?` exactly one byte.
 * Hosts match in either case, paths do not. Rules are taken by ascending priority, whatever their
 * order. */
struct matcher *matcher_new(const struct listener *listener);
void matcher_free(struct matcher **m);
/* The first rule by priority whose conditions all hold, or NULL: the default action. A host or path
 * with a control byte (0x00-0x1f, 0x7f) matches no condition [ALB: rules match visible ASCII only].
 */
const struct rule *matcher_find(const struct matcher *m, const struct rules_request *request);

/* `*` and `?` wildcards; fold: ASCII letters match in either case. Never exponential: at most about
 * pattern.n steps for each byte of the text, whatever the pattern. */
bool wildcard_match(struct str pattern, struct str text, bool fold);

/* Expands a redirect action's #{...} placeholders into an absolute URL. The port is always written.
 * [ALB: redirect actions]; host: without port; port: the listener's; path as sent (leading slash).
 */
struct redirect_input {
    struct str protocol; /* "http" or "https", of the listener */
    struct str host;
    uint16_t port; /* listener port */
    struct str path;
    struct str query;
};
/* False when it does not fit into `o` or is over LIMIT_REDIRECT_URL_MAX (507): `o` is then as it
 * was. A control byte or blank never comes out: they are percent-encoded; nothing else is. */
bool redirect_expand(const struct redirect *r, const struct redirect_input *in, struct out *o);
