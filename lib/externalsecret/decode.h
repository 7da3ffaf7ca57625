/* SPDX-License-Identifier: Apache-2.0 */
/* decodingStrategy and nullBytePolicy: what happens to a fetched value before it is data. Rules:
 * external-secrets.md §2.3 (Go encoding/base64). Any thread. */
#ifndef EXTERNALSECRET_DECODE_H
#define EXTERNALSECRET_DECODE_H

#include "base/secret_buf.h"
#include "objects/external_secret.h"

/* In place. Base64 and Base64URL: padding required, CR and LF ignored, non-zero trailing bits
 * accepted. Auto: standard, then URL, else the value as it is. ERR_INVALID says the strategy and
 * nothing of the value; `value` is unchanged then. */
MUST_CHECK bool decode_value(enum decoding_strategy strategy, struct secret_buf *value,
                             struct err *err);
/* ERR_INVALID when the policy is Fail and there is a U+0000 in it. */
MUST_CHECK bool decode_check_null_bytes(bool fail, struct str_view value, struct err *err);

#endif
