/* SPDX-License-Identifier: Apache-2.0
 * Options of `openalb serve`: defaults, values, refusals, help. */
#include "role/options.h"

#include <unistd.h>

#include "base/diag.h"
#include "base/mem.h"
#include "base/test.h"

enum { ARGS_MAX = 80 };

/* Parses "a b c" as arguments behind the program's name. */
static enum err
parse(const char *line, struct serve_options *ret, bool *ret_help, struct errinfo *reterr)
{
    static char storage[8][1024]; /* options point into their arguments */
    static unsigned turn;
    char *copy = storage[turn++ % COUNT_OF(storage)];
    CHECK(str_copy_z(str_of(line), copy, sizeof(storage[0])));
    char *argv[ARGS_MAX];
    int argc = 0;
    argv[argc++] = copy + sizeof(storage[0]) - 1; /* a NUL */
    for (char *p = copy; *p != '\0' && argc < ARGS_MAX;) {
        argv[argc++] = p;
        while (*p != '\0' && *p != ' ') {
            p++;
        }
        if (*p == ' ') {
            *p++ = '\0';
        }
    }
    return options_parse(argc, argv, ret, ret_help, reterr);
}

static struct serve_options
accepted(const char *line)
{
    struct serve_options o = {0};
    bool help;
    struct errinfo reterr = {""};
    CHECK_INT(parse(line, &o, &help, &reterr), ERR_OK);
    CHECK_STR(str_of(reterr.text), "");
    CHECK(!help);
    return o;
}

TEST("without options the documented defaults hold")
{
    struct serve_options o = accepted("--state /x");
    CHECK_STR(str_of(o.account), "000000000000");
    CHECK_STR(str_of(o.region), "us-east-1");
    CHECK_STR(str_of(o.domain), "elb.localhost");
    CHECK_INT(o.log_interval_s, 300);
    CHECK_INT(o.log_level, DIAG_INFO);
    CHECK_INT(o.template_count, 0);
    CHECK_INT(o.ready_fd, -1);
    CHECK(o.workers >= 1);
    CHECK(o.address_count >= 1);
    char text[ADDR_TEXT];
    CHECK_STR(str_of(addr_text(&o.addresses[0], text)), "127.0.0.1");
    CHECK(!o.demo);
    CHECK((o.user != NULL) == (geteuid() == 0));
}

TEST("every option sets its value, with a blank or an equals sign")
{
    struct serve_options o = accepted(
        "-f a.yaml -f b.json --parameter A=1 --parameter=B=x=y --state ./var --workers 3 --account "
        "123456789012 --region eu-central-1 --domain=elb.example.net --addresses "
        "127.64.0.1,::1,10.0.0.1 --log-interval 5 --log-level debug --demo-target 127.0.0.1:9101 "
        "--demo-target [::1]:9102 --ready-fd 2 --json");
    CHECK_INT(o.template_count, 2);
    CHECK_STR(str_of(o.template_files[1]), "b.json");
    CHECK_INT(o.parameter_count, 2);
    CHECK_STR(str_of(o.parameters[0]), "A=1");
    CHECK_STR(str_of(o.parameters[1]), "B=x=y");
    xfree(o.template_files);
    xfree(o.parameters);
    CHECK_STR(str_of(o.state_dir), "./var");
    CHECK_INT(o.workers, 3);
    CHECK_STR(str_of(o.account), "123456789012");
    CHECK_STR(str_of(o.region), "eu-central-1");
    CHECK_STR(str_of(o.domain), "elb.example.net");
    CHECK_INT(o.address_count, 3);
    CHECK(addr_is_v6(&o.addresses[1]));
    CHECK_INT(o.log_interval_s, 5);
    CHECK_INT(o.log_level, DIAG_DEBUG);
    CHECK_INT(o.demo_target_count, 2);
    CHECK_INT(addr_port(&o.demo_targets[1]), 9102);
    CHECK_INT(o.ready_fd, 2);
    CHECK(o.json);
    CHECK(o.demo);
}

TEST("wrong values are refused with option, value and what is allowed")
{
    static const struct {
        const char *line;
        const char *says;
    } cases[] = {
        {"--wrokers 2", "unknown option '--wrokers'; nearest is --workers"},
        {"--frobnicate", "unknown option '--frobnicate'; --help"},
        {"stray", "unknown option 'stray'"},
        {"--workers", "option --workers needs N"},
        {"--workers 0", "'0' is not valid; allowed is a number from 1 to 64"},
        {"--workers 65", "'65'"},
        {"--workers two", "'two'"},
        {"--account 12345678901", "12 digits"},
        {"--account 12345678901x", "12 digits"},
        {"--region us_east", "a region name"},
        {"--domain .example", "a DNS name"},
        {"--addresses 0.0.0.0", "unicast"},
        {"--addresses 224.0.0.1", "unicast"},
        {"--addresses 127.0.0.1,127.0.0.1", "different"},
        {"--addresses localhost", "unicast"},
        {"--addresses=", "unicast"},
        {"--log-interval 0", "divide a day"},
        {"--log-interval 7", "divide a day"},
        {"--log-interval 86401", "divide a day"},
        {"--log-level loud", "error, warn, info or debug"},
        {"--parameter novalue", "NAME=VALUE"},
        {"--parameter =x", "NAME=VALUE"},
        {"--demo-target 127.0.0.1", "ADDRESS:PORT"},
        {"--demo-target ::1:80", "ADDRESS:PORT"},
        {"--demo-target 127.0.0.1:0", "ADDRESS:PORT"},
        {"--demo-target 127.0.0.1:65536", "ADDRESS:PORT"},
        {"--ready-fd 4711", "open descriptor"},
        {"--user no-such-user-here", "a user of this machine"},
        {"--json=yes", "takes no value"},
        {"--state=", "a folder"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct serve_options o;
        bool help;
        struct errinfo reterr = {""};
        CHECK_INT(parse(cases[i].line, &o, &help, &reterr), ERR_INVALID);
        if (!str_find(str_of(reterr.text), str_of(cases[i].says), NULL)) {
            test_failed(__FILE__, __LINE__, "'%s' gives '%s'", cases[i].line, reterr.text);
        }
    }
}

TEST("help is asked for, even beside other options")
{
    struct serve_options o;
    bool help = false;
    struct errinfo reterr;
    CHECK_INT(parse("--state /x --workers 2 --help", &o, &help, &reterr), ERR_OK);
    CHECK(help);
}

TEST("the help names every option with its default")
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    CHECK(to != NULL);
    options_help(to);
    CHECK_INT(fclose(to), 0);
    struct str help = str_of(text);
#define OPTION(name, argument, sentence, standard, set)                                            \
    CHECK(str_find(help, STR("  " name " "), NULL));                                               \
    CHECK(str_find(help, str_of(sentence), NULL));                                                 \
    CHECK(standard[0] == '\0' || str_find(help, STR("default: " standard), NULL));
#include "role/options.def"
#undef OPTION
    xfree(text);
}

TEST_MAIN
