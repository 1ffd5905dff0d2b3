/* SPDX-License-Identifier: Apache-2.0
 * `openalb hsts`: what this user's browsers, curl and wget remember about one host, what becomes of
 * a URL, and forgetting the host. */
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/hsts_report.h"
#include "crypto/crypto.h"
#include "hsts/hsts.h"
#include "text/text.h"

static const char usage[] = N_(
    "usage: openalb hsts show HOST      who remembers the host as https only, and until when\n"
    "       openalb hsts explain URL    what each client makes of the URL, and why\n"
    "       openalb hsts remove HOST --browser-profile DIR|auto [--dry-run]\n"
    "                                   make closed browsers forget exactly this host\n"
    "options:\n"
    "  --browser-profile DIR|auto  one profile or one browser's folder; auto: all that are found\n"
    "  --curl-file FILE            a file of curl --hsts\n"
    "  --wget-file FILE            instead of ~/.wget-hsts\n"
    "  --preload-list FILE         a preload list in Chromium's JSON form\n"
    "  --dry-run                   remove: say what would be done\n"
    "  --json                      for programs\n"
    "  --color auto|always|never   colours\n"
    "  --lang en|ja                language; otherwise the locale decides\n"
    "exit codes: 0 found or removed, 1 nothing there, 64 wrong usage, 66 cannot be read or\n"
    "written, 75 refused because the browser is running or the file was just changed\n");

struct hsts_command {
    struct hsts_options lookup; /* borrowed texts */
    bool json;
    bool dry_run;
    bool help;
    const char *color;
    const char *lang;
    const char *operand;
};

/* ---- output ---- */

static int
print(const struct buf *out, int code)
{
    bool fine = fwrite(out->p, 1, out->n, stdout) == out->n;
    fine = fflush(stdout) == 0 && fine;
    return fine ? code : EXIT_CLI_NOINPUT;
}

/* A sentence about what went wrong: on standard error, and in JSON where that was asked for. */
static int
complain(const struct hsts_command *c, struct str sentence, int code)
{
    AUTO(buf_free) struct buf out = {0};
    (void)fprintf(stderr, "openalb hsts: %.*s\n", STR_ARG(sentence));
    if (!c->json) {
        return code;
    }
    hsts_error_json(&out, sentence);
    return print(&out, code);
}

static int
complain_tr(const struct hsts_command *c, const char *msgid, int code)
{
    return complain(c, str_of(tr(msgid)), code);
}

/* ---- what is asked ---- */

/* A host, or what a user copied from the address bar. */
static enum err
read_host(const char *operand, char ret_name[static HSTS_NAME_MAX], struct errinfo *reterr)
{
    struct hsts_url url;
    enum err e = hsts_name(str_of(operand), ret_name, reterr);
    if (e == ERR_INVALID && strpbrk(operand, ":/") != NULL &&
        hsts_url_parse(str_of(operand), &url, NULL) == ERR_OK) {
        e = hsts_name(url.host, ret_name, reterr);
    }
    return e;
}

/* No client remembers an address: that is an answer, not a wrong question. */
static int
bad_host(const struct hsts_command *c, enum err e, const struct errinfo *error)
{
    return complain(c, str_of(error->text), e == ERR_UNSUPPORTED ? EXIT_FAULT : EXIT_CLI_USAGE);
}

static bool
any_unreadable(const struct hsts_found *f)
{
    for (size_t i = 0; i < f->store_count; i++) {
        if (!hsts_store_usable(&f->stores[i])) {
            return true;
        }
    }
    return false;
}

static int
code_of(const struct hsts_found *f, bool found)
{
    if (found) {
        return EXIT_OK;
    }
    return any_unreadable(f) ? EXIT_CLI_NOINPUT : EXIT_FAULT;
}

/* ---- show, explain ---- */

