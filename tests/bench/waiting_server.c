/* SPDX-License-Identifier: Apache-2.0 */
/* The program's server while admissions wait for AWS: each POST /mutate suspends, boards a flight
 * of its own, and is resumed when the flight has read a secret that nobody else asks for.
 *
 *   waiting_server --ca FILE --far-port N --far-ca FILE
 *
 * Flights, workers, reader and their ceilings are those of webhook/serve.c; what a flight does
 * beside AWS (a look at the Kubernetes API) is left out. GET /healthz answers at once. */
#include <stdatomic.h>

#include "aws_side.h"
#include "base/limits.h"
#include "die.h"
#include "flags.h"
#include "serving.h"
#include "webhook/flights.h"
#include "webhook/sources.h"
#include "webhook/sweep.h"

enum {
    /* As in webhook/serve.c. */
    FLIGHT_THREADS = 72,
    QUEUE_CEILING = 4096,
    /* As in webhook/applier.c. */
    FLIGHT_DEADLINE_MS = 5000,
    NAME_BYTES = 32,
};

struct waiting {
    struct serving serving;
    struct aws_side side;
    struct workers *workers;
    struct flights *flights;
    const char *ca_file;
    const char *far_ca_file;
    int64_t far_port;
    atomic_ullong asked;
};

/* What one request holds from its first call to its end. */
struct admission {
    struct facts facts;
    struct flight_waiter waiter;
    char name[NAME_BYTES];
};

/* Absent says here that the value has come. */
static void fly(void *context, struct flight *flight, void *thread_context)
{
    struct waiting *waiting = context;
    const struct secret_source source = sources_for(thread_context);
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    struct remote_read read = {.key = flight_name(flight)};
    struct err ignored;
    int64_t now_ms = clock_monotonic_ms(waiting->serving.clock);
    const struct remote_request request = {
        .store = waiting->side.store,
        .namespace = flight_namespace(flight),
        .waiting = true,
        .since_ms = clock_since_ms(now_ms, SWEEP_FRESH_MS),
        .deadline_ms = now_ms + FLIGHT_DEADLINE_MS,
    };
    bool has_come = source.read(source.context, &request, &read, 1, &ignored);
    secret_buf_move(&value, &read.value);
    flight_found(flight, has_come ? PRESENCE_ABSENT : PRESENCE_UNKNOWN, NULL);
}

static void resume(void *request)
{
    server_resume(request);
}

static struct admission *admission_new(struct waiting *waiting, struct server_request *request)
{
    struct admission *admission = mem_alloc(sizeof *admission);
    (void)snprintf(admission->name, sizeof admission->name, "database-%llu",
                   atomic_fetch_add(&waiting->asked, 1));
    struct secret_ref ref = {.secret = sv_of(admission->name)};
    facts_init(&admission->facts, SV("payments"));
    facts_add_names(&admission->facts, &(struct secret_ref_list){.items = &ref, .count = 1});
    admission->waiter =
        (struct flight_waiter){.facts = &admission->facts, .resume = resume, .argument = request};
    return admission;
}

static void begin(struct waiting *waiting, struct server_request *request)
{
    struct admission *admission = admission_new(waiting, request);
    const struct str_view name = sv_of(admission->name);
    request->attachment = admission;
    server_suspend(request);
    if (!flights_join(waiting->flights, &admission->waiter, &name, 1, true,
                      request->received_ms + FLIGHT_DEADLINE_MS)) {
        server_resume(request);
    }
}

static void end(struct server_request *request)
{
    const struct admission *admission = request->attachment;
    const struct fact *fact = facts_find(&admission->facts, sv_of(admission->name));
    bool has_come = fact->presence == PRESENCE_ABSENT;
    server_answer(request, has_come ? 200 : 503, "application/json", SV("{}"));
}

static unsigned waiting_check(void *context, struct server_request *request)
{
    (void)context;
    return sv_is(request->path, "/mutate") || sv_is(request->path, "/healthz") ? 0 : 404;
}

static void waiting_handle(void *context, struct server_request *request)
{
    if (sv_is(request->path, "/healthz")) {
        server_answer(request, 200, "text/plain; charset=utf-8", SV("alive\n"));
    } else if (request->resumed) {
        end(request);
    } else {
        begin(context, request);
    }
}

static void waiting_done(void *context, struct server_request *request)
{
    struct admission *admission = request->attachment;
    (void)context;
    if (admission) {
        request->attachment = NULL;
        facts_done(&admission->facts);
        free(admission);
    }
}

static void waiting_init(struct waiting *waiting)
{
    aws_side_init(&waiting->side, waiting->serving.clock, waiting->far_port, waiting->far_ca_file);
    waiting->workers = workers_new(&(struct workers_options){
        .name = "flight",
        .max_threads = FLIGHT_THREADS,
        .max_queued = QUEUE_CEILING,
        .gives_way = true,
        .thread_start = clients_start,
        .thread_stop = clients_stop,
        .context = &waiting->side.clients,
    });
    waiting->flights = flights_new(&(struct flights_options){
        .clock = waiting->serving.clock,
        .workers = waiting->workers,
        .max_waiters = LIMIT_WAITING_REQUESTS,
        .fly = fly,
        .context = waiting,
    });
}

int main(int argc, char **argv)
{
    static struct waiting waiting;
    const struct flag flags[] = {
        {.name = "--ca", .text = &waiting.ca_file},
        {.name = "--far-port", .number = &waiting.far_port},
        {.name = "--far-ca", .text = &waiting.far_ca_file},
    };
    (void)argc;
    flags_read(argv + 1, flags, ARRAY_LEN(flags));
    if (!waiting.ca_file || !waiting.far_ca_file) {
        die("usage", "waiting_server --ca FILE --far-port N --far-ca FILE");
    }
    serving_init(&waiting.serving);
    waiting_init(&waiting);
    serving_start(&waiting.serving, waiting.ca_file,
                  &(struct server_options){.check = waiting_check,
                                           .handle = waiting_handle,
                                           .done = waiting_done,
                                           .context = &waiting});
    serving_wait(&waiting.serving);
    flights_close(waiting.flights);
    int status = serving_stop(&waiting.serving);
    workers_free(waiting.workers);
    flights_free(waiting.flights);
    aws_side_done(&waiting.side);
    return status;
}
