//! A member that was put back from a copy, and what the others do for it. [FED-17]

use super::promises::{Copied, Proven, Rules};
use super::reasons::Unsaid;
use super::sealing::Sealing;
use super::wire::Report;
use crate::crypto::SigningKey;
use crate::limits;
use crate::statement::{Signed, Unverified};

impl<R: Rules> Sealing<R> {
    /// Begins to ask the others; reports count that bring this nonce. Gives the round that they are to go on to.
    pub fn ask(&mut self, nonce: [u8; 16]) -> Option<Option<u32>> {
        let copied = self.promises.copy?;
        self.nonce = Some(nonce);
        self.reports.clear();
        Some(match copied {
            Copied::Asking => None,
            Copied::Joining(round) => Some(round),
        })
    }

    /// How far this member is, for one that asks from a place; it goes on to the round that was named, once for each that
    /// asks, no further than three, and not to one in which the asker speaks.
    pub fn report(
        &mut self,
        nonce: [u8; 16],
        asker: u16,
        go_on_to: Option<u32>,
        key: &SigningKey,
    ) -> Option<Signed<Report>> {
        let place = self.place?;
        if let Some(round) = go_on_to
            && self.promises.copy.is_none()
            && round <= self.promises.round.saturating_add(limits::HURRY_ROUNDS_MAX + 1)
            // Nobody hurries the others on to where it speaks itself: it would have to be waited for.
            && self.view.speaker(round) != asker
            && self.hurried.insert(asker)
        {
            self.hurry_to = self.hurry_to.max(round);
        }
        if self.promises.copy.is_some() {
            return None;
        }
        let report = Report {
            view: self.view.id(),
            place,
            nonce,
            round: self.promises.round,
            left: self.left.clone(),
            change: self
                .newest
                .as_ref()
                .and_then(|newest| self.changes.get(&newest.successor).cloned()),
            certificate: self.newest.clone(),
        };
        Some(Signed::sign(report, key))
    }

    /// Takes in a report; gives whether the member went a step further.
    ///
    /// # Errors
    /// [`Unsaid`].
    pub fn hear_report(&mut self, report: Unverified<Report>) -> Result<bool, Unsaid> {
        let claims = report.claims();
        if claims.view != self.view.id() || self.nonce != Some(claims.nonce) {
            return Err(Unsaid::OtherView);
        }
        if Some(claims.place) == self.place {
            return Err(Unsaid::NotMember);
        }
        let key = self.view.key_at(claims.place).ok_or(Unsaid::NotMember)?;
        report.check(&key).map_err(|_| Unsaid::BadSignature)?;
        match &claims.left {
            Some(left) if left.round.checked_add(1) == Some(claims.round) => {
                self.view.check_left(left)?;
            }
            None if claims.round == 0 => {}
            _ => return Err(Unsaid::OtherRound),
        }
        let mut proven = None;
        if let Some(certificate) = &claims.certificate {
            self.view.check_certificate(certificate)?;
            let change = claims.change.clone().ok_or(Unsaid::BadCertificate)?;
            if self.view.successor(&change)?.id() != certificate.successor {
                return Err(Unsaid::BadCertificate);
            }
            self.changes.insert(certificate.successor, change);
            self.saw(certificate.clone());
            proven = Some(Proven { round: certificate.round, successor: certificate.successor });
        }
        self.reports.insert(claims.place, (claims.round, proven));
        Ok(self.copied_step())
    }

    /// Where no others are needed, one that was put back has nobody to ask: the operator must know. [FED-17]
    pub(super) fn join_alone(&mut self) {
        if self.promises.copy.is_some() && self.view.numbers().told() == 0 {
            self.copied_step();
            self.copied_step();
        }
    }

    /// Goes on with what others reported.
    fn copied_step(&mut self) -> bool {
        let numbers = self.view.numbers();
        let told: Vec<_> = self.reports.values().copied().collect();
        let rounds: Vec<u32> = told.iter().map(|(round, _)| *round).collect();
        let went = match self.promises.copy {
            Some(Copied::Asking) => {
                let told = self.promises.told_rounds(numbers, &rounds);
                // It helps the others to get there: nexts are all that it signs.
                if let Some(Copied::Joining(round)) = self.promises.copy {
                    let round = match self.place == Some(self.view.speaker(round)) {
                        true => self.promises.join_later(),
                        false => round,
                    };
                    self.hurry_to = self.hurry_to.max(round);
                }
                told
            }
            Some(Copied::Joining(_)) => self.promises.join(numbers, &told),
            None => false,
        };
        if went {
            (self.nonce, self.since) = (None, None);
            self.reports.clear();
        }
        went
    }
}
