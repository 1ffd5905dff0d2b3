/* SPDX-License-Identifier: Apache-2.0
 * The options of `openalb doctor`: one table (options.def) that parses, checks and prints the help.
 */
#include "doctor/question.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "doctor/infer.h"
#include "text/text.h"

/* One option being set. */
struct setting {
    struct question *q;
    struct doctor_options *o;
    const char *option, *value;
    bool only4, only6; /* so far */
    struct errinfo *reterr;
};
typedef enum err option_fn(struct setting *s);

/* ---- refusals ---- */

/* What the option takes: one more sentence. */
static enum err
refuse(const struct setting *s, const char *allowed)
{
    struct buf sentences AUTO(buf_free) = {0};
    text_fill_as(&sentences, TEXT_TERMINAL, tr(N_("{value} is not possible for {option}.")),
                 TEXT_ARGS({"value", str_of(s->value)}, {"option", str_of(s->option)}));
    buf_add_char(&sentences, ' ');
    text_fill_as(&sentences, TEXT_TERMINAL, tr(allowed), NULL, 0);
    return err_set(s->reterr, ERR_INVALID, "%.*s", STR_ARG(buf_str(&sentences)));
}

static enum err
unreadable(const struct setting *s)
{
    return text_err(s->reterr, ERR_SYSTEM, N_("The file {file} of {option} cannot be read."),
                    TEXT_ARGS({"file", str_of(s->value)}, {"option", str_of(s->option)}));
}

/* ---- kinds of values ---- */

static enum err
keep(const struct setting *s, char **to)
{
    if (s->value[0] == '\0') {
        return refuse(s, N_("It takes a name."));
    }
    xfree(*to);
    *to = xstrdup(s->value);
    return ERR_OK;
}

/* A file or folder that can be read now. */
static enum err
keep_file(const struct setting *s, char **to)
{
    TRY(keep(s, to));
    return access(s->value, R_OK) == 0 ? ERR_OK : unreadable(s);
}

static enum err
borrow(const struct setting *s, const char **to)
{
    if (s->value[0] == '\0') {
        return refuse(s, N_("It takes a name."));
    }
    *to = s->value;
    return ERR_OK;
}

/* "ADDRESS", "ADDRESS:PORT", "[v6]:PORT"; `port`: the one without. */
static bool
parse_endpoint(struct str text, uint16_t port, struct addr *ret)
{
    size_t colon;
    int64_t number;
    if (addr_parse(text, port, ret)) {
        return true;
    }
    if (str_rfind_char(text, ':', &colon) && !str_ends(text, STR("]"))) {
        if (!str_to_int_range(str_sub(text, colon + 1, text.n), 1, UINT16_MAX, &number)) {
            return false;
        }
        text = str_sub(text, 0, colon);
        port = (uint16_t)number;
    }
    bool brackets = str_starts(text, STR("[")) && str_ends(text, STR("]"));
    if (brackets) {
        text = str_sub(text, 1, text.n - 2);
    }
    return brackets == str_find_char(text, ':', NULL) && addr_parse(text, port, ret);
}

