/* SPDX-License-Identifier: Apache-2.0 */
/* A world written as JSON, for tests of what decides about facts:
 *
 *     {"secrets": {"db": {"presence": "present", "data": {"PW": "plain text"},
 *                         "described": "absent"}},
 *      "others": "absent",          presence of names not listed
 *      "key": "k"}                  installation key: this byte 32 times; null: none
 */
#ifndef TESTS_FACTS_TEXT_H
#define TESTS_FACTS_TEXT_H

#include "base/encode.h"
#include "base/limits.h"
#include "world/facts.h"
#include "world/fingerprint.h"

static inline enum presence presence_from_text(const struct json *text, enum presence otherwise)
{
    static const char *const names[] = {"unknown", "absent", "present"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (json_string_is(text, names[i])) {
            return (enum presence)i;
        }
    }
    return otherwise;
}

/* False when the world has no key. */
static inline bool fingerprint_keys_from_json(const struct json *world,
                                              struct fingerprint_keys *ret)
{
    const struct json *key = json_member(world, "key");
    if (json_is(key, JSON_NULL)) {
        return false;
    }
    unsigned char bytes[INSTALLATION_KEY_BYTES];
    memset(bytes, json_string(key).len > 0 ? json_string(key).data[0] : 'k', sizeof bytes);
    fingerprint_keys_derive(bytes, ret);
    return true;
}

/* A Secret of these plain values; NULL when it cannot be decoded. */
static inline struct secret *secret_from_json(struct str_view namespace, struct str_view name,
                                              const struct json *data,
                                              const struct fingerprint_keys *keys)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, 2 * LIMIT_SECRET_DATA_BYTES);
    buf_printf(&text, "{\"metadata\":{\"namespace\":\"%.*s\",\"name\":\"%.*s\"},\"data\":{",
               SV_ARG(namespace), SV_ARG(name));
    const char *comma = "";
    JSON_FOR_EACH (value, data) {
        buf_add_str(&text, comma);
        encode_json_string(&text, json_key(value));
        buf_add_str(&text, ":\"");
        encode_base64(&text, json_string(value));
        buf_add_str(&text, "\"");
        comma = ",";
    }
    buf_add_str(&text, "}}");

    struct json_doc doc = {0};
    const struct json_limits limits = {.max_nodes = LIMIT_REVIEW_NODES,
                                       .max_depth = LIMIT_JSON_DEPTH};
    const struct json *object = NULL;
    struct secret *secret = NULL;
    struct err err = {0};
    if (!json_parse(&doc, text.data, text.len, &limits, &object, &err) ||
        !secret_decode(object, keys ? &keys->digest : NULL, &secret, &err)) {
        secret = NULL;
    }
    json_doc_done(&doc);
    return secret;
}

/* `facts` has its namespace; every valid name in `refs` gets what `world` says. */
static inline void facts_from_json(const struct json *world, const struct secret_ref_list *refs,
                                   const struct fingerprint_keys *keys, struct facts *facts)
{
    facts_add_names(facts, refs);
    enum presence others = presence_from_text(json_member(world, "others"), PRESENCE_ABSENT);
    for (size_t i = 0; i < facts->count; i++) {
        struct fact *fact = &facts->items[i];
        const struct json *entry = json_member(json_member(world, "secrets"), fact->name);
        struct secret *secret = NULL;
        enum presence presence =
            presence_from_text(json_member(entry, "presence"), entry ? PRESENCE_PRESENT : others);
        fact->described = presence_from_text(json_member(entry, "described"), PRESENCE_ABSENT);
        if (presence == PRESENCE_PRESENT) {
            secret = secret_from_json(sv_of(facts->namespace), sv_of(fact->name),
                                      json_member(entry, "data"), keys);
            presence = secret ? presence : PRESENCE_UNKNOWN;
        }
        facts_set(facts, sv_of(fact->name), presence, secret);
        secret_release(secret);
    }
}

#endif
