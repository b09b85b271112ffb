#define _GNU_SOURCE
#include "COnnxRuntime.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void put(char *to, size_t size, const char *text) { snprintf(to, size, "%s", text ? text : ""); }

enum gleaner_ort_outcome gleaner_ort_open(const char *path, gleaner_ort_library *out) {
  *out = (gleaner_ort_library){0};
  /* From 1.29 on the runtime tells its maker what it runs, unless this says otherwise before it is there. Whatever the
     environment says: a device contacts only what is configured. */
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    put(out->reason, sizeof out->reason, dlerror());
    return gleaner_ort_not_loadable;
  }
  put(out->path, sizeof out->path, path);
  void *symbol = dlsym(library, "OrtGetApiBase");
  if (!symbol) return gleaner_ort_no_entry;

  Dl_info place;
  if (dladdr(symbol, &place) && place.dli_fname) put(out->path, sizeof out->path, place.dli_fname);
  const OrtApiBase *(*get_base)(void);
  *(void **)&get_base = symbol; /* POSIX: the one way to turn dlsym's result into a function without a warning */
  const OrtApiBase *base = get_base();
  if (!base) return gleaner_ort_no_entry;
  put(out->version, sizeof out->version, base->GetVersionString());
  out->api = base->GetApi(gleaner_ort_api_version);
  return out->api ? gleaner_ort_loaded : gleaner_ort_too_old;
}
