#pragma once

/// Flushes the whole file system that an open file is on. Returns 0, or -1 with errno set.
int gleaner_syncfs(int descriptor);

/// The number by which Linux knows the kind of file system that an open file is on (statfs(2)); -1 when it cannot be told.
long gleaner_filesystem_kind(int descriptor);
