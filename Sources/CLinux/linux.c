// What Swift's Glibc module leaves out.
#define _GNU_SOURCE
#include "CLinux.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <unistd.h>

int gleaner_syncfs(int descriptor) { return syncfs(descriptor); }

void gleaner_begin_writing_out(int descriptor) { sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WRITE); }

void gleaner_write_out(int descriptor) {
    sync_file_range(descriptor, 0, 0,
                    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}

long gleaner_filesystem_kind(int descriptor) {
    struct statfs status;
    return fstatfs(descriptor, &status) == 0 ? (long)status.f_type : -1;
}

int gleaner_clock_is_set(void) {
    struct timex clock = {.modes = 0};
    if (adjtimex(&clock) < 0) return -1;
    return (clock.status & STA_UNSYNC) == 0;
}

void gleaner_name_thread(const char *name) { prctl(PR_SET_NAME, name); }
