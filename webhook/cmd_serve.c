/* SPDX-License-Identifier: Apache-2.0 */
/* keyturn serve: options, then what the process does to itself, then the parts (webhook/serve.c).
 * In this order, because nothing may be secret yet while options can still be wrong. */
#include "webhook/commands.h"
#include "webhook/config.h"
#include "webhook/process.h"
#include "webhook/serve.h"

static const char NAME[] = "keyturn serve";

static int print_help(void)
{
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, 16384);
    config_help_serve(&text);
    return command_print(&text);
}

int cmd_serve(int argc, char *const *argv)
{
    CLEANUP(config_done) struct config config = {0};
    struct err err = {0};
    bool help = false;
    if (!config_load_serve(argc, argv, config_sources_system(), &config, &help, &err)) {
        return command_fail(NAME, &err, EXIT_USAGE);
    }
    if (help) {
        return print_help();
    }
    int signal_fd = -1;
    if (!process_harden(&err) || !process_signals(&signal_fd, &err)) {
        return command_fail(NAME, &err, EXIT_FAILED);
    }
    process_raise_file_limit();
    int status = serve_run(&config, signal_fd);
    (void)close(signal_fd);
    return status;
}
