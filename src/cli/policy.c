/* SPDX-License-Identifier: Apache-2.0
 * `openalb policy`: may a load balancer write its logs into a bucket with this policy, and a policy
 * by which it may. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "cli/policy_report.h"
#include "policy/delivery.h"
#include "text/text.h"

/* Answers of `check`, as exit codes [tool-rulings 27]. */
static const int answer_codes[] = {[DELIVERY_ALLOW] = EXIT_OK,
                                   [DELIVERY_DENY] = 1,
                                   [DELIVERY_NO_POLICY] = 2,
                                   [DELIVERY_DEPENDS] = 3};

static const char usage[] =
    N_("usage: openalb policy check --policy FILE|- --bucket NAME --account N --region R\n"
       "                                  may the load balancer write its log, and if not, why\n"
       "       openalb policy make --bucket NAME --account N --region R\n"
       "                                  a bucket policy by which it may\n"
       "options:\n"
       "  --bucket NAME               the bucket that the log goes to\n"
       "  --prefix P                  the prefix that is set at the load balancer, if any\n"
       "  --account N                 the 12 digits of the load balancer's owner\n"
       "  --region R                  the load balancer's region: eu-central-1\n"
       "  --log access|connection|health-check\n"
       "                              which log; access if not said\n"
       "  --org O                     the owner's organisation, where a condition asks for it\n"
       "  --policy FILE|-             check: the policy; -: standard input\n"
       "  --fix FILE                  check: write the corrected policy to a new file\n"
       "  --json                      check: for programs\n"
       "  --form json|cloudformation|terraform\n"
       "                              make: the form; json if not said\n"
       "  --color auto|always|never   colours\n"
       "  --lang en|ja                language; otherwise the locale decides\n"
       "exit codes: 0 allowed (make: made), 1 denied, 2 no policy, 3 depends on a condition key,\n"
       "64 wrong usage, 66 cannot be read or written\n");

struct policy_command {
    struct delivery_question question; /* borrowed texts */
    enum delivery_form form;
    const char *policy_file, *fix_file, *log, *form_word;
    const char *color, *lang;
    bool json, help;
};

static void
complain(struct str sentence)
{
    (void)fprintf(stderr, "openalb policy: %.*s\n", STR_ARG(sentence));
}

static int
print(const struct buf *out, int code)
{
    bool fine = fwrite(out->p, 1, out->n, stdout) == out->n;
    fine = fflush(stdout) == 0 && fine;
    return fine ? code : EXIT_CLI_NOINPUT;
}

/* ---- files ---- */

static enum err
file_error(struct errinfo *reterr, const char *msgid, const char *path)
{
    return text_err(reterr, ERR_SYSTEM, msgid,
                    TEXT_ARGS({"file", str_of(path)}, {"reason", str_of(strerror(errno))}));
}

/* All of the file, up to one byte more than is read of a policy. */
static enum err
read_policy(const char *path, struct buf *out, struct errinfo *reterr)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return file_error(reterr, N_("{file} cannot be read: {reason}"), path);
    }
    ssize_t n = 0;
    char piece[16384];
    while (out->n <= LIMIT_POLICY_READ_MAX) {
        n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        buf_add(out, piece, (size_t)n);
    }
    enum err e = n < 0 ? file_error(reterr, N_("{file} cannot be read: {reason}"), path) : ERR_OK;
    if (!standard) {
        (void)close(fd);
    }
    return e;
}

/* Only to a file that is not there yet: neither the policy that was read nor another one is lost.
 */
