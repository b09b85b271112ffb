// Walls around a process that runs what it does not trust.
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int gleaner_leave_network(void) {
    if (unshare(CLONE_NEWNET) == 0) return 0;
    // Without the rights of root it takes a user namespace of our own.
    return unshare(CLONE_NEWUSER | CLONE_NEWNET);
}

// Landlock, from Linux 5.13 on. Its header is newer than many systems', so that its numbers are written down here
// (Documentation/userspace-api/landlock.rst); they are the same on all architectures.
enum { create_ruleset = 444, add_rule = 445, restrict_self = 446 };
enum { ask_for_version = 1, beneath_path = 1 };
enum {
    may_execute = 1 << 0,
    may_write_file = 1 << 1,
    may_read_file = 1 << 2,
    may_read_folder = 1 << 3,
    // Execute to make_sym: what the first version knows.
    all_of_version_1 = (1 << 13) - 1,
    may_truncate = 1 << 14,
};
enum { may_bind_tcp = 1 << 0, may_connect_tcp = 1 << 1 };
enum { no_sockets_of_others = 1 << 0, no_signals_to_others = 1 << 1 };

struct ruleset {
    uint64_t files;
    uint64_t network; // From version 4 on.
    uint64_t scoped;  // From version 6 on.
};

struct beneath {
    uint64_t allowed;
    int32_t folder;
} __attribute__((packed));

// Everything that the kernel's version can forbid, before anything is allowed.
static int forbid_everything(void) {
    long version = syscall(create_ruleset, NULL, 0, ask_for_version);
    if (version < 1) return -1;
    struct ruleset all = {.files = all_of_version_1 | (version >= 3 ? may_truncate : 0)};
    size_t size = sizeof all.files;
    if (version >= 4) {
        all.network = may_bind_tcp | may_connect_tcp;
        size += sizeof all.network;
    }
    if (version >= 6) {
        all.scoped = no_sockets_of_others | no_signals_to_others;
        size += sizeof all.scoped;
    }
    return (int)syscall(create_ruleset, &all, size, 0);
}

static int allow_below(int rules, const char *path, uint64_t allowed) {
    struct beneath rule = {.allowed = allowed, .folder = open(path, O_PATH | O_CLOEXEC)};
    if (rule.folder < 0) return errno == ENOENT ? 0 : -1;
    long outcome = syscall(add_rule, rules, beneath_path, &rule, 0);
    int failure = errno;
    close(rule.folder);
    errno = failure;
    return outcome == 0 ? 0 : -1;
}

int gleaner_read_only_below(const char *const *folders, int count) {
    int rules = forbid_everything();
    if (rules < 0) return -1;
    int outcome = 0;
    for (int index = 0; index < count && outcome == 0; index++)
        outcome = allow_below(rules, folders[index], may_execute | may_read_file | may_read_folder);
    if (outcome == 0) outcome = allow_below(rules, "/dev/null", may_read_file | may_write_file);
    if (outcome == 0) outcome = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (outcome == 0) outcome = (int)syscall(restrict_self, rules, 0);
    int failure = errno;
    close(rules);
    errno = failure;
    return outcome;
}

static unsigned long address_space(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file) return 0;
    if (fscanf(file, "%lu", &pages) != 1) pages = 0;
    fclose(file);
    return pages * (unsigned long)sysconf(_SC_PAGESIZE);
}

int gleaner_limit_memory(unsigned long byte_count) {
    // Every thread would set 64 MiB of addresses aside for an arena of its own, which it never fills.
    mallopt(M_ARENA_MAX, 2);
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    unsigned long all = address_space() + byte_count;
    struct rlimit limit = {all, all};
    return setrlimit(RLIMIT_AS, &limit);
}

int gleaner_limit_processor(unsigned long seconds) {
    // At the first a signal says what happened, at the second the kernel makes an end of it.
    struct rlimit limit = {seconds, seconds + 1};
    return setrlimit(RLIMIT_CPU, &limit);
}
