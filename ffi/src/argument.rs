//! What comes in from C and what goes out: texts, structs that know their size, buffers.
//!
//! The types here stand in the exported functions' signatures in place of raw pointers. Only a C
//! caller makes values of them, and a C caller has promised what the header asks for: that a
//! pointer which is not NULL points to what its type says for as long as the call lasts. That
//! promise is the reason of every unsafe block in this file.

use std::ffi::c_char;
use std::mem::{size_of, zeroed};

use crate::code::{Failure, ovo_code};
use crate::guard::FloorBoundary;

/// A NUL-terminated text of the caller's.
///
/// cbindgen:transparent-typedef
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Text(*const c_char);

impl Text {
    /// The text, at most `longest` bytes. Never reads further than one byte beyond that, so that
    /// a missing NUL in a buffer of the field's size costs a code and nothing else.
    pub(crate) fn read(&self, field: &str, longest: usize) -> Result<&str, Failure> {
        match self.read_if_any(field, longest)? {
            Some(text) => Ok(text),
            None => Err(Failure::null(field)),
        }
    }

    /// Like [`read`](Self::read); `None` if the pointer is NULL.
    pub(crate) fn read_if_any(&self, field: &str, longest: usize) -> Result<Option<&str>, Failure> {
        if self.0.is_null() {
            return Ok(None);
        }
        let mut length = 0;
        // SAFETY: the caller's text has `length` bytes that are not NUL, so one more is readable.
        while unsafe { *self.0.add(length) } != 0 {
            length += 1;
            if length > longest {
                return Err(Failure::new(
                    ovo_code::OVO_ERR_TOO_LONG,
                    format!("{field}: longer than {longest} bytes, or without a terminating NUL"),
                ));
            }
        }
        // SAFETY: these bytes were just read; they stay the caller's and unchanged for the call.
        let bytes = unsafe { std::slice::from_raw_parts(self.0.cast::<u8>(), length) };
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Failure::new(ovo_code::OVO_ERR_NOT_UTF8, format!("{field}: not UTF-8"))),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }
}

/// Bytes of the caller's, with their length beside them.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
pub struct Bytes(*const u8);

impl Bytes {
    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    pub(crate) fn read(&self, field: &str, length: usize, most: usize) -> Result<&[u8], Failure> {
        if self.0.is_null() {
            return if length == 0 { Ok(&[]) } else { Err(Failure::null(field)) };
        }
        if length > most {
            return Err(Failure::new(
                ovo_code::OVO_ERR_TOO_LONG,
                format!("{field}: longer than {most} bytes"),
            ));
        }
        // SAFETY: the caller's promise of this file; the length was bounded.
        Ok(unsafe { std::slice::from_raw_parts(self.0, length) })
    }
}

/// A struct that begins with its own size in bytes, so that it can grow at its end.
///
/// # Safety
/// `repr(C)`, a `u32` in front, and every field valid with all bytes zero.
pub(crate) unsafe trait Sized32: Copy {
    /// Its size in the first version that had it.
    const FIRST: usize;
}

fn read_size<T: Sized32>(at: *const T, name: &str) -> Result<usize, Failure> {
    if at.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: the caller's promise; the size is in front. No alignment is asked of it.
    let size = unsafe { at.cast::<u32>().read_unaligned() } as usize;
    // No version of this struct will ever be larger than a page.
    if !(T::FIRST..=4096).contains(&size) {
        return Err(Failure::new(
            ovo_code::OVO_ERR_STRUCT_SIZE,
            format!("{name}: its size is not set; begin with its INIT macro"),
        ));
    }
    Ok(size)
}

/// A struct that the caller filled.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
pub struct In<T>(*const T);

