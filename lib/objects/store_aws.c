/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/store_aws.h"

#include "objects/schema.h"

#define PATH "spec.provider.aws"

enum {
    REGION_MAX_BYTES = 32, /* the longest of AWS, us-isob-east-1 and the like, have 16 */
    ELEMENT_PATH_BYTES = 96,
};

/* What the pushing of secrets to AWS needs changes nothing here. */
static const struct schema_field AWS[] = {
    {"service", NULL},
    {"region", NULL},
    {"prefix", NULL},
    {"auth", NULL},
    {"role", NULL},
    {"additionalRoles", NULL},
    {"externalID", NULL},
    {"sessionTags", NULL},
    {"sessionTagsPolicy", NULL},
    {"customSessionTags", NULL},
    {"transitiveTagKeys", NULL},
    {"secretsManager", NULL},
};
static const struct schema_field AUTH[] = {{"jwt", NULL}, {"secretRef", NULL}};
static const struct schema_field JWT[] = {{"serviceAccountRef", NULL}};
static const struct schema_field SERVICE_ACCOUNT[] = {
    {"name", NULL}, {"namespace", NULL}, {"audiences", NULL}};
static const struct schema_field SECRET_REF[] = {
    {"accessKeyIDSecretRef", NULL},
    {"secretAccessKeySecretRef", NULL},
    {"sessionTokenSecretRef", NULL},
};
static const struct schema_field SECRET_KEY[] = {
    {"name", NULL}, {"key", NULL}, {"namespace", NULL}};
static const struct schema_field TAG[] = {{"key", NULL}, {"value", NULL}};

/* It becomes part of a host name. */
static bool is_region(struct str_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        bool letter = byte >= 'a' && byte <= 'z';
        bool digit = byte >= '0' && byte <= '9';
        bool inner_dash = byte == '-' && i > 0 && i + 1 < text.len;
        if (!letter && !digit && !inner_dash) {
            return false;
        }
    }
    return text.len > 0 && text.len <= REGION_MAX_BYTES;
}

static void decode_texts(const struct json *parent, const char *path, const char *name,
                         struct store_texts *ret, struct buf *unsupported)
{
    char list[ELEMENT_PATH_BYTES];
    (void)snprintf(list, sizeof list, "%s.%s", path, name);
    const struct json *array = schema_array(json_member(parent, name), list, unsupported);
    ret->items = mem_alloc_array(array ? array->len : 0, sizeof *ret->items);
    JSON_FOR_EACH (element, array) {
        if (json_string(element).len == 0) {
            schema_note(unsupported, "%s[%zu]", list, ret->count);
        }
        ret->items[ret->count++] = json_string(element);
    }
}

static void decode_tags(const struct json *aws, struct store_tags *ret, struct buf *unsupported)
{
    const struct json *array =
        schema_array(json_member(aws, "sessionTags"), PATH ".sessionTags", unsupported);
    ret->items = mem_alloc_array(array ? array->len : 0, sizeof *ret->items);
    JSON_FOR_EACH (element, array) {
        char path[ELEMENT_PATH_BYTES];
        (void)snprintf(path, sizeof path, PATH ".sessionTags[%zu]", ret->count);
        schema_check(element, path, TAG, ARRAY_LEN(TAG), unsupported);
        struct store_tag *tag = &ret->items[ret->count++];
        tag->key = schema_text(element, path, "key", unsupported);
        tag->value = schema_text(element, path, "value", unsupported);
        if (tag->key.len == 0) {
            schema_note(unsupported, "%s.key", path);
        }
    }
}

static void decode_roles(const struct json *aws, struct store_aws *ret, struct buf *unsupported)
{
    decode_texts(aws, PATH, "additionalRoles", &ret->additional_roles, unsupported);
    if (ret->additional_roles.count > STORE_ADDITIONAL_ROLES_MAX) {
        schema_note(unsupported, PATH ".additionalRoles");
    }
    ret->role = schema_text(aws, PATH, "role", unsupported);
    ret->external_id = schema_text(aws, PATH, "externalID", unsupported);
}

