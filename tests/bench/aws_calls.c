/* SPDX-License-Identifier: Apache-2.0 */
/* Calls far_aws from one thread, as a worker of the program does, and prints what that took.
 *
 *   aws_calls warm|fresh|lone|cold --port N --ca FILE [--ms N]
 *
 *   warm    GetSecretValue over one kept connection, for --ms: {"calls":..,"cpu_us":..} of one
 *   fresh   the same, each on a connection of its own
 *   lone    in turn a bare call and a value read through the idle reader, for --ms; the medians of
 *           their latencies: {"calls":..,"bare_us":..,"read_us":..}
 *   cold    a thousand values that nobody has, in the background, through the reader:
 *           {"values":..,"ms":..} */
#include "aws_side.h"
#include "base/limits.h"
#include "die.h"
#include "flags.h"
#include "webhook/aws_reading.h"
#include "webhook/process.h"
#include "webhook/sweep.h"

enum {
    WARM_UP_CALLS = 50,
    COLD_VALUES = 1000,
    PATIENCE_MS = 60000,
    MAX_SAMPLES = 100000,
    KEY_BYTES = 32,
};

struct calls {
    const char *ca_file;
    int64_t port;
    int64_t ms;
    struct aws_side side;
    struct clients *clients;
    struct service_endpoint *endpoint;
    struct store_identity identity;
    struct http_transport kept;      /* the clients' own transport */
    struct http_transport transport; /* of bare calls */
    unsigned asked;
};

/* No two measurements ask for the same secret. */
static struct str_view next_key(struct calls *calls, char text[KEY_BYTES])
{
    (void)snprintf(text, KEY_BYTES, "payments/database-%u", calls->asked++);
    return sv_of(text);
}

static int64_t deadline_ms(void)
{
    return clock_monotonic_ms(clock_system()) + PATIENCE_MS;
}

static void call_bare(struct calls *calls)
{
    char key[KEY_BYTES];
    struct service_thread thread = aws_services_thread(calls->side.services, calls->transport);
    struct credentials_lease lease = {.cache = aws_services_credentials(calls->side.services),
                                      .key = calls->identity.key,
                                      .provider = calls->identity.provider};
    const struct credentials_source credentials = credentials_lease_source(&lease);
    const struct service_target target = {.thread = &thread,
                                          .endpoint = calls->endpoint,
                                          .credentials = &credentials,
                                          .urgency = SERVICE_ADMISSION,
                                          .deadline_ms = deadline_ms()};
    const struct sm_ref ref = {.key = next_key(calls, key)};
    CLEANUP(remote_value_done) struct remote_value value = {0};
    struct service_error error;
    struct err err = {0};
    if (!sm_get_secret_value(&target, &ref, &value, &error, &err)) {
        die("GetSecretValue", err.message);
    }
}

static void read_items(struct calls *calls, bool waiting, struct reader_item *items, size_t count)
{
    struct err err = {0};
    const struct remote_request request = {
        .store = calls->side.store,
        .namespace = SV("payments"),
        .waiting = waiting,
        .since_ms = clock_since_ms(clock_monotonic_ms(clock_system()), SWEEP_FRESH_MS),
        .deadline_ms = deadline_ms(),
    };
    if (!aws_reading_read(calls->clients, &request, &calls->identity, items, count, NULL, &err)) {
        die("reader", err.message);
    }
    for (size_t i = 0; i < count; i++) {
        remote_value_done(&items[i].value);
    }
}

static void read_one(struct calls *calls)
{
    char key[KEY_BYTES];
    struct reader_item item = {.key = next_key(calls, key)};
    read_items(calls, true, &item, 1);
}

static bool send_fresh(void *context, const struct http_request *request, struct http_response *ret,
                       struct err *err)
{
    const struct calls *calls = context;
    struct http_request fresh = *request;
    fresh.fresh_connection = true;
    return http_send(calls->kept, &fresh, ret, err);
}

