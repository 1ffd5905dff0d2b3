/* SPDX-License-Identifier: Apache-2.0
 * The tables of the chain check, and how names are compared. */
#include "tls/observe.h"

#include <openssl/x509.h>

static const struct {
    const char *name;
    enum chain_weight weight;
    const char *sentence;
} problems[] = {
#define CHAIN(NAME, name, weight, sentence) {name, CHAIN_##weight, sentence},
#include "tls/chain_problems.def"
#undef CHAIN
};

static const struct {
    struct str part;
    const char *product;
} interceptors[] = {
#define INTERCEPTOR(part, product) {{part, sizeof(part) - 1}, product},
#include "tls/interceptors.def"
#undef INTERCEPTOR
};

const char *
chain_problem_name(enum chain_problem_kind k)
{
    return problems[k].name;
}

const char *
chain_problem_sentence(enum chain_problem_kind k)
{
    return problems[k].sentence;
}

enum chain_weight
chain_problem_weight(enum chain_problem_kind k)
{
    return problems[k].weight;
}

bool
chain_problem_find(struct str name, enum chain_problem_kind *ret_kind)
{
    for (unsigned i = 0; i < CHAIN_COUNT; i++) {
        if (str_eq(name, str_of(problems[i].name))) {
            *ret_kind = (enum chain_problem_kind)i;
            return true;
        }
    }
    return false;
}

const struct chain_problem *
chain_problem_of(const struct chain_facts *f, enum chain_problem_kind k)
{
    for (size_t i = 0; i < f->problem_count; i++) {
        if (f->problems[i].kind == k) {
            return &f->problems[i];
        }
    }
    return NULL;
}

const char *
chain_key_name(enum chain_key k)
{
    static const char *const names[] = {
        [CHAIN_KEY_RSA] = "RSA",     [CHAIN_KEY_EC] = "EC",       [CHAIN_KEY_ED25519] = "Ed25519",
        [CHAIN_KEY_ED448] = "Ed448", [CHAIN_KEY_OTHER] = "other",
    };
    return names[k];
}

const char *
chain_verify_text(int code)
{
    return X509_verify_cert_error_string(code);
}

static bool
contains_folded(struct str text, struct str part)
{
    for (size_t at = 0; at + part.n <= text.n; at++) {
        if (str_ieq(str_sub(text, at, part.n), part)) {
            return true;
        }
    }
    return false;
}

const char *
chain_interceptor(struct str issuer)
{
    for (size_t i = 0; i < COUNT_OF(interceptors); i++) {
        if (contains_folded(issuer, interceptors[i].part)) {
            return interceptors[i].product;
        }
    }
    return NULL;
}

static struct str
without_dot(struct str name)
{
    return str_ends(name, STR(".")) ? str_sub(name, 0, name.n - 1) : name;
}

/* Letters, digits, '-', '_' in labels that are not empty. */
static bool
is_plain_name(struct str name)
{
    struct str label;
    size_t labels = 0;
    while (str_cut(&name, '.', &label)) {
        if (label.n == 0) {
            return false;
        }
        for (size_t i = 0; i < label.n; i++) {
            if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_') {
                return false;
            }
        }
        labels++;
    }
    return labels > 0;
}

bool
chain_name_matches(struct str host, struct str name)
{
    struct addr address;
    host = without_dot(host);
    name = without_dot(name);
    if (addr_parse(host, 0, &address) || !is_plain_name(host)) {
        return false;
    }
    if (!str_starts(name, STR("*."))) {
        return is_plain_name(name) && str_ieq(host, name);
    }
    struct str behind = str_sub(name, 1, name.n); /* ".example.com" */
    struct str parent = str_sub(name, 2, name.n);
    size_t dot;
    return is_plain_name(parent) && str_find_char(parent, '.', NULL) &&
           str_find_char(host, '.', &dot) && str_ieq(str_sub(host, dot, host.n), behind);
}
