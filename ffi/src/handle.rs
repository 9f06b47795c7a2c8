//! Handles: what C holds as pointers are numbers, looked up in a table and never dereferenced.
//!
//! A handle is `place | generation | epoch | 1`. So a handle that was closed, freed twice, made up
//! or taken from another library gets a code and never reaches memory:
//!
//! * it is odd, and the address of an object is not: no foreign pointer can be a handle;
//! * its place in the table carries a generation that changes when the handle is closed, and a
//!   place whose generations are used up is never used again: an old handle stays dead for ever;
//! * the epoch changes with a fork, so that a child can tell its parent's handles from wrong ones.
//!
//! The table is the one piece of process-wide state in this library. Checking a pointer without
//! dereferencing it needs a list of what is valid, and that list is this table. It is made at the
//! first use, holds no setting, and its lock is held for a few loads only. After a fork the child
//! makes a table of its own: the parent's may have been locked by a thread that the child does not
//! have.

use std::collections::VecDeque;
use std::ptr::without_provenance_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::client::ClientBody;
use crate::code::{Failure, ovo_code};
use crate::config::ConfigBody;
use crate::list::ListBody;
use crate::payment::PaymentBody;
use crate::reconcile::BooksBody;
use crate::transport::ExchangeBody;

#[cfg(target_pointer_width = "64")]
mod layout {
    pub(super) const EPOCH: u32 = 8;
    pub(super) const GENERATION: u32 = 32;
    pub(super) const PLACE: u32 = 20;
}
/// Room for 4,096 handles at a time and 268 million altogether.
#[cfg(not(target_pointer_width = "64"))]
mod layout {
    pub(super) const EPOCH: u32 = 3;
    pub(super) const GENERATION: u32 = 16;
    pub(super) const PLACE: u32 = 12;
}

const GENERATION_AT: u32 = 1 + layout::EPOCH;
const PLACE_AT: u32 = GENERATION_AT + layout::GENERATION;

const fn mask(bits: u32) -> usize {
    (1 << bits) - 1
}

/// What a handle stands for. Shared, so that a call that is under way keeps what it works on.
pub(crate) enum Entry {
    Config(Arc<Mutex<ConfigBody>>),
    Client(Arc<ClientBody>),
    Payment(Arc<PaymentBody>),
    List(Arc<ListBody>),
    Exchange(Arc<ExchangeBody>),
    Books(Arc<Mutex<BooksBody>>),
}

/// A type that has handles.
pub(crate) trait Held: Sized {
    fn hold(this: Arc<Self>) -> Entry;
    fn held(entry: &Entry) -> Option<&Arc<Self>>;
}

macro_rules! held {
    ($($kind:ident: $body:ty,)*) => {$(
        impl Held for $body {
            fn hold(this: Arc<Self>) -> Entry {
                Entry::$kind(this)
            }
            fn held(entry: &Entry) -> Option<&Arc<Self>> {
                match entry {
                    Entry::$kind(body) => Some(body),
                    _ => None,
                }
            }
        }
    )*};
}
held! {
    Config: Mutex<ConfigBody>,
    Client: ClientBody,
    Payment: PaymentBody,
    List: ListBody,
    Exchange: ExchangeBody,
    Books: Mutex<BooksBody>,
}

#[derive(Default)]
struct Slot {
    generation: usize,
    entry: Option<Entry>,
    poisoned: bool,
}

#[derive(Default)]
struct Slots {
    all: Vec<Slot>,
    /// Oldest first, so that generations are used up evenly.
    free: VecDeque<usize>,
}

struct Table {
    process: u32,
    epoch: usize,
    slots: Mutex<Slots>,
}

static TABLE: AtomicPtr<Table> = AtomicPtr::new(std::ptr::null_mut());

