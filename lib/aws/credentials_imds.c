/* SPDX-License-Identifier: Apache-2.0 */
/* IMDSv2 in three calls: a session token, the name of the role, its credentials. The session token
 * is kept for its six hours. There is no way back to version 1, whatever is answered: it would undo
 * what the node's owner has switched off. */
#include "aws/credentials_answer.h"
#include "aws/credentials_providers.h"
#include "aws/token_file.h"
#include "base/limits.h"
#include "base/lock.h"

enum {
    TOKEN_TTL_S = 21600,       /* the longest that the service gives */
    TOKEN_EARLY_MS = 5 * 1000, /* renewed so much before its end */
    TOKEN_MAX_BYTES = 4096,    /* 56 are seen */
    ROLE_MAX_BYTES = 64,       /* IAM: a role's name */
};

static const char PATH_TOKEN[] = "/latest/api/token";
static const char PATH_ROLES[] = "/latest/meta-data/iam/security-credentials/";

struct imds {
    struct credentials_provider provider;
    struct credential_endpoint endpoint;
    pthread_mutex_t mutex; /* guards the token; not held over a call */
    struct secret_buf token;
    int64_t token_until_ms; /* monotonic */
};

/* One fetch. */
struct exchange {
    struct imds *imds;
    const struct credentials_request *request;
    struct secret_buf token;
    bool renewed;
};

static void exchange_done(struct exchange *exchange)
{
    secret_buf_done(&exchange->token);
}

/* The session token */

/* Copies the kept one; false when there is none that will do. */
static bool take_kept_token(struct exchange *exchange)
{
    struct imds *imds = exchange->imds;
    int64_t now_ms = clock_monotonic_ms(exchange->request->thread->clock);
    (void)pthread_mutex_lock(&imds->mutex);
    bool usable = imds->token.bytes.len > 0 && now_ms + TOKEN_EARLY_MS < imds->token_until_ms;
    if (usable) {
        buf_clear(&exchange->token.bytes);
        secret_buf_add(&exchange->token, secret_buf_view(&imds->token));
    }
    (void)pthread_mutex_unlock(&imds->mutex);
    return usable;
}

static void keep_token(struct exchange *exchange, int64_t lifetime_ms)
{
    struct imds *imds = exchange->imds;
    int64_t now_ms = clock_monotonic_ms(exchange->request->thread->clock);
    (void)pthread_mutex_lock(&imds->mutex);
    buf_clear(&imds->token.bytes);
    secret_buf_add(&imds->token, secret_buf_view(&exchange->token));
    imds->token_until_ms = now_ms + lifetime_ms;
    (void)pthread_mutex_unlock(&imds->mutex);
}

/* Forgets the token that was not accepted, unless another thread has renewed it. */
static void forget_token(struct exchange *exchange)
{
    struct imds *imds = exchange->imds;
    (void)pthread_mutex_lock(&imds->mutex);
    if (secret_equal(secret_buf_view(&imds->token), secret_buf_view(&exchange->token))) {
        buf_clear(&imds->token.bytes);
    }
    (void)pthread_mutex_unlock(&imds->mutex);
    buf_clear(&exchange->token.bytes);
}

static bool add_path(const struct imds *imds, const char *path, struct str_view role,
                     struct buf *ret, struct err *err)
{
    buf_init(ret, LIMIT_URL_BYTES);
    buf_printf(ret, "%s%s%.*s", imds->endpoint.url, path, SV_ARG(role));
    return buf_check(ret, "URL", err);
}

/* The answer travels with the hop limit that the node's owner has set, 1 by default: a Pod that is
 * not on the host's network then waits for it in vain, or is told 403. */
static bool explain_no_token(bool blocked, struct err *err)
{
    if (!blocked) {
        return err_wrap(err, "no IMDSv2 token");
    }
    return err_wrap(err, "no IMDSv2 token (the instance's HttpPutResponseHopLimit has to reach the "
                         "Pod, 2 or more; better give the Pod its own role: IRSA or EKS Pod "
                         "Identity)");
}

static int64_t lifetime_ms(const struct http_response *response)
{
    uint64_t seconds = 0;
    struct str_view text =
        http_header_find(buf_view(&response->headers), "x-aws-ec2-metadata-token-ttl-seconds");
    bool told = sv_to_u64(text, &seconds) && seconds < TOKEN_TTL_S;
    return (told ? (int64_t)seconds : TOKEN_TTL_S) * 1000;
}

static bool accept_token(struct exchange *exchange, struct http_response *response, struct err *err)
{
    struct str_view token = secret_buf_view(&response->body);
    if (response->status != 200) {
        unsigned status = response->status;
        credential_endpoint_refused(response, err);
        return explain_no_token(status == 403 || status == 404 || status == 405, err);
    }
    if (token.len > TOKEN_MAX_BYTES || !token_is_sendable(token)) {
        return err_set(err, ERR_UNAVAILABLE, "an IMDSv2 token that is not one line of text");
    }
    buf_clear(&exchange->token.bytes);
    secret_buf_add(&exchange->token, token);
    keep_token(exchange, lifetime_ms(response));
    return true;
}

static bool fetch_token(struct exchange *exchange, struct err *err)
{
    struct imds *imds = exchange->imds;
    CLEANUP(buf_done) struct buf url = {0};
    CLEANUP(http_response_done) struct http_response response = {0};
    if (!add_path(imds, PATH_TOKEN, SV(""), &url, err)) {
        return false;
    }
    const struct credential_call call = {
        .method = "PUT",
        .url = url.data,
        .header = {"x-aws-ec2-metadata-token-ttl-seconds", SV("21600")},
        .silence_is_final = true,
    };
    if (!credential_endpoint_call(&imds->endpoint, &call, exchange->request, &response, err)) {
        return explain_no_token(err->kind == ERR_TIMEOUT, err);
    }
    return accept_token(exchange, &response, err);
}

