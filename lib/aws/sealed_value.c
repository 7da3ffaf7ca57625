/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sealed_value.h"

enum {
    LENGTH_BYTES = sizeof(size_t),
};

enum part {
    PART_STRING = 's',
    PART_BINARY = 'b',
};

/* The length in front of the context keeps its end apart from the version. */
static void compose(struct buf *bound, enum part part, struct str_view context, const char *version)
{
    buf_init(bound, 1 + LENGTH_BYTES + context.len + REMOTE_VERSION_BYTES);
    buf_add_byte(bound, (char)part);
    buf_append(bound, &context.len, LENGTH_BYTES);
    buf_add(bound, context);
    buf_add_str(bound, version);
    /* What was cut at the end would bind to less than it says. */
    if (bound->failed) {
        abort();
    }
}

static void seal_part(struct aead *aead, enum part part, struct str_view context,
                      const struct remote_value *value, struct aead_sealed *ret)
{
    const struct secret_buf *plain = part == PART_STRING ? &value->string : &value->binary;
    CLEANUP(buf_done) struct buf bound;
    compose(&bound, part, context, value->version);
    aead_seal(aead, buf_view(&bound), secret_buf_view(plain), ret);
}

void sealed_value_make(struct aead *aead, struct str_view context, const struct remote_value *value,
                       struct sealed_value *ret)
{
    *ret = (struct sealed_value){
        .has_string = value->has_string,
        .has_binary = value->has_binary,
        .name = value->name ? str_dup(value->name) : NULL,
        .arn = value->arn ? str_dup(value->arn) : NULL,
    };
    memcpy(ret->version, value->version, sizeof ret->version);
    if (value->has_string) {
        seal_part(aead, PART_STRING, context, value, &ret->string);
    }
    if (value->has_binary) {
        seal_part(aead, PART_BINARY, context, value, &ret->binary);
    }
}

void sealed_value_done(struct sealed_value *sealed)
{
    aead_sealed_done(&sealed->string);
    aead_sealed_done(&sealed->binary);
    free(sealed->name);
    free(sealed->arn);
    *sealed = (struct sealed_value){0};
}

static bool open_part(struct aead *aead, enum part part, struct str_view context,
                      const struct sealed_value *sealed, struct secret_buf *ret, struct err *err)
{
    const struct aead_sealed *bytes = part == PART_STRING ? &sealed->string : &sealed->binary;
    CLEANUP(buf_done) struct buf bound;
    compose(&bound, part, context, sealed->version);
    secret_buf_init(ret, bytes->len);
    return aead_open(aead, buf_view(&bound), bytes, ret, err);
}

bool sealed_value_open(struct aead *aead, struct str_view context,
                       const struct sealed_value *sealed, struct remote_value *ret, struct err *err)
{
    CLEANUP(remote_value_done)
    struct remote_value value = {
        .has_string = sealed->has_string,
        .has_binary = sealed->has_binary,
    };
    if (sealed->has_string && !open_part(aead, PART_STRING, context, sealed, &value.string, err)) {
        return false;
    }
    if (sealed->has_binary && !open_part(aead, PART_BINARY, context, sealed, &value.binary, err)) {
        return false;
    }
    memcpy(value.version, sealed->version, sizeof value.version);
    value.name = sealed->name ? str_dup(sealed->name) : NULL;
    value.arn = sealed->arn ? str_dup(sealed->arn) : NULL;
    remote_value_move(ret, &value);
    return true;
}

static size_t text_bytes(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

size_t sealed_value_bytes(const struct sealed_value *sealed)
{
    return sealed->string.len + sealed->binary.len + text_bytes(sealed->name) +
           text_bytes(sealed->arn);
}