/* "2s", "1.5s", "500ms", "1m", "2" in microseconds. */
static bool
parse_time(struct str text, uint64_t *ret_us)
{
    static const struct {
        const char *unit;
        uint64_t us;
    } units[] = {{"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"", 1000000}};
    size_t digits = 0;
    while (digits < text.n && (ascii_is_digit(text.p[digits]) || text.p[digits] == '.')) {
        digits++;
    }
    struct str unit = str_sub(text, digits, text.n);
    struct str whole = str_sub(text, 0, digits);
    struct str part = STR("0");
    size_t dot;
    uint64_t n;
    uint64_t fraction;
    uint64_t scale = 1;
    if (str_find_char(whole, '.', &dot)) {
        part = str_sub(whole, dot + 1, whole.n);
        whole.n = dot;
    }
    if (part.n > 3 || whole.n > 6 || !str_to_u64(whole, &n) || !str_to_u64(part, &fraction)) {
        return false;
    }
    for (size_t i = 0; i < part.n; i++) {
        scale *= 10;
    }
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (str_eq(unit, str_of(units[i].unit))) {
            *ret_us = n * units[i].us + fraction * units[i].us / scale;
            return true;
        }
    }
    return false;
}

static enum err
set_time(const struct setting *s, uint64_t min_us, uint64_t max_us, const char *allowed,
         uint64_t *to)
{
    uint64_t us;
    if (!parse_time(str_of(s->value), &us) || us < min_us || us > max_us) {
        return refuse(s, allowed);
    }
    *to = us;
    return ERR_OK;
}

/* ---- what should answer ---- */

static enum err
set_lb(struct setting *s)
{
    static const char *const allowed = N_(
        "It takes the DNS name of the load balancer, or up to 16 addresses with commas between.");
    struct question *q = s->q;
    struct str rest = str_of(s->value);
    struct str piece;
    if (str_istarts(rest, STR("arn:"))) {
        return refuse(s, N_("This version cannot read configuration: give the DNS name, which "
                            "aws elbv2 describe-load-balancers prints as DNSName."));
    }
    q->lb_given = true;
    q->lb_addr_count = 0;
    q->lb_name[0] = '\0';
    while (str_cut(&rest, ',', &piece)) {
        struct addr a;
        piece = str_trim(piece);
        if (parse_endpoint(piece, 0, &a) && q->lb_addr_count < QUESTION_ADDRS_MAX) {
            q->lb_addrs[q->lb_addr_count++] = a;
            continue;
        }
        bool dotted = str_find_char(piece, '.', NULL);
        if (dotted && piece.p[piece.n - 1] == '.') {
            piece.n--;
        }
        if (q->lb_addr_count > 0 || q->lb_name[0] != '\0' ||
            !str_copy_z(piece, q->lb_name, sizeof(q->lb_name)) || !dns_name_valid(q->lb_name)) {
            return refuse(s, allowed);
        }
        if (!dotted) {
            return refuse(s, N_("This version cannot look up a load balancer by its bare name: "
                                "give its DNS name or its addresses."));
        }
    }
    for (char *p = q->lb_name; *p != '\0'; p++) {
        *p = ascii_lower(*p);
    }
    return q->lb_name[0] != '\0' || q->lb_addr_count > 0 ? ERR_OK : refuse(s, allowed);
}

static enum err
set_target(struct setting *s)
{
    if (!parse_endpoint(str_of(s->value), 0, &s->q->target) || addr_port(&s->q->target) == 0) {
        s->q->target = (struct addr){0};
        return refuse(s, N_("It takes an address with a port, an IPv6 address in brackets."));
    }
    return ERR_OK;
}

static enum err
set_server_config(struct setting *s)
{
    return keep_file(s, &s->q->server_config);
}

/* ---- logs and their bucket ---- */

static enum err
set_access_log(struct setting *s)
{
    if (s->value[0] == '\0' || str_eq(str_of(s->value), STR("-"))) {
        return refuse(s, N_("It takes a file or a folder."));
    }
    if (s->o->access_log_count == LOG_PATHS_MAX) {
        return refuse(s,
                      N_("It takes up to 16 files and folders; a folder is read with all in it."));
    }
    s->o->access_logs[s->o->access_log_count++] = s->value;
    return access(s->value, R_OK) == 0 ? ERR_OK : unreadable(s);
}

static enum err
set_bucket_policy(struct setting *s)
{
    TRY(borrow(s, &s->o->bucket_policy));
    return access(s->value, R_OK) == 0 ? ERR_OK : unreadable(s);
}

static enum err
set_log_bucket(struct setting *s)
{
    return borrow(s, &s->o->log_bucket);
}

static enum err
set_log_prefix(struct setting *s)
{
    s->o->log_prefix = s->value;
    return ERR_OK;
}

static enum err
set_account(struct setting *s)
{
    struct str value = str_of(s->value);
    bool digits = value.n == 12;
    for (size_t i = 0; i < value.n; i++) {
        digits = digits && ascii_is_digit(value.p[i]);
    }
    return digits && str_copy_z(value, s->q->log_account, sizeof(s->q->log_account))
               ? ERR_OK
               : refuse(s, N_("It takes a number of 12 digits."));
}

static enum err
set_region(struct setting *s)
{
    struct str value = str_of(s->value);
    bool good = value.n > 0;
    for (size_t i = 0; i < value.n; i++) {
        good = good && (ascii_is_alnum(value.p[i]) || value.p[i] == '-');
    }
    return good && str_copy_z(value, s->q->log_region, sizeof(s->q->log_region))
               ? ERR_OK
               : refuse(s, N_("It takes the name of a region, such as eu-central-1."));
}

/* ---- from whose place ---- */

static enum err
set_family(struct setting *s, bool *seen, int family)
{
    *seen = true;
    s->q->family = family;
    return s->only4 && s->only6
               ? text_err(s->reterr, ERR_INVALID, N_("-4 and -6 exclude each other."), NULL, 0)
               : ERR_OK;
}

static enum err
set_ipv4(struct setting *s)
{
    return set_family(s, &s->only4, AF_INET);
}

static enum err
set_ipv6(struct setting *s)
{
    return set_family(s, &s->only6, AF_INET6);
}

/* As curl's: host:port:address[,address]. */
static enum err
set_resolve(struct setting *s)
{
    static const char *const allowed = N_("It takes HOST:PORT:ADDRESS, up to 16 addresses in all.");
    struct str rest = str_of(s->value);
    struct str host, port, piece;
    int64_t number;
    if (!str_cut(&rest, ':', &host) || !str_cut(&rest, ':', &port) || host.n == 0 ||
        !str_to_int_range(port, 1, UINT16_MAX, &number) || rest.n == 0) {
        return refuse(s, allowed);
    }
    while (str_cut(&rest, ',', &piece)) {
        struct addr a;
        if (s->q->resolve_count == QUESTION_ADDRS_MAX || !parse_endpoint(piece, 0, &a) ||
            addr_port(&a) != 0) {
            return refuse(s, allowed);
        }
        struct resolve_override *o = &s->q->resolve[s->q->resolve_count++];
        if (!str_copy_z(host, o->host, sizeof(o->host))) {
            return refuse(s, allowed);
        }
        o->addr = a;
        addr_set_port(&o->addr, (uint16_t)number);
    }
    return ERR_OK;
}

static enum err
set_dns(struct setting *s)
{
    struct str rest = str_of(s->value);
    struct str piece;
    while (str_cut(&rest, ',', &piece)) {
        struct addr a;
        if (s->q->dns_count == COUNT_OF(s->q->dns) || !parse_endpoint(str_trim(piece), 53, &a)) {
            return refuse(s, N_("It takes up to 4 addresses of DNS servers, each with or without "
                                "a port."));
        }
        s->q->dns[s->q->dns_count++] = a;
    }
    return ERR_OK;
}

/* An address that is another machine's would look like a fault of the network. */
static bool
is_own_address(const struct addr *a)
{
    int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool own = fd >= 0 && bind(fd, &a->sa, addr_len(a)) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return own;
}

static enum err
set_from(struct setting *s)
{
    return addr_parse(str_of(s->value), 0, &s->q->from) && is_own_address(&s->q->from)
               ? ERR_OK
               : refuse(s, N_("It takes an address of this machine."));
}

static enum err
set_proxy(struct setting *s)
{
    static const char *const schemes[] = {"http",    "https",  "socks4",
                                          "socks4a", "socks5", "socks5h"};
    struct str value = str_of(s->value);
    size_t at;
    bool known = !str_find(value, STR("://"), &at);
    for (size_t i = 0; i < COUNT_OF(schemes) && !known; i++) {
        known = str_ieq(str_sub(value, 0, at), str_of(schemes[i]));
    }
    return known ? keep(s, &s->q->proxy)
                 : refuse(s, N_("It takes none, or a URL that begins with http, https, socks4, "
                                "socks4a, socks5 or socks5h."));
}

static enum err
set_as(struct setting *s)
{
    static const char *const allowed = N_("It takes chromium, firefox, curl or openssl.");
    enum tls_hello_profile p;
    if (!tls_hello_find(str_of(s->value), &p) || p == TLS_HELLO_SMALL || p == TLS_HELLO_WIDE) {
        return refuse(s, allowed);
    }
    s->q->profile = p;
    return ERR_OK;
}

/* ---- private sites ---- */

static enum err
set_ca(struct setting *s)
{
    return keep_file(s, &s->q->ca_file);
}

static enum err
set_client_cert(struct setting *s)
{
    return keep_file(s, &s->q->client_cert);
}

static enum err
set_key(struct setting *s)
{
    return keep_file(s, &s->q->client_key);
}

static bool
is_field_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_alnum(s.p[i]) && !str_find_char(STR("!#$%&'*+-.^_`|~"), s.p[i], NULL)) {
            return false;
        }
    }
    return s.n > 0;
}

