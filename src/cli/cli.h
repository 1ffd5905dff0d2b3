/* SPDX-License-Identifier: Apache-2.0
 * The command line: one table of subcommands in main.c, one file and one function each. */
#pragma once

/* Exit codes of every command. */
enum {
    EXIT_OK = 0,
    EXIT_FAULT = 1, /* it was done and the answer is no (invalid template, ...), or it failed */
    EXIT_USAGE = 2, /* the command line is wrong */
};

/* argv[0] is the subcommand's name. */
int cmd_serve(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_ca(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_demo_target(int argc, char **argv);
int cmd_version(int argc, char **argv);
