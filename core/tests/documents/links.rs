//! Links from one document to another.

use std::path::{Component, Path, PathBuf};

use crate::pages::{Page, root, texts};

/// `a/b/../c` without the detour.
fn straight(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                assert!(parts.pop(), "{} leaves the repository", path.display())
            }
            Component::CurDir => {}
            _ => parts.push(part),
        }
    }
    parts
}

#[test]
fn every_link_in_a_document_leads_to_a_file_and_a_heading_that_is_there() {
    let (mut lost, mut followed) = (Vec::new(), 0);
    for (path, text) in texts().into_iter().filter(|(path, _)| path.ends_with(".md")) {
        let folder = Path::new(&path).parent().unwrap().to_owned();
        for link in text.split("](").skip(1) {
            let Some(link) = link.split(')').next() else { continue };
            let elsewhere =
                link.contains("://") || link.contains("::") || link.contains(char::is_whitespace);
            if elsewhere || link.is_empty() {
                continue;
            }
            followed += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let file =
                if file.is_empty() { PathBuf::from(&path) } else { straight(&folder.join(file)) };
            let there = root().join(&file);
            let found = there.exists()
                && (heading.is_empty() || {
                    let text = std::fs::read_to_string(&there).unwrap_or_default();
                    Page { name: String::new(), text }
                        .anchors()
                        .iter()
                        .any(|anchor| anchor == heading)
                });
            if !found {
                lost.push(format!("{path}: {link}"));
            }
        }
    }
    assert!(lost.is_empty(), "links that lead nowhere:\n{}", lost.join("\n"));
    assert!(followed > 20, "only {followed} links were found");
}