static enum err
write_fixed(const char *path, const struct buf *text, struct errinfo *reterr)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0644);
    if (fd < 0 && errno == EEXIST) {
        return text_err(reterr, ERR_SYSTEM,
                        N_("{file} exists already; name a new file for the corrected policy."),
                        TEXT_ARGS({"file", str_of(path)}));
    }
    if (fd < 0) {
        return file_error(reterr, N_("{file} cannot be written: {reason}"), path);
    }
    size_t done = 0;
    while (done < text->n) {
        ssize_t n = write(fd, text->p + done, text->n - done);
        if (n < 0 && errno != EINTR) {
            break;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    bool fine = done == text->n;
    fine = close(fd) == 0 && fine;
    return fine ? ERR_OK : file_error(reterr, N_("{file} cannot be written: {reason}"), path);
}

/* ---- check ---- */

static int
save_fixed(const struct policy_command *c, const struct delivery_report *r, int code)
{
    struct errinfo error = {""};
    if (c->fix_file == NULL) {
        return code;
    }
    if (r->corrected.n == 0) {
        complain(str_of(tr(N_("There is nothing to correct; no file was written."))));
        return code;
    }
    if (write_fixed(c->fix_file, &r->corrected, &error) != ERR_OK) {
        complain(str_of(error.text));
        return EXIT_CLI_NOINPUT;
    }
    return code;
}

static int
run_check(const struct policy_command *c, const struct term *t)
{
    struct errinfo error = {""};
    AUTO(buf_free) struct buf json = {0};
    AUTO(buf_free) struct buf out = {0};
    AUTO(delivery_report_done) struct delivery_report report = {0};
    if (c->policy_file == NULL) {
        complain(str_of(tr(N_("Which policy? Name its file: --policy FILE, or - for standard "
                              "input."))));
        return EXIT_CLI_USAGE;
    }
    if (read_policy(c->policy_file, &json, &error) != ERR_OK) {
        complain(str_of(error.text));
        return EXIT_CLI_NOINPUT;
    }
    if (delivery_check(buf_str(&json), &c->question, &report, &error) != ERR_OK) {
        complain(str_of(error.text));
        return EXIT_CLI_USAGE;
    }
    if (c->json) {
        policy_report_json(&out, &c->question, &report);
    } else {
        policy_report_text(&out, t, &c->question, &report);
    }
    return save_fixed(c, &report, print(&out, answer_codes[report.answer]));
}

/* ---- make ---- */

static int
run_make(const struct policy_command *c, const struct term *t)
{
    (void)t; /* the policy is for a file */
    AUTO(buf_free) struct buf out = {0};
    delivery_make(&out, &c->question, c->form);
    return print(&out, EXIT_OK);
}

/* ---- the command line ---- */

static const struct verb {
    const char *name;
    int (*run)(const struct policy_command *c, const struct term *t);
} verbs[] = {{"check", run_check}, {"make", run_make}};

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

/* False when the command line is wrong; getopt has said why. */
static bool
read_options(int argc, char **argv, struct policy_command *c)
{
    static const struct option names[] = {
        {"bucket", required_argument, NULL, 'b'},  {"prefix", required_argument, NULL, 'p'},
        {"account", required_argument, NULL, 'a'}, {"region", required_argument, NULL, 'r'},
        {"log", required_argument, NULL, 'l'},     {"org", required_argument, NULL, 'o'},
        {"policy", required_argument, NULL, 'P'},  {"fix", required_argument, NULL, 'f'},
        {"json", no_argument, NULL, 'j'},          {"form", required_argument, NULL, 'F'},
        {"color", required_argument, NULL, 'C'},   {"lang", required_argument, NULL, 'L'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    optind = 1;
    for (int o; (o = getopt_long(argc, argv, "h", names, NULL)) != -1;) {
        switch (o) {
        case 'b': c->question.bucket = str_of(optarg); break;
        case 'p': c->question.prefix = str_of(optarg); break;
        case 'a': c->question.account = str_of(optarg); break;
        case 'r': c->question.region = str_of(optarg); break;
        case 'l': c->log = optarg; break;
        case 'o': c->question.org = str_of(optarg); break;
        case 'P': c->policy_file = optarg; break;
        case 'f': c->fix_file = optarg; break;
        case 'j': c->json = true; break;
        case 'F': c->form_word = optarg; break;
        case 'C': c->color = optarg; break;
        case 'L': c->lang = optarg; break;
        case 'h': c->help = true; break;
        default: return false;
        }
    }
    return true;
}

static enum err
read_words(struct policy_command *c, struct errinfo *reterr)
{
    static const char *const forms[] = {[DELIVERY_JSON] = "json",
                                        [DELIVERY_CLOUDFORMATION] = "cloudformation",
                                        [DELIVERY_TERRAFORM] = "terraform"};
    if (c->log != NULL && !delivery_log_parse(str_of(c->log), &c->question.log)) {
        return text_err(reterr, ERR_INVALID,
                        N_("There is no log '{word}'; there are access, connection and "
                           "health-check."),
                        TEXT_ARGS({"word", str_of(c->log)}));
    }
    for (size_t i = 0; i < COUNT_OF(forms) && c->form_word != NULL; i++) {
        if (strcmp(forms[i], c->form_word) == 0) {
            c->form = (enum delivery_form)i;
            return ERR_OK;
        }
    }
    return c->form_word == NULL
               ? ERR_OK
               : text_err(reterr, ERR_INVALID,
                          N_("There is no form '{word}'; there are json, cloudformation and "
                             "terraform."),
                          TEXT_ARGS({"word", str_of(c->form_word)}));
}

static enum err
check_complete(const struct policy_command *c, struct errinfo *reterr)
{
    const struct {
        struct str value;
        struct str option;
    } needed[] = {{c->question.bucket, STR("--bucket")},
                  {c->question.account, STR("--account")},
                  {c->question.region, STR("--region")}};
    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        if (needed[i].value.p == NULL) {
            return text_err(reterr, ERR_INVALID, N_("The option {option} is missing."),
                            TEXT_ARGS({"option", needed[i].option}));
        }
    }
    return delivery_question_check(&c->question, reterr);
}

int
cmd_policy(int argc, char **argv)
{
    struct policy_command c = {0};
    struct errinfo error = {""};
    struct term term;
    const struct verb *verb = find_verb(argc > 1 ? argv[1] : NULL);
    int skip = verb != NULL ? 1 : 0;
    if (!read_options(argc - skip, argv + skip, &c)) {
        return EXIT_CLI_USAGE;
    }
    if ((c.lang != NULL && text_init(argv[0], c.lang, &error) != ERR_OK) ||
        term_init(&term, stdout, c.color, &error) != ERR_OK || read_words(&c, &error) != ERR_OK) {
        complain(str_of(error.text));
        return EXIT_CLI_USAGE;
    }
    if (c.help) {
        (void)fputs(tr(usage), stdout);
        return EXIT_OK;
    }
    if (verb == NULL) {
        (void)fputs(tr(usage), stderr);
        return EXIT_CLI_USAGE;
    }
    if (optind < argc - skip) {
        struct str word = str_of(argv[skip + optind]);
        (void)text_err(&error, ERR_INVALID, N_("'{word}' is one word too many."),
                       TEXT_ARGS({"word", word}));
        complain(str_of(error.text));
        return EXIT_CLI_USAGE;
    }
    if (check_complete(&c, &error) != ERR_OK) {
        complain(str_of(error.text));
        return EXIT_CLI_USAGE;
    }
    return verb->run(&c, &term);
}
