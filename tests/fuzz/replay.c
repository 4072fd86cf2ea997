/* SPDX-License-Identifier: Apache-2.0 */
/* Hands every kept input of one fuzz target to it again, without a fuzzer; part of `make unit`. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1 << 20) /* bytes; no door of ours takes more from a stranger at once */
#define PATH_SIZE 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The target gets a block of exactly the file's size, so that a sanitizer sees a read behind its
 * end. */
static bool replay_file(const char *path)
{
    static uint8_t whole[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    size_t size = fread(whole, 1, sizeof whole, file);
    bool read_all = ferror(file) == 0 && fgetc(file) == EOF;
    fclose(file);

    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (!read_all || exact == NULL) {
        free(exact);
        return false;
    }
    memcpy(exact, whole, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return true;
}

/* Runs the corpus named by the program's own name; an input that breaks the target ends the
 * process, and its path is the last line. */
int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    char folder[PATH_SIZE / 2];
    char path[PATH_SIZE];
    snprintf(folder, sizeof folder, "%s/%s", argc > 1 ? argv[1] : "tests/fuzz/corpus",
             slash != NULL ? slash + 1 : argv[0]);
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        printf("no corpus at %s\n", folder);
        return 1;
    }
    unsigned passed = 0;
    unsigned failed = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        printf("%s\n", path);
        fflush(stdout);
        if (replay_file(path)) {
            passed++;
        } else {
            failed++;
        }
    }
    closedir(dir);
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
