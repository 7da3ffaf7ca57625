/* SPDX-License-Identifier: Apache-2.0 */
/* Written by merge patch with the resourceVersion that was looked at: two takers cannot both
 * succeed, and labels or annotations that others put on the Lease stay. */
#include "kube/lease.h"

#include "base/encode.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/timestamp.h"

enum {
    LEASE_NODES = 4096,
    LEASE_DEPTH = 32,
    RELEASED_DURATION_S = 1,
};

static const struct str_view field_manager = {"keyturn", 7};

static void record_init(struct kube_lease_record *record)
{
    buf_init(&record->holder, LIMIT_URL_BYTES);
    buf_init(&record->renew_time, LIMIT_NAME_BYTES);
    buf_init(&record->version, LIMIT_NAME_BYTES);
}

static void record_done(struct kube_lease_record *record)
{
    buf_done(&record->holder);
    buf_done(&record->renew_time);
    buf_done(&record->version);
    *record = (struct kube_lease_record){0};
}

void kube_lease_init(struct kube_lease *lease, struct str_view namespace, struct str_view name,
                     struct str_view identity)
{
    *lease = (struct kube_lease){
        .target = {.resource = &kube_leases, .namespace = namespace, .name = name},
        .identity = identity,
        .next_ms = INT64_MIN,
    };
    record_init(&lease->observed);
    atomic_init(&lease->held_until_ms, 0);
}

void kube_lease_done(struct kube_lease *lease)
{
    record_done(&lease->observed);
}

enum kube_lease_action kube_lease_decide(const struct kube_lease_record *record,
                                         struct str_view identity, int64_t seen_ms, int64_t now_ms)
{
    int64_t duration_ms = record->duration_ms > 0 ? record->duration_ms : KUBE_LEASE_DURATION_MS;
    struct str_view holder = buf_view(&record->holder);
    if (sv_equal(holder, identity)) {
        return KUBE_LEASE_RENEW;
    }
    if (holder.len == 0 || now_ms - seen_ms >= duration_ms) {
        return KUBE_LEASE_TAKE;
    }
    return KUBE_LEASE_WAIT;
}

static void set_buf(struct buf *buf, struct str_view view)
{
    buf_clear(buf);
    buf_add(buf, view);
}

/* What the API server says now; when it is another claim than before, its time starts here. */
static void observe(struct kube_lease *lease, const struct json *object, int64_t now_ms)
{
    struct kube_lease_record *record = &lease->observed;
    const struct json *spec = json_member(object, "spec");
    struct str_view holder = json_string(json_member(spec, "holderIdentity"));
    struct str_view renew_time = json_string(json_member(spec, "renewTime"));
    int64_t seconds = 0;
    int64_t transitions = 0;
    if (!lease->known || !sv_equal(buf_view(&record->holder), holder) ||
        !sv_equal(buf_view(&record->renew_time), renew_time)) {
        lease->seen_ms = now_ms;
    }
    (void)!json_to_i64(json_member(spec, "leaseDurationSeconds"), &seconds);
    (void)!json_to_i64(json_member(spec, "leaseTransitions"), &transitions);
    lease->known = true;
    set_buf(&record->holder, holder);
    set_buf(&record->renew_time, renew_time);
    set_buf(&record->version, json_string(json_path(object, "metadata", "resourceVersion", NULL)));
    record->duration_ms = seconds > 0 && seconds <= INT32_MAX ? seconds * 1000 : 0;
    record->transitions = transitions >= 0 && transitions < INT32_MAX ? transitions : 0;
}

static bool observe_answer(struct kube_lease *lease, struct secret_buf *body, int64_t now_ms,
                           struct err *err)
{
    static const struct json_limits limits = {.max_nodes = LEASE_NODES, .max_depth = LEASE_DEPTH};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *object = NULL;
    if (!json_parse(&doc, body->bytes.data, body->bytes.len, &limits, &object, err)) {
        return err_wrap(err, "lease");
    }
    observe(lease, object, now_ms);
    return true;
}

static void add_time(struct buf *body, const char *name, int64_t wall_ms)
{
    char text[TIMESTAMP_BYTES];
    timestamp_format_micro(wall_ms, text);
    buf_printf(body, ",\"%s\":\"%s\"", name, text);
}

/* The spec of our claim. */
static void add_claim(struct buf *body, const struct kube_lease *lease, bool taking,
                      int64_t wall_ms)
{
    buf_add_str(body, "\"spec\":{\"holderIdentity\":");
    encode_json_string(body, lease->identity);
    buf_printf(body, ",\"leaseDurationSeconds\":%d", KUBE_LEASE_DURATION_MS / 1000);
    add_time(body, "renewTime", wall_ms);
    if (taking) {
        add_time(body, "acquireTime", wall_ms);
        buf_printf(body, ",\"leaseTransitions\":%lld",
                   (long long)lease->observed.transitions + (lease->known ? 1 : 0));
    }
    buf_add_byte(body, '}');
}

static void add_version(struct buf *body, const struct kube_lease *lease)
{
    buf_add_str(body, "{\"metadata\":{\"resourceVersion\":");
    encode_json_string(body, buf_view(&lease->observed.version));
    buf_add_str(body, "},");
}

static bool patch(struct kube_lease *lease, const struct kube_client *client,
                  const struct buf *body, int64_t deadline_ms, struct kube_response *response,
                  struct err *err)
{
    return buf_check(body, "the Lease", err) &&
           kube_patch(client, &lease->target, KUBE_PATCH_MERGE, field_manager, buf_view(body),
                      deadline_ms, response, err);
}

