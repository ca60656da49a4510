//! What people do, what happens, who is hostile, what is expected.

use super::{Kind, Meant, Sense};
use crate::scenario::metrics::{PARTS, names};
use crate::scenario::node::Step::{Index, Key};
use crate::scenario::problem::allowed;
use crate::scenario::units::{one, two_kib};
use crate::scenario::{Act, Each, Event, Happening, Hostility, Share, Span, limit, limits, part};

const ALL: &[Kind] = &[Kind::Hospital, Kind::Provider, Kind::Relay];
const DAY: u64 = 86_400_000_000;

impl Sense<'_> {
    pub(super) fn doings(&mut self) {
        self.policy();
        self.work();
        for (index, event) in self.scenario.events.iter().enumerate() {
            self.event(index, event);
        }
        self.hostile();
        self.measure();
        self.expect();
    }

    fn policy(&mut self) {
        let policy = &self.scenario.policy;
        let longest = limits::PERMISSION_DAYS * DAY;
        for (key, span) in [("permission", policy.permission), ("request", policy.request)] {
            if span == Span::default() || span.micros() > longest {
                let what =
                    format!("holds for more than nothing and up to {}d", limits::PERMISSION_DAYS);
                self.say(&[Key("policy"), Key(key)], what);
            }
        }
        if policy.retry_first == Span::default() {
            self.say(&[Key("policy"), Key("retry_first")], "trying again at once would never end");
        }
        if policy.retry_longest < policy.retry_first {
            self.say(&[Key("policy"), Key("retry_longest")], "is shorter than `retry_first`");
        }
        let patients = &self.scenario.patients;
        if patients.refuse.get() + patients.ignore.get() > 1.0 {
            self.say(
                &[Key("patients"), Key("ignore")],
                "`refuse` and `ignore` are more than all together",
            );
        }
        let providers: u64 =
            self.scenario.providers.iter().map(|group| u64::from(group.count)).sum();
        if policy.replicas > 1 && u64::from(policy.replicas) > providers {
            let what = format!(
                "{} copies need as many providers, and there are {providers}",
                policy.replicas
            );
            self.say(&[Key("policy"), Key("replicas")], what);
        }
    }

    fn work(&mut self) {
        let scenario = self.scenario;
        for (index, work) in scenario.work.iter().enumerate() {
            let key = |key| [Key("work"), Index(index), Key(key)];
            match (&work.rate, &work.trace) {
                (None, None) => self.say(&key("do"), "needs a `rate`, or a `trace` of times"),
                (Some(_), Some(_)) => {
                    self.say(&key("trace"), "there is a `rate` already; give one of the two")
                }
                _ => {}
            }
            if work.trace.is_some() && work.by_day {
                self.say(&key("by_day"), "the trace says when; `by_day` goes with `rate`");
            }
            if work.trace.is_some() && work.each == Each::Patient {
                self.say(&key("each"), "the trace says how often; `each` goes with `rate`");
            }
            if let Some(by) = &work.by {
                self.meant(&key("by"), by, &[Kind::Hospital], false);
            }
            if matches!(work.act, Act::Deposit | Act::Keep | Act::Restore)
                && scenario.providers.is_empty()
            {
                self.say(&key("do"), "needs [[providers]], and there are none");
            }
            if work.act == Act::Download && self.hospitals() < 2 {
                self.say(&key("do"), "needs another hospital, and there is one");
            }
            if work.act != Act::Import && work.act != Act::Keep && scenario.relays.is_empty() {
                self.say(&key("do"), "needs patients with [[relays]], and there are none");
            }
            if !matches!(work.act, Act::Import | Act::Admission) {
                for (name, said) in
                    [("entries", work.entries != one()), ("size", work.size != two_kib())]
                {
                    if said {
                        self.say(
                            &key(name),
                            format!("`{name}` does not belong here; only with import, admission"),
                        );
                    }
                }
            }
            if work.size.bytes() == 0 || work.size.bytes() > limits::ENTRY_BYTES {
                let most = limits::ENTRY_BYTES >> 20;
                self.say(
                    &key("size"),
                    format!("an entry has more than nothing and up to {most} MiB"),
                );
            }
        }
    }

    fn event(&mut self, index: usize, event: &Event) {
        let key = |key| [Key("event"), Index(index), Key(key)];
        let shape = Shape::of(event.what);
        if event.at >= self.scenario.duration {
            let duration = String::from(self.scenario.duration);
            self.say(&key("at"), format!("the scenario ends before, at {duration}"));
        }
        let target = self.meant(&key("target"), &event.target, shape.kinds, shape.regions);
        if shape.single && matches!(target, Some(Meant::Group(_))) {
            self.say(
                &key("target"),
                format!("`{}` is several; name one of them, such as {0}-1", event.target),
            );
        }
        match (&event.other, shape.other) {
            (Some(other), true) => {
                let meant = self.meant(&key("other"), other, shape.kinds, shape.regions);
                if shape.single && matches!(meant, Some(Meant::Group(_))) {
                    self.say(
                        &key("other"),
                        format!("`{other}` is several; name one of them, such as {other}-1"),
                    );
                }
                if *other == event.target {
                    self.say(&key("other"), "is the target itself");
                }
            }
            (Some(_), false) => self.not_here(index, "other", "cut, merge"),
            (None, true) => self.say(&key("do"), shape.needs_other),
            (None, false) => {}
        }
        if event.lasts.is_some() && !shape.lasts {
            self.not_here(index, "for", "isolate, cut, stop, destroy, fill-disk, merge");
        }
        if event.lasts.is_none() && event.what == Happening::Merge {
            self.say(&key("do"), "a merger needs `for`: how long until the hospital leaves");
        }
        if event.lasts == Some(Span::default()) {
            self.say(&key("for"), "lasts no time; leave it out for what stays");
        }
        if event.share != Share::WHOLE && !shape.share {
            self.not_here(index, "share", "all but cut, merge and expel");
        }
        match (event.what, event.by) {
            (Happening::ClockJump, None) => {
                self.say(&key("do"), "a clock jump needs `by`: how far ahead")
            }
            (Happening::ClockJump, Some(by))
                if by == Span::default() || by.micros() > limits::DAYS * DAY =>
            {
                self.say(
                    &key("by"),
                    format!("a clock jumps by more than nothing and up to {}d", limits::DAYS),
                );
            }
            (Happening::ClockJump, Some(_)) | (_, None) => {}
            (_, Some(_)) => self.not_here(index, "by", "clock-jump"),
        }
    }

    fn not_here(&mut self, index: usize, key: &'static str, only: &str) {
        self.say(
            &[Key("event"), Index(index), Key(key)],
            format!("`{key}` does not belong here; only with {only}"),
        );
    }

    fn hostile(&mut self) {
        for (index, hostile) in self.scenario.hostile.iter().enumerate() {
            let key = |key| [Key("hostile"), Index(index), Key(key)];
            let kinds: &[Kind] = match hostile.does {
                Hostility::LieAboutStorage => &[Kind::Provider],
                Hostility::Overspend => &[Kind::Hospital],
                Hostility::Replay => ALL,
                Hostility::Forge
                | Hostility::Withhold
                | Hostility::Stale
                | Hostility::AdmitAlone => &[Kind::Hospital, Kind::Provider],
            };
            self.meant(&key("party"), &hostile.party, kinds, false);
            if hostile.from >= self.scenario.duration {
                let duration = String::from(self.scenario.duration);
                self.say(&key("from"), format!("the scenario ends before, at {duration}"));
            }
        }
    }

    fn measure(&mut self) {
        let (measure, duration) = (&self.scenario.measure, self.scenario.duration);
        let steps = duration.micros().min(limits::DAYS * DAY).checked_div(measure.every.micros());
        if steps.is_none_or(|steps| steps > limits::STEPS) {
            let what = format!("the duration has more than {} such steps", limits::STEPS);
            self.say(&[Key("measure"), Key("every")], what);
        }
        if measure.deadline == Span::default() {
            self.say(&[Key("measure"), Key("deadline")], "nothing is answered in no time");
        }
    }

    fn expect(&mut self) {
        for (index, expect) in self.scenario.expect.iter().enumerate() {
            let key = |key| [Key("expect"), Index(index), Key(key)];
            let metric = expect.metric.split('.').next().unwrap_or_default();
            if !names().any(|known| known == metric) {
                let what = allowed(metric, names());
                self.say(&key("metric"), format!("unknown metric `{metric}`; {what}"));
                continue;
            }
            let Some((_, part)) = part(&expect.metric) else {
                let part = expect.metric.split_once('.').map_or("", |(_, part)| part);
                let what = allowed(part, PARTS.iter().copied());
                self.say(&key("metric"), format!("`{metric}` needs a part after a dot; {what}"));
                continue;
            };
            if expect.below.is_none() && expect.above.is_none() {
                self.say(&key("metric"), "needs `below` or `above`");
            }
            let read = |value: &Option<toml::Value>| {
                value.as_ref().map(|value| limit(metric, part, value))
            };
            let (below, above) = (read(&expect.below), read(&expect.above));
            for (name, read) in [("below", &below), ("above", &above)] {
                if let Some(Err(what)) = read {
                    self.say(&key(name), what);
                }
            }
            if let (Some(Ok(below)), Some(Ok(above))) = (below, above)
                && below <= above
            {
                self.say(&key("below"), "nothing is above `above` and below `below`");
            }
        }
    }
}

