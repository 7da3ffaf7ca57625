/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates of AWS's stand-in: RSA of 2048 bits and SHA-256, the leaf under an intermediate
 * authority that is sent along, as the regional endpoints of AWS present themselves (Amazon Trust
 * Services, "Amazon RSA 2048 M0n"). What a client spends on a new connection is for a good part the
 * verifying of these; what it costs to make such a signature is the far end's. Main's thread. */
#ifndef TESTS_BENCH_FAR_CERTIFICATE_H
#define TESTS_BENCH_FAR_CERTIFICATE_H

#include "base/secret_buf.h"

/* For loopback, valid for a day. `ca` is the root, for the client's CA file; `chain` the leaf and
 * the intermediate; all PEM, into buffers that are initialised. Dies where it cannot. */
void far_certificate_make(struct buf *ca, struct buf *chain, struct secret_buf *key);

#endif
