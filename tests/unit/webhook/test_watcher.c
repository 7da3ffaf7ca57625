/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"

#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "kube/watcher.h"
#include "quoted_json.h"
#include "webhook/watcher.h"

enum {
    WATCHES = 16,
};

/* Stands in for kube/watcher.c: the watches are real, their answers come from the test, and so does
 * the time. */
struct kube_watcher {
    struct kube_watch *watches[WATCHES];
    const struct kube_resource *resources[WATCHES];
    bool open[WATCHES];
    size_t count;
};

static struct kube_watcher streams;
static int64_t now_ms;

static void io_open(void *context, struct kube_watch *watch, const struct kube_target *target,
                    const struct kube_param *params, size_t count, int64_t idle_ms)
{
    (void)watch;
    (void)target;
    (void)params;
    (void)count;
    (void)idle_ms;
    *(bool *)context = true;
}

static void io_close(void *context, struct kube_watch *watch)
{
    (void)watch;
    *(bool *)context = false;
}

static uint32_t io_random(void *context)
{
    (void)context;
    return 0;
}

static void io_rejected(void *context)
{
    (void)context;
}

struct kube_watcher *kube_watcher_new(struct kube_config *config, const struct clock *clock)
{
    (void)config;
    (void)clock;
    memset(&streams, 0, sizeof streams);
    return &streams;
}

void kube_watcher_free(struct kube_watcher *watcher)
{
    for (size_t i = 0; i < watcher->count; i++) {
        kube_watch_free(watcher->watches[i]);
    }
}

struct kube_watch *kube_watcher_add(struct kube_watcher *watcher,
                                    const struct kube_watch_options *options,
                                    const struct kube_watch_handlers *handlers, void *context)
{
    size_t i = watcher->count++;
    ck_assert_uint_lt(i, WATCHES);
    const struct kube_watch_io io = {.open = io_open,
                                     .close = io_close,
                                     .random = io_random,
                                     .rejected = io_rejected,
                                     .context = &watcher->open[i]};
    watcher->resources[i] = options->target.resource;
    watcher->watches[i] = kube_watch_new(options, handlers, context, &io);
    return watcher->watches[i];
}

void kube_watcher_remove(struct kube_watcher *watcher, struct kube_watch *watch)
{
    (void)watcher;
    (void)watch;
    ck_abort_msg("the watcher's thread does not run here");
}

void kube_watcher_run_once(struct kube_watcher *watcher, int64_t max_wait_ms)
{
    (void)watcher;
    (void)max_wait_ms;
}

void kube_watcher_wake(struct kube_watcher *watcher)
{
    (void)watcher;
}

void kube_watcher_relist(struct kube_watcher *watcher, struct kube_watch *watch)
{
    (void)watcher;
    kube_watch_relist(watch);
}

/* ---- what the watcher tells ---- */

static unsigned gone;
static unsigned changed;

static void on_secret(void *context, struct str_view namespace, struct str_view name, bool content)
{
    (void)context;
    (void)namespace;
    (void)name;
    changed += content;
}

static void on_external_secret(void *context, struct str_view namespace, struct str_view name)
{
    struct external_secret *found = world_external_secret(context, namespace, name);
    gone += found == NULL;
    external_secret_release(found);
}

static void on_own_secret(void *context, struct str_view name, const struct json *object)
{
    (void)context;
    (void)name;
    (void)object;
}

static void on_synced(void *context)
{
    (void)context;
}

/* ---- the scene ---- */

static struct log quiet;
static struct metrics *metrics;
static struct world *world;
static struct watcher *watcher;

static void setup(void)
{
    now_ms = 1000000;
    gone = 0;
    changed = 0;
    quiet = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = clock_system()};
    metrics = metrics_new();
    world = world_new();
    watcher =
        watcher_new(&(struct watcher_options){.clock = clock_system(),
                                              .log = &quiet,
                                              .world = world,
                                              .metrics = metrics,
                                              .namespace = "keyturn-system",
                                              .listener = {
                                                  .secret_changed = on_secret,
                                                  .external_secret_changed = on_external_secret,
                                                  .own_secret = on_own_secret,
                                                  .synced = on_synced,
                                                  .context = world,
                                              }});
}

static void teardown(void)
{
    watcher_free(watcher);
    world_free(world);
    metrics_free(metrics);
    close(quiet.fd);
}

static size_t stream_of(const struct kube_resource *resource)
{
    for (size_t i = 0; i < streams.count; i++) {
        if (streams.resources[i] == resource) {
            return i;
        }
    }
    ck_abort_msg("%s %s is not watched", resource->version, resource->plural);
    return 0;
}

