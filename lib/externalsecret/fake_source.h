/* SPDX-License-Identifier: Apache-2.0 */
/* External Secrets Operator's provider "fake": the values stand in the store itself. For tests and
 * demonstrations; reads nothing but the record. Any thread. */
#ifndef EXTERNALSECRET_FAKE_SOURCE_H
#define EXTERNALSECRET_FAKE_SOURCE_H

#include "externalsecret/source.h"

/* Key and version both have to match; of several the last counts. ERR_MISSING names the key. */
struct secret_source fake_source(void);

#endif
