//! The manual's pages and the repository's files, as the tests read them.

use std::fs;
use std::path::{Path, PathBuf};

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A page of `core/src/manual`.
pub(crate) struct Page {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn named(name: &str) -> Page {
        Page { name: name.to_owned(), text: read(&format!("core/src/manual/{name}.md")) }
    }

    pub(crate) fn all() -> Vec<Page> {
        let folder = root().join("core/src/manual");
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("the manual's folder")
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".md").map(str::to_owned))
            .collect();
        names.sort();
        names.iter().map(|name| Page::named(name)).collect()
    }

    /// The headings, code blocks left out.
    pub(crate) fn headings(&self) -> Vec<&str> {
        let mut in_code = false;
        let mut found = Vec::new();
        for line in self.text.lines() {
            in_code ^= line.starts_with("```");
            if let (false, Some(heading)) = (in_code, line.strip_prefix('#')) {
                found.push(heading.trim_start_matches('#').trim());
            }
        }
        found
    }

    /// The numbers that begin headings: `2.5` of `## 2.5 Timers`.
    pub(crate) fn sections(&self) -> Vec<&str> {
        let number = |heading: &&str| heading.starts_with(|first: char| first.is_ascii_digit());
        self.headings()
            .into_iter()
            .filter(number)
            .filter_map(|heading| heading.split(' ').next())
            .collect()
    }

    /// The anchors that rustdoc makes of the headings.
    pub(crate) fn anchors(&self) -> Vec<String> {
        self.headings().into_iter().map(anchor).collect()
    }

    /// The first cells of all tables' rows.
    pub(crate) fn first_cells(&self) -> Vec<&str> {
        self.rows().into_iter().map(|row| row[0]).collect()
    }

    /// The rows of all tables, heads included.
    pub(crate) fn rows(&self) -> Vec<Vec<&str>> {
        self.text
            .lines()
            .filter(|line| line.starts_with("| "))
            .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
            .collect()
    }
}

fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Every text of the repository that people write, as (path from the top, content).
pub(crate) fn texts() -> Vec<(String, String)> {
    let mut found = Vec::new();
    gather(&root(), &root(), &mut found);
    found.sort();
    assert!(found.len() > 100, "only {} files under {}", found.len(), root().display());
    found
}

const WRITTEN_BY_HAND: [&str; 16] = [
    "rs", "md", "py", "pyi", "h", "hpp", "c", "cpp", "toml", "json", "tsv", "sh", "js", "html",
    "css", "story",
];

fn gather(top: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap_or_default();
        let kind = entry.file_type().unwrap();
        let path = entry.path();
        if kind.is_dir() {
            let made = name.starts_with('.') || name.starts_with("target") || name.contains("venv");
            if !made && !["build", "dist", "node_modules", "__pycache__"].contains(&name.as_str()) {
                gather(top, &path, found);
            }
            continue;
        }
        let extension = path.extension().and_then(|extension| extension.to_str());
        let script = extension.is_none() && name != "LICENSE";
        if !script && !extension.is_some_and(|extension| WRITTEN_BY_HAND.contains(&extension)) {
            continue;
        }
        // A script without extension may turn out to be a program.
        if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(top).unwrap().to_string_lossy().into_owned();
            found.push((path, text));
        }
    }
}
