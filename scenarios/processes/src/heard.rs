//! What the nodes tell, by their front doors and their logs: handed on to the people and the measures.

use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::refusal::{Refusal, RefusalCode};
use chartmesh_scenarios::result::{NOBODY, TraceKind};
use chartmesh_scenarios::tier::message_id;
use chartmesh_scenarios::tier::people::People;

use crate::command::answer_of;
use crate::measures::{Concluded, Handled};
use crate::town::{Answered, Town};
use crate::trail::{Message, Told, What};

/// A front door answered.
pub(crate) fn answered(answered: Answered, people: &mut People<'_>, town: &mut Town) {
    let Answered { tag, at, name, when_us, answer } = answered;
    town.moment_us = when_us;
    let at_us = town.since_begin(when_us);
    let end = if answer.is_ok() { "done" } else { "refused" };
    town.trace(TraceKind::Answered, when_us, (at, NOBODY), |row| {
        (row.what, row.id, row.end) = (name, tag, end);
    });
    if let (
        "consent.download" | "consent.referral" | "consent.fetch" | "consent.approve",
        Ok(answer),
    ) = (name, &answer)
        && let Ok(request) = serde_json::from_value::<RequestView>(answer.clone())
    {
        match name {
            "consent.fetch" => town.measures.reads(request.request, at_us, at),
            "consent.approve" => {
                town.given.entry(request.request).or_default().extend(request.tokens);
            }
            _ => town.measures.asks(request.request, at_us, at),
        }
    }
    let answer = answer.and_then(|answer| {
        answer_of(name, answer).map_err(|_| Refusal::unlisted(RefusalCode::WrongState))
    });
    people.answered(tag, at, answer, town);
}

/// A log told of a message.
pub(crate) fn trail(told: Told, people: &mut People<'_>, town: &mut Town) {
    let Told { at, when_us, what } = told;
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    town.moment_us = when_us;
    match what {
        What::Leaves { to, number, bytes } => {
            *town.left.entry((at, to, number)).or_default() += bytes;
        }
        What::Handled { message, name, since_ms, about, patient, answer, end } => {
            let name = town.names.of(&name);
            let end = town.names.of(&end);
            let Some(from) = town.by_id.get(&message.0).copied() else { return };
            if town.courses.get(&message).is_some_and(|course| course.handled.is_some()) {
                // Sent again: what became of it was told before.
                return;
            }
            let id = message_id(message.1, message.2);
            let to = town.nodes[at as usize].id;
            let bytes = town.left.remove(&(from, to, message.2)).unwrap_or_default();
            town.measures.leaves(name, bytes);
            town.trace(TraceKind::Received, when_us, (at, from), |row| {
                (row.what, row.id, row.bytes, row.end) = (name, id, bytes, end);
                row.patient = patient.unwrap_or(0);
            });
            let handled = Handled {
                name,
                at,
                when_us: town.since_begin(when_us),
                about,
                patient,
                done: end == "done",
                given: &town.given,
            };
            town.measures.handled(&handled, answer);
            let course = town.courses.entry(message).or_default();
            course.handled = Some((name, since_ms * 1000, about));
            if let Some((when_us, end)) = course.concluded.take() {
                conclude(town, &message, when_us, &end);
            }
            people.received(at, name, patient.unwrap_or(0), about, town);
        }
        What::Concluded { message, end } => conclude(town, &message, when_us, &end),
        // Whoever drives the run looks after that.
        What::Ended => {}
    }
}

/// What became of a message is known to its sender.
fn conclude(town: &mut Town, message: &Message, when_us: u64, end: &str) {
    let Some(from) = town.by_id.get(&message.0).copied() else { return };
    let course = town.courses.entry(*message).or_default();
    let Some((name, since_us, about)) = course.handled else {
        course.concluded = Some((when_us, end.to_owned()));
        return;
    };
    let (end, id) = (town.names.of(end), message_id(message.1, message.2));
    town.trace(TraceKind::Concluded, when_us, (from, NOBODY), |row| {
        (row.what, row.id, row.end) = (name, id, end);
    });
    let concluded = Concluded {
        name,
        from,
        since_us: town.since_begin(since_us),
        when_us: town.since_begin(when_us),
        about,
        refused: end == "refused",
    };
    // What was on its way when the scenario began belongs to the setting up.
    if since_us >= town.begin_us {
        town.measures.concluded(&concluded);
    }
}
