/* SPDX-License-Identifier: Apache-2.0
 * What the files of the chain check share. */
#pragma once

#include <openssl/x509.h>

#include "tls/observe.h"

/* ---- chain_certificate.c ---- */

/* NULL when the bytes are not exactly one certificate. */
X509 *chain_certificate_parse(const struct der *der);
/* Fills the facts of a certificate that could be read. */
void chain_certificate_facts(X509 *x, struct chain_certificate *ret_facts);
void chain_certificate_done(struct chain_certificate *c);
/* The subject in one line; owned by the caller. */
char *chain_name_text(const X509_NAME *name);
/* First http URL of this method in the authority information access; "" none. Owned. */
char *chain_access_url(const X509 *x, int method_nid);
/* Do the subject alternative names cover the host? False in *ret_any: there are none of use. */
bool chain_names_cover(const X509 *x, struct str host, bool *ret_any);
/* Does one of the common names? Only old clients ask. */
bool chain_common_name_covers(const X509 *x, struct str host);

/* ---- chain_store.c ---- */
X509_STORE *chain_store_x509(const struct chain_store *s); /* borrowed */
bool chain_store_is_public(const struct chain_store *s, const X509 *root);
