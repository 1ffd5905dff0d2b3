/* SPDX-License-Identifier: Apache-2.0
 * Host names as clients remember them, and Chromium's hash of them. */
#include "hsts/hsts.h"

#include <idn2.h>

#include "base/addr.h"
#include "base/assert.h"
#include "crypto/crypto.h"
#include "text/text.h"

enum { LABEL_MAX = 63, NAME_MAX_BYTES = HSTS_NAME_MAX - 1 };

static enum err
refuse(struct errinfo *reterr, struct str host)
{
    return text_err(reterr, ERR_INVALID,
                    N_("\"{host}\" is not a host name: letters, digits and hyphens in labels of at "
                       "most 63 bytes, separated by dots."),
                    TEXT_ARGS({"host", host}));
}

/* ---- punycode ---- */

static bool
is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

/* Into ret_name, with a NUL; names beyond ASCII as browsers write them to the network. */
static bool
to_ascii(struct str host, char ret_name[static HSTS_NAME_MAX])
{
    char text[HSTS_NAME_MAX * 4];
    if (str_find_char(host, '\0', NULL) || !str_copy_z(host, text, sizeof(text))) {
        return false;
    }
    if (is_ascii(host)) {
        return str_copy_z(host, ret_name, HSTS_NAME_MAX);
    }
    uint8_t *made = NULL;
    if (!text_utf8_valid(host) ||
        idn2_lookup_u8((const uint8_t *)text, &made, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) !=
            IDN2_OK) {
        return false;
    }
    bool fits = str_copy_z(str_of((const char *)made), ret_name, HSTS_NAME_MAX);
    idn2_free(made);
    return fits;
}

/* ---- labels ---- */

static bool
label_sound(struct str label)
{
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];
        if (!ascii_is_alnum(c) && c != '-' && c != '_') {
            return false;
        }
    }
    return label.n > 0 && label.n <= LABEL_MAX;
}

static bool
all_digits(struct str label)
{
    for (size_t i = 0; i < label.n; i++) {
        if (!ascii_is_digit(label.p[i])) {
            return false;
        }
    }
    return label.n > 0;
}

/* Checks each label, empty ones too; the last one in *ret_last. */
static bool
labels_sound(struct str name, struct str *ret_last)
{
    for (struct str label; str_cut(&name, '.', &label);) {
        if (!label_sound(label)) {
            return false;
        }
        *ret_last = label;
    }
    return true;
}

static bool
is_address(struct str host)
{
    struct addr ignored;
    bool brackets = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    return addr_parse(brackets ? str_sub(host, 1, host.n - 2) : host, 0, &ignored);
}

static enum err
refuse_address(struct errinfo *reterr, struct str host)
{
    return text_err(reterr, ERR_UNSUPPORTED,
                    N_("{host} is an address: HSTS applies to names only, no client remembers an "
                       "address."),
                    TEXT_ARGS({"host", host}));
}

enum err
hsts_name(struct str host, char ret_name[static HSTS_NAME_MAX], struct errinfo *reterr)
{
    char name[HSTS_NAME_MAX + 1]; /* one more for a trailing dot */
    struct str last = STR_NONE;
    if (is_address(host)) {
        return refuse_address(reterr, host);
    }
    struct str bare = host;
    if (bare.n > 0 && bare.p[bare.n - 1] == '.') {
        bare.n--;
    }
    if (!to_ascii(bare, name) || !labels_sound(str_of(name), &last)) {
        return refuse(reterr, host);
    }
    if (all_digits(last)) { /* "127.1" and its like are addresses in other clothes [URL: ends in a
                               number] */
        return refuse_address(reterr, host);
    }
    size_t n = strlen(name);
    for (size_t i = 0; i <= n; i++) {
        ret_name[i] = ascii_lower(name[i]);
    }
    return ERR_OK;
}

/* ---- Chromium's key ---- */

static void
base64(const uint8_t bytes[static SHA256_BYTES], char ret_text[static HSTS_CHROMIUM_KEY])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    _Static_assert(SHA256_BYTES % 3 == 2, "the last group holds two bytes");
    size_t at = 0;
    for (size_t i = 0; i < SHA256_BYTES; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8;
        group |= i + 2 < SHA256_BYTES ? bytes[i + 2] : 0;
        for (int shift = 18; shift >= 0; shift -= 6) {
            ret_text[at++] = digits[group >> shift & 63];
        }
    }
    ret_text[at - 1] = '=';
    ret_text[at] = '\0';
}

void
hsts_chromium_key(struct str name, char ret_key[static HSTS_CHROMIUM_KEY])
{
    char wire[HSTS_NAME_MAX + 1];
    struct out o = out_of(wire, sizeof(wire));
    for (struct str label; str_cut(&name, '.', &label);) {
        out_char(&o, (char)label.n);
        out_str(&o, label);
    }
    out_char(&o, '\0');
    ASSERT(!o.full); /* `name` is one of hsts_name() */
    uint8_t digest[SHA256_BYTES];
    crypto_sha256(&(struct str){wire, (size_t)(o.p - wire)}, 1, digest);
    base64(digest, ret_key);
}