impl<T: Sized32> In<T> {
    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    /// A copy: an older caller's missing fields are zero, a newer caller's further fields must be.
    pub(crate) fn read(&self, name: &str) -> Result<T, Failure> {
        let size = read_size(self.0, name)?;
        // SAFETY: `Sized32` says that zeroes are a value.
        let mut copy: T = unsafe { zeroed() };
        let known = size.min(size_of::<T>());
        // SAFETY: the caller's struct has `size` bytes, ours has room for `known`.
        unsafe {
            std::ptr::copy_nonoverlapping(
                self.0.cast::<u8>(),
                std::ptr::from_mut(&mut copy).cast::<u8>(),
                known,
            );
        }
        for at in known..size {
            // SAFETY: as above, within `size`.
            if unsafe { *self.0.cast::<u8>().add(at) } != 0 {
                return Err(Failure::new(
                    ovo_code::OVO_ERR_VERSION,
                    format!("{name}: has a setting that this library does not know"),
                ));
            }
        }
        Ok(copy)
    }
}

/// Where a result goes: one value of a plain type, or a handle.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
pub struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Refuses NULL before anything is done, so that no result is lost afterwards.
    pub(crate) fn required(&self, name: &str) -> Result<(), Failure> {
        if self.0.is_null() { Err(Failure::null(name)) } else { Ok(()) }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    /// Writes the result; nothing if it is not wanted.
    pub(crate) fn write(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: the caller's promise. Unaligned, because packed structs are common in C.
            unsafe { self.0.write_unaligned(value) };
        }
    }
}

/// A result struct that begins with its size.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
pub struct OutStruct<T>(*mut T);

impl<T: Sized32> OutStruct<T> {
    /// Checks before anything is done that the result will have a place.
    pub(crate) fn required(&self, name: &str) -> Result<(), Failure> {
        read_size(self.0, name).map(drop)
    }

    /// Like [`required`](Self::required), for a result that may be left out with NULL.
    pub(crate) fn optional(&self, name: &str) -> Result<(), Failure> {
        if self.0.is_null() { Ok(()) } else { self.required(name) }
    }

    /// Writes as much of the result as the caller's version of the struct has room for. Its size
    /// stays; what a newer caller has behind it is zero.
    pub(crate) fn write(&self, value: &T) {
        let Ok(size) = read_size(self.0, "") else { return };
        let known = size.min(size_of::<T>());
        // SAFETY: the caller's struct has `size` bytes, and the first four are its own.
        unsafe {
            let to = self.0.cast::<u8>();
            let from = std::ptr::from_ref(value).cast::<u8>();
            std::ptr::copy_nonoverlapping(from.add(4), to.add(4), known - 4);
            std::ptr::write_bytes(to.add(known), 0, size - known);
        }
    }
}

/// A text buffer of the caller's.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
pub struct Buffer(*mut c_char);

impl Buffer {
    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    /// Writes a text with its NUL, or nothing of it (an empty text, if there is room for that).
    /// `needed` gets the whole size in both cases.
    pub(crate) fn write(
        &self,
        capacity: usize,
        needed: &Out<usize>,
        text: &str,
    ) -> Result<(), Failure> {
        needed.write(text.len() + 1);
        if self.0.is_null() {
            return Err(Failure::null("buffer"));
        }
        if capacity <= text.len() {
            if capacity > 0 {
                // SAFETY: the caller's buffer has `capacity` bytes.
                unsafe { *self.0 = 0 };
            }
            return Err(Failure::new(
                ovo_code::OVO_ERR_BUFFER_TOO_SMALL,
                format!("buffer: {} bytes are needed", text.len() + 1),
            ));
        }
        // SAFETY: as above, and the text with its NUL fits.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr().cast::<c_char>(), self.0, text.len());
            *self.0.add(text.len()) = 0;
        }
        Ok(())
    }
}

/// Puts a text into a fixed field of a result, NUL-terminated, cut at a whole character.
pub(crate) fn place<const N: usize>(field: &mut [c_char; N], text: &str) {
    let text = &text[..text.floor_boundary(N - 1)];
    // A NUL in the middle would hide the rest; the host's texts may hold one.
    let bytes = text.bytes().map(|byte| if byte == 0 { b'?' } else { byte });
    for (place, byte) in field.iter_mut().zip(bytes.chain([0])) {
        *place = byte as c_char;
    }
}

/// A yes or no of the caller's: 0 or 1, and nothing else, for a wrong number is a wrong argument.
pub(crate) fn flag(name: &str, value: i32) -> Result<bool, Failure> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Failure::new(ovo_code::OVO_ERR_INVALID_INPUT, format!("{name}: must be 0 or 1"))),
    }
}
