#pragma once
#include <stddef.h>
#include <stdint.h>

/*
 * The part of ONNX Runtime's C interface that Gleaner uses.
 *
 * ONNX Runtime gives out one table of function pointers that only ever grows at its end: slot N means the same
 * function in every release that has it. So the table is declared here by slot, the unused stretches are skipped, and
 * no header of the runtime is needed to build. The assertions below pin each slot.
 *
 * Slots and signatures: onnxruntime.ai/docs/api/c, struct OrtApi. The newest slot, 216, came with API 12 (1.12, 2022).
 */

#pragma clang assume_nonnull begin

typedef struct OrtEnv OrtEnv;
typedef struct OrtStatus OrtStatus;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtSession OrtSession;
typedef struct OrtValue OrtValue;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtModelMetadata OrtModelMetadata;
typedef struct OrtAllocator OrtAllocator;
typedef struct OrtIoBinding OrtIoBinding;
typedef struct OrtTensorRTProviderOptions OrtTensorRTProviderOptions;
typedef struct OrtCUDAProviderOptions OrtCUDAProviderOptions;

/* Null when the call succeeded; otherwise the caller releases it. */
typedef OrtStatus *_Nullable OrtResult;

/* A function of the table that may fail, one that releases, and a parameter that receives an object. */
#define GLEANER_CALL(name, ...) OrtResult (*_Nonnull name)(__VA_ARGS__)
#define GLEANER_RELEASE(name, type) void (*_Nonnull name)(type *_Nonnull)
#define GLEANER_OUT(type) type *_Nullable *_Nonnull out

