/* SPDX-License-Identifier: Apache-2.0
 * `openalb serve`: the load balancer, in the foreground. */
#include "cli/cli.h"

#include <stdio.h>

#include "role/options.h"
#include "role/role.h"

int
cmd_serve(int argc, char **argv)
{
    static struct serve_options options; /* lives as long as the process */
    struct errinfo reterr;
    bool help;
    if (options_parse(argc, argv, &options, &help, &reterr) != ERR_OK) {
        fprintf(stderr, "openalb serve: %s\n", reterr.text);
        return EXIT_USAGE;
    }
    if (help) {
        options_help(stdout);
        return EXIT_OK;
    }
    return supervisor_run(&options, argc, argv);
}
