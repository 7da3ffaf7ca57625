/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that an ExternalSecret is decoded from; for lib/objects/external_secret*.c alone.
 *
 * Each decoder returns views into the JSON until its ..._take_text() has run, and notes in
 * `unsupported` what this version does not render. One thread at a time. */
#ifndef OBJECTS_EXTERNAL_SECRET_PARTS_H
#define OBJECTS_EXTERNAL_SECRET_PARTS_H

#include "base/buf.h"
#include "objects/external_secret.h"
#include "objects/text_pool.h"

/* What remoteRef of data and extract of dataFrom have in common. */
struct remote_ref {
    struct str_view key;
    struct str_view property;
    struct str_view version;
    enum decoding_strategy decoding;
    enum conversion_strategy conversion;
    bool metadata;
    bool null_bytes_fail;
};

struct remote_ref remote_ref_decode(const struct json *ref, const char *path,
                                    struct buf *unsupported);
enum decoding_strategy decoding_decode(const struct json *object, const char *path,
                                       const char *name, struct buf *unsupported);
enum conversion_strategy conversion_decode(const struct json *object, const char *path,
                                           struct buf *unsupported);
bool null_bytes_fail_decode(const struct json *object, const char *path, struct buf *unsupported);
/* A name is required; an empty one is noted. */
struct store_ref store_ref_decode(const struct json *ref, const char *path,
                                  struct buf *unsupported);

/* spec.data and spec.dataFrom. */
void external_secret_decode_data(const struct json *spec, struct external_secret *ret,
                                 struct buf *unsupported);
void external_secret_decode_data_from(const struct json *spec, struct external_secret *ret,
                                      struct buf *unsupported);
void external_secret_data_from_take_text(struct external_secret_data_from *from,
                                         struct text_pool *pool);
void external_secret_data_from_done(struct external_secret_data_from *from);

/* spec.target.template, which is there. */
void external_secret_template_decode(const struct json *json, struct external_secret_template *ret,
                                     struct buf *unsupported);
void external_secret_template_take_text(struct external_secret_template *part,
                                        struct text_pool *pool);
/* Accepts a zeroed one. */
void external_secret_template_done(struct external_secret_template *part);

/* Members of an object of texts; notes `path` when it is another thing. The caller frees. */
struct string_pair *string_pairs_decode(const struct json *object, const char *path,
                                        size_t *ret_count, struct buf *unsupported);
void string_pairs_take_text(struct string_pair *pairs, size_t count, struct text_pool *pool);
/* Elements of an array of texts; likewise. */
struct str_view *texts_decode(const struct json *array, const char *path, size_t *ret_count,
                              struct buf *unsupported);
void texts_take_text(struct str_view *texts, size_t count, struct text_pool *pool);

#endif
