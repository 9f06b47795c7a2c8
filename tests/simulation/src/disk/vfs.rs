//! SQLite's way to the simulated disk: a VFS under a name of its own.
//!
//! Locks, shared memory, short reads, the sync of the directory behind a new log: as SQLite's
//! `unix` VFS does them. No call here unwinds: SQLite's own frames lie between it and Rust. A dead
//! process gets errors and changes nothing; the journal's decorator unwinds it afterwards.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::size_of;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};

use ovo_checkout::lock;
use rusqlite::ffi::{self, sqlite3_file, sqlite3_io_methods, sqlite3_vfs};

use super::locks::{Handle, Region};
use super::platter::Inode;
use super::{Fault, Mount, Refusal, Touch};

/// The name of the VFS.
pub(super) const NAME: &str = "ovo-simulation";
const C_NAME: &CStr = c"ovo-simulation";

/// What SQLite allocates for an open file; the first field must be SQLite's own.
#[repr(C)]
struct OpenFile {
    base: sqlite3_file,
    file: *mut State,
}

struct State {
    mount: Arc<Mount>,
    name: String,
    inode: Inode,
    handle: Handle,
    /// The file may have been made by this opening, or by one that never synced: as in SQLite's
    /// own VFS its name is synced with its first content.
    new_name: bool,
    vanishes: bool,
    /// Kept as long as SQLite may have pointers into them.
    regions: Vec<Arc<Region>>,
}

/// The state of a file that SQLite opened by [`open`].
///
/// # Safety
/// `file` must come from a successful [`open`] and not be closed.
unsafe fn state<'a>(file: *mut sqlite3_file) -> &'a mut State {
    // SAFETY: By contract this is an `OpenFile` whose pointer `open` took from a box; SQLite uses
    // one connection's files from one thread at a time, so the reference is alone.
    unsafe { &mut *(*file.cast::<OpenFile>()).file }
}

fn code(refusal: Refusal, otherwise: c_int) -> c_int {
    match refusal {
        Refusal::Failed(Fault::Full) => ffi::SQLITE_FULL,
        _ => otherwise,
    }
}

fn result(done: Result<(), Refusal>, otherwise: c_int) -> c_int {
    done.map_or_else(|refusal| code(refusal, otherwise), |()| ffi::SQLITE_OK)
}

fn size(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// Makes the VFS known to SQLite, once.
pub(super) fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let vfs = Box::leak(Box::new(sqlite3_vfs {
            iVersion: 2,
            szOsFile: size_of::<OpenFile>() as c_int,
            mxPathname: 512,
            pNext: ptr::null_mut(),
            zName: C_NAME.as_ptr(),
            pAppData: ptr::null_mut(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: None,
            xGetLastError: None,
            xCurrentTimeInt64: Some(current_time),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        }));
        // SAFETY: Before any connection of this process: without its statistics SQLite's allocator
        // takes no global lock, which two workers would fight for. The table lives for ever.
        unsafe {
            ffi::sqlite3_config(ffi::SQLITE_CONFIG_MEMSTATUS, 0);
            ffi::sqlite3_vfs_register(vfs, 0);
        }
    });
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock_file),
    xUnlock: Some(unlock_file),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// A path that SQLite hands over.
