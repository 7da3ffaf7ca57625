/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/service_account.h"

#include "base/encode.h"
#include "base/limits.h"

enum {
    /* The least the API server grants; the token is needed for one exchange only. */
    TOKEN_SECONDS = 600,
    NODES = 4096,
    DEPTH = 64,
};

void service_account_done(struct service_account *account)
{
    free(account->uid);
    free(account->role_arn);
    free(account->audience);
    *account = (struct service_account){0};
}

static const struct json_limits LIMITS = {.max_nodes = NODES, .max_depth = DEPTH};

static bool take(const struct json *object, struct str_view namespace, struct str_view name,
                 struct service_account *ret, struct err *err)
{
    const struct json *metadata = json_member(object, "metadata");
    const struct json *annotations = json_member(metadata, "annotations");
    struct str_view role = json_string(json_member(annotations, "eks.amazonaws.com/role-arn"));
    struct str_view audience = json_string(json_member(annotations, "eks.amazonaws.com/audience"));
    if (role.len == 0) {
        return err_set(err, ERR_INVALID,
                       "ServiceAccount %.*s/%.*s has no annotation eks.amazonaws.com/role-arn",
                       SV_ARG(namespace), SV_ARG(name));
    }
    ret->uid = sv_dup(json_string(json_member(metadata, "uid")));
    ret->role_arn = sv_dup(role);
    ret->audience = sv_dup(audience.len ? audience : SV("sts.amazonaws.com"));
    return true;
}

bool service_account_read(const struct kube_client *client, struct str_view namespace,
                          struct str_view name, int64_t deadline_ms, struct service_account *ret,
                          struct err *err)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    const struct kube_target target = {
        .resource = &kube_service_accounts, .namespace = namespace, .name = name};
    return kube_get(client, &target, deadline_ms, &response, err) &&
           json_parse(&doc, response.body.bytes.data, response.body.bytes.len, &LIMITS, &root,
                      err) &&
           take(root, namespace, name, ret, err);
}

/* What one token is asked for with. */
struct token_request {
    struct kube_config *config;
    char *namespace;
    char *name;
    char *body; /* the TokenRequest */
};

static void token_request_free(void *context)
{
    struct token_request *request = context;
    free(request->namespace);
    free(request->name);
    free(request->body);
    free(request);
}

static char *compose(const struct service_account *account, const struct store_texts *audiences)
{
    CLEANUP(buf_done) struct buf body = {0};
    buf_init(&body, LIMIT_KUBE_BODY_BYTES);
    buf_add_str(&body, "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenRequest\","
                       "\"spec\":{\"audiences\":[");
    encode_json_string(&body, sv_of(account->audience));
    for (size_t i = 0; i < audiences->count; i++) {
        buf_add_byte(&body, ',');
        encode_json_string(&body, audiences->items[i]);
    }
    buf_printf(&body, "],\"expirationSeconds\":%d}}", TOKEN_SECONDS);
    return buf_take(&body);
}

static bool take_token(struct kube_response *response, struct secret_buf *ret, struct err *err)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    if (!json_parse(&doc, response->body.bytes.data, response->body.bytes.len, &LIMITS, &root,
                    err)) {
        return false;
    }
    struct str_view token = json_string(json_path(root, "status", "token", NULL));
    if (token.len == 0) {
        return err_set(err, ERR_UNAVAILABLE, "the API server issued no token");
    }
    secret_buf_add(ret, token);
    return secret_buf_check(ret, "token", err);
}

static bool read_token(void *context, const struct credentials_request *request,
                       struct secret_buf *ret, struct err *err)
{
    const struct token_request *wanted = context;
    CLEANUP(kube_response_done) struct kube_response response = {0};
    const struct kube_client client = {.config = wanted->config,
                                       .transport = request->thread->transport,
                                       .clock = request->thread->clock};
    const struct kube_target target = {.resource = &kube_service_accounts,
                                       .namespace = sv_of(wanted->namespace),
                                       .name = sv_of(wanted->name),
                                       .subresource = "token"};
    return (kube_create(&client, &target, (struct str_view){0}, sv_of(wanted->body),
                        request->deadline_ms, &response, err) &&
            take_token(&response, ret, err)) ||
           err_wrap(err, "token of ServiceAccount %s/%s", wanted->namespace, wanted->name);
}

struct web_identity_token service_account_token(struct kube_config *config,
                                                struct str_view namespace, struct str_view name,
                                                const struct service_account *account,
                                                const struct store_texts *audiences)
{
    struct token_request *request = mem_alloc(sizeof *request);
    request->config = config;
    request->namespace = sv_dup(namespace);
    request->name = sv_dup(name);
    request->body = compose(account, audiences);
    return (struct web_identity_token){
        .read = read_token, .release = token_request_free, .context = request};
}