/* A map; External Secrets Operator leaves out what has no name or no value. */
static void decode_custom_tags(const struct json *aws, struct store_tags *ret,
                               struct buf *unsupported)
{
    const struct json *map = json_member(aws, "customSessionTags");
    if (json_is_absent(map)) {
        return;
    }
    if (!json_is(map, JSON_OBJECT)) {
        schema_note(unsupported, PATH ".customSessionTags");
        return;
    }
    ret->items = mem_alloc_array(map->len, sizeof *ret->items);
    JSON_FOR_EACH (member, map) {
        if (!json_is(member, JSON_STRING)) {
            schema_note(unsupported, PATH ".customSessionTags");
        } else if (json_key(member).len && member->len) {
            ret->items[ret->count++] = (struct store_tag){json_key(member), json_string(member)};
        }
    }
}

static void decode_tags_policy(const struct json *aws, struct store_aws *ret,
                               struct buf *unsupported)
{
    struct str_view policy = schema_text(aws, PATH, "sessionTagsPolicy", unsupported);
    if (policy.len == 0 || sv_is(policy, "None")) {
        ret->tags_policy = STORE_TAGS_AS_LISTED;
    } else if (sv_is(policy, "Simple")) {
        ret->tags_policy = STORE_TAGS_SIMPLE;
    } else if (sv_is(policy, "Custom")) {
        ret->tags_policy = STORE_TAGS_CUSTOM;
    } else {
        schema_note(unsupported, PATH ".sessionTagsPolicy");
    }
}

/* The namespace of a reference counts in a ClusterSecretStore only. */
static struct str_view decode_namespace(const struct json *reference, const char *path,
                                        bool cluster, struct buf *unsupported)
{
    struct str_view namespace = schema_text(reference, path, "namespace", unsupported);
    return cluster ? namespace : (struct str_view){0};
}

static void decode_secret_key(const struct json *parent, const char *name, bool required,
                              bool cluster, struct store_secret_key *ret, struct buf *unsupported)
{
    char path[ELEMENT_PATH_BYTES];
    (void)snprintf(path, sizeof path, PATH ".auth.secretRef.%s", name);
    const struct json *reference = json_member(parent, name);
    schema_check(reference, path, SECRET_KEY, ARRAY_LEN(SECRET_KEY), unsupported);
    ret->name = schema_text(reference, path, "name", unsupported);
    ret->key = schema_text(reference, path, "key", unsupported);
    ret->namespace = decode_namespace(reference, path, cluster, unsupported);
    if ((required || !json_is_absent(reference)) && (ret->name.len == 0 || ret->key.len == 0)) {
        schema_note(unsupported, "%s.%s", path, ret->name.len == 0 ? "name" : "key");
    }
}

static void decode_keys(const struct json *reference, bool cluster, struct store_aws *ret,
                        struct buf *unsupported)
{
    ret->auth = STORE_AUTH_KEYS;
    schema_check(reference, PATH ".auth.secretRef", SECRET_REF, ARRAY_LEN(SECRET_REF), unsupported);
    decode_secret_key(reference, "accessKeyIDSecretRef", true, cluster, &ret->access_key_id,
                      unsupported);
    decode_secret_key(reference, "secretAccessKeySecretRef", true, cluster, &ret->secret_access_key,
                      unsupported);
    decode_secret_key(reference, "sessionTokenSecretRef", false, cluster, &ret->session_token,
                      unsupported);
}