///
/// # Safety
/// `name` must be null or a C string that outlives the result.
unsafe fn path<'a>(name: *const c_char) -> Option<&'a str> {
    if name.is_null() {
        return None;
    }
    // SAFETY: By contract.
    unsafe { CStr::from_ptr(name) }.to_str().ok()
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    static HANDLES: AtomicU64 = AtomicU64::new(1);
    // SAFETY: SQLite gives `szOsFile` bytes, and must find no methods there if the opening fails.
    unsafe { (*file).pMethods = ptr::null() };
    // SAFETY: SQLite's names are C strings that outlive the call; null asks for a temporary file,
    // of which the journal has none (temp_store).
    let Some((mount, name)) = unsafe { path(name) }.and_then(Mount::find) else {
        return ffi::SQLITE_CANTOPEN;
    };
    let found = match mount.touch(Touch::Look) {
        Ok(inner) => inner.platter.named(name),
        Err(refusal) => return code(refusal, ffi::SQLITE_CANTOPEN),
    };
    let inode = match found {
        Some(_) if flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0 => return ffi::SQLITE_CANTOPEN,
        Some(inode) => inode,
        None if flags & ffi::SQLITE_OPEN_CREATE == 0 => return ffi::SQLITE_CANTOPEN,
        None => match mount.create(name) {
            Ok(inode) => inode,
            Err(refusal) => return code(refusal, ffi::SQLITE_CANTOPEN),
        },
    };
    let logs =
        ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;
    let opened = State {
        name: name.to_owned(),
        mount: Arc::clone(&mount),
        inode,
        handle: HANDLES.fetch_add(1, Ordering::Relaxed),
        new_name: flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & logs != 0,
        vanishes: flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0,
        regions: Vec::new(),
    };
    // SAFETY: The memory is as large as `szOsFile` says; `out_flags` may be null.
    unsafe {
        file.cast::<OpenFile>().write(OpenFile {
            base: sqlite3_file { pMethods: &METHODS },
            file: Box::into_raw(Box::new(opened)),
        });
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file once; the pointer is the box that `open` made.
    let state = unsafe { Box::from_raw((*file.cast::<OpenFile>()).file) };
    {
        let mut inner = lock(&state.mount.disk.0);
        inner.locks.lower(state.inode, state.handle, 0);
        if let Some(memory) = inner.memories.get_mut(&state.inode) {
            memory.leave(state.handle);
        }
    }
    if state.vanishes {
        // Nobody is told whether it worked, as in SQLite's own.
        let _ = state.mount.remove(&state.name);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    to: *mut c_void,
    length: c_int,
    at: i64,
) -> c_int {
    // SAFETY: An open file, and a buffer of `length` bytes.
    let (state, to) = unsafe {
        (state(file), std::slice::from_raw_parts_mut(to.cast::<u8>(), size(length.into())))
    };
    let inner = match state.mount.touch(Touch::Read) {
        Ok(inner) => inner,
        Err(refusal) => return code(refusal, ffi::SQLITE_IOERR_READ),
    };
    let Some(content) = inner.platter.file(state.inode) else { return ffi::SQLITE_IOERR_READ };
    let there = content.content().get(size(at)..).unwrap_or_default();
    let part = there.len().min(to.len());
    to[..part].copy_from_slice(&there[..part]);
    if part < to.len() {
        to[part..].fill(0);
        return ffi::SQLITE_IOERR_SHORT_READ;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    length: c_int,
    at: i64,
) -> c_int {
    // SAFETY: An open file, and a buffer of `length` bytes.
    let (state, from) = unsafe {
        (state(file), std::slice::from_raw_parts(from.cast::<u8>(), size(length.into())))
    };
    result(state.mount.write(state.inode, size(at), from), ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, length: i64) -> c_int {
    // SAFETY: An open file.
    let state = unsafe { state(file) };
    result(state.mount.cut(state.inode, size(length)), ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _: c_int) -> c_int {
    // SAFETY: An open file.
    let state = unsafe { state(file) };
    let synced = state.mount.sync(state.inode, state.new_name);
    state.new_name &= synced.is_err();
    result(synced, ffi::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, length: *mut i64) -> c_int {
    // SAFETY: An open file.
    let state = unsafe { state(file) };
    match state.mount.length(state.inode) {
        Ok(bytes) => {
            // SAFETY: SQLite wants the answer there.
            unsafe { *length = bytes as i64 };
            ffi::SQLITE_OK
        }
        Err(refusal) => code(refusal, ffi::SQLITE_IOERR_FSTAT),
    }
}

unsafe extern "C" fn lock_file(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: An open file.
    let state = unsafe { state(file) };
    let life = &state.mount.life.0;
    if life.is_over() {
        return ffi::SQLITE_IOERR;
    }
    let mut inner = lock(&state.mount.disk.0);
    if inner.locks.take(state.inode, state.handle, life, level) {
        ffi::SQLITE_OK
    } else {
        ffi::SQLITE_BUSY
    }
}

unsafe extern "C" fn unlock_file(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: An open file.
    let state = unsafe { state(file) };
    lock(&state.mount.disk.0).locks.lower(state.inode, state.handle, level);
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, reserved: *mut c_int) -> c_int {
    // SAFETY: An open file.
    let state = unsafe { state(file) };
    let is_reserved = lock(&state.mount.disk.0).locks.reserved(state.inode);
    // SAFETY: SQLite wants the answer there.
    unsafe { *reserved = c_int::from(is_reserved) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(
    file: *mut sqlite3_file,
    operation: c_int,
    argument: *mut c_void,
) -> c_int {
    if operation != ffi::SQLITE_FCNTL_HAS_MOVED {
        return ffi::SQLITE_NOTFOUND;
    }
    // SAFETY: An open file.
    let state = unsafe { state(file) };
    let named = lock(&state.mount.disk.0).platter.named(&state.name);
    // SAFETY: This operation's argument is an int for the answer.
    unsafe { *argument.cast::<c_int>() = c_int::from(named != Some(state.inode)) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn sector_size(_: *mut sqlite3_file) -> c_int {
    4096
}

unsafe extern "C" fn device_characteristics(_: *mut sqlite3_file) -> c_int {
    // As SQLite assumes of every disk: a write harms no byte beside it.
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    index: c_int,
    length: c_int,
    extend: c_int,
    to: *mut *mut c_void,
) -> c_int {
    // SAFETY: An open file.
    let state = unsafe { state(file) };
    if state.mount.life.0.is_over() {
        return ffi::SQLITE_IOERR;
    }
    let region = lock(&state.mount.disk.0).memories.entry(state.inode).or_default().map(
        state.handle,
        &state.mount.life.0,
        size(index.into()),
        size(length.into()),
        extend != 0,
    );
    let bytes = region.map_or(ptr::null_mut(), |region| {
        let bytes = region.bytes();
        state.regions.push(region);
        bytes
    });
    // SAFETY: SQLite wants the answer there.
    unsafe { *to = bytes.cast() };
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(
    file: *mut sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: An open file.
    let state = unsafe { state(file) };
    let life = &state.mount.life.0;
    if life.is_over() {
        return ffi::SQLITE_IOERR;
    }
    let slots = size(first.into())..size((first + count).into());
    let mut inner = lock(&state.mount.disk.0);
    let memory = inner.memories.entry(state.inode).or_default();
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        memory.unlock(state.handle, slots);
        return ffi::SQLITE_OK;
    }
    if memory.lock(state.handle, life, slots, flags & ffi::SQLITE_SHM_EXCLUSIVE != 0) {
        ffi::SQLITE_OK
    } else {
        ffi::SQLITE_BUSY
    }
}

unsafe extern "C" fn shm_barrier(_: *mut sqlite3_file) {}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, _: c_int) -> c_int {
    // SAFETY: An open file.
    let state = unsafe { state(file) };
    if let Some(memory) = lock(&state.mount.disk.0).memories.get_mut(&state.inode) {
        memory.leave(state.handle);
    }
    state.regions.clear();
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: A C string for the length of the call.
    let Some((mount, name)) = unsafe { path(name) }.and_then(Mount::find) else {
        return ffi::SQLITE_IOERR_DELETE;
    };
    match mount.remove(name) {
        Ok(()) => {}
        Err(Refusal::Missing) => return ffi::SQLITE_IOERR_DELETE_NOENT,
        Err(_) => return ffi::SQLITE_IOERR_DELETE,
    }
    if sync == 0 {
        return ffi::SQLITE_OK;
    }
    match mount.touch(Touch::Sync) {
        Ok(mut inner) => {
            if !inner.lies {
                inner.platter.sync_names();
            }
            ffi::SQLITE_OK
        }
        Err(_) => ffi::SQLITE_IOERR_DIR_FSYNC,
    }
}

unsafe extern "C" fn access(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    _: c_int,
    answer: *mut c_int,
) -> c_int {
    // SAFETY: A C string for the length of the call.
    let Some((mount, name)) = unsafe { path(name) }.and_then(Mount::find) else {
        return ffi::SQLITE_IOERR_ACCESS;
    };
    let there = match mount.touch(Touch::Look) {
        Ok(inner) => inner
            .platter
            .named(name)
            .and_then(|inode| inner.platter.file(inode))
            .is_some_and(|file| !file.content().is_empty()),
        Err(_) => return ffi::SQLITE_IOERR_ACCESS,
    };
    // SAFETY: SQLite wants the answer there.
    unsafe { *answer = c_int::from(there) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    length: c_int,
    to: *mut c_char,
) -> c_int {
    // SAFETY: A C string for the length of the call.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if bytes.len() > size(length.into()) {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: `to` has room for `length` bytes, and overlaps nothing.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr().cast(), to, bytes.len()) };
    ffi::SQLITE_OK
}

/// Only salts of logs come from it: no history depends on them.
unsafe extern "C" fn randomness(_: *mut sqlite3_vfs, length: c_int, to: *mut c_char) -> c_int {
    for index in 0..size(length.into()) {
        // SAFETY: `to` has room for `length` bytes.
        unsafe { *to.add(index) = index as c_char };
    }
    length
}

/// No time passes here: whoever holds a lock lets it go before it waits for anything.
unsafe extern "C" fn sleep(_: *mut sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

/// The journal's statements ask for no time.
unsafe extern "C" fn current_time(_: *mut sqlite3_vfs, now: *mut i64) -> c_int {
    // SAFETY: SQLite wants the answer there.
    unsafe { *now = 212_000_000_000_000 };
    ffi::SQLITE_OK
}
