//! The page on the control address: one file without anything from elsewhere, put together from its
//! parts when the sandbox starts.

/// What holds the page's parts, in the order in which they stand in it.
const FRAME: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPTS: [&str; 7] = [
    include_str!("texts.js"),
    include_str!("model.js"),
    include_str!("dom.js"),
    include_str!("phone.js"),
    include_str!("wire.js"),
    include_str!("story.js"),
    include_str!("page.js"),
];

/// The page, and the policy under which a browser runs it.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) html: String,
    pub(crate) policy: String,
}

impl Page {
    /// `nonce` marks the page's own style and script: nothing else runs in it, whatever a merchant
    /// writes into an invoice.
    pub(crate) fn new(nonce: &str) -> Page {
        let html = FRAME
            .replace("{{nonce}}", nonce)
            .replace("{{style}}", STYLE)
            .replace("{{script}}", &SCRIPTS.join("\n"));
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; \
             connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        );
        Page { html, policy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_and_needs_nothing_from_elsewhere() {
        let page = Page::new("n0nce").html;
        assert!(!page.contains("{{"), "every part is there");
        for foreign in ["http://", "https://", "src=\"/", "@import", "url("] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        // Text goes into the page as text: what a merchant writes is never markup.
        for markup in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!page.contains(markup), "{markup}");
        }
    }
}