static bool
has_controls(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((uint8_t)s.p[i] < 0x20 || s.p[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static enum err
add_header(const struct setting *s, char *line)
{
    if (s->q->header_count == QUESTION_HEADERS_MAX) {
        xfree(line);
        return text_err(s->reterr, ERR_INVALID, N_("There are more than 32 headers and cookies."),
                        NULL, 0);
    }
    s->q->headers[s->q->header_count++] = line;
    return ERR_OK;
}

static enum err
set_header(struct setting *s)
{
    struct str line = str_of(s->value);
    size_t colon;
    if (!str_find_char(line, ':', &colon) || !is_field_name(str_sub(line, 0, colon)) ||
        has_controls(line)) {
        /* the value stays out of the sentence: it may be a secret */
        return text_err(
            s->reterr, ERR_INVALID,
            N_("-H takes a header in one line, such as -H 'Authorization: Bearer ...'."), NULL, 0);
    }
    struct str value = str_trim(str_sub(line, colon + 1, line.n));
    return add_header(s, xprintf("%.*s: %.*s", (int)colon, line.p, STR_ARG(value)));
}

/* A host of cookies.txt: ".example.com" with subdomains, "www.example.com" alone. */
static bool
cookie_fits(struct str domain, bool subdomains, struct str host)
{
    if (str_starts(domain, STR("."))) {
        domain = str_sub(domain, 1, domain.n);
    }
    if (str_ieq(domain, host)) {
        return true;
    }
    return subdomains && host.n > domain.n && host.p[host.n - domain.n - 1] == '.' &&
           str_ieq(str_sub(host, host.n - domain.n, host.n), domain);
}

/* One line of cookies.txt: domain, subdomains, path, secure, expiry, name, value. */
static void
add_cookie_line(const struct question *q, struct str line, struct buf *out)
{
    struct str fields[7];
    size_t count = 0;
    if (str_starts(line, STR("#HttpOnly_"))) {
        line = str_sub(line, STR("#HttpOnly_").n, line.n);
    }
    while (count < COUNT_OF(fields) && str_cut(&line, '\t', &fields[count])) {
        count++;
    }
    if (count < COUNT_OF(fields) || fields[0].n == 0 || fields[0].p[0] == '#' ||
        !cookie_fits(fields[0], str_ieq(fields[1], STR("TRUE")), str_of(q->host)) ||
        !str_starts(str_of(q->path), fields[2]) || has_controls(fields[6])) {
        return;
    }
    buf_addf(out, "%s%.*s=%.*s", out->n > 0 ? "; " : "", STR_ARG(fields[5]), STR_ARG(fields[6]));
}

static enum err
read_file(const struct setting *s, struct buf *out)
{
    char chunk[4096];
    int fd = open(s->value, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : 0;
    out->max = LIMIT_DOCTOR_COOKIE_BYTES;
    while (fd >= 0 && !out->overflow && (n = read(fd, chunk, sizeof(chunk))) > 0) {
        buf_add(out, chunk, (size_t)n);
    }
    if (fd >= 0) {
        (void)close(fd); /* it was only read */
    }
    return n < 0 || out->overflow ? unreadable(s) : ERR_OK;
}

/* Read at the end, when the host is known: see finish(). */
static enum err
set_cookie(struct setting *s)
{
    struct str value = str_of(s->value);
    if (!str_find_char(value, '=', NULL)) {
        return access(s->value, R_OK) == 0 ? add_header(s, xprintf("\n%s", s->value))
                                           : unreadable(s);
    }
    if (has_controls(value)) {
        return text_err(s->reterr, ERR_INVALID,
                        N_("--cookie takes NAME=VALUE in one line, or a file."), NULL, 0);
    }
    return add_header(s, xprintf("Cookie: %s", s->value));
}

/* A line "\nFILE" that set_cookie() left becomes the cookies of that file, or goes. */
static enum err
read_cookies(struct setting *s, size_t index)
{
    char **line = &s->q->headers[index];
    struct buf text AUTO(buf_free) = {0};
    struct buf cookies AUTO(buf_free) = {0};
    char *name AUTO(xfree_ptr) = xstrdup(*line + 1);
    struct str rest;
    struct str piece;
    s->option = "--cookie";
    s->value = name;
    TRY(read_file(s, &text));
    rest = buf_str(&text);
    while (str_cut(&rest, '\n', &piece)) {
        add_cookie_line(s->q, str_ends(piece, STR("\r")) ? str_sub(piece, 0, piece.n - 1) : piece,
                        &cookies);
    }
    xfree(*line);
    if (cookies.n > 0) {
        *line = xprintf("Cookie: %s", cookies.p);
        return ERR_OK;
    }
    s->q->header_count--;
    memmove(line, line + 1, (s->q->header_count - index) * sizeof(*line));
    return ERR_OK;
}

/* ---- how long and how much ---- */

static enum err
set_timeout(struct setting *s)
{
    return set_time(s, 100 * 1000, 60 * 1000000ull,
                    N_("It takes a time such as 2s or 500ms, from 100ms to 60s."),
                    &s->q->timeout_us);
}

static enum err
set_deadline(struct setting *s)
{
    return set_time(s, 500 * 1000, 600 * 1000000ull,
                    N_("It takes a time such as 10s or 2m, from 500ms to 10m."),
                    &s->q->deadline_us);
}

static enum err
set_max_connections(struct setting *s)
{
    int64_t n;
    if (!str_to_int_range(str_of(s->value), 1, 64, &n)) {
        return refuse(s, N_("It takes a number from 1 to 64."));
    }
    s->q->max_connections = (unsigned)n;
    return ERR_OK;
}

static enum err
set_all(struct setting *s)
{
    s->q->all = true;
    return ERR_OK;
}

static enum err
set_fast(struct setting *s)
{
    s->q->fast = true;
    return ERR_OK;
}

static enum err
set_check(struct setting *s)
{
    struct str rest = str_of(s->value);
    struct str piece;
    unsigned checks = 0;
    while (str_cut(&rest, ',', &piece)) {
        unsigned i = 0;
        piece = str_trim(piece);
        while (i < LAYER_UNDECIDED && !str_ieq(piece, str_of(layer_json((enum layer)i)))) {
            i++;
        }
        if (i == LAYER_UNDECIDED) {
            return refuse(s, N_("It takes layers with commas between: client, dns, tcp, tls, "
                                "certificate, http, redirect, target, log."));
        }
        checks |= 1u << i;
    }
    if (checks == 0) {
        return refuse(s, N_("It takes at least one layer."));
    }
    s->q->checks = checks | 1u << LAYER_UNDECIDED;
    return ERR_OK;
}

static enum err
set_strict(struct setting *s)
{
    s->q->strict = true;
    return ERR_OK;
}

/* ---- browsers ---- */

static enum err
set_browser_error(struct setting *s)
{
    return question_browser_error(str_of(s->value), s->q->browser_error,
                                  sizeof(s->q->browser_error))
               ? ERR_OK
               : refuse(s, N_("It takes the word on the browser's error page, such as "
                              "ERR_SSL_PROTOCOL_ERROR or SSL_ERROR_RX_RECORD_TOO_LONG."));
}

static enum err
set_browser_state(struct setting *s)
{
    s->q->browser_state = str_eq(str_of(s->value), STR("on"));
    return s->q->browser_state || str_eq(str_of(s->value), STR("off"))
               ? ERR_OK
               : refuse(s, N_("It takes on or off."));
}

static enum err
set_browser_profile(struct setting *s)
{
    return str_eq(str_of(s->value), STR("auto")) ? keep(s, &s->q->browser_profile)
                                                 : keep_file(s, &s->q->browser_profile);
}

static enum err
set_preload_list(struct setting *s)
{
    return keep_file(s, &s->q->preload_list);
}

static enum err
set_curl_hsts(struct setting *s)
{
    return keep_file(s, &s->q->curl_hsts);
}

/* ---- output ---- */

static enum err
set_json(struct setting *s)
{
    s->o->json = true;
    return ERR_OK;
}

static enum err
set_quiet(struct setting *s)
{
    s->o->quiet = true;
    return ERR_OK;
}

static enum err
set_verbose(struct setting *s)
{
    s->o->verbose = true;
    return ERR_OK;
}

static enum err
set_show_commands(struct setting *s)
{
    s->o->show_commands = true;
    return ERR_OK;
}

static enum err
set_html(struct setting *s)
{
    return borrow(s, &s->o->html_file);
}

static enum err
set_lang(struct setting *s)
{
    return text_init(NULL, s->value, s->reterr) == ERR_OK ? ERR_OK : ERR_INVALID;
}

static enum err
set_color(struct setting *s)
{
    static const char *const words[] = {"auto", "always", "never"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_eq(str_of(s->value), str_of(words[i]))) {
            return borrow(s, &s->o->color);
        }
    }
    return refuse(s, N_("It takes auto, always or never."));
}

static enum err
set_explain(struct setting *s)
{
    return borrow(s, &s->o->explain);
}

/* ---- again and later ---- */

static enum err
set_watch(struct setting *s)
{
    int64_t n = 3;
    if (s->value[0] != '\0' && !str_to_int_range(str_of(s->value), 1, 3600, &n)) {
        return refuse(s, N_("It takes seconds from 1 to 3600."));
    }
    s->o->watch_s = (unsigned)n;
    return ERR_OK;
}

static enum err
set_expect(struct setting *s)
{
    enum finding_id id;
    struct str value = str_of(s->value);
    return str_eq(value, STR("ok")) || finding_find(value, &id)
               ? borrow(s, &s->o->expect)
               : refuse(s, N_("It takes ok, or the id of a finding such as DNS-01."));
}

static enum err
set_save(struct setting *s)
{
    return borrow(s, &s->o->save_file);
}

static enum err
set_save_secrets(struct setting *s)
{
    s->o->save_secrets = true;
    return ERR_OK;
}

static enum err
set_replay(struct setting *s)
{
    TRY(borrow(s, &s->o->replay_file));
    return access(s->value, R_OK) == 0 ? ERR_OK : unreadable(s);
}

/* ---- for tests ---- */

static enum err
set_authority_port(struct setting *s)
{
    int64_t n;
    if (!str_to_int_range(str_of(s->value), 1, UINT16_MAX, &n)) {
        return refuse(s, N_("It takes a number from 1 to 65535."));
    }
    s->q->authority_port = (uint16_t)n;
    return ERR_OK;
}

static enum err
set_hosts_file(struct setting *s)
{
    return keep_file(s, &s->q->hosts_file);
}

static enum err
set_resolv_conf(struct setting *s)
{
    return keep_file(s, &s->q->resolv_conf);
}

/* ---- the table ---- */

struct option_row {
    const char *name, *argument, *help, *standard;
    option_fn *set; /* NULL: a heading, in `help` */
};

static const struct option_row rows[] = {
#define SECTION(title) {NULL, NULL, title, NULL, NULL},
#define OPTION(name, argument, help, standard, set) {name, argument, help, standard, set},
#include "doctor/options.def"
#undef OPTION
#undef SECTION
};

/* What the plan of the product has, and this version has not [ruling 13]. */
static const char *const later[] = {"--aws", "--aws-profile", "--endpoint", "--wait-logs"};

static const struct option_row *
find_row(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].name != NULL && str_eq(name, str_of(rows[i].name))) {
            return &rows[i];
        }
    }
    return NULL;
}

