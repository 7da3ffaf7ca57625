/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/store_identity.h"

#include "webhook/kube_sink.h"
#include "webhook/secret_keys.h"
#include "webhook/service_account.h"

/* What a finding works on; `found` is the last hop so far. */
struct finding {
    const struct store_identity_request *request;
    const struct store_aws *aws;
    struct service_endpoint *sts;
    char session_name[STS_SESSION_NAME_BYTES];
    struct store_identity found;
};

static void finding_done(struct finding *finding)
{
    store_identity_done(&finding->found);
}

void store_identity_done(struct store_identity *identity)
{
    credentials_provider_release(identity->provider);
    identity->provider = NULL;
}

static struct str_view or_own(struct str_view namespace, const struct finding *finding)
{
    return namespace.len ? namespace : finding->request->namespace;
}

/* ---- Keyturn's own ---- */

bool store_identity_own(struct aws_services *services, struct str_view region,
                        struct store_identity *ret, struct err *err)
{
    struct identity_builder parts;
    struct str_view own_region = aws_services_region(services);
    if (!aws_services_ambient(services, region, &ret->provider, err)) {
        return false;
    }
    identity_begin(&parts);
    identity_add(&parts, SV("ambient"));
    identity_add(&parts, own_region.len ? own_region : region);
    ret->key = identity_end(&parts);
    return true;
}

/* ---- keys in Secrets ---- */

/* Which version of the Secret: as the watch has it, and if it does not have it, by a look. */
static bool add_secret(const struct finding *finding, const struct store_secret_key *reference,
                       struct identity_builder *parts, struct err *err)
{
    const struct store_identity_request *request = finding->request;
    struct str_view namespace = or_own(reference->namespace, finding);
    struct secret *secret = NULL;
    if (reference->name.len == 0) {
        return true;
    }
    secret = world_secret(request->world, namespace, reference->name);
    if (!secret && !kube_sink_look(request->client, NULL, namespace, reference->name,
                                   request->deadline_ms, &secret, err)) {
        return false;
    }
    if (!secret) {
        return err_set(err, ERR_MISSING, "Secret %.*s/%.*s with the AWS keys does not exist",
                       SV_ARG(namespace), SV_ARG(reference->name));
    }
    identity_add(parts, namespace);
    identity_add(parts, reference->name);
    identity_add(parts, reference->key);
    identity_add(parts, secret->uid);
    identity_add(parts, secret->resource_version);
    secret_release(secret);
    return true;
}

static bool find_keys(struct finding *finding, struct err *err)
{
    const struct store_aws *aws = finding->aws;
    struct identity_builder parts;
    identity_begin(&parts);
    identity_add(&parts, SV("keys"));
    bool found = add_secret(finding, &aws->access_key_id, &parts, err) &&
                 add_secret(finding, &aws->secret_access_key, &parts, err) &&
                 add_secret(finding, &aws->session_token, &parts, err);
    finding->found.key = identity_end(&parts);
    if (!found) {
        return false;
    }
    finding->found.provider =
        secret_keys_provider(finding->request->client->config, finding->request->namespace, aws);
    return true;
}

/* ---- a ServiceAccount ---- */

static bool find_service_account(struct finding *finding, struct err *err)
{
    const struct store_aws *aws = finding->aws;
    const struct store_identity_request *request = finding->request;
    struct str_view namespace = or_own(aws->service_account_namespace, finding);
    CLEANUP(service_account_done) struct service_account account = {0};
    struct identity_builder parts;
    char session_name[STS_SESSION_NAME_BYTES];
    if (!service_account_read(request->client, namespace, aws->service_account,
                              request->deadline_ms, &account, err)) {
        return false;
    }
    identity_begin(&parts);
    identity_add(&parts, SV("service account"));
    identity_add(&parts, namespace);
    identity_add(&parts, aws->service_account);
    identity_add(&parts, sv_of(account.uid));
    identity_add(&parts, sv_of(account.role_arn));
    identity_add(&parts, sv_of(account.audience));
    for (size_t i = 0; i < aws->audiences.count; i++) {
        identity_add(&parts, aws->audiences.items[i]);
    }
    identity_add(&parts, aws->region);
    finding->found.key = identity_end(&parts);
    sts_session_name(namespace, aws->service_account, session_name);
    const struct web_identity_token token = service_account_token(
        request->client->config, namespace, aws->service_account, &account, &aws->audiences);
    finding->found.provider = credentials_web_identity(finding->sts, sv_of(account.role_arn),
                                                       sv_of(session_name), &token);
    return true;
}

/* ---- roles ---- */

