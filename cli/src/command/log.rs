//! Who saw what.

use chartmesh_protocol::access_log::command::Collect;
use chartmesh_protocol::access_log::view::{LineView, LogView, PutBackLogView, ShownView};
use chartmesh_protocol::access_log::{Action, Line};
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::limits::LISTED_MAX;
use chartmesh_protocol::naming::quoted;
use chartmesh_protocol::peer::{Part, ask};
use chartmesh_protocol::reason::ENGLISH;
use chartmesh_protocol::refusal::Refusal;
use serde_json::json;

use super::wish::purpose_name;
use crate::context::Context;
use crate::exit::{Exit, Failure, Outcome};
use crate::node::{Node, id};
use crate::output::{self, Cell, Output, Style, faint, row, time};

/// Show who saw what of a record, for what, and whether the log holds
///
/// A relay also compares each holder's log with what readers were shown of it; exit code 8 when a log
/// does not hold.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chartmesh log \"Sato Aiko\" --collect")]
pub(crate) struct Args {
    /// The patient or chart
    subject: String,
    /// At a relay: have every holder send its log first; what is late shows the next time
    #[arg(long)]
    collect: bool,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let node = context.node()?;
        let subject = node.subject(&self.subject).await?;
        if self.collect {
            node.require(Role::Patient, "a patient relay collects what holders logged").await?;
            node.command(Collect { patient: id(&subject)? }, None).await?;
            node.out.note("the holders were asked; this shows what has come so far");
        }
        let logs = logs(&node, id(&subject)?).await?;
        node.out.answer(&json!(logs), |out| logs.iter().for_each(|log| show(out, log)));
        match logs.iter().find(|log| !log.verified) {
            None => Ok(()),
            Some(log) => Err(Failure::new(
                Exit::NotAuthentic,
                format!("the log of {} does not hold", log.holder_name),
            )
            .next("ask that institution; a later copy that holds again does not explain this one")),
        }
    }
}

/// This node's log in full, and those that a relay collected.
pub(super) async fn logs(node: &Node, subject: PartyId) -> Outcome<Vec<LogView>> {
    let mut query = ask::AccessLog::of(subject);
    query.part.limit = Some(LISTED_MAX);
    let mut own = node.query(query.clone()).await?;
    while let Some(next) = own.next.take() {
        query.part.after = Some(next);
        let page = node.query(query.clone()).await?;
        own.lines.extend(page.lines);
        (own.next, own.length, own.at) = (page.next, page.length, page.at);
        own.verified &= page.verified;
        own.problem = own.problem.or(page.problem);
    }
    let mut all = vec![own];
    if node.status().await?.role == Role::Patient {
        for mut log in node.query(ask::CollectedLogs { patient: subject }).await? {
            let (patient, holder, part) = (subject, log.holder, Part::default());
            log.lines = node.all(ask::CollectedLines { patient, holder, part }).await?;
            all.push(log);
        }
    }
    Ok(all)
}

fn show(out: &Output, log: &LogView) {
    let word = match (log.problem_in_words(&ENGLISH), log.verified) {
        (Some(problem), _) => format!("does not hold: {problem}"),
        (None, true) => "verified".to_owned(),
        (None, false) => "not verified".to_owned(),
    };
    let style = if log.verified { Style::Strong } else { Style::Bad };
    out.styled(
        format!(
            "Log of {}: {} of {} lines, {word}, as of {}",
            log.holder_name,
            log.lines.iter().filter(|line| !line.lost).count(),
            log.length,
            log.at.utc_text()
        ),
        style,
    );
    log.put_back.iter().for_each(|back| show_put_back(out, back));
    show_heads(out, log);
    let lines = if out.for_a_person() { folded(&log.lines) } else { log.lines.clone() };
    let rows: Vec<_> = lines.iter().map(|line| row_of(line, log.subject)).collect();
    let heads = ["WHEN (UTC)", "WHAT", "BY", "PERSON", "FOR", "ENTRIES", "TOKEN", "REMARK"];
    out.table(&heads, &rows, "  nothing is logged");
}

/// That it was put back, as it says, and what that left.
fn show_put_back(out: &Output, back: &PutBackLogView) {
    let PutBackLogView { noticed, after, lost, problem } = back;
    let left = match (problem, lost) {
        (Some(_), _) => "and what it goes on behind is not what it gave you".to_owned(),
        (None, 0) => "nothing that you have is missing there".to_owned(),
        (None, lost) => format!(
            "{} lost there, known from here",
            lines(usize::try_from(*lost).unwrap_or(usize::MAX))
        ),
    };
    let style = if problem.is_some() { Style::Bad } else { Style::Plain };
    let (noticed, seq) = (noticed.utc_text(), after.seq);
    out.styled(
        format!("  its store was put back, as it noticed at {noticed}: it goes on behind line {seq}; {left}"),
        style,
    );
}

