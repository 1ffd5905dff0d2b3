/* SPDX-License-Identifier: Apache-2.0
 * The fields of a saved diagnosis: what stands here is written and read, the rest is worked out
 * again. The names are the keys of the file; format 1 keeps them. */
#include "doctor/save_int.h"

#include "base/limits.h"
#include "policy/delivery.h"

#define AT(T, n) .name = #n, .offset = offsetof(T, n), .size = sizeof(((T *)0)->n)
#define BOOL(T, n)                                                                                 \
    {                                                                                              \
        .kind = FIELD_BOOL, AT(T, n)                                                               \
    }
#define UINT(T, n)                                                                                 \
    {                                                                                              \
        .kind = FIELD_UINT, AT(T, n)                                                               \
    }
#define INT(T, n)                                                                                  \
    {                                                                                              \
        .kind = FIELD_INT, AT(T, n)                                                                \
    }
#define TEXT(T, n)                                                                                 \
    {                                                                                              \
        .kind = FIELD_TEXT, AT(T, n)                                                               \
    }
#define STRING(T, n)                                                                               \
    {                                                                                              \
        .kind = FIELD_STRING, AT(T, n)                                                             \
    }
#define STRING_SECRET(T, n, s)                                                                     \
    {                                                                                              \
        .kind = FIELD_STRING, AT(T, n), .secret = SECRET_##s                                       \
    }
#define FILLED(T, n)                                                                               \
    {                                                                                              \
        .kind = FIELD_STRING, AT(T, n), .filled = true                                             \
    }
#define FILE_NAME(T, n)                                                                            \
    {                                                                                              \
        .kind = FIELD_STRING, AT(T, n), .secret = SECRET_HOME                                      \
    }
#define FILE_FILLED(T, n)                                                                          \
    {                                                                                              \
        .kind = FIELD_STRING, AT(T, n), .secret = SECRET_HOME, .filled = true                      \
    }
#define BYTES(T, n, s)                                                                             \
    {                                                                                              \
        .kind = FIELD_BYTES, AT(T, n), .secret = SECRET_##s                                        \
    }
#define RAW(T, n, c)                                                                               \
    {                                                                                              \
        .kind = FIELD_RAW, AT(T, n), .count_offset = offsetof(T, c),                               \
        .count_size = sizeof(((T *)0)->c), .max = sizeof(((T *)0)->n)                              \
    }
#define ENUM(T, n, set)                                                                            \
    {                                                                                              \
        .kind = FIELD_ENUM, AT(T, n), .names = &(set)                                              \
    }
#define WORD(T, n, set)                                                                            \
    {                                                                                              \
        .kind = FIELD_WORD, AT(T, n), .names = &(set)                                              \
    }
#define ADDR(T, n)                                                                                 \
    {                                                                                              \
        .kind = FIELD_ADDR, AT(T, n)                                                               \
    }
#define SUB(T, n, s)                                                                               \
    {                                                                                              \
        .kind = FIELD_SUB, AT(T, n), .shape = &(s)                                                 \
    }
#define OPTIONAL(T, n, s)                                                                          \
    {                                                                                              \
        .kind = FIELD_OPTIONAL, AT(T, n), .shape = &(s)                                            \
    }
#define COUNTED(T, n, c, e)                                                                        \
    AT(T, n), .element = &(e), .count_offset = offsetof(T, c), .count_size = sizeof(((T *)0)->c)
#define ARRAY(T, n, c, e)                                                                          \
    {                                                                                              \
        .kind = FIELD_ARRAY, COUNTED(T, n, c, e),                                                  \
        .max = sizeof(((T *)0)->n) / sizeof(((T *)0)->n[0])                                        \
    }
#define LIST(T, n, c, e, most)                                                                     \
    {                                                                                              \
        .kind = FIELD_LIST, COUNTED(T, n, c, e), .max = (most)                                     \
    }
#define GROWN(T, n, c, cap_, e, most)                                                              \
    {                                                                                              \
        .kind = FIELD_LIST, COUNTED(T, n, c, e), .max = (most), .cap_offset = offsetof(T, cap_)    \
    }
#define SHAPE(T, f, c)                                                                             \
    {                                                                                              \
        .size = sizeof(T), .fields = (f), .count = COUNT_OF(f), .check = (c)                       \
    }