static bool have_token(struct exchange *exchange, struct err *err)
{
    return exchange->token.bytes.len > 0 || take_kept_token(exchange) || fetch_token(exchange, err);
}

/* Reading */

/* Any answer but 401: a token that is not accepted is replaced, once. */
static bool get(struct exchange *exchange, const char *url, struct http_response *ret,
                struct err *err)
{
    for (;;) {
        if (!have_token(exchange, err)) {
            return false;
        }
        const struct credential_call call = {
            .method = "GET",
            .url = url,
            .header = {"x-aws-ec2-metadata-token", secret_buf_view(&exchange->token)},
        };
        if (!credential_endpoint_call(&exchange->imds->endpoint, &call, exchange->request, ret,
                                      err)) {
            return false;
        }
        if (ret->status != 401 || exchange->renewed) {
            return ret->status == 200 || credential_endpoint_refused(ret, err);
        }
        http_response_done(ret);
        forget_token(exchange);
        exchange->renewed = true;
    }
}

/* It becomes a part of a path. */
static bool is_role(struct str_view text)
{
    const struct str_view marks = SV("_+=,.@-");
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (!(byte >= 'a' && byte <= 'z') && !(byte >= 'A' && byte <= 'Z') &&
            !(byte >= '0' && byte <= '9') && sv_find(marks, byte) == marks.len) {
            return false;
        }
    }
    return text.len > 0 && text.len <= ROLE_MAX_BYTES && !sv_is(text, ".") && !sv_is(text, "..");
}

static bool read_role(struct exchange *exchange, struct buf *ret, struct err *err)
{
    CLEANUP(buf_done) struct buf url = {0};
    CLEANUP(http_response_done) struct http_response response = {0};
    if (!add_path(exchange->imds, PATH_ROLES, SV(""), &url, err)) {
        return false;
    }
    if (!get(exchange, url.data, &response, err)) {
        return response.status == 404 ? err_wrap(err, "the instance has no role") : false;
    }
    struct str_view list = secret_buf_view(&response.body);
    struct str_view role = sv_trim(sv_first(list, sv_find(list, '\n')));
    if (!is_role(role)) {
        return err_set(err, ERR_UNAVAILABLE, "an answer that is not the name of a role");
    }
    buf_add(ret, role);
    return true;
}

static bool read_credentials(struct exchange *exchange, struct str_view role,
                             struct credentials **ret, struct err *err)
{
    CLEANUP(buf_done) struct buf url = {0};
    CLEANUP(http_response_done) struct http_response response = {0};
    if (!add_path(exchange->imds, PATH_ROLES, role, &url, err)) {
        return false;
    }
    if (!get(exchange, url.data, &response, err)) {
        return err_wrap(err, "role %.*s", SV_ARG(role));
    }
    return credentials_answer_accept(&response, CREDENTIALS_OF_INSTANCE, exchange->request, ret,
                                     err) ||
           err_wrap(err, "role %.*s", SV_ARG(role));
}

/* The provider */

static bool fetch(struct credentials_provider *provider, const struct credentials_request *request,
                  struct credentials **ret, struct err *err)
{
    CLEANUP(exchange_done)
    struct exchange exchange = {.imds = (struct imds *)provider, .request = request};
    CLEANUP(buf_done) struct buf role = {0};
    secret_buf_init(&exchange.token, TOKEN_MAX_BYTES);
    buf_init(&role, ROLE_MAX_BYTES);
    return (read_role(&exchange, &role, err) &&
            read_credentials(&exchange, buf_view(&role), ret, err)) ||
           err_wrap(err, "instance metadata");
}

static void destroy(struct credentials_provider *provider)
{
    struct imds *imds = (struct imds *)provider;
    credential_endpoint_done(&imds->endpoint);
    secret_buf_done(&imds->token);
    (void)pthread_mutex_destroy(&imds->mutex);
    free(imds);
}

/* Scheme, host and port: the paths are the service's own. */
static bool init_endpoint(struct credential_endpoint *ret, struct str_view url, struct err *err)
{
    struct configured_url parts;
    if (sv_ends_with(url, SV("/"))) {
        url.len--;
    }
    if (configured_url_parse(url, &parts) && parts.rest.len > 0) {
        return err_set(err, ERR_INVALID, "an URL with a path: http://HOST[:PORT] is wanted");
    }
    return credential_endpoint_init(ret, url, CREDENTIALS_OF_INSTANCE, host_resolve, err);
}

bool credentials_imds(struct str_view endpoint, bool ipv6, struct credentials_provider **ret,
                      struct err *err)
{
    struct str_view standard = ipv6 ? SV("http://[fd00:ec2::254]") : SV("http://169.254.169.254");
    struct credential_endpoint made;
    if (!init_endpoint(&made, endpoint.len > 0 ? endpoint : standard, err)) {
        return false;
    }
    struct imds *imds = mem_alloc(sizeof *imds);
    imds->provider.name = "instance metadata";
    imds->provider.fetch = fetch;
    imds->provider.destroy = destroy;
    atomic_init(&imds->provider.references, 1);
    imds->endpoint = made;
    mutex_init(&imds->mutex);
    secret_buf_init(&imds->token, TOKEN_MAX_BYTES);
    *ret = &imds->provider;
    return true;
}
