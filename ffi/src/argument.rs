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

#[cfg(test)]
impl Text {
    pub(crate) const NULL: Text = Text(std::ptr::null());

    pub(crate) fn of(text: &'static std::ffi::CStr) -> Text {
        Text(text.as_ptr())
    }
}

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
                return Err(Failure::of_field(
                    ovo_code::OVO_ERR_TOO_LONG,
                    field,
                    format_args!("longer than {longest} bytes, or without a terminating NUL"),
                ));
            }
        }
        // SAFETY: these bytes were just read; they stay the caller's and unchanged for the call.
        let bytes = unsafe { std::slice::from_raw_parts(self.0.cast::<u8>(), length) };
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Failure::of_field(ovo_code::OVO_ERR_NOT_UTF8, field, "not UTF-8")),
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
            return Err(Failure::of_field(
                ovo_code::OVO_ERR_TOO_LONG,
                field,
                format_args!("longer than {most} bytes"),
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
    /// Its size in each version of the library that changed it, oldest first.
    ///
    /// No other size is accepted. One that was never set is then a code, for it is one of these by
    /// an accident of one in a thousand million only, and never is more than the caller's struct
    /// written: a larger struct belongs to a newer header, and that one has a newer library.
    const SIZES: &'static [usize];

    /// Today's size is the last one: a struct that grew without a word does not compile.
    const TODAY: usize = {
        let last = Self::SIZES[Self::SIZES.len() - 1];
        assert!(last == size_of::<Self>(), "another size than the last of SIZES");
        last
    };
}

fn read_size<T: Sized32>(at: *const T, name: &str) -> Result<usize, Failure> {
    if at.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: the caller's promise; the size is in front. No alignment is asked of it.
    let size = unsafe { at.cast::<u32>().read_unaligned() } as usize;
    if size <= T::TODAY && T::SIZES.contains(&size) {
        return Ok(size);
    }
    Err(Failure::of_field(
        ovo_code::OVO_ERR_STRUCT_SIZE,
        name,
        "its size is none that this library knows; begin with its INIT macro",
    ))
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

    /// A copy; fields that the caller's older struct does not have are zero.
    pub(crate) fn read(&self, name: &str) -> Result<T, Failure> {
        let size = read_size(self.0, name)?;
        // SAFETY: `Sized32` says that zeroes are a value.
        let mut copy: T = unsafe { zeroed() };
        // SAFETY: the caller's struct has `size` bytes, and no known size is above ours.
        unsafe {
            std::ptr::copy_nonoverlapping(
                self.0.cast::<u8>(),
                std::ptr::from_mut(&mut copy).cast::<u8>(),
                size,
            );
        }
        Ok(copy)
    }
}

/// A place for a result, as the guards see it.
pub(crate) trait Place {
    /// Asked before anything is done, so that no result is lost afterwards.
    fn check(&self) -> Result<(), Failure>;

    /// Empties it after a failure, so that nothing stands there that an earlier call has told. Not
    /// before the call: a caller's arguments may stand in the very struct that gets the result.
    fn clear(&self);
}

/// A place that a function's caller must give.
pub(crate) struct Required<'a, P>(&'a P, &'static str);
/// A place that may be left out with NULL.
pub(crate) struct Optional<'a, P>(&'a P, &'static str);

/// Where a result goes: one value of a plain type, or a handle.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
pub struct Out<T>(*mut T);

impl<T> Out<T> {
    pub(crate) fn required(&self, name: &'static str) -> Required<'_, Self> {
        Required(self, name)
    }

    pub(crate) fn optional(&self, name: &'static str) -> Optional<'_, Self> {
        Optional(self, name)
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

impl<T> Place for Required<'_, Out<T>> {
    fn check(&self) -> Result<(), Failure> {
        if self.0.is_null() { Err(Failure::null(self.1)) } else { Ok(()) }
    }

    fn clear(&self) {
        Optional(self.0, self.1).clear();
    }
}

impl<T> Place for Optional<'_, Out<T>> {
    fn check(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn clear(&self) {
        if !self.0.is_null() {
            // SAFETY: the caller's promise. All of C's plain types have a value of zeroes.
            unsafe { self.0.0.cast::<u8>().write_bytes(0, size_of::<T>()) };
        }
    }
}

/// A result struct that begins with its size.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
pub struct OutStruct<T>(*mut T);

impl<T: Sized32> OutStruct<T> {
    pub(crate) fn required(&self, name: &'static str) -> Required<'_, Self> {
        Required(self, name)
    }

    pub(crate) fn optional(&self, name: &'static str) -> Optional<'_, Self> {
        Optional(self, name)
    }

    /// Writes as much of the result as the caller's version of the struct has room for. Its size
    /// stays.
    pub(crate) fn write(&self, value: &T) {
        let Ok(size) = read_size(self.0, "") else { return };
        // SAFETY: the caller's struct has `size` bytes, ours no fewer, and the first four of the
        // caller's are its own.
        unsafe {
            let from = std::ptr::from_ref(value).cast::<u8>();
            std::ptr::copy_nonoverlapping(from.add(4), self.0.cast::<u8>().add(4), size - 4);
        }
    }
}

impl<T: Sized32> Place for Required<'_, OutStruct<T>> {
    fn check(&self) -> Result<(), Failure> {
        read_size(self.0.0, self.1).map(drop)
    }

    fn clear(&self) {
        if let Ok(size) = read_size(self.0.0, self.1) {
            // SAFETY: as in `write`.
            unsafe { self.0.0.cast::<u8>().add(4).write_bytes(0, size - 4) };
        }
    }
}

impl<T: Sized32> Place for Optional<'_, OutStruct<T>> {
    fn check(&self) -> Result<(), Failure> {
        if self.0.0.is_null() { Ok(()) } else { Required(self.0, self.1).check() }
    }

    fn clear(&self) {
        Required(self.0, self.1).clear();
    }
}

/// A text buffer of the caller's.
///
/// cbindgen:transparent-typedef
#[repr(transparent)]
pub struct Buffer(*mut c_char);

/// A buffer and its size, for the guards.
pub(crate) struct Room<'a>(&'a Buffer, usize);

impl Place for Room<'_> {
    /// Whether it is large enough, or wanted at all, is found by [`Buffer::write`].
    fn check(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn clear(&self) {
        if !self.0.is_null() && self.1 > 0 {
            // SAFETY: the caller's buffer has `capacity` bytes.
            unsafe { *self.0.0 = 0 };
        }
    }
}

impl Buffer {
    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    /// The buffer as a place, `capacity` bytes large.
    pub(crate) fn room(&self, capacity: usize) -> Room<'_> {
        Room(self, capacity)
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
            self.room(capacity).clear();
            return Err(Failure::new(
                ovo_code::OVO_ERR_BUFFER_TOO_SMALL,
                format!("buffer: {} bytes are needed", text.len() + 1),
            ));
        }
        // SAFETY: the caller's buffer has `capacity` bytes, and the text with its NUL fits.
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
        _ => Err(Failure::of_field(ovo_code::OVO_ERR_INVALID_INPUT, name, "must be 0 or 1")),
    }
}

/// Places as a C caller has them, for tests of the exported functions.
#[cfg(test)]
mod callers {
    use super::{In, Out, OutStruct};

    impl<T> In<T> {
        pub(crate) fn of(value: &T) -> In<T> {
            In(value)
        }
    }

    impl<T> Out<T> {
        pub(crate) fn of(place: &mut T) -> Out<T> {
            Out(place)
        }
    }

    impl<T> OutStruct<T> {
        pub(crate) fn of(place: &mut T) -> OutStruct<T> {
            OutStruct(place)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A struct that has grown once.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    #[repr(C)]
    struct Grown {
        size: u32,
        kind: u32,
        later: u64,
    }

    // SAFETY: repr(C), its size in front, numbers only.
    unsafe impl Sized32 for Grown {
        const SIZES: &'static [usize] = &[8, 16];
    }

    /// A caller's memory: the struct, and what stands behind it on the stack.
    #[repr(C)]
    struct Frame {
        place: Grown,
        behind: [u8; 4096],
    }

    fn frame(size: u32) -> Frame {
        Frame { place: Grown { size, kind: 7, later: 7 }, behind: [7; 4096] }
    }

    #[test]
    fn f7_f14_a_struct_that_was_never_begun_is_refused_and_nothing_is_written() {
        for size in (0..=4096).chain([u32::MAX, u32::MAX - 7]) {
            let mut frame = frame(size);
            let out = OutStruct(&raw mut frame.place);
            let checked = out.required("place").check();
            out.required("place").clear();
            out.write(&Grown { size: 16, kind: 1, later: 1 });
            let known = [8, 16].contains(&size);
            assert_eq!(checked.is_ok(), known, "{size}");
            assert_eq!(In(&raw const frame.place).read("place").is_ok(), known, "{size}");
            if !known {
                assert_eq!(checked.unwrap_err().code, ovo_code::OVO_ERR_STRUCT_SIZE);
                assert_eq!(frame.place, Grown { size, kind: 7, later: 7 });
            }
            assert!(frame.behind.iter().all(|byte| *byte == 7), "{size}: written past the struct");
        }
    }

    #[test]
    fn f14_an_older_program_s_smaller_struct_is_filled_and_read_to_its_end() {
        let mut frame = frame(8);
        let out = OutStruct(&raw mut frame.place);
        out.write(&Grown { size: 16, kind: 3, later: 3 });
        assert_eq!(frame.place, Grown { size: 8, kind: 3, later: 7 });
        let read = In(&raw const frame.place).read("place").unwrap();
        assert_eq!(read, Grown { size: 8, kind: 3, later: 0 }, "what is not there is zero");
        out.required("place").clear();
        assert_eq!(frame.place, Grown { size: 8, kind: 0, later: 7 });
    }

    #[test]
    fn f15_every_kind_of_place_can_be_emptied() {
        let mut number = 5i64;
        Out(&raw mut number).required("number").clear();
        assert_eq!(number, 0);
        let mut text = [b'0' as c_char; 4];
        let buffer = Buffer(text.as_mut_ptr());
        buffer.room(0).clear();
        assert_eq!(text[0], b'0' as c_char, "there is no room for a NUL");
        buffer.room(4).clear();
        assert_eq!(text[0], 0);
        let nothing = Out::<i64>(std::ptr::null_mut());
        assert!(nothing.required("number").check().is_err());
        assert!(nothing.optional("number").check().is_ok());
        nothing.optional("number").clear();
    }
}
