/* SPDX-License-Identifier: Apache-2.0 */
/* keyturn release: takes gates away; the chart's pre-delete hook runs it with --all. */
#include "webhook/commands.h"
#include "webhook/config.h"
#include "webhook/process.h"
#include "webhook/release.h"

static const char NAME[] = "keyturn release";

static int print_help(void)
{
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, 16384);
    config_help_release(&text);
    return command_print(&text);
}

int cmd_release(int argc, char *const *argv)
{
    CLEANUP(config_done) struct config config = {0};
    struct err err = {0};
    bool help = false;
    if (!config_load_release(argc, argv, config_sources_system(), &config, &help, &err)) {
        return command_fail(NAME, &err, EXIT_USAGE);
    }
    if (help) {
        return print_help();
    }
    if (!process_harden(&err)) {
        return command_fail(NAME, &err, EXIT_FAILED);
    }
    return release_run(&config);
}