/// This process's table, made at the first use.
fn table() -> &'static Table {
    let process = std::process::id();
    loop {
        let found = TABLE.load(Ordering::Acquire);
        // SAFETY: a table, once stored, is never freed nor changed but through its mutex.
        let known = unsafe { found.as_ref() };
        let epoch = match known {
            Some(table) if table.process == process => return table,
            Some(parents) => (parents.epoch + 1) & mask(layout::EPOCH),
            None => 0,
        };
        let fresh = Box::into_raw(Box::new(Table { process, epoch, slots: Mutex::default() }));
        // The parent's table is left as it is: its lock may be held by a thread that is not here.
        if TABLE.compare_exchange(found, fresh, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: another thread was first, and nobody else has seen this one.
            drop(unsafe { Box::from_raw(fresh) });
        }
    }
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, Slots> {
        // Whole after every statement: a panic elsewhere does not spoil it.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place that a handle names, or why it names none.
    fn place(&self, slots: &Slots, handle: usize) -> Result<usize, Failure> {
        if handle == 0 {
            return Err(Failure::null("handle"));
        }
        let bad = || Failure::new(ovo_code::OVO_ERR_BAD_HANDLE, "not an open handle of this kind");
        if handle & 1 == 0 {
            return Err(bad());
        }
        if (handle >> 1) & mask(layout::EPOCH) != self.epoch {
            // Of an earlier epoch: the parent's. There is no later one.
            return Err(match self.epoch {
                0 => bad(),
                _ => Failure::new(
                    ovo_code::OVO_ERR_FORKED,
                    "the handle was made before a fork; make one of its own in the child",
                ),
            });
        }
        let (place, generation) =
            (handle >> PLACE_AT, (handle >> GENERATION_AT) & mask(layout::GENERATION));
        match slots.all.get(place) {
            Some(slot) if slot.generation == generation && slot.entry.is_some() => Ok(place),
            _ => Err(bad()),
        }
    }
}

/// A place in the table that nobody else gets, taken before something is begun whose result needs a
/// handle: behind a push there must be no "too many handles" any more (F1). Dropped, it is free
/// again.
pub(crate) struct Reserved {
    table: &'static Table,
    place: Option<usize>,
}

/// Takes a place.
pub(crate) fn reserve() -> Result<Reserved, Failure> {
    let table = table();
    let mut slots = table.lock();
    let place = match slots.free.pop_front() {
        Some(place) => place,
        None if slots.all.len() <= mask(layout::PLACE) => {
            slots.all.push(Slot::default());
            slots.all.len() - 1
        }
        None => {
            return Err(Failure::new(
                ovo_code::OVO_ERR_TOO_MANY_HANDLES,
                "too many handles are open; free some",
            ));
        }
    };
    Ok(Reserved { table, place: Some(place) })
}

impl Reserved {
    /// Makes the handle.
    pub(crate) fn open<T: Held, C>(mut self, body: Arc<T>) -> *mut C {
        // Taken once, by value: only dropping takes it otherwise.
        let place = self.place.take().unwrap_or_default();
        let mut slots = self.table.lock();
        let slot = &mut slots.all[place];
        slot.entry = Some(T::hold(body));
        slot.poisoned = false;
        without_provenance_mut(
            (place << PLACE_AT) | (slot.generation << GENERATION_AT) | (self.table.epoch << 1) | 1,
        )
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.table.lock().free.push_front(place);
        }
    }
}

/// Makes a handle.
pub(crate) fn open<T: Held, C>(body: Arc<T>) -> Result<*mut C, Failure> {
    Ok(reserve()?.open(body))
}

/// What a handle stands for.
pub(crate) fn get<T: Held, C>(handle: *const C) -> Result<Arc<T>, Failure> {
    let table = table();
    let slots = table.lock();
    let slot = &slots.all[table.place(&slots, handle.addr())?];
    let body = slot.entry.as_ref().and_then(T::held).ok_or_else(|| {
        Failure::new(ovo_code::OVO_ERR_BAD_HANDLE, "a handle of another kind than this one")
    })?;
    if slot.poisoned {
        return Err(Failure::new(
            ovo_code::OVO_ERR_INTERNAL,
            "an earlier call on this handle ran into a defect; close it and open another",
        ));
    }
    Ok(Arc::clone(body))
}

