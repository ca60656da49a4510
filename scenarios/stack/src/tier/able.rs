//! What a scenario may say here. What this tier cannot do is refused by its name, never left out silently.

use chartmesh_scenarios::scenario::{
    Happening, Link, Loss, Machine, Scenario, Share, Span, Spread,
};
use chartmesh_scenarios::tier::Chance;

use crate::internet::{Links, Region};

/// The idle time of a node's connections, which no option of it changes.
const IDLE: Span = Span::from_secs(300);

/// The keys of a scenario that whole nodes cannot honour, each with the reason.
pub(super) fn refused(scenario: &Scenario) -> Vec<String> {
    let mut refused = Vec::new();
    let mut say = |what: String| refused.push(what);
    if !scenario.hostile.is_empty() {
        say("hostile: whole nodes are honest".into());
    }
    let faults = &scenario.faults;
    let shares = [
        ("crash", faults.crash),
        ("lose_outcome", faults.lose_outcome),
        ("alter_object", faults.alter_object),
        ("alter_message", faults.alter_message),
    ];
    for (key, share) in shares {
        if share != Share::default() {
            say(format!("faults.{key}: nothing stands between a node and its transport or store"));
        }
    }
    if scenario.policy.idle != IDLE {
        say("policy.idle: a node closes idle connections after 5 min".into());
    }
    for (number, link) in scenario.links.iter().enumerate() {
        let key = |key: &str| format!("link.{}.{key}", number + 1);
        if matches!(link.loss, Loss::Bursts(_)) {
            say(format!("{}: losses come one by one here", key("loss")));
        }
        if link.duplicate != Share::default() || link.reorder != Share::default() {
            say(format!("{}: TCP hides both", key("duplicate, reorder")));
        }
    }
    let groups = (scenario.hospitals.iter().map(|group| ("hospitals", &group.id, &group.machine)))
        .chain(scenario.providers.iter().map(|group| ("providers", &group.id, &group.machine)))
        .chain(scenario.relays.iter().map(|group| ("relays", &group.id, &group.machine)));
    for (list, id, machine) in groups {
        let Machine { clock_skew, nat, sync, disk, .. } = machine;
        let mut key = |wrong: bool, key: &str, why: &str| {
            if wrong {
                say(format!("{list}.{id}.{key}: {why}"));
            }
        };
        key(*clock_skew != Span::default(), "clock_skew", "all clocks are right");
        key(nat.cone > 0.0 || nat.symmetric > 0.0, "nat", "routers are not simulated");
        key(disk.is_some(), "disk", "disks have no end");
        let none = Spread::Always(Span::default());
        key(sync.as_ref().is_some_and(|sync| *sync != none), "sync", "disks take no time");
    }
    for (number, event) in scenario.events.iter().enumerate() {
        let able = matches!(
            event.what,
            Happening::Isolate
                | Happening::Stop
                | Happening::Crash
                | Happening::Merge
                | Happening::Revoke
                | Happening::Expel
        );
        if !able {
            say(format!("event.{}.do: not among what can happen to whole nodes", number + 1));
        }
    }
    refused
}

/// The links of a scenario between its regions; without loss while the federation is set up.
pub(super) fn links(scenario: &Scenario, lossy: bool) -> Links {
    let region = |id: &str| Region(scenario.regions.iter().position(|r| r.id == id).unwrap_or(0));
    let mut links = Links::all(crate::Link::of(std::time::Duration::from_millis(20)));
    for link in &scenario.links {
        let (one, other) = (region(&link.between[0]), region(&link.between[1]));
        let (plain, spread) = plain(link, lossy);
        links = links.with(one, other, plain);
        if let Some(spread) = spread {
            links = links.varying(one, other, spread);
        }
    }
    links
}

fn plain(link: &Link, lossy: bool) -> (crate::Link, Option<Spread>) {
    let spread = (!matches!(link.latency, Spread::Always(_))).then(|| link.latency.clone());
    let loss = match &link.loss {
        Loss::Share(share) if lossy => share.get(),
        _ => 0.0,
    };
    let plain = crate::Link {
        latency: std::time::Duration::from_micros(middle(&link.latency)),
        bytes_per_second: link.bandwidth.map(|size| size.bytes()),
        loss,
    };
    (plain, spread)
}

/// About the median of a latency, in microseconds: what TCP has measured of it.
fn middle(spread: &Spread) -> u64 {
    const DRAWS: usize = 1001;
    if let Spread::Always(span) = spread {
        return span.micros();
    }
    let mut chance = Chance::of(0, "link", "middle");
    let mut drawn: Vec<u64> = (0..DRAWS).map(|_| chance.span(spread)).collect();
    drawn.sort_unstable();
    drawn[DRAWS / 2]
}
