//! The cases of how old the news of revocations is: by the patient's word, by the relay's, and for whom that matters.

use super::*;

/// A permission of sixty days ago.
pub(super) fn long_ago(max_staleness: Option<u64>) -> Token {
    Token { issued: NOW - 60 * DAY, max_staleness, ..root() }
}

pub(super) fn good_news() -> Vec<Case> {
    vec![
        Case::one(
            "signed-a-day-ago",
            "no news at all, and the patient's own word is not older",
            root(),
        )
        .with(|case| case.revocation_states.clear()),
        Case::one(
            "fresh-by-the-relay",
            "an old state, and the relay says that it is the newest",
            long_ago(Some(DAY)),
        )
        .with(|case| {
            let old = state(1, NOW - 60 * DAY, 0, &[]);
            case.freshness = freshness(RELAY, &old, NOW - DAY);
            case.revocation_states = states(&[old]);
        }),
        Case::one(
            "seven-days-for-others",
            "news of exactly seven days ago, by whoever does not treat",
            long_ago(None),
        )
        .with(|case| case.revocation_states = states(&[state(1, NOW - 7 * DAY, 0, &[])])),
        Case::one("old-news-of-who-treats", "no news for sixty days", long_ago(None)).with(
            |case| {
                case.revocation_states.clear();
                case.treats = treats(HOSPITAL_B, None, PATIENT);
            },
        ),
    ]
}

pub(super) fn bad_news() -> Vec<(Case, Reason)> {
    vec![
        (
            Case::one(
                "stale-for-others",
                "seven days and a second, and nobody says that it treats",
                long_ago(None),
            )
            .with(|case| case.revocation_states = states(&[state(1, NOW - 7 * DAY - 1, 0, &[])])),
            Reason::StaleRevocations,
        ),
        (
            Case::one(
                "strict-with-who-treats",
                "it treats the patient, who chose a day",
                long_ago(Some(DAY)),
            )
            .with(|case| {
                case.revocation_states.clear();
                case.treats = treats(HOSPITAL_B, None, PATIENT);
            }),
            Reason::StaleRevocations,
        ),
        (
            Case::one("another-treats", "the patient's word is about hospital C", long_ago(None))
                .with(|case| {
                    case.revocation_states.clear();
                    case.treats = treats(HOSPITAL_C, None, PATIENT);
                }),
            Reason::StaleRevocations,
        ),
        (
            Case::one("treated-until-now", "the time for which it treats is over", long_ago(None))
                .with(|case| {
                    case.revocation_states.clear();
                    case.treats = treats(HOSPITAL_B, Some(NOW), PATIENT);
                }),
            Reason::StaleRevocations,
        ),
        (
            Case::one("treats-by-its-own-word", "signed by hospital B itself", long_ago(None))
                .with(|case| {
                    case.revocation_states.clear();
                    case.treats = treats(HOSPITAL_B, None, HOSPITAL_B);
                }),
            Reason::StaleRevocations,
        ),
        (
            Case::one(
                "fresh-by-another-relay",
                "one that the key ring does not name",
                long_ago(Some(DAY)),
            )
            .with(|case| {
                let old = state(1, NOW - 60 * DAY, 0, &[]);
                case.freshness = freshness(STRANGER, &old, NOW);
                case.revocation_states = states(&[old]);
            }),
            Reason::StaleRevocations,
        ),
        (
            Case::one(
                "fresh-of-an-older-state",
                "the relay spoke of the state before",
                long_ago(Some(DAY)),
            )
            .with(|case| {
                let old = [state(1, NOW - 60 * DAY, 0, &[]), state(2, NOW - 2 * DAY, 0, &[])];
                case.freshness = freshness(RELAY, &old[0], NOW);
                case.revocation_states = states(&old);
            }),
            Reason::StaleRevocations,
        ),
        (
            Case::one(
                "fresh-from-the-future",
                "the relay's word is dated 121 s ahead",
                long_ago(Some(DAY)),
            )
            .with(|case| {
                let old = state(1, NOW - 60 * DAY, 0, &[]);
                case.freshness = freshness(RELAY, &old, NOW + 121);
                case.revocation_states = states(&[old]);
            }),
            Reason::StaleRevocations,
        ),
    ]
}
