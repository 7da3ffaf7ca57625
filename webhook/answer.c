/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/answer.h"

#include <stdatomic.h>

#include "admission/decide.h"
#include "admission/response.h"
#include "admission/review.h"
#include "admission/validate_external_secret.h"
#include "webhook/inquiry.h"

struct answerer {
    struct answerer_options options;
    atomic_bool gates_supported;
    struct store_health silent_to_reviews;
    struct metric *decisions;
    struct metric *seconds;
};

/* What one request holds from its first call to its end. */
struct admission {
    struct json_doc document;
    struct review review;
    struct secret_ref_list refs;
    struct facts facts;
    struct policy_rules rules;
    struct flight_waiter waiter;
    struct validation *validation; /* of an ExternalSecret's own review, as is ... */
    struct inquiry *inquiry;       /* ... NULL: nothing was asked */
    int64_t started_us;
    int64_t suspended_ms;
    int64_t waited_ms;
};

struct answerer *answerer_new(const struct answerer_options *options)
{
    static const char *const labels[] = {"kind", "operation", "decision", NULL};
    struct answerer *answerer = mem_alloc(sizeof *answerer);
    answerer->options = *options;
    atomic_init(&answerer->gates_supported, false);
    store_health_init(&answerer->silent_to_reviews);
    answerer->decisions = metrics_counter(options->metrics, "keyturn_decisions_total",
                                          "Admission decisions.", labels);
    answerer->seconds = metrics_histogram(options->metrics, "keyturn_decision_seconds",
                                          "From the complete request to the answer.", NULL);
    return answerer;
}

void answerer_free(struct answerer *answerer)
{
    if (answerer) {
        store_health_done(&answerer->silent_to_reviews);
        free(answerer);
    }
}

void answerer_set_gates_supported(struct answerer *answerer, bool supported)
{
    atomic_store(&answerer->gates_supported, supported);
}

void answer_done(struct server_request *request)
{
    struct admission *admission = request->attachment;
    if (!admission) {
        return;
    }
    request->attachment = NULL;
    facts_done(&admission->facts);
    free(admission->waiter.cause);
    inquiry_release(admission->inquiry);
    if (admission->validation) {
        validation_done(admission->validation);
        free(admission->validation);
    }
    secret_refs_done(&admission->refs);
    json_doc_done(&admission->document);
    free(admission);
}

static unsigned status_of(enum err_kind kind)
{
    switch (kind) {
    case ERR_TOO_BIG:
        return 413;
    case ERR_BUSY:
    case ERR_TIMEOUT:
    case ERR_UNAVAILABLE:
        return 503;
    case ERR_NONE:
    case ERR_INVALID:
    case ERR_DENIED:
    case ERR_MISSING:
    case ERR_CONFLICT:
    case ERR_INTERNAL:
        return 400;
    }
    return 400;
}

static void answer_error(const struct answerer *answerer, struct server_request *request,
                         const struct err *err)
{
    struct log_line line = log_begin(answerer->options.log, LOG_WARN, "refused");
    log_err(&line, err);
    log_end(&line);
    struct buf text;
    buf_init(&text, sizeof err->message + 2);
    buf_printf(&text, "%s\n", err->message);
    server_answer(request, status_of(err->kind), "text/plain; charset=utf-8", buf_view(&text));
    buf_done(&text);
}

static bool parse_review(const struct answerer *answerer, struct server_request *request,
                         struct admission *admission, struct err *err)
{
    const struct json_limits limits = {
        .max_nodes = LIMIT_REVIEW_NODES,
        .max_depth = LIMIT_JSON_DEPTH,
        .budget = answerer->options.budget,
    };
    const struct json *document = NULL;
    if (!json_parse(&admission->document, request->body.data, request->body.len, &limits, &document,
                    err) ||
        !review_decode(document, &admission->review, err)) {
        return err_wrap(err, "AdmissionReview");
    }
    return true;
}

static bool admission_read(const struct answerer *answerer, struct server_request *request,
                           struct admission *admission, struct err *err)
{
    const struct review *review = &admission->review;
    if (!parse_review(answerer, request, admission, err)) {
        return false;
    }
    facts_init(&admission->facts, review->namespace);
    admission->rules = policy_for(answerer->options.policy, review->namespace);
    if (admit_skips(review)) {
        return true;
    }
    if (!secret_refs_collect(review_pod_spec(review), &admission->refs, err)) {
        return err_wrap(err, "%.*s %.*s/%.*s", SV_ARG(review->kind_name), SV_ARG(review->namespace),
                        SV_ARG(review->name));
    }
    world_look_up(answerer->options.world, &admission->refs, &admission->facts);
    return true;
}

