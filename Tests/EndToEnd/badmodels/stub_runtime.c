/*
 * An ONNX Runtime whose models can be told to misbehave.
 *
 * It is the real library, but for a model whose bytes hold a mark such as `gleaner-misbehaves:crash@run=5;` (a note in
 * the model's metadata will do): that one crashes at its fifth run, or whatever its mark says. All other models in the
 * same process are served as ever.
 *
 *   mark       gleaner-misbehaves:BEHAVIOUR@load;  or  gleaner-misbehaves:BEHAVIOUR@run=N,OPTION=VALUE,...;
 *   @load      while the model is loaded
 *   @run=N     at run N of a session, counted from 1, and at each one after it; times=K: at only K of them
 *   in=WORD    only in a process with this word among its arguments: `in=run` spares the child that proves a model,
 *              and plays a model that lies in its proof
 *
 * The behaviours, with their options and what those are by default, are in the table `behaviours` below.
 *
 * REAL_LIBRARY (when compiled) or GLEANER_STUB_REAL (in the environment) is the path of the real library. When
 * GLEANER_STUB_LOG names a file, each misbehaviour first adds a line to it: seconds of the monotonic clock, process,
 * behaviour, number of the run (0: while loading).
 */
#define _GNU_SOURCE
#ifndef __clang__ /* Of these the header is full, and only clang knows them. */
#define _Nullable
#define _Nonnull
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#endif
#include "COnnxRuntime.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char mark_start[] = "gleaner-misbehaves:";
enum { mark_length_max = 512, ort_fail = 1 };

/* The real library's table, and the copy of it that is handed out. */
static const OrtApi *real;
static OrtApi table;

/* Functions of the real table that Gleaner does not use, so that its header skips them; slots as in OrtApi. */
typedef OrtStatus *create_status(int code, const char *message);
typedef OrtStatus *get_bound_outputs(const OrtIoBinding *binding, OrtAllocator *allocator, OrtValue ***values,
                                     size_t *count);

static void *slot(size_t number) { return ((void *const *)real)[number]; }

static OrtStatus *failure(const char *message) {
  create_status *create;
  *(void **)&create = slot(0);
  return create(ort_fail, message);
}

/* What a model was told to do. */
struct order {
  const struct behaviour *behaviour;
  bool is_at_load;
  long first_run, times;
  long mib, mib_max, kib, ms, port, status;
  char path[mark_length_max], word[64];
};

/* A session that misbehaves. */
struct session {
  const OrtSession *ort;
  struct order order;
  long runs;
  /* Of the first run; null where there is none. */
  struct output {
    void *bytes;
    size_t byte_count;
  } first[16];
  struct session *next;
};

struct behaviour {
  const char *name;
  /* Before the model is loaded or run. Returns the status to fail with, or null. */
  OrtStatus *(*before)(const struct order *order);
  /* After a run that succeeded, for each output. */
  void (*after)(struct session *session, size_t index, OrtValue *value);
};

/* MARK: What is done before a run, or while loading */

static OrtStatus *crash(const struct order *order) {
  (void)order;
  volatile int *volatile nowhere = NULL;
  *nowhere = 1;
  return NULL;
}

static OrtStatus *end_by_abort(const struct order *order) {
  (void)order;
  abort();
}

static OrtStatus *end_by_exit(const struct order *order) { exit((int)order->status); }

static OrtStatus *hang(const struct order *order) {
  (void)order;
  for (;;) pause();
  return NULL;
}

static OrtStatus *spin(const struct order *order) {
  (void)order;
  for (volatile unsigned long turns = 0;; turns++) {}
  return NULL;
}

/* Fails as the real library does when there is no more memory. Stops growing in time for the machine to survive. */
static OrtStatus *leak(const struct order *order) {
  static long leaked_mib;
  if (leaked_mib + order->mib > order->mib_max) return NULL;
  size_t byte_count = (size_t)order->mib << 20;
  char *bytes = malloc(byte_count);
  if (!bytes) return failure("Failed to allocate memory");
  for (size_t at = 0; at < byte_count; at += 1024) ((volatile char *)bytes)[at] = 1;
  leaked_mib += order->mib;
  return NULL;
}

static OrtStatus *wait_long(const struct order *order) {
  struct timespec left = {order->ms / 1000, order->ms % 1000 * 1000000};
  while (nanosleep(&left, &left) != 0) {}
  return NULL;
}

static OrtStatus *fail(const struct order *order) {
  (void)order;
  return failure("the model was told to fail");
}

