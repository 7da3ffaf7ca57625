/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/managed.h"

static const char MANAGER_PREFIX[] = "externalsecrets.external-secrets.io/";

enum {
    LABEL_VALUE_BYTES = 63, /* the limit of a label's value, which the operator goes by */
};

void managed_created_by(struct str_view namespace, struct str_view name,
                        char ret[SHA3_224_HEX_BYTES])
{
    struct sha3_224 *hash = sha3_224_new();
    sha3_224_update(hash, namespace.data, namespace.len);
    sha3_224_update(hash, "/", 1);
    sha3_224_update(hash, name.data, name.len);
    sha3_224_finish(hash, ret);
}

static void write_manager(struct str_view name, bool plain, char ret[FIELD_MANAGER_BYTES])
{
    char digest[SHA3_224_HEX_BYTES];
    if (plain) {
        (void)snprintf(ret, FIELD_MANAGER_BYTES, "%s%.*s", MANAGER_PREFIX, SV_ARG(name));
        return;
    }
    sha3_224_hex(name, digest);
    (void)snprintf(ret, FIELD_MANAGER_BYTES, "%ssha3/%s", MANAGER_PREFIX, digest);
}

void managed_field_manager(struct str_view name, char ret[FIELD_MANAGER_BYTES])
{
    bool plain = sizeof MANAGER_PREFIX - 1 + name.len <= LABEL_VALUE_BYTES;
    write_manager(name, plain, ret);
}

void managed_metadata_manager(struct str_view name, char ret[FIELD_MANAGER_BYTES])
{
    write_manager(name, name.len <= LABEL_VALUE_BYTES, ret);
}