static void decode_service_account(const struct json *jwt, bool cluster, struct store_aws *ret,
                                   struct buf *unsupported)
{
    const char *path = PATH ".auth.jwt.serviceAccountRef";
    const struct json *reference = json_member(jwt, "serviceAccountRef");
    ret->auth = STORE_AUTH_SERVICE_ACCOUNT;
    schema_check(jwt, PATH ".auth.jwt", JWT, ARRAY_LEN(JWT), unsupported);
    schema_check(reference, path, SERVICE_ACCOUNT, ARRAY_LEN(SERVICE_ACCOUNT), unsupported);
    ret->service_account = schema_text(reference, path, "name", unsupported);
    ret->service_account_namespace = decode_namespace(reference, path, cluster, unsupported);
    decode_texts(reference, path, "audiences", &ret->audiences, unsupported);
    if (ret->service_account.len == 0) {
        schema_note(unsupported, "%s.name", path);
    }
}

/* jwt wins over secretRef. */
static void decode_auth(const struct json *auth, bool cluster, struct store_aws *ret,
                        struct buf *unsupported)
{
    const struct json *jwt = json_member(auth, "jwt");
    const struct json *keys = json_member(auth, "secretRef");
    schema_check(auth, PATH ".auth", AUTH, ARRAY_LEN(AUTH), unsupported);
    if (!json_is_absent(jwt)) {
        decode_service_account(jwt, cluster, ret, unsupported);
    } else if (!json_is_absent(keys)) {
        decode_keys(keys, cluster, ret, unsupported);
    }
}

void store_aws_decode(const struct json *aws, bool cluster, struct store_aws *ret,
                      struct buf *unsupported)
{
    schema_check(aws, PATH, AWS, ARRAY_LEN(AWS), unsupported);
    ret->region = schema_text(aws, PATH, "region", unsupported);
    if (!is_region(ret->region)) {
        schema_note(unsupported, PATH ".region");
    }
    ret->prefix = schema_text(aws, PATH, "prefix", unsupported);
    /* As in a remote key, which it becomes a part of. */
    if (sv_find(ret->prefix, '\0') < ret->prefix.len) {
        schema_note(unsupported, PATH ".prefix");
    }
    decode_auth(json_member(aws, "auth"), cluster, ret, unsupported);
    decode_roles(aws, ret, unsupported);
    decode_tags_policy(aws, ret, unsupported);
    decode_tags(aws, &ret->session_tags, unsupported);
    decode_custom_tags(aws, &ret->custom_session_tags, unsupported);
    decode_texts(aws, PATH, "transitiveTagKeys", &ret->transitive_tag_keys, unsupported);
}

static void take_key(struct store_secret_key *key, struct text_pool *pool)
{
    text_pool_take(pool, &key->namespace);
    text_pool_take(pool, &key->name);
    text_pool_take(pool, &key->key);
}

static void take_texts(struct store_texts *texts, struct text_pool *pool)
{
    for (size_t i = 0; i < texts->count; i++) {
        text_pool_take(pool, &texts->items[i]);
    }
}

static void take_tags(struct store_tags *tags, struct text_pool *pool)
{
    for (size_t i = 0; i < tags->count; i++) {
        text_pool_take(pool, &tags->items[i].key);
        text_pool_take(pool, &tags->items[i].value);
    }
}

void store_aws_take_text(struct store_aws *aws, struct text_pool *pool)
{
    text_pool_take(pool, &aws->region);
    text_pool_take(pool, &aws->prefix);
    take_key(&aws->access_key_id, pool);
    take_key(&aws->secret_access_key, pool);
    take_key(&aws->session_token, pool);
    text_pool_take(pool, &aws->service_account_namespace);
    text_pool_take(pool, &aws->service_account);
    text_pool_take(pool, &aws->role);
    text_pool_take(pool, &aws->external_id);
    take_texts(&aws->audiences, pool);
    take_texts(&aws->additional_roles, pool);
    take_texts(&aws->transitive_tag_keys, pool);
    take_tags(&aws->session_tags, pool);
    take_tags(&aws->custom_session_tags, pool);
}

void store_aws_done(struct store_aws *aws)
{
    free(aws->audiences.items);
    free(aws->additional_roles.items);
    free(aws->transitive_tag_keys.items);
    free(aws->session_tags.items);
    free(aws->custom_session_tags.items);
}
