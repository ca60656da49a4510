//! Regions, links, groups and their machines.

use super::{Kind, Named, Sense};
use crate::scenario::node::Step::{self, Index, Key};
use crate::scenario::problem::allowed;
use crate::scenario::{
    Distribution, Hospitals, Loss, Machine, Nat, SCHEMA, Share, Span, Spread, limits,
};

const DAY: u64 = 86_400_000_000;

impl<'a> Sense<'a> {
    pub(super) fn places(&mut self) {
        self.links();
        self.groups();
        self.lengths();
        let hospitals = self.hospitals();
        let threshold = self.scenario.federation.threshold;
        if hospitals < u64::from(threshold) {
            let path = [Key("federation"), Key("threshold")];
            self.say(
                &path,
                format!("an admission needs {threshold} hospitals, and there are {hospitals}"),
            );
        }
    }

    /// Hospitals in all.
    pub(super) fn hospitals(&self) -> u64 {
        self.scenario.hospitals.iter().map(|group| u64::from(group.count)).sum()
    }

    pub(super) fn head(&mut self) {
        let scenario = self.scenario;
        if scenario.schema != SCHEMA {
            let what = format!("unknown word `{}`; allowed here: {SCHEMA}", scenario.schema);
            self.say(&[Key("schema")], what);
        }
        self.id(&[Key("name")], &scenario.name);
        if scenario.duration == Span::default() || scenario.duration.micros() > limits::DAYS * DAY {
            self.say(
                &[Key("duration")],
                format!("a scenario lasts more than nothing and up to {}d", limits::DAYS),
            );
        }
        if scenario.warmup >= scenario.duration {
            let (warmup, duration) =
                (String::from(scenario.warmup), String::from(scenario.duration));
            self.say(
                &[Key("warmup")],
                format!("the warm-up of {warmup} leaves nothing of {duration} to measure"),
            );
        }
        let lists = [
            ("region", scenario.regions.len(), 1, limits::REGIONS),
            ("hospitals", scenario.hospitals.len(), 1, limits::LIST),
            ("link", scenario.links.len(), 0, limits::REGIONS * (limits::REGIONS + 1) / 2),
            ("providers", scenario.providers.len(), 0, limits::LIST),
            ("relays", scenario.relays.len(), 0, limits::LIST),
            ("work", scenario.work.len(), 0, limits::LIST),
            ("event", scenario.events.len(), 0, limits::LIST),
            ("hostile", scenario.hostile.len(), 0, limits::LIST),
            ("expect", scenario.expect.len(), 0, limits::LIST),
        ];
        for (key, count, least, most) in lists {
            if !(least..=most).contains(&count) {
                self.say(&[Key(key)], format!("{count} of `{key}`; {least} to {most} are allowed"));
            }
        }
    }

    /// Ids are plain and no two are the same, regions and groups together: events name either. Gives
    /// whether it is so.
    pub(super) fn names(&mut self) -> bool {
        let scenario = self.scenario;
        let mut ids = Vec::new();
        for (index, region) in scenario.regions.iter().enumerate() {
            ids.push(("region", index, region.id.as_str(), Named::Region));
        }
        for (index, group) in scenario.hospitals.iter().enumerate() {
            ids.push((
                "hospitals",
                index,
                &group.id,
                Named::Group(Kind::Hospital, group.count.into()),
            ));
        }
        for (index, group) in scenario.providers.iter().enumerate() {
            ids.push((
                "providers",
                index,
                &group.id,
                Named::Group(Kind::Provider, group.count.into()),
            ));
        }
        for (index, group) in scenario.relays.iter().enumerate() {
            let first = index == 0;
            let served = scenario.hospitals.iter().filter(|hospitals| {
                hospitals.relays.as_ref().map_or(first, |relays| *relays == group.id)
            });
            // One is there for patients who are yet to come.
            let each = |hospitals: &Hospitals| {
                let relays = hospitals.patients.div_ceil(group.patients_each.max(1)).max(1);
                u64::from(hospitals.count) * u64::from(relays)
            };
            let count = served.map(each).sum();
            ids.push(("relays", index, &group.id, Named::Group(Kind::Relay, count)));
        }
        let mut plain = true;
        for (list, index, id, named) in ids {
            let path = [Key(list), Index(index), Key("id")];
            plain &= self.id(&path, id);
            if self.names.insert(id, named).is_some() {
                self.say(&path, format!("there is a region or group `{id}` already"));
                plain = false;
            }
        }
        plain
    }

