/*
 * Counts the allocations of a process by the way they came about: loaded before everything else, it writes a line for
 * each way when the process ends.
 *
 * GLEANER_ALLOCATIONS names the file, and GLEANER_THREADS the threads that are looked at, parted by blanks. A line is
 * the thread's name, how many allocations, and the callers from the inside out, each as OBJECT+OFFSET; parted by tabs.
 * glibc alone has the functions that it stands on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

/* Itself and what called it are not told of. */
#define SKIPPED 2
#define DEPTH 40
#define WAYS (1 << 16)
#define STEPS 64

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

struct way {
  char thread[16];
  void *callers[DEPTH];
};

static struct way ways[WAYS];
static uint64_t counts[WAYS];
static uint64_t lost; /* in more ways than there is room for */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_on;
static const char *threads;
/* Looking at the stack may allocate. */
static __thread bool is_counting __attribute__((tls_model("initial-exec")));

static void add(const struct way *way) {
  uint64_t hash = 14695981039346656037u;
  const unsigned char *bytes = (const unsigned char *)way;
  for (size_t index = 0; index < sizeof *way; index++) hash = (hash ^ bytes[index]) * 1099511628211u;
  for (size_t step = 0; step < STEPS; step++) {
    size_t place = (hash + step) % WAYS;
    if (counts[place] == 0) ways[place] = *way;
    if (memcmp(&ways[place], way, sizeof *way) != 0) continue;
    counts[place]++;
    return;
  }
  lost++;
}

static bool is_looked_at(const char *thread) {
  const char *found = threads ? strstr(threads, thread) : NULL;
  size_t length = strlen(thread);
  return found && (found == threads || found[-1] == ' ') && (found[length] == ' ' || found[length] == 0);
}

static void __attribute__((noinline)) count(void) {
  if (!is_on || is_counting) return;
  is_counting = true;
  struct way way = {0};
  prctl(PR_GET_NAME, way.thread);
  if (is_looked_at(way.thread)) {
    void *callers[DEPTH + SKIPPED];
    int depth = backtrace(callers, DEPTH + SKIPPED) - SKIPPED;
    memcpy(way.callers, callers + SKIPPED, depth * sizeof *callers);
    pthread_mutex_lock(&lock);
    add(&way);
    pthread_mutex_unlock(&lock);
  }
  is_counting = false;
}

void *malloc(size_t size) {
  count();
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
  count();
  return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
  count();
  *result = __libc_memalign(alignment, size);
  return *result ? 0 : ENOMEM;
}

__attribute__((constructor)) static void begin(void) {
  void *callers[1];
  backtrace(callers, 1); /* loads what it needs */
  /* Programs that this one starts are not counted. */
  unsetenv("LD_PRELOAD");
  threads = getenv("GLEANER_THREADS");
  is_on = true;
}

__attribute__((destructor)) static void end(void) {
  is_on = false;
  const char *path = getenv("GLEANER_ALLOCATIONS");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  if (lost) fprintf(file, "lost\t%" PRIu64 "\t\n", lost);
  for (size_t place = 0; place < WAYS; place++) {
    if (counts[place] == 0) continue;
    fprintf(file, "%s\t%" PRIu64, ways[place].thread, counts[place]);
    for (int index = 0; index < DEPTH && ways[place].callers[index]; index++) {
      Dl_info info = {0};
      /* A return address lies behind its call. */
      char *caller = (char *)ways[place].callers[index] - 1;
      if (dladdr(caller, &info) && info.dli_fname)
        fprintf(file, "\t%s+0x%tx", info.dli_fname, caller - (char *)info.dli_fbase);
    }
    fputc('\n', file);
  }
  fclose(file);
}
