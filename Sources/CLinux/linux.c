// What Swift's Glibc module leaves out.
#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/vfs.h>
#include <unistd.h>

int gleaner_syncfs(int descriptor) { return syncfs(descriptor); }

long gleaner_filesystem_kind(int descriptor) {
    struct statfs status;
    return fstatfs(descriptor, &status) == 0 ? (long)status.f_type : -1;
}
