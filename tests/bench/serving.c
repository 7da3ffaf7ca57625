/* SPDX-License-Identifier: Apache-2.0 */
#include "serving.h"

#include <errno.h>
#include <unistd.h>

#include "base/limits.h"
#include "die.h"
#include "webhook/process.h"

enum {
    STOP_WAIT_MS = 5000,
};

static void write_file(const char *path, struct str_view bytes)
{
    FILE *file = fopen(path, "w");
    if (!file || fwrite(bytes.data, 1, bytes.len, file) != bytes.len || fclose(file) != 0) {
        die(path, strerror(errno));
    }
}

static void make_own(struct buf *ca, struct buf *chain, struct secret_buf *key)
{
    static const char *const names[] = {"localhost", "127.0.0.1"};
    struct err err = {0};
    CLEANUP(secret_buf_done) struct secret_buf ca_key;
    secret_buf_init(&ca_key, LIMIT_PEM_BYTES);
    int64_t now_ms = clock_wall_ms(clock_system());
    if (!cert_authority_make(now_ms, ca, &ca_key, &err) ||
        !serving_cert_make(buf_view(ca), secret_buf_view(&ca_key), names, ARRAY_LEN(names), now_ms,
                           chain, key, &err)) {
        die("certificate", err.message);
    }
}

void serving_init(struct serving *serving)
{
    struct err err = {0};
    if (!process_harden(&err) || !process_signals(&serving->signals, &err)) {
        die("process", err.message);
    }
    process_raise_file_limit();
    serving->clock = clock_system();
    serving->log = (struct log){.fd = STDERR_FILENO, .level = LOG_INFO, .clock = serving->clock};
    budget_init(&serving->budget, LIMIT_IN_FLIGHT_BYTES);
    serving->certificates = cert_holder_new();
    serving->make_certificate = make_own;
}

static void set_certificate(struct serving *serving, const char *ca_file)
{
    struct err err = {0};
    CLEANUP(buf_done) struct buf ca;
    CLEANUP(buf_done) struct buf chain;
    CLEANUP(secret_buf_done) struct secret_buf key;
    buf_init(&ca, LIMIT_PEM_BYTES);
    buf_init(&chain, LIMIT_PEM_BYTES);
    secret_buf_init(&key, LIMIT_PEM_BYTES);
    struct serving_cert *made = NULL;
    serving->make_certificate(&ca, &chain, &key);
    if (!serving_cert_parse(buf_view(&chain), secret_buf_view(&key), &made, &err)) {
        die("certificate", err.message);
    }
    cert_holder_set(serving->certificates, made);
    serving_cert_release(made);
    write_file(ca_file, buf_view(&ca));
}

void serving_start(struct serving *serving, const char *ca_file,
                   const struct server_options *callbacks)
{
    struct server_options options = *callbacks;
    struct err err = {0};
    set_certificate(serving, ca_file);
    options.listen = SV("127.0.0.1:0");
    options.budget = &serving->budget;
    options.certificates = serving->certificates;
    options.clock = serving->clock;
    options.log = &serving->log;
    if (!server_start(&options, &serving->server, &err)) {
        die("start", err.message);
    }
    struct log_line line = log_begin(&serving->log, LOG_INFO, "started");
    log_int(&line, "port", server_port(serving->server));
    log_end(&line);
}

void serving_wait(const struct serving *serving)
{
    (void)process_signal_wait(serving->signals, -1);
}

int serving_stop(struct serving *serving)
{
    bool stopped = server_stop(serving->server, clock_monotonic_ms(serving->clock) + STOP_WAIT_MS);
    if (stopped) {
        cert_holder_free(serving->certificates);
    }
    (void)close(serving->signals);
    return stopped ? 0 : 3;
}