static int
run_show(const struct hsts_command *c, const struct term *t)
{
    char name[HSTS_NAME_MAX];
    struct errinfo error = {""};
    AUTO(hsts_found_free) struct hsts_found found = {0};
    AUTO(buf_free) struct buf out = {0};
    enum err e = read_host(c->operand, name, &error);
    if (e != ERR_OK) {
        return bad_host(c, e, &error);
    }
    if (hsts_lookup(&c->lookup, str_of(name), &found, &error) != ERR_OK) {
        return complain(c, str_of(error.text), EXIT_CLI_NOINPUT);
    }
    if (c->json) {
        hsts_show_json(&out, &found);
    } else {
        hsts_show_text(&out, t, &found);
    }
    return print(&out, code_of(&found, found.entry_count + found.preloaded_count > 0));
}

static int
run_explain(const struct hsts_command *c, const struct term *t)
{
    char name[HSTS_NAME_MAX];
    struct errinfo error = {""};
    struct hsts_url url;
    AUTO(hsts_found_free) struct hsts_found found = {0};
    AUTO(buf_free) struct buf out = {0};
    struct str typed = str_of(c->operand);
    if (hsts_url_parse(typed, &url, &error) != ERR_OK) {
        return complain(c, str_of(error.text), EXIT_CLI_USAGE);
    }
    enum err e = hsts_name(url.host, name, &error);
    if (e != ERR_OK) {
        return bad_host(c, e, &error);
    }
    if (hsts_lookup(&c->lookup, str_of(name), &found, &error) != ERR_OK) {
        return complain(c, str_of(error.text), EXIT_CLI_NOINPUT);
    }
    if (c->json) {
        hsts_explain_json(&out, &found, &url, typed);
    } else {
        hsts_explain_text(&out, t, &found, &url, typed);
    }
    return print(&out, code_of(&found, hsts_changes(&found, &url)));
}

/* ---- remove ---- */

static void
steps_free(struct hsts_steps *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        hsts_removal_free(&steps->items[i].removal);
    }
    xfree(steps->items);
}

/* Only what the command line names is written to. */
static bool
is_meant(const struct hsts_command *c, const struct hsts_store *s)
{
    const char *const named[] = {
        [HSTS_CHROMIUM] = c->lookup.profile,
        [HSTS_FIREFOX] = c->lookup.profile,
        [HSTS_CURL] = c->lookup.curl_file,
        [HSTS_WGET] = c->lookup.wget_file,
    };
    return named[s->client] != NULL;
}

static void
remove_all(const struct hsts_command *c, const struct hsts_found *found, struct hsts_steps *steps)
{
    const struct hsts_remove_options o = {.dry_run = c->dry_run, .now_s = c->lookup.now_s};
    for (size_t i = 0; i < found->store_count; i++) {
        if (is_meant(c, &found->stores[i])) {
            struct hsts_step *step = VEC_PUSH(steps->items, steps->count, steps->cap);
            step->store = &found->stores[i];
            step->error = hsts_remove(step->store, str_of(found->names[0]), &o, &step->removal,
                                      &step->reason);
        }
    }
}

/* The worst that happened to one store. */
static int
steps_code(const struct hsts_steps *steps)
{
    bool removed = false, refused = false, failed = false;
    for (size_t i = 0; i < steps->count; i++) {
        const struct hsts_step *step = &steps->items[i];
        enum hsts_removed result = step->removal.result;
        failed = failed || step->error != ERR_OK || !hsts_store_usable(step->store);
        refused = refused || result == HSTS_RUNNING || result == HSTS_CHANGED;
        removed = removed || result == HSTS_REMOVED;
    }
    if (failed) {
        return EXIT_CLI_NOINPUT;
    }
    if (refused) {
        return EXIT_CLI_TEMPORARY;
    }
    return removed ? EXIT_OK : EXIT_FAULT;
}

static int
remove_and_report(const struct hsts_command *c, const struct term *t,
                  const struct hsts_found *found)
{
    struct errinfo error = {""};
    AUTO(hsts_found_free) struct hsts_found after = {0};
    AUTO(steps_free) struct hsts_steps steps = {.dry_run = c->dry_run, .after = &after};
    AUTO(buf_free) struct buf out = {0};
    remove_all(c, found, &steps);
    if (hsts_lookup(&c->lookup, str_of(found->names[0]), &after, &error) != ERR_OK) {
        return complain(c, str_of(error.text), EXIT_CLI_NOINPUT);
    }
    if (c->json) {
        hsts_remove_json(&out, &steps);
    } else {
        hsts_remove_text(&out, t, &steps);
    }
    return print(&out, steps_code(&steps));
}

