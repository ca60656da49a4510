//! The page around everything: head, style, figures and tables.

use crate::output::plot::{Palette, Plot};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A page.
pub(super) struct Page<'a> {
    /// In the window's title.
    pub(super) title: &'a str,
    /// What kind of page it is.
    pub(super) kind: &'a str,
    /// Its first heading.
    pub(super) question: &'a str,
    pub(super) body: Markup,
}

impl Page<'_> {
    pub(super) fn render(&self) -> String {
        let style = format!(
            ":root{{color-scheme:light dark;{}}}\n@media (prefers-color-scheme:dark){{@media not print{{:root{{{}}}}}}}\n{}",
            Palette::LIGHT.variables(),
            Palette::DARK.variables(),
            include_str!("style.css")
        );
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    // Nothing is fetched, nothing runs, whatever a scenario's texts hold.
                    meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                    title { (self.title) }
                    style { (PreEscaped(style)) }
                }
                body {
                    header {
                        p.kind { (self.kind) " · " (self.title) }
                        h1 { (self.question) }
                    }
                    main { (self.body) }
                }
            }
        }
        .into_string()
    }
}

/// A drawing with its heading and caption.
pub(super) fn figure(plot: &Plot) -> Markup {
    html! {
        figure.broad[plot.is_broad()] {
            h3 { (plot.title) }
            (plot.inline())
            figcaption { (plot.caption) }
        }
    }
}

/// A table with a heading that screen readers tell, which scrolls by itself where it is too wide.
pub(super) fn table(
    caption: &str,
    heads: &[&str],
    rows: impl Iterator<Item = Vec<Markup>>,
) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
            }
        }
    }
}
