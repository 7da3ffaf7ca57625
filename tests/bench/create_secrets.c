/* SPDX-License-Identifier: Apache-2.0 */
/* What the API server alone needs: creates the Secrets that it is given, from as many threads as
 * Keyturn works with in the background, each with a connection of its own.
 *
 *   create_secrets --kubeconfig FILE --namespace NAME --manifests FILE --threads N
 *
 * A line of --manifests is a Secret in JSON. Prints {"created":N,"ms":N}. */
#include <inttypes.h>
#include <pthread.h>

#include "base/file.h"
#include "die.h"
#include "flags.h"
#include "webhook/clients.h"

enum {
    THREADS_MAX = 64,
    SECRETS_MAX = 10000,
    MANIFESTS_BYTES = 16 << 20,
    PATIENCE_MS = 60000,
};

struct creating {
    const char *kubeconfig;
    const char *namespace;
    const char *manifests_file;
    int64_t threads;
    struct clients_options clients;
    struct str_view manifests[SECRETS_MAX];
    size_t count;
    atomic_size_t next;
};

/* The lines of `text`, which outlives them. */
static void take_manifests(const struct buf *text, struct creating *ret)
{
    const char *at = text->data;
    const char *end = at + text->len;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        if (ret->count == SECRETS_MAX) {
            die("manifests", "too many lines");
        }
        ret->manifests[ret->count++] = (struct str_view){.data = at, .len = (size_t)(stop - at)};
        at = newline ? newline + 1 : end;
    }
}

static void create_one(const struct creating *creating, const struct clients *clients,
                       struct str_view manifest)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    struct err err = {0};
    const struct kube_target target = {.resource = &kube_secrets,
                                       .namespace = sv_of(creating->namespace)};
    int64_t deadline_ms = clock_monotonic_ms(clock_system()) + PATIENCE_MS;
    if (!kube_create(&clients->kube, &target, SV("bench"), manifest, deadline_ms, &response,
                     &err)) {
        die("create", err.message);
    }
}

static void *create_some(void *context)
{
    struct creating *creating = context;
    struct clients *clients = clients_start(&creating->clients);
    for (;;) {
        size_t number = atomic_fetch_add(&creating->next, 1);
        if (number >= creating->count) {
            break;
        }
        create_one(creating, clients, creating->manifests[number]);
    }
    clients_stop(clients);
    return NULL;
}

static void create_all(struct creating *creating)
{
    pthread_t threads[THREADS_MAX];
    int64_t begun_ms = clock_monotonic_ms(clock_system());
    for (int64_t i = 0; i < creating->threads; i++) {
        if (pthread_create(&threads[i], NULL, create_some, creating) != 0) {
            die("thread", "cannot be started");
        }
    }
    for (int64_t i = 0; i < creating->threads; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)printf("{\"created\":%zu,\"ms\":%" PRId64 "}\n", creating->count,
                 clock_monotonic_ms(clock_system()) - begun_ms);
}

int main(int argc, char **argv)
{
    static struct creating creating;
    const struct flag flags[] = {
        {.name = "--kubeconfig", .text = &creating.kubeconfig},
        {.name = "--namespace", .text = &creating.namespace},
        {.name = "--manifests", .text = &creating.manifests_file},
        {.name = "--threads", .number = &creating.threads},
    };
    struct err err = {0};
    struct kube_config *config = NULL;
    (void)argc;
    flags_read(argv + 1, flags, ARRAY_LEN(flags));
    if (!creating.kubeconfig || !creating.namespace || !creating.manifests_file ||
        creating.threads < 1 || creating.threads > THREADS_MAX) {
        die("usage", "create_secrets --kubeconfig FILE --namespace NAME --manifests FILE "
                     "--threads N");
    }
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, MANIFESTS_BYTES);
    if (!file_read(creating.manifests_file, &text, &err)) {
        die("manifests", err.message);
    }
    take_manifests(&text, &creating);
    if (!kube_config_load(creating.kubeconfig, clock_system(), &config, &err)) {
        die("kubeconfig", err.message);
    }
    creating.clients = (struct clients_options){.config = config, .clock = clock_system()};
    create_all(&creating);
    kube_config_free(config);
    return 0;
}