/* What is due for the resource begins. */
static void begin(const struct kube_resource *resource)
{
    size_t i = stream_of(resource);
    kube_watch_step(streams.watches[i], now_ms);
    ck_assert(streams.open[i]);
}

/* And this comes of it. ' in the format stands for ". */
static void answer(const struct kube_resource *resource, unsigned status, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void answer(const struct kube_resource *resource, unsigned status, const char *format, ...)
{
    size_t i = stream_of(resource);
    char *text = NULL;
    va_list args;
    va_start(args, format);
    ck_assert_int_ge(vasprintf(&text, format, args), 0);
    va_end(args);
    for (char *at = text; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    kube_watch_on_headers(streams.watches[i], status, SV(""), now_ms);
    (void)kube_watch_on_data(streams.watches[i], text, strlen(text), now_ms);
    streams.open[i] = false;
    kube_watch_on_end(streams.watches[i], NULL, now_ms);
    free(text);
}

#define EXTERNAL_SECRET(name)                                                                      \
    "{'metadata':{'namespace':'n','name':'" name "','uid':'u-" name                                \
    "','resourceVersion':'1'},'spec':{'secretStoreRef':{'name':'s'},"                              \
    "'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]}}"

static bool knows_external_secret(const char *name)
{
    struct external_secret *found = world_external_secret(world, SV("n"), sv_of(name));
    external_secret_release(found);
    return found != NULL;
}

START_TEST(a_look_for_the_newer_version_forgets_nothing_of_the_older)
{
    begin(&kube_external_secrets);
    answer(&kube_external_secrets, 404, "{}");
    begin(&kube_external_secrets_v1beta1);
    answer(&kube_external_secrets_v1beta1, 200,
           "{'metadata':{'resourceVersion':'5','continue':'more'},'items':[" EXTERNAL_SECRET(
               "a") "]}");
    now_ms += 31000;
    begin(&kube_external_secrets);
    answer(&kube_external_secrets, 404, "{}");
    begin(&kube_external_secrets_v1beta1);
    answer(&kube_external_secrets_v1beta1, 200,
           "{'metadata':{'resourceVersion':'5'},'items':[" EXTERNAL_SECRET("b") "]}");
    ck_assert(world_is_synced(world, WORLD_EXTERNAL_SECRETS));
    ck_assert(knows_external_secret("a"));
    ck_assert(knows_external_secret("b"));
    ck_assert_uint_eq(gone, 0);
}
END_TEST

START_TEST(the_newer_version_takes_over_what_it_lists)
{
    begin(&kube_external_secrets);
    answer(&kube_external_secrets, 404, "{}");
    begin(&kube_external_secrets_v1beta1);
    answer(&kube_external_secrets_v1beta1, 200,
           "{'metadata':{'resourceVersion':'5'},'items':[" EXTERNAL_SECRET("a") "," EXTERNAL_SECRET(
               "b") "]}");
    now_ms += 31000;
    begin(&kube_external_secrets);
    answer(&kube_external_secrets, 200,
           "{'metadata':{'resourceVersion':'9'},'items':[" EXTERNAL_SECRET("b") "]}");
    ck_assert(!knows_external_secret("a"));
    ck_assert(knows_external_secret("b"));
    ck_assert_uint_eq(gone, 1);
}
END_TEST

START_TEST(an_empty_list_of_the_newer_version_empties_the_table)
{
    begin(&kube_external_secrets);
    answer(&kube_external_secrets, 404, "{}");
    begin(&kube_external_secrets_v1beta1);
    answer(&kube_external_secrets_v1beta1, 200,
           "{'metadata':{'resourceVersion':'5'},'items':[" EXTERNAL_SECRET("a") "]}");
    now_ms += 31000;
    begin(&kube_external_secrets);
    answer(&kube_external_secrets, 200, "{'metadata':{'resourceVersion':'9'},'items':[]}");
    ck_assert(!knows_external_secret("a"));
}
END_TEST

START_TEST(where_neither_version_is_known_there_are_none)
{
    begin(&kube_external_secrets);
    answer(&kube_external_secrets, 404, "{}");
    ck_assert(!world_is_synced(world, WORLD_EXTERNAL_SECRETS));
    begin(&kube_external_secrets_v1beta1);
    answer(&kube_external_secrets_v1beta1, 404, "{}");
    ck_assert(world_is_synced(world, WORLD_EXTERNAL_SECRETS));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/watcher");
    TCase *tcase = tcase_create("watcher");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_look_for_the_newer_version_forgets_nothing_of_the_older);
    tcase_add_test(tcase, the_newer_version_takes_over_what_it_lists);
    tcase_add_test(tcase, an_empty_list_of_the_newer_version_empties_the_table);
    tcase_add_test(tcase, where_neither_version_is_known_there_are_none);
    suite_add_tcase(suite, tcase);
    return suite;
}