static void decide(const struct answerer *answerer, const struct admission *admission, bool final,
                   struct verdict *ret)
{
    struct fingerprint_keys keys;
    bool known = world_keys(answerer->options.world, &keys);
    const struct admit_input input = {
        .review = &admission->review,
        .refs = &admission->refs,
        .rules = &admission->rules,
        .facts = &admission->facts,
        .keys = known ? &keys : NULL,
        .gates_supported = atomic_load(&answerer->gates_supported),
        .final = final,
    };
    admit_decide(&input, ret);
    fingerprint_keys_wipe(&keys);
}

static void log_decision(const struct answerer *answerer, const struct admission *admission,
                         const struct verdict *verdict, int64_t took_us)
{
    const struct review *review = &admission->review;
    struct log_line line = log_begin(answerer->options.log, LOG_INFO, "decision");
    log_str(&line, "uid", review->uid);
    log_str(&line, "operation", sv_of(operation_name(review->operation)));
    log_str(&line, "kind", review->kind_name);
    log_str(&line, "namespace", review->namespace);
    log_str(&line, "name", review->name.len ? review->name : review->generate_name);
    log_str(&line, "user", review->user);
    log_bool(&line, "dry_run", review->dry_run);
    log_str(&line, "decision", sv_of(verdict->decision));
    if (verdict->code[0]) {
        log_str(&line, "code", sv_of(verdict->code));
    }
    log_int(&line, "references", (int64_t)admission->refs.count);
    log_int(&line, "warnings", (int64_t)verdict->warning_count);
    log_bool(&line, "held", verdict->held);
    if (verdict->marker == ANNOTATION_SET) {
        log_str(&line, "marker",
                verdict->old_marker.data ? verdict->old_marker : sv_of(verdict->hash));
    }
    if (verdict->stamp == ANNOTATION_SET) {
        log_str(&line, "stamp", sv_of(verdict->hash));
    }
    log_int(&line, "waited_ms", admission->waited_ms);
    if (admission->waiter.cause) {
        log_str(&line, "cause", sv_of(admission->waiter.cause));
    }
    log_int(&line, "duration_us", took_us);
    log_end(&line);
}

static void count_decision(const struct answerer *answerer, const struct admission *admission,
                           const struct verdict *verdict, int64_t took_us)
{
    /* A kind of somebody else's making must not become a label value. */
    const char *kind = admission->review.kind ? admission->review.kind->name : "other";
    const char *const values[] = {kind, operation_name(admission->review.operation),
                                  verdict->decision};
    metric_add(answerer->decisions, values, 1);
    metric_observe(answerer->seconds, NULL, (double)took_us / 1e6);
}

static void respond(const struct answerer *answerer, struct server_request *request,
                    const struct admission *admission, const struct verdict *verdict)
{
    CLEANUP(buf_done) struct buf response;
    struct err err;
    buf_init(&response, LIMIT_RESPONSE_BYTES);
    response_write(&admission->review, verdict, &response);
    if (!buf_check(&response, "the response", &err)) {
        answer_error(answerer, request, &err);
        return;
    }
    server_answer(request, 200, "application/json", buf_view(&response));
    int64_t took_us = clock_measure_us() - admission->started_us;
    log_decision(answerer, admission, verdict, took_us);
    count_decision(answerer, admission, verdict, took_us);
}

static void resume_request(void *argument)
{
    server_resume(argument);
}

/* A watch may lag behind what the user has just written, so a workload's author is not warned of a
 * Secret that is missing from the world alone: until a live look has said so it is unknown. A Pod
 * is held all the same, because a gate that is not needed goes at once. */
static void distrust_world(struct admission *admission, const struct verdict *verdict)
{
    if (admission->review.kind && admission->review.kind->kind == KIND_POD) {
        return;
    }
    for (size_t i = 0; i < verdict->want_count; i++) {
        facts_set(&admission->facts, verdict->wants[i], PRESENCE_UNKNOWN, NULL);
    }
}

static int64_t deadline_of(const struct server_request *request, const struct policy_rules *rules)
{
    bool hurried = request->timeout_ms > 0 && request->timeout_ms < rules->budget_ms;
    return request->received_ms + (hurried ? request->timeout_ms : rules->budget_ms);
}

/* True when the request is suspended and will be resumed. */
static bool wait_for(const struct answerer *answerer, struct server_request *request,
                     struct admission *admission, const struct verdict *verdict)
{
    const struct answerer_options *options = &answerer->options;
    int64_t now = clock_monotonic_ms(options->clock);
    int64_t deadline = deadline_of(request, &admission->rules);
    if (!options->flights || verdict->want_count == 0 || deadline <= now) {
        return false;
    }
    bool materialise = options->materialises && !admission->review.dry_run;
    admission->suspended_ms = now;
    admission->waiter = (struct flight_waiter){
        .facts = &admission->facts, .resume = resume_request, .argument = request};
    /* Suspended first: the flight may land, and resume, before this function returns. */
    server_suspend(request);
    if (!flights_join(options->flights, &admission->waiter, verdict->wants, verdict->want_count,
                      materialise, deadline)) {
        server_resume(request);
    }
    return true;
}

