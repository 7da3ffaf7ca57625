/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/reader_calls.h"

#include "aws/ssm.h"

static bool call_single(void *context, enum endpoint_service service,
                        const struct service_target *target, struct read_fetch *fetch)
{
    (void)context;
    if (service == ENDPOINT_SSM) {
        const struct ssm_ref ref = {.key = fetch->key, .version = fetch->version};
        return ssm_get_parameter(target, &ref, &fetch->value, &fetch->error, &fetch->err);
    }
    const struct sm_ref ref = {.key = fetch->key, .version = fetch->version};
    return sm_get_secret_value(target, &ref, &fetch->value, &fetch->error, &fetch->err);
}

static void take_answer(struct read_fetch *fetch, struct remote_value *value,
                        const struct service_error *error, const struct err *err)
{
    remote_value_move(&fetch->value, value);
    fetch->error = *error;
    fetch->err = *err;
}

static bool batch_secrets(const struct service_target *target, struct read_fetch *const *fetches,
                          size_t count, struct service_error *error, struct err *err)
{
    CLEANUP(mem_free_ptr)
    struct sm_batch_item *items = mem_alloc_array(count, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        items[i].key = fetches[i]->key;
    }
    if (!sm_batch_get_secret_value(target, items, count, error, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        take_answer(fetches[i], &items[i].value, &items[i].error, &items[i].err);
    }
    return true;
}

static bool batch_parameters(const struct service_target *target, struct read_fetch *const *fetches,
                             size_t count, struct service_error *error, struct err *err)
{
    CLEANUP(mem_free_ptr)
    struct ssm_batch_item *items = mem_alloc_array(count, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        items[i].ref = (struct ssm_ref){.key = fetches[i]->key, .version = fetches[i]->version};
    }
    if (!ssm_get_parameters(target, items, count, error, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        take_answer(fetches[i], &items[i].value, &items[i].error, &items[i].err);
    }
    return true;
}

static bool call_batch(void *context, enum endpoint_service service,
                       const struct service_target *target, struct read_fetch *const *fetches,
                       size_t count, struct service_error *error, struct err *err)
{
    (void)context;
    return service == ENDPOINT_SSM ? batch_parameters(target, fetches, count, error, err)
                                   : batch_secrets(target, fetches, count, error, err);
}

static void wait_for_others(void *context, pthread_cond_t *cond, pthread_mutex_t *mutex,
                            int64_t deadline_ms)
{
    (void)context;
    cond_wait_until(cond, mutex, deadline_ms);
}

const struct reader_calls *reader_calls_real(void)
{
    static const struct reader_calls real = {call_single, call_batch, wait_for_others, NULL};
    return &real;
}
