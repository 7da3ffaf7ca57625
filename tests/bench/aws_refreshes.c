/* SPDX-License-Identifier: Apache-2.0 */
/* Refreshes a thousand ExternalSecrets of one store, one key each, all distinct, in simulated time,
 * with real calls to far_aws, which counts them.
 *
 *   aws_refreshes --port N --ca FILE --refresh-s N --refreshes N [--call-ms N] [--kube-ms N]
 *
 * Sweep, reading ahead, reader and cache are the program's. When an ExternalSecret is looked at,
 * and how old a value may be, is decided here as in webhook/applier.c; its eight background threads
 * are those of the simulation. Begins with nothing known, as after an installation. A call to AWS
 * takes --call-ms, what is done with the Kubernetes API for each ExternalSecret --kube-ms. */
#include "aws_side.h"
#include "base/limits.h"
#include "die.h"
#include "flags.h"
#include "simulation.h"
#include "webhook/process.h"
#include "webhook/sources.h"
#include "webhook/sweep.h"

enum {
    EXTERNAL_SECRETS = 1000,
    NAMESPACES = 20,
    NAME_START_BYTES = 4, /* "app-" */
    /* As in webhook/applier.c. */
    BACKGROUND_DEADLINE_MS = 30000,
    READ_AHEAD_MS = 10000,
};

/* What the applier knows of one of them. */
struct look {
    struct external_secret *external_secret;
    bool known;      /* it has been carried out */
    bool busy;       /* it is being carried out */
    int64_t due_ms;  /* when it is to be refreshed */
    int64_t look_ms; /* when its turn is: earlier where it was read ahead */
};

struct refreshes {
    const char *ca_file;
    int64_t port;
    int64_t refresh_s;
    int64_t refreshes;
    int64_t call_ms;
    int64_t kube_ms;
    int64_t end_ms;
    struct aws_side side;
    struct sweep *sweep;
    struct look looks[EXTERNAL_SECRETS];
};

static int64_t now_ms(void)
{
    return clock_monotonic_ms(simulation_clock());
}

static struct external_secret *decode(int64_t number, int64_t refresh_s)
{
    const struct json_limits limits = {.max_nodes = 64, .max_depth = LIMIT_JSON_DEPTH};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    CLEANUP(buf_done) struct buf text;
    const struct json *root = NULL;
    struct external_secret *ret = NULL;
    struct err err = {0};
    buf_init(&text, 1024);
    buf_printf(&text,
               "{\"metadata\":{\"namespace\":\"team-%lld\",\"name\":\"app-%lld\",\"uid\":\"%lld\","
               "\"resourceVersion\":\"1\",\"generation\":1},\"spec\":{\"secretStoreRef\":{"
               "\"kind\":\"ClusterSecretStore\",\"name\":\"aws\"},\"refreshInterval\":\"%llds\","
               "\"data\":[{\"secretKey\":\"password\",\"remoteRef\":{\"key\":\"app/%lld\"}}]}}",
               (long long)number % NAMESPACES, (long long)number, (long long)number,
               (long long)refresh_s, (long long)number);
    if (!json_parse(&doc, text.data, text.len, &limits, &root, &err) ||
        !external_secret_decode(root, &ret, &err) || ret->unsupported.len) {
        die("ExternalSecret", err.message);
    }
    return ret;
}

static struct look *look_of(struct refreshes *refreshes, const struct external_secret *one)
{
    uint64_t number = 0;
    if (!sv_to_u64(sv_from(one->name, NAME_START_BYTES), &number) || number >= EXTERNAL_SECRETS) {
        die("ExternalSecret", "of an unknown name");
    }
    return &refreshes->looks[number];
}

/* What is new is due now. */
static int64_t turn_ms(void *context, const struct external_secret *external_secret)
{
    const struct look *look = look_of(context, external_secret);
    int64_t now = now_ms();
    return look->known && look->due_ms > now ? look->due_ms - now : 0;
}

static struct look *earliest_look(struct refreshes *refreshes)
{
    struct look *earliest = NULL;
    for (size_t i = 0; i < EXTERNAL_SECRETS; i++) {
        struct look *look = &refreshes->looks[i];
        if (!look->busy && (!earliest || look->look_ms < earliest->look_ms)) {
            earliest = look;
        }
    }
    return earliest;
}

static void read_ahead_of(struct refreshes *refreshes, const struct look *look,
                          struct clients *clients)
{
    CLEANUP(world_list_done) struct world_list members = {0};
    sweep_read_ahead(refreshes->sweep, look->external_secret, clients, now_ms() + READ_AHEAD_MS,
                     &members);
    for (size_t i = 0; i < members.count; i++) {
        struct look *member = look_of(refreshes, members.items[i]);
        member->look_ms = member->look_ms < now_ms() ? member->look_ms : now_ms();
    }
}

