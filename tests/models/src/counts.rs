//! How many it takes, with one number wrong at a time.

use chartmesh_protocol::membership::Numbers;

/// The numbers of a view, as they are or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// As nodes count.
    Kept,
    /// A quorum is more than half, whatever the liars.
    BareMajority,
    /// A quorum is more than two thirds.
    TwoThirds,
    /// One sponsor admits.
    OneSponsor,
    /// As many votes expel as sponsors admit.
    SponsorsExpel,
    /// Half of the votes and one expel, whatever the liars.
    HalfOfTheVotes,
}

impl Counts {
    /// q.
    #[must_use]
    pub const fn quorum(self, numbers: Numbers) -> usize {
        match self {
            Self::BareMajority => numbers.members / 2 + 1,
            Self::TwoThirds => 2 * numbers.members / 3 + 2,
            _ => numbers.quorum(),
        }
    }

    /// Sponsors that admit.
    #[must_use]
    pub const fn sponsors(self, numbers: Numbers) -> usize {
        match self {
            Self::OneSponsor => 1,
            _ => numbers.sponsors(),
        }
    }

    /// Votes that expel.
    #[must_use]
    pub const fn votes(self, numbers: Numbers) -> usize {
        match self {
            Self::SponsorsExpel => numbers.threshold,
            Self::HalfOfTheVotes => (numbers.members - 1) / 2 + 1,
            _ => numbers.votes(),
        }
    }
}

/// What the numbers are for, over all views up to `members_max` members; the first that fails.
#[must_use]
pub fn wrong(counts: Counts, members_max: usize) -> Option<String> {
    let views = (1..=members_max)
        .flat_map(|members| (2..=16).map(move |threshold| Numbers { members, threshold }));
    views.into_iter().find_map(|numbers| {
        let why = wrong_in(counts, numbers)?;
        Some(format!("{} members, threshold {}: {why}", numbers.members, numbers.threshold))
    })
}

fn wrong_in(counts: Counts, numbers: Numbers) -> Option<&'static str> {
    let (n, f, q) = (numbers.members, numbers.faults(), counts.quorum(numbers));
    let (sponsors, votes, voters) = (counts.sponsors(numbers), counts.votes(numbers), n - 1);
    let claims = [
        (2 * q > n + f, "two quorums share no honest member"),
        (q + f <= n, "f silent members stop the view"),
        (sponsors > f, "dishonest members admit alone"),
        (
            n == 1 || 2 * votes > voters + f,
            "an honest member is expelled without a majority of the honest",
        ),
        (n < 3 || votes <= q, "those who can seal cannot expel a member that is dead"),
        (
            n < 3 || votes + if f == 0 { 1 } else { f } <= n,
            "honest members cannot expel a dishonest one",
        ),
    ];
    claims.into_iter().find(|(holds, _)| !holds).map(|(_, why)| why)
}