/* Looks like a document that says yes, like a terminal's control codes and like noise. */
static OrtStatus *print(const struct order *order) {
  static const char rubbish[] = "{\"ok\": true, \"verdict\": \"passed\"}\n\033[2J\001\377\376 rubbish of a model\r\n";
  size_t wanted = (size_t)order->kib << 10;
  for (int file = 1; file <= 2; file++) {
    ssize_t written = 1;
    for (size_t done = 0; done < wanted && written > 0; done += (size_t)written)
      written = write(file, rubbish, sizeof rubbish - 1);
  }
  return NULL;
}

static OrtStatus *write_file(const struct order *order) {
  int file = open(order->path, O_WRONLY | O_CREAT, 0600);
  if (file >= 0) close(file);
  return NULL;
}

static OrtStatus *open_connection(const struct order *order) {
  int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)order->port)};
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (file >= 0) {
    (void)!connect(file, (const struct sockaddr *)&place, sizeof place);
    close(file);
  }
  return NULL;
}

/* MARK: What is done to outputs */

/* An output's bytes, its elements and the size of one in bytes; false for one that cannot be written to. */
static bool open_output(OrtValue *value, void **bytes, size_t *count, size_t *size, int *type) {
  /* By the numbers of ONNX: float, uint8, int8, uint16, int16, int32, int64, (string), bool, float16, double, … */
  static const size_t sizes[] = {0, 4, 1, 1, 2, 2, 4, 8, 0, 1, 2, 8, 4, 8, 0, 0, 2};
  OrtTensorTypeAndShapeInfo *info = NULL;
  int64_t shape[16];
  size_t rank = 0;
  if (real->GetTensorTypeAndShape(value, &info) || real->GetTensorElementType(info, type)) return false;
  bool is_read = !real->GetDimensionsCount(info, &rank) && rank <= 16 && !real->GetDimensions(info, shape, rank);
  real->ReleaseTensorTypeAndShapeInfo(info);
  if (!is_read || (size_t)*type >= sizeof sizes / sizeof *sizes || sizes[*type] == 0) return false;
  *size = sizes[*type];
  *count = 1;
  for (size_t axis = 0; axis < rank; axis++) *count *= (size_t)shape[axis];
  return !real->GetTensorMutableData(value, bytes);
}

static void fill_with_nan(struct session *session, size_t index, OrtValue *value) {
  (void)session, (void)index;
  /* By the types' numbers. */
  static const uint32_t of_float = 0x7FC00000;
  static const uint16_t of_half = 0x7E00;
  static const uint64_t of_double = 0x7FF8000000000000;
  static const void *const numbers[] = {[1] = &of_float, [10] = &of_half, [11] = &of_double};
  void *bytes;
  size_t count, size;
  int type;
  if (!open_output(value, &bytes, &count, &size, &type)) return;
  const void *nan = (size_t)type < sizeof numbers / sizeof *numbers ? numbers[type] : NULL;
  for (size_t at = 0; nan && at < count; at++) memcpy((char *)bytes + at * size, nan, size);
}

static void keep_first(struct session *session, size_t index, OrtValue *value) {
  void *bytes;
  size_t count, size;
  int type;
  if (!open_output(value, &bytes, &count, &size, &type)) return;
  struct output *output = &session->first[index];
  output->bytes = malloc(count * size);
  if (!output->bytes) return;
  output->byte_count = count * size;
  memcpy(output->bytes, bytes, output->byte_count);
}

static void repeat_first(struct session *session, size_t index, OrtValue *value) {
  void *bytes;
  size_t count, size;
  int type;
  const struct output *output = &session->first[index];
  if (!output->bytes || !open_output(value, &bytes, &count, &size, &type)) return;
  if (count * size == output->byte_count) memcpy(bytes, output->bytes, output->byte_count);
}

static const struct behaviour behaviours[] = {
    {"crash", crash, NULL},              /* reads from nowhere: SIGSEGV */
    {"abort", end_by_abort, NULL},       /* SIGABRT */
    {"exit", end_by_exit, NULL},         /* ends the process; status=0 */
    {"hang", hang, NULL},                /* sleeps for ever */
    {"spin", spin, NULL},                /* computes for ever */
    {"leak", leak, NULL},                /* takes mib=64 and never gives them back; max=2048 in one process */
    {"slow", wait_long, NULL},           /* takes ms=500 longer */
    {"fail", fail, NULL},                /* gives an error */
    {"output", print, NULL},             /* prints kib=256 to standard output and as much to standard error */
    {"write", write_file, NULL},         /* makes the file path=/… */
    {"connect", open_connection, NULL},  /* connects to port= on this machine */
    {"nan", NULL, fill_with_nan},        /* all numbers of all outputs are NaN */
    {"constant", NULL, repeat_first},    /* the answers of the first run, whatever the input */
};

/* MARK: The mark */

