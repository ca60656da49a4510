//! A drawing, its colours, and what lines and texts need.

use super::png;
use maud::{Markup, PreEscaped, html};

/// A drawing.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    /// Its file's name, without an extension.
    pub(crate) slug: String,
    /// Its heading.
    pub(crate) title: String,
    /// What it shows, of how many, in a sentence or two.
    pub(crate) caption: String,
    /// What a screen reader says on top: the figures that others see in the drawing.
    pub(crate) figures: String,
    /// For a phone, half a screen, a column of a paper.
    narrow: Drawing,
    /// For a whole screen, where that is another drawing.
    wide: Option<Drawing>,
}

/// What is drawn, and how large that is, in pixels at its natural size.
#[derive(Debug, Clone)]
pub(in crate::output) struct Drawing {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) body: Markup,
}

/// Widths for which drawings are made.
const NARROW: f64 = 420.0;
const WIDE: f64 = 1000.0;

impl Plot {
    /// Of one drawing for all widths.
    pub(super) fn new(
        slug: &str,
        title: &str,
        caption: String,
        draw: impl Fn(f64) -> Drawing,
    ) -> Self {
        Self {
            slug: slug.into(),
            title: title.into(),
            caption,
            figures: String::new(),
            narrow: draw(NARROW),
            wide: None,
        }
    }

    /// Of two drawings: a narrow and a wide one.
    pub(super) fn broad(
        slug: &str,
        title: &str,
        caption: String,
        draw: impl Fn(f64) -> Drawing,
    ) -> Self {
        let wide = Some(draw(WIDE));
        Self { wide, ..Self::new(slug, title, caption, draw) }
    }

    /// With what a screen reader says on top.
    pub(super) fn saying(self, figures: String) -> Self {
        Self { figures, ..self }
    }

    /// What it shows, all of it.
    fn description(&self) -> String {
        format!("{} {}", self.caption, self.figures).trim_end().to_owned()
    }

    /// Whether it takes the whole width.
    pub(in crate::output) const fn is_broad(&self) -> bool {
        self.wide.is_some()
    }

    /// For the report: follows its style sheet.
    pub(in crate::output) fn inline(&self) -> Markup {
        html! {
            @if let Some(wide) = &self.wide {
                div.wide { (wide.svg(&self.title, &self.description())) }
                div.narrow { (self.narrow.svg(&self.title, &self.description())) }
            } @else {
                (self.narrow.svg(&self.title, &self.description()))
            }
        }
    }

    /// A file of its own, with fixed colours on white.
    #[must_use]
    pub(crate) fn svg(&self) -> String {
        let drawing = self.wide.as_ref().unwrap_or(&self.narrow);
        let titled = Drawing {
            width: drawing.width,
            height: drawing.height + 34.0,
            body: html! {
                rect width="100%" height="100%" fill="var(--paper)" {}
                text x="12" y="23" fill="var(--ink)" font-size="16" font-weight="600" { (self.title) }
                g transform="translate(0 34)" { (drawing.body) }
            },
        };
        Palette::LIGHT.paint(&titled.svg(&self.title, &self.description()).into_string())
    }

    /// As PNG, at twice its natural size.
    ///
    /// # Errors
    /// What the renderer says of the drawing.
    pub(crate) fn png(&self) -> Result<Vec<u8>, String> {
        png::render(&self.svg(), 2.0)
    }
}

impl Drawing {
    fn svg(&self, title: &str, caption: &str) -> Markup {
        html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (px(self.width)) " " (px(self.height)) }
                width=(px(self.width)) height=(px(self.height)) role="img" font-size="14"
                font-family="system-ui, sans-serif"
            {
                title { (title) }
                desc { (caption) }
                (self.body)
            }
        }
    }
}

/// Colours by name: ink and paper, six for curves that colour-blind readers tell apart (after Okabe and Ito), six for
/// shares from bad to good, which also rise in lightness.
pub(in crate::output) struct Palette([(&'static str, &'static str); 20]);

impl Palette {
    pub(in crate::output) const LIGHT: Self = Self([
        ("paper", "#ffffff"),
        ("ink", "#1b2430"),
        ("soft", "#566170"),
        ("line", "#dde3ea"),
        ("wash", "#f3f6f9"),
        ("c1", "#0072b2"),
        ("c2", "#c85200"),
        ("c3", "#007a5a"),
        ("c4", "#a8508a"),
        ("c5", "#946200"),
        ("c6", "#566170"),
        ("r0", "#7a2204"),
        ("r1", "#d55e00"),
        ("r2", "#ee9d3d"),
        ("r3", "#f5d08a"),
        ("r4", "#9ec5e0"),
        ("r5", "#cfe3f1"),
        ("event", "#5b3a8c"),
        ("bad", "#b3261e"),
        ("good", "#00694f"),
    ]);
    pub(in crate::output) const DARK: Self = Self([
        ("paper", "#141a21"),
        ("ink", "#e8edf3"),
        ("soft", "#a7b1be"),
        ("line", "#2c3540"),
        ("wash", "#1b232c"),
        ("c1", "#56b4e9"),
        ("c2", "#ff8a3d"),
        ("c3", "#2fc49b"),
        ("c4", "#e79ac6"),
        ("c5", "#f0c04a"),
        ("c6", "#a7b1be"),
        ("r0", "#ffd9c2"),
        ("r1", "#ff8a3d"),
        ("r2", "#c9801f"),
        ("r3", "#7d6326"),
        ("r4", "#2f6284"),
        ("r5", "#1f3b50"),
        ("event", "#c3a6f2"),
        ("bad", "#ff8f85"),
        ("good", "#4fd1a5"),
    ]);

    /// The colours as variables of a style sheet.
    pub(in crate::output) fn variables(&self) -> String {
        self.0.iter().map(|(name, colour)| format!("--{name}:{colour};")).collect()
    }

    /// Puts the colours in where they are named.
    fn paint(&self, svg: &str) -> String {
        self.0.iter().fold(svg.to_owned(), |svg, (name, colour)| {
            svg.replace(&format!("var(--{name})"), colour)
        })
    }
}

/// Curves' colours and dashes: told apart without colours, too.
pub(super) const STROKES: [(&str, &str); 6] = [
    ("var(--c1)", ""),
    ("var(--c2)", "7 3"),
    ("var(--c3)", "2 2.5"),
    ("var(--c4)", "10 3 2 3"),
    ("var(--c5)", "4 2"),
    ("var(--c6)", "12 4"),
];

/// A coordinate, to a tenth of a pixel.
pub(super) fn px(at: f64) -> String {
    let text = format!("{at:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A path through points.
pub(super) fn path(points: impl IntoIterator<Item = (f64, f64)>) -> PreEscaped<String> {
    let mut path = String::new();
    for (x, y) in points {
        path.push(if path.is_empty() { 'M' } else { 'L' });
        path.push_str(&format!("{} {}", px(x), px(y)));
    }
    PreEscaped(path)
}

/// About how wide a text is at 14 pixels a line.
pub(super) fn text_width(text: &str) -> f64 {
    text.chars().map(|letter| if letter.is_ascii() { 7.4 } else { 9.0 }).sum()
}

/// A text that is cut off, with a mark that it was, beyond so many letters.
pub(super) fn cut(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters.saturating_sub(1)).chain(['…']).collect()
}
