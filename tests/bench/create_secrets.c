/* SPDX-License-Identifier: Apache-2.0 */
/* What the API server alone needs: creates Secrets like those of External Secrets Operator, from as
 * many threads as Keyturn works with in the background, each with a connection of its own.
 *
 *   create_secrets --kubeconfig FILE --namespace NAME --owner UID --count N --threads N
 *
 * Prints {"created":N,"ms":N}. */
#include <inttypes.h>
#include <pthread.h>

#include "die.h"
#include "flags.h"
#include "webhook/clients.h"

enum {
    THREADS_MAX = 64,
    PATIENCE_MS = 60000,
    MANIFEST_BYTES = 2048,
};

struct creating {
    const char *kubeconfig;
    const char *namespace;
    const char *owner; /* uid of the ExternalSecret "owner" */
    int64_t count;
    int64_t threads;
    struct clients_options clients;
    atomic_llong next;
};

/* Labels, annotation, owner and a value, as a written Secret has them. */
static void write_manifest(const struct creating *creating, long long number, struct buf *ret)
{
    static const char digest[] = "f2a604b87eb0cf673761e8cfea850f901fe73a3d1b2f338802107f36";
    buf_printf(
        ret,
        "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"alone-%lld\","
        "\"namespace\":\"%s\",\"labels\":{\"reconcile.external-secrets.io/managed\":\"true\","
        "\"reconcile.external-secrets.io/created-by\":\"%s\"},\"annotations\":{"
        "\"reconcile.external-secrets.io/data-hash\":\"%s\"},\"ownerReferences\":[{\"apiVersion\":"
        "\"external-secrets.io/v1\",\"kind\":\"ExternalSecret\",\"name\":\"owner\",\"uid\":\"%s\","
        "\"controller\":true,\"blockOwnerDeletion\":true}]},\"data\":{\"password\":"
        "\"aHVudGVyMi1hbmQtc29tZS1tb3JlLWJ5dGVz\"}}",
        number, creating->namespace, digest, digest, creating->owner);
}

static void create_one(const struct creating *creating, const struct clients *clients,
                       long long number)
{
    CLEANUP(buf_done) struct buf manifest = {0};
    CLEANUP(kube_response_done) struct kube_response response = {0};
    struct err err = {0};
    const struct kube_target target = {.resource = &kube_secrets,
                                       .namespace = sv_of(creating->namespace)};
    int64_t deadline_ms = clock_monotonic_ms(clock_system()) + PATIENCE_MS;
    buf_init(&manifest, MANIFEST_BYTES);
    write_manifest(creating, number, &manifest);
    if (!kube_create(&clients->kube, &target, SV("bench"), buf_view(&manifest), deadline_ms,
                     &response, &err)) {
        die("create", err.message);
    }
}

static void *create_some(void *context)
{
    struct creating *creating = context;
    struct clients *clients = clients_start(&creating->clients);
    for (;;) {
        long long number = atomic_fetch_add(&creating->next, 1);
        if (number >= creating->count) {
            break;
        }
        create_one(creating, clients, number);
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
    (void)printf("{\"created\":%" PRId64 ",\"ms\":%" PRId64 "}\n", creating->count,
                 clock_monotonic_ms(clock_system()) - begun_ms);
}

int main(int argc, char **argv)
{
    static struct creating creating;
    const struct flag flags[] = {
        {.name = "--kubeconfig", .text = &creating.kubeconfig},
        {.name = "--namespace", .text = &creating.namespace},
        {.name = "--owner", .text = &creating.owner},
        {.name = "--count", .number = &creating.count},
        {.name = "--threads", .number = &creating.threads},
    };
    struct err err = {0};
    struct kube_config *config = NULL;
    (void)argc;
    flags_read(argv + 1, flags, ARRAY_LEN(flags));
    if (!creating.kubeconfig || !creating.namespace || !creating.owner || creating.threads < 1 ||
        creating.threads > THREADS_MAX) {
        die("usage", "create_secrets --kubeconfig FILE --namespace NAME --owner UID --count N "
                     "--threads N");
    }
    if (!kube_config_load(creating.kubeconfig, clock_system(), &config, &err)) {
        die("kubeconfig", err.message);
    }
    creating.clients = (struct clients_options){.config = config, .clock = clock_system()};
    create_all(&creating);
    kube_config_free(config);
    return 0;
}
