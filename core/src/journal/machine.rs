//! The name of the machine that this process runs on, for people: which of several has a file.

/// As `uname -n` says it: in a container the container's, by Kubernetes the pod's. `None` if it has none.
pub(super) fn name() -> Option<String> {
    let system = rustix::system::uname();
    let name: String =
        system.nodename().to_string_lossy().chars().filter(|it| it.is_ascii_graphic()).collect();
    let is_one = !name.is_empty() && !name.starts_with('(');
    is_one.then_some(name)
}
