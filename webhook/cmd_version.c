/* SPDX-License-Identifier: Apache-2.0 */
/* keyturn version: its own and that of the libraries it runs with. */
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>

#include "webhook/commands.h"

int cmd_version(int argc, char *const *argv)
{
    (void)argv;
    if (argc > 0) {
        struct err err = {0};
        (void)err_set(&err, ERR_INVALID, "takes no options");
        return command_fail("keyturn version", &err, EXIT_USAGE);
    }
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, 1024);
    buf_printf(&out, "keyturn %s\n", KEYTURN_VERSION);
    buf_printf(&out, "libmicrohttpd %s, GnuTLS %s, libcurl %s, cJSON %s\n", MHD_get_version(),
               gnutls_check_version(NULL), curl_version_info(CURLVERSION_NOW)->version,
               cJSON_Version());
    return command_print(&out);
}