static void read_value(const struct refreshes *refreshes, const struct look *look,
                       struct clients *clients)
{
    const struct external_secret *external_secret = look->external_secret;
    const struct secret_source source = sources_for(clients);
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    struct remote_read read = {.key = external_secret->data[0].remote_key};
    struct err err = {0};
    const struct remote_request request = {
        .store = refreshes->side.store,
        .namespace = external_secret->namespace,
        .since_ms = clock_since_ms(now_ms(), sweep_max_age_ms(external_secret)),
        .deadline_ms = now_ms() + BACKGROUND_DEADLINE_MS,
    };
    if (!source.read(source.context, &request, &read, 1, &err)) {
        die("refresh", err.message);
    }
    secret_buf_move(&value, &read.value);
}

static void carry_out(struct refreshes *refreshes, struct look *look, struct clients *clients)
{
    look->busy = true;
    read_ahead_of(refreshes, look, clients);
    read_value(refreshes, look, clients);
    simulation_sleep_until(now_ms() + refreshes->kube_ms);
    look->known = true;
    look->due_ms = now_ms() + look->external_secret->refresh_interval_ms;
    look->look_ms = look->due_ms;
    look->busy = false;
}

struct slow_transport {
    struct http_transport transport;
    int64_t call_ms;
};

static bool send_slowly(void *context, const struct http_request *request,
                        struct http_response *ret, struct err *err)
{
    const struct slow_transport *slow = context;
    bool answered = http_send(slow->transport, request, ret, err);
    simulation_sleep_until(now_ms() + slow->call_ms);
    return answered;
}

/* One of the background threads. */
static void work(void *context)
{
    struct refreshes *refreshes = context;
    struct clients *clients = clients_start(&refreshes->side.clients);
    struct slow_transport slow = {clients->kube.transport, refreshes->call_ms};
    clients->kube.transport = (struct http_transport){.send = send_slowly, .context = &slow};
    while (now_ms() < refreshes->end_ms) {
        struct look *look = earliest_look(refreshes);
        if (look->look_ms <= now_ms()) {
            carry_out(refreshes, look, clients);
        } else {
            simulation_wait_until(look->look_ms);
        }
    }
    clients_stop(clients);
}

static void begin(struct refreshes *refreshes)
{
    struct err err = {0};
    if (!process_harden(&err)) {
        die("process", err.message);
    }
    aws_side_init(&refreshes->side, simulation_clock(), refreshes->port, refreshes->ca_file);
    for (int64_t i = 0; i < EXTERNAL_SECRETS; i++) {
        struct external_secret *one = decode(i, refreshes->refresh_s);
        refreshes->looks[i] =
            (struct look){.external_secret = external_secret_retain(one), .look_ms = now_ms()};
        (void)world_put_external_secret(refreshes->side.world, one);
    }
    refreshes->sweep = sweep_new(&(struct sweep_options){.clock = simulation_clock(),
                                                         .world = refreshes->side.world,
                                                         .turn_ms = turn_ms,
                                                         .context = refreshes});
    /* What is due then begins the next one. */
    refreshes->end_ms = now_ms() + refreshes->refreshes * refreshes->refresh_s * 1000;
}

int main(int argc, char **argv)
{
    static struct refreshes refreshes = {
        .refresh_s = 3600, .refreshes = 10, .call_ms = 50, .kube_ms = 10};
    const struct flag flags[] = {
        {.name = "--port", .number = &refreshes.port},
        {.name = "--ca", .text = &refreshes.ca_file},
        {.name = "--refresh-s", .number = &refreshes.refresh_s},
        {.name = "--refreshes", .number = &refreshes.refreshes},
        {.name = "--call-ms", .number = &refreshes.call_ms},
        {.name = "--kube-ms", .number = &refreshes.kube_ms},
    };
    (void)argc;
    flags_read(argv + 1, flags, ARRAY_LEN(flags));
    begin(&refreshes);
    int64_t begun_ms = now_ms();
    simulation_run(work, &refreshes);
    struct reader_numbers reads =
        reader_numbers(aws_services_reader(refreshes.side.services, false));
    (void)printf("{\"hours\":%.6f,\"batches\":%llu,\"singles\":%llu,\"batched\":%llu}\n",
                 (double)(refreshes.end_ms - begun_ms) / 3600000, (unsigned long long)reads.batches,
                 (unsigned long long)reads.singles, (unsigned long long)reads.batched);
    for (size_t i = 0; i < EXTERNAL_SECRETS; i++) {
        external_secret_release(refreshes.looks[i].external_secret);
    }
    sweep_free(refreshes.sweep);
    aws_side_done(&refreshes.side);
    return 0;
}