static bool create(struct kube_lease *lease, const struct kube_client *client, int64_t deadline_ms,
                   struct kube_response *response, struct err *err)
{
    CLEANUP(buf_done) struct buf body = {0};
    const struct kube_target collection = {.resource = &kube_leases,
                                           .namespace = lease->target.namespace};
    buf_init(&body, LIMIT_PATCH_BYTES);
    buf_add_str(&body, "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\","
                       "\"metadata\":{\"name\":");
    encode_json_string(&body, lease->target.name);
    buf_add_str(&body, "},");
    add_claim(&body, lease, true, clock_wall_ms(client->clock));
    buf_add_byte(&body, '}');
    return buf_check(&body, "the Lease", err) &&
           kube_create(client, &collection, field_manager, buf_view(&body), deadline_ms, response,
                       err);
}

/* Writes our claim. Somebody else having been first is no failure: the next look tells who. */
static bool claim(struct kube_lease *lease, const struct kube_client *client,
                  enum kube_lease_action action, int64_t deadline_ms, struct err *err)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    CLEANUP(buf_done) struct buf body = {0};
    struct err failure = {0};
    /* Held from before the call: others cannot have seen the renewal any sooner. */
    int64_t begun_ms = clock_monotonic_ms(client->clock);
    bool ok = false;
    if (!lease->known) {
        ok = create(lease, client, deadline_ms, &response, &failure);
    } else {
        buf_init(&body, LIMIT_PATCH_BYTES);
        add_version(&body, lease);
        add_claim(&body, lease, action == KUBE_LEASE_TAKE, clock_wall_ms(client->clock));
        buf_add_byte(&body, '}');
        ok = patch(lease, client, &body, deadline_ms, &response, &failure);
    }
    if (!ok) {
        if (failure.kind == ERR_CONFLICT) {
            return true;
        }
        *err = failure;
        return false;
    }
    if (!observe_answer(lease, &response.body, clock_monotonic_ms(client->clock), err)) {
        return false;
    }
    /* Renewed too late, it was nobody's for a while. */
    int64_t before_ms = atomic_exchange(&lease->held_until_ms, begun_ms + KUBE_LEASE_RENEW_MS);
    lease->losses += before_ms != 0 && clock_monotonic_ms(client->clock) >= before_ms;
    return true;
}

/* What stands there now. No Lease at all is an answer too. */
static bool look(struct kube_lease *lease, const struct kube_client *client, int64_t deadline_ms,
                 struct err *err)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    struct err failure = {0};
    if (kube_get(client, &lease->target, deadline_ms, &response, &failure)) {
        return observe_answer(lease, &response.body, clock_monotonic_ms(client->clock), err);
    }
    if (failure.kind == ERR_MISSING) {
        record_done(&lease->observed);
        record_init(&lease->observed);
        lease->known = false;
        return true;
    }
    *err = failure;
    return false;
}

bool kube_lease_step(struct kube_lease *lease, const struct kube_client *client, int64_t timeout_ms,
                     struct err *err)
{
    int64_t begun_ms = clock_monotonic_ms(client->clock);
    int64_t deadline_ms = begun_ms + timeout_ms;
    enum kube_lease_action action = KUBE_LEASE_TAKE;
    lease->next_ms = begun_ms + KUBE_LEASE_RETRY_MS;
    if (!look(lease, client, deadline_ms, err)) {
        return false;
    }
    if (lease->known) {
        action = kube_lease_decide(&lease->observed, lease->identity, lease->seen_ms,
                                   clock_monotonic_ms(client->clock));
    }
    if (action != KUBE_LEASE_RENEW) {
        /* Whatever we had is another's or nobody's now. */
        lease->losses += atomic_exchange(&lease->held_until_ms, 0) != 0;
    }
    return action == KUBE_LEASE_WAIT || claim(lease, client, action, deadline_ms, err);
}

int64_t kube_lease_next_ms(const struct kube_lease *lease)
{
    return lease->next_ms;
}

bool kube_lease_held(const struct kube_lease *lease, int64_t now_ms)
{
    return now_ms < atomic_load(&lease->held_until_ms);
}

struct str_view kube_lease_holder(const struct kube_lease *lease)
{
    return buf_view(&lease->observed.holder);
}

bool kube_lease_release(struct kube_lease *lease, const struct kube_client *client,
                        int64_t timeout_ms, struct err *err)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    CLEANUP(buf_done) struct buf body = {0};
    int64_t deadline_ms = clock_monotonic_ms(client->clock) + timeout_ms;
    atomic_store(&lease->held_until_ms, 0);
    if (!lease->known || !sv_equal(buf_view(&lease->observed.holder), lease->identity)) {
        return true;
    }
    /* Without the field rather than with an empty one, as client-go leaves it. */
    buf_init(&body, LIMIT_PATCH_BYTES);
    add_version(&body, lease);
    buf_printf(&body, "\"spec\":{\"holderIdentity\":null,\"leaseDurationSeconds\":%d",
               RELEASED_DURATION_S);
    add_time(&body, "renewTime", clock_wall_ms(client->clock));
    buf_add_str(&body, "}}");
    if (!patch(lease, client, &body, deadline_ms, &response, err)) {
        return err_wrap(err, "release the lease");
    }
    buf_clear(&lease->observed.holder);
    lease->known = false;
    return true;
}
