//! The page that shows an exported record in any browser.

use chartmesh_node::client::escape;

use super::counted;
use super::manifest::{Exported, ExportedEntry};
use crate::output::bytes;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}\
h1{font-size:1.6rem}h2{font-size:1.2rem;margin:2rem 0 .2rem;border-top:1px solid #ccc;padding-top:1rem}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}dt{color:#595959}dd{margin:0;overflow-wrap:anywhere}\
code{font-size:.85em}img{max-width:100%;height:auto}";

/// Needs nothing but the files beside it: no script, no style or font from elsewhere.
pub(super) fn page(record: &Exported) -> String {
    let title = if record.name.is_empty() { "Medical record" } else { &record.name };
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'\">\n\
<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
<p>{count} entries, written out on {when} by {by}. Everything about them stands in <a href=\"manifest.json\">manifest.json</a>, \
who saw what in <a href=\"access-log.json\">access-log.json</a>.</p>\n\
<p>These files are in the clear: whoever has them can read them. Each entry's proof holds what its author signed; \
a file's BLAKE3 hash is in the manifest, and <code>b3sum</code> prints it.</p>\n",
        title = text(title),
        count = record.entries.len(),
        when = text(&record.exported_at),
        by = text(&record.exported_by),
    );
    for entry in &record.entries {
        push_entry(&mut html, entry);
    }
    if !record.unopened.is_empty() {
        html.push_str(&format!(
            "<p>{} cannot be opened where this was written; the manifest says why.</p>\n",
            text(&counted(record.unopened.len(), "entry or content", "entries or contents"))
        ));
    }
    html.push_str("</body>\n</html>\n");
    html
}

fn push_entry(html: &mut String, entry: &ExportedEntry) {
    html.push_str(&format!(
        "<h2 id=\"{id}\">{title}</h2>\n<dl>\n<dt>Happened</dt><dd>{happened}</dd>\n<dt>Kind</dt><dd>{kind}</dd>\n\
<dt>Recorded</dt><dd>{recorded}, by {user}, {author}</dd>\n<dt>Entry</dt><dd><code>{id}</code>, <a href=\"{proof}\">proof</a></dd>\n",
        id = entry.entry,
        title = text(&entry.title),
        happened = text(&entry.happened),
        kind = text(entry.kind.name()),
        recorded = text(&entry.recorded_at),
        user = text(&entry.user),
        author = text(&entry.author_name),
        proof = link(&entry.proof),
    ));
    if let Some(original) = &entry.adds_to {
        html.push_str(&format!(
            "<dt>Adds to</dt><dd><a href=\"#{original}\"><code>{original}</code></a></dd>\n"
        ));
    }
    html.push_str("</dl>\n");
    if !entry.whole {
        html.push_str("<p>Its contents are not here, but with its holders.</p>\n");
        return;
    }
    html.push_str("<ul>\n");
    for file in &entry.files {
        html.push_str(&format!(
            "<li><a href=\"{href}\">{name}</a>, {kind}, {size}</li>\n",
            href = link(&file.file),
            name = text(&file.name),
            kind = text(&file.media_type),
            size = text(&bytes(file.bytes)),
        ));
    }
    html.push_str("</ul>\n");
    for file in entry.files.iter().filter(|file| is_picture(&file.media_type)) {
        html.push_str(&format!(
            "<p><img loading=\"lazy\" src=\"{}\" alt=\"{}\"></p>\n",
            link(&file.file),
            text(&file.name)
        ));
    }
}

/// What every browser shows, and cannot run anything.
fn is_picture(media_type: &str) -> bool {
    matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp")
}

/// Text of others, as text.
fn text(raw: &str) -> String {
    let mut out = String::new();
    for c in raw.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A path relative to the page.
fn link(path: &str) -> String {
    path.split('/').map(escape).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_stays_text() {
        assert_eq!(text("<script>\"'&"), "&lt;script&gt;&quot;&#39;&amp;");
        assert_eq!(link("entries/1 a#b?c/x%.dcm"), "entries/1%20a%23b%3Fc/x%25.dcm");
        assert!(!is_picture("image/svg+xml"), "it could carry a script");
    }
}
