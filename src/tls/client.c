/* SPDX-License-Identifier: Apache-2.0
 * Contexts towards targets: any certificate is taken, no name is sent [ALB: TLS to targets]. */
#include "tls/tls_int.h"

#include "base/mem.h"

enum err
tls_client_new(bool tls13, struct tls_client **ret_client, struct errinfo *reterr)
{
    SSL_CTX *context;
    TRY(tls_context_new(TLS_client_method(), tls_policy_towards_targets(tls13), &context, reterr));
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    /* Old targets may lack secure renegotiation, and may ask to renegotiate. */
    SSL_CTX_set_options(context, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_NO_TICKET);
    SSL_CTX_clear_options(context, SSL_OP_NO_RENEGOTIATION);
    /* Targets bring certificates of any age: their quality is nobody's concern here. */
    SSL_CTX_set_security_level(context, 0);
    struct tls_client *client = xalloc(sizeof(*client));
    client->context = context;
    *ret_client = client;
    return ERR_OK;
}

void
tls_client_free(struct tls_client **c)
{
    if (*c != NULL) {
        SSL_CTX_free((*c)->context);
        xfree(*c);
        *c = NULL;
    }
}