/// What readers say they were shown of it.
fn show_heads(out: &Output, log: &LogView) {
    let of = |agrees| log.shown.iter().filter(move |shown| shown.agrees == agrees);
    for shown in of(Some(false)) {
        let ShownView { reader_name, seq, at, .. } = shown;
        let line =
            format!("  line {seq} as {reader_name} was shown it at {} is not in it", at.utc_text());
        out.styled(line, Style::Bad);
    }
    if let agreeing @ 1.. = of(Some(true)).count() {
        out.line(format!("  {} shown to readers: in it", lines(agreeing)));
    }
    for shown in log.shown.iter().filter(|shown| shown.lost) {
        let ShownView { reader_name, seq, at, .. } = shown;
        let line = format!(
            "  line {seq} as {reader_name} was shown it at {} was lost there, as it says, before you collected it",
            at.utc_text()
        );
        out.styled(line, Style::Bad);
    }
    if let waiting @ 1.. = of(None).filter(|shown| !shown.lost).count() {
        out.line(format!(
            "  {} shown to readers since then: collect again to compare",
            lines(waiting)
        ));
    }
}

fn lines(count: usize) -> String {
    if count == 1 { "1 line".to_owned() } else { format!("{count} lines") }
}

fn row_of(view: &LineView, patient: PartyId) -> Vec<Cell> {
    let line = &view.line;
    let refused = matches!(
        line.action,
        Action::ReadRefused | Action::KeepRefused | Action::DeleteRefused | Action::Denied
    );
    let style = if refused { Style::Bad } else { Style::Plain };
    let entries = match &line.entries[..] {
        [one] if line.count == 1 => output::id(one),
        _ if line.count == 0 => faint(""),
        _ => line.count.to_string().into(),
    };
    let by = if line.by == patient { "the patient" } else { view.by_name.as_str() };
    row![
        time(line.at),
        Cell::new(action(line.action), style),
        match &view.through_names[..] {
            [] => by.to_owned(),
            through => format!("{by} (passed on by {})", through.join(", then ")),
        },
        line.user.as_deref().map(quoted).unwrap_or_default(),
        line.purpose.map(purpose_name).unwrap_or_default(),
        entries,
        line.token.map_or_else(|| faint(""), output::id),
        why_not(view),
    ]
}

fn why_not(view: &LineView) -> String {
    let line = &view.line;
    let begins = line.begins.map(|_| "the first since its store was put back".to_owned());
    let last = line.last.map(|_| "further refusals of this day are not listed".to_owned());
    let news = line.news.map(|news| format!("by news of {}", news.date_text()));
    let lost = view.lost.then(|| "lost there".to_owned());
    let parts = [line.reason.as_ref().map(Refusal::name), last, news, begins, lost];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Lines of one act, such as an export that opened every entry, as one.
fn folded(lines: &[LineView]) -> Vec<LineView> {
    /// How long apart such lines may stand.
    const APART_MS: u64 = 60_000;
    let alike = |a: &LineView, b: &LineView| {
        let same_part = (a.volume, a.lost) == (b.volume, b.lost);
        let (a, b) = (&a.line, &b.line);
        let what = |line: &Line| (line.action, line.by, line.purpose, line.token);
        what(a) == what(b)
            && (&a.user, &a.reason) == (&b.user, &b.reason)
            && b.at.since(a.at) < APART_MS
            && a.count > 0
            && b.count > 0
            && same_part
    };
    let mut folded: Vec<LineView> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        match folded.last_mut() {
            Some(last) if alike(&lines[index - 1], line) => last.line.count += line.line.count,
            _ => folded.push(line.clone()),
        }
    }
    folded
}

/// What was done, in a word or two.
pub(super) const fn action(action: Action) -> &'static str {
    match action {
        Action::Recorded => "recorded",
        Action::Read => "read",
        Action::Opened => "opened",
        Action::Kept => "taken into keeping",
        Action::ReadRefused => "reading refused",
        Action::KeepRefused => "keeping refused",
        Action::Granted => "permitted",
        Action::Denied => "denied",
        Action::Revoked => "revoked",
        Action::Deleted => "deleted",
        Action::Exported => "exported",
        Action::Rotated => "keys rotated",
        Action::DeleteRefused => "deletion refused",
        Action::PassedOn => "passed on to",
        Action::Misfiled => "taken out: misfiled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seq: u64, action: &str, at: u64, count: u64) -> LineView {
        serde_json::from_value(json!({
            "by_name": "A", "seq": seq, "at": at, "action": action, "by": "11".repeat(32),
            "user": "Aiko", "purpose": null, "entries": [], "count": count, "token": null,
            "reason": null, "salt": vec![0; 16], "before": vec![0; 32],
        }))
        .unwrap()
    }

    #[test]
    fn what_one_act_did_to_many_entries_is_one_line_for_a_person() {
        let lines = [
            line(1, "opened", 0, 1),
            line(2, "exported", 10, 1),
            line(3, "exported", 20, 1),
            line(4, "exported", 90_000, 1),
            line(5, "granted", 90_001, 0),
            line(6, "granted", 90_002, 0),
        ];
        let counts: Vec<u64> = folded(&lines).iter().map(|view| view.line.count).collect();
        assert_eq!(counts, [1, 2, 1, 0, 0]);
    }

    #[test]
    fn a_person_in_the_log_is_told_from_what_the_program_says() {
        let shown = row_of(&line(1, "opened", 0, 1), PartyId([0; 32]));
        assert_eq!(shown[3].text, "\u{201c}Aiko\u{201d}");
    }

    use chartmesh_protocol::peer::Command;

    #[test]
    fn the_protocol_understands_the_command() {
        let command = json!({"access-log": {"collect": {"patient": "cd".repeat(32)}}});
        serde_json::from_value::<Command>(command).unwrap();
    }
}
