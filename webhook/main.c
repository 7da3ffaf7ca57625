/* SPDX-License-Identifier: Apache-2.0 */
/* The program's table of contents. */
#include "webhook/commands.h"

static int cmd_help(int argc, char *const *argv);

static const struct command {
    const char *name;
    int (*run)(int argc, char *const *argv);
    const char *summary;
} commands[] = {
    {"serve", cmd_serve, "the admission webhook and the controller"},
    {"release", cmd_release, "takes Keyturn's scheduling gates away from Pods"},
    {"doctor", cmd_doctor, "what is wrong, and what to do about it: keyturn doctor aws"},
    {"version", cmd_version, "Keyturn's version and its libraries'"},
    {"help", cmd_help, "this text; keyturn COMMAND --help explains a command"},
};

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static int cmd_help(int argc, char *const *argv)
{
    char help[] = "--help";
    char *const help_only[] = {help, NULL};
    const struct command *command = argc > 0 ? command_find(argv[0]) : NULL;
    if (command && command->run != cmd_help && command->run != cmd_version) {
        return command->run(1, help_only);
    }
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, 4096);
    buf_add_str(&out,
                "Keyturn holds workloads until their Secrets exist, and rolls them when their "
                "Secrets change.\n\nUsage: keyturn COMMAND [options]\n\nCommands:\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        buf_printf(&out, "  %-9s %s\n", commands[i].name, commands[i].summary);
    }
    return command_print(&out);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        name = "help";
    } else if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    const struct command *command = command_find(name);
    if (!command) {
        struct err err = {0};
        (void)err_set(&err, ERR_INVALID, "\"%.80s\" is no command: keyturn help lists them", name);
        return command_fail("keyturn", &err, EXIT_USAGE);
    }
    return command->run(argc > 2 ? argc - 2 : 0, argv + (argc > 2 ? 2 : argc));
}
