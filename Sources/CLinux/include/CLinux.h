#pragma once

/// Flushes the whole file system that an open file is on. Returns 0, or -1 with errno set.
int gleaner_syncfs(int descriptor);

/// Lets the disk begin with what was written to an open file. A hint: it promises nothing, and whoever flushes the file
/// afterwards still learns of every failure.
void gleaner_begin_writing_out(int descriptor);

/// Waits until the disk was given what was written to an open file. It promises as little: neither that the disk has it for
/// good, nor that the file is found again.
void gleaner_write_out(int descriptor);

/// The number by which Linux knows the kind of file system that an open file is on (statfs(2)); -1 when it cannot be told.
long gleaner_filesystem_kind(int descriptor);

/// Whether something sets this machine's clock by another one (adjtimex(2)): 1 or 0; -1 when it cannot be told.
int gleaner_clock_is_set(void);

/// Names the calling thread, for whoever looks with `top` or a debugger: 15 bytes at most.
void gleaner_name_thread(const char *name);

// Walls around the calling process. Only to be called while it has one thread: the kernel puts up most of them a thread
// at a time.

/// Takes the network away, loopback included. Returns 0, or -1 with errno set where the kernel or the user's rights do
/// not allow it.
int gleaner_leave_network(void);

/// From now on nothing can be written anywhere in the file system, and only what lies below these folders, of which
/// there are `count`, can be read. Folders that do not exist are passed over. Newer kernels also forbid to truncate files,
/// to use TCP and to send signals to other processes.
/// Returns 0, or -1 with errno set where the kernel has no Landlock.
int gleaner_read_only_below(const char *const *folders, int count);

/// Bounds the address space to what is in use now and so many bytes more, and lets a crash leave no file behind.
/// Returns 0, or -1 with errno set.
int gleaner_limit_memory(unsigned long byte_count);

/// Bounds the processor time of this process. Returns 0, or -1 with errno set.
int gleaner_limit_processor(unsigned long seconds);