    fn region(&mut self, path: &[Step<'_>], id: &str) {
        if !self.scenario.regions.iter().any(|region| region.id == id) {
            let words = self.scenario.regions.iter().map(|region| region.id.as_str());
            self.say(path, format!("unknown region `{id}`; {}", allowed(id, words)));
        }
    }

    fn links(&mut self) {
        for (index, link) in self.scenario.links.iter().enumerate() {
            let here = [Key("link"), Index(index), Key("between")];
            for (end, id) in link.between.iter().enumerate() {
                self.region(&[here[0], here[1], here[2], Index(end)], id);
            }
            let [one, other] = &link.between;
            if self.scenario.links[..index].iter().any(|before| before.is_between(one, other)) {
                self.say(&here, format!("there is a link between {one} and {other} already"));
            }
            if let Loss::Bursts(bursts) = &link.loss
                && bursts.p.get() > 0.0
                && bursts.r.get() == 0.0
            {
                let path = [Key("link"), Index(index), Key("loss"), Key("r")];
                self.say(&path, "bursts never end: `r`, above 0 and up to 1, is the share of packets at which one does");
            }
            if link.bandwidth.is_some_and(|size| size.bytes() == 0) {
                self.say(
                    &[Key("link"), Index(index), Key("bandwidth")],
                    "nothing ever gets through",
                );
            }
        }
    }

    fn groups(&mut self) {
        let scenario = self.scenario;
        let (mut members, mut patients) = (0, 0);
        for (index, group) in scenario.hospitals.iter().enumerate() {
            let key = |key| [Key("hospitals"), Index(index), Key(key)];
            self.region(&key("region"), &group.region);
            self.machine("hospitals", index, &group.machine);
            members += u64::from(group.count);
            patients += u64::from(group.count) * u64::from(group.patients);
            match &group.relays {
                Some(id) if !scenario.relays.iter().any(|relays| relays.id == *id) => {
                    let words = scenario.relays.iter().map(|relays| relays.id.as_str());
                    self.say(
                        &key("relays"),
                        format!("unknown relays `{id}`; {}", allowed(id, words)),
                    );
                }
                None if group.patients > 0 && scenario.relays.is_empty() => {
                    self.say(&key("patients"), "patients need [[relays]], and there are none");
                }
                _ => {}
            }
            if group.entries > 0 && group.patients == 0 {
                self.say(
                    &key("entries"),
                    "there are no patients who could have entries: `patients` is 0",
                );
            }
        }
        for (index, group) in scenario.providers.iter().enumerate() {
            self.region(&[Key("providers"), Index(index), Key("region")], &group.region);
            self.machine("providers", index, &group.machine);
            members += u64::from(group.count);
        }
        for (index, group) in scenario.relays.iter().enumerate() {
            if let Some(region) = &group.region {
                self.region(&[Key("relays"), Index(index), Key("region")], region);
            }
            self.machine("relays", index, &group.machine);
        }
        if members > u64::from(limits::COUNT) {
            let what =
                format!("{members} hospitals and providers; up to {} are allowed", limits::COUNT);
            self.say(&[Key("hospitals")], what);
        }
        if patients > limits::PATIENTS {
            let what =
                format!("{patients} patients in all; up to {} are allowed", limits::PATIENTS);
            self.say(&[Key("hospitals")], what);
        }
    }

    fn machine(&mut self, list: &'a str, index: usize, machine: &Machine) {
        let key = |key| [Key(list), Index(index), Key(key)];
        match (&machine.up, &machine.down) {
            (Some(_), None) => {
                self.say(&key("up"), "`up` needs `down`: how long it is off between")
            }
            (None, Some(_)) => {
                self.say(&key("down"), "`down` needs `up`: how long it stays on at a time")
            }
            (None, None) if machine.sleeps != Share::default() => {
                self.say(
                    &key("sleeps"),
                    "`sleeps` needs `up` and `down`: without, it is always on",
                );
            }
            _ => {}
        }
        let Nat { open, cone, symmetric } = machine.nat;
        let sum = open + cone + symmetric;
        if (sum - 1.0).abs() > 1e-9 {
            self.say(
                &key("nat"),
                format!("the shares open, cone and symmetric sum to {sum}, not to 1"),
            );
        }
        if machine.clock_skew.micros() > DAY {
            self.say(&key("clock_skew"), "a clock is wrong by up to a day");
        }
        if machine.disk.is_some_and(|size| size.bytes() == 0) {
            self.say(
                &key("disk"),
                "a disk of no bytes holds nothing; leave it out for one that is never full",
            );
        }
    }

    fn lengths(&mut self) {
        let mut scenario = self.scenario.clone();
        for (path, spread) in crate::scenario::tables::spreads(&mut scenario) {
            let Spread::By(Distribution::Uniform { from, to }) = spread else { continue };
            if from > to {
                self.say(
                    &path,
                    format!("from {} to {} is no range", String::from(*from), String::from(*to)),
                );
            }
        }
    }
}
