/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_providers.h"

#include "base/limits.h"
#include "http/retry.h"

enum {
    /* aws.md §2.3: an expired token has been replaced in its file or never will be; one that is not
     * accepted may just not have got around yet. */
    TRIES_EXPIRED = 2,
    TRIES_INVALID = 3,
};

/* The pause before a token is read again. */
static const struct retry_policy AGAIN = {.base_ms = 100, .max_ms = 400, .floor_percent = 25};

struct web_identity {
    struct credentials_provider provider; /* first: one is cast to the other */
    struct service_endpoint *sts;
    char *role_arn;
    char *session_name;
    struct web_identity_token token;
};

/* An editor or `echo` leaves a line break behind a token; nothing else is forgiven. */
static struct str_view without_line_break(struct str_view text)
{
    size_t cut = sv_ends_with(text, SV("\r\n")) ? 2 : sv_ends_with(text, SV("\n")) ? 1 : 0;
    return sv_first(text, text.len - cut);
}

static bool exchange(const struct web_identity *self, const struct credentials_request *request,
                     struct credentials **ret, struct service_error *error, struct err *err)
{
    CLEANUP(secret_buf_done) struct secret_buf token = {0};
    secret_buf_init(&token, LIMIT_TOKEN_BYTES);
    *error = (struct service_error){.class = SERVICE_REQUEST};
    if (!self->token.read(self->token.context, request, &token, err)) {
        return err_wrap(err, "web identity token");
    }
    return sts_assume_role_with_web_identity(
        self->sts, sv_of(self->role_arn), sv_of(self->session_name),
        without_line_break(secret_buf_view(&token)), request, ret, error, err);
}

static bool wait_for_newer_token(const struct credentials_request *request, unsigned tries,
                                 const struct service_error *error)
{
    const struct service_thread *thread = request->thread;
    bool expired = strcmp(error->code, "ExpiredTokenException") == 0;
    if (error->class != SERVICE_CREDENTIAL || tries >= (expired ? TRIES_EXPIRED : TRIES_INVALID)) {
        return false;
    }
    int64_t pause_ms = retry_delay_ms(&AGAIN, tries - 1, thread->random(thread->context), -1);
    if (clock_left_ms(thread->clock, request->deadline_ms) <= pause_ms) {
        return false;
    }
    thread->pause(thread->context, pause_ms);
    return true;
}

static bool fetch(struct credentials_provider *provider, const struct credentials_request *request,
                  struct credentials **ret, struct err *err)
{
    const struct web_identity *self = (struct web_identity *)provider;
    struct service_error error = {0};
    if (!self->sts) {
        return err_set(err, ERR_INVALID, "no AWS region is known, so there is no STS to ask");
    }
    for (unsigned tries = 1; !exchange(self, request, ret, &error, err); tries++) {
        if (!wait_for_newer_token(request, tries, &error)) {
            return false;
        }
    }
    return true;
}

static void destroy(struct credentials_provider *provider)
{
    struct web_identity *self = (struct web_identity *)provider;
    if (self->token.release) {
        self->token.release(self->token.context);
    }
    free(self->role_arn);
    free(self->session_name);
    free(self);
}

struct credentials_provider *credentials_web_identity(struct service_endpoint *sts,
                                                      struct str_view role_arn,
                                                      struct str_view session_name,
                                                      const struct web_identity_token *token)
{
    struct web_identity *self = mem_alloc(sizeof *self);
    self->provider =
        (struct credentials_provider){.name = "web identity", .fetch = fetch, .destroy = destroy};
    atomic_init(&self->provider.references, 1);
    self->sts = sts;
    self->role_arn = sv_dup(role_arn);
    self->session_name = sv_dup(session_name);
    self->token = *token;
    return &self->provider;
}
