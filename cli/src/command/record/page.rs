//! The page that shows an exported record in any browser.

use chartmesh_node::client::escape;

use super::counted;
use super::manifest::{Exported, ExportedEntry};
use crate::output::{bytes, one_line};
use chartmesh_protocol::naming::quoted;

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
<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{heading}</h1>\n\
<p>{count} entries, written out on {when} by {by}. Everything about them stands in <a href=\"manifest.json\">manifest.json</a>, \
who saw what in <a href=\"access-log.json\">access-log.json</a>.</p>\n\
<p>These files are in the clear: whoever has them can read them. Each entry's proof holds what its author signed; \
a file's BLAKE3 hash is in the manifest, and <code>b3sum</code> prints it.</p>\n",
        title = attribute(title),
        heading = text(title),
        count = record.entries.len(),
        when = record.exported_at,
        by = text(&record.exported_by),
    );
    for entry in &record.entries {
        push_entry(&mut html, entry);
    }
    if !record.unopened.is_empty() {
        html.push_str(&format!(
            "<p>{} cannot be opened where this was written; the manifest says why.</p>\n",
            counted(record.unopened.len(), "entry or content", "entries or contents")
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
        happened = entry.happened,
        kind = entry.kind.name(),
        recorded = entry.recorded_at,
        user = text(&quoted(&entry.user)),
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
            size = bytes(file.bytes),
        ));
    }
    html.push_str("</ul>\n");
    for file in entry.files.iter().filter(|file| is_picture(&file.media_type)) {
        html.push_str(&format!(
            "<p><img loading=\"lazy\" src=\"{}\" alt=\"{}\"></p>\n",
            link(&file.file),
            attribute(&file.name)
        ));
    }
}

/// What every browser shows, and cannot run anything.
fn is_picture(media_type: &str) -> bool {
    matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp")
}

/// Text of others, as text, and by itself: whatever direction it is read in, what stands beside it stays where it is.
fn text(raw: &str) -> String {
    format!("<bdi>{}</bdi>", attribute(raw))
}

/// Likewise where there are no elements: in an attribute, or in the title.
fn attribute(raw: &str) -> String {
    let mut out = String::new();
    for c in one_line(raw).chars() {
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
    use chartmesh_protocol::id::{EntryId, PartyId};
    use chartmesh_protocol::record::Kind;
    use chartmesh_protocol::time::Timestamp;

    #[test]
    fn text_of_others_stays_text() {
        assert_eq!(attribute("<script>\"'&"), "&lt;script&gt;&quot;&#39;&amp;");
        assert_eq!(text("Al\u{202e}der\u{9}\u{61c}"), "<bdi>Al\u{fffd}der \u{fffd}</bdi>");
        assert_eq!(link("entries/1 a#b?c/x%.dcm"), "entries/1%20a%23b%3Fc/x%25.dcm");
        assert!(!is_picture("image/svg+xml"), "it could carry a script");
    }

    #[test]
    fn nobody_who_recorded_passes_for_another_institution() {
        let entry: ExportedEntry = entry("Dr Mori\u{201d}, \u{202e}Kita Hospital");
        let mut html = String::new();
        push_entry(&mut html, &entry);
        let by = "by <bdi>\u{201c}Dr Mori&#39;, \u{fffd}Kita Hospital\u{201d}</bdi>, <bdi>Alder Hospital</bdi>";
        assert!(html.contains(by), "{html}");
    }

    fn entry(user: &str) -> ExportedEntry {
        ExportedEntry {
            entry: EntryId([7; 16]),
            kind: Kind::Reports,
            title: "A letter".into(),
            effective_ms: Timestamp(0),
            happened: String::new(),
            recorded_ms: Timestamp(0),
            recorded_at: String::new(),
            author: PartyId([1; 32]),
            author_name: "Alder Hospital".into(),
            user: user.into(),
            adds_to: None,
            terms: Vec::new(),
            label: String::new(),
            proof: String::new(),
            whole: false,
            holders: Vec::new(),
            files: Vec::new(),
        }
    }
}