static void decide_finally(const struct answerer *answerer, struct server_request *request,
                           struct admission *admission)
{
    struct verdict verdict;
    decide(answerer, admission, true, &verdict);
    respond(answerer, request, admission, &verdict);
}

static void first_call(const struct answerer *answerer, struct server_request *request)
{
    struct admission *admission = mem_alloc(sizeof *admission);
    request->attachment = admission;
    admission->started_us = clock_measure_us();
    struct err err;
    if (!admission_read(answerer, request, admission, &err)) {
        answer_error(answerer, request, &err);
        return;
    }
    struct verdict verdict;
    decide(answerer, admission, false, &verdict);
    if (verdict.want_count == 0) {
        respond(answerer, request, admission, &verdict);
        return;
    }
    distrust_world(admission, &verdict);
    if (!wait_for(answerer, request, admission, &verdict)) {
        decide_finally(answerer, request, admission);
    }
}

static void later_call(const struct answerer *answerer, struct server_request *request)
{
    struct admission *admission = request->attachment;
    admission->waited_ms = clock_monotonic_ms(answerer->options.clock) - admission->suspended_ms;
    /* A Pod may come ahead of the watch's word of the ExternalSecret that was applied with it. */
    world_look_up_described(answerer->options.world, &admission->facts);
    decide_finally(answerer, request, admission);
}

void answer_review(struct answerer *answerer, struct server_request *request)
{
    if (request->resumed) {
        later_call(answerer, request);
    } else {
        first_call(answerer, request);
    }
}

/* True when there is something to ask, and somebody who may ask it. */
static bool make_inquiry(struct answerer *answerer, const struct server_request *request,
                         struct admission *admission)
{
    const struct answerer_options *options = &answerer->options;
    const struct review *review = &admission->review;
    const struct inquiry_options asking = {
        .clock = options->clock,
        .stores = options->stores,
        .reviews = &answerer->silent_to_reviews,
        .creates = review->operation == OPERATION_CREATE,
        .apart = !options->alone,
        .deadline_ms = deadline_of(request, &admission->rules),
    };
    CLEANUP(existence_done) struct existence existence = {0};
    if (!options->flights ||
        !validation_may_ask(admission->validation, review, &admission->rules) ||
        !existence_begin(options->world, admission->validation->external_secret, !review->dry_run,
                         &existence)) {
        return false;
    }
    admission->inquiry = inquiry_new(&asking, &existence);
    return true;
}

/* The request is suspended and will be resumed. */
static void ask_stores(const struct answerer *answerer, struct server_request *request,
                       struct admission *admission)
{
    const struct answerer_options *options = &answerer->options;
    const struct flight_question question = inquiry_question(admission->inquiry);
    admission->suspended_ms = clock_monotonic_ms(options->clock);
    admission->waiter = (struct flight_waiter){.resume = resume_request, .argument = request};
    /* As in wait_for(). */
    server_suspend(request);
    if (!flights_ask(options->flights, &admission->waiter, &question,
                     deadline_of(request, &admission->rules))) {
        question.release(question.context);
        server_resume(request);
    }
}

/* What nobody has heard in time is not known: nothing is said of it. */
static void hear_stores(const struct answerer *answerer, struct admission *admission)
{
    admission->waited_ms = clock_monotonic_ms(answerer->options.clock) - admission->suspended_ms;
    if (admission->waiter.answered) {
        const char *failure = inquiry_failure(admission->inquiry);
        admission->validation->problems = *inquiry_found(admission->inquiry);
        admission->waiter.cause = failure ? str_dup(failure) : NULL;
    }
}

static void end_validation(const struct answerer *answerer, struct server_request *request)
{
    const struct admission *admission = request->attachment;
    const struct validate_rules rules =
        validate_rules(&admission->review, &admission->rules, answerer->options.alone);
    struct verdict verdict;
    validation_end(admission->validation, &rules, &verdict);
    respond(answerer, request, admission, &verdict);
}

static void begin_validation(struct answerer *answerer, struct server_request *request)
{
    const struct answerer_options *options = &answerer->options;
    struct admission *admission = mem_alloc(sizeof *admission);
    const struct review *review = &admission->review;
    struct err err;
    request->attachment = admission;
    admission->started_us = clock_measure_us();
    if (!parse_review(answerer, request, admission, &err)) {
        answer_error(answerer, request, &err);
        return;
    }
    facts_init(&admission->facts, review->namespace);
    admission->rules = policy_for(options->policy, review->namespace);
    admission->validation = mem_alloc(sizeof *admission->validation);
    validation_begin(review, options->world, admission->validation);
    if (make_inquiry(answerer, request, admission)) {
        ask_stores(answerer, request, admission);
    } else {
        end_validation(answerer, request);
    }
}

void answer_validation(struct answerer *answerer, struct server_request *request)
{
    if (request->resumed) {
        hear_stores(answerer, request->attachment);
        end_validation(answerer, request);
    } else {
        begin_validation(answerer, request);
    }
}