static enum err
unknown_option(struct str name, struct errinfo *reterr)
{
    const struct option_row *nearest = NULL;
    size_t best = 4; /* farther away is no help */
    for (size_t i = 0; i < COUNT_OF(later); i++) {
        if (str_eq(name, str_of(later[i]))) {
            return text_err(reterr, ERR_INVALID, N_("The option {option} is not in this version."),
                            TEXT_ARGS({"option", name}));
        }
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t distance = rows[i].name == NULL ? best : str_distance(name, str_of(rows[i].name));
        if (distance < best) {
            best = distance;
            nearest = &rows[i];
        }
    }
    if (nearest == NULL || name.n < 3) {
        return text_err(reterr, ERR_INVALID,
                        N_("There is no option {option}; openalb doctor --help lists them all."),
                        TEXT_ARGS({"option", name}));
    }
    return text_err(reterr, ERR_INVALID, N_("There is no option {option}; was {near} meant?"),
                    TEXT_ARGS({"option", name}, {"near", str_of(nearest->name)}));
}

/* "--name=value" carries its value; else the value is the next argument. */
static enum err
parse_option(struct setting *s, int argc, char **argv, int *at)
{
    struct str name = str_of(argv[*at]);
    size_t equals;
    s->value = NULL;
    if (str_starts(name, STR("--")) && str_find_char(name, '=', &equals)) {
        s->value = name.p + equals + 1;
        name = str_sub(name, 0, equals);
    }
    const struct option_row *row = find_row(name);
    if (row == NULL) {
        return unknown_option(name, s->reterr);
    }
    bool optional = row->argument[0] == '[';
    s->option = row->name;
    if (row->argument[0] == '\0' && s->value != NULL) {
        return text_err(s->reterr, ERR_INVALID, N_("The option {option} takes no value."),
                        TEXT_ARGS({"option", str_of(row->name)}));
    }
    if (row->argument[0] != '\0' && !optional && s->value == NULL) {
        if (*at + 1 >= argc) {
            return text_err(
                s->reterr, ERR_INVALID, N_("The option {option} needs a value: {argument}"),
                TEXT_ARGS({"option", str_of(row->name)}, {"argument", str_of(row->argument)}));
        }
        s->value = argv[++*at];
    }
    s->value = s->value == NULL ? "" : s->value;
    return row->set(s);
}

