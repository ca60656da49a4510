//! How many it takes, by how many there are.

/// How many members a view has, and how many sponsors it asks for: everything else follows. [FED-3]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Numbers {
    /// n, members.
    pub members: usize,
    /// k, the threshold.
    pub threshold: usize,
}

impl Numbers {
    /// f: dishonest members that the view withstands.
    #[must_use]
    pub const fn faults(self) -> usize {
        let third = self.members.saturating_sub(1) / 3;
        if self.threshold <= third { self.threshold - 1 } else { third }
    }

    /// q: members whose signatures end a round. Any two quorums have f + 1 members in common, one of them honest;
    /// and the honest ones alone are one.
    #[must_use]
    pub const fn quorum(self) -> usize {
        usize::midpoint(self.members, self.faults()) + 1
    }

    /// Sponsors that an admission takes: more than there are dishonest members.
    #[must_use]
    pub const fn sponsors(self) -> usize {
        if self.threshold < self.members { self.threshold } else { self.members }
    }

    /// Votes that an expulsion takes, of the members without the one concerned: a majority of the honest, whatever
    /// the others do.
    #[must_use]
    pub const fn votes(self) -> usize {
        usize::midpoint(self.members.saturating_sub(1), self.faults()) + 1
    }

    /// Others from whom a member that was put back from a copy hears how far they are. [FED-17]
    #[must_use]
    pub const fn told(self) -> usize {
        let (others, quorum) = (self.members.saturating_sub(1), self.quorum());
        if quorum < others { quorum } else { others }
    }
}