static void add_role(struct identity_builder *parts, const struct identity_key *base,
                     const struct sts_role *role, struct str_view region)
{
    identity_add(parts, SV("role"));
    identity_add(parts, identity_view(base));
    identity_add(parts, region);
    identity_add(parts, role->arn);
    identity_add(parts, role->session_name);
    identity_add(parts, role->external_id);
    for (size_t i = 0; i < role->tag_count; i++) {
        identity_add(parts, SV("tag"));
        identity_add(parts, role->tags[i].key);
        identity_add(parts, role->tags[i].value);
    }
    for (size_t i = 0; i < role->transitive_count; i++) {
        identity_add(parts, SV("transitive"));
        identity_add(parts, role->transitive_keys[i]);
    }
}

static void assume(struct finding *finding, const struct sts_role *role)
{
    struct identity_builder parts;
    identity_begin(&parts);
    add_role(&parts, &finding->found.key, role, finding->aws->region);
    struct credentials_provider *provider =
        credentials_assume_role(finding->sts, aws_services_credentials(finding->request->services),
                                &finding->found.key, finding->found.provider, role);
    credentials_provider_release(finding->found.provider);
    finding->found.provider = provider;
    finding->found.key = identity_end(&parts);
}

static size_t list_tags(const struct finding *finding, struct sts_tag *ret)
{
    const struct store *store = finding->request->store;
    const struct store_tags *listed = finding->aws->tags_policy == STORE_TAGS_AS_LISTED
                                          ? &finding->aws->session_tags
                                          : &finding->aws->custom_session_tags;
    size_t count = 0;
    if (finding->aws->tags_policy != STORE_TAGS_AS_LISTED) {
        ret[count++] = (struct sts_tag){SV("esoNamespace"), finding->request->namespace};
        ret[count++] = (struct sts_tag){SV("esoStoreName"), store->name};
        ret[count++] = (struct sts_tag){
            SV("esoStoreKind"), store->cluster ? SV("ClusterSecretStore") : SV("SecretStore")};
    }
    for (size_t i = 0; finding->aws->tags_policy != STORE_TAGS_SIMPLE && i < listed->count; i++) {
        ret[count++] = (struct sts_tag){listed->items[i].key, listed->items[i].value};
    }
    return count;
}

static void assume_roles(struct finding *finding)
{
    enum { OWN_TAGS = 3 };
    const struct store_aws *aws = finding->aws;
    struct sts_role role = {.session_name = sv_of(finding->session_name)};
    for (size_t i = 0; i < aws->additional_roles.count; i++) {
        role.arn = aws->additional_roles.items[i];
        assume(finding, &role);
    }
    if (aws->role.len == 0) {
        return;
    }
    CLEANUP(mem_free_ptr)
    struct sts_tag *tags = mem_alloc_array(
        OWN_TAGS + aws->session_tags.count + aws->custom_session_tags.count, sizeof *tags);
    role.arn = aws->role;
    role.external_id = aws->external_id;
    role.tags = tags;
    role.tag_count = list_tags(finding, tags);
    role.transitive_keys = aws->transitive_tag_keys.items;
    role.transitive_count = aws->transitive_tag_keys.count;
    assume(finding, &role);
}

static bool find_base(struct finding *finding, struct err *err)
{
    switch (finding->aws->auth) {
    case STORE_AUTH_AMBIENT:
        return store_identity_own(finding->request->services, finding->aws->region, &finding->found,
                                  err);
    case STORE_AUTH_KEYS:
        return find_keys(finding, err);
    case STORE_AUTH_SERVICE_ACCOUNT:
        return find_service_account(finding, err);
    }
    return err_set(err, ERR_INTERNAL, "unknown form of auth");
}

bool store_identity_find(const struct store_identity_request *request, struct store_identity *ret,
                         struct err *err)
{
    CLEANUP(finding_done)
    struct finding finding = {.request = request, .aws = &request->store->aws};
    /* An auth that could not be read stands there as none. */
    if (request->store->unsupported.len) {
        return err_set(err, ERR_INVALID, "%.*s is not supported",
                       SV_ARG(request->store->unsupported));
    }
    /* A ClusterSecretStore has one session for all namespaces, unless its tags tell them apart. */
    sts_session_name(request->store->cluster ? SV("cluster") : request->namespace,
                     request->store->name, finding.session_name);
    if (!aws_services_endpoint(request->services, ENDPOINT_STS, finding.aws->region, &finding.sts,
                               err) ||
        !find_base(&finding, err)) {
        return false;
    }
    assume_roles(&finding);
    *ret = finding.found;
    finding.found.provider = NULL;
    return true;
}