/* --region, or "eu-west-1" of --lb NAME.eu-west-1.elb.amazonaws.com. */
static bool
default_region(struct question *q)
{
    struct str region = q->log_region[0] != '\0' ? STR_NONE : lb_name_region(str_of(q->lb_name));
    return q->log_region[0] != '\0' ||
           (region.n > 0 && str_copy_z(region, q->log_region, sizeof(q->log_region)));
}

/* What can be said only when all options are known. */
static enum err
finish(struct setting *s, const char *url)
{
    struct question *q = s->q;
    const struct doctor_options *o = s->o;
    bool without = o->help || o->explain != NULL || o->replay_file != NULL;
    if (url == NULL && !without) {
        return text_err(s->reterr, ERR_INVALID,
                        N_("Which URL? For example: openalb doctor https://www.example.com/"), NULL,
                        0);
    }
    if (url != NULL && o->replay_file != NULL) {
        return text_err(s->reterr, ERR_INVALID,
                        N_("--replay takes no URL: it is in the saved file."), NULL, 0);
    }
    if (o->json && o->quiet) {
        return text_err(s->reterr, ERR_INVALID, N_("--json and --quiet exclude each other."), NULL,
                        0);
    }
    if (o->watch_s > 0 && (o->json || o->replay_file != NULL || o->expect != NULL)) {
        return text_err(s->reterr, ERR_INVALID,
                        N_("--watch cannot be used with --json, --replay or --expect."), NULL, 0);
    }
    if (q->client_key != NULL && q->client_cert == NULL) {
        return text_err(s->reterr, ERR_INVALID, N_("--key needs --client-cert."), NULL, 0);
    }
    if (o->bucket_policy != NULL &&
        (o->log_bucket == NULL || q->log_account[0] == '\0' || !default_region(q))) {
        return text_err(s->reterr, ERR_INVALID,
                        N_("--bucket-policy needs --log-bucket, --account and --region."), NULL, 0);
    }
    if (o->bucket_policy == NULL && (o->log_bucket != NULL || o->log_prefix != NULL)) {
        return text_err(s->reterr, ERR_INVALID,
                        N_("--log-bucket and --log-prefix need --bucket-policy."), NULL, 0);
    }
    if (url != NULL) {
        TRY(question_set_url(q, str_of(url), s->reterr));
    }
    q->deadline_us = MAX_OF(q->deadline_us, q->timeout_us);
    for (size_t i = q->header_count; i-- > 0;) {
        if (q->headers[i][0] == '\n') {
            TRY(url == NULL ? ERR_OK : read_cookies(s, i));
        }
    }
    return ERR_OK;
}

