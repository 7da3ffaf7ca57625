/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds every file named, and every file below every folder named, to the target once. */
#include <ftw.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned long fed;
static const char *failed;

static int feed(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)where;
    if (type != FTW_F) {
        return 0;
    }
    failed = path;
    size_t size = (size_t)status->st_size;
    /* Exactly as large as the file, so that a sanitizer sees one byte too many being read. */
    uint8_t *data = malloc(size ? size : 1);
    FILE *file = fopen(path, "rb");
    if (!data || !file || fread(data, 1, size, file) != size) {
        return 1;
    }
    (void)fclose(file);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    fed++;
    failed = NULL;
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (nftw(argv[i], feed, 16, FTW_PHYS) != 0) {
            (void)fprintf(stderr, "cannot read %s\n", failed ? failed : argv[i]);
            return EXIT_FAILURE;
        }
    }
    (void)printf("%lu inputs\n", fed);
    return fed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
