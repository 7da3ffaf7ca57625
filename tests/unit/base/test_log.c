/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>

#include "base/json.h"
#include "base/limits.h"
#include "check_main.h"

static int pipe_ends[2];
static struct log logger;

static int64_t fixed_ms(void *context)
{
    (void)context;
    return INT64_C(1795437360007);
}

static const struct clock CLOCK = {fixed_ms, fixed_ms, NULL};

static void setup(void)
{
    ck_assert_int_eq(pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK), 0);
    logger = (struct log){.fd = pipe_ends[1], .level = LOG_INFO, .clock = &CLOCK};
}

static void teardown(void)
{
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

/* What has been written so far; "" when nothing. */
static char *written(void)
{
    static char text[4 * LIMIT_LOG_LINE_BYTES];
    ssize_t got = read(pipe_ends[0], text, sizeof text - 1);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

/* Reads one line as JSON; the document is released by the caller. */
static const struct json *parse_line(struct json_doc *doc, char *line)
{
    size_t len = strlen(line);
    ck_assert_uint_gt(len, 0);
    ck_assert_int_eq(line[len - 1], '\n');
    ck_assert_ptr_eq(strchr(line, '\n'), line + len - 1);
    const struct json_limits limits = {.max_nodes = 1000, .max_depth = 4};
    const struct json *root = NULL;
    struct err err = {0};
    ck_assert_msg(json_parse(doc, line, len, &limits, &root, &err), "%s", err.message);
    return root;
}

START_TEST(writes_one_json_object_a_line)
{
    struct log_line line = log_begin(&logger, LOG_WARN, "decision");
    log_str(&line, "name", SV("a\"b\n"));
    log_int(&line, "count", -7);
    log_bool(&line, "held", true);
    log_bool(&line, "dry_run", false);
    struct err err;
    (void)err_set(&err, ERR_BUSY, "queue is full");
    log_err(&line, &err);
    ck_assert_str_eq(written(), "");
    log_end(&line);
    ck_assert_str_eq(written(),
                     "{\"ts\":\"2026-11-23T12:36:00.007Z\",\"level\":\"warn\",\"msg\":\"decision\","
                     "\"name\":\"a\\\"b\\n\",\"count\":-7,\"held\":true,\"dry_run\":false,"
                     "\"error\":\"queue is full\",\"error_kind\":\"BUSY\"}\n");
}
END_TEST

static const struct {
    enum log_level level;
    const char *name;
} LEVELS[] = {{LOG_DEBUG, "debug"}, {LOG_INFO, "info"}, {LOG_WARN, "warn"}, {LOG_ERROR, "error"}};

START_TEST(writes_its_level_and_those_above)
{
    for (size_t i = 0; i < ARRAY_LEN(LEVELS); i++) {
        logger.level = LEVELS[_i].level;
        struct log_line line = log_begin(&logger, LEVELS[i].level, "m");
        log_str(&line, "s", SV("x"));
        log_int(&line, "i", 1);
        log_bool(&line, "b", true);
        log_end(&line);
        const char *text = written();
        ck_assert_int_eq(text[0] != '\0', i >= (size_t)_i);
        if (text[0]) {
            ck_assert_ptr_nonnull(strstr(text, LEVELS[i].name));
        }
    }
}
END_TEST

START_TEST(bytes_that_are_no_text_do_not_spoil_the_line)
{
    struct log_line line = log_begin(&logger, LOG_INFO, "m");
    log_str(&line, "name", SV("a\xff\x00z"));
    log_str(&line, "none", (struct str_view){0});
    log_end(&line);
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = parse_line(&doc, written());
    ck_assert(sv_equal(json_string(json_member(root, "name")), SV("a\xef\xbf\xbd\x00z")));
    ck_assert(json_string_is(json_member(root, "none"), ""));
}
END_TEST

START_TEST(a_field_that_does_not_fit_is_left_out)
{
    /* Every length around the limit: the line stays whole, and one write. */
    for (size_t len = LIMIT_LOG_LINE_BYTES - 200; len < LIMIT_LOG_LINE_BYTES + 20; len++) {
        char *value = mem_alloc(len + 1);
        memset(value, 'v', len);
        struct log_line line = log_begin(&logger, LOG_INFO, "m");
        log_str(&line, "first", SV("x"));
        log_str(&line, "long", sv_make(value, len));
        log_int(&line, "count", 7);
        log_bool(&line, "b", true);
        log_end(&line);
        free(value);
        char *text = written();
        ck_assert_uint_le(strlen(text), PIPE_BUF);
        CLEANUP(json_doc_done) struct json_doc doc = {0};
        const struct json *root = parse_line(&doc, text);
        ck_assert(json_string_is(json_member(root, "first"), "x"));
        const struct json *fits = json_member(root, "long");
        ck_assert(!fits || json_string(fits).len == len);
        ck_assert(fits || json_is(json_member(root, "count"), JSON_NUMBER));
    }
}
END_TEST

START_TEST(a_message_that_does_not_fit_still_gives_a_line)
{
    char *message = mem_alloc(LIMIT_LOG_LINE_BYTES + 1);
    memset(message, 'm', LIMIT_LOG_LINE_BYTES);
    struct log_line line = log_begin(&logger, LOG_INFO, message);
    log_int(&line, "count", 7);
    log_end(&line);
    free(message);
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = parse_line(&doc, written());
    ck_assert(json_is(json_member(root, "msg"), JSON_STRING));
    ck_assert(json_is(json_member(root, "count"), JSON_NUMBER));
}
END_TEST

enum {
    THREADS = 3,
    LINES = 200,
};

static void *write_lines(void *context)
{
    const struct log *shared = context;
    char value[3000];
    memset(value, 'v', sizeof value);
    for (int i = 0; i < LINES; i++) {
        struct log_line line = log_begin(shared, LOG_INFO, "m");
        log_str(&line, "value", sv_make(value, sizeof value));
        log_int(&line, "i", i);
        log_end(&line);
    }
    return NULL;
}

START_TEST(lines_of_threads_do_not_mix)
{
    pthread_t threads[THREADS];
    /* Writers wait while the pipe is full; this thread reads on until all lines are there. */
    int flags = fcntl(pipe_ends[1], F_GETFL);
    ck_assert_int_eq(fcntl(pipe_ends[1], F_SETFL, flags & ~O_NONBLOCK), 0);
    ck_assert_int_eq(fcntl(pipe_ends[0], F_SETFL, 0), 0);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_lines, &logger), 0);
    }
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, THREADS * LINES * LIMIT_LOG_LINE_BYTES);
    size_t lines = 0;
    while (lines < THREADS * LINES) {
        char chunk[4096];
        ssize_t got = read(pipe_ends[0], chunk, sizeof chunk);
        ck_assert_int_gt(got, 0);
        for (ssize_t i = 0; i < got; i++) {
            lines += chunk[i] == '\n';
        }
        buf_append(&text, chunk, (size_t)got);
    }
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    struct str_view rest = buf_view(&text);
    struct str_view one;
    while (sv_split(&rest, '\n', &one) && one.len) {
        char *copy = mem_alloc(one.len + 2);
        memcpy(copy, one.data, one.len);
        copy[one.len] = '\n';
        struct json_doc doc = {0};
        ck_assert_uint_eq(json_string(json_member(parse_line(&doc, copy), "value")).len, 3000);
        json_doc_done(&doc);
        free(copy);
    }
}
END_TEST

START_TEST(a_closed_log_stops_nobody)
{
    struct log closed = {.fd = -1, .level = LOG_INFO, .clock = &CLOCK};
    struct log_line line = log_begin(&closed, LOG_INFO, "m");
    log_end(&line);
    ck_assert_ptr_null(line.text.data);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("log");
    TCase *tcase = tcase_create("log");
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, writes_one_json_object_a_line);
    tcase_add_loop_test(tcase, writes_its_level_and_those_above, 0, (int)ARRAY_LEN(LEVELS));
    tcase_add_test(tcase, bytes_that_are_no_text_do_not_spoil_the_line);
    tcase_add_test(tcase, a_field_that_does_not_fit_is_left_out);
    tcase_add_test(tcase, a_message_that_does_not_fit_still_gives_a_line);
    tcase_add_test(tcase, lines_of_threads_do_not_mix);
    tcase_add_test(tcase, a_closed_log_stops_nobody);
    suite_add_tcase(suite, tcase);
    return suite;
}
