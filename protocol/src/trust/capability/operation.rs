//! What a permission permits, and what for.

use crate::codec::{DecodeError, Decoder, Encoder, Wire, wire_code};
use core::{fmt, marker::PhantomData};

wire_code! {
    /// What a holder is asked to do.
    pub enum Operation {
        /// Hand out sealed entries.
        1 => Read,
        /// Take what the grantee adds to the record.
        2 => Write,
        /// Keep sealed objects for the patient.
        3 => Keep,
        /// Stop keeping them, and delete what nobody else has it keep.
        4 => Release,
        /// Take a referral of the patient.
        5 => Refer,
    }
}

impl Operation {
    /// The operation in plain words, after "It permits to".
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "add to the record",
            Self::Keep => "keep sealed copies",
            Self::Release => "delete kept copies",
            Self::Refer => "refer the patient",
        }
    }
}

/// A set of operations; travels as an array of codes in ascending order.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Operations(u16);

impl Operations {
    /// The set of `operations`.
    #[must_use]
    pub fn of(operations: &[Operation]) -> Self {
        Self(operations.iter().fold(0, |set, operation| set | 1 << operation.code()))
    }

    /// Whether the set has `operation`.
    #[must_use]
    pub const fn contains(self, operation: Operation) -> bool {
        self.0 & 1 << operation.code() != 0
    }

    /// Whether all of this set is in `other`.
    #[must_use]
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The operations in the order of their codes.
    pub fn iter(self) -> impl Iterator<Item = Operation> {
        Operation::ALL.iter().copied().filter(move |operation| self.contains(*operation))
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Wire for Operations {
    fn encode(&self, e: &mut Encoder) {
        e.array(self.iter().count());
        for operation in self.iter() {
            operation.encode(e);
        }
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let len = d.array()?;
        if len == 0 {
            return Err(DecodeError::Invalid("a permission without operations"));
        }
        if len > Operation::ALL.len() {
            return Err(DecodeError::TooMany {
                what: "operations",
                found: len as u64,
                limit: Operation::ALL.len() as u64,
            });
        }
        let mut set = Self::default();
        for _ in 0..len {
            let operation = Operation::decode(d)?;
            if set.0 >> operation.code() != 0 {
                return Err(DecodeError::Invalid("operations are not in ascending order"));
            }
            set.0 |= 1 << operation.code();
        }
        d.leave();
        Ok(set)
    }
}

wire_code! {
    /// The purpose of use. Names and meanings are those of HL7 v3 PurposeOfUse
    /// (<https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html>).
    pub enum Purpose {
        /// TREAT.
        1 => Treatment,
        /// ETREAT.
        2 => EmergencyTreatment,
        /// CAREMGT: coordinating care, a referral among it.
        3 => CareManagement,
        /// PATRQT: because the patient asked for it.
        4 => PatientRequested,
        /// RECORDMGT: keeping and restoring records, backup among it.
        5 => RecordsManagement,
        /// HPAYMT.
        6 => Payment,
        /// HRESCH.
        7 => Research,
        /// PUBHLTH.
        8 => PublicHealth,
    }
}

impl Purpose {
    /// HL7's code.
    #[must_use]
    pub const fn hl7(self) -> &'static str {
        match self {
            Self::Treatment => "TREAT",
            Self::EmergencyTreatment => "ETREAT",
            Self::CareManagement => "CAREMGT",
            Self::PatientRequested => "PATRQT",
            Self::RecordsManagement => "RECORDMGT",
            Self::Payment => "HPAYMT",
            Self::Research => "HRESCH",
            Self::PublicHealth => "PUBHLTH",
        }
    }

    /// The purpose in plain words, after "It is for".
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Treatment => "treatment",
            Self::EmergencyTreatment => "emergency treatment",
            Self::CareManagement => "coordinating care",
            Self::PatientRequested => "what the patient asked for",
            Self::RecordsManagement => "keeping and restoring records",
            Self::Payment => "payment",
            Self::Research => "research",
            Self::PublicHealth => "public health",
        }
    }
}

mod sealed {
    pub trait Sealed {}
}

/// An operation as a type, so that a permission to do one thing cannot pass for another.
pub trait Permitted: sealed::Sealed {
    /// The operation.
    const OPERATION: Operation;
}

macro_rules! permitted {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $name(PhantomData<()>);
        impl sealed::Sealed for $name {}
        impl Permitted for $name {
            const OPERATION: Operation = Operation::$name;
        }
    )*};
}

permitted!(
    /// [`Operation::Read`] as a type.
    Read,
    /// [`Operation::Write`] as a type.
    Write,
    /// [`Operation::Keep`] as a type.
    Keep,
    /// [`Operation::Release`] as a type.
    Release,
    /// [`Operation::Refer`] as a type.
    Refer
);
