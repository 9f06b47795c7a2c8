//! Whoever reads about a call sees it called.

use crate::pages::texts;

#[test]
fn every_public_call_of_a_client_has_an_example_that_compiles() {
    let (mut bare, mut calls) = (Vec::new(), 0);
    for (path, text) in texts() {
        if !path.starts_with("core/src/client/") {
            continue;
        }
        let (mut on_client, mut documentation) = (false, String::new());
        for line in text.lines() {
            if line.starts_with("impl") {
                on_client = ["impl Client {", "impl ClientBuilder {"].contains(&line);
            }
            let trimmed = line.trim();
            if trimmed.starts_with("///") || trimmed.starts_with("#[") {
                documentation += trimmed;
            } else {
                if let (true, Some(call)) = (on_client, trimmed.strip_prefix("pub fn ")) {
                    calls += 1;
                    if !documentation.contains("```") && !documentation.contains("doc(hidden)") {
                        bare.push(format!("{path}: {}", call.split('(').next().unwrap_or(call)));
                    }
                }
                documentation.clear();
            }
        }
    }
    assert!(bare.is_empty(), "without an example: {}", bare.join(", "));
    assert!(calls > 35, "only {calls} calls were found");
}
