/* SPDX-License-Identifier: Apache-2.0 */
/* External Secrets Operator's provider "fake": the values stand in the store itself. For tests and
 * demonstrations; reads nothing but the record. Any thread. */
#ifndef EXTERNALSECRET_FAKE_SOURCE_H
#define EXTERNALSECRET_FAKE_SOURCE_H

#include "externalsecret/source.h"

/* Key and version both have to match; of several the last counts. ERR_MISSING names the key. It
 * finds by name alone, and of each key the version that sorts last; what it finds it names by the
 * converted keys, so that a rewrite sees those, and two keys that become one are ERR_INVALID. It
 * has no metadata, and answers the value where that is asked for. */
struct secret_source fake_source(void);

#endif