static enum err
parse_all(struct setting *s, int argc, char **argv)
{
    const char *url = NULL;
    bool options = true;
    for (int i = 1; i < argc; i++) {
        struct str word = str_of(argv[i]);
        if (options && str_eq(word, STR("--"))) {
            options = false;
        } else if (options && (str_eq(word, STR("--help")) || str_eq(word, STR("-h")))) {
            s->o->help = true;
            for (int k = i + 1; k + 1 < argc; k++) { /* the help, too, in the language asked for */
                if (strcmp(argv[k], "--lang") == 0) {
                    return text_init(NULL, argv[k + 1], s->reterr);
                }
            }
            return ERR_OK;
        } else if (options && word.n > 1 && word.p[0] == '-') {
            TRY(parse_option(s, argc, argv, &i));
        } else if (url == NULL) {
            url = argv[i];
        } else {
            return text_err(s->reterr, ERR_INVALID,
                            N_("One URL at a time: {first} and {second} are two."),
                            TEXT_ARGS({"first", str_of(url)}, {"second", word}));
        }
    }
    return finish(s, url);
}

enum err
question_parse(int argc, char **argv, struct question *ret_question,
               struct doctor_options *ret_options, struct errinfo *reterr)
{
    struct question q;
    struct doctor_options o = {0};
    struct setting s = {.q = &q, .o = &o, .reterr = reterr};
    question_init(&q);
    enum err e = parse_all(&s, argc, argv);
    if (e != ERR_OK) {
        question_done(&q);
        return e;
    }
    *ret_question = q;
    *ret_options = o;
    return ERR_OK;
}