/* An element of a list that is a struct. */
#define ELEMENT(T, s)                                                                              \
    {                                                                                              \
        .kind = FIELD_SUB, .size = sizeof(T), .shape = &(s)                                        \
    }

/* ---- words ---- */

/* The set of an array SET_words. */
#define WORD_SET(set)                                                                              \
    static const char *set##_at(unsigned i)                                                        \
    {                                                                                              \
        return set##_words[i];                                                                     \
    }                                                                                              \
    static const struct names set = {set##_at, COUNT_OF(set##_words)};
/* Words of our own, in the order of the enum. */
#define WORDS(set, ...)                                                                            \
    static const char *const set##_words[] = {__VA_ARGS__};                                        \
    WORD_SET(set)
/* Words that the enum's own function knows. */
#define NAMES(set, type, fn, n)                                                                    \
    static const char *set##_at(unsigned i)                                                        \
    {                                                                                              \
        return fn((enum type)i);                                                                   \
    }                                                                                              \
    static const struct names set = {set##_at, (n)};

NAMES(probes, probe, probe_name, PROBE_COUNT)
NAMES(sides, side, side_name, SIDE_COUNT)
NAMES(outcomes, outcome, outcome_name, OUTCOME_COUNT)
NAMES(skips, skip, skip_name, SKIP_COUNT)
NAMES(finishes, finish, finish_name, FINISH_COUNT)
NAMES(hellos, tls_hello_profile, tls_hello_name, TLS_HELLO_COUNT)
NAMES(staples, tls_staple, tls_staple_name, TLS_STAPLE_COUNT)
NAMES(chain_problems, chain_problem_kind, chain_problem_name, CHAIN_COUNT)
NAMES(keys, chain_key, chain_key_name, CHAIN_KEY_OTHER + 1)
NAMES(remark_kinds, webconf_remark_kind, webconf_remark_name, WEBCONF_REMARK_COUNT)
NAMES(weights, webconf_weight, webconf_weight_name, WEBCONF_FAULT + 1)
NAMES(clients, hsts_client, hsts_client_name, HSTS_CLIENT_COUNT)
WORDS(schemes, "https", "http")
WORDS(walk_outcomes, "found", "no_resolver", "no_zone", "unreachable")
WORDS(server_states, "good", "lame", "silent", "unreachable", "broken", "no_address", "unknown")
WORDS(sources, "sent", "fetched", "store")
WORDS(webconf_kinds, "auto", "nginx", "apache")
WORDS(entry_states, "set", "unset", "knockout", "negative")
static const char *const store_states_words[] = {
#define STORE_STATE(name, read, text) #name,
#include "hsts/store_states.def"
#undef STORE_STATE
};
WORD_SET(store_states)

static const char *const store_sentences_words[] = {
#define STORE_STATE(name, read, text) text,
#include "hsts/store_states.def"
#undef STORE_STATE
};
WORD_SET(store_sentences)

static const char *const browsers_words[] = {
#define PLACE(client, browser, base, folder) browser,
#include "hsts/places.def"
#undef PLACE
    "Chromium", "Firefox", "curl", "wget", "",
};
WORD_SET(browsers)

static const char *
families_at(unsigned i)
{
    static const char *const words[] = {[AF_UNSPEC] = "any", [AF_INET] = "4", [AF_INET6] = "6"};
    return i < COUNT_OF(words) && words[i] != NULL ? words[i] : "";
}
static const struct names families = {families_at, AF_INET6 + 1};

/* ---- what was asked ---- */

static const struct field addr_element = {.kind = FIELD_ADDR, .size = sizeof(struct addr)};
static const struct field header_element = {
    .kind = FIELD_STRING, .secret = SECRET_HEADER, .size = sizeof(char *), .filled = true};

static const struct field override_fields[] = {
    TEXT(struct resolve_override, host),
    ADDR(struct resolve_override, addr),
};
static const struct shape override_shape = SHAPE(struct resolve_override, override_fields, NULL);
static const struct field override_element = ELEMENT(struct resolve_override, override_shape);

static const struct field question_fields[] = {
    {.kind = FIELD_STRING, AT(struct question, typed), .secret = SECRET_URL, .filled = true},
    ENUM(struct question, scheme, schemes),
    BOOL(struct question, scheme_given),
    BOOL(struct question, port_given),
    BOOL(struct question, websocket),
    TEXT(struct question, host),
    TEXT(struct question, host_shown),
    BOOL(struct question, host_is_address),
    UINT(struct question, port),
    {.kind = FIELD_STRING, AT(struct question, path), .secret = SECRET_PATH, .filled = true},
    TEXT(struct question, url),
    ENUM(struct question, family, families),
    TEXT(struct question, lb_name),
    ARRAY(struct question, lb_addrs, lb_addr_count, addr_element),
    BOOL(struct question, lb_given),
    ADDR(struct question, target),
    FILE_NAME(struct question, server_config),
    ARRAY(struct question, resolve, resolve_count, override_element),
    ARRAY(struct question, dns, dns_count, addr_element),
    ADDR(struct question, from),
    STRING_SECRET(struct question, proxy, URL),
    FILE_NAME(struct question, ca_file),
    FILE_NAME(struct question, client_cert),
    FILE_NAME(struct question, client_key),
    ARRAY(struct question, headers, header_count, header_element),
    ENUM(struct question, profile, hellos),
    UINT(struct question, timeout_us),
    UINT(struct question, deadline_us),
    UINT(struct question, max_connections),
    BOOL(struct question, all),
    BOOL(struct question, fast),
    BOOL(struct question, strict),
    UINT(struct question, checks),
    TEXT(struct question, browser_error),
    BOOL(struct question, browser_state),
    FILE_NAME(struct question, browser_profile),
    FILE_NAME(struct question, preload_list),
    FILE_NAME(struct question, curl_hsts),
    TEXT(struct question, log_account),
    TEXT(struct question, log_region),
    UINT(struct question, authority_port),
    FILE_NAME(struct question, hosts_file),
    FILE_NAME(struct question, resolv_conf),
};
static bool
question_check(const void *object)
{
    const struct question *q = object;
    return q->host[0] != '\0' && q->port != 0 && q->path[0] == '/';
}
static const struct shape question_shape = SHAPE(struct question, question_fields, question_check);

/* ---- this machine: browsers' memory ---- */

static const struct field lock_fields[] = {
    BOOL(struct hsts_lock, held),
    BOOL(struct hsts_lock, foreign),
    INT(struct hsts_lock, pid),
    FILE_NAME(struct hsts_lock, path),
};
static const struct shape lock_shape = SHAPE(struct hsts_lock, lock_fields, NULL);

static const struct field store_fields[] = {
    ENUM(struct hsts_store, client, clients),
    WORD(struct hsts_store, browser, browsers),
    FILE_NAME(struct hsts_store, profile),
    FILE_FILLED(struct hsts_store, file),
    ENUM(struct hsts_store, state, store_states),
    WORD(struct hsts_store, what, store_sentences),
    INT(struct hsts_store, error),
    UINT(struct hsts_store, mtime_s),
    UINT(struct hsts_store, damaged),
    BOOL(struct hsts_store, https_only),
    SUB(struct hsts_store, lock, lock_shape),
};
static const struct shape store_shape = SHAPE(struct hsts_store, store_fields, NULL);
static const struct field store_element = ELEMENT(struct hsts_store, store_shape);

static const struct field entry_fields[] = {
    UINT(struct hsts_entry, store),
    {.kind = FIELD_HSTS_NAME, AT(struct hsts_entry, name)},
    BOOL(struct hsts_entry, is_parent),
    BOOL(struct hsts_entry, include_subdomains),
    ENUM(struct hsts_entry, state, entry_states),
    BOOL(struct hsts_entry, expired),
    BOOL(struct hsts_entry, applies),
    UINT(struct hsts_entry, observed_s),
    UINT(struct hsts_entry, expiry_s),
    UINT(struct hsts_entry, port),
    STRING(struct hsts_entry, partition),
};
static const struct shape entry_shape = SHAPE(struct hsts_entry, entry_fields, NULL);
static const struct field entry_element = ELEMENT(struct hsts_entry, entry_shape);

static const struct field preloaded_fields[] = {
    {.kind = FIELD_HSTS_NAME, AT(struct hsts_preloaded, name)},
    BOOL(struct hsts_preloaded, is_parent),
    BOOL(struct hsts_preloaded, include_subdomains),
    BOOL(struct hsts_preloaded, applies),
    BOOL(struct hsts_preloaded, from_list),
};
static const struct shape preloaded_shape = SHAPE(struct hsts_preloaded, preloaded_fields, NULL);
static const struct field preloaded_element = ELEMENT(struct hsts_preloaded, preloaded_shape);

static const struct field name_element = {
    .kind = FIELD_STRING, .size = sizeof(char *), .filled = true};

static const struct field hsts_fields[] = {
    LIST(struct hsts_found, names, name_count, name_element, LIMIT_DOCTOR_SAVED_LIST),
    GROWN(struct hsts_found, stores, store_count, store_cap, store_element,
          LIMIT_DOCTOR_SAVED_LIST),
    GROWN(struct hsts_found, entries, entry_count, entry_cap, entry_element,
          LIMIT_DOCTOR_SAVED_LIST),
    UINT(struct hsts_found, entries_left_out),
    UINT(struct hsts_found, profiles_left_out),
    GROWN(struct hsts_found, preloaded, preloaded_count, preloaded_cap, preloaded_element,
          LIMIT_DOCTOR_SAVED_LIST),
    UINT(struct hsts_found, preload_damaged),
};
/* Entries point at stores and names that are there. */
static bool
hsts_check(const void *object)
{
    const struct hsts_found *f = object;
    for (size_t i = 0; i < f->store_count; i++) {
        if (f->stores[i].browser == NULL || f->stores[i].what == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < f->entry_count; i++) {
        if (f->entries[i].store >= f->store_count || f->entries[i].name == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < f->preloaded_count; i++) {
        if (f->preloaded[i].name == NULL) {
            return false;
        }
    }
    return true;
}
static const struct shape hsts_shape = SHAPE(struct hsts_found, hsts_fields, hsts_check);

/* ---- this machine: remarks on a server's configuration ---- */

static const struct field arg_fields[] = {
    TEXT(struct webconf_arg, key),
    FILLED(struct webconf_arg, value),
};
static const struct shape arg_shape = SHAPE(struct webconf_arg, arg_fields, NULL);
static const struct field arg_element = ELEMENT(struct webconf_arg, arg_shape);

static const struct field remark_fields[] = {
    ENUM(struct webconf_remark, kind, remark_kinds),
    ENUM(struct webconf_remark, weight, weights),
    BOOL(struct webconf_remark, sure),
    FILE_FILLED(struct webconf_remark, file),
    UINT(struct webconf_remark, line),
    FILLED(struct webconf_remark, text),
    FILLED(struct webconf_remark, corrected),
    ARRAY(struct webconf_remark, args, arg_count, arg_element),
};
static const struct shape remark_shape = SHAPE(struct webconf_remark, remark_fields, NULL);
static const struct field remark_element = ELEMENT(struct webconf_remark, remark_shape);

static const struct field remarks_fields[] = {
    ENUM(struct webconf_remarks, kind, webconf_kinds),
    UINT(struct webconf_remarks, files),
    UINT(struct webconf_remarks, servers),
    GROWN(struct webconf_remarks, items, count, cap, remark_element, LIMIT_WEBCONF_REMARKS),
};
static const struct shape remarks_shape = SHAPE(struct webconf_remarks, remarks_fields, NULL);

/* ---- this machine ---- */

struct local_host { /* as the member `hosts` of struct local_facts, which has no name */
    char host[256];
    struct addr addr;
    unsigned line;
};
_Static_assert(sizeof(struct local_host) == sizeof(((struct local_facts *)0)->hosts[0]),
               "the fields below are those of local_facts.hosts");
static const struct field host_fields[] = {
    TEXT(struct local_host, host),
    ADDR(struct local_host, addr),
    UINT(struct local_host, line),
};
static const struct shape host_shape = SHAPE(struct local_host, host_fields, NULL);
static const struct field host_element = ELEMENT(struct local_host, host_shape);

static const struct field local_fields[] = {
    BOOL(struct local_facts, known),
    UINT(struct local_facts, wall_s),
    BOOL(struct local_facts, clock_unsynced),
    BOOL(struct local_facts, route4),
    BOOL(struct local_facts, route6),
    BOOL(struct local_facts, interface_up),
    {.kind = FIELD_TEXT, AT(struct local_facts, proxy), .secret = SECRET_URL},
    TEXT(struct local_facts, proxy_from),
    ARRAY(struct local_facts, hosts, host_count, host_element),
    ARRAY(struct local_facts, resolvers, resolver_count, addr_element),
    OPTIONAL(struct local_facts, hsts, hsts_shape),
    OPTIONAL(struct local_facts, remarks, remarks_shape),
    STRING_SECRET(struct local_facts, config_error, HOME),
};
static const struct shape local_shape = SHAPE(struct local_facts, local_fields, NULL);

/* ---- results: DNS ---- */

static const struct field server_name_element = {.kind = FIELD_TEXT, .size = DNS_NAME_TEXT};
static const struct field set_fields[] = {
    ARRAY(struct dns_name_set, names, count, server_name_element),
    UINT(struct dns_name_set, more),
};
static const struct shape set_shape = SHAPE(struct dns_name_set, set_fields, NULL);

static const struct field server_fields[] = {
    TEXT(struct walk_server, name),      BOOL(struct walk_server, has_addr),
    BOOL(struct walk_server, in_parent), BOOL(struct walk_server, in_child),
    ADDR(struct walk_server, addr),      ENUM(struct walk_server, state, server_states),
};
static const struct shape server_shape = SHAPE(struct walk_server, server_fields, NULL);
static const struct field server_element = ELEMENT(struct walk_server, server_shape);

static const struct field walk_fields[] = {
    ENUM(struct walk_facts, outcome, walk_outcomes),
    BOOL(struct walk_facts, cut),
    TEXT(struct walk_facts, zone),
    TEXT(struct walk_facts, parent),
    BOOL(struct walk_facts, parent_answered),
    BOOL(struct walk_facts, child_answered),
    BOOL(struct walk_facts, child_differs),
    BOOL(struct walk_facts, serials_differ),
    BOOL(struct walk_facts, soa_present),
    SUB(struct walk_facts, parent_ns, set_shape),
    SUB(struct walk_facts, child_ns, set_shape),
    ARRAY(struct walk_facts, servers, server_count, server_element),
};
static const struct shape walk_shape = SHAPE(struct walk_facts, walk_fields, NULL);

/* ---- results: TLS ---- */

_Static_assert(offsetof(struct der, p) == offsetof(struct bytes, p) &&
                   offsetof(struct der, n) == offsetof(struct bytes, n),
               "a struct der is read and written as a struct bytes");
static const struct field der_element = {.kind = FIELD_BYTES, .size = sizeof(struct der)};
static const struct field ders_fields[] = {
    ARRAY(struct der_list, items, count, der_element),
    UINT(struct der_list, total),
};
static const struct shape ders_shape = SHAPE(struct der_list, ders_fields, NULL);

static const struct field seen_fields[] = {
    BOOL(struct tls_seen, done),
    UINT(struct tls_seen, version),
    UINT(struct tls_seen, suite),
    TEXT(struct tls_seen, cipher),
    UINT(struct tls_seen, group),
    RAW(struct tls_seen, alpn, alpn_n),
    BOOL(struct tls_seen, certificate_request),
    BOOL(struct tls_seen, client_certificate_sent),
    BOOL(struct tls_seen, resumed),
    UINT(struct tls_seen, tickets),
    BOOL(struct tls_seen, sct),
    ENUM(struct tls_seen, staple, staples),
    UINT(struct tls_seen, staple_until_s),
    INT(struct tls_seen, alert_sent),
    INT(struct tls_seen, alert_received),
    TEXT(struct tls_seen, reason),
    SUB(struct tls_seen, chain, ders_shape),
};
static const struct shape seen_shape = SHAPE(struct tls_seen, seen_fields, NULL);

static const struct field cert_name_fields[] = {
    BOOL(struct chain_name, is_address),
    {.kind = FIELD_STR, AT(struct chain_name, text)},
};
static const struct shape cert_name_shape = SHAPE(struct chain_name, cert_name_fields, NULL);
static const struct field cert_name_element = ELEMENT(struct chain_name, cert_name_shape);

static const struct field certificate_fields[] = {
    BOOL(struct chain_certificate, malformed),
    FILLED(struct chain_certificate, subject),
    FILLED(struct chain_certificate, issuer),
    FILLED(struct chain_certificate, common_name),
    LIST(struct chain_certificate, names, name_count, cert_name_element, LIMIT_DOCTOR_SAVED_LIST),
    UINT(struct chain_certificate, name_total),
    UINT(struct chain_certificate, not_before_s),
    UINT(struct chain_certificate, not_after_s),
    ENUM(struct chain_certificate, key, keys),
    UINT(struct chain_certificate, key_bits),
    TEXT(struct chain_certificate, curve),
    TEXT(struct chain_certificate, hash),
    BOOL(struct chain_certificate, is_ca),
    BOOL(struct chain_certificate, self_issued),
    BOOL(struct chain_certificate, self_signed),
    BOOL(struct chain_certificate, embedded_sct),
    BOOL(struct chain_certificate, must_staple),
    TEXT(struct chain_certificate, serial),
    TEXT(struct chain_certificate, fingerprint),
    FILLED(struct chain_certificate, aia_url),
    FILLED(struct chain_certificate, ocsp_url),
};
static const struct shape certificate_shape =
    SHAPE(struct chain_certificate, certificate_fields, NULL);
static const struct field certificate_element =
    ELEMENT(struct chain_certificate, certificate_shape);

static const struct field step_fields[] = {
    ENUM(struct chain_step, source, sources),
    UINT(struct chain_step, index),
    FILLED(struct chain_step, subject),
};
static const struct shape step_shape = SHAPE(struct chain_step, step_fields, NULL);
static const struct field step_element = ELEMENT(struct chain_step, step_shape);

static const struct field problem_fields[] = {
    ENUM(struct chain_problem, kind, chain_problems),
    UINT(struct chain_problem, depth),
    BOOL(struct chain_problem, sent),
    UINT(struct chain_problem, index),
};
static const struct shape problem_shape = SHAPE(struct chain_problem, problem_fields, NULL);
static const struct field problem_element = ELEMENT(struct chain_problem, problem_shape);

static const struct field code_element = {.kind = FIELD_INT, .size = sizeof(int)};
static const struct field chain_fields[] = {
    ARRAY(struct chain_facts, certificates, count, certificate_element),
    UINT(struct chain_facts, total),
    ARRAY(struct chain_facts, problems, problem_count, problem_element),
    ARRAY(struct chain_facts, path, path_count, step_element),
    BOOL(struct chain_facts, trusted),
    BOOL(struct chain_facts, public_root),
    STRING(struct chain_facts, missing_issuer),
    STRING(struct chain_facts, missing_url),
    BOOL(struct chain_facts, fetched_given),
    BOOL(struct chain_facts, works_with_aia),
    ARRAY(struct chain_facts, verify_codes, verify_code_count, code_element),
    INT(struct chain_facts, verify_code),
    INT(struct chain_facts, verify_last),
    INT(struct chain_facts, curl_exit),
};
static bool
chain_check_indices(const void *object)
{
    const struct chain_facts *c = object;
    for (size_t i = 0; i < c->problem_count; i++) {
        if (c->problems[i].sent && c->problems[i].index >= c->count) {
            return false;
        }
    }
    for (size_t i = 0; i < c->path_count; i++) {
        if (c->path[i].source == CHAIN_SENT && c->path[i].index >= c->count) {
            return false;
        }
    }
    return true;
}
static const struct shape chain_shape =
    SHAPE(struct chain_facts, chain_fields, chain_check_indices);

/* ---- results ---- */

static const struct field time_element = {.kind = FIELD_UINT, .size = sizeof(uint64_t)};
static const struct field result_fields[] = {
    ENUM(struct result, probe, probes),
    ENUM(struct result, side, sides),
    UINT(struct result, hop),
    ADDR(struct result, at),
    TEXT(struct result, name),
    TEXT(struct result, label),
    ENUM(struct result, outcome, outcomes),
    ENUM(struct result, skip, skips),
    INT(struct result, error),
    UINT(struct result, syn_retries),
    BOOL(struct result, icmp),
    UINT(struct result, icmp_type),
    UINT(struct result, icmp_code),
    ENUM(struct result, finish, finishes),
    UINT(struct result, start_us),
    UINT(struct result, connected_us),
    UINT(struct result, sent_us),
    UINT(struct result, first_us),
    UINT(struct result, end_us),
    BYTES(struct result, sent, WIRE),
    BYTES(struct result, got, WIRE),
    UINT(struct result, got_total),
    {.kind = FIELD_ARRAY,
     AT(struct result, got_at_us),
     .element = &time_element,
     .max = COUNT_OF(((struct result *)0)->got_at_us)},
    OPTIONAL(struct result, walk, walk_shape),
    LIST(struct result, addrs, addr_count, addr_element, LIMIT_DOCTOR_SAVED_LIST),
    OPTIONAL(struct result, seen, seen_shape),
    OPTIONAL(struct result, chain, chain_shape),
    STRING_SECRET(struct result, url, URL),
    BOOL(struct result, secrets_sent),
    BOOL(struct result, h2),
};
static const struct shape result_shape = SHAPE(struct result, result_fields, NULL);
static const struct field result_element = ELEMENT(struct result, result_shape);

/* ---- logs and policies ---- */

static const struct field mark_fields[] = {
    ENUM(struct log_mark, probe, probes), ENUM(struct log_mark, side, sides),
    FILE_FILLED(struct log_mark, file),   UINT(struct log_mark, line),
    FILLED(struct log_mark, text),
};
static const struct shape mark_shape = SHAPE(struct log_mark, mark_fields, NULL);
static const struct field mark_element = ELEMENT(struct log_mark, mark_shape);

static const struct field log_name_fields[] = {
    TEXT(struct log_name, text),
    UINT(struct log_name, count),
};
static const struct shape log_name_shape = SHAPE(struct log_name, log_name_fields, NULL);
static const struct field log_name_element = ELEMENT(struct log_name, log_name_shape);
static const struct field log_names_fields[] = {
    ARRAY(struct log_names, items, count, log_name_element),
    UINT(struct log_names, more),
};
static const struct shape log_names_shape = SHAPE(struct log_names, log_names_fields, NULL);

static const struct field path_element = {
    .kind = FIELD_STRING, .secret = SECRET_HOME, .size = sizeof(char *), .filled = true};

static const struct field log_fields[] = {
    UINT(struct log_seen, looked_s),
    ARRAY(struct log_seen, paths, path_count, path_element),
    UINT(struct log_seen, files),
    UINT(struct log_seen, old_files),
    UINT(struct log_seen, test_files),
    UINT(struct log_seen, foreign_files),
    UINT(struct log_seen, broken_files),
    UINT(struct log_seen, access_lines),
    UINT(struct log_seen, connection_lines),
    UINT(struct log_seen, health_lines),
    UINT(struct log_seen, damaged_lines),
    UINT(struct log_seen, first_us),
    UINT(struct log_seen, last_us),
    UINT(struct log_seen, first_end_us),
    UINT(struct log_seen, last_end_us),
    BOOL(struct log_seen, growing),
    SUB(struct log_seen, lbs, log_names_shape),
    SUB(struct log_seen, accounts, log_names_shape),
    SUB(struct log_seen, regions, log_names_shape),
    ARRAY(struct log_seen, marks, mark_count, mark_element),
    ARRAY(struct log_seen, handshakes, handshake_count, mark_element),
    UINT(struct log_seen, failed_handshakes),
};
static const struct shape log_shape = SHAPE(struct log_seen, log_fields, NULL);

static const struct field policy_fields[] = {
    FILE_FILLED(struct policy_asked, file), BYTES(struct policy_asked, text, NONE),
    FILLED(struct policy_asked, bucket),    FILLED(struct policy_asked, prefix),
    FILLED(struct policy_asked, account),   FILLED(struct policy_asked, region),
};
/* As on the command line: a policy that could not be asked about would be an error there. */
static bool
policy_check(const void *object)
{
    const struct policy_asked *p = object;
    const struct delivery_question q = {str_of(p->bucket), str_of(p->prefix), str_of(p->account),
                                        str_of(p->region), DELIVERY_ACCESS,   STR_NONE};
    return delivery_question_check(&q, NULL) == ERR_OK;
}
static const struct shape policy_shape = SHAPE(struct policy_asked, policy_fields, policy_check);

static const struct field facts_fields[] = {
    TEXT(struct facts, version),
    TEXT(struct facts, marker),
    UINT(struct facts, started_s),
    UINT(struct facts, elapsed_us),
    BOOL(struct facts, deadline_reached),
    SUB(struct facts, question, question_shape),
    SUB(struct facts, local, local_shape),
    GROWN(struct facts, results, count, cap, result_element, LIMIT_DOCTOR_RESULTS),
    UINT(struct facts, connections),
    OPTIONAL(struct facts, log, log_shape),
    OPTIONAL(struct facts, policy, policy_shape),
};
const struct shape facts_shape = SHAPE(struct facts, facts_fields, NULL);
