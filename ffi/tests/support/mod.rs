//! What the tests of the C face share: an installed copy of the library, compilers, sandboxes.
#![allow(dead_code)] // Each test program uses a part of it.

pub(crate) mod sandbox;
pub(crate) mod vectors;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock, PoisonError};

/// How a program is linked and watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Build {
    /// Against the shared library, with the flags of pkg-config.
    Shared,
    /// Against the static one, with the flags of pkg-config.
    Static,
    /// Static, with the address and undefined-behaviour sanitizers in the C code.
    Address,
    /// Shared, with the thread sanitizer in the C code. It does not see the locks of the library,
    /// which it is not compiled into, so it is told to leave the library's own accesses out.
    Threads,
}

/// The workspace's directory.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Where cargo built this test's profile.
fn target() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    // target/debug/deps/test-hash
    path.pop();
    path.pop();
    path
}

/// Runs a command that must succeed.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A program's text output.
pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether a tool is there. A test without its tool says so and passes: it is named in the output
/// of `make test-tools`, which installs it.
pub(crate) fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    if !found {
        eprintln!("SKIPPED: {tool} is not installed (make test-tools installs it)");
    }
    found
}

/// The library and the sandbox, built as they are shipped and installed in a directory of this test
/// run. Cargo builds them for the package alone: built with the workspace's tests they would have
/// the features that other packages' tests turn on.
pub(crate) fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--package", "ovo-ptp-ffi", "--package", "ovo-sandbox"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        run(build.current_dir(workspace()));
        // Other test programs install at the same time: each into its own directory.
        let program = std::env::current_exe().unwrap();
        let prefix = target().join("ffi-installed").join(program.file_stem().unwrap());
        let _ = std::fs::remove_dir_all(&prefix);
        run(Command::new(workspace().join("ffi/install"))
            .arg("--from")
            .arg(target())
            .arg("--prefix")
            .arg(&prefix));
        prefix
    })
}

/// The name that programs ask the loader for: another one for each series, and before 1.0 every minor
/// version is a series.
pub(crate) fn soname() -> String {
    let version: Vec<&str> = env!("CARGO_PKG_VERSION").split('.').collect();
    match version[0] {
        "0" => format!("libovo_ptp.so.0.{}", version[1]),
        major => format!("libovo_ptp.so.{major}"),
    }
}

/// The sandbox's program.
pub(crate) fn sandbox_program() -> PathBuf {
    prefix();
    target().join("ovo-sandbox")
}

/// What pkg-config says about the installed copy: of `ovo_ptp` or of `ovo_ptp-static`.
pub(crate) fn pkg_config(arguments: &[&str], package: &str) -> Vec<String> {
    let output = run(Command::new("pkg-config")
        .env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig"))
        .args(arguments)
        .arg(package));
    text(&output).split_whitespace().map(str::to_owned).collect()
}

/// Compiles one program from sources of `tests/` against the installed copy.
pub(crate) fn compile(sources: &[&str], build: Build) -> PathBuf {
    let paths: Vec<PathBuf> =
        sources.iter().map(|source| workspace().join("tests").join(source)).collect();
    compile_paths(&paths, build)
}

/// Compiles one program from any sources.
pub(crate) fn compile_paths(sources: &[PathBuf], build: Build) -> PathBuf {
    let name = sources[0].file_stem().unwrap().to_string_lossy().into_owned();
    let is_cpp = sources[0].extension().is_some_and(|extension| extension == "cpp");
    let directory = prefix().join("programs");
    std::fs::create_dir_all(&directory).unwrap();
    let language = if is_cpp { "cpp" } else { "c" };
    let program = directory.join(format!("{name}-{language}-{build:?}"));
    // Once in a run, however many tests use it at the same time.
    static COMPILED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if compiled.contains(&program) {
        return program;
    }
    let mut compiler = Command::new(if is_cpp { "c++" } else { "cc" });
    compiler
        .args([if is_cpp { "-std=c++17" } else { "-std=c99" }, "-g", "-O1", "-pthread"])
        .args(["-Wall", "-Wextra", "-pedantic", "-Werror"])
        .args(sources)
        .arg("-o")
        .arg(&program);
    match build {
        Build::Shared => {
            compiler.args(pkg_config(&["--cflags", "--libs"], "ovo_ptp"));
        }
        Build::Static | Build::Address | Build::Threads => {
            compiler.args(match build {
                Build::Address => &["-fsanitize=address,undefined", "-fno-omit-frame-pointer"][..],
                Build::Threads => &["-fsanitize=thread"][..],
                _ => &[][..],
            });
            compiler.args(pkg_config(&["--cflags", "--libs"], "ovo_ptp-static"));
        }
    }
    run(&mut compiler);
    compiled.insert(program.clone());
    program
}

/// A command that runs a compiled program.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env("LD_LIBRARY_PATH", prefix().join("lib"))
        // The sanitizers' word is final, and their exit code is no other one.
        .env("ASAN_OPTIONS", "exitcode=77:detect_stack_use_after_return=1")
        .env("UBSAN_OPTIONS", "halt_on_error=1:exitcode=77")
        .env("TSAN_OPTIONS", "exitcode=77:halt_on_error=1:ignore_noninstrumented_modules=1");
    command
}

/// The same program under valgrind.
pub(crate) fn under_valgrind(program: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command
        .env("LD_LIBRARY_PATH", prefix().join("lib"))
        .args(["--quiet", "--error-exitcode=77", "--leak-check=full"])
        .args(["--errors-for-leak-kinds=definite", "--show-leak-kinds=definite"])
        .arg(format!("--suppressions={}", workspace().join("tests/c/valgrind.supp").display()))
        .arg(program);
    command
}

/// A sandbox and a place for a journal.
pub(crate) struct Stage {
    pub(crate) sandbox: sandbox::Sandbox,
    pub(crate) directory: tempfile::TempDir,
}

impl Stage {
    /// `scale`: real time over OVO's.
    pub(crate) fn at(scale: f64) -> Stage {
        Stage::with(scale, &[])
    }

    /// The same, with more arguments for the sandbox.
    pub(crate) fn with(scale: f64, arguments: &[&str]) -> Stage {
        // Built before its time runs.
        prefix();
        let sandbox = sandbox::Sandbox::start(scale, arguments);
        Stage { sandbox, directory: tempfile::tempdir().unwrap() }
    }

    /// Runs a program with the sandbox's settings and the journal's path.
    pub(crate) fn play(&self, mut command: Command, arguments: &[&str]) -> Output {
        command
            .envs(self.sandbox.settings())
            .arg(self.directory.path().join("ovo.db"))
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Runs to a good end and returns what was printed.
    pub(crate) fn succeeds(&self, command: Command, arguments: &[&str]) -> String {
        let output = self.play(command, arguments);
        let (said, told) = (text(&output), String::from_utf8_lossy(&output.stderr).into_owned());
        assert!(output.status.success(), "{}:\n{said}{told}", output.status);
        said
    }
}