/* Whether this process has the word among its arguments; the program's own name is none. */
static bool has_argument(const char *word) {
  char arguments[65536];
  FILE *file = fopen("/proc/self/cmdline", "r");
  size_t length = file ? fread(arguments, 1, sizeof arguments - 1, file) : 0;
  if (file) fclose(file);
  arguments[length] = 0;
  for (size_t at = strlen(arguments) + 1; at < length; at += strlen(arguments + at) + 1)
    if (strcmp(arguments + at, word) == 0) return true;
  return false;
}

static bool set_option(struct order *order, const char *option) {
  const struct {
    const char *name;
    long *value;
  } numbers[] = {
      {"run=", &order->first_run}, {"times=", &order->times}, {"mib=", &order->mib},   {"max=", &order->mib_max},
      {"kib=", &order->kib},       {"ms=", &order->ms},       {"port=", &order->port}, {"status=", &order->status},
  };
  for (size_t at = 0; at < sizeof numbers / sizeof *numbers; at++) {
    size_t length = strlen(numbers[at].name);
    if (strncmp(option, numbers[at].name, length) != 0) continue;
    char *end;
    *numbers[at].value = strtol(option + length, &end, 10);
    return end != option + length && *end == 0;
  }
  if (strcmp(option, "load") == 0) return order->is_at_load = true;
  if (strncmp(option, "path=", 5) == 0) return snprintf(order->path, sizeof order->path, "%s", option + 5) > 0;
  if (strncmp(option, "in=", 3) == 0) return snprintf(order->word, sizeof order->word, "%s", option + 3) > 0;
  return false;
}

/* Reads `crash@run=5,in=run`, which is taken apart; false when it makes no sense. */
static bool parse(char *text, struct order *order) {
  char *rest = strchr(text, '@');
  if (!rest) return false;
  *rest++ = 0;
  for (size_t at = 0; at < sizeof behaviours / sizeof *behaviours; at++)
    if (strcmp(text, behaviours[at].name) == 0) order->behaviour = &behaviours[at];
  for (char *option; (option = strsep(&rest, ","));)
    if (!set_option(order, option)) return false;
  bool is_timed = order->is_at_load != (order->first_run > 0);
  return order->behaviour && is_timed && !(order->is_at_load && order->behaviour->after);
}

/* Whether the model has a mark that concerns this process. `error` is what is wrong with the mark, or null. */
static bool find_order(const void *bytes, size_t byte_count, struct order *order, const char **error) {
  *order = (struct order){.times = -1, .mib = 64, .mib_max = 2048, .kib = 256, .ms = 500};
  *error = NULL;
  const char *mark = bytes ? memmem(bytes, byte_count, mark_start, strlen(mark_start)) : NULL;
  if (!mark) return false;
  mark += strlen(mark_start);
  size_t rest = byte_count - (size_t)(mark - (const char *)bytes);
  const char *end = memchr(mark, ';', rest < mark_length_max ? rest : mark_length_max - 1);
  char text[mark_length_max] = "";
  if (end) memcpy(text, mark, (size_t)(end - mark));
  if (!parse(text, order)) {
    *error = "stub_runtime.c does not understand the mark of this model";
    return true;
  }
  return !order->word[0] || has_argument(order->word);
}

/* MARK: Sessions */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct session *sessions;

static struct session *find_session(const OrtSession *ort) {
  pthread_mutex_lock(&lock);
  struct session *found = sessions;
  while (found && found->ort != ort) found = found->next;
  pthread_mutex_unlock(&lock);
  return found;
}

static void add_session(const OrtSession *ort, const struct order *order) {
  struct session *session = calloc(1, sizeof *session);
  if (!session) abort();
  session->ort = ort;
  session->order = *order;
  pthread_mutex_lock(&lock);
  session->next = sessions;
  sessions = session;
  pthread_mutex_unlock(&lock);
}

/* The next session may get the same address, and is another one. */
static void remove_session(const OrtSession *ort) {
  pthread_mutex_lock(&lock);
  struct session **place = &sessions;
  while (*place && (*place)->ort != ort) place = &(*place)->next;
  struct session *found = *place;
  if (found) *place = found->next;
  pthread_mutex_unlock(&lock);
  for (size_t index = 0; found && index < sizeof found->first / sizeof *found->first; index++)
    free(found->first[index].bytes);
  free(found);
}

static void note(const struct order *order, long run) {
  const char *path = getenv("GLEANER_STUB_LOG");
  int file = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
  if (file < 0) return;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  dprintf(file, "%lld.%06ld %d %s %ld\n", (long long)now.tv_sec, now.tv_nsec / 1000, (int)getpid(),
          order->behaviour->name, run);
  close(file);
}

