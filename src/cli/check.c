/* SPDX-License-Identifier: Apache-2.0
 * `openalb check`: validates templates and tells what they would build. Nothing is made or changed:
 * ids are derived from names, no certificate is issued, no port is opened. */
#include "cli/cli.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/mem.h"
#include "state/file.h"
#include "template/template.h"
#include "tls/ca.h"
#include "tls/tls.h"

/* The command line. */
struct check_options {
    struct template_source *sources; /* owned, texts too; file and stack are borrowed from argv */
    struct buf *texts;               /* owned: one per source */
    size_t source_count;
    struct str *names; /* owned: of --parameter; the texts are argv's */
    struct str *values;
    size_t parameter_count;
    struct str account, region, domain;
    bool json;
    bool help;
};

/* What building asks for, answered without a state folder. */
struct fakes {
    char **ids; /* owned: what was handed out */
    size_t id_count;
    size_t id_cap;
    uint32_t targets, listeners, load_balancers; /* slots given so far */
};

/* ---- ids and slots ---- */

/* FNV-1a: the same names give the same ids in every run. */
static uint64_t
hash_add(uint64_t hash, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        hash = (hash ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
    }
    return (hash ^ 0xff) * UINT64_C(0x100000001b3); /* "ab","c" is not "a","bc" */
}

static char *
fake_id(struct str kind, uint64_t a, uint64_t b)
{
    if (str_eq(kind, STR("hex16"))) {
        return xprintf("%016llx", (unsigned long long)a);
    }
    if (str_eq(kind, STR("decimal"))) {
        return xprintf("%llu", (unsigned long long)(100000000 + a % 900000000));
    }
    ASSERT(str_eq(kind, STR("uuid")));
    return xprintf("%08llx-%04llx-4%03llx-a%03llx-%012llx", (unsigned long long)(a >> 32),
                   (unsigned long long)(a >> 16 & 0xffff), (unsigned long long)(a & 0xfff),
                   (unsigned long long)(b >> 48 & 0xfff),
                   (unsigned long long)(b & UINT64_C(0xffffffffffff)));
}

static struct str
give_id(void *context, struct str stack, struct str logical_id, struct str kind)
{
    struct fakes *f = context;
    uint64_t a = hash_add(hash_add(UINT64_C(0xcbf29ce484222325), stack), logical_id);
    uint64_t b = hash_add(a, kind);
    *VEC_PUSH(f->ids, f->id_count, f->id_cap) = fake_id(kind, a, b);
    return str_of(f->ids[f->id_count - 1]);
}