static int
run_remove(const struct hsts_command *c, const struct term *t)
{
    char name[HSTS_NAME_MAX];
    struct errinfo error = {""};
    AUTO(hsts_found_free) struct hsts_found found = {0};
    enum err e = read_host(c->operand, name, &error);
    if (e != ERR_OK) {
        return bad_host(c, e, &error);
    }
    if (c->lookup.profile == NULL && c->lookup.curl_file == NULL && c->lookup.wget_file == NULL) {
        return complain_tr(c,
                           N_("Say whose memory is meant: --browser-profile DIR, or "
                              "--browser-profile auto for every browser of this user; "
                              "--wget-file FILE, --curl-file FILE."),
                           EXIT_CLI_USAGE);
    }
    if (hsts_lookup(&c->lookup, str_of(name), &found, &error) != ERR_OK) {
        return complain(c, str_of(error.text), EXIT_CLI_NOINPUT);
    }
    return remove_and_report(c, t, &found);
}

/* ---- the command line ---- */

static const struct verb {
    const char *name;
    int (*run)(const struct hsts_command *c, const struct term *t);
    bool writes; /* takes --dry-run */
} verbs[] = {
    {"show", run_show, false},
    {"explain", run_explain, false},
    {"remove", run_remove, true},
};

static const struct verb *
find_verb(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(verbs) && name != NULL; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

/* False when the command line is wrong. */
static bool
read_options(int argc, char **argv, struct hsts_command *c)
{
    static const struct option names[] = {
        {"browser-profile", required_argument, NULL, 'p'},
        {"curl-file", required_argument, NULL, 'c'},
        {"wget-file", required_argument, NULL, 'w'},
        {"preload-list", required_argument, NULL, 'l'},
        {"dry-run", no_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},
        {"color", required_argument, NULL, 'C'},
        {"lang", required_argument, NULL, 'L'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    optind = 1;
    for (int o; (o = getopt_long(argc, argv, "h", names, NULL)) != -1;) {
        switch (o) {
        case 'p': c->lookup.profile = optarg; break;
        case 'c': c->lookup.curl_file = optarg; break;
        case 'w': c->lookup.wget_file = optarg; break;
        case 'l': c->lookup.preload_file = optarg; break;
        case 'n': c->dry_run = true; break;
        case 'j': c->json = true; break;
        case 'C': c->color = optarg; break;
        case 'L': c->lang = optarg; break;
        case 'h': c->help = true; break;
        default: return false;
        }
    }
    return true;
}

static int
run(const struct hsts_command *c, const struct verb *verb)
{
    struct term t;
    struct errinfo error = {""};
    if (term_init(&t, stdout, c->color, &error) != ERR_OK) {
        return complain(c, str_of(error.text), EXIT_CLI_USAGE);
    }
    if (crypto_init(&error) != ERR_OK) {
        return complain(c, str_of(error.text), EXIT_FAULT);
    }
    return verb->run(c, &t);
}

int
cmd_hsts(int argc, char **argv)
{
    struct errinfo error = {""};
    struct hsts_command c = {.lookup = {.now_s = clock_wall_us() / 1000000}};
    bool fine = read_options(argc, argv, &c);
    if (c.lang != NULL && text_init(argv[0], c.lang, &error) != ERR_OK) {
        return complain(&c, str_of(error.text), EXIT_CLI_USAGE);
    }
    if (c.help) {
        (void)fputs(tr(usage), stdout); /* nothing depends on it */
        return EXIT_OK;
    }
    const struct verb *verb = find_verb(optind < argc ? argv[optind] : NULL);
    if (!fine || verb == NULL || optind + 2 != argc || (c.dry_run && !verb->writes)) {
        (void)fputs(tr(usage), stderr); /* nowhere else to say it */
        return EXIT_CLI_USAGE;
    }
    c.operand = argv[optind + 1];
    return run(&c, verb);
}
