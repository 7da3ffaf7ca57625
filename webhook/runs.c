/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/runs.h"

#include "webhook/thread.h"

/* One carrying out under way, shared by everybody who wants the same. */
struct run {
    char *basis;
    bool waiting;
    unsigned users;
    bool outdated; /* AWS has something newer since it began */
    bool done;
    struct run_result result;
};

void run_result_done(struct run_result *result)
{
    secret_release(result->secret);
    *result = (struct run_result){0};
}

static struct run_result copy_of(const struct run_result *result)
{
    struct run_result copy = *result;
    copy.secret = result->secret ? secret_retain(result->secret) : NULL;
    return copy;
}

void runs_init(struct runs *runs, const struct clock *clock)
{
    runs->clock = clock;
    mutex_init(&runs->mutex);
    cond_init(&runs->landed);
    table_init(&runs->under_way, NULL);
}

void runs_done(struct runs *runs)
{
    table_done(&runs->under_way);
    pthread_mutex_destroy(&runs->mutex);
    pthread_cond_destroy(&runs->landed);
}

/* Holds the mutex. */
static void leave(struct run *run)
{
    if (--run->users == 0) {
        run_result_done(&run->result);
        free(run->basis);
        free(run);
    }
}

/* Holds the mutex. True when the run is done; a result that does not come in time is an error. */
static bool await(struct runs *runs, struct run *run, int64_t deadline_ms, struct err *err)
{
    while (!run->done && clock_monotonic_ms(runs->clock) < deadline_ms) {
        cond_wait_until(&runs->landed, &runs->mutex, deadline_ms);
    }
    return run->done || err_set(err, ERR_TIMEOUT, "still being fetched");
}

static bool is_good_for(const struct run *run, const struct run_order *order)
{
    return !run->outdated && strcmp(run->basis, order->basis) == 0 &&
           (!run->waiting || order->waiting);
}

/* Holds the mutex. The run under way for the key, if it is good for the order; whatever else runs
 * has to end first. NULL: none, the caller may begin, unless `*ret_free` is false: it did not end
 * in time. */
static struct run *find(struct runs *runs, const struct run_order *order, bool *ret_free,
                        struct err *err)
{
    struct run *run = table_get(&runs->under_way, order->key);
    *ret_free = true;
    while (run && !is_good_for(run, order) && *ret_free) {
        run->users++;
        *ret_free = await(runs, run, order->deadline_ms, err);
        leave(run);
        run = table_get(&runs->under_way, order->key);
    }
    return run;
}

static void fail(struct run_result *ret, const struct err *err)
{
    *ret = (struct run_result){.outcome = RECONCILE_FAILED, .end = STATUS_NO_DATA, .err = *err};
}

/* Holds the mutex. */
static void share(struct runs *runs, struct run *run, int64_t deadline_ms, struct run_result *ret)
{
    struct err err = {0};
    run->users++;
    if (await(runs, run, deadline_ms, &err)) {
        *ret = copy_of(&run->result);
    } else {
        fail(ret, &err);
    }
    leave(run);
}

/* Holds the mutex. Takes the run out, so that nobody joins it any more, and tells who has. */
static void land(struct runs *runs, struct str_view key, struct run *run,
                 const struct run_result *result)
{
    (void)table_take(&runs->under_way, key);
    run->done = true;
    run->result = copy_of(result);
    pthread_cond_broadcast(&runs->landed);
    leave(run);
}

void runs_join(struct runs *runs, const struct run_order *order, struct run_result *ret)
{
    struct err err = {0};
    bool free_to_run = false;
    pthread_mutex_lock(&runs->mutex);
    struct run *run = find(runs, order, &free_to_run, &err);
    if (!free_to_run || run) {
        if (free_to_run) {
            share(runs, run, order->deadline_ms, ret);
        } else {
            fail(ret, &err);
        }
        pthread_mutex_unlock(&runs->mutex);
        return;
    }
    run = mem_alloc(sizeof *run);
    run->users = 1;
    run->basis = str_dup(order->basis);
    run->waiting = order->waiting;
    table_put(&runs->under_way, order->key, run);
    pthread_mutex_unlock(&runs->mutex);

    order->perform(order->context, ret);

    pthread_mutex_lock(&runs->mutex);
    land(runs, order->key, run, ret);
    pthread_mutex_unlock(&runs->mutex);
}

void runs_outdate(struct runs *runs, struct str_view key)
{
    pthread_mutex_lock(&runs->mutex);
    struct run *run = table_get(&runs->under_way, key);
    if (run) {
        run->outdated = true;
    }
    pthread_mutex_unlock(&runs->mutex);
}
