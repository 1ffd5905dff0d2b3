/* SPDX-License-Identifier: Apache-2.0
 * `openalb ca`: shows and exports the root certificate of the embedded authority. */
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/mem.h"
#include "crypto/pki.h"
#include "state/file.h"
#include "state/state_dir.h"

enum { ROOT_BYTES_MAX = 64 * 1024 };

static const char usage[] =
    "usage: openalb ca export [--state DIR] [-o FILE]   print the root certificate (PEM)\n"
    "       openalb ca show [--state DIR]               its subject, fingerprint and validity\n";

struct ca_options {
    char *state_dir;    /* owned */
    const char *output; /* NULL: standard output */
    bool help;
};

/* ---- the root certificate ---- */

/* The supervisor puts a copy that everyone may read at STATE/ca.crt; the authority's own lies in
 * the keys folder, which only its user can enter. */
static enum err
find_root(int state_fd, struct buf *out, struct errinfo *reterr)
{
    static const char *const places[] = {"ca.crt", "keys/ca.crt"};
    enum err e = ERR_NOT_FOUND;
    for (size_t i = 0; i < COUNT_OF(places) && e == ERR_NOT_FOUND; i++) {
        e = file_load(state_fd, places[i], ROOT_BYTES_MAX, out, reterr);
    }
    return e;
}

static enum err
load_root(const struct ca_options *o, struct buf *out, struct errinfo *reterr)
{
    int fd;
    TRY(crypto_init(reterr));
    TRY(state_dir_look(o->state_dir, &fd, reterr));
    enum err e = find_root(fd, out, reterr);
    (void)close(fd); /* it was only read */
    if (e == ERR_NOT_FOUND) {
        return err_set(reterr, e,
                       "there is no certificate authority in the state folder '%s' yet: the first "
                       "`openalb serve` makes it (another folder: --state DIR)",
                       o->state_dir);
    }
    return e;
}

/* ---- export ---- */

static enum err
write_to(FILE *to, const char *name, struct str text, struct errinfo *reterr)
{
    bool fine = fwrite(text.p, 1, text.n, to) == text.n;
    fine = fflush(to) == 0 && fine;
    return fine ? ERR_OK : err_errno(reterr, "cannot write to %s", name);
}

static enum err
write_file(const char *path, struct str text, struct errinfo *reterr)
{
    FILE *to = fopen(path, "we");
    if (to == NULL) {
        return err_errno(reterr, "cannot create '%s'", path);
    }
    enum err e = write_to(to, path, text, reterr);
    (void)fclose(to); /* all of it was flushed and checked */
    return e;
}

static enum err
export_root(const struct ca_options *o, struct errinfo *reterr)
{
    AUTO(buf_free) struct buf pem = {0};
    TRY(load_root(o, &pem, reterr));
    if (o->output != NULL) {
        return write_file(o->output, buf_str(&pem), reterr);
    }
    return write_to(stdout, "standard output", buf_str(&pem), reterr);
}

/* ---- show ---- */

static void
add_date(struct buf *out, uint64_t time_s)
{
    struct civil c = clock_civil(time_s * 1000000);
    buf_addf(out, "%04d-%02d-%02d %02d:%02d:%02d UTC", c.year, c.month, c.day, c.hour, c.minute,
             c.second);
}

static void
add_fingerprint(struct buf *out, const uint8_t digest[static SHA256_BYTES])
{
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        buf_addf(out, "%s%02X", i == 0 ? "" : ":", digest[i]);
    }
}

static enum err
describe(const struct x509_st *root, struct buf *out)
{
    uint8_t digest[SHA256_BYTES];
    struct pki_facts facts;
    pki_certificate_facts(root, &facts);
    buf_add_z(out, "subject      ");
    TRY(pki_certificate_subject(root, out));
    TRY(pki_certificate_fingerprint(root, digest));
    buf_add_z(out, "\nSHA-256      ");
    add_fingerprint(out, digest);
    buf_add_z(out, "\nvalid from   ");
    add_date(out, facts.not_before_s);
    buf_add_z(out, "\nvalid until  ");
    add_date(out, facts.not_after_s);
    bool over = clock_wall_us() / 1000000 > facts.not_after_s;
    buf_add_z(out, over ? "  (EXPIRED)\n" : "\n");
    return ERR_OK;
}

static enum err
show_root(const struct ca_options *o, struct errinfo *reterr)
{
    AUTO(buf_free) struct buf pem = {0};
    AUTO(buf_free) struct buf text = {0};
    struct x509_st *root;
    size_t count;
    TRY(load_root(o, &pem, reterr));
    if (pki_certificates_parse(buf_str(&pem), &root, 1, &count) != ERR_OK) {
        return err_set(reterr, ERR_INVALID, "the root certificate in '%s' is damaged",
                       o->state_dir);
    }
    enum err e = describe(root, &text);
    pki_certificate_free(&root);
    if (e != ERR_OK) {
        return err_set(reterr, e, "the root certificate cannot be read: %s", crypto_reason());
    }
    return write_to(stdout, "standard output", buf_str(&text), reterr);
}

/* ---- the command line ---- */

static const struct action {
    const char *name;
    enum err (*run)(const struct ca_options *o, struct errinfo *reterr);
    bool writes; /* takes -o */
} actions[] = {
    {"export", export_root, true},
    {"show", show_root, false},
};

static const struct action *
find_action(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(actions) && name != NULL; i++) {
        if (strcmp(actions[i].name, name) == 0) {
            return &actions[i];
        }
    }
    return NULL;
}

/* False when the command line is wrong. */
static bool
read_options(int argc, char **argv, struct ca_options *o)
{
    static const struct option names[] = {
        {"state", required_argument, NULL, 's'},
        {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "o:h", names, NULL)) != -1;) {
        switch (c) {
        case 's':
            xfree(o->state_dir);
            o->state_dir = xstrdup(optarg);
            break;
        case 'o': o->output = optarg; break;
        case 'h': o->help = true; break;
        default: return false;
        }
    }
    return true;
}

int
cmd_ca(int argc, char **argv)
{
    struct errinfo error = {""};
    struct ca_options o = {.state_dir = state_dir_default()};
    bool fine = read_options(argc, argv, &o);
    const struct action *action = find_action(optind < argc ? argv[optind] : NULL);
    fine = fine && action != NULL && optind + 1 == argc && (o.output == NULL || action->writes);
    int code = EXIT_USAGE;
    if (o.help) {
        (void)fputs(usage, stdout); /* nothing depends on it */
        code = EXIT_OK;
    } else if (!fine) {
        (void)fputs(usage, stderr); /* nowhere else to say it */
    } else if (action->run(&o, &error) == ERR_OK) {
        code = EXIT_OK;
    } else {
        (void)fprintf(stderr, "openalb ca %s: %s\n", action->name, error.text);
        code = EXIT_FAULT;
    }
    xfree(o.state_dir);
    return code;
}