/// Which keys an event of a kind has.
struct Shape {
    /// Whom it can concern.
    kinds: &'static [Kind],
    /// Whether it can concern a region.
    regions: bool,
    /// Whether it concerns one party only.
    single: bool,
    /// Whether it has another one.
    other: bool,
    /// What to say when that is missing.
    needs_other: &'static str,
    /// Whether it has a length.
    lasts: bool,
    /// Whether it can concern a share.
    share: bool,
}

impl Shape {
    fn of(what: Happening) -> Self {
        let plain = Self {
            kinds: ALL,
            regions: true,
            single: false,
            other: false,
            needs_other: "",
            lasts: false,
            share: true,
        };
        match what {
            Happening::Isolate | Happening::Stop | Happening::Destroy | Happening::FillDisk => {
                Self { lasts: true, ..plain }
            }
            Happening::Crash
            | Happening::LoseObjects
            | Happening::DamageObjects
            | Happening::ClockJump => plain,
            Happening::Cut => Self {
                other: true,
                needs_other: "a cut needs `other`: to whom no message gets",
                lasts: true,
                share: false,
                ..plain
            },
            Happening::Merge => Self {
                kinds: &[Kind::Hospital],
                regions: false,
                single: true,
                other: true,
                needs_other: "a merger needs `other`: the hospital into which it merges",
                lasts: true,
                share: false,
            },
            Happening::Revoke => Self { kinds: &[Kind::Hospital, Kind::Relay], ..plain },
            Happening::Expel => Self {
                kinds: &[Kind::Hospital, Kind::Provider],
                regions: false,
                share: false,
                ..plain
            },
        }
    }
}