/* ---- the help ---- */

/* "  --name ARGUMENT   what it does" with the text in a column of its own. */
static void
add_row(struct buf *out, const struct option_row *row, unsigned width)
{
    enum { COLUMN = 28 };
    struct buf label AUTO(buf_free) = {0};
    struct buf text AUTO(buf_free) = {0};
    struct buf lines AUTO(buf_free) = {0};
    bool attached = row->argument[0] == '[';
    buf_addf(&label, "  %s%s%s", row->name, row->argument[0] == '\0' || attached ? "" : " ",
             row->argument);
    buf_add_z(&text, tr(row->help));
    if (row->standard[0] != '\0') {
        buf_add_char(&text, ' ');
        text_fill(&text, tr(N_("(default: {value})")), TEXT_ARGS({"value", str_of(row->standard)}));
    }
    text_wrap(&lines, buf_str(&text), COLUMN, COLUMN, width);
    buf_add_str(out, buf_str(&label));
    if (label.n + 1 < COLUMN) { /* on the first line of the text, over its blanks */
        buf_add_str(out, str_sub(buf_str(&lines), label.n, lines.n));
    } else {
        buf_add_char(out, '\n');
        buf_add_str(out, buf_str(&lines));
    }
}

void
question_help(struct buf *out, unsigned width)
{
    buf_addf(out, "%s openalb doctor URL [option]...\n", tr(N_("Usage:")));
    text_wrap(out,
              str_of(tr(N_("Says why a site does not open, from where you stand. URL: what the "
                           "address bar held, or host:port, or a bare host."))),
              0, 0, width);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].set == NULL) {
            buf_addf(out, "\n%s\n", tr(rows[i].help));
        } else {
            add_row(out, &rows[i], width);
        }
    }
    buf_add_char(out, '\n');
    text_wrap(out,
              str_of(tr(N_("Exit codes: 0 it opens; 1 it opens, with --strict and a warning; 10 "
                           "DNS, 11 TCP, 12 TLS, 13 certificate, 14 HTTP, 15 redirect, 16 target, "
                           "17 client, 18 log: the layer of the fault; 20 undecided; 64 wrong "
                           "command line, 66 a file cannot be read, 69 no network, 70 internal "
                           "error, 77 a permission is missing, 124 no verdict in time."))),
              0, 4, width);
}