static bool
give_slot(void *context, struct str key, uint32_t *ret_slot)
{
    struct fakes *f = context;
    const struct {
        struct str prefix;
        uint32_t *next;
        uint32_t max;
    } spaces[] = {
        {STR("target:"), &f->targets, LIMIT_TARGETS_MAX},
        {STR("listener:"), &f->listeners, LIMIT_LISTENERS_MAX},
        {STR("lb:"), &f->load_balancers, LIMIT_LOAD_BALANCERS_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(spaces); i++) {
        if (str_starts(key, spaces[i].prefix)) {
            if (*spaces[i].next == spaces[i].max) {
                return false;
            }
            *ret_slot = (*spaces[i].next)++;
            return true;
        }
    }
    NEVER("builders ask for slots of these spaces only");
}

/* ---- files ---- */

/* Symbolic links are followed, as when it is served: these are the user's own files. */
static enum err
load_file(const char *path, size_t max_bytes, struct buf *ret_text, struct errinfo *reterr)
{
    char *real = realpath(path, NULL);
    enum err e = file_load(AT_FDCWD, real != NULL ? real : path, max_bytes, ret_text, reterr);
    xfree(real); /* libc made it on the same heap */
    return e;
}

/* ---- imported certificates ---- */

/* Relative to the folder of the template, as when it is served. */
static enum err
read_beside(void *context, struct str template_file, struct str path, struct buf *ret_text,
            struct errinfo *reterr)
{
    enum { PEM_BYTES_MAX = 256 * 1024 };
    (void)context; /* nothing is kept */
    size_t slash;
    bool beside = !str_starts(path, STR("/")) && str_rfind_char(template_file, '/', &slash);
    struct str folder = beside ? str_sub(template_file, 0, slash + 1) : STR_NONE;
    AUTO(xfree_ptr) char *full = xprintf("%.*s%.*s", STR_ARG(folder), STR_ARG(path));
    struct errinfo why;
    enum err e = load_file(full, PEM_BYTES_MAX, ret_text, &why);
    return e == ERR_OK ? ERR_OK : err_set(reterr, e, "file '%.300s': %.300s", full, why.text);
}

static enum err
inspect_certificate(void *context, struct model *m, struct certificate *c,
                    struct str pem_certificate, struct str pem_key, struct str pem_chain,
                    struct errinfo *reterr)
{
    (void)context; /* nothing is kept */
    if (c->source == CERTIFICATE_ISSUED) {
        return ERR_OK; /* the authority would make it */
    }
    return certificate_check(m, c, pem_certificate, pem_key, pem_chain, reterr);
}

static bool
policy_known(struct str name)
{
    return tls_policy_find(name) != NULL;
}

/* ---- options ---- */

static void
help(FILE *to)
{
    fprintf(to, "Usage: openalb check FILE... [option]...\n"
                "Validates CloudFormation templates and shows what would be built.\n\n"
                "  --parameter NAME=VALUE  a value for a template parameter; may be repeated\n"
                "  --account NUMBER        the account in ARNs, 12 digits (000000000000)\n"
                "  --region NAME           the region in ARNs and names (us-east-1)\n"
                "  --domain NAME           the suffix of DNS names (elb.localhost)\n"
                "  --json                  print {\"valid\", \"errors\", \"notes\"} instead\n\n"
                "Exit code 0: valid. 1: invalid, all errors are on standard error.\n"
                "2: the command line is wrong.\n");
}

static enum err
set_parameter(struct check_options *o, struct str value, struct errinfo *reterr)
{
    size_t equals;
    if (!str_find_char(value, '=', &equals) || equals == 0) {
        return err_set(reterr, ERR_INVALID, "--parameter '%.*s' must be NAME=VALUE",
                       STR_ARG(value));
    }
    o->names[o->parameter_count] = str_sub(value, 0, equals);
    o->values[o->parameter_count++] = (struct str){value.p + equals + 1, value.n - equals - 1};
    return ERR_OK;
}

static enum err
set_account(struct check_options *o, struct str value, struct errinfo *reterr)
{
    uint64_t number;
    if (value.n != 12 || !str_to_u64(value, &number)) {
        return err_set(reterr, ERR_INVALID, "--account '%.*s' must have 12 digits", STR_ARG(value));
    }
    o->account = value;
    return ERR_OK;
}

/* Letters, digits and the given others: it becomes a part of names. */
static enum err
set_word(const char *option, struct str value, char other, struct str *to, struct errinfo *reterr)
{
    bool sound = value.n > 0 && value.n <= 128;
    for (size_t i = 0; i < value.n; i++) {
        sound = sound && (ascii_is_alnum(value.p[i]) || value.p[i] == '-' || value.p[i] == other);
    }
    if (!sound) {
        return err_set(reterr, ERR_INVALID, "%s '%.*s' must have letters, digits and '-' only",
                       option, STR_ARG(value));
    }
    *to = value;
    return ERR_OK;
}

static enum err
set_region(struct check_options *o, struct str value, struct errinfo *reterr)
{
    return set_word("--region", value, '-', &o->region, reterr);
}

static enum err
set_domain(struct check_options *o, struct str value, struct errinfo *reterr)
{
    return set_word("--domain", value, '.', &o->domain, reterr);
}

static const struct {
    const char *name;
    enum err (*set)(struct check_options *o, struct str value, struct errinfo *reterr);
} valued_options[] = {
    {"--parameter", set_parameter},
    {"--account", set_account},
    {"--region", set_region},
    {"--domain", set_domain},
};

/* One word of the command line, with its value; *at moves on over both. */
static enum err
option_take(struct check_options *o, int argc, char **argv, int *at, struct errinfo *reterr)
{
    struct str word = str_of(argv[(*at)++]);
    for (size_t i = 0; i < COUNT_OF(valued_options); i++) {
        if (!str_eq(word, str_of(valued_options[i].name))) {
            continue;
        }
        if (*at == argc) {
            return err_set(reterr, ERR_INVALID, "%s needs a value", valued_options[i].name);
        }
        return valued_options[i].set(o, str_of(argv[(*at)++]), reterr);
    }
    if (str_eq(word, STR("--json"))) {
        o->json = true;
    } else if (str_eq(word, STR("--help")) || str_eq(word, STR("-h"))) {
        o->help = true;
    } else if (str_starts(word, STR("-"))) {
        return err_set(reterr, ERR_INVALID, "there is no option '%.*s'", STR_ARG(word));
    } else {
        o->sources[o->source_count++] =
            (struct template_source){.file = word, .stack = template_stack_name(word)};
    }
    return ERR_OK;
}

static enum err
options_take(struct check_options *o, int argc, char **argv, struct errinfo *reterr)
{
    size_t words = (size_t)argc;
    *o = (struct check_options){
        .sources = xalloc(words * sizeof(*o->sources)),
        .texts = xalloc(words * sizeof(*o->texts)),
        .names = xalloc(words * sizeof(*o->names)),
        .values = xalloc(words * sizeof(*o->values)),
        .account = STR("000000000000"),
        .region = STR("us-east-1"),
        .domain = STR("elb.localhost"),
    };
    for (int at = 1; at < argc;) {
        TRY(option_take(o, argc, argv, &at, reterr));
    }
    if (o->source_count == 0 && !o->help) {
        return err_set(reterr, ERR_INVALID, "which template? Give one FILE or more");
    }
    return ERR_OK;
}

static void
options_done(struct check_options *o)
{
    for (size_t i = 0; i < o->source_count; i++) {
        buf_free(&o->texts[i]);
    }
    xfree(o->sources);
    xfree(o->texts);
    xfree(o->names);
    xfree(o->values);
}

/* ---- building and telling ---- */

/* All files are tried, so that all that cannot be read are named at once. */
static bool
sources_read(struct check_options *o, struct template_errors *errors)
{
    for (size_t i = 0; i < o->source_count; i++) {
        struct template_source *s = &o->sources[i];
        struct errinfo reason;
        char *path = xstrdup_str(s->file);
        if (load_file(path, LIMIT_TEMPLATE_BYTES_MAX, &o->texts[i], &reason) != ERR_OK &&
            errors->count < COUNT_OF(errors->items)) {
            errors->items[errors->count++].text = xprintf("%s: %s", path, reason.text);
        }
        xfree(path);
        s->text = buf_str(&o->texts[i]);
    }
    return errors->count == 0;
}

static void
build(struct check_options *o, struct build_result *ret_result)
{
    struct fakes fakes = {.ids = NULL};
    struct addr addresses[2];
    bool sound =
        addr_parse(STR("127.0.0.1"), 0, &addresses[0]) && addr_parse(STR("::1"), 0, &addresses[1]);
    ASSERT(sound);
    const struct build_env env = {
        .account = o->account,
        .region = o->region,
        .domain = o->domain,
        .addresses = addresses,
        .address_count = COUNT_OF(addresses),
        .parameter_names = o->names,
        .parameter_values = o->values,
        .parameter_count = o->parameter_count,
        .resource_id = give_id,
        .slot = give_slot,
        .read_file = read_beside,
        .certificate = inspect_certificate,
        .ssl_policy_known = policy_known,
        .context = &fakes,
    };
    template_build(o->sources, o->source_count, &env, ret_result);
    for (size_t i = 0; i < fakes.id_count; i++) {
        xfree(fakes.ids[i]);
    }
    xfree(fakes.ids);
}

static void
tell_section(const char *title, struct str text)
{
    struct str line;
    if (text.n > 0) {
        printf("\n%s\n", title);
    }
    while (str_cut(&text, '\n', &line)) {
        if (line.n > 0) {
            printf("  %.*s\n", STR_ARG(line));
        }
    }
}

static void
tell_people(const struct build_result *r)
{
    for (size_t i = 0; i < r->errors.count; i++) {
        fprintf(stderr, "%s\n", r->errors.items[i].text);
    }
    if (r->errors.not_shown > 0) {
        fprintf(stderr, "and %zu more errors\n", r->errors.not_shown);
    }
    if (r->model != NULL) {
        AUTO(buf_free) struct buf text = {0};
        model_describe(r->model, &text);
        printf("%.*s", STR_ARG(buf_str(&text)));
        tell_section("outputs", buf_str(&r->outputs));
        tell_section("notes", buf_str(&r->notes));
    }
}

static void
json_add_line(json_t *list, struct str line)
{
    json_t *text = json_stringn(line.p == NULL ? "" : line.p, line.n);
    int failed = json_array_append_new(list, text);
    ASSERT(failed == 0); /* templates are checked to be UTF-8 */
}

static json_t *
json_errors(const struct template_errors *errors)
{
    json_t *list = json_array();
    for (size_t i = 0; i < errors->count; i++) {
        json_add_line(list, str_of(errors->items[i].text));
    }
    if (errors->not_shown > 0) {
        char more[64];
        (void)snprintf(more, sizeof(more), "and %zu more errors", errors->not_shown); /* fits */
        json_add_line(list, str_of(more));
    }
    return list;
}

static void
tell_program(const struct build_result *r)
{
    json_t *notes = json_array();
    struct str text = buf_str(&r->notes);
    struct str line;
    while (str_cut(&text, '\n', &line)) {
        if (line.n > 0) {
            json_add_line(notes, line);
        }
    }
    json_t *root = json_pack("{s:b, s:o, s:o}", "valid", r->model != NULL, "errors",
                             json_errors(&r->errors), "notes", notes);
    ASSERT(root != NULL);
    (void)json_dumpf(root, stdout, JSON_INDENT(2)); /* a closed pipe ends us anyway */
    printf("\n");
    json_decref(root);
}

static int
check(struct check_options *o)
{
    struct build_result result = {0};
    if (sources_read(o, &result.errors)) {
        build(o, &result);
    }
    if (o->json) {
        tell_program(&result);
    } else {
        tell_people(&result);
    }
    int code = result.model != NULL ? EXIT_OK : EXIT_FAULT;
    build_result_free(&result);
    return code;
}

int
cmd_check(int argc, char **argv)
{
    AUTO(options_done) struct check_options options = {0};
    struct errinfo reason;
    if (options_take(&options, argc, argv, &reason) != ERR_OK) {
        fprintf(stderr, "openalb check: %s\n", reason.text);
        help(stderr);
        return EXIT_USAGE;
    }
    if (options.help) {
        help(stdout);
        return EXIT_OK;
    }
    return check(&options);
}
