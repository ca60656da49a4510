//! The bytes of requests and refusals.

use chartmesh_protocol::id::{ObjectId, TicketId};

use crate::object_store::tree::GROUP;

/// The version spoken.
const VERSION: u8 = 1;
/// Length of a request of this version after the length itself.
const REQUEST: usize = 57;

/// What a peer asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) ticket: TicketId,
    pub(super) object: ObjectId,
    pub(super) start: u64,
}

impl Request {
    pub(super) fn encode(&self) -> [u8; 2 + REQUEST] {
        let mut bytes = [0; 2 + REQUEST];
        bytes[1] = 57;
        bytes[2] = VERSION;
        bytes[3..19].copy_from_slice(self.ticket.as_bytes());
        bytes[19..51].copy_from_slice(self.object.as_bytes());
        bytes[51..].copy_from_slice(&self.start.to_be_bytes());
        bytes
    }

    /// Reads what follows the length.
    pub(super) fn decode(body: &[u8]) -> Result<Self, RefusalCode> {
        if body.first().is_none_or(|version| *version != VERSION) {
            return Err(RefusalCode::Version);
        }
        let body: &[u8; REQUEST] = body.try_into().map_err(|_| RefusalCode::BadRequest)?;
        let mut start = [0; 8];
        start.copy_from_slice(&body[49..]);
        let start = u64::from_be_bytes(start);
        if !start.is_multiple_of(GROUP) {
            return Err(RefusalCode::BadStart);
        }
        Ok(Self {
            ticket: TicketId::from_slice(&body[1..17]).ok_or(RefusalCode::BadRequest)?,
            object: ObjectId::from_slice(&body[17..49]).ok_or(RefusalCode::BadRequest)?,
            start,
        })
    }
}

/// Why an object is not sent, or not further. Says no more than any peer may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusalCode {
    /// 1: the ticket does not permit it, never did, or does not any more.
    #[error("the ticket does not permit it")]
    NotPermitted,
    /// 2: permitted, and not here.
    #[error("the object is not there")]
    NotHere,
    /// 3: the request cannot be read.
    #[error("the request cannot be read")]
    BadRequest,
    /// 4: the start is not a multiple of 16 KiB below the length.
    #[error("the object cannot be sent from there")]
    BadStart,
    /// 5: another version of this protocol.
    #[error("the version is not spoken there")]
    Version,
    /// 6: the sender's own trouble, such as its disk; asking again later may help.
    #[error("the sender has trouble of its own")]
    Failed,
    /// 7: too many transfers; asking again later helps.
    #[error("the sender has too much to do")]
    Busy,
    /// A code of a later version.
    #[error("refused with code {0}")]
    Other(u16),
}

impl RefusalCode {
    /// The code on the wire; never 0, which means that there is no refusal.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::NotPermitted => 1,
            Self::NotHere => 2,
            Self::BadRequest => 3,
            Self::BadStart => 4,
            Self::Version => 5,
            Self::Failed => 6,
            Self::Busy => 7,
            Self::Other(code) => code.max(8),
        }
    }

    /// The refusal with this code; `None` for 0.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        Some(match code {
            0 => return None,
            1 => Self::NotPermitted,
            2 => Self::NotHere,
            3 => Self::BadRequest,
            4 => Self::BadStart,
            5 => Self::Version,
            6 => Self::Failed,
            7 => Self::Busy,
            other => Self::Other(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_request_is_read_as_it_was_written(
            ticket: [u8; 16], object: [u8; 32], group in 0..u64::MAX / GROUP
        ) {
            let start = group * GROUP;
            let (ticket, object) = (TicketId(ticket), ObjectId(object));
            let request = Request { ticket, object, start };
            let bytes = request.encode();
            prop_assert_eq!(usize::from(u16::from_be_bytes([bytes[0], bytes[1]])), bytes.len() - 2);
            prop_assert_eq!(Request::decode(&bytes[2..]), Ok(request));
        }

        #[test]
        fn any_bytes_are_a_request_that_encodes_to_them_or_refused(
            body in proptest::collection::vec(any::<u8>(), 0..80)
        ) {
            if let Ok(request) = Request::decode(&body) {
                prop_assert_eq!(&request.encode()[2..], &body[..]);
            }
        }

        #[test]
        fn every_code_but_zero_is_a_refusal_and_comes_back(code: u16) {
            prop_assert_eq!(RefusalCode::from_code(code).map_or(0, RefusalCode::code), code);
        }
    }

    #[test]
    fn requests_of_wrong_version_length_or_start_are_told_apart() {
        let request = Request { ticket: TicketId([1; 16]), object: ObjectId([2; 32]), start: 0 };
        let good = request.encode()[2..].to_vec();
        let mut version = good.clone();
        version[0] = 2;
        assert_eq!(Request::decode(&version), Err(RefusalCode::Version));
        assert_eq!(Request::decode(&[]), Err(RefusalCode::Version));
        assert_eq!(Request::decode(&good[..56]), Err(RefusalCode::BadRequest));
        assert_eq!(Request::decode(&[&good[..], &[0]].concat()), Err(RefusalCode::BadRequest));
        let mut start = good;
        start[56] = 1;
        assert_eq!(Request::decode(&start), Err(RefusalCode::BadStart));
    }
}
