//! What was measured, one line each: figure, aim, and what it was compared with in the same run.

use std::time::Duration;

/// The lines of one run, printed as they come.
#[derive(Debug, Default)]
pub struct Report {
    lines: usize,
    missed: Vec<String>,
    absent: Vec<String>,
}

/// What a figure is to be, and whether it is.
#[derive(Debug, Clone)]
pub struct Aim {
    words: String,
    met: bool,
}

impl Aim {
    /// At most so much.
    #[must_use]
    pub fn at_most(figure: f64, most: f64, unit: &str) -> Self {
        Self { words: format!("at most {}{unit}", shown(most)), met: figure <= most }
    }

    /// At least so much.
    #[must_use]
    pub fn at_least(figure: f64, least: f64, unit: &str) -> Self {
        Self { words: format!("at least {}{unit}", shown(least)), met: figure >= least }
    }
}

impl Report {
    /// A new part begins.
    pub fn part(&self, title: &str) {
        println!("\n-- {title}");
    }

    /// A remark that is no figure.
    pub fn note(&self, text: &str) {
        println!("   {text}");
    }

    /// A figure, what it is to be, and what it was compared with.
    pub fn say(&mut self, what: &str, figure: &str, aim: Option<Aim>, with: &str) {
        self.lines += 1;
        let aimed = match &aim {
            None => "no aim".to_owned(),
            Some(Aim { words, met: true }) => format!("aim: {words}"),
            Some(Aim { words, met: false }) => {
                self.missed.push(what.to_owned());
                format!("aim: {words}; MISSED")
            }
        };
        let with = if with.is_empty() { String::new() } else { format!("; {with}") };
        println!("{what}: {figure} ({aimed}{with})");
    }

    /// What the program cannot do yet.
    pub fn not_yet(&mut self, what: &str, aim: &str, why: &str) {
        self.lines += 1;
        self.absent.push(what.to_owned());
        println!("{what}: not possible yet (aim: {aim}; {why})");
    }

    /// What did not work.
    pub fn failed(&mut self, what: &str, aim: &str, why: &str) {
        self.lines += 1;
        self.missed.push(what.to_owned());
        println!("{what}: FAILED: {} (aim: {aim})", why.trim().replace('\n', " "));
    }

    /// How many lines there are.
    #[must_use]
    pub const fn lines(&self) -> usize {
        self.lines
    }

    /// Says what was missed.
    pub fn end(&self) {
        let Self { lines, missed, absent } = self;
        let (missed, absent) = (missed.len(), absent.len());
        println!("\n{lines} figures; {missed} missed their aim, {absent} are not possible yet");
    }
}

/// Times, in the order of their length.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Of so many tries.
    #[must_use]
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The one in the middle, in milliseconds.
    #[must_use]
    pub fn p50(&self) -> f64 {
        self.0.get(self.0.len() / 2).map_or(f64::NAN, ms)
    }

    /// The longest, in milliseconds.
    #[must_use]
    pub fn longest(&self) -> f64 {
        self.0.last().map_or(f64::NAN, ms)
    }
}

/// Milliseconds.
#[must_use]
pub fn ms(time: &Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A number as people read it: three digits that count.
#[must_use]
pub fn shown(number: f64) -> String {
    let size = number.abs();
    if !number.is_finite() {
        return "?".to_owned();
    }
    match size {
        _ if size >= 100.0 => grouped(&format!("{number:.0}")),
        _ if size >= 10.0 => format!("{number:.1}"),
        _ if size == size.trunc() => format!("{number:.0}"),
        _ => format!("{number:.2}"),
    }
}

fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    format!("{sign}{out}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_misses_its_aim_is_counted_and_so_is_what_cannot_be_done() {
        let mut report = Report::default();
        report.say("rate", "1 200 a second", Some(Aim::at_least(1200.0, 3000.0, "")), "");
        report.say("wait", "3 ms", Some(Aim::at_most(3.0, 5.0, " ms")), "write and sync 1 ms");
        report.not_yet("terms", "under 5 ms", "no index");
        report.failed("files", "1.2 times", "too much waits");
        assert_eq!((report.lines(), report.missed.len(), report.absent.len()), (4, 2, 1));
    }

    #[test]
    fn times_have_a_middle_and_an_end_and_numbers_three_digits() {
        let times = Times::of([30, 10, 20].map(Duration::from_millis).to_vec());
        assert_eq!((times.p50(), times.longest()), (20.0, 30.0));
        assert!(Times::default().p50().is_nan());
        let text = [1_234_567.0, 99.96, 5.0, 0.123].map(shown);
        assert_eq!(text, ["1 234 567", "100.0", "5", "0.12"]);
    }
}