/// Ends a handle and returns what it stood for. From now on it is a bad one, for ever.
pub(crate) fn close<T: Held, C>(handle: *const C) -> Result<Arc<T>, Failure> {
    let table = table();
    let mut slots = table.lock();
    let place = table.place(&slots, handle.addr())?;
    let slot = &mut slots.all[place];
    let body = slot.entry.as_ref().and_then(T::held).map(Arc::clone).ok_or_else(|| {
        Failure::new(ovo_code::OVO_ERR_BAD_HANDLE, "a handle of another kind than this one")
    })?;
    slot.entry = None;
    if slot.generation < mask(layout::GENERATION) {
        slot.generation += 1;
        slots.free.push_back(place);
    }
    Ok(body)
}

/// A panic went through a call on this handle: it refuses everything but being closed.
pub(crate) fn poison(handle: usize) {
    if handle == 0 {
        return;
    }
    let table = table();
    let mut slots = table.lock();
    if let Ok(place) = table.place(&slots, handle) {
        slots.all[place].poisoned = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard;

    struct Opaque;

    fn list() -> *mut Opaque {
        open(Arc::new(ListBody::default())).unwrap()
    }

    fn code<T>(result: Result<T, Failure>) -> ovo_code {
        result.err().unwrap().code
    }

    #[test]
    fn f2_a_closed_handle_is_dead_for_ever() {
        let first = list();
        assert!(get::<ListBody, _>(first).is_ok());
        assert!(close::<ListBody, _>(first).is_ok());
        for _ in 0..1_000 {
            let next = list();
            assert_ne!(first, next);
            assert_eq!(code(get::<ListBody, _>(first)), ovo_code::OVO_ERR_BAD_HANDLE);
            assert_eq!(code(close::<ListBody, _>(first)), ovo_code::OVO_ERR_BAD_HANDLE);
            close::<ListBody, _>(next).unwrap();
        }
    }

    #[test]
    fn f2_foreign_pointers_and_other_kinds_are_refused() {
        let handle = list();
        assert_eq!(handle.addr() & 1, 1, "no object's address can look like this");
        let local = 0u64;
        for address in [std::ptr::from_ref(&local).addr(), 1, 3, usize::MAX, handle.addr() ^ 2] {
            let foreign = without_provenance_mut::<Opaque>(address);
            assert_eq!(code(get::<ListBody, _>(foreign)), ovo_code::OVO_ERR_BAD_HANDLE);
        }
        assert_eq!(code(get::<ClientBody, _>(handle)), ovo_code::OVO_ERR_BAD_HANDLE);
        assert_eq!(code(close::<ClientBody, _>(handle)), ovo_code::OVO_ERR_BAD_HANDLE);
        assert_eq!(code(get::<ListBody, _>(std::ptr::null::<Opaque>())), ovo_code::OVO_ERR_NULL);
        assert!(close::<ListBody, _>(handle).is_ok());
    }

    #[test]
    fn f1_a_reserved_place_is_nobody_else_s_until_it_is_given_back() {
        let kept = reserve().unwrap();
        let place = kept.place.unwrap();
        let others: Vec<_> = (0..50).map(|_| list()).collect();
        assert!(others.iter().all(|other| other.addr() >> PLACE_AT != place));
        let handle: *mut Opaque = kept.open(Arc::new(ListBody::default()));
        assert_eq!(handle.addr() >> PLACE_AT, place);
        assert!(close::<ListBody, _>(handle).is_ok());
        assert_eq!(code(get::<ListBody, _>(handle)), ovo_code::OVO_ERR_BAD_HANDLE);
        for other in others {
            assert!(close::<ListBody, _>(other).is_ok());
        }
        drop(reserve().unwrap());
        assert!(close::<ListBody, _>(list()).is_ok(), "what was given back can be used");
    }

    #[test]
    fn f5_a_handle_that_saw_a_panic_can_only_be_closed() {
        let handle = list();
        let panicked = guard::anywhere(handle.addr(), &[], || panic!("planted"));
        assert_eq!(panicked, ovo_code::OVO_ERR_INTERNAL as i32);
        assert_eq!(code(get::<ListBody, _>(handle)), ovo_code::OVO_ERR_INTERNAL);
        assert!(close::<ListBody, _>(handle).is_ok());
        let next = list();
        assert!(get::<ListBody, _>(next).is_ok(), "the place's next handle is sound");
        close::<ListBody, _>(next).unwrap();
    }
}
