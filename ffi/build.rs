//! Names the shared library and keeps it loaded.

use std::env::var;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    let part = |part: &str| var(format!("CARGO_PKG_VERSION_{part}")).unwrap_or_default();
    // Programs ask the loader for this name: another series is another library, and before 1.0 every
    // minor version is a series.
    let series = match part("MAJOR").as_str() {
        "0" => format!("0.{}", part("MINOR")),
        major => major.to_owned(),
    };
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libovo_ptp.so.{series}");
    // dlclose must not unmap code that a payment's thread is running (fault F13).
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
