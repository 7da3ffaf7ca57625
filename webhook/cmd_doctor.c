/* SPDX-License-Identifier: Apache-2.0 */
/* keyturn doctor TOPIC: what is wrong, and what to do about it. */
#include "http/curl_transport.h"
#include "webhook/commands.h"
#include "webhook/doctor_aws.h"
#include "webhook/options.h"
#include "webhook/process.h"

enum {
    FINDINGS_BYTES = 256 * 1024,
};

static const char NAME[] = "keyturn doctor";

struct doctor_options {
    char *region;
    char *secret;
    char *parameter;
    bool allow_imds;
    bool insecure_endpoint;
};

#define FIELD(member) .offset = offsetof(struct doctor_options, member)

static const struct option_row aws_rows[] = {
    {.name = "region",
     .type = OPTION_TEXT,
     FIELD(region),
     .value_name = "NAME",
     .help = "where to look (default: AWS_REGION)"},
    {.name = "secret",
     .type = OPTION_TEXT,
     FIELD(secret),
     .value_name = "NAME",
     .help = "a secret that should be readable; its value is not shown"},
    {.name = "parameter",
     .type = OPTION_TEXT,
     FIELD(parameter),
     .value_name = "NAME",
     .help = "a parameter that should be readable; its value is not shown"},
    {.name = "aws-allow-imds",
     .type = OPTION_FLAG,
     FIELD(allow_imds),
     .help = "as for keyturn serve"},
    {.name = "aws-insecure-endpoint",
     .type = OPTION_FLAG,
     FIELD(insecure_endpoint),
     .help = "as for keyturn serve"},
};

static const struct option_table aws_table = {
    .command = "keyturn doctor aws",
    .summary = "which AWS credentials are used, and which call fails with which remedy",
    .rows = aws_rows,
    .count = ARRAY_LEN(aws_rows),
};

static const char *read_environment(const char *name)
{
    return getenv(name);
}

static void doctor_options_done(struct doctor_options *options)
{
    options_done(&aws_table, options);
}

static int examine_aws(const struct doctor_options *chosen)
{
    const struct doctor_aws_options options = {
        .environment = &process_environment,
        .clock = clock_system(),
        .region = chosen->region,
        .secret = chosen->secret,
        .parameter = chosen->parameter,
        .allow_imds = chosen->allow_imds,
        .insecure_endpoints = chosen->insecure_endpoint,
    };
    CLEANUP(buf_done) struct buf findings = {0};
    struct err err = {0};
    if (!process_harden(&err) || !http_global_init(&err)) {
        return command_fail(NAME, &err, EXIT_FAILED);
    }
    buf_init(&findings, FINDINGS_BYTES);
    bool well = doctor_aws_run(&options, &findings);
    http_global_done();
    int status = command_print(&findings);
    return status == EXIT_DONE && !well ? EXIT_FAILED : status;
}

int cmd_doctor(int argc, char *const *argv)
{
    CLEANUP(doctor_options_done) struct doctor_options options = {0};
    CLEANUP(buf_done) struct buf text = {0};
    struct err err = {0};
    bool help = argc == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0;
    buf_init(&text, 16384);
    if (!help && strcmp(argv[0], "aws") != 0) {
        (void)err_set(&err, ERR_INVALID, "\"%.80s\" is no topic: there is aws", argv[0]);
        return command_fail(NAME, &err, EXIT_USAGE);
    }
    if (!help &&
        !options_parse(&aws_table, argc - 1, argv + 1, read_environment, &options, &help, &err)) {
        return command_fail(NAME, &err, EXIT_USAGE);
    }
    if (help) {
        options_help(&aws_table, &text);
        return command_print(&text);
    }
    return examine_aws(&options);
}