/* Counts a run, and says whether to misbehave in it. */
static bool is_due(struct session *session) {
  const struct order *order = &session->order;
  long run = ++session->runs;
  bool is_due = run >= order->first_run && (order->times < 0 || run < order->first_run + order->times);
  if (is_due) note(order, run);
  return is_due;
}

static OrtStatus *before(const struct order *order) {
  return order->behaviour->before ? order->behaviour->before(order) : NULL;
}

/* Once the real run is over: what is done to outputs. */
static void finish(struct session *session, bool is_due, OrtValue **values, size_t count) {
  void (*after)(struct session *, size_t, OrtValue *) = session->order.behaviour->after;
  if (count > sizeof session->first / sizeof *session->first) count = sizeof session->first / sizeof *session->first;
  for (size_t index = 0; after && index < count; index++) {
    if (session->runs == 1 && after == repeat_first) keep_first(session, index, values[index]);
    if (is_due) after(session, index, values[index]);
  }
}

static void finish_bound(struct session *session, bool is_due, const OrtIoBinding *binding) {
  get_bound_outputs *get;
  *(void **)&get = slot(140);
  OrtAllocator *allocator;
  OrtValue **values = NULL;
  size_t count = 0;
  if (real->GetAllocatorWithDefaultOptions(&allocator) || get(binding, allocator, &values, &count)) abort();
  finish(session, is_due, values, count);
  for (size_t index = 0; index < count; index++) real->ReleaseValue(values[index]);
  if (values && real->AllocatorFree(allocator, values)) abort();
}

/* MARK: The functions that take the place of the real ones */

static OrtStatus *create_session(const OrtEnv *env, const void *bytes, size_t byte_count,
                                 const OrtSessionOptions *options, OrtSession **out) {
  struct order order;
  const char *error;
  bool misbehaves = find_order(bytes, byte_count, &order, &error);
  if (error) return failure(error);
  if (misbehaves && order.is_at_load) {
    note(&order, 0);
    OrtStatus *status = before(&order);
    if (status) return status;
  }
  OrtStatus *status = real->CreateSessionFromArray(env, bytes, byte_count, options, out);
  if (!status && misbehaves && !order.is_at_load) add_session(*out, &order);
  return status;
}

static void release_session(OrtSession *ort) {
  remove_session(ort);
  real->ReleaseSession(ort);
}

static OrtStatus *run(OrtSession *ort, const OrtRunOptions *options, const char *const *input_names,
                      const OrtValue *const *inputs, size_t input_count, const char *const *output_names,
                      size_t output_count, OrtValue **outputs) {
  struct session *session = find_session(ort);
  bool due = session && is_due(session);
  OrtStatus *status = due ? before(&session->order) : NULL;
  if (!status)
    status = real->Run(ort, options, input_names, inputs, input_count, output_names, output_count, outputs);
  if (!status && session) finish(session, due, outputs, output_count);
  return status;
}

static OrtStatus *run_with_binding(OrtSession *ort, const OrtRunOptions *options, const OrtIoBinding *binding) {
  struct session *session = find_session(ort);
  bool due = session && is_due(session);
  OrtStatus *status = due ? before(&session->order) : NULL;
  if (!status) status = real->RunWithBinding(ort, options, binding);
  if (!status && session) finish_bound(session, due, binding);
  return status;
}

/* MARK: The library */

static const OrtApiBase *real_base;

static void load_real(void) {
  const char *path = getenv("GLEANER_STUB_REAL");
  void *library = dlopen(path ? path : REAL_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  void *symbol = library ? dlsym(library, "OrtGetApiBase") : NULL;
  if (!symbol) {
    fprintf(stderr, "stub_runtime.c: %s\n", dlerror());
    return;
  }
  const OrtApiBase *(*get_base)(void);
  *(void **)&get_base = symbol;
  real_base = get_base();
  real = real_base->GetApi(gleaner_ort_api_version);
  if (!real) return;
  table = *real;
  table.CreateSessionFromArray = create_session;
  table.ReleaseSession = release_session;
  table.Run = run;
  table.RunWithBinding = run_with_binding;
}

/* The copy ends with the last slot that Gleaner's header declares, so a newer version is not to be had from here. */
static const OrtApi *get_api(uint32_t version) {
  return real && version <= gleaner_ort_api_version && real_base->GetApi(version) ? &table : NULL;
}

static const char *get_version(void) { return real_base->GetVersionString(); }

__attribute__((visibility("default"))) const OrtApiBase *OrtGetApiBase(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  static const OrtApiBase base = {get_api, get_version};
  pthread_once(&once, load_real);
  return real_base ? &base : NULL;
}
