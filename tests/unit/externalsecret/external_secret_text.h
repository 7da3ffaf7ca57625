/* SPDX-License-Identifier: Apache-2.0 */
/* An ExternalSecret or a store from a literal, read as the API server's answers are. */
#ifndef EXTERNAL_SECRET_TEXT_H
#define EXTERNAL_SECRET_TEXT_H

#include "json_text.h"
#include "objects/external_secret.h"
#include "objects/store.h"

/* `metadata` and `spec` are the insides of these objects. */
static inline struct external_secret *external_secret_of(const char *metadata, const char *spec)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, LIMIT_ELEMENT_BYTES);
    buf_printf(
        &text,
        "{'apiVersion':'external-secrets.io/v1','kind':'ExternalSecret',"
        "'metadata':{'namespace':'prod','name':'db','uid':'es-uid','resourceVersion':'5',"
        "'generation':1%s},'spec':{'secretStoreRef':{'name':'store','kind':'SecretStore'}%s}}",
        metadata, spec);
    CLEANUP(json_text_done) struct json_text json = json_text_of(text.data);
    struct external_secret *ret = NULL;
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json.root, &ret, &err), "%s", err.message);
    return ret;
}

static inline struct store *store_of(const char *spec)
{
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, LIMIT_ELEMENT_BYTES);
    buf_printf(&text,
               "{'apiVersion':'external-secrets.io/v1','kind':'SecretStore',"
               "'metadata':{'namespace':'prod','name':'store','uid':'s','resourceVersion':'3'},"
               "'spec':{%s}}",
               spec);
    CLEANUP(json_text_done) struct json_text json = json_text_of(text.data);
    struct store *ret = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, false, &ret, &err), "%s", err.message);
    return ret;
}

static inline void external_secret_release_ptr(struct external_secret **external_secret)
{
    external_secret_release(*external_secret);
}

static inline void store_release_ptr(struct store **store)
{
    store_release(*store);
}

#endif
