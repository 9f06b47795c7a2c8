//! Names the shared library and keeps it loaded.

use std::env::var;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    let major = var("CARGO_PKG_VERSION_MAJOR").unwrap_or_default();
    // Programs ask the loader for this name: another major version is another library.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libovo_ptp.so.{major}");
    // dlclose must not unmap code that a payment's thread is running (fault F13).
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