typedef struct OrtApi {
  const void *_Nullable skipped_0[1];
  int (*_Nonnull GetErrorCode)(const OrtStatus *status);
  const char *_Nonnull (*_Nonnull GetErrorMessage)(const OrtStatus *status);
  GLEANER_CALL(CreateEnv, int log_level, const char *log_id, GLEANER_OUT(OrtEnv));
  const void *_Nullable skipped_4[4];
  GLEANER_CALL(CreateSessionFromArray, const OrtEnv *env, const void *_Nullable bytes, size_t byte_count,
               const OrtSessionOptions *options, GLEANER_OUT(OrtSession));
  GLEANER_CALL(Run, OrtSession *session, const OrtRunOptions *_Nullable options,
               const char *_Nonnull const *_Nonnull input_names, const OrtValue *_Nonnull const *_Nonnull inputs,
               size_t input_count, const char *_Nonnull const *_Nonnull output_names, size_t output_count,
               OrtValue *_Nullable *_Nonnull outputs);
  GLEANER_CALL(CreateSessionOptions, GLEANER_OUT(OrtSessionOptions));
  const void *_Nullable skipped_11[8];
  GLEANER_CALL(DisableCpuMemArena, OrtSessionOptions *options);
  const void *_Nullable skipped_20[3];
  GLEANER_CALL(SetSessionGraphOptimizationLevel, OrtSessionOptions *options, int level);
  GLEANER_CALL(SetIntraOpNumThreads, OrtSessionOptions *options, int count);
  GLEANER_CALL(SetInterOpNumThreads, OrtSessionOptions *options, int count);
  const void *_Nullable skipped_26[4];
  GLEANER_CALL(SessionGetInputCount, const OrtSession *session, size_t *out);
  GLEANER_CALL(SessionGetOutputCount, const OrtSession *session, size_t *out);
  const void *_Nullable skipped_32[1];
  GLEANER_CALL(SessionGetInputTypeInfo, const OrtSession *session, size_t index, GLEANER_OUT(OrtTypeInfo));
  GLEANER_CALL(SessionGetOutputTypeInfo, const OrtSession *session, size_t index, GLEANER_OUT(OrtTypeInfo));
  const void *_Nullable skipped_35[1];
  GLEANER_CALL(SessionGetInputName, const OrtSession *session, size_t index, OrtAllocator *allocator,
               GLEANER_OUT(char));
  GLEANER_CALL(SessionGetOutputName, const OrtSession *session, size_t index, OrtAllocator *allocator,
               GLEANER_OUT(char));
  const void *_Nullable skipped_38[11];
  GLEANER_CALL(CreateTensorWithDataAsOrtValue, const OrtMemoryInfo *memory, void *bytes, size_t byte_count,
               const int64_t *shape, size_t rank, int type, GLEANER_OUT(OrtValue));
  const void *_Nullable skipped_50[1];
  GLEANER_CALL(GetTensorMutableData, OrtValue *value, GLEANER_OUT(void));
  const void *_Nullable skipped_52[3];
  GLEANER_CALL(CastTypeInfoToTensorInfo, const OrtTypeInfo *info, GLEANER_OUT(const OrtTensorTypeAndShapeInfo));
  const void *_Nullable skipped_56[4];
  GLEANER_CALL(GetTensorElementType, const OrtTensorTypeAndShapeInfo *info, int *out);
  GLEANER_CALL(GetDimensionsCount, const OrtTensorTypeAndShapeInfo *info, size_t *out);
  GLEANER_CALL(GetDimensions, const OrtTensorTypeAndShapeInfo *info, int64_t *out, size_t rank);
  const void *_Nullable skipped_63[2];
  GLEANER_CALL(GetTensorTypeAndShape, const OrtValue *value, GLEANER_OUT(OrtTensorTypeAndShapeInfo));
  const void *_Nullable skipped_66[3];
  GLEANER_CALL(CreateCpuMemoryInfo, int allocator_type, int memory_type, GLEANER_OUT(OrtMemoryInfo));
  const void *_Nullable skipped_70[6];
  GLEANER_CALL(AllocatorFree, OrtAllocator *allocator, void *bytes);
  const void *_Nullable skipped_77[1];
  GLEANER_CALL(GetAllocatorWithDefaultOptions, GLEANER_OUT(OrtAllocator));
  const void *_Nullable skipped_79[13];
  GLEANER_RELEASE(ReleaseEnv, OrtEnv);
  GLEANER_RELEASE(ReleaseStatus, OrtStatus);
  GLEANER_RELEASE(ReleaseMemoryInfo, OrtMemoryInfo);
  GLEANER_RELEASE(ReleaseSession, OrtSession);
  GLEANER_RELEASE(ReleaseValue, OrtValue);
  const void *_Nullable skipped_97[1];
  GLEANER_RELEASE(ReleaseTypeInfo, OrtTypeInfo);
  GLEANER_RELEASE(ReleaseTensorTypeAndShapeInfo, OrtTensorTypeAndShapeInfo);
  GLEANER_RELEASE(ReleaseSessionOptions, OrtSessionOptions);
  const void *_Nullable skipped_101[10];
  GLEANER_CALL(SessionGetModelMetadata, const OrtSession *session, GLEANER_OUT(OrtModelMetadata));
  const void *_Nullable skipped_112[4];
  GLEANER_CALL(ModelMetadataLookupCustomMetadataMap, const OrtModelMetadata *metadata, OrtAllocator *allocator,
               const char *key, GLEANER_OUT(char));
  const void *_Nullable skipped_117[1];
  GLEANER_RELEASE(ReleaseModelMetadata, OrtModelMetadata);
  const void *_Nullable skipped_119[4];
  GLEANER_CALL(ModelMetadataGetCustomMetadataMapKeys, const OrtModelMetadata *metadata, OrtAllocator *allocator,
               char *_Nullable *_Nullable *_Nonnull keys, int64_t *count);
  const void *_Nullable skipped_124[1];
  GLEANER_CALL(GetAvailableProviders, char *_Nullable *_Nullable *_Nonnull out, int *count);
  GLEANER_CALL(ReleaseAvailableProviders, char *_Nullable *_Nullable names, int count);
  const void *_Nullable skipped_127[3];
  GLEANER_CALL(AddSessionConfigEntry, OrtSessionOptions *options, const char *key, const char *value);
  const void *_Nullable skipped_131[2];
  GLEANER_CALL(RunWithBinding, OrtSession *session, const OrtRunOptions *_Nullable options,
               const OrtIoBinding *binding);
  GLEANER_CALL(CreateIoBinding, OrtSession *session, GLEANER_OUT(OrtIoBinding));
  GLEANER_RELEASE(ReleaseIoBinding, OrtIoBinding);
  GLEANER_CALL(BindInput, OrtIoBinding *binding, const char *name, const OrtValue *value);
  GLEANER_CALL(BindOutput, OrtIoBinding *binding, const char *name, const OrtValue *value);
  const void *_Nullable skipped_138[32];
  GLEANER_CALL(AppendTensorRT, OrtSessionOptions *options, const OrtTensorRTProviderOptions *provider);
  GLEANER_CALL(CreateTensorRTProviderOptions, GLEANER_OUT(OrtTensorRTProviderOptions));
  GLEANER_CALL(UpdateTensorRTProviderOptions, OrtTensorRTProviderOptions *provider,
               const char *_Nonnull const *_Nonnull keys, const char *_Nonnull const *_Nonnull values, size_t count);
  const void *_Nullable skipped_173[1];
  GLEANER_RELEASE(ReleaseTensorRTProviderOptions, OrtTensorRTProviderOptions);
  const void *_Nullable skipped_175[29];
  GLEANER_CALL(AppendCUDA, OrtSessionOptions *options, const OrtCUDAProviderOptions *provider);
  GLEANER_CALL(CreateCUDAProviderOptions, GLEANER_OUT(OrtCUDAProviderOptions));
  const void *_Nullable skipped_206[2];
  GLEANER_RELEASE(ReleaseCUDAProviderOptions, OrtCUDAProviderOptions);
  const void *_Nullable skipped_209[7];
  GLEANER_CALL(AppendProvider, OrtSessionOptions *options, const char *name,
               const char *_Nonnull const *_Nullable keys, const char *_Nonnull const *_Nullable values, size_t count);
} OrtApi;

