//! What front doors ask to see: nothing. How an enrolment stands, the patient's view says
//! ([`crate::custody::view::PatientView`]).

use super::Machine;
use crate::turn::{EachQuestion, Questions};

impl Questions for Machine {
    fn each(_: &mut impl EachQuestion) {}
}
