use super::*;

#[test]
fn the_numbers_hold_what_they_are_for_in_every_view() {
    for members in 1..=limits::VIEW_MEMBERS_MAX {
        for threshold in 2..=16 {
            let numbers = Numbers { members, threshold };
            let (f, q) = (numbers.faults(), numbers.quorum());
            assert!(2 * q - members > f, "{numbers:?}: two quorums share an honest member");
            assert!(q <= members - f, "{numbers:?}: f silent members stop nothing");
            assert!(numbers.sponsors() > f, "{numbers:?}: dishonest members admit nobody alone");
            let (voters, votes) = (members - 1, numbers.votes());
            assert!(2 * (votes - f) > voters - f, "{numbers:?}: a majority of the honest expels");
            if members > 2 {
                assert!(votes <= q, "{numbers:?}: those who can seal can expel whoever is dead");
                assert!(votes <= members - f.max(1), "{numbers:?}: the honest expel a liar");
            }
            // A member that was put back hears of whatever quorum left a round with its help.
            assert!(numbers.told() + q > members.saturating_sub(1) + f || members == 1);
        }
    }
}

#[test]
fn small_federations_take_what_the_table_of_the_specification_says() {
    let of = |members| {
        let numbers = Numbers { members, threshold: 2 };
        (numbers.faults(), numbers.quorum(), numbers.votes())
    };
    assert_eq!(
        [2, 3, 4, 5, 7, 40].map(of),
        [(0, 2, 1), (0, 2, 2), (1, 3, 3), (1, 4, 3), (1, 5, 4), (1, 21, 21)]
    );
    assert_eq!(Numbers { members: 1, threshold: 2 }.quorum(), 1);
}