static int64_t cpu_ns(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static void measure_cpu(struct calls *calls)
{
    int64_t end_us = clock_measure_us() + calls->ms * 1000;
    int64_t begun_ns = cpu_ns();
    unsigned begun = calls->asked;
    while (clock_measure_us() < end_us) {
        call_bare(calls);
    }
    unsigned count = calls->asked - begun;
    (void)printf("{\"calls\":%u,\"cpu_us\":%.2f}\n", count,
                 (double)(cpu_ns() - begun_ns) / 1000 / (count ? count : 1));
}

static int compare_us(const void *a, const void *b)
{
    const unsigned *left = a;
    const unsigned *right = b;
    return *left < *right ? -1 : *left > *right;
}

static unsigned time_of(struct calls *calls, void (*act)(struct calls *calls))
{
    int64_t begun_us = clock_measure_us();
    act(calls);
    return (unsigned)(clock_measure_us() - begun_us);
}

static void measure_latency(struct calls *calls)
{
    int64_t end_us = clock_measure_us() + calls->ms * 1000;
    CLEANUP(mem_free_ptr) unsigned *bare = mem_alloc_array(MAX_SAMPLES, sizeof *bare);
    CLEANUP(mem_free_ptr) unsigned *read = mem_alloc_array(MAX_SAMPLES, sizeof *read);
    size_t count = 0;
    for (; count < MAX_SAMPLES && (count == 0 || clock_measure_us() < end_us); count++) {
        bare[count] = time_of(calls, call_bare);
        read[count] = time_of(calls, read_one);
    }
    qsort(bare, count, sizeof *bare, compare_us);
    qsort(read, count, sizeof *read, compare_us);
    (void)printf("{\"calls\":%zu,\"bare_us\":%u,\"read_us\":%u}\n", count, bare[count / 2],
                 read[count / 2]);
}

static void read_cold(struct calls *calls)
{
    static char keys[COLD_VALUES][KEY_BYTES];
    static struct reader_item items[COLD_VALUES];
    for (size_t i = 0; i < COLD_VALUES; i++) {
        items[i].key = next_key(calls, keys[i]);
    }
    int64_t begun_us = clock_measure_us();
    read_items(calls, false, items, COLD_VALUES);
    (void)printf("{\"values\":%d,\"ms\":%lld}\n", COLD_VALUES,
                 (long long)(clock_measure_us() - begun_us) / 1000);
}

static void begin(struct calls *calls)
{
    struct err err = {0};
    if (!process_harden(&err)) {
        die("process", err.message);
    }
    aws_side_init(&calls->side, clock_system(), calls->port, calls->ca_file);
    calls->clients = clients_start(&calls->side.clients);
    calls->kept = curl_transport_interface(calls->clients->transport);
    calls->transport = calls->kept;
    if (!store_identity_own(calls->side.services, SV("us-east-1"), &calls->identity, &err) ||
        !aws_services_endpoint(calls->side.services, ENDPOINT_SECRETS_MANAGER, SV("us-east-1"),
                               &calls->endpoint, &err)) {
        die("AWS", err.message);
    }
}

static void warm_up(struct calls *calls)
{
    for (int i = 0; i < WARM_UP_CALLS; i++) {
        call_bare(calls);
        read_one(calls);
    }
}

static void run(struct calls *calls, const char *mode)
{
    begin(calls);
    if (strcmp(mode, "cold") == 0) {
        read_cold(calls);
        return;
    }
    warm_up(calls);
    if (strcmp(mode, "lone") == 0) {
        measure_latency(calls);
        return;
    }
    if (strcmp(mode, "fresh") == 0) {
        calls->transport = (struct http_transport){.send = send_fresh, .context = calls};
    } else if (strcmp(mode, "warm") != 0) {
        die(mode, "not understood");
    }
    measure_cpu(calls);
}

int main(int argc, char **argv)
{
    static struct calls calls = {.ms = 500};
    const struct flag flags[] = {
        {.name = "--port", .number = &calls.port},
        {.name = "--ca", .text = &calls.ca_file},
        {.name = "--ms", .number = &calls.ms},
    };
    if (argc < 2) {
        die("usage", "aws_calls warm|fresh|lone|cold --port N --ca FILE [--ms N]");
    }
    flags_read(argv + 2, flags, ARRAY_LEN(flags));
    run(&calls, argv[1]);
    store_identity_done(&calls.identity);
    clients_stop(calls.clients);
    aws_side_done(&calls.side);
    return 0;
}
