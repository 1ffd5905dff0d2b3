/* SPDX-License-Identifier: Apache-2.0
 * The program: a role when a supervisor executed it, else the subcommand that is named. */
#include <stdio.h>
#include <sys/prctl.h>

#include "base/assert.h"
#include "base/defs.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/worker_role.h"
#include "role/role.h"
#include "text/text.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

static const struct command commands[] = {
#define COMMAND(name, run, help) {name, run, help},
#include "cli/commands.def"
#undef COMMAND
};

static void
usage(FILE *to)
{
    fprintf(
        to,
        "OpenALB %s: an application load balancer, configured with CloudFormation templates.\n\n"
        "Usage: openalb COMMAND [option]...\n\n",
        OPENALB_VERSION);
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        fprintf(to, "  %-12s %s\n", commands[i].name, commands[i].help);
    }
    fprintf(to, "\nopenalb COMMAND --help tells more.\n");
}

static const struct command *
find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (str_eq(name, str_of(commands[i].name))) {
            return &commands[i];
        }
    }
    return NULL;
}

static const char *
nearest(struct str name)
{
    const char *best_name = NULL;
    size_t best = 3; /* farther away is no help */
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        size_t distance = str_distance(name, str_of(commands[i].name));
        if (distance < best) {
            best = distance;
            best_name = commands[i].name;
        }
    }
    return best_name;
}

static bool
asks_for_help(struct str word)
{
    return str_eq(word, STR("--help")) || str_eq(word, STR("-h")) || str_eq(word, STR("help"));
}

int
main(int argc, char **argv)
{
    if (role_is_child()) {
        static const struct role_table roles = {{[ROLE_CONTROL] = &control_ops,
                                                 [ROLE_WORKER] = &worker_ops,
                                                 [ROLE_CHECKER] = &checker_ops,
                                                 [ROLE_SHIPPER] = &shipper_ops}};
        return role_main(&roles);
    }
    (void)prctl(PR_SET_NAME, "openalb", 0, 0, 0); /* "exe" when the supervisor executed us */
    enum err language = text_init(argv[0], NULL, NULL);
    ASSERT(language == ERR_OK); /* only a language that is asked for by name can be refused */
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    struct str word = str_of(argv[1]);
    if (asks_for_help(word)) {
        usage(stdout);
        return EXIT_OK;
    }
    if (str_eq(word, STR("--version"))) {
        return cmd_version(1, argv);
    }
    const struct command *command = find(word);
    if (command == NULL) {
        const char *near = nearest(word);
        fprintf(stderr, "openalb: there is no command '%s'%s%s%s\n", argv[1],
                near == NULL ? "; openalb --help lists them" : "; did you mean '",
                near == NULL ? "" : near, near == NULL ? "" : "'?");
        return EXIT_USAGE;
    }
    return command->run(argc - 1, argv + 1);
}