#define GLEANER_SLOT(function, slot) \
  _Static_assert(offsetof(OrtApi, function) == (slot) * sizeof(void *), #function " is not in slot " #slot)
GLEANER_SLOT(GetErrorCode, 1);
GLEANER_SLOT(GetErrorMessage, 2);
GLEANER_SLOT(CreateEnv, 3);
GLEANER_SLOT(CreateSessionFromArray, 8);
GLEANER_SLOT(Run, 9);
GLEANER_SLOT(CreateSessionOptions, 10);
GLEANER_SLOT(DisableCpuMemArena, 19);
GLEANER_SLOT(SetSessionGraphOptimizationLevel, 23);
GLEANER_SLOT(SetIntraOpNumThreads, 24);
GLEANER_SLOT(SetInterOpNumThreads, 25);
GLEANER_SLOT(SessionGetInputCount, 30);
GLEANER_SLOT(SessionGetOutputCount, 31);
GLEANER_SLOT(SessionGetInputTypeInfo, 33);
GLEANER_SLOT(SessionGetOutputTypeInfo, 34);
GLEANER_SLOT(SessionGetInputName, 36);
GLEANER_SLOT(SessionGetOutputName, 37);
GLEANER_SLOT(CreateTensorWithDataAsOrtValue, 49);
GLEANER_SLOT(GetTensorMutableData, 51);
GLEANER_SLOT(CastTypeInfoToTensorInfo, 55);
GLEANER_SLOT(GetTensorElementType, 60);
GLEANER_SLOT(GetDimensionsCount, 61);
GLEANER_SLOT(GetDimensions, 62);
GLEANER_SLOT(GetTensorTypeAndShape, 65);
GLEANER_SLOT(CreateCpuMemoryInfo, 69);
GLEANER_SLOT(AllocatorFree, 76);
GLEANER_SLOT(GetAllocatorWithDefaultOptions, 78);
GLEANER_SLOT(ReleaseEnv, 92);
GLEANER_SLOT(ReleaseStatus, 93);
GLEANER_SLOT(ReleaseMemoryInfo, 94);
GLEANER_SLOT(ReleaseSession, 95);
GLEANER_SLOT(ReleaseValue, 96);
GLEANER_SLOT(ReleaseTypeInfo, 98);
GLEANER_SLOT(ReleaseTensorTypeAndShapeInfo, 99);
GLEANER_SLOT(ReleaseSessionOptions, 100);
GLEANER_SLOT(SessionGetModelMetadata, 111);
GLEANER_SLOT(ModelMetadataLookupCustomMetadataMap, 116);
GLEANER_SLOT(ReleaseModelMetadata, 118);
GLEANER_SLOT(ModelMetadataGetCustomMetadataMapKeys, 123);
GLEANER_SLOT(GetAvailableProviders, 125);
GLEANER_SLOT(ReleaseAvailableProviders, 126);
GLEANER_SLOT(AddSessionConfigEntry, 130);
GLEANER_SLOT(RunWithBinding, 133);
GLEANER_SLOT(CreateIoBinding, 134);
GLEANER_SLOT(ReleaseIoBinding, 135);
GLEANER_SLOT(BindInput, 136);
GLEANER_SLOT(BindOutput, 137);
GLEANER_SLOT(AppendTensorRT, 170);
GLEANER_SLOT(CreateTensorRTProviderOptions, 171);
GLEANER_SLOT(UpdateTensorRTProviderOptions, 172);
GLEANER_SLOT(ReleaseTensorRTProviderOptions, 174);
GLEANER_SLOT(AppendCUDA, 204);
GLEANER_SLOT(CreateCUDAProviderOptions, 205);
GLEANER_SLOT(ReleaseCUDAProviderOptions, 208);
GLEANER_SLOT(AppendProvider, 216);
#undef GLEANER_SLOT
#undef GLEANER_CALL
#undef GLEANER_RELEASE
#undef GLEANER_OUT

typedef struct OrtApiBase {
  const OrtApi *_Nullable (*_Nonnull GetApi)(uint32_t version);
  const char *_Nonnull (*_Nonnull GetVersionString)(void);
} OrtApiBase;

/* The API that Gleaner asks for: the oldest that has every slot above, so that old Jetson builds stay usable. */
enum { gleaner_ort_api_version = 12 };

enum gleaner_ort_outcome {
  gleaner_ort_loaded = 0,
  /* The dynamic loader refused the file. */
  gleaner_ort_not_loadable = 1,
  /* It is a library, but not ONNX Runtime. */
  gleaner_ort_no_entry = 2,
  /* It is an ONNX Runtime without the API that Gleaner asks for. */
  gleaner_ort_too_old = 3,
};

/* What became of a library. Texts are empty where unknown, and cut to fit. */
typedef struct gleaner_ort_library {
  const OrtApi *_Nullable api;
  char version[64];
  /* The file that the dynamic loader took. */
  char path[4096];
  /* The dynamic loader's own words. */
  char reason[1024];
} gleaner_ort_library;

/*
 * Loads a library by path or, without a slash, by the dynamic loader's search.
 *
 * It is never unloaded, not even when it is refused: the runtime keeps threads and exit handlers of its own.
 */
enum gleaner_ort_outcome gleaner_ort_open(const char *path, gleaner_ort_library *out);

#pragma clang assume_nonnull end
